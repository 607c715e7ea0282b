"""cycle_trader, rule by rule: a table of quotes and the orders expected (strategy_bench.py explains the tables).

Distances in the scenarios: hedge_sl 10 pips = 100 points, zones 5 pips = 50, steps 2 and 3 pips = 20 and 30 points. A
minor unit is a point and step, so a profit target of 1.00 is 100 points on one step.
"""

from __future__ import annotations

from typing import Any

import pytest
from strategy_bench import Bench

from kernels.params import CycleTraderParams


def bench(*, close_by: bool = True, **changes: Any) -> Bench:  # the parameters of a Struct
    """A bench with short distances and limits far away."""
    near: dict[str, Any] = {
        "hedge_sl": 10.0,
        "zones": (5.0,),
        "zone_forward": 2.0,
        "zone_forward2": 3.0,
        "take_profit": 50.0,
        "max_cycle_loss": 50.0,
        "max_orders_per_cycle": 20,
    }
    return Bench(CycleTraderParams(**(near | changes)), close_by=close_by)


HEDGED = """
    0 100000 100002  |
    open buy         | open buy 1 initial
    1 99902 99904    | open sell 1 hedge
"""


def test_rule_1_take_profit_closes_the_basket() -> None:
    """At take_profit exactly, by the price at which the position closes."""
    bench(take_profit=1.0).play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        1 100101 100103 |
        2 100102 100104 | close #1 1 take_profit -> fill | ended 1 take_profit 1.00
    """)


def test_rule_1_max_cycle_loss_closes_the_basket() -> None:
    """At minus max_cycle_loss exactly."""
    bench(max_cycle_loss=0.9).play("""
        0 100000 100002 |
        open sell       | open sell 1 initial
        1 100087 100089 |
        2 100088 100090 | close #1 1 max_loss -> fill | ended 1 max_loss -0.90
    """)


def test_rule_2_places_the_hedge_of_a_buy_by_the_bid() -> None:
    """hedge_sl below the anchor the opposite side goes out with the net volume; then the cycle recovers."""
    at = bench().play("""
        0 100000 100002  |
        open buy         | open buy 1 initial
        1 99903 99905    |
        2 99902 99904    | open sell 1 hedge
    """)
    (row,) = at.strategy.rows()
    assert (row.phase, row.anchor, row.centre, row.last, row.direction, row.zone, row.level) == (
        3,
        100002,
        99902,
        99902,
        1,
        0,
        1,
    )


def test_rule_2_places_the_hedge_of_a_sell_by_the_ask() -> None:
    """Shorts mirror."""
    bench().play("""
        0 100000 100002  |
        open sell        | open sell 1 initial
        1 100097 100099  |
        2 100098 100100  | open buy 1 hedge
    """)


def test_rule_3_steps_in_the_direction_first_by_zone_forward_then_by_zone_forward2() -> None:
    """20 points below the hedge, then 30 below each fill, with the next lot sizes."""
    bench().play(
        HEDGED
        + """
        2 99883 99885 |
        3 99882 99884 | open sell 2 ladder
        4 99853 99855 |
        5 99852 99854 | open sell 3 ladder
        6 99822 99824 | open sell 4 ladder
    """
    )


def test_rule_3_turns_at_the_zone_s_edge() -> None:
    """A zone's width against the direction the side changes, and steps go the other way, the first by zone_forward."""
    at = bench(zones=(5.0, 7.0)).play(
        HEDGED
        + """
        2 99949 99951 |
        3 99950 99952 | open buy 2 ladder
        4 99969 99971 |
        5 99970 99972 | open buy 3 ladder
        6 99999 100001 |
        7 100000 100002 | open buy 4 ladder
    """
    )
    (row,) = at.strategy.rows()
    assert (row.centre, row.zone, row.direction, row.level) == (99952, 1, 0, 4)
    at.play("""
        8 99883 99885 |
        9 99882 99884 | open sell 5 ladder #-- the second zone is 70 wide
    """)


def test_rule_3_one_order_a_tick_and_none_is_made_up() -> None:
    """A jump over many steps gives one order, and the next step counts from its fill."""
    bench().play(
        HEDGED
        + """
        2 99782 99784 | open sell 2 ladder
        3 99782 99784 |
        4 99752 99754 | open sell 3 ladder
    """
    )


