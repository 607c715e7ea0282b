"""What the guard's rules look at: an intent with the limits and all that is known about it.

Owns `Case` and its parts, how they are made from settings and market data, and the classes (`classify`). Nothing here
raises, whatever a message holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from actors.exposure import LOT, MOST_LOTS, Exposure, Position, lots_text, units
from schemas.market import SymbolSpec, Tick
from schemas.order import OrderClass, OrderTerms
from schemas.settings import GuardSettings
from schemas.token import untoken

__all__ = [
    "MOST_PRICE",
    "Case",
    "Instrument",
    "Limits",
    "Member",
    "Quote",
    "Refusal",
    "Rule",
    "Trading",
    "classify",
    "instrument_of",
    "limits_from",
    "ms_text",
    "order_number",
    "pinned_to",
    "points_text",
    "quote_of",
    "volume_text",
]

Trading = Literal["active", "reducing", "halted"]

MOST_PRICE = 1e9
"""Prices at or above this are no prices."""

_INTENT = "order.intent."
_GRID_SLACK = 1e-3
_MOST_DIGITS = 16


class Refusal(msgspec.Struct, frozen=True):
    """Why not: the rule, its limit and the actual figure, as text with units."""

    rule: str
    limit: str
    actual: str


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The rules' figures: microseconds, points, units of 10^-8 lots, and counts."""

    lifetime_us: int
    skew_us: int
    max_tick_age_us: int
    max_spread_points: int
    price_collar_points: int
    max_order: int
    max_symbol: int
    max_account: int
    max_positions: int


class Instrument(msgspec.Struct, frozen=True):
    """What the rules need of a symbol's specification: the point, and the volume grid in units."""

    point: float
    least: int
    most: int
    step: int


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The latest tick, with the time at which it arrived here (UTC microseconds)."""

    bid: float
    ask: float
    at: int


class Member(msgspec.Struct, frozen=True):
    """A session as the supervisor last described it."""

    account: str
    state: str
    symbols: tuple[str, ...]


class Case(msgspec.Struct):
    """An intent and all that the rules look at. `account` and `session` are those of the subject, which the server
    pins; `home` is the session's account in the settings. `claimed`: the last id of the session that was judged, as
    numbers. `to_go_us`: what is left of the wait after a start, -1 for as long as that cannot be said. `ailing`: which
    core actor is not alive, and why.
    """

    limits: Limits
    terms: OrderTerms
    now: int
    account: str
    session: str
    number: tuple[int, int] | None
    claimed: tuple[int, int]
    to_go_us: int
    trading: Trading
    scope: str
    exposure: Exposure
    units: int
    position: Position | None = None
    order_class: OrderClass | None = None
    venue: str | None = None
    home: str = ""
    member: Member | None = None
    instrument: Instrument | None = None
    quote: Quote | None = None
    connected: bool | None = None
    link: bool = True
    fault: str = ""
    ailing: str = ""


Rule: TypeAlias = Callable[[Case], Refusal | None]


def limits_from(settings: GuardSettings) -> Limits:
    """The figures of `[guard]`."""
    return Limits(
        lifetime_us=settings.intent_lifetime_ms * 1000,
        skew_us=settings.skew_ms * 1000,
        max_tick_age_us=settings.max_tick_age_ms * 1000,
        max_spread_points=settings.max_spread_points,
        price_collar_points=settings.price_collar_points,
        max_order=_most(settings.max_order_lots),
        max_symbol=_most(settings.max_symbol_lots),
        max_account=_most(settings.max_account_lots),
        max_positions=settings.max_positions,
    )


def _most(lots: float) -> int:
    """A limit in units; one past all volumes there are, `inf` included, is the largest of them."""
    return round(min(lots, MOST_LOTS) * LOT)


def instrument_of(spec: SymbolSpec) -> Instrument | None:
    """None for a specification that cannot be right: then nothing opens on the symbol."""
    least, most, step = units(spec.volume_min), units(spec.volume_max), units(spec.volume_step)
    grid = abs(spec.volume_step * LOT - step) <= _GRID_SLACK if step else False
    if not (grid and 0 < least <= most and 0 < spec.point < MOST_PRICE):
        return None
    return Instrument(spec.point, least, most, step)


def quote_of(tick: Tick, now: int) -> Quote | None:
    """None for a crossed or absurd tick: then there is no quote to trade on."""
    return Quote(tick.bid, tick.ask, now) if 0 < tick.bid <= tick.ask < MOST_PRICE else None


def order_number(order: str, session: str) -> tuple[int, int] | None:
    """Incarnation and counter of the id `<session>-<incarnation>-<counter>`; None for anything else, so that no session
    can use an id of another and no number is written in two ways.
    """
    incarnation, dash, counter = order[len(session) + 1 :].partition("-")
    if not (dash and order.startswith(session) and order[len(session)] == "-"):
        return None
    first, second = _number(incarnation), _number(counter)
    return (first, second) if first and second else None


def pinned_to(subject: str) -> tuple[str, str] | None:
    """Account and session of an intent's subject `order.intent.<account>.<session>`, or None for any other."""
    tokens = subject.split(".")
    if len(tokens) != 4 or not subject.startswith(_INTENT):  # noqa: PLR2004 - order.intent.<account>.<session>
        return None
    try:
        return untoken(tokens[2]), untoken(tokens[3])
    except ValueError:
        return None


def _number(text: str) -> int:
    """A whole number above 0 in its one way of writing, else 0."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS and text[0] != "0"):
        return 0
    return int(text)


def classify(case: Case) -> OrderClass:
    """What the order is, whatever the strategy says. A close names a position; a hedge is a market order that lowers
    the session's net volume of the symbol and does not turn it, however the orders in flight end; all else opens.
    """
    terms = case.terms
    if terms.position:
        return "close"
    if terms.kind == "market" and case.exposure.lowers_net(
        case.account, case.session, terms.symbol, terms.side, case.units
    ):
        return "hedge"
    return "open"


def ms_text(us: int) -> str:
    """Milliseconds for people, exact to the microsecond."""
    return f"{us / 1000:.3f}".rstrip("0").rstrip(".") + " ms"


def volume_text(volume: int) -> str:
    """Units as lots for people."""
    return f"{lots_text(volume)} lots"


def points_text(distance: float, point: float) -> str:
    """A price distance in points for people."""
    return f"{round(distance / point, 1):g} points"
