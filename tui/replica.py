"""The floor as this terminal knows it: events in, a view out.

Owns the view. Pure: no clock, no bus, no screen; every time is given, in UTC microseconds of this machine's clock.
Consumes whatever people may hear, live or read from what there was before, in any order: per subject the newest event
counts. What was sent and never came is counted and said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.account import AccountState, PositionProfits, PositionState, ProfitLoss
from schemas.answers import BookAnswer, LogAnswer, SeriesAnswer
from schemas.base import Event
from schemas.command import RiskState
from schemas.health import Alert, Beat, HealthState, LogLine
from schemas.market import MarketStatus, SymbolSpec, Tick
from schemas.order import OrderRefused, OrderUpdate
from schemas.session import SessionState
from tui.replica_actors import Actors
from tui.replica_figures import Figures
from tui.replica_gaps import AFTERMATH_US, Gaps
from tui.replica_log import Log, clean
from tui.replica_marks import Room
from tui.replica_orders import Orders
from tui.replica_positions import Positions
from tui.replica_quotes import Quotes
from tui.view_state import Phase, Standing, View

__all__ = ["SILENT_US", "Replica"]

SILENT_US = 2_000_000
"""A link on which nothing at all was heard for so long is stale."""

_BACKLOG_US = 2_000_000
"""What was heard shortly before a question may be missing in its answer: whoever answers may not have handled it."""
_SETTLED_US = 5_000_000
_ASLEEP_US = 5_000_000
_PORTFOLIO = "portfolio"
_SUPERVISOR = "supervisor"
_SECOND_US = 1_000_000

_Fold = Callable[[Any, int, bool], None]


class Replica:
    """Folds events into `view`."""

    def __init__(self) -> None:
        self.view = view = View()
        self._log = Log(view)
        self._gaps = Gaps(view, self._log)
        self._room = Room(self._no_room, self._count_left_out)
        self._quotes = Quotes(view, self._room, self._missed)
        self._positions = Positions(view, self._quotes, self._room, self._torn)
        self._orders = Orders(view, self._quotes, self._log, self._room, self._torn)
        self._actors = Actors(view, self._room, self._missed)
        self._figures = Figures(view, self._room, self._missed)
        self._reading_since = 0
        self._lost_at = 0
        self._live_since = 0
        self._looked_at = 0
        self._heard_at = 0
        self._torn_at = 0
        self._elsewhere = 0
        self._reason = ""
        self._complete = False
        self._folds: dict[type[Event], _Fold] = {
            Tick: self._quotes.tick,
            SymbolSpec: self._spec,
            MarketStatus: self._quotes.status,
            AccountState: self._account,
            PositionState: self._positions.state,
            PositionProfits: self._positions.profits,
            ProfitLoss: self._figures.profit,
            RiskState: self._figures.risk,
            OrderUpdate: self._update,
            OrderRefused: lambda event, _received, _live: self._log.refused(event),
            SessionState: self._actors.session,
            Beat: self._beat,
            HealthState: self._actors.health,
            Alert: lambda event, _received, _live: self._log.alert(event),
            LogLine: lambda event, _received, _live: self._log.line(event),
            BookAnswer: self._book,
            SeriesAnswer: lambda event, _received, _live: self._figures.series(event),
            LogAnswer: self._entries,
        }

    # ---- what arrives

    def fold(self, event: Event, received_us: int, *, live: bool = True) -> None:
        """Take an event in: one just heard, or with `live` False one that was read of what there was before.

        What is older than what was folded before changes nothing; what no screen shows is passed over.
        """
        if live:
            self.view.link.last_received = received_us
        fold = self._folds.get(type(event))
        if fold is not None:
            fold(event, received_us, live)

    def unreadable(self) -> None:
        """A message was no event, or not one of its subject."""
        self.view.link.unreadable += 1
        self.view.dirty.add("link")

    # ---- the link

    def link(self, up: bool, reason: str, now: int, phase: Phase | None = None) -> None:
        """The link came up or was lost, or something else is waited for; `phase` stays as it is when None."""
        link = self.view.link
        if up != link.up:
            link.up, link.changed_at, link.stale = up, now, False
            if up:
                self.standing("", "", now)
                self._log.say(now, "info", "linked to the floor", "link")
            else:
                self._lost_at = now
                self._complete = False
                if link.floor == "stopping":  # the server is the last of it
                    self.standing("down", link.floor_reason, now)
            if not up and not link.floor:
                self._log.say(now, "error", f"no link to the floor: {reason or 'it was lost'}", "link")
        self._reason = clean(reason)
        if not link.stale:
            link.reason = self._reason
        link.phase = phase or link.phase
        self.view.dirty.add("link")

    def standing(self, floor: Standing, reason: str, now: int) -> None:
        """The floor itself is being taken down, or is down, and why; "": it runs, or nobody knows."""
        link, reason = self.view.link, clean(reason)
        if (floor, reason) == (link.floor, link.floor_reason):
            return
        if floor and floor != link.floor:
            words = "the floor is down" if floor == "down" else "the floor is being taken down"
            self._log.say(now, "warning", f"{words}{f': {reason}' if reason else ''}", "link")
        link.floor, link.floor_reason = floor, reason
        self._actors.stopped(floor == "down", now, link.changed_at)
        self.view.dirty.add("link")

    def trouble(self, text: str, now: int) -> None:
        """Something is wrong on a link that is up: a line of the log."""
        self._log.say(now, "warning", text, "link")

    def note(self, text: str, now: int) -> None:
        """Something to know about what is shown."""
        self._log.say(now, "info", text, "link")

    def heard(self, actor: str) -> bool:
        """Whether this actor has been heard of."""
        return actor in self.view.actors

    def begin_reading(self, now: int) -> None:
        """What there was before is about to be read, again perhaps; subscriptions are in place."""
        self._reading_since = now
        self._complete = False
        self._torn_at = 0
        if self.view.link.phase != "live":
            self.view.link.phase = "reading"
            self.view.dirty.add("link")

    def finish_reading(self, now: int) -> None:
        """It was read whole: the view is live."""
        self.link(True, "", now, "live")
        self._complete = True
        self._live_since = now
        self.view.dirty.add("link")

    def wants_reading(self, now: int) -> bool:
        """Whether orders or positions may be other than shown, so that what there is should be read again."""
        if not self._complete or now - self._live_since < _SETTLED_US:
            return False
        doubt = self._positions.doubt
        return bool(self._torn_at) or (doubt != 0 and now - doubt > _SETTLED_US)

    def look(self, now: int) -> None:
        """Mark what has not been heard of for too long. Call it once a second or so."""
        link = self.view.link
        asleep = self._looked_at and now - self._looked_at > _ASLEEP_US
        self._looked_at = now
        if link.last_received != self._heard_at:
            self._heard_at = link.last_received
            self.view.dirty.add("link")
        if asleep or not link.up:
            return  # it is this terminal that heard nobody
        self._gaps.look(now)
        stale = now - max(link.last_received, link.changed_at) > SILENT_US
        if stale:
            seconds = (now - max(link.last_received, link.changed_at)) // _SECOND_US
            self._stale(f"nothing heard for {seconds} s")
            if link.floor == "stopping":
                self.standing("down", link.floor_reason, now)
        elif link.stale:
            link.stale, link.reason = False, self._reason
            self.view.dirty.add("link")
        self._quotes.look(now, link.changed_at)
        self._actors.look(now, link.changed_at)
        if self._actors.silent(_PORTFOLIO, now, link.changed_at):
            # What it said last goes on looking like the present while prices move. Alive it says all again within 10 s.
            self._figures.unknown()
            self._positions.unknown()

    def _stale(self, reason: str) -> None:
        link = self.view.link
        if (link.stale, link.reason) != (True, reason):
            link.stale, link.reason = True, reason
            self.view.dirty.add("link")

    # ---- events that concern several sections

    def _beat(self, beat: Beat, received: int, live: bool) -> None:
        self._actors.beat(beat, received, live)
        if live and beat.actor == _SUPERVISOR:
            self.standing("stopping" if beat.state == "stopping" else "", "", received)

    def _spec(self, spec: SymbolSpec, received: int, live: bool) -> None:
        if self._quotes.spec(spec, received, live):
            self._positions.relabel(spec.symbol)
            self._orders.relabel(spec.symbol)

    def _account(self, account: AccountState, received: int, live: bool) -> None:
        self._figures.account(account, received, live)
        currency = self.view.accounts[account.account].currency if account.account in self.view.accounts else ""
        self._orders.money_of(clean(account.account), currency)
        self._positions.money_of(clean(account.account), currency)

    def _update(self, update: OrderUpdate, received: int, live: bool) -> None:
        settled = self._complete and received - self._live_since > _SETTLED_US and not self._elsewhere
        self._orders.update(update, received, live, settled)

    def _book(self, book: BookAnswer, received: int, live: bool) -> None:
        """What is open. What it does not name is gone, if it was heard of before the question was asked."""
        for position in book.positions:
            self._positions.state(position, received, False)
        for update in (*book.fills, *book.orders):
            self._orders.update(update, received, False, False)
        before = max(self._reading_since - _BACKLOG_US, self._lost_at)
        if not book.positions_left_out:
            self._positions.keep({(one.account, one.ticket) for one in book.positions}, before)
        if not book.orders_left_out:
            self._orders.keep({one.order for one in book.orders}, before)
        if not self._torn_at:  # whatever was missed was missed before the question was asked
            self._positions.whole({(one.account, one.ticket) for one in book.positions})
            self._orders.whole({one.order for one in book.orders})
        self._elsewhere = book.positions_left_out + book.orders_left_out
        self._count_left_out()

    def _entries(self, answer: LogAnswer, received: int, live: bool) -> None:
        for entry in answer.entries:
            if isinstance(entry, Alert):
                self._log.alert(entry)
            else:
                self._log.line(entry)

    # ---- what is not there

    def _torn(self, what: str, lost: int, received: int) -> None:
        """Some of what is missing is of orders or positions, which can be read again."""
        self._torn_at = self._torn_at or received
        self._missed(what, lost, received)

    def _missed(self, what: str, lost: int, received: int) -> None:
        """Events were sent and did not come."""
        outage = self._lost_at != 0 and received - self.view.link.changed_at < AFTERMATH_US
        self._gaps.missed(what, lost, received, outage=outage)

    def _no_room(self, section: str, received: int) -> None:
        self._log.say(received, "warning", f"there is no room for every {section}: some are left out", "left_out")

    def _count_left_out(self) -> None:
        self.view.link.left_out = self._room.left_out + self._elsewhere
        self.view.dirty.add("link")
