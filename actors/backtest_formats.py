"""The formats of files that a backtest reads, and which one a file is in.

- `histdata`: ticks, `YYYYMMDD HHMMSSmmm,bid,ask,volume`, no header; times are UTC-5 all year.
- `csv`: ticks below a header that names `time` (or `timestamp`), `bid`, `ask`; times in UTC or with an offset.
- `bars`: bars below a header with `timestamp`, `open`, `high`, `low`, `close`; prices; times as in `csv`.
- `points`: the same with prices in points and times on the server's clock.

`detect` looks at the first line only: a `Date` column with `tick_volume` says `points`. `read_ticks` and `read_bars`
turn a whole file into arrays or raise a TickFileError that names the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from actors.backtest_columns import Block, Text
from actors.ticks import TickFileError

if TYPE_CHECKING:
    from actors.backtest_columns import Integers

__all__ = ["FORMATS", "BarColumns", "TickColumns", "detect", "read_bars", "read_ticks"]

FORMATS = ("histdata", "csv", "points", "bars")

_EST_US = 5 * 3_600_000_000
_HISTDATA = re.compile(r"\d{8} \d{9},")
_TIMES = ("time", "timestamp", "date")
_PRICES = ("open", "high", "low", "close")
_MINUTE = 60_000_000
_LENGTHS = tuple(_MINUTE * minutes for minutes in (1, 5, 15, 30, 60, 240, 1440))


@dataclass(frozen=True)
class TickColumns:
    """Ticks of a file: UTC microseconds in order, bid <= ask in points."""

    time: Integers
    bid: Integers
    ask: Integers


@dataclass(frozen=True)
class BarColumns:
    """Bars of a file: beginnings (microseconds of the file's own clock) in order, prices in points, and the length."""

    time: Integers
    open: Integers
    high: Integers
    low: Integers
    close: Integers
    length: int


def detect(path: str) -> str:
    """The format of a file, by its first line.

    Raises:
        TickFileError: the file cannot be read, is empty, or its first line is of no format.
    """
    line = Text(path).first_line()
    if _HISTDATA.match(line):
        return "histdata"
    names = _names(line)
    if {"bid", "ask"} <= set(names):
        return "csv"
    if set(_PRICES) <= set(names):
        return "points" if "date" in names and "tick_volume" in names else "bars"
    expected = "ticks as YYYYMMDD HHMMSSmmm,bid,ask,volume, or a header with bid,ask or open,high,low,close"
    raise TickFileError(path, 1, f"{line[:60]!r} is of no known format", expected)


def read_ticks(path: str, form: str, digits: int) -> TickColumns:
    """All ticks of a `histdata` or `csv` file.

    Raises:
        TickFileError: a line does not fit, a price is no number or off the grid, ask is below bid, times go back.
    """
    text = Text(path)
    columns = {"time": 0, "bid": 1, "ask": 2} if form == "histdata" else _columns(text, ("bid", "ask"))
    count = 4 if form == "histdata" else columns.pop("")
    expected = "YYYYMMDD HHMMSSmmm,bid,ask,volume" if form == "histdata" else "as many fields as the header has"
    parts: list[tuple[Integers, Integers, Integers]] = []
    last = 0
    for block in text.blocks(skip=0 if form == "histdata" else 1):
        block.split(",", count, expected)
        time = block.times(columns["time"]) + (_EST_US if form == "histdata" else 0)
        bid, ask = block.points(columns["bid"], digits), block.points(columns["ask"], digits)
        last = _in_order(block, time, last, strict=False)
        block.fail_first(
            ask < bid,
            lambda row, block=block: (  # type: ignore[misc]
                f"ask {block.field(columns['ask'], row)} is below bid {block.field(columns['bid'], row)}"
            ),
            "ask >= bid",
        )
        parts.append((time, bid, ask))
    if not parts:
        raise TickFileError(path, 0, "there is no tick in it", "at least one")
    return TickColumns(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def read_bars(path: str, form: str, digits: int) -> BarColumns:
    """All bars of a `points` or `bars` file. Its length of bars is the least distance between two of them.

    Raises:
        TickFileError: a line does not fit, a price is no number or off the grid, high or low is no extreme, times do
            not rise, or their distances are of no timeframe.
    """
    text = Text(path)
    columns = _columns(text, _PRICES)
    count = columns.pop("")
    parts: list[list[Integers]] = []
    last = -1
    for block in text.blocks(skip=1):
        block.split(",", count, "as many fields as the header has")
        time = block.times(columns["time"])
        last = _in_order(block, time, last, strict=True)
        opened, high, low, close = (block.points(columns[name], 0 if form == "points" else digits) for name in _PRICES)
        block.fail_first(
            (high < np.maximum(opened, close)) | (low > np.minimum(opened, close)),
            lambda row, block=block: f"{block.text(row)!r}: high or low is inside",  # type: ignore[misc]
            "low <= open, close <= high",
        )
        parts.append([time, opened, high, low, close])
    if not parts:
        raise TickFileError(path, 0, "there is no bar in it", "at least one")
    time, opened, high, low, close = (np.concatenate(column) for column in zip(*parts, strict=True))
    return BarColumns(time, opened, high, low, close, _length(path, time))


def _names(line: str) -> list[str]:
    return [name.strip().strip('"').lower() for name in line.removeprefix("\ufeff").split(",")]


def _columns(text: Text, wanted: tuple[str, ...]) -> dict[str, int]:
    """The places of time and of the wanted columns in the header, and below "" how many there are."""
    line = text.first_line()
    names = _names(line)
    times = [place for place, name in enumerate(names) if name in _TIMES]
    if len(times) != 1 or any(names.count(name) != 1 for name in wanted):
        expected = f"a header with time (or timestamp, date), {', '.join(wanted)}, each once"
        raise TickFileError(text.path, 1, f"{line[:60]!r} does not fit", expected)
    return {"time": times[0], **{name: names.index(name) for name in wanted}, "": len(names)}


def _in_order(block: Block, time: Integers, last: int, *, strict: bool) -> int:
    """Check that times go on from `last`; the new last one."""
    before = np.concatenate(([last], time[:-1]))
    wrong = time <= before if strict else time < before
    expected = "each bar later than the one before" if strict else "times that never decrease"
    block.fail_first(
        wrong, lambda row: "time goes backwards" if time[row] < before[row] else "a time is there twice", expected
    )
    return int(time[-1])


def _length(path: str, time: Integers) -> int:
    """The timeframe of bars that begin at these times."""
    if len(time) < 2:  # noqa: PLR2004 - a distance needs two
        raise TickFileError(path, 0, "one bar has no length", "at least two bars")
    found = int(np.diff(time).min())
    if found not in _LENGTHS:
        row = int(np.argmin(np.diff(time))) + 1
        reason = f"bar {row + 1} is {found / 1e6:g} s after the one before"
        raise TickFileError(path, 0, reason, "bars of M1, M5, M15, M30, H1, H4 or D1")
    off = np.flatnonzero(time % found != 0)
    if off.size and found < _LENGTHS[-1]:
        raise TickFileError(path, 0, f"bar {int(off[0]) + 1} does not begin on its timeframe", "whole multiples")
    return found
