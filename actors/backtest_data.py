"""What a backtest runs over: a file (or a pair of bid and ask files) as ticks or bars in UTC microseconds and points.

`load` reads them, puts the server's clock onto UTC, looks for the ask file that belongs to a bid file, applies a given
spread and cuts out the time asked for. Errors are TickFileErrors, or a DataError
for what no single line is to blame for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from actors.backtest_formats import BarColumns, TickColumns, detect, read_bars, read_ticks
from actors.symbols import FeedError

if TYPE_CHECKING:
    from actors.backtest_columns import Integers

__all__ = ["DataError", "MarketData", "ZoneRows", "load", "to_utc"]

ZoneRows = Sequence[tuple[int, int]]
"""From a UTC time (microseconds) on the server's clock is so many seconds ahead; the first row holds before it too."""

_TICK_FORMATS = ("histdata", "csv")


class DataError(FeedError):
    """Data that a backtest cannot run over, though each file is readable."""


@dataclass(frozen=True)
class MarketData:
    """Ticks, or bars of the bid with `ask` bars or a `spread` in points; `times` of ticks or of bars' beginnings."""

    paths: tuple[str, ...]
    format: str
    times: Integers
    ticks: TickColumns | None = None
    bars: BarColumns | None = None
    ask: BarColumns | None = None
    spread: int | None = None


def load(
    paths: Sequence[str],
    *,
    digits: int,
    zone: ZoneRows,
    form: str = "",
    spread: int | None = None,
    begin: int | None = None,
    end: int | None = None,
) -> MarketData:
    """Read one file, or two of bars: bid and ask, in either order of their names.

    Args:
        paths: one file; or two, of which exactly one has `ask` in its name.
        digits: of the symbol's prices.
        zone: the server's clock, for files whose times are on it (`points`).
        form: one of FORMATS; "" looks at the first line.
        spread: points between bid and ask in place of the data's own; needed for bars without an ask file.
        begin: the first time that counts, UTC microseconds.
        end: the first time that does not.

    Raises:
        TickFileError: something in a file.
        DataError: no spread for bars, files that do not belong together, nothing between begin and end.
    """
    if len(paths) > 2:  # noqa: PLR2004 - bid and ask
        raise DataError(f"--data names {len(paths)} files; expected one, or a bid and an ask file")
    bid, ask = _sides(paths)
    form = form or detect(bid)
    if form in _TICK_FORMATS:
        if ask:
            raise DataError(f"{bid} has ticks, which are whole without {ask}; expected one file")
        ticks = read_ticks(bid, form, digits)
        if spread is not None:
            ticks = replace(ticks, ask=ticks.bid + spread)
        return _cut(MarketData((bid,), form, ticks.time, ticks=ticks, spread=spread), begin, end)
    if not ask and spread is None:
        ask = _beside(bid)
        if not ask:
            raise DataError(f"{bid} has bars of the bid alone; expected --spread POINTS, or the ask bars beside it")
    bars = _on_utc(read_bars(bid, form, digits), form, zone)
    if not ask or (spread is not None and len(paths) == 1):
        return _cut(MarketData((bid,), form, bars.time, bars=bars, spread=spread), begin, end)
    if spread is not None:
        raise DataError(f"--spread {spread}: the ask bars of {ask} give it; expected only one of the two")
    asks = _on_utc(read_bars(ask, form, digits), form, zone)
    if len(asks.time) != len(bars.time) or not np.array_equal(asks.time, bars.time):
        shorter = min(len(asks.time), len(bars.time))
        apart = np.flatnonzero(asks.time[:shorter] != bars.time[:shorter])
        row = int(apart[0]) if apart.size else shorter
        raise DataError(f"{ask}: bar {row + 1} has no counterpart in {bid}; expected the same times in both")
    return _cut(MarketData((bid, ask), form, bars.time, bars=bars, ask=asks), begin, end)


def _sides(paths: Sequence[str]) -> tuple[str, str]:
    """Bid and ask file."""
    if len(paths) == 1:
        return paths[0], ""
    asks = ["ask" in Path(path).name.lower() for path in paths]
    if sum(asks) != 1:
        raise DataError(f"{paths[0]} and {paths[1]}: expected exactly one with `ask` in its name")
    return (paths[1], paths[0]) if asks[0] else (paths[0], paths[1])


def _beside(bid: str) -> str:
    """The ask file beside a bid file: the same name with `ask` for `bid`. "" when there is none."""
    path = Path(bid)
    for ours, theirs in (("bid", "ask"), ("BID", "ASK"), ("Bid", "Ask")):
        if ours in path.name:
            found = path.with_name(path.name.replace(ours, theirs))
            return str(found) if found.is_file() else ""
    return ""


def _on_utc(bars: BarColumns, form: str, zone: ZoneRows) -> BarColumns:
    """The same bars with times in UTC, if they were on the server's clock."""
    return replace(bars, time=to_utc(bars.time, zone)) if form == "points" else bars


def to_utc(wall: Integers, zone: ZoneRows) -> Integers:
    """UTC of times on the server's clock. In the hour that comes twice the first one, in the one left out the next."""
    offsets = np.array([offset for _, offset in zone], np.int64) * 1_000_000
    if not len(offsets):
        return wall
    begins = np.array([begin for begin, _ in zone[1:]], np.int64) + np.maximum(offsets[1:], offsets[:-1])
    return wall - offsets[np.searchsorted(begins, wall, side="right")]


def _cut(data: MarketData, begin: int | None, end: int | None) -> MarketData:
    """Only what lies in [begin, end)."""
    times = data.times
    low = 0 if begin is None else int(np.searchsorted(times, begin))
    high = len(times) if end is None else int(np.searchsorted(times, end))
    if high <= low:
        what = "tick" if data.ticks is not None else "bar"
        has = f"it has {_text(times[0])} to {_text(times[-1])}"
        raise DataError(f"{data.paths[0]}: no {what} between --from and --to; {has}")

    ticks, bars, ask = data.ticks, data.bars, data.ask
    if ticks is not None:
        ticks = TickColumns(ticks.time[low:high], ticks.bid[low:high], ticks.ask[low:high])
    return replace(data, times=times[low:high], ticks=ticks, bars=_part(bars, low, high), ask=_part(ask, low, high))


def _part(bars: BarColumns | None, low: int, high: int) -> BarColumns | None:
    if bars is None:
        return None
    time, opened, highest, lowest, close = (
        column[low:high] for column in (bars.time, bars.open, bars.high, bars.low, bars.close)
    )
    return BarColumns(time, opened, highest, lowest, close, bars.length)


def _text(time: int) -> str:
    return f"{np.datetime64(int(time), 'us')}"[:19] + "Z"
