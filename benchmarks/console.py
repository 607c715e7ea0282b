"""A command in a terminal of its own: what is on its screen, and since when."""

from __future__ import annotations

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

import pyte

from bus.clock import monotonic_us

__all__ = ["Console"]

_PATIENCE_S = 30.0


class Console:
    """A running command and its screen. On leaving, one that still runs is killed."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], *, columns: int = 120, rows: int = 40) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
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
        while True:
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # the last program has closed the other end
                data = b""
            with self._changed:
                self.written += len(data)
                self._stream.feed(data)
                self._changed.notify_all()
            if not data:
                return

    def _text(self) -> str:
        return "\n".join(self._screen.display)

    def until(self, pattern: str) -> int:
        """Microseconds from the start of the command until `pattern` is on the screen. Fails after 30 s."""
        wanted = re.compile(pattern)
        with self._changed:
            seen = self._changed.wait_for(lambda: wanted.search(self._text()), _PATIENCE_S)
            assert seen, f"not on the screen: {pattern}\n{self._text()}"
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
