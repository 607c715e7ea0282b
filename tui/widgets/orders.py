"""Orders: those that are not ended, and below them the newest fills, in the same columns."""

from __future__ import annotations

from typing import ClassVar

from tui.view_state import FILLS, FillRow, OrderRow, View
from tui.widgets.columns import Cell, Column
from tui.widgets.figures import amount, clock, count, lots, named, plain, price, tone
from tui.widgets.panel import Panel, known
from tui.widgets.table import Table

__all__ = ["Orders"]

_COLUMNS = (
    Column("Time", rank=3),
    Column("Symbol", least=6, wish=8),
    Column("Side"),
    Column("Lots", right=True),
    Column("Price", rank=2, right=True),
    Column("State", least=7, wish=12),
    Column("P/L", rank=1, right=True),
    Column("Session", rank=4, least=7, wish=10),
    Column("Account", rank=5, least=7),
    Column("Order", rank=6, least=8),
)
_STATES: dict[str, Cell] = {
    "intended": ("asked for", ""),
    "cleared": ("cleared", ""),
    "submitting": ("sending", ""),
    "accepted": ("working", "good"),
    "partially_filled": ("part filled", "good"),
    "unknown": ("UNKNOWN", "bad"),
}
_ENTRIES = {"in": "opened", "out": "closed"}
_VIEWS = ("all", "working", "fills")


def _cells(row: OrderRow | FillRow, *, mixed: bool) -> tuple[Cell, ...]:
    """An order that is not ended, or a fill."""
    if isinstance(row, FillRow):
        closed = row.entry == "out"
        return (
            (clock(row.at), "dim"),
            (plain(row.symbol), ""),
            (row.side, ""),
            (lots(row.volume), ""),
            (price(row.price, row.digits), ""),
            (_ENTRIES.get(row.entry, plain(row.entry)), "dim"),
            (amount(row.profit, (row.currency or "?") if mixed else ""), tone(row.profit)) if closed else ("", ""),
            (plain(row.session), "dim"),
            (plain(row.account), "dim"),
            (f"ticket {row.ticket}", "dim"),
        )
    words, state = _STATES.get(row.state, (plain(row.state), "warn"))
    kind = "" if row.kind == "market" else f"{plain(row.kind)} "
    volume = f"{lots(row.filled)}/{lots(row.volume)}" if row.filled else lots(row.volume)
    return (
        (clock(row.submitted_at), ""),
        named(row.symbol, row.missed),
        (row.side, ""),
        (volume, ""),
        (price(row.price, row.digits), ""),
        (f"{kind}{words}{f': {plain(row.reason)}' if row.reason else ''}", state),
        ("", ""),
        (plain(row.session), "dim"),
        (plain(row.account), "dim"),
        (plain(row.order), "dim"),
    )


def _how_many(fills: int) -> str:
    """How many fills are shown; there may have been more."""
    return f"newest {count(fills, 'fill')}" if fills >= FILLS else count(fills, "fill")


class Orders(Panel):
    """Panel 3."""

    NUMBER: ClassVar[int] = 3
    NAME: ClassVar[str] = "Orders"
    SECTIONS: ClassVar[frozenset[str]] = frozenset({"orders", "fills", "accounts"})

    which = "all"
    _mixed = False

    def body(self) -> Table[OrderRow | FillRow]:
        """A row an order or a fill."""
        self.table: Table[OrderRow | FillRow] = Table(_COLUMNS, lambda row: _cells(row, mixed=self._mixed), empty="")
        return self.table

    def show(self, view: View) -> None:
        """The newest first, orders that are not ended before all fills."""
        self._mixed = view.mixed
        orders = sorted(view.orders.values(), key=lambda row: (-row.submitted_at, row.order))
        fills = list(reversed(view.fills))
        rows: list[OrderRow | FillRow] = []
        rows += orders if self.which != "fills" else []
        rows += fills if self.which != "working" else []
        empty = {"all": "No orders and no fills", "working": "No working orders", "fills": "No fills"}[self.which]
        self.table.show(rows, empty=known(view, empty))
        notes: list[Cell] = [(f"{len(orders):,} working", ""), (_how_many(len(fills)), "")]
        if unknown := sum(row.state == "unknown" for row in orders):
            notes.insert(0, (f"{unknown:,} UNKNOWN", "bad"))
        if self.which != "all":
            notes.insert(0, (f"only {self.which}", "warn"))
        self.heading.note(notes)

    def narrow(self) -> None:
        """All, working orders only, fills only, and round again."""
        self.which = _VIEWS[(_VIEWS.index(self.which) + 1) % len(_VIEWS)]
        self.again()
