"""The session runner and its EMA cross: as lists of messages and effects."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from contracts import EURUSD

from actors.cell import Cell
from actors.desk import MOST_WORKING, RunnerConfig
from actors.effects import Effect, EventIn, Failed, LinkChanged, Publish, SetTimer, Store, TimerIn
from actors.runner import Runner
from actors.session_book import OrderView, RunnerState, load
from actors.strategies import find_strategy, make_params
from actors.strategy import StrategyError
from schemas.base import Event
from schemas.health import Hello, SimDone
from schemas.market import Tick
from schemas.order import (
    Deal,
    OrderIntent,
    OrderRefused,
    OrderState,
    OrderSync,
    OrderTerms,
    OrderUpdate,
    Signal,
)
from schemas.registry import subject_of

SECOND = 1_000_000
START = 1_600_000_000 * SECOND


def config(**changes: object) -> RunnerConfig:
    """A session with an EMA cross quick enough for a few ticks."""
    made = RunnerConfig(
        session="s",
        account="paper",
        venue="paper",
        strategy="ema_cross",
        symbols=("EURUSD",),
        params={"fast": 1, "slow": 2, "timeframe": "S5", "lots": 0.01},
        lifetime_us=3 * SECOND,
        skew_us=250_000,
        sim=True,
    )
    return msgspec.structs.replace(made, **changes)


SPEC = EURUSD


class Bench:
    """A runner with a clock and a counter of ticks."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.now = START
        self.number = 0
        runner.on_start(self.now)
        self.give(SPEC)

    def give(self, event: Event) -> list[Effect]:
        """Hand an event over at the current time."""
        return list(self.runner.on_event(EventIn(subject_of(event), event), self.now))

    def bars(self, closes: Iterable[float]) -> list[Effect]:
        """One tick in each 5-second bar; the effects of all."""
        effects: list[Effect] = []
        for close in closes:
            self.now += 5 * SECOND
            self.number += 1
            tick = Tick(venue="paper", symbol="EURUSD", at=self.now, bid=close, ask=close + 0.0001, number=self.number)
            effects += self.give(tick)
        return effects

    def update(self, terms: OrderTerms, state: OrderState, revision: int = 2, **fields: object) -> list[Effect]:
        """The router's word on an order."""
        made = OrderUpdate(
            account=terms.account,
            session=terms.session,
            order=terms.id,
            state=state,
            revision=revision,
            terms=terms,
            order_class="open",
        )
        return self.give(msgspec.structs.replace(made, **fields))

    def fill(self, terms: OrderTerms, ticket: int) -> list[Effect]:
        """It is filled whole."""
        deal = Deal(
            ticket=ticket + 100,
            position=terms.position or ticket,
            entry="out" if terms.position else "in",
            symbol=terms.symbol,
            side=terms.side,
            volume=terms.volume,
            price=1.1,
            at=self.now,
        )
        return self.update(
            terms,
            OrderState.FILLED,
            filled=terms.volume,
            price=1.1,
            position=terms.position or ticket,
            report=f"r{ticket}",
            deal=deal,
        )


def intents(effects: Iterable[Effect]) -> list[OrderTerms]:
    """The orders that were asked for."""
    return [e.event.terms for e in effects if isinstance(e, Publish) and isinstance(e.event, OrderIntent)]


def dones(effects: Iterable[Effect]) -> list[SimDone]:
    """Whether simulated time may go on."""
    return [e.event for e in effects if isinstance(e, Publish) and isinstance(e.event, SimDone)]


def bench(state: RunnerState | None = None, **changes: object) -> Bench:
    """A fresh runner."""
    return Bench(Runner("session-s", 4, config(**changes), state))


UP = [1.10, 1.10, 1.10, 1.11, 1.12]
DOWN = [1.11, 1.09, 1.05, 1.05]


