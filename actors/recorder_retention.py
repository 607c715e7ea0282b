"""How much of what has no end the recorder keeps: the newest rows of each stream, trimmed as its sequence goes on.

When, and what goes, follows from the messages alone: a database that is read again from the streams has the same rows.
"""

from __future__ import annotations

from actors.recorder_rows import Statement

__all__ = ["EVERY", "KEPT", "trimmed"]

KEPT = 100_000
"""Rows of each stream that at least stay, in each of the tables."""
EVERY = 8192
"""Messages of a stream between two trims; so many rows may be there in excess."""

_TABLES = ("log_lines", "monitoring_events")


def trimmed(stream: str, place: int, *, kept: int = KEPT) -> list[Statement]:
    """The statements behind the message at this place of its stream; none for most."""
    if place % EVERY:
        return []
    return [(_trim(table), (stream, stream, kept)) for table in _TABLES]


def _trim(table: str) -> str:
    return (
        f"DELETE FROM {table} WHERE stream = ? AND seq <="  # noqa: S608 - one of the names above
        f" (SELECT seq FROM {table} WHERE stream = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)"
    )
