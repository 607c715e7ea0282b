"""Permission violations, read from nats-server's log.

The server tells nobody but the violator, who will not tell; so the supervisor follows the log and makes alerts of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

__all__ = ["Violation", "parse", "violations"]

_CHUNK = 65_536
# The client's own name, the first quoted text, is whatever the client likes; only the second is the server's word.
_LINE = re.compile(
    r"\[\d+\] \S+ \S+ \[ERR\] \S+ - cid:\d+ - "
    r'(?:"(?:[^"\\]|\\.)*" - )?"(?P<account>[A-Z]+)/nkey:(?P<user>U[A-Z2-7]{55})" - '
    r"(?P<kind>Publish|Subscription) Violation[A-Za-z ]* - "
    r'(?:Subject|Reply) "(?P<subject>(?:[^"\\]|\\.)*)"'
)


class Violation(msgspec.Struct, frozen=True):
    """Somebody tried what his permissions deny. `user` is the public key; `subject` is quoted where not printable."""

    user: str
    account: str
    kind: Literal["publish", "subscribe"]
    subject: str


def parse(line: str) -> Violation | None:
    """The violation that a line of the log tells of, None for every other line."""
    found = _LINE.match(line)
    if found is None:
        return None
    kind: Literal["publish", "subscribe"] = "publish" if found["kind"] == "Publish" else "subscribe"
    return Violation(user=found["user"], account=found["account"], kind=kind, subject=found["subject"])


async def violations(log: Path, *, poll_s: float = 0.25) -> AsyncIterator[Violation]:
    """Every violation logged from now on, also after the log was rotated, without end. Looks each `poll_s` seconds."""
    tail = _Tail(log)
    try:
        while True:
            lines = tail.lines()
            for line in lines:
                violation = parse(line)
                if violation is not None:
                    yield violation
            await asyncio.sleep(0 if lines else poll_s)
    finally:
        tail.close()


class _Tail:
    """The lines that are added to a file, from its present end on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rest = b""
        self._file = self._open()
        if self._file is not None:
            self._file.seek(0, 2)

    def lines(self) -> list[str]:
        """The whole lines of the next piece; none when there is nothing new."""
        self._file = self._file or self._open()
        if self._file is None:
            return []
        piece = self._file.read(_CHUNK)
        if not piece:
            if self._rotated():
                self.close()
            return []
        *lines, self._rest = (self._rest + piece).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._rest = b""

    def _open(self) -> BinaryIO | None:
        with contextlib.suppress(FileNotFoundError):
            return self._path.open("rb")
        return None

    def _rotated(self) -> bool:
        """Whether the path names another file by now."""
        if self._file is None:
            return False
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return True
