"""The log files of a floor, read without one: `<home>/log/<actor>.log` and the `.log.1` that was rotated away.

Owns finding them and reading them from either end, merged by time. What is in a line is for others; one without a time
of its own (foreign, torn) stays beside its neighbours.
"""

from __future__ import annotations

import contextlib
import heapq
import io
import os
from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from bus.clock import utc_text

__all__ = ["ActorLog", "Found", "LogFolder", "level_of", "newest", "oldest", "opened", "stamp_of"]

_CHUNK = 64 * 1024
_NEAR = 256 * 1024  # what a bisection leaves to be read through
_HEAD, _LEVEL = b'{"time": "', b'", "level": "'  # how `actors.logs` begins a line
_STAMP = slice(len(_HEAD), len(_HEAD) + 27)
_AFTER = slice(_STAMP.stop, _STAMP.stop + len(_LEVEL))
_TRIES = 10
_time = attrgetter("at")


class Found(NamedTuple):
    """A line: the time it is sorted by (UTC as text), the actor whose file it is in, and its bytes without the end."""

    at: bytes
    actor: str
    raw: bytes


def stamp_of(raw: bytes) -> bytes | None:
    """The line's time as it stands there, None for one that `actors.logs` did not write."""
    return raw[_STAMP] if raw[: len(_HEAD)] == _HEAD and raw[_AFTER] == _LEVEL else None


def level_of(raw: bytes) -> str:
    """The level of a line that has a time."""
    return raw[_AFTER.stop : raw.find(b'"', _AFTER.stop)].decode("ascii", "replace")


class LogFolder:
    """Where a floor's logs lie. `only`: the actors whose logs are wanted, all if it is empty."""

    def __init__(self, path: Path, only: Collection[str] = ()) -> None:
        self.path = path
        self._only = frozenset(only)

    def actors(self, *, wanted: bool = True) -> list[str]:
        """The names of those whose logs are there, sorted. Raises OSError."""
        with os.scandir(self.path) as entries:
            names = sorted(entry.name.removesuffix(".log") for entry in entries if entry.name.endswith(".log"))
        return [name for name in names if not wanted or not self._only or name in self._only]

    def file(self, actor: str) -> Path:
        """The file that is written to."""
        return self.path / f"{actor}.log"


@contextlib.contextmanager
def opened(folder: LogFolder) -> Iterator[list[ActorLog]]:
    """The wanted logs as they are now. Raises OSError."""
    with contextlib.ExitStack() as stack:
        logs = []
        for actor in folder.actors():
            with contextlib.suppress(FileNotFoundError):  # between two files of a rotation; what follows finds it
                logs.append(ActorLog(actor, folder.file(actor)))
                stack.callback(logs[-1].close)
        yield logs


class ActorLog:
    """One actor's two files, opened together. `end`: where the last whole line of the newer one ended then."""

    def __init__(self, actor: str, path: Path) -> None:
        self.actor = actor
        self.path = path
        for _ in range(_TRIES):  # until no rotation came between
            self.file: io.FileIO = path.open("rb", buffering=0)
            self._old: io.FileIO | None = None
            with contextlib.suppress(FileNotFoundError):
                self._old = path.with_name(f"{path.name}.1").open("rb", buffering=0)
            if is_at(path, self.file):
                break
            self.close()
        self._size = size_of(self.file)
        self.end = self._size - len(next(_backward(self.file, self._size), b""))

    def close(self) -> None:
        """Close both."""
        self.file.close()
        if self._old is not None:
            self._old.close()

    def newest(self, *, torn: bool) -> Iterator[Found]:
        """Every line, newest first; `torn`: with the last one if it has no end yet."""
        at = utc_text(int(os.fstat(self.file.fileno()).st_mtime * 1_000_000)).encode()
        for file, end in reversed(self._files(torn=torn)):
            for raw in _backward(file, end):
                if raw:
                    at = min(at, stamp_of(raw) or at)
                    yield Found(at, self.actor, raw)

    def oldest(self, since: bytes, *, torn: bool) -> Iterator[Found]:
        """Every line from the first one of this time or later, oldest first."""
        at = b""
        for file, end in self._files(torn=torn):
            file.seek(_near(file, end, since))
            for raw in lines_to(file, end):
                stamp = stamp_of(raw) or at
                if raw and stamp >= since:
                    at = max(at, stamp)
                    yield Found(at, self.actor, raw)

    def _files(self, *, torn: bool) -> list[tuple[io.FileIO, int]]:
        older = [] if self._old is None else [(self._old, size_of(self._old))]
        return [*older, (self.file, self._size if torn else self.end)]


def newest(logs: Sequence[ActorLog], *, torn: bool) -> Iterator[Found]:
    """The lines of all, newest first; no more is read than is asked for."""
    return heapq.merge(*(log.newest(torn=torn) for log in logs), key=_time, reverse=True)


def oldest(logs: Sequence[ActorLog], since: bytes, *, torn: bool) -> Iterator[Found]:
    """The lines of all from a time on, oldest first."""
    return heapq.merge(*(log.oldest(since, torn=torn) for log in logs), key=_time)


def is_at(path: Path, file: io.FileIO) -> bool:
    """Whether a file is still the one at this path; a path where none is counts as that."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return True


def size_of(file: io.FileIO) -> int:
    """Bytes."""
    return os.fstat(file.fileno()).st_size


def lines_to(file: io.FileIO, end: int) -> Iterator[bytes]:
    """The lines from the file's position on, without their ends; the last one may have had none."""
    rest = b""
    while (left := end - file.tell()) > 0 and (block := file.read(min(left, max(_CHUNK, len(rest))))):
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
    yield rest


def _backward(file: io.FileIO, end: int) -> Iterator[bytes]:
    """The lines before a position from the last to the first, beginning with what stands behind the last line end."""
    rest = b""
    while end > 0:
        start = max(0, end - max(_CHUNK, len(rest)))
        file.seek(start)
        block = file.read(end - start)
        rest, *lines = (block + rest).split(b"\n")
        yield from reversed(lines)
        end = start
    yield rest


def _near(file: io.FileIO, end: int, since: bytes) -> int:
    """The beginning of a line at or a little before the first one of this time or later."""
    low = 0
    while end - low > _NEAR:
        middle = (low + end) // 2
        found = _stamp_after(file, middle, end)
        if found is None or found[1] >= since:
            end = middle
        else:
            low = found[0]
    return low


def _stamp_after(file: io.FileIO, position: int, end: int) -> tuple[int, bytes] | None:
    """Where the first line with a time begins behind a position, and its time."""
    file.seek(position)
    lines = lines_to(file, end)
    at = position + len(next(lines)) + 1
    for raw in lines:
        stamp = stamp_of(raw)
        if stamp is not None:
            return at, stamp
        at += len(raw) + 1
    return None
