"""What a run of trades amounts to, compiled (statistics.c, curve.c): what the engine counts with.

`Trade`, `Statistics`, `Figures`, `Point` and `Curve` are the C structs. docs/backtest.md defines every figure.
Nothing here imports NumPy.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_double, c_int, c_int32, c_int64
from functools import cache
from typing import ClassVar

from kernels import library as compiled

__all__ = ["MOST_REASONS", "Curve", "Figures", "Point", "Statistics", "Trade", "bound"]

MOST_REASONS = 32


class Trade(Structure):
    """pw_trade: one closing deal."""

    _fields_: ClassVar = [
        ("ticket", c_int64),
        ("cycle", c_int64),
        ("volume", c_int64),
        ("open_time", c_int64),
        ("open_price", c_int64),
        ("close_time", c_int64),
        ("close_price", c_int64),
        ("profit", c_int64),
        ("commission", c_int64),
        ("swap", c_int64),
        ("role", c_int32),
        ("side", c_int32),
        ("reason", c_int32),
        ("reserved", c_int32),
    ]


class Statistics(Structure):
    """pw_statistics: counts; money in minor units."""

    _fields_: ClassVar = [
        ("deposit", c_int64),
        ("trades", c_int64),
        ("wins", c_int64),
        ("losses", c_int64),
        ("gross_profit", c_int64),
        ("gross_loss", c_int64),
        ("commission", c_int64),
        ("swap", c_int64),
        ("volume", c_int64),
        ("losing_run", c_int64),
        ("longest_losing_run", c_int64),
        ("end_trades", c_int64),
        ("end_profit", c_int64),
        ("begun", c_int64),
        ("ended", c_int64),
        ("open_since", c_int64),
        ("exposed", c_int64),
        ("equity", c_int64),
        ("days", c_int64),
        ("mean", c_double),
        ("squares", c_double),
        ("downside", c_double),
        ("cycles", c_int64 * MOST_REASONS),
    ]
    deposit: int
    trades: int
    wins: int
    losses: int
    gross_profit: int
    gross_loss: int
    commission: int
    swap: int
    volume: int
    longest_losing_run: int
    end_trades: int
    end_profit: int
    begun: int
    ended: int
    days: int
    cycles: ctypes.Array[c_int64]


class Figures(Structure):
    """pw_figures: ratios, NaN where one is not defined."""

    _fields_: ClassVar = [
        ("profit_factor", c_double),
        ("expectancy", c_double),
        ("win_rate", c_double),
        ("recovery_factor", c_double),
        ("sharpe", c_double),
        ("sortino", c_double),
        ("annual_return", c_double),
        ("calmar", c_double),
        ("exposure", c_double),
    ]
    profit_factor: float
    expectancy: float
    win_rate: float
    recovery_factor: float
    sharpe: float
    sortino: float
    annual_return: float
    calmar: float
    exposure: float


class Point(Structure):
    """pw_point: what a stretch of ticks came to."""

    _fields_: ClassVar = [
        ("time", c_int64),
        ("low", c_int64),
        ("high", c_int64),
        ("equity", c_int64),
        ("balance", c_int64),
        ("ticks", c_int64),
    ]


class Curve(Structure):
    """pw_curve: the equity's extremes, and points of it where there is room for any."""

    _fields_: ClassVar = [
        ("points", POINTER(Point)),
        ("room", c_int64),
        ("n", c_int64),
        ("span", c_int64),
        ("open", Point),
        ("peak", c_int64),
        ("low", c_int64),
        ("drawdown", c_int64),
        ("part", c_double),
    ]
    n: int
    peak: int
    low: int
    drawdown: int
    part: float


SYMBOLS: dict[str, tuple[list[object], object]] = {
    "pw_statistics_begin": ([POINTER(Statistics), c_int64, c_int64], c_int),
    "pw_statistics_trade": ([POINTER(Statistics), POINTER(Trade), c_int32], c_int),
    "pw_statistics_day": ([POINTER(Statistics), c_int64], c_int),
    "pw_statistics_exposed": ([POINTER(Statistics), c_int64, c_int32], c_int),
    "pw_statistics_end": ([POINTER(Statistics), c_int64], c_int),
    "pw_statistics_figures": ([POINTER(Statistics), c_int64, c_double, POINTER(Figures)], c_int),
    "pw_curve_begin": ([POINTER(Curve), POINTER(Point), c_int64, c_int64], c_int),
    "pw_curve_take": ([POINTER(Curve), c_int64, c_int64, c_int64], c_int),
    "pw_curve_end": ([POINTER(Curve)], c_int),
}
STRUCTS: dict[str, type[Structure]] = {
    "pw_trade": Trade,
    "pw_statistics": Statistics,
    "pw_figures": Figures,
    "pw_point": Point,
    "pw_curve": Curve,
}


@cache
def bound() -> ctypes.CDLL:
    """The library with the functions above."""
    return compiled.extend(SYMBOLS, STRUCTS)
