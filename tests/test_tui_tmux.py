"""`pitwire run` inside tmux, as it is used over SSH: it draws well there, follows the window's size, and outlives a
person who goes away. Needs tmux; the same program is driven without it in test_tui_run.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commandline import COMMAND, environment, pitwire, running_below

from bus.clock import monotonic_us

TMUX = shutil.which("tmux")
PATIENCE_S = 45.0
# As it is without a file, but the first fill does not take its time.
QUICK = """
[[session]]
id = "ema-eurusd"
params = {fast = 1, slow = 2}
"""


class Session:
    """A tmux server of our own with one window; what the program writes also comes through a pipe, to wait for."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.tmux = [str(TMUX), "-f", os.devnull, "-S", str(folder / "tmux")]
        fifo = folder / "output"
        os.mkfifo(fifo)
        self._fd = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        # It ends with the line below, so that its exit code is on the screen and the window stays.
        line = f"{shlex.join(command)}; echo it ended with $?; read forever"
        start = ["new-session", "-d", "-x", "80", "-y", "24", "-s", "floor", "sh", "-c", line]
        env = {key: value for key, value in environment().items() if key not in {"TMUX", "NO_COLOR"}}
        subprocess.run([*self.tmux, *start], check=True, env=env, cwd=folder)
        self.do("pipe-pane", f"cat >{shlex.quote(str(fifo))}")

    def do(self, *command: str) -> str:
        """A command of tmux, and what it prints."""
        return subprocess.run([*self.tmux, *command], check=True, capture_output=True, text=True).stdout

    def until(self, wanted: str | Callable[[str], bool]) -> str:
        """What is in the window once the pattern, or what holds, is in it."""
        holds = wanted if callable(wanted) else lambda text: re.search(wanted, text) is not None
        until_us = monotonic_us() + round(PATIENCE_S * 1_000_000)
        while not holds(text := self.do("capture-pane", "-p")):
            left_s = (until_us - monotonic_us()) / 1_000_000
            assert left_s > 0, f"not within {PATIENCE_S:g} s: {wanted}\n{text}"
            if select.select([self._fd], [], [], min(left_s, 1.0))[0]:
                os.read(self._fd, 65_536)
        return text

    def close(self) -> None:
        """End the server with all that runs in it."""
        subprocess.run([*self.tmux, "kill-server"], check=False, capture_output=True)
        os.close(self._fd)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """`pitwire run` in tmux; nothing is left of either afterwards."""
    (tmp_path / "pitwire.toml").write_text(QUICK, encoding="utf-8")
    made = Session(tmp_path, [*COMMAND, "run", "--home", str(tmp_path / "home")])
    yield made
    made.close()
    if running_below(tmp_path / "home"):
        pitwire("down", "--home", tmp_path / "home", cwd=tmp_path)
    assert running_below(tmp_path / "home") == []


@pytest.mark.skipif(TMUX is None, reason="there is no tmux on this machine")
@pytest.mark.timeout(150)
def test_the_floor_in_tmux(session: Session, tmp_path: Path) -> None:
    """Prices move at 80x24 and after the window has become narrow; the first fill comes; q ends it, nothing is left."""
    live = r"(?s) live .*Prices.*EURUSD +\d\.\d{5}"
    text = session.until(live)
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) <= 24
    before = re.findall(r"\d\.\d{5}", text)
    session.until(lambda text: re.search(live, text) is not None and re.findall(r"\d\.\d{5}", text) != before)
    session.do("resize-window", "-x", "40", "-y", "24")
    text = session.until(lambda text: "Prices" in text and max(map(len, text.splitlines())) <= 40)
    assert re.search(r"EURUSD +\d\.\d{5}", text)
    session.do("resize-window", "-x", "120", "-y", "40")
    session.until(r"[1-9]\d* fills?")
    session.do("send-keys", "q")
    assert "The floor is down." in session.until("it ended with 0")
    assert pitwire("down", "--home", tmp_path / "home", cwd=tmp_path).returncode == 3
