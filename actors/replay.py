"""One actor run again from its inbox log: the same messages must give the same effects, byte by byte.

Owns the walk through an inbox log. Where a bus log is at hand, what the actor received and sent is looked up in it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import msgspec
from msgspec import UNSET

from actors.actor import Actor
from actors.cell import Cell, Outgoing
from actors.effects import EventIn, Failed, LinkChanged, Message, ReplyIn, StoredIn, TimerIn
from actors.error_text import error_text
from actors.inboxline import (
    EventTaken,
    FailedTaken,
    Header,
    InboxLine,
    LinkTaken,
    ReplyTaken,
    StartTaken,
    StopTaken,
    StoredTaken,
    Taken,
    TimerTaken,
    effect_line,
)
from actors.inboxlog import read_inbox
from actors.sightings import Sightings
from bus.buslog import BusLog
from bus.eventlog import LogLine, extracted
from schemas.codec import CodecError, decode

__all__ = ["DifferenceError", "Replay", "Role", "TickLookup", "UnrecordedError"]

TickLookup: TypeAlias = Callable[[str, int, int], bytes | None]
"""A tick's bytes by subject, incarnation and sequence; None when it is not there although it should be. May raise
UnrecordedError when it cannot be there.
"""

_Inner: TypeAlias = EventTaken | StoredTaken | ReplyTaken | TimerTaken | LinkTaken

_encode = msgspec.json.Encoder().encode
_EXCERPT = 120


class Role(Protocol):
    """What an actor is made of, as `actors.roles.Role`."""

    @property
    def config(self) -> type[msgspec.Struct]:
        """The type of its configuration."""

    @property
    def state(self) -> type[msgspec.Struct]:
        """The type of its recovered state."""

    def make(self, name: str, incarnation: int, config: Any, state: Any) -> Actor:  # noqa: ANN401 - the role's own types
        """The actor, ready for its first message."""


class DifferenceError(Exception):
    """The replay does not give what the log says, at `line` of the file: the effects as recorded and as replayed."""

    def __init__(self, line: int, what: str, recorded: str = "", replayed: str = "") -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.recorded = recorded
        self.replayed = replayed


class UnrecordedError(Exception):
    """What a message refers to was rightly not recorded: nothing from there on can be run again. The text says why."""


class _Step(msgspec.Struct):
    """A message and what it gives now. `settled`: its line of effects was there."""

    n: int
    line: int
    name: str
    out: list[bytes] = msgspec.field(default_factory=list)
    raised: str = ""
    failure: bool = False
    settled: bool = False


class Replay:
    """Runs one inbox log. `messages` and `effects` count, `notes` say what was tolerated, `why` is the reason of a log
    that was ended before its actor, `incarnation` the actor's.

    `limit`: how many bytes to read of a log that is still being written. `emitted` is told every effect as it is now,
    before it is compared.
    """

    def __init__(
        self,
        path: Path,
        roles: Callable[[str], Role],
        ticks: TickLookup,
        bus: BusLog | None = None,
        *,
        limit: int | None = None,
        emitted: Callable[[Outgoing], None] | None = None,
    ) -> None:
        self.path = path
        self.name = path.stem
        self.messages = 0
        self.effects = 0
        self.notes: list[str] = []
        self.incarnation = 0
        self.why = ""
        self._roles = roles
        self._ticks = ticks
        self._limit = limit
        self._emitted = emitted
        self._sightings = Sightings(bus) if bus is not None else None

    def run(self) -> None:
        """To the end, or to the first DifferenceError. Raises LogReadError for a log that is not whole."""
        header, reader, lines = read_inbox(self.path, self._limit)
        self.name, self.incarnation = f"{header.name}-{header.incarnation}", header.incarnation
        cell = self._cell(header)
        step: _Step | None = None
        unrecorded = ""
        for line, read in lines:
            if unrecorded:
                continue  # only its checksum counts
            if read.taken is not UNSET:
                if step is not None:
                    _settle(step)
                try:
                    step = self._handle(cell, step, line, read, read.taken)
                except UnrecordedError as error:
                    step, unrecorded = None, str(error)
                    self.messages -= 1
            elif step is None or step.n != read.n or step.settled:
                raise DifferenceError(line.number, f"effects of message {read.n}, which was not the last one taken")
            else:
                _compare(step, line, read)
                step.settled = True
        if step is not None and reader.closed:
            _settle(step)
        self.why = reader.why
        if unrecorded:
            self.notes.append(f"only up to message {self.messages}: {unrecorded}")
        if reader.why:
            self.notes.append(f"the log ends before the actor did: {reader.why}")
        elif not reader.closed:
            torn = f", {reader.torn} bytes of an unfinished line" if reader.torn else ""
            self.notes.append(f"no closing line after message {self.messages}: killed, or still being written{torn}")
        if self._sightings is not None:
            self.notes += self._sightings.settled(closed=reader.closed and not reader.why)

    def _cell(self, header: Header) -> Cell:
        try:
            role = self._roles(header.role)
        except KeyError as error:
            raise DifferenceError(1, f"there is no role {header.role!r}") from error
        try:
            config = msgspec.json.decode(header.config, type=role.config)
            state = msgspec.json.decode(header.state, type=role.state | None)
        except msgspec.DecodeError as error:
            raise DifferenceError(1, f"the header's configuration or state does not fit: {error}") from error
        try:
            actor = role.make(header.name, header.incarnation, config, state)
        except Exception as error:
            raise DifferenceError(1, f"cannot be made again: {error_text(error)}") from error
        return Cell(actor)

    def _handle(self, cell: Cell, before: _Step | None, line: LogLine, read: InboxLine, taken: Taken) -> _Step:
        step = _Step(read.n, line.number, _named(taken), failure=isinstance(taken, FailedTaken))
        expected = before.n + 1 if before is not None else 1
        if read.n != expected:
            raise DifferenceError(line.number, f"message {read.n} where message {expected} was expected")
        self.messages += 1
        outgoing: list[Outgoing] = []
        try:
            if isinstance(taken, StartTaken):
                outgoing = cell.start(read.now)
            elif isinstance(taken, StopTaken):
                outgoing = cell.stop(read.now)
            else:
                message = self._message(line.number, taken)
                outgoing = cell.handle(message, read.now)
        except (DifferenceError, UnrecordedError):
            raise
        except Exception as error:  # noqa: BLE001 - as the runtime does: it is part of what is compared
            step.raised = error_text(error)
        if self._emitted is not None:
            for out in outgoing:
                self._emitted(out)
        step.out = [_encode(effect_line(out)) for out in outgoing]
        self.effects += len(step.out)
        if self._sightings is not None:
            self._sightings.message(line.number, taken)
            self._sightings.effects(line.number, read.n, outgoing)
        return step

    def _message(self, line: int, taken: _Inner | FailedTaken) -> Message:
        try:
            if isinstance(taken, FailedTaken):
                return Failed(self._inner(line, taken.message), taken.error)
            return self._inner(line, taken)
        except CodecError as error:
            raise DifferenceError(line, f"an event that this version cannot read: {error}") from error

    def _inner(self, line: int, taken: _Inner) -> EventIn | StoredIn | ReplyIn | TimerIn | LinkChanged:
        match taken:
            case EventTaken():
                return self._event(line, taken)
            case StoredTaken(key, seq, error):
                return StoredIn(key, seq, error)
            case ReplyTaken(key, error):
                data = extracted(taken.data, taken.base64)
                return ReplyIn(key, decode(data) if data else None, error)
            case TimerTaken(key):
                return TimerIn(key)
            case LinkTaken(up):
                return LinkChanged(up)

    def _event(self, line: int, taken: EventTaken) -> EventIn:
        if isinstance(taken.id, msgspec.UnsetType):
            event = decode(extracted(taken.data, taken.base64))
            return EventIn(taken.subject, event, taken.reply, taken.stream, taken.stream_seq)
        incarnation, sequence = taken.id
        data = self._ticks(taken.tick, incarnation, sequence)
        if data is None:
            raise DifferenceError(line, f"the tick {taken.tick}#{incarnation}.{sequence} is nowhere to be found")
        return EventIn(taken.tick, decode(data))


def _named(taken: Taken) -> str:
    """A message for people."""
    match taken:
        case EventTaken():
            return taken.tick or taken.subject
        case StoredTaken(key) | ReplyTaken(key) | TimerTaken(key):
            return f"{taken.__struct_config__.tag} {key}"
        case FailedTaken():
            return f"failed {_named(taken.message)}"
    return str(taken.__struct_config__.tag)


def _settle(step: _Step) -> None:
    """The next message is there, or the end: what this one gives now must have been in the log."""
    if step.settled:
        return
    where = f"message {step.n} ({step.name})"
    if step.raised and not step.failure:  # what on_failure raises ends the process without a line
        raise DifferenceError(step.line, f"{where} raises now: {step.raised}")
    if step.out:
        replayed = _texts(step.out)
        raise DifferenceError(step.line, f"{where} has no effects in the log and {len(step.out)} now", "", replayed)


def _compare(step: _Step, line: LogLine, read: InboxLine) -> None:
    where = f"message {step.n} ({step.name})"
    if read.raised is not UNSET:
        if not step.raised:
            what = f"{where} raised {read.raised!r} and does not now"
            raise DifferenceError(line.number, what, read.raised, _texts(step.out))
        return
    recorded = [bytes(raw) for raw in read.out] if read.out is not UNSET else []
    if step.raised:
        raise DifferenceError(line.number, f"{where} raises now: {step.raised}", _texts(recorded), step.raised)
    for number, (was, now) in enumerate(_pairs(recorded, step.out), 1):
        if was != now:
            what = f"{where}: effect {number} differs: {_difference(was, now)}"
            raise DifferenceError(line.number, what, was.decode(), now.decode())


def _pairs(recorded: list[bytes], replayed: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for number in range(max(len(recorded), len(replayed))):
        yield (
            recorded[number] if number < len(recorded) else b"",
            replayed[number] if number < len(replayed) else b"",
        )


def _difference(was: bytes, now: bytes) -> str:
    """The two around their first different byte."""
    if not was or not now:
        return (
            f"recorded {was[:_EXCERPT].decode(errors='replace') or 'nothing'},"
            f" replayed {now[:_EXCERPT].decode(errors='replace') or 'nothing'}"
        )
    at = next((i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    first = max(0, at - _EXCERPT // 2)
    cut = slice(first, first + _EXCERPT)
    return (
        f"at byte {at} recorded ...{was[cut].decode(errors='replace')}..., "
        f"replayed ...{now[cut].decode(errors='replace')}..."
    )


def _texts(effects: list[bytes]) -> str:
    return "\n".join(effect.decode(errors="replace") for effect in effects)
