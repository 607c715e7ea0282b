"""The feed as lists of messages and effects: lock-step in simulated time, pacing by timers live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.cell import Cell
from actors.effects import Effect, EventIn, Failed, LinkChanged, Publish, SetTimer, TimerIn
from actors.feed import BURST, LAG_US, WAIT_US, Feed, FeedState
from actors.feed_config import FeedConfig, check_feed, feed_config, feed_specs, make_source
from actors.symbols import FeedError, UnknownSymbolError
from actors.synthetic import SIM_START
from actors.ticks import TickFileError
from schemas.base import Event
from schemas.codec import decode
from schemas.health import Alert, Hello, SimDone
from schemas.market import Bar, MarketStatus, SymbolSpec, Tick
from schemas.registry import subject_of
from schemas.settings import FeedSettings, TickFile

E = TypeVar("E", bound=Event)
START = 1_600_000_000_000_000
SECOND = 1_000_000
NOW = 1_700_000_000_000_000
EXPECT = ("guard", "gateway-a", "gateway-b", "session-x", "session-y")
STEPPED = EXPECT[1:]
SIM = FeedConfig(symbols=("EURUSD", "USDJPY"), speed=0, expect=EXPECT)
LIVE = FeedConfig(symbols=("EURUSD",), speed=1)


class Ticks:
    """A source of given ticks; `broken` makes it fail where they end."""

    def __init__(self, ticks: Sequence[Tick], broken: str = "") -> None:
        self._ticks = list(ticks)
        self._broken = broken
        self.skipped = {"EURUSD": 3}

    def next(self) -> Tick | None:
        if not self._ticks and self._broken:
            raise FeedError(self._broken)
        return self._ticks.pop(0) if self._ticks else None


def tick(seconds: float, bid: float = 1.1, symbol: str = "EURUSD") -> Tick:
    """A quote some seconds after the start."""
    return Tick(venue="paper", symbol=symbol, at=START + round(seconds * SECOND), bid=bid, ask=bid + 0.0001)


def made(config: FeedConfig, ticks: Sequence[Tick], broken: str = "") -> Feed:
    """A feed of these ticks."""
    return Feed("feed", 1, config, source=Ticks(ticks, broken))


def event_in(event: Event) -> EventIn:
    """The event as it arrives."""
    return EventIn(subject_of(event), event)


def hello(actor: str, incarnation: int = 1) -> EventIn:
    """Somebody's hello."""
    return event_in(Hello(actor=actor, role="any", incarnation=incarnation))


def done(actor: str, number: int, **reports: int) -> EventIn:
    """Somebody is done with a tick."""
    return event_in(SimDone(actor=actor, number=number, reports=reports))


def published(effects: Sequence[Effect], kind: type[E]) -> list[E]:
    """The events of one kind among the effects."""
    return [effect.event for effect in effects if isinstance(effect, Publish) and isinstance(effect.event, kind)]


def numbers(effects: Sequence[Effect]) -> list[int]:
    """The numbers of the ticks sent."""
    return [sent.number for sent in published(effects, Tick)]


def begun(ticks: int, config: FeedConfig = SIM) -> Feed:
    """A simulated feed whose first tick is out."""
    feed = made(config, [tick(second) for second in range(ticks)])
    feed.on_start(0)
    sent = [numbers(feed.on_event(hello(name), 0)) for name in config.expect]
    assert sent == [*[[]] * (len(config.expect) - 1), [1]]
    return feed


# ---- hellos


def test_it_starts_with_a_hello_and_every_contract_and_state() -> None:
    """Once each, before any tick."""
    effects = made(LIVE, [tick(0), tick(1)]).on_start(NOW)
    kinds = [type(effect.event) for effect in effects if isinstance(effect, Publish)]
    assert kinds == [Hello, SymbolSpec, MarketStatus, Tick]
    assert published(effects, MarketStatus)[0].state == "open"


@given(st.lists(st.sampled_from([*EXPECT, "recorder", "feed", "watch"]), max_size=20))
def test_each_hello_is_answered_with_every_contract_once(actors: list[str]) -> None:
    """Whoever it comes from, a storm of them included, but not the feed's own echo."""
    feed = made(LIVE, [tick(0), tick(60)])
    feed.on_start(NOW)
    for actor in actors:
        effects = feed.on_event(hello(actor), NOW)
        assert len(published(effects, SymbolSpec)) == (0 if actor == "feed" else 1)
        assert len(effects) == (0 if actor == "feed" else 2)


