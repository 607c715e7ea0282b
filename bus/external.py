"""A nats-server that somebody else runs: a link to it, and what a client can learn of its fitness.

Owns one connection, as the identity `bootstrap`. It starts, configures and ends nothing; what only the system account
sees, above all whether every write is synced, stays unknown.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bus.clock import LiveClock
from bus.interface import LinkHandler, Replied
from bus.natsbus import NatsBus
from bus.trouble import TroubleHandler

__all__ = ["ExternalServer"]

_NAME = "bootstrap"
_OLDEST = (2, 11)
"""The first version whose messages can have a time to live, which leases need."""
_ANSWER_US = 5_000_000
_NO_STREAM = 10059
_Json = dict[str, Any]


class ExternalServer:
    """One server at a `url`; `seed` is that of `bootstrap`. `open` once, then ask `problem` as often as wanted."""

    pid = 0
    log = None

    def __init__(
        self, url: str, seed: str, tls: ssl.SSLContext | None = None, *, connect_timeout_us: int = 5_000_000
    ) -> None:
        self.url = url
        self.port = urlsplit(url).port or 4222
        self.tls = tls
        self._bus = NatsBus(
            url, name=_NAME, clock=LiveClock(), seed=seed, tls=tls, connect_timeout_us=connect_timeout_us
        )

    @property
    def version(self) -> str:
        """What it calls its version; "" before the first connection."""
        return self._bus.server_version

    async def open(self, on_link: LinkHandler, on_trouble: TroubleHandler) -> None:
        """Connect; from then on `on_link` hears of each loss and return, `on_trouble` why there is no return.

        Raises BusError when nobody answers within the connect timeout or the identity is refused.
        """
        self._bus.on_link(on_link)
        self._bus.on_trouble(on_trouble)
        await self._bus.open()

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self._bus.close()

    async def problem(self, *, streams: bool = True) -> str:
        """Why the server is not fit for orders as far as a client can see, or "".

        It is new enough, JetStream works in the account, and ORDERS is kept in files. `streams` False: before the first
        start, when ORDERS need not be there yet.
        """
        if not self._bus.up:
            return f"no link to {self.url}"
        found = re.match(r"v?(\d+)\.(\d+)", self.version)
        if found is not None and (int(found[1]), int(found[2])) < _OLDEST:
            return f"{self.url}: nats-server {self.version}; expected {'.'.join(map(str, _OLDEST))} or newer"
        info, refusal = await self._ask("INFO")
        if info is None:
            return f"{self.url}: JetStream cannot be used in the account of {_NAME!r}: {refusal}"
        return await self._orders_problem(streams=streams)

    async def _orders_problem(self, *, streams: bool) -> str:
        """Why ORDERS would not keep what is put into it, or ""."""
        orders, refusal = await self._ask("STREAM.INFO.ORDERS", allow=_NO_STREAM)
        if orders is None:
            return f"{self.url}: ORDERS: {refusal}"
        if "error" in orders:
            return f"{self.url}: there is no stream ORDERS" if streams else ""
        storage = orders.get("config", {}).get("storage")
        if storage != "file":
            return f"{self.url}: ORDERS is kept in storage {storage!r}; expected 'file': orders would be lost"
        return ""

    async def _ask(self, what: str, allow: int = 0) -> tuple[_Json | None, str]:
        """JetStream's answer, or None and why there is none. An answer with the error code `allow` counts as one."""
        waiting: asyncio.Future[Replied] = asyncio.get_running_loop().create_future()

        def done(replied: Replied) -> None:
            if not waiting.done():
                waiting.set_result(replied)

        self._bus.request(f"$JS.API.{what}", b"", timeout_us=_ANSWER_US, done=done)
        replied = await waiting
        if replied.error:
            return None, replied.error.replace("_", " ")
        try:
            answer = msgspec.json.decode(replied.data, type=_Json)
        except msgspec.DecodeError:
            return None, "an answer that is not JSON"
        error = answer.get("error")
        if isinstance(error, dict) and error.get("err_code") != allow:
            return None, str(error.get("description"))
        return answer, ""