def test_a_crossing_up_buys_once_with_the_state_stored_first() -> None:
    """Signal and intent go out, and in front of them the state that knows of the intent."""
    effects = bench().bars([*UP, 1.13, 1.14])
    asked = intents(effects)
    assert [(terms.side, terms.volume, terms.position) for terms in asked] == [("buy", 0.01, 0)]
    assert asked[0].id == "s-4-1"
    assert asked[0].expires_at - asked[0].submitted_at == 3 * SECOND
    at = next(i for i, e in enumerate(effects) if isinstance(e, Publish) and isinstance(e.event, OrderIntent))
    store = max(i for i, e in enumerate(effects[:at]) if isinstance(e, Store))
    assert b"s-4-1" in effects[store].statements[0][1][0].encode()  # type: ignore[union-attr]
    assert any(isinstance(e, Publish) and isinstance(e.event, Signal) for e in effects)


def test_a_crossing_back_closes_the_ticket_and_then_opens_the_other_side() -> None:
    """One order at a time: the opening one waits for the fill of the closing one."""
    floor = bench()
    (first,) = intents(floor.bars(UP))
    floor.fill(first, 7)
    (close,) = intents(floor.bars(DOWN))
    assert (close.side, close.position, close.volume) == ("sell", 7, 0.01)
    (second,) = intents(floor.fill(close, 7))
    assert (second.side, second.position) == ("sell", 0)


def test_the_side_of_the_averages_is_taken_when_they_are_warm() -> None:
    """Whoever waits for the next crossing instead sees nothing for minutes; a flat market has no side yet."""
    assert intents(bench().bars([1.10, 1.09, 1.08])) == []
    (first,) = intents(bench().bars([1.10, 1.09, 1.08, 1.07, 1.06]))
    assert first.side == "sell"
    assert intents(bench().bars([1.10] * 9)) == []


def test_after_a_gap_the_averages_begin_anew_and_an_open_position_stays_until_they_disagree() -> None:
    """The side that is held already is not bought twice."""
    floor = bench()
    (first,) = intents(floor.bars(UP))
    floor.fill(first, 7)
    floor.now += 60 * SECOND
    assert intents(floor.bars([1.20, 1.21, 1.22, 1.23, 1.24])) == []
    assert floor.runner.state.positions("EURUSD") != []
    (close,) = intents(floor.bars(DOWN))
    assert (close.side, close.position) == ("sell", 7)


def test_while_an_order_is_under_way_no_second_one_is_sent() -> None:
    """Crossings meanwhile are only noted."""
    floor = bench()
    assert len(intents(floor.bars(UP))) == 1
    assert intents(floor.bars([*DOWN, *UP])) == []


def test_simulated_time_waits_for_the_outcome_of_its_orders() -> None:
    """No `sim.done` between an intent and its fill; after it one that counts the venue's report."""
    floor = bench()
    effects = floor.bars(UP)
    (terms,) = intents(effects)
    assert dones(effects)[-1].number < floor.number
    assert dones(floor.update(terms, OrderState.SUBMITTING, 1)) == []
    (done,) = dones(floor.fill(terms, 7))
    assert (done.number, done.reports) == (floor.number, {"s": 1})


def test_a_repeated_update_changes_nothing() -> None:
    """Deliveries may repeat; positions and report counts do not."""
    floor = bench()
    (terms,) = intents(floor.bars(UP))
    floor.fill(terms, 7)
    before = msgspec.json.encode(floor.runner.state)
    assert floor.fill(terms, 7) == []
    assert msgspec.json.encode(floor.runner.state) == before


def test_a_refused_order_ends_and_waits_for_the_next_crossing() -> None:
    """The refusal's rule becomes the order's reason."""
    floor = bench()
    (terms,) = intents(floor.bars(UP))
    refused = OrderRefused(order=terms.id, account="paper", session="s", rule="max_spread", limit="1", actual="2")
    assert dones(floor.give(refused))
    assert floor.runner.state.orders == {}
    assert intents(floor.bars([1.13, 1.14])) == []
    assert len(intents(floor.bars([1.0, 0.9]))) == 1


def test_a_refusal_behind_an_update_is_ignored() -> None:
    """What the router has seen was cleared: a late or forged refusal cannot make the session forget it."""
    floor = bench()
    (terms,) = intents(floor.bars(UP))
    floor.update(terms, OrderState.SUBMITTING, 1)
    floor.give(OrderRefused(order=terms.id, account="paper", session="s", rule="x", limit="", actual=""))
    assert floor.runner.state.orders[terms.id].state == OrderState.SUBMITTING


