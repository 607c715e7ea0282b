"""`pitwire logs` by the real command: what is shown, what is refused, and following a log that rotates."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from commandline import COMMAND, environment, pitwire, running_below, status_of
from logwriting import DAY, line, write

from actors.floor_error import FloorError
from actors.log_files import Found
from actors.logs import open_log
from tui.commands.log_text import LogText
from tui.commands.logs import moment

SECOND = 1_000_000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A floor's folder with logs of two actors, one of them rotated."""
    folder = tmp_path / "home"
    write(folder / "log", "guard.log.1", [line(60, n=1), line(120, level="warning", event="late", by="3 s", n=2)])
    write(folder / "log", "guard.log", [line(180, level="error", event="alert", code="gap", n=4)])
    write(folder / "log", "router.log", [line(150, "router", n=3), b"Traceback (most recent call last):"])
    return folder


def numbers(done: subprocess.CompletedProcess[str]) -> list[int]:
    """The values `n` of the lines shown."""
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [int(found) for found in re.findall(r"n=(\d+)", done.stdout)]


@contextmanager
def followed(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command with --follow."""
    with subprocess.Popen(
        [*COMMAND, "logs", "--follow", "--home", str(home), *arguments],
        env=environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def next_line(process: subprocess.Popen[str]) -> str:
    """The next one that it shows."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_all_logs_are_shown_by_time_without_a_floor(tmp_path: Path, home: Path) -> None:
    """UTC, level, actor, event, values; the foreign line in its place; no colour in a pipe."""
    done = pitwire("logs", "--home", home, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "2026-11-21T00:01:00.000000Z  info      guard   e  n=1",
        '2026-11-21T00:02:00.000000Z  warning   guard   late  by="3 s" n=2',
        "2026-11-21T00:02:30.000000Z  info      router  e  n=3",
        "2026-11-21T00:03:00.000000Z  error     guard   alert  code=gap n=4",
        "-                            -         router  Traceback (most recent call last):",
    ]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--lines", "2", "--level", "warning", "--actor", "guard"], [2, 4]),
        (["-n", "0"], []),
        (["--level", "error"], [4]),
        (["--level", "critical"], []),
        (["--actor", "router"], [3]),
        (["--actor", "router", "--actor", "guard"], [1, 2, 3, 4]),
        (["--since", "2026-11-21T00:02"], [2, 3, 4]),
        (["--since", "2026-11-21T01:02:30+01:00"], [3, 4]),
        (["--since", "2026-11-21T00:02", "--lines", "2", "--grep", "n="], [3, 4]),
        (["--since", "1s"], []),
        (["--grep", r'by="3 s"'], [2]),
        (["--grep", "^2026-11-21T00:0[13]"], [1, 4]),
    ],
)
def test_lines_can_be_chosen(tmp_path: Path, home: Path, arguments: list[str], wanted: list[int]) -> None:
    """By number, level, actor, time and text, together as well."""
    os.utime(home / "log" / "router.log", (DAY / SECOND, DAY / SECOND + 155))
    assert numbers(pitwire("logs", "--home", home, *arguments, cwd=tmp_path)) == wanted


def test_the_last_two_hundred_are_shown_unless_a_time_is_asked_for(tmp_path: Path) -> None:
    """Then all of it."""
    home = tmp_path / "home"
    write(home / "log", "guard.log", [line(second, n=second) for second in range(500)])
    assert numbers(pitwire("logs", "--home", home, cwd=tmp_path)) == list(range(300, 500))
    assert numbers(pitwire("logs", "--home", home, "--since", "2026-11-21", cwd=tmp_path)) == list(range(500))


