"""A child process: started with a pipe, its output bounded, stopped by asking and then by force.

Owns the process and the writing end of the pipe it inherited. That end stays open exactly as long as this process
lives, whatever kills it, and its end of file is what ends the child: nobody is orphaned. Output and errors go to one
file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import psutil

__all__ = ["Child", "Process", "created_at"]

OUTPUT_LIMIT = 8 * 2**20
_OUTPUT_KEPT = 64 * 2**10
_WORDS_LIMIT = 500


class Process(Protocol):
    """What is wanted of a running process."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> int | None:
        """Its exit status, None as long as it runs; negative: the signal that ended it."""

    async def wait(self) -> int:
        """Return the exit status when it has ended."""

    def terminate(self) -> None:
        """SIGTERM. May raise ProcessLookupError."""

    def kill(self) -> None:
        """SIGKILL. May raise ProcessLookupError."""


class Child:
    """One running process. Made by `spawn`, or by `born` for one that is not started by exec."""

    def __init__(self, name: str, process: Process, pipe: int, output: Path, output_from: int) -> None:
        """`pipe` is the writing end, closed by this object; `output` is the child's from byte `output_from` on."""
        self.name = name
        self.pid = process.pid
        self.created = created_at(process.pid)
        self._process = process
        self._pipe = pipe
        self._output = output
        self._output_from = output_from

    @classmethod
    async def spawn(
        cls,
        name: str,
        command: Sequence[str],
        output: Path,
        write: Callable[[int], None],
        *,
        env: Mapping[str, str] | None = None,
    ) -> Child:
        """Start `command`, with the number of the pipe's reading end as its last argument; `write` fills the pipe.

        The child is in a session of its own: Ctrl-C in the terminal and its hang-up do not reach it. `write` gets the
        writing end and may block; that the child ends meanwhile is no error here. Raises OSError when there is no
        such program or no room for `output`.
        """

        async def execute(reading: int, file: int) -> Process:
            return await asyncio.create_subprocess_exec(
                *command,
                str(reading),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=(reading,),
                start_new_session=True,
                env=dict(env) if env is not None else None,
            )

        return await cls.born(name, execute, output, write)

    @classmethod
    async def born(
        cls,
        name: str,
        start: Callable[[int, int], Awaitable[Process]],
        output: Path,
        write: Callable[[int], None],
    ) -> Child:
        """The same for a process that `start` makes: it gets the pipe's reading end and the output's descriptor."""
        reading, writing = os.pipe()
        try:
            with output.open("ab") as file:
                output_from = file.tell()
                process = await start(reading, file.fileno())
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        child = cls(name, process, writing, output, output_from)
        try:
            with contextlib.suppress(BrokenPipeError):
                await asyncio.to_thread(write, writing)
        except BaseException:
            child.kill()
            child._close_pipe()
            raise
        return child

    @property
    def running(self) -> bool:
        """Whether it has not ended yet, as far as `wait` knows."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Return the exit status when the process has ended (negative: the signal that ended it)."""
        status = await self._process.wait()
        self._close_pipe()
        return status

    def kill(self) -> None:
        """SIGKILL. Idempotent."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self, grace_s: float) -> bool:
        """SIGTERM, wait `grace_s` seconds, SIGKILL; return when it has ended. True if it ended without the latter."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self.wait(), grace_s)
        except TimeoutError:
            self.kill()
            await self.wait()
            return False
        return True

    def last_words(self) -> str:
        """The last line that it wrote, at most 500 characters; "" for none."""
        with contextlib.suppress(OSError), self._output.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = self._output_from if self._output_from <= size else 0
            file.seek(max(start, size - _OUTPUT_KEPT))
            lines = file.read().decode("utf-8", "replace").split("\n")
            return next((line.strip()[:_WORDS_LIMIT] for line in reversed(lines) if line.strip()), "")
        return ""

    def trim_output(self, limit: int = OUTPUT_LIMIT) -> bool:
        """Cut the output file down to its last 64 KiB if it is longer than `limit` bytes. True if it was."""
        with contextlib.suppress(OSError), self._output.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size <= limit:
                return False
            file.seek(size - _OUTPUT_KEPT)
            kept = file.read(_OUTPUT_KEPT)
            # The child appends, so after the truncation it writes on at the new end.
            file.truncate(0)
            file.seek(0)
            file.write(b"... cut ...\n" + kept[kept.find(b"\n") + 1 :])
            return True
        return False

    def _close_pipe(self) -> None:
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)


def created_at(pid: int) -> float:
    """When the process was started, as its system counts; with the pid it names the process for good. 0: gone."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).create_time()
    return 0.0
