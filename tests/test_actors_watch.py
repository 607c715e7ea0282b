"""The watch: whom it calls alive, late and dead, whom it tells, and what it answers."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest
from watch_bench import ACTORS, MS, NUMBERS, SECOND, Bench

from actors.effects import EventIn, Failed, Publish
from actors.watch import Watch, WatchConfig, config_from
from schemas.answers import LogAnswer
from schemas.base import Event
from schemas.codec import encode
from schemas.command import Ask, CommandResult
from schemas.health import Alert, Beat, HealthState, Hello, LogLine
from schemas.settings import SessionSettings, Settings


@pytest.fixture
def bench() -> Bench:
    """A watch of a floor on which all is well."""
    made = Bench()
    made.all_well()
    assert {actor: made.state(actor) for actor in ACTORS} == dict.fromkeys(ACTORS, "alive")
    return made


def codes(bench: Bench) -> list[tuple[str, str, str]]:
    """Severity, code and actor of the alerts so far."""
    return [(alert.severity, alert.code, alert.values["actor"]) for alert in bench.alerts]


# ---- states


def test_it_watches_every_place_and_the_supervisor() -> None:
    """By the settings' plan."""
    names = config_from(Settings(session=(SessionSettings(id="s"),))).actors
    core = ("feed", "gateway-paper", "guard", "router", "portfolio", "recorder", "watch")
    assert names == ("supervisor", *core, "session-s")


def test_of_whom_nothing_was_heard_nothing_is_said() -> None:
    """Only hello; the rest begins with the supervisor's answer to it, or with beats."""
    bench = Bench()
    assert [type(out.effect) for out in bench.outbox if isinstance(out.effect, Publish)] == [Publish]
    bench.seconds(1, silent=ACTORS)
    assert bench.told == {}
    bench.beat("guard")
    assert bench.state("guard") == "alive"


def test_silence_makes_late_after_two_seconds_and_dead_after_three(bench: Bench) -> None:
    """Told within a quarter of a second; a beat makes alive at once."""
    began = bench.now
    seen: list[tuple[int, str]] = []
    while bench.now < began + 4 * SECOND:
        if not (bench.now - began) % SECOND:
            for actor in ACTORS:
                if actor != "recorder":
                    bench.beat(actor)
        bench.until(bench.now + 50 * MS)
        if not seen or seen[-1][1] != bench.state("recorder"):
            seen.append((bench.now - began, bench.state("recorder")))
    (_, first), (late_at, second), (dead_at, third) = seen
    assert (first, second, third) == ("alive", "late", "dead")
    assert 2 * SECOND < late_at <= 2 * SECOND + 300 * MS
    assert 3 * SECOND < dead_at <= 3 * SECOND + 300 * MS
    assert bench.told["recorder"].reason == "no beat for 3 s"
    said = bench.beat("recorder")
    assert [event.state for event in said if isinstance(event, HealthState)] == ["alive"]
    assert bench.told["recorder"].reason == ""


def test_who_lives_but_says_it_is_troubled_is_told_with_that_reason(bench: Bench) -> None:
    """Until a beat says otherwise; silence has a reason of its own. Other words of a beat are not for everybody."""
    said = bench.beat("recorder", state="troubled: it is sad")
    assert [(one.state, one.reason) for one in said if isinstance(one, HealthState)] == [
        ("alive", "troubled: it is sad")
    ]
    assert bench.beat("recorder", state="troubled: it is sad") == []
    bench.beat("recorder", state="settling")
    assert (bench.state("recorder"), bench.told["recorder"].reason) == ("alive", "")


def test_a_killed_actor_is_dead_at_once_and_alive_with_its_next_incarnations_first_beat(bench: Bench) -> None:
    """Not with a beat of the one before, which was still under way."""
    bench.process("recorder", "ended", "was killed by signal 9", restarts=1)
    assert bench.told["recorder"] == HealthState(
        actor="recorder", state="dead", reason="was killed by signal 9", restarts=1
    )
    bench.beat("recorder", 3)
    assert bench.state("recorder") == "dead"
    bench.numbers["recorder"] = 9
    bench.process("recorder", "started", "was killed by signal 9", restarts=1)
    assert bench.told["recorder"] == HealthState(
        actor="recorder", state="starting", reason="was killed by signal 9", pid=1009, restarts=1
    )
    bench.beat("recorder", 3)
    bench.seconds(5, silent=("recorder",))
    assert bench.state("recorder") == "starting"
    bench.beat("recorder")
    assert bench.told["recorder"] == HealthState(actor="recorder", state="alive", pid=1009, restarts=1)


