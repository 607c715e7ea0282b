"""The numbers that tell one start of a process from the next.

Owns `<home>/run/incarnation`: the last number given out. Every started process gets the next one, and everything that
must not be confused with its predecessor (order ids, epochs, sequences) is made from it, so a number is on the disk
before it is given and never comes twice.
"""

from __future__ import annotations

import os
from pathlib import Path

from actors.floor_error import Exit, FloorError
from bus.clock import wall_us
from bus.folder import write_file

__all__ = ["Incarnations"]

_MOST = 2**53


class Incarnations:
    """The counter of one floor. Only for the process that holds the floor's lock."""

    def __init__(self, path: Path, *, history: bool) -> None:
        """`path` is made when it is missing. `history`: the folder holds what an earlier floor stored.

        Raises:
            FloorError: the file does not hold a number, or cannot be read.
        """
        self._path = path
        self.last = self._read(history=history)

    def next(self) -> int:
        """The next number, durable when this returns.

        Raises:
            FloorError: it cannot be written; then it was not given out.
        """
        number = self.last + 1
        try:
            write_file(self._path, f"{number}\n")
            _sync_folder(self._path.parent)
        except OSError as error:
            raise FloorError(Exit.ENVIRONMENT, f"{self._path}: cannot be written: {error.strerror}") from error
        self.last = number
        return number

    def _read(self, *, history: bool) -> int:
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            # A lost counter must not start again below numbers that are in the streams. Nobody starts one process a
            # second for years, so the seconds since 1970 lie above all that were ever given out.
            return wall_us() // 1_000_000 if history else 0
        except OSError as error:
            raise FloorError(Exit.ENVIRONMENT, f"{self._path}: cannot be read: {error.strerror}") from error
        if not (text.isascii() and text.isdigit() and int(text) < _MOST):
            message = (
                f"{self._path}: expected the last incarnation, a whole number, and found {text[:40]!r}; "
                "remove the file to go on with a number above all earlier ones"
            )
            raise FloorError(Exit.DATA, message)
        return int(text)


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive a power failure."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
