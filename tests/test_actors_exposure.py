"""Exposure: whatever the order of things, the sums are those of a plain count, and nothing counts twice."""

from __future__ import annotations

import math

import msgspec
import pytest
from guard_desk import MS, START, make_fill, make_terms, make_update
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.exposure import LOT, Exposure, ExposureState, lots_text, units
from schemas.account import PositionState
from schemas.order import Deal, OrderState, OrderTerms, OrderUpdate, Side

STEP = LOT // 100
SYMBOLS = ("EURUSD", "XAUUSD")
PLACES = (("paper", "ema"), ("paper", "ema-2"), ("other", "far"))
SKEW = 250 * MS


def empty() -> Exposure:
    """Nothing open."""
    return Exposure(ExposureState())


def foreign(ticket: int, volume: float, session: str = "") -> PositionState:
    """A position as the venue shows it."""
    return PositionState(
        account="paper",
        ticket=ticket,
        symbol="EURUSD",
        side="buy",
        volume=volume,
        price_open=1.1,
        opened_at=START,
        session=session,
    )


@pytest.mark.parametrize(
    ("lots", "expected"),
    [
        (0.01, 1_000_000),
        (0.1 + 0.2, 30_000_000),
        (1e-8, 1),
        (4e-9, 0),
        (0.0, 0),
        (-0.01, 0),
        (math.nan, 0),
        (math.inf, 0),
        (1e308, 0),
        (1e9, 0),
    ],
)
def test_lots_become_whole_units_and_nonsense_becomes_none(lots: float, expected: int) -> None:
    """Float dust goes away; what is no volume is 0 and never raises."""
    assert units(lots) == expected


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_the_text_of_a_volume_is_exact(volume: int) -> None:
    """As a decimal number it is the volume again."""
    whole, _, part = lots_text(abs(volume)).partition(".")
    assert int(whole) * LOT + int(part.ljust(8, "0") or 0) == abs(volume)
    assert lots_text(volume).startswith("-") == (volume < 0)


def test_a_clearance_counts_at_once_and_its_fill_counts_once() -> None:
    """Reserved, submitted and filled the gross is the same; it is one position all the time."""
    exposure, terms = empty(), make_terms(1, volume=0.03)
    expected = (3 * STEP, 3 * STEP, 1)
    exposure.reserve(terms, 3 * STEP, close=False)
    assert (exposure.gross("paper"), exposure.gross_symbol("paper", "EURUSD"), exposure.positions("paper")) == expected
    for update in (make_update(terms, OrderState.SUBMITTING), make_fill(terms, 7), make_fill(terms, 7)):
        exposure.apply(update)
        sums = (exposure.gross("paper"), exposure.gross_symbol("paper", "EURUSD"), exposure.positions("paper"))
        assert sums == expected
    assert exposure.position("paper", 7) is not None


def test_unknown_counts_as_filled_and_is_named_until_it_is_settled() -> None:
    """It stays in every sum; rejected at last it is gone."""
    exposure, terms = empty(), make_terms(1)
    exposure.apply(make_update(terms, OrderState.SUBMITTING))
    exposure.apply(make_update(terms, OrderState.UNKNOWN, 2))
    assert exposure.unknown("ema") == (terms.id,)
    assert exposure.release(START + 10**12, SKEW) == []
    assert (exposure.gross("paper"), exposure.positions("paper")) == (STEP, 1)
    exposure.apply(make_update(terms, OrderState.REJECTED, 3))
    assert exposure.unknown("ema") == ()
    assert (exposure.gross("paper"), exposure.positions("paper")) == (0, 0)


def test_a_deal_counts_once_whichever_router_tells_of_it() -> None:
    """A frozen router and its successor both report the fill, with the same report id and other revisions."""
    exposure, terms = empty(), make_terms(1)
    exposure.apply(make_update(terms, OrderState.SUBMITTING))
    exposure.apply(make_update(terms, OrderState.UNKNOWN, 2, incarnation=5))
    fill = make_fill(terms, 7, revision=3)
    exposure.apply(fill)
    exposure.apply(msgspec.structs.replace(fill, incarnation=5))
    exposure.apply(msgspec.structs.replace(fill, incarnation=5, revision=9))
    assert (exposure.gross("paper"), exposure.positions("paper")) == (STEP, 1)


