"""Figures as a person reads them: money, prices, lots, times. What is not known is a dash, never a zero.

Owns the wording of numbers on the screens, and how text that came in an event is made harmless: it is data, whatever
it contains. Nothing here knows a terminal.
"""

from __future__ import annotations

import math
from unicodedata import category

__all__ = ["UNKNOWN", "ago", "amount", "clock", "count", "lots", "money", "named", "plain", "points", "price", "tone"]

UNKNOWN = "-"

_SECOND = 1_000_000
_MINUTE = 60
_HOUR = 3_600
_DAY = 86_400
# Control, format (the direction of text and the like), half a character, private and unassigned, new lines.
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def money(value: float | None, *, signed: bool = False) -> str:
    """`-1,234.50`; `signed` puts a plus before a gain. Nothing rounds to a minus zero."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{value:+,.2f}" if signed else f"{value:,.2f}"
    return text.lstrip("+-") if not text.strip("+-0.") else text


def amount(value: float | None, currency: str) -> str:
    """Money with a plus before a gain, and with its currency where that is needed: `+12.50 EUR`."""
    text = money(value, signed=True)
    return f"{text} {plain(currency)}" if currency and text != UNKNOWN else text


def price(value: float | None, digits: int | None) -> str:
    """A price with its symbol's digits, or with those it has while the symbol's are not known."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:.10g}" if digits is None else f"{value:.{digits}f}"


def points(bid: float | None, ask: float | None, digits: int | None) -> str:
    """The spread in whole points."""
    if bid is None or ask is None or digits is None or not math.isfinite(ask - bid):
        return UNKNOWN
    return f"{round((ask - bid) * 10**digits):,}"


def lots(volume: float | None) -> str:
    """A volume in lots: two decimals, more only where they are needed, and no dust of floating point."""
    if volume is None or not math.isfinite(volume):
        return UNKNOWN
    whole, _, part = f"{volume:,.8f}".rstrip("0").partition(".")
    return f"{whole}.{part:0<2}"


def clock(time_us: int | None) -> str:
    """`10:31:07`, UTC."""
    if not time_us:
        return UNKNOWN
    seconds = time_us // _SECOND % _DAY
    return f"{seconds // _HOUR:02}:{seconds % _HOUR // _MINUTE:02}:{seconds % _MINUTE:02}"


def ago(duration_us: int) -> str:
    """A duration in its largest units: `3 s`, `4 min`, `2 h 5 min`, `3 d 4 h`."""
    seconds = max(duration_us, 0) // _SECOND
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE} min"
    return f"{seconds // _DAY} d {seconds % _DAY // _HOUR} h"


def count(number: int, one: str, many: str = "") -> str:
    """`1 position`, `2,000 positions`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def tone(value: float | None) -> str:
    """The tone of a gain or loss, on top of its sign."""
    if value is None or not math.isfinite(value) or abs(value) < 0.005:  # noqa: PLR2004 - rounds to 0.00
        return "" if value is not None and math.isfinite(value) else "dim"
    return "up" if value > 0 else "down"


class _Harmless(dict[int, str]):
    """For str.translate: what a terminal would act upon becomes a middle dot; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = text = "·" if category(character) in _HARMFUL else character
        return text


_HARMLESS = _Harmless({ord(blank): " " for blank in "\t\n\r"})


def plain(text: str) -> str:
    """Text out of an event, on one line and without anything that a terminal acts upon."""
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_HARMLESS)


def named(symbol: str, missed: int, tone: str = "strong") -> tuple[str, str]:
    """A row's name; with a star before it when events about it were missed, so that its figures may not be the last."""
    return (f"*{plain(symbol)}", "warn") if missed else (plain(symbol), tone)
