"""Numbers that must not drift, beside TA-Lib and beside the plain definition at the end of a million values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import talib
from kernel_reference import REFERENCE

import kernels

Array = np.ndarray[Any, np.dtype[np.float64]]

# Ours and TA-Lib's, of (open data, options): the same call, TA-Lib's average types apart.
PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[tuple[Any, ...]]]] = {
    "sma": (kernels.sma, talib.SMA, [(2,), (7,), (30,), (600,)]),
    "ema": (kernels.ema, talib.EMA, [(2,), (7,), (30,), (600,)]),
    "wma": (kernels.wma, talib.WMA, [(2,), (7,), (30,), (600,)]),
    "rsi": (kernels.rsi, talib.RSI, [(2,), (7,), (14,), (600,)]),
    "macd": (kernels.macd, talib.MACD, [(12, 26, 9), (5, 8, 3), (100, 700, 50)]),
    "bbands": (kernels.bbands, talib.BBANDS, [(5, 2.0, 2.0), (20, 2.0, 2.0), (600, 1.5, 2.5)]),
    "stddev": (kernels.stddev, talib.STDDEV, [(2, 1.0), (5, 1.0), (30, 2.5), (600, 1.0)]),
    "rolling_max": (kernels.rolling_max, talib.MAX, [(2,), (7,), (30,), (600,)]),
    "rolling_min": (kernels.rolling_min, talib.MIN, [(2,), (7,), (30,), (600,)]),
    "mom": (kernels.mom, talib.MOM, [(1,), (10,), (600,)]),
    "roc": (kernels.roc, talib.ROC, [(1,), (10,), (600,)]),
    "linreg_slope": (kernels.linreg_slope, talib.LINEARREG_SLOPE, [(2,), (14,), (600,)]),
}
BAR_PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[tuple[Any, ...]]]] = {
    "atr": (kernels.atr, talib.ATR, [(1,), (2,), (14,), (600,)]),
    "adx": (kernels.adx, talib.ADX, [(2,), (14,), (300,)]),
    "cci": (kernels.cci, talib.CCI, [(2,), (14,), (200,)]),
    "stoch": (
        kernels.stoch,
        lambda high, low, close, fast, k, d: talib.STOCH(
            high, low, close, fastk_period=fast, slowk_period=k, slowd_period=d
        ),
        [(5, 3, 3), (14, 1, 3), (300, 7, 20)],
    ),
}
TWO_PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[tuple[Any, ...]]]] = {
    "correl": (kernels.correl, talib.CORREL, [(2,), (30,), (600,)]),
    "beta": (kernels.beta, talib.BETA, [(5,), (30,), (600,)]),
}


def moves(seed: int, length: int) -> Array:
    """Independent draws with a mean of 5: so tame that TA-Lib's own running sums stay exact enough to compare with."""
    return np.asarray(5 + np.random.default_rng(seed).normal(0, 1, length).clip(-4, 4))


def agree(ours: Any, theirs: Any, relative: float = 1e-9) -> None:
    """Both are the same arrays; near zero, as far as TA-Lib's sums of squares around 25 have digits."""
    one = ours if isinstance(ours, tuple) else (ours,)
    two = theirs if isinstance(theirs, tuple) else (theirs,)
    for found, wanted in zip(one, two, strict=True):
        assert np.array_equal(np.isnan(found), np.isnan(wanted))
        np.testing.assert_allclose(found, wanted, rtol=relative, atol=1e-3 * relative)


@pytest.mark.parametrize("name", PAIRS)
def test_numbers_are_those_of_ta_lib(name: str) -> None:
    """Relative 1e-9, the same warm-up."""
    ours, theirs, options = PAIRS[name]
    values = moves(1, 5_000)
    for each in options:
        agree(ours(values, *each), theirs(values, *each))


