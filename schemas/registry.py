"""The one map from each event type to its one subject.

A template names the event's fields in braces (`{terms.account}` reaches inside); every token is escaped by
`schemas.token`. `subject_of(event)` gives the subject, `FAMILIES` the first tokens for documentation and permissions.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from schemas.account import AccountState, PositionProfits, PositionState, ProfitLoss
from schemas.base import Event
from schemas.command import Ask, AuditEntry, Command, RiskState
from schemas.health import Alert, Beat, HealthState, Hello, LogLine, ProcessState, SimDone
from schemas.market import Bar, MarketStatus, SymbolSpec, Tick
from schemas.order import (
    OrderCleared,
    OrderIntent,
    OrderRefused,
    OrderSync,
    OrderUpdate,
    Signal,
    VenueOrder,
    VenueReport,
)
from schemas.session import SessionState, SessionStats
from schemas.token import token

__all__ = ["SUBJECTS", "at_home", "subject_of", "wildcard"]

SUBJECTS: dict[type[Event], str] = {
    SymbolSpec: "md.spec.{venue}.{symbol}",
    Tick: "md.tick.{venue}.{symbol}",
    Bar: "md.bar.{venue}.{symbol}.{timeframe}",
    MarketStatus: "md.status.{venue}.{symbol}",
    Signal: "signal.{session}.{strategy}",
    OrderIntent: "order.intent.{terms.account}.{terms.session}",
    OrderCleared: "order.cleared.{terms.account}.{terms.session}",
    OrderRefused: "order.refused.{account}.{session}",
    VenueOrder: "venue.order.{account}",
    VenueReport: "venue.report.{account}",
    OrderUpdate: "order.update.{account}.{session}.{order}",
    OrderSync: "order.sync.{account}.{session}",
    AccountState: "account.state.{account}",
    PositionState: "account.position.{account}.{ticket}",
    PositionProfits: "pnl.positions.{account}",
    ProfitLoss: "pnl.{scope}.{id}",
    RiskState: "risk.state.{scope}.{id}",
    SessionState: "session.state.{session}",
    SessionStats: "session.stats.{session}",
    Hello: "hello.{actor}",
    Beat: "health.beat.{actor}",
    HealthState: "health.state.{actor}",
    ProcessState: "health.process.{actor}",
    Alert: "alert.{severity}.{actor}",
    LogLine: "log.{level}.{actor}",
    SimDone: "sim.done.{actor}",
    Command: "ctl.{user}.{scope}.{service}.{verb}",
    Ask: "ask.{user}.{scope}.{service}.{verb}",
    AuditEntry: "audit.{scope}",
}


def _maker(template: str) -> Callable[[Event], str]:
    """Compile a template: the constant tokens, and a getter for each braced one."""
    parts: list[str | Callable[[Event], object]] = [
        operator.attrgetter(part[1:-1]) if part.startswith("{") else part for part in _split(template)
    ]

    def make(event: Event) -> str:
        return ".".join(part if isinstance(part, str) else token(str(part(event))) for part in parts)

    return make


def _split(template: str) -> list[str]:
    """Split at dots outside braces."""
    parts, depth, word = [], 0, ""
    for char in template:
        if char == "." and depth == 0:
            parts.append(word)
            word = ""
            continue
        depth += (char == "{") - (char == "}")
        word += char
    return [*parts, word]


_MAKERS: dict[type[Event], Callable[[Event], str]] = {kind: _maker(template) for kind, template in SUBJECTS.items()}


def subject_of(event: Event) -> str:
    """The subject on which this event travels. KeyError for an event that has none (answers)."""
    return _MAKERS[type(event)](event)


_FAMILIES: dict[type[Event], str] = {kind: template.partition("{")[0] for kind, template in SUBJECTS.items()}


def at_home(event: Event, subject: str) -> bool:
    """Whether events of this type travel on such subjects at all. The server pins subjects to identities, not contents:
    a session may say `hello.<its name>`, and put any event's bytes there.
    """
    family = _FAMILIES.get(type(event))
    return family is not None and subject.startswith(family)


def wildcard(kind: type[Event], **fields: str) -> str:
    """The subscription for a type: the named fields fixed (and escaped), all other tokens `*`.

    `wildcard(OrderUpdate, session="a")` is `order.update.*.a.*`. ValueError for a field that is not in its subject.
    """
    parts = _split(SUBJECTS[kind])
    names = {part[1:-1].rsplit(".", 1)[-1] for part in parts if part.startswith("{")}
    unknown = sorted(set(fields) - names)
    if unknown:
        message = f"{kind.__name__}: no field {', '.join(unknown)} in its subject {SUBJECTS[kind]}"
        raise ValueError(message)
    tokens = []
    for part in parts:
        name = part[1:-1].rsplit(".", 1)[-1]
        if not part.startswith("{"):
            tokens.append(part)
        elif name in fields:
            tokens.append(token(fields[name]))
        else:
            tokens.append("*")
    return ".".join(tokens)
