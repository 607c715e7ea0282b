"""Positions: what is open, at which price, and what it would book if it were closed now."""

from __future__ import annotations

from typing import ClassVar

from tui.view_state import PositionRow, View
from tui.widgets.columns import Cell, Column
from tui.widgets.figures import amount, clock, count, lots, named, plain, price, tone
from tui.widgets.panel import Panel, known
from tui.widgets.table import Table

__all__ = ["Positions"]

_COLUMNS = (
    Column("Symbol", least=6, wish=8),
    Column("Side"),
    Column("Lots", right=True),
    Column("Entry", rank=1, right=True),
    Column("Now", rank=2, right=True),
    Column("P/L", right=True),
    Column("Session", rank=4, least=7, wish=10),
    Column("Strategy", rank=5, least=8, wish=10),
    Column("Since", rank=3),
    Column("Account", rank=6, least=7),
    Column("Ticket", rank=7, right=True),
)


def _cells(row: PositionRow, *, mixed: bool) -> tuple[Cell, ...]:
    """A position; the price at which it would close now and its profit are dashes while they are not known."""
    return (
        named(row.symbol, row.missed),
        (row.side, ""),
        (lots(row.volume), ""),
        (price(row.price_open, row.digits), "dim"),
        (price(row.price, row.digits), ""),
        (amount(row.profit, (row.currency or "?") if mixed else ""), tone(row.profit)),
        (plain(row.session) or "by hand", "dim"),
        (plain(row.strategy), "dim"),
        (clock(row.opened_at), "dim"),
        (plain(row.account), "dim"),
        (str(row.ticket), "dim"),
    )


class Positions(Panel):
    """Panel 2."""

    NUMBER: ClassVar[int] = 2
    NAME: ClassVar[str] = "Positions"
    SECTIONS: ClassVar[frozenset[str]] = frozenset({"positions", "accounts"})

    _mixed = False

    def body(self) -> Table[PositionRow]:
        """A row a position."""
        self.table: Table[PositionRow] = Table(_COLUMNS, lambda row: _cells(row, mixed=self._mixed), empty="")
        return self.table

    def show(self, view: View) -> None:
        """The newest first."""
        self._mixed = view.mixed
        rows = sorted(view.positions.values(), key=lambda row: (-row.opened_at, row.account, -row.ticket))
        self.table.show(rows, empty=known(view, "No positions"))
        self.heading.note([(count(len(rows), "position"), "")] if rows else [])