def test_rule_3_a_turn_takes_effect_when_its_order_is_refused() -> None:
    """Direction, centre and zone change, the lot index does not; the first step then goes by zone_forward."""
    at = bench().play(HEDGED + "3 99950 99952 | open buy 2 ladder -> refuse")
    (row,) = at.strategy.rows()
    assert (row.direction, row.centre, row.last, row.zone, row.level) == (0, 99952, 99952, 1, 1)
    at.play("""
        4 99951 99953 |
        5 99970 99972 | open buy 2 ladder
    """)


def test_rule_3_the_lot_index_and_zones_clamp() -> None:
    """The last lot size and the last zone repeat."""
    bench(lot_sizes=(0.01, 0.02)).play(
        HEDGED
        + """
        2 99882 99884 | open sell 2 ladder
        3 99852 99854 | open sell 2 ladder
    """
    )


def test_rule_3_order_sl_goes_with_each_ladder_order() -> None:
    """Measured from the quote that triggered it; the first order and the hedge have none."""
    bench(order_sl=4.0).play(
        HEDGED
        + """
        2 99880 99884 | open sell 2 ladder sl=99920
        3 99950 99952 | open buy 3 ladder sl=99912
    """
    )


def test_rule_4_closes_cycles_in_profit_at_a_candle_s_end() -> None:
    """On the first tick of a new candle, only with a profit above zero."""
    bench(auto_candle_close=True, candle_timeframe="M1").play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        59 100003 100005 |
        60 100002 100004 |
        100 100003 100005 |
        120 100003 100005 | close #1 1 candle_close -> fill | ended 1 candle_close 0.01
    """)


def test_rule_4_skips_a_cycle_in_flight() -> None:
    """It waits for the next candle."""
    bench(auto_candle_close=True, candle_timeframe="M1").play("""
        0 100000 100002 |
        open buy        | open buy 1 initial -> wait
        1 100000 100002 |
        4 100000 100002 |
        answer fill     |
        59 99902 99904  | open sell 1 hedge -> wait
        60 100012 100014 |
        answer fill     |
        61 100011 100013 |
    """)


AUTO: dict[str, Any] = {
    "autotrade": True,
    "autotrade_threshold": 2.0,
    "max_cycles": 3,
    "hedge_sl": 400.0,
    "zones": (5.0,),
}


def test_rule_5_opens_by_the_move_since_the_start() -> None:
    """The first ask counts for BUY, the first bid for SELL."""
    bench(**AUTO).play("""
        0 100000 100002 |
        1 100019 100021 |
        2 100020 100022 | open buy 1 initial
    """)
    bench(**AUTO).play("""
        0 100000 100002 |
        1 99981 99983   |
        2 99980 99982   | open sell 1 initial
    """)


def test_rule_5_then_by_the_move_since_the_latest_first_order() -> None:
    """Commanded ones count too."""
    bench(**AUTO, autotrade_pips_restriction=0.0).play("""
        0 100000 100002 |
        1 100020 100022 | open buy 1 initial
        2 100039 100041 |
        3 100040 100042 | open buy 1 initial
        open buy        | open buy 1 initial
        4 100062 100064 |
    """)


def test_rule_5_both_at_once_open_none() -> None:
    """A spread wider than both thresholds says nothing."""
    bench(**AUTO).play("""
        0 100000 100002 |
        1 99975 100027  |
        2 100020 100022 | open buy 1 initial
    """)


def test_rule_5_keeps_its_distance_to_an_open_anchor() -> None:
    """Nearer than autotrade_pips_restriction to an anchor of the same side opens nothing; equal does."""
    bench(**AUTO, autotrade_pips_restriction=5.0).play("""
        0 100000 100002 |
        1 100020 100022 | open buy 1 initial
        2 100069 100071 |
        3 100070 100072 | open buy 1 initial
    """)


def test_rule_5_measures_an_opening_cycle_from_its_trigger() -> None:
    """As long as its fill is not known."""
    bench(**AUTO, autotrade_pips_restriction=5.0).play("""
        0 100000 100002 |
        1 100020 100022 | open buy 1 initial -> wait
        2 100069 100071 |
        3 100070 100072 | open buy 1 initial -> wait
    """)


def test_max_cycles_counts_opening_and_closing_ones() -> None:
    """No other cycle, by itself or by command, while the only one is opening, open or closing."""
    bench(**(AUTO | {"max_cycles": 1}), autotrade_pips_restriction=0.0).play("""
        0 100000 100002 |
        1 100020 100022 | open buy 1 initial -> wait
        2 100042 100044 |
        open buy        | -> fill | not done: cycles
        answer fill     |
        4 100064 100066 |
        close 1         | close #1 1 command -> wait
        5 100090 100092 |
        6 100090 100092 |
        answer fill     | | ended 1 command 0.46
        7 100090 100092 | open buy 1 initial
    """)


def test_prevent_opposing_trades_holds_for_commands_too() -> None:
    """By the first side of the open cycle."""
    bench(max_cycles=2).play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        open sell       | -> fill | not done: opposing
        open buy        | open buy 1 initial
    """)
    bench(max_cycles=2, prevent_opposing_trades=False).play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        open sell       | open sell 1 initial
    """)


def test_no_cycle_opens_on_a_tick_that_closes_one() -> None:
    """The tick that sends the close, and the tick on which it fills, open none; the next does."""
    bench(**AUTO, take_profit=0.5, autotrade_pips_restriction=0.0).play("""
        0 100000 100002 |
        1 100020 100022 | open buy 1 initial
        2 100072 100074 | close #1 1 take_profit -> fill | ended 1 take_profit 0.50
        3 100072 100074 | open buy 1 initial
    """)


def test_cap_max_orders_per_cycle() -> None:
    """Equal to the cap passes, the order beyond is not sent and reported once; exits go on."""
    bench(max_orders_per_cycle=3).play(
        HEDGED
        + """
        2 99882 99884 | open sell 2 ladder
        3 99852 99854 |                     | cap orders 3
        4 99842 99844 |                     |
        5 99952 99954 |                     | #-- a turn, capped too, takes effect
        close all     | close #2 1 command
        6 99952 99954 | close #3 1 command
        7 99952 99954 | close #1 by #3 1 command
    """
    )


def test_cap_max_orders_counts_closed_orders() -> None:
    """A leg that was closed elsewhere keeps its place."""
    bench(max_orders_per_cycle=3).play(
        HEDGED
        + """
        2 99882 99884 | open sell 2 ladder
        left 3 99890  |
        3 99852 99854 |                     | cap orders 3
    """
    )


def test_cap_max_total_lots_keeps_room_for_hedges() -> None:
    """A first order needs room for itself, its hedge and the hedges of all cycles not yet hedged."""
    bench(max_cycles=3, max_total_lots=0.05).play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        open buy        | open buy 1 initial
        open buy        | -> fill | not done: lots
        1 99902 99904   | open sell 1 hedge; open sell 1 hedge
        2 99882 99884   | | cap lots 5; cap lots 5
    """)


