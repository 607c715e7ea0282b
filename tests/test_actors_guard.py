"""The guard as an actor: who it believes, what it clears, what it never does, after restarts and lost links too."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from guard_desk import (
    CONFIG,
    MS,
    SECOND,
    SETTINGS,
    SPEC,
    START,
    TICK,
    Desk,
    alerts,
    connected,
    make_fill,
    make_terms,
    make_update,
    running,
)

from actors.effects import EventIn, Failed, Publish, PublishStored, SetTimer, StoredIn, TimerIn
from actors.guard import Guard, GuardState, config_from, recover
from actors.guard_case import Trading
from schemas.base import Event
from schemas.codec import decode, encode
from schemas.command import AuditEntry, RiskState
from schemas.health import Alert, Beat, HealthState, Hello
from schemas.order import OrderCleared, OrderIntent, OrderRefused, OrderState, OrderTerms, OrderUpdate, VenueReport
from schemas.settings import FeedSettings, GuardSettings

WAIT = 3 * SECOND + 2 * 250 * MS


@pytest.fixture
def desk() -> Desk:
    """A guard with everything there."""
    made = Desk()
    made.open_up()
    return made


def later(desk: Desk, number: int, **changes: Any) -> OrderTerms:
    """Terms submitted now."""
    return make_terms(number, submitted_at=desk.now, **changes)


def risk(scope: str, name: str, state: str, epoch: int = 1, reason: str = "by hand") -> RiskState:
    """A trading state on record."""
    fields: dict[str, Any] = {"scope": scope, "id": name, "state": state, "epoch": epoch, "reason": reason}
    return RiskState(**fields)


def cleared(desk: Desk) -> list[OrderCleared]:
    """Everything that the guard cleared."""
    effects = [out.effect for out in desk.outbox]
    return [one.event for one in effects if isinstance(one, Publish) and isinstance(one.event, OrderCleared)]


# ---- verdicts


def test_an_open_is_cleared_to_be_signed_with_the_guards_epoch(desk: Desk) -> None:
    """The handler leaves the signature to the runtime and copies the terms unchanged."""
    terms = later(desk, 1, comment="first")
    assert desk.ask(terms) == "open"
    (publish,) = [out.effect for out in desk.outbox if out.subject == "order.cleared.paper.ema"]
    assert publish == Publish(OrderCleared(terms=terms, order_class="open", epoch=1), sign=True)


def test_a_refusal_says_the_rule_the_limit_and_the_figure(desk: Desk) -> None:
    """On the subject of the session that asked, with the class if it got that far."""
    said = desk.hear(OrderIntent(terms=later(desk, 1, volume=0.06)))
    assert said[0] == OrderRefused(
        order="ema-1-1",
        account="paper",
        session="ema",
        rule="max_order_lots",
        limit="0.05 lots",
        actual="0.06 lots",
        order_class="open",
    )


def test_an_intents_reply_subject_is_never_used(desk: Desk) -> None:
    """A reply subject is an attacker's input."""
    intent = OrderIntent(terms=later(desk, 1))
    desk.take(EventIn("order.intent.paper.ema", intent, reply="order.cleared.paper.ema"))
    assert {type(out.effect) for out in desk.outbox} <= {Publish, PublishStored, SetTimer}
    assert len(cleared(desk)) == 1


def test_a_close_a_hedge_and_an_open_are_told_apart(desk: Desk) -> None:
    """By what they do, not by what they say."""
    desk.open_position(1, ticket=7, volume=0.03)
    assert desk.ask(later(desk, 2, side="sell", volume=0.02)) == "hedge"
    assert desk.ask(later(desk, 3, side="sell", volume=0.02)) == "open"
    assert desk.ask(later(desk, 4, side="sell", volume=0.03, position=7)) == "close"


def test_a_hedge_counts_what_is_in_flight(desk: Desk) -> None:
    """Two hedges that are each small enough do not turn the net together: the second one is an open."""
    desk.hear(risk("session", "ema", "reducing"))
    desk.hear(make_fill(make_terms(1, volume=0.03), 7))
    assert desk.ask(later(desk, 2, side="sell", volume=0.02)) == "hedge"
    assert desk.ask(later(desk, 3, side="sell", volume=0.02)) == "refused: trading_state"
    assert desk.ask(later(desk, 4, side="sell", volume=0.01)) == "hedge"
    assert desk.ask(later(desk, 5, side="sell", volume=0.01)) == "refused: trading_state"


def test_closes_together_never_exceed_the_position(desk: Desk) -> None:
    """What closes in flight may take is not there for another, until one of them ends without it."""
    desk.open_position(1, ticket=7, volume=0.05)
    first = later(desk, 2, side="sell", volume=0.03, position=7)
    assert desk.ask(first) == "close"
    assert desk.ask(later(desk, 3, side="sell", volume=0.03, position=7)) == "refused: position_volume"
    assert desk.ask(later(desk, 4, side="sell", volume=0.02, position=7)) == "close"
    assert desk.ask(later(desk, 5, side="sell", volume=0.01, position=7)) == "refused: position_volume"
    desk.hear(make_update(first, OrderState.SUBMITTING))
    desk.hear(make_update(first, OrderState.REJECTED, 2))
    assert desk.ask(later(desk, 6, side="sell", volume=0.03, position=7)) == "close"


