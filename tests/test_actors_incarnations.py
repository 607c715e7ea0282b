"""The incarnation counter: never the same number twice, whatever happens to its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.floor_error import Exit, FloorError
from actors.incarnations import Incarnations
from bus.clock import wall_us


def test_a_new_floor_counts_from_one(tmp_path: Path) -> None:
    """Equal runs in new folders get equal numbers, so equal order ids."""
    counter = Incarnations(tmp_path / "incarnation", history=False)
    assert [counter.next(), counter.next(), counter.next()] == [1, 2, 3]


def test_the_next_supervisor_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    """The number is on the disk before it is given out, so a kill at any moment loses none."""
    path = tmp_path / "incarnation"
    given = Incarnations(path, history=False).next()
    assert path.read_text(encoding="utf-8") == f"{given}\n"
    assert Incarnations(path, history=True).next() == given + 1


def test_a_lost_counter_goes_on_above_every_number_it_can_have_given(tmp_path: Path) -> None:
    """Started again from 1, new orders would carry the ids of old ones and be taken for repeats."""
    before = wall_us() // 1_000_000
    counter = Incarnations(tmp_path / "incarnation", history=True)
    assert counter.next() > before


@pytest.mark.parametrize("text", ["", "seven", "-3", "1.5", "9" * 40, "²", "\x00\xff"])
def test_a_counter_that_is_no_number_is_refused_by_name(tmp_path: Path, text: str) -> None:
    """What, where, what was expected, and how to go on."""
    path = tmp_path / "incarnation"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FloorError, match="expected the last incarnation") as caught:
        Incarnations(path, history=True)
    assert str(path) in str(caught.value)
    assert caught.value.code is Exit.DATA


def test_a_number_that_cannot_be_written_is_not_given_out(tmp_path: Path) -> None:
    """The folder is gone: no number, and the counter stays where it was."""
    folder = tmp_path / "run"
    folder.mkdir()
    counter = Incarnations(folder / "incarnation", history=False)
    folder.rmdir()
    with pytest.raises(FloorError, match="cannot be written") as caught:
        counter.next()
    assert caught.value.code is Exit.ENVIRONMENT
    assert counter.last == 0
