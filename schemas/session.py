"""Sessions: one strategy set on one account, in a process of its own."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.base import Event

__all__ = ["SessionState", "SessionStats"]


class SessionState(Event, frozen=True, kw_only=True, tag="session_state"):
    """A session's state as the supervisor knows it; `params` are the strategy's, as text."""

    session: str
    account: str
    strategy: str
    symbols: tuple[str, ...]
    state: Literal["starting", "running", "stopped", "failed"]
    reason: str = ""
    params: dict[str, str] = msgspec.field(default_factory=dict)


class SessionStats(Event, frozen=True, kw_only=True, tag="session_stats"):
    """A session's counters since its start, as its own runner sees them."""

    session: str
    ticks: int
    bars: int
    signals: int
    intents: int
    open_orders: int
    positions: int
    state: str = ""
