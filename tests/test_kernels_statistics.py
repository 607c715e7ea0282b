"""The figures of a run, against their plain definitions."""

from __future__ import annotations

import math
import statistics
from ctypes import byref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.statistics import Curve, Figures, Point, Statistics, Trade, bound

DAY = 86_400_000_000

trades = st.lists(
    st.tuples(st.integers(-50_000, 50_000), st.integers(-500, 0), st.integers(-500, 500), st.booleans()), max_size=40
)


def counted(deposit: int, begun: int = 0) -> Statistics:
    """Counts without anything in them."""
    counts = Statistics()
    assert bound().pw_statistics_begin(byref(counts), deposit, begun) == 0
    return counts


def figures(counts: Statistics, drawdown: int = 0, part: float = 0.0) -> Figures:
    """The ratios of counts."""
    found = Figures()
    assert bound().pw_statistics_figures(byref(counts), drawdown, part, byref(found)) == 0
    return found


@given(trades)
def test_trades_are_counted_with_commission_and_swap(rows: list[tuple[int, int, int, bool]]) -> None:
    """Wins, losses, gross sums, the longest losing run and what the data's end closed are those of the plain list."""
    counts = counted(1_000_000)
    for profit, commission, swap, at_end in rows:
        row = Trade(profit=profit, commission=commission, swap=swap, volume=2)
        assert bound().pw_statistics_trade(byref(counts), byref(row), at_end) == 0
    nets = [sum(row[:3]) for row in rows]
    assert (counts.trades, counts.volume) == (len(rows), 2 * len(rows))
    assert counts.gross_profit == sum(net for net in nets if net > 0)
    assert counts.gross_loss == sum(net for net in nets if net < 0)
    assert (counts.wins, counts.losses) == (sum(net > 0 for net in nets), sum(net < 0 for net in nets))
    runs = "".join("L" if net < 0 else " " for net in nets).split()
    assert counts.longest_losing_run == max(map(len, runs), default=0)
    assert counts.end_trades == sum(row[3] for row in rows)
    assert counts.end_profit == sum(net for net, row in zip(nets, rows, strict=True) if row[3])
    found = figures(counts, drawdown=700)
    net = sum(nets)
    if counts.gross_loss:
        assert found.profit_factor == counts.gross_profit / -counts.gross_loss
    else:
        assert math.isnan(found.profit_factor)
    assert math.isnan(found.expectancy) if not rows else found.expectancy == net / len(rows)
    assert math.isnan(found.win_rate) if not rows else found.win_rate == counts.wins / len(rows)
    assert found.recovery_factor == net / 700


@given(st.lists(st.integers(500_000, 2_000_000), min_size=2, max_size=60))
def test_sharpe_and_sortino_are_those_of_the_daily_returns(equities: list[int]) -> None:
    """Mean over sample deviation, mean over the root of the mean squared loss, both times the root of 252."""
    counts = counted(1_000_000)
    for equity in equities:
        bound().pw_statistics_day(byref(counts), equity)
    returns = [after / before - 1 for before, after in zip([1_000_000, *equities], equities, strict=False)]
    found = figures(counts)
    deviation = statistics.stdev(returns)
    downside = math.sqrt(sum(value * value for value in returns if value < 0) / len(returns))
    for value, under in ((found.sharpe, deviation), (found.sortino, downside)):
        if under > 1e-12:
            assert value == pytest.approx(statistics.fmean(returns) / under * math.sqrt(252), rel=1e-6, abs=1e-9)
        else:
            assert math.isnan(value) or abs(value) > 1e6


def test_annual_return_and_calmar_need_a_month() -> None:
    """10 % in half a year compound to 21 % in one; over less than 30 days nothing is said about a year."""
    for days, known in ((365.25 / 2, True), (29.9, False)):
        counts = counted(1_000_000)
        bound().pw_statistics_trade(byref(counts), byref(Trade(profit=100_000)), 0)
        bound().pw_statistics_end(byref(counts), int(days * DAY))
        found = figures(counts, 50_000, 0.05)
        if known:
            assert found.annual_return == pytest.approx(0.21)
            assert found.calmar == pytest.approx(0.21 / 0.05)
        else:
            assert math.isnan(found.annual_return)
            assert math.isnan(found.calmar)


def test_a_ruined_account_lost_everything_in_a_year_too() -> None:
    """An end at or below 0 is -100 % a year, not a root of a negative number."""
    counts = counted(1_000)
    bound().pw_statistics_trade(byref(counts), byref(Trade(profit=-2_000)), 0)
    bound().pw_statistics_end(byref(counts), 100 * DAY)
    assert figures(counts).annual_return == -1


def test_exposure_is_the_part_of_time_with_open_positions() -> None:
    """From the first of several that overlap to the last; what is open at the end counts up to there."""
    counts = counted(1_000, begun=100)
    for time, is_open in ((200, 1), (250, 1), (300, 0), (300, 0), (700, 1)):
        bound().pw_statistics_exposed(byref(counts), time, is_open)
    bound().pw_statistics_end(byref(counts), 1_100)
    assert figures(counts).exposure == (100 + 400) / 1_000


@given(st.integers(1, 200), st.lists(st.integers(-5_000, 20_000), max_size=300), st.sampled_from([2, 4, 10]))
def test_the_curve_keeps_the_extremes_of_every_tick(deposit: int, equities: list[int], room: int) -> None:
    """However few points there are: peak, drawdown, and low and high of each stretch are exact, and no tick is lost."""
    points = (Point * room)()
    curve = Curve()
    assert bound().pw_curve_begin(byref(curve), points, room, deposit) == 0
    for time, equity in enumerate(equities):
        assert bound().pw_curve_take(byref(curve), time, equity, -equity) == 0
    bound().pw_curve_end(byref(curve))
    peak, drawdown, part = deposit, 0, 0.0
    for equity in equities:
        peak = max(peak, equity)
        drawdown = max(drawdown, peak - equity)
        part = max(part, (peak - equity) / peak)
    assert (curve.peak, curve.drawdown, curve.low) == (peak, drawdown, min([deposit, *equities]))
    assert curve.part == pytest.approx(part)
    at = 0
    for point in points[: curve.n]:
        part_of = equities[at : at + point.ticks]
        at += point.ticks
        assert (point.low, point.high) == (min(part_of), max(part_of))
        assert (point.equity, point.balance, point.time) == (part_of[-1], -part_of[-1], at - 1)
    assert at == len(equities)
    assert curve.n <= room


def test_nothing_is_done_with_null() -> None:
    """Each function says so instead of crashing, and a curve with an odd number of points is refused."""
    assert bound().pw_statistics_begin(None, 0, 0) == 1
    assert bound().pw_statistics_trade(None, None, 0) == 1
    assert bound().pw_statistics_figures(None, 0, 0.0, None) == 1
    assert bound().pw_curve_take(None, 0, 0, 0) == 1
    assert bound().pw_curve_begin(byref(Curve()), (Point * 3)(), 3, 0) == 2
