"""The nursery's place on the floor: started, asked for processes, and started again when it has ended.

Owns the supervisor's end of the nursery's socket. Whatever is wrong with the nursery costs nobody a process: where
there is none, or it does not answer, a process is started by exec.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

from structlog.stdlib import BoundLogger

from actors.adopted import Adopted, available, children_of_children
from actors.children import Child, created_at, describe_exit, environment, module_command
from actors.floor_status import ActorStatus
from actors.nursery import READY, REFUSED
from actors.restart_budget import RestartBudget
from bus.clock import monotonic_us

__all__ = ["NURSERY_NAME", "Nursery", "NurseryError", "NurseryPost"]

NURSERY_NAME = "nursery"
_READY_S = 10.0
_ANSWER_S = 3.0
_ANSWER_LIMIT = 1024
_STOP_S = 2.0
_LOOK_S = 0.01


class NurseryError(Exception):
    """There is no process from the nursery: the text says why."""


class Nursery:
    """One nursery process. Made on the event loop's thread; raises OSError when it cannot be started."""

    def __init__(self, home: Path) -> None:
        self.created_us = monotonic_us()
        self._loop = asyncio.get_running_loop()
        self._asking = asyncio.Lock()
        self._abandoned: list[asyncio.Task[Adopted]] = []
        self._ready: asyncio.Future[bytes] = self._loop.create_future()
        self._answer: asyncio.Future[bytes] = self._loop.create_future()
        self._over = asyncio.Event()
        self._untold = False
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs, (home / "log" / "nursery.out").open("ab") as output:
                self._process = subprocess.Popen(
                    module_command("actors.nursery", "--home", str(home), "--socket", str(theirs.fileno())),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                    env=environment(),
                )
        except BaseException:
            self._socket.close()
            raise
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


class NurseryPost:
    """Keeps one nursery, where the system has what it takes. `spawn` works with and without it."""

    def __init__(self, home: Path, log: BoundLogger, budget: RestartBudget) -> None:
        """Nothing is started yet."""
        self._home = home
        self._log = log
        self._budget = budget
        self._nursery: Nursery | None = None
        self._state: Literal["starting", "alive", "dead", "stopped", "failed"] = "starting"
        self._reason = ""

    def open(self) -> None:
        """Start it, and do not wait for it."""
        if not available():
            return
        try:
            self._nursery = Nursery(self._home)
        except OSError as error:
            self._fell("failed", f"could not be started: {error}")
        else:
            self._state, self._reason = "starting", ""

    def _fell(self, state: Literal["dead", "failed"], reason: str) -> None:
        self._state, self._reason = state, reason
        self._log.warning("no nursery: processes are started by exec", state=state, reason=reason)

    async def keep(self) -> None:
        """Start it again whenever it ends; return when its budget is spent, or where there can be none."""
        while self._nursery is not None:
            reason = describe_exit(await self._nursery.wait())
            self._nursery = None
            delay_us = self._budget.ask(monotonic_us())
            if delay_us is None:
                self._fell("failed", f"{reason}; not started again ({self._budget.describe()})")
                return
            self._fell("dead", reason)
            await asyncio.sleep(delay_us / 1_000_000)
            self.open()

    async def spawn(self, name: str, output: Path, write: Callable[[int], None]) -> Child:
        """A process that runs the host of actor `name`; the rest as `Child.spawn` has it. Raises OSError."""
        nursery = self._nursery
        if nursery is not None:
            try:
                return await Child.born(name, partial(nursery.fork, name), output, write)
            except NurseryError as error:
                self._log.warning("started by exec", process=name, reason=f"the nursery: {error}")
        return await Child.spawn(name, module_command("actors.host", "--handover"), output, write, env=environment())

    async def stop(self) -> None:
        """End it. Idempotent. No `keep` may be running."""
        nursery, self._nursery = self._nursery, None
        if nursery is not None:
            await nursery.stop()
        self._state, self._reason = "stopped", ""

    def status(self, now_us: int) -> tuple[ActorStatus, ...]:
        """For the status file; nothing where there can be no nursery."""
        if not available():
            return ()
        nursery = self._nursery
        if nursery is not None and self._state == "starting" and nursery.ready:
            self._state = "alive"
        status = ActorStatus(
            name=NURSERY_NAME,
            role=NURSERY_NAME,
            state=self._state,
            reason=self._reason,
            pid=nursery.pid if nursery is not None else 0,
            created=nursery.created if nursery is not None else 0.0,
            restarts=self._budget.spent,
            uptime_s=(now_us - nursery.created_us) / 1_000_000 if nursery is not None else 0.0,
        )
        return (status,)
