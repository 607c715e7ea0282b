"""The frozen log of a floor: what the pictures of screens are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.eventlog import LogReader, LogReadError
from tui.frozen import thaw

FLOOR = Path(__file__).parent / "logs" / "floor.jsonl"


def test_the_frozen_floor_shows_what_a_screen_must_be_able_to_show() -> None:
    """Prices, open positions with a profit, orders under way, fills, a refusal, an alert, a late actor, no gap."""
    frozen = thaw(FLOOR)
    view = frozen.replica.view
    assert len(view.quotes) == 5
    assert view.positions
    assert all(row.profit is not None and row.digits is not None for row in view.positions.values())
    assert view.orders
    assert view.fills
    assert view.profits["portfolio", "floor"].equity is not None
    assert len(view.curve) > 30
    assert {row.code for row in view.log} >= {"fill", "refused", "actor_late"}
    assert [row.actor for row in view.actors.values() if row.state == "late"] == ["gateway-paper"]
    assert (view.link.phase, view.link.up, view.link.gaps, view.link.reason) == ("live", True, 0, "")
    assert view.link.last_received <= frozen.at


def test_the_frozen_floor_is_the_same_each_time() -> None:
    """No clock, no chance."""
    assert thaw(FLOOR).replica.view == thaw(FLOOR).replica.view


def test_a_frozen_floor_can_be_looked_at_earlier() -> None:
    """Up to a time within the log."""
    whole = thaw(FLOOR)
    earlier = thaw(FLOOR, until=whole.at - 5_000_000)
    assert earlier.at <= whole.at - 5_000_000
    assert len(earlier.replica.view.log) < len(whole.replica.view.log)


def test_what_is_no_bus_log_is_refused(tmp_path: Path) -> None:
    """A file that was changed, and one that is none."""
    lines = FLOOR.read_bytes().splitlines(keepends=True)
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(b"".join([*lines[:5], lines[5].replace(b"1", b"2"), *lines[6:]]))
    with pytest.raises(LogReadError, match="checksum"):
        thaw(changed)
    with pytest.raises(LogReadError, match="no such file"):
        thaw(tmp_path / "none.jsonl")
    assert next(iter(LogReader(FLOOR))).number == 1
