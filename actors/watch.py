"""The watch: every actor's health, told to everybody; and the newest alerts and log lines for who comes late.

Consumes `health.beat`, `health.process`, `hello.guard`, `alert`, `log` and `ask.*.*.watch`. Publishes `health.state` of
every actor of the plan and of the supervisor, `alert`, `hello`, and the answers. Late after 2 s without a beat, dead
after 3; dead at once when the parent says that the process has ended. Silence is judged only while others can be heard:
the watch hears its own beats too, so when it hears nothing at all it is deaf and blames nobody. See `docs/watch.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec

from actors.actor import Actor, Subscribe
from actors.effects import Answer, Effect, EventIn, Failed, LinkChanged, Publish, SetTimer, TimerIn
from actors.floor_plan import places
from actors.watch_chart import Chart, Condition
from actors.watch_log import WatchLog
from schemas.command import Ask, CommandResult
from schemas.health import Alert, Beat, Hello, LogLine, ProcessState
from schemas.registry import subject_of, wildcard
from schemas.settings import Settings
from schemas.token import token

__all__ = ["SUPERVISOR", "Watch", "WatchConfig", "WatchState", "config_from"]

SUPERVISOR = "supervisor"
_LOOK_US = 250_000
_DEAF_US = 1_000_000
"""Silence of everybody, the watch's own beats included, after which silence proves nothing."""
_GAP_US = 1_500_000
"""Silence of everybody after which all begin anew: the bus, its link, or the watch itself stood still."""
_MOST_ID = 128
_SEVERITY: dict[Condition, Literal["info", "warning", "critical"]] = {
    "well": "info",
    "late": "warning",
    "dead": "critical",
    "failed": "critical",
}
_WORDS: dict[Condition, tuple[str, str]] = {
    "well": ("actor_back", "is back"),
    "late": ("actor_late", "is late"),
    "dead": ("actor_dead", "is dead"),
    "failed": ("actor_failed", "has failed"),
}


class WatchConfig(msgspec.Struct, frozen=True):
    """`actors`: the names of all that are watched, in the order of the plan."""

    actors: tuple[str, ...]


class WatchState(msgspec.Struct):
    """Nothing outlives the watch: its parent and the beats tell it everything again."""


def config_from(settings: Settings) -> WatchConfig:
    """Every place of the floor, and the supervisor."""
    return WatchConfig((SUPERVISOR, *(place.name for place in places(settings))))


