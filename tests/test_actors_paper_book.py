"""The paper venue's book and its arithmetic."""

import random
import sqlite3
from copy import deepcopy
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from harness import SPEC
from hypothesis import given
from hypothesis import strategies as st
from orderfloor import terms

from actors.database import DatabaseError, SyncDatabase, connect
from actors.paper_account import Position, Valuation, margin, profit, value
from actors.paper_book import BookDeal, BookOrder, Entry, PaperState, apply, load, revert, statements
from actors.valuation import (
    LOT,
    Market,
    Quote,
    commission,
    convert,
    exact,
    minor_units,
    points,
    quote_of,
)
from schemas.market import SymbolSpec, Tick
from schemas.order import Side, VenueReport


def spec(symbol: str, digits: int = 5, *, contract: float = 100_000.0, cfd: bool = False) -> SymbolSpec:
    """A pair by its name; a CFD has its margin in the profit currency."""
    return msgspec.structs.replace(
        SPEC,
        symbol=symbol,
        digits=digits,
        contract_size=contract,
        currency_base=symbol[:3],
        currency_profit=symbol[3:],
        currency_margin=symbol[3:] if cfd else symbol[:3],
        margin_mode="cfd" if cfd else "forex",
    )


def market(*quoted: tuple[SymbolSpec, int, int]) -> Market:
    """Specifications with bid and ask in points."""
    return Market(
        {one.symbol: one for one, _, _ in quoted},
        {one.symbol: Quote(bid, ask, 1, 1) for one, bid, ask in quoted},
    )


def position(symbol: str, side: Side, volume: float, price: int, digits: int = 5, ticket: int = 1) -> Position:
    """Opened at `price` points."""
    return Position(ticket, symbol, side, round(volume * LOT), price, digits, 1, "s1", "test")


EURUSD, USDJPY, GBPUSD = spec("EURUSD"), spec("USDJPY", 3), spec("GBPUSD")


# ---- arithmetic


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        ("0.005", 1),
        ("-0.005", -1),
        ("0.0049999", 0),
        ("1.115", 112),
        ("-1.115", -112),
        ("2.675", 268),
        ("0", 0),
        ("1/3", 33),
    ],
)
def test_money_is_rounded_half_away_from_zero(amount: str, minor: int) -> None:
    """Exactly: 2.675 is not a little less, as it is in binary."""
    assert minor_units(Fraction(amount)) == minor


@given(st.fractions(min_value=-(10**9), max_value=10**9))
def test_rounding_is_symmetric_and_never_off_by_more_than_half(amount: Fraction) -> None:
    """Gains and losses are treated alike."""
    assert minor_units(-amount) == -minor_units(amount)
    assert abs(Fraction(minor_units(amount), 100) - amount) <= Fraction(1, 200)


def test_a_number_is_taken_as_it_was_written() -> None:
    """0.1 is a tenth."""
    assert exact(0.1) == Fraction(1, 10)
    assert exact(100_000.0) == 100_000
    assert exact(1e-7) == Fraction(1, 10**7)


@pytest.mark.parametrize(
    ("price", "digits", "whole"),
    [
        (1.10002, 5, 110_002),
        (1.100021, 5, None),
        (109.123, 3, 109_123),
        (67_000.01, 2, 6_700_001),
        (1.1000200001, 5, 110_002),
    ],
)
def test_a_price_is_a_whole_number_of_points_or_none(price: float, digits: int, whole: int | None) -> None:
    """A thousandth of a point of dust is allowed."""
    assert points(price, digits) == whole


@given(st.integers(min_value=1, max_value=10**8), st.integers(min_value=0, max_value=5))
def test_every_price_on_the_grid_is_read_back_exactly(whole: int, digits: int) -> None:
    """From points to the number that travels and back."""
    assert points(whole / 10**digits, digits) == whole


@pytest.mark.parametrize(("bid", "ask"), [(1.1, 1.0999), (0.0, 1.1), (-1.0, 1.1), (1.100001, 1.1001), (1.1, 1.100101)])
def test_a_quote_that_cannot_be_is_none(bid: float, ask: float) -> None:
    """Crossed, not positive, off the grid."""
    assert quote_of(Tick(venue="paper", symbol="EURUSD", at=1, bid=bid, ask=ask), EURUSD, 2) is None


