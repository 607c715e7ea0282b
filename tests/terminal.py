"""A terminal for tests: the real command on a pseudo-terminal, its screen read as a person would, without sleeping."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyte
from commandline import COMMAND, environment

from bus.clock import monotonic_us

__all__ = ["Terminal"]

PATIENCE_S = 45.0
# Takes the pseudo-terminal as the one that controls it, as a shell's command has it, and becomes the command.
_TAKE = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class _Display(pyte.Screen):
    """Knows the alternate screen, which pyte does not: what comes after it begins on an empty one."""

    def set_mode(self, *modes: int, **options: Any) -> None:
        super().set_mode(*modes, **options)
        self._alternate(modes, options)

    def reset_mode(self, *modes: int, **options: Any) -> None:
        super().reset_mode(*modes, **options)
        self._alternate(modes, options)

    def _alternate(self, modes: tuple[int, ...], options: dict[str, Any]) -> None:
        if 1049 in modes and options.get("private"):
            self.erase_in_display(2)
            self.cursor_position()


class Terminal:
    """Runs `pitwire` with these arguments. `raw` is everything that it has written."""

    def __init__(
        self, *arguments: str | Path, cwd: Path, env: dict[str, str] | None = None, rows: int = 24, columns: int = 80
    ) -> None:
        self._display = _Display(columns, rows)
        self._stream = pyte.ByteStream(self._display)
        self.raw = b""
        self._fd, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        # pyte takes the switch to the other keyboard protocol for text.
        settings = {"TERM": "xterm-256color", "TEXTUAL_DISABLE_KITTY_KEY": "1", **(env or {})}
        clean = {k: v for k, v in environment().items() if k not in {"COLUMNS", "LINES", "NO_COLOR"}}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE, *COMMAND, *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={**clean, **settings},
            start_new_session=True,
        )
        os.close(slave)

    @property
    def text(self) -> str:
        """What is on the screen now."""
        return "\n".join(line.rstrip() for line in self._display.display).rstrip()

    def until(self, wanted: str | Callable[[str], bool], within_s: float = PATIENCE_S) -> str:
        """Read on until the pattern, or what holds, is on the screen; what is on it then."""
        holds = wanted if callable(wanted) else lambda text: re.search(wanted, text) is not None
        until_us = monotonic_us() + round(within_s * 1_000_000)
        while not holds(self.text):
            left_s = (until_us - monotonic_us()) / 1_000_000
            assert left_s > 0, f"not within {within_s:g} s: {wanted}\n{self.text}"
            assert self._read(left_s), f"it ended before: {wanted}\n{self.text}"
        return self.text

    def type(self, keys: str) -> None:
        """As a person would."""
        os.write(self._fd, keys.encode())

    def hang_up(self) -> None:
        """Close the window, or lose the SSH session."""
        os.close(self._fd)
        self._fd = -1

    def end(self) -> int:
        """Read to the end of what it writes; its exit status."""
        until_us = monotonic_us() + round(PATIENCE_S * 1_000_000)
        while self._fd >= 0 and self._read(max(0.0, (until_us - monotonic_us()) / 1_000_000)):
            assert monotonic_us() < until_us, f"it does not end\n{self.text}"
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """Whatever has become of it. Idempotent."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._fd >= 0:
            self.hang_up()

    def _read(self, within_s: float) -> bool:
        """Take in what is there; False at the end of it."""
        if not select.select([self._fd], [], [], within_s)[0]:
            return True
        try:
            part = os.read(self._fd, 65_536)
        except OSError:  # the last one who had the other end has ended
            return False
        self.raw += part
        self._stream.feed(part)
        return bool(part)