def test_json_gives_the_lines_as_they_are(tmp_path: Path, home: Path) -> None:
    """One object each, for programs; a foreign line as one as well. The same are chosen."""
    done = pitwire("logs", "--home", home, "--json", cwd=tmp_path)
    lines = [json.loads(text) for text in done.stdout.splitlines()]
    assert lines[0] == json.loads(line(60, n=1))
    assert lines[-1] == {"actor": "router", "raw": "Traceback (most recent call last):"}
    done = pitwire("logs", "--home", home, "--json", "--grep", "late", cwd=tmp_path)
    assert done.stdout.encode() == line(120, level="warning", event="late", by="3 s", n=2) + b"\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--level", "loud"], 2, ["--level loud", "info, warning"]),
        (["--grep", "("], 2, ["--grep (", "regular expression"]),
        (["--since", "yesterday"], 2, ["--since yesterday", "10m", "2026-11-21T10:00"]),
        (["--since", "-5m"], 2, ["--since -5m"]),
        (["--actor", "guard", "--actor", "gard"], 2, ["--actor gard", "guard, router"]),
        (["--home", "/nonexistent"], 3, ["/nonexistent", "no floor has run here"]),
        (["--home", "/dev/null"], 6, ["/dev/null", "expected logs that can be read"]),
        (["--home", "/" + "x" * 300], 6, ["expected logs that can be read"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, home: Path, arguments: list[str], code: int, words: list[str]
) -> None:
    """What, and what was expected; with its exit code."""
    for follow in ([], ["--follow"]):
        done = pitwire("logs", "--home", home, *arguments, *follow, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        for word in words:
            assert word in done.stderr


def test_colours_are_for_terminals_that_want_them(tmp_path: Path, home: Path) -> None:
    """NO_COLOR is honoured."""
    assert b"\x1b[33mwarning" in on_a_terminal(home, NO_COLOR="", TERM="xterm")
    assert b"\x1b[" not in on_a_terminal(home, NO_COLOR="1", TERM="xterm")
    assert b"\x1b[" not in on_a_terminal(home, NO_COLOR="", TERM="dumb")


def on_a_terminal(home: Path, **variables: str) -> bytes:
    """What the command writes to a terminal."""
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [*COMMAND, "logs", "--home", str(home)], env=environment(**variables), stdout=theirs, check=True, timeout=30
        )
        return os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)


def test_text_that_a_terminal_would_obey_is_shown_as_an_escape() -> None:
    """In values, names, events and foreign lines, whatever bytes they have."""
    text = LogText(json=False, colour=False, width=1)
    for raw in (
        line(1, event="\x1b[2J\u009b", **{"k\x07": "\x1b]0;x\x07"}),
        b"\x1b[2J\xff\xfe\r\x00",
        line(1, event="\ud800\u202e\n"),
    ):
        shown = text.of(Found(b"", "a", raw))
        assert shown is not None
        assert shown.isprintable()


def test_values_are_shown_so_that_they_can_be_told_apart() -> None:
    """A text with spaces, quotes or brackets is quoted; numbers and lists are JSON."""
    text = LogText(json=False, colour=False, width=1)
    shown = text.of(Found(b"", "a", line(1, a="x y", b="x=1", c="", d=5, e=None, f=["ä"], g="ä/b", h='"')))
    assert shown is not None
    assert shown.partition("  e  ")[2] == r'a="x y" b="x=1" c="" d=5 e=null f=["ä"] g=ä/b h="\""'


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90s", DAY - 90 * SECOND),
        ("10m", DAY - 600 * SECOND),
        ("3d", DAY - 3 * 86_400 * SECOND),
        ("999999999d", 0),
        ("2026-11-21", DAY),
        ("2026-11-21T10:00", DAY + 36_000 * SECOND),
        ("2026-11-21T10:00:00.5Z", DAY + 36_000 * SECOND + SECOND // 2),
        ("2026-11-21 10:00+02:00", DAY + 28_800 * SECOND),
        ("0001-01-01", 0),
    ],
)
def test_times_are_utc_or_ago(text: str, at: int) -> None:
    """To the microsecond; before 1970 is from the beginning."""
    assert moment(text, DAY) == at


