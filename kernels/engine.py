"""The backtest loop, compiled (engine.c): `Run` takes one strategy, or an array of targets, over `Ticks`.

A run does not copy the ticks, so any number of runs share them, and holds the interpreter only between slices:
`advance` takes so many ticks, `finish` closes what is open at the last one and gives the `Result`. kernels/backtest.py
is the comfortable way. NumPy is imported when a run is made.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, pointer
from typing import TYPE_CHECKING, NamedTuple

from kernels.engine_structs import (
    MOST_FLIGHTS,
    ROOM_ENDED,
    ROOM_INTENTS,
    ROOM_NOTES,
    Engine,
    Holding,
    bound,
)
from kernels.engine_ticks import TICKS_A_BAR, Ticks
from kernels.errors import InputError, KernelError
from kernels.library import Status
from kernels.market import PwRate
from kernels.statistics import Curve, Figures, Point, Trade
from kernels.strategy_structs import PwCycleEnd, PwIntent, PwNote
from kernels.venue_rows import PwEvent, PwState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from kernels.contract import Symbol
    from kernels.market import Account
    from kernels.strategies import Strategy

    Integers = NDArray[np.int64]

__all__ = ["OPENINGS", "Result", "Run", "Ticks"]

OPENINGS = ("none", "buy", "sell", "alternate")
"""What the engine opens when no cycle is open, for strategies that wait for a command."""

_POSITIONS, _PENDINGS = 8192, 64
_CHUNK = 1 << 16
_OUTCOMES = 4 * (MOST_FLIGHTS + ROOM_INTENTS) + 4 * _PENDINGS + 2 * _POSITIONS
# Array types are made once: each one is a cycle of objects, which would keep memory until it is looked for.
_EVENTS = PwEvent * _OUTCOMES
_ARRAYS = {
    "holdings": Holding * (_POSITIONS + 1),
    "flights": PwIntent * MOST_FLIGHTS,
    "intents": PwIntent * ROOM_INTENTS,
    "notes": PwNote * ROOM_NOTES,
    "ended": PwCycleEnd * ROOM_ENDED,
}
_WITHOUT_EQUITY = {"cycle_trader"}
"""Strategies that look at neither the equity nor the day's profit; the others get both at each tick."""


class Result(NamedTuple):
    """What a run came to. Money in minor units, prices in points, volumes in steps, times in UTC microseconds.

    `trades` and `curve` are structured arrays with the fields of kernels.statistics.Trade and Point; None and empty
    when they were not kept. Ratios are None where they are not defined. docs/backtest.md defines each figure.
    """

    ticks: int
    trades: NDArray[np.void] | None
    curve: NDArray[np.void]
    deposit: int
    balance: int
    closed: int
    wins: int
    losses: int
    net_profit: int
    gross_profit: int
    gross_loss: int
    commission: int
    swap: int
    volume: int
    longest_losing_run: int
    end_of_data: int
    end_of_data_profit: int
    max_drawdown: int
    max_drawdown_part: float
    peak: int
    lowest: int
    profit_factor: float | None
    expectancy: float | None
    win_rate: float | None
    recovery_factor: float | None
    sharpe: float | None
    sortino: float | None
    annual_return: float | None
    calmar: float | None
    exposure: float | None
    days: int
    begun: int
    ended: int
    orders: int
    deals: int
    rejected: int
    caps: int
    cycles: int
    cycles_ended: dict[int, int]
    cycles_profit: int
    ambiguous: int
    stop_outs: int


