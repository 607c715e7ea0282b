"""The portfolio's book: realised profit is the sum of the distinct deals, positions are what a plain count says."""

from __future__ import annotations

import math

import msgspec
import pytest
from guard_desk import START, make_fill, make_terms, make_update
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.exposure import LOT
from actors.portfolio_book import FILLS_KEPT, OTHER, Book, BookState, Holding, minor
from actors.portfolio_state import AccountConfig, PortfolioConfig, PortfolioState, recover
from schemas.order import Deal, OrderState, OrderTerms, OrderUpdate, Side
from schemas.session import SessionState

ACCOUNTS = ("paper", "other")
STEP = LOT // 100
PLACES = (("paper", "ema"), ("paper", "ema-2"), ("other", "far"))


def empty() -> Book:
    """Nothing done yet."""
    return Book(BookState(), ACCOUNTS)


def with_money(fill: OrderUpdate, profit: int, commission: int = 0, swap: int = 0) -> OrderUpdate:
    """The same fill with these amounts, in minor units."""
    assert fill.deal is not None
    money = {"profit": profit / 100, "commission": commission / 100, "swap": swap / 100}
    return msgspec.structs.replace(fill, deal=msgspec.structs.replace(fill.deal, **money))


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(0.1 + 0.2, 30), (-1234.56, -123456), (0.0, 0), (math.nan, 0), (math.inf, 0), (-math.inf, 0), (1e300, 0)],
)
def test_money_becomes_whole_minor_units_and_nonsense_becomes_none(amount: float, expected: int) -> None:
    """Float dust goes away; what is no amount is 0 and never raises."""
    assert minor(amount) == expected


@given(st.integers(min_value=-(10**14), max_value=10**14))
def test_every_amount_of_money_comes_back_to_the_cent(cents: int) -> None:
    """As it travels, divided by a hundred."""
    assert minor(cents / 100) == cents


def test_a_position_has_the_mean_price_of_its_deals_and_keeps_it_when_a_part_is_closed() -> None:
    """Two fills of one order, then half of it closed: what is left, what it cost and what it has realised."""
    book, terms = empty(), make_terms(1, volume=0.04)
    first = make_fill(terms, 7, 0.01, 2, state=OrderState.PARTIALLY_FILLED)
    second = make_fill(terms, 7, 0.03, 3)
    assert second.deal is not None
    second = msgspec.structs.replace(second, deal=msgspec.structs.replace(second.deal, price=1.2))
    for fill in (with_money(first, 0, -4), with_money(second, 0, -11)):
        book.apply(fill)
    held = book.positions("paper")[7]
    assert (held.units, held.price, held.commission, held.opened_at) == (4 * STEP, 1.175, -15, START)
    book.apply(with_money(make_fill(make_terms(2, side="sell", volume=0.02, position=7), 7), 250, -7, -3))
    assert (held.units, held.price, held.commission, held.realised) == (2 * STEP, 1.175, -22, 250)
    assert book.realised("paper") == -15 + 250 - 7 - 3
    book.apply(with_money(make_fill(make_terms(3, side="sell", volume=0.02, position=7), 7, revision=9), -80))
    assert book.state.positions == {}
    assert book.realised("paper") == 145


def test_a_deal_counts_once_whoever_repeats_it_and_also_on_an_order_that_had_ended() -> None:
    """A frozen router and its successor report the fill with the same report and other revisions."""
    book, terms = empty(), make_terms(1)
    book.apply(make_update(terms, OrderState.EXPIRED))
    fill = with_money(make_fill(terms, 7), 12)
    assert book.apply(fill) == fill.deal
    for repeat in (fill, msgspec.structs.replace(fill, incarnation=9, revision=30)):
        assert book.apply(repeat) is None
    assert (book.realised("paper"), len(book.positions("paper")), len(book.state.fills)) == (12, 1, 1)


def test_a_deal_that_closes_what_is_not_known_is_realised_and_counted_as_a_stray() -> None:
    """Its money is in the account, whatever the position was."""
    book = empty()
    book.apply(with_money(make_fill(make_terms(1, position=7), 7), 55))
    assert (book.realised("paper"), book.strays, book.state.positions) == (55, 1, {})


def test_an_account_that_is_not_in_the_settings_counts_nowhere() -> None:
    """Its currency is not known, so its money cannot be added."""
    book = empty()
    book.apply(make_fill(make_terms(1, account="gone"), 7))
    assert (book.elsewhere, book.state) == (1, BookState())


def test_an_order_is_in_flight_until_it_has_ended_unless_it_rests_at_the_venue() -> None:
    """A limit order that the venue has accepted may wait for days."""
    book, market, limit = empty(), make_terms(1), make_terms(2, kind="limit", price=1.0)
    book.apply(make_update(market, OrderState.SUBMITTING))
    assert (book.in_flight("paper"), book.in_flight("other")) == (True, False)
    book.apply(make_update(market, OrderState.REJECTED, 2))
    assert not book.in_flight("paper")
    for revision, state in enumerate((OrderState.SUBMITTING, OrderState.UNKNOWN), 1):
        book.apply(make_update(limit, state, revision))
        assert book.in_flight("paper")
    book.apply(make_update(limit, OrderState.ACCEPTED, 3))
    assert not book.in_flight("paper")
    assert list(book.state.orders) == [limit.id]


