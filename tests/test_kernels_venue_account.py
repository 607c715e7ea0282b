"""Money and volume at the venue: a test for each rule of docs/fills.md. Every step also goes to the model."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from venue_pair import EURUSD, Pair
from venue_terms import Terms

from kernels.venue_rows import Cause, Entry, OrderKind, Outcome, OutcomeKind, Side, Why

BUY, SELL = Side.BUY, Side.SELL
OPEN, CLOSE, CLOSE_BY = OrderKind.OPEN, OrderKind.CLOSE, OrderKind.CLOSE_BY
SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
FREE = replace(EURUSD, commission=Fraction(0))
SWAPPED = replace(FREE, swap_mode="points", swap_long=Fraction("-7.2"), swap_short=Fraction("3.1"))
USDJPY = Terms(digits=3, contract=Fraction(100_000), step=Fraction(1, 100), profit_rate=("inverse", 0))


def begun(terms: Terms = FREE, bid: int = 112_000, ask: int = 112_010, **options: Any) -> Pair:
    """A venue that has seen one quote."""
    pair = Pair([terms], **options)
    pair.tick(bid, ask)
    return pair


def swaps(rows: list[Outcome]) -> list[int]:
    """What was booked as swap."""
    return [row.swap for row in rows if row.kind == OutcomeKind.SWAP]


def test_commission_books_with_each_deal() -> None:
    """A deal costs the commission of its lots, on opening and on closing; equity is net of the one still due."""
    pair = begun(EURUSD)
    (row,) = pair.order(OPEN, BUY, 10)
    assert (row.commission, row.balance) == (-35, 999_965)
    worth = pair.venue.worth()
    assert worth is not None
    assert worth.floating == -100 - 35
    (row,) = pair.order(CLOSE, SELL, 10, ticket=1)
    assert (row.profit, row.commission, row.balance) == (-100, -35, 999_830)


def test_money_is_rounded_half_away_from_zero_once_a_booking() -> None:
    """7 points on a step worth half a minor unit are 3.5 minor units: 4, and -4 the other way."""
    half = replace(FREE, contract=Fraction(50_000))
    pair = begun(half, 112_000, 112_000)
    pair.order(OPEN, BUY, 1)
    pair.order(OPEN, SELL, 1)
    pair.tick(112_007, 112_007)
    assert [row.profit for row in pair.order(CLOSE, SELL, 1, ticket=1)] == [4]
    assert [row.profit for row in pair.order(CLOSE, BUY, 1, ticket=2)] == [-4]


def test_a_partial_close_takes_its_share() -> None:
    """Closing 3 of 10 steps books the profit of 3, leaves 7, and shares swap and the opening commission pro rata."""
    pair = begun(replace(SWAPPED, commission=Fraction(7, 2)))
    pair.order(OPEN, BUY, 10)
    pair.tick(112_100, 112_110, after=DAY)
    (row,) = pair.order(CLOSE, SELL, 3, ticket=1)
    assert (row.profit, row.swap, row.commission) == (270, -22, -11)
    left = pair.venue.positions()[0]
    assert (left.volume, left.swap, left.commission) == (7, -50, -24)


@pytest.mark.parametrize(
    ("days", "booked"),
    [(1, [-72]), (2, [-144]), (4, [-144]), (5, [-216]), (7, [-504])],
)
def test_swap_is_booked_for_each_server_midnight_on_the_first_tick_after(days: int, booked: list[int]) -> None:
    """One night after Monday to Friday, three on Wednesday, none after Saturday and Sunday: from a Thursday on."""
    pair = begun(SWAPPED)
    pair.order(OPEN, BUY, 10)
    assert swaps(pair.tick(112_000, 112_010, after=days * DAY)) == booked


def test_swap_goes_by_server_midnight() -> None:
    """The server's midnight is 22:00 UTC in winter: nothing one microsecond before, a night at it, and only once."""
    pair = begun(SWAPPED)
    pair.order(OPEN, SELL, 10)
    assert swaps(pair.tick(112_000, 112_010, after=22 * HOUR - 1)) == []
    assert swaps(pair.tick(112_000, 112_010, after=1)) == [31]
    assert swaps(pair.tick(112_000, 112_010, after=HOUR)) == []


def test_swap_is_realised_on_closing_and_counts_in_equity_before() -> None:
    """Booked swap changes the position, not the balance; the close books it."""
    pair = begun(SWAPPED)
    pair.order(OPEN, BUY, 10)
    pair.tick(112_010, 112_020, after=DAY)
    worth = pair.venue.worth()
    assert worth is not None
    assert (worth.balance, worth.equity) == (1_000_000, 1_000_000 - 72)
    (row,) = pair.order(CLOSE, SELL, 10, ticket=1)
    assert (row.swap, row.balance) == (-72, 1_000_000 - 72)


def test_midnight_comes_before_orders_on_the_same_tick() -> None:
    """What opens on the first tick of a day pays no swap for the night before; what closes on it does."""
    pair = begun(SWAPPED, latency_us=DAY)
    pair.submit(OPEN, BUY, 10)
    rows = pair.tick(112_000, 112_010, after=DAY)
    assert swaps(rows) == []
    pair.submit(CLOSE, SELL, 10, ticket=1)
    assert [row.swap for row in pair.tick(112_000, 112_010, after=DAY)] == [-72, -72]


@pytest.mark.parametrize(
    ("mode", "long", "booked"), [("money", Fraction("-1.5"), -15), ("percent", Fraction(-36), -1120)]
)
def test_swap_in_money_and_percent(mode: str, long: Fraction, booked: int) -> None:
    """Money is a lot and night in the account's currency; percent a year of 360 days, of the price at the booking."""
    pair = begun(replace(FREE, swap_mode=mode, swap_long=long))
    pair.order(OPEN, BUY, 10)
    assert swaps(pair.tick(112_000, 112_010, after=DAY)) == [booked]


