"""What a move of the price is worth: exact fractions in, one rounding, whole minor units of money out. Pure.

Shared by the paper venue, which books it, and the portfolio, which tells it meanwhile: their figures are the same to
the cent. Prices are whole points, volumes whole 10^-8 lots, money whole minor units (0.01) of the account's currency.
In between everything is a fraction, so an amount is rounded exactly once, half away from zero. Gains are converted at
the worse side of the rate, losses at the dearer; without a rate the answer is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

import msgspec

from schemas.market import SymbolSpec, Tick
from schemas.order import Side

__all__ = [
    "LOT",
    "MINOR",
    "Market",
    "Quote",
    "booking",
    "closing_price",
    "commission",
    "convert",
    "exact",
    "lots",
    "minor_units",
    "money",
    "opening_price",
    "points",
    "quote_of",
    "volume_units",
]

LOT = 10**8
"""One lot in volume units."""
MINOR = 100
"""Minor units in one unit of money."""
_GRID = 0.001


class Quote(msgspec.Struct, frozen=True):
    """A tick in points. `at` is the venue's time, `seen` when it arrived here, both UTC microseconds."""

    bid: int
    ask: int
    at: int
    seen: int


class Market(msgspec.Struct):
    """What is known of a venue's symbols: specifications and latest quotes."""

    specs: dict[str, SymbolSpec] = {}
    quotes: dict[str, Quote] = {}


@lru_cache(maxsize=8192)
def exact(number: float) -> Fraction:
    """The decimal number that the float was written as: 0.1 is 1/10."""
    return Fraction(repr(number))


def minor_units(amount: Fraction) -> int:
    """Money as minor units, rounded half away from zero."""
    scaled = abs(amount) * MINOR
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return whole if amount >= 0 else -whole


def money(minor: int) -> float:
    """Minor units as the number that travels."""
    return minor / MINOR


def points(price: float, digits: int) -> int | None:
    """A price as whole points; None when it is further than 0.001 point from the grid."""
    scaled = price * 10**digits
    whole = round(scaled)
    return whole if abs(scaled - whole) <= _GRID else None


def volume_units(volume: float) -> int:
    """Lots as volume units."""
    return round(volume * LOT)


def lots(volume: int) -> float:
    """Volume units as lots."""
    return volume / LOT


def quote_of(tick: Tick, spec: SymbolSpec, seen: int) -> Quote | None:
    """The tick in points; None when it is crossed, not positive or off the grid."""
    bid, ask = points(tick.bid, spec.digits), points(tick.ask, spec.digits)
    if bid is None or ask is None or bid <= 0 or ask < bid:
        return None
    return Quote(bid, ask, tick.at, seen)


def opening_price(side: Side, quote: Quote) -> int:
    """Where a market order of this side fills: a BUY at ask, a SELL at bid."""
    return quote.ask if side == "buy" else quote.bid


def closing_price(side: Side, quote: Quote) -> int:
    """Where a position of this side closes: a BUY at bid, a SELL at ask."""
    return quote.bid if side == "buy" else quote.ask


def convert(amount: Fraction, currency: str, target: str, market: Market) -> Fraction | None:
    """Money in another currency at the latest tick of the pair or its inverse; None without one."""
    if currency == target or amount == 0:
        return amount
    gain = amount > 0
    for spec, quote in _pairs(market, currency, target):
        return amount * Fraction(quote.bid if gain else quote.ask, 10**spec.digits)
    for spec, quote in _pairs(market, target, currency):
        return amount / Fraction(quote.ask if gain else quote.bid, 10**spec.digits)
    return None


def _pairs(market: Market, base: str, profit_currency: str) -> Iterable[tuple[SymbolSpec, Quote]]:
    """The quoted pairs of these two currencies, by name."""
    for name in sorted(market.specs):
        spec = market.specs[name]
        if spec.currency_base == base and spec.currency_profit == profit_currency and name in market.quotes:
            yield spec, market.quotes[name]


def booking(moved: Fraction, volume: int, spec: SymbolSpec, currency: str, market: Market) -> int | None:
    """Minor units that a position of `volume` books when the price has moved by `moved` in its favour; None without a
    rate. Commission apart.

    Move x volume x contract, in the symbol's profit currency, converted, rounded once.
    """
    gross = moved * Fraction(volume, LOT) * exact(spec.contract_size)
    converted = convert(gross, spec.currency_profit, currency, market)
    return None if converted is None else minor_units(converted)


def commission(volume: int, rate: float) -> int:
    """Minor units (zero or negative) for one deal, at `rate` in the account's currency for a lot and side."""
    return -minor_units(exact(rate) * Fraction(volume, LOT))
