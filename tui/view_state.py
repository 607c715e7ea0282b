"""What the screens show: plain data, without Textual and without the bus.

Owns the shape of the view. `tui.replica` is the only one that writes it, screens only read. All times are UTC
microseconds, money is in the currency named beside it, volumes are lots; None is a figure that is not known. Texts are
as they came from events: control characters are out, but they may hold anything that a markup language would read.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.account import AccountState, ProfitLoss
from schemas.answers import SeriesPoint
from schemas.command import RiskState

__all__ = [
    "FILLS",
    "SECTIONS",
    "ActorRow",
    "CurvePoint",
    "FillRow",
    "LinkView",
    "LogRow",
    "OrderRow",
    "Phase",
    "PositionRow",
    "ProfitRow",
    "QuoteRow",
    "SessionRow",
    "Standing",
    "View",
]

Phase = Literal["waiting", "connecting", "reading", "live"]
Standing = Literal["", "stopping", "down"]
CurvePoint = SeriesPoint
ProfitRow = ProfitLoss

FILLS = 100
"""So many fills are kept, the newest."""

SECTIONS = (
    "quotes",
    "positions",
    "orders",
    "fills",
    "actors",
    "sessions",
    "profits",
    "accounts",
    "risk",
    "curve",
    "log",
    "link",
)
"""The sections of a view, as they stand in `View.dirty`."""


class QuoteRow(msgspec.Struct):
    """A symbol's last quote. `at` is the venue's time, `received` ours; `move` that of the last bid that changed.

    `history`: bids, at most one a second of received time, the newest 60. `market`: "open", "closed", "ended", "stale"
    (the feed says so, or nothing was heard for 5 s of an open market), "" before anybody has said. `digits` is None
    before the symbol's specification is known. `missed`: ticks sent just before the last that never came.
    """

    venue: str
    symbol: str
    digits: int | None = None
    bid: float | None = None
    ask: float | None = None
    at: int = 0
    received: int = 0
    move: Literal[-1, 0, 1] = 0
    history: list[float] = msgspec.field(default_factory=list)
    market: str = ""
    missed: int = 0


class PositionRow(msgspec.Struct):
    """An open position. `price` is where it would close now and `profit` what that would book, by the portfolio.

    `session` is empty for one that nobody here opened. `changed_at` is when the venue last changed it.
    """

    account: str
    ticket: int
    symbol: str
    digits: int | None
    side: str
    volume: float
    price_open: float
    opened_at: int
    session: str = ""
    strategy: str = ""
    price: float | None = None
    profit: float | None = None
    currency: str = ""
    changed_at: int = 0
    missed: int = 0


class OrderRow(msgspec.Struct):
    """An order that is not ended. `price` is what it asks for, None for a market order; `filled` of `volume` lots."""

    order: str
    account: str
    session: str
    symbol: str
    side: str
    kind: str
    volume: float
    filled: float
    price: float | None
    state: str
    reason: str
    submitted_at: int
    digits: int | None = None
    missed: int = 0


class FillRow(msgspec.Struct):
    """A deal. `profit` is what it booked, commission and swap included, in its account's currency; `ticket` is that
    of the deal's position, `order` and `report` together name it.
    """

    at: int
    account: str
    session: str
    symbol: str
    side: str
    entry: str
    volume: float
    price: float
    profit: float
    ticket: int
    digits: int | None = None
    order: str = ""
    report: str = ""
    currency: str = ""


class ActorRow(msgspec.Struct):
    """An actor: what the watch says of it (`state`, `reason`, `pid`, `restarts`, `since` when that was first so), and
    what its own beats say (`doing`, `mailbox`, `gauges`). `beat_at`: when the last beat came here, 0 for none.

    `state` is one of HealthState's, or "" when only a session or nobody has spoken of it. Without a beat for 3 s of a
    link that is up it is "late" here, whatever the watch says.
    """

    actor: str
    state: str = ""
    reason: str = ""
    pid: int = 0
    restarts: int = 0
    doing: str = ""
    mailbox: int = 0
    gauges: dict[str, int] = msgspec.field(default_factory=dict)
    beat_at: int = 0
    since: int = 0
    missed: int = 0


class SessionRow(msgspec.Struct):
    """A session as the supervisor keeps it."""

    session: str
    account: str
    strategy: str
    symbols: tuple[str, ...]
    state: str
    reason: str = ""


class LogRow(msgspec.Struct, frozen=True):
    """A line of the log. `level`: debug, info, warning, error or critical. `code` is stable: an alert's own, "fill",
    "refused", "gap", "link", "left_out", or "" for an actor's log line. `more`: so many like it came before
    it within the minute, and are not shown.
    """

    at: int
    level: str
    actor: str
    text: str
    code: str = ""
    more: int = 0


class LinkView(msgspec.Struct):
    """The link to the floor. `reason`: one line for people, what is waited for or what is missing, "" when all is well.

    `phase`: "waiting" for a floor, "connecting", "reading" what there was before, "live". `gaps`: events that were sent
    and never came here, `recent` those of the last minute, `behind` when there are too many to keep up. `left_out`:
    things that there are but that are not shown because there are too many.
    `unreadable`: messages that were no events. `stale`: nothing has been heard for a while though the link is up.
    `floor`: "stopping" and "down" when the floor itself is, "" while it runs or nobody knows; `floor_reason` why.
    """

    up: bool = False
    changed_at: int = 0
    reason: str = ""
    phase: Phase = "waiting"
    last_received: int = 0
    gaps: int = 0
    left_out: int = 0
    unreadable: int = 0
    stale: bool = False
    recent: int = 0
    behind: bool = False
    floor: Standing = ""
    floor_reason: str = ""

    @property
    def lost(self) -> bool:
        """Whether what is shown is of a moment that has passed."""
        return self.last_received > 0 and (not self.up or self.stale or self.floor == "down")


class View(msgspec.Struct):
    """Everything on the screens. `dirty`: names of the sections that changed; whoever draws takes them out.

    Keys: `quotes` (venue, symbol), `positions` (account, ticket), `orders` the order's id, `actors`, `sessions` and
    `accounts` their names, `profits` and `risk` (scope, id). `fills`, `log` and `curve` are in time, the newest last.
    """

    quotes: dict[tuple[str, str], QuoteRow] = msgspec.field(default_factory=dict)
    positions: dict[tuple[str, int], PositionRow] = msgspec.field(default_factory=dict)
    orders: dict[str, OrderRow] = msgspec.field(default_factory=dict)
    fills: list[FillRow] = msgspec.field(default_factory=list)
    actors: dict[str, ActorRow] = msgspec.field(default_factory=dict)
    sessions: dict[str, SessionRow] = msgspec.field(default_factory=dict)
    profits: dict[tuple[str, str], ProfitLoss] = msgspec.field(default_factory=dict)
    accounts: dict[str, AccountState] = msgspec.field(default_factory=dict)
    risk: dict[tuple[str, str], RiskState] = msgspec.field(default_factory=dict)
    curve: list[SeriesPoint] = msgspec.field(default_factory=list)
    log: list[LogRow] = msgspec.field(default_factory=list)
    link: LinkView = msgspec.field(default_factory=LinkView)
    dirty: set[str] = msgspec.field(default_factory=lambda: set(SECTIONS))

    @property
    def mixed(self) -> bool:
        """Whether there is money of more than one currency: then each amount is shown with its own."""
        known = {account.currency for account in self.accounts.values()}
        known |= {profit.currency for profit in self.profits.values()}
        known |= {row.currency for row in self.positions.values()}
        return len(known - {""}) > 1
