"""A strategy that has `on_timer` is called each second, and one that has none costs no timer."""

from __future__ import annotations

from collections.abc import Sequence

from contracts import EURUSD

from actors.desk import RunnerConfig
from actors.effects import Effect, EventIn, Failed, Publish, SetTimer, TimerIn
from actors.local_floor import LocalFloor
from actors.runner import Runner
from schemas.health import SimDone
from schemas.market import Tick
from schemas.order import OrderIntent, Signal
from schemas.registry import subject_of
from schemas.settings import FeedSettings, SessionSettings, Settings

SECOND = 1_000_000
START = 1_600_000_000 * SECOND
TIMERS = [SetTimer("second EURUSD", START + SECOND), SetTimer("second GBPUSD", START + SECOND)]


def runner(strategy: str = "timed_strategy:Timed", *, sim: bool = False, **params: int) -> Runner:
    """A session on two symbols; EURUSD has a specification."""
    config = RunnerConfig(
        session="s",
        account="paper",
        venue="paper",
        strategy=strategy,
        symbols=("EURUSD", "GBPUSD"),
        params=dict(params),
        lifetime_us=3 * SECOND,
        skew_us=250_000,
        sim=sim,
    )
    made = Runner("session-s", 4, config)
    made.on_event(EventIn(subject_of(EURUSD), EURUSD), START)
    return made


def tick(of: Runner, number: int = 1) -> list[Effect]:
    """The first prices of EURUSD."""
    event = Tick(venue="paper", symbol="EURUSD", at=START, bid=1.1, ask=1.1001, number=number)
    return list(of.on_event(EventIn(subject_of(event), event), START))


def timers(effects: Sequence[Effect]) -> list[SetTimer]:
    """Those that go on for ever."""
    return [effect for effect in effects if isinstance(effect, SetTimer) and effect.key.startswith("second")]


def published(effects: Sequence[Effect], kind: type) -> int:
    """How many of a kind leave."""
    return sum(isinstance(effect, Publish) and isinstance(effect.event, kind) for effect in effects)


def test_each_symbol_has_a_timer_that_goes_on() -> None:
    """From the first prices on the strategy is called at each; before, it could do nothing."""
    made = runner()
    assert timers(made.on_start(START)) == TIMERS
    early = made.on_timer(TimerIn("second EURUSD"), START + SECOND)
    assert (timers(early), published(early, Signal)) == ([SetTimer("second EURUSD", START + 2 * SECOND)], 0)
    tick(made)
    effects = made.on_timer(TimerIn("second EURUSD"), START + 2 * SECOND)
    assert timers(effects) == [SetTimer("second EURUSD", START + 3 * SECOND)]
    assert (published(effects, Signal), published(effects, OrderIntent)) == (1, 1)
    assert published(made.on_timer(TimerIn("second GBPUSD"), START + 2 * SECOND), Signal) == 0


def test_a_strategy_without_one_has_no_timer() -> None:
    """The example needs none."""
    assert timers(runner("ema_cross").on_start(START)) == []


def test_a_second_in_which_it_raised_is_not_the_last() -> None:
    """The timer was among the effects that did not happen."""
    made = runner(faulty=1)
    made.on_start(START)
    tick(made)
    message = TimerIn("second EURUSD")
    try:
        made.on_timer(message, START + SECOND)
    except RuntimeError as error:
        effects = made.on_failure(Failed(message, str(error)), START + SECOND)
    assert timers(effects) == [SetTimer("second EURUSD", START + 2 * SECOND)]
    assert published(made.on_timer(message, START + 2 * SECOND), OrderIntent) == 1


def test_in_simulated_time_a_second_does_not_say_that_time_may_go_on() -> None:
    """The tick behind it does, once nothing is under way."""
    made = runner(sim=True)
    assert published(tick(made), SimDone) == 1
    assert published(made.on_timer(TimerIn("second GBPUSD"), START + SECOND), SimDone) == 0


def test_it_trades_in_simulated_time_and_the_same_each_time() -> None:
    """Seconds come with the ticks, and orders from them are filled like any others."""
    told = []
    for _ in range(2):
        settings = Settings(
            feed=FeedSettings(speed=0, seconds=60, symbols=("EURUSD",)),
            session=(SessionSettings(id="s", strategy="timed_strategy:Timed"),),
        )
        floor = LocalFloor(settings)
        floor.run()
        told.append((floor.actors["router"].gauges(), floor.actors["session-s"].gauges()))
    assert told[0] == told[1]
    assert told[0][0]["ended"] > 10
    assert 20 < told[0][1]["signals"] <= 60
