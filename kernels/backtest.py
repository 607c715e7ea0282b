"""Backtests: one parameter set, a batch of them on all cores, or an array of target positions.

    ticks = kernels.Ticks.of(time, bid, ask)              # int64: UTC microseconds, points
    backtest(ticks, symbol, account, CycleTraderParams(autotrade=True, autotrade_threshold=10))
    backtest_batch(ticks, symbol, account, [CycleTraderParams(take_profit=n) for n in range(1, 100)])
    kernels.backtest_signals(ticks, np.where(fast > slow, 10, -10), symbol, account)

Each gives a `Result` (kernels/engine.py). What decides and how orders fill is the compiled code that also trades live.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from kernels.engine import Result, Run
from kernels.strategies import Strategy
from kernels.strategy_structs import REASONS, ROLES, SIDES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike

    from kernels.contract import Symbol
    from kernels.engine_ticks import Ticks
    from kernels.market import Account, PwRate
    from kernels.params import Params

__all__ = ["REASONS", "ROLES", "SIDES", "backtest", "backtest_batch", "backtest_signals"]


def backtest(  # noqa: PLR0913 (what a backtest is of)
    ticks: Ticks,
    symbol: Symbol,
    account: Account,
    params: Params,
    *,
    opening: str = "none",
    profit_rate: PwRate | None = None,
    margin_rate: PwRate | None = None,
    keep_trades: bool = True,
    points: int = 1024,
) -> Result:
    """One built-in strategy over all ticks.

    Args:
        ticks: what it trades on.
        symbol: the contract.
        account: deposit and how orders fill.
        params: the strategy's parameters, one of kernels.params.
        opening: one of OPENINGS: the cycle that is opened when none is, for strategies that wait for a command.
        profit_rate: of the profit currency into the account's, where the symbol's own is not taken.
        margin_rate: of the margin currency.
        keep_trades: False counts them only.
        points: of the equity curve at most; 0 for none.

    Raises:
        OptionError: a parameter is off the symbol's grid.
        KernelError: an amount does not fit, or no rate is known.
    """
    return Run(
        ticks,
        symbol,
        account,
        strategy=Strategy(params, symbol.struct),
        opening=opening,
        profit_rate=profit_rate,
        margin_rate=margin_rate,
        keep_trades=keep_trades,
        points=points,
    ).finish()


def backtest_batch(  # noqa: PLR0913 (as backtest)
    ticks: Ticks,
    symbol: Symbol,
    account: Account,
    sets: Sequence[Params],
    *,
    opening: str = "none",
    profit_rate: PwRate | None = None,
    margin_rate: PwRate | None = None,
    threads: int = 0,
    finished: Callable[[int, Result], None] | None = None,
) -> list[Result]:
    """Many parameter sets over the same ticks, which are not copied; trades and curves are not kept.

    Args:
        ticks: what they trade on.
        symbol: the contract.
        account: deposit and how orders fill; each set has one of its own.
        sets: the parameters; the results are in their order.
        opening: as in `backtest`.
        profit_rate: as in `backtest`.
        margin_rate: as in `backtest`.
        threads: 0: as many as the machine has cores.
        finished: called with the number and result of each set when it is done, from any of the threads.

    Raises:
        OptionError: a parameter is off the symbol's grid.
        KernelError: as `backtest`.
    """

    def one(number: int) -> Result:
        result = backtest(
            ticks,
            symbol,
            account,
            sets[number],
            opening=opening,
            profit_rate=profit_rate,
            margin_rate=margin_rate,
            keep_trades=False,
            points=0,
        )
        if finished is not None:
            finished(number, result)
        return result

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        return list(pool.map(one, range(len(sets))))


def backtest_signals(
    ticks: Ticks,
    targets: ArrayLike,
    symbol: Symbol,
    account: Account,
    *,
    profit_rate: PwRate | None = None,
    margin_rate: PwRate | None = None,
    keep_trades: bool = True,
    points: int = 1024,
) -> Result:
    """Trade towards target positions through the same order simulation as the strategies.

    Args:
        ticks: what is traded on.
        targets: volume steps, above 0 long, below 0 short: one for each tick, which it may know; or, where the ticks
            are of bars, one for each bar, acted on at the first tick of the next one.
        symbol: the contract.
        account: a netting account goes straight to the target; on a hedging one the oldest positions are closed first.
        profit_rate: as in `backtest`.
        margin_rate: as in `backtest`.
        keep_trades: as in `backtest`.
        points: as in `backtest`.

    Raises:
        InputError: targets that are not one whole number for each tick or bar.
        KernelError: as `backtest`.
    """
    return Run(
        ticks,
        symbol,
        account,
        targets=targets,
        profit_rate=profit_rate,
        margin_rate=margin_rate,
        keep_trades=keep_trades,
        points=points,
    ).finish()
