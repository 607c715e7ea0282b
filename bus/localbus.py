"""The in-process bus: single-threaded, deterministic, with simulated time.

The same interface as `NatsBus`, for floors inside one process: tests, parity runs, backtests of Python strategies.
Nothing happens inside a call: deliveries, acks and answers wait in one queue that `run` works off in order. Streams
keep every message in memory.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from bus.clock import SimClock
from bus.interface import Incoming, Replied, Stored
from bus.matching import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from typing import Any

    from bus.interface import Handler, LinkHandler, Subscription

__all__ = ["LocalBus"]

_CAPTURED = {
    "ORDERS": ("order.update.>", "venue.report.>", "session.state.>", "risk.state.>", "audit.>"),
    "FLOW": ("signal.>", "order.intent.>", "order.cleared.>", "order.refused.>", "alert.>", "account.>", "pnl.>"),
}


class _Subscribed:
    """One subscription."""

    def __init__(self, pattern: str, handler: Handler) -> None:
        self.pattern = pattern
        self.handler: Handler | None = handler

    def close(self) -> None:
        """Deliver no more."""
        self.handler = None


class LocalBus:
    """Bus and scheduler in one. `streams`: the subjects that each stream captures, by its name."""

    def __init__(self, clock: SimClock | None = None, streams: Mapping[str, tuple[str, ...]] = _CAPTURED) -> None:
        self.clock = clock if clock is not None else SimClock()
        self.dropped = 0
        self._queue: deque[Callable[[], object]] = deque()
        self._subscriptions: list[_Subscribed] = []
        self._routes: dict[str, tuple[list[_Subscribed], tuple[str, ...]]] = {}
        self._captured = dict(streams)
        self._streams: dict[str, list[Incoming]] = {name: [] for name in streams}
        self._ids: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = {}
        self._waiting: dict[str, Callable[[Replied], None]] = {}
        self._requests = 0

    # ---- the scheduler

    def soon(self, callback: Callable[[], object]) -> None:
        """Queue a call."""
        self._queue.append(callback)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine to its end: on this bus none ever waits."""
        self._queue.append(lambda: drive(work))

    def run(self, limit: int = 0) -> int:
        """Work the queue off; the number of calls made. `limit` > 0 stops after that many."""
        done = 0
        queue = self._queue
        while queue and (not limit or done < limit):
            queue.popleft()()
            done += 1
        return done

    # ---- the bus

    async def open(self) -> None:
        """Always open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def flush(self) -> None:
        """Everything is in the queue already."""

    def publish(self, subject: str, data: bytes, *, headers: Mapping[str, str] | None = None, reply: str = "") -> None:
        """Deliver to every subscriber, in the order of their subscribing, and to the stream that captures it."""
        incoming = Incoming(subject, data, reply, headers)
        self._capture(incoming)
        self._deliver(incoming)

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
        """Store, ack, deliver."""
        del timeout_us
        stream = self._stream_of(subject)
        if not stream:
            self.soon(lambda: done(Stored(error="no_responders")))
            return
        known = self._ids.get((stream, msg_id))
        if known is not None:
            self.soon(lambda: done(Stored(known, duplicate=True)))
            return
        if expect_last is not None and expect_last != self._last.get(subject, 0):
            self.soon(lambda: done(Stored(error="wrong_sequence")))
            return
        incoming = Incoming(subject, data, "", headers)
        sequence = self._capture(incoming)
        self._ids[stream, msg_id] = sequence
        self._deliver(incoming)
        self.soon(lambda: done(Stored(sequence)))

    def request(
        self,
        subject: str,
        data: bytes,
        *,
        timeout_us: int,
        done: Callable[[Replied], None],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Ask. Without a subscriber the answer is "no_responders"; time never runs out here."""
        del timeout_us
        if not self._route(subject)[0]:
            self.soon(lambda: done(Replied(error="no_responders")))
            return
        self._requests += 1
        inbox = f"_INBOX.local.{self._requests}"
        self._waiting[inbox] = done
        self._deliver(Incoming(subject, data, inbox, headers))

    def subscribe(self, subject: str, handler: Handler) -> Subscription:
        """Core messages."""
        subscribed = _Subscribed(subject, handler)
        self._subscriptions.append(subscribed)
        self._routes.clear()
        return subscribed

    def consume(self, stream: str, durable: str, handler: Handler) -> Subscription:
        """The stream from its beginning, then what follows. `durable` is a name only: this bus forgets acks."""
        del durable
        for incoming in self._streams[stream]:
            self._queue.append(lambda incoming=incoming: handler(incoming))  # type: ignore[misc]
        subscribed = _Subscribed(f"\0{stream}", handler)
        self._subscriptions.append(subscribed)
        self._routes.clear()
        return subscribed

    async def history(self, stream: str, subjects: list[str], from_seq: int = 1) -> list[Incoming]:
        """What the stream holds."""
        return [
            incoming
            for incoming in self._streams[stream]
            if incoming.stream_seq >= from_seq and any(matches(pattern, incoming.subject) for pattern in subjects)
        ]

    def on_link(self, handler: LinkHandler) -> None:
        """The link never breaks."""

    # ---- inside

    def _stream_of(self, subject: str) -> str:
        for name, patterns in self._captured.items():
            if any(matches(pattern, subject) for pattern in patterns):
                return name
        return ""

    def _route(self, subject: str) -> tuple[list[_Subscribed], tuple[str, ...]]:
        route = self._routes.get(subject)
        if route is None:
            stream = self._stream_of(subject)
            takers = [one for one in self._subscriptions if one.handler and matches(one.pattern, subject)]
            route = self._routes[subject] = (takers, (stream,) if stream else ())
        return route

    def _capture(self, incoming: Incoming) -> int:
        sequence = 0
        for stream in self._route(incoming.subject)[1]:
            kept = self._streams[stream]
            sequence = len(kept) + 1
            stored = Incoming(incoming.subject, incoming.data, "", incoming.headers, sequence)
            kept.append(stored)
            self._last[incoming.subject] = sequence
            for one in self._subscriptions:
                if one.pattern == f"\0{stream}" and one.handler:
                    self._call(one, stored)
        return sequence

    def _deliver(self, incoming: Incoming) -> None:
        waiting = self._waiting.pop(incoming.subject, None)
        if waiting is not None:
            self.soon(lambda: waiting(Replied(incoming.data)))
            return
        for one in self._route(incoming.subject)[0]:
            self._call(one, incoming)

    def _call(self, one: _Subscribed, incoming: Incoming) -> None:
        def call() -> None:
            if one.handler is not None:
                one.handler(incoming)

        self._queue.append(call)


def drive(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    message = "a coroutine waited on the in-process bus"
    raise RuntimeError(message)
