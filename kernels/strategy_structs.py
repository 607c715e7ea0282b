"""The structs of strategy.h, the names of its numbers, and the symbols that kernels/strategies.py calls."""

from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int32, c_int64, c_void_p
from typing import ClassVar

from kernels.compiled_params import STRUCTS as PARAM_STRUCTS
from kernels.market import PwRate, PwSymbol, PwTick

__all__ = [
    "REASONS",
    "ROLES",
    "SIDES",
    "SIZES",
    "SYMBOLS",
    "PwCommand",
    "PwCycleEnd",
    "PwCycleRow",
    "PwIntent",
    "PwNote",
    "PwOut",
    "PwReport",
    "PwStrategy",
    "PwView",
    "values",
]

SIDES = ("buy", "sell")
ROLES = ("", "initial", "hedge", "ladder", "signal")
"""pw_role."""

REASONS = {
    0: "",
    1: "take_profit",
    2: "max_loss",
    3: "candle_close",
    4: "command",
    5: "rejected",
    6: "hedge_failed",
    7: "external",
    8: "unknown_order",
    9: "day_profit",
    10: "day_loss",
    11: "drawdown",
    12: "flip",
    13: "sl",
    14: "tp",
    15: "stop_out",
    16: "end_of_data",
    31: "target",
}
"""pw_reason, and what the engine adds to it."""


class PwView(Structure):
    """pw_view."""

    _fields_: ClassVar = [
        ("symbol", POINTER(PwSymbol)),
        ("rate", PwRate),
        ("tick", PwTick),
        ("equity", c_int64),
        ("day_profit", c_int64),
        ("known", c_int32),
        ("close_by", c_int32),
    ]
    rate: PwRate
    tick: PwTick
    equity: int
    day_profit: int
    known: int
    close_by: int


def fields(long: str, short: str) -> list[tuple[str, type]]:
    """Names of 64-bit fields, then of 32-bit ones, as ctypes wants them."""
    return [(name, c_int64) for name in long.split()] + [(name, c_int32) for name in short.split()]


class PwIntent(Structure):
    """pw_intent."""

    _fields_: ClassVar = fields("id cycle volume ticket ticket_by sl tp protect", "kind side role why")


class PwReport(Structure):
    """pw_report."""

    _fields_: ClassVar = fields(
        "id time ticket ticket_by volume left price profit commission swap",
        "kind why",
    )


class PwCommand(Structure):
    """pw_command."""

    _fields_: ClassVar = fields("cycle", "verb side")


class PwNote(Structure):
    """pw_note."""

    _fields_: ClassVar = fields("cycle value", "code detail")


class PwCycleEnd(Structure):
    """pw_cycle_end."""

    _fields_: ClassVar = fields("cycle opened closed profit", "why orders")


class PwCycleRow(Structure):
    """pw_cycle_row."""

    _fields_: ClassVar = fields(
        "cycle opened anchor centre last bought sold booked profit request",
        "phase side direction zone level orders legs why",
    )


class PwOut(Structure):
    """pw_out."""

    _fields_: ClassVar = [
        ("intents", POINTER(PwIntent)),
        ("n_intents", c_int64),
        ("most_intents", c_int64),
        ("notes", POINTER(PwNote)),
        ("n_notes", c_int64),
        ("most_notes", c_int64),
        ("ended", POINTER(PwCycleEnd)),
        ("n_ended", c_int64),
        ("most_ended", c_int64),
    ]


ON_EVENT = CFUNCTYPE(c_int, c_void_p, POINTER(PwView), POINTER(PwOut))
ON_REPORT = CFUNCTYPE(c_int, c_void_p, POINTER(PwView), POINTER(PwReport), POINTER(PwOut))
ON_COMMAND = CFUNCTYPE(c_int, c_void_p, POINTER(PwView), POINTER(PwCommand), POINTER(PwOut))
OF_STATE = CFUNCTYPE(c_int64, c_void_p)


class PwStrategy(Structure):
    """pw_strategy."""

    _fields_: ClassVar = [
        ("name", c_char_p),
        ("params_bytes", c_int64),
        ("state_bytes", CFUNCTYPE(c_int64, c_void_p)),
        ("init", CFUNCTYPE(c_int, c_void_p, c_int64, c_void_p, POINTER(PwSymbol))),
        ("on_tick", ON_EVENT),
        ("on_time", ON_EVENT),
        ("on_report", ON_REPORT),
        ("on_command", ON_COMMAND),
        ("next_time", OF_STATE),
        ("open_volume", OF_STATE),
        ("rows", CFUNCTYPE(c_int64, c_void_p, POINTER(PwView), POINTER(PwCycleRow), c_int64)),
    ]


SYMBOLS: dict[str, tuple[list[object], object]] = {
    "pw_strategy_at": ([c_int32], POINTER(PwStrategy)),
    "pw_bollinger_stop_warm": ([c_void_p, c_int64, c_void_p, c_void_p, c_void_p, c_int64], c_int),
}
SIZES: dict[str, type[Structure]] = {
    "pw_view": PwView,
    "pw_intent": PwIntent,
    "pw_report": PwReport,
    "pw_command": PwCommand,
    "pw_note": PwNote,
    "pw_cycle_end": PwCycleEnd,
    "pw_cycle_row": PwCycleRow,
    "pw_out": PwOut,
    "pw_strategy": PwStrategy,
    **PARAM_STRUCTS,
}


def values(row: Structure) -> list[int]:
    """The fields of a struct of integers."""
    return [getattr(row, name) for name, *_ in row._fields_]