def test_no_swap_is_booked_where_the_account_has_none() -> None:
    """`swap=False` books nothing."""
    pair = begun(SWAPPED, swap=False)
    pair.order(OPEN, BUY, 10)
    assert pair.tick(112_000, 112_010, after=DAY) == []


def test_gains_are_converted_at_the_worse_side_and_losses_at_the_dearer() -> None:
    """A gain in JPY is divided by USDJPY's ask, a loss by its bid."""
    pair = begun(USDJPY, 100_000, 101_000, deposit=100_000_000)
    pair.order(OPEN, BUY, 100)
    (row,) = pair.order(CLOSE, SELL, 100, ticket=1)
    assert row.profit == -100_000
    pair.order(OPEN, BUY, 100)
    pair.tick(102_000, 103_000)
    (row,) = pair.order(CLOSE, SELL, 100, ticket=3)
    assert row.profit == 97_087


def test_without_a_rate_nothing_opens_and_sl_waits() -> None:
    """No rate: opening and closing are refused, the account's worth is not known, an SL closes once there is one."""
    pair = begun()
    pair.order(OPEN, BUY, 1, sl=111_900)
    pair.give_rate(0, None)
    assert [row.why for row in pair.order(OPEN, BUY, 1)] == [Why.NO_RATE]
    assert [row.why for row in pair.order(CLOSE, SELL, 1, ticket=1)] == [Why.NO_RATE]
    assert pair.venue.worth() is None
    assert pair.venue.floating(1) is None
    assert pair.tick(111_800, 111_810) == []
    pair.give_rate(0, (Fraction(1), Fraction(1)))
    assert [row.cause for row in pair.tick(111_800, 111_810)] == [Cause.SL]


def test_swap_waits_for_a_rate() -> None:
    """A midnight passed without a rate is booked at the first tick that has one, at that rate."""
    pair = begun(SWAPPED)
    pair.order(OPEN, BUY, 10)
    pair.give_rate(0, None)
    assert pair.tick(112_000, 112_010, after=DAY) == []
    pair.give_rate(0, (Fraction(1), Fraction(2)))
    assert swaps(pair.tick(112_000, 112_010, after=HOUR)) == [-144]


def test_close_by_has_no_spread_and_no_commission() -> None:
    """Two opposite positions close at the second one's open: the first books what lies between, the second nothing."""
    pair = begun(EURUSD)
    pair.order(OPEN, BUY, 10)
    pair.order(OPEN, SELL, 4)
    rows = pair.order(CLOSE_BY, ticket=1, ticket_by=2)
    assert [(row.ticket, row.ticket_by, row.volume, row.price, row.profit, row.commission) for row in rows] == [
        (1, 2, 4, 112_000, -40, 0),
        (2, 1, 4, 112_000, 0, 0),
    ]
    assert [(row.ticket, row.volume) for row in pair.venue.positions()] == [(1, 6)]


def test_close_by_needs_two_opposite_positions_and_permission() -> None:
    """Equal sides, a position that is gone, more than both have, and a venue that does not permit it: rejected."""
    pair = begun()
    for side in (BUY, BUY, SELL):
        pair.order(OPEN, side, 5)
    assert [row.why for row in pair.order(CLOSE_BY, ticket=1, ticket_by=2)] == [Why.SIDE]
    assert [row.why for row in pair.order(CLOSE_BY, ticket=1, ticket_by=9)] == [Why.POSITION_CLOSED]
    assert [row.why for row in pair.order(CLOSE_BY, BUY, 6, ticket=1, ticket_by=3)] == [Why.VOLUME]
    strict = begun(close_by=False)
    strict.order(OPEN, BUY, 1)
    strict.order(OPEN, SELL, 1)
    assert [row.why for row in strict.order(CLOSE_BY, ticket=1, ticket_by=2)] == [Why.NOT_PERMITTED]


def test_a_netting_account_has_one_position_a_symbol_at_the_average() -> None:
    """More of the same side: one position, its price the average rounded to the point, its profit exact."""
    pair = begun(netting=True)
    pair.order(OPEN, BUY, 1)
    pair.tick(112_001, 112_011)
    pair.order(OPEN, BUY, 2, sl=111_000)
    (held,) = pair.venue.positions()
    assert (held.volume, held.price, held.value, held.sl) == (3, 112_011, 336_032, 111_000)
    assert [row.profit for row in pair.order(CLOSE, SELL, 3, ticket=1)] == [-29]


def test_on_a_netting_account_an_opposite_order_reduces_and_turns() -> None:
    """Less closes a part; more closes all and opens the rest as a new position."""
    pair = begun(netting=True)
    pair.order(OPEN, BUY, 5)
    (row,) = pair.order(OPEN, SELL, 2)
    assert (row.entry, row.volume, row.left) == (Entry.OUT, 2, 0)
    rows = pair.order(OPEN, SELL, 10)
    assert [(row.entry, row.volume, row.left) for row in rows] == [(Entry.OUT, 3, 7), (Entry.IN, 7, 0)]
    (held,) = pair.venue.positions()
    assert (held.side, held.volume, held.ticket) == (SELL, 7, rows[1].ticket)


def test_a_hedging_account_keeps_both_sides() -> None:
    """An opposite order opens a position of its own."""
    pair = begun()
    pair.order(OPEN, BUY, 5)
    pair.order(OPEN, SELL, 2)
    assert [(row.side, row.volume) for row in pair.venue.positions()] == [(BUY, 5), (SELL, 2)]
