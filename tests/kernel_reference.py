"""The kernels in plain Python, straight from their definitions: slow, short and obvious, for comparison only.

Each takes its input lists and its options, and returns its output lists, of the inputs' length with NaN in the warm-up.
Sums are exact (math.fsum), windows are cut out and looked at one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import fsum, nan, sqrt

__all__ = ["REFERENCE", "Lists"]

Lists = list[list[float]]


def windows(values: Sequence[float], period: int, compute: Callable[[Sequence[float]], float]) -> list[float]:
    """`compute` of each full window, NaN before."""
    return [nan if i < period - 1 else compute(values[i - period + 1 : i + 1]) for i in range(len(values))]


def late(function: Callable[[list[float]], list[float]], values: list[float], start: int) -> list[float]:
    """`function` of the values from `start` on, NaN before."""
    return [nan] * min(start, len(values)) + function(values[start:])


def mean(window: Sequence[float]) -> float:
    """The arithmetic mean, which of equal values is that value to the last bit."""
    return window[0] if min(window) == max(window) else fsum(window) / len(window)


def deviation(window: Sequence[float]) -> float:
    """The standard deviation of the population."""
    middle = mean(window)
    return sqrt(fsum((value - middle) ** 2 for value in window) / len(window))


def weighted(window: Sequence[float]) -> float:
    """The mean with the weights 1, 2, 3 and so on."""
    return fsum(i * value for i, value in enumerate(window, 1)) / (len(window) * (len(window) + 1) / 2)


def slope(window: Sequence[float]) -> float:
    """The least squares slope over the positions."""
    middle, centre = mean(window), (len(window) - 1) / 2
    spread = fsum((i - centre) ** 2 for i in range(len(window)))
    return fsum((i - centre) * (value - middle) for i, value in enumerate(window)) / spread


def products(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Squared deviations of x, of y, and their product."""
    mx, my = mean(x), mean(y)
    return (
        fsum((a - mx) ** 2 for a in x),
        fsum((b - my) ** 2 for b in y),
        fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)),
    )


def correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Pearson's, 0 when a series is flat."""
    xx, yy, xy = products(x, y)
    return 0.0 if xx == 0 or yy == 0 else max(-1.0, min(1.0, xy / (sqrt(xx) * sqrt(yy))))


def smoothed(values: Sequence[float], period: int, weight: float) -> list[float]:
    """Exponential smoothing from the mean of the first `period` values on."""
    found = [nan] * min(period - 1, len(values))
    if len(values) >= period:
        found.append(mean(values[:period]))
        for value in values[period:]:
            found.append(found[-1] + weight * (value - found[-1]))
    return found


def average(values: Sequence[float], period: int) -> list[float]:
    """The exponential moving average."""
    return smoothed(values, period, 2 / (period + 1))


def changes(values: Sequence[float], *, percent: bool) -> list[float]:
    """Each value against the one before; one shorter than the values."""
    return [(0.0 if old == 0 else (new - old) / old) if percent else new - old for old, new in pairwise(values)]


def true_ranges(high: list[float], low: list[float], close: list[float]) -> list[float]:
    """From the second bar on."""
    return [max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])) for i in range(1, len(high))]


def sma(values: list[float], period: int) -> Lists:
    return [windows(values, period, mean)]


def ema(values: list[float], period: int) -> Lists:
    return [average(values, period)]


def wma(values: list[float], period: int) -> Lists:
    return [windows(values, period, weighted)]


def stddev(values: list[float], period: int, deviations: float) -> Lists:
    return [windows(values, period, lambda window: deviation(window) * deviations)]


def zscore(values: list[float], period: int) -> Lists:
    def score(window: Sequence[float]) -> float:
        width = deviation(window)
        return 0.0 if width == 0 else (window[-1] - mean(window)) / width

    return [windows(values, period, score)]


def bbands(values: list[float], period: int, up: float, down: float) -> Lists:
    middle, width = windows(values, period, mean), windows(values, period, deviation)
    return [
        [m + up * w for m, w in zip(middle, width, strict=True)],
        middle,
        [m - down * w for m, w in zip(middle, width, strict=True)],
    ]


def bbs(close: list[float], period: int, deviations: float) -> Lists:
    uppers, _, lowers = bbands(close, period, deviations, deviations)
    rows = []
    trend, stop, flip = 0.0, nan, nan
    up_limit, down_limit = math.inf, -math.inf
    for position, (price, upper, lower) in enumerate(zip(close, uppers, lowers, strict=True)):
        if math.isnan(upper):
            rows.append((nan, nan, nan))
            continue
        rises = price > (up_limit if trend == 0 else stop)
        falls = price < (down_limit if trend == 0 else stop)
        if trend <= 0 and rises:
            trend, stop, flip = 1.0, lower, float(position)
        elif trend >= 0 and falls:
            trend, stop, flip = -1.0, upper, float(position)
        elif trend == 0:
            up_limit, down_limit = min(up_limit, upper), max(down_limit, lower)
        else:
            stop = max(stop, lower) if trend > 0 else min(stop, upper)
        rows.append((trend, stop, flip))
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], []]


def rsi(values: list[float], period: int) -> Lists:
    moves = changes(values, percent=False)
    gains = smoothed([max(move, 0.0) for move in moves], period, 1 / period)
    losses = smoothed([max(-move, 0.0) for move in moves], period, 1 / period)
    found = [
        nan if math.isnan(g) else 0.0 if g + s == 0 else 100 * g / (g + s) for g, s in zip(gains, losses, strict=True)
    ]
    return [[nan, *found][: len(values)]]


