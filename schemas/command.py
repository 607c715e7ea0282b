"""Commands by people, questions, their answers, the guard's trading states and the audit trail."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.base import Event

__all__ = ["Ask", "AuditEntry", "Command", "CommandResult", "RiskState"]


class Command(Event, frozen=True, kw_only=True, tag="command"):
    """A change by a person. The server pins `user` and `scope` in the subject; past `expires_at` it is not executed."""

    id: str
    user: str
    scope: str
    service: str
    verb: str
    expires_at: int
    args: dict[str, str] = msgspec.field(default_factory=dict)


class Ask(Event, frozen=True, kw_only=True, tag="ask"):
    """A question by a person; changes nothing."""

    id: str
    user: str
    scope: str
    service: str
    verb: str
    args: dict[str, str] = msgspec.field(default_factory=dict)


class CommandResult(Event, frozen=True, kw_only=True, tag="command_result"):
    """The answer to either. Answered by reply, so it has no subject of its own."""

    id: str
    ok: bool
    text: str = ""
    data: dict[str, str] = msgspec.field(default_factory=dict)


class RiskState(Event, frozen=True, kw_only=True, tag="risk_state"):
    """The guard's trading state of a scope; `epoch` is the guard's incarnation, below which clearances are void."""

    scope: Literal["portfolio", "account", "session"]
    id: str
    state: Literal["active", "reducing", "halted"]
    epoch: int
    reason: str = ""


class AuditEntry(Event, frozen=True, kw_only=True, tag="audit_entry"):
    """Who did what, when, with what result. `number` counts from 1; `digest` chains it to `previous`."""

    number: int
    user: str
    action: str
    scope: str
    result: str
    detail: dict[str, str] = msgspec.field(default_factory=dict)
    previous: str = ""
    digest: str = ""
