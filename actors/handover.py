"""What a child process gets from the supervisor, through an inherited pipe and nowhere else.

Secrets (the NKey seed, the guard's signing key) are never in arguments, the environment or a file. The writing end
stays open as long as the supervisor lives: its end of file tells the child to stop.
"""

from __future__ import annotations

import os

import msgspec

from schemas.settings import Settings

__all__ = ["Handover", "read_handover", "write_handover"]

_LENGTH = 8


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the floor. `seed` and `signing_seed` (hex, only the guard's) are secrets."""

    role: str
    name: str
    incarnation: int
    url: str
    home: str
    settings: Settings
    seed: str = ""
    account: str = ""
    session: str = ""
    guard_public: str = ""
    signing_seed: str = ""
    expect: tuple[str, ...] = ()
    """Simulated time: who must be there before the first tick (the feed's)."""
    inbox_dir: str = ""
    """Where the inbox log goes; empty for none."""
    inbox_bytes: int = 0
    """How long the inbox log may become; 0: as long as it will."""

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Handover(role={self.role!r}, name={self.name!r}, incarnation={self.incarnation})"

    @property
    def sim(self) -> bool:
        """Whether the ticks are the clock."""
        return self.settings.feed.speed == 0


def write_handover(descriptor: int, handover: Handover) -> None:
    """Write it with its length in front (8 bytes, big-endian). The caller keeps the descriptor open."""
    body = msgspec.json.encode(handover)
    view = memoryview(len(body).to_bytes(_LENGTH, "big") + body)
    while view:
        view = view[os.write(descriptor, view) :]


def read_handover(descriptor: int) -> Handover:
    """Read one; blocks until it is whole. EOFError when the supervisor went away before."""
    length = int.from_bytes(_read(descriptor, _LENGTH), "big")
    return msgspec.json.decode(_read(descriptor, length), type=Handover)


def _read(descriptor: int, wanted: int) -> bytes:
    parts = b""
    while len(parts) < wanted:
        part = os.read(descriptor, wanted - len(parts))
        if not part:
            message = "the supervisor went away before it had handed over"
            raise EOFError(message)
        parts += part
    return parts