def test_what_is_remembered_is_bounded() -> None:
    """Ended orders, their reports and the fills; positions that are closed and orders that ended leave nothing else."""
    book = empty()
    for number in range(1, 2501):
        book.apply(make_update(make_terms(2 * number), OrderState.SUBMITTING))
        book.apply(with_money(make_fill(make_terms(2 * number), number), 0, -1))
        close = make_terms(2 * number + 1, side="sell", position=number)
        book.apply(with_money(make_fill(close, number, revision=1), 3, -1))
    state = book.state
    assert (len(state.ended), len(state.fills), state.orders, state.positions) == (4096, FILLS_KEPT, {}, {})
    assert book.realised("paper") == 2500
    assert [update.order for update in state.fills][-1] == "ema-1-5001"


def test_a_session_that_invents_strategies_cannot_fill_the_memory() -> None:
    """Past so many names its deals count together; no money is lost."""
    book = empty()
    for number in range(1, 201):
        book.apply(with_money(make_fill(make_terms(number, strategy=f"s{number}"), number), 100))
    (strategies,) = book.state.tallies["paper"].values()
    assert (len(strategies), strategies[OTHER].deals, strategies["s64"].deals) == (65, 136, 1)
    assert book.positions("paper")[200].strategy == OTHER
    assert book.realised("paper") == 20_000


def test_the_state_after_a_start_is_that_of_the_whole_stream() -> None:
    """Sessions too; one on an account that is gone is left out."""
    config = PortfolioConfig(currency="USD", accounts={"paper": AccountConfig("USD", "paper")})
    state = recover(
        config,
        [
            SessionState(session="ema", account="paper", strategy="ema_cross", symbols=("EURUSD",), state="running"),
            SessionState(session="old", account="gone", strategy="ema_cross", symbols=("EURUSD",), state="stopped"),
            with_money(make_fill(make_terms(1), 7), 0, -7),
            make_update(make_terms(2), OrderState.SUBMITTING),
        ],
    )
    assert list(state.sessions) == ["ema"]
    assert list(state.book.positions["paper"]) == [7]
    assert list(state.book.orders) == ["ema-1-2"]
    assert state.book.tallies["paper"]["ema"]["ema_cross"].realised == -7
    assert msgspec.json.decode(msgspec.json.encode(state), type=PortfolioState) == state


