"""The paper venue's account: what closing a position books, what margin it binds, what the account is worth. Pure.

Units and rounding are those of `actors.valuation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import msgspec

from actors.valuation import LOT, Market, booking, closing_price, commission, convert, exact, minor_units
from schemas.order import Side

__all__ = ["Position", "Valuation", "margin", "profit", "value"]


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


def profit(position: Position, volume: int, price: int, currency: str, market: Market) -> int | None:
    """Minor units that closing `volume` of the position at `price` books, commission apart; None without a rate.

    `price` in points.
    """
    spec = market.specs[position.symbol]
    moved = price - position.price if position.side == "buy" else position.price - price
    return booking(Fraction(moved, 10**spec.digits), volume, spec, currency, market)


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
