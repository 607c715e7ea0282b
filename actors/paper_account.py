"""The paper venue's arithmetic: exact integers in, one rounding, integer money out. Pure.

Prices are whole points, volumes whole 10^-8 lots, money whole minor units (0.01) of the account's currency. In between
everything is a fraction, so a booking is rounded exactly once, half away from zero. Gains are converted at the worse
side of the rate, losses at the dearer; without a rate the answer is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

from schemas.market import SymbolSpec, Tick
from schemas.order import Side

__all__ = [
    "LOT",
    "MINOR",
    "Market",
    "Position",
    "Quote",
    "Valuation",
    "closing_price",
    "commission",
    "exact",
    "lots",
    "margin",
    "minor_units",
    "money",
    "opening_price",
    "points",
    "profit",
    "quote_of",
    "value",
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
    """What is known of the symbols: specifications and latest quotes."""

    specs: dict[str, SymbolSpec] = {}
    quotes: dict[str, Quote] = {}


class Position(msgspec.Struct, frozen=True):
    """An open position. `volume` in volume units, `price` in points, `commission`, `realised` so far in minor units."""

    ticket: int
    symbol: str
    side: Side
    volume: int
    price: int
    digits: int
    opened_at: int
    session: str
    strategy: str
    commission: int = 0
    realised: int = 0


class Valuation(msgspec.Struct, frozen=True):
    """Minor units: `floating` is what closing everything now would book, `margin` what is bound."""

    floating: int
    margin: int


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


def profit(position: Position, volume: int, price: int, currency: str, market: Market) -> int | None:
    """Minor units that closing `volume` of the position at `price` books, commission apart; None without a rate.

    Whole points x volume x contract, in the symbol's profit currency, converted, rounded once.
    """
    spec = market.specs[position.symbol]
    moved = price - position.price if position.side == "buy" else position.price - price
    gross = Fraction(moved * volume, LOT * 10**spec.digits) * exact(spec.contract_size)
    converted = convert(gross, spec.currency_profit, currency, market)
    return None if converted is None else minor_units(converted)


def commission(volume: int, rate: float) -> int:
    """Minor units (zero or negative) for one deal, at `rate` in the account's currency for a lot and side."""
    return -minor_units(exact(rate) * Fraction(volume, LOT))


def margin(position: Position, currency: str, leverage: int, market: Market) -> int | None:
    """Minor units bound by a position: lots x contract / leverage, for a CFD x its opening price; None without a rate.

    Every position counts in full: cover by opposite positions is not taken off.
    """
    spec = market.specs[position.symbol]
    bound = Fraction(position.volume, LOT * leverage) * exact(spec.contract_size)
    if spec.margin_mode == "cfd":
        bound *= Fraction(position.price, 10**position.digits)
    converted = convert(-bound, spec.currency_margin, currency, market)
    return None if converted is None else minor_units(-converted)


def value(
    positions: Mapping[int, Position], currency: str, leverage: int, rate: float, market: Market
) -> Valuation | None:
    """All positions at the current quotes; None when one of them has no specification, quote or rate.

    Floating is net of the commission that closing will cost; what opening cost is in the balance already.
    """
    floating = bound = 0
    for position in positions.values():
        quote = market.quotes.get(position.symbol)
        if quote is None:
            return None
        price = closing_price(position.side, quote)
        gross = profit(position, position.volume, price, currency, market)
        held = margin(position, currency, leverage, market)
        if gross is None or held is None:
            return None
        floating += gross + commission(position.volume, rate)
        bound += held
    return Valuation(floating, bound)
