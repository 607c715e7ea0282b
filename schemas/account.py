"""Accounts, positions and profit or loss. Money is in the account's currency, rounded to its minor unit."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.base import Event
from schemas.order import Side

__all__ = ["AccountState", "PositionMark", "PositionProfits", "PositionState", "ProfitLoss"]


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
    """Realised and floating profit of a scope; the portfolio's `id` is "floor".

    `realised` is the sum of its deals' profit, commission and swap. `floating` is None while one of its positions has
    no quote or no rate: a figure that is not known is not shown. `equity` and `balance` are of accounts and the
    portfolio only, None for sessions, for strategies and where they are not known. `deals` have been counted.
    """

    scope: Literal["strategy", "session", "account", "portfolio"]
    id: str
    currency: str
    realised: float
    floating: float | None = None
    equity: float | None = None
    balance: float | None = None
    positions: int = 0
    deals: int = 0


class PositionMark(msgspec.Struct, frozen=True):
    """An open position at the market: the price at which it would close and what that would book, both None when they
    are not known.
    """

    ticket: int
    price: float | None
    profit: float | None


class PositionProfits(Event, frozen=True, kw_only=True, tag="position_profits"):
    """Every open position of an account, marked to the market at once."""

    account: str
    currency: str
    marks: tuple[PositionMark, ...] = ()
