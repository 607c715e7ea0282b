"""A view as a terminal has it, made up for tests of screens: every kind of row, and values that are hard to show."""

from __future__ import annotations

import re
from collections.abc import Callable

from textual.geometry import Region

from bus.clock import SimClock
from schemas.account import ProfitLoss
from schemas.answers import SeriesPoint
from schemas.command import RiskState
from tui.app import FloorApp
from tui.replica import Replica
from tui.view_state import (
    SECTIONS,
    ActorRow,
    FillRow,
    LogRow,
    OrderRow,
    PositionRow,
    QuoteRow,
    SessionRow,
    View,
)

__all__ = ["NOW", "SECOND", "floor_app", "line_with", "position", "quote", "rows", "screen_text", "view_of_a_floor"]

SECOND = 1_000_000
# 2023-11-14 22:13:20 UTC
NOW = 1_700_000_000 * SECOND


def quote(symbol: str, bid: float, digits: int = 5, move: int = 1) -> QuoteRow:
    """An open market's quote with a spread of 12 points."""
    history = [bid + (step % 7 - 3) * 10**-digits for step in range(60)]
    return QuoteRow("paper", symbol, digits, bid, bid + 12 * 10**-digits, NOW, NOW, move, history, "open")  # type: ignore[arg-type]


def position(ticket: int, profit: float | None = 12.5, symbol: str = "EURUSD") -> PositionRow:
    """A long position of 0.30 lots, with the dust that floating point leaves on it."""
    opened = NOW - ticket * SECOND
    return PositionRow(
        "demo", ticket, symbol, 5, "buy", 0.1 + 0.2, 1.12345, opened, "main", "ema_cross", 1.12445, profit, "USD"
    )


def view_of_a_floor(replica: Replica) -> View:
    """Fill the replica's view: three symbols, three positions, two orders, fills, actors, a log; all of `NOW`."""
    view = replica.view
    quotes = quote("EURUSD", 1.12345), quote("GBPUSD", 1.30123, move=-1), quote("USDJPY", 151.234, 3, 0)
    view.quotes.update({("paper", row.symbol): row for row in quotes})
    positions = position(1), position(2, -1234.5), position(3, None)
    view.positions.update({("demo", row.ticket): row for row in positions})
    view.orders["main-1-7"] = OrderRow(
        "main-1-7", "demo", "main", "EURUSD", "buy", "limit", 1.0, 0.25, 1.12, "partially_filled", "", NOW, 5
    )
    view.orders["main-1-8"] = OrderRow(
        "main-1-8", "demo", "main", "USDJPY", "sell", "market", 0.01, 0.0, None, "unknown", "no answer", NOW, 3
    )
    view.fills += [
        FillRow(NOW - (9 - n) * SECOND, "demo", "main", "EURUSD", "buy", "out" if n % 2 else "in", 0.1, 1.1234, n, n, 5)
        for n in range(6)
    ]
    for name in ("feed", "guard", "portfolio", "recorder", "router", "supervisor", "watch"):
        view.actors[name] = ActorRow(name, "alive", "", 4000, 0, "running", 0, {}, NOW, NOW)
    view.sessions["main"] = SessionRow("main", "demo", "ema_cross", ("EURUSD",), "running")
    view.profits["portfolio", "floor"] = ProfitLoss(
        scope="portfolio", id="floor", currency="USD", realised=-234.5, floating=12.34, equity=10012.34, balance=10000.0
    )
    view.risk["portfolio", "floor"] = RiskState(scope="portfolio", id="floor", state="active", epoch=1)
    view.curve += [SeriesPoint(NOW - (60 - n) * SECOND, 10_000.0 + n * n / 10, 10_000.0) for n in range(60)]
    view.log += [LogRow(NOW - (40 - n) * SECOND, "info", "guard", f"entry {n}") for n in range(40)]
    view.link.up, view.link.phase, view.link.last_received = True, "live", NOW
    view.dirty.update(SECTIONS)
    return view


def floor_app(change: Callable[[View], None] | None = None, *, redraws: int = 10) -> FloorApp:
    """The app on that view, its clock standing still. `change` is done to the view before."""
    replica = Replica()
    view = view_of_a_floor(replica)
    if change is not None:
        change(view)
    return FloorApp(None, title="var", redraws=redraws, replica=replica, clock=SimClock(NOW))


def screen_text(app: FloorApp) -> list[str]:
    """What stands on the screen, line by line, without styles."""
    lines = app.screen._compositor.render_strips()  # noqa: SLF001 - the only place that knows the whole screen
    return ["".join(segment.text for segment in strip) for strip in lines]


def rows(app: FloorApp, panel: str) -> list[str]:
    """The lines of one panel, its own line first."""
    region: Region = app.screen.query_one(f"#{panel}").region
    return [line[region.x : region.right] for line in screen_text(app)[region.y : region.bottom]]


def line_with(app: FloorApp, pattern: str) -> str:
    """The one line of the screen in which `pattern` is found."""
    (line,) = [line for line in screen_text(app) if re.search(pattern, line)]
    return line
