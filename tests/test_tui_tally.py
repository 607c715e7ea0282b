"""The demo's counts: only what its rightful sender said counts."""

from __future__ import annotations

import pytest

from bus.interface import Incoming
from schemas.codec import encode
from schemas.health import Alert, Beat
from tui.commands.tally import Tally


@pytest.mark.parametrize(("sender", "ends"), [("feed", True), ("session-a", False)])
def test_only_the_feed_can_say_that_simulated_time_broke(sender: str, ends: bool) -> None:
    """The server pins the subject to the sender; what the message claims does not count."""
    tally = Tally({"EURUSD"})
    alert = Alert(severity="critical", code="sim_broken", text="x", actor="feed")
    tally.heard(Incoming(f"alert.critical.{sender}", encode(alert)))
    assert tally.ended.is_set() is ends
    assert bool(tally.broken) is ends


def test_only_the_recorder_says_how_far_it_is() -> None:
    """A session that beats in its name is not believed."""
    tally = Tally({"EURUSD"})
    beat = Beat(actor="recorder", state="running", gauges={"orders_seq": 7})
    tally.heard(Incoming("health.beat.session-a", encode(beat)))
    assert tally.gauges == {}
    tally.heard(Incoming("health.beat.recorder", encode(beat)))
    assert tally.gauges == {"orders_seq": 7}
