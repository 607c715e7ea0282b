"""What a floor's own processes tell one another at the start: the settings by file, whether it came up by pipe."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from actors.floor_error import Exit

__all__ = ["SETTINGS", "Readiness", "read_readiness", "teller"]

SETTINGS = Path("run") / "settings.json"
"""Where the keeper leaves the settings in the home."""


class Readiness(msgspec.Struct, frozen=True):
    """Whether the floor came up: `code` is an Exit, `text` the reason or the bus's URL."""

    code: int
    text: str


def teller(descriptor: int) -> Callable[[Readiness], None]:
    """A function that says it on the pipe and closes that; only its first call says anything."""
    open_pipe = [descriptor]

    def tell(readiness: Readiness) -> None:
        while open_pipe:
            pipe = open_pipe.pop()
            with contextlib.suppress(OSError):
                os.write(pipe, msgspec.json.encode(readiness))
            with contextlib.suppress(OSError):
                os.close(pipe)

    return tell


def read_readiness(descriptor: int, who: str) -> Readiness:
    """Wait until it is said on the pipe, or until `who` has ended without a word. Closes the pipe."""
    said = b""
    try:
        while part := os.read(descriptor, 65_536):
            said += part
    finally:
        os.close(descriptor)
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(said, type=Readiness)
    return Readiness(Exit.FAILED, f"{who} ended without a word")
