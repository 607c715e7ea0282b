"""bollinger_stop, rule by rule: a table of quotes and the orders expected (strategy_bench.py explains the tables).

With a period of 2 and one deviation the bands are the larger and the smaller of the last two closes, so that stops can
be seen at a glance. Bars before the first quote come from `warm`; each is 10 points from high to low around its close.
"""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from strategy_bench import MONDAY, SECOND, Bench

import kernels
from kernels.errors import KernelError
from kernels.params import BollingerStopParams
from kernels.strategies import Report

H1, H4, M15, D1 = 3_600, 14_400, 900, 86_400
# The trend is down from the third bar on, and the stop at 109990 from the fifth on: a close above turns it.
DOWN = [110_000, 110_010, *([109_990] * 998)]
UP = [110_010, 110_000, *([110_020] * 998)]
RISING = [110_000, 110_010, *range(110_020, 111_020)]


def warmed(bench: Bench, seconds: int, closes: list[int]) -> None:
    """Bars from history."""
    bench.strategy.warm(seconds, [(close + 5, close - 5, close) for close in closes])


def bench(entry: list[int], *, up: bool = True, changes: Any = None, **params: Any) -> Bench:
    """Trend mode: H1 bars in some state, H4 bars in a trend."""
    made = Bench(BollingerStopParams(**({"period": 2, "deviation": 1.0} | params)), **(changes or {}))
    warmed(made, H1, entry)
    warmed(made, H4, UP if up else DOWN)
    return made


FLIP_UP = """
    0 109990 109992       |
    3599 110050 110052    |
    3600 110060 110062    | open buy 69 signal sl=109990
"""


def test_trend_enters_on_a_flip_along_the_trend() -> None:
    """On the first tick after the bar's end, SL the Bollinger stop. Volume: 0.5 % of 10,000.00 over 72 points."""
    bench(DOWN).play(FLIP_UP)


def test_trend_shorts_mirror() -> None:
    """A flip down along a falling trend: SELL at the bid, the stop above."""
    bench(UP, up=False).play("""
        0 110020 110022       |
        3599 109950 109952    |
        3600 109940 109942    | open sell 62 signal sl=110020
    """)


def test_trend_does_not_enter_against_the_trend() -> None:
    """A flip up while the trend's bars say down."""
    bench(DOWN, up=False).play("""
        0 109990 109992       |
        3599 110050 110052    |
        3600 110060 110062    |
    """)


def test_a_flip_is_used_once() -> None:
    """Only on the tick that closes its bar."""
    bench(DOWN).play(
        FLIP_UP.replace("sl=109990", "sl=109990 -> refuse | ended 1 rejected 0.00")
        + """
        3601 110060 110062    |
        7200 110060 110062    |
    """
    )


def test_the_first_thousand_bars_are_warm_up() -> None:
    """A flip on bar 1,000 is none to act on, on bar 1,001 it is."""
    text = """
        0 109990 109992       |
        3599 110050 110052    |
        3600 110060 110062    |
    """
    bench(DOWN[:999]).play(text)
    bench(DOWN[:1000]).play(text.replace("110060 110062    |", "110060 110062    | open buy 69 signal sl=109990"))


def test_the_stop_follows_closer_only() -> None:
    """On each closed bar; a stop that would be farther away is not sent, nor one beyond the quote."""
    bench(DOWN).play(
        FLIP_UP
        + """
        7199 110090 110092    |
        7200 110090 110092    | modify #1 sl=110050
        10799 110070 110072   |
        10800 110070 110072   |
        14399 110120 110122   |
        14400 110070 110072   |
        17999 110130 110132   |
        18000 110130 110132   | modify #1 sl=110120
    """
    )


def test_a_refused_modify_is_tried_again_with_the_next_bar() -> None:
    """The stop at the venue is still the old one."""
    bench(DOWN).play(
        FLIP_UP
        + """
        7199 110090 110092    |
        7200 110090 110092    | modify #1 sl=110050 -> refuse
        7201 110090 110092    |
        10799 110090 110092   |
        10800 110095 110097   | modify #1 sl=110090
    """
    )


def test_a_modify_without_outcome_is_given_up() -> None:
    """After five seconds; exits are not kept waiting by it."""
    bench(DOWN).play(
        FLIP_UP
        + """
        7199 110090 110092    |
        7200 110090 110092    | modify #1 sl=110050 -> wait
        7205 110090 110092    | | no outcome
        close 1               | close #1 69 command
    """
    )


def test_the_opposite_flip_closes() -> None:
    """And opens nothing on the same tick."""
    bench(DOWN).play(
        FLIP_UP
        + """
        7199 109980 109982    |
        7200 109970 109972    | close #1 69 flip -> fill | ended 1 flip -63.48
    """
    )


def test_the_stop_loss_ends_the_position() -> None:
    """At the venue: the reason is told."""
    bench(DOWN).play(FLIP_UP + "left 1 109990 | | ended 1 sl -49.68")


