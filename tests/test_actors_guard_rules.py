"""The guard's rules: each passes at its limit, refuses just beyond it, and says so with units."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from guard_desk import LIMITS, MS, SECOND, SETTINGS, SPEC, START, TICK, make_case, make_fill, make_terms, make_update
from hypothesis import given
from hypothesis import strategies as st

from actors import guard_entry, guard_rules
from actors.guard_case import Member, Quote, Refusal, Rule, classify, instrument_of, limits_from, order_number, quote_of
from actors.guard_rules import BY_CLASS, EVERY, IDENTITY, first_refusal
from schemas.order import OrderState, OrderTerms
from schemas.settings import GuardSettings

Changes = dict[str, Any]
LONG = make_fill(make_terms(1, volume=0.05), 7)
"""0.05 lots bought by session ema: position 7."""
CLOSING = make_update(make_terms(2, side="sell", volume=0.02, position=7), OrderState.SUBMITTING)
SELL: Changes = {"side": "sell", "position": 7}


def of(rule: Rule) -> str:
    """A rule's name, for the test's."""
    return getattr(rule, "__name__", "")


# Rule, changes that pass at the limit, changes just beyond it, the refusal.
TABLE: list[tuple[Rule, Changes, Changes, tuple[str, str, str]]] = [
    (
        guard_rules.account_match,
        {},
        {"terms": {"account": "other"}},
        ("account_match", "account paper", "account 'other'"),
    ),
    (
        guard_rules.session_match,
        {},
        {"terms": {"session": "ema-2"}},
        ("session_match", "session ema", "session 'ema-2'"),
    ),
    (
        guard_rules.order_id,
        {},
        {"number": None, "terms": {"id": "x1"}},
        ("order_id", "ema-<incarnation>-<counter>", "'x1'"),
    ),
    (
        guard_rules.duplicate_id,
        {"claimed": (1, 99)},
        {"claimed": (1, 100)},
        ("duplicate_id", "an id after ema-1-100", "ema-1-100"),
    ),
    (
        guard_rules.terms_sane,
        {"terms": {"volume": 1e-8}},
        {"terms": {"volume": 1e-9}},
        ("terms", "a volume above 0 and below 1e+09 lots", "1e-09 lots"),
    ),
    (
        guard_rules.terms_sane,
        {"terms": {"sl": 999_999_999.0}},
        {"terms": {"sl": 1e9}},
        ("terms", "sl from 0 to 1e+09", "sl 1e+09"),
    ),
    (
        guard_rules.terms_sane,
        {"terms": {"position": 2**53 - 1}},
        {"terms": {"position": 2**53}},
        ("terms", "tickets and times from 0 to 2^53", "one that is not"),
    ),
    (
        guard_rules.terms_sane,
        {"terms": {"comment": "x" * 503}},
        {"terms": {"comment": "x" * 504}},
        ("terms", "at most 512 characters of text", "more"),
    ),
    (
        guard_rules.expired,
        {"now": START + 3 * SECOND},
        {"now": START + 3 * SECOND + 1},
        ("expired", "0 ms past expires_at", "0.001 ms past expires_at"),
    ),
    (
        guard_rules.intent_lifetime,
        {"terms": {"expires_at": START + 3250 * MS}},
        {"terms": {"expires_at": START + 3250 * MS + 1}},
        ("intent_lifetime", "expires in 3250 ms at most", "expires in 3250.001 ms"),
    ),
    (
        guard_rules.submitted_at,
        {"terms": {"submitted_at": START + 250 * MS}},
        {"terms": {"submitted_at": START + 251 * MS}},
        ("submitted_at", "submitted 250 ms ahead at most", "251 ms ahead"),
    ),
    (
        guard_rules.recovering,
        {"to_go_us": 0},
        {"to_go_us": 1},
        ("recovering", "recovery finished", "0.001 ms to go"),
    ),
    (
        guard_rules.recovering,
        {"to_go_us": 0},
        {"to_go_us": -1},
        ("recovering", "recovery finished", "the guard's start is not stored yet"),
    ),
    (
        guard_rules.order_kind,
        {"terms": {"kind": "limit", "price": 1.1}},
        {"terms": {"kind": "limit", "price": 1.1, "position": 7}},
        ("order_kind", "market for an order that names a position", "limit"),
    ),
    *(
        (
            guard_rules.order_kind,
            {"terms": {"kind": "stop"}},
            {"terms": {"kind": kind, "position": position}},
            ("order_kind", "market, limit or stop", f"{kind}: unsupported in this version"),
        )
        for kind in ("modify", "cancel", "close_by")
        for position in (0, 7)
    ),
    (
        guard_rules.halted,
        {"trading": "reducing"},
        {"trading": "halted", "scope": "account paper"},
        ("trading_state", "active or reducing", "halted (account paper)"),
    ),
    (
        guard_rules.position_known,
        {"opened": [LONG], "terms": SELL},
        {"opened": [LONG], "terms": {**SELL, "position": 8}},
        ("position_known", "an open position of account paper", "8: none"),
    ),
    (
        guard_rules.position_known,
        {"opened": [LONG], "terms": SELL},
        {"opened": [LONG], "terms": SELL, "session": "ema-2"},
        ("position_known", "a position of session ema-2", "opened by session ema"),
    ),
    (
        guard_rules.position_market,
        {"opened": [LONG], "terms": SELL},
        {"opened": [LONG], "terms": {**SELL, "symbol": "XAUUSD"}},
        ("position_market", "EURUSD at paper", "'XAUUSD' at 'paper'"),
    ),
    (
        guard_rules.position_market,
        {"opened": [LONG], "terms": SELL},
        {"opened": [LONG], "terms": {**SELL, "venue": "live"}},
        ("position_market", "EURUSD at paper", "'EURUSD' at 'live'"),
    ),
    (
        guard_rules.position_side,
        {"opened": [LONG], "terms": SELL},
        {"opened": [LONG], "terms": {"side": "buy", "position": 7}},
        ("position_side", "sell, to close a buy", "buy"),
    ),
    (
        guard_rules.position_volume,
        {"opened": [LONG, CLOSING], "terms": {**SELL, "volume": 0.03}},
        {"opened": [LONG, CLOSING], "terms": {**SELL, "volume": 0.04}},
        ("position_volume", "0.03 lots (0.05 open less 0.02 being closed)", "0.04 lots"),
    ),
    (
        guard_rules.close_grid,
        {"opened": [LONG], "terms": {**SELL, "volume": 0.04}},
        {"opened": [LONG], "terms": {**SELL, "volume": 0.045}},
        ("volume_grid", "0.01 lots + n x 0.01 lots", "0.045 lots"),
    ),
    (
        guard_rules.close_grid,
        {"opened": [LONG], "terms": {**SELL, "volume": 0.05}, "instrument": None},
        {"opened": [LONG], "terms": {**SELL, "volume": 0.04}, "instrument": None},
        ("symbol_spec", "a specification of EURUSD", "none since the guard's start"),
    ),
    (
        guard_entry.account_known,
        {},
        {"venue": None},
        ("account_known", "an account of this floor", "account paper"),
    ),
    (
        guard_entry.session_running,
        {},
        {"member": None},
        ("session_running", "session ema running", "no such session"),
    ),
    *(
        (
            guard_entry.session_running,
            {"member": Member("paper", "running", ())},
            {"member": Member("paper", state, ())},
            ("session_running", "session ema running", state),
        )
        for state in ("starting", "stopped", "failed")
    ),
    (
        guard_entry.session_running,
        {},
        {"member": Member("other", "running", ())},
        ("session_running", "session ema on account other", "account paper"),
    ),
    (
        guard_entry.session_running,
        {},
        {"home": "other"},
        ("session_running", "session ema on account other", "account paper"),
    ),
    (
        guard_entry.symbol_allowed,
        {"member": Member("paper", "running", ("XAUUSD", "EURUSD"))},
        {"member": Member("paper", "running", ("XAUUSD", "GBPUSD"))},
        ("symbol_allowed", "XAUUSD, GBPUSD", "'EURUSD'"),
    ),
    (
        guard_entry.symbol_allowed,
        {},
        {"terms": {"venue": "live"}},
        ("symbol_allowed", "venue paper", "venue 'live'"),
    ),
    (
        guard_entry.symbol_spec,
        {},
        {"instrument": None},
        ("symbol_spec", "a specification of EURUSD", "none since the guard's start"),
    ),
    (
        guard_entry.volume_grid,
        {"terms": {"volume": 0.1 + 0.2}},
        {"terms": {"volume": 0.300001}},
        ("volume_grid", "0.01 lots + n x 0.01 lots", "0.300001 lots"),
    ),
    (
        guard_entry.volume_grid,
        {"terms": {"volume": 0.030000004}},
        {"terms": {"volume": 0.030000006}},
        ("volume_grid", "0.01 lots + n x 0.01 lots", "0.030000006 lots"),
    ),
    (
        guard_entry.volume_grid,
        {"terms": {"volume": 0.01}},
        {"terms": {"volume": 0.005}},
        ("volume_grid", "0.01 lots + n x 0.01 lots", "0.005 lots"),
    ),
    (
        guard_entry.volume_max,
        {"terms": {"volume": 50.0}},
        {"terms": {"volume": 50.01}},
        ("volume_max", "50 lots", "50.01 lots"),
    ),
    (
        guard_entry.max_order_lots,
        {"terms": {"volume": 0.05}},
        {"terms": {"volume": 0.06}},
        ("max_order_lots", "0.05 lots", "0.06 lots"),
    ),
    (
        guard_entry.max_symbol_lots,
        {"opened": [LONG], "terms": {"volume": 0.05}},
        {"opened": [LONG], "terms": {"volume": 0.06}},
        ("max_symbol_lots", "0.1 lots of EURUSD", "0.11 lots"),
    ),
    (
        guard_entry.max_account_lots,
        {"opened": [LONG], "terms": {"volume": 0.1}},
        {"opened": [LONG], "terms": {"volume": 0.11}},
        ("max_account_lots", "0.15 lots", "0.16 lots"),
    ),
    (
        guard_entry.max_positions,
        {"opened": [make_fill(make_terms(n), n) for n in (1, 2, 3)]},
        {"opened": [make_fill(make_terms(n), n) for n in (1, 2, 3, 4)]},
        ("max_positions", "4 positions", "5 positions"),
    ),
    (
        guard_entry.price_grid,
        {"terms": {"kind": "limit", "price": 1.09999}},
        {"terms": {"kind": "limit", "price": 1.099995}},
        ("price_grid", "multiples of 1e-05", "price 1.099995"),
    ),
    (
        guard_entry.price_grid,
        {"terms": {"sl": 1.09}},
        {"terms": {"sl": 1.0900001}},
        ("price_grid", "multiples of 1e-05", "sl 1.0900001"),
    ),
    (
        guard_entry.price_grid,
        {"terms": {"kind": "stop", "price": 1.2}},
        {"terms": {"kind": "stop"}},
        ("price_grid", "a price for a stop order", "none"),
    ),
    (
        guard_entry.reducing,
        {},
        {"trading": "reducing", "scope": "session ema"},
        ("trading_state", "active", "reducing (session ema)"),
    ),
    (guard_entry.link, {}, {"link": False}, ("link", "connected to the bus", "link lost")),
    (
        guard_entry.core_actor,
        {"ailing": ""},
        {"ailing": "recorder dead: was killed by signal 9"},
        ("core_actor", "every core actor alive", "recorder dead: was killed by signal 9"),
    ),
    (
        guard_entry.bookkeeping,
        {},
        {"fault": "order.update.x: KeyError"},
        ("bookkeeping", "every order update taken in", "order.update.x: KeyError"),
    ),
    (
        guard_entry.unknown_order,
        {"opened": [make_update(make_terms(1), OrderState.ACCEPTED)]},
        {"opened": [make_update(make_terms(1), OrderState.UNKNOWN)]},
        ("unknown_order", "0 orders of unknown fate", "1 (ema-1-1)"),
    ),
    (
        guard_entry.account_state,
        {},
        {"connected": None},
        ("account_state", "account paper connected", "not heard of since the link came up"),
    ),
    (
        guard_entry.account_state,
        {},
        {"connected": False},
        ("account_state", "account paper connected", "not connected to its venue"),
    ),
    (
        guard_entry.max_tick_age,
        {"now": START + 5000 * MS},
        {"now": START + 6200 * MS},
        ("max_tick_age", "5000 ms", "6200 ms"),
    ),
    (
        guard_entry.max_tick_age,
        {"now": START + 5000 * MS},
        {"now": START + 5000 * MS + 1},
        ("max_tick_age", "5000 ms", "5000.001 ms"),
    ),
    (
        guard_entry.max_tick_age,
        {"now": START - 250 * MS},
        {"now": START - 251 * MS},
        ("max_tick_age", "5000 ms", "-251 ms"),
    ),
    (guard_entry.max_tick_age, {}, {"quote": None}, ("max_tick_age", "5000 ms", "no usable tick")),
    (
        guard_entry.max_spread,
        {"quote": Quote(1.1, 2.1, START)},
        {"quote": Quote(1.1, 2.10001, START)},
        ("max_spread", "100000 points", "100001 points"),
    ),
    *(
        (
            guard_entry.intent_quote,
            {"terms": {"bid": 1.1, "ask": 1.1}},
            {"terms": {"bid": bid, "ask": ask}},
            ("intent_quote", "0 < bid <= ask", f"bid {bid:g}, ask {ask:g}"),
        )
        for bid, ask in ((1.2, 1.1), (0.0, 1.1), (0.0, 0.0), (1.1, 0.0))
    ),
    (
        guard_entry.price_collar,
        {"terms": {"ask": 1.1201}},
        {"terms": {"ask": 1.12011}},
        ("price_collar", "2000 points", "2001 points moved"),
    ),
    (
        guard_entry.price_collar,
        {"terms": {"bid": 1.08}},
        {"terms": {"bid": 1.07999}},
        ("price_collar", "2000 points", "2001 points moved"),
    ),
    (
        guard_entry.price_collar,
        {"terms": {"kind": "limit", "price": 1.0801}},
        {"terms": {"kind": "limit", "price": 1.08009}},
        ("price_collar", "2000 points", "2001 points limit price away"),
    ),
]


@pytest.mark.parametrize(
    ("rule", "passing", "failing", "expected"), TABLE, ids=[f"{of(row[0])}-{n}" for n, row in enumerate(TABLE)]
)
def test_a_rule_passes_at_its_limit_and_refuses_beyond(
    rule: Rule, passing: Changes, failing: Changes, expected: tuple[str, str, str]
) -> None:
    """With the rule's name, the limit and the actual figure as text."""
    assert rule(make_case(**passing)) is None
    assert rule(make_case(**failing)) == Refusal(*expected)


