"""Compiled bars beside the ones in Python, tick by tick and over arrays."""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kernels
from actors.bars import BarBuilder

MINUTE = 60_000_000
TICKS = st.lists(
    st.tuples(st.integers(min_value=-5 * MINUTE, max_value=40 * MINUTE), st.integers(min_value=1, max_value=1000)),
    max_size=200,
).map(lambda ticks: sorted(ticks, key=lambda tick: tick[0]))


def rows(found: kernels.BarArrays) -> list[tuple[Any, ...]]:
    """The bars as tuples."""
    return [tuple(column.item() for column in row) for row in zip(*found, strict=True)]


@given(TICKS, st.sampled_from([5, 60, 90, 0.5]), st.sampled_from([0, 7_200, -3, 0.25]))
def test_bars_are_the_ticks_grouped_by_time(ticks: list[tuple[int, int]], seconds: float, shift: float) -> None:
    """All groups but the last, which is still open; the same over arrays and tick by tick, before 1970 too."""
    length, moved = round(seconds * 1e6), round(shift * 1e6)
    wanted = []
    for key, group in groupby(ticks, lambda tick: (tick[0] + moved) // length):
        bids = [float(bid) for _, bid in group]
        wanted.append((key * length - moved, bids[0], max(bids), min(bids), bids[-1], len(bids)))
    times, prices = [tick[0] for tick in ticks], [tick[1] for tick in ticks]
    assert rows(kernels.resample(np.array(times, np.int64), prices, seconds, shift)) == wanted[:-1]
    builder = kernels.Bars(seconds, shift)
    assert [tuple(bar) for at, bid in ticks if (bar := builder.update(at, bid))] == wanted[:-1]
    assert builder.taken == len(ticks)


@given(TICKS.filter(lambda ticks: all(at >= 0 for at, _ in ticks)))
def test_bars_are_those_of_the_bar_builder(ticks: list[tuple[int, int]]) -> None:
    """The ones that feeds publish for screens."""
    builder = BarBuilder("paper", "EURUSD", "M5")
    published = [bar for at, bid in ticks if (bar := builder.add(at, float(bid))) is not None]
    compiled = kernels.Bars(300)
    closed = [bar for bar in (compiled.update(at, bid) for at, bid in ticks) if bar is not None]
    assert closed == [(bar.at, bar.open, bar.high, bar.low, bar.close, bar.ticks) for bar in published]


def test_bad_ticks_are_refused_and_not_taken() -> None:
    """A time that goes back, a price that is not finite: with the place, and the next good tick goes on."""
    bars = kernels.Bars(60)
    bars.update(MINUTE, 1.0)
    with pytest.raises(kernels.UnsortedError, match=r"bars: times \[1\] is before the time in front of it"):
        bars.update(MINUTE - 1, 9.0)
    with pytest.raises(kernels.NotFiniteError, match=r"bars: prices \[1\] is inf"):
        bars.update(MINUTE, math.inf)
    assert bars.taken == 1
    assert bars.update(2 * MINUTE, 2.0) == kernels.Bar(MINUTE, 1.0, 1.0, 1.0, 1.0, 1)
    with pytest.raises(kernels.UnsortedError, match=r"times \[2\]"):
        kernels.resample([0, 5, 4], [1.0, 1.0, 1.0], 60)
    with pytest.raises(kernels.NotFiniteError, match=r"prices \[1\] is nan"):
        kernels.resample([0, 5, 6], [1.0, math.nan, 1.0], 60)


def test_bad_arguments_are_refused_by_name() -> None:
    """Lengths, shifts and arrays."""
    for seconds, shift, text in [
        (0, 0, "bars: seconds 0; expected a number from 0.000001 to 864000000"),
        (-60, 0, "bars: seconds -60"),
        (1e12, 0, "bars: seconds"),
        (math.nan, 0, "bars: seconds nan; expected a number of seconds"),
        ("M1", 0, "bars: seconds 'M1'"),
        (60, 1e12, "bars: shift"),
    ]:
        with pytest.raises(kernels.OptionError, match=text):
            kernels.Bars(seconds, shift)  # type: ignore[arg-type] # a text on purpose
    with pytest.raises(kernels.InputError, match="bars: times have the type float64; expected whole microseconds"):
        kernels.resample([0.5], [1.0], 60)
    with pytest.raises(kernels.InputError, match="bars: prices has 2 values and times 1"):
        kernels.resample([1], [1.0, 2.0], 60)


def test_no_ticks_make_no_bars() -> None:
    """Empty arrays of the right types."""
    found = kernels.resample([], [], 60)
    assert [len(column) for column in found] == [0] * 6
    assert (str(found.time.dtype), str(found.open.dtype)) == ("int64", "float64")
