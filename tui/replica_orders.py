"""Orders that are not ended, and the newest deals.

Owns `view.orders` and `view.fills`. An update is whole, so the last one is the order; which one that is follows the
order path's own rule: an ended order stays ended, else the router's incarnation decides, then the revision.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection

from schemas.order import ENDED, Deal, OrderState, OrderUpdate
from tui.replica_log import Log, clean
from tui.replica_marks import Mark, Missed, Room
from tui.replica_quotes import Quotes
from tui.view_state import FILLS, FillRow, OrderRow, View

__all__ = ["ENDED_KEPT", "FILLS", "ORDERS", "Orders"]

ORDERS = 2_000
ENDED_KEPT = 4_096
"""So many ended orders are remembered, so that an old message does not show them again."""

_TURNED_DOWN = frozenset({OrderState.REJECTED, OrderState.EXPIRED})


class _Order:
    """What is known of an order. `revision` is that of the update that is believed, `mark` the newest one heard."""

    __slots__ = ("ended", "incarnation", "mark", "received", "revision", "row")

    def __init__(self, update: OrderUpdate, received: int) -> None:
        self.ended = update.state in ENDED
        self.incarnation, self.revision = update.incarnation, update.revision
        self.mark = Mark.of(update)
        self.received = received
        self.row: OrderRow | None = None


class Orders:
    """Folds order updates."""

    def __init__(self, view: View, quotes: Quotes, log: Log, room: Room, missed: Missed) -> None:
        self._view = view
        self._quotes = quotes
        self._log = log
        self._room = room
        self._missed = missed
        self._open: dict[str, _Order] = {}
        self._ended: dict[str, _Order] = {}
        self._fills: set[tuple[str, str]] = set()

    def update(self, update: OrderUpdate, received: int, live: bool, complete: bool) -> None:
        """An order's change. `complete`: every order under way was known before, so a first update is number 1."""
        if update.deal is not None:
            self._fill(update, update.deal)
        order = self._open.get(update.order) or self._ended.get(update.order)
        if order is None:
            if live and complete and update.sequence > 1:
                self._missed(f"order {update.order}", update.sequence - 1, received)
            self._first(update, received)
            return
        lost = self._follow(order.mark, update)
        if lost and live:
            if order.row is not None:
                order.row.missed += lost
            self._missed(f"order {update.order}", lost, received)
        if order.ended or (update.incarnation, update.revision) <= (order.incarnation, order.revision):
            return
        order.incarnation, order.revision, order.received = update.incarnation, update.revision, received
        if update.state in ENDED:
            self._end(update.order, order)
            self._say_end(update)
        elif order.row is not None:
            self._show(order.row, update)

    def keep(self, orders: Collection[str], before: int) -> None:
        """These are under way. Others that were last heard of until `before` are ended, nobody knows here how."""
        for name in [name for name, one in self._open.items() if name not in orders and one.received <= before]:
            self._end(name, self._open[name])

    def whole(self, orders: Collection[str]) -> None:
        """These were read again: nothing of them is missing any more."""
        for name, row in self._view.orders.items():
            if row.missed and name in orders:
                row.missed = 0
                self._view.dirty.add("orders")

    def money_of(self, account: str, currency: str) -> None:
        """The currency of an account's money has become known, or is another one."""
        for fill in self._view.fills:
            if fill.account == account and fill.currency != currency:
                fill.currency = currency
                self._view.dirty.add("fills")

    def relabel(self, symbol: str) -> None:
        """The digits of a symbol have changed."""
        digits = self._quotes.digits(symbol)
        for row in self._view.orders.values():
            if row.symbol == symbol:
                row.digits = digits
                self._view.dirty.add("orders")
        for fill in self._view.fills:
            if fill.symbol == symbol:
                fill.digits = digits
                self._view.dirty.add("fills")

    @staticmethod
    def _follow(mark: Mark, update: OrderUpdate) -> int:
        """How many updates are missing before this one; an older router may still speak for a moment."""
        if (update.incarnation, update.sequence) <= (mark.incarnation, mark.sequence):
            return 0
        lost = update.sequence - 1 - (mark.sequence if update.incarnation == mark.incarnation else 0)
        mark.move(update)
        return lost

    def _first(self, update: OrderUpdate, received: int) -> None:
        order = _Order(update, received)
        if order.ended:
            self._end(update.order, order)
            self._say_end(update)
            return
        if len(self._open) >= ORDERS:
            self._room.refuse("order", update.order, received)
            return
        self._room.forget("order", update.order)
        terms = update.terms
        order.row = OrderRow(
            order=clean(update.order),
            account=clean(update.account),
            session=clean(update.session),
            symbol=clean(terms.symbol),
            side=terms.side,
            kind=terms.kind,
            volume=terms.volume,
            filled=0.0,
            price=terms.price or None,
            state="",
            reason="",
            submitted_at=terms.submitted_at,
            digits=self._quotes.digits(terms.symbol, terms.venue),
        )
        self._open[update.order] = order
        self._view.orders[update.order] = order.row
        self._show(order.row, update)

    def _show(self, row: OrderRow, update: OrderUpdate) -> None:
        row.filled, row.state, row.reason = update.filled, update.state.value, clean(update.reason)
        self._view.dirty.add("orders")

    def _end(self, name: str, order: _Order) -> None:
        order.ended = True
        order.row = None
        self._open.pop(name, None)
        self._room.forget("order", name)
        self._ended[name] = order
        if len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]
        if self._view.orders.pop(name, None) is not None:
            self._view.dirty.add("orders")

    def _say_end(self, update: OrderUpdate) -> None:
        if update.state in _TURNED_DOWN:
            self._log.rejected(update)

    def _fill(self, update: OrderUpdate, deal: Deal) -> None:
        """Each deal once, by its report, in the order of time; the newest stay."""
        report = update.report or f"deal {deal.ticket}"
        key = (clean(update.order), clean(report))
        fills = self._view.fills
        if key in self._fills or (len(fills) >= FILLS and deal.at < fills[0].at):
            return
        digits = self._quotes.digits(deal.symbol, update.terms.venue)
        account = self._view.accounts.get(update.account)
        row = FillRow(
            at=deal.at,
            account=clean(update.account),
            session=clean(update.session),
            symbol=clean(deal.symbol),
            side=deal.side,
            entry=deal.entry,
            volume=deal.volume,
            price=deal.price,
            profit=round(deal.profit + deal.commission + deal.swap, 2),
            ticket=deal.position,
            digits=digits,
            order=key[0],
            report=key[1],
            currency=account.currency if account is not None else "",
        )
        self._fills.add(key)
        fills.insert(bisect_right(fills, (row.at, row.report), key=lambda one: (one.at, one.report)), row)
        if len(fills) > FILLS:
            oldest = fills.pop(0)
            self._fills.discard((oldest.order, oldest.report))
        self._view.dirty.add("fills")
        self._log.fill(update, deal, digits, row.currency)
