"""Pending orders at the venue: a test for each rule of docs/fills.md. Every step also goes to the model."""

from dataclasses import replace
from typing import Any

import pytest
from venue_pair import EURUSD, Pair

from kernels.venue_rows import Cause, OrderKind, Outcome, OutcomeKind, Side, Why

BUY, SELL = Side.BUY, Side.SELL
OPEN, LIMIT, STOP = OrderKind.OPEN, OrderKind.LIMIT, OrderKind.STOP
SECOND = 1_000_000


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


def test_a_limit_fills_exactly_at_its_price() -> None:
    """A limit order fills at its price, also when the market jumped past it."""
    pair = begun()
    pair.order(LIMIT, BUY, 1, price=111_950)
    pair.order(LIMIT, SELL, 1, price=112_050)
    assert pair.tick(111_941, 111_951) == []
    assert only(pair.tick(111_700, 111_710)).price == 111_950
    assert only(pair.tick(112_400, 112_410)).price == 112_050


def test_a_stop_order_fills_at_the_tick_that_crosses_it() -> None:
    """A stop order fills at the quote that reaches it, so that a gap costs; BUY by ask, SELL by bid, inclusively."""
    pair = begun()
    pair.order(STOP, BUY, 1, price=112_100)
    pair.order(STOP, SELL, 1, price=111_900)
    assert pair.tick(112_095, 112_099) == []
    assert only(pair.tick(112_140, 112_150)).price == 112_150
    assert pair.tick(111_901, 111_905) == []
    assert only(pair.tick(111_900, 111_905)).price == 111_900


def test_a_pending_order_is_tested_from_the_tick_after_it_was_placed() -> None:
    """An order placed at the market stands until the next tick; so does one that was changed."""
    pair = begun(latency_us=SECOND)
    pair.submit(LIMIT, BUY, 1, price=112_010)
    assert only(pair.tick(112_000, 112_010, after=SECOND)).kind == OutcomeKind.PLACE
    assert only(pair.tick(112_000, 112_010)).cause == Cause.LIMIT


def test_pending_orders_come_before_sl_and_tp_and_each_by_ticket() -> None:
    """On one tick pending orders fill by ticket, then SL and TP close by the position's ticket."""
    pair = begun()
    pair.order(OPEN, BUY, 1, sl=111_800)
    pair.order(LIMIT, BUY, 1, price=111_850)
    pair.order(OPEN, SELL, 1, tp=111_820)
    pair.order(LIMIT, BUY, 1, price=111_900)
    rows = pair.tick(111_790, 111_800)
    assert [(row.cause, row.ticket) for row in rows] == [
        (Cause.LIMIT, 2),
        (Cause.LIMIT, 4),
        (Cause.SL, 1),
        (Cause.TP, 3),
    ]


@pytest.mark.parametrize(
    ("kind", "side", "price", "good"),
    [
        (LIMIT, BUY, 111_990, True),
        (LIMIT, BUY, 111_991, False),
        (LIMIT, SELL, 112_020, True),
        (LIMIT, SELL, 112_019, False),
        (STOP, BUY, 112_030, True),
        (STOP, BUY, 112_029, False),
        (STOP, SELL, 111_980, True),
        (STOP, SELL, 111_981, False),
        (LIMIT, BUY, 113_000, False),
        (STOP, BUY, 111_000, False),
    ],
)
def test_a_pending_price_on_the_wrong_side_or_too_near_is_rejected(
    kind: OrderKind, side: Side, price: int, good: bool
) -> None:
    """A BUY pends against ask, a SELL against bid, at least stops_level away on its side."""
    pair = Pair([replace(EURUSD, stops_level=20)])
    pair.tick(112_000, 112_010)
    rows = pair.order(kind, side, 1, price=price)
    assert (only(rows).kind == OutcomeKind.PLACE) if good else why(rows) == Why.PRICE


def test_a_pending_order_whose_stops_do_not_fit_any_more_is_rejected_at_its_fill() -> None:
    """The market jumped beyond the SL of a pending order: it is not filled, and gone."""
    pair = begun()
    pair.order(LIMIT, BUY, 1, price=111_900, sl=111_800)
    assert why(pair.tick(111_700, 111_710)) == Why.STOPS
    assert pair.venue.pendings() == []


def test_stops_can_be_changed_and_what_stays_may_be_near() -> None:
    """A modify sets SL and TP; a new one must be far enough, one that stays as it is need not; 0 takes it away."""
    pair = Pair([replace(EURUSD, stops_level=20)])
    pair.tick(112_000, 112_010)
    pair.order(OPEN, BUY, 1, sl=111_900)
    pair.tick(111_905, 111_915)
    assert why(pair.order(OrderKind.MODIFY, sl=111_901, ticket=1)) == Why.STOPS
    assert only(pair.order(OrderKind.MODIFY, sl=111_900, tp=112_500, ticket=1)).kind == OutcomeKind.MODIFY
    assert only(pair.order(OrderKind.MODIFY, ticket=1)).kind == OutcomeKind.MODIFY
    assert pair.venue.positions()[0][4:6] == (0, 0)
    assert why(pair.order(OrderKind.MODIFY, ticket=7)) == Why.POSITION_CLOSED


def test_a_pending_order_can_be_changed_and_cancelled() -> None:
    """A modify moves price and stops of a pending order, price 0 leaves it; a cancel ends it, once."""
    pair = begun()
    pair.order(LIMIT, BUY, 1, price=111_900)
    assert only(pair.order(OrderKind.MODIFY, ticket=1, price=111_800, sl=111_700)).price == 111_800
    assert only(pair.order(OrderKind.MODIFY, ticket=1)).price == 111_800
    assert why(pair.order(OrderKind.MODIFY, ticket=1, price=112_800)) == Why.PRICE
    assert only(pair.order(OrderKind.CANCEL, ticket=1)).kind == OutcomeKind.CANCEL
    assert why(pair.order(OrderKind.CANCEL, ticket=1)) == Why.NO_ORDER


def test_a_pending_orders_ticket_becomes_its_positions() -> None:
    """The position has the ticket of the pending order, the deal one of its own."""
    pair = begun()
    pair.order(LIMIT, BUY, 1, price=111_900)
    row = only(pair.tick(111_890, 111_900))
    assert (row.ticket, row.deal, row.id) == (1, 2, 1)
