"""Checksummed JSON lines: files that say what happened and show when somebody changed it.

Owns the format that the bus log and the inbox logs share (docs/logs.md): one JSON object a line, whose last member is
`"sum"`, 16 hex digits of blake2b over the sum of the line before and the line's own bytes up to `,"sum"`. An orderly
end is a closing line. A file is readable up to its last whole line, whatever killed its writer. Reads no clock.
"""

from __future__ import annotations

import base64
import errno
import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import msgspec

__all__ = ["LogError", "LogLine", "LogReadError", "LogReader", "LogWriteError", "LogWriter", "embedded", "extracted"]

_SUM = b',"sum":"'
_END = b'"}\n'
_TAIL = len(_SUM) + 16 + len(_END)
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_BUFFER = 1 << 16
_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}


class LogError(Exception):
    """A log cannot be written or read. The text says which file, where in it, and what is wrong."""

    def __init__(self, path: Path, what: str, line: int = 0) -> None:
        super().__init__(f"{path}:{line}: {what}" if line else f"{path}: {what}")
        self.path = path
        self.line = line
        self.what = what


class LogWriteError(LogError):
    """The log cannot be written: the disk is full, the folder is read-only or missing, or the file exists."""


class LogReadError(LogError):
    """The log cannot be read, or line `line` (from 1) is not what its writer wrote."""


class LogLine(msgspec.Struct, frozen=True):
    """A line that fits its checksum: its number from 1, the whole JSON object, the file offset of its first byte."""

    number: int
    data: bytes
    offset: int


def embedded(data: bytes) -> tuple[msgspec.Raw | msgspec.UnsetType, str]:
    """A payload for a line: as it is if that is a JSON object on one line, otherwise as base64 text."""
    if data[:1] == b"{" and data[-1:] == b"}" and b"\n" not in data:
        try:
            if not data.isascii():
                data.decode()
            return _raw(data), ""
        except ValueError:  # neither UTF-8 nor JSON
            pass
    return msgspec.UNSET, base64.b64encode(data).decode()


def extracted(raw: msgspec.Raw | msgspec.UnsetType, text: str) -> bytes:
    """The payload's bytes again."""
    return base64.b64decode(text) if isinstance(raw, msgspec.UnsetType) else bytes(raw)


_raw = msgspec.json.Decoder(msgspec.Raw).decode


class _Closing(msgspec.Struct):
    why: str = ""


_closing = msgspec.json.Decoder(_Closing).decode


def _why(line: bytes) -> str:
    """The reason in a closing line, "" for none."""
    try:
        return _closing(line).why
    except msgspec.DecodeError:
        return ""


class LogWriter:
    """Makes a new log file. Lines are buffered until `flush`, which hands them to the operating system in one write.

    Every method raises LogWriteError; after the first one nothing more is written, so what is in the file stays
    readable. `lines` and `size` (bytes) are what was appended, written or not yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        self.size = 0
        self._chain = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._failed: LogWriteError | None = None
        try:
            self._fd = os.open(path, _FLAGS, 0o600)
        except OSError as error:
            raise LogWriteError(path, _reason(error)) from error

    def append(self, body: bytes) -> None:
        """Add a line. `body` is a JSON object with at least one member, on one line, without its closing brace."""
        chain = blake2b(self._chain + body, digest_size=8).hexdigest().encode()
        self._chain = chain
        self._parts += (body, _SUM, chain, _END)
        self._size += len(body) + _TAIL
        self.size += len(body) + _TAIL
        self.lines += 1
        if self._size >= _BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered: from then on it survives the end of this process, however it ends."""
        if self._failed is not None:
            raise LogWriteError(self.path, self._failed.what)
        if self._fd < 0:
            raise LogWriteError(self.path, "the log is closed")
        if not self._parts:
            return
        data = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                data = data[written:]
                written = os.write(self._fd, data)
        except OSError as error:
            self._failed = LogWriteError(self.path, _reason(error))
            raise self._failed from error

    def close(self, why: str = "") -> None:
        """Write the closing line, with the reason if it is an early one, and close the file. Idempotent; silent about
        an error that was raised before.
        """
        if self._fd < 0:
            return
        try:
            if self._failed is None:
                reason = b',"why":' + msgspec.json.encode(why) if why else b""
                self.append(b'{"end":true,"lines":%d%b' % (self.lines, reason))
                self.flush()
        finally:
            os.close(self._fd)
            self._fd = -1


class LogReader:
    """Iterates over a log's lines, checking each. After the last: `closed` says whether it was ended in order and `why`
    if that was before its writer's own end, `torn` how many bytes of an unfinished last line were left aside, `lines`
    how many lines there were before the closing one.

    `limit`: how many bytes to read of a file that is still being written. Raises LogReadError with the file, the line
    and what does not fit.
    """

    def __init__(self, path: Path, limit: int | None = None) -> None:
        self.path = path
        self._limit = limit
        self.closed = False
        self.why = ""
        self.torn = 0
        self.lines = 0

    def __iter__(self) -> Iterator[LogLine]:
        chain, offset = b"", 0
        self.closed, self.why, self.torn, self.lines = False, "", 0, 0
        try:
            with self.path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    if self._limit is not None and offset + len(line) > self._limit:
                        self.torn = self._limit - offset
                        return
                    if self.closed:
                        raise LogReadError(self.path, "something follows the closing line", number)
                    if not line.endswith(b"\n"):
                        self.torn = len(line)
                        return
                    chain = self._checked(chain, line, number)
                    if line.startswith(b'{"end":true,'):
                        self.closed, self.why = True, _why(line)
                    else:
                        self.lines = number
                        yield LogLine(number, line[:-1], offset)
                    offset += len(line)
        except OSError as error:
            raise LogReadError(self.path, _reason(error)) from error

    def _checked(self, chain: bytes, line: bytes, number: int) -> bytes:
        body, found = line[:-_TAIL], line[-_TAIL + len(_SUM) : -len(_END)]
        if line[-_TAIL : -_TAIL + len(_SUM)] != _SUM or not line.endswith(_END):
            raise LogReadError(self.path, 'the line does not end in its checksum ("sum" and 16 hex digits)', number)
        expected = blake2b(chain + body, digest_size=8).hexdigest().encode()
        if found != expected:
            text = found.decode("ascii", "backslashreplace")
            what = f"the checksum is {text} but the line and those before it give {expected.decode()}: it was changed"
            raise LogReadError(self.path, what, number)
        return found


def _reason(error: OSError) -> str:
    """What a person can do something about, in their words."""
    text = error.strerror or str(error)
    if error.errno in _FULL:
        return "the disk is full"
    if error.errno in _REFUSED:
        return f"not permitted: {text}"
    if error.errno == errno.EEXIST:
        return "exists already; a log is never overwritten"
    return text[:1].lower() + text[1:]
