"""Log files as a floor leaves them, for tests: lines with times of one's choosing, and a writer that really rotates."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from bus.clock import utc_text

__all__ = ["DAY", "line", "write"]

DAY = 1_795_219_200_000_000
"""2026-11-21T00:00:00Z."""


def line(second: float, actor: str = "guard", level: str = "info", event: str = "e", **values: object) -> bytes:
    """A line as `actors.logs` writes it, at a second of that day."""
    at = utc_text(DAY + round(second * 1_000_000))
    return json.dumps({"time": at, "level": level, "actor": actor, "event": event, **values}).encode()


def write(folder: Path, name: str, lines: Iterable[bytes], *, end: bytes = b"\n") -> Path:
    """A file of lines; `end` is that of the last one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    whole = b"\n".join(lines)
    path.write_bytes(whole + (end if whole else b""))
    return path