@pytest.mark.parametrize(("word", "state"), [("failed", "failed"), ("stopped", "stopped")])
def test_who_was_given_up_or_stopped_stays_so(bench: Bench, word: Literal["failed", "stopped"], state: str) -> None:
    """Whatever beats still come, and however long it is silent."""
    bench.process("recorder", word, "why")
    bench.beat("recorder")
    bench.seconds(10, silent=("recorder",))
    assert (bench.state("recorder"), bench.told["recorder"].reason) == (state, "why")


def test_a_late_word_on_an_incarnation_that_is_over_is_no_news(bench: Bench) -> None:
    """Nor is one that is said again."""
    bench.process("recorder", "ended", "first")
    bench.numbers["recorder"] = 9
    bench.process("recorder", "started")
    bench.beat("recorder")
    bench.numbers["recorder"] = 3
    assert bench.process("recorder", "ended", "first") == []
    bench.numbers["recorder"] = 9
    assert bench.process("recorder", "started") == []
    assert bench.state("recorder") == "alive"


def test_before_the_supervisor_has_spoken_the_newest_incarnation_counts(bench: Bench) -> None:
    """Nobody speaks for the supervisor itself. Its word on a session undoes what that has claimed of itself."""
    bench.beat("supervisor", 3)
    bench.beat("supervisor", 1)
    assert bench.told["supervisor"].pid == 1003
    fresh = Bench()
    fresh.beat("session-s", 10**9)
    assert fresh.state("session-s") == "alive"
    fresh.process("session-s", "started")
    assert fresh.state("session-s") == "starting"
    fresh.beat("session-s", 10**9)
    assert fresh.state("session-s") == "starting"
    fresh.beat("session-s")
    assert fresh.state("session-s") == "alive"


def test_a_session_cannot_beat_for_others(bench: Bench) -> None:
    """The subject says whose beat it is, whatever stands in it."""
    bench.process("recorder", "ended")
    bench.numbers["recorder"] = 9
    bench.process("recorder", "started")
    forged = msgspec.structs.replace(Beat(actor="recorder", state="running"), incarnation=9)
    assert bench.hear(forged, "health.beat.session-s") == []
    assert bench.hear(forged, "health.beat.nobody") == []
    assert bench.state("recorder") == "starting"


# ---- silence that proves nothing


def test_when_nobody_is_heard_nobody_is_blamed(bench: Bench) -> None:
    """A frozen server or a lost link looks like the death of all; the first message after it begins anew."""
    bench.seconds(20, silent=ACTORS)
    assert {bench.state(actor) for actor in ACTORS} == {"alive"}
    bench.beat("watch")
    assert bench.alerts == []
    bench.seconds(4, silent=("recorder",))
    assert bench.state("recorder") == "dead"
    assert bench.state("guard") == "alive"


def test_a_short_hiccup_of_the_server_kills_nobody(bench: Bench) -> None:
    """Even when the first to be heard after it is somebody else."""
    bench.seconds(1.45, silent=ACTORS)
    bench.beat("guard")
    bench.seconds(0.5, silent=ACTORS)
    for actor in ACTORS:
        bench.beat(actor)
    assert "dead" not in {bench.state(actor) for actor in ACTORS}


def test_after_its_own_freeze_everybody_gets_the_whole_time_again(bench: Bench) -> None:
    """The timer comes first, then what waited in the socket."""
    bench.now += 30 * SECOND
    bench.until(bench.now)
    assert {bench.state(actor) for actor in ACTORS} == {"alive"}
    bench.beat("watch")
    bench.until(bench.now + 250 * MS)
    assert {bench.state(actor) for actor in ACTORS} == {"alive"}


