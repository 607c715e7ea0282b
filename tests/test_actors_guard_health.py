"""The guard's rule `core_actor`: nothing opens unless everybody whom an order needs is alive; a way out always is."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest
from guard_desk import MS, SECOND, SETTINGS, START, Desk, connected, make_terms
from hypothesis import given
from hypothesis import strategies as st

from actors.guard import GuardState, config_from
from actors.guard_health import CoreHealth, core_of
from schemas.health import Beat, HealthState
from schemas.order import OrderIntent, OrderRefused
from schemas.settings import FeedSettings

CONFIG = config_from(SETTINGS)
GATEWAYS = {"gateway-paper": "paper", "gateway-other": "other"}
State = Literal["starting", "alive", "late", "dead", "stopped", "failed"]


class Floor(Desk):
    """A guard for whom everybody's health counts, with a watch that says so."""

    watch = 5

    def says(self, actor: str, state: State, reason: str = "") -> None:
        """The watch's word on somebody."""
        health = HealthState(actor=actor, state=state, reason=reason)
        self.hear(msgspec.structs.replace(health, source="watch", incarnation=self.watch))

    def beats(self) -> None:
        """The watch's own beat."""
        beat = Beat(actor="watch", state="running")
        self.hear(msgspec.structs.replace(beat, source="watch", incarnation=self.watch))

    def all_well(self) -> None:
        """Everybody lives, the watch included."""
        self.beats()
        for actor in CONFIG.core:
            self.says(actor, "alive")

    def refusal(self, number: int, **changes: Any) -> str:
        """Why an open is refused by this rule, or "" if it is cleared. Any other refusal fails the test."""
        said = self.hear(OrderIntent(terms=make_terms(number, submitted_at=self.now, **changes)))
        refused = [event for event in said if isinstance(event, OrderRefused)]
        if not refused:
            return ""
        assert (refused[0].rule, refused[0].limit) == ("core_actor", "every core actor alive")
        return refused[0].actual


@pytest.fixture
def floor() -> Floor:
    """Everything there, everybody well, and 0.05 lots open: position 7."""
    made = Floor(config=CONFIG)
    made.open_up()
    made.all_well()
    made.open_position(1, ticket=7, volume=0.05)
    return made


def test_the_core_is_everybody_but_sessions_with_each_gateway_for_its_account() -> None:
    """The watch is known by its own beats; in simulated time there is no core."""
    common = {"supervisor", "feed", "guard", "router", "portfolio", "recorder"}
    assert core_of(SETTINGS) == dict.fromkeys(common, "") | GATEWAYS
    assert core_of(msgspec.structs.replace(SETTINGS, feed=FeedSettings(speed=0))) == {}


@pytest.mark.parametrize("actor", [actor for actor in CONFIG.core if actor not in GATEWAYS])
def test_nothing_opens_while_somebody_in_the_core_is_dead(floor: Floor, actor: str) -> None:
    """It is named, with the reason; when it has beaten again opens pass."""
    floor.says(actor, "dead", "was killed by signal 9")
    assert floor.refusal(2) == f"{actor} dead: was killed by signal 9"
    assert floor.refusal(1, session="far", account="other") == f"{actor} dead: was killed by signal 9"
    floor.says(actor, "starting", "was killed by signal 9")
    assert floor.refusal(3) == f"{actor} starting: was killed by signal 9"
    floor.says(actor, "alive")
    assert floor.refusal(4) == ""


def test_closes_and_hedges_pass_whoever_is_dead(floor: Floor) -> None:
    """And whether or not anybody knows."""
    for actor in CONFIG.core:
        floor.says(actor, "failed", "not started again")
    floor.pass_time(4 * SECOND)
    floor.quote()
    now: dict[str, Any] = {"submitted_at": floor.now, "side": "sell", "volume": 0.01}
    assert floor.ask(make_terms(2, **now)) == "hedge"
    assert floor.ask(make_terms(3, **now, position=7)) == "close"
    assert floor.refusal(4) == "watch dead: no beat for 4000 ms"


def test_a_gateway_counts_for_its_own_account_only(floor: Floor) -> None:
    """The other account trades on."""
    floor.says("gateway-other", "dead", "no beat for 3 s")
    assert floor.refusal(2) == ""
    assert floor.refusal(1, session="far", account="other") == "gateway-other dead: no beat for 3 s"


@pytest.mark.parametrize(("state", "opens"), [("late", True), ("stopped", False), ("failed", False)])
def test_late_is_alive_and_stopped_is_not(floor: Floor, state: State, opens: bool) -> None:
    """Late is a warning: it may be a busy machine."""
    floor.says("router", state)
    assert (floor.refusal(2) == "") is opens


def test_sessions_and_strangers_do_not_count(floor: Floor) -> None:
    """Whatever the watch says of them."""
    floor.says("session-ema-2", "dead")
    floor.says("nobody", "dead")
    assert floor.refusal(2) == ""


def test_nothing_opens_when_the_watch_has_been_silent_for_three_seconds(floor: Floor) -> None:
    """By the guard's own clock. Then nobody knows who lives."""
    floor.pass_time(3 * SECOND)
    floor.quote()
    assert floor.refusal(2) == ""
    floor.pass_time(1)
    assert floor.refusal(3) == "watch dead: no beat for 3000.001 ms"
    floor.beats()
    assert floor.refusal(4) == ""