def test_live_too_it_waits_for_whom_it_expects() -> None:
    """A recorded file is not played to an empty room."""
    feed = made(msgspec.structs.replace(LIVE, expect=("guard", "recorder")), [tick(0), tick(1)])
    assert numbers(feed.on_start(NOW)) == []
    assert feed.describe() == "waiting"
    assert numbers(feed.on_event(hello("guard"), NOW)) == []
    assert numbers(feed.on_event(hello("guard", 2), NOW)) == []
    effects = feed.on_event(hello("recorder"), NOW + 5)
    assert numbers(effects) == [1]
    assert [type(event) for event in published(effects, Event)] == [SymbolSpec, MarketStatus, Tick]


def test_live_it_does_not_wait_for_ever() -> None:
    """Somebody who hangs at the floor's start keeps the prices from everybody for ten seconds, no longer."""
    feed = made(msgspec.structs.replace(LIVE, expect=("guard",)), [tick(0), tick(1)])
    assert feed.on_start(NOW)[-1] == SetTimer("tick", NOW + WAIT_US)
    effects = feed.on_timer(TimerIn("tick"), NOW + WAIT_US)
    assert [sent.at for sent in published(effects, Tick)] == [NOW + WAIT_US]
    assert feed.describe() == "running"
    assert numbers(feed.on_event(hello("guard"), NOW + WAIT_US + 1)) == []


def test_a_hello_on_somebody_elses_subject_counts_for_nothing() -> None:
    """Who may say it is the subject's matter, not the payload's."""
    feed = made(msgspec.structs.replace(LIVE, expect=("guard",)), [tick(0)])
    feed.on_start(NOW)
    assert feed.on_event(EventIn("hello.session-x", Hello(actor="guard", role="guard")), NOW) == ()


# ---- simulated time


def test_the_first_tick_waits_for_everyone_and_carries_the_sources_time() -> None:
    """The last expected hello brings contracts, then the tick."""
    feed = made(SIM, [tick(0), tick(1)])
    feed.on_start(0)
    for name in EXPECT[:-1]:
        assert numbers(feed.on_event(hello(name), 0)) == []
    effects = feed.on_event(hello(EXPECT[-1]), 0)
    assert published(effects, Tick) == [msgspec.structs.replace(tick(0), number=1)]
    assert [type(event) for event in published(effects, Event)][-1] is Tick


@given(st.permutations(STEPPED))
def test_the_next_tick_comes_with_the_last_done_in_any_order(order: list[str]) -> None:
    """One tick at a time, exactly when everyone is done."""
    feed = begun(2)
    assert [numbers(feed.on_event(done(name, 1), 0)) for name in order] == [[], [], [], [2]]


@pytest.mark.parametrize("runner_first", [True, False])
def test_it_waits_until_the_session_has_seen_every_report(runner_first: bool) -> None:
    """Reports of both gateways are added up, whichever count arrives first."""
    feed = begun(2)
    messages = [
        done("gateway-a", 1, x=2),
        done("gateway-b", 1, x=1, y=4),
        done("session-y", 1, y=4),
        done("session-x", 1, x=2),
    ]
    for message in reversed(messages) if runner_first else messages:
        assert feed.on_event(message, 0) == []
    assert numbers(feed.on_event(done("session-x", 1, x=3), 0)) == [2]


def test_a_gateway_that_issues_a_later_report_holds_the_tick_up() -> None:
    """The gateway's count goes up after its first done; the session has to follow."""
    feed = begun(2)
    for message in (done("gateway-a", 1), done("gateway-b", 1), done("session-y", 1)):
        feed.on_event(message, 0)
    assert feed.on_event(done("gateway-a", 1, x=1), 0) == []
    assert feed.on_event(done("session-x", 1), 0) == []
    assert numbers(feed.on_event(done("session-x", 1, x=1), 0)) == [2]


def test_a_session_that_counts_more_than_was_issued_holds_the_tick_up() -> None:
    """Its gateway's own count is still under way."""
    feed = begun(2)
    for message in (done("gateway-a", 1), done("gateway-b", 1), done("session-y", 1)):
        feed.on_event(message, 0)
    assert feed.on_event(done("session-x", 1, x=1), 0) == []
    assert numbers(feed.on_event(done("gateway-b", 1, x=1), 0)) == [2]


