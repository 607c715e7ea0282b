"""The bus over a nats-server.

Publishes and consumes whatever its owner asks for; its own are the reply inbox, `$JS.API.CONSUMER.MSG.NEXT` and
`$JS.ACK` for consumers and `$JS.API.DIRECT.GET` for history. Everything above this file sees only `bus.interface.Bus`.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping

from bus.calls import Call, Calls, RequestCall, StoreCall
from bus.clock import Clock
from bus.directget import DirectGet
from bus.interface import BusError, Handler, Incoming, LinkHandler, Replied, Stored, Subscription
from bus.link import BusStats, Link
from bus.natsclient import ConnectSettings
from bus.pull import Pull
from bus.trouble import TroubleHandler
from bus.wire import command
from schemas.token import token

__all__ = ["NatsBus"]

_FLUSH_US = 10_000_000


class NatsBus:
    """`bus.interface.Bus` over one NATS connection.

    `url` is `nats://host:port` or `tls://host:port`; `name` is the actor's name, shown by the server's monitoring;
    `seed` is an NKey user seed in memory, "" for a server without identities; `inbox_prefix` is where all replies come
    in, by default `_INBOX.<name as a token>`.

    The handlers, `done` callbacks and link handlers given to it are called in the event loop and should only put what
    they get into a mailbox; one that raises is counted and reported, and stops nothing. Timeouts are real time,
    whatever the clock: in SIM a lost answer must end too.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        clock: Clock,
        seed: str = "",
        inbox_prefix: str = "",
        tls: ssl.SSLContext | None = None,
        connect_timeout_us: int = 5_000_000,
    ) -> None:
        self.clock = clock
        prefix = inbox_prefix or f"_INBOX.{token(name)}"
        self._link = Link(ConnectSettings(url, name, prefix, connect_timeout_us, seed, tls))
        self._calls = Calls(self._link)

    @property
    def stats(self) -> BusStats:
        """The counters since this bus was made."""
        return self._link.stats

    @property
    def dropped(self) -> int:
        """Messages not sent because the link was down."""
        return self._link.stats.dropped

    @property
    def up(self) -> bool:
        """Whether the link is up now."""
        return self._link.up

    @property
    def server_version(self) -> str:
        """The version of the server that it is, or was last, connected to; "" before the first connection."""
        return self._link.server_version

    async def open(self) -> None:
        """Connect.

        Raises:
            BusError: no server answers within the connect timeout, or it refuses this identity.
        """
        await self._link.open()

    async def close(self) -> None:
        """Flush what was published, then disconnect; calls under way end with "timeout"."""
        await self._link.close()
        self._calls.fail_all("timeout")

    async def flush(self, timeout_us: int = _FLUSH_US) -> None:
        """Return when the server has processed everything published and subscribed before.

        Raises:
            BusError: the link is down, broke meanwhile, or the server was silent for `timeout_us`.
        """
        await self._link.flush(timeout_us)

    def publish(self, subject: str, data: bytes, *, headers: Mapping[str, str] | None = None, reply: str = "") -> None:
        """Send, at most once; dropped and counted while the link is down.

        Raises:
            BusError: the subject, a header or the size cannot be sent, or the bus is not open.
        """
        if self._link.send(self._checked(subject, command(subject, data, reply, headers))):
            self._link.stats.published += 1
        else:
            self._link.stats.dropped += 1

    def publish_stored(
        self,
        subject: str,
        data: bytes,
        *,
        msg_id: str,
        done: Callable[[Stored], None],
        expect_last: int | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_us: int = 2_000_000,
    ) -> None:
        """Send to the stream that captures `subject` and report its ack.

        `done` gets "timeout" at once when the link is down or breaks: after `on_link(True)` repeat with the same
        `msg_id`. "no_responders": no stream captures the subject, or JetStream is still starting.

        Raises:
            BusError: the subject, a header or the size cannot be sent, or the bus is not open.
        """
        named = {"Nats-Msg-Id": msg_id}
        if expect_last is not None:
            named["Nats-Expected-Last-Subject-Sequence"] = str(expect_last)
        if headers:
            named.update(headers)
        self._call(StoreCall(subject, done), data, named, timeout_us, "timeout")

    def request(
        self,
        subject: str,
        data: bytes,
        *,
        timeout_us: int,
        done: Callable[[Replied], None],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send and wait for one answer; "no_responders" when the link is down, "timeout" when it breaks meanwhile.

        Raises:
            BusError: the subject, a header or the size cannot be sent, or the bus is not open.
        """
        self._call(RequestCall(subject, done), data, headers, timeout_us, "no_responders")

    def subscribe(self, subject: str, handler: Handler) -> Subscription:
        """Deliver core messages in the order of arrival. What was published while the link was down is missed."""
        stats = self._link.stats

        def arrived(at: str, reply: str, data: bytes, headers: Mapping[str, str] | None) -> None:
            stats.delivered += 1
            handler(Incoming(at, data, reply, headers))

        return self._link.route(subject, arrived)

    def consume(self, stream: str, durable: str, handler: Handler) -> Subscription:
        """Deliver a durable pull consumer's messages without a gap; each one not acked by its `ack` comes again.

        After a server was killed acked messages come again too, with `redelivered` false: tell them by `stream_seq`.
        """
        return Pull(self._link, stream, durable, handler)

    async def history(self, stream: str, subjects: list[str], from_seq: int = 1) -> list[Incoming]:
        """Everything the stream holds now on `subjects` from sequence `from_seq`, in order, each message once.

        Raises:
            BusError: the stream cannot be read: not there, no direct access, not permitted, no link for too long.
        """
        return await DirectGet(self._link, stream).read(subjects, from_seq)

    def on_link(self, handler: LinkHandler) -> None:
        """Call `handler(True)` after each (re)connect, when all subscriptions are in place, `handler(False)` after each
        loss. A server that cuts a slow reader off is a loss: messages are missing then.
        """
        self._link.on_change(handler)

    def on_trouble(self, handler: TroubleHandler) -> None:
        """Tell `handler`, at most once a second for each kind, what went wrong on the link, in one line for people."""
        self._link.trouble.on_trouble(handler)

    def _call(
        self, call: Call, data: bytes, headers: Mapping[str, str] | None, timeout_us: int, when_down: str
    ) -> None:
        reply = self._calls.next_reply()
        if self._link.send(self._checked(call.subject, command(call.subject, data, reply, headers))):
            self._link.stats.published += 1
            self._calls.add(reply, call, timeout_us)
        else:
            self._link.stats.dropped += 1
            self._calls.end_later(call, when_down)

    def _checked(self, subject: str, wire: bytes) -> bytes:
        if len(wire) > self._link.max_payload > 0:
            raise BusError(f"{subject}: {len(wire)} bytes are more than the server takes ({self._link.max_payload})")
        return wire
