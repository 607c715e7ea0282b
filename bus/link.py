"""One link to a nats-server that lasts: it survives restarts, silence, refusals and the client's own death.

Owns the connection, what is subscribed on it, and whether it is up. Everything above (calls, pulls, history) goes
through here.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import nkeys

from bus.interface import BusError, LinkHandler
from bus.natsclient import ConnectSettings, NatsClient, Route
from bus.trouble import Trouble
from bus.wire import checked

__all__ = ["BusStats", "Link", "Routed"]

_AGAIN_S = 0.25
_END_US = 2_000_000
_VIOLATION = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"')


class BusStats(msgspec.Struct):
    """Counters since the bus was made.

    `published`: messages handed to a link that was up (acks and the bus's own requests are not counted). `delivered`:
    messages handed to subscribers and consumers. `dropped`: messages not sent because the link was down, or broke
    before they were written. `reconnects`: times the link came back. `violations`: refusals by the server's
    permissions. `faults`: handlers that raised.
    """

    published: int = 0
    delivered: int = 0
    dropped: int = 0
    reconnects: int = 0
    violations: int = 0
    faults: int = 0


class Routed:
    """A subject whose messages go to a route, on whatever connection the link has at the time."""

    def __init__(self, link: Link, subject: str, route: Route) -> None:
        self.subject = subject
        self.route = route
        self.sid = 0
        self._link = link

    def close(self) -> None:
        """Unsubscribe; nothing is delivered from now on. Idempotent."""
        self._link.unroute(self)


class Link:
    """The connection as a lasting thing.

    Listeners of `on_change` are called in the order in which they were added; before they hear True, every subscription
    is in place. Listeners of `on_denied` hear the subject of a refused message, in lower case as nats-py gives it.
    """

    def __init__(self, settings: ConnectSettings) -> None:
        parts = urlsplit(settings.url)
        if parts.scheme not in {"nats", "tls"} or not parts.hostname:
            raise BusError(f"{settings.url!r} is not the address of a NATS server: expected nats://host:port or tls://")
        self.name = settings.name
        self.stats = BusStats()
        self.trouble = Trouble(settings.name)
        self._settings = settings
        self._where = f"{parts.hostname}:{parts.port or 4222}"  # without the user part
        self._inbox = f"{checked(settings.inbox_prefix)}.{secrets.token_hex(6)}"
        self._inboxes = 0
        self._client: NatsClient | None = None
        self._routed: dict[Routed, None] = {}
        self._listeners: list[LinkHandler] = []
        self._denied: list[Callable[[str], None]] = []
        self._came_up = asyncio.Event()
        self._closing = False
        self._first_error: asyncio.Future[str] | None = None
        self._last_error = "no answer"
        self._reviving: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether a message sent now goes out."""
        return self._client is not None and self._client.up

    @property
    def max_payload(self) -> int:
        """The largest message that the server takes: headers and payload, in bytes."""
        return self._client.max_payload if self._client is not None else 0

    @property
    def server_version(self) -> str:
        """What the server that the link is or was last connected to calls its version; "" before the first one."""
        return self._client.server_version if self._client is not None else ""

    def new_inbox(self, kind: str) -> str:
        """A subject under the inbox prefix that nobody else has; further tokens may follow it."""
        self._inboxes += 1
        return f"{self._inbox}.{kind}{self._inboxes}"

    def on_change(self, listener: LinkHandler) -> None:
        """Call `listener(True)` after each connect, `listener(False)` after each loss."""
        self._listeners.append(listener)

    def on_denied(self, listener: Callable[[str], None]) -> None:
        """Call `listener(subject)` when the server refused a message."""
        self._denied.append(listener)

    def forget(self, listener: Callable[..., None]) -> None:
        """Call this listener no more."""
        for listeners in (self._listeners, self._denied):
            if listener in listeners:
                listeners.remove(listener)

    async def open(self) -> None:
        """Connect.

        Raises:
            BusError: nobody answers in time, the server refuses the identity, or this was done before.
        """
        if self._client is not None or self._closing:
            raise BusError(f"{self.name}: a bus is opened once")
        if self._settings.seed:
            try:
                nkeys.from_seed(bytearray(self._settings.seed.strip().encode()))
            except nkeys.NkeysError:
                raise BusError(f"{self.name}: the seed is not an NKey user seed (SU...)") from None
        self._adopt(await self._connect())
        try:
            await self.flush(self._settings.connect_timeout_us)
        except BusError:
            await self.close()
            raise

    async def close(self) -> None:
        """Write what is pending and disconnect. Idempotent; never raises because the server is gone."""
        if self._closing:
            return
        if self.up:
            with contextlib.suppress(BusError):
                await self.flush(_END_US)
        self._closing = True
        if self._reviving is not None:
            await _cancel(self._reviving)
        if self._client is not None:
            await _end(self._client)
        self._routed.clear()

    async def flush(self, timeout_us: int) -> None:
        """Return when the server has processed everything sent and subscribed before.

        Raises:
            BusError: the link is down or broke meanwhile, so that nobody knows; or the server did not answer in time,
                in which case the connection is made anew.
        """
        client = self._client
        if client is None or not client.up:
            raise BusError(f"{self.name}: flush: the link is down")
        pong = client.ping()
        await asyncio.wait({pong}, timeout=timeout_us / 1_000_000)
        if not pong.done():
            pong.cancel()
            client.mend()
            raise BusError(f"{self.name}: flush: no answer within {timeout_us / 1_000_000:g} s; connecting anew")
        if pong.cancelled():
            raise BusError(f"{self.name}: flush: the link broke before the server confirmed")

    async def wait_up(self, timeout_us: int) -> bool:
        """Wait for the link at most so long; whether it is up then."""
        if not self.up and not self._closing:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._came_up.wait(), timeout_us / 1_000_000)
        return self.up

    def send(self, data: bytes) -> bool:
        """Send a command if the link is up; whether it is.

        Raises:
            BusError: the bus is not open yet, or closed.
        """
        client = self._client
        if client is not None and client.up:
            client.send(data)
            return True
        if client is None or self._closing:
            raise BusError(f"{self.name}: the bus is {'closed' if self._closing else 'not open yet'}")
        return False

    def route(self, subject: str, route: Route) -> Routed:
        """Subscribe: now, or when the link comes up; and again on each connection."""
        routed = Routed(self, checked(subject), route)
        self._routed[routed] = None
        if self._client is not None and not self._client.is_closed:
            routed.sid = self._client.route(subject, route)
        return routed

    def unroute(self, routed: Routed) -> None:
        """End a subscription. Idempotent."""
        if routed in self._routed:
            del self._routed[routed]
            if self._client is not None:
                self._client.unroute(routed.sid)

    # What the client tells.

    def client_up(self, client: NatsClient) -> None:
        """It reconnected by itself."""
        if client is self._client and not self._closing:
            self.stats.reconnects += 1
            self._tell_change(up=True)

    def client_down(self, client: NatsClient) -> None:
        """The link broke: what was not written yet must not go out later."""
        if client is self._client and not self._closing:
            self.stats.dropped += client.forget_unsent()
            self._tell_change(up=False)

    def client_closed(self, client: NatsClient) -> None:
        """nats-py gave up for good, after an error it does not survive: begin again with a new client."""
        if client is self._client and not self._closing and (self._reviving is None or self._reviving.done()):
            self.trouble.tell("closed", f"the connection was closed ({self._last_error}); connecting anew")
            self._reviving = asyncio.get_running_loop().create_task(self._revive())

    def client_error(self, client: NatsClient, text: str) -> None:
        """An attempt failed or the server complained."""
        self._last_error = text
        if self._first_error is not None and "authorization violation" in text.lower():
            if not self._first_error.done():
                self._first_error.set_result(text)
            return
        denied = _VIOLATION.search(text.lower())
        if denied is None:
            if self._first_error is None:
                self.trouble.tell("link", f"{self._where}: {text}")
            return
        self.stats.violations += 1
        self.trouble.tell("denied", f"the server refused: {text.removeprefix('nats: ')}")
        if denied[1] == "publish":
            self._tell(self._denied, denied[2])

    def client_fault(self, text: str) -> None:
        """A handler raised."""
        self.stats.faults += 1
        self.trouble.tell("fault", text)

    # How a client is made.

    async def _connect(self) -> NatsClient:
        """A connected client, or BusError if there is none in time."""
        loop = asyncio.get_running_loop()
        client = NatsClient(self)
        refused = self._first_error = loop.create_future()
        starting = loop.create_task(client.start(self._settings))
        try:
            waiting: set[asyncio.Future[Any]] = {starting, refused}
            timeout_s = self._settings.connect_timeout_us / 1_000_000
            await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if client.up:
                return client
        finally:
            self._first_error = None
            if not client.up:
                await _cancel(starting)
                await _end(client)
        if refused.done():
            raise BusError(f"{self.name}: {self._where} refused this identity: {refused.result()}")
        if starting.done() and not starting.cancelled() and (error := starting.exception()) is not None:
            raise BusError(f"{self.name}: cannot connect to {self._where}: {error!r}") from error
        raise BusError(f"{self.name}: no NATS server at {self._where} within {timeout_s:g} s: {self._last_error}")

    def _adopt(self, client: NatsClient) -> None:
        """Make this the link's client: subscribe everything on it and say that the link is up."""
        self._client = client
        for routed in self._routed:
            routed.sid = client.route(routed.subject, routed.route)
        self._tell_change(up=True)

    async def _revive(self) -> None:
        while not self._closing:
            try:
                client = await self._connect()
            except BusError as error:
                self.trouble.tell("link", str(error))
                await asyncio.sleep(_AGAIN_S)
            else:
                self.stats.reconnects += 1
                self._adopt(client)
                return

    def _tell_change(self, *, up: bool) -> None:
        if up:
            self._came_up.set()
        else:
            self._came_up.clear()
        self._tell(self._listeners, up)

    def _tell(self, listeners: Iterable[Callable[[Any], None]], news: object) -> None:
        for listener in list(listeners):
            try:
                listener(news)
            except Exception as error:  # noqa: BLE001 - one listener's failure must not keep the news from the others
                self.client_fault(f"a listener of the link raised {error!r}")


async def _cancel(task: asyncio.Task[None]) -> None:
    """Cancel until it is done: nats-py swallows a cancellation that meets its flush."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)


async def _end(client: NatsClient) -> None:
    """Close a client, however broken, within the time for that."""
    closing = asyncio.ensure_future(client.close())
    await asyncio.wait({closing}, timeout=_END_US / 1_000_000)
    client.abort()
    await _cancel(closing)
    if not closing.cancelled():
        closing.exception()
