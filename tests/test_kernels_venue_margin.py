"""Margin and stop-out at the venue: a test for each rule of docs/fills.md. Every step also goes to the model."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from venue_pair import EURUSD, Pair
from venue_terms import Terms

from kernels.venue_rows import Cause, OrderKind, OutcomeKind, Side, Why

BUY, SELL = Side.BUY, Side.SELL
OPEN = OrderKind.OPEN
SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
FREE = replace(EURUSD, commission=Fraction(0))
SWAPPED = replace(FREE, swap_mode="points", swap_long=Fraction("-7.2"), swap_short=Fraction("3.1"))
GOLD = Terms(
    digits=2,
    contract=Fraction(100),
    step=Fraction(1, 100),
    margin_mode="cfd",
    margin_hedged=Fraction(50),
    leverage=20,
)


def begun(terms: Terms = FREE, bid: int = 112_000, ask: int = 112_010, **options: Any) -> Pair:
    """A venue that has seen one quote."""
    pair = Pair([terms], **options)
    pair.tick(bid, ask)
    return pair


def margin_of(pair: Pair) -> int:
    """The margin now."""
    worth = pair.venue.worth()
    assert worth is not None
    return worth.margin


def test_forex_margin_is_lots_by_contract_by_leverage_in_the_margin_currency() -> None:
    """0.1 lot of EURUSD at 1:100 binds 100 EUR, at the dearer side, the ask."""
    pair = begun()
    pair.order(OPEN, BUY, 10)
    assert margin_of(pair) == 11_201


def test_cfd_margin_takes_the_open_price() -> None:
    """Gold: 0.1 lot of 100 ounces opened at 1520.30, at 1:20, whatever the price is now."""
    pair = begun(GOLD, 152_000, 152_030)
    pair.order(OPEN, BUY, 10)
    pair.tick(150_000, 150_030)
    assert margin_of(pair) == 76_015


def test_covered_volume_is_charged_with_margin_hedged() -> None:
    """30 bought, 10 sold: 20 uncovered at the buys' average, 10 covered at the average of all, half the contract."""
    pair = begun(GOLD, 152_000, 152_030, deposit=10_000_000)
    pair.order(OPEN, BUY, 30)
    pair.order(OPEN, SELL, 10)
    uncovered = Fraction(20, 100) * 100 * Fraction("1520.30") / 20 * 100
    covered = Fraction(10, 100) * 50 * (30 * Fraction("1520.30") + 10 * Fraction(1520)) / 40 / 20 * 100
    assert margin_of(pair) == round(uncovered) + round(covered)


def test_with_use_leg_only_the_larger_side_is_charged() -> None:
    """margin_hedged_use_leg: 30 bought and 10 sold bind what 30 do."""
    pair = begun(replace(GOLD, use_leg=True), 152_000, 152_030, deposit=10_000_000)
    pair.order(OPEN, BUY, 30)
    alone = margin_of(pair)
    pair.order(OPEN, SELL, 10)
    assert margin_of(pair) == alone


def test_an_order_that_leaves_no_free_margin_is_refused_and_a_hedge_is_not() -> None:
    """Free margin below 0 refuses an opening, unless the margin does not grow by it."""
    pair = begun(deposit=113_200)
    assert [row.why for row in pair.order(OPEN, BUY, 101)] == [Why.NO_MONEY]
    pair.order(OPEN, BUY, 100)
    pair.tick(111_900, 111_910)
    assert [row.why for row in pair.order(OPEN, BUY, 1)] == [Why.NO_MONEY]
    assert [row.kind for row in pair.order(OPEN, SELL, 100)] == [OutcomeKind.DEAL]


def test_stop_out_deletes_pending_orders_and_closes_the_largest_loss_until_the_level_holds() -> None:
    """Level <= stop-out: first the pending orders go, then the worst position, and what then stands may stay."""
    pair = begun(deposit=150_000)
    pair.order(OPEN, BUY, 20)
    pair.order(OPEN, BUY, 80)
    pair.order(OrderKind.LIMIT, BUY, 1, price=100_000)
    rows = pair.tick(111_055, 111_065)
    assert [(row.kind, row.cause, row.ticket) for row in rows] == [
        (OutcomeKind.CANCEL, Cause.STOP_OUT, 3),
        (OutcomeKind.DEAL, Cause.STOP_OUT, 2),
    ]
    assert pair.venue.stop_outs == 1


def test_stop_out_is_inclusive_and_takes_the_lowest_ticket_of_equals() -> None:
    """At exactly the level a position is closed; of two equal losses the older ticket."""
    fixed = replace(FREE, margin_rate=("given", 0))
    pair = begun(fixed, 112_010, 112_010, deposit=100_000)
    pair.order(OPEN, BUY, 50)
    pair.order(OPEN, BUY, 50)
    assert pair.tick(111_511, 111_521) == []
    rows = pair.tick(111_510, 111_520)
    assert [(row.ticket, row.cause) for row in rows] == [(1, Cause.STOP_OUT)]


def test_the_largest_loss_includes_swap() -> None:
    """Of two equal positions the one that a night's swap was paid to stays: the other one's loss is larger."""
    pair = begun(replace(SWAPPED, swap_long=Fraction(50)), deposit=140_000)
    pair.order(OPEN, BUY, 40)
    pair.tick(112_000, 112_010, after=DAY)
    pair.order(OPEN, BUY, 40)
    rows = pair.tick(110_700, 110_710, after=HOUR)
    assert [row.ticket for row in rows] == [2]


def test_stop_out_comes_at_the_first_tick_of_a_slow_slide() -> None:
    """Point by point down with a hedge beside it: the venue closes at the very tick at which the plain model does."""
    pair = begun(EURUSD, deposit=150_000)
    pair.order(OPEN, BUY, 90)
    pair.order(OPEN, SELL, 7)
    bid = 112_000
    while not pair.venue.stop_outs:
        bid -= 1
        pair.tick(bid, bid + 10)
    assert bid == 110_790


def test_another_rate_can_stop_out_at_the_same_quote() -> None:
    """A loss at a dearer rate: the next tick, though the quote is the old one, finds the level reached."""
    pair = begun(deposit=130_000)
    pair.order(OPEN, BUY, 100)
    pair.tick(111_500, 111_510)
    pair.give_rate(0, (Fraction(1), Fraction("1.6")))
    assert [row.cause for row in pair.tick(111_500, 111_510)] == [Cause.STOP_OUT]


def test_without_margin_an_equity_below_0_stops_out() -> None:
    """Fully covered positions that bind nothing are closed when the equity is below 0."""
    pair = begun(replace(FREE, margin_hedged=Fraction(0)), deposit=2_000, stop_out=0)
    pair.order(OPEN, BUY, 1)
    pair.order(OPEN, SELL, 1)
    assert pair.tick(112_000, 113_990) == []
    rows = pair.tick(112_000, 113_991)
    assert [(row.ticket, row.cause) for row in rows] == [(2, Cause.STOP_OUT), (1, Cause.STOP_OUT)]