class Run:
    """One strategy, or one array of target positions, on its way over ticks. Not for several threads at once.

    Raises:
        InputError: targets that are not one whole number for each tick (or bar).
        KernelError: both a strategy and targets, or neither; a symbol or account that the venue refuses.
    """

    def __init__(  # noqa: PLR0913 (what a run is of)
        self,
        ticks: Ticks,
        symbol: Symbol,
        account: Account,
        *,
        strategy: Strategy | None = None,
        targets: ArrayLike | None = None,
        opening: str = "none",
        profit_rate: PwRate | None = None,
        margin_rate: PwRate | None = None,
        keep_trades: bool = True,
        points: int = 1024,
    ) -> None:
        import numpy as np

        if (strategy is None) == (targets is None):
            raise KernelError("a run has either a strategy or targets")
        self.ticks = ticks
        self._kept = [symbol, account, strategy]
        self._engine = e = Engine()
        e.time, e.bid, e.ask = (column.ctypes.data for column in (ticks.time, ticks.bid, ticks.ask))
        e.n, e.bars, e.opening = len(ticks), ticks.bars, OPENINGS.index(opening)
        if strategy is not None:
            e.strategy, e.state = pointer(strategy._row), ctypes.addressof(strategy._state)  # noqa: SLF001
            e.wants_equity = strategy.name not in _WITHOUT_EQUITY
        if targets is not None:
            self._kept.append(aims := _targets(targets, ticks))
            e.targets = aims.ctypes.data
        self._begin_venue(symbol, account, profit_rate, margin_rate)
        for name, kind in _ARRAYS.items():
            setattr(e, name, kind())
        self._parts: list[NDArray[np.void]] = []
        self._chunk = np.empty(_CHUNK if keep_trades else 0, np.dtype(Trade))
        e.trades, e.room = (self._chunk.ctypes.data, _CHUNK) if keep_trades else (None, 0)
        self._points = np.empty(points + points % 2, np.dtype(Point))
        e.curve = Curve(room=len(self._points))
        if points:
            e.curve.points = pointer(Point.from_buffer(self._points.data))
        self._check(bound().pw_engine_begin(byref(e)))

    def _begin_venue(self, symbol: Symbol, account: Account, profit: PwRate | None, margin: PwRate | None) -> None:
        venue = self._engine.venue
        size = bound().pw_venue_bytes(1, _POSITIONS, _PENDINGS, MOST_FLIGHTS)
        self._block = bytearray(size)
        venue.spec, venue.symbols = pointer(account), pointer(symbol.struct)
        venue.state = pointer(PwState.from_buffer(self._block))
        venue.out, venue.most_out = _EVENTS(), _OUTCOMES
        self._check(bound().pw_venue_begin(byref(venue), size, 1, _POSITIONS, _PENDINGS, MOST_FLIGHTS))
        if profit is not None or margin is not None:
            rates = (None if rate is None else byref(rate) for rate in (profit, margin))
            self._check(bound().pw_venue_rate(byref(venue), 0, *rates))

    @property
    def taken(self) -> int:
        """Ticks taken so far."""
        return int(self._engine.at)

    def advance(self, ticks: int) -> bool:
        """Take at most so many more ticks; whether there are more. Other threads run meanwhile.

        Raises:
            KernelError: an amount does not fit, or no rate is known; the run is over.
        """
        e = self._engine
        until = min(e.at + ticks, e.n)
        while (status := bound().pw_engine_run(byref(e), until)) == Status.FULL:
            self._empty()
        self._check(status)
        return bool(e.at < e.n)

    def finish(self) -> Result:
        """Take what is left, close what is open, and sum up; the run is over then.

        Raises:
            KernelError: as `advance`.
        """
        import numpy as np

        e = self._engine
        while self.advance(1 << 24):
            pass
        while (status := bound().pw_engine_end(byref(e))) == Status.FULL:
            self._empty()
        self._check(status)
        trades = np.concatenate([*self._parts, self._chunk[: e.n_trades]]) if e.room else None
        return _result(e, trades, self._points[: e.curve.n].copy())

    def _empty(self) -> None:
        """Put the trades of the chunk aside."""
        e = self._engine
        if not e.room:
            raise KernelError("engine: the library asked for room for trades that are not kept")
        self._parts.append(self._chunk[: e.n_trades].copy())
        e.n_trades = 0
        need = int(bound().pw_engine_room(byref(e)))
        if e.room < need:
            import numpy as np

            self._chunk = np.empty(2 * need, np.dtype(Trade))
            e.trades, e.room = self._chunk.ctypes.data, len(self._chunk)

    def _check(self, status: int) -> None:
        """Raise for a status that is not PW_OK."""
        if status == Status.OK:
            return
        reason = _REASONS.get(status, f"the library answered {status}")
        raise KernelError(f"engine: {reason}, at tick {self._engine.at + 1} of {self._engine.n}")


_RANGE, _NO_RATE = 8, 9
_REASONS = {
    _RANGE: "an amount of money, a volume or the number of orders went beyond what fits",
    _NO_RATE: "the rate into the account's currency is not known; expected a fixed one",
}


def _targets(targets: ArrayLike, ticks: Ticks) -> Integers:
    """Target positions, one for each tick or bar."""
    import numpy as np

    found = np.asarray(targets)
    expected = len(ticks) // TICKS_A_BAR if ticks.bars else len(ticks)
    if found.ndim != 1 or len(found) != expected:
        each = "bar" if ticks.bars else "tick"
        raise InputError(
            "targets", "targets", f"have the shape {found.shape}; expected {expected} values, one a {each}"
        )
    if found.dtype.kind == "f":
        wrong = np.flatnonzero(~(np.isfinite(found) & (found == np.rint(found)) & (np.abs(found) < 1 << 26)))
        if wrong.size:
            at = int(wrong[0])
            raise InputError("targets", "targets", f"[{at}] is {found[at]}; expected whole volume steps")
    elif found.dtype.kind not in "iu":
        raise InputError("targets", "targets", f"have the type {found.dtype}; expected whole volume steps")
    return np.ascontiguousarray(found, np.int64)


def _known(value: float) -> float | None:
    """A ratio, or None where it is not defined."""
    return None if value != value else value  # noqa: PLR0124 (NaN)


def _result(e: Engine, trades: NDArray[np.void] | None, curve: NDArray[np.void]) -> Result:
    """Everything that the engine counted."""
    s, figures = e.statistics, Figures()
    bound().pw_statistics_figures(byref(s), e.curve.drawdown, e.curve.part, byref(figures))
    ratios = {name: _known(getattr(figures, name)) for name, *_ in Figures._fields_}
    net = s.gross_profit + s.gross_loss
    return Result(
        ticks=e.at, trades=trades, curve=curve, deposit=s.deposit, balance=s.deposit + net, closed=s.trades,
        wins=s.wins, losses=s.losses, net_profit=net, gross_profit=s.gross_profit, gross_loss=s.gross_loss,
        commission=s.commission, swap=s.swap, volume=s.volume, longest_losing_run=s.longest_losing_run,
        end_of_data=s.end_trades, end_of_data_profit=s.end_profit, max_drawdown=e.curve.drawdown,
        max_drawdown_part=e.curve.part, peak=e.curve.peak, lowest=e.curve.low, days=s.days, begun=s.begun,
        ended=s.ended, orders=e.orders, deals=e.deals, rejected=e.rejected, caps=e.caps, cycles=e.cycles,
        cycles_ended={why: count for why, count in enumerate(s.cycles) if count},
        cycles_profit=e.cycles_profit, ambiguous=e.ambiguous, stop_outs=e.stop_outs, **ratios,
    )  # fmt: skip
