"""When and at which price the venue fills: a test for each rule of docs/fills.md. Every step also goes to the model."""

from dataclasses import replace
from typing import Any

import pytest
from venue_pair import EURUSD, START, Pair

from kernels.venue_rows import Cause, Entry, OrderKind, Outcome, OutcomeKind, Side, Why

BUY, SELL = Side.BUY, Side.SELL
OPEN, CLOSE, LIMIT, STOP = OrderKind.OPEN, OrderKind.CLOSE, OrderKind.LIMIT, OrderKind.STOP
SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR


def begun(bid: int = 112_000, ask: int = 112_010, **options: Any) -> Pair:
    """A venue that has seen one quote."""
    pair = Pair(**options)
    pair.tick(bid, ask)
    return pair


def only(rows: list[Outcome]) -> Outcome:
    """The one outcome that there is."""
    assert len(rows) == 1
    return rows[0]


def why(rows: list[Outcome]) -> Why:
    """Why the one order was not carried out."""
    assert only(rows).kind == OutcomeKind.REJECT
    return only(rows).why


@pytest.mark.parametrize(("side", "price"), [(BUY, 112_010), (SELL, 112_000)])
def test_a_market_buy_fills_at_ask_and_a_sell_at_bid(side: Side, price: int) -> None:
    """A market BUY fills at ask, a SELL at bid, in full."""
    row = only(begun().order(OPEN, side, 10))
    assert (row.kind, row.entry, row.price, row.volume, row.left) == (OutcomeKind.DEAL, Entry.IN, price, 10, 0)


def test_an_order_fills_at_the_first_tick_at_or_after_its_latency() -> None:
    """With latency, the first tick at submit + latency or later counts: one microsecond before is too early."""
    pair = begun(latency_us=SECOND)
    pair.submit(OPEN, BUY, 10)
    assert pair.settle() == []
    assert pair.tick(112_100, 112_110, after=SECOND - 1) == []
    assert only(pair.tick(112_200, 112_210, after=1)).price == 112_210


def test_orders_that_are_due_go_by_due_time_and_then_by_id() -> None:
    """Two orders submitted at the same time are filled in the order of their ids, an earlier one before both."""
    pair = begun(latency_us=SECOND)
    pair.ids = 9
    pair.submit(OPEN, BUY, 3)
    pair.ids = 4
    pair.submit(OPEN, BUY, 2)
    pair.ids = 50
    pair.time -= 1
    pair.submit(OPEN, BUY, 1)
    pair.time += 1
    assert [row.id for row in pair.tick(112_000, 112_010, after=SECOND)] == [51, 5, 10]


def test_with_latency_0_an_order_fills_at_the_tick_that_led_to_it() -> None:
    """With latency 0 what is submitted upon a tick fills at that tick's quote, when the venue is told to settle."""
    pair = begun()
    row = only(pair.order(OPEN, SELL, 1))
    assert (row.time, row.price) == (START, 112_000)


@pytest.mark.parametrize(("side", "price"), [(BUY, 112_015), (SELL, 111_995)])
def test_slippage_is_adverse_on_market_fills(side: Side, price: int) -> None:
    """Slippage makes a market fill worse by that many points, on opening and on closing."""
    pair = begun(slippage=5)
    assert only(pair.order(OPEN, side, 2)).price == price
    closing = Side(1 - side)
    assert only(pair.order(CLOSE, closing, 2, ticket=1)).price == (112_015 if closing == BUY else 111_995)


def test_slippage_is_adverse_on_stops_and_not_on_limits() -> None:
    """An SL slips, a TP and a limit order do not."""
    pair = begun(slippage=5)
    pair.order(OPEN, BUY, 1, sl=111_900)
    pair.order(OPEN, BUY, 1, tp=112_300)
    pair.order(LIMIT, SELL, 1, price=112_290)
    rows = pair.tick(112_310, 112_320)
    assert [(row.cause, row.price) for row in rows] == [(Cause.LIMIT, 112_290), (Cause.TP, 112_300)]
    assert only(pair.tick(111_850, 111_860)).price == 111_845


def test_without_a_tick_in_time_an_order_is_rejected() -> None:
    """No tick within fill_timeout after it was due: rejected at the next tick; exactly in time: filled."""
    pair = begun()
    pair.time += 1
    pair.submit(OPEN, BUY, 1)
    assert only(pair.tick(112_000, 112_010, after=5 * SECOND)).kind == OutcomeKind.DEAL
    pair.time += 1
    pair.submit(OPEN, BUY, 1)
    assert why(pair.tick(112_000, 112_010, after=5 * SECOND + 1)) == Why.TIMEOUT


