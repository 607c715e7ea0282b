"""What the watch's tests share: a watch with its timers, a clock, and everything that it said."""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.cell import Cell, Outgoing
from actors.effects import Answer, EventIn, LinkChanged, Message, Publish, SetTimer, TimerIn
from actors.watch import Watch, WatchConfig
from schemas.base import Event
from schemas.codec import decode, encode
from schemas.health import Alert, Beat, HealthState, ProcessState
from schemas.registry import subject_of

MS = 1000
SECOND = 1_000_000
START = 1_700_000_000_000_000
ACTORS = ("supervisor", "guard", "recorder", "session-s", "watch")
NUMBERS = {"supervisor": 1, "guard": 2, "recorder": 3, "session-s": 4, "watch": 5}


class Bench:
    """A watch of the incarnation 5 over `ACTORS`."""

    def __init__(self) -> None:
        self.cell = Cell(Watch("watch", 5, WatchConfig(ACTORS)))
        self.now = START
        self.timers: dict[str, int] = {}
        self.outbox: list[Outgoing] = []
        self.alerts: list[Alert] = []
        self.told: dict[str, HealthState] = {}
        self.numbers = dict(NUMBERS)
        self.note(self.cell.start(self.now))

    def take(self, message: Message) -> list[Event]:
        """Handle a message now: the events that it led to."""
        return self.note(self.cell.handle(message, self.now))

    def hear(self, event: Event, subject: str = "", reply: str = "") -> list[Event]:
        """An event, as its bytes bring it."""
        return self.take(EventIn(subject or subject_of(event), decode(encode(event)), reply))

    def beat(self, actor: str, number: int = 0, state: str = "running") -> list[Event]:
        """A beat of somebody's incarnation."""
        beat = Beat(actor=actor, state=state, pid=1000 + (number or self.numbers[actor]))
        return self.hear(msgspec.structs.replace(beat, incarnation=number or self.numbers[actor]))

    def process(
        self, actor: str, state: Literal["started", "ended", "failed", "stopped"], reason: str = "", restarts: int = 0
    ) -> list[Event]:
        """The supervisor's word on somebody's process."""
        number = self.numbers[actor]
        pid = 1000 + number if state == "started" else 0
        event = ProcessState(
            actor=actor, role=actor, state=state, number=number, reason=reason, pid=pid, restarts=restarts
        )
        return self.hear(msgspec.structs.replace(event, source="supervisor", incarnation=1))

    def all_well(self) -> None:
        """The floor runs, and everybody has beaten."""
        for actor in ACTORS[1:]:
            self.process(actor, "started")
        for actor in ACTORS:
            self.beat(actor)

    def seconds(self, count: float, silent: tuple[str, ...] = ()) -> None:
        """Time passes, everybody beats each second but the silent."""
        end = self.now + round(count * SECOND)
        beats = self.now + SECOND
        while beats <= end:
            self.until(beats)
            for actor in ACTORS:
                if actor not in silent:
                    self.beat(actor)
            beats += SECOND
        self.until(end)

    def until(self, at: int) -> None:
        """Time passes, and timers fire."""
        while due := [(when, key) for key, when in self.timers.items() if when <= at]:
            when, key = min(due)
            del self.timers[key]
            self.now = max(self.now, when)
            self.take(TimerIn(key))
        self.now = max(self.now, at)

    def link(self, *, up: bool) -> list[Event]:
        """The link is lost or back."""
        return self.take(LinkChanged(up))

    def state(self, actor: str) -> str:
        """What was last told of somebody; "" for nothing."""
        return self.told[actor].state if actor in self.told else ""

    def note(self, outgoing: list[Outgoing]) -> list[Event]:
        """Remember effects: the events among them."""
        self.outbox.extend(outgoing)
        said: list[Event] = []
        for out in outgoing:
            effect = out.effect
            if isinstance(effect, SetTimer):
                self.timers[effect.key] = effect.at
            elif isinstance(effect, Publish | Answer):
                said.append(effect.event)
        for event in said:
            if isinstance(event, HealthState):
                self.told[event.actor] = event
            elif isinstance(event, Alert):
                self.alerts.append(event)
        return said
