"""Equity and balance over time, for screens that open late: the last ten minutes by the second, a day by the minute.

Owns `Series`, one a scope: two rings of bounded length, kept in memory only.
"""

from __future__ import annotations

from collections import deque

from schemas.answers import SeriesPoint

__all__ = ["MINUTES", "SECONDS", "Series"]

SECONDS = 600
"""Points a second apart."""
MINUTES = 1440
"""Points a minute apart."""
_SECOND_US = 1_000_000
_MINUTE_US = 60_000_000


class Series:
    """The points of one scope. Of each second, and of each minute, the last one stays."""

    def __init__(self) -> None:
        self._seconds: deque[SeriesPoint] = deque(maxlen=SECONDS)
        self._minutes: deque[SeriesPoint] = deque(maxlen=MINUTES)

    def add(self, point: SeriesPoint) -> None:
        """The newest point; what does not follow the last one in time is left out."""
        if not self._seconds or point.at >= self._seconds[-1].at:
            _last_of(self._seconds, point, _SECOND_US)
            _last_of(self._minutes, point, _MINUTE_US)

    def points(self) -> tuple[SeriesPoint, ...]:
        """Oldest first: minutes up to where the seconds begin, then those."""
        first = self._seconds[0].at if self._seconds else 0
        return (*(point for point in self._minutes if point.at < first), *self._seconds)


def _last_of(ring: deque[SeriesPoint], point: SeriesPoint, bucket_us: int) -> None:
    if ring and ring[-1].at // bucket_us == point.at // bucket_us:
        ring[-1] = point
    else:
        ring.append(point)
