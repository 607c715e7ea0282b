"""An actor's mailbox: two lanes, control before data, the data lane bounded.

Results of the actor's own effects (acks, answers, timers) go into the control lane: a flood of data never holds them
up. Nothing is dropped here: `put` says False when the data lane is full, and the caller says so aloud.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import msgspec

from actors.effects import Message

__all__ = ["Entry", "Mailbox"]


class Entry(msgspec.Struct):
    """A message with the bytes it came in. `stamp` overrides the time at which it is handled (simulated timers)."""

    message: Message | None
    data: bytes = b""
    received_us: int = 0
    stamp: int = 0
    tick_at: int = 0
    conflate: str = ""


class Mailbox:
    """First in, first out in each lane."""

    def __init__(self, data_limit: int = 100_000) -> None:
        self._control: deque[Entry] = deque()
        self._data: deque[Entry] = deque()
        self._conflated: dict[str, Entry] = {}
        self._limit = data_limit

    def __len__(self) -> int:
        return len(self._control) + len(self._data)

    def put(self, entry: Entry, lane: Literal["control", "data"]) -> bool:
        """Add at the end of the lane; False when the data lane is full. A conflated entry replaces its waiting one."""
        if entry.conflate:
            waiting = self._conflated.get(entry.conflate)
            if waiting is not None:
                waiting.message, waiting.data, waiting.received_us = entry.message, entry.data, entry.received_us
                return True
        if lane == "data" and len(self._data) >= self._limit:
            return False
        if entry.conflate:
            self._conflated[entry.conflate] = entry
        (self._control if lane == "control" else self._data).append(entry)
        return True

    def take(self) -> Entry | None:
        """The next entry, or None."""
        if self._control:
            entry = self._control.popleft()
        elif self._data:
            entry = self._data.popleft()
        else:
            return None
        if entry.conflate:
            self._conflated.pop(entry.conflate, None)
        return entry

    def put_back(self, entry: Entry) -> None:
        """Put a data entry back in front."""
        self._data.appendleft(entry)

    @property
    def has_control(self) -> bool:
        """Whether the control lane holds something."""
        return bool(self._control)
