"""A strategy that raises on every tick is seen, and opens nothing more."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from contracts import EURUSD

from actors.desk import RunnerConfig
from actors.effects import Effect, EventIn, Failed, Publish, TimerIn
from actors.runner import Runner
from actors.strategy_faults import MOST_IN_A_ROW
from schemas.base import Event
from schemas.health import Alert
from schemas.market import Tick
from schemas.order import OrderIntent
from schemas.registry import subject_of
from schemas.session import SessionStats

START = 1_600_000_000_000_000
SPEC = EURUSD


class Bench:
    """A runner that is treated as the runtime does. `effects` are all that it had."""

    def __init__(self, symbols: tuple[str, ...] = ("EURUSD",), **params: int) -> None:
        config = RunnerConfig(
            session="s",
            account="paper",
            venue="paper",
            strategy="faulty_strategy:Faulty",
            symbols=symbols,
            params=dict(params),
            lifetime_us=3_000_000,
            skew_us=250_000,
            sim=False,
        )
        self.runner = Runner("session-s", 4, config)
        self.effects: list[Effect] = []
        self.now = START
        for symbol in symbols:
            self.give(msgspec.structs.replace(SPEC, symbol=symbol))

    def give(self, event: Event) -> None:
        """An event; if its handling raises, the failure too."""
        message = EventIn(subject_of(event), event)
        effects: Sequence[Effect]
        try:
            effects = self.runner.on_event(message, self.now)
        except RuntimeError:
            effects = self.runner.on_failure(Failed(message, "RuntimeError: why"), self.now)
        self.effects += effects

    def ticks(self, count: int, symbol: str = "EURUSD") -> None:
        """So many, a second apart."""
        for _ in range(count):
            self.now += 1_000_000
            self.give(Tick(venue="paper", symbol=symbol, at=self.now, bid=1.1, ask=1.2, number=1))

    def said(self, kind: type[Event]) -> list[Event]:
        """What it published of a type."""
        return [one.event for one in self.effects if isinstance(one, Publish) and isinstance(one.event, kind)]


def test_one_that_always_raises_is_told_once_and_seen_from_then_on() -> None:
    """By an alert, by its beat's state, and by its stats, which a raising strategy does not hold up."""
    bench = Bench()
    bench.ticks(MOST_IN_A_ROW - 1)
    assert bench.runner.describe() == "running"
    assert bench.said(Alert) == []
    bench.ticks(30)
    (alert,) = bench.said(Alert)
    assert isinstance(alert, Alert)
    assert (alert.severity, alert.code, alert.actor) == ("critical", "strategy_raises", "session-s")
    assert "session s" in alert.text
    assert "EURUSD" in alert.text
    assert "RuntimeError: why" in alert.text
    assert bench.runner.describe() == "troubled: strategy raises"
    states = [one.state for one in bench.said(SessionStats) if isinstance(one, SessionStats)]
    assert states[0] == "running"
    assert states[-1] == "troubled: strategy raises"


def test_it_opens_nothing_more_but_closes_what_it_holds() -> None:
    """In the same message too: an opening that is not to be takes no closing along. Nor does it pile up."""
    bench = Bench()
    bench.ticks(MOST_IN_A_ROW)
    desk = bench.runner._desk  # noqa: SLF001 - what a strategy is given
    ids = {desk.order("EURUSD", "buy", 0.01) for _ in range(100)}
    assert len(ids) == 100
    assert desk.working("EURUSD") == []
    assert bench.runner.state.orders == {}
    closing = desk.order("EURUSD", "sell", 0.01, position=7)
    sent = [one.event for one in desk.out if isinstance(one, Publish) and isinstance(one.event, OrderIntent)]
    assert [(one.terms.id, one.terms.position) for one in sent] == [(closing, 7)]


def test_only_what_is_raised_in_a_row_counts() -> None:
    """Every tenth tick is handled."""
    bench = Bench(mercy=10)
    bench.ticks(500)
    assert bench.said(Alert) == []
    assert bench.runner.describe() == "running"


def test_one_symbol_that_works_does_not_hide_another() -> None:
    """Each symbol's strategy is an object of its own, with ticks that come in between."""
    bench = Bench(("EURUSD", "GBPUSD"), after=25)
    bench.ticks(25, "EURUSD")
    for _ in range(MOST_IN_A_ROW):
        bench.ticks(1, "EURUSD")
        bench.ticks(1, "GBPUSD")
    assert len(bench.said(Alert)) == 1


def test_a_handler_that_works_does_not_hide_another() -> None:
    """A timer each second between ticks that all raise."""
    bench = Bench()
    for _ in range(MOST_IN_A_ROW):
        bench.ticks(1)
        bench.effects += bench.runner.on_timer(TimerIn("second EURUSD"), bench.now)
    assert len(bench.said(Alert)) == 1


@pytest.mark.parametrize("error", ["overload: the mailbox is full", "the disk is full"])
def test_what_is_not_the_strategys_fault_does_not_count(error: str) -> None:
    """A full mailbox or disk."""
    bench = Bench(after=1_000)
    tick = Tick(venue="paper", symbol="EURUSD", at=START, bid=1.1, ask=1.2)
    bench.ticks(1)
    for _ in range(2 * MOST_IN_A_ROW):
        bench.effects += bench.runner.on_failure(Failed(EventIn(subject_of(tick), tick), error), bench.now)
    assert bench.said(Alert) == []
