"""The rows of the compiled venue as Python sees them, and the structs of venue.h behind them.

Owns the numbers that venue.h gives to kinds, causes and reasons, and a named tuple for each row. Units are those of
market.h: UTC microseconds, points, volume steps, minor units of the account's currency.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_int32, c_int64, c_uint64
from enum import IntEnum
from typing import ClassVar, NamedTuple

from kernels.market import Account, PwRate, PwSymbol, PwTick

__all__ = [
    "STRUCTS",
    "Cause",
    "Entry",
    "Order",
    "OrderKind",
    "Outcome",
    "OutcomeKind",
    "Pending",
    "Position",
    "PwEvent",
    "PwOrder",
    "PwPending",
    "PwPosition",
    "PwState",
    "PwVenue",
    "PwWorth",
    "Side",
    "Why",
    "Worth",
]


class Side(IntEnum):
    """pw_side."""

    BUY = 0
    SELL = 1


class OrderKind(IntEnum):
    """pw_order_kind."""

    OPEN = 1
    CLOSE = 2
    LIMIT = 3
    STOP = 4
    MODIFY = 5
    CANCEL = 6
    CLOSE_BY = 7


class OutcomeKind(IntEnum):
    """pw_event_kind."""

    DEAL = 1
    PLACE = 2
    MODIFY = 3
    CANCEL = 4
    REJECT = 5
    SWAP = 6


class Entry(IntEnum):
    """pw_entry: whether a deal opens or closes."""

    NONE = 0
    IN = 1
    OUT = 2


class Cause(IntEnum):
    """pw_cause: what made a deal."""

    NONE = 0
    MARKET = 1
    LIMIT = 2
    STOP = 3
    SL = 4
    TP = 5
    STOP_OUT = 6
    CLOSE_BY = 7


class Why(IntEnum):
    """pw_venue_why: why an order was not executed."""

    NONE = 0
    MARKET_CLOSED = 1
    POSITION_CLOSED = 2
    TIMEOUT = 3
    VOLUME = 4
    STOPS = 5
    PRICE = 6
    NO_RATE = 7
    SIDE = 8
    NOT_PERMITTED = 9
    CAPACITY = 10
    NO_ORDER = 11
    NO_MONEY = 12


class Order(NamedTuple):
    """An order; pw_order and pw_order_kind explain each field. `id` is the caller's, above 0."""

    kind: OrderKind
    id: int
    time: int
    symbol: int = 0
    side: Side = Side.BUY
    volume: int = 0
    price: int = 0
    sl: int = 0
    tp: int = 0
    protect: int = 0
    ticket: int = 0
    ticket_by: int = 0


class Outcome(NamedTuple):
    """What happened to an order or a position; pw_event explains each field."""

    time: int
    id: int
    deal: int
    ticket: int
    ticket_by: int
    volume: int
    left: int
    price: int
    profit: int
    commission: int
    swap: int
    balance: int
    kind: OutcomeKind
    symbol: int
    side: Side
    entry: Entry
    cause: Cause
    why: Why


class Position(NamedTuple):
    """An open position; pw_position explains each field. `value` 0 stands for price x volume when it is put back."""

    ticket: int
    volume: int
    price: int
    value: int
    sl: int
    tp: int
    swap: int
    commission: int
    opened_at: int
    day: int
    since: int
    order: int
    symbol: int
    side: Side


class Pending(NamedTuple):
    """A pending order; pw_pending explains each field."""

    ticket: int
    order: int
    volume: int
    price: int
    sl: int
    tp: int
    protect: int
    placed_at: int
    since: int
    symbol: int
    side: Side
    kind: OrderKind


class Worth(NamedTuple):
    """The account at the latest ticks, minor units."""

    balance: int
    floating: int
    equity: int
    margin: int


def _fields(row: type[NamedTuple], narrow: tuple[str, ...]) -> list[tuple[str, type]]:
    """The C fields of a row: 64 bits, the last ones 32."""
    return [(name, c_int32 if name in narrow else c_int64) for name in row._fields]


class PwOrder(Structure):
    """pw_order."""

    _fields_: ClassVar = [
        *(
            (name, c_int64)
            for name in ("id", "time", "due", "volume", "price", "sl", "tp", "protect", "ticket", "ticket_by")
        ),
        *((name, c_int32) for name in ("kind", "symbol", "side", "reserved")),
    ]


class PwPosition(Structure):
    """pw_position."""

    _fields_: ClassVar = _fields(Position, ("symbol", "side"))


class PwPending(Structure):
    """pw_pending."""

    _fields_: ClassVar = [*_fields(Pending, ("symbol", "side", "kind")), ("reserved", c_int32)]


class PwEvent(Structure):
    """pw_event."""

    _fields_: ClassVar = _fields(Outcome, ("kind", "symbol", "side", "entry", "cause", "why"))


class PwQuote(Structure):
    """pw_quote."""

    _fields_: ClassVar = [
        ("tick", PwTick),
        ("profit", PwRate),
        ("margin", PwRate),
        *(
            (name, c_int64)
            for name in (
                *("day", "day_end", "buy_volume", "buy_value", "sell_volume", "sell_value"),
                *("bid_low", "bid_high", "ask_low", "ask_high", "until"),
                *("bar_bid_low", "bar_bid_high", "bar_ask_low", "bar_ask_high"),
            )
        ),
        ("known", c_int32),
        ("bar", c_int32),
    ]


class PwState(Structure):
    """pw_venue_state."""

    _fields_: ClassVar = [
        ("tag", c_uint64),
        *(
            (name, c_int64)
            for name in (
                *("bytes", "n_symbols", "most_positions", "most_pendings", "most_queued"),
                *("time", "balance", "next_ticket", "ticks", "n_positions", "n_pendings", "n_queued"),
                *("ambiguous", "stop_outs", "reach"),
            )
        ),
        ("status", c_int32),
        ("continuous", c_int32),
    ]


class PwVenue(Structure):
    """pw_venue."""

    _fields_: ClassVar = [
        ("spec", POINTER(Account)),
        ("symbols", POINTER(PwSymbol)),
        ("state", POINTER(PwState)),
        ("out", POINTER(PwEvent)),
        ("n_out", c_int64),
        ("most_out", c_int64),
    ]


class PwWorth(Structure):
    """pw_worth."""

    _fields_: ClassVar = [
        *((name, c_int64) for name in ("balance", "floating", "equity", "margin")),
        ("known", c_int32),
        ("reserved", c_int32),
    ]


STRUCTS: dict[str, type[ctypes.Structure]] = {
    "pw_order": PwOrder,
    "pw_position": PwPosition,
    "pw_pending": PwPending,
    "pw_event": PwEvent,
    "pw_quote": PwQuote,
    "pw_venue_state": PwState,
    "pw_venue": PwVenue,
    "pw_worth": PwWorth,
}
