"""nats-py's client with the shortest way in and out, and without its ways of going deaf.

Owns one connection: its socket, its subscriptions and what waits to be written. Three things differ from the client it
extends:

- A message goes to its route in the reading task itself, instead of a queue and one more task for each subscription.
  There is no client-side queue, so nothing is ever dropped for being full; the reading task steps aside after each
  `BURST` messages.
- A command is written by a plain function, once for all that a loop turn sends. Nothing is kept for a link that is
  down: what was not written when it broke is dropped and counted.
- A PONG that nobody waits for any more, a route that raises and a stale parser do not end the reading task; if it ends
  anyway the connection is made anew.

It leans on nats-py's internals; `tests/test_bus_traps.py` provokes each of them on a real server.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
from nats.aio.client import Srv
from nats.aio.subscription import Subscription

from bus.tls import StrictClient
from bus.wire import headers_of

__all__ = ["BURST", "ClientOwner", "ConnectSettings", "NatsClient", "Route"]

Route = Callable[[str, str, bytes, Mapping[str, str] | None], None]
"""What takes a message: subject, reply subject or "", payload, headers or None."""

_RETRY_S = 0.25
BURST = 128
"""Messages handed on in one turn of the loop, before other tasks have theirs."""

_WRITE_NOW = 64 * 1024
_UNREAD_LIMIT = 64 * 1024 * 1024


class ConnectSettings(msgspec.Struct, frozen=True):
    """Where to connect, and as whom. `seed` is an NKey user seed, "" for none; it stays in memory."""

    url: str
    name: str
    inbox_prefix: str
    connect_timeout_us: int
    seed: str = ""
    tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        """Everything but the seed."""
        return f"ConnectSettings({self.name!r} at {self.url!r})"


class ClientOwner(Protocol):
    """Who hears what happens to a client: always in the loop, and never allowed to raise."""

    def client_up(self, client: NatsClient) -> None:
        """It reconnected and its subscriptions are in place."""

    def client_down(self, client: NatsClient) -> None:
        """Its link broke; it goes on trying."""

    def client_closed(self, client: NatsClient) -> None:
        """It is closed for good, by its owner or by an error that nats-py does not survive."""

    def client_error(self, client: NatsClient, text: str) -> None:
        """An attempt failed, or the server complained."""

    def client_fault(self, text: str) -> None:
        """A route raised."""


class NatsClient(StrictClient):
    """One connection with synchronous routes and writes.

    `up` is true while commands may be sent: from the end of a (re)connect until the client learns that the link broke.
    """

    def __init__(self, owner: ClientOwner) -> None:
        super().__init__()
        self.up = False
        self._owner = owner
        self._routes: dict[int, Route] = {}
        self._loop = asyncio.get_running_loop()
        self._write_is_due = False
        self._in_burst = 0
        self._mending: asyncio.Task[None] | None = None

    async def start(self, settings: ConnectSettings) -> None:
        """Connect, trying until it works: give this a time limit. `up` is true when it returns."""
        await self.connect(
            settings.url,
            name=settings.name,
            error_cb=self._told_error,
            disconnected_cb=self._told_disconnected,
            closed_cb=self._told_closed,
            reconnected_cb=self._told_reconnected,
            discovered_server_cb=self._told_discovered,
            connect_timeout=settings.connect_timeout_us / 1_000_000,  # type: ignore[arg-type] # seconds, int or not
            max_reconnect_attempts=-1,  # the default gives up for good
            reconnect_time_wait=_RETRY_S,  # type: ignore[arg-type] # the same
            ping_interval=5,
            max_outstanding_pings=2,
            pending_size=-1,  # nothing is kept for later, and no publish waits for a forced flush
            nkeys_seed_str=settings.seed or None,
            inbox_prefix=settings.inbox_prefix,
            tls=settings.tls,
        )
        self.up = self.is_connected

    def route(self, subject: str, route: Route) -> int:
        """Subscribe, and send what arrives to `route`; the number is for `unroute`. Repeated at each reconnect."""
        self._sid += 1
        sid = self._sid
        self._subs[sid] = Subscription(self, sid, subject)
        self._routes[sid] = route
        if self.is_connected:
            self.send(f"SUB {subject}  {sid}\r\n".encode())
        return sid

    def unroute(self, sid: int) -> None:
        """Unsubscribe; nothing reaches the route from now on."""
        if self._routes.pop(sid, None) is None:
            return
        self._subs.pop(sid, None)
        if self.is_connected:
            self.send(f"UNSUB {sid}\r\n".encode())

    def send(self, data: bytes) -> None:
        """Write a command together with the others of this loop turn."""
        self._pending.append(data)
        self._pending_data_size += len(data)
        if self._pending_data_size > _WRITE_NOW:
            self.write_out()
        elif not self._write_is_due:
            self._write_is_due = True
            self._loop.call_soon(self._write_due)

    def write_out(self) -> None:
        """Hand everything pending to the socket now."""
        if self._pending and self._transport is not None and self.is_connected:
            data = b"".join(self._pending)
            self._pending.clear()
            self._pending_data_size = 0
            self._transport.write(data)
            writer = self.writer()
            if writer is not None and writer.transport.get_write_buffer_size() > _UNREAD_LIMIT:
                self._owner.client_error(self, f"the server leaves {_UNREAD_LIMIT} bytes unread")
                self.mend()

    def forget_unsent(self) -> int:
        """Drop what was not written before the link broke; how many messages that were."""
        lost = sum(1 for data in self._pending if data.startswith((b"PUB", b"HPUB")))
        self._pending.clear()
        self._pending_data_size = 0
        return lost

    def ping(self) -> asyncio.Future[bool]:
        """A barrier: done when the server has processed all that was sent before, cancelled when the link breaks."""
        pong: asyncio.Future[bool] = self._loop.create_future()
        self._pongs.append(pong)
        self.send(b"PING\r\n")
        # nats-py writes its own PINGs at once; so must this one be, or the two would be given each other's answer.
        self.write_out()
        return pong

    def mend(self) -> None:
        """Give the connection up and make it anew: it is deaf, or the server does not answer."""
        if self._mending is None or self._mending.done():
            self._mending = self._loop.create_task(self.force_reconnect())

    def abort(self) -> None:
        """Let go of the socket now, without waiting for what the server has not read."""
        writer = self.writer()
        if writer is not None:
            writer.transport.abort()

    def writer(self) -> asyncio.StreamWriter | None:
        """The connection's stream, if there is one."""
        return getattr(self._transport, "_io_writer", None)

    async def _told_error(self, error: Exception) -> None:
        self._owner.client_error(self, str(error) or type(error).__name__)

    async def _told_disconnected(self) -> None:
        self._down()

    async def _told_closed(self) -> None:
        self._owner.client_closed(self)

    async def _told_reconnected(self) -> None:
        self.up = True
        self._owner.client_up(self)

    async def _told_discovered(self) -> None:
        """More servers of the cluster; nats-py keeps their addresses."""

    def _write_due(self) -> None:
        self._write_is_due = False
        self.write_out()

    def _down(self) -> None:
        if self.up:
            self.up = False
            for pong in self._pongs:
                pong.cancel()
            self._owner.client_down(self)

    def _task_ended(self, task: asyncio.Task[Any]) -> None:
        """The reading or writing task ended; when nats-py did not want that, nothing would ever arrive again."""
        if self.is_connected and task in {self._reading_task, self._flusher_task}:
            self.mend()

    async def force_reconnect(self) -> None:
        """Start a reconnect unless one is under way."""
        self._break()
        await super().force_reconnect()

    async def _process_op_err(self, e: Exception) -> None:
        self._break()
        await super()._process_op_err(e)

    def _break(self) -> None:
        """The link is broken: nobody waits until a frozen server has read what was written to it."""
        if self.is_connected:
            self.abort()
            self._down()

    async def _attempt_reconnect(self) -> None:
        """Reconnect; an error that nats-py does not expect closes this client, so that its owner makes another."""
        try:
            await super()._attempt_reconnect()
        except Exception as error:  # noqa: BLE001 - whatever it is, it would leave the client reconnecting for ever
            await self._told_error(error)
            self._mending = self._loop.create_task(self.close())

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        self.write_out()
        self._down()
        await super()._close(status, do_cbs)

    async def _connect_to_server(self, s: Srv) -> None:
        """Connect; nats-py leaves the socket of an attempt that failed half-way open."""
        self.abort()
        await super()._connect_to_server(s)

    async def _process_connect_init(self) -> None:
        """Begin each connection with a clean parser and an empty buffer, and hear of the end of its tasks."""
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None:
                task.cancel()  # of a reconnect that failed half-way
        self._ps.reset()
        self.forget_unsent()
        await super()._process_connect_init()
        for task in (self._reading_task, self._flusher_task):
            if task is not None:
                task.add_done_callback(self._task_ended)

    async def _process_pong(self) -> None:
        """Count the PONG even if whoever asked for it gave up: setting that result would end the reading task."""
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = self._loop.create_future()
        await super()._process_pong()

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        """Call the message's route, here and now."""
        route = self._routes.get(sid)
        if route is None:
            return
        try:
            route(subject.decode(), reply.decode(), data, headers_of(headers) if headers else None)
        except Exception as error:  # noqa: BLE001 - whatever a route raises must not end the reading task
            self._owner.client_fault(f"the handler of a message on {subject.decode(errors='replace')} raised {error!r}")
        self._in_burst += 1
        if self._in_burst >= BURST:
            self._in_burst = 0
            await asyncio.sleep(0)
