"""What a venue says of an account, held against what the deals say: its balance, and positions that nobody here opened.

Owns `Standing`, one an account. Account states and order updates come by different ways, so a balance may be ahead of
the deals that are counted, or behind. What the venue's balance was beside the deals (deposits, deals by others) is
therefore kept apart: the balance is that base plus the deals counted here, which always fits the positions that are
counted here. When both sides disagree and no order under way explains it, the balance is not known; if the venue still
says so after `SETTLE_US` the venue is right.
"""

from __future__ import annotations

import msgspec

from actors.exposure import units
from actors.portfolio_book import Book, Holding, minor
from actors.valuation import lots, money
from schemas.account import AccountState, PositionState

__all__ = ["SETTLE_US", "Standing"]

SETTLE_US = 2_000_000
"""How long a difference may be something under way."""


class _Heard(msgspec.Struct):
    event: PositionState
    at: int


class Standing:
    """The venue's side of one account. Begins anew with each start and each lost link."""

    def __init__(self, account: str, venue: str, book: Book) -> None:
        self.state: AccountState | None = None
        self._account = account
        self._venue = venue
        self._book = book
        self._base: int | None = None
        self._fresh = False  # the venue has spoken since the last deal was counted
        self._changed_at = 0
        self._doubted = (0, 0, 0)
        self._heard: dict[int, _Heard] = {}
        self._others: dict[int, Holding] = {}

    def clear(self) -> None:
        """Something may have been missed: know nothing until it is told again."""
        self.state = self._base = None
        self._heard.clear()
        self._others.clear()

    # ---- what arrives

    def on_account(self, event: AccountState, now: int) -> None:
        """The account as the venue has it."""
        if self.state is None or self.state.balance != event.balance:
            self._changed_at = now
        self.state, self._fresh = event, True
        if self._base is None and not self._book.in_flight(self._account):
            self._base = self._gap(event)

    def on_position(self, event: PositionState, now: int) -> None:
        """A position as the venue has it; one that is closed on both sides is forgotten."""
        if event.volume > 0 or event.ticket in self._book.positions(self._account):
            self._heard[event.ticket] = _Heard(event, now)
        else:
            self._heard.pop(event.ticket, None)

    def counted(self, ticket: int, now: int) -> None:
        """A deal on this position was counted."""
        self._changed_at, self._fresh = now, False
        if ticket not in self._book.positions(self._account):
            self._heard.pop(ticket, None)

    # ---- what follows

    def settle(self, now: int) -> None:
        """Take the venue's word where it has differed for long enough with nothing under way."""
        calm = not self._book.in_flight(self._account)
        if calm and self._fresh and self.state is not None and now - self._changed_at >= SETTLE_US:
            self._base = self._gap(self.state)
        mine = self._book.positions(self._account)
        self._others = {}
        for ticket, heard in list(self._heard.items()):
            event, old = heard.event, calm and now - heard.at >= SETTLE_US
            if event.volume <= 0:
                if old:
                    self._book.forget(self._account, ticket)
                    del self._heard[ticket]
            elif ticket not in mine and (old or not event.session) and units(event.volume):
                self._others[ticket] = _holding(event, self._venue)

    def doubtful(self, now: int) -> bool:
        """Whether the venue should be asked to say it all again; once for each state of things."""
        state = self.state
        if state is None or self._book.in_flight(self._account) or now - self._changed_at < SETTLE_US:
            return False
        doubt = (minor(state.balance), self._book.realised(self._account), len(self.positions()))
        if self._fits(state) or doubt == self._doubted:
            return False
        self._doubted = doubt
        return True

    def positions(self) -> dict[int, Holding]:
        """Every open position by ticket, those that nobody here opened included; as of the last `settle`."""
        return {**self._others, **self._book.positions(self._account)}

    def swap(self, ticket: int) -> int:
        """Minor units of swap on an open position that are not booked yet."""
        heard = self._heard.get(ticket)
        return minor(heard.event.swap) if heard is not None else 0

    @property
    def heard(self) -> bool:
        """Whether all open positions can be known: the venue has spoken since the start."""
        return self.state is not None

    def balance(self) -> int | None:
        """Minor units; None while it is not known, or does not fit the positions that are."""
        state = self.state
        if state is None or not state.connected or self._base is None:
            return None
        if not self._fits(state) and not self._book.in_flight(self._account):
            return None
        return self._base + self._book.realised(self._account)

    def told(self) -> dict[int, PositionState]:
        """The open positions as people are told of them: the venue's newest word on each, or what the deals say."""
        events = {ticket: heard.event for ticket, heard in self._heard.items()}
        for ticket, held in self._book.positions(self._account).items():
            if ticket not in events:
                events[ticket] = _state(self._account, ticket, held)
        return {ticket: event for ticket, event in events.items() if event.volume > 0}

    def _fits(self, state: AccountState) -> bool:
        return self._gap(state) == self._base and state.positions == len(self.positions())

    def _gap(self, state: AccountState) -> int:
        return minor(state.balance) - self._book.realised(self._account)


def _holding(event: PositionState, venue: str) -> Holding:
    return Holding(
        session=event.session,
        strategy=event.strategy,
        venue=venue,
        symbol=event.symbol,
        side=event.side,
        units=units(event.volume),
        price=event.price_open,
        opened_at=event.opened_at,
    )


def _state(account: str, ticket: int, held: Holding) -> PositionState:
    """A position that the venue has not told of, with an envelope older than any."""
    return PositionState(
        account=account,
        ticket=ticket,
        symbol=held.symbol,
        side=held.side,
        volume=lots(held.units),
        price_open=held.price,
        opened_at=held.opened_at,
        session=held.session,
        strategy=held.strategy,
        commission=money(held.commission),
        realised=money(held.realised),
    )
