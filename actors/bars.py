"""Bars from ticks: the bid's open, high, low and close over a fixed time.

`BarBuilder` folds the ticks of one symbol into closed bars. Bars lie on multiples of their length since 1970-01-01 UTC,
so H4 and D1 are UTC's. A bar closes on the first tick at or after its end; a time without ticks has no bar, and the bar
that is still open when ticks end is never closed.
"""

from __future__ import annotations

from schemas.market import Bar

__all__ = ["TIMEFRAMES", "BarBuilder", "timeframe_seconds"]

TIMEFRAMES = {
    "S5": 5,
    "S10": 10,
    "S15": 15,
    "S30": 30,
    "M1": 60,
    "M5": 300,
    "M15": 900,
    "M30": 1800,
    "H1": 3600,
    "H4": 14_400,
    "D1": 86_400,
}
"""Seconds by name."""

_NAMES = {seconds: name for name, seconds in TIMEFRAMES.items()}


def timeframe_seconds(timeframe: str | int) -> int:
    """The length of a timeframe given by name or in seconds.

    Raises:
        ValueError: no such name, or a length below a second.
    """
    if isinstance(timeframe, str):
        if timeframe not in TIMEFRAMES:
            raise ValueError(f"unknown timeframe {timeframe!r}; expected one of {', '.join(TIMEFRAMES)}")
        return TIMEFRAMES[timeframe]
    if timeframe < 1:
        raise ValueError(f"timeframe {timeframe} s; expected at least 1 s")
    return timeframe


class BarBuilder:
    """Builds the bars of one symbol and timeframe. A length without a name is called by its seconds: 90 is `S90`."""

    def __init__(self, venue: str, symbol: str, timeframe: str | int) -> None:
        seconds = timeframe_seconds(timeframe)
        self.venue = venue
        self.symbol = symbol
        self.timeframe = _NAMES.get(seconds, f"S{seconds}")
        self._length = seconds * 1_000_000
        self._at = self._end = 0
        self._open = self._high = self._low = self._close = 0.0
        self._ticks = 0

    def add(self, at: int, bid: float) -> Bar | None:
        """Take a tick (UTC microseconds, price) and return the bar that it closes, if any.

        A tick from before the open bar, which no feed sends, counts to the open bar.
        """
        if at < self._end:
            self._high = max(self._high, bid)
            self._low = min(self._low, bid)
            self._close = bid
            self._ticks += 1
            return None
        closed = self._bar() if self._ticks else None
        self._at = at - at % self._length
        self._end = self._at + self._length
        self._open = self._high = self._low = self._close = bid
        self._ticks = 1
        return closed

    def _bar(self) -> Bar:
        return Bar(
            venue=self.venue,
            symbol=self.symbol,
            timeframe=self.timeframe,
            at=self._at,
            open=self._open,
            high=self._high,
            low=self._low,
            close=self._close,
            ticks=self._ticks,
        )