def test_sl_and_tp_by_average_ranges() -> None:
    """From the entry; the average of ranges of 10 points and, at last, one of 60 is 13.57."""
    bench(DOWN, sl_atr_multiplier=2.0, tp_atr_multiplier=3.0).play("""
        0 109990 109992       |
        3599 110050 110052    |
        3600 110060 110062    | open buy 185 signal sl=110035 tp=110103
    """)


def test_volume_counts_the_round_turn_commission() -> None:
    """(equity x risk) / (loss a lot at SL + commission of both deals a lot), floored to the grid."""
    bench(DOWN, changes={"commission_num": 4}).play(FLIP_UP.replace("buy 69", "buy 62"))


def test_volume_is_capped_at_what_the_symbol_takes() -> None:
    """And below its least volume there is no trade."""
    bench(DOWN, changes={"volume_max": 50}).play(FLIP_UP.replace("buy 69", "buy 50"))
    bench(DOWN, changes={"volume_min": 70}).play(FLIP_UP.replace("open buy 69 signal sl=109990", ""))


def test_nothing_is_opened_without_equity() -> None:
    """Not known, or none left."""
    text = FLIP_UP.replace("open buy 69 signal sl=109990", "")
    at = bench(DOWN)
    at.strategy.view.known = 0
    at.play(text)
    at = bench(DOWN)
    at.strategy.view.equity = 0
    at.play(text)
    bench(DOWN).play("exits on |\n" + text)


@pytest.mark.parametrize(("most", "second"), [(1, ""), (2, "open buy 54 signal sl=109980")])
def test_max_open_orders_counts_closing_ones(most: int, second: str) -> None:
    """A position whose close has no outcome yet still takes its place."""
    bench(DOWN, max_open_orders=most).play(
        FLIP_UP
        + f"""
        7199 109980 109982    |
        7200 109970 109972    | close #1 69 flip -> wait
        10799 110060 110062   |
        10800 110070 110072   | {second}
    """
    )


def test_an_open_command_is_not_taken() -> None:
    """It has entries of its own only; a position closes by command."""
    bench(DOWN).play("0 109990 109992 |\n open buy | -> fill | not done: command")


def swing(*, trend: list[int] | None = None, days: list[int] | None = None, **params: Any) -> Bench:
    """Swing mode: M15 bars down, H4 rising, D1 ranges of 10 points."""
    made = Bench(BollingerStopParams(mode="swing", **({"period": 2, "deviation": 1.0, "mean_period": 3} | params)))
    warmed(made, M15, DOWN)
    warmed(made, H4, RISING if trend is None else trend)
    warmed(made, D1, [110_000] * 20 if days is None else days)
    return made


SWING = """
    0 109990 109992     |
    899 110050 110052   |
    900 110060 110062   | open buy 69 signal sl=109990
"""


def test_swing_enters_on_the_exec_flip_when_trend_and_mean_rise() -> None:
    """The H4 trend is 1, its mean rises, the M15 flipped up on its last closed bar."""
    swing().play(SWING)


@pytest.mark.parametrize("trend", [DOWN, [*RISING, 110_990, 110_985], []])
def test_swing_needs_a_rising_trend(trend: list[int]) -> None:
    """Not in a falling one, not while the mean falls, not without bars."""
    swing(trend=trend).play(SWING.replace("open buy 69 signal sl=109990", ""))


def test_swing_needs_the_daily_range() -> None:
    """Without it the distance to the day's orders cannot be told."""
    swing(days=[110_000]).play(SWING.replace("open buy 69 signal sl=109990", ""))


DAYS = [*range(110_000, 111_640, 41)]  # each day's range with the gap before it is 46 points, a quarter 11.5
AGAIN = """
    1799 109940 109942  |
    1800 109940 109942  |
    2699 109932 109934  |
    2700 109932 109934  |
    3599 110050 110052  |
"""


@pytest.mark.parametrize(("quote", "order"), [("110071 110073", ""), ("110072 110074", "open buy 35 signal sl=109932")])
def test_swing_keeps_a_quarter_of_the_daily_range_to_the_day_s_orders(quote: str, order: str) -> None:
    """11.5 points from the fill at 110062, also when that position has ended."""
    swing(days=DAYS).play(SWING + "left 1 110060 |\n" + AGAIN + f"3600 {quote} | {order}")


def test_swing_forgets_the_orders_of_another_server_day() -> None:
    """The next day begins anew."""
    rising = [108_990, *range(109_000, 109_900)]
    swing(days=DAYS, trend=rising).play(
        SWING
        + """
        left 1 110060        |
        1799 109940 109942   |
        86400 109932 109934  |
        87299 109932 109934  |
        87300 109932 109934  |
        88199 110050 110052  |
        88200 110071 110073  | open buy 35 signal sl=109932
    """
    )


def breakout(days: list[int], **params: Any) -> Bench:
    """Breakout mode: D1 bars in some state."""
    made = Bench(BollingerStopParams(mode="breakout", **({"period": 2, "deviation": 1.0, "mean_period": 3} | params)))
    warmed(made, D1, days)
    return made


