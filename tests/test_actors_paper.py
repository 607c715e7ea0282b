"""The paper gateway: book first, once each, refusals that stay, reports until they are stored."""

from collections.abc import Sequence

import msgspec
import pytest
from harness import ACCOUNT, PUBLIC, SPEC, START
from orderfloor import cleared, terms

from actors.effects import (
    Answer,
    Effect,
    EventIn,
    Failed,
    LinkChanged,
    Publish,
    PublishStored,
    ReplyIn,
    SetTimer,
    Store,
    StoredIn,
    TimerIn,
)
from actors.paper import Paper, PaperConfig, PaperState, config_from
from schemas.account import AccountState, PositionState
from schemas.base import Event
from schemas.command import RiskState
from schemas.health import Alert, Hello, SimDone
from schemas.market import Tick
from schemas.order import OrderCleared, OrderTerms, VenueAnswer, VenueOrder, VenueReport
from schemas.registry import subject_of
from schemas.settings import parse

ID = "s1-1-1"
FULL = "the disk is full (database or disk is full)"
CONFIG = PaperConfig(
    account=ACCOUNT,
    venue="paper",
    currency="USD",
    deposit=1_000_000,
    leverage=100,
    commission=3.5,
    guard_public=PUBLIC,
)


def submit(order: OrderTerms | OrderCleared, *, epoch: int = 5) -> VenueOrder:
    """The router's request to execute it."""
    given = cleared(order) if isinstance(order, OrderTerms) else order
    return VenueOrder(
        account=ACCOUNT,
        action="submit",
        epoch=epoch,
        order=given.terms.id,
        terms=given.terms,
        order_class=given.order_class,
        guard_epoch=given.epoch,
        signature=given.signature,
    )


def lookup(order: str = ID, *, epoch: int = 5) -> VenueOrder:
    """The router asks what became of it."""
    return VenueOrder(account=ACCOUNT, action="lookup", epoch=epoch, order=order)


def announce(epoch: int) -> VenueOrder:
    """A router says that it is there."""
    return VenueOrder(account=ACCOUNT, action="epoch", epoch=epoch)


class Venue:
    """A gateway with the effects of its last message in `effects`."""

    def __init__(self, state: PaperState | None = None, *, config: PaperConfig = CONFIG, quote: bool = True) -> None:
        self.paper = Paper(f"gateway-{ACCOUNT}", 3, config, state)
        self.now = START
        self.effects: Sequence[Effect] = self.paper.on_start(START)
        self.message: EventIn | None = None
        self.ticks = 0
        if quote:
            self.hear(SPEC)
            self.tick(1.1, 1.1002)

    @property
    def state(self) -> PaperState:
        """Its state."""
        return self.paper.state

    def hear(self, event: Event, reply: str = "") -> Sequence[Effect]:
        """An event arrives."""
        self.message = EventIn(subject_of(event), event, reply)
        self.effects = self.paper.on_event(self.message, self.now)
        return self.effects

    def tick(self, bid: float, ask: float, symbol: str = "EURUSD") -> Sequence[Effect]:
        """A quote."""
        self.ticks += 1
        return self.hear(Tick(venue="paper", symbol=symbol, at=self.now, bid=bid, ask=ask, number=self.ticks))

    def ask(self, request: VenueOrder) -> VenueAnswer:
        """A request; its answer."""
        return answer_in(self.hear(request, "_INBOX.1"))

    def buys(self, volume: float = 0.1, order: str = ID, side: str = "buy") -> VenueAnswer:
        """An opening order."""
        return self.ask(submit(terms(order, volume=volume, side=side)))  # type: ignore[arg-type]

    def closes(self, volume: float, order: str = "s1-1-2", *, ticket: int = 1, side: str = "sell") -> VenueAnswer:
        """A closing order."""
        return self.ask(submit(terms(order, volume=volume, side=side, position=ticket)))  # type: ignore[arg-type]

    def breaks(self, error: str = FULL) -> Sequence[Effect]:
        """The transaction of the last message failed: nothing behind it happened."""
        assert self.message is not None
        assert any(isinstance(effect, Store) for effect in self.effects)
        self.effects = self.paper.on_failure(Failed(self.message, error), self.now)
        return self.effects