def rules_of(module: ModuleType) -> set[str]:
    """The functions of a module that take a case and give a refusal."""
    return {
        name
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and list(inspect.signature(function).parameters) == ["case"]
    }


def test_every_rule_is_applied_and_tested() -> None:
    """No rule is written and forgotten."""
    written = rules_of(guard_rules) | rules_of(guard_entry)
    applied = {of(rule) for rules in (IDENTITY, EVERY, *BY_CLASS.values()) for rule in rules}
    assert applied == written == {of(row[0]) for row in TABLE}


def test_every_rule_is_documented_with_its_texts() -> None:
    """docs/guard.md has a row for each refusal, with texts that the rule really gives."""
    page = (Path(__file__).resolve().parent.parent / "docs" / "guard.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip().replace("\\", "") for cell in line.split(" | ")] for line in page.splitlines() if "| `" in line
    ]
    shown = {(row[0].strip("| `"), row[2], row[3]) for row in rows}
    given_texts = {row[3] for row in TABLE}
    assert {row for row in shown if row[0] not in {"internal", "overload"}} - given_texts == set()
    assert {row[0] for row in shown} == {row[0] for row in given_texts} | {"internal", "overload"}


def test_the_order_of_the_rules_is_fixed() -> None:
    """Who asks, what every order must pass, its class: an intent that lies about itself is told that first."""
    case = make_case(terms={"account": "other", "volume": -1.0}, number=None)
    assert [of(rule) for rule in IDENTITY] == ["account_match", "session_match", "order_id", "duplicate_id"]
    refusal = first_refusal((*IDENTITY, *EVERY), case)
    assert refusal is not None
    assert refusal.rule == "account_match"


def test_no_rule_of_a_close_looks_at_the_market_the_account_or_the_session() -> None:
    """Always a way out: with nothing known but the position a full close passes."""
    case = make_case(
        opened=[LONG],
        terms={**SELL, "volume": 0.05, "bid": 9.0, "ask": 1.0},
        trading="reducing",
        venue=None,
        home="other",
        member=None,
        instrument=None,
        quote=None,
        connected=None,
        link=False,
        fault="broken",
    )
    assert first_refusal((*IDENTITY, *EVERY, *BY_CLASS["close"]), case) is None


def test_a_hedge_passes_without_a_market_but_never_a_cap() -> None:
    """Reducing, a stale tick, an unknown order and a lost link do not stop it; a lot limit does."""
    blind: Changes = {"trading": "reducing", "quote": None, "connected": None, "link": False, "fault": "broken"}
    unknown = make_update(make_terms(3), OrderState.UNKNOWN)
    case = make_case(opened=[LONG, unknown], terms={"side": "sell", "volume": 0.04}, **blind)
    assert first_refusal(BY_CLASS["hedge"], case) is None
    full = [make_fill(make_terms(n, volume=0.05), n) for n in (7, 8)]
    capped = first_refusal(BY_CLASS["hedge"], make_case(opened=full, terms={"side": "sell", "volume": 0.05}, **blind))
    assert capped is not None
    assert capped.rule == "max_symbol_lots"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"side": "sell", "position": 7}, "close"),
        ({"side": "sell", "position": 999}, "close"),
        ({"side": "sell", "volume": 0.05}, "hedge"),
        ({"side": "sell", "volume": 0.06}, "open"),
        ({"side": "buy", "volume": 0.05}, "open"),
        ({"side": "sell", "volume": 0.05, "kind": "limit", "price": 1.1}, "open"),
        ({"side": "sell", "volume": 0.05, "symbol": "XAUUSD"}, "open"),
        ({"side": "sell", "volume": math.nan}, "open"),
    ],
)
def test_the_guard_classes_each_order_itself(changes: Changes, expected: str) -> None:
    """With 0.05 long: naming a position is a close, lowering the net a hedge, turning it or anything else an open."""
    assert classify(make_case(opened=[LONG], terms=changes)) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("ema-1-7", (1, 7)),
        ("ema-9007199254740991-1", (9007199254740991, 1)),
        ("ema-2-1-7", None),
        ("em-1-7", None),
        ("emaa-1-7", None),
        ("ema", None),
        ("ema-", None),
        ("ema-1", None),
        ("ema-1-", None),
        ("ema--1", None),
        ("ema-0-1", None),
        ("ema-1-0", None),
        ("ema-01-1", None),
        ("ema-1-1 ", None),
        ("ema-1-+1", None),
        ("ema-1-1_0", None),
        ("ema-1-\u0661", None),
        ("ema-1-\xb2", None),
        ("ema-1-12345678901234567", None),
        ("", None),
        ("x" * 1_000_000, None),
    ],
)
def test_an_id_has_one_way_of_writing_and_one_session(order: str, expected: tuple[int, int] | None) -> None:
    """Anything else is no id, so no session can use up an id of another."""
    assert order_number(order, "ema") == expected


