"""The indicators over whole arrays, by name: `ema(close, 20)`.

Each takes sequences of numbers, oldest first, and gives an array of the same length (float64) with NaN in the warm-up,
or a named tuple of such arrays. Options stand in TA-Lib's order with TA-Lib's defaults where it has the function, and
the numbers are the same. NaN and infinities are refused with their position, options out of bounds with their name, as
`KernelError`s. NumPy is imported at the first call. docs/kernels.md has the table of options and bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from kernels.arrays import Doubles

__all__ = [
    "Bands",
    "Bbs",
    "Drawdown",
    "Macd",
    "Stoch",
    "adx",
    "atr",
    "bbands",
    "bbs",
    "beta",
    "cci",
    "correl",
    "drawdown",
    "ema",
    "keltner",
    "linreg_slope",
    "macd",
    "mom",
    "roc",
    "rolling_max",
    "rolling_min",
    "rsi",
    "sma",
    "stddev",
    "stoch",
    "weighted_momentum",
    "wma",
    "zscore",
]


class Bands(NamedTuple):
    """A band around an average, in the unit of the values."""

    upper: Doubles
    middle: Doubles
    lower: Doubles


class Macd(NamedTuple):
    """MACD, in the unit of the values; histogram = macd - signal."""

    macd: Doubles
    signal: Doubles
    histogram: Doubles


class Stoch(NamedTuple):
    """Slow stochastic, 0 to 100."""

    slow_k: Doubles
    slow_d: Doubles


class Bbs(NamedTuple):
    """Bollinger stop. trend: -1, 0, 1; stop: NaN while the trend is 0; flip: position of the last flip's bar."""

    trend: Doubles
    stop: Doubles
    flip: Doubles


class Drawdown(NamedTuple):
    """Drawdown in the unit of the equity (0 or more), and in percent of the peak (NaN while that is not above 0)."""

    amount: Doubles
    percent: Doubles


def _one(kernel: str, inputs: tuple[ArrayLike, ...], *options: float | None) -> Doubles:
    from kernels.arrays import batch

    (output,) = batch(kernel, inputs, options)
    return output


def _all(kernel: str, inputs: tuple[ArrayLike, ...], *options: float | None) -> Any:  # noqa: ANN401 (NamedTuple(*it))
    from kernels.arrays import batch

    return batch(kernel, inputs, options)


def adx(high: ArrayLike, low: ArrayLike, close: ArrayLike, period: int = 14) -> Doubles:
    """Average directional index, 0 to 100 (Wilder 1978). First value at 2 * period - 1."""
    return _one("adx", (high, low, close), period)


def atr(high: ArrayLike, low: ArrayLike, close: ArrayLike, period: int = 14) -> Doubles:
    """Average true range, Wilder's smoothing. First value at `period`."""
    return _one("atr", (high, low, close), period)


def bbands(values: ArrayLike, period: int = 5, up: float = 2.0, down: float | None = None) -> Bands:
    """Bollinger bands: the mean, `up` standard deviations above and `down` (as `up` unless given) below."""
    return Bands(*_all("bbands", (values,), period, up, down))


def bbs(close: ArrayLike, period: int = 20, deviations: float = 2.0) -> Bbs:
    """Bollinger stop: a trend, and the stop that trails it until a close breaks it."""
    return Bbs(*_all("bbs", (close,), period, deviations))


def beta(x: ArrayLike, y: ArrayLike, period: int = 5) -> Doubles:
    """Slope of the returns of y on those of x; 0 where x is flat. First value at `period`."""
    return _one("beta", (x, y), period)


def cci(high: ArrayLike, low: ArrayLike, close: ArrayLike, period: int = 14) -> Doubles:
    """Commodity channel index (Lambert 1980)."""
    return _one("cci", (high, low, close), period)


def correl(x: ArrayLike, y: ArrayLike, period: int = 30) -> Doubles:
    """Pearson's correlation, -1 to 1; 0 where a series is flat."""
    return _one("correl", (x, y), period)


def drawdown(equity: ArrayLike) -> Drawdown:
    """How far an equity curve lies below its highest value so far."""
    return Drawdown(*_all("drawdown", (equity,)))


def ema(values: ArrayLike, period: int = 30) -> Doubles:
    """Exponential moving average, weight 2 / (period + 1), begun with the mean of the first `period` values."""
    return _one("ema", (values,), period)


def keltner(
    high: ArrayLike,
    low: ArrayLike,
    close: ArrayLike,
    period: int = 20,
    multiplier: float = 2.0,
    atr_period: int = 10,
) -> Bands:
    """Keltner channel: the close's exponential average and `multiplier` average true ranges to both sides."""
    return Bands(*_all("keltner", (high, low, close), period, multiplier, atr_period))


def linreg_slope(values: ArrayLike, period: int = 14) -> Doubles:
    """Slope of the least squares line through the last `period` values, a step."""
    return _one("linreg_slope", (values,), period)


def macd(values: ArrayLike, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """Moving average convergence/divergence; all outputs begin at slow + signal - 2."""
    return Macd(*_all("macd", (values,), fast, slow, signal))


def mom(values: ArrayLike, period: int = 10) -> Doubles:
    """Momentum: a value less the one `period` before."""
    return _one("mom", (values,), period)


def roc(values: ArrayLike, period: int = 10) -> Doubles:
    """Rate of change in percent: 100 * (value / the one `period` before - 1); 0 where that is 0."""
    return _one("roc", (values,), period)


def rolling_max(values: ArrayLike, period: int = 30) -> Doubles:
    """The largest of the last `period` values: of the highs, the upper line of a Donchian channel."""
    return _one("rolling_max", (values,), period)


def rolling_min(values: ArrayLike, period: int = 30) -> Doubles:
    """The smallest of the last `period` values: of the lows, the lower line of a Donchian channel."""
    return _one("rolling_min", (values,), period)


def rsi(values: ArrayLike, period: int = 14) -> Doubles:
    """Relative strength index, 0 to 100, Wilder's smoothing; 0 when nothing moved. First value at `period`."""
    return _one("rsi", (values,), period)


def sma(values: ArrayLike, period: int = 30) -> Doubles:
    """Simple moving average: the mean of the last `period` values."""
    return _one("sma", (values,), period)


def stddev(values: ArrayLike, period: int = 5, deviations: float = 1.0) -> Doubles:
    """Standard deviation of the last `period` values (of the population), times `deviations`."""
    return _one("stddev", (values,), period, deviations)


def stoch(
    high: ArrayLike, low: ArrayLike, close: ArrayLike, fast_k: int = 5, slow_k: int = 3, slow_d: int = 3
) -> Stoch:
    """Slow stochastic with simple averages (TA-Lib's two average types are left out), 0 to 100."""
    return Stoch(*_all("stoch", (high, low, close), fast_k, slow_k, slow_d))


def weighted_momentum(values: ArrayLike, period: int = 10) -> Doubles:
    """The last `period` changes in percent, averaged with linear weights, the newest most. First value at `period`."""
    return _one("weighted_momentum", (values,), period)


def wma(values: ArrayLike, period: int = 30) -> Doubles:
    """Linearly weighted moving average: weight 1 for the oldest of `period` values, `period` for the newest."""
    return _one("wma", (values,), period)


def zscore(values: ArrayLike, period: int = 20) -> Doubles:
    """Standard deviations (of the population) above the window's mean; 0 in a flat window."""
    return _one("zscore", (values,), period)