def test_being_excused_brings_nobody_back(bench: Bench) -> None:
    """Dead before the outage is dead after it, until it beats."""
    bench.seconds(4, silent=("recorder",))
    assert bench.state("recorder") == "dead"
    bench.seconds(5, silent=ACTORS)
    bench.seconds(2, silent=("recorder",))
    assert bench.state("recorder") == "dead"
    bench.beat("recorder")
    assert bench.state("recorder") == "alive"


# ---- who is told


def test_a_change_is_told_once_and_all_of_it_again_to_the_guard(bench: Bench) -> None:
    """The guard has just started: it knows nobody."""
    bench.outbox.clear()
    bench.seconds(10)
    assert [out.subject for out in bench.outbox if out.subject] == []
    said = bench.hear(Hello(actor="guard", role="guard"))
    assert [(event.actor, event.state) for event in said if isinstance(event, HealthState)] == [
        (actor, "alive") for actor in ACTORS
    ]


def test_when_the_link_is_back_everything_is_told_and_asked_again(bench: Bench) -> None:
    """And while it is gone nobody is blamed."""
    bench.link(up=False)
    assert bench.cell.actor.describe() == "cut off"
    bench.seconds(10, silent=ACTORS)
    said = bench.link(up=True)
    assert [type(event) for event in said] == [Hello, *[HealthState] * len(ACTORS)]
    assert {bench.state(actor) for actor in ACTORS} == {"alive"}
    bench.seconds(4, silent=("guard",))
    assert bench.state("guard") == "dead"


def test_it_listens_to_the_guards_hello_only() -> None:
    """Whoever is in a hurry to hear everything again is not served by everybody's hello."""
    wanted = {one.subject: one.lane for one in Watch("watch", 5, WatchConfig(ACTORS)).subscriptions()}
    assert wanted == {
        "health.process.*": "control",
        "health.beat.*": "control",
        "hello.guard": "control",
        "ask.*.*.watch.*": "data",
        "alert.*.*": "data",
        "log.*.*": "data",
    }


# ---- alerts


def test_late_dead_and_back_are_alerts_once_each(bench: Bench) -> None:
    """With who and why."""
    bench.seconds(6, silent=("recorder",))
    bench.seconds(2)
    assert codes(bench) == [
        ("warning", "actor_late", "recorder"),
        ("critical", "actor_dead", "recorder"),
        ("info", "actor_back", "recorder"),
    ]
    assert bench.alerts[1].text == "recorder is dead: no beat for 3 s"


def test_of_one_actor_people_hear_at_most_once_a_second_and_then_how_it_stands(bench: Bench) -> None:
    """It dies, comes back and is given up within a moment."""
    bench.process("recorder", "ended", "was killed by signal 9")
    bench.numbers["recorder"] = 9
    bench.process("recorder", "started")
    bench.beat("recorder")
    bench.process("recorder", "ended", "again")
    bench.process("recorder", "failed", "not started again")
    bench.process("guard", "ended", "was killed by signal 9")
    assert codes(bench) == [("critical", "actor_dead", "recorder"), ("critical", "actor_dead", "guard")]
    bench.seconds(0.9, silent=ACTORS)
    assert len(bench.alerts) == 2
    bench.seconds(0.3, silent=ACTORS)
    assert codes(bench)[2:] == [("critical", "actor_failed", "recorder")]


@pytest.mark.parametrize("floor", ["starting", "stopping"])
def test_a_floor_that_starts_or_stops_raises_no_alerts(floor: str) -> None:
    """The supervisor's beat says which it does. What still holds when it runs is told then."""
    bench = Bench()
    bench.all_well()
    bench.beat("supervisor", state=floor)
    bench.process("recorder", "ended", "was killed by signal 9")
    bench.process("session-s", "stopped")
    for _ in range(6):
        bench.until(bench.now + SECOND)
        bench.beat("supervisor", state=floor)
        bench.beat("watch")
    assert bench.alerts == []
    assert (bench.state("guard") == "dead") is (floor == "starting")
    bench.beat("supervisor")
    bench.until(bench.now + 250 * MS)
    assert ("critical", "actor_dead", "recorder") in codes(bench)
    assert "session-s" not in {actor for _, _, actor in codes(bench)}


def test_one_that_ended_in_order_and_is_back_is_not_news(bench: Bench) -> None:
    """It was not missed."""
    bench.process("session-s", "stopped")
    bench.seconds(2)
    bench.numbers["session-s"] = 9
    bench.process("session-s", "started")
    bench.beat("session-s")
    bench.seconds(2)
    assert bench.alerts == []


