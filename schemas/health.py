"""Health: hellos, beats, what the watchers make of them, alerts and log lines; and the lock-step of simulated time."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.base import Event

__all__ = ["TROUBLED", "Alert", "Beat", "HealthState", "Hello", "LogLine", "ProcessState", "SimDone"]

TROUBLED = "troubled"
"""How a `Beat.state` begins when the actor is alive but does not do what it is there for; the reason follows."""


class Hello(Event, frozen=True, kw_only=True, tag="hello"):
    """An actor is up, or back after a lost link. Who keeps state that it needs sends it again.

    `open_orders`: orders whose outcome it has not seen. `protocol` is the schema's generation: another is refused.
    """

    actor: str
    role: str
    protocol: int = 1
    account: str = ""
    session: str = ""
    open_orders: tuple[str, ...] = ()


class Beat(Event, frozen=True, kw_only=True, tag="beat"):
    """Sent each second from the mailbox loop: the actor handles messages. `gauges` are its counters by name."""

    actor: str
    state: str
    pid: int = 0
    mailbox: int = 0
    gauges: dict[str, int] = msgspec.field(default_factory=dict)


class HealthState(Event, frozen=True, kw_only=True, tag="health_state"):
    """An actor's health as the watch sees it, from its beats and from what the supervisor says of its process."""

    actor: str
    state: Literal["starting", "alive", "late", "dead", "stopped", "failed"]
    reason: str = ""
    pid: int = 0
    restarts: int = 0


class ProcessState(Event, frozen=True, kw_only=True, tag="process_state"):
    """What became of an actor's process, from its parent: `failed` will not be started again."""

    actor: str
    role: str
    state: Literal["started", "ended", "failed", "stopped"]
    number: int
    reason: str = ""
    pid: int = 0
    restarts: int = 0


class Alert(Event, frozen=True, kw_only=True, tag="alert"):
    """Something a person should know. `code` is stable, `text` is for reading; `actor` is who raised it."""

    severity: Literal["info", "warning", "critical"]
    code: str
    text: str
    actor: str
    values: dict[str, str] = msgspec.field(default_factory=dict)


class LogLine(Event, frozen=True, kw_only=True, tag="log_line"):
    """A structured log line."""

    level: Literal["debug", "info", "warning", "error", "critical"]
    actor: str
    event: str
    values: dict[str, str] = msgspec.field(default_factory=dict)


class SimDone(Event, frozen=True, kw_only=True, tag="sim_done"):
    """Simulated time may go on as far as `actor` is concerned: it has handled tick `number` and nothing that it caused
    is under way. `reports`: by session, how many venue reports the gateway has issued or the runner has seen.
    """

    actor: str
    number: int
    reports: dict[str, int] = msgspec.field(default_factory=dict)
