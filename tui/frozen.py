"""A floor from a file: a bus log as a terminal heard it, folded into a view without a bus.

Owns the reading of such logs (the format is `bus.buslog`'s). For pictures and tests of screens: the same file gives the
same view everywhere. What was read from a stream, or answered to the terminal's own inbox, is folded as what there was
before; everything else as live.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from bus.eventlog import LogLine, LogReader, LogReadError, extracted
from schemas.answers import BookAnswer, LogAnswer, SeriesAnswer
from schemas.base import Event
from schemas.codec import CodecError, decode
from tui.replica import Replica

__all__ = ["INBOX", "Frozen", "thaw"]

INBOX = "_INBOX."
"""Subjects of answers begin so."""

_ANSWERS = (BookAnswer, SeriesAnswer, LogAnswer)
_SECOND_US = 1_000_000


class Frozen(msgspec.Struct, frozen=True):
    """What a log gave: the replica, and the time of its last message, UTC microseconds."""

    replica: Replica
    at: int


class _Line(msgspec.Struct):
    """A header, a message, or a change of the link."""

    t: int
    log: str = ""
    subject: str = ""
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    base64: str = ""
    stream: str = ""
    link: bool | None = None


_decode = msgspec.json.Decoder(_Line).decode


def thaw(path: Path, until: int = 0) -> Frozen:
    """Fold a log, up to the time `until` or, with 0, whole; the terminal looks around each second, and at the end.

    Raises:
        LogReadError: the file is no bus log, or was changed.
    """
    replica, at = Replica(), 0
    unanswered: set[type[Event]] = set()
    for line in LogReader(path):
        record = _record(path, line)
        if until and record.t > until:
            break
        if at and record.t // _SECOND_US != at // _SECOND_US:
            replica.look(record.t)
        at = record.t
        if record.link is not None:
            replica.link(record.link, "", at, "reading" if record.link else "connecting")
            if record.link:
                replica.begin_reading(at)
                unanswered = set(_ANSWERS)
        elif record.subject:
            event = _event(path, line, record)
            replica.fold(event, at, live=not (record.stream or record.subject.startswith(INBOX)))
            if type(event) in unanswered:
                unanswered.remove(type(event))
                if not unanswered:
                    replica.finish_reading(at)
    replica.look(at)
    return Frozen(replica, at)


def _record(path: Path, line: LogLine) -> _Line:
    try:
        return _decode(line.data)
    except msgspec.DecodeError as error:
        raise LogReadError(path, f"not a line of a bus log: {error}", line.number) from error


def _event(path: Path, line: LogLine, record: _Line) -> Event:
    try:
        return decode(extracted(record.data, record.base64))
    except (CodecError, ValueError) as error:
        raise LogReadError(path, f"{record.subject}: {error}", line.number) from error