def answer_in(effects: Sequence[Effect]) -> VenueAnswer:
    """The one answer among them."""
    (found,) = [effect.event for effect in effects if isinstance(effect, Answer)]
    assert isinstance(found, VenueAnswer)
    return found


def reports_in(effects: Sequence[Effect]) -> list[VenueReport]:
    """The reports that go to the stream."""
    found = [effect.event for effect in effects if isinstance(effect, PublishStored)]
    assert all(isinstance(event, VenueReport) for event in found)
    return found  # type: ignore[return-value]


def said_in(effects: Sequence[Effect], kind: type[Event]) -> list[Event]:
    """What is published of this kind."""
    return [effect.event for effect in effects if isinstance(effect, Publish) and isinstance(effect.event, kind)]


def writes(effects: Sequence[Effect]) -> int:
    """How many transactions there are."""
    return sum(isinstance(effect, Store) for effect in effects)


# ---- executing


def test_the_book_is_written_before_anything_is_sent() -> None:
    """One transaction, then answer, report, account, position."""
    venue = Venue()
    answer = venue.buys()
    kinds = [type(effect) for effect in venue.effects]
    assert kinds == [Store, Answer, PublishStored, Publish, Publish]
    assert (answer.order, answer.known, answer.refused) == (ID, True, "")
    (report,) = reports_in(venue.effects)
    assert answer.reports == (report,)
    stored = venue.effects[2]
    assert isinstance(stored, PublishStored)
    assert (stored.msg_id, report.report) == ("gateway-paper-3-1", "gateway-paper-3-1")


@pytest.mark.parametrize(("side", "price"), [("buy", 1.1002), ("sell", 1.1)])
def test_a_buy_fills_at_ask_and_a_sell_at_bid(side: str, price: float) -> None:
    """Of the current tick, whose time is the deal's."""
    venue = Venue()
    venue.now += 1_000
    deal = venue.buys(side=side).reports[0].deal
    assert deal is not None
    assert (deal.price, deal.side, deal.entry, deal.at, deal.volume) == (price, side, "in", START, 0.1)
    assert (deal.profit, deal.commission) == (0.0, -0.35)


def test_closing_books_the_profit() -> None:
    """(1.1012 - 1.1002) x 0.1 x 100,000 = 10, less commission on both sides; the position is gone."""
    venue = Venue()
    venue.buys()
    venue.tick(1.1012, 1.1014)
    answer = venue.closes(0.1)
    deal = answer.reports[0].deal
    assert deal is not None
    assert (deal.entry, deal.position, deal.price, deal.profit, deal.commission) == ("out", 1, 1.1012, 10.0, -0.35)
    assert answer.reports[0].balance == 10_009.3
    (account,) = said_in(venue.effects, AccountState)
    assert isinstance(account, AccountState)
    assert (account.balance, account.equity, account.margin, account.positions) == (10_009.3, 10_009.3, 0.0, 0)
    (position,) = said_in(venue.effects, PositionState)
    assert isinstance(position, PositionState)
    assert (position.volume, position.realised, position.commission) == (0.0, 10.0, -0.7)
    assert venue.state.positions == {}


def test_a_part_of_a_position_can_be_closed() -> None:
    """The rest stays the opener's, at its price."""
    venue = Venue()
    venue.buys(0.3)
    venue.ask(submit(terms("s2-1-1", volume=0.1, side="sell", position=1, session="s2")))
    position = venue.state.positions[1]
    assert (position.volume, position.session, position.price) == (20_000_000, "s1", 110_020)
    assert venue.closes(0.2).known


def test_every_opening_order_is_a_position_of_its_own() -> None:
    """Hedging: both sides at once."""
    venue = Venue()
    venue.buys()
    venue.buys(order="s1-1-2", side="sell")
    assert [(one.ticket, one.side) for one in venue.state.positions.values()] == [(1, "buy"), (2, "sell")]


def test_an_id_is_executed_once() -> None:
    """Asked again, by submit or lookup, it tells what became of it and writes nothing."""
    venue = Venue()
    first = venue.buys()
    venue.now += 10_000_000
    for request in (submit(terms()), lookup(), submit(terms(volume=5.0))):
        assert venue.ask(request) == first
        assert writes(venue.effects) == 0
        assert reports_in(venue.effects) == []
    assert len(venue.state.positions) == 1