class Watch(Actor):
    """See the module."""

    role: ClassVar[str] = "watch"

    def __init__(self, name: str, incarnation: int, config: WatchConfig, state: WatchState | None = None) -> None:
        super().__init__(name, incarnation)
        self.config = config
        self.state = state if state is not None else WatchState()
        self._charts = {token(actor): Chart(actor) for actor in config.actors}
        self._log = WatchLog()
        self._link = True
        self._heard_us = 0
        self._floor = ""
        self._counts = {"asked": 0, "deaf": 0}

    # ---- what the runtime calls

    def subscriptions(self) -> Sequence[Subscribe]:
        """Beats are not to wait behind a flood of log lines."""
        return (
            Subscribe(wildcard(ProcessState), lane="control"),
            Subscribe(wildcard(Beat), lane="control"),
            Subscribe(wildcard(Hello, actor="guard"), lane="control"),
            Subscribe(wildcard(Ask, service="watch")),
            Subscribe(wildcard(Alert)),
            Subscribe(wildcard(LogLine)),
        )

    def on_start(self, now: int) -> Sequence[Effect]:
        """Say hello, so that the supervisor says again what became of every process."""
        self._heard_us = now
        return [Publish(Hello(actor=self.name, role=self.role)), SetTimer("look", now + _LOOK_US)]

    def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
        """Whatever it is, it came over the bus. The subject's last token says of whom it is: the server pins that."""
        self._hear(now)
        event = message.event
        if isinstance(event, Beat):
            return self._on_beat(message.subject.rpartition(".")[2], event, now)
        if isinstance(event, ProcessState):
            chart = self._charts.get(message.subject.rpartition(".")[2])
            if chart is None:
                return ()
            chart.process(event, now)
            return self._tell(chart, now)
        if isinstance(event, Alert | LogLine):
            if _genuine(message):
                self._log.add(event)
            return ()
        if isinstance(event, Ask):
            return self._on_ask(event, message)
        return self._tell_all(now) if isinstance(event, Hello) else ()

    def on_timer(self, message: TimerIn, now: int) -> Sequence[Effect]:
        """Four times a second: judge the silence, if it proves anything."""
        effects: list[Effect] = []
        deaf = not self._link or now - self._heard_us > _DEAF_US
        self._counts["deaf"] += deaf
        for chart in self._charts.values():
            if not deaf and self._floor != "stopping":
                chart.look(now)
            effects += self._tell(chart, now)
        return [*effects, SetTimer("look", now + _LOOK_US)]

    def on_link(self, message: LinkChanged, now: int) -> Sequence[Effect]:
        """Without a link nobody can be heard. When it is back both sides tell each other everything again."""
        self._link = message.up
        if not message.up:
            return ()
        self._excuse(now)
        return [Publish(Hello(actor=self.name, role=self.role)), *self._tell_all(now)]

    def on_failure(self, message: Failed, now: int) -> Sequence[Effect]:
        """A log line for which the mailbox had no room is lost, and the runtime says so; any other failure is a bug,
        and a watch that is started again is better than one that has missed something.
        """
        if message.error.startswith("overload"):
            return ()
        raise RuntimeError(message.error)

    def gauges(self) -> dict[str, int]:
        """Actors by what they are, and what was asked."""
        states = [chart.state for chart in self._charts.values()]
        return {
            "watched": len(states),
            "alive": states.count("alive"),
            "dead": states.count("dead") + states.count("failed"),
            "entries": len(self._log),
            **self._counts,
        }

    def describe(self) -> str:
        """Whether it has a link."""
        return "running" if self._link else "cut off"

    # ---- inside

    def _hear(self, now: int) -> None:
        """Somebody was heard. After a silence of everybody it was not each of them that was silent."""
        if now - self._heard_us > _GAP_US:
            self._excuse(now)
        self._heard_us = now

    def _excuse(self, now: int) -> None:
        self._heard_us = now
        for chart in self._charts.values():
            chart.excuse(now)

    def _on_beat(self, of: str, beat: Beat, now: int) -> Sequence[Effect]:
        if of == SUPERVISOR:
            self._floor = beat.state
        chart = self._charts.get(of)
        if chart is None:
            return ()
        chart.beat(beat, now)
        return self._tell(chart, now)

    def _on_ask(self, ask: Ask, message: EventIn) -> Sequence[Effect]:
        """By its subject's verb, which the server pins with the user. One without a reply subject wants nothing."""
        if not message.reply:
            return ()
        self._counts["asked"] += 1
        verb = message.subject.rpartition(".")[2]
        if verb == "log":
            return [Answer(self._log.answer(), message.reply)]
        text = f"the watch cannot answer {verb[:_MOST_ID]!r}; it can answer: log"
        return [Answer(CommandResult(id=ask.id[:_MOST_ID], ok=False, text=text), message.reply)]

    def _tell_all(self, now: int) -> list[Effect]:
        effects: list[Effect] = []
        for chart in self._charts.values():
            chart.forget_told()
            effects += self._tell(chart, now)
        return effects

    def _tell(self, chart: Chart, now: int) -> list[Effect]:
        """What is new of one actor. People are told only while the floor runs: not of a start, nor of an end."""
        effects: list[Effect] = []
        health = chart.health()
        if health is not None:
            effects.append(Publish(health))
        condition = chart.turn(now) if self._floor == "running" else None
        if condition is not None:
            code, words = _WORDS[condition]
            text = f"{chart.actor} {words}{f': {chart.reason}' if chart.reason else ''}"
            severity, values = _SEVERITY[condition], {"actor": chart.actor}
            effects.append(Publish(Alert(severity=severity, code=code, text=text, actor=self.name, values=values)))
        return effects


def _genuine(message: EventIn) -> bool:
    """Whether it is on its own subject, which the server pins to its sender: a session may write any name into it."""
    try:
        return subject_of(message.event) == message.subject
    except (KeyError, ValueError):
        return False
