"""A nursery as the supervisor sees it: asked for processes over its socket, one at a time, until it ends.

Owns the supervisor's end of the socket and the collecting of what ends in the nursery's name.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import Any

from actors.adopted import Adopted, children_of_children
from actors.children import created_at
from actors.nursery import READY, REFUSED
from actors.nursery_launch import Launched
from bus.clock import monotonic_us

__all__ = ["Nursery", "NurseryError"]

_READY_S = 10.0
_ANSWER_S = 3.0
_ANSWER_LIMIT = 1024
_STOP_S = 2.0
_LOOK_S = 0.01


class NurseryError(Exception):
    """There is no process from the nursery: the text says why."""


class Nursery:
    """One nursery process, launched already. Made on the event loop's thread."""

    def __init__(self, launched: Launched) -> None:
        self.created_us = monotonic_us()
        self._process = launched.process
        self._socket = launched.socket
        self._loop = asyncio.get_running_loop()
        self._asking = asyncio.Lock()
        self._abandoned: list[asyncio.Task[Adopted]] = []
        self._ready: asyncio.Future[bytes] = self._loop.create_future()
        self._answer: asyncio.Future[bytes] = self._loop.create_future()
        self._over = asyncio.Event()
        self._untold = False
        self.pid = self._process.pid
        self.created = created_at(self.pid)
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._heard)

    @property
    def ready(self) -> bool:
        """Whether it has imported everything and has not ended."""
        return self._ready.done() and not self._over.is_set()

    async def fork(self, name: str, handover: int, output: int) -> Adopted:
        """A new process that runs the host of actor `name`, with these two descriptors.

        Raises NurseryError. A caller that is cancelled leaves a process that ends by itself once its pipe is closed.
        """
        request = asyncio.ensure_future(self._fork(name, os.dup(handover), os.dup(output)))
        try:
            return await asyncio.shield(request)
        except asyncio.CancelledError:
            self._abandoned.append(request)
            raise

    async def _fork(self, name: str, handover: int, output: int) -> Adopted:
        try:
            async with self._asking:
                await self._hear(self._ready, _READY_S)
                self._answer = self._loop.create_future()
                with children_of_children():
                    self._untold = True
                    socket.send_fds(self._socket, [name.encode()], [handover, output])
                    answer = await self._hear(self._answer, _ANSWER_S)
                    self._untold = False
                if answer.startswith(REFUSED):
                    raise NurseryError(f"it could not fork: {answer[1:].decode(errors='replace')}")
                return Adopted(int(answer))
        except OSError as error:
            self.kill()
            raise NurseryError(str(error)) from error
        finally:
            os.close(handover)
            os.close(output)

    async def _hear(self, answer: asyncio.Future[bytes], within_s: float) -> bytes:
        over = asyncio.ensure_future(self._over.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {answer, over}
            await asyncio.wait(waiting, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        if answer.done():
            return answer.result()
        if not self._over.is_set():
            self.kill()  # frozen, perhaps: a late answer must not be taken for the next one
            raise NurseryError(f"it did not answer within {within_s:g} s")
        raise NurseryError("it has ended")

    def _heard(self) -> None:
        try:
            said = self._socket.recv(_ANSWER_LIMIT)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._over.set()
        elif said == READY and not self._ready.done():
            self._ready.set_result(said)
        elif not self._answer.done():
            self._answer.set_result(said)

    def kill(self) -> None:
        """SIGKILL. Idempotent."""
        self._process.kill()

    async def wait(self) -> int:
        """Return its exit status when it has ended, and whatever it forked for nobody as well."""
        await self._over.wait()
        status = await asyncio.to_thread(self._process.wait)
        for request in self._abandoned:
            with contextlib.suppress(NurseryError):
                await (await request).wait()
        if self._untold:
            await self._collect_stray()
        return status

    async def _collect_stray(self) -> None:
        """Collect what it may have forked and not told of: that is in the nursery's group until it has a handover."""

        def gone() -> bool:
            try:
                os.waitpid(-self.pid, os.WNOHANG)
            except ChildProcessError:
                return True
            return False

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                while not gone():  # noqa: ASYNC110 - a process that nobody has a handle of
                    await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        """End it, when it has answered. Idempotent."""
        async with self._asking:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
        try:
            await asyncio.wait_for(self._over.wait(), _STOP_S)
        except TimeoutError:
            self.kill()
        await self.wait()