def test_a_partly_filled_close_holds_back_only_its_rest(desk: Desk) -> None:
    """0.05 open, 0.03 ordered, 0.01 of it done: 0.02 are still held back of 0.04."""
    desk.open_position(1, ticket=7, volume=0.05)
    close = later(desk, 2, side="sell", volume=0.03, position=7)
    assert desk.ask(close) == "close"
    desk.hear(make_update(close, OrderState.SUBMITTING))
    desk.hear(make_fill(close, 7, 0.01, state=OrderState.PARTIALLY_FILLED))
    assert desk.ask(later(desk, 3, side="sell", volume=0.03, position=7)) == "refused: position_volume"
    assert desk.ask(later(desk, 4, side="sell", volume=0.02, position=7)) == "close"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"position": 8}, "position_known"),
        ({"position": -7}, "terms"),
        ({"position": 2**60}, "terms"),
        ({"session": "ema-2"}, "position_known"),
        ({"session": "far", "account": "other"}, "position_known"),
        ({"side": "buy"}, "position_side"),
        ({"symbol": "XAUUSD"}, "position_market"),
        ({"venue": "elsewhere"}, "position_market"),
        ({"volume": 0.04}, "position_volume"),
        ({"volume": 0.015}, "volume_grid"),
        ({"volume": 0.0}, "terms"),
        ({"volume": -0.01}, "terms"),
        ({"volume": 1e308}, "terms"),
        ({"kind": "limit", "price": 1.1}, "order_kind"),
        ({"kind": "close_by", "position_by": 8}, "order_kind"),
    ],
)
def test_a_close_that_is_none_is_refused(desk: Desk, changes: dict[str, Any], rule: str) -> None:
    """Naming a position does not make it a way in."""
    desk.open_position(1, ticket=7, volume=0.03)
    terms = later(desk, 2, **{"side": "sell", "position": 7, **changes})
    assert desk.ask(terms) == f"refused: {rule}"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"volume": 1e308}, "terms"),
        ({"volume": 1e-300}, "terms"),
        ({"volume": -1.0}, "terms"),
        ({"volume": 0.01 + 1e-6}, "volume_grid"),
        ({"bid": 1.2}, "intent_quote"),
        ({"bid": 1e308}, "terms"),
        ({"bid": -1.1}, "terms"),
        ({"bid": 0.0, "ask": 0.0}, "intent_quote"),
        ({"bid": 1.0, "ask": 1.0001}, "price_collar"),
        ({"sl": 1e308}, "terms"),
        ({"price": -1.0}, "terms"),
        ({"expires_at": 2**63}, "terms"),
        ({"expires_at": 0}, "expired"),
        ({"submitted_at": -1, "expires_at": START + SECOND}, "terms"),
        ({"symbol": "GBPUSD"}, "symbol_allowed"),
        ({"symbol": ""}, "symbol_allowed"),
        ({"venue": "elsewhere"}, "symbol_allowed"),
        ({"kind": "modify", "order": "ema-1-1"}, "order_kind"),
        ({"kind": "cancel", "order": "ema-1-1"}, "order_kind"),
        ({"comment": "x" * 100_000}, "terms"),
    ],
)
def test_an_open_with_figures_from_elsewhere_is_refused(desk: Desk, changes: dict[str, Any], rule: str) -> None:
    """Whatever JSON can carry gets a refusal and changes nothing that counts."""
    before = msgspec.json.encode(desk.guard.state.exposure)
    terms = make_terms(1, **changes)
    assert desk.ask(terms) == f"refused: {rule}"
    assert msgspec.json.encode(desk.guard.state.exposure) == before


def test_limit_and_stop_orders_pass_as_opens(desk: Desk) -> None:
    """On the price grid and within the collar of the quote."""
    assert desk.ask(later(desk, 1, kind="limit", price=1.099)) == "open"
    assert desk.ask(later(desk, 2, kind="stop", price=1.1105)) == "open"
    assert desk.ask(later(desk, 3, kind="stop", price=1.2)) == "refused: price_collar"
    assert desk.ask(later(desk, 4, kind="stop")) == "refused: price_grid"


# ---- who is believed


