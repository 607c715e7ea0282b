"""Signal math, fills and built-in strategies, compiled. Imports nothing of ours.

`kernels.ema(close, 20)` is a batch: an array of the input's length, NaN in the warm-up. `kernels.Stream("ema", 20)` is
the same value by value. Only batches import NumPy. docs/kernels.md lists the kernels and says how one is added.
`kernels.backtest_signals` and what goes with it (docs/backtest.md) are imported when they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kernels.bars import Bar, BarArrays, Bars, resample
from kernels.catalog import names
from kernels.errors import InputError, KernelError, LibraryError, NotFiniteError, OptionError, UnsortedError
from kernels.indicators import (
    Bands,
    Bbs,
    Drawdown,
    Macd,
    Stoch,
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
from kernels.library import build_hash
from kernels.stream import Stream

if TYPE_CHECKING:
    from kernels.backtest import backtest_batch, backtest_signals
    from kernels.engine import Result
    from kernels.engine_ticks import Ticks

__all__ = [
    "Bands",
    "Bar",
    "BarArrays",
    "Bars",
    "Bbs",
    "Drawdown",
    "InputError",
    "KernelError",
    "LibraryError",
    "Macd",
    "NotFiniteError",
    "OptionError",
    "Result",
    "Stoch",
    "Stream",
    "Ticks",
    "UnsortedError",
    "adx",
    "atr",
    "backtest_batch",
    "backtest_signals",
    "bbands",
    "bbs",
    "beta",
    "build_hash",
    "cci",
    "correl",
    "drawdown",
    "ema",
    "keltner",
    "linreg_slope",
    "macd",
    "mom",
    "names",
    "resample",
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

_LATER = {
    "Result": "kernels.engine",
    "Ticks": "kernels.engine_ticks",
    "backtest_batch": "kernels.backtest",
    "backtest_signals": "kernels.backtest",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (a class or a function)
    """What live processes do not need is imported at its first use."""
    if name not in _LATER:
        raise AttributeError(f"module 'kernels' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