def test_after_a_restart_it_asks_for_open_orders_and_trades_only_once_they_are_settled() -> None:
    """The hello names them; no intent before the router's answer; the fill found there becomes a position."""
    floor = bench()
    (terms,) = intents(floor.bars(UP))
    kept = msgspec.json.decode(msgspec.json.encode(floor.runner.state), type=RunnerState)
    again = Runner("session-s", 5, config(), kept)
    hello = next(e.event for e in again.on_start(START) if isinstance(e, Publish))
    assert isinstance(hello, Hello)
    assert hello.open_orders == (terms.id,)
    second = Bench(again)
    assert intents(second.bars([*DOWN, *UP, *DOWN])) == []
    assert second.runner.describe() == "settling"
    update = OrderUpdate(
        account="paper",
        session="s",
        order=terms.id,
        state=OrderState.FILLED,
        revision=2,
        terms=terms,
        order_class="open",
        filled=0.01,
        price=1.12,
        position=9,
    )
    second.give(OrderSync(account="paper", session="s", updates=(update,)))
    assert second.runner.describe() == "running"
    assert [p.ticket for p in second.runner.state.positions("EURUSD")] == [9]


def test_an_order_that_the_router_never_saw_is_dead_only_after_its_expiry() -> None:
    """Before, it may still be cleared."""
    floor = bench()
    (terms,) = intents(floor.bars(UP))
    again = Bench(
        Runner("session-s", 5, config(), msgspec.json.decode(msgspec.json.encode(floor.runner.state), type=RunnerState))
    )
    again.now = terms.expires_at
    again.give(OrderSync(account="paper", session="s", unseen=(terms.id,)))
    assert again.runner.describe() == "settling"
    again.now = terms.expires_at + 250_001
    again.give(OrderSync(account="paper", session="s", unseen=(terms.id,)))
    assert again.runner.describe() == "running"


def test_an_order_without_an_outcome_is_asked_for_after_its_expiry() -> None:
    """A lost update is noticed by the order's own timer."""
    floor = bench()
    effects = floor.bars(UP)
    (terms,) = intents(effects)
    timer = next(e for e in effects if isinstance(e, SetTimer))
    assert timer.at > terms.expires_at + 250_000
    asked = floor.runner.on_timer(TimerIn(timer.key), timer.at)
    hello = next(e.event for e in asked if isinstance(e, Publish))
    assert isinstance(hello, Hello)
    assert hello.open_orders == (terms.id,)


def test_a_lost_link_makes_it_ask_again() -> None:
    """Updates may have been missed meanwhile."""
    floor = bench()
    (terms,) = intents(floor.bars(UP))
    assert floor.runner.on_link(LinkChanged(up=False), floor.now) == ()
    hello = next(e.event for e in floor.runner.on_link(LinkChanged(up=True), floor.now) if isinstance(e, Publish))
    assert isinstance(hello, Hello)
    assert hello.open_orders == (terms.id,)


def test_an_intent_that_could_not_be_stored_never_left() -> None:
    """The strategy may go on; the order is not waited for."""
    floor = bench()
    effects = floor.bars(UP)
    (terms,) = intents(effects)
    tick = EventIn("md.tick.paper.EURUSD", SPEC)
    after = floor.runner.on_failure(Failed(tick, "the disk is full"), floor.now)
    assert terms.id not in {name for name, view in floor.runner.state.orders.items() if not view.ended}
    assert dones(after)


def test_a_strategy_that_floods_is_stopped_before_anything_is_stored() -> None:
    """At most so many orders are under way; the message that wanted more sends none at all."""
    floor = bench()
    floor.bars([1.1])
    desk = floor.runner._desk  # noqa: SLF001 - what a strategy is given
    for _ in range(MOST_WORKING):
        desk.order("EURUSD", "buy", 0.01)
    with pytest.raises(StrategyError, match="64 orders without an outcome"):
        desk.order("EURUSD", "buy", 0.01)
    after = floor.runner.on_failure(Failed(EventIn("md.tick.paper.EURUSD", SPEC), "StrategyError"), floor.now)
    assert intents(after) == []


