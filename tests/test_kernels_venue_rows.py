"""The venue's block: what is refused, undone, and rebuilt from rows."""

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
from kernels.venue_rows import Order, OrderKind, Pending, Position, Side, Why

BUY, SELL = Side.BUY, Side.SELL
OPEN = OrderKind.OPEN
SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
FREE = replace(EURUSD, commission=Fraction(0))
SWAPPED = replace(FREE, swap_mode="points", swap_long=Fraction("-7.2"), swap_short=Fraction("3.1"))


def begun(terms: Terms = FREE, bid: int = 112_000, ask: int = 112_010, **options: Any) -> Pair:
    """A venue that has seen one quote."""
    pair = Pair([terms], **options)
    pair.tick(bid, ask)
    return pair


def plain() -> Venue:
    """A compiled venue alone."""
    symbol = Symbol("S", digits=5, contract_size=100_000, volume_min=0.01, volume_max=100, volume_step=0.01)
    return Venue([symbol], account(10_000), orders=2)


def test_when_there_is_no_room_an_order_is_rejected() -> None:
    """A position or a pending order too many is rejected, and what is there stays."""
    pair = begun(room=1)
    pair.order(OPEN, BUY, 1)
    assert [row.why for row in pair.order(OPEN, BUY, 1)] == [Why.CAPACITY]
    pair.order(OrderKind.LIMIT, BUY, 1, price=111_000)
    assert [row.why for row in pair.order(OrderKind.LIMIT, BUY, 1, price=111_000)] == [Why.CAPACITY]


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
