"""Which of two events is newer, what was missed between them, and what there is no room for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

import msgspec

from schemas.base import Event

__all__ = ["OLDER", "Latest", "Mark", "Missed", "Room", "judge"]

OLDER = -1
"""The event is the one that is known already, or comes before it."""

Missed = Callable[[str, int, int], None]
"""Told what events are missing of, how many, and when that was noticed."""

_MOST_COUNTED = 10_000


class Mark(msgspec.Struct):
    """The envelope of the newest event of a subject."""

    source: str
    incarnation: int
    sequence: int
    time: int

    @classmethod
    def of(cls, event: Event) -> Mark:
        """Of this event."""
        return cls(event.source, event.incarnation, event.sequence, event.time)

    def move(self, event: Event) -> None:
        """On to this event."""
        self.source, self.incarnation = event.source, event.incarnation
        self.sequence, self.time = event.sequence, event.time


def judge(mark: Mark, event: Event) -> int:
    """How many events of the subject were missed before this one, or OLDER.

    A higher incarnation of the source begins at 1 again, a lower one is dropped. An event without a source is an
    answer's reconstruction, older than any other; of two sources the later one is believed.
    """
    if event.source != mark.source:
        if not event.source:
            return OLDER
        return 0 if not mark.source or event.time > mark.time else OLDER
    if event.incarnation != mark.incarnation:
        return event.sequence - 1 if event.incarnation > mark.incarnation else OLDER
    return event.sequence - mark.sequence - 1 if event.sequence > mark.sequence else OLDER


class Room:
    """Counts the things for which a section has no room. `first` hears of the first one of each section, `changed` of
    every change of the count.
    """

    def __init__(self, first: Callable[[str, int], None], changed: Callable[[], None]) -> None:
        self._first = first
        self._changed = changed
        self._out: dict[str, set[Hashable]] = {}

    def refuse(self, section: str, key: Hashable, received: int) -> None:
        """This has no room."""
        if section not in self._out:
            self._out[section] = set()
            self._first(section, received)
        out = self._out[section]
        if key not in out and len(out) < _MOST_COUNTED:
            out.add(key)
            self._changed()

    def forget(self, section: str, key: Hashable) -> None:
        """It has found room, or is gone."""
        out = self._out.get(section)
        if out and key in out:
            out.remove(key)
            self._changed()

    @property
    def left_out(self) -> int:
        """How many things are left out."""
        return sum(len(out) for out in self._out.values())


class _Row(Protocol):
    missed: int


class Latest:
    """The newest event of each key of a section. `most` keys are kept, what comes beyond has no room.

    `take` says whether an event is to be shown; a gap before one that was heard live is told to `missed`.
    """

    def __init__(self, section: str, most: int, room: Room, missed: Missed) -> None:
        self._section = section
        self._most = most
        self._room = room
        self._missed = missed
        self._marks: dict[Hashable, Mark] = {}

    def take(self, key: Hashable, event: Event, received: int, *, live: bool, row: _Row | None = None) -> bool:
        """Whether this is newer than what is known; then it is what is known. A gap is also counted in `row`."""
        mark = self._marks.get(key)
        if mark is None:
            if len(self._marks) >= self._most:
                self._room.refuse(self._section, key, received)
                return False
            self._room.forget(self._section, key)
            self._marks[key] = Mark.of(event)
            return True
        lost = judge(mark, event)
        if lost == OLDER:
            return False
        mark.move(event)
        if lost and live:
            if row is not None:
                row.missed += lost
            self._missed(f"{self._section} {_text(key)}", lost, received)
        return True

    def mark(self, key: Hashable) -> Mark | None:
        """The newest event's envelope."""
        return self._marks.get(key)

    def drop(self, key: Hashable) -> None:
        """Forget a key."""
        self._marks.pop(key, None)


def _text(key: Hashable) -> str:
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
