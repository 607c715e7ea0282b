"""Accounts, positions and profit or loss. Money is in the account's currency, rounded to its minor unit."""

from __future__ import annotations

from typing import Literal

from schemas.base import Event
from schemas.order import Side

__all__ = ["AccountState", "PositionState", "ProfitLoss"]


class AccountState(Event, frozen=True, kw_only=True, tag="account_state"):
    """An account as the venue keeps it."""

    account: str
    venue: str
    currency: str
    balance: float
    equity: float
    margin: float
    leverage: int
    mode: Literal["hedging", "netting"]
    positions: int
    connected: bool = True


class PositionState(Event, frozen=True, kw_only=True, tag="position_state"):
    """A position at the venue; volume 0 says that it is closed. `session` is empty for one that nobody here opened."""

    account: str
    ticket: int
    symbol: str
    side: Side
    volume: float
    price_open: float
    opened_at: int
    session: str = ""
    strategy: str = ""
    sl: float = 0.0
    tp: float = 0.0
    swap: float = 0.0
    commission: float = 0.0
    realised: float = 0.0


class ProfitLoss(Event, frozen=True, kw_only=True, tag="profit_loss"):
    """Realised and floating profit of a scope."""

    scope: Literal["strategy", "session", "account", "portfolio"]
    id: str
    currency: str
    realised: float
    floating: float
    equity: float = 0.0
    balance: float = 0.0
