"""One place of the floor and the process that fills it at present."""

from __future__ import annotations

import asyncio
from typing import Literal

from actors.children import Child
from actors.floor_plan import Place
from actors.floor_status import ActorStatus
from actors.pulse import Pulse
from actors.restart_budget import RestartBudget
from schemas.health import ProcessState

__all__ = ["Post"]

State = Literal["starting", "alive", "late", "dead", "stopped", "failed"]
_ENDED: dict[State, Literal["failed", "stopped"]] = {"failed": "failed", "stopped": "stopped"}


class Post:
    """Everything that is known of one place. `ready` is set when its process has beaten for the first time."""

    def __init__(self, place: Place, budget: RestartBudget) -> None:
        self.place = place
        self.budget = budget
        self.child: Child | None = None
        self.pulse = Pulse(0, 0)
        self.incarnation = 0
        self.started_us = 0
        self.state: State = "starting"
        self.reason = ""
        self.ended = ""
        self.ready = asyncio.Event()
        self.told: ProcessState | None = None

    def filled(self, child: Child, incarnation: int, now_us: int) -> None:
        """A process was started for it; `now_us` is monotonic."""
        self.child = child
        self.incarnation = incarnation
        self.started_us = now_us
        self.pulse = Pulse(incarnation, now_us)
        self.state = "starting"
        self.ready.clear()

    def vacated(self, state: State, reason: str) -> None:
        """Its process has ended."""
        self.child = None
        self.state = state
        self.reason = self.ended = reason
        self.ready.clear()

    def look(self, now_us: int) -> None:
        """Take the state from the age of the beats."""
        if self.child is None:
            return
        self.state = self.pulse.state(now_us)
        if self.state == "alive":
            self.reason = ""

    def process(self) -> ProcessState | None:
        """What there is to tell of its process since the last time, or None. Why the last one ended is told with it."""
        if not self.incarnation:
            return None
        now = ProcessState(
            actor=self.place.name,
            role=self.place.role,
            state="started" if self.child is not None else _ENDED.get(self.state, "ended"),
            number=self.incarnation,
            reason=self.ended,
            pid=self.child.pid if self.child is not None else 0,
            restarts=self.budget.spent,
        )
        if now == self.told:
            return None
        self.told = now
        return now

    def status(self, now_us: int) -> ActorStatus:
        """For the status file."""
        child, beat = self.child, self.pulse.last if self.child is not None else None
        return ActorStatus(
            name=self.place.name,
            role=self.place.role,
            state=self.state,
            reason=self.reason,
            pid=child.pid if child is not None else 0,
            created=child.created if child is not None else 0.0,
            incarnation=self.incarnation,
            restarts=self.budget.spent,
            uptime_s=(now_us - self.started_us) / 1_000_000 if child is not None else 0.0,
            beat_age_ms=self.pulse.age_us(now_us) // 1000 if beat is not None else None,
            doing=beat.state if beat is not None else "",
            mailbox=beat.mailbox if beat is not None else 0,
            gauges=beat.gauges if beat is not None else {},
        )