def test_stale_and_foreign_dones_are_ignored() -> None:
    """Of another tick, of an actor that is not waited for, on another's subject."""
    feed = begun(3)
    for name in STEPPED[:-1]:
        feed.on_event(done(name, 1), 0)
    last = STEPPED[-1]
    assert feed.on_event(done(last, 0), 0) == []
    assert feed.on_event(done(last, 2), 0) == []
    assert feed.on_event(done("guard", 1), 0) == []
    assert feed.on_event(done("session-z", 1), 0) == []
    assert feed.on_event(EventIn("sim.done.session-x", SimDone(actor=last, number=1)), 0) == ()
    assert numbers(feed.on_event(done(last, 1), 0)) == [2]
    assert feed.on_event(done(last, 1), 0) == []


@given(st.lists(st.tuples(st.sampled_from(STEPPED), st.integers(-1, 1), st.integers(0, 2)), max_size=120))
def test_two_ticks_are_never_outstanding(messages: list[tuple[str, int, int]]) -> None:
    """Whatever arrives in whatever order: a tick follows only when each has answered the one before."""
    feed = begun(100)
    outstanding, answered = 1, set[str]()
    for actor, off, reports in messages:
        effects = feed.on_event(done(actor, outstanding + off, x=reports), 0)
        if off == 0:
            answered.add(actor)
        sent = numbers(effects)
        if sent:
            assert sent == [outstanding + 1]
            assert answered == set(STEPPED)
            outstanding, answered = outstanding + 1, set()


def test_after_the_last_done_every_symbol_is_ended_with_its_counts() -> None:
    """And the feed stays, answers hellos, and takes no more dones."""
    feed = begun(1)
    effects = [effect for name in STEPPED for effect in feed.on_event(done(name, 1), 0)]
    states = published(effects, MarketStatus)
    assert [(state.symbol, state.state, state.ticks, state.skipped) for state in states] == [
        ("EURUSD", "ended", 1, 3),
        ("USDJPY", "ended", 0, 0),
    ]
    assert len(effects) == 2
    assert feed.describe() == "ended"
    assert [feed.on_event(done(name, 1), 0) for name in STEPPED] == [[], [], [], []]
    again = published(feed.on_event(hello("session-x", 2), 0), MarketStatus)
    assert [state.state for state in again] == ["ended", "ended"]
    assert feed.on_stop(0) == ()


@pytest.mark.parametrize("incarnation", [1, 2])
def test_an_expected_actor_that_comes_back_breaks_simulated_time(incarnation: int) -> None:
    """Restarted, or back after a lost link: it has missed what cannot be made good."""
    feed = begun(3)
    effects = feed.on_event(hello("guard", incarnation), 0)
    alert = published(effects, Alert)[0]
    assert (alert.severity, alert.code, alert.actor) == ("critical", "sim_broken", "feed")
    assert "guard" in alert.text
    assert [state.state for state in published(effects, MarketStatus)][-2:] == ["stale", "stale"]
    assert feed.describe() == "broken"
    assert [feed.on_event(done(name, 1), 0) for name in STEPPED] == [[], [], [], []]
    assert published(feed.on_event(hello("guard", 3), 0), Alert) == []


def test_others_may_come_and_go_in_simulated_time() -> None:
    """A screen's hello gets contracts and breaks nothing."""
    feed = begun(3)
    assert published(feed.on_event(hello("watch", 2), 0), Alert) == []
    assert feed.describe() == "running"


def test_an_actor_may_be_restarted_before_the_first_tick() -> None:
    """Nothing has been missed yet."""
    feed = made(SIM, [tick(0)])
    feed.on_start(0)
    for name in (*EXPECT[:-1], *EXPECT[:-1]):
        assert published(feed.on_event(hello(name, 2), 0), Alert) == []
    assert numbers(feed.on_event(hello(EXPECT[-1]), 0)) == [1]


def test_a_lost_link_of_its_own_breaks_simulated_time() -> None:
    """The outstanding tick or the answers to it may be gone."""
    feed = begun(3)
    assert [alert.code for alert in published(feed.on_link(LinkChanged(up=False), 0), Alert)] == ["sim_broken"]
    effects = feed.on_link(LinkChanged(up=True), 0)
    assert published(effects, Alert) == []
    assert len(published(effects, Hello)) == 1


