"""Following logs: each line once, across rotations, torn writes and actors that come later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logwriting import line, write

from actors.log_files import LogFolder, opened
from actors.log_follower import LogFollower
from actors.logs import open_log


@contextmanager
def following(folder: Path, *only: str) -> Iterator[LogFollower]:
    """A follower of what is written from now on."""
    wanted = LogFolder(folder, only)
    with opened(wanted) as logs, LogFollower(wanted, logs) as follower:
        yield follower


def raws(follower: LogFollower) -> list[bytes]:
    """The lines since the last time."""
    return [found.raw for found in follower.poll()]


def test_only_what_is_written_from_now_on_is_found_in_order_of_time(tmp_path: Path) -> None:
    """Over all actors."""
    guard = write(tmp_path, "guard.log", [line(1)])
    router = write(tmp_path, "router.log", [])
    with following(tmp_path) as follower:
        assert raws(follower) == []
        for path, second, name in ((guard, 5, "guard"), (router, 4, "router"), (router, 6, "router")):
            with path.open("ab") as file:
                file.write(line(second, name) + b"\n")
        assert raws(follower) == [line(4, "router"), line(5), line(6, "router")]
        assert raws(follower) == []


def test_a_line_is_shown_when_it_is_finished(tmp_path: Path) -> None:
    """Not the half of it; one that was unfinished at the beginning is shown whole."""
    path = write(tmp_path, "guard.log", [line(1), line(2)[:20]], end=b"")
    with following(tmp_path) as follower, path.open("ab", buffering=0) as file:
        assert raws(follower) == []
        file.write(line(2)[20:])
        assert raws(follower) == []
        file.write(b"\n" + line(3) + b"\n" + line(4)[:9])
        assert raws(follower) == [line(2), line(3)]
        file.write(line(4)[9:] + b"\n")
        assert raws(follower) == [line(4)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(looks=st.lists(st.integers(0, 6), min_size=1, max_size=25))
def test_real_rotations_lose_and_double_nothing(tmp_path: Path, looks: list[int]) -> None:
    """By the very handler that the actors use; seven lines are less than the two files hold."""
    for path in tmp_path.iterdir():
        path.unlink()
    log = open_log(tmp_path / "guard.log", "guard", limit_bytes=1000)
    found, number = [], 0
    with following(tmp_path) as follower:
        for count in looks:
            for _ in range(count):
                log.info("line", number=number, text="x" * 20)
                number += 1
            found += [json.loads(raw)["number"] for raw in raws(follower)]
            assert follower.gaps() == []
    assert found == list(range(number))


def test_being_outrun_is_told_and_what_is_left_is_shown(tmp_path: Path) -> None:
    """Rotated twice since the last look: the older file is read as well, and the gap is said once."""
    log = open_log(tmp_path / "guard.log", "guard", limit_bytes=1000)
    log.info("line", number=-1)
    with following(tmp_path) as follower:
        for number in range(40):
            log.info("line", number=number, text="x" * 20)
        found = [json.loads(raw)["number"] for raw in raws(follower)]
        assert found == sorted(set(found))
        assert found[-1] == 39
        assert len(found) < 40
        assert follower.gaps() == ["guard"]
        assert follower.gaps() == []


def test_a_new_actor_is_followed_from_its_first_line(tmp_path: Path) -> None:
    """Unless others were asked for."""
    write(tmp_path, "guard.log", [line(1)])
    with following(tmp_path) as all_of_them, following(tmp_path, "guard") as one:
        write(tmp_path, "session-s.log", [line(2, "session-s")])
        assert raws(all_of_them) == [line(2, "session-s")]
        assert raws(one) == []


def test_a_file_that_was_emptied_or_taken_away_is_followed_when_it_is_back(tmp_path: Path) -> None:
    """Somebody may have made room by hand."""
    path = write(tmp_path, "guard.log", [line(1), line(2)])
    with following(tmp_path) as follower:
        path.write_bytes(b"")
        assert raws(follower) == []
        write(tmp_path, "guard.log", [line(3)])
        assert raws(follower) == [line(3)]
        path.unlink()
        assert raws(follower) == []
        write(tmp_path, "guard.log", [line(4)])
        assert raws(follower) == [line(4)]
