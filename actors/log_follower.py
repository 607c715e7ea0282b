"""What is written to a floor's logs from now on, across rotations and by actors that begin later.

Owns nothing but open files. Looking again is for the caller: nobody says when there is something new.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from actors.log_files import ActorLog, Found, LogFolder, is_at, lines_to, size_of, stamp_of

__all__ = ["LogFollower"]


class LogFollower:
    """Goes on where `logs` ended when they were opened; new actors are read from their first line."""

    def __init__(self, folder: LogFolder, logs: Sequence[ActorLog]) -> None:
        self._folder = folder
        self._tails = {log.actor: _Tail(log.path, io.FileIO(os.dup(log.file.fileno())), log.end) for log in logs}

    def __enter__(self) -> Self:
        """Close the files at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        for tail in self._tails.values():
            tail.close()

    def poll(self) -> list[Found]:
        """The lines that were finished since the last call, by time. Raises OSError."""
        for actor in self._folder.actors():
            if actor not in self._tails:
                path = self._folder.file(actor)
                self._tails[actor] = _Tail(path, _opened(path))
        found: list[Found] = []
        for actor, tail in self._tails.items():
            at = b""
            for raw in tail.poll():
                if raw:
                    at = max(at, stamp_of(raw) or at)
                    found.append(Found(at, actor, raw))
        return sorted(found)

    def gaps(self) -> list[str]:
        """The actors whose logs were rotated more than once since the last call: lines may be missing."""
        return [actor for actor, tail in self._tails.items() if tail.outrun()]


class _Tail:
    """One file that grows, and is another one after each rotation. `at`: how far it has been read."""

    def __init__(self, path: Path, file: io.FileIO | None, at: int = 0) -> None:
        self._path = path
        self._file = file
        self._at = at
        self._outrun = False

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def outrun(self) -> bool:
        """Whether it was rotated more than once since this was last asked."""
        outrun, self._outrun = self._outrun, False
        return outrun

    def poll(self) -> Iterator[bytes]:
        """The whole lines since the last call."""
        if self._file is None:
            self._file = _opened(self._path)
        elif is_at(self._path, self._file):
            if size_of(self._file) < self._at:  # emptied by hand
                self._at = 0
        else:
            yield from self._rest(self._file)
            self._file.close()
            self._file, self._at = _opened(self._path), 0
        if self._file is not None:
            yield from self._grown(self._file)

    def _grown(self, file: io.FileIO) -> Iterator[bytes]:
        file.seek(self._at)
        *lines, rest = lines_to(file, size_of(file))
        self._at = file.tell() - len(rest)
        yield from lines

    def _rest(self, file: io.FileIO) -> Iterator[bytes]:
        """Of a file that was rotated away, also a last line without an end; and what was rotated away after it."""
        file.seek(self._at)
        yield from lines_to(file, size_of(file))
        old = self._path.with_name(f"{self._path.name}.1")
        if not is_at(old, file):
            self._outrun = True
            another = _opened(old)
            if another is not None:
                with another:
                    yield from lines_to(another, size_of(another))


def _opened(path: Path) -> io.FileIO | None:
    """None between two files of a rotation."""
    with contextlib.suppress(FileNotFoundError):
        return path.open("rb", buffering=0)
    return None