def test_a_deal_on_an_order_that_had_ended_still_counts() -> None:
    """What the venue did is the truth, even after EXPIRED."""
    exposure, terms = empty(), make_terms(1)
    exposure.apply(make_update(terms, OrderState.EXPIRED))
    exposure.apply(make_fill(terms, 7))
    exposure.apply(make_fill(terms, 7))
    assert exposure.gross("paper") == STEP


def test_an_older_router_does_not_undo_what_a_newer_one_said() -> None:
    """States are believed by (incarnation, revision)."""
    exposure, terms = empty(), make_terms(1)
    exposure.apply(make_update(terms, OrderState.UNKNOWN, 2, incarnation=2))
    exposure.apply(make_update(terms, OrderState.ACCEPTED, 3, incarnation=1))
    assert exposure.unknown("ema") == (terms.id,)


def test_a_clearance_that_nobody_took_up_is_released_after_its_time_and_not_before() -> None:
    """At expires_at + skew a slow clock may still execute it."""
    exposure, terms = empty(), make_terms(1)
    exposure.reserve(terms, STEP, close=False)
    assert exposure.next_expiry() == terms.expires_at
    assert exposure.release(terms.expires_at + SKEW, SKEW) == []
    assert exposure.release(terms.expires_at + SKEW + 1, SKEW) == [terms.id]
    assert (exposure.gross("paper"), exposure.next_expiry()) == (0, 0)
    exposure.apply(make_update(terms, OrderState.SUBMITTING))
    assert exposure.gross("paper") == STEP


def test_a_submitted_order_is_never_released_by_time() -> None:
    """Only its end frees it."""
    exposure, terms = empty(), make_terms(1)
    exposure.reserve(terms, STEP, close=False)
    exposure.apply(make_update(terms, OrderState.SUBMITTING))
    assert exposure.release(START + 10**15, SKEW) == []
    assert exposure.gross("paper") == STEP


def test_positions_of_others_count_and_ours_do_not_count_twice() -> None:
    """The venue shows all of them; those with a session come from our deals."""
    exposure = empty()
    exposure.foreign(foreign(5, 0.02))
    exposure.foreign(foreign(5, 0.03))
    exposure.foreign(foreign(6, 0.01, session="ema"))
    assert (exposure.gross("paper"), exposure.positions("paper")) == (3 * STEP, 1)
    exposure.apply(make_fill(make_terms(1), 5))
    assert (exposure.gross("paper"), exposure.positions("paper")) == (STEP, 1)
    exposure.foreign(foreign(5, 0.07))
    assert exposure.gross("paper") == STEP
    exposure.foreign(foreign(8, 0.02))
    exposure.foreign(foreign(8, 0.0))
    assert exposure.positions("paper") == 1


@pytest.mark.parametrize(
    ("side", "volume", "in_flight", "lowers"),
    [
        ("sell", 3, (), True),
        ("sell", 4, (), False),
        ("buy", 1, (), False),
        ("sell", 0, (), False),
        ("sell", 1, (("sell", 2),), True),
        ("sell", 2, (("sell", 2),), False),
        ("sell", 4, (("buy", 2),), False),
        ("sell", 3, (("buy", 2),), True),
    ],
)
def test_lowering_the_net_holds_however_orders_in_flight_end(
    side: Side, volume: int, in_flight: tuple[tuple[Side, int], ...], lowers: bool
) -> None:
    """0.03 long: selling lowers it up to what is sure to be there, and buying never does."""
    exposure = empty()
    exposure.apply(make_fill(make_terms(1, volume=0.03), 7))
    for number, (way, steps) in enumerate(in_flight, 2):
        exposure.reserve(make_terms(number, side=way), steps * STEP, close=False)
    assert exposure.lowers_net("paper", "ema", "EURUSD", side, volume * STEP) is lowers
    assert not exposure.lowers_net("paper", "ema-2", "EURUSD", side, volume * STEP)
    assert not exposure.lowers_net("paper", "ema", "XAUUSD", side, volume * STEP)


def test_only_so_many_ended_orders_are_remembered() -> None:
    """The state stays small; a repeat of a very old update then counts again, which blocks and never lets pass."""
    exposure = empty()
    for number in range(1, 5001):
        exposure.apply(make_update(make_terms(number), OrderState.REJECTED))
    assert len(exposure.state.ended) == 4096
    assert exposure.gross("paper") == 0