# ---- refusing


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (submit(terms(), epoch=4), "router epoch 4 is older than 5"),
        (submit(cleared(terms(), epoch=1)), "guard epoch 1 is older than 2"),
        (submit(msgspec.structs.replace(cleared(terms(), 2), terms=terms(volume=0.2))), "not signed by the guard"),
        (submit(msgspec.structs.replace(cleared(terms(), 2), signature="00")), "not signed by the guard"),
        (msgspec.structs.replace(submit(cleared(terms(), 2)), order="s1-1-9"), "malformed"),
        (msgspec.structs.replace(submit(cleared(terms(), 2)), terms=None), "malformed"),
        (submit(cleared(terms(expires_at=START - 1), 2)), "expired 1 us ago"),
        (submit(cleared(msgspec.structs.replace(terms(), account="other"), 2)), "account other"),
        (submit(cleared(msgspec.structs.replace(terms(), venue="other"), 2)), "at other is not here"),
    ],
    ids=["router", "guard", "volume", "signature", "another order", "no terms", "expired", "account", "venue"],
)
def test_what_can_never_be_right_is_refused_and_not_written(request_: VenueOrder, why: str) -> None:
    """Whoever sends it, and however often."""
    venue = Venue(PaperState(router_epoch=5, guard_epoch=2))
    answer = venue.ask(request_)
    assert not answer.known
    assert why in answer.refused
    assert (answer.router_epoch, answer.guard_epoch) == (5, 2)
    assert writes(venue.effects) == 0
    assert bool(said_in(venue.effects, Alert)) == ("signed" in why)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "limit", "price": 1.0}, "limit orders: not at the paper venue yet"),
        ({"sl": 1.0}, "stop loss and take profit"),
        ({"tp": 1.2}, "stop loss and take profit"),
        ({"symbol": "GBPUSD"}, "no quote for GBPUSD yet"),
        ({"volume": 0.015}, "not on the grid"),
        ({"volume": 0.0}, "not within"),
        ({"volume": -0.1}, "not within"),
        ({"volume": 100.01}, "not within"),
        ({"volume": 100.0}, "no money: a free margin of"),
        ({"position": 7}, "position closed"),
        ({"position": 1}, "position 1 is a buy: a buy does not close it"),
        ({"position": 1, "side": "sell", "volume": 0.2}, "more than the position's 0.1"),
        ({"position": 1, "side": "sell", "volume": 0.015}, "not on the grid"),
        ({"position": 1, "side": "sell", "volume": -0.1}, "not on the grid"),
    ],
)
def test_what_the_venue_does_not_do_is_refused_for_good(changes: dict[str, object], why: str) -> None:
    """The refusal is in the book: the same request later is refused with the same words."""
    venue = Venue()
    venue.buys()
    order = msgspec.structs.replace(terms("s1-1-5"), **changes)
    answer = venue.ask(submit(order))
    assert not answer.known
    assert why in answer.refused
    assert writes(venue.effects) == 1
    assert reports_in(venue.effects) == []
    assert venue.ask(submit(order)) == answer
    assert writes(venue.effects) == 0


def test_a_quote_that_is_too_old_fills_nothing() -> None:
    """Five seconds by its arrival; exactly five still do."""
    venue = Venue()
    venue.now += CONFIG.fill_timeout_us
    order = terms(expires_at=START + 60_000_000)
    assert venue.ask(submit(order)).known
    venue.now += 1
    late = terms("s1-1-2", expires_at=START + 60_000_000)
    assert "no quote for EURUSD since" in venue.ask(submit(late)).refused


def test_without_a_reply_subject_nothing_is_executed() -> None:
    """Nobody would learn of it."""
    venue = Venue()
    assert list(venue.hear(submit(terms()))) == []


def test_what_was_looked_up_and_not_found_is_never_executed() -> None:
    """The submit may be behind the lookup: a tombstone is in the book before the answer."""
    venue = Venue()
    answer = venue.ask(lookup())
    assert (answer.known, answer.refused) == (False, "never reached the venue")
    assert [type(effect) for effect in venue.effects] == [Store, Answer]
    assert venue.buys().refused == "never reached the venue"
    assert venue.state.positions == {}