@pytest.mark.parametrize("name", BAR_PAIRS)
def test_numbers_of_bars_are_those_of_ta_lib(name: str) -> None:
    """Kernels that take high, low and close."""
    ours, theirs, options = BAR_PAIRS[name]
    close = moves(2, 5_000)
    high, low = close + np.abs(moves(3, 5_000)) / 10, close - np.abs(moves(4, 5_000)) / 10
    for each in options:
        agree(ours(high, low, close, *each), theirs(high, low, close, *each))


@pytest.mark.parametrize("name", TWO_PAIRS)
def test_numbers_of_two_series_are_those_of_ta_lib(name: str) -> None:
    """Kernels that take two series, in TA-Lib's order. TA-Lib's differences of large sums are good to 1e-8 here."""
    ours, theirs, options = TWO_PAIRS[name]
    one, other = moves(5, 5_000), moves(6, 5_000)
    for each in options:
        agree(ours(one, one + other, *each), theirs(one, one + other, *each), 1e-8)


WINDOWED: dict[str, list[tuple[Any, ...]]] = {
    "sma": [(7,), (500,)],
    "wma": [(7,), (500,)],
    "linreg_slope": [(7,), (500,)],
    "stddev": [(7, 1.0), (500, 1.0)],
    "bbands": [(20, 2.0, 2.0)],
    "zscore": [(7,), (500,)],
    "correl": [(7,), (500,)],
    "beta": [(7,), (500,)],
    "cci": [(20,)],
    "stoch": [(14, 3, 3)],
    "weighted_momentum": [(10,)],
}


def offset_series(shape: str) -> tuple[Array, Array]:
    """A million values around 100,000 with noise of 1, alone or with a spike of a billion 1,200 before the end."""
    draws = np.random.default_rng(7)
    one, other = (1e5 + draws.normal(0, 1, 1_000_000) for _ in range(2))
    if shape == "spike":
        one[-1_200] = 1e9
        other[-1_200] = -1e9
    return one, one / 2 + other


@pytest.mark.parametrize("shape", ["noise", "spike"])
@pytest.mark.parametrize("name", WINDOWED)
def test_windows_do_not_drift(name: str, shape: str) -> None:
    """At the end of a million values a window's number is that of its definition, whatever happened before it."""
    one, other = offset_series(shape)
    count = len(kernels.catalog.spec(name).inputs)
    inputs = {1: [one], 2: [one, other], 3: [one + 1, one - 1, one]}[count]
    for options in WINDOWED[name]:
        start = kernels.Stream(name, *options).start
        found = getattr(kernels, name)(*inputs, *options)
        outputs = found if isinstance(found, tuple) else (found,)
        for end in (500_000, 999_400, 999_990, 1_000_000):
            window = [values[end - start - 1 : end].tolist() for values in inputs]
            wanted = [column[-1] for column in REFERENCE[name](*window, *options)]
            scale = 1e-3 if name in {"linreg_slope", "beta", "correl", "zscore", "weighted_momentum"} else 0.0
            for output, value in zip(outputs, wanted, strict=True):
                assert output[end - 1] == pytest.approx(value, rel=1e-9, abs=1e-9 * scale), (options, end)


def test_flat_windows_are_exactly_flat() -> None:
    """After any history a window of equal values has deviation 0, z-score 0, correlation 0 and slope 0."""
    values = np.concatenate([moves(8, 1_000) * 1e4, np.full(200, 1.1234567)])
    for found in (
        kernels.stddev(values, 20),
        kernels.zscore(values, 20),
        kernels.correl(values, values, 20),
        kernels.beta(values, values, 20),
    ):
        assert (found[1_050:] == 0).all()
    assert abs(kernels.linreg_slope(values, 20)[1_050:]).max() < 1e-12
    assert np.ptp(kernels.rolling_max(values, 20)[1_050:]) == 0


def test_smoothed_values_keep_their_digits() -> None:
    """EMA of a million values beside the textbook's recurrence."""
    values = offset_series("noise")[0]
    wanted = REFERENCE["ema"](values.tolist(), 50)[0]
    np.testing.assert_allclose(kernels.ema(values, 50)[49:], wanted[49:], rtol=1e-13)
