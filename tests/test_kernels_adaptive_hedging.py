"""adaptive_hedging, rule by rule: a table of quotes and the orders expected (strategy_bench.py explains the tables).

Distance in the scenarios: 5 pips = 50 points; hedges from a loss of 0.10 on. What both cycle strategies share
(requests, repeats, closing) is tested in test_kernels_cycle_trader.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from strategy_bench import SECOND, Bench

from kernels.errors import OptionError
from kernels.params import AdaptiveHedgingParams


def bench(**changes: Any) -> Bench:  # the parameters of a Struct
    """A bench with short distances and limits far away."""
    near: dict[str, Any] = {
        "hedge_distance": 5.0,
        "hedge_activation_loss": -0.1,
        "max_drawdown": -50.0,
        "hedge_profit_target": 50.0,
        "lot_progression": (0.01, 0.02, 0.03, 0.04, 0.05, 0.06),
    }
    return Bench(AdaptiveHedgingParams(**(near | changes)))


BOUGHT = """
    0 100000 100002 |
    open buy        | open buy 1 initial
"""


def test_levels_of_a_buy_are_sells_by_the_bid() -> None:
    """Level k at entry - k x distance with lot k."""
    at = bench(lot_progression=(0.09, 0.02, 0.03), max_hedge_levels=2).play("""
        0 100000 100002 |
        open buy        | open buy 9 initial
        1 99953 99955   |
        2 99952 99954   | open sell 2 hedge
        3 99903 99905   |
        4 99902 99904   | open sell 3 hedge
    """)
    (row,) = at.strategy.rows()
    assert (row.phase, row.anchor, row.level, row.orders) == (3, 100002, 2, 3)


def test_levels_of_a_sell_are_buys_by_the_ask() -> None:
    """Level k at entry + k x distance."""
    bench(lot_progression=(0.09, 0.02, 0.03), max_hedge_levels=2).play("""
        0 100000 100002 |
        open sell       | open sell 9 initial
        1 100047 100049 |
        2 100048 100050 | open buy 2 hedge
        3 100098 100100 | open buy 3 hedge
    """)


def test_jumped_levels_follow_one_a_tick() -> None:
    """One order a tick, each level once."""
    bench().play(
        BOUGHT
        + """
        1 99852 99854   | open sell 2 hedge
        2 99852 99854   | open sell 3 hedge
        3 99852 99854   | open sell 4 hedge
        4 99852 99854   |
    """
    )


def test_no_more_than_max_hedge_levels() -> None:
    """Then only exits are left."""
    bench(max_hedge_levels=2).play(
        BOUGHT
        + """
        1 99752 99754   | open sell 2 hedge
        2 99752 99754   | open sell 3 hedge
        3 99752 99754   |
    """
    )


def test_hedges_wait_for_the_activation_loss() -> None:
    """A level that is crossed while the loss is smaller is used when it is large enough."""
    bench(hedge_activation_loss=-0.6).play(
        BOUGHT
        + """
        1 99952 99954   |
        2 99943 99945   |
        3 99942 99944   | open sell 2 hedge
    """
    )


def test_auto_hedge_off_sends_none() -> None:
    """The cycle only waits for its exits."""
    bench(auto_hedge=False, max_drawdown=-3.0).play(
        BOUGHT
        + """
        1 99752 99754   |
        2 99702 99704   | close #1 1 drawdown -> fill | ended 1 drawdown -3.00
    """
    )


def test_zone_measures_from_the_last_fill_against_the_last_order() -> None:
    """The opposite with the next lot, back and forth."""
    bench(mode="zone").play(
        BOUGHT
        + """
        1 99952 99954   | open sell 2 hedge
        2 99902 99904   | #-- favourable for the last order: shifts nothing
        3 99999 100001  |
        4 100000 100002 | open buy 3 hedge
        5 99952 99954   | open sell 4 hedge
    """
    )


def test_zone_counts_each_order_as_a_level() -> None:
    """max_hedge_levels bounds them."""
    bench(mode="zone", max_hedge_levels=1).play(
        BOUGHT
        + """
        1 99952 99954   | open sell 2 hedge
        2 100000 100002 |
    """
    )


def test_rule_1_the_day_s_target_closes_all_and_stops_for_the_day() -> None:
    """The next server day goes on."""
    at = bench().play(BOUGHT)
    at.strategy.view.day_profit = 4999
    at.play("1 100052 100054 |")
    at.strategy.view.day_profit = 5000
    at.play("2 100052 100054 | close #1 1 day_profit -> fill | ended 1 day_profit 0.50")
    at.strategy.view.day_profit = 100
    at.play("""
        3 100052 100054 |
        open buy        | -> fill | not done: day
        86399 100052 100054 |
        open buy        | -> fill | not done: day
        86400 100052 100054 |
        open buy        | open buy 1 initial
    """)


def test_rule_1_the_day_s_limit_closes_all_and_stops_for_the_day() -> None:
    """At the limit exactly; no new cycle either when there was none."""
    at = bench().play(BOUGHT)
    at.strategy.view.day_profit = -5000
    at.play(
        "1 100000 100002 | close #1 1 day_loss -> fill | ended 1 day_loss -0.02\n open buy | -> fill | not done: day"
    )


def test_rule_1_is_latched_in_flight() -> None:
    """It runs first on the report of the order."""
    at = bench().play(BOUGHT + "1 99952 99954 | open sell 2 hedge -> wait")
    at.strategy.view.day_profit = -5000
    at.play("2 99952 99954 |")
    at.strategy.view.day_profit = 0
    at.play("""
        answer fill     |
        3 99952 99954   | close #2 1 day_loss
    """)


def test_rule_2_max_drawdown_closes() -> None:
    """At the drawdown exactly."""
    bench(max_drawdown=-0.4).play(
        BOUGHT
        + """
        1 99963 99965   |
        2 99962 99964   | close #1 1 drawdown -> fill | ended 1 drawdown -0.40
    """
    )


def test_rule_3_the_profit_target_closes() -> None:
    """At the target exactly."""
    bench(hedge_profit_target=0.4).play(
        BOUGHT
        + """
        1 100041 100043 |
        2 100042 100044 | close #1 1 take_profit -> fill | ended 1 take_profit 0.40
    """
    )


def test_a_short_progression_continues_by_the_multiplier() -> None:
    """By the last x multiplier^n, floored to the grid."""
    bench(lot_progression=(0.01, 0.03), martingale_multiplier=1.5, max_hedge_levels=4).play(
        BOUGHT
        + """
        1 99752 99754   | open sell 3 hedge
        2 99752 99754   | open sell 4 hedge
        3 99752 99754   | open sell 6 hedge
        4 99752 99754   | open sell 10 hedge
    """
    )


def test_a_progression_beyond_what_the_symbol_takes_is_refused() -> None:
    """With the parameter that leads there."""
    with pytest.raises(OptionError, match=r"martingale_multiplier 5\.0; expected orders from 0\.01 to 100 lots"):
        bench(lot_progression=(1.0,), martingale_multiplier=5.0, max_total_lots=1e4)


def test_max_total_lots_is_a_block() -> None:
    """Equal passes; the order beyond is not sent, and that is said once."""
    bench(max_total_lots=0.06).play(
        BOUGHT
        + """
        1 99852 99854   | open sell 2 hedge
        2 99852 99854   | open sell 3 hedge
        3 99852 99854   | | cap lots 6
        4 99851 99853   | |
    """
    )


def test_a_cycle_needs_room_for_its_first_hedge() -> None:
    """Lot 0 and lot 1."""
    bench(max_total_lots=0.02).play("0 100000 100002 |\n open buy | -> fill | not done: lots")
    bench(max_total_lots=0.03).play("0 100000 100002 |\n open buy | open buy 1 initial")
    bench(max_total_lots=0.01, auto_hedge=False).play("0 100000 100002 |\n open buy | open buy 1 initial")


def test_one_cycle_at_a_time() -> None:
    """Opened by command only."""
    bench().play(
        BOUGHT
        + """
        open sell       | -> fill | not done: cycles
        1 100000 100002 |
    """
    )


def test_a_refused_first_order_closes_the_cycle() -> None:
    """Reason rejected."""
    bench().play("""
        0 100000 100002 |
        open buy        | open buy 1 initial -> refuse | ended 1 rejected 0.00
    """)


def test_a_level_s_hedge_is_sent_again_three_times() -> None:
    """Then everything closes (hedge_failed)."""
    bench().play(
        BOUGHT
        + """
        1 99952 99954   | open sell 2 hedge -> fill 1
        2 99952 99954   | open sell 1 hedge -> refuse
        3 99952 99954   | open sell 1 hedge -> refuse
        4 99952 99954   | open sell 1 hedge -> refuse
        5 99952 99954   | close #1 by #2 1 hedge_failed -> fill | ended 1 hedge_failed -0.50
    """
    )


def test_a_leg_closed_elsewhere() -> None:
    """The last one ends the cycle (external)."""
    bench().play(
        BOUGHT
        + """
        1 99952 99954   | open sell 2 hedge
        left 1 99952    |
        left 2 99902    | | ended 1 external 0.50
    """
    )


def test_close_command_and_unknown_order() -> None:
    """As in all strategies."""
    bench().play(BOUGHT + "close 1 | close #1 1 command -> fill | ended 1 command -0.02")
    at = bench().play(
        BOUGHT
        + """
        1 99952 99954   | open sell 2 hedge -> wait
        6 99952 99954   | close #1 1 unknown_order | no outcome
    """
    )
    assert at.strategy.open_volume() == 2
    assert at.now() % SECOND == 0