# ---- epochs


def test_a_higher_router_epoch_is_written_then_confirmed() -> None:
    """From then on older routers are refused, whatever they ask."""
    venue = Venue()
    assert venue.ask(announce(7)).known
    assert [type(effect) for effect in venue.effects] == [Store, Answer]
    assert venue.ask(announce(7)).known
    assert writes(venue.effects) == 0
    for request in (announce(6), lookup(epoch=6), submit(terms(), epoch=6)):
        answer = venue.ask(request)
        assert (answer.refused, answer.router_epoch) == ("router epoch 6 is older than 7", 7)


def test_epochs_are_learned_from_orders_and_from_the_guards_states() -> None:
    """In the book as well."""
    venue = Venue()
    venue.buys()
    assert (venue.state.router_epoch, venue.state.guard_epoch) == (5, 1)
    venue.hear(RiskState(scope="portfolio", id="floor", state="active", epoch=4))
    assert writes(venue.effects) == 1
    assert venue.state.guard_epoch == 4
    venue.hear(RiskState(scope="portfolio", id="floor", state="active", epoch=4))
    assert writes(venue.effects) == 0


# ---- a book that cannot be written


def test_a_full_disk_leaves_everything_as_it_was_and_gives_no_verdict() -> None:
    """A refusal that is not in the book would be none: the request may come again. The lookup settles it."""
    venue = Venue()
    venue.buys()
    venue.state.account = None
    before = msgspec.json.encode(venue.state)
    venue.buys(order="s1-1-2")
    answer = answer_in(venue.breaks())
    assert (answer.order, answer.known, answer.refused) == ("s1-1-2", False, "")
    assert reports_in(venue.effects) == []
    assert msgspec.json.encode(venue.state) == before
    assert venue.ask(lookup("s1-1-2")).refused
    assert venue.buys(order="s1-1-2").refused
    assert venue.buys(order="s1-1-3").known


@pytest.mark.parametrize("part", [0.1, 0.3])
def test_a_failed_close_gives_the_position_back(part: float) -> None:
    """In part or whole, with its money."""
    venue = Venue()
    venue.buys(0.3)
    before = (dict(venue.state.positions), venue.state.booked, dict(venue.state.counts), dict(venue.state.outbox))
    assert venue.closes(part).known
    venue.breaks()
    state = venue.state
    assert before == (dict(state.positions), state.booked, dict(state.counts), dict(state.outbox))
    assert venue.closes(part, "s1-1-3").known


def test_a_lookup_that_cannot_be_written_has_no_answer_yet() -> None:
    """Neither known nor refused: the router asks again."""
    venue = Venue()
    venue.ask(lookup())
    answer = answer_in(venue.breaks())
    assert (answer.known, answer.refused) == (False, "")
    assert venue.ask(lookup()).refused


def test_an_epoch_that_cannot_be_written_is_not_confirmed() -> None:
    """The router announces it again."""
    venue = Venue()
    venue.ask(announce(7))
    assert not answer_in(venue.breaks()).known
    assert venue.state.router_epoch == 0
    assert venue.ask(announce(7)).known


@pytest.mark.parametrize("error", ["cannot be read or written: the disk reports an error", "KeyError: 'x'"])
def test_an_error_that_leaves_it_open_ends_the_process(error: str) -> None:
    """The file knows; the state in memory may not."""
    venue = Venue()
    venue.buys()
    with pytest.raises(RuntimeError, match="may or may not"):
        venue.breaks(error)


def test_a_handler_that_raised_ends_the_process() -> None:
    """Half a change in memory is nothing to go on with."""
    venue = Venue()
    with pytest.raises(RuntimeError, match="may or may not"):
        venue.paper.on_failure(Failed(EventIn("x", Hello(actor="a", role="b")), "ValueError: y"), START)


def test_in_simulated_time_a_book_that_cannot_be_written_ends_the_process() -> None:
    """Nothing can be waited for, because time waits for the order."""
    venue = Venue(config=msgspec.structs.replace(CONFIG, sim=True))
    venue.buys()
    with pytest.raises(RuntimeError, match="the disk is full"):
        venue.breaks()