def test_profit_is_points_times_volume_times_contract() -> None:
    """0.1 lots of EURUSD: 10 points are 1 dollar, either way."""
    here = market((EURUSD, 110_000, 110_010))
    assert profit(position("EURUSD", "buy", 0.1, 110_000), 10_000_000, 110_010, "USD", here) == 100
    assert profit(position("EURUSD", "sell", 0.1, 110_000), 10_000_000, 110_010, "USD", here) == -100
    assert profit(position("EURUSD", "buy", 0.1, 110_000), 5_000_000, 110_010, "USD", here) == 50


def test_a_gain_is_converted_at_the_worse_side_and_a_loss_at_the_dearer() -> None:
    """1,000 yen at 100.000 / 125.000 yen a dollar: a gain is 8 dollars, a loss costs 10."""
    here = market((USDJPY, 100_000, 125_000))
    bought = position("USDJPY", "buy", 0.01, 110_000, 3)
    assert profit(bought, bought.volume, 111_000, "USD", here) == 800
    assert profit(bought, bought.volume, 109_000, "USD", here) == -1_000


def test_a_direct_pair_is_preferred_to_its_inverse() -> None:
    """Pounds to dollars by GBPUSD at bid for a gain, at ask for a loss."""
    here = market((spec("EURGBP"), 85_000, 85_010), (GBPUSD, 120_000, 130_000), (spec("USDGBP"), 1, 2))
    assert convert(Fraction(100), "GBP", "USD", here) == 120
    assert convert(Fraction(-100), "GBP", "USD", here) == -130
    assert convert(Fraction(0), "XXX", "USD", here) == 0
    assert convert(Fraction(5), "USD", "USD", Market()) == 5


def test_without_a_rate_there_is_no_amount() -> None:
    """Neither pair nor inverse has a quote."""
    here = market((USDJPY, 100_000, 100_010))
    here.specs["EURUSD"] = EURUSD
    assert convert(Fraction(1), "EUR", "USD", here) is None
    bought = position("USDJPY", "buy", 0.01, 110_000, 3)
    assert profit(bought, bought.volume, 111_000, "CHF", here) is None
    assert margin(bought, "CHF", 100, here) is None
    assert value({1: bought}, "CHF", 100, 0.0, here) is None


def test_margin_of_a_pair_and_of_a_cfd() -> None:
    """0.1 x 100,000 EUR / 100 at the ask; 0.5 x 100 ounces x 1,500.00 / 100."""
    gold = spec("XAUUSD", 2, contract=100.0, cfd=True)
    here = market((EURUSD, 110_000, 111_000), (gold, 150_000, 150_050))
    assert margin(position("EURUSD", "buy", 0.1, 110_000), "USD", 100, here) == 11_100
    assert margin(position("XAUUSD", "buy", 0.5, 150_000, 2), "USD", 100, here) == 75_000


def test_commission_is_rounded_for_each_deal() -> None:
    """3.5 a lot and side: 0.01 lots cost 0.035, that is 0.04."""
    assert commission(1_000_000, 3.5) == -4
    assert commission(10_000_000, 0.0) == 0


def test_all_positions_are_valued_by_the_side_where_they_would_close() -> None:
    """BUY at bid, SELL at ask, each rounded by itself, closing commission included."""
    here = market((EURUSD, 110_000, 110_010))
    held = {
        1: position("EURUSD", "buy", 0.1, 109_990),
        2: position("EURUSD", "sell", 0.1, 109_990, ticket=2),
    }
    worth = value(held, "USD", 100, 3.5, here)
    assert worth == Valuation(100 - 200 - 35 - 35, 2 * 11_001)
    assert value({**held, 3: position("GBPUSD", "buy", 0.1, 1, ticket=3)}, "USD", 100, 0.0, here) is None
    assert value({}, "USD", 100, 0.0, Market()) == Valuation(0, 0)


# ---- the book


def fill(state: PaperState, order: str, *, closes: int = 0, volume: int = 10_000_000, left: int = 0) -> Entry:
    """The entry of an order that opens or closes a position."""
    ticket = state.next_ticket
    deal = BookDeal(
        ticket=ticket,
        position=closes or ticket,
        entry="out" if closes else "in",
        symbol="EURUSD",
        side="sell" if closes else "buy",
        volume=volume,
        price=110_000,
        digits=5,
        at=9,
        profit=123 if closes else 0,
        commission=-35,
    )
    report = VenueReport(
        report=f"g-1-{state.issued + 1}", account="paper", session="s1", order=order, kind="fill", deal=deal.wire()
    )
    size = left if closes else volume
    return Entry(
        owner=1,
        orders=len(state.orders),
        router_epoch=5,
        guard_epoch=2,
        next_ticket=ticket + 1,
        id=order,
        order=BookOrder("filled", "", (report,)),
        terms=terms(order),
        at=7,
        deal=deal,
        position=Position(closes or ticket, "EURUSD", "buy", size, 110_000, 5, 9, "s1", "test"),
        report=report,
        marks=tuple(state.marks),
    )


