"""The bus server's place on the floor: started, watched, and started again on the same port, store and identities.

nats-server knows nothing of the pipe that ends the other children when the supervisor is killed. A shell that does
waits beside it, and ends it then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Literal

from actors.children import Child, created_at
from actors.floor_error import Exit, FloorError
from actors.floor_keys import FloorKeys
from actors.floor_status import ActorStatus
from actors.program import describe_exit
from actors.restart_budget import RestartBudget
from actors.stream_setup import ensure_streams
from bus.clock import monotonic_us
from bus.interface import BusError
from bus.server import Server, ServerError
from bus.streams import Quotas

__all__ = ["SERVER_NAME", "ServerPost"]

SERVER_NAME = "nats-server"
_ASK_S = 2.0
_UNFIT_US = 10_000_000
# Reads a pipe that nobody writes to: the end of file is the supervisor's death. $0 is the server, $1 the descriptor.
_WATCHMAN = ("/bin/sh", "-c", 'read -r _ <"/dev/fd/$1"; kill "$0"')


class ServerPost:
    """Keeps one server. `up` is set while it can be used."""

    def __init__(self, server: Server, keys: FloorKeys, quotas: Quotas, budget: RestartBudget) -> None:
        self.server = server
        self.up = asyncio.Event()
        self._keys = keys
        self._quotas = quotas
        self._budget = budget
        self._started_us = 0
        self._created = 0.0
        self._watchman: Child | None = None
        self._state: Literal["starting", "alive", "late", "dead", "stopped", "failed"] = "starting"
        self._reason = ""

    @property
    def fit(self) -> bool:
        """Whether it is up and answered when it was last asked."""
        return self.up.is_set() and self._state == "alive"

    async def open(self) -> None:
        """Start it and make its streams. Raises ServerError or BusError."""
        await self.server.start(self._keys.include)
        await self._dismiss_watchman()
        self._watchman = await Child.spawn(
            "watchman",
            [*_WATCHMAN, str(self.server.pid)],
            self.server.log.with_name("watchman.out"),
            lambda _: None,
        )
        await ensure_streams(self.server.url, self._keys, self._quotas)
        self._started_us = monotonic_us()
        self._created = created_at(self.server.pid)
        self._state, self._reason = "alive", ""
        self.up.set()

    async def keep(self, told: Callable[[str, str], None]) -> None:
        """Start it again whenever it ends or hangs, and tell an alert's code and text; without end.

        Raises FloorError when the budget is spent.
        """
        while True:
            reason = await self._failure()
            self.up.clear()
            self._state, self._reason = "dead", reason
            while not self.up.is_set():
                delay_us = self._budget.ask(monotonic_us())
                if delay_us is None:
                    self._state = "failed"
                    message = f"{SERVER_NAME} {reason}; not started again ({self._budget.describe()})"
                    raise FloorError(Exit.FAILED, message)
                await asyncio.sleep(delay_us / 1_000_000)
                await self.server.stop()
                try:
                    await self.open()
                except (ServerError, BusError) as error:
                    reason = self._reason = str(error)
            told("server_restarted", f"{SERVER_NAME} {reason}; it was started again")

    async def _failure(self) -> str:
        """Return when the server has ended, or was unfit for so long that it has to be replaced; with the reason."""
        ended = asyncio.ensure_future(self.server.wait())
        fit_us = monotonic_us()
        try:
            while True:
                done, _ = await asyncio.wait({ended}, timeout=_ASK_S)
                if done:
                    return describe_exit(ended.result())
                problem = await self.server.problem()
                now_us = monotonic_us()
                if not problem:
                    fit_us = now_us
                    self._state, self._reason = "alive", ""
                    continue
                self._state, self._reason = "late", problem
                if now_us - fit_us > _UNFIT_US:
                    await self.server.stop()
                    return f"was unfit for {_UNFIT_US // 1_000_000} s: {problem}"
        finally:
            ended.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ended

    async def stop(self) -> None:
        """End it. Idempotent."""
        self.up.clear()
        await self.server.stop()
        await self._dismiss_watchman()
        self._state, self._reason = "stopped", ""

    async def _dismiss_watchman(self) -> None:
        watchman, self._watchman = self._watchman, None
        if watchman is not None:
            watchman.kill()
            await watchman.wait()

    def status(self, now_us: int) -> ActorStatus:
        """For the status file."""
        return ActorStatus(
            name=SERVER_NAME,
            role="server",
            state=self._state,
            reason=self._reason,
            pid=self.server.pid,
            created=self._created if self.server.pid else 0.0,
            restarts=self._budget.spent,
            uptime_s=(now_us - self._started_us) / 1_000_000 if self.up.is_set() else 0.0,
        )