def test_cap_max_total_lots_equal_passes() -> None:
    """0.04 lots take two cycles and their hedges."""
    bench(max_cycles=3, max_total_lots=0.04).play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        open buy        | open buy 1 initial
        1 99902 99904   | open sell 1 hedge; open sell 1 hedge
    """)


def test_autotrade_says_once_that_max_total_lots_stops_it() -> None:
    """Until it opened one again."""
    bench(**AUTO, max_total_lots=0.01).play("""
        0 100000 100002 |
        1 100020 100022 | | cap lots 1
        2 100021 100023 | |
    """)


def test_a_refused_first_order_closes_the_cycle() -> None:
    """Reason rejected; autotrade waits until its condition has been false on one tick."""
    bench(**AUTO).play("""
        0 100000 100002 |
        1 100020 100022 | open buy 1 initial -> refuse | ended 1 rejected 0.00
        2 100021 100023 |
        3 100019 100021 |
        4 100020 100022 | open buy 1 initial
    """)


def test_a_refused_ladder_order_waits_until_its_condition_was_false() -> None:
    """On one tick; then it is sent again."""
    bench().play(
        HEDGED
        + """
        2 99882 99884 | open sell 2 ladder -> refuse
        3 99880 99882 |
        4 99883 99885 |
        5 99882 99884 | open sell 2 ladder
    """
    )


def test_a_partial_first_order_drops_the_rest() -> None:
    """The cycle goes on with what was filled; the hedge has the net volume."""
    bench(lot_sizes=(0.03, 0.02)).play("""
        0 100000 100002  |
        open buy         | open buy 3 initial -> fill 2
        1 99902 99904    | open sell 2 hedge
    """)


def test_a_refused_hedge_is_sent_again_three_times() -> None:
    """After a second each; then everything closes (hedge_failed)."""
    bench().play("""
        0 100000 100002  |
        open buy         | open buy 1 initial
        1 99902 99904    | open sell 1 hedge -> refuse
        1.9 99990 99992  |
        2 99990 99992    | open sell 1 hedge -> refuse
        3 99990 99992    | open sell 1 hedge -> refuse
        4 99990 99992    | open sell 1 hedge -> refuse
        5 99990 99992    | close #1 1 hedge_failed -> fill | ended 1 hedge_failed -0.12
    """)


def test_a_hedge_filled_short_is_sent_again_for_what_is_missing() -> None:
    """It is one order for the cap, and its centre the average fill rounded to the point."""
    at = bench(lot_sizes=(0.03, 0.02), max_orders_per_cycle=2).play("""
        0 100000 100002  |
        open buy         | open buy 3 initial
        1 99902 99904    | open sell 3 hedge -> fill 1
        2 99905 99907    | open sell 2 hedge -> fill 1
        3 99906 99908    | open sell 1 hedge
    """)
    (row,) = at.strategy.rows()
    assert (row.phase, row.centre, row.orders, row.sold) == (3, 99904, 2, 3)


def test_one_request_of_a_cycle_is_in_flight() -> None:
    """While one is, no rule sends another."""
    bench().play(
        HEDGED
        + """
        2 99882 99884 | open sell 2 ladder -> wait
        3 99852 99854 |
        4 99952 99954 |
        answer fill   |
        5 99952 99954 | open buy 3 ladder
    """
    )


def test_the_loss_exit_is_latched_in_flight() -> None:
    """It runs first on the order's report, although the loss is smaller by then."""
    bench(max_cycle_loss=0.9).play("""
        0 100000 100002 |
        open buy        | open buy 1 initial -> wait
        answer fill     |
        1 99913 99915   |
        2 99912 99914   | close #1 1 max_loss -> wait
        answer fill     | | ended 1 max_loss -0.90
    """)
    bench(max_cycle_loss=1.2).play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        1 99902 99904   | open sell 1 hedge -> wait
        2 99882 99884   |
        3 99992 99994   |
        answer fill     |
        4 99992 99994   | close #1 by #2 1 max_loss -> fill | ended 1 max_loss -0.10
    """)


def test_a_close_command_is_latched_in_flight() -> None:
    """The cycle closes on the report of its order."""
    bench().play("""
        0 100000 100002 |
        open buy        | open buy 1 initial -> wait
        close 1         |
        answer fill     |
        1 100000 100002 | close #1 1 command -> fill | ended 1 command -0.02
    """)


def test_a_close_command_for_no_cycle_is_answered() -> None:
    """A person hears that there is none."""
    bench().play("""
        0 100000 100002 |
        close 7         | -> fill | not done: no_cycle
    """)


def test_after_five_seconds_an_order_is_unknown() -> None:
    """The cycle closes its confirmed positions; what the order turns out to have opened is closed on sight."""
    bench().play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        1 99902 99904   | open sell 1 hedge -> wait
        5.9 99902 99904 |
        6 99902 99904   | close #1 1 unknown_order -> fill | no outcome
        7 99902 99904   |
        answer fill     |
        8 99902 99904   | close #2 1 unknown_order -> fill | ended 1 unknown_order -1.02
    """)


