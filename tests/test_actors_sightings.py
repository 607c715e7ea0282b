"""What an actor received and sent, looked up in the bus log: what must be there, and what the logs explain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from scene import NOW, Config, Counter, Scene, State, roles

from actors.cell import Cell
from actors.effects import Effect, EventIn, Failed, LinkChanged, Publish, StoredIn, TimerIn
from actors.inboxlog import InboxLog
from actors.verify import verify_record
from bus.buslog import BusRecorder
from bus.interface import Incoming
from schemas.codec import decode, encode
from schemas.health import Alert
from schemas.order import OrderCleared, OrderTerms


def test_an_event_that_the_bus_did_not_carry_like_this_is_named(tmp_path: Path) -> None:
    """What an actor claims to have received must be in the bus log, to the byte."""
    scene = Scene(tmp_path)
    alert = Alert(severity="info", code="x", text="never sent", actor="someone")
    scene.log.taken(EventIn("alert.info.someone", alert), encode(alert), NOW)
    finding = scene.finding()
    assert (finding.ok, finding.line) == (False, 4)
    assert "an event on alert.info.someone that the bus log does not have" in finding.text


def test_an_effect_that_the_bus_did_not_carry_is_named(tmp_path: Path) -> None:
    """In an orderly log everything that was sent is on the bus, even if later things are."""
    scene = Scene(tmp_path)
    scene.take(TimerIn("t"), lost=1)
    scene.tick(1)
    finding = scene.finding()
    assert (finding.ok, finding.line) == (False, 4)
    assert finding.text == "message 2: effect 1 on alert.info.counter is not in the bus log"


def _lost_link(scene: Scene) -> None:
    scene.take(LinkChanged(up=False))
    scene.take(TimerIn("t"), lost=1)
    scene.take(LinkChanged(up=True))


def _lost_recording(scene: Scene) -> None:
    assert scene.bus is not None
    scene.bus.link(up=False, wall_us=NOW)
    scene.take(TimerIn("t"), lost=1)


def _refused(scene: Scene) -> None:
    scene.take(TimerIn("t"), lost=1)
    scene.take(StoredIn("t", 0, "denied"))


def _failed_store(scene: Scene) -> None:
    scene.take(TimerIn("store"), lost=1)
    scene.take(Failed(TimerIn("store"), "the disk is full"))


@pytest.mark.parametrize("story", [_lost_link, _lost_recording, _refused, _failed_store])
def test_what_the_logs_explain_is_tolerated(tmp_path: Path, story: Callable[[Scene], None]) -> None:
    """A lost link, a refused publish or a failed Store keep an effect off the bus: identical all the same."""
    scene = Scene(tmp_path)
    story(scene)
    scene.tick(1)
    finding = scene.finding()
    assert finding.ok, finding.text


def test_the_last_words_of_a_killed_actor_may_be_missing_on_the_bus(tmp_path: Path) -> None:
    """Without a closing line effects at the very end may not have got out; earlier ones must have."""
    scene = Scene(tmp_path)
    scene.tick(1)
    scene.take(TimerIn("t"), lost=1)
    finding = scene.finding(close=False)
    assert finding.ok, finding.text
    assert finding.text.endswith(
        "; no closing line after message 3: killed, or still being written"
        "; 1 effects are not in the bus log (refused, or not sent before the end)"
    )


def test_an_effect_missing_before_others_is_not_excused_by_a_kill(tmp_path: Path) -> None:
    """The bus keeps the order: what is missing in the middle was not cut off."""
    scene = Scene(tmp_path)
    scene.take(TimerIn("t"), lost=1)
    scene.tick(1)
    assert not scene.finding(close=False).ok


def test_a_clearance_is_compared_without_its_signature_and_only_that(tmp_path: Path) -> None:
    """The runtime signs as it sends: another signature is fine, another volume is not."""
    terms = OrderTerms(
        id="a-1-1",
        account="paper",
        session="a",
        strategy="x",
        venue="paper",
        symbol="EURUSD",
        kind="market",
        side="buy",
        volume=0.1,
        submitted_at=1,
        expires_at=2,
    )
    cleared = OrderCleared(terms=terms, order_class="open", epoch=7)

    class Signer(Counter):
        def on_timer(self, message: TimerIn, now: int) -> Sequence[Effect]:
            return [Publish(cleared, sign=True)]

    for volume, ok in ((0.1, True), (0.2, False)):
        folder = tmp_path / str(volume)
        folder.mkdir()
        (folder / "inbox").mkdir()
        log = InboxLog(folder / "inbox" / "counter-7.jsonl", "counter", "counter", 7, Config(), State())
        cell = Cell(Signer("counter", 7, Config(), None))
        log.taken(TimerIn("t"), b"", NOW)
        (out,) = cell.handle(TimerIn("t"), NOW)
        log.effects([out])
        log.close()
        event = decode(out.data)
        assert isinstance(event, OrderCleared)
        changed = msgspec.structs.replace(terms, volume=volume)
        sent = msgspec.structs.replace(event, signature="ab" * 64, terms=changed)
        bus = BusRecorder(folder / "bus.jsonl", ["order.>"], NOW)
        bus.record(Incoming(out.subject, encode(sent)), NOW)
        bus.link(up=False, wall_us=NOW)  # explains what is missing, not what is different
        bus.close()
        finding = verify_record(folder, roles=roles(Signer))[-1]
        assert finding.ok is ok, finding.text
        assert ok or "went over the bus with other bytes" in finding.text
