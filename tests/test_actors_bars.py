"""Bars from ticks, beside a plain grouping of the same ticks."""

from __future__ import annotations

from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.bars import TIMEFRAMES, BarBuilder, timeframe_seconds
from schemas.market import Bar

MINUTE = 60_000_000
TICKS = st.lists(
    st.tuples(st.integers(min_value=0, max_value=40 * MINUTE), st.integers(min_value=1, max_value=1000)), max_size=200
).map(lambda ticks: sorted(ticks, key=lambda tick: tick[0]))


def built(timeframe: str | int, ticks: list[tuple[int, float]]) -> list[Bar]:
    """The bars that these ticks close."""
    builder = BarBuilder("paper", "EURUSD", timeframe)
    return [bar for at, bid in ticks if (bar := builder.add(at, bid)) is not None]


@given(TICKS, st.sampled_from(["S5", "M1", "M5", 90]))
def test_bars_are_the_ticks_grouped_by_time(ticks: list[tuple[int, float]], timeframe: str | int) -> None:
    """Open, high, low, close and count of each group but the last, which is still open."""
    length = timeframe_seconds(timeframe) * 1_000_000
    groups = [(key, [bid for _, bid in group]) for key, group in groupby(ticks, lambda tick: tick[0] // length)]
    assert [(bar.at, bar.open, bar.high, bar.low, bar.close, bar.ticks) for bar in built(timeframe, ticks)] == [
        (key * length, bids[0], max(bids), min(bids), bids[-1], len(bids)) for key, bids in groups[:-1]
    ]


@given(TICKS)
def test_bars_never_overlap_and_come_in_order(ticks: list[tuple[int, float]]) -> None:
    """Each begins at or after the end of the one before it."""
    assert all(two.at - one.at >= MINUTE for one, two in pairwise(built("M1", ticks)))


def test_a_bar_closes_on_the_first_tick_at_its_end() -> None:
    """A microsecond earlier it is still open; the tick that closes it is not in it."""
    builder = BarBuilder("paper", "EURUSD", "M1")
    assert builder.add(MINUTE, 1.5) is None
    assert builder.add(2 * MINUTE - 1, 1.25) is None
    bar = builder.add(2 * MINUTE, 9.0)
    assert bar == Bar(
        venue="paper", symbol="EURUSD", timeframe="M1", at=MINUTE, open=1.5, high=1.5, low=1.25, close=1.25, ticks=2
    )


def test_a_time_without_ticks_has_no_bar() -> None:
    """The bar before a gap closes on the first tick after it, and nothing stands for the gap."""
    assert [bar.at for bar in built("M1", [(0, 1.0), (10 * MINUTE, 2.0), (11 * MINUTE, 3.0)])] == [0, 10 * MINUTE]


def test_a_late_tick_counts_to_the_open_bar() -> None:
    """It never opens a bar in the past."""
    bars = built("M1", [(MINUTE, 2.0), (MINUTE - 1, 1.0), (2 * MINUTE, 3.0)])
    assert [(bar.at, bar.low, bar.ticks) for bar in bars] == [(MINUTE, 1.0, 2)]


@pytest.mark.parametrize(("given_as", "name"), [("H4", "H4"), (14_400, "H4"), (86_400, "D1"), (90, "S90")])
def test_a_timeframe_is_called_by_its_name(given_as: str | int, name: str) -> None:
    """Seconds that have a name get it."""
    assert BarBuilder("paper", "EURUSD", given_as).timeframe == name


@pytest.mark.parametrize(
    ("timeframe", "text"), [("M2", "'M2'; expected one of S5, S10"), ("", "''"), (0, "at least 1 s"), (-60, "-60 s")]
)
def test_an_unknown_timeframe_is_refused(timeframe: str | int, text: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match=text):
        BarBuilder("paper", "EURUSD", timeframe)


def test_all_names_are_whole_parts_of_a_day() -> None:
    """So that every bar lies within one UTC day."""
    assert all(86_400 % seconds == 0 for seconds in TIMEFRAMES.values())