def test_an_unknown_order_that_did_nothing_ends_the_cycle() -> None:
    """When the venue says so."""
    bench().play("""
        0 100000 100002 |
        open buy        | open buy 1 initial -> unknown | no outcome
        1 100000 100002 |
        answer refuse   | | ended 1 unknown_order 0.00
    """)


def test_closing_makes_the_net_zero_then_closes_by() -> None:
    """The heavier side oldest first, the last partially; then oldest against oldest."""
    bench().play(
        HEDGED
        + """
        2 99882 99884 | open sell 2 ladder
        3 99852 99854 | open sell 3 ladder
        close 1       | close #2 1 command
        4 99852 99854 | close #3 2 command
        5 99852 99854 | close #4 2 command
        6 99852 99854 | close #1 by #4 1 command -> fill | ended 1 command -0.50
    """
    )


def test_closing_without_close_by_alternates_the_sides() -> None:
    """Where the venue does not permit it."""
    bench(close_by=False).play(
        HEDGED
        + """
        close 1       | close #1 1 command
        2 99902 99904 | close #2 1 command -> fill | ended 1 command -1.02
    """
    )


def test_a_partial_close_goes_on_with_the_rest() -> None:
    """With a new request."""
    bench(lot_sizes=(0.03,)).play("""
        0 100000 100002 |
        open buy        | open buy 3 initial
        close 1         | close #1 3 command -> fill 1
        1 100000 100002 | close #1 2 command -> fill | ended 1 command -0.06
    """)