@given(st.sampled_from(["a", "a-1", "a-1-2", "session-a"]), st.integers(1, 99), st.integers(1, 99))
def test_no_id_belongs_to_two_sessions(session: str, incarnation: int, counter: int) -> None:
    """Whatever the sessions are called."""
    order = f"{session}-{incarnation}-{counter}"
    assert [one for one in ("a", "a-1", "a-1-2", "session-a") if order_number(order, one)] == [session]


@pytest.mark.parametrize(
    "changes",
    [
        {"volume_step": 0.0},
        {"volume_step": -0.01},
        {"volume_step": math.nan},
        {"volume_step": 1e-9},
        {"volume_step": 1 / 3},
        {"volume_min": 0.0},
        {"volume_max": 0.001},
        {"volume_max": math.inf},
        {"point": 0.0},
        {"point": math.inf},
        {"point": math.nan},
    ],
)
def test_an_absurd_specification_is_none(changes: Changes) -> None:
    """What cannot be right is not used."""
    assert instrument_of(SPEC) is not None
    assert instrument_of(msgspec.structs.replace(SPEC, **changes)) is None


@pytest.mark.parametrize(("bid", "ask"), [(1.2, 1.1), (0.0, 1.1), (-1.0, 1.1), (math.nan, 1.1), (1.1, math.inf)])
def test_a_crossed_or_absurd_tick_is_no_quote(bid: float, ask: float) -> None:
    """Nothing opens on it."""
    assert quote_of(TICK, START) == Quote(1.1, 1.1001, START)
    assert quote_of(msgspec.structs.replace(TICK, bid=bid, ask=ask), START) is None


