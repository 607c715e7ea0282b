"""Market data: symbol specifications, ticks, bars and the state of a market."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.base import Event

__all__ = ["Bar", "MarketStatus", "SymbolSpec", "Tick"]


class SymbolSpec(Event, frozen=True, kw_only=True, tag="symbol_spec"):
    """How a venue trades a symbol. Required before the first order.

    Prices are multiples of `point` = 10^-digits; volumes are lots on the grid volume_min + n x volume_step; one lot is
    `contract_size` units of `currency_base`; profit is in `currency_profit`. `pip` is 10 points unless given.
    """

    venue: str
    symbol: str
    digits: int
    point: float
    pip: float
    contract_size: float
    volume_min: float
    volume_max: float
    volume_step: float
    currency_base: str
    currency_profit: str
    currency_margin: str
    margin_mode: Literal["forex", "cfd"] = "forex"
    margin_hedged: float = 0.0
    margin_hedged_use_leg: bool = False
    stops_level: int = 0
    swap_mode: Literal["disabled", "points", "money", "percent"] = "disabled"
    swap_long: float = 0.0
    swap_short: float = 0.0
    swap_rollover_day: int = 3
    zone: str = "America/New_York+7h"
    hours: tuple[tuple[int, int], ...] = ()
    """Open intervals in minutes since Monday 00:00 of `zone`, each [from, to); empty means always open."""


class Tick(Event, frozen=True, kw_only=True, tag="tick", gc=False):
    """A quote. `at` is the venue's time in UTC microseconds; `number` counts all ticks of the feed from 1."""

    venue: str
    symbol: str
    at: int
    bid: float
    ask: float
    number: int = 0
    last: float = 0.0
    volume: float = 0.0


class Bar(Event, frozen=True, kw_only=True, tag="bar", gc=False):
    """A closed bar of bid prices over [at, at + timeframe), for screens: every decider builds its own."""

    venue: str
    symbol: str
    timeframe: str
    at: int
    open: float
    high: float
    low: float
    close: float
    ticks: int


class MarketStatus(Event, frozen=True, kw_only=True, tag="market_status"):
    """The state of a symbol's feed. `ended` is a recorded feed's last word, with what it sent and what it skipped."""

    venue: str
    symbol: str
    state: Literal["open", "closed", "stale", "ended"]
    reason: str = ""
    ticks: int = 0
    skipped: int = 0
    extra: dict[str, str] = msgspec.field(default_factory=dict)
