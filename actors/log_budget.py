"""The space that logs may take: when they are over it, the oldest that nobody writes any more go.

Owns the deletion of inbox logs of ended processes in one folder; nothing else in the home is ever deleted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path

__all__ = ["over_budget", "trim_logs"]


def trim_logs(folder: Path, limit_bytes: int, in_use: Collection[str]) -> list[str]:
    """Delete the oldest `*.jsonl` until the rest takes at most `limit_bytes`; the names of those that went.

    `in_use`: names of the files that are still written to; they count and stay.
    """
    files = []
    for path in folder.glob("*.jsonl"):
        with contextlib.suppress(OSError):
            stat = path.stat()
            files.append((stat.st_mtime_ns, path.name, stat.st_size))
    total = sum(size for _, _, size in files)
    gone = []
    for _, name, size in sorted(files):
        if total <= limit_bytes:
            break
        if name not in in_use:
            with contextlib.suppress(OSError):
                (folder / name).unlink()
                total -= size
                gone.append(name)
    return gone


def over_budget(folder: Path, limit_bytes: int) -> int:
    """Bytes that the logs of a folder take beyond the limit, 0 for none."""
    total = 0
    for path in folder.glob("*.jsonl"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return max(0, total - limit_bytes)
