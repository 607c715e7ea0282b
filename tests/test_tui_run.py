"""`pitwire run` and `attach` in a terminal, as people use them: the screen lives, leaving it leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from commandline import pitwire, running_below, status_of
from terminal import Terminal

QUICK = """
[feed]
symbols = ["EURUSD"]
rate = 10
[[session]]
id = "ema-eurusd"
params = {fast = 1, slow = 2}
"""
LIVE = r"(?s) live .*Prices.*EUR\S+ +\d\.\d{5}"
DOWN = "The floor is down."


class Place:
    """A folder for one floor, with settings, and the terminals in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.terminals: list[Terminal] = []
        self.settings(QUICK)

    def settings(self, text: str) -> None:
        """Those of the next floor."""
        (self.folder / "pitwire.toml").write_text(text, encoding="utf-8")

    def open(self, *arguments: str, **env: str) -> Terminal:
        """A terminal with a command that shows this folder's floor."""
        terminal = Terminal(*arguments, "--home", self.home, cwd=self.folder, env=env)
        self.terminals.append(terminal)
        return terminal

    def say(self, command: str) -> tuple[int, str]:
        """Another command, without a screen: its exit code and all that it printed."""
        done = pitwire(command, "--home", self.home, cwd=self.folder)
        return done.returncode, done.stdout + done.stderr

    def is_free(self) -> bool:
        """Whether nothing runs here, and the folder's lock says so."""
        return running_below(self.home) == [] and self.say("down")[0] == 3


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """What still runs there afterwards is ended."""
    made = Place(tmp_path)
    yield made
    for terminal in made.terminals:
        terminal.close()
    if made.home.is_dir():
        made.say("down")
    assert running_below(made.home) == []


def price(text: str) -> str:
    """EURUSD's bid on the screen."""
    found = re.search(r"EUR\S+ +(\d\.\d{5})", text)
    return found[1] if found else ""


@pytest.mark.timeout(150)
def test_a_floor_is_started_shown_and_ended_in_one_terminal(place: Place) -> None:
    """The screen is there at once, prices move, a first fill appears; q ends the floor, and nothing is left of it."""
    terminal = place.open("run")
    assert " live " not in terminal.until("Prices")
    first = price(terminal.until(LIVE))
    terminal.until(lambda text: price(text) not in {"", first})
    terminal.until(r"[1-9]\d* fills?")
    assert place.say("status")[0] == 0
    terminal.type("q")
    assert (terminal.end(), terminal.text.splitlines()[-1]) == (0, DOWN)
    assert place.is_free()


@pytest.mark.timeout(150)
def test_a_screen_comes_and_goes_while_the_floor_stays(place: Place) -> None:
    """up, attach, q, attach, down: the screen says that the floor is gone, and shows it again when it is back."""
    assert place.say("up")[0] == 0
    terminal = place.open("attach")
    terminal.until(LIVE)
    terminal.type("q")
    assert terminal.end() == 0
    assert place.say("status")[0] == 0
    terminal = place.open("attach")
    terminal.until(LIVE)
    code, text = place.say("down")
    assert (code, text.strip()) == (0, DOWN)
    terminal.until("The floor is down")
    assert terminal.process.poll() is None
    assert place.say("up")[0] == 0
    terminal.until(lambda text: re.search(LIVE, text) is not None and "The floor is down" not in text.splitlines()[0])
    terminal.type("q")
    assert terminal.end() == 0
    assert place.say("status")[0] == 0


@pytest.mark.timeout(150)
def test_a_killed_server_is_told_and_got_over(place: Place) -> None:
    """The banner within moments, and all well again without anybody's help."""
    terminal = place.open("run")
    terminal.until(LIVE)
    os.kill(status_of(place.home)["actors"][0]["pid"], signal.SIGKILL)
    terminal.until("No link to the floor")
    terminal.until(lambda text: re.search(LIVE, text) is not None and "No link" not in text)
    terminal.type("q")
    assert terminal.end() == 0
    assert place.is_free()


def test_a_supervisor_that_is_started_again_is_the_same_floor(place: Place) -> None:
    """Another process, another server on the same port, the same owner."""
    terminal = place.open("run")
    terminal.until(LIVE)
    before = status_of(place.home)["pid"]
    os.kill(before, signal.SIGKILL)
    terminal.until("No link to the floor")
    terminal.until(lambda text: re.search(LIVE, text) is not None and "No link" not in text)
    assert status_of(place.home)["pid"] != before
    terminal.type("q")
    assert terminal.end() == 0
    assert place.is_free()