def test_a_failed_close_is_repeated_later_and_later() -> None:
    """After 1, 2, 4, ... 30 s, with an alert after three."""
    at = bench().play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        1 100000 100002 |
        close 1         | close #1 1 command -> refuse |
        1.9 100000 100002 |
        2 100000 100002 | close #1 1 command -> refuse |
        3.9 100000 100002 |
        4 100000 100002 | close #1 1 command -> refuse | close failed
        7.9 100000 100002 |
        8 100000 100002 | close #1 1 command -> refuse |
        16 100000 100002 | close #1 1 command -> refuse |
        32 100000 100002 | close #1 1 command -> refuse |
        61.9 100000 100002 |
        62 100000 100002 | close #1 1 command -> refuse |
        92 100000 100002 | close #1 1 command -> fill | ended 1 command -0.02
    """)
    assert at.strategy.rows() == []


def test_a_close_without_outcome_is_waited_for() -> None:
    """It is not repeated before its outcome is known."""
    bench().play("""
        0 100000 100002  |
        open buy         | open buy 1 initial
        1 100000 100002  |
        close 1          | close #1 1 command -> wait
        6 100000 100002  | | no outcome
        60 100000 100002 | |
        answer refuse    | |
        61 100000 100002 | close #1 1 command -> fill | ended 1 command -0.02
    """)


def test_position_closed_counts_as_closed() -> None:
    """A close that is refused for that reason ends the leg."""
    at = bench().play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        close 1         | close #1 1 command -> refuse gone | ended 1 command 0.00
    """)
    assert at.strategy.rows() == []


def test_closing_is_final_and_the_first_reason_stays() -> None:
    """No trigger runs, a command changes nothing."""
    bench(take_profit=1.0).play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        1 100102 100104 | close #1 1 take_profit -> refuse
        1.5 99000 99002 |
        close 1         |
        2 99000 99002   | close #1 1 take_profit -> fill | ended 1 take_profit -10.02
    """)


def test_a_leg_closed_elsewhere_keeps_its_profit_in_the_basket() -> None:
    """No legs left: closed, external."""
    bench().play(
        HEDGED
        + """
        left 2 99892    |
        swap 1 -5       |
        2 99950 99954   | open buy 2 ladder
        left 1 99912    |
        left 3 99912    | | ended 1 external -1.69
    """
    )


def test_only_exits_run_when_told() -> None:
    """No hedge, no ladder, no cycle; the loss exit does."""
    bench(max_cycle_loss=1.5, max_cycles=2).play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        exits on        |
        1 99902 99904   |
        open buy        | -> fill | not done: exits
        2 99852 99854   | close #1 1 max_loss -> fill | ended 1 max_loss -1.50
        exits off       |
        open buy        | open buy 1 initial
    """)


def test_nothing_opens_while_equity_or_rate_is_not_known() -> None:
    """A hedge waits too; it goes out with the first known quote."""
    at = bench().play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
    """)
    at.strategy.view.known = 0
    at.play("1 99902 99904 |\n open buy | -> fill | not done: unknown")
    at.strategy.view.known = 1
    at.play("2 99902 99904 | open sell 1 hedge")


def test_nothing_opens_before_the_first_quote() -> None:
    """A command that comes too early is answered."""
    bench().play("open buy | -> fill | not done: unknown")


def test_every_order_that_opens_carries_the_disaster_stop() -> None:
    """As points from its fill."""
    at = bench(disaster_sl=300.0, max_cycles=2)
    at.play("0 100000 100002 |")
    (intent,) = at.event(["open", "buy"])
    assert intent.protect == 3000


def test_commission_and_swap_belong_to_the_profit() -> None:
    """Charged commission, the closing commission due and the swap booked: the profit target counts them all."""
    at = bench(take_profit=1.0)
    at.symbol.commission_num = 3
    at.play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        swap 1 -4       |
        1 100111 100113 |
        2 100112 100114 | close #1 1 take_profit -> fill | ended 1 take_profit 1.00
    """)


def test_time_alone_repeats_and_times_out() -> None:
    """on_time does what has come due without a quote, and next_time says when."""
    at = bench().play("""
        0 100000 100002  |
        open buy         | open buy 1 initial
    """)
    assert at.strategy.next_time() is None
    at.play("1 99902 99904 | open sell 1 hedge -> refuse")
    assert at.strategy.next_time() == at.now() + 1_000_000
    at.play("time 2 | open sell 1 hedge -> wait")
    assert at.strategy.next_time() == at.now() + 5_000_000
    at.play("time 7 | close #1 1 unknown_order | no outcome")