def test_data_that_breaks_is_told_and_not_taken_for_its_end() -> None:
    """A file that was good when it was checked and is not any more."""
    feed = made(SIM, [tick(0)], broken="ticks.csv, line 2: gone")
    feed.on_start(0)
    for name in EXPECT:
        feed.on_event(hello(name), 0)
    effects = [effect for name in STEPPED for effect in feed.on_event(done(name, 1), 0)]
    assert [(alert.severity, alert.code) for alert in published(effects, Alert)] == [("critical", "feed_broken")]
    assert {state.state for state in published(effects, MarketStatus)} == {"stale"}
    assert "ticks.csv, line 2" in published(effects, Alert)[0].text


def test_the_market_runs_for_the_seconds_that_were_asked_for() -> None:
    """Market time from the first tick on; a tick at the very end is not sent any more."""
    feed = begun(10, msgspec.structs.replace(SIM, seconds=2.0))
    effects = [effect for number in range(1, 5) for name in STEPPED for effect in feed.on_event(done(name, number), 0)]
    assert numbers(effects) == [2]
    assert feed.describe() == "ended"


def test_minute_bars_follow_the_tick_that_closes_them() -> None:
    """Of each symbol on its own."""
    ticks = [tick(0, 1.1), tick(1, 1.3), tick(2, 150.0, "USDJPY"), tick(100, 1.2), tick(101, 151.0, "USDJPY")]
    feed = made(msgspec.structs.replace(SIM, expect=("gateway-a",)), ticks)
    feed.on_start(0)
    effects = [*feed.on_event(hello("gateway-a"), 0)]
    for number in range(1, 6):
        effects += feed.on_event(done("gateway-a", number), 0)
    assert [
        (type(event), event.symbol) for event in published(effects[4:], Event) if isinstance(event, Tick | Bar)
    ] == [
        (Tick, "EURUSD"),
        (Tick, "EURUSD"),
        (Tick, "USDJPY"),
        (Tick, "EURUSD"),
        (Bar, "EURUSD"),
        (Tick, "USDJPY"),
        (Bar, "USDJPY"),
    ]
    bars = published(effects, Bar)
    assert [(bar.timeframe, bar.open, bar.high, bar.close, bar.ticks) for bar in bars] == [
        ("M1", 1.1, 1.3, 1.3, 2),
        ("M1", 150.0, 150.0, 150.0, 1),
    ]


def test_the_same_messages_give_the_same_bytes() -> None:
    """A feed made again from its configuration does what the first did."""
    config = FeedConfig(speed=0, seconds=20, expect=("gateway-a",))

    def run() -> list[bytes]:
        cell = Cell(Feed("feed", 1, config))
        out = [*cell.start(0), *cell.handle(hello("gateway-a"), 0)]
        for number in range(1, 400):
            out += cell.handle(done("gateway-a", number), 0)
        return [sent.data for sent in out]

    first = run()
    assert first == run()
    last = decode(first[-1])
    assert isinstance(last, MarketStatus)
    assert last.state == "ended"
    ticks = [event for event in map(decode, first) if isinstance(event, Tick)]
    assert all(SIM_START < event.at <= SIM_START + 21 * SECOND for event in ticks)


# ---- live


def test_live_ticks_are_due_at_their_distances() -> None:
    """The first at once, the next with a timer; `at` is the wall clock's."""
    feed = made(LIVE, [tick(0), tick(0.25), tick(0.25), tick(3)])
    effects = feed.on_start(NOW)
    assert [sent.at for sent in published(effects, Tick)] == [NOW]
    assert effects[-1] == SetTimer("tick", NOW + 250_000)
    effects = feed.on_timer(TimerIn("tick"), NOW + 250_400)
    assert [(sent.at, sent.number) for sent in published(effects, Tick)] == [(NOW + 250_000, 2), (NOW + 250_000, 3)]
    assert effects[-1] == SetTimer("tick", NOW + 3 * SECOND)
    effects = feed.on_timer(TimerIn("tick"), NOW + 3 * SECOND)
    assert [state.state for state in published(effects, MarketStatus)] == ["ended"]
    assert not [effect for effect in effects if isinstance(effect, SetTimer)]


