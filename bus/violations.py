"""Permission violations and refused logins, read from nats-server's log.

The server tells nobody but the violator, who will not tell; so the supervisor follows the log and makes alerts of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

__all__ = ["Violation", "ViolationTail", "parse", "violations"]

_CHUNK = 256 * 1024
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_HEAD = r"\[\d+\] \S+ \S+ \[ERR\] \S+ - \w*id:\d+ - "
# The first quoted text is whatever the client calls itself; only the second one is the server's word.
_DENIED = re.compile(
    rf'{_HEAD}(?:{_QUOTED} - )?"([A-Z]+)/nkey:(U[A-Z2-7]{{55}})" - (Publish|Subscription) Violation[A-Za-z ]* - '
    rf"(?:Subject|Reply) {_QUOTED}"
)
_LOGIN = re.compile(rf"{_HEAD}authentication error(?: - Nkey {_QUOTED})?")


class Violation(msgspec.Struct, frozen=True):
    """Somebody tried what is denied to him.

    `public` is the NKey the server knows him by; for a refused login the key he showed, "" for none. `subject` is
    what he wanted to say or hear, with escapes for what is not printable; for a login it is "".
    """

    kind: Literal["publish", "subscribe", "login"]
    public: str
    account: str = ""
    subject: str = ""


def parse(line: str) -> Violation | None:
    """The violation that a line of the log tells of, None for every other line."""
    denied = _DENIED.match(line)
    if denied is not None:
        _, account, public, kind, subject = denied.groups()
        return Violation("publish" if kind == "Publish" else "subscribe", public, account, subject)
    login = _LOGIN.match(line)
    return None if login is None else Violation("login", login[1] or "")


async def violations(log: Path, *, poll_s: float = 0.25) -> AsyncGenerator[Violation, None]:
    """Every violation that is logged from now on, without end. Looks again each `poll_s` seconds."""
    tail = ViolationTail(log)
    try:
        while True:
            found = tail.read()
            for violation in found:
                yield violation
            await asyncio.sleep(0 if found else poll_s)
    finally:
        tail.close()


class ViolationTail:
    """A log file from its present end on, through its rotations."""

    def __init__(self, log: Path) -> None:
        """Nothing is read yet; the file need not be there."""
        self._log = log
        self._rest = b""
        self._file = self._open()
        if self._file is not None:
            self._file.seek(0, os.SEEK_END)

    def read(self) -> list[Violation]:
        """What was logged since the last call, at most 256 KiB of it; the rest comes with the next."""
        self._file = self._file or self._open()
        if self._file is None:
            return []
        piece = self._file.read(_CHUNK)
        if not piece and self._rotated():
            self.close()
            return self.read()
        *lines, self._rest = (self._rest + piece).split(b"\n")
        found = (parse(line.decode(errors="replace")) for line in lines)
        return [violation for violation in found if violation is not None]

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._rest = b""

    def _open(self) -> BinaryIO | None:
        with contextlib.suppress(FileNotFoundError):
            return self._log.open("rb")
        return None

    def _rotated(self) -> bool:
        """Whether the name stands for another file by now."""
        try:
            return self._file is not None and not os.path.samestat(self._log.stat(), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return True
