"""A contract in fractions, and its server's time by the calendar: what the venue's model is told of a symbol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from kernels.venue_rows import Why

__all__ = ["MOST_VOLUME", "RefusedError", "Terms", "rounded"]

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_VOLUME = 1 << 26


class RefusedError(Exception):
    """An order is not carried out."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


def rounded(amount: Fraction) -> int:
    """The nearest whole number, half away from zero."""
    sign = -1 if amount < 0 else 1
    return sign * int(abs(amount) + Fraction(1, 2))


@dataclass(frozen=True)
class Terms:
    """A contract: money and lots as fractions, volumes in steps. `*_rate`: ("given" | "direct" | "inverse", symbol)."""

    digits: int
    contract: Fraction
    step: Fraction
    volume_min: int = 1
    volume_max: int = 10_000
    leverage: int = 100
    commission: Fraction = Fraction(0)
    margin_mode: str = "forex"
    margin_hedged: Fraction = Fraction(0)
    use_leg: bool = False
    stops_level: int = 0
    swap_mode: str = "disabled"
    swap_long: Fraction = Fraction(0)
    swap_short: Fraction = Fraction(0)
    rollover: int = 3
    zone: str = "America/New_York"
    zone_hours: int = 7
    hours: tuple[tuple[int, int], ...] = ()
    profit_rate: tuple[str, int] = ("given", 0)
    margin_rate: tuple[str, int] = ("given", 0)

    def price(self, points: int) -> Fraction:
        """Points as a price."""
        return Fraction(points, 10**self.digits)

    def server(self, time: int) -> datetime:
        """The server's wall clock."""
        moment = EPOCH + timedelta(microseconds=time)
        local = moment.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        return local + timedelta(hours=self.zone_hours)

    def day(self, time: int) -> int:
        """The server day, counted from 1970-01-01."""
        return (self.server(time) - datetime(1970, 1, 1)).days  # noqa: DTZ001 (a wall clock)

    def is_open(self, time: int) -> bool:
        """Whether the market is open."""
        server = self.server(time)
        minute = server.weekday() * 1440 + server.hour * 60 + server.minute
        return not self.hours or any(begin <= minute < end for begin, end in self.hours)

    def nights(self, day: int) -> int:
        """How often the midnight at the end of this day counts."""
        weekday = (datetime(1970, 1, 1) + day * DAY).isoweekday()  # noqa: DTZ001 (a wall clock)
        return 0 if weekday > 5 else 3 if weekday == self.rollover else 1
