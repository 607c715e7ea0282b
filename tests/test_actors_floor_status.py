"""The status file: written whole, read whatever lies there, judged by its age and by who still runs."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import psutil
import pytest

from actors.floor_status import ActorStatus, FloorStatus, read_status, same_process, troubles, write_status

WRITTEN = 1_700_000_000_000_000
WELL = FloorStatus(
    state="running",
    written=WRITTEN,
    started=WRITTEN - 60_000_000,
    pid=os.getpid(),
    created=psutil.Process().create_time(),
    actors=(ActorStatus(name="guard", role="guard", state="alive", pid=1, gauges={"cleared": 3}),),
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """The whole of it, and nothing is left beside the file."""
    write_status(tmp_path / "status.json", WELL)
    assert read_status(tmp_path / "status.json") == WELL
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


@pytest.mark.parametrize("text", [None, "", "{", '{"version": 1}', "[]", '{"version": 99}'])
def test_what_cannot_be_read_is_no_status(tmp_path: Path, text: str | None) -> None:
    """Commands go on without it."""
    if text is not None:
        (tmp_path / "status.json").write_text(text, encoding="utf-8")
    assert read_status(tmp_path / "status.json") is None


def test_a_floor_that_is_well_has_no_troubles() -> None:
    """Up to five seconds old."""
    assert troubles(WELL, WRITTEN + 5_000_000) == []


def test_an_old_status_means_a_frozen_supervisor() -> None:
    """Whatever it says is as old as itself."""
    (trouble,) = troubles(WELL, WRITTEN + 5_000_001)
    assert "frozen" in trouble
    assert str(os.getpid()) in trouble


def test_every_actor_that_is_not_alive_is_named_with_its_reason() -> None:
    """And a floor that is not running too."""
    sick = ActorStatus(name="feed", role="feed", state="failed", reason="no such file")
    floor = msgspec.structs.replace(WELL, state="stopping", actors=(*WELL.actors, sick))
    assert troubles(floor, WRITTEN) == ["floor: stopping", "feed: failed: no such file"]


def test_an_actor_that_lives_but_is_troubled_is_named() -> None:
    """Its beats come in time, and yet nobody should take the floor for well."""
    sick = ActorStatus(name="session-s", role="session", state="alive", doing="troubled: strategy raises")
    floor = msgspec.structs.replace(WELL, actors=(*WELL.actors, sick))
    assert troubles(floor, WRITTEN) == ["session-s: troubled: strategy raises"]


def test_a_process_is_known_by_its_number_and_its_birth() -> None:
    """A number that was given to another process is not the one that was meant: nobody else is killed."""
    assert same_process(WELL.pid, WELL.created) is not None
    assert same_process(WELL.pid, WELL.created - 10) is None
    assert same_process(2**22 + 1, WELL.created) is None
