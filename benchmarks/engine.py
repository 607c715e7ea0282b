"""The backtest engine: CycleTrader's ticks a second on one core and on two, signals, and a batch of parameter sets.

The ticks are a seeded random walk: a step of -3 to 3 points about every 1.2 s, a spread of 3 to 11 points, on a market
that never closes. `--full` runs 1,000 sets over 25 million of them, which takes minutes; without it far fewer. Beside
the rates stands the processor's own time a tick, which other programs on the machine hardly change.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time

import numpy as np

from kernels import build_hash
from kernels.backtest import backtest, backtest_batch, backtest_signals
from kernels.contract import Symbol
from kernels.engine import Result
from kernels.engine_ticks import Ticks
from kernels.market import account
from kernels.params import CycleTraderParams, Params

BEGIN = 1_577_916_000_000_000
GOAL_ONE, GOAL_TWO = 20.0, 1.8
SYMBOL = Symbol(
    "EURUSD",
    digits=5,
    contract_size=100_000,
    volume_min=0.01,
    volume_max=100,
    volume_step=0.01,
    commission=3.5,
    margin_hedged=50_000,
    margin_rate=("direct", 0),
    swap_mode="points",
    swap_long=-7.2,
    swap_short=3.1,
)
ACCOUNT = account(100_000)
TRADES = CycleTraderParams(autotrade=True, autotrade_threshold=10)


def generated(count: int) -> Ticks:
    """That many ticks."""
    rng = np.random.default_rng(1)
    bid = np.cumsum(rng.integers(-3, 4, count))
    np.maximum(bid, -100_000, out=bid)
    bid += 112_000
    time = np.cumsum(rng.integers(1, 2_400_000, count))
    time += BEGIN
    return Ticks.of(time, bid, bid + rng.integers(3, 12, count))


def best(ticks: Ticks, params: Params, threads: int, runs: int) -> tuple[float, float, Result]:
    """Millions of ticks a second over all threads, processor ns a tick, each the best of the runs; a result."""
    shortest = used = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(runs):
            begun, worked = perf_counter(), process_time()
            one = list(
                pool.map(
                    lambda _: backtest(ticks, SYMBOL, ACCOUNT, params, keep_trades=False, points=0), range(threads)
                )
            )
            shortest = min(shortest, perf_counter() - begun)
            used = min(used, process_time() - worked)
    taken = threads * len(ticks)
    return taken / shortest / 1e6, used / taken * 1e9, one[0]


def peak_mb() -> float:
    """The most memory that the process has had."""
    if sys.platform == "win32":
        return float("nan")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rates(ticks: Ticks, runs: int) -> None:
    """One core, two cores, and signals."""
    one, one_ns, result = best(ticks, TRADES, 1, runs)
    made = f"{result.closed} trades, in the market {100 * (result.exposure or 0):.0f} % of the time"
    print(
        f"cycle_trader, one core   {one:8.1f} M ticks/s   goal {GOAL_ONE:.0f}: {_met(one, GOAL_ONE)}   "
        f"{one_ns:.1f} ns; {made}"
    )
    two, two_ns, _ = best(ticks, TRADES, 2, runs)
    cores = os.cpu_count() or 1
    print(
        f"cycle_trader, two cores  {two:8.1f} M ticks/s   {two / one:.2f} x one, goal {GOAL_TWO}: "
        f"{_met(two / one, GOAL_TWO)}   {two_ns:.1f} ns; {cores} cores here, load {os.getloadavg()[0]:.1f}"
    )
    targets = np.where(np.arange(len(ticks)) // 1000 % 2, 10, -10)
    begun = perf_counter()
    signals = backtest_signals(ticks, targets, SYMBOL, ACCOUNT, keep_trades=False, points=0)
    seconds = perf_counter() - begun
    print(f"signals, one core        {len(ticks) / seconds / 1e6:8.1f} M ticks/s   {signals.closed} trades")


def batch(ticks: Ticks, count: int) -> None:
    """Many sets on all cores."""
    sets = [
        CycleTraderParams(autotrade=True, autotrade_threshold=5 + at % 20, take_profit=1 + at // 20)
        for at in range(count)
    ]
    before = peak_mb()
    begun = perf_counter()
    found = backtest_batch(ticks, SYMBOL, ACCOUNT, sets)
    seconds = perf_counter() - begun
    rate = count * len(ticks) / seconds / 1e6
    print(
        f"{count:,} sets over {len(ticks):,} ticks: {seconds:.1f} s, {rate:.1f} M ticks/s, "
        f"{sum(one.closed for one in found):,} trades; peak memory {peak_mb():,.0f} MB, of which "
        f"{peak_mb() - before:,.0f} MB for the batch (the ticks are {24 * len(ticks) / 2**20:,.0f} MB)"
    )


def _met(value: float, goal: float) -> str:
    return "met" if value >= goal else "MISSED"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer ticks and runs")
    parser.add_argument("--full", action="store_true", help="1,000 sets over 25 million ticks")
    options, _ = parser.parse_known_args()
    length = 25_000_000 if options.full else 1_000_000 if options.quick else 5_000_000
    ticks = generated(length)
    print(f"\nbacktest engine, kernel {build_hash()[:12]}, {length:,} generated ticks")
    rates(ticks, 2 if options.quick else 3)
    batch(ticks, 1000 if options.full else 10 if options.quick else 50)


if __name__ == "__main__":
    main()
