"""A command in a terminal of its own: what is on its screen, and since when.

A small part of a terminal is enough for this: the cursor is placed, text is written, lines and the screen are erased.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from bus.clock import monotonic_us

__all__ = ["Screen", "Terminal"]

_SEQUENCE = re.compile(
    r"\x1b(?:\[([0-9;?<=>]*)[ -/]*([@-~])|[\]PX^_].*?(?:\x07|\x1b\\)|[()*+].|[@-Z\\^_=>78c])", re.DOTALL
)
_PATIENCE_S = 30.0


class Screen:
    """Rows of characters, changed by what a program writes."""

    def __init__(self, columns: int, rows: int) -> None:
        self._columns = columns
        self._cells = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0
        self._rest = ""

    def text(self) -> str:
        """What is to be seen, a line a row."""
        return "\n".join("".join(row).rstrip() for row in self._cells)

    def feed(self, text: str) -> None:
        """Take what was written; the beginning of a sequence waits for its end."""
        text, self._rest = self._rest + text, ""
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self._write(text[at])
                at += 1
                continue
            found = _SEQUENCE.match(text, at)
            if found is None:
                if len(text) - at < 4096:
                    self._rest = text[at:]
                    return
                at += 1
                continue
            if found[2]:
                self._control(found[1], found[2])
            at = found.end()

    def _write(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._row = min(self._row + 1, len(self._cells) - 1)
        elif character >= " ":
            if self._column < self._columns:
                self._cells[self._row][self._column] = character
            self._column += 1

    def _control(self, arguments: str, final: str) -> None:
        numbers = [int(part) if part.isdigit() else 0 for part in arguments.split(";")]
        if final in "Hf":
            row, column = (*numbers, 1)[:2]
            self._row = min(max(row, 1), len(self._cells)) - 1
            self._column = min(max(column, 1), self._columns) - 1
        elif final == "C":
            self._column += max(numbers[0], 1)
        elif final == "K" and numbers[0] == 0:
            self._cells[self._row][self._column :] = [" "] * (self._columns - self._column)
        elif final == "J":
            for row in self._cells:
                row[:] = [" "] * self._columns


class Terminal:
    """A running command and its screen. On leaving, one that still runs is killed."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], *, columns: int = 120, rows: int = 40) -> None:
        self._screen = Screen(columns, rows)
        self._changed = threading.Condition()
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.written = 0
        self.began_us = monotonic_us()
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
        )
        os.close(slave)
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # the last program has closed the other end
                data = b""
            with self._changed:
                self.written += len(data)
                self._screen.feed(decoder.decode(data))
                self._changed.notify_all()
            if not data:
                return

    def until(self, pattern: str) -> int:
        """Microseconds from the start of the command until `pattern` is on the screen. Fails after 30 s."""
        wanted = re.compile(pattern)
        with self._changed:
            seen = self._changed.wait_for(lambda: wanted.search(self._screen.text()), _PATIENCE_S)
            assert seen, f"not on the screen: {pattern}\n{self._screen.text()}"
            return monotonic_us() - self.began_us

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def end(self) -> int:
        """Wait until the command has ended by itself; its exit status."""
        return self._process.wait(_PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join(_PATIENCE_S)
        os.close(self._master)
