"""A child process that this one did not start itself: noticed, signalled and awaited by its number.

Linux only. The process is this one's own child all the same (`children_of_children` made it so), so its number is
nobody else's until its end has been collected here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator

__all__ = ["Adopted", "available", "children_of_children"]

_PR_SET_CHILD_SUBREAPER = 36
_LOST = 255


def available() -> bool:
    """Whether this system can adopt processes."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


@contextlib.contextmanager
def children_of_children() -> Iterator[None]:
    """Within this block, a child's child becomes this process's own when its parent ends. Raises OSError.

    Outside it, orphans go where they would go without us: nobody here would collect their ends.
    """
    _set_subreaper(on=True)
    try:
        yield
    finally:
        _set_subreaper(on=False)


def _set_subreaper(*, on: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Adopted:
    """One child by its number, with the part of `asyncio.subprocess.Process` that is wanted of it."""

    def __init__(self, pid: int) -> None:
        """Must be called on the event loop's thread. Raises ChildProcessError when it is not this process's child."""
        if sys.platform != "linux":
            raise ChildProcessError("only Linux adopts processes")
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        self.pid = pid
        self.returncode: int | None = None
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._descriptor = os.pidfd_open(pid)
        self._loop.add_reader(self._descriptor, self._collect)

    async def wait(self) -> int:
        """The exit status when it has ended; negative: the signal that ended it."""
        return await asyncio.shield(self._ended)

    def terminate(self) -> None:
        """SIGTERM. Nothing for one that has ended."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL. Nothing for one that has ended."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)  # not collected yet, so the number is still its own

    def _collect(self) -> None:
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # somebody else in this process has collected it
            pid, code = self.pid, _LOST
        else:
            code = os.waitstatus_to_exitcode(status) if pid else _LOST
        if pid:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self.returncode = code
            self._ended.set_result(code)