# ---- questions


def ask(bench: Bench, verb: str = "log", reply: str = "_R_.1") -> list[Event]:
    """A viewer's question."""
    event = Ask(id="q1", user="vera", scope="floor", service="watch", verb=verb)
    return bench.hear(event, reply=reply)


def line(text: str, actor: str = "guard", **values: str) -> LogLine:
    """A log line, as its sender stamps it."""
    made = LogLine(level="info", actor=actor, event=text, values=values)
    return msgspec.structs.replace(made, source=actor, incarnation=2, sequence=1, time=7)


def entries(said: list[Event]) -> list[str]:
    """The texts of an answer's entries."""
    (answer,) = said
    assert isinstance(answer, LogAnswer)
    return [entry.text if isinstance(entry, Alert) else entry.event for entry in answer.entries]


def test_it_answers_with_the_newest_alerts_and_log_lines_in_their_order(bench: Bench) -> None:
    """With their envelopes, so that who asked can tell what it has already."""
    alert = Alert(severity="warning", code="c", text="second", actor="router")
    bench.hear(line("first"))
    bench.hear(alert)
    said = ask(bench)
    assert entries(said) == ["first", "second"]
    assert isinstance(said[0], LogAnswer)
    assert said[0].entries[0] == line("first")


def test_the_oldest_goes_first_and_an_answer_stays_small(bench: Bench) -> None:
    """500 entries at most, and less than 200 KiB."""
    for number in range(600):
        bench.hear(line(f"{number}"))
    assert entries(ask(bench)) == [str(number) for number in range(100, 600)]
    for number in range(600):
        bench.hear(line(f"{number}", more="x" * 3000))
    said = ask(bench)
    assert len(encode(said[0])) < 200 * 1024
    assert len(entries(said)) > 50
    assert entries(said)[-1] == "599"


def test_an_entry_that_is_a_novel_is_cut(bench: Bench) -> None:
    """And takes no one else's place."""
    bench.hear(line("before"))
    huge = {f"k{number}" * 50: "ü\x00" * 1000 for number in range(40)}
    bench.hear(msgspec.structs.replace(line("x" * 100_000, **huge), cause="c" * 9000))
    bench.hear(msgspec.structs.replace(Alert(severity="info", code="c" * 9000, text="t" * 9000, actor="a")))
    assert [text[:10] for text in entries(ask(bench))] == ["before", "x" * 10, "t" * 10]
    assert len(encode(ask(bench)[0])) < 3 * 4096 + 200


def test_what_is_not_on_its_own_subject_is_not_kept(bench: Bench) -> None:
    """The server pins the subject to the sender: a session may write the guard's name into its line."""
    bench.hear(line("forged"), "log.info.session-s")
    bench.hear(Alert(severity="info", code="c", text="forged", actor="guard"), "alert.info.session-s")
    assert entries(ask(bench)) == []


def test_a_question_that_it_does_not_know_gets_an_answer_that_says_so(bench: Bench) -> None:
    """And one without a reply subject none."""
    (answer,) = ask(bench, verb="reboot")
    text = "the watch cannot answer 'reboot'; it can answer: log"
    assert answer == CommandResult(id="q1", ok=False, text=text)
    assert ask(bench, reply="") == []


# ---- failures


def test_a_full_mailbox_is_borne_and_a_fault_is_not(bench: Bench) -> None:
    """The runtime says what was dropped; a watch that may have missed something is started again."""
    message = EventIn("log.info.guard", line("x"))
    assert bench.take(Failed(message, "overload: the mailbox is full")) == []
    with pytest.raises(RuntimeError, match="KeyError"):
        bench.take(Failed(message, "KeyError: 1"))


def test_the_gauges_count(bench: Bench) -> None:
    """For the beat."""
    bench.hear(line("x"))
    ask(bench)
    bench.process("recorder", "ended")
    assert bench.cell.actor.gauges() == {
        "watched": len(ACTORS),
        "alive": len(NUMBERS) - 1,
        "dead": 1,
        "entries": 1,
        "asked": 1,
        "deaf": 0,
    }
