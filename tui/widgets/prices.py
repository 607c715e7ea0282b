"""Prices: the quote of each symbol, the spread in points, which way it moved, and the last minute as a small chart."""

from __future__ import annotations

from typing import ClassVar

from tui.view_state import QuoteRow, View
from tui.widgets.columns import Cell, Column
from tui.widgets.figures import UNKNOWN, clock, count, named, plain, points, price
from tui.widgets.marks import marks, spark
from tui.widgets.panel import Panel, known
from tui.widgets.table import Table

__all__ = ["Prices"]

_COLUMNS = (
    Column("Symbol", least=7),
    Column("Bid ", right=True, first=8),
    Column("Ask", right=True, first=7),
    Column("Spr", rank=1, right=True),
    Column("Market", rank=3),
    Column("Time", rank=4, first=8),
    Column("1 min", rank=2, right=True, least=5, wish=20, newest=True, first=60),
)
_MOVES: dict[int, Cell] = {1: (marks.up, "up"), 0: (marks.flat, ""), -1: (marks.down, "down")}


def _cells(row: QuoteRow) -> tuple[Cell, ...]:
    """A quote: the bid in the colour of its last move, everything dim while the market is not open."""
    shut = row.market not in {"open", ""}
    figure = "dim" if shut else ""
    mark, moved = (marks.shut, "dim") if shut else _MOVES[row.move]
    market = plain(row.market) or UNKNOWN
    return (
        named(row.symbol, row.missed, "dim" if shut else "strong"),
        (f"{price(row.bid, row.digits)}{mark}", moved),
        (price(row.ask, row.digits), figure),
        (points(row.bid, row.ask, row.digits), figure),
        (f"{market}, missed {row.missed:,}" if row.missed else market, "warn" if shut or row.missed else "dim"),
        (clock(row.at), "dim"),
        (spark(row.history), "dim"),
    )


class Prices(Panel):
    """Panel 1."""

    NUMBER: ClassVar[int] = 1
    NAME: ClassVar[str] = "Prices"
    SECTIONS: ClassVar[frozenset[str]] = frozenset({"quotes"})

    def body(self) -> Table[QuoteRow]:
        """A row a symbol."""
        self.table = Table(_COLUMNS, _cells, empty="")
        return self.table

    def show(self, view: View) -> None:
        """Symbols by venue and name, so that each keeps its place."""
        rows = [row for _, row in sorted(view.quotes.items())]
        self.table.show(rows, empty=known(view, "No prices"))
        closed = sum(row.market not in {"open", ""} for row in rows)
        notes = [(count(len(rows), "symbol"), "")] if rows else []
        if closed:
            notes.insert(0, (f"{closed:,} not open", "warn"))
        self.heading.note(notes)
