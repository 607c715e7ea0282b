"""Log lines on the bus: few enough, small enough, and never a trouble of their own."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.actor import Actor
from actors.log_publisher import BURST, RATE, LogPublisher
from actors.logs import log_alert, open_log
from actors.voice import Voice
from bus.interface import BusError
from bus.localbus import LocalBus
from schemas.base import Event
from schemas.codec import decode, encode
from schemas.health import LogLine


class Desk:
    """A publisher with a clock that stands still, and what it said."""

    def __init__(self, actor: str = "guard") -> None:
        self.now = 0
        self.said: list[Any] = []
        self.publisher = LogPublisher(actor, monotonic=lambda: self.now)
        self.publisher.join(self.said.append)

    def offer(self, count: int = 1) -> None:
        for number in range(count):
            self.publisher.offer("info", "busy", {"number": number})


def test_before_it_has_joined_a_bus_nothing_is_said(tmp_path: Path) -> None:
    """The line is in the file; afterwards it is an event on its subject, stamped like the actor's others."""
    publisher = LogPublisher("guard")
    log = open_log(tmp_path / "guard.log", "guard", publish=publisher.offer)
    log.info("early")
    bus = LocalBus()
    heard: list[tuple[str, Event]] = []
    bus.subscribe("log.>", lambda incoming: heard.append((incoming.subject, decode(incoming.data))))
    publisher.join(Voice(Actor("guard", 7), bus).say)
    log.warning("late", by=3)
    log.error("worse")
    bus.run()
    assert [subject for subject, _ in heard] == ["log.warning.guard", "log.error.guard"]
    line = heard[0][1]
    assert isinstance(line, LogLine)
    assert (line.source, line.incarnation, line.sequence, line.event, line.values) == (
        "guard",
        7,
        1,
        "late",
        {"by": "3"},
    )
    assert line.time > 0
    assert len((tmp_path / "guard.log").read_bytes().splitlines()) == 3


def test_a_flood_is_cut_and_the_next_line_tells_how_many_are_missing() -> None:
    """A burst passes, then fifty a second; nothing is told twice."""
    desk = Desk()
    desk.offer(BURST + 30)
    assert len(desk.said) == BURST
    desk.now += 1_000_000
    desk.offer(RATE + 5)
    assert len(desk.said) == BURST + RATE
    assert desk.said[BURST].values == {"number": "0", "lines_left_out": "30"}
    assert all("lines_left_out" not in line.values for line in desk.said[BURST + 1 :])
    desk.now += 3600 * 1_000_000
    desk.offer(BURST + 1)
    assert len(desk.said) == 2 * BURST + RATE
    assert desk.said[BURST + RATE].values["lines_left_out"] == "5"


@given(
    event=st.text() | st.sampled_from(["\x00" * 70_000, "ä" * 70_000, "\ud800" * 70_000, "\U0001f600" * 9_000]),
    values=st.dictionaries(
        st.text() | st.just("\x01" * 20_000),
        st.one_of(
            st.text(),
            st.integers(),
            st.sampled_from(["\x00" * 70_000, "x" * 10**6, "ä" * 70_000, "\ud800" * 70_000, 10**4000]),
        ),
        max_size=40,
    ),
)
def test_whatever_is_logged_becomes_an_event_below_16_kib(event: str, values: dict[str, Any]) -> None:
    """Control characters take six bytes each, others up to four; half a surrogate cannot be sent at all."""
    desk = Desk("session-" + "=20" * 20)
    desk.publisher.offer("info", event, values)
    (line,) = desk.said
    assert len(encode(line)) < 15 * 1024
    assert decode(encode(line)) == line
    left = int(line.values.get("values_left_out", 0))
    assert left + len(line.values) - ("values_left_out" in line.values) <= len(values)


def test_what_is_left_out_of_a_line_is_told() -> None:
    """How long a cut value was, and how many values there was no room for."""
    desk = Desk()
    desk.publisher.offer("error", "big", {f"v{n}": "x" * 10_000 for n in range(9)})
    (line,) = desk.said
    assert line.values["v0"].endswith("x... (10000 characters)")
    assert 1900 < len(line.values["v0"]) < 2100
    assert int(line.values["values_left_out"]) + len(line.values) - 1 == 9
    desk.publisher.offer("error", "raised", {"exception": "Traceback:\n  File x\nValueError: no"})
    assert desk.said[1].values == {"exception": "ValueError: no"}


@pytest.mark.parametrize("error", [BusError("closed"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), KeyError(1)])
def test_a_bus_that_raises_is_nobodys_trouble(error: Exception) -> None:
    """The line is counted, and the next one tells."""
    desk = Desk()

    def refuse(event: Event) -> None:
        raise error

    desk.publisher.join(refuse)
    desk.offer(3)
    desk.publisher.join(desk.said.append)
    desk.offer()
    assert desk.said[0].values["lines_left_out"] == "3"


def test_a_line_about_the_publishing_is_not_published(tmp_path: Path) -> None:
    """Neither one that is logged while another is said, nor the link's trouble, nor what an alert says already."""
    publisher = LogPublisher("guard")
    path = tmp_path / "guard.log"
    log = open_log(path, "guard", publish=publisher.offer)
    said: list[Event] = []

    def say(event: Event) -> None:
        said.append(event)
        log.warning("could not say it")

    publisher.join(say)
    log.info("one")
    log.warning("trouble", text="the link is down")
    log.warning("permission violation", who="guard")
    log_alert(log, "critical", "code", "text")
    assert [getattr(event, "event", "") for event in said] == ["one"]
    assert len(path.read_bytes().splitlines()) == 5


def test_another_thread_does_not_touch_the_bus() -> None:
    """Its line is in the file only, and counted."""
    desk = Desk()
    thread = Thread(target=desk.offer)
    thread.start()
    thread.join()
    assert desk.said == []
    desk.offer()
    assert desk.said[0].values["lines_left_out"] == "1"


def test_levels_are_those_of_the_schema() -> None:
    """Debug stays in the file; a level that nobody knows is taken for an error."""
    desk = Desk()
    for level in ("debug", "info", "critical", "odd"):
        desk.publisher.offer(level, "x", {})
    assert [line.level for line in desk.said] == ["info", "critical", "error"]