class Books(RuleBasedStateMachine):
    """Orders live their lives, anything may be told twice, and a plain count is kept beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.exposure = empty()
        self.orders: dict[str, OrderTerms] = {}
        self.rest: dict[str, int] = {}
        self.unseen: set[str] = set()
        self.lost: set[str] = set()
        self.open: dict[int, list[int]] = {}
        self.owner: dict[int, OrderTerms] = {}
        self.told: list[OrderUpdate] = []
        self.revision: dict[str, int] = {}
        self.filled_as: dict[str, int] = {}
        self.now = START

    # ---- what may happen

    @rule(place=st.sampled_from(PLACES), symbol=st.sampled_from(SYMBOLS), sell=st.booleans(), steps=st.integers(1, 5))
    def clear_an_open(self, place: tuple[str, str], symbol: str, sell: bool, steps: int) -> None:
        """Another order, cleared."""
        self._clear(place, symbol, "sell" if sell else "buy", steps, 0)

    @precondition(lambda self: self.open)
    @rule(pick=st.integers(0, 99), steps=st.integers(1, 5))
    def clear_a_close(self, pick: int, steps: int) -> None:
        """A close of a position, or of part of it."""
        ticket = sorted(self.open)[pick % len(self.open)]
        owner = self.owner[ticket]
        side: Side = "sell" if owner.side == "buy" else "buy"
        self._clear((owner.account, owner.session), owner.symbol, side, steps, ticket)

    def _clear(self, place: tuple[str, str], symbol: str, side: Side, steps: int, ticket: int) -> None:
        account, session = place
        terms = make_terms(
            len(self.orders) + 1,
            account=account,
            session=session,
            symbol=symbol,
            side=side,
            volume=steps / 100,
            position=ticket,
            submitted_at=self.now,
        )
        self.orders[terms.id] = terms
        self.rest[terms.id] = steps
        self.unseen.add(terms.id)
        self.exposure.reserve(terms, units(terms.volume), close=bool(ticket))

    @precondition(lambda self: self.rest)
    @rule(pick=st.integers(0, 99), state=st.sampled_from(["submitting", "accepted", "unknown", "rejected", "expired"]))
    def tell_a_state(self, pick: int, state: str) -> None:
        """The router tells of a change without a deal."""
        order = sorted(self.rest)[pick % len(self.rest)]
        now = OrderState(state)
        self.lost.discard(order)
        if now is OrderState.UNKNOWN:
            self.lost.add(order)
        self._tell(make_update(self.orders[order], now, self._next(order)))
        if now in {OrderState.REJECTED, OrderState.EXPIRED}:
            del self.rest[order]

    @precondition(lambda self: self.rest)
    @rule(pick=st.integers(0, 99), steps=st.integers(1, 5))
    def fill(self, pick: int, steps: int) -> None:
        """A deal of the whole rest or of a part."""
        order = sorted(self.rest)[pick % len(self.rest)]
        terms = self.orders[order]
        steps = min(steps, self.rest[order])
        if terms.position:
            steps = min(steps, sum(self.open.get(terms.position, [0])))
            if not steps:
                return
        ticket = terms.position or self.filled_as.setdefault(order, len(self.filled_as) + 1000)
        self.rest[order] -= steps
        done = not self.rest[order]
        state = OrderState.FILLED if done else OrderState.PARTIALLY_FILLED
        self.lost.discard(order)
        self._tell(make_fill(terms, ticket, steps / 100, self._next(order), state=state))
        if done:
            del self.rest[order]
        self.open.setdefault(ticket, []).append(-steps if terms.position else steps)
        if not terms.position:
            self.owner[ticket] = terms
        if not sum(self.open[ticket]):
            del self.open[ticket]

    def _next(self, order: str) -> int:
        self.revision[order] = self.revision.get(order, 0) + 1
        return self.revision[order]

    def _tell(self, update: OrderUpdate) -> None:
        self.unseen.discard(update.order)
        self.told.append(update)
        self.exposure.apply(update)

    @precondition(lambda self: self.told)
    @rule(pick=st.integers(0, 999), later=st.booleans())
    def repeat(self, pick: int, later: bool) -> None:
        """An update comes again, as it was or from a superseded router with another revision."""
        update = self.told[pick % len(self.told)]
        if later:
            update = msgspec.structs.replace(update, incarnation=0, revision=update.revision + 3)
        self.exposure.apply(update)

    @rule(ms=st.integers(1, 2000))
    def wait(self, ms: int) -> None:
        """Clearances that nobody took up die."""
        self.now += ms * MS
        self.exposure.release(self.now, SKEW)
        for order in [one for one in self.unseen if self.now > self.orders[one].expires_at + SKEW]:
            self.unseen.remove(order)
            del self.rest[order]

    @rule()
    def restart(self) -> None:
        """The state goes through JSON."""
        self.exposure = Exposure(msgspec.json.decode(msgspec.json.encode(self.exposure.state), type=ExposureState))

    # ---- what must hold

    @invariant()
    def sums_are_those_of_a_plain_count(self) -> None:
        """Every answer, counted by hand."""
        exposure = self.exposure
        opens = [order for order in self.rest if not self.orders[order].position]
        for account in ("paper", "other"):
            tickets = [ticket for ticket in self.open if self.owner[ticket].account == account]
            mine = [order for order in opens if self.orders[order].account == account]
            new = [order for order in mine if order not in self.filled_as]
            assert exposure.positions(account) == len(tickets) + len(new)
            for symbol in SYMBOLS:
                lots = sum(sum(self.open[one]) for one in tickets if self.owner[one].symbol == symbol)
                lots += sum(self.rest[one] for one in mine if self.orders[one].symbol == symbol)
                assert exposure.gross_symbol(account, symbol) == lots * STEP
            assert exposure.gross(account) == sum(exposure.gross_symbol(account, one) for one in SYMBOLS)
        for account, session in PLACES:
            for symbol in SYMBOLS:
                self._check_net(account, session, symbol)
            lost = {one for one in self.lost & set(self.rest) if self.orders[one].session == session}
            assert set(exposure.unknown(session)) == lost
        for ticket, deals in self.open.items():
            account = self.owner[ticket].account
            position = exposure.position(account, ticket)
            assert position is not None
            assert position.units == sum(deals) * STEP
            closing = sum(rest for one, rest in self.rest.items() if self.orders[one].position == ticket)
            assert exposure.closing(account, ticket) == closing * STEP
        assert sum(len(one) for one in exposure.state.positions.values()) == len(self.open)

    def _check_net(self, account: str, session: str, symbol: str) -> None:
        net = low = high = 0
        for ticket, deals in self.open.items():
            owner = self.owner[ticket]
            if (owner.session, owner.symbol) == (session, symbol):
                net += sum(deals) * (1 if owner.side == "buy" else -1)
        for order, rest in self.rest.items():
            terms = self.orders[order]
            if (terms.session, terms.symbol) == (session, symbol):
                low += rest if terms.side == "sell" else 0
                high += rest if terms.side == "buy" else 0
        assert self.exposure.net_range(account, session, symbol) == ((net - low) * STEP, (net + high) * STEP)


Books.TestCase.settings = hypothesis_settings(max_examples=120, stateful_step_count=40)
TestBooks = Books.TestCase

ODD = st.one_of(
    st.sampled_from([0.0, -1.0, 0.01, 0.02, 1e308, math.nan, math.inf, -math.inf]), st.floats(allow_nan=True)
)


@given(
    st.lists(
        st.builds(
            lambda number, state, revision, volume, deal, ticket, position: make_update(
                make_terms(number, volume=volume, position=position),
                state,
                revision,
                report="" if ticket % 2 else f"r{ticket}",
                deal=None
                if deal is None
                else Deal(
                    ticket=ticket,
                    position=ticket % 3,
                    entry="in" if ticket % 4 else "out",
                    symbol="EURUSD",
                    side="buy",
                    volume=deal,
                    price=1.0,
                    at=0,
                ),
            ),
            st.integers(1, 3),
            st.sampled_from(list(OrderState)),
            st.integers(-1, 4),
            ODD,
            st.none() | ODD,
            st.integers(0, 9),
            st.integers(-1, 2),
        ),
        max_size=20,
    )
)
def test_nonsense_never_raises_and_the_sums_stay_those_of_the_state(updates: list[OrderUpdate]) -> None:
    """Whatever comes, the running sums equal those made anew from the state."""
    exposure = empty()
    for update in updates:
        exposure.apply(update)
        anew = Exposure(msgspec.json.decode(msgspec.json.encode(exposure.state), type=ExposureState))
        for account in ("paper",):
            assert exposure.gross(account) == anew.gross(account) >= 0
            assert exposure.positions(account) == anew.positions(account) >= 0
            assert exposure.net_range(account, "ema", "EURUSD") == anew.net_range(account, "ema", "EURUSD")
            for ticket in (-1, 1, 2):
                assert exposure.closing(account, ticket) == anew.closing(account, ticket) >= 0
        assert set(exposure.unknown("ema")) == set(anew.unknown("ema"))
