"""The paper venue's durable book: what was executed, at which price, and which reports the stream does not have yet.

An order, its deal, the position that it changed and its report are one `Entry`: one transaction, written before
anything is sent. The same entry changes the state in memory, and `revert` takes that back if the transaction failed.
The file is the witness: it alone says what happened at the venue.
"""

from __future__ import annotations

import sqlite3
from typing import Literal

import msgspec

from actors.database import Migration, migrate
from actors.paper_account import Position
from actors.valuation import Market, money
from schemas.account import AccountState
from schemas.order import Deal, OrderTerms, Side, VenueReport

__all__ = [
    "MIGRATIONS",
    "BookDeal",
    "BookOrder",
    "Entry",
    "PaperState",
    "Undo",
    "apply",
    "load",
    "revert",
    "statements",
]

MIGRATIONS = (
    Migration(
        "001_book",
        (
            # router_epoch, guard_epoch, next_ticket, owner (the gateway's incarnation).
            "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            # state: filled, refused, or void (looked up before it arrived: never to be executed).
            """CREATE TABLE orders (
                id TEXT PRIMARY KEY, ticket INTEGER NOT NULL, session TEXT NOT NULL, state TEXT NOT NULL,
                reason TEXT NOT NULL, at INTEGER NOT NULL, terms TEXT NOT NULL
            ) STRICT""",
            # volume in 10^-8 lots, price in points (10^-digits), money in minor units of the account's currency.
            """CREATE TABLE deals (
                ticket INTEGER PRIMARY KEY, order_id TEXT NOT NULL REFERENCES orders (id), position INTEGER NOT NULL,
                entry TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, volume INTEGER NOT NULL,
                price INTEGER NOT NULL, digits INTEGER NOT NULL, at INTEGER NOT NULL, profit INTEGER NOT NULL,
                commission INTEGER NOT NULL, swap INTEGER NOT NULL
            ) STRICT""",
            "CREATE TABLE positions (ticket INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",
            # stored: 1 once the stream has acknowledged it.
            """CREATE TABLE reports (
                number INTEGER PRIMARY KEY, report TEXT NOT NULL UNIQUE, order_id TEXT NOT NULL REFERENCES orders (id),
                session TEXT NOT NULL, stored INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL
            ) STRICT""",
            "CREATE INDEX reports_unsent ON reports (number) WHERE stored = 0",
        ),
    ),
    Migration(
        "002_funding",
        (
            # What the account was opened with (actors.paper_funding); deposit in minor units.
            """CREATE TABLE funding (
                id INTEGER PRIMARY KEY CHECK (id = 1), currency TEXT NOT NULL, deposit INTEGER NOT NULL
            ) STRICT""",
        ),
    ),
)
"""The file's schema. Never edited once released."""

_COUNTERS = ("router_epoch", "guard_epoch", "next_ticket")
# NULL, which the table refuses, if a younger gateway has claimed the book or there are orders that we do not know.
_FENCE = (
    "INSERT INTO counters VALUES ('owner', ?) ON CONFLICT (name) DO UPDATE SET value ="
    " CASE WHEN value <= excluded.value AND (SELECT coalesce(max(rowid), 0) FROM orders) = ? THEN excluded.value END"
)


class BookOrder(msgspec.Struct, frozen=True):
    """What became of an order: filled, refused, or void; and every report on it."""

    state: Literal["filled", "refused", "void"]
    reason: str = ""
    reports: tuple[VenueReport, ...] = ()


class BookDeal(msgspec.Struct, frozen=True, kw_only=True):
    """An execution in whole numbers: volume units, points, minor units."""

    ticket: int
    position: int
    entry: Literal["in", "out"]
    symbol: str
    side: Side
    volume: int
    price: int
    digits: int
    at: int
    profit: int
    commission: int

    def wire(self) -> Deal:
        """As it travels."""
        return Deal(
            ticket=self.ticket,
            position=self.position,
            entry=self.entry,
            symbol=self.symbol,
            side=self.side,
            volume=self.volume / 10**8,
            price=self.price / 10**self.digits,
            at=self.at,
            profit=money(self.profit),
            commission=money(self.commission),
        )