@given(st.floats(min_value=0.01, max_value=1000), st.lists(st.integers(0, 5_000_000), min_size=1, max_size=30))
def test_speed_divides_the_distances(speed: float, gaps: list[int]) -> None:
    """Woken exactly when it asks to be, a feed sends every tick at its time; the market keeps its own distances."""
    seconds, moment = [], 0.0
    for gap in gaps:
        moment += gap / SECOND
        seconds.append(moment)
    feed = made(msgspec.structs.replace(LIVE, speed=speed), [tick(second) for second in seconds])
    now, effects, sent, at = NOW, feed.on_start(NOW), list[int](), list[int]()
    while True:
        fresh = published(effects, Tick)
        sent += [now] * len(fresh)
        at += [event.at for event in fresh]
        timers = [effect for effect in effects if isinstance(effect, SetTimer)]
        if not timers:
            break
        assert timers[0].at >= now
        now = timers[0].at
        effects = feed.on_timer(TimerIn("tick"), now)
    distances = [tick(second).at - tick(seconds[0]).at for second in seconds]
    assert sent == [NOW + int(distance / speed) for distance in distances]
    assert at == [NOW + distance for distance in distances]


def test_a_timer_that_comes_early_or_is_unknown_sends_nothing() -> None:
    """Only what is due."""
    feed = made(LIVE, [tick(0), tick(1)])
    feed.on_start(NOW)
    assert feed.on_timer(TimerIn("tick"), NOW + 10) == [SetTimer("tick", NOW + SECOND)]
    assert feed.on_timer(TimerIn("other"), NOW + 2 * SECOND) == ()


def test_one_timer_sends_a_bounded_number_of_ticks() -> None:
    """What is left is due at once, after other messages have had their turn."""
    feed = made(LIVE, [tick(0)] * (BURST + 10))
    effects = feed.on_start(NOW)
    assert len(numbers(effects)) == BURST
    assert effects[-1] == SetTimer("tick", NOW)
    assert len(numbers(feed.on_timer(TimerIn("tick"), NOW))) == 10


def test_a_short_delay_is_caught_up_with_and_a_long_one_is_not() -> None:
    """After a pause of an hour the market goes on where it was, with nothing left out and nothing old."""
    feed = made(LIVE, [tick(second) for second in range(6)])
    feed.on_start(NOW)
    late = feed.on_timer(TimerIn("tick"), NOW + SECOND + LAG_US)
    assert [sent.at - NOW for sent in published(late, Tick)] == [SECOND, 2 * SECOND]
    woken = NOW + 3_600 * SECOND
    late = feed.on_timer(TimerIn("tick"), woken)
    assert [(sent.number, sent.at) for sent in published(late, Tick)] == [(4, woken)]
    assert late[-1] == SetTimer("tick", woken + SECOND)
    assert feed.gauges()["slipped_ms"] == 3_597_000


def test_a_market_that_runs_faster_than_the_clock_never_goes_back() -> None:
    """Held up for long, it goes on from the time it had."""
    feed = made(msgspec.structs.replace(LIVE, speed=50), [tick(0), tick(500), tick(1000)])
    feed.on_start(NOW)
    assert [sent.at - NOW for sent in published(feed.on_timer(TimerIn("tick"), NOW + 10 * SECOND), Tick)] == [
        500 * SECOND
    ]
    late = feed.on_timer(TimerIn("tick"), NOW + 30 * SECOND)
    assert [sent.at - NOW for sent in published(late, Tick)] == [1000 * SECOND]


def test_a_lost_link_does_not_stop_a_live_market() -> None:
    """It goes on, and says hello when it is back."""
    feed = made(LIVE, [tick(0), tick(1)])
    feed.on_start(NOW)
    assert feed.on_link(LinkChanged(up=False), NOW) == []
    assert len(published(feed.on_link(LinkChanged(up=True), NOW), Hello)) == 1
    assert numbers(feed.on_timer(TimerIn("tick"), NOW + SECOND)) == [2]


def test_a_live_feed_whose_timer_failed_ends_so_that_it_is_started_again() -> None:
    """It would stand still otherwise; another message that failed is not worth that."""
    feed = made(LIVE, [tick(0), tick(1)])
    feed.on_start(NOW)
    assert feed.on_failure(Failed(hello("guard"), "overload"), NOW) == ()
    with pytest.raises(RuntimeError, match="boom"):
        feed.on_failure(Failed(TimerIn("tick"), "boom"), NOW)


def test_a_failure_breaks_simulated_time() -> None:
    """A done that was lost is never repeated."""
    effects = begun(3).on_failure(Failed(done("gateway-a", 1), "overload"), 0)
    assert [alert.code for alert in published(effects, Alert)] == ["sim_broken"]