def test_time_alone_ends_an_order_too() -> None:
    """Where no tick comes, time that passes rejects what is overdue."""
    pair = begun()
    pair.time += 1
    pair.submit(OPEN, BUY, 1)
    assert pair.advance(5 * SECOND) == []
    assert why(pair.advance(1)) == Why.TIMEOUT


def test_nothing_is_filled_while_the_market_is_closed() -> None:
    """While the market is closed orders are rejected, and pending orders, SL and TP wait for the first open tick."""
    pair = Pair([replace(EURUSD, hours=((0, 7200),))])
    pair.tick(112_000, 112_010)
    pair.order(OPEN, BUY, 1, sl=111_900)
    pair.order(LIMIT, BUY, 1, price=111_800)
    pair.tick(111_500, 111_510, after=2 * DAY)
    assert why(pair.order(OPEN, BUY, 1)) == Why.MARKET_CLOSED
    rows = pair.tick(111_500, 111_510, after=2 * DAY)
    assert [row.cause for row in rows] == [Cause.LIMIT, Cause.SL]


def test_an_order_is_never_carried_over_a_weekend() -> None:
    """An order submitted after the close is rejected as market closed, though the next tick is days later."""
    pair = Pair([replace(EURUSD, hours=((0, 7200),))])
    pair.tick(112_000, 112_010, after=2 * DAY - 3 * HOUR + 2 * HOUR)
    pair.time += HOUR
    pair.submit(OPEN, BUY, 1)
    assert why(pair.tick(112_000, 112_010, after=2 * DAY)) == Why.MARKET_CLOSED


def test_within_a_bar_a_stop_fills_at_its_level() -> None:
    """At a tick that was reached without a gap, stop orders and SL fill at their level; slippage still applies."""
    pair = begun(slippage=2)
    pair.order(STOP, BUY, 1, price=112_100)
    assert only(pair.tick(112_400, 112_410, continuous=True)).price == 112_102
    pair.order(OPEN, SELL, 1, sl=112_500)
    assert only(pair.tick(112_800, 112_810, continuous=True)).price == 112_502


@pytest.mark.parametrize(
    ("side", "quiet", "loud", "price", "cause"),
    [
        (BUY, (111_901, 111_950), (111_900, 111_950), 111_900, Cause.SL),
        (BUY, (112_099, 112_150), (112_100, 112_150), 112_100, Cause.TP),
        (SELL, (112_050, 112_109), (112_050, 112_110), 112_110, Cause.SL),
        (SELL, (111_850, 111_911), (111_850, 111_910), 111_910, Cause.TP),
    ],
)
def test_sl_and_tp_of_a_buy_go_by_bid_and_of_a_sell_by_ask(
    side: Side, quiet: tuple[int, int], loud: tuple[int, int], price: int, cause: Cause
) -> None:
    """SL and TP look at the side where the position closes, and equality counts."""
    pair = begun()
    stops = {"sl": 111_900, "tp": 112_100} if side == BUY else {"sl": 112_110, "tp": 111_910}
    pair.order(OPEN, side, 1, **stops)
    assert pair.tick(*quiet) == []
    row = only(pair.tick(*loud))
    assert (row.cause, row.price, row.id, row.ticket) == (cause, price, 0, 1)


def test_an_sl_gap_costs_and_a_tp_gap_gives_nothing() -> None:
    """An SL fills where the market is; a TP exactly at its price, however far the market went."""
    pair = begun()
    pair.order(OPEN, BUY, 1, sl=111_900, tp=112_100)
    pair.order(OPEN, BUY, 1, sl=111_900, tp=112_100)
    assert {row.price for row in pair.tick(113_000, 113_010)} == {112_100}
    pair.order(OPEN, BUY, 1, sl=111_900)
    assert only(pair.tick(111_000, 111_010)).price == 111_000


def test_a_positions_own_stops_are_tested_from_the_next_tick() -> None:
    """A position opened on a tick is not closed by its SL on that tick though the quote is at it, but on the next."""
    pair = begun(latency_us=SECOND)
    pair.submit(OPEN, BUY, 1, sl=112_000)
    assert only(pair.tick(112_000, 112_010, after=SECOND)).entry == Entry.IN
    assert only(pair.tick(112_000, 112_010)).cause == Cause.SL


