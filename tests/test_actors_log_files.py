"""Log files read from both ends: the same lines, in order of time, however they lie in blocks and files."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logwriting import DAY, line, write

from actors.log_files import Found, LogFolder, level_of, newest, oldest, opened, stamp_of
from bus.clock import utc_text


def all_newest(folder: Path, *only: str, torn: bool = True) -> list[bytes]:
    """Everything, newest first."""
    with opened(LogFolder(folder, only)) as logs:
        return [found.raw for found in newest(logs, torn=torn)]


def all_oldest(folder: Path, since: bytes = b"", *only: str, torn: bool = True) -> list[bytes]:
    """Everything from a time on."""
    with opened(LogFolder(folder, only)) as logs:
        return [found.raw for found in oldest(logs, since, torn=torn)]


def stamp(second: float) -> bytes:
    """A time as lines have it."""
    return utc_text(DAY + round(second * 1_000_000)).encode()


def test_rotated_and_current_files_of_all_actors_are_merged_by_time(tmp_path: Path) -> None:
    """From either end."""
    lines = [line(number, "guard" if number % 2 else "router", n=number) for number in range(8)]
    write(tmp_path, "guard.log.1", [lines[1], lines[3]])
    write(tmp_path, "guard.log", [lines[5], lines[7]])
    write(tmp_path, "router.log", lines[::2])
    assert all_oldest(tmp_path) == lines
    assert all_newest(tmp_path) == lines[::-1]
    assert all_newest(tmp_path, "router") == lines[6::-2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    actors=st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, 50), st.integers(0, 90)), max_size=40), st.integers(0, 40), st.booleans()
        ),
        min_size=1,
        max_size=3,
    ),
    since=st.integers(0, 51),
    chunk=st.sampled_from([1, 7, 64, 1000]),
)
def test_both_ends_and_every_beginning_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, actors: Any, since: int, chunk: int
) -> None:
    """Whatever the blocks' size, the lines' lengths, the rotation and a last line without an end."""
    monkeypatch.setattr("actors.log_files._CHUNK", chunk)
    monkeypatch.setattr("actors.log_files._NEAR", chunk)
    for path in tmp_path.iterdir():
        path.unlink()
    expected: list[tuple[bytes, bytes]] = []
    for number, (drawn, rotated, ended) in enumerate(actors):
        name = f"a{number}"
        lines = [line(at, name, x="x" * length, n=n) for n, (at, length) in enumerate(sorted(drawn))]
        write(tmp_path, f"{name}.log.1", lines[:rotated])
        write(tmp_path, f"{name}.log", lines[rotated:], end=b"\n" if ended else b"")
        expected += [(stamp_of(raw) or b"", raw) for raw in lines]
    times = {raw: at for at, raw in expected}
    for found in (all_oldest(tmp_path), all_newest(tmp_path)[::-1]):
        assert sorted(found) == sorted(times)
        assert [times[raw] for raw in found] == sorted(times.values())
    late = all_oldest(tmp_path, stamp(since))
    assert sorted(late) == sorted(raw for at, raw in expected if at >= stamp(since))


def test_a_beginning_is_found_by_bisection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last lines of a long file are reached without reading the rest of it."""
    monkeypatch.setattr("actors.log_files._NEAR", 1000)
    monkeypatch.setattr("actors.log_files._CHUNK", 500)
    lines = [line(number, n=number) for number in range(5_000)]
    write(tmp_path, "guard.log", lines)
    with opened(LogFolder(tmp_path)) as logs:
        (log,) = logs
        first = next(log.oldest(stamp(4_990), torn=True))
        assert (first, log.file.tell() > 5_000 * len(lines[0]) - 10_000) == (
            Found(stamp(4_990), "guard", lines[4_990]),
            True,
        )


def test_the_newest_lines_are_read_without_the_rest(tmp_path: Path) -> None:
    """What is asked for, and the block that it lies in."""
    lines = [line(number, n=number, x="x" * 100) for number in range(5_000)]
    write(tmp_path, "guard.log", lines)
    with opened(LogFolder(tmp_path)) as logs:
        assert [found.raw for found in islice(newest(logs, torn=True), 3)] == lines[:-4:-1]
        assert logs[0].file.tell() == logs[0].end
        assert logs[0].end > 5_000 * 100


def test_lines_without_a_time_stay_where_they_are(tmp_path: Path) -> None:
    """A torn or foreign line is beside its neighbours, from both ends, and is no beginning of its own."""
    lines = [line(1), b"Traceback (most recent call last):", b"  \xff\x00", line(3), b'{"time": "2026']
    write(tmp_path, "guard.log", lines, end=b"")
    write(tmp_path, "router.log", [line(0, "router"), line(2, "router"), line(4, "router")])
    forward, backward = all_oldest(tmp_path), all_newest(tmp_path)[::-1]
    for found in (forward, backward):
        assert [raw for raw in found if b"router" not in raw] == lines
    assert all_oldest(tmp_path, stamp(2))[:2] == [line(2, "router"), line(3)]
    assert all_oldest(tmp_path, stamp(2), "guard", torn=False) == [line(3)]


def test_a_line_of_many_blocks_is_one_line(tmp_path: Path) -> None:
    """And an empty file has none."""
    long = line(1, x="x" * 1_000_000)
    write(tmp_path, "guard.log", [line(0), long, line(2)])
    write(tmp_path, "router.log", [])
    assert all_oldest(tmp_path) == all_newest(tmp_path)[::-1] == [line(0), long, line(2)]


def test_a_wall_clock_that_stepped_back_loses_no_line(tmp_path: Path) -> None:
    """The file's own order stays."""
    lines = [line(10), line(5), line(6)]
    write(tmp_path, "guard.log", lines)
    assert all_oldest(tmp_path) == all_newest(tmp_path)[::-1] == lines


def test_what_is_no_log_is_not_read(tmp_path: Path) -> None:
    """Only files that end in .log are actors' logs; the folder itself must be there."""
    write(tmp_path, "nursery.out", [b"x"])
    write(tmp_path, "guard.log", [line(1)])
    write(tmp_path, "gone.log.1", [line(1)])
    assert LogFolder(tmp_path).actors() == ["guard"]
    assert LogFolder(tmp_path, ["router"]).actors() == []
    assert LogFolder(tmp_path, ["router"]).actors(wanted=False) == ["guard"]
    with pytest.raises(FileNotFoundError):
        LogFolder(tmp_path / "none").actors()


def test_time_and_level_are_read_from_where_they_stand() -> None:
    """And not from a line that only looks a little like one."""
    raw = line(1, level="critical")
    assert (stamp_of(raw), level_of(raw)) == (stamp(1), "critical")
    for other in (b"", b"{}", raw[:30], b'{"time": 5, "level": "info"}', raw.replace(b"time", b"when")):
        assert stamp_of(other) is None


def test_a_rotation_while_the_files_are_opened_gives_each_line_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer file is opened first; when it is another one afterwards both are opened again."""
    lines = [line(number, n=number) for number in range(3)]
    path = write(tmp_path, "guard.log", lines[:2])
    opening = Path.open

    def rotating(self: Path, *args: Any, **options: Any) -> Any:
        if self.name == "guard.log.1" and not self.exists():
            path.rename(self)
            write(tmp_path, "guard.log", lines[2:])
        return opening(self, *args, **options)

    monkeypatch.setattr(Path, "open", rotating)
    assert all_oldest(tmp_path) == lines
