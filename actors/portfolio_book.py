"""What the deals in order updates add up to: positions, realised profit, orders under way, the newest fills.

Owns `BookState` (serialisable, bounded by what is open, the sessions, and the newest ended orders) and the fold. The
rules are those of `actors.exposure`: a deal counts once by its report, whoever repeats it and even on an order that had
ended; an order's state is believed if it is newer by (router's incarnation, revision), and an ended order stays ended.
Volumes are whole 10^-8 lots, money whole minor units of the account's currency. Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Container
from fractions import Fraction

import msgspec

from actors.exposure import units
from actors.valuation import MINOR, exact
from schemas.order import ENDED, Deal, OrderState, OrderUpdate, Side

__all__ = ["FILLS_KEPT", "OTHER", "Book", "BookState", "Holding", "Live", "Tally", "minor"]

FILLS_KEPT = 100
"""The newest fills that are remembered whole."""

OTHER = "other"
"""What the deals of a session count under that has used more names of strategies than are kept apart."""

_ENDED_KEPT = 4096
_MOST_STRATEGIES = 64
_MOST_MONEY = 1e13
_MOST_PRICE = 1e9
_RESTING = frozenset({OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED})


def minor(amount: float) -> int:
    """Money as minor units; 0 for what is no amount (NaN, infinite, ten trillions or more)."""
    return round(amount * MINOR) if abs(amount) < _MOST_MONEY else 0


class Holding(msgspec.Struct, kw_only=True):
    """An open position, from its deals. `price`: the average of what opened it; `commission`, `realised`: so far."""

    session: str
    strategy: str
    venue: str
    symbol: str
    side: Side
    units: int
    price: float
    opened_at: int
    commission: int = 0
    realised: int = 0


class Tally(msgspec.Struct):
    """The sum of some deals: profit, commission and swap; and how many."""

    realised: int = 0
    deals: int = 0


class Live(msgspec.Struct):
    """An order that is not ended: its last update, and the reports whose deal is counted."""

    update: OrderUpdate
    seen: list[str] = []


class BookState(msgspec.Struct, kw_only=True):
    """`orders` not ended, by id; `ended`: the newest ended ones with the reports whose deal is counted; `positions` by
    account and ticket; `tallies` by account, session and strategy; `fills` oldest first.
    """

    orders: dict[str, Live] = {}
    ended: dict[str, list[str]] = {}
    positions: dict[str, dict[int, Holding]] = {}
    tallies: dict[str, dict[str, dict[str, Tally]]] = {}
    fills: list[OrderUpdate] = []


class Book:
    """The fold over a `BookState`. Updates of other accounts than `accounts` are passed over and counted."""

    def __init__(self, state: BookState, accounts: Container[str]) -> None:
        self.state = state
        self.strays = 0
        """Deals that closed a position that is not known."""
        self.elsewhere = 0
        """Updates of accounts that are not in the settings."""
        self._accounts = accounts

    def positions(self, account: str) -> dict[int, Holding]:
        """The account's open positions by ticket."""
        return self.state.positions.get(account, {})

    def realised(self, account: str) -> int:
        """The sum of the account's deals, in minor units."""
        tallies = self.state.tallies.get(account, {})
        return sum(tally.realised for strategies in tallies.values() for tally in strategies.values())

    def in_flight(self, account: str) -> bool:
        """Whether an order of the account may have deals that are not known here. One that rests at the venue does not
        count: nothing of it is expected now.
        """
        return any(
            one.update.account == account
            and not (one.update.state in _RESTING and one.update.terms.kind in {"limit", "stop"})
            for one in self.state.orders.values()
        )

    def forget(self, account: str, ticket: int) -> None:
        """Drop a position that is closed at the venue without a deal of ours."""
        positions = self.state.positions.get(account, {})
        positions.pop(ticket, None)
        if not positions:
            self.state.positions.pop(account, None)

    def apply(self, update: OrderUpdate) -> Deal | None:
        """Take in a change of an order; its deal if it was counted now."""
        if update.account not in self._accounts:
            self.elsewhere += 1
            return None
        state, order = self.state, update.order
        live = state.orders.get(order)
        newer = live is None or _version(update) > _version(live.update)
        seen = live.seen if live is not None else state.ended.get(order)
        if seen is None:
            live = state.orders[order] = Live(update)
            seen = live.seen
        counted = self._count(update, seen)
        if live is None or not newer:
            return counted
        if update.state in ENDED:
            del state.orders[order]
            state.ended[order] = seen
            if len(state.ended) > _ENDED_KEPT:
                del state.ended[next(iter(state.ended))]
        else:
            live.update = update
        return counted

    def _count(self, update: OrderUpdate, seen: list[str]) -> Deal | None:
        deal = update.deal
        if deal is None:
            return None
        report = update.report or f"deal {deal.ticket}"
        if report in seen:
            return None
        seen.append(report)
        state = self.state
        strategies = state.tallies.setdefault(update.account, {}).setdefault(update.session, {})
        strategy = update.terms.strategy
        if strategy not in strategies and len(strategies) >= _MOST_STRATEGIES:
            strategy = OTHER
        tally = strategies.setdefault(strategy, Tally())
        tally.realised += minor(deal.profit) + minor(deal.commission) + minor(deal.swap)
        tally.deals += 1
        if deal.entry == "in":
            self._enter(update, deal, strategy)
        else:
            self._leave(update.account, deal)
        state.fills.append(update)
        del state.fills[:-FILLS_KEPT]
        return deal

    def _enter(self, update: OrderUpdate, deal: Deal, strategy: str) -> None:
        volume = units(deal.volume)
        known = self.positions(update.account).get(deal.position)
        if known is not None:
            known.price = _average(known.price, known.units, deal.price, volume)
            known.units += volume
            known.side = deal.side
            known.commission += minor(deal.commission)
        elif volume:
            self.state.positions.setdefault(update.account, {})[deal.position] = Holding(
                session=update.session,
                strategy=strategy,
                venue=update.terms.venue,
                symbol=deal.symbol,
                side=deal.side,
                units=volume,
                price=deal.price,
                opened_at=deal.at,
                commission=minor(deal.commission),
            )

    def _leave(self, account: str, deal: Deal) -> None:
        known = self.positions(account).get(deal.position)
        if known is None:
            self.strays += 1
            return
        volume = units(deal.volume)
        if known.units > volume:
            known.units -= volume
            known.commission += minor(deal.commission)
            known.realised += minor(deal.profit)
        else:
            self.forget(account, deal.position)


def _version(update: OrderUpdate) -> tuple[int, int]:
    return update.incarnation, update.revision


def _average(first: float, weight: int, second: float, other: int) -> float:
    """The mean price by volume; exactly the price where both are the same."""
    if first == second or not other or not 0 < first < _MOST_PRICE or not 0 < second < _MOST_PRICE:
        return first
    return float(Fraction(exact(first) * weight + exact(second) * other, weight + other))