@pytest.mark.parametrize("moved", [1, 2])
def test_the_market_closed_waits_for_the_next_open(moved: int) -> None:
    """A close refused for that is sent on the first tick when the market is open again, without an alert."""
    from kernels.market import PwHoursRow

    at = bench()
    hours = (PwHoursRow * 2)(PwHoursRow(0, 10), PwHoursRow(20, 1000))
    at.symbol.hours, at.symbol.n_hours = hours, 2
    at.play(f"""
        0 100000 100002 |
        open buy        | open buy 1 initial
        600 100000 100002 |
        close 1         | close #1 1 command -> refuse closed |
        700 100000 100002 |
        {1199.0 + moved / 10} 100000 100002 |
        1200 100000 100002 | close #1 1 command
    """)


def test_a_partial_close_below_the_least_volume_closes_the_whole() -> None:
    """No venue takes less; the other side is then the heavier one."""
    near = CycleTraderParams(
        hedge_sl=10.0, zones=(5.0,), zone_forward=2.0, take_profit=50.0, max_cycle_loss=50.0, lot_sizes=(0.02, 0.03)
    )
    Bench(near, volume_min=2).play("""
        0 100000 100002 |
        open buy        | open buy 2 initial
        1 99902 99904   | open sell 2 hedge
        2 99882 99884   | open sell 3 ladder
        close 1         | close #2 2 command
        3 99882 99884   | close #3 3 command
        4 99882 99884   | close #1 2 command
    """)


def test_after_three_refused_close_bys_the_oldest_position_closes() -> None:
    """There is always a way out."""
    bench().play(
        HEDGED
        + """
        close 1         | close #1 by #2 1 command -> refuse
        3 99902 99904   | close #1 by #2 1 command -> refuse
        5 99902 99904   | close #1 by #2 1 command -> refuse | close failed
        9 99902 99904   | close #1 1 command
        10 99902 99904  | close #2 1 command -> fill | ended 1 command -1.02
    """
    )


def test_a_refused_turn_order_keeps_the_next_turn_waiting() -> None:
    """With a spread wider than the zone the condition to turn back is true at once; it has to be false first."""
    at = bench().play(
        HEDGED
        + """
        2 99890 99952   | open buy 2 ladder -> refuse
        3 99890 99952   |
        4 99903 99953   |
        5 99890 99952   | open sell 2 ladder
    """
    )
    assert at.strategy.rows()[0].zone == 2


def test_market_closed_within_the_symbol_s_hours_is_a_failure_like_any_other() -> None:
    """It is repeated later and later, and after three there is an alert."""
    bench().play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        close 1         | close #1 1 command -> refuse closed
        1 100000 100002 | close #1 1 command -> refuse closed
        3 100000 100002 | close #1 1 command -> refuse closed | close failed
    """)


def test_without_a_rate_no_profit_decides_and_closes_go_on() -> None:
    """The profit is not known, prices are."""
    from kernels.market import PwRate

    at = bench(take_profit=0.5, max_cycle_loss=0.5).play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
    """)
    at.strategy.view.rate = PwRate(0, 0, 0, 0)
    at.play("""
        1 100100 100102 |
        2 99902 99904   | open sell 1 hedge
        close 1         | close #1 by #2 1 command
    """)


def test_a_hedge_sent_again_is_never_more_than_the_net_volume() -> None:
    """The first position was closed in part in the meantime."""
    bench(lot_sizes=(0.05, 0.02)).play("""
        0 100000 100002 |
        open buy        | open buy 5 initial
        1 99902 99904   | open sell 5 hedge -> fill 1
        left 1 99902 2  |
        2 99902 99904   | open sell 2 hedge
    """)


def test_rates_convert_gains_and_losses_each_at_their_own() -> None:
    """Two units of the account's money for one of the profit currency's, three for a loss."""
    from kernels.market import PwRate

    at = bench(take_profit=2.0, max_cycle_loss=3.0)
    at.strategy.view.rate = PwRate(2, 1, 3, 1)
    at.play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        1 100101 100103 |
        2 100102 100104 | close #1 1 take_profit -> wait
    """)
    at = bench(take_profit=2.0, max_cycle_loss=2.7, hedge_sl=50.0, disaster_sl=0.0)
    at.strategy.view.rate = PwRate(2, 1, 3, 1)
    at.play("""
        0 100000 100002 |
        open buy        | open buy 1 initial
        1 99913 99915   |
        2 99912 99914   | close #1 1 max_loss -> wait
    """)
