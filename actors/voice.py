"""The runtime's own words: beats, alerts and log lines. Not the actor's, so `pitwire verify` does not compare them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from actors.error_text import encodable
from actors.logs import log_alert
from bus.clock import wall_us
from schemas.codec import encode
from schemas.health import Alert
from schemas.registry import subject_of

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

    from actors.actor import Actor
    from bus.interface import Bus
    from schemas.base import Event

__all__ = ["Voice"]


class Voice:
    """Speaks in an actor's name with the wall clock's time. `counters` keep how often each alert was raised."""

    def __init__(self, actor: Actor, bus: Bus) -> None:
        self.counters: Counter[str] = Counter()
        self._actor = actor
        self._bus = bus
        self._sequences: Counter[str] = Counter()
        self._seconds: dict[str, int] = {}
        self._log: BoundLogger | None = None

    def write_to(self, log: BoundLogger) -> None:
        """Write alerts into the actor's own log as well, from now on."""
        self._log = log

    def own(self, event: Event) -> bool:
        """Whether it was sent by this actor, by this incarnation."""
        return event.source == self._actor.name and event.incarnation == self._actor.incarnation

    def say(self, event: Event) -> None:
        """Publish an event, at most once."""
        subject = subject_of(event)
        self._sequences[subject] += 1
        stamped = msgspec.structs.replace(
            event,
            source=self._actor.name,
            incarnation=self._actor.incarnation,
            sequence=self._sequences[subject],
            time=wall_us(),
        )
        self._bus.publish(subject, encode(stamped))

    def alert(self, severity: Literal["info", "warning", "critical"], code: str, text: str) -> None:
        """Raise an alert; of one code at most one a second is sent, all are counted. Any text can be sent."""
        self.counters[f"alerts_{code}"] += 1
        second = wall_us() // 1_000_000
        if self._seconds.get(code) != second:
            self._seconds[code] = second
            text = encodable(text)
            if self._log is not None:  # first, because the bus may be what is in trouble
                log_alert(self._log, severity, code, text)
            self.say(Alert(severity=severity, code=code, text=text, actor=self._actor.name))