@pytest.mark.parametrize(
    ("changes", "subject", "rule"),
    [
        ({}, "order.intent.other.ema", "account_match"),
        ({}, "order.intent.paper.ema-2", "session_match"),
        ({"id": "ema-2-1-1"}, "", "order_id"),
        ({"id": "1"}, "", "order_id"),
        ({"id": ""}, "", "order_id"),
        ({"id": "ema-1-x"}, "", "order_id"),
    ],
)
def test_an_intent_is_judged_by_its_subject(desk: Desk, changes: dict[str, Any], subject: str, rule: str) -> None:
    """The refusal goes to whom the server says it is, and no id of anybody is used up."""
    said = desk.hear(OrderIntent(terms=later(desk, 1, **changes)), subject or "order.intent.paper.ema")
    refusal = said[0]
    assert isinstance(refusal, OrderRefused)
    assert refusal.rule == rule
    assert f"order.refused.{refusal.account}.{refusal.session}" == desk.outbox[-2].subject
    assert desk.outbox[-2].subject == (subject or "order.intent.paper.ema").replace("intent", "refused")
    assert desk.ask(later(desk, 1)) == "open"


def test_names_are_unescaped_before_they_are_compared() -> None:
    """An account `a.b` and a session `x y` travel as tokens."""
    settings = msgspec.structs.replace(SETTINGS, account=(msgspec.structs.replace(SETTINGS.account[0], id="a.b"),))
    desk = Desk(config=msgspec.structs.replace(config_from(settings), core={}))
    desk.open_up()
    desk.hear(running("x y", "a.b"))
    desk.hear(connected("a.b"))
    assert desk.ask(later(desk, 1, account="a.b", session="x y"), "order.intent.a=2Eb.x=20y") == "open"


@pytest.mark.parametrize(
    "subject",
    [
        "order.intent.paper",
        "order.intent.paper.ema.x",
        "order.intent.paper.e=6Da",
        "order.intent.paper.e=",
        "md.tick.a.b",
    ],
)
def test_an_intent_on_no_intents_subject_is_not_judged(desk: Desk, subject: str) -> None:
    """Nobody can be told, so people are."""
    assert alerts(desk.hear(OrderIntent(terms=later(desk, 1)), subject)) == ["misplaced"]
    assert cleared(desk) == []


