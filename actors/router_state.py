"""What the router knows, and how it knows it again after a start.

Owns `RouterConfig`, `RouterState` and `recover`, which rebuilds the state from the ORDERS stream alone: the last update
of every order, the reports that no update reflects yet, and the highest guard epoch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from actors.life_cycle import supersedes
from schemas.base import Event
from schemas.command import RiskState
from schemas.order import ENDED, OrderUpdate, VenueReport
from schemas.settings import Settings

__all__ = ["Ended", "Gate", "Live", "RouterConfig", "RouterState", "config_from", "forget", "recover"]

Phase = Literal["store", "gate", "asked", "lookup", "venue"]


class RouterConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`accounts`: those with a gateway. `guard_public`: hex. `keep_ended`: ended orders kept whole for sessions."""

    accounts: tuple[str, ...]
    guard_public: str
    skew_us: int = 250_000
    request_timeout_us: int = 2_000_000
    retry_us: int = 500_000
    keep_ended: int = 20_000
    sim: bool = False


class Live(msgspec.Struct, kw_only=True):
    """An order that is not ended, or whose end is not yet in the stream.

    `phase`: store (SUBMITTING not acked), gate (acked, the gateway does not know our epoch yet), asked (the submit is
    under way), lookup (its fate is asked for), venue (the venue has it; reports follow). `outbox`: updates not yet
    acked, oldest first; only the first is under way. `reports`: ids of all reports folded in. `asking`: a lookup is
    under way. `refused`: why it will not be submitted.
    """

    update: OrderUpdate
    phase: Phase
    outbox: list[OrderUpdate] = []
    reports: list[str] = []
    guard_epoch: int = 0
    signature: str = ""
    asking: bool = False
    refused: str = ""


class Ended(msgspec.Struct):
    """An order's last update, and the ids of its reports."""

    update: OrderUpdate
    reports: list[str]


class Gate(msgspec.Struct):
    """An account's gateway: `ready` once it has confirmed this router's epoch since the link or the gateway came up."""

    ready: bool = False


class RouterState(msgspec.Struct, kw_only=True):
    """Everything the router knows. `unfolded`: reports from the stream to be folded at the start, in stream order.
    `quarantine`: reports that fit no order. `forgotten`: ids of ended orders past `keep_ended`.
    """

    guard_epoch: int = 0
    orders: dict[str, Live] = {}
    ended: dict[str, Ended] = {}
    forgotten: dict[str, bool] = {}
    gates: dict[str, Gate] = {}
    unfolded: list[VenueReport] = []
    quarantine: list[VenueReport] = []
    superseded: bool = False
    store_error: str = ""
    duplicates: int = 0
    forged: int = 0


def config_from(settings: Settings, guard_public: str) -> RouterConfig:
    """The router's configuration; `guard_public` is the guard's key for this run."""
    return RouterConfig(
        accounts=tuple(account.id for account in settings.account),
        guard_public=guard_public,
        skew_us=settings.guard.skew_ms * 1_000,
        sim=settings.feed.speed == 0,
    )


def recover(config: RouterConfig, events: Iterable[Event]) -> RouterState:
    """The state after a start, from everything in ORDERS, oldest first. Other events than its own are passed over.

    An order that is not ended is looked up at its gateway and never submitted again: whether the router before us had
    sent it cannot be known from here.
    """
    state = RouterState(gates={account: Gate() for account in config.accounts})
    last: dict[str, OrderUpdate] = {}
    revisions: dict[str, int] = {}
    folded: dict[str, list[str]] = {}
    reports: dict[str, VenueReport] = {}
    for event in events:
        if isinstance(event, OrderUpdate):
            before = last.get(event.order)
            if before is None or supersedes(event, before):
                last[event.order] = event
            revisions[event.order] = max(event.revision, revisions.get(event.order, 0))
            if event.report:
                folded.setdefault(event.order, []).append(event.report)
        elif isinstance(event, VenueReport):
            reports.setdefault(event.report, event)
        elif isinstance(event, RiskState):
            state.guard_epoch = max(state.guard_epoch, event.epoch)
    for order, believed in last.items():
        update = msgspec.structs.replace(believed, revision=revisions[order])
        seen = folded.setdefault(order, [])
        if update.state in ENDED:
            state.ended[order] = Ended(update, seen)
        else:
            state.orders[order] = Live(update=update, phase="lookup", reports=seen)
    for report in reports.values():
        if report.report not in folded.get(report.order, ()):
            (state.unfolded if report.order in state.orders else state.quarantine).append(report)
    forget(state, config.keep_ended)
    return state


def forget(state: RouterState, keep: int) -> None:
    """Keep only the ids of all but the newest `keep` ended orders."""
    while len(state.ended) > keep:
        oldest = next(iter(state.ended))
        del state.ended[oldest]
        state.forgotten[oldest] = True
