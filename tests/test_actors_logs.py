"""An actor's log file: the form of its lines, what is masked, what is offered for the bus, and alerts in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from actors.actor import Actor
from actors.announcer import Announcer
from actors.log_files import level_of, stamp_of
from actors.logs import ALERT, log_alert, open_log
from actors.voice import Voice
from bus.identities import create
from bus.localbus import LocalBus


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines, decoded."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_begins_as_its_readers_expect(tmp_path: Path) -> None:
    """Time and level stand where they can be read without decoding the line."""
    path = tmp_path / "guard.log"
    open_log(path, "guard").warning("late", by=3, text="a\nb")
    (raw,) = path.read_bytes().splitlines()
    line = json.loads(raw)
    assert (stamp_of(raw), level_of(raw)) == (line["time"].encode(), "warning")
    assert list(line) == ["time", "level", "actor", "event", "by", "text"]
    assert (line["actor"], line["event"], line["by"], line["text"]) == ("guard", "late", 3, "a\nb")


def test_secrets_are_masked_in_the_file_and_on_the_bus(tmp_path: Path) -> None:
    """Every NKey seed, whoever's it is, and what the process was handed over."""
    offered: list[Any] = []
    signing = SigningKey.generate().encode().hex()
    _, seed = create("feed", "feed")
    path = tmp_path / "guard.log"

    def publish(level: str, event: str, values: Mapping[str, Any]) -> None:
        offered.append((level, event, dict(values)))

    log = open_log(path, "guard", publish=publish, secrets=(signing, ""))
    told = f"seed {seed}"
    log.info(told, key=signing, more={"seeds": [seed]}, number=5, nothing=None)
    try:
        raise ValueError(f"not a key: {seed}")
    except ValueError:
        log.exception("failed")
    assert [line["level"] for line in lines_of(path)] == ["info", "error"]
    for secret in (seed, signing):
        assert secret not in path.read_text(encoding="utf-8") + repr(offered)
    assert offered[0] == (
        "info",
        "seed [secret]",
        {"key": "[secret]", "more": "{'seeds': ['[secret]']}", "number": 5, "nothing": None},
    )
    assert offered[1][0] == "error"
    assert "ValueError: not a key: [secret]" in offered[1][2]["exception"]


def test_half_a_line_of_a_killed_process_does_not_spoil_the_next_one(tmp_path: Path) -> None:
    """The new process begins a line of its own; a file that ended well is left as it is."""
    path = tmp_path / "guard.log"
    open_log(path, "guard").info("one")
    with path.open("ab") as file:
        file.write(b'{"time": "20')
    open_log(path, "guard").info("two")
    whole = path.read_bytes()
    assert [line[:12] for line in whole.splitlines()] == [b'{"time": "20'] * 3
    assert json.loads(whole.splitlines()[2])["event"] == "two"
    open_log(path, "guard")
    assert path.read_bytes() == whole


def test_a_log_that_is_opened_twice_has_each_line_once(tmp_path: Path) -> None:
    """As when a floor is started again by the same process."""
    path = tmp_path / "supervisor.log"
    open_log(path, "supervisor")
    open_log(path, "supervisor").info("one")
    assert [line["event"] for line in lines_of(path)] == ["one"]


@pytest.mark.parametrize(("severity", "level"), [("info", "info"), ("warning", "warning"), ("critical", "error")])
def test_an_alert_of_the_runtime_is_a_line_of_the_actors_file(tmp_path: Path, severity: Any, level: str) -> None:
    """With its code and severity, before it goes on the bus, and not more often than there."""
    bus = LocalBus()
    heard: list[str] = []
    bus.subscribe(">", lambda incoming: heard.append(incoming.subject))
    voice = Voice(Actor("guard", 1), bus)
    path = tmp_path / "guard.log"
    voice.write_to(open_log(path, "guard"))
    for _ in range(5):
        voice.alert(severity, "gap", "md.tick: 3 missed")
    bus.run()
    assert voice.counters["alerts_gap"] == 5
    assert 1 <= len(heard) < 5
    assert set(heard) == {f"alert.{severity}.guard"}
    lines = lines_of(path)
    assert len(lines) == len(heard)
    assert {key: lines[0][key] for key in ("level", "event", "code", "severity", "text")} == {
        "level": level,
        "event": ALERT,
        "code": "gap",
        "severity": severity,
        "text": "md.tick: 3 missed",
    }


def test_an_alert_of_the_supervisor_is_a_line_also_without_a_bus(tmp_path: Path) -> None:
    """Its values too, whatever their names."""
    path = tmp_path / "supervisor.log"
    Announcer(1, open_log(path, "supervisor")).alert("critical", "gave_up", "guard ended", process="guard", time="x")
    (line,) = lines_of(path)
    assert (line["level"], line["code"], line["values"]) == ("error", "gave_up", {"process": "guard", "time": "x"})


def test_an_alert_is_offered_as_what_it_is(tmp_path: Path) -> None:
    """By its name, so that it does not go on the bus twice."""
    offered: list[str] = []
    log = open_log(tmp_path / "x.log", "x", publish=lambda _level, event, _values: offered.append(event))
    log_alert(log, "info", "code", "text")
    log.info("other")
    assert offered == [ALERT, "other"]
