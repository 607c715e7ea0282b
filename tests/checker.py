"""Proves from outside that no order was lost, doubled or misreported.

Reads three witnesses and nothing else: the venue's own book (SQLite), the messages of the ORDERS stream, and the
recorder's database. `disagreements` lists in words whatever does not fit; an empty list is the proof.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from pathlib import Path

import msgspec

from schemas.order import ENDED, OrderUpdate, VenueReport

__all__ = ["Book", "disagreements", "read_book"]

_LOT = 10**8


class BookDeal(msgspec.Struct, frozen=True):
    """A deal as the venue wrote it; volume in 10^-8 lots, profit in minor units."""

    ticket: int
    order: str
    position: int
    entry: str
    volume: int
    profit: int


class Book(msgspec.Struct):
    """The venue's own records."""

    deals: list[BookDeal]
    arrived: dict[str, int]
    filled: set[str]
    positions: set[int]


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def read_book(path: Path) -> Book:
    """The paper venue's book."""
    connection = _open(path)
    rows = connection.execute("SELECT ticket, order_id, position, entry, volume, profit FROM deals ORDER BY ticket")
    book = Book(
        [BookDeal(*row) for row in rows],
        dict(connection.execute("SELECT id, at FROM orders")),
        {row[0] for row in connection.execute("SELECT id FROM orders WHERE state = 'filled'")},
        {row[0] for row in connection.execute("SELECT ticket FROM positions")},
    )
    connection.close()
    return book


def disagreements(
    book: Book, updates: list[OrderUpdate], reports: list[VenueReport], database: Path, *, most_lots: float
) -> list[str]:
    """What does not agree, in words. `most_lots`: the guard's limit on the account's gross open volume."""
    last: dict[str, OrderUpdate] = {}
    for update in updates:
        if update.order not in last or update.revision > last[update.order].revision:
            last[update.order] = update
    return [
        *_venue(book, last),
        *_limits(book, last, round(most_lots * _LOT)),
        *_stream(book, updates, last, reports),
        *_database(book, last, database),
    ]


def _venue(book: Book, last: dict[str, OrderUpdate]) -> list[str]:
    """The book by itself, and against what was wanted."""
    wrong = []
    executed: dict[str, int] = defaultdict(int)
    for deal in book.deals:
        executed[deal.order] += deal.volume
    for order, volume in executed.items():
        if order not in last:
            wrong.append(f"{order}: executed by the venue, unknown to the stream")
        elif volume > round(last[order].terms.volume * _LOT):
            wrong.append(f"{order}: executed {volume / _LOT} lots of {last[order].terms.volume}")
    opened: dict[int, int] = defaultdict(int)
    for deal in book.deals:
        opened[deal.position] += deal.volume if deal.entry == "in" else -deal.volume
    wrong += [
        f"position {ticket}: {volume / _LOT} lots below nothing" for ticket, volume in opened.items() if volume < 0
    ]
    held = {ticket for ticket, volume in opened.items() if volume > 0}
    if held != book.positions:
        wrong.append(f"positions {sorted(book.positions)} in the book, {sorted(held)} from its deals")
    return wrong


def _limits(book: Book, last: dict[str, OrderUpdate], most: int) -> list[str]:
    """Nothing past the guard's limit, nothing after its time."""
    wrong, held = [], 0
    for deal in book.deals:
        held += deal.volume if deal.entry == "in" else -deal.volume
        if held > most:
            wrong.append(f"deal {deal.ticket} of {deal.order}: {held / _LOT} lots open, the limit is {most / _LOT}")
        update = last.get(deal.order)
        if update is not None and book.arrived[deal.order] > update.terms.expires_at:
            wrong.append(f"{deal.order}: executed after it had expired")
    return wrong


def _stream(
    book: Book, updates: list[OrderUpdate], last: dict[str, OrderUpdate], reports: list[VenueReport]
) -> list[str]:
    """The life cycles against the book."""
    wrong = [f"{order}: still {update.state.value}" for order, update in last.items() if update.state not in ENDED]
    for order, update in last.items():
        if (update.state.value == "filled") != (order in book.filled):
            wrong.append(f"{order}: {update.state.value} in the stream, filled at the venue: {order in book.filled}")
    told = Counter(update.deal.ticket for update in updates if update.deal is not None)
    revisions = Counter((update.order, update.revision) for update in updates)
    wrong += [f"{order}: revision {number} twice" for (order, number), count in revisions.items() if count > 1]
    for deal in book.deals:
        if told.pop(deal.ticket, 0) != 1:
            wrong.append(f"deal {deal.ticket} of {deal.order}: not told exactly once")
    wrong += [f"deal {ticket}: told, but not in the venue's book" for ticket in told]
    reported = {report.deal.ticket for report in reports if report.deal is not None}
    wrong += [
        f"deal {deal.ticket}: its report is not in the stream" for deal in book.deals if deal.ticket not in reported
    ]
    return wrong


def _database(book: Book, last: dict[str, OrderUpdate], path: Path) -> list[str]:
    """The projections."""
    connection = _open(path)
    wrong = []
    orders = dict(connection.execute("SELECT id, state FROM orders").fetchall())
    wanted = {order: update.state.value for order, update in last.items()}
    if orders != wanted:
        wrong.append(f"database: orders differ: {sorted(set(orders.items()) ^ set(wanted.items()))[:4]}")
    fills = connection.execute("SELECT ticket, order_id, profit FROM fills ORDER BY ticket").fetchall()
    if fills != [(deal.ticket, deal.order, deal.profit) for deal in book.deals]:
        wrong.append(f"database: {len(fills)} fills, the book has {len(book.deals)} deals, or they differ")
    trades = connection.execute("SELECT ticket, profit FROM trades ORDER BY ticket").fetchall()
    if trades != [(deal.ticket, deal.profit) for deal in book.deals if deal.entry == "out"]:
        wrong.append("database: the trades are not the book's closing deals")
    connection.close()
    return wrong
