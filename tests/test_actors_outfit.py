"""What a floor's processes are handed over."""

from pathlib import Path

import pytest

from actors.floor_keys import FloorKeys
from actors.floor_plan import Place, expected
from actors.outfit import Outfit
from schemas.settings import FeedSettings, Settings


@pytest.mark.parametrize("speed", [0.0, 1.0])
def test_only_the_first_live_feed_waits_for_the_others(tmp_path: Path, speed: float) -> None:
    """Who is up says no hello to the next one: waiting for it would be ten seconds without prices."""
    settings = Settings(feed=FeedSettings(speed=speed))
    outfit = Outfit(tmp_path, settings, FloorKeys.of(settings))
    feed = Place("feed", "feed")
    everybody = expected(settings)
    assert "guard" in everybody
    assert outfit.handover(feed, 1).expect == everybody
    assert outfit.handover(Place("guard", "guard"), 2).expect == ()
    assert outfit.handover(feed, 3).expect == (() if speed else everybody)