def test_an_overload_gives_no_verdict_on_what_was_never_handled() -> None:
    """A full mailbox: memory is not touched, and an order that is in the book is known."""
    venue = Venue()
    known = venue.buys()
    overload = "overload: the mailbox is full"
    new = EventIn("venue.order.paper", submit(terms("s1-1-2")), "_INBOX.2")
    answer = answer_in(venue.paper.on_failure(Failed(new, overload), START))
    assert (answer.order, answer.known, answer.refused) == ("s1-1-2", False, "")
    old = EventIn("venue.order.paper", submit(terms()), "_INBOX.3")
    assert answer_in(venue.paper.on_failure(Failed(old, overload), START)).reports == known.reports
    assert len(venue.state.positions) == 1


# ---- reports


def test_a_report_is_repeated_until_the_stream_has_it() -> None:
    """At once when the ack is missing, after half a second when the stream refuses, with one alert."""
    venue = Venue()
    (report,) = venue.buys().reports
    key = f"report {report.report}"
    assert reports_in(venue.paper.on_stored(StoredIn(key, error="timeout"), START)) == [report]
    effects = venue.paper.on_stored(StoredIn(key, error="full"), START)
    assert effects[-1] == SetTimer(key, START + 500_000)
    assert len(said_in(effects, Alert)) == 1
    assert reports_in(venue.paper.on_timer(TimerIn(key), START)) == [report]
    assert said_in(venue.paper.on_stored(StoredIn(key, error="full"), START), Alert) == []
    venue.paper.on_stored(StoredIn(key, 7), START)
    assert venue.state.outbox == {}
    assert list(venue.paper.on_timer(TimerIn(key), START)) == []


def test_the_book_learns_later_what_the_stream_has() -> None:
    """With the next order, or by itself after a second; nothing waits for it."""
    venue = Venue()
    (report,) = venue.buys().reports
    effects = venue.paper.on_stored(StoredIn(f"report {report.report}", 7), START)
    assert list(effects) == [SetTimer("marks", START + 1_000_000)]
    (store,) = venue.paper.on_timer(TimerIn("marks"), START + 1_000_000)
    assert isinstance(store, Store)
    assert store.statements[-1] == ("UPDATE reports SET stored = 1 WHERE report = ?", (report.report,))
    assert list(venue.paper.on_timer(TimerIn("marks"), START)) == []


def test_a_mark_that_could_not_be_written_comes_again() -> None:
    """The disk was full: a second later."""
    venue = Venue()
    (report,) = venue.buys().reports
    venue.paper.on_stored(StoredIn(f"report {report.report}", 7), START)
    timer = TimerIn("marks")
    venue.paper.on_timer(timer, START)
    assert list(venue.paper.on_failure(Failed(timer, FULL), START)) == [SetTimer("marks", START + 1_000_000)]
    assert writes(venue.paper.on_timer(timer, START)) == 1


def test_what_the_stream_may_not_have_is_sent_at_the_start() -> None:
    """In the order of the book, before anything else."""
    venue = Venue()
    venue.buys()
    venue.buys(order="s1-1-2")
    state = msgspec.json.decode(msgspec.json.encode(venue.state), type=PaperState)
    again = Venue(state, quote=False)
    assert reports_in(again.effects) == list(venue.state.outbox.values())
    assert [type(effect) for effect in again.effects][:4] == [Store, PublishStored, PublishStored, Publish]


# ---- telling


def test_a_hello_of_somebody_else_is_answered_with_account_and_positions() -> None:
    """By ticket. Its own hello is not."""
    venue = Venue()
    venue.buys()
    venue.buys(order="s1-1-2", side="sell")
    effects = venue.hear(Hello(actor="guard", role="guard"))
    assert [type(event).__name__ for event in said_in(effects, Event)] == [
        "AccountState",
        "PositionState",
        "PositionState",
    ]
    assert list(venue.hear(Hello(actor=f"gateway-{ACCOUNT}", role="gateway"))) == []


def test_the_link_back_is_told_with_a_hello() -> None:
    """The router then announces its epoch and asks."""
    venue = Venue()
    assert list(venue.paper.on_link(LinkChanged(up=False), START)) == []
    effects = venue.paper.on_link(LinkChanged(up=True), START)
    (hello,) = said_in(effects, Hello)
    assert isinstance(hello, Hello)
    assert (hello.role, hello.account) == ("gateway", ACCOUNT)
    assert len(said_in(effects, AccountState)) == 1


