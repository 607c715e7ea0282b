"""Answers to what screens ask when they open: they travel by reply and have no subject of their own.

The events inside are those that travelled, envelopes included, so that whoever asked can tell which is newer than what
it heard meanwhile.
"""

from __future__ import annotations

import msgspec

from schemas.account import PositionState
from schemas.base import Event
from schemas.health import Alert, LogLine
from schemas.order import OrderUpdate

__all__ = ["BookAnswer", "LogAnswer", "SeriesAnswer", "SeriesPoint"]


class BookAnswer(Event, frozen=True, kw_only=True, tag="book_answer"):
    """The portfolio's `ask.<user>.<scope>.portfolio.book`: what is open now, and the newest deals, oldest first.

    `orders`: the last update of each order that is not ended; `fills`: updates that carry a deal. The `_left_out`
    counts say how many more there are than an answer holds.
    """

    positions: tuple[PositionState, ...] = ()
    orders: tuple[OrderUpdate, ...] = ()
    fills: tuple[OrderUpdate, ...] = ()
    positions_left_out: int = 0
    orders_left_out: int = 0


class SeriesPoint(msgspec.Struct, frozen=True, array_like=True):
    """Equity and balance at a time, UTC microseconds."""

    at: int
    equity: float
    balance: float


class SeriesAnswer(Event, frozen=True, kw_only=True, tag="series_answer"):
    """The portfolio's `ask.<user>.<scope>.portfolio.series`: equity and balance of the scope, oldest first."""

    scope: str
    id: str
    currency: str
    points: tuple[SeriesPoint, ...] = ()


class LogAnswer(Event, frozen=True, kw_only=True, tag="log_answer"):
    """The watch's `ask.<user>.<scope>.watch.log`: the newest alerts and log lines in the order they came."""

    entries: tuple[Alert | LogLine, ...] = ()