def test_updates_of_other_sessions_are_ignored() -> None:
    """The server filters them; the runner does not rely on it."""
    floor = bench()
    (terms,) = intents(floor.bars(UP))
    assert floor.update(msgspec.structs.replace(terms, session="other"), OrderState.FILLED) == []


def test_the_same_messages_give_the_same_bytes() -> None:
    """Two cells, the same ticks: byte for byte."""
    runs = []
    for _ in range(2):
        cell = Cell(Runner("session-s", 4, config()))
        out = cell.start(START)
        out += cell.handle(EventIn(subject_of(SPEC), SPEC), START)
        for number, close in enumerate([*UP, *DOWN, *UP], 1):
            at = START + number * 5 * SECOND
            tick = Tick(venue="paper", symbol="EURUSD", at=at, bid=close, ask=close + 0.0001, number=number)
            out += cell.handle(EventIn(subject_of(tick), tick), at)
        runs.append([one.data for one in out])
    assert runs[0] == runs[1]
    assert any(b"order_intent" in data for data in runs[0])


def test_positions_follow_from_fills_and_partial_closes() -> None:
    """What was opened less what was closed, by ticket."""
    state = RunnerState()
    base = OrderTerms(
        id="a", account="p", session="s", strategy="x", venue="v", symbol="EURUSD", kind="market", side="buy",
        volume=0.05, submitted_at=0, expires_at=1,
    )  # fmt: skip
    closing = msgspec.structs.replace(base, id="b", side="sell", volume=0.02, position=7)
    state.orders["a"] = OrderView(base, OrderState.FILLED, filled=0.05, price=1.1, position=7)
    state.orders["b"] = OrderView(closing, OrderState.FILLED, filled=0.02, price=1.2, position=7)
    assert [(p.ticket, p.volume) for p in state.positions("EURUSD")] == [(7, 0.03)]
    state.prune()
    assert set(state.orders) == {"a", "b"}
    state.orders["c"] = OrderView(msgspec.structs.replace(closing, id="c", volume=0.03), OrderState.FILLED, filled=0.03)
    assert state.positions("EURUSD") == []
    state.prune()
    assert state.orders == {}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"fast": 9, "slow": 3}, r"params\.fast: 9 must be below slow"),
        ({"speed": 1}, r"params\.speed: no parameter of ema_cross; expected one of fast, slow, timeframe, lots"),
        ({"lots": 0}, r"params\.lots: expected `float` > 0"),
        ({"timeframe": "M7"}, "params: .*M7"),
    ],
)
def test_parameters_that_do_not_work_are_named(params: dict[str, int | float | str | bool], expected: str) -> None:
    """Before anything starts."""
    with pytest.raises(StrategyError, match=f"^{expected}"):
        make_params(find_strategy("ema_cross"), params)


def test_an_unknown_strategy_is_told_the_known_ones() -> None:
    """By name."""
    with pytest.raises(StrategyError, match="'x'; expected one of adaptive_hedging, cycle_trader, ema_cross"):
        find_strategy("x")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no_such_module:X", "cannot be imported"),
        ("actors.ema_cross:X", "actors.ema_cross has no X"),
        ("actors.ema_cross:EmaCrossParams", "is not a Strategy"),
    ],
)
def test_a_strategy_of_ones_own_is_named_by_module_and_class(name: str, expected: str) -> None:
    """And what does not fit is said."""
    assert find_strategy("actors.ema_cross:EmaCross").name == "ema_cross"
    with pytest.raises(StrategyError, match=expected):
        find_strategy(name)


def test_the_state_survives_in_its_file(tmp_path: object) -> None:
    """What the Store effect writes is what `load` gives back."""
    import sqlite3

    floor = bench()
    effects = floor.bars(UP)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    assert load(connection) is None
    store = next(e for e in reversed(effects) if isinstance(e, Store))
    for sql, values in store.statements:
        connection.execute(sql, values)
    kept = load(connection)
    assert kept is not None
    assert set(kept.orders) == {"s-4-1"}
