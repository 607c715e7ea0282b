"""The bus log: every message that a recording subscriber saw, with the time of its receipt.

Owns `bus.jsonl` of a record (docs/logs.md): `BusRecorder` writes it, `BusLog` finds messages in it for verification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec

from bus.eventlog import LogReader, LogReadError, LogWriter, embedded, extracted
from bus.interface import Incoming
from bus.matching import matches

__all__ = ["BusLog", "BusRecorder"]

_Raw = msgspec.Raw | msgspec.UnsetType


class _Header(msgspec.Struct, kw_only=True):
    """The first line. `subjects`: the subscriptions that fed it; nothing can be said about any other subject."""

    log: str = ""
    version: int = 0
    t: int = 0
    subjects: tuple[str, ...] = ()


class _Record(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A message. `t`: wall clock at its receipt, UTC microseconds; `seq` its sequence if it came from `stream`."""

    t: int
    subject: str
    data: _Raw = msgspec.UNSET
    base64: str = ""
    stream: str = ""
    seq: int = 0
    reply: str = ""
    headers: Mapping[str, str] | None = None


class _Link(msgspec.Struct):
    """The recorder's own link was lost or is back: messages between may be missing."""

    t: int
    link: bool


class _Envelope(msgspec.Struct):
    incarnation: int = 0
    sequence: int = 0


class _Line(msgspec.Struct):
    """What reading needs of either."""

    subject: str = ""
    data: _Raw = msgspec.UNSET
    base64: str = ""
    link: bool | None = None


_encode = msgspec.json.Encoder().encode
_line = msgspec.json.Decoder(_Line).decode
_header = msgspec.json.Decoder(_Header).decode
_envelope = msgspec.json.Decoder(_Envelope).decode


class BusRecorder:
    """Writes a bus log. Buffered: call `flush` every second or so. Every method raises LogWriteError.

    `subjects` are the subscriptions that feed it, `wall_us` is the wall clock now.
    """

    def __init__(self, path: Path, subjects: Sequence[str], wall_us: int) -> None:
        self._writer = LogWriter(path)
        header = _Header(log="bus", version=1, t=wall_us, subjects=tuple(subjects))
        self._writer.append(_encode(header)[:-1])
        self._writer.flush()

    def record(self, incoming: Incoming, wall_us: int, stream: str = "") -> None:
        """Add a message received at `wall_us`; `stream` names where it was read from, if it was."""
        data, text = embedded(incoming.data)
        line = _Record(
            t=wall_us,
            subject=incoming.subject,
            data=data,
            base64=text,
            stream=stream,
            seq=incoming.stream_seq,
            reply=incoming.reply,
            headers=incoming.headers or None,
        )
        self._writer.append(_encode(line)[:-1])

    def link(self, up: bool, wall_us: int) -> None:
        """Note that the recording subscriber lost its link, or has it back."""
        self._writer.append(_encode(_Link(wall_us, up))[:-1])

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._writer.flush()

    def close(self) -> None:
        """Write the closing line. Idempotent."""
        self._writer.close()


class BusLog:
    """A bus log, read and checked whole when it is made; payloads stay in the file.

    `closed`, `torn` and `lines` are as in LogReader, `losses` counts lost links. Raises LogReadError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.losses = 0
        self.messages = 0
        self._places: dict[tuple[str, int, int], tuple[int, int]] = {}
        self._digests: set[bytes] = set()
        reader = LogReader(path)
        for line in reader:
            if line.number == 1:
                self._open(line.data)
                continue
            self._index(line.number, line.data, line.offset)
        if not reader.lines:
            raise LogReadError(path, "no header: the file is empty or torn in its first line", 1)
        self.closed, self.torn, self.lines = reader.closed, reader.torn, reader.lines
        self._file = path.open("rb")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def covers(self, subject: str) -> bool:
        """Whether the recorder was subscribed to this subject."""
        return any(matches(pattern, subject) for pattern in self._subjects)

    def holds(self, subject: str, data: bytes) -> bool:
        """Whether a message with exactly these bytes went over this subject."""
        return _digest(subject, data) in self._digests

    def find(self, subject: str, incarnation: int, sequence: int) -> bytes | None:
        """The payload of the first message of this identity, or None."""
        place = self._places.get((subject, incarnation, sequence))
        if place is None:
            return None
        self._file.seek(place[0])
        line = _line(self._file.read(place[1]))
        return extracted(line.data, line.base64)

    def _open(self, data: bytes) -> None:
        try:
            header = _header(data)
        except msgspec.DecodeError as error:
            raise LogReadError(self.path, f"the header does not parse: {error}", 1) from error
        if header.log != "bus" or header.version != 1:
            what = f"expected a bus log of version 1, found {header.log!r} of version {header.version}"
            raise LogReadError(self.path, what, 1)
        self._subjects = header.subjects

    def _index(self, number: int, data: bytes, offset: int) -> None:
        try:
            line = _line(data)
            if line.link is not None:
                self.losses += not line.link
                return
            payload = extracted(line.data, line.base64)
        except ValueError as error:
            raise LogReadError(self.path, f"not a line of a bus log: {error}", number) from error
        self.messages += 1
        self._digests.add(_digest(line.subject, payload))
        try:
            envelope = _envelope(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        key = (line.subject, envelope.incarnation, envelope.sequence)
        self._places.setdefault(key, (offset, len(data)))


def _digest(subject: str, data: bytes) -> bytes:
    return blake2b(b"%b\0%b" % (subject.encode(), data), digest_size=16).digest()