def test_a_stopped_feed_leaves_its_market_closed() -> None:
    """With the reason."""
    feed = made(LIVE, [tick(0), tick(1)])
    feed.on_start(NOW)
    assert [(state.state, state.reason) for state in published(feed.on_stop(NOW), MarketStatus)] == [
        ("closed", "the feed was stopped")
    ]


def test_its_counters_tell_what_it_did() -> None:
    """Ticks, bars, skipped quotes."""
    feed = made(LIVE, [tick(0), tick(0), tick(1)])
    feed.on_start(START)
    assert feed.gauges() == {"ticks": 2, "bars": 0, "skipped": 3, "slipped_ms": 0}


# ---- configuration


def test_the_configuration_is_the_settings_and_more() -> None:
    """Serialisable, and it says by itself whether time is simulated."""
    settings = FeedSettings(speed=0, seed=5, symbols=("EURUSD",))
    config = feed_config(settings, expect=["guard"], digests=["ab"], now=NOW)
    assert config.sim
    assert (config.seed, config.start, config.expect, config.digests) == (5, 0, ("guard",), ("ab",))
    assert msgspec.json.decode(msgspec.json.encode(config), type=FeedConfig) == config
    assert msgspec.json.decode(msgspec.json.encode(FeedState(sent=3)), type=FeedState) == FeedState(sent=3)


def test_a_live_synthetic_market_begins_now() -> None:
    """So that its day has the wall clock's shape; a start that was set stays."""
    assert not feed_config(FeedSettings(), now=NOW).sim
    assert feed_config(FeedSettings(), now=NOW).start == NOW
    assert feed_config(FeedSettings(start=START), now=NOW).start == START
    files = (TickFile(path="x", symbol="EURUSD"),)
    assert feed_config(FeedSettings(kind="recorded", files=files), now=NOW).start == 0


def test_synthetic_contracts_have_no_hours_and_recorded_ones_do() -> None:
    """A symbol that is named twice has one contract."""
    files = (TickFile(path="x", symbol="EURUSD"), TickFile(path="y", symbol="EURUSD"))
    assert [spec.hours for spec in feed_specs(FeedSettings(symbols=("EURUSD", "EURUSD")))] == [()]
    assert [spec.hours for spec in feed_specs(FeedSettings(kind="recorded", files=files))] == [((0, 7200),)]


def test_bad_symbols_and_files_are_found_before_anything_starts(tmp_path: Path) -> None:
    """The check raises what the feed would have met."""
    assert check_feed(FeedSettings()) == ()
    with pytest.raises(UnknownSymbolError, match="'NIKKEI'"):
        check_feed(FeedSettings(symbols=("EURUSD", "NIKKEI")))
    missing = TickFile(path=str(tmp_path / "missing.csv"), symbol="EURUSD")
    with pytest.raises(TickFileError, match="missing"):
        check_feed(FeedSettings(kind="recorded", files=(missing,)))


def test_a_recorded_source_is_made_of_the_files(tmp_path: Path) -> None:
    """From configuration to ticks, with the check's digest."""
    path = tmp_path / "ticks.csv"
    path.write_text("time,bid,ask\n2020-01-01 00:00:00,1.1,1.2\n")
    settings = FeedSettings(
        kind="recorded", speed=0, files=(TickFile(path=str(path), symbol="EURUSD", format="csv"),), venue="bank"
    )
    config = feed_config(settings, digests=[summary.sha256 for summary in check_feed(settings)])
    source = make_source(config)
    first = source.next()
    assert first is not None
    assert (first.venue, first.symbol, first.at) == ("bank", "EURUSD", 1_577_836_800_000_000)
    assert source.next() is None


def test_the_real_file_runs_through_in_lock_step(data_dir: Path) -> None:
    """9,500 ticks one by one, 360 closed minutes, one end."""
    file = TickFile(path=str(data_dir / "eurusd-ticks-histdata-20200101.csv"), symbol="EURUSD")
    feed = Feed("feed", 1, FeedConfig(kind="recorded", speed=0, files=(file,), expect=("gateway-a", "session-x")))
    feed.on_start(0)
    feed.on_event(hello("gateway-a"), 0)
    effects = [*feed.on_event(hello("session-x"), 0)]
    for number in range(1, 9_501):
        for name in ("session-x", "gateway-a"):
            effects += feed.on_event(done(name, number), 0)
    assert numbers(effects) == list(range(1, 9_501))
    assert len(published(effects, Bar)) == 360
    assert [(state.state, state.ticks) for state in published(effects, MarketStatus)][1:] == [("ended", 9_500)]
