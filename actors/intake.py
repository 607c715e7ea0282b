"""An actor's intake: its subscriptions, decoded, in order and without holes, as mailbox entries.

Owns the subscriptions, the catch-ups of those that a stream backs, and the acks of those that a durable consumer feeds.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from actors.catchup import Catchup
from actors.effects import EventIn
from actors.mailbox import Entry
from bus.clock import wall_us
from bus.matching import matches
from schemas.codec import CodecError, decode
from schemas.market import Tick
from schemas.registry import at_home

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from actors.actor import Subscribe
    from actors.runtime import Scheduler
    from actors.voice import Voice
    from bus.interface import Bus, Incoming
    from schemas.base import Event

__all__ = ["Intake"]

_TICKS = frozenset({"md.>", "md.tick.>", "md.tick.*.*"})


class Intake:
    """Feeds `put(entry, lane)`."""

    def __init__(
        self,
        bus: Bus,
        scheduler: Scheduler,
        voice: Voice,
        put: Callable[[Entry, Literal["control", "data"]], None],
    ) -> None:
        self._bus = bus
        self._scheduler = scheduler
        self._voice = voice
        self._put = put
        self._catchups: list[Catchup] = []
        self._acks: dict[tuple[str, int], Callable[[], None]] = {}

    def subscribe(self, subscriptions: Sequence[Subscribe], recovered: Sequence[Incoming], *, ticks: bool) -> None:
        """Subscribe to all. `recovered`: the stream messages that the actor's state already holds. `ticks`: take ticks
        in any case, for they are the clock.
        """
        for wanted in subscriptions:
            self._subscribe(wanted, recovered)
        if ticks and not any(wanted.subject in _TICKS for wanted in subscriptions):
            self._bus.subscribe("md.tick.>", self._tick_passes)

    def lost(self) -> None:
        """The link is lost: what a stream backs waits for `catch_up`."""
        for catchup in self._catchups:
            catchup.lost()

    async def catch_up(self) -> None:
        """Fill in what was missed on every subscription that a stream backs."""
        for catchup in self._catchups:
            await catchup.catch_up()

    def acknowledge(self, stream: str, sequence: int) -> None:
        """Ack a message of a durable consumer. Nothing happens when it is not (or no longer) waiting for one."""
        ack = self._acks.pop((stream, sequence), None)
        if ack is not None:
            ack()

    def _subscribe(self, wanted: Subscribe, recovered: Sequence[Incoming]) -> None:
        if wanted.durable:
            self._bus.consume(wanted.stream, wanted.durable, lambda incoming: self._consumed(wanted, incoming))
        elif wanted.stream:
            catchup = Catchup(
                self._bus,
                wanted.stream,
                wanted.subject,
                lambda incoming, event: self._caught(wanted, incoming, event),
                lambda text: self._voice.alert("warning", "gap", text),
            )
            for incoming in recovered:
                if matches(wanted.subject, incoming.subject):
                    with contextlib.suppress(CodecError):  # the recovery has passed it over too
                        catchup.prime(incoming, decode(incoming.data))
            self._catchups.append(catchup)
            self._bus.subscribe(wanted.subject, lambda incoming: self._followed(catchup, incoming))
        else:
            self._bus.subscribe(wanted.subject, lambda incoming: self._arrived(wanted, incoming))

    def _decoded(self, incoming: Incoming) -> Event | None:
        try:
            return decode(incoming.data)
        except CodecError as error:
            self._voice.alert("warning", "malformed", f"{incoming.subject}: {error}")
            return None

    def _arrived(self, wanted: Subscribe, incoming: Incoming) -> None:
        event = self._decoded(incoming)
        if event is not None:
            self._deliver(wanted, incoming, event)

    def _followed(self, catchup: Catchup, incoming: Incoming) -> None:
        event = self._decoded(incoming)
        if event is not None and catchup.arrived(incoming, event):
            self._scheduler.spawn(catchup.catch_up())

    def _caught(self, wanted: Subscribe, incoming: Incoming, event: Event) -> None:
        """What this very incarnation stored is no news to it, and would only hold up the ack behind it."""
        if not self._voice.own(event):
            self._deliver(wanted, incoming, event)

    def _consumed(self, wanted: Subscribe, incoming: Incoming) -> None:
        event = self._decoded(incoming)
        if event is None:
            if incoming.ack is not None:
                incoming.ack()
            return
        if incoming.ack is not None:
            self._acks[wanted.stream, incoming.stream_seq] = incoming.ack
        self._deliver(wanted, incoming, event)

    def _deliver(self, wanted: Subscribe, incoming: Incoming, event: Event) -> None:
        """Into the mailbox, unless it is an event of another family: an order in a hello is a forgery. What a durable
        consumer gives the actor must deal with itself, so that it is acked.
        """
        if not wanted.durable and not at_home(event, incoming.subject):
            self._voice.alert("critical", "misplaced", f"{type(event).__name__} on {incoming.subject}: not believed")
            return
        message = EventIn(
            incoming.subject,
            event,
            incoming.reply if not wanted.durable else "",
            wanted.stream if wanted.durable else "",
            incoming.stream_seq if wanted.durable else 0,
        )
        entry = Entry(
            message,
            incoming.data,
            wall_us(),
            tick_at=event.at if isinstance(event, Tick) else 0,
            conflate=incoming.subject if wanted.conflate else "",
        )
        self._put(entry, wanted.lane)

    def _tick_passes(self, incoming: Incoming) -> None:
        """Simulated time for an actor that does not want the ticks themselves."""
        event = self._decoded(incoming)
        if isinstance(event, Tick):
            self._put(Entry(None, tick_at=event.at), "data")
