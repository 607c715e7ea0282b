"""Server time: when a zone's offset to UTC changes, as a table that the compiled code reads.

A server's time is that of an IANA zone, with whole hours added where wanted (`America/New_York+7h`), by date where it
changed. Reads the system's zone database, and no clock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from kernels.errors import OptionError

__all__ = ["zone_rows", "zone_table"]

_ZONE = re.compile(r"(?P<name>[^+-].*?)(?:(?P<hours>[+-]\d{1,2})h)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def zone_rows(zone: str) -> tuple[tuple[int, int], ...]:
    """When (UTC microseconds) a zone's offset to UTC (seconds) changes, 1970 to 2100; the first row holds before it.

    `zone`: an IANA name, with whole hours added where wanted: `Europe/Athens`, `America/New_York+7h`.

    Raises:
        OptionError: there is no such zone.
    """
    found = _ZONE.fullmatch(zone)
    try:
        info = ZoneInfo(found["name"]) if found else None
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        info = None
    if found is None or info is None:
        raise OptionError("zone", "zone", zone, "an IANA name, or one with whole hours: America/New_York+7h")
    added = int(found["hours"] or 0) * 3600

    def offset(second: int) -> int:
        moment = (_EPOCH + timedelta(seconds=second)).astimezone(info)
        return int((moment.utcoffset() or timedelta()).total_seconds()) + added

    rows = [(0, offset(0))]
    step, last = 7 * 86_400, 4_102_444_800
    for begin in range(0, last, step):
        low, high = begin, begin + step
        if offset(low) == offset(high):
            continue
        before = offset(low)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == before else (low, middle)
        rows.append((high * 1_000_000, offset(high)))
    return tuple(rows)


def zone_table(zone: str | Sequence[tuple[int, str]]) -> tuple[tuple[int, int], ...]:
    """The same of a zone that changed: (from, zone) by UTC microseconds, the first holding before itself too.

    Raises:
        OptionError: there is no such zone, or the times do not rise.
    """
    if isinstance(zone, str):
        return zone_rows(zone)
    spans = list(zone)
    if not spans or any(later[0] <= earlier[0] for earlier, later in pairwise(spans)):
        raise OptionError("zone", "zone", zone, "zones by date, each later than the one in front of it")
    table: list[tuple[int, int]] = []
    for at, (begin, name) in enumerate(spans):
        rows = zone_rows(name)
        until = spans[at + 1][0] if at + 1 < len(spans) else None
        held = max((row for row in rows if row[0] <= begin), default=rows[0])
        first = [rows[0], *(row for row in rows[1:] if row[0] <= begin)] if at == 0 else [(begin, held[1])]
        later = [row for row in rows[1:] if row[0] > begin]
        table.extend(row for row in [*first, *later] if until is None or row[0] < until)
    return tuple(table)