def test_limits_come_from_the_settings() -> None:
    """In microseconds and units; a limit without bound does not break anything."""
    assert limits_from(SETTINGS.guard) == LIMITS
    assert (LIMITS.max_order, LIMITS.lifetime_us, LIMITS.max_tick_age_us) == (5_000_000, 3_000_000, 5_000_000)
    assert limits_from(GuardSettings(max_order_lots=math.inf)).max_order == 10**17


NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.1, 1.1001, 0.01, 1e-300, 1e308, -1e308, math.nan, math.inf, -math.inf]), st.floats()
)
WHOLE = st.one_of(st.sampled_from([0, 7, -1, 2**53, 10**400, -(10**400)]), st.integers())


@given(
    st.builds(
        make_terms,
        number=st.just(100),
        id=st.one_of(st.just("ema-1-100"), st.text(max_size=20)),
        account=st.text(max_size=5),
        symbol=st.one_of(st.just("EURUSD"), st.text(max_size=5)),
        kind=st.sampled_from(["market", "limit", "stop", "modify", "cancel", "close_by"]),
        side=st.sampled_from(["buy", "sell"]),
        volume=NUMBERS,
        price=NUMBERS,
        sl=NUMBERS,
        tp=NUMBERS,
        bid=NUMBERS,
        ask=NUMBERS,
        position=WHOLE,
        expires_at=st.one_of(st.just(START + SECOND), WHOLE),
        submitted_at=WHOLE,
    )
)
def test_no_terms_make_a_rule_raise(terms: OrderTerms) -> None:
    """Whatever an intent holds there is a verdict, and what passes has figures of this world."""
    case = make_case(opened=[LONG])
    case.terms, case.number = terms, order_number(terms.id, "ema")
    case.units = guard_rules_units(terms)
    case.position = case.exposure.position("paper", terms.position)
    refusal = first_refusal((*IDENTITY, *EVERY), case)
    if refusal is None:
        refusal = first_refusal(BY_CLASS[classify(case)], case)
    if refusal is None:
        assert 0 < terms.volume <= 0.1
        assert all(0 <= price < 1e9 for price in (terms.price, terms.sl, terms.tp, terms.bid, terms.ask))
        assert START <= terms.expires_at <= START + 3250 * MS
    else:
        assert len(refusal.limit) + len(refusal.actual) < 500


def guard_rules_units(terms: OrderTerms) -> int:
    """The volume as the guard takes it."""
    return make_case(terms={"volume": terms.volume}).units
