"""A durable pull consumer read without a pause: each message arrives the moment it is stored.

Publishes `$JS.API.CONSUMER.MSG.NEXT.<stream>.<durable>` and `$JS.ACK.<stream>.<durable>.>`, and needs no other right.
There is always a request for more messages waiting at the server; it is renewed before it is used up, when it expires,
after a reconnect, and when the server's heartbeats stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from bus.interface import Handler, Incoming
from bus.link import Link
from bus.wire import DESCRIPTION, STATUS, checked, command

__all__ = ["Pull", "delivery_of"]

_BATCH = 512
_REFILL = _BATCH // 2
_EXPIRES_NS = 30_000_000_000
_HEARTBEAT_NS = 2_000_000_000
_SILENCE_S = 2.5 * _HEARTBEAT_NS / 1e9
_AGAIN_S = 0.25
_REQUEST_TIMEOUT = "408"
_CONFLICT = "409"
_HEARTBEAT = "100"
# A consumer's reply subject: $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>, with
# <domain>.<account> before the stream and perhaps a token behind in the newer layout.
_OLD_LAYOUT = 9


def delivery_of(reply: str) -> tuple[int, int]:
    """Stream sequence and number of deliveries, from the reply subject of a consumer's message.

    Raises:
        ValueError: it is not such a subject.
    """
    tokens = reply.split(".")
    at = 4 if len(tokens) == _OLD_LAYOUT else 6
    if len(tokens) < _OLD_LAYOUT or not reply.startswith("$JS.ACK."):
        raise ValueError(f"{reply!r} is not a JetStream ack subject")
    return int(tokens[at + 1]), int(tokens[at])


class Pull:
    """One consumer's messages for one handler. `close` ends it; what is not acked by then comes again to the next."""

    def __init__(self, link: Link, stream: str, durable: str, handler: Handler) -> None:
        self._link = link
        self._handler = handler
        self._name = f"{stream}.{durable}"
        self._next = checked(f"$JS.API.CONSUMER.MSG.NEXT.{self._name}")
        self._wanted = 0  # messages that the server may still send on our requests
        self._heard = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._inbox = link.new_inbox("pull")
        self._routed = link.route(self._inbox, self._arrived)
        link.on_change(self._link_changed)
        if link.up:
            self._begin()

    def close(self) -> None:
        """Stop delivering. Idempotent."""
        self._closed = True
        self._routed.close()
        self._link.forget(self._link_changed)
        self._stop_timer()

    def _link_changed(self, up: bool) -> None:
        self._stop_timer()
        self._wanted = 0
        if up:
            self._begin()

    def _begin(self) -> None:
        """Ask as if nothing had been asked before, and expect to hear something within the heartbeat's time."""
        if self._closed:
            return
        self._wanted = 0
        self._heard = False
        self._ask()
        self._again_in(_SILENCE_S, self._check)

    def _ask(self) -> None:
        missing = _BATCH - self._wanted
        body = {"batch": missing, "expires": _EXPIRES_NS, "idle_heartbeat": _HEARTBEAT_NS}
        if self._link.send(command(self._next, msgspec.json.encode(body), self._inbox)):
            self._wanted += missing

    def _check(self) -> None:
        if self._heard:
            self._heard = False
            self._again_in(_SILENCE_S, self._check)
        else:
            self._link.trouble.tell("pull", f"consumer {self._name}: no heartbeat; asking again")
            self._begin()

    def _arrived(self, subject: str, reply: str, data: bytes, headers: Mapping[str, str] | None) -> None:
        self._heard = True
        if not reply:
            self._status(headers or {})
            return
        self._wanted -= 1
        if self._wanted <= _REFILL:
            self._ask()
        stream_seq, deliveries = delivery_of(reply)
        self._link.stats.delivered += 1
        self._handler(Incoming(subject, data, "", headers, stream_seq, deliveries > 1, partial(self._ack, reply)))

    def _ack(self, reply: str) -> None:
        """Acknowledge; without a link that is lost, and the message comes again."""
        if self._link.up:
            self._link.send(command(reply, b"+ACK"))

    def _status(self, headers: Mapping[str, str]) -> None:
        code = headers.get(STATUS, "")
        if code == _HEARTBEAT:
            return
        reason = headers.get(DESCRIPTION, "")
        if code == _REQUEST_TIMEOUT or (code == _CONFLICT and "Nats-Pending-Messages" in headers):
            # A request ended with this much of its batch unused.
            self._wanted = max(0, self._wanted - int(headers.get("Nats-Pending-Messages", "0")))
            if self._wanted <= _REFILL:
                self._ask()
            return
        # No such consumer, no JetStream yet, leader moved, server shutting down: nothing of what was asked is left.
        self._link.trouble.tell("pull", f"consumer {self._name}: {code} {reason}".rstrip())
        self._wanted = 0
        self._again_in(_AGAIN_S, self._begin)

    def _again_in(self, seconds: float, what: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, what)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
