"""The built-in strategies, compiled (strategy.h): one `Strategy` for each session, live, on paper and in tests alike.

A strategy is a pure state machine: `on_tick`, `on_time`, `on_report` and `on_command` each return an `Out` of intents,
notes and ended cycles; `state` is all it knows, as bytes that can be stored and put back. What it may see besides
(rate, equity, the day's profit) is set in `view` by the caller. Prices are points, volumes steps, money minor units,
times UTC microseconds. Nothing here imports NumPy.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import byref, c_double, c_int64
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from kernels import library as compiled_library
from kernels.compiled_params import Grid, compiled
from kernels.errors import KernelError
from kernels.library import Status
from kernels.market import PwRate, PwSymbol, PwTick
from kernels.params import Params
from kernels.strategy_structs import (
    SIZES,
    SYMBOLS,
    PwCommand,
    PwCycleEnd,
    PwCycleRow,
    PwIntent,
    PwNote,
    PwOut,
    PwReport,
    PwStrategy,
    PwView,
    values,
)

__all__ = ["CycleRow", "Ended", "Intent", "Note", "Out", "Report", "Strategy", "grid_of", "strategy_names"]

NEVER = 2**63 - 1
SECOND = 1_000_000


class Intent(NamedTuple):
    """pw_intent: an order that the strategy wants."""

    id: int
    cycle: int
    volume: int
    ticket: int
    ticket_by: int
    sl: int
    tp: int
    protect: int
    kind: int
    side: int
    role: int
    why: int


class Report(NamedTuple):
    """pw_report: what became of an intent, or of a position."""

    kind: int
    id: int = 0
    time: int = 0
    ticket: int = 0
    ticket_by: int = 0
    volume: int = 0
    left: int = 0
    price: int = 0
    profit: int = 0
    commission: int = 0
    swap: int = 0
    why: int = 0


class Note(NamedTuple):
    """pw_note: something that people should know."""

    cycle: int
    value: int
    code: int
    detail: int


class Ended(NamedTuple):
    """pw_cycle_end: a cycle that closed."""

    cycle: int
    opened: int
    closed: int
    profit: int
    why: int
    orders: int


class CycleRow(NamedTuple):
    """pw_cycle_row: an open cycle."""

    cycle: int
    opened: int
    anchor: int
    centre: int
    last: int
    bought: int
    sold: int
    booked: int
    profit: int
    request: int
    phase: int
    side: int
    direction: int
    zone: int
    level: int
    orders: int
    legs: int
    why: int


class Out(NamedTuple):
    """What one call of a strategy brought."""

    intents: list[Intent]
    notes: list[Note]
    ended: list[Ended]


ROOM_INTENTS, ROOM_NOTES, ROOM_ENDED = 64, 256, 64
MOST_ROWS = 64
NOTHING = Out([], [], [])


@cache
def bound() -> ctypes.CDLL:
    """The library with the functions of strategy.h."""
    return compiled_library.extend(SYMBOLS, SIZES)


@cache
def table() -> dict[str, PwStrategy]:
    """The compiled strategies by name."""
    rows: dict[str, PwStrategy] = {}
    while row := bound().pw_strategy_at(len(rows)):
        rows[row.contents.name.decode()] = row.contents
    return rows


def strategy_names() -> tuple[str, ...]:
    """The names of the compiled strategies."""
    return tuple(table())


def grid_of(symbol: PwSymbol, minor: int = 100) -> Grid:
    """What a symbol counts in; `minor`: minor units of a unit of the account's currency."""
    return Grid(symbol.pip, Fraction(symbol.lot_den, symbol.lot_num), symbol.volume_min, symbol.volume_max, minor)


