"""The place of a bus server that somebody else runs: linked, watched, and never started or ended.

While the link is down nobody is judged or started; when it is back the streams are made what they should be, because
those in the server's memory may be gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from actors.floor_error import Exit, FloorError
from actors.floor_keys import FloorKeys
from actors.floor_status import ActorStatus
from actors.server_post import SERVER_NAME
from actors.stream_setup import ensure_streams
from bus.clock import monotonic_us
from bus.external import ExternalServer
from bus.interface import BusError
from bus.streams import Quotas

__all__ = ["ExternalPost"]

_ASK_S = 5.0
_AGAIN_S = 1.0


class ExternalPost:
    """Keeps the link to one server. `up` is set while it can be used. `once`: a lost link cannot be made good."""

    def __init__(self, server: ExternalServer, keys: FloorKeys, quotas: Quotas, *, once: bool) -> None:
        self.server = server
        self.up = asyncio.Event()
        self._keys = keys
        self._quotas = quotas
        self._once = once
        self._linked = asyncio.Event()
        self._lost = asyncio.Event()
        self._up_us = 0
        self._state: Literal["starting", "alive", "late", "dead", "stopped"] = "starting"
        self._reason = ""

    @property
    def fit(self) -> bool:
        """Whether it is up and answered when it was last asked."""
        return self.up.is_set() and self._state == "alive"

    async def open(self) -> None:
        """Connect and make the streams. Raises FloorError: no server, keys that it does not know, not fit."""
        try:
            await self.server.open(self._link_changed, self._heard_trouble)
            problem = await self._prepare()
        except BusError as error:
            problem = f"{error}; expected a server that knows the identities which `pitwire keys` made"
        if problem:
            raise FloorError(Exit.ENVIRONMENT, f"bus.url: {problem}")
        self._returned()

    async def keep(self, told: Callable[[str, str], None]) -> None:
        """Watch it without end; tell an alert's code and text when it is unfit, and when the link is back.

        Raises FloorError for a link that was lost when that cannot be made good.
        """
        while True:
            await self._watch(told)
            lost_us = monotonic_us()
            self.up.clear()
            self._state, self._reason = "dead", f"no link to {self.server.url}"
            if self._once:
                message = f"the link to {self.server.url} was lost; simulated time cannot go on"
                raise FloorError(Exit.FAILED, message)
            while problem := await self._again():
                self._reason = problem
                await asyncio.sleep(_AGAIN_S)
            self._returned()
            seconds = (monotonic_us() - lost_us) / 1_000_000
            told("link_lost", f"the link to {self.server.url} was lost and is back after {seconds:.1f} s")

    async def stop(self) -> None:
        """Leave it; the server runs on. Idempotent."""
        self.up.clear()
        await self.server.close()
        self._state, self._reason = "stopped", ""

    def status(self, now_us: int) -> ActorStatus:
        """For the status file."""
        return ActorStatus(
            name=SERVER_NAME,
            role="server",
            state=self._state,
            reason=self._reason,
            uptime_s=(now_us - self._up_us) / 1_000_000 if self.up.is_set() else 0.0,
            doing=f"external, version {self.server.version}, sync_always not known",
        )

    async def _watch(self, told: Callable[[str, str], None]) -> None:
        """Ask how it is until the link is lost."""
        while not self._lost.is_set():
            problem = await self.server.problem()
            if self._lost.is_set():
                return
            if problem and self._state == "alive":
                told("server_unfit", problem)
            self._state, self._reason = ("late", problem) if problem else ("alive", "")
            try:
                await asyncio.wait_for(self._lost.wait(), _ASK_S)
            except TimeoutError:
                continue

    async def _again(self) -> str:
        """When the link is up: make the server usable; why it is not, or ""."""
        await self._linked.wait()
        self._lost.clear()
        try:
            problem = await self._prepare()
        except BusError as error:
            problem = str(error)
        return problem or (f"no link to {self.server.url}" if self._lost.is_set() else "")

    async def _prepare(self) -> str:
        """Ensure the streams if it is a server that can have them; why it is not fit, or "". Raises BusError."""
        problem = await self.server.problem(streams=False)
        if not problem:
            await ensure_streams(self.server.url, self._keys, self._quotas, tls=self.server.tls)
            problem = await self.server.problem()
        return problem

    def _returned(self) -> None:
        self._up_us = monotonic_us()
        self._state, self._reason = "alive", ""
        self.up.set()

    def _link_changed(self, up: bool) -> None:
        if up:
            self._linked.set()
        else:
            self._linked.clear()
            self._lost.set()

    def _heard_trouble(self, text: str) -> None:
        if not self._linked.is_set():
            self._reason = f"no link to {self.server.url}: {text}"