class Books(RuleBasedStateMachine):
    """Orders open, add to and close positions; anything may be told twice, late, or by a superseded router."""

    def __init__(self) -> None:
        super().__init__()
        self.book = empty()
        self.deals: dict[str, tuple[str, str, int]] = {}
        self.open: dict[int, int] = {}
        self.owner: dict[int, OrderTerms] = {}
        self.unfilled: dict[str, tuple[OrderTerms, int, int]] = {}
        self.revision: dict[str, int] = {}
        self.told: list[OrderUpdate] = []
        self.count = 0

    # ---- what may happen

    @rule(place=st.sampled_from(PLACES), sell=st.booleans(), steps=st.integers(1, 5))
    def submit_an_open(self, place: tuple[str, str], sell: bool, steps: int) -> None:
        """An order under way."""
        self.count += 1
        self._submit(place, "sell" if sell else "buy", steps, 1000 + self.count, closes=False)

    @precondition(lambda self: self.open)
    @rule(pick=st.integers(0, 99), steps=st.integers(1, 5))
    def submit_a_close(self, pick: int, steps: int) -> None:
        """Of a position or a part of it."""
        ticket = sorted(self.open)[pick % len(self.open)]
        owner = self.owner[ticket]
        self.count += 1
        side: Side = "sell" if owner.side == "buy" else "buy"
        self._submit((owner.account, owner.session), side, steps, ticket, closes=True)

    def _submit(self, place: tuple[str, str], side: Side, steps: int, ticket: int, *, closes: bool) -> None:
        terms = make_terms(
            self.count,
            account=place[0],
            session=place[1],
            strategy="ema_cross" if self.count % 2 else "other",
            side=side,
            volume=steps / 100,
            position=ticket if closes else 0,
        )
        self.unfilled[terms.id] = (terms, ticket, steps)
        self._tell(make_update(terms, OrderState.SUBMITTING, self._next(terms.id)))

    @precondition(lambda self: self.unfilled)
    @rule(pick=st.integers(0, 99), steps=st.integers(1, 5), cents=st.integers(-(10**7), 10**7), cost=st.integers(0, 9))
    def fill(self, pick: int, steps: int, cents: int, cost: int) -> None:
        """A deal of all that is left or of a part; a close never takes more than is open."""
        order = sorted(self.unfilled)[pick % len(self.unfilled)]
        terms, ticket, rest = self.unfilled[order]
        steps = min(steps, rest, self.open.get(ticket, 0)) if terms.position else min(steps, rest)
        if not steps:
            return
        done = steps == rest
        state = OrderState.FILLED if done else OrderState.PARTIALLY_FILLED
        fill = make_fill(terms, ticket, steps / 100, self._next(order), state=state, report=f"{order}-{rest}")
        self._tell(with_money(fill, cents if terms.position else 0, -cost, cost % 3))
        money = (cents if terms.position else 0) - cost + cost % 3
        self.deals[f"{order}-{rest}"] = (terms.account, f"{terms.session}/{terms.strategy}", money)
        if done:
            del self.unfilled[order]
        else:
            self.unfilled[order] = (terms, ticket, rest - steps)
        self.owner.setdefault(ticket, terms)
        self.open[ticket] = self.open.get(ticket, 0) + (-steps if terms.position else steps)
        if not self.open[ticket]:
            del self.open[ticket]

    @precondition(lambda self: self.unfilled)
    @rule(pick=st.integers(0, 99), state=st.sampled_from(["accepted", "unknown", "rejected", "expired", "cancelled"]))
    def change(self, pick: int, state: str) -> None:
        """A change without a deal."""
        order = sorted(self.unfilled)[pick % len(self.unfilled)]
        now = OrderState(state)
        self._tell(make_update(self.unfilled[order][0], now, self._next(order)))
        if now not in {OrderState.ACCEPTED, OrderState.UNKNOWN}:
            del self.unfilled[order]

    @precondition(lambda self: self.told)
    @rule(pick=st.integers(0, 999), later=st.booleans())
    def repeat(self, pick: int, later: bool) -> None:
        """An update comes again, as it was or from a superseded router with a later revision."""
        update = self.told[pick % len(self.told)]
        if later:
            update = msgspec.structs.replace(update, incarnation=0, revision=update.revision + 3)
        assert self.book.apply(update) is None

    @rule()
    def restart(self) -> None:
        """The state goes through JSON."""
        state = msgspec.json.decode(msgspec.json.encode(self.book.state), type=BookState)
        assert state == self.book.state
        self.book = Book(state, ACCOUNTS)

    @rule()
    def recover(self) -> None:
        """A new process makes the same of the stream."""
        book = empty()
        for update in self.told:
            book.apply(update)
        assert book.state == self.book.state
        self.book = book

    def _next(self, order: str) -> int:
        self.revision[order] = self.revision.get(order, 0) + 1
        return self.revision[order]

    def _tell(self, update: OrderUpdate) -> None:
        self.told.append(update)
        assert self.book.apply(update) == update.deal

    # ---- what must hold

    @invariant()
    def money_is_the_sum_of_the_distinct_deals(self) -> None:
        """By account, session and strategy."""
        for account in ACCOUNTS:
            assert self.book.realised(account) == sum(one[2] for one in self.deals.values() if one[0] == account)
        told = {
            f"{session}/{strategy}": (tally.realised, tally.deals)
            for sessions in self.book.state.tallies.values()
            for session, strategies in sessions.items()
            for strategy, tally in strategies.items()
        }
        expected: dict[str, tuple[int, int]] = {}
        for _, name, money in self.deals.values():
            realised, count = expected.get(name, (0, 0))
            expected[name] = (realised + money, count + 1)
        assert told == expected

    @invariant()
    def positions_and_orders_are_those_of_a_plain_count(self) -> None:
        """Nothing that is closed or ended lingers."""
        held: dict[int, Holding] = {}
        for account in ACCOUNTS:
            held |= self.book.positions(account)
        assert {ticket: one.units for ticket, one in held.items()} == {
            ticket: steps * STEP for ticket, steps in self.open.items()
        }
        assert {ticket: one.side for ticket, one in held.items()} == {one: self.owner[one].side for one in self.open}
        assert set(self.book.state.orders) == set(self.unfilled)
        assert self.book.strays == 0


Books.TestCase.settings = hypothesis_settings(max_examples=100, stateful_step_count=40)
TestBooks = Books.TestCase

ODD = st.one_of(st.sampled_from([0.0, -1.0, 0.01, 1e308, math.nan, math.inf]), st.floats(allow_nan=True))


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(list(OrderState)), ODD, ODD, ODD, st.booleans(), st.booleans()),
        max_size=12,
    )
)
def test_nonsense_never_raises(updates: list[tuple[int, OrderState, float, float, float, bool, bool]]) -> None:
    """Whatever figures come, and volumes stay above nothing."""
    book = empty()
    for number, (order, state, volume, price, money, closes, reported) in enumerate(updates):
        deal = Deal(
            ticket=number,
            position=order % 2,
            entry="out" if closes else "in",
            symbol="EURUSD",
            side="buy",
            volume=volume,
            price=price,
            at=0,
            profit=money,
        )
        report = f"r{number % 3}" if reported else ""
        book.apply(make_update(make_terms(order), state, number, deal=deal, report=report))
        assert all(held.units > 0 for held in book.positions("paper").values())