@pytest.mark.parametrize("text", ["", "10", "m", "1.5h", "10 m", "٣m", "2026-13-01", "0001-01-01T00:00+14:00", "-1s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """With what is one."""
    with pytest.raises(FloorError, match=r"--since .*expected 90s"):
        moment(text, DAY)


# ---- following


def test_follow_goes_on_over_rotations_and_new_actors_until_interrupted(tmp_path: Path) -> None:
    """With the actors' own writer; every line once; Ctrl-C is the orderly end."""
    home = tmp_path / "home"
    log = open_log(home / "log" / "guard.log", "guard", limit_bytes=400)
    log.info("first")
    with followed(home) as process:
        assert next_line(process).endswith("guard  first")
        for number in range(12):
            log.info("line", number=number)
            assert next_line(process).endswith(f"line  number={number}")
        assert len(list((home / "log").iterdir())) == 2
        open_log(home / "log" / "session-s.log", "session-s").warning("hello")
        assert next_line(process).endswith("session-s  hello")
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
        assert (process.returncode, rest, errors) == (0, "", "")


def test_follow_shows_only_what_was_asked_for(tmp_path: Path, home: Path) -> None:
    """Level, text and actor as for what is there already."""
    with followed(home, "--level", "error", "--actor", "guard", "--grep", "gap") as process:
        assert next_line(process).endswith("code=gap n=4")
        guard, router = (open_log(home / "log" / f"{name}.log", name) for name in ("guard", "router"))
        router.error("gap")
        guard.warning("gap")
        guard.error("other")
        guard.error("the gap that is meant")
        assert next_line(process).endswith("the gap that is meant")


@pytest.mark.parametrize("more", [[], ["--follow"]])
def test_a_reader_that_has_enough_is_no_error(tmp_path: Path, more: list[str]) -> None:
    """As in `pitwire logs | head`: quiet, and it ends."""
    home = tmp_path / "home"
    write(home / "log", "guard.log", [line(second, x="x" * 500) for second in range(2_000)])
    with subprocess.Popen(
        [*COMMAND, "logs", "--home", str(home), "-n", "2000", *more],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == b""


# ---- a real floor


def test_a_floors_logs_are_shown_followed_and_in_the_database_without_secrets(tmp_path: Path) -> None:
    """While it runs and afterwards: from the files everything, in the database what was told on the bus."""
    home = tmp_path / "home"
    assert pitwire("up", "--home", home, cwd=tmp_path).returncode == 0
    try:
        with followed(home, "--actor", "supervisor", "--lines", "1") as process:
            assert "running" in next_line(process)
            guard = next(actor["pid"] for actor in status_of(home)["actors"] if actor["name"] == "guard")
            os.kill(guard, signal.SIGKILL)
            while "restarting  process=guard" not in (shown := next_line(process)):
                assert "supervisor" in shown
            while "started  process=guard" not in (shown := next_line(process)):
                assert "supervisor" in shown
    finally:
        assert pitwire("down", "--home", home, cwd=tmp_path).returncode == 0
    assert running_below(home) == []
    files = pitwire("logs", "--home", home, "--json", "--since", "1h", cwd=tmp_path)
    lines = [json.loads(text) for text in files.stdout.splitlines()]
    assert [text["time"] for text in lines] == sorted(text["time"] for text in lines)
    (alert,) = [text for text in lines if text["event"] == "alert" and text.get("code") == "restarted"]
    assert (alert["actor"], alert["level"], alert["severity"]) == ("supervisor", "warning", "warning")
    with closing(sqlite3.connect(home / "data" / "pitwire.sqlite")) as database:
        rows = database.execute("SELECT level, actor, event, detail FROM log_lines ORDER BY at").fetchall()
        alerts = database.execute("SELECT count(*) FROM monitoring_events WHERE code = 'restarted'").fetchone()
    assert alerts == (1,)
    assert not any(event == "alert" for _, _, event, _ in rows)
    told = {(level, actor, event) for level, actor, event, _ in rows}
    assert {("warning", "supervisor", "restarting"), ("info", "session-ema-eurusd", "started")} <= told
    assert told <= {(text["level"], text["actor"], text["event"]) for text in lines}
    assert not re.search(r"S[ACNOUX][A-Z2-7]{56}", files.stdout + repr(rows))