@pytest.mark.parametrize(
    ("side", "sl", "tp", "good"),
    [
        (BUY, 111_980, 0, True),
        (BUY, 111_981, 0, False),
        (BUY, 0, 112_020, True),
        (BUY, 0, 112_019, False),
        (BUY, 112_300, 0, False),
        (SELL, 112_030, 0, True),
        (SELL, 112_029, 0, False),
        (SELL, 0, 111_990, True),
        (SELL, 0, 111_991, False),
        (SELL, 0, 112_300, False),
    ],
)
def test_stops_on_the_wrong_side_or_too_near_at_the_fill_are_rejected(side: Side, sl: int, tp: int, good: bool) -> None:
    """SL and TP must be stops_level away from the closing side's quote: bid for a BUY, ask for a SELL."""
    pair = Pair([replace(EURUSD, stops_level=20)])
    pair.tick(112_000, 112_010)
    rows = pair.order(OPEN, side, 1, sl=sl, tp=tp)
    assert (only(rows).kind == OutcomeKind.DEAL) if good else why(rows) == Why.STOPS


@pytest.mark.parametrize(
    ("side", "sl", "wanted"), [(BUY, 0, 111_510), (BUY, 111_900, 111_900), (BUY, 111_200, 111_510), (SELL, 0, 112_500)]
)
def test_the_protective_stop_is_measured_from_the_fill(side: Side, sl: int, wanted: int) -> None:
    """`protect` sets an SL that far from the fill; of it and a given SL the nearer one is set."""
    pair = begun()
    pair.order(OPEN, side, 1, sl=sl, protect=500)
    assert pair.venue.positions()[0].sl == wanted


@pytest.mark.parametrize("volume", [0, 1, 10_001])
def test_a_volume_outside_its_bounds_is_rejected(volume: int) -> None:
    """An opening order is for volume_min to volume_max, at the market and pending."""
    pair = Pair([replace(EURUSD, volume_min=2)])
    pair.tick(112_000, 112_010)
    assert why(pair.order(OPEN, BUY, volume)) == Why.VOLUME
    assert why(pair.order(LIMIT, BUY, volume, price=111_000)) == Why.VOLUME


def test_a_close_names_its_position_and_no_more_than_its_volume() -> None:
    """A close needs an open position of its symbol, the opposite side, and a volume from 1 step to what is open."""
    pair = begun()
    pair.order(OPEN, BUY, 5)
    assert why(pair.order(CLOSE, SELL, 6, ticket=1)) == Why.VOLUME
    assert why(pair.order(CLOSE, SELL, 0, ticket=1)) == Why.VOLUME
    assert why(pair.order(CLOSE, BUY, 5, ticket=1)) == Why.SIDE
    assert why(pair.order(CLOSE, SELL, 5, ticket=2)) == Why.POSITION_CLOSED
    assert only(pair.order(CLOSE, SELL, 2, ticket=1)).price == 112_000
    assert pair.venue.positions()[0].volume == 3
    pair.order(CLOSE, SELL, 3, ticket=1)
    assert why(pair.order(CLOSE, SELL, 3, ticket=1)) == Why.POSITION_CLOSED


def test_a_symbols_order_waits_for_its_own_tick() -> None:
    """With several symbols, an order fills at the next tick of its own symbol."""
    pair = Pair([EURUSD, replace(EURUSD, margin_rate=("given", 0))])
    pair.tick(112_000, 112_010)
    pair.tick(90_000, 90_010, symbol=1, after=SECOND)
    pair.submit(OPEN, BUY, 1)
    assert pair.settle() == []
    assert pair.tick(90_000, 90_010, symbol=1, after=SECOND) == []
    assert only(pair.tick(112_100, 112_110, after=SECOND)).price == 112_110


def test_a_bar_that_holds_both_stops_is_counted_once() -> None:
    """SL and TP of a position that one of them closes, both inside the bar: the bar is ambiguous; one of them: not."""
    pair = begun()
    pair.order(OPEN, BUY, 1, sl=111_900, tp=112_100)
    pair.order(OPEN, BUY, 1, sl=111_900, tp=112_100)
    pair.venue.bar(0, (111_850, 111_860), (112_050, 112_060))
    pair.tick(111_950, 111_960)
    assert pair.venue.ambiguous == 0
    pair.venue.bar(0, (111_850, 111_860), (112_150, 112_160))
    pair.tick(111_850, 111_860, continuous=True)
    assert pair.venue.ambiguous == 1
