"""The bus as actors see it: one interface, two buses.

Owns the types that `NatsBus` (live, over a nats-server) and `LocalBus` (in-process, single-threaded) share. Nothing
here does I/O. Every call returns at once; results come back through the `done` callback, exactly once, on the bus's own
thread, never from inside the call itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from bus.clock import Clock

__all__ = ["Bus", "BusError", "Handler", "Incoming", "LinkHandler", "Replied", "Stored", "Subscription"]


class BusError(Exception):
    """The bus cannot do what was asked and repeating it as it is will not help (refused, misused, closed)."""


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """A message as it arrived: `stream_seq` is 0 unless it was read from a stream."""

    subject: str
    data: bytes
    reply: str = ""
    headers: Mapping[str, str] | None = None
    stream_seq: int = 0
    redelivered: bool = False
    ack: Callable[[], None] | None = None


class Stored(msgspec.Struct, frozen=True):
    """The outcome of `publish_stored`: `seq` > 0 and no error, or an error.

    `error` is "" (stored), "wrong_sequence" (another message is already the subject's last: a second writer),
    "timeout" (it may still be stored: repeat with the same `msg_id`), "full", "denied" or the server's own text.
    """

    seq: int = 0
    duplicate: bool = False
    error: str = ""


class Replied(msgspec.Struct, frozen=True):
    """The outcome of `request`: the answer, or an error.

    `error` is "" (answered), "timeout" (it may still be executed), "no_responders" (nobody received it), "denied" or a
    service's own error text.
    """

    data: bytes = b""
    error: str = ""


Handler = Callable[[Incoming], None]
LinkHandler = Callable[[bool], None]


class Subscription(Protocol):
    """A live subscription or consumer."""

    def close(self) -> None:
        """Stop delivering. Idempotent."""


class Bus(Protocol):
    """What an actor's runtime may do with the bus. Subjects are plain NATS subjects with `*` and `>`.

    Payloads are whole JSON documents in bytes. Publishes from one bus keep their order, `publish`, `publish_stored` and
    `request` among one another included.
    """

    @property
    def clock(self) -> Clock:
        """The time of this bus's actors."""

    async def open(self) -> None:
        """Connect. Raises BusError when that is refused or not possible within the settings' time."""

    async def close(self) -> None:
        """Flush what was published, then disconnect. Idempotent; never raises because the server is gone."""

    async def flush(self) -> None:
        """Return when the server has processed everything published and subscribed before."""

    def publish(self, subject: str, data: bytes, *, headers: Mapping[str, str] | None = None, reply: str = "") -> None:
        """Send, at most once. While the link is down the message is dropped and `dropped` counts it: never late."""

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
        """Send to the stream that captures `subject` and report its ack. `msg_id` de-duplicates within the window.

        `expect_last`: the sequence of the subject's last message, 0 for none; another value is refused
        ("wrong_sequence").
        """

    def request(
        self,
        subject: str,
        data: bytes,
        *,
        timeout_us: int,
        done: Callable[[Replied], None],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send and wait for one answer."""

    def subscribe(self, subject: str, handler: Handler) -> Subscription:
        """Deliver core messages, in the order of arrival, across a reconnect as well."""

    def consume(self, stream: str, durable: str, handler: Handler) -> Subscription:
        """Deliver a durable pull consumer's messages without a gap; each one not acked by its `ack` comes again."""

    async def history(self, stream: str, subjects: list[str], from_seq: int = 1) -> list[Incoming]:
        """Everything the stream holds now on `subjects` from sequence `from_seq`, in order."""

    def on_link(self, handler: LinkHandler) -> None:
        """Call `handler(True)` after each (re)connect, `handler(False)` when the link is lost or messages were lost."""
