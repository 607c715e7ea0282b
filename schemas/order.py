"""Orders and their life cycle, from a strategy's intent to the venue's report.

States and who writes them: runner INTENDED; guard REFUSED, CLEARED; router all others.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from schemas.base import Event

__all__ = [
    "ENDED",
    "Deal",
    "OrderClass",
    "OrderCleared",
    "OrderIntent",
    "OrderKind",
    "OrderRefused",
    "OrderState",
    "OrderSync",
    "OrderTerms",
    "OrderUpdate",
    "ReportKind",
    "Side",
    "Signal",
    "VenueAnswer",
    "VenueOrder",
    "VenueReport",
]

Side = Literal["buy", "sell"]
OrderKind = Literal["market", "limit", "stop", "modify", "cancel", "close_by"]
OrderClass = Literal["close", "hedge", "open"]
ReportKind = Literal["accepted", "fill", "rejected", "cancelled", "expired"]


class OrderState(StrEnum):
    """Where an order is in its life."""

    INTENDED = "intended"
    REFUSED = "refused"
    CLEARED = "cleared"
    SUBMITTING = "submitting"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


ENDED = frozenset(
    {OrderState.REFUSED, OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED}
)
"""States that nothing follows. UNKNOWN is not one of them: it is settled by reconciliation."""


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done at the venue. Everything here is covered by the guard's signature.

    `id` is the client order id: session + incarnation + counter, executed at most once. `volume` in lots. `price` is 0
    for market orders. `position` names the ticket that a close reduces, 0 for none. `bid`, `ask` are the quote on which
    the strategy decided. `submitted_at`, `expires_at` in UTC microseconds: past that it is never executed.
    """

    id: str
    account: str
    session: str
    strategy: str
    venue: str
    symbol: str
    kind: OrderKind
    side: Side
    volume: float
    submitted_at: int
    expires_at: int
    price: float = 0.0
    sl: float = 0.0
    tp: float = 0.0
    position: int = 0
    position_by: int = 0
    order: str = ""
    bid: float = 0.0
    ask: float = 0.0
    cycle: str = ""
    comment: str = ""


class Signal(Event, frozen=True, kw_only=True, tag="signal"):
    """What a strategy saw, whether or not an order follows. `values` holds its figures by name."""

    session: str
    strategy: str
    symbol: str
    name: str
    side: Side
    values: dict[str, float] = msgspec.field(default_factory=dict)


class OrderIntent(Event, frozen=True, kw_only=True, tag="order_intent"):
    """A strategy asks for an order. Never answered by reply: the outcome comes as REFUSED or an update."""

    terms: OrderTerms


class OrderCleared(Event, frozen=True, kw_only=True, tag="order_cleared"):
    """The guard let it pass. `epoch` is the guard's incarnation; `signature` is hex Ed25519 (see `clearance_bytes`)."""

    terms: OrderTerms
    order_class: OrderClass
    epoch: int
    signature: str = ""


class OrderRefused(Event, frozen=True, kw_only=True, tag="order_refused"):
    """The guard did not: the first rule that failed, its limit and the actual figure, as text for people."""

    order: str
    account: str
    session: str
    rule: str
    limit: str
    actual: str
    order_class: OrderClass | None = None


class VenueOrder(Event, frozen=True, kw_only=True, tag="venue_order"):
    """Router to gateway, a request. `action` "submit" carries a cleared order; "epoch" announces a router incarnation
    before anything else; "lookup" asks what became of `order`.
    """

    account: str
    action: Literal["submit", "epoch", "lookup"]
    epoch: int
    order: str = ""
    terms: OrderTerms | None = None
    order_class: OrderClass = "open"
    guard_epoch: int = 0
    signature: str = ""


class VenueAnswer(Event, frozen=True, kw_only=True, tag="venue_answer"):
    """Gateway to router, the answer. `known`: the order is in the gateway's book, its reports are or will be in the
    stream. `refused`: it was not and will never be executed, with the reason.
    """

    order: str
    known: bool
    refused: str = ""
    guard_epoch: int = 0
    router_epoch: int = 0
    reports: tuple[VenueReport, ...] = ()
    """Every report on the order so far, when it was looked up or submitted before."""


class Deal(msgspec.Struct, frozen=True, kw_only=True):
    """An execution at the venue (MetaTrader's deal). Money in the account's currency, rounded to its minor unit."""

    ticket: int
    position: int
    entry: Literal["in", "out"]
    symbol: str
    side: Side
    volume: float
    price: float
    at: int
    profit: float = 0.0
    commission: float = 0.0
    swap: float = 0.0
    reason: str = ""


class VenueReport(Event, frozen=True, kw_only=True, tag="venue_report"):
    """What the venue did with an order. `report` is unique and repeated reports carry the same one."""

    report: str
    account: str
    session: str
    order: str
    kind: ReportKind
    deal: Deal | None = None
    reason: str = ""
    remaining: float = 0.0
    balance: float = 0.0


class OrderUpdate(Event, frozen=True, kw_only=True, tag="order_update"):
    """The life cycle, whole each time: the state after `revision` changes. `filled` in lots at average `price`.

    `deal` and `report` are what this change came from, if it came from a venue's report.
    """

    account: str
    session: str
    order: str
    state: OrderState
    revision: int
    terms: OrderTerms
    order_class: OrderClass
    filled: float = 0.0
    price: float = 0.0
    position: int = 0
    reason: str = ""
    report: str = ""
    deal: Deal | None = None


class OrderSync(Event, frozen=True, kw_only=True, tag="order_sync"):
    """The router's answer to a session's hello: the last update of every order of that session that is not ended, and
    of those it asked for. `unseen`: asked for, but never seen by the router (dead once expired).
    """

    account: str
    session: str
    updates: tuple[OrderUpdate, ...] = ()
    unseen: tuple[str, ...] = ()
