"""Money and volume at the venue: a test for each rule of docs/fills.md. Every step also goes to the model."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from venue_pair import EURUSD, START, Pair
from venue_terms import Terms

from kernels.contract import Symbol
from kernels.errors import InputError, KernelError, OptionError, UnsortedError
from kernels.market import account
from kernels.venue import Venue
from kernels.venue_rows import Cause, Entry, Order, OrderKind, Outcome, OutcomeKind, Pending, Position, Side, Why

BUY, SELL = Side.BUY, Side.SELL
OPEN, CLOSE, CLOSE_BY = OrderKind.OPEN, OrderKind.CLOSE, OrderKind.CLOSE_BY
SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
FREE = replace(EURUSD, commission=Fraction(0))
SWAPPED = replace(FREE, swap_mode="points", swap_long=Fraction("-7.2"), swap_short=Fraction("3.1"))
USDJPY = Terms(digits=3, contract=Fraction(100_000), step=Fraction(1, 100), profit_rate=("inverse", 0))
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


def test_without_margin_an_equity_below_0_stops_out() -> None:
    """Fully covered positions that bind nothing are closed when the equity is below 0."""
    pair = begun(replace(FREE, margin_hedged=Fraction(0)), deposit=2_000, stop_out=0)
    pair.order(OPEN, BUY, 1)
    pair.order(OPEN, SELL, 1)
    assert pair.tick(112_000, 113_990) == []
    rows = pair.tick(112_000, 113_991)
    assert [(row.ticket, row.cause) for row in rows] == [(2, Cause.STOP_OUT), (1, Cause.STOP_OUT)]


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


def test_when_there_is_no_room_an_order_is_rejected() -> None:
    """A position or a pending order too many is rejected, and what is there stays."""
    pair = begun(room=1)
    pair.order(OPEN, BUY, 1)
    assert [row.why for row in pair.order(OPEN, BUY, 1)] == [Why.CAPACITY]
    pair.order(OrderKind.LIMIT, BUY, 1, price=111_000)
    assert [row.why for row in pair.order(OrderKind.LIMIT, BUY, 1, price=111_000)] == [Why.CAPACITY]


def plain() -> Venue:
    """A compiled venue alone."""
    symbol = Symbol("S", digits=5, contract_size=100_000, volume_min=0.01, volume_max=100, volume_step=0.01)
    return Venue([symbol], account(10_000), orders=2)


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    """Crossed, zero and huge prices, times that go back, unknown symbols, ids that come twice, a full queue."""
    venue = plain()
    venue.tick(0, START, 112_000, 112_010)
    venue.submit(Order(OPEN, 1, START + 1, volume=1))
    before = venue.copy()
    for bid, ask in ((112_010, 112_000), (0, 10), (1, (1 << 36) + 1)):
        with pytest.raises(InputError, match="1 <= bid <= ask"):
            venue.tick(0, START, bid, ask)
    with pytest.raises(UnsortedError):
        venue.tick(0, START - 1, 112_000, 112_010)
    with pytest.raises(OptionError):
        venue.tick(1, START, 112_000, 112_010)
    for order in (
        Order(OPEN, 1, START),
        Order(OPEN, 0, START),
        Order(OPEN, 2, START, volume=-1),
        Order(OPEN, 2, START, sl=-1),
        Order(OPEN, 2, START, symbol=1),
        Order(OPEN, 2, 1 << 62),
    ):
        with pytest.raises(OptionError):
            venue.submit(order)
    assert venue.copy() == before
    venue.submit(Order(OPEN, 2, START, volume=1))
    with pytest.raises(KernelError, match="no room"):
        venue.submit(Order(OPEN, 3, START, volume=1))


def test_a_venue_goes_on_from_rows_as_if_it_had_never_stopped() -> None:
    """Rebuilt from positions, pending orders, balance and ticket, it makes the same of the next day as the first."""
    pair = begun(SWAPPED)
    pair.order(OPEN, BUY, 10, sl=111_000)
    pair.order(OPEN, SELL, 3)
    pair.order(OrderKind.LIMIT, BUY, 1, price=111_500)
    first = pair.venue
    second = Venue(first.symbols, account(10_000), positions=256, pendings=256, orders=256)
    second.resume(
        first.balance,
        first.next_ticket,
        time=first.time,
        positions=first.positions()[::-1],
        pendings=first.pendings(),
    )
    for after, bid in ((HOUR, 112_100), (DAY, 111_400), (2 * DAY, 110_000)):
        rows = [venue.tick(0, START + after, bid, bid + 10) for venue in (first, second)]
        assert rows[0] == rows[1]
    assert first.worth() == second.worth()


def test_rows_that_cannot_be_are_refused_and_change_nothing() -> None:
    """A ticket twice, one above the next, no volume, an unknown symbol, a value that is not price x volume."""
    venue = plain()
    good = Position(3, 10, 112_000, 0, 0, 0, 0, 0, START, 18_263, 0, 1, 0, BUY)
    waits = Pending(4, 2, 10, 112_000, 0, 0, 0, START, 0, 0, BUY, OrderKind.LIMIT)
    before = venue.copy()
    for rows, pendings, ticket in (
        ([good, good], [], 9),
        ([good], [waits._replace(ticket=3)], 9),
        ([good], [], 3),
        ([good._replace(volume=0)], [], 9),
        ([good._replace(symbol=1)], [], 9),
        ([good._replace(value=5)], [], 9),
        ([good], [waits._replace(kind=OrderKind.OPEN)], 9),
    ):
        with pytest.raises(OptionError):
            venue.resume(1_000_000, ticket, time=START, positions=rows, pendings=pendings)
        assert venue.copy() == before
    with pytest.raises(OptionError):
        venue.restore(b"not a copy")


def test_an_amount_that_does_not_fit_ends_the_venue_until_a_copy_is_put_back() -> None:
    """Beyond 2^48 minor units nothing more is computed: no wrong number comes out."""
    huge = Symbol("S", digits=0, contract_size=10**9, volume_min=1, volume_max=1000, volume_step=1, leverage=10**9)
    venue = Venue([huge], account(2_000_000_000_000))
    venue.tick(0, START, 1, 1)
    venue.submit(Order(OPEN, 1, START, volume=1000))
    venue.settle()
    before = venue.copy()
    with pytest.raises(KernelError, match="beyond 2"):
        venue.tick(0, START, 10_000_000, 10_000_000)
    with pytest.raises(KernelError, match="beyond 2"):
        venue.tick(0, START, 1, 1)
    venue.restore(before)
    assert venue.tick(0, START, 1, 1) == []


def test_a_deposit_moves_the_balance_alone() -> None:
    """Money that comes or goes is no deal."""
    pair = begun()
    pair.venue.deposit(-400)
    assert pair.venue.balance == 999_600
