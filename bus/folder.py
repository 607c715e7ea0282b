"""A folder that belongs to one process: its lock, its free space, its files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from pathlib import Path

if sys.platform != "win32":
    import fcntl

__all__ = ["FolderLock", "LockHeldError", "holder_of", "room", "write_file"]

_LOOKS = 2_000
_LOOK_S = 0.001
"""A look is over in microseconds, but whoever looks may be kept from going on."""


class LockHeldError(Exception):
    """Somebody else holds the lock. `holder` is the process id it wrote, 0 when there is none to read."""

    def __init__(self, path: Path, holder: int) -> None:
        super().__init__(f"{path}: held by process {holder or 'unknown'}")
        self.holder = holder


class FolderLock:
    """An exclusive lock on a file, held until `release` or until every process that has its descriptor has ended.

    The kernel frees it when a process is killed: there is nothing stale to clean up. Raises LockHeldError, and OSError
    when the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            if not _take(self.fd):
                raise LockHeldError(path, _written(self.fd))
        except (OSError, LockHeldError):
            os.close(self.fd)
            raise
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let go of it here; a child that inherited it holds it on. Idempotent."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def holder_of(path: Path) -> int | None:
    """The process id that was written into a lock, 0 when there is none to read; None: nobody holds it.

    Takes nothing from whoever wants it at the same moment, and writes nothing. Raises OSError when the file cannot be
    read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return None
    try:
        return None if _shared(fd) else _written(fd)
    finally:
        os.close(fd)


def _take(fd: int) -> bool:
    """Lock it for this process alone; False when somebody else has. Those who only look are waited for."""
    if sys.platform == "win32":
        raise OSError("the bus server runs on Linux and macOS; on Windows set bus.url to one")
    pause = threading.Event()
    for _ in range(_LOOKS):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not _shared(fd):
                return False
            fcntl.flock(fd, fcntl.LOCK_UN)
            pause.wait(_LOOK_S)
        else:
            return True
    return False


def _shared(fd: int) -> bool:
    """Lock it as one who looks: False when somebody has it for himself."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written(fd: int) -> int:
    holder = os.pread(fd, 20, 0).strip()
    return int(holder) if holder.isdigit() else 0


def write_file(path: Path, text: str) -> None:
    """Replace the file by `text`: a reader, and a power failure, see the old or the new whole. Raises OSError."""
    draft = path.with_name(f"{path.name}.new")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def room(folder: Path) -> int:
    """Bytes that what lies in `folder` may grow to: those it has and those that are free on its disk."""
    used = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            used += path.lstat().st_blocks * 512
    return used + shutil.disk_usage(folder).free