def refuse(state: PaperState, order: str) -> Entry:
    """The entry of an order that is refused."""
    record = BookOrder("refused", "no money")
    return Entry(
        owner=1,
        orders=len(state.orders),
        router_epoch=5,
        guard_epoch=2,
        next_ticket=state.next_ticket,
        id=order,
        order=record,
        at=7,
    )


class Book:
    """A file and the state in memory, changed together."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect(path, durable=True)
        self.state = load(self.connection)
        self.errors: list[str] = []
        self._database = SyncDatabase(self.connection, lambda call: call())

    def write(self, entry: Entry) -> str:
        """Both; "" or why the file refused."""
        apply(self.state, entry)
        self._database.run(statements(entry), self.errors.append)
        return self.errors[-1]

    def again(self) -> PaperState:
        """What another process finds."""
        other = connect(self.path, durable=True)
        try:
            return load(other)
        finally:
            other.close()


def durable(state: PaperState) -> tuple[object, ...]:
    """The part of the state that the file keeps."""
    return (
        state.router_epoch,
        state.guard_epoch,
        state.next_ticket,
        state.booked,
        state.orders,
        state.positions,
        state.outbox,
        state.counts,
    )


def test_a_new_file_is_an_empty_book(tmp_path: Path) -> None:
    """Tickets begin at 1."""
    assert Book(tmp_path / "book.sqlite").state == PaperState()


def test_the_file_gives_back_what_was_written(tmp_path: Path) -> None:
    """Opening, refusing, closing in part, marking a report, closing the rest."""
    book = Book(tmp_path / "book.sqlite")
    assert book.write(fill(book.state, "a")) == ""
    assert book.write(refuse(book.state, "b")) == ""
    assert book.write(fill(book.state, "c", closes=1, volume=4_000_000, left=6_000_000)) == ""
    assert durable(book.again()) == durable(book.state)
    del book.state.outbox["g-1-1"]
    book.state.marks.append("g-1-1")
    assert book.write(fill(book.state, "d", closes=1, volume=6_000_000)) == ""
    assert book.state.marks == []
    assert durable(book.again()) == durable(book.state)
    assert list(book.again().outbox) == ["g-1-2", "g-1-3"]
    assert book.again().positions == {}
    assert book.again().booked == 3 * -35 + 2 * 123


def test_old_reports_stay_in_the_file(tmp_path: Path) -> None:
    """Their orders are known all the same, and what the stream does not have is sent however old it is."""
    book = Book(tmp_path / "book.sqlite")
    for order in "abcd":
        book.write(fill(book.state, order))
    book.state.marks.append("g-1-2")
    book.write(msgspec.structs.replace(refuse(book.state, "e"), marks=("g-1-2",)))
    state = load(book.connection, keep=1)
    assert {order: len(record.reports) for order, record in state.orders.items()} == {
        "a": 1,
        "b": 0,
        "c": 1,
        "d": 1,
        "e": 0,
    }
    assert state.orders["b"].state == "filled"
    assert list(state.outbox) == ["g-1-1", "g-1-3", "g-1-4"]
    assert state.counts == {"s1": 4}


def test_the_file_can_be_read_by_people(tmp_path: Path) -> None:
    """Volumes in 10^-8 lots, prices in points, money in hundredths."""
    book = Book(tmp_path / "book.sqlite")
    book.write(fill(book.state, "a"))
    deal = book.connection.execute(
        "SELECT ticket, order_id, position, entry, symbol, side, volume, price, digits, at, profit, commission, swap"
        " FROM deals"
    ).fetchone()
    assert deal == (1, "a", 1, "in", "EURUSD", "buy", 10_000_000, 110_000, 5, 9, 0, -35, 0)
    order = book.connection.execute("SELECT id, ticket, session, state, reason, at FROM orders").fetchone()
    assert order == ("a", 1, "s1", "filled", "", 7)


@pytest.mark.parametrize("table", ["orders", "reports"])
def test_the_file_itself_refuses_an_id_twice(tmp_path: Path, table: str) -> None:
    """Whatever memory says: the whole transaction fails, nothing of it is there."""
    book = Book(tmp_path / "book.sqlite")
    book.write(fill(book.state, "a"))
    book.state.orders.clear()
    if table == "reports":
        book.state.issued = 0
    before = durable(book.again())
    entry = fill(book.state, "a" if table == "orders" else "z")
    error = book.write(msgspec.structs.replace(entry, orders=1))
    assert f"UNIQUE constraint failed: {table}." in error
    assert durable(book.again()) == before


def test_of_two_processes_only_one_can_go_on_writing(tmp_path: Path) -> None:
    """Whoever writes an order first. The other one's next transaction fails, whatever is in it, so it starts again."""
    frozen, fresh = Book(tmp_path / "book.sqlite"), Book(tmp_path / "book.sqlite")
    assert fresh.write(refuse(fresh.state, "a")) == ""
    assert "NOT NULL constraint failed: counters.value" in frozen.write(refuse(frozen.state, "b"))
    assert durable(fresh.again()) == durable(fresh.state)
    frozen = Book(tmp_path / "book.sqlite")
    assert frozen.write(fill(frozen.state, "b")) == ""
    assert "NOT NULL" in fresh.write(fill(fresh.state, "c"))
    assert list(frozen.again().orders) == ["a", "b"]