@pytest.mark.parametrize(
    "forged",
    [
        make_fill(make_terms(1, volume=0.05), 7),
        make_update(make_terms(1), OrderState.REJECTED),
        running("ema", "other"),
        risk("portfolio", "floor", "halted"),
        risk("portfolio", "floor", "active", epoch=99),
        msgspec.structs.replace(TICK, bid=9.0, ask=9.1),
        msgspec.structs.replace(SPEC, volume_step=1e-8),
        connected("paper", up=False),
        Hello(actor="guard", role="guard"),
        HealthState(actor="recorder", state="alive", incarnation=99),
        Beat(actor="watch", state="running", incarnation=99),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_session_cannot_pass_off_other_events_as_intents(desk: Desk, forged: Event) -> None:
    """Its own subject is all it may publish on: what comes there and is no intent changes nothing."""
    first = later(desk, 1)
    assert desk.ask(first) == "open"
    before = msgspec.json.encode(desk.guard.state.exposure)
    assert alerts(desk.hear(forged, "order.intent.paper.ema")) == ["misplaced"]
    assert alerts(desk.hear(forged, "order.intent.paper.ema")) == []
    assert msgspec.json.encode(desk.guard.state.exposure) == before
    assert desk.ask(later(desk, 2)) == "open"


def test_an_id_is_judged_once(desk: Desk) -> None:
    """Cleared or refused, in flight or ended, again or out of order: the same id gets no second verdict."""
    terms = later(desk, 5)
    assert desk.ask(terms) == "open"
    assert desk.ask(terms) == "refused: duplicate_id"
    assert desk.ask(later(desk, 4)) == "refused: duplicate_id"
    desk.hear(make_update(terms, OrderState.SUBMITTING))
    desk.hear(make_update(terms, OrderState.REJECTED, 2))
    assert desk.ask(terms) == "refused: duplicate_id"
    refused = later(desk, 6, volume=0.06)
    assert desk.ask(refused) == "refused: max_order_lots"
    assert desk.ask(msgspec.structs.replace(refused, volume=0.01)) == "refused: duplicate_id"
    assert desk.ask(later(desk, 7, id="ema-2-1")) == "open"
    assert desk.ask(later(desk, 8)) == "refused: duplicate_id"


@pytest.mark.parametrize("state", ["starting", "stopped", "failed"])
def test_a_session_that_does_not_run_only_closes(desk: Desk, state: str) -> None:
    """A session that is unknown opens nothing either."""
    desk.open_position(1, ticket=7, volume=0.03)
    desk.hear(running("ema", state=state))
    assert desk.ask(later(desk, 2)) == "refused: session_running"
    assert desk.ask(later(desk, 3, side="sell", volume=0.01)) == "refused: session_running"
    assert desk.ask(later(desk, 4, side="sell", volume=0.01, position=7)) == "close"
    assert desk.ask(later(desk, 1, session="nobody")) == "refused: session_running"


# ---- trading states


@pytest.mark.parametrize(
    ("scope", "name", "stopped"),
    [
        ("portfolio", "floor", {"ema", "ema-2", "far"}),
        ("account", "paper", {"ema", "ema-2"}),
        ("session", "ema", {"ema"}),
        ("session", "paper", set()),
    ],
)
def test_the_strictest_scope_wins(desk: Desk, scope: str, name: str, stopped: set[str]) -> None:
    """A milder state of a narrower scope changes nothing."""
    desk.hear(risk(scope, name, "reducing"))
    if scope != "session":
        desk.hear(risk("session", "ema", "active"))
    verdicts = {
        session: desk.ask(later(desk, 1, session=session, account=account))
        for session, account in (("ema", "paper"), ("ema-2", "paper"), ("far", "other"))
    }
    assert {session for session, verdict in verdicts.items() if verdict == "refused: trading_state"} == stopped


def test_reducing_passes_closes_and_hedges_and_halted_nothing(desk: Desk) -> None:
    """A strategy has no way past HALTED, not even out."""
    desk.open_position(1, ticket=7, volume=0.05)
    desk.hear(risk("portfolio", "floor", "reducing"))
    assert desk.ask(later(desk, 2)) == "refused: trading_state"
    assert desk.ask(later(desk, 3, side="sell", volume=0.01)) == "hedge"
    assert desk.ask(later(desk, 4, side="sell", volume=0.01, position=7)) == "close"
    desk.hear(risk("account", "paper", "halted"))
    assert desk.ask(later(desk, 5)) == "refused: trading_state"
    assert desk.ask(later(desk, 6, side="sell", volume=0.01)) == "refused: trading_state"
    assert desk.ask(later(desk, 7, side="sell", volume=0.01, position=7)) == "refused: trading_state"


def test_a_state_of_an_older_guard_or_its_own_echo_is_no_news(desk: Desk) -> None:
    """Late messages of the past do not open the floor again."""
    desk.hear(risk("portfolio", "floor", "reducing"))
    desk.hear(risk("portfolio", "floor", "active", epoch=0))
    desk.hear(msgspec.structs.replace(risk("portfolio", "floor", "active"), source="guard"))
    assert desk.ask(later(desk, 1)) == "refused: trading_state"


# ---- data that is missing or old


def test_nothing_opens_before_specification_account_and_tick_are_there() -> None:
    """Each is asked for in turn; a specification may come late."""
    desk = Desk()
    desk.start()
    desk.hear(running("ema"))
    assert desk.ask(later(desk, 1)) == "refused: symbol_spec"
    desk.hear(SPEC)
    assert desk.ask(later(desk, 2)) == "refused: account_state"
    desk.hear(connected("paper", up=False))
    assert desk.ask(later(desk, 3)) == "refused: account_state"
    desk.hear(connected("paper"))
    assert desk.ask(later(desk, 4)) == "refused: max_tick_age"
    desk.hear(msgspec.structs.replace(TICK, venue="elsewhere"))
    assert desk.ask(later(desk, 5)) == "refused: max_tick_age"
    desk.hear(TICK)
    assert desk.ask(later(desk, 6)) == "open"


def test_the_age_of_a_tick_is_by_its_arrival_here(desk: Desk) -> None:
    """What the venue wrote on it does not matter."""
    desk.pass_time(6 * SECOND)
    assert desk.ask(later(desk, 1)) == "refused: max_tick_age"
    desk.hear(msgspec.structs.replace(TICK, at=1))
    assert desk.ask(later(desk, 2)) == "open"


def test_a_crossed_tick_takes_the_quote_away(desk: Desk) -> None:
    """Nothing opens until a good one comes."""
    desk.quote(1.2, 1.1)
    assert desk.ask(later(desk, 1)) == "refused: max_tick_age"
    desk.quote()
    assert desk.ask(later(desk, 2)) == "open"


def test_a_market_that_ran_away_from_the_strategys_quote_is_not_chased(desk: Desk) -> None:
    """More than the collar, up or down."""
    desk.quote(1.1201, 1.1202)
    assert desk.ask(later(desk, 1)) == "refused: price_collar"
    desk.quote(1.0799, 1.08)
    assert desk.ask(later(desk, 2)) == "refused: price_collar"
    desk.quote(1.12, 1.1201)
    assert desk.ask(later(desk, 3)) == "open"


def test_an_absurd_specification_stops_opens_and_full_closes_pass(desk: Desk) -> None:
    """People are told."""
    desk.open_position(1, ticket=7, volume=0.05)
    assert alerts(desk.hear(msgspec.structs.replace(SPEC, volume_step=0.0))) == ["absurd_spec"]
    assert desk.ask(later(desk, 2)) == "refused: symbol_spec"
    assert desk.ask(later(desk, 3, side="sell", volume=0.02, position=7)) == "refused: symbol_spec"
    assert desk.ask(later(desk, 4, side="sell", volume=0.05, position=7)) == "close"


def test_an_unknown_order_stops_opens_of_its_session_only(desk: Desk) -> None:
    """Until it is settled; closes pass, and it counts as filled."""
    desk.open_position(1, ticket=7, volume=0.03)
    lost = later(desk, 2, volume=0.04)
    assert desk.ask(lost) == "open"
    desk.hear(make_update(lost, OrderState.SUBMITTING))
    desk.hear(make_update(lost, OrderState.UNKNOWN, 2))
    desk.pass_time(4 * SECOND)
    desk.quote()
    assert desk.ask(later(desk, 3)) == "refused: unknown_order"
    assert desk.ask(later(desk, 4, side="sell", volume=0.03, position=7)) == "close"
    assert desk.ask(later(desk, 1, session="ema-2", volume=0.04)) == "refused: max_symbol_lots"
    desk.hear(make_update(lost, OrderState.EXPIRED, 3))
    assert desk.ask(later(desk, 5)) == "open"


# ---- the link


def test_a_lost_link_stops_opens_until_fresh_ticks_and_states(desk: Desk) -> None:
    """Closes pass all the time."""
    desk.open_position(1, ticket=7, volume=0.05)
    desk.link(up=False)
    assert desk.ask(later(desk, 2)) == "refused: link"
    assert desk.ask(later(desk, 3, side="sell", volume=0.01, position=7)) == "close"
    assert [type(event) for event in desk.link(up=True)] == [Hello]
    assert desk.ask(later(desk, 4)) == "refused: account_state"
    desk.hear(connected("paper"))
    assert desk.ask(later(desk, 5)) == "refused: max_tick_age"
    assert desk.ask(later(desk, 6, side="sell", volume=0.01, position=7)) == "close"
    desk.quote()
    assert desk.ask(later(desk, 7)) == "open"


def test_without_a_link_no_clearance_is_given_up(desk: Desk) -> None:
    """Its update may be among what was missed: it is released when that has been read."""
    taken, dropped = later(desk, 1, volume=0.05), later(desk, 2, volume=0.05)
    assert [desk.ask(taken), desk.ask(dropped)] == ["open", "open"]
    desk.link(up=False)
    desk.pass_time(10 * SECOND)
    assert set(desk.guard.state.exposure.orders) == {taken.id, dropped.id}
    desk.hear(make_update(taken, OrderState.SUBMITTING))
    desk.link(up=True)
    assert set(desk.guard.state.exposure.orders) == {taken.id}


# ---- reservations


def test_a_cap_counts_clearances_that_nobody_has_taken_up_yet(desk: Desk) -> None:
    """And frees them after their time, by its own timer."""
    assert desk.ask(later(desk, 1, volume=0.05)) == "open"
    desk.pass_time(SECOND)
    assert desk.ask(later(desk, 2, volume=0.05)) == "open"
    assert desk.ask(later(desk, 3)) == "refused: max_symbol_lots"
    desk.pass_time(2 * SECOND + 250 * MS)
    desk.quote()
    assert desk.ask(later(desk, 4)) == "refused: max_symbol_lots"
    desk.pass_time(1)
    assert desk.ask(later(desk, 5, volume=0.05)) == "open"
    assert desk.ask(later(desk, 6)) == "refused: max_symbol_lots"
    assert desk.guard.gauges()["released"] == 1


def test_a_short_clearance_is_released_before_a_long_one(desk: Desk) -> None:
    """Each at its own time, whichever came first."""
    long, short = later(desk, 1), later(desk, 2, expires_at=desk.now + SECOND)
    assert [desk.ask(long), desk.ask(short)] == ["open", "open"]
    desk.pass_time(SECOND + 250 * MS + 1)
    assert set(desk.guard.state.exposure.orders) == {long.id}
    desk.pass_time(2 * SECOND)
    assert desk.guard.state.exposure.orders == {}


def test_caps_hold_across_the_sessions_of_an_account(desk: Desk) -> None:
    """Lots by symbol and account and the number of positions; another account has its own."""
    desk.open_position(1, ticket=1, volume=0.05)
    desk.open_position(1, ticket=2, volume=0.05, session="ema-2")
    assert desk.ask(later(desk, 2)) == "refused: max_symbol_lots"
    gold = {"symbol": "XAUUSD", "bid": 1500.0, "ask": 1500.2}
    desk.open_position(3, ticket=3, volume=0.04, **gold)
    assert desk.ask(later(desk, 4, volume=0.02, **gold)) == "refused: max_account_lots"
    desk.open_position(5, ticket=4, volume=0.01, **gold)
    desk.hear(make_fill(make_terms(90, side="sell", volume=0.05, position=1), 1))
    assert desk.ask(later(desk, 91, volume=0.01, **gold)) == "open"
    assert desk.ask(later(desk, 92, volume=0.01, **gold)) == "refused: max_positions"
    assert desk.ask(later(desk, 1, session="far", account="other", volume=0.05)) == "open"


# ---- starts


def history(desk: Desk, *updates: OrderUpdate) -> list[Event]:
    """What ORDERS holds: what this guard stored, the session, and these updates."""
    stored = [out.data for out in desk.outbox if isinstance(out.effect, PublishStored)]
    return [*(decode(data) for data in stored), running("ema"), *(decode(encode(update)) for update in updates)]


def test_a_guard_says_hello_when_its_start_is_on_record() -> None:
    """With its epoch and the trading state of the floor; before that it clears nothing, closes included."""
    desk = Desk(recover(CONFIG, [make_fill(make_terms(1, volume=0.05), 7)]))
    assert desk.start(error="timeout") == []
    assert desk.guard.describe() == "recovering"
    close = {"side": "sell", "volume": 0.01, "position": 7}
    assert desk.ask(later(desk, 2, **close)) == "refused: recovering"
    announced = [out.effect for out in desk.outbox if isinstance(out.effect, PublishStored)]
    event = RiskState(scope="portfolio", id="floor", state="active", epoch=1, reason="configured")
    assert announced == [PublishStored(event, "announce", "guard-1-1")] * 2
    assert desk.take(StoredIn("announce", 1)) == [Hello(actor="guard", role="guard")]
    assert desk.take(StoredIn("announce", 1)) == []
    assert desk.guard.describe() == "running"
    desk.hear(SPEC)
    assert desk.ask(later(desk, 3, **close)) == "close"


def test_a_guard_that_nobody_asks_anything_says_when_its_wait_is_over() -> None:
    """A person who looks must not be told that it is still recovering a minute later."""
    former = Desk()
    former.start()
    desk = Desk(recover(CONFIG, history(former)), incarnation=2)
    desk.start()
    desk.pass_time(CONFIG.limits.lifetime_us + 2 * CONFIG.limits.skew_us)
    assert desk.guard.describe() == "recovering"
    desk.pass_time(1)
    assert desk.guard.describe() == "running"


def test_a_start_that_cannot_be_stored_is_tried_again_and_people_are_told() -> None:
    """Once a second."""
    desk = Desk()
    assert alerts(desk.start(error="full")) == ["not_stored"]
    desk.pass_time(SECOND)
    assert [out.subject for out in desk.outbox][-1] == "risk.state.portfolio.floor"
    assert alerts(desk.take(StoredIn("announce", 0, "full"))) == []
    desk.take(StoredIn("announce", 5))
    outgoing = len(desk.outbox)
    desk.pass_time(2 * SECOND)
    assert len(desk.outbox) == outgoing


def test_after_a_predecessor_nothing_is_cleared_until_all_it_cleared_is_dead(desk: Desk) -> None:
    """Closes wait too; then what is in ORDERS is open and the rest never was."""
    taken, lost = later(desk, 1, volume=0.05), later(desk, 2, volume=0.05)
    assert [desk.ask(taken), desk.ask(lost)] == ["open", "open"]
    state = recover(CONFIG, history(desk, make_update(taken, OrderState.SUBMITTING), make_fill(taken, 7)))
    heir = Desk(state, incarnation=2)
    heir.open_up()
    close = {"side": "sell", "volume": 0.01, "position": 7}
    assert heir.ask(later(heir, 3, **close)) == "refused: recovering"
    heir.pass_time(WAIT)
    heir.quote()
    assert heir.ask(later(heir, 4, **close)) == "refused: recovering"
    heir.pass_time(1)
    assert heir.ask(later(heir, 5, **close)) == "close"
    assert heir.ask(taken) == "refused: duplicate_id"
    assert heir.ask(later(heir, 6, volume=0.05)) == "open"
    assert heir.ask(later(heir, 7)) == "refused: max_symbol_lots"


def test_ids_on_record_stay_used_after_a_restart(desk: Desk) -> None:
    """With fresh times as well."""
    terms = later(desk, 9)
    assert desk.ask(terms) == "open"
    heir = Desk(recover(CONFIG, history(desk, make_update(terms, OrderState.REJECTED))), incarnation=2)
    heir.open_up()
    heir.pass_time(WAIT + 1)
    heir.quote()
    assert heir.ask(later(heir, 9)) == "refused: duplicate_id"
    assert heir.ask(later(heir, 8)) == "refused: duplicate_id"
    assert heir.ask(later(heir, 10)) == "open"


def test_an_update_of_a_predecessors_clearance_that_comes_late_still_counts(desk: Desk) -> None:
    """The router stored it while no guard was there, or just after this one had read the stream."""
    early, late = later(desk, 1, volume=0.05), later(desk, 2, volume=0.05)
    heir = Desk(recover(CONFIG, history(desk, make_update(late, OrderState.SUBMITTING))), incarnation=2)
    heir.open_up()
    heir.hear(make_update(early, OrderState.SUBMITTING))
    heir.hear(make_fill(early, 7))
    heir.pass_time(WAIT + 1)
    heir.quote()
    assert heir.ask(later(heir, 3)) == "refused: max_symbol_lots"
    assert heir.ask(later(heir, 4, side="sell", volume=0.05, position=7)) == "close"


def test_simulated_time_begins_the_wait_with_the_first_tick() -> None:
    """At the start there is no time yet."""
    desk = Desk(recover(CONFIG, [risk("portfolio", "floor", "active", reason="configured")]), incarnation=2)
    desk.now = 0
    desk.start()
    desk.now = START
    desk.hear(running("ema"))
    for event in (SPEC, connected("paper"), TICK):
        desk.hear(event)
    assert desk.ask(later(desk, 1)) == "refused: recovering"
    desk.pass_time(WAIT + 1)
    desk.quote()
    assert desk.ask(later(desk, 2)) == "open"


@pytest.mark.parametrize(
    ("configured", "recorded", "expected", "reason"),
    [
        ("active", [], "active", "configured"),
        ("reducing", [], "reducing", "configured"),
        ("active", [("reducing", "configured")], "active", "configured"),
        ("active", [("reducing", "daily loss")], "reducing", "daily loss"),
        ("active", [("reducing", "daily loss"), ("reducing", "configured")], "reducing", "daily loss"),
        ("active", [("halted", "x"), ("active", "by a person")], "active", "configured"),
        ("halted", [("reducing", "daily loss")], "halted", "configured"),
        ("reducing", [("active", "by a person")], "reducing", "configured"),
        ("active", [("reducing", "")], "reducing", "on record"),
    ],
)
def test_the_stricter_of_settings_and_record_applies_after_a_start(
    configured: Trading, recorded: list[tuple[str, str]], expected: Trading, reason: str
) -> None:
    """A decision on record survives; what a start only repeated from its settings does not."""
    config = config_from(msgspec.structs.replace(SETTINGS, guard=GuardSettings(state=configured)))
    state = recover(config, [risk("portfolio", "floor", one, reason=why) for one, why in recorded])
    desk = Desk(state, config=config, incarnation=2)
    desk.start()
    (stored,) = [out.effect.event for out in desk.outbox if isinstance(out.effect, PublishStored)]
    assert stored == RiskState(scope="portfolio", id="floor", state=expected, epoch=2, reason=reason)


def test_what_it_does_not_need_of_the_record_is_passed_over() -> None:
    """ORDERS holds venue reports and audit entries too."""
    report = VenueReport(report="r", account="paper", session="ema", order="ema-1-1", kind="fill", deal=None)
    entry = AuditEntry(number=1, user="x", action="up", scope="floor", result="ok")
    assert msgspec.json.encode(recover(CONFIG, [report, entry])) == msgspec.json.encode(GuardState())


def test_trading_states_of_accounts_and_sessions_survive() -> None:
    """The last one on record counts."""
    record = [risk("account", "paper", "reducing"), risk("session", "far", "halted"), risk("session", "ema", "halted")]
    heir = Desk(recover(CONFIG, [*record, risk("session", "ema", "active")]), incarnation=2)
    heir.open_up()
    heir.pass_time(WAIT + 1)
    heir.quote()
    assert heir.ask(later(heir, 1)) == "refused: trading_state"
    assert heir.ask(later(heir, 1, session="far", account="other")) == "refused: trading_state"


def test_a_guard_that_was_replaced_says_no_more(desk: Desk) -> None:
    """Its successor answers every intent; two verdicts on one order would contradict each other."""
    assert alerts(desk.hear(risk("portfolio", "floor", "active", epoch=2))) == ["superseded"]
    assert desk.hear(OrderIntent(terms=later(desk, 1))) == []
    assert desk.guard.refuse_overflow(EventIn("order.intent.paper.ema", OrderIntent(terms=later(desk, 2))), 0) == []
    assert desk.guard.describe() == "superseded"
    late = Desk(recover(CONFIG, [risk("portfolio", "floor", "active", epoch=5)]), incarnation=4)
    assert alerts(late.start()) == ["superseded"]
    assert not any(isinstance(out.effect, PublishStored) for out in late.outbox)


def test_the_state_stays_small() -> None:
    """A hundred thousand orders, all ended, leave some hundred kilobytes."""
    updates = (make_update(make_terms(number), OrderState.REJECTED) for number in range(1, 100_001))
    assert len(msgspec.json.encode(recover(CONFIG, updates))) < 200_000


# ---- failures


def test_an_overflow_is_refused_without_touching_the_state(desk: Desk) -> None:
    """By the runtime's hook, and when the runtime reports it as a failure; other messages lead to nothing."""
    before = msgspec.json.encode(desk.guard.state)
    intent = EventIn("order.intent.paper.ema", OrderIntent(terms=later(desk, 1)))
    refused = OrderRefused(
        order="ema-1-1",
        account="paper",
        session="ema",
        rule="overload",
        limit="room in the guard's mailbox",
        actual="full",
    )
    assert list(desk.guard.refuse_overflow(intent, desk.now)) == [Publish(refused)]
    assert desk.take(Failed(intent, "overload: the mailbox is full")) == [refused]
    tick = EventIn("md.tick.paper.EURUSD", TICK)
    assert list(desk.guard.refuse_overflow(tick, desk.now)) == []
    assert desk.take(Failed(tick, "overload: the mailbox is full")) == []
    assert msgspec.json.encode(desk.guard.state) == before


def test_an_intent_that_cannot_be_judged_is_refused(desk: Desk) -> None:
    """And what was reserved for it is still released in its time."""
    terms = later(desk, 1)
    assert desk.ask(terms) == "open"
    desk.timers.clear()
    said = desk.take(Failed(EventIn("order.intent.paper.ema", OrderIntent(terms=terms)), "KeyError: 'x'"))
    assert [event.rule for event in said if isinstance(event, OrderRefused)] == ["internal"]
    desk.pass_time(4 * SECOND)
    assert desk.guard.state.exposure.orders == {}


def test_an_update_that_cannot_be_taken_in_stops_opens(desk: Desk) -> None:
    """What is open is not known any more; closes pass."""
    desk.open_position(1, ticket=7, volume=0.03)
    update = make_update(make_terms(9), OrderState.SUBMITTING)
    assert alerts(desk.take(Failed(EventIn("order.update.paper.ema.ema-1-9", update), "KeyError: 'x'"))) == [
        "bookkeeping"
    ]
    assert desk.ask(later(desk, 10)) == "refused: bookkeeping"
    assert desk.ask(later(desk, 11, side="sell", volume=0.03, position=7)) == "close"


def test_a_failed_timer_does_not_lose_the_reservations(desk: Desk) -> None:
    """The next one is set."""
    assert desk.ask(later(desk, 1)) == "open"
    desk.timers.clear()
    desk.take(Failed(TimerIn("release"), "KeyError: 'x'"))
    assert "release" in desk.timers


# ---- alerts


def test_people_are_told_once_by_session_and_rule_until_it_recovers(desk: Desk) -> None:
    """Each refusal is published; the alert is not repeated."""
    told = [alerts(desk.hear(OrderIntent(terms=later(desk, n, volume=0.06)))) for n in (1, 2, 3)]
    assert told == [["max_order_lots"], [], []]
    other = later(desk, 1, session="ema-2", volume=0.06)
    assert alerts(desk.hear(OrderIntent(terms=other))) == ["max_order_lots"]
    assert desk.ask(later(desk, 4, volume=0.05)) == "open"
    assert alerts(desk.hear(OrderIntent(terms=later(desk, 5, volume=0.06)))) == ["max_order_lots"]


def test_a_close_that_passes_does_not_end_an_alert_of_opens(desk: Desk) -> None:
    """It has not been asked that rule."""
    desk.open_position(1, ticket=7, volume=0.05)
    desk.hear(risk("session", "ema", "reducing"))
    assert alerts(desk.hear(OrderIntent(terms=later(desk, 2)))) == ["trading_state"]
    assert desk.ask(later(desk, 3, side="sell", volume=0.01, position=7)) == "close"
    assert alerts(desk.hear(OrderIntent(terms=later(desk, 4)))) == []


def test_an_alert_names_the_session_and_the_figures(desk: Desk) -> None:
    """For people to read."""
    said = desk.hear(OrderIntent(terms=later(desk, 1, volume=0.06)))
    assert said[1] == Alert(
        severity="warning",
        code="max_order_lots",
        text="session ema: ema-1-1 refused by max_order_lots: 0.06 lots, limit 0.05 lots",
        actor="guard",
        values={"session": "ema"},
    )


# ---- the rest


def test_what_it_wants_is_in_the_right_lane_and_from_the_right_stream() -> None:
    """Ticks and intents share the data lane, in order; updates are never refused and never missed."""
    wanted = {one.subject: (one.lane, one.stream) for one in Desk().guard.subscriptions()}
    assert wanted == {
        "order.update.*.*.*": ("control", "ORDERS"),
        "session.state.*": ("control", "ORDERS"),
        "risk.state.*.*": ("control", "ORDERS"),
        "health.state.*": ("control", ""),
        "health.beat.watch": ("control", ""),
        "account.state.*": ("control", ""),
        "account.position.*.*": ("control", ""),
        "md.spec.*.*": ("data", ""),
        "md.tick.*.*": ("data", ""),
        "order.intent.*.*": ("data", ""),
    }


def test_the_configuration_comes_from_the_settings() -> None:
    """A paper account trades on the feed's quotes, whatever the feed's venue is called."""
    settings = msgspec.structs.replace(SETTINGS, feed=FeedSettings(venue="replay"))
    config = config_from(settings)
    assert config.accounts == {"paper": "replay", "other": "replay"}
    assert config.sessions == {"ema": "paper", "ema-2": "paper", "far": "other"}
    assert msgspec.json.decode(msgspec.json.encode(config), type=type(config)) == config


def test_the_gauges_count(desk: Desk) -> None:
    """For the beat."""
    desk.ask(later(desk, 1))
    desk.ask(later(desk, 1))
    gauges = desk.guard.gauges()
    assert (gauges["intents"], gauges["cleared"], gauges["refused"], gauges["in_flight"]) == (2, 1, 1, 1)
    assert isinstance(Guard("guard", 1, CONFIG, GuardState()).gauges(), dict)
