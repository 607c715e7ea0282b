"""The nursery's place on the floor: started, asked for processes, and started again when it has ended.

Whatever is wrong with the nursery costs nobody a process: where there is none, or it does not answer, a process is
started by exec.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from structlog.stdlib import BoundLogger

from actors.adopted import available
from actors.children import Child
from actors.floor_status import ActorStatus
from actors.nursery_launch import Launched, launch
from actors.nursery_link import Nursery, NurseryError
from actors.program import describe_exit, environment, module_command
from actors.restart_budget import RestartBudget
from bus.clock import monotonic_us

__all__ = ["NURSERY_NAME", "NurseryPost"]

NURSERY_NAME = "nursery"


class NurseryPost:
    """Keeps one nursery, where the system has what it takes. `spawn` works with and without it."""

    def __init__(
        self, home: Path, log: BoundLogger, budget: RestartBudget, *, launched: Launched | None = None
    ) -> None:
        """Nothing is started yet, but for the first one if it is `launched`."""
        self._home = home
        self._launched = launched
        self._log = log
        self._budget = budget
        self._nursery: Nursery | None = None
        self._state: Literal["starting", "alive", "dead", "stopped", "failed"] = "starting"
        self._reason = ""

    def open(self) -> None:
        """Start it, and do not wait for it."""
        if not available():
            return
        launched, self._launched = self._launched, None
        try:
            self._nursery = Nursery(launched or launch(self._home))
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