def atr(high: list[float], low: list[float], close: list[float], period: int) -> Lists:
    return [[nan, *smoothed(true_ranges(high, low, close), period, 1 / period)][: len(high)]]


def keltner(
    high: list[float], low: list[float], close: list[float], period: int, multiplier: float, atr_period: int
) -> Lists:
    middle = average(close, period)
    (width,) = atr(high, low, close, atr_period)
    known = [not math.isnan(m + w) for m, w in zip(middle, width, strict=True)]
    return [
        [m + sign * multiplier * w if ok else nan for m, w, ok in zip(middle, width, known, strict=True)]
        for sign in (1, 0, -1)
    ]


def adx(high: list[float], low: list[float], close: list[float], period: int) -> Lists:
    ups, downs = [], []
    for i in range(1, len(high)):
        rise, fall = high[i] - high[i - 1], low[i - 1] - low[i]
        ups.append(rise if rise > fall and rise > 0 else 0.0)
        downs.append(fall if fall > rise and fall > 0 else 0.0)
    ranges = true_ranges(high, low, close)
    found = [nan] * min(2 * period - 1, len(high))
    if len(high) < 2 * period:
        return [found]
    up, down, wide = (fsum(row[: period - 1]) for row in (ups, downs, ranges))
    indices: list[float] = []
    value = nan
    for i in range(period - 1, len(ups)):
        up, down, wide = (old - old / period + row[i] for old, row in ((up, ups), (down, downs), (wide, ranges)))
        index = 100 * abs(up - down) / (up + down) if wide > 0 and up + down > 0 else None
        if i < 2 * period - 1:
            indices.append(index or 0.0)
            value = fsum(indices) / period
        elif index is not None:
            value = (value * (period - 1) + index) / period
        if i >= 2 * period - 2:
            found.append(value)
    return [found]


def macd(values: list[float], fast: int, slow: int, signal: int) -> Lists:
    quick = late(lambda rest: average(rest, fast), values, slow - fast)
    line = [a - b for a, b in zip(quick, average(values, slow), strict=True)]
    smooth = late(lambda rest: average(rest, signal), line, slow - 1)
    known = [not math.isnan(value) for value in smooth]
    return [
        [value if ok else nan for value, ok in zip(line, known, strict=True)],
        smooth,
        [a - b for a, b in zip(line, smooth, strict=True)],
    ]


def rolling_max(values: list[float], period: int) -> Lists:
    return [windows(values, period, max)]


def rolling_min(values: list[float], period: int) -> Lists:
    return [windows(values, period, min)]


def stoch(high: list[float], low: list[float], close: list[float], fast_k: int, slow_k: int, slow_d: int) -> Lists:
    highest, lowest = windows(high, fast_k, max), windows(low, fast_k, min)
    fast = [
        nan if math.isnan(top) else 0.0 if top == bottom else 100 * (price - bottom) / (top - bottom)
        for top, bottom, price in zip(highest, lowest, close, strict=True)
    ]
    k = late(lambda rest: windows(rest, slow_k, mean), fast, fast_k - 1)
    d = late(lambda rest: windows(rest, slow_d, mean), k, fast_k + slow_k - 2)
    return [[nan if math.isnan(other) else value for value, other in zip(k, d, strict=True)], d]


def cci(high: list[float], low: list[float], close: list[float], period: int) -> Lists:
    def index(window: Sequence[float]) -> float:
        middle = mean(window)
        width = fsum(abs(value - middle) for value in window) / len(window)
        return 0.0 if width == 0 else (window[-1] - middle) / (0.015 * width)

    return [windows([sum(bar) / 3 for bar in zip(high, low, close, strict=True)], period, index)]


def mom(values: list[float], period: int) -> Lists:
    return [[nan if i < period else values[i] - values[i - period] for i in range(len(values))]]


def roc(values: list[float], period: int) -> Lists:
    def rate(i: int) -> float:
        old = values[i - period]
        return 0.0 if old == 0 else 100 * (values[i] / old - 1)

    return [[nan if i < period else rate(i) for i in range(len(values))]]


def linreg_slope(values: list[float], period: int) -> Lists:
    return [windows(values, period, slope)]


def correl(x: list[float], y: list[float], period: int) -> Lists:
    return [
        [
            nan if i < period - 1 else correlation(x[i - period + 1 : i + 1], y[i - period + 1 : i + 1])
            for i in range(len(x))
        ]
    ]


def beta(x: list[float], y: list[float], period: int) -> Lists:
    rx, ry = changes(x, percent=True), changes(y, percent=True)

    def at(i: int) -> float:
        xx, _, xy = products(rx[i - period : i], ry[i - period : i])
        return 0.0 if xx == 0 else xy / xx

    return [[nan if i < period else at(i) for i in range(len(x))]]


def drawdown(equity: list[float]) -> Lists:
    peaks = [max(equity[: i + 1]) for i in range(len(equity))]
    return [
        [peak - value for peak, value in zip(peaks, equity, strict=True)],
        [100 * (peak - value) / peak if peak > 0 else nan for peak, value in zip(peaks, equity, strict=True)],
    ]


def weighted_momentum(values: list[float], period: int) -> Lists:
    moves = [100 * move for move in changes(values, percent=True)]
    return [[nan, *windows(moves, period, weighted)][: len(values)]]


REFERENCE: dict[str, Callable[..., Lists]] = {
    function.__name__: function
    for function in (
        adx,
        atr,
        bbands,
        bbs,
        beta,
        cci,
        correl,
        drawdown,
        ema,
        keltner,
        linreg_slope,
        macd,
        mom,
        roc,
        rolling_max,
        rolling_min,
        rsi,
        sma,
        stddev,
        stoch,
        weighted_momentum,
        wma,
        zscore,
    )
}