@pytest.mark.parametrize("how", ["killed", "hang-up", "SIGTERM", "SIGINT", "ctrl-c"])
def test_however_the_screen_ends_the_floor_ends_with_it(place: Place, how: str) -> None:
    """In order where the command still can; else by the leash that the keeper is on."""
    terminal = place.open("run")
    terminal.until(LIVE)
    status = status_of(place.home)
    floor = [psutil.Process(pid) for pid in [status["pid"], *(actor["pid"] for actor in status["actors"])]]
    keeper = psutil.Process(int((place.home / "run" / "lock").read_text(encoding="ascii")))
    match how:
        case "killed":
            terminal.process.kill()
        case "hang-up":
            terminal.hang_up()
        case "ctrl-c":
            terminal.type("\x03")
        case name:
            terminal.process.send_signal(getattr(signal, name))
    assert terminal.end() == (-signal.SIGKILL if how == "killed" else 0)
    if how == "killed":
        assert psutil.wait_procs([*floor, keeper], 30)[1] == []
    assert place.is_free()
    assert status_of(place.home)["state"] == "stopped"


def test_a_floor_that_is_ended_elsewhere_takes_its_screen_along(place: Place) -> None:
    """Asked to in another terminal it is no failure; a killed keeper is, and what it kept is ended all the same."""
    terminal = place.open("run")
    terminal.until(LIVE)
    assert place.say("down")[0] == 0
    assert (terminal.end(), terminal.text.splitlines()[-1]) == (0, DOWN)
    terminal = place.open("run")
    terminal.until(LIVE)
    os.kill(int((place.home / "run" / "lock").read_text(encoding="ascii")), signal.SIGKILL)
    assert terminal.end() == 1
    assert "thefloorhasended:itskeeperwaskilled" in "".join(terminal.text.split())
    assert place.is_free()
    assert status_of(place.home)["state"] == "stopped"


def test_whoever_leaves_before_the_floor_is_up_leaves_nothing_behind(place: Place) -> None:
    """The first second is no exception."""
    terminal = place.open("run")
    terminal.until("Prices")
    terminal.type("q")
    assert (terminal.end(), terminal.text.splitlines()[-1]) == (0, DOWN)
    assert place.is_free()


def test_a_floor_that_cannot_come_up_is_told_as_by_up(place: Place) -> None:
    """The screen closes, the terminal is as it was, and the line and the exit code are those of `pitwire up`."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        place.settings(f"[bus]\nport = {port}\n")
        terminal = place.open("run")
        assert terminal.end() == 6
        code, text = place.say("up")
        shown = "".join(terminal.text.splitlines())
        assert (code, shown) == (6, text.strip())
    assert str(port) in shown
    assert b"Traceback" not in terminal.raw
    assert terminal.raw.rfind(b"\x1b[?1049l") > terminal.raw.rfind(b"\x1b[?1049h") >= 0


def test_a_folder_with_a_floor_and_one_without_are_told_what_to_do(place: Place) -> None:
    """Each command names the other; the floor that runs is not touched."""
    terminal = place.open("attach")
    assert terminal.end() == 3
    for word in ("no floor runs here", "`pitwire up`", "`pitwire run`"):  # the terminal may break them anywhere
        assert "".join(word.split()) in "".join(terminal.text.split())
    assert not place.home.exists()
    assert place.say("up")[0] == 0
    terminal = place.open("run")
    assert terminal.end() == 4
    for word in ("a floor runs here already", "`pitwire attach`", "`pitwire down`"):
        assert "".join(word.split()) in "".join(terminal.text.split())
    assert place.say("status")[0] == 0


@pytest.mark.parametrize("command", ["run", "attach"])
def test_without_a_terminal_nothing_is_started(place: Place, command: str) -> None:
    """In a pipe, from cron, or on a terminal that cannot show a screen: a line and exit code 6."""
    code, text = place.say(command)
    assert (code, len(text.splitlines())) == (6, 1)
    assert "is no terminal" in text
    for kind in ("dumb", ""):
        terminal = place.open(command, TERM=kind)
        assert terminal.end() == 6
        assert "TERM=" in terminal.text
    assert not place.home.exists()


def test_no_colour_is_no_colour(place: Place) -> None:
    """NO_COLOR leaves the words and takes every colour from the screen."""
    place.say("up")
    terminal = place.open("attach", NO_COLOR="1")
    terminal.until(LIVE)
    terminal.type("q")
    assert terminal.end() == 0
    colours = {tuple(map(int, rgb)) for rgb in re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", terminal.raw)}
    assert all(red == green == blue for red, green, blue in colours)
    assert not re.findall(rb"\x1b\[(?:[\d;]*;)?(?:3[1-6]|4[1-6]|9[1-6])m", terminal.raw)
