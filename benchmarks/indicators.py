"""`make bench`: every indicator beside TA-Lib over the same million values, and what one streamed value costs.

Each row is the best of several runs of both, taken in turns in this process; the ratio is ours / TA-Lib's (goal: at
most 1.0). Numbers are compared first. Kernels that TA-Lib does not have stand alone. ARGS="--quick" takes fewer runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import numpy as np
import talib

import kernels

LENGTH = 1_000_000
PERIODS = (5, 14, 50, 200)


def data() -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Bars of a random walk around 100, and a second series."""
    draws = np.random.default_rng(1)
    close = 100 + np.cumsum(draws.normal(0, 0.01, LENGTH))
    return {
        "c": close,
        "h": close + np.abs(draws.normal(0, 0.01, LENGTH)),
        "l": close - np.abs(draws.normal(0, 0.01, LENGTH)),
        "o": 100 + np.cumsum(draws.normal(0, 0.01, LENGTH)),
    }


def calls() -> dict[str, tuple[Callable[[int], Any], Callable[[int], Any] | None]]:
    """By kernel: ours and TA-Lib's for a period, on the same arrays."""
    rows = data()
    c, h, low, o = rows["c"], rows["h"], rows["l"], rows["o"]
    return {
        "sma": (lambda p: kernels.sma(c, p), lambda p: talib.SMA(c, p)),
        "ema": (lambda p: kernels.ema(c, p), lambda p: talib.EMA(c, p)),
        "wma": (lambda p: kernels.wma(c, p), lambda p: talib.WMA(c, p)),
        "rsi": (lambda p: kernels.rsi(c, p), lambda p: talib.RSI(c, p)),
        "atr": (lambda p: kernels.atr(h, low, c, p), lambda p: talib.ATR(h, low, c, p)),
        "adx": (lambda p: kernels.adx(h, low, c, p), lambda p: talib.ADX(h, low, c, p)),
        "macd": (lambda p: kernels.macd(c, p, 2 * p, 9), lambda p: talib.MACD(c, p, 2 * p, 9)),
        "bbands": (lambda p: kernels.bbands(c, p, 2.0, 2.0), lambda p: talib.BBANDS(c, p, 2.0, 2.0)),
        "stddev": (lambda p: kernels.stddev(c, p), lambda p: talib.STDDEV(c, p)),
        "rolling_max": (lambda p: kernels.rolling_max(c, p), lambda p: talib.MAX(c, p)),
        "rolling_min": (lambda p: kernels.rolling_min(c, p), lambda p: talib.MIN(c, p)),
        "stoch": (
            lambda p: kernels.stoch(h, low, c, p, 3, 3),
            lambda p: talib.STOCH(h, low, c, fastk_period=p, slowk_period=3, slowd_period=3),
        ),
        "cci": (lambda p: kernels.cci(h, low, c, p), lambda p: talib.CCI(h, low, c, p)),
        "mom": (lambda p: kernels.mom(c, p), lambda p: talib.MOM(c, p)),
        "roc": (lambda p: kernels.roc(c, p), lambda p: talib.ROC(c, p)),
        "linreg_slope": (lambda p: kernels.linreg_slope(c, p), lambda p: talib.LINEARREG_SLOPE(c, p)),
        "correl": (lambda p: kernels.correl(c, o, p), lambda p: talib.CORREL(c, o, p)),
        "beta": (lambda p: kernels.beta(c, o, p), lambda p: talib.BETA(c, o, p)),
        "zscore": (lambda p: kernels.zscore(c, p), None),
        "keltner": (lambda p: kernels.keltner(h, low, c, p, 2.0, p), None),
        "bbs": (lambda p: kernels.bbs(c, p, 2.0), None),
        "weighted_momentum": (lambda p: kernels.weighted_momentum(c, p), None),
        "drawdown": (lambda _: kernels.drawdown(c), None),
    }


def compare(name: str, ours: Any, theirs: Any) -> None:  # noqa: ANN401 (one array or several)
    """Stop when the two are not the same numbers, as far as TA-Lib's running sums at this level allow."""
    one, two = (found if isinstance(found, tuple) else (found,) for found in (ours, theirs))
    for found, wanted in zip(one, two, strict=True):
        scale = float(np.nanmax(np.abs(wanted)))
        assert np.allclose(found, wanted, rtol=1e-6, atol=1e-6 * scale, equal_nan=True), f"{name}: not TA-Lib's numbers"


def best(functions: list[Callable[[int], Any]], period: int, runs: int) -> list[float]:
    """The shortest time of each in milliseconds, run in turns."""
    shortest = [float("inf")] * len(functions)
    for _ in range(runs):
        for i, function in enumerate(functions):
            begun = perf_counter_ns()
            function(period)
            shortest[i] = min(shortest[i], (perf_counter_ns() - begun) / 1e6)
    return shortest


def streamed(name: str, values: int = 20_000) -> float:
    """Nanoseconds of one `update` from Python, the best of several runs."""
    stream = kernels.Stream(name)
    count = {"atr": 3, "adx": 3, "cci": 3, "stoch": 3, "keltner": 3, "correl": 2, "beta": 2}.get(name, 1)
    arguments = (1.25, 1.24, 1.245)[:count]
    shortest = float("inf")
    for _ in range(5):
        begun = perf_counter_ns()
        for _ in range(values):
            stream.update(*arguments)
        shortest = min(shortest, (perf_counter_ns() - begun) / values)
    return shortest


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    runs = 3 if parser.parse_known_args()[0].quick else 9
    print(f"\nkernels beside TA-Lib {talib.__version__}: ms for {LENGTH:,} values, ours / TA-Lib's = ratio")
    print(f"{'kernel':<18}" + "".join(f"{f'period {period}':>22}" for period in PERIODS) + f"{'update':>12}")
    ratios: list[float] = []
    for name, (ours, theirs) in calls().items():
        cells = []
        for period in PERIODS:
            if theirs is None:
                cells.append(f"{best([ours], period, runs)[0]:.2f}")
                continue
            compare(name, ours(period), theirs(period))
            one, two = best([ours, theirs], period, runs)
            ratios.append(one / two)
            cells.append(f"{one:.2f} /{two:6.2f} = {one / two:.2f}")
        print(f"{name:<18}" + "".join(f"{cell:>22}" for cell in cells) + f"{streamed(name):>9.0f} ns", flush=True)
    met = sum(ratio <= 1 for ratio in ratios)
    print(f"goal ratio <= 1.0: met in {met} of {len(ratios)} cells, median {np.median(ratios):.2f}")


if __name__ == "__main__":
    main()