class Strategy:
    """One strategy on one symbol.

    Attributes:
        name: the strategy's.
        params: what it was made with.
        view: rate, equity, day_profit, known and close_by, for the caller to set; known and close_by begin as 1, the
            rate as 1 (the profit currency is the account's).
    """

    def __init__(self, params: Params, symbol: PwSymbol, minor: int = 100) -> None:
        """Begin without cycles.

        Raises:
            OptionError: a parameter is off the symbol's grid.
        """
        self.name = params.strategy
        self.params = params
        self._row = table()[self.name]
        self._symbol = symbol
        given = compiled(params, grid_of(symbol, minor))
        size = self._row.state_bytes(byref(given))
        self._state = (c_int64 * max(1, -(-size // 8)))()
        self._intents = (PwIntent * ROOM_INTENTS)()
        self._notes = (PwNote * ROOM_NOTES)()
        self._ended = (PwCycleEnd * ROOM_ENDED)()
        self._out = PwOut(self._intents, 0, ROOM_INTENTS, self._notes, 0, ROOM_NOTES, self._ended, 0, ROOM_ENDED)
        self.view = PwView(ctypes.pointer(symbol), PwRate(1, 1, 1, 1), PwTick(0, 0, 0), 0, 0, 1, 1)
        self._done(self._row.init(self._state, ctypes.sizeof(self._state), byref(given), byref(symbol)))

    def on_tick(self, time: int, bid: int, ask: int) -> Out:
        """A quote: every rule."""
        self._quote(time, bid, ask)
        return self._done(self._row.on_tick(self._state, self.view, self._out))

    def on_time(self, time: int) -> Out:
        """No quote, but `next_time` has come: repeats, time-outs and closes that go on."""
        self.view.tick.time = time
        return self._done(self._row.on_time(self._state, self.view, self._out))

    def on_report(self, report: Report) -> Out:
        """What became of an intent or a position."""
        given = PwReport(**report._asdict())
        return self._done(self._row.on_report(self._state, self.view, given, self._out))

    def on_command(self, verb: int, cycle: int = 0, side: int = 0) -> Out:
        """A person's command: a pw_verb."""
        return self._done(self._row.on_command(self._state, self.view, PwCommand(cycle, verb, side), self._out))

    def warm(self, seconds: int, bars: Sequence[tuple[int, int, int]]) -> None:
        """Closed bars (high, low, close; points, oldest first) of a timeframe from history, before the first quote.

        bollinger_stop counts its warm-up from them; the other strategies use none.

        Raises:
            KernelError: the strategy does not use bars of this length, has seen a quote, or a price is no whole number.
        """
        if self.name != "bollinger_stop":
            raise KernelError(f"{self.name}: it uses no bars")
        arrays = [(c_double * len(bars))(*column) for column in zip(*bars, strict=True)] or [(c_double * 0)()] * 3
        status = bound().pw_bollinger_stop_warm(self._state, seconds * SECOND, *arrays, len(bars))
        if status != Status.OK:
            raise KernelError(f"{self.name}: the library answered {status} to {len(bars)} bars of {seconds} s")

    def next_time(self) -> int | None:
        """When on_time is to be called without a quote; None: not before something happens."""
        found: int = self._row.next_time(self._state)
        return None if found == NEVER else found

    def open_volume(self) -> int:
        """Steps open, in flight and unknown, gross."""
        return int(self._row.open_volume(self._state))

    def rows(self) -> list[CycleRow]:
        """The open cycles."""
        rows = (PwCycleRow * MOST_ROWS)()
        count = self._row.rows(self._state, self.view, rows, MOST_ROWS)
        return [CycleRow(*values(row)) for row in rows[:count]]

    @property
    def state(self) -> bytes:
        """All that the strategy knows; to be given to `restore`, with the same library and parameters."""
        return bytes(self._state)

    def restore(self, state: bytes) -> None:
        """Go on from a state.

        Raises:
            KernelError: the bytes are not a state of this strategy with these parameters.
        """
        if len(state) != ctypes.sizeof(self._state) or state[:16] != bytes(self._state)[:16]:
            raise KernelError(f"{self.name}: these {len(state)} bytes are no state of it with these parameters")
        ctypes.memmove(self._state, state, len(state))

    def _quote(self, time: int, bid: int, ask: int) -> None:
        tick = self.view.tick
        tick.time, tick.bid, tick.ask = time, bid, ask

    def _done(self, status: int) -> Out:
        """What came out, as values; the arrays are empty again."""
        out = self._out
        if status != Status.OK:
            out.n_intents = out.n_notes = out.n_ended = 0
            raise KernelError(f"{self.name}: the library answered {status}")
        if not (out.n_intents or out.n_notes or out.n_ended):
            return NOTHING
        made = Out(
            [Intent(*values(row)) for row in self._intents[: out.n_intents]],
            [Note(*values(row)) for row in self._notes[: out.n_notes]],
            [Ended(*values(row)) for row in self._ended[: out.n_ended]],
        )
        out.n_intents = out.n_notes = out.n_ended = 0
        return made
