"""Written times as UTC microseconds, for whole columns of text at once.

`parse_times` knows `YYYYMMDD HHMMSSmmm`, ISO-8601 (a date alone, minutes, seconds, up to nine decimals of them, `Z` or
an offset), and whole numbers since 1970: seconds below 10^11, milliseconds below 10^14, microseconds below 10^17.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

__all__ = ["parse_time", "parse_times"]

Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]

_MICRO = 1_000_000
_MOST_HOUR, _MOST_SIXTIETH = 23, 59
_FEBRUARY, _LEAP_DAY = 2, 29
_LONGEST = 40
_SHAPE = re.compile(
    rb"(?P<epoch>d{1,17})"
    rb"|(?P<compact>d{8} d{9})"
    rb"|dddd-dd-dd(?:[ T]dd:dd(?P<seconds>:dd(?:[.,](?P<fraction>d{1,9}))?)?)?(?P<zone>Z|[+-]dd:?dd)?"
)
_MONTH_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def parse_times(data: Bytes, starts: Integers, ends: Integers) -> tuple[Integers, Flags]:
    """Times in UTC microseconds, and which rows are none. A time without an offset is taken as UTC."""
    found = np.zeros(len(starts), np.int64)
    wrong = np.ones(len(starts), np.bool_)
    widths = ends - starts
    for width in np.unique(widths):
        if not 0 < width <= _LONGEST:
            continue
        rows = np.flatnonzero(widths == width)
        chars = data[starts[rows][:, None] + np.arange(width)[None, :]]
        shapes = np.where((chars >= ord("0")) & (chars <= ord("9")), np.uint8(ord("d")), chars)
        # Rows of one width nearly always have one shape: an offset's sign may differ, or a line is bad.
        left = np.ones(len(rows), np.bool_)
        while left.any():
            shape = shapes[int(np.argmax(left))]
            same = left & (shapes == shape).all(axis=1)
            left &= ~same
            match = _SHAPE.fullmatch(shape.tobytes())
            if match is not None:
                value, bad = _convert(chars[same].astype(np.int64), match)
                found[rows[same]] = value
                wrong[rows[same]] = bad
            else:
                break  # the first bad line is enough; what stands behind it in this width stays wrong
    return found, wrong


def parse_time(text: str) -> int | None:
    """One time in UTC microseconds; None when it is none."""
    data = np.frombuffer(text.encode(), np.uint8)
    found, wrong = parse_times(data, np.array([0]), np.array([len(data)]))
    return None if wrong[0] else int(found[0])


def _convert(chars: Integers, match: re.Match[bytes]) -> tuple[Integers, Flags]:
    """Rows of one shape."""

    def number(start: int, end: int) -> Integers:
        value = np.zeros(len(chars), np.int64)
        for place in range(start, end):
            value = value * 10 + (chars[:, place] - ord("0"))
        return value

    if match["epoch"]:
        value = number(0, match.end())
        scale = np.where(value < 10**11, _MICRO, np.where(value < 10**14, 1000, 1))
        return value * scale, np.zeros(len(chars), np.bool_)
    if match["compact"]:
        days, bad = _days(number(0, 4), number(4, 6), number(6, 8))
        hour, minute, second, micros = number(9, 11), number(11, 13), number(13, 15), number(15, 18) * 1000
        return _clock(days, hour, minute, second, micros, bad)
    days, bad = _days(number(0, 4), number(5, 7), number(8, 10))
    zero = np.zeros(len(chars), np.int64)
    timed = match.end() > len("2020-01-01") and chr(chars[0, 10]) in " T"
    hour, minute = (number(11, 13), number(14, 16)) if timed else (zero, zero)
    second = number(17, 19) if match["seconds"] else zero
    micros = zero
    if match["fraction"]:
        start, end = match.span("fraction")
        end = min(end, start + 6)
        micros = number(start, end) * 10 ** (6 - (end - start))
    value, bad = _clock(days, hour, minute, second, micros, bad)
    if match["zone"] and match["zone"] != b"Z":
        start, end = match.span("zone")
        ahead, past = number(start + 1, start + 3), number(end - 2, end)
        bad = bad | (ahead > _MOST_HOUR) | (past > _MOST_SIXTIETH)
        value -= np.where(chars[:, start] == ord("-"), -1, 1) * (ahead * 60 + past) * 60 * _MICRO
    return value, bad


def _clock(
    days: Integers, hour: Integers, minute: Integers, second: Integers, micros: Integers, bad: Flags
) -> tuple[Integers, Flags]:
    value = (((days * 24 + hour) * 60 + minute) * 60 + second) * _MICRO + micros
    return value, bad | (hour > _MOST_HOUR) | (minute > _MOST_SIXTIETH) | (second > _MOST_SIXTIETH) | (value < 0)


def _days(year: Integers, month: Integers, day: Integers) -> tuple[Integers, Flags]:
    """Days since 1970 of the proleptic Gregorian calendar, and which are no dates."""
    bad = (month < 1) | (month >= len(_MONTH_DAYS)) | (day < 1)
    limit = _MONTH_DAYS[np.where(bad, 1, month)]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    bad |= (day > limit) | ((month == _FEBRUARY) & (day == _LEAP_DAY) & ~leap)
    # Years that begin in March have the leap day at their end.
    shifted = year - (month <= _FEBRUARY)
    place = (month + 9) % 12
    of_year = (153 * place + 2) // 5 + day - 1
    return shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + of_year - 719_468, bad