def test_breakout_enters_on_a_daily_flip_above_the_mean() -> None:
    """SL is the daily stop where that is lower than a daily range (13.57) below the entry."""
    breakout(DOWN).play("""
        0 109990 109992       |
        86399 110050 110052   |
        86400 110060 110062   | open buy 69 signal sl=109990
    """)


def test_breakout_takes_the_farther_of_stop_and_range() -> None:
    """With sl_atr_multiplier that many ranges instead of one."""
    breakout(DOWN, sl_atr_multiplier=10.0).play("""
        0 109990 109992       |
        86399 110050 110052   |
        86400 110060 110062   | open buy 36 signal sl=109926
    """)


@pytest.mark.parametrize(("mean", "order"), [(3, "open buy 69 signal sl=109990"), (60, "")])
def test_breakout_needs_the_close_above_its_mean(mean: int, order: str) -> None:
    """After a fall the flip back up may still lie below a long mean."""
    days = [110_000, 110_010, *([110_500] * 960), *([109_990] * 40)]
    breakout(days, mean_period=mean, sl_atr_multiplier=0.1).play(f"""
        0 109990 109992       |
        86399 110050 110052   |
        86400 110060 110062   | {order}
    """)


def test_breakout_needs_the_entry_above_the_daily_stop() -> None:
    """A gap below it after the close opens nothing."""
    breakout(DOWN).play("""
        0 109990 109992       |
        86399 110050 110052   |
        86400 109980 109982   |
    """)


def test_warm_up_comes_before_the_first_quote_and_only_where_it_is_used() -> None:
    """Anything else is refused."""
    at = bench(DOWN)
    with pytest.raises(KernelError, match="bars of 60 s"):
        warmed(at, 60, DOWN)
    at.play("0 109990 109992 |")
    with pytest.raises(KernelError, match="bars of 3600 s"):
        warmed(at, H1, DOWN)


@pytest.mark.parametrize("seed", range(3))
def test_signals_are_those_of_the_batch_kernels(seed: int) -> None:
    """Bars from ticks and streamed kernels find the flips that resample and bbs find over everything at once."""
    rng = random.Random(seed)
    params = BollingerStopParams(
        signal_timeframe="M1", trend_timeframe="M5", exec_timeframe="M1", period=5, deviation=0.8
    )
    at = Bench(params)
    time, price = MONDAY, 110_000
    times, prices = [], []
    entries = []
    for _ in range(12_000):
        time += rng.randint(1, 40) * SECOND
        price += rng.randint(-20, 20)
        times.append(time)
        prices.append(price)
        for intent in at.strategy.on_tick(time, price, price + 2).intents:
            entries.append((time, intent.side))
            at.strategy.on_report(Report(2, intent.id, time))
    fast = kernels.resample(times, prices, 60)
    slow = kernels.resample(times, prices, 300)
    found = kernels.bbs(fast.close, 5, 0.8)
    trend = kernels.bbs(slow.close, 5, 0.8).trend
    expected = []
    for at_bar in range(1000, len(fast.time)):
        end = int(fast.time[at_bar]) + 60 * SECOND
        tick = next((each for each in times if each >= end), None)
        if tick is None or found.flip[at_bar] != at_bar:
            continue
        closed = [int(begin) + 300 * SECOND <= tick for begin in slow.time]
        up = found.trend[at_bar] > 0
        entry = prices[times.index(tick)] + (2 if up else 0)
        stop = math.floor(found.stop[at_bar] + 0.5)
        room = entry - stop if up else stop - entry
        if trend[closed.count(True) - 1] == found.trend[at_bar] and room >= 1:  # not gapped through the stop
            expected.append((tick, 0 if up else 1))
    assert len(expected) > 5
    assert entries == expected


def test_swing_measures_to_the_quote_of_an_order_in_flight() -> None:
    """As long as its fill is not known."""
    swing(days=DAYS, max_open_orders=2).play(
        SWING.replace("sl=109990", "sl=109990 -> wait") + AGAIN + "3600 110071 110073 |"
    )


def test_no_more_than_64_entries_of_a_day_are_kept() -> None:
    """Then nothing is entered until the next one."""
    made = Bench(
        BollingerStopParams(
            mode="swing", exec_timeframe="M1", period=2, deviation=1.0, mean_period=3, max_open_orders=20
        )
    )
    warmed(made, 60, DOWN)
    warmed(made, H4, [99_000, *range(99_001, 99_900)])
    warmed(made, D1, [100_000] * 20)
    second, entered = 0, 0
    price = 110_000
    while second < H4 - 240:  # before the first H4 bar closes: the trend and its mean stay
        for low in (price - 100, price, price):
            second += 60
            made.play(f"{second - 59} {low} {low + 2} |")
            for intent in made.event([str(second), str(low), str(low + 2)]):
                made.answer(intent, "fill")
                if intent.kind == 1:
                    entered += 1
                    made.leave(max(made.positions), low, None)
        price += 10
    assert entered == 64