def test_a_new_watch_has_to_say_of_everybody_again(floor: Floor) -> None:
    """What the one before said may be long past; and its last words do not count after the first of the next."""
    floor.watch = 6
    floor.beats()
    assert floor.refusal(2) == "supervisor unknown: the watch has not said yet"
    for actor in CONFIG.core:
        if actor != "recorder":
            floor.says(actor, "alive")
    assert floor.refusal(3) == "recorder unknown: the watch has not said yet"
    floor.watch = 5
    floor.says("recorder", "alive")
    assert floor.refusal(4) == "recorder unknown: the watch has not said yet"
    floor.watch = 6
    floor.says("recorder", "alive")
    assert floor.refusal(5) == ""


def test_a_beat_of_the_watch_before_does_not_count(floor: Floor) -> None:
    """The next one has spoken already: it is it that has to beat."""
    floor.watch = 6
    floor.all_well()
    floor.pass_time(3 * SECOND + 1)
    floor.quote()
    floor.watch = 5
    floor.beats()
    assert floor.refusal(2) == "watch dead: no beat for 3000.001 ms"


def test_a_guard_that_has_just_started_opens_nothing_before_the_watch_has_spoken() -> None:
    """Its first beat is not enough: it must say that everybody lives."""
    floor = Floor(config=CONFIG)
    floor.open_up()
    assert floor.refusal(1) == "watch unknown: no beat heard yet"
    floor.beats()
    assert floor.refusal(2) == "supervisor unknown: the watch has not said yet"
    floor.all_well()
    assert floor.refusal(3) == ""


def test_after_a_lost_link_the_watch_has_to_say_everything_again(floor: Floor) -> None:
    """Somebody may have died meanwhile."""
    floor.link(up=False)
    floor.link(up=True)
    floor.hear(connected("paper"))
    floor.quote()
    assert floor.refusal(2) == "watch unknown: no beat heard yet"
    floor.beats()
    assert floor.refusal(3) == "supervisor unknown: the watch has not said yet"
    floor.all_well()
    assert floor.refusal(4) == ""


def test_people_are_alerted_once_and_the_reason_is_short(floor: Floor) -> None:
    """A reason may be an actor's last words, of any length."""
    floor.says("recorder", "dead", "x" * 10_000)
    said = [event for number in (2, 3) for event in floor.hear(OrderIntent(terms=make_terms(number)))]
    assert [type(event).__name__ for event in said] == ["OrderRefused", "Alert", "OrderRefused"]
    refusal = said[0]
    assert isinstance(refusal, OrderRefused)
    assert len(refusal.actual) < 200


def test_what_the_guard_says_can_be_run_again_and_its_state_does_not_grow(floor: Floor) -> None:
    """Health is not part of what outlives the guard: the watch knows better."""
    before = len(msgspec.json.encode(floor.guard.state))
    for number in range(2, 40):
        floor.says("recorder", "dead" if number % 2 else "alive", "no beat for 3 s")
        floor.says("gateway-other", "alive" if number % 3 else "dead")
        floor.pass_time(100 * MS)
        floor.beats()
        floor.quote()
        floor.hear(OrderIntent(terms=make_terms(number, submitted_at=floor.now, volume=0.06)))
    assert [(out.subject, out.data) for out in floor.replayed()] == [(out.subject, out.data) for out in floor.outbox]
    assert len(msgspec.json.encode(floor.guard.state)) < before + 200
    assert "core" not in {field.name for field in msgspec.structs.fields(GuardState)}


ACTORS = ("supervisor", "recorder", "gateway-paper", "gateway-other", "stranger")
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 500 * MS, SECOND, 3 * SECOND]),
        st.sampled_from(["beat", "beat", "state", "state", "all", "all", "link"]),
        st.sampled_from([1, 2, 2, 2, 3]),
        st.sampled_from(ACTORS),
        st.sampled_from(["starting", "alive", "alive", "late", "dead", "stopped", "failed"]),
    ),
    min_size=15,
    max_size=40,
)


@given(STEPS)
def test_an_account_is_clear_only_if_the_newest_watch_beats_and_calls_all_it_needs_alive(
    steps: list[tuple[int, str, int, str, State]],
) -> None:
    """Against a model that keeps every word and looks at all of them."""
    core = {"supervisor": "", "recorder": "", "gateway-paper": "paper", "gateway-other": "other"}
    health, now = CoreHealth(core), START
    words: list[tuple[int, str, str]] = []
    beats: list[tuple[int, int]] = []
    newest = 0
    for after, what, watch, actor, state in steps:
        now += after
        if what == "link":
            health.forget()
            words, beats = [], []
        elif what == "beat":
            health.hear(msgspec.structs.replace(Beat(actor="watch", state="running"), incarnation=watch), now)
            beats.append((max(watch, newest) * (watch >= newest), now))
            newest = max(newest, watch)
        else:
            for name, word in ((one, "alive") for one in core) if what == "all" else ((actor, state),):
                event = msgspec.structs.replace(HealthState(actor=name, state="alive"), state=word, incarnation=watch)
                health.hear(event, now)
                words.append((watch, name, word))
            newest = max(newest, watch)
        beaten = any(incarnation and now - at <= 3 * SECOND for incarnation, at in beats)
        for account in ("paper", "other", "elsewhere"):
            needed = {name for name, serves in core.items() if serves in {"", account}}
            last = {name: word for incarnation, name, word in words if incarnation == newest}
            alive = all(last.get(name) in {"alive", "late"} for name in needed)
            assert (health.trouble(account, now) == "") == (beaten and alive)
