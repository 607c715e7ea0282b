"""One actor run again from its inbox log: what is identical, and what is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from scene import TICKS, Deaf, Scene, roles, tick

from actors.effects import EventIn, Failed, StoredIn, TimerIn
from actors.replay import Replay
from actors.verify import verify_record
from bus.eventlog import LogReader, LogWriter
from schemas.codec import encode

_SUM = 26  # characters of `,"sum":"................"}`


def _rewritten(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the lines of a log and give it good checksums again, as somebody might who knows the format."""
    bodies = [line.data[:-_SUM] for line in LogReader(path)]
    path.unlink()
    writer = LogWriter(path)
    for body in change(bodies):
        writer.append(body)
    writer.close()


def _replaced(old: bytes, new: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda lines: [line.replace(old, new) for line in lines]


def test_an_orderly_log_is_identical(tmp_path: Path) -> None:
    """Start, ticks by reference, timers and acks give the same effects; the finding counts them."""
    scene = Scene(tmp_path)
    for number in (1, 2, 3):
        scene.tick(number)
    scene.take(TimerIn("t"))
    scene.take(StoredIn("t", 5))
    finding = scene.finding()
    assert (finding.ok, finding.text) == (True, "identical: 6 messages, 8 effects")
    assert (finding.actor, finding.file) == ("counter-7", str(scene.path))


def test_a_program_that_decides_otherwise_is_named_with_both_effects(tmp_path: Path) -> None:
    """The first difference: file, line, message, the effect as it was recorded and as it is now."""
    scene = Scene(tmp_path)
    scene.tick(1)
    finding = scene.finding(Deaf)
    assert not finding.ok
    assert str(finding).startswith(f"counter-7: {scene.path}:5: message 2 ({TICKS}): effect 2 differs: at byte ")
    assert '"text":"1 1.1"' in finding.recorded
    assert '"text":"0 1.1"' in finding.replayed


@pytest.mark.parametrize(
    ("change", "line", "what"),
    [
        (_replaced(b'"text":"2 1.1"', b'"text":"2 1.2"'), 7, "effect 2 differs"),
        (_replaced(b'"at":1577916000000001', b'"at":1577916000000002'), 5, "effect 1 differs"),
        (_replaced(b'"now":1577916000000000', b'"now":1577916000000001'), 3, "effect 1 differs"),
        (lambda lines: [*lines[:5], *lines[7:]], 6, "message 4 where message 3 was expected"),
        (lambda lines: [*lines[:6], *lines[7:]], 6, "has no effects in the log and 2 now"),
        (lambda lines: [*lines[:7], lines[6], *lines[7:]], 8, "effects of message 3, which was not the last one taken"),
        (_replaced(b'"limit":3', b'"limit":0'), 5, "raises now: ValueError: 1"),
        (_replaced(b'"limit":3', b'"limit":"x"'), 1, "does not fit"),
        (_replaced(b'"role":"counter"', b'"role":"tarot"'), 1, "no role 'tarot'"),
        (_replaced(b'"id":[1,2]', b'"id":[1,9]'), 6, f"the tick {TICKS}#1.9 is nowhere to be found"),
    ],
)
def test_a_log_with_good_checksums_but_another_content_is_found_out(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], line: int, what: str
) -> None:
    """Whoever repairs the checksums as well is found out by the replay."""
    scene = Scene(tmp_path)
    for number in (1, 2, 3):
        scene.tick(number)
    scene.log.close()
    _rewritten(scene.path, change)
    finding = scene.finding()
    assert not finding.ok
    assert finding.line == line
    assert what in finding.text


def test_a_handler_that_raised_must_raise_again(tmp_path: Path) -> None:
    """An exception is an outcome like any other, and what on_failure makes of it is compared too."""
    scene = Scene(tmp_path)
    for number in (1, 2, 3):
        scene.tick(number)
    scene.tick(4, raises=True)
    scene.take(Failed(EventIn(TICKS, tick(4)), "ValueError: 4"))
    assert scene.finding().text == "identical: 6 messages, 8 effects"


def test_a_handler_that_no_longer_raises_is_a_difference(tmp_path: Path) -> None:
    """And the log's line of the exception is named."""
    scene = Scene(tmp_path)
    for number in (1, 2, 3):
        scene.tick(number)
    scene.tick(4, raises=True)
    scene.log.close()
    _rewritten(scene.path, _replaced(b'"limit":3', b'"limit":9'))
    finding = scene.finding()
    assert (finding.ok, finding.line) == (False, 11)
    assert "raised 'ValueError: 4' and does not now" in finding.text


def test_without_a_bus_log_ticks_come_from_a_lookup(tmp_path: Path) -> None:
    """A floor's home has inbox logs only; the caller finds the ticks, in the market stream or elsewhere."""
    scene = Scene(tmp_path, bus=False)
    scene.tick(1)
    scene.log.close()
    ticks = {(TICKS, 1, 1): encode(tick(1))}
    (found,) = verify_record(tmp_path, roles=roles(), ticks=lambda *key: ticks.get(key))
    assert found.text == "identical: 2 messages, 3 effects"
    (missing,) = verify_record(tmp_path, roles=roles())
    assert (missing.ok, missing.line) == (False, 4)
    assert "is nowhere to be found" in missing.text


def test_a_log_that_goes_on_meanwhile_is_verified_as_far_as_it_was(tmp_path: Path) -> None:
    """A tick that came after the feed's log was read is not called missing: nobody has asked for it."""
    scene = Scene(tmp_path, bus=False)
    scene.tick(1)
    scene.log.flush()
    ticks = {(TICKS, 1, 1): encode(tick(1))}

    def lookup(subject: str, incarnation: int, sequence: int) -> bytes | None:
        scene.tick(2)
        scene.log.flush()
        return ticks.get((subject, incarnation, sequence))

    (finding,) = verify_record(tmp_path, roles=roles(), ticks=lookup)
    assert (finding.ok, finding.text) == (
        True,
        "identical: 2 messages, 3 effects; no closing line after message 2: killed, or still being written",
    )


def test_every_effect_of_a_replay_can_be_heard(tmp_path: Path) -> None:
    """As it goes out: for whoever needs what an actor sent and no log has."""
    scene = Scene(tmp_path)
    scene.tick(1)
    scene.log.close()
    heard: list[str] = []
    ticks = encode(tick(1))
    Replay(scene.path, roles(), lambda *_: ticks, emitted=lambda out: heard.append(out.subject)).run()
    assert heard == ["alert.info.counter", "", "alert.info.counter"]


def test_a_damaged_bus_log_is_a_finding_of_its_own(tmp_path: Path) -> None:
    """It is named, and the actors whose ticks it held cannot be called identical."""
    scene = Scene(tmp_path)
    scene.tick(1)
    scene.log.close()
    assert scene.bus is not None
    scene.bus.close()
    path = tmp_path / "bus.jsonl"
    path.write_bytes(path.read_bytes().replace(b"1.1", b"1.7", 1))
    bus, counter = verify_record(tmp_path, roles=roles())
    assert (bus.actor, bus.ok, bus.line) == ("bus", False, 3)
    assert "checksum" in bus.text
    assert not counter.ok
