"""What a screen's terminal is kept clean of, and where that goes instead."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from pathlib import Path

import pytest

from tui.commands.terminal import held_terminal


def held(home: Path) -> None:
    """A screen that draws a line, while everybody else has something to say as well."""
    with held_terminal(home):
        assert sys.__stderr__ is not None
        sys.__stderr__.write("drawn")
        sys.__stderr__.flush()
        os.write(2, b"from a library in C")
        logging.getLogger("nats").warning("a %s", "warning")
        logging.getLogger("nats").info("small talk")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("deprecated", stacklevel=1)
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("asyncio").exception("a task failed")


def test_only_the_screen_reaches_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The rest is in files: standard error as it is, logs and warnings as lines like every other log's, each once."""
    (tmp_path / "log").mkdir()
    before = sys.__stderr__
    held(tmp_path)
    assert sys.__stderr__ is before
    assert tuple(capfd.readouterr()) == ("drawn", "")
    assert (tmp_path / "log" / "tui.out").read_text(encoding="utf-8") == "from a library in C"
    lines = [json.loads(line) for line in (tmp_path / "log" / "tui.log").read_text(encoding="utf-8").splitlines()]
    assert [(line["level"], line["actor"], line["logger"]) for line in lines] == [
        ("warning", "tui", "nats"),
        ("warning", "tui", "py.warnings"),
        ("error", "tui", "asyncio"),
    ]
    assert lines[0]["event"] == "a warning"
    assert "deprecated" in lines[1]["event"]
    assert "ValueError: broken" in lines[2]["exception"]


def test_a_folder_that_takes_no_logs_is_no_reason_to_show_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The disk is full, or the folder is another one's: the screen stays clean and goes on."""
    (tmp_path / "log").write_text("", encoding="utf-8")
    held(tmp_path)
    assert tuple(capfd.readouterr()) == ("drawn", "")


def test_a_terminal_that_is_gone_takes_what_is_drawn(tmp_path: Path) -> None:
    """Whoever draws must live to take the floor down in order."""
    (tmp_path / "log").mkdir()
    reading, writing = os.pipe()
    os.close(reading)
    kept = os.dup(1)
    try:
        os.dup2(writing, 1)
        held(tmp_path)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(writing)