class PaperState(msgspec.Struct, kw_only=True):
    """The venue's state. Durable: the epochs, the next ticket, `booked` (minor units of all deals), orders by id,
    positions by ticket, `outbox` (reports that the stream has not acknowledged), `counts` (reports issued by session).

    The rest starts anew: the market, `marks` (acknowledged reports that the file does not know as such yet), `issued`
    (reports of this incarnation).
    """

    router_epoch: int = 0
    guard_epoch: int = 0
    next_ticket: int = 1
    booked: int = 0
    orders: dict[str, BookOrder] = {}
    positions: dict[int, Position] = {}
    outbox: dict[str, VenueReport] = {}
    counts: dict[str, int] = {}
    market: Market = msgspec.field(default_factory=Market)
    marks: list[str] = []
    issued: int = 0
    number: int = 0
    account_at: int = 0
    account: AccountState | None = None
    rejected_ticks: int = 0
    store_error: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the book by the gateway of incarnation `owner`, which knows of `orders` orders before it.

    Counters are the values after it; `position` with volume 0 is closed.
    """

    owner: int
    orders: int
    router_epoch: int
    guard_epoch: int
    next_ticket: int
    id: str = ""
    order: BookOrder | None = None
    terms: OrderTerms | None = None
    at: int = 0
    deal: BookDeal | None = None
    position: Position | None = None
    report: VenueReport | None = None
    marks: tuple[str, ...] = ()


class Undo(msgspec.Struct, frozen=True):
    """What `apply` changed."""

    entry: Entry
    counters: tuple[int, int, int]
    position: Position | None


def apply(state: PaperState, entry: Entry) -> Undo:
    """Change the state; the way back is returned."""
    counters = (state.router_epoch, state.guard_epoch, state.next_ticket)
    state.router_epoch, state.guard_epoch, state.next_ticket = entry.router_epoch, entry.guard_epoch, entry.next_ticket
    before = None
    if entry.order is not None:
        state.orders[entry.id] = entry.order
    if entry.deal is not None:
        state.booked += entry.deal.profit + entry.deal.commission
    if entry.position is not None:
        before = state.positions.pop(entry.position.ticket, None)
        if entry.position.volume:
            state.positions[entry.position.ticket] = entry.position
    if entry.report is not None:
        state.outbox[entry.report.report] = entry.report
        state.counts[entry.report.session] = state.counts.get(entry.report.session, 0) + 1
        state.issued += 1
    del state.marks[: len(entry.marks)]
    return Undo(entry, counters, before)


def revert(state: PaperState, undo: Undo) -> None:
    """As if the entry had never been."""
    entry = undo.entry
    state.router_epoch, state.guard_epoch, state.next_ticket = undo.counters
    if entry.order is not None:
        del state.orders[entry.id]
    if entry.deal is not None:
        state.booked -= entry.deal.profit + entry.deal.commission
    if entry.position is not None:
        state.positions.pop(entry.position.ticket, None)
        if undo.position is not None:
            state.positions[entry.position.ticket] = undo.position
    if entry.report is not None:
        del state.outbox[entry.report.report]
        state.counts[entry.report.session] -= 1
        if not state.counts[entry.report.session]:
            del state.counts[entry.report.session]
        state.issued -= 1
    state.marks[:0] = entry.marks


Statement = tuple[str, tuple[int | float | str | bytes | None, ...]]


def statements(entry: Entry) -> tuple[Statement, ...]:
    """The same change as one transaction.

    It fails as a whole if another process has written an order or claimed the book in between (so a gateway that was
    frozen and wakes up beside its successor stops), and if an order or a report is already there.
    """
    values = (entry.router_epoch, entry.guard_epoch, entry.next_ticket)
    out: list[Statement] = [
        ("INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)", pair)
        for pair in zip(_COUNTERS, values, strict=True)
    ]
    out.insert(0, (_FENCE, (entry.owner, entry.orders)))
    if entry.order is not None:
        terms = entry.terms
        out.append(
            (
                "INSERT INTO orders (id, ticket, session, state, reason, at, terms) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.id,
                    entry.deal.ticket if entry.deal is not None else 0,
                    terms.session if terms is not None else "",
                    entry.order.state,
                    entry.order.reason,
                    entry.at,
                    _text(terms) if terms is not None else "",
                ),
            )
        )
    if entry.deal is not None:
        deal = entry.deal
        out.append(
            (
                "INSERT INTO deals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    deal.ticket,
                    entry.id,
                    deal.position,
                    deal.entry,
                    deal.symbol,
                    deal.side,
                    deal.volume,
                    deal.price,
                    deal.digits,
                    deal.at,
                    deal.profit,
                    deal.commission,
                ),
            )
        )
    if entry.position is not None:
        out.append(_position(entry.position))
    if entry.report is not None:
        report = entry.report
        out.append(
            (
                "INSERT INTO reports (report, order_id, session, body) VALUES (?, ?, ?, ?)",
                (report.report, report.order, report.session, _text(report)),
            )
        )
    out.extend(("UPDATE reports SET stored = 1 WHERE report = ?", (mark,)) for mark in entry.marks)
    return tuple(out)


def _position(position: Position) -> Statement:
    if not position.volume:
        return "DELETE FROM positions WHERE ticket = ?", (position.ticket,)
    return (
        "INSERT INTO positions VALUES (?, ?) ON CONFLICT (ticket) DO UPDATE SET body = excluded.body",
        (position.ticket, _text(position)),
    )


def _text(struct: msgspec.Struct) -> str:
    return msgspec.json.encode(struct).decode()


def load(connection: sqlite3.Connection, keep: int = 10_000) -> PaperState:
    """The state from the file, an empty one from a new file. Brings the schema up to date; raises DatabaseError.

    Of the reports only the newest `keep` and those that the stream does not have are kept in memory: an older order is
    known without them, and the stream has them.
    """
    migrate(connection, MIGRATIONS)
    state = PaperState()
    for name, number in connection.execute("SELECT name, value FROM counters WHERE name <> 'owner'"):
        setattr(state, name, number)
    state.booked = connection.execute("SELECT coalesce(sum(profit + commission + swap), 0) FROM deals").fetchone()[0]
    state.counts = dict(connection.execute("SELECT session, count(*) FROM reports GROUP BY session"))
    reports: dict[str, list[VenueReport]] = {}
    rows = connection.execute(
        "SELECT order_id, stored, body FROM reports"
        " WHERE stored = 0 OR number > (SELECT max(number) FROM reports) - ? ORDER BY number",
        (keep,),
    )
    for order, stored, body in rows:
        report = msgspec.json.decode(body, type=VenueReport)
        reports.setdefault(order, []).append(report)
        if not stored:
            state.outbox[report.report] = report
    for order, kind, reason in connection.execute("SELECT id, state, reason FROM orders ORDER BY rowid"):
        state.orders[order] = BookOrder(kind, reason, tuple(reports.get(order, ())))
    for (body,) in connection.execute("SELECT body FROM positions ORDER BY ticket"):
        position = msgspec.json.decode(body, type=Position)
        state.positions[position.ticket] = position
    return state