def test_the_account_is_told_when_it_changes_and_once_a_second_at_most() -> None:
    """Equity moves with the quote; a still market says nothing."""
    venue = Venue()
    venue.buys()
    assert said_in(venue.tick(1.1001, 1.1003), AccountState) == []
    venue.now += 1_000_000
    (account,) = said_in(venue.tick(1.1001, 1.1003), AccountState)
    assert isinstance(account, AccountState)
    assert account.equity == round(10_000 - 0.35 - 0.35 - 1.0, 2)
    assert account.margin == round(0.1 * 100_000 * 1.1003 / 100, 2)
    venue.now += 1_000_000
    assert said_in(venue.tick(1.1001, 1.1003), AccountState) == []


def test_no_equity_is_better_than_a_wrong_one() -> None:
    """After a start a position cannot be valued before its first quote: the account is not told, the position is."""
    venue = Venue()
    venue.buys()
    again = Venue(venue.state, quote=False)
    again.state.market.quotes.clear()
    effects = again.hear(Hello(actor="guard", role="guard"))
    assert said_in(effects, AccountState) == []
    assert len(said_in(effects, PositionState)) == 1


def test_a_quote_that_cannot_be_is_counted_and_not_used() -> None:
    """Crossed, off the grid, zero, or of a symbol without a specification."""
    venue = Venue()
    before = venue.state.market.quotes["EURUSD"]
    venue.tick(1.1003, 1.1002)
    venue.tick(1.100001, 1.1002)
    venue.tick(0.0, 1.1)
    venue.tick(1.3, 1.3001, symbol="GBPUSD")
    assert venue.state.market.quotes == {"EURUSD": before}
    assert venue.paper.gauges()["rejected_ticks"] == 4


def test_a_symbol_with_positions_keeps_its_digits() -> None:
    """They are in points; another specification is taken when they are closed."""
    venue = Venue()
    venue.buys()
    other = msgspec.structs.replace(SPEC, digits=4, point=0.0001)
    assert len(said_in(venue.hear(other), Alert)) == 1
    assert venue.state.market.specs["EURUSD"] == SPEC
    venue.closes(0.1)
    venue.hear(other)
    assert venue.state.market.quotes == {}


def test_simulated_time_is_told_of_each_tick_and_each_execution() -> None:
    """With the number of reports so far, by session, which outlives a restart."""
    venue = Venue(config=msgspec.structs.replace(CONFIG, sim=True))
    assert said_in(venue.effects, SimDone) == [SimDone(actor="gateway-paper", number=1)]
    venue.buys()
    assert said_in(venue.effects, SimDone) == [SimDone(actor="gateway-paper", number=1, reports={"s1": 1})]
    venue.buys(order="s2-1-1", volume=1000.0)
    assert said_in(venue.effects, SimDone) == []
    assert said_in(Venue().effects, SimDone) == []


def test_the_configuration_comes_from_the_settings() -> None:
    """One account's."""
    text = 'feed.venue = "demo"\n[[account]]\nid = "a"\ndeposit = 123.45\ncurrency = "EUR"\nleverage = 30\n'
    settings = parse(f'{text}commission = 2.5\n[[session]]\nid = "s"\naccount = "a"\n')
    assert config_from(settings, "a", PUBLIC) == PaperConfig(
        account="a",
        venue="demo",
        currency="EUR",
        deposit=12_345,
        leverage=30,
        commission=2.5,
        guard_public=PUBLIC,
    )
    with pytest.raises(KeyError):
        config_from(settings, "b", PUBLIC)


def test_it_asks_nobody_and_hears_only_its_own_account() -> None:
    """Ticks and orders in one lane: an order fills at the tick that led to it, or a later one."""
    venue = Venue()
    assert list(venue.paper.on_reply(ReplyIn("x"), START)) == []
    lanes = {one.subject: one.lane for one in venue.paper.subscriptions()}
    assert lanes["venue.order.paper"] == lanes["md.tick.paper.*"] == "data"
