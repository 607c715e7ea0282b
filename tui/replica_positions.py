"""Open positions and what they are worth.

Owns `view.positions`. The venue's word makes and ends a row; price and profit come from the portfolio's marks alone,
and only from marks that were made after the position last changed.
"""

from __future__ import annotations

from collections.abc import Collection

from schemas.account import PositionMark, PositionProfits, PositionState
from tui.replica_log import clean
from tui.replica_marks import Latest, Mark, Missed, Room
from tui.replica_quotes import Quotes
from tui.view_state import PositionRow, View

__all__ = ["CLOSED", "POSITIONS", "Positions"]

POSITIONS = 2_000
CLOSED = 4_096
"""So many closed positions are remembered, so that an old message does not open them again."""

_Key = tuple[str, int]


class _Marks:
    """An account's newest marks, by ticket."""

    def __init__(self, event: PositionProfits) -> None:
        self.mark = Mark.of(event)
        self.currency = clean(event.currency)
        self.by_ticket = {mark.ticket: mark for mark in event.marks}


class Positions:
    """Folds position states and position profits."""

    def __init__(self, view: View, quotes: Quotes, room: Room, missed: Missed) -> None:
        self._view = view
        self._quotes = quotes
        self._room = room
        self._latest = Latest("position", POSITIONS + CLOSED, room, missed)
        self._told = Latest("profits of positions", POSITIONS, room, missed)
        self._marks: dict[str, _Marks] = {}
        self._received: dict[_Key, int] = {}
        self._closed: dict[_Key, None] = {}
        self._doubts: dict[str, int] = {}

    @property
    def doubt(self) -> int:
        """Since when venue and portfolio have disagreed about what is open; 0 while they agree."""
        return min(self._doubts.values(), default=0)

    def state(self, event: PositionState, received: int, live: bool) -> None:
        """A position as the venue has it; volume 0 says that it is closed."""
        key = (event.account, event.ticket)
        row = self._view.positions.get(key)
        if not self._latest.take(key, event, received, live=live, row=row):
            return
        self._closed.pop(key, None)
        if event.volume <= 0:
            self.close(key)
        elif row is None:
            self._open(key, event, received)
        else:
            self._received[key] = received
            self._change(row, event)

    def profits(self, event: PositionProfits, received: int, live: bool) -> None:
        """All open positions of an account, marked to the market."""
        if not self._told.take(event.account, event, received, live=live):
            return
        marks = self._marks[event.account] = _Marks(event)
        seen = 0
        agrees = True
        for (account, ticket), row in self._view.positions.items():
            if account != event.account:
                continue
            known = ticket in marks.by_ticket
            seen += known
            agrees = agrees and (known or row.changed_at > event.time)
            self._value(row, marks)
        # A ticket without a row may be one that there is no room for.
        if agrees and (seen == len(marks.by_ticket) or self._room.left_out):
            self._doubts.pop(event.account, None)
        else:
            self._doubts.setdefault(event.account, received)

    def unknown(self) -> None:
        """Nobody says any more what they are worth."""
        self._marks.clear()
        for row in self._view.positions.values():
            if row.price is not None or row.profit is not None:
                row.price = row.profit = None
                self._view.dirty.add("positions")

    def keep(self, tickets: Collection[_Key], before: int) -> None:
        """These are open. Other rows that were last heard of until `before` are gone."""
        for key in [key for key in self._view.positions if key not in tickets and self._received[key] <= before]:
            self.close(key)

    def whole(self, tickets: Collection[_Key]) -> None:
        """These were read again: nothing of them is missing any more."""
        for key, row in self._view.positions.items():
            if row.missed and key in tickets:
                row.missed = 0
                self._view.dirty.add("positions")

    def money_of(self, account: str, currency: str) -> None:
        """The currency of an account's money has become known."""
        for row in self._view.positions.values():
            if row.account == account and not row.currency and currency:
                row.currency = currency
                self._view.dirty.add("positions")

    def relabel(self, symbol: str) -> None:
        """The digits of a symbol have changed."""
        for row in self._view.positions.values():
            if row.symbol == symbol:
                row.digits = self._digits(row.account, symbol)
                self._view.dirty.add("positions")

    def close(self, key: _Key) -> None:
        """It is no more."""
        self._closed[key] = None
        if len(self._closed) > CLOSED:
            oldest = next(iter(self._closed))
            del self._closed[oldest]
            self._latest.drop(oldest)
        self._received.pop(key, None)
        self._room.forget("position", key)
        if self._view.positions.pop(key, None) is not None:
            self._view.dirty.add("positions")

    def _open(self, key: _Key, event: PositionState, received: int) -> None:
        if len(self._view.positions) >= POSITIONS:
            self._latest.drop(key)
            self._room.refuse("position", key, received)
            return
        row = PositionRow(
            account=clean(event.account),
            ticket=event.ticket,
            symbol=clean(event.symbol),
            digits=self._digits(event.account, event.symbol),
            side=event.side,
            volume=event.volume,
            price_open=event.price_open,
            opened_at=event.opened_at,
            session=clean(event.session),
            strategy=clean(event.strategy),
            changed_at=event.time,
        )
        self._room.forget("position", key)
        self._received[key] = received
        self._view.positions[key] = row
        self._view.dirty.add("positions")
        account = self._view.accounts.get(event.account)
        row.currency = clean(account.currency) if account is not None else ""
        marks = self._marks.get(event.account)
        if marks is not None:
            self._value(row, marks)

    def _change(self, row: PositionRow, event: PositionState) -> None:
        """What the venue says again without a change leaves the row's worth alone."""
        before = (row.symbol, row.side, row.volume, row.price_open, row.opened_at)
        after = (clean(event.symbol), event.side, event.volume, event.price_open, event.opened_at)
        row.session, row.strategy = clean(event.session), clean(event.strategy)
        if after != before:
            row.symbol, row.side, row.volume, row.price_open, row.opened_at = after
            row.digits = self._digits(event.account, event.symbol)
            row.changed_at = event.time
            row.price = row.profit = None
            marks = self._marks.get(event.account)
            if marks is not None:
                self._value(row, marks)
        self._view.dirty.add("positions")

    def _value(self, row: PositionRow, marks: _Marks) -> None:
        """Take the marks' word, if it is of the position as it is now."""
        if marks.mark.time < row.changed_at:
            return
        mark: PositionMark | None = marks.by_ticket.get(row.ticket)
        price, profit = (mark.price, mark.profit) if mark is not None else (None, None)
        if (price, profit, marks.currency) != (row.price, row.profit, row.currency):
            row.price, row.profit, row.currency = price, profit, marks.currency
            self._view.dirty.add("positions")

    def _digits(self, account: str, symbol: str) -> int | None:
        known = self._view.accounts.get(account)
        return self._quotes.digits(symbol, known.venue if known is not None else "")
