"""One actor's chart: what the watch knows of its health, from its beats and from what its parent says of its process.

Pure; the caller brings a clock that never goes back. The arithmetic of the beats is `actors.pulse`. Being excused from
silence never makes anybody better: who was late or dead stays so until a beat of its own.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from actors.pulse import DEAD_US, LATE_US, Pulse
from schemas.health import TROUBLED, Beat, HealthState, ProcessState

__all__ = ["Chart", "Condition"]

State: TypeAlias = Literal["starting", "alive", "late", "dead", "stopped", "failed"]
Condition: TypeAlias = Literal["well", "late", "dead", "failed"]

_SILENCE: dict[State, int] = {"starting": 0, "alive": 0, "late": 1, "dead": 2}
_ENDED: dict[str, State] = {"ended": "dead", "failed": "failed", "stopped": "stopped"}
_CONDITIONS: dict[State, Condition] = {"alive": "well", "late": "late", "dead": "dead", "failed": "failed"}
_REASONS: dict[State, str] = {
    "late": f"no beat for {LATE_US // 1_000_000} s",
    "dead": f"no beat for {DEAD_US // 1_000_000} s",
}
_ALERT_US = 1_000_000
_MOST_REASON = 512


class Chart:
    """One actor. `health` and `turn` say what is new since they were last asked."""

    def __init__(self, actor: str) -> None:
        self.actor = actor
        self.state: State | None = None
        self.reason = ""
        self._pid = 0
        self._restarts = 0
        self._parent = False
        self._number = 0
        self._pulse: Pulse | None = None
        self._fresh = False
        self._trouble = ""
        self._told: HealthState | None = None
        self._condition: Condition = "well"
        self._turned_us = -_ALERT_US

    # ---- what is heard

    def process(self, event: ProcessState, now: int) -> None:
        """Its parent's word, which counts for more than any beat. Of an older incarnation it is late, and no news."""
        if self._parent and event.number < self._number:
            return
        same = event.number == self._number
        self._parent, self._number = True, event.number
        self._pid, self._restarts = event.pid, event.restarts
        ended = _ENDED.get(event.state)
        if ended is not None:
            self._pulse = None
            self.state, self.reason = ended, event.reason[:_MOST_REASON]
        elif not same:
            self._pulse = Pulse(event.number, now)
            self.state, self.reason = "starting", event.reason[:_MOST_REASON]

    def beat(self, event: Beat, now: int) -> None:
        """A beat counts if it is of the incarnation that runs; before its parent has said which, of the newest."""
        if not self._parent and event.incarnation > self._number:
            self._number, self._pid = event.incarnation, event.pid
            self._pulse = Pulse(event.incarnation, now)
        if self._pulse is None or event.incarnation != self._number:
            return
        self._pulse.beat(event, now)
        self._trouble = event.state[:_MOST_REASON] if event.state.startswith(TROUBLED) else ""
        self._fresh = True
        self.look(now)

    def excuse(self, now: int) -> None:
        """Nobody could be heard for a while: silence counts from now on only."""
        if self._pulse is not None:
            self._pulse.excuse(now)

    def look(self, now: int) -> None:
        """Take the state from the age of the beats, if a process is there to beat."""
        if self._pulse is None:
            return
        state: State = self._pulse.state(now)
        if state == "starting":
            return
        if not self._fresh and self.state is not None and _SILENCE[state] < _SILENCE[self.state]:
            return
        self._fresh = False
        self.state, self.reason = state, _REASONS.get(state, self._trouble)

    # ---- what is to be told

    def forget_told(self) -> None:
        """Somebody may have missed it: `health` says it again."""
        self._told = None

    def health(self) -> HealthState | None:
        """The state if it is news. Nothing for an actor of which nothing was heard at all."""
        if self.state is None:
            return None
        health = HealthState(
            actor=self.actor, state=self.state, reason=self.reason, pid=self._pid, restarts=self._restarts
        )
        if health == self._told:
            return None
        self._told = health
        return health

    def turn(self, now: int) -> Condition | None:
        """The condition of which people are to be told, at most once a second: what is passed over meanwhile and still
        so a second later is told then. One that ends in order is nothing to tell, nor is a start.
        """
        if self.state == "stopped":
            self._condition = "well"
        condition = _CONDITIONS.get(self.state) if self.state is not None else None
        if condition is None or condition == self._condition or now - self._turned_us < _ALERT_US:
            return None
        self._condition, self._turned_us = condition, now
        return condition
