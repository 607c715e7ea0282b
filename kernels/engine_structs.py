"""The structs of engine.h that the engine's binding fills in, and the functions that it calls."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_double, c_int, c_int32, c_int64, c_void_p
from functools import cache
from typing import ClassVar

from kernels import library as compiled
from kernels import venue
from kernels.statistics import STRUCTS as COUNTS
from kernels.statistics import SYMBOLS as COUNTING
from kernels.statistics import Curve, Statistics, Trade
from kernels.strategy_structs import PwCycleEnd, PwIntent, PwNote, PwStrategy, PwView
from kernels.venue_rows import PwVenue

__all__ = ["MOST_FLIGHTS", "ROOM_ENDED", "ROOM_INTENTS", "ROOM_NOTES", "Engine", "Holding", "bound"]

MOST_FLIGHTS = 1024
ROOM_INTENTS, ROOM_NOTES, ROOM_ENDED = 64, 256, 64


class Holding(Structure):
    """pw_holding."""

    _fields_: ClassVar = [
        *((name, c_int64) for name in ("ticket", "cycle", "volume", "price", "time", "commission", "swap")),
        *((name, c_int32) for name in ("role", "side")),
    ]


class Engine(Structure):
    """pw_engine."""

    _fields_: ClassVar = [
        ("time", c_void_p),
        ("bid", c_void_p),
        ("ask", c_void_p),
        ("n", c_int64),
        ("bars", c_int32),
        ("opening", c_int32),
        ("strategy", POINTER(PwStrategy)),
        ("state", c_void_p),
        ("targets", c_void_p),
        ("wants_equity", c_int32),
        ("reserved", c_int32),
        ("venue", PwVenue),
        ("holdings", POINTER(Holding)),
        ("flights", POINTER(PwIntent)),
        ("intents", POINTER(PwIntent)),
        ("notes", POINTER(PwNote)),
        ("ended", POINTER(PwCycleEnd)),
        ("trades", c_void_p),
        ("room", c_int64),
        ("n_trades", c_int64),
        ("statistics", Statistics),
        ("curve", Curve),
        *(
            (name, c_int64)
            for name in ("deals", "orders", "rejected", "caps", "cycles", "cycles_profit", "ambiguous", "stop_outs")
        ),
        ("at", c_int64),
        *((name, c_int64) for name in ("n_holdings", "n_flights", "open_cycles", "last_cycle", "next_id")),
        *((name, c_int64) for name in ("day_end", "day_equity", "quiet_until")),
        *((name, c_double) for name in ("base", "per_bid", "per_ask", "slack")),
        *((name, c_int32) for name in ("linear", "stirred", "next_side", "status")),
        ("view", PwView),
    ]
    n: int
    at: int
    n_trades: int
    deals: int
    orders: int
    rejected: int
    caps: int
    cycles: int
    cycles_profit: int
    ambiguous: int
    stop_outs: int
    status: int
    statistics: Statistics
    curve: Curve
    venue: PwVenue


EngineAt = POINTER(Engine)
SYMBOLS: dict[str, tuple[list[object], object]] = {
    **COUNTING,
    "pw_engine_check": ([c_void_p, c_void_p, c_void_p, c_int64, POINTER(c_int64)], c_int),
    "pw_engine_room": ([EngineAt], c_int64),
    "pw_engine_begin": ([EngineAt], c_int),
    "pw_engine_run": ([EngineAt, c_int64], c_int),
    "pw_engine_end": ([EngineAt], c_int),
    "pw_bar_path": (
        [
            c_void_p,
            c_void_p,
            c_int64,
            c_int64,
            c_int64,
            c_void_p,
            c_void_p,
            c_void_p,
            POINTER(c_int64),
            POINTER(c_int64),
        ],
        c_int,
    ),
}
STRUCTS: dict[str, type[Structure]] = {
    **COUNTS,
    "pw_holding": Holding,
    "pw_engine": Engine,
    "pw_trade": Trade,
}


@cache
def bound() -> ctypes.CDLL:
    """The library with the functions above and the venue's."""
    venue.bound()
    return compiled.extend(SYMBOLS, STRUCTS)
