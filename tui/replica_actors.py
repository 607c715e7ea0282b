"""The actors' health: what the watch says of each, what its own beats say, and when it was last heard.

Owns `view.actors` and `view.sessions`. The watch may be away itself: an actor that has not been heard is late whatever
was said of it, and one that beats on after it was called dead is alive.
"""

from __future__ import annotations

from itertools import islice

from schemas.health import Beat, HealthState
from schemas.session import SessionState
from tui.replica_log import clean
from tui.replica_marks import Latest, Missed, Room
from tui.view_state import ActorRow, SessionRow, View

__all__ = ["ACTORS", "BEAT_US", "SESSIONS", "Actors"]

ACTORS = 2_000
SESSIONS = 2_000
BEAT_US = 3_000_000
"""An actor without a beat for so long is late."""

_GAUGES = 64
_SILENT = frozenset({"alive", "late"})
_GONE = frozenset({"dead", "late"})
_OWN = frozenset({"stopped", "failed"})
_ENDED = frozenset({"dead", "failed"})


class _Actor:
    """A row with what is needed to keep it: the watch's words, and when they came."""

    __slots__ = ("reason", "row", "said_at", "state")

    def __init__(self, row: ActorRow) -> None:
        self.row = row
        self.state = ""
        self.reason = ""
        self.said_at = 0


class Actors:
    """Folds health states, beats and session states."""

    def __init__(self, view: View, room: Room, missed: Missed) -> None:
        self._view = view
        self._room = room
        self._states = Latest("health of", ACTORS, room, missed)
        self._beats = Latest("beats of", ACTORS, room, missed)
        self._latest_sessions = Latest("session", SESSIONS, room, missed)
        self._actors: dict[str, _Actor] = {}
        self._down = False

    def health(self, event: HealthState, received: int, live: bool) -> None:
        """What the watch says."""
        actor = self._of(event.actor, received)
        if actor is None or not self._states.take(event.actor, event, received, live=live, row=actor.row):
            return
        row = actor.row
        if actor.state != event.state:
            row.since = event.time
        actor.state, actor.reason, actor.said_at = event.state, clean(event.reason), received
        row.pid, row.restarts = event.pid, event.restarts
        self._show(row, actor.state, actor.reason)

    def beat(self, event: Beat, received: int, live: bool) -> None:
        """What the actor says."""
        actor = self._of(event.actor, received)
        if actor is None:
            return
        row, missed = actor.row, actor.row.missed
        if not self._beats.take(event.actor, event, received, live=live, row=row):
            return
        if row.missed == missed:
            row.missed = 0  # what was missed is old by now
        row.doing, row.mailbox, row.beat_at = clean(event.state), event.mailbox, received
        row.gauges = {clean(name): value for name, value in islice(event.gauges.items(), _GAUGES)}
        row.pid = event.pid or row.pid
        self._judge(actor, received, 0)
        self._view.dirty.add("actors")

    def session(self, event: SessionState, received: int, live: bool) -> None:
        """A session."""
        if self._latest_sessions.take(event.session, event, received, live=live):
            self._view.sessions[event.session] = SessionRow(
                session=clean(event.session),
                account=clean(event.account),
                strategy=clean(event.strategy),
                symbols=tuple(clean(symbol) for symbol in event.symbols),
                state=event.state,
                reason=clean(event.reason),
            )
            self._view.dirty.add("sessions")

    def silent(self, name: str, now: int, since: int) -> bool:
        """Whether this actor has gone, or has not been heard for 3 s; as `look` has it."""
        actor = self._actors.get(name)
        if actor is None:
            return False
        heard = max(actor.row.beat_at or actor.said_at, since)
        return actor.row.state in _ENDED or now - heard > BEAT_US

    def stopped(self, down: bool, now: int, since: int) -> None:
        """The floor is down, or it is not: then all of them are stopped, whatever they said last."""
        if down != self._down:
            self._down = down
            self.look(now, since)

    def look(self, now: int, since: int) -> None:
        """Judge everyone's silence; it counts from `since` at the earliest."""
        for actor in self._actors.values():
            self._judge(actor, now, since)

    def _judge(self, actor: _Actor, now: int, since: int) -> None:
        """What is to be shown of the watch's words, given what was heard of the actor itself."""
        row, state, reason = actor.row, actor.state, actor.reason
        if self._down:
            state, reason = "stopped", ""
        elif state in _OWN:
            pass
        elif row.beat_at and now - max(row.beat_at, since) > BEAT_US:
            if state in _SILENT or not state:
                state, reason = "late", f"no beat heard for {(now - row.beat_at) // 1_000_000} s"
        elif not row.beat_at:
            if state in _SILENT and now - max(actor.said_at, since) > BEAT_US:
                state, reason = "late", "no beat heard yet"
        elif not state or (state in _GONE and row.beat_at > actor.said_at + BEAT_US):
            state, reason = "alive", f"beating; the watch says {state}" if state else ""
        self._show(row, state, reason)

    def _show(self, row: ActorRow, state: str, reason: str) -> None:
        if (state, reason) != (row.state, row.reason):
            row.state, row.reason = state, reason
            self._view.dirty.add("actors")

    def _of(self, name: str, received: int) -> _Actor | None:
        actor = self._actors.get(name)
        if actor is None:
            if len(self._actors) >= ACTORS:
                self._room.refuse("actor", name, received)
                return None
            actor = self._actors[name] = _Actor(ActorRow(clean(name)))
            self._view.actors[name] = actor.row
            self._view.dirty.add("actors")
        return actor
