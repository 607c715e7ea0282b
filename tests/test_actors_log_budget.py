"""The budget of logs: the oldest go first, those in use stay."""

from __future__ import annotations

import os
from pathlib import Path

from actors.log_budget import over_budget, trim_logs


def log(folder: Path, name: str, age: int, size: int = 100) -> None:
    """A log of an age in seconds."""
    path = folder / name
    path.write_bytes(b"x" * size)
    os.utime(path, (1_000_000 - age, 1_000_000 - age))


def test_within_the_budget_nothing_goes(tmp_path: Path) -> None:
    """Logs are evidence: none is deleted without need."""
    log(tmp_path, "guard-1.jsonl", 10)
    assert trim_logs(tmp_path, 100, ()) == []
    assert over_budget(tmp_path, 100) == 0


def test_the_oldest_go_until_the_rest_fits(tmp_path: Path) -> None:
    """By the time of the last write, and no more than needed."""
    for number, age in enumerate((5, 50, 30, 40, 1)):
        log(tmp_path, f"guard-{number}.jsonl", age)
    assert trim_logs(tmp_path, 320, ()) == ["guard-1.jsonl", "guard-3.jsonl"]
    assert len(list(tmp_path.iterdir())) == 3


def test_what_is_written_now_and_what_is_no_log_stays(tmp_path: Path) -> None:
    """Even if that leaves too much, which the caller can ask about."""
    log(tmp_path, "guard-1.jsonl", 90, 500)
    log(tmp_path, "guard-2.jsonl", 50)
    log(tmp_path, "notes.txt", 99, 10_000)
    assert trim_logs(tmp_path, 200, {"guard-1.jsonl"}) == ["guard-2.jsonl"]
    assert over_budget(tmp_path, 200) == 300
    assert sorted(path.name for path in tmp_path.iterdir()) == ["guard-1.jsonl", "notes.txt"]
