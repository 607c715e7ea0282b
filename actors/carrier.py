"""Carries effects out, in the order in which they were returned.

A `Store` holds up everything behind it until it is durable; when it fails, what stands behind it does not happen. Owns
the timers, the outgoing headers and the guard's signature.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from actors.effects import (
    Acknowledge,
    Answer,
    CancelTimer,
    Effect,
    Message,
    Publish,
    PublishStored,
    ReplyIn,
    Request,
    SetTimer,
    Store,
    StoredIn,
    TimerIn,
)
from bus.clock import SimClock, wall_us
from bus.interface import BusError
from schemas.clearance import sign
from schemas.codec import CodecError, decode
from schemas.market import Tick
from schemas.order import OrderCleared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nacl.signing import SigningKey

    from actors.cell import Outgoing
    from actors.intake import Intake
    from actors.voice import Voice
    from bus.clock import TimerHandle
    from bus.interface import Bus, Replied, Stored

__all__ = ["RECEIVED", "SENT", "Carrier", "StatementRunner"]

SENT = "Pitwire-Sent"
"""Header: when it was published, wall-clock UTC microseconds."""
RECEIVED = "Pitwire-Received"
"""Header: when the message that led to this one arrived, wall-clock UTC microseconds."""

_UNSIGNED = b'"signature":""}'


class StatementRunner(Protocol):
    """The actor's own database: one durable transaction a call, in the order of the calls."""

    def run(
        self,
        statements: Sequence[tuple[str, tuple[int | float | str | bytes | None, ...]]],
        done: Callable[[str], None],
    ) -> None:
        """`done("")` after the commit, or with the error's text; never from inside the call."""


class Carrier:
    """One actor's way out. `result(message, data, stamp)` takes what comes back; `stored(error)` is told when a `Store`
    has ended, before the effects behind it go on.
    """

    def __init__(
        self,
        bus: Bus,
        intake: Intake,
        voice: Voice,
        *,
        database: StatementRunner | None,
        signing_key: SigningKey | None,
        result: Callable[[Message, bytes, int], None],
        stored: Callable[[str], None],
        fatal: Callable[[str], None],
    ) -> None:
        self.busy = False
        self._bus = bus
        self._intake = intake
        self._voice = voice
        self._database = database
        self._key = signing_key
        self._result = result
        self._stored = stored
        self._fatal = fatal
        self._sim = bus.clock if isinstance(bus.clock, SimClock) else None
        self._timers: dict[str, TimerHandle] = {}
        self._pending: deque[tuple[Outgoing, int]] = deque()

    def carry(self, outgoing: Sequence[Outgoing], received_us: int) -> None:
        """Carry out, behind what is still pending. `received_us`: when the message that led to it arrived, or 0."""
        self._pending.extend((out, received_us) for out in outgoing)
        self._go_on()

    def _go_on(self) -> None:
        while self._pending and not self.busy:
            out, received_us = self._pending.popleft()
            try:
                self._one(out, received_us)
            except BusError as error:
                self._voice.alert("critical", "unsendable", f"{out.subject}: {error}")
                self._unsent(out.effect)

    def _unsent(self, effect: Effect) -> None:
        """Whoever waits for an outcome is told that there was none."""
        if isinstance(effect, PublishStored):
            self._result(StoredIn(effect.key, error="unsendable"), b"", 0)
        elif isinstance(effect, Request):
            self._result(ReplyIn(effect.key, error="unsendable"), b"", 0)

    def _one(self, out: Outgoing, received_us: int) -> None:
        effect = out.effect
        if isinstance(effect, Publish):
            self._publish(out, effect, received_us)
        elif isinstance(effect, Store):
            self._store(effect)
        elif isinstance(effect, PublishStored):
            self._publish_stored(out, effect, received_us)
        elif isinstance(effect, Request):
            self._request(out, effect, received_us)
        elif isinstance(effect, Answer):
            self._bus.publish(effect.reply, out.data, headers=_headers(received_us))
        elif isinstance(effect, SetTimer):
            self._set_timer(effect)
        elif isinstance(effect, CancelTimer):
            self._cancel(effect.key)
        elif isinstance(effect, Acknowledge):
            self._intake.acknowledge(effect.stream, effect.seq)

    def _publish(self, out: Outgoing, effect: Publish, received_us: int) -> None:
        data = out.data
        event = effect.event
        if effect.sign and isinstance(event, OrderCleared):
            if self._key is None or not data.endswith(_UNSIGNED):
                self._fatal("asked to sign without a key")
                return
            signature = sign(self._key, event.terms, event.order_class, event.epoch)
            data = data[: -len(_UNSIGNED)] + b'"signature":"' + signature.encode() + b'"}'
        self._bus.publish(out.subject, data, headers=_headers(received_us))
        if self._sim is not None and isinstance(event, Tick):
            self._sim.advance(event.at)

    def _publish_stored(self, out: Outgoing, effect: PublishStored, received_us: int) -> None:
        def done(stored: Stored) -> None:
            self._result(StoredIn(effect.key, stored.seq, stored.error), b"", 0)

        self._bus.publish_stored(
            out.subject,
            out.data,
            msg_id=effect.msg_id,
            expect_last=0 if effect.first else None,
            headers=_headers(received_us),
            done=done,
        )

    def _request(self, out: Outgoing, effect: Request, received_us: int) -> None:
        def done(replied: Replied) -> None:
            if replied.error:
                self._result(ReplyIn(effect.key, error=replied.error), b"", 0)
                return
            try:
                event = decode(replied.data)
            except CodecError as error:
                self._result(ReplyIn(effect.key, error=str(error)), b"", 0)
                return
            self._result(ReplyIn(effect.key, event), replied.data, 0)

        headers = _headers(received_us)
        self._bus.request(out.subject, out.data, timeout_us=effect.timeout_us, headers=headers, done=done)

    def _set_timer(self, effect: SetTimer) -> None:
        self._cancel(effect.key)

        def fire() -> None:
            self._timers.pop(effect.key, None)
            self._result(TimerIn(effect.key), b"", self._sim.now() if self._sim is not None else 0)

        self._timers[effect.key] = self._bus.clock.call_at(effect.at, fire)

    def _cancel(self, key: str) -> None:
        handle = self._timers.pop(key, None)
        if handle is not None:
            handle.cancel()

    def _store(self, effect: Store) -> None:
        if self._database is None:
            self._fatal("asked to store without a database")
            return
        self.busy = True

        def done(error: str) -> None:
            self.busy = False
            if error:
                self._pending.clear()
            self._stored(error)
            self._go_on()

        self._database.run(effect.statements, done)


def _headers(received_us: int) -> dict[str, str]:
    if received_us:
        return {SENT: str(wall_us()), RECEIVED: str(received_us)}
    return {SENT: str(wall_us())}