def test_the_younger_gateways_claim_ends_the_older_one(tmp_path: Path) -> None:
    """Its first transaction, at its start, changes nothing but the owner."""
    frozen, fresh = Book(tmp_path / "book.sqlite"), Book(tmp_path / "book.sqlite")
    claim = Entry(owner=2, orders=0, router_epoch=0, guard_epoch=0, next_ticket=1)
    assert frozen.write(msgspec.structs.replace(claim, owner=1)) == ""
    assert fresh.write(claim) == ""
    assert fresh.write(claim) == ""
    assert "NOT NULL" in frozen.write(msgspec.structs.replace(claim, owner=1))


def test_a_kill_in_the_middle_of_a_transaction_leaves_nothing_of_it(tmp_path: Path) -> None:
    """Order, deal, position and report are there together or not at all."""
    book = Book(tmp_path / "book.sqlite")
    book.write(fill(book.state, "a"))
    before = durable(book.again())
    book.connection.execute("BEGIN IMMEDIATE")
    for sql, values in statements(fill(book.state, "b"))[:-1]:
        book.connection.execute(sql, values)
    book.connection.close()
    assert durable(book.again()) == before


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """Rather than read wrongly."""
    path = tmp_path / "book.sqlite"
    book = Book(path)
    book.connection.execute("INSERT INTO _migrations (name, applied_at) VALUES ('999_future', 0)")
    with pytest.raises(DatabaseError, match="999_future"):
        load(book.connection)


def test_writing_waits_for_the_disk(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: a commit that returned survives a power failure."""
    book = Book(tmp_path / "book.sqlite")
    assert book.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert book.connection.execute("PRAGMA synchronous").fetchone()[0] == 2


@pytest.mark.parametrize("seed", range(20))
def test_taking_back_restores_everything(tmp_path: Path, seed: int) -> None:
    """After any history, apply then revert is nothing; without revert memory is what the file is."""
    chance = random.Random(seed)
    book = Book(tmp_path / "book.sqlite")
    for number in range(40):
        held = list(book.state.positions.values())
        if held and chance.random() < 0.5:
            chosen = chance.choice(held)
            size = chance.choice([chosen.volume, max(1, chosen.volume // 2)])
            entry = fill(book.state, f"o{number}", closes=chosen.ticket, volume=size, left=chosen.volume - size)
        else:
            entry = chance.choice([fill, refuse])(book.state, f"o{number}")
        before = deepcopy(book.state)
        revert(book.state, apply(book.state, entry))
        assert book.state == before
        assert book.write(entry) == ""
        if book.state.outbox and chance.random() < 0.5:
            report = next(iter(book.state.outbox))
            del book.state.outbox[report]
            book.state.marks.append(report)
    for report in book.state.marks:
        book.state.outbox[report] = next(
            one for order in book.state.orders.values() for one in order.reports if one.report == report
        )
    assert durable(book.again()) == durable(book.state)


def test_the_file_is_plain_sqlite(tmp_path: Path) -> None:
    """Any tool reads it."""
    book = Book(tmp_path / "book.sqlite")
    book.write(fill(book.state, "a"))
    plain = sqlite3.connect(book.path)
    assert plain.execute("SELECT name, value FROM counters ORDER BY name").fetchall() == [
        ("guard_epoch", 2),
        ("next_ticket", 2),
        ("owner", 1),
        ("router_epoch", 5),
    ]
    plain.close()
