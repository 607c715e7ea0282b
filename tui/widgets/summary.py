"""The head of the floor: is it live, is money up or down, is anything wrong."""

from __future__ import annotations

from rich.cells import cell_len
from textual.events import Resize
from textual.strip import Strip

from tui.view_state import LinkView, View
from tui.widgets.actors import worst_first
from tui.widgets.columns import Cell
from tui.widgets.figures import UNKNOWN, clock, count, money, plain, tone
from tui.widgets.marks import marks
from tui.widgets.tones import Toned, fitted

__all__ = ["Summary"]

_NAME = "Pitwire "
_GAP = 2
_TWO_LINES = 72
"""Cells from which the state takes one line: then the title gets what is left, and gives way."""
_TITLE_SHARE = 6
_SHORTEST = 3
_RISK_TONES = {"active": "good", "reducing": "warn", "halted": "bad"}
_RISK_ORDER = ("halted", "reducing", "active")


def _state(view: View, title: str) -> list[tuple[Cell, ...]]:
    """How the floor is."""
    link = view.link
    found: list[tuple[Cell, ...]] = [
        ((_NAME, "strong"), (title, "dim")),
        (_phase(link), (f" {clock(link.last_received)} UTC" if link.last_received else "", "")),
        (("Risk ", "dim"), _risk(view)),
    ]
    actors = worst_first(view)
    wrong = [((f"{number:,} {state}", shade),) for state, number, shade in actors if shade in {"bad", "warn"}]
    if actors and link.floor == "down":
        found.append((("Actors ", "dim"), ("stopped", "warn")))
    elif actors and link.lost:
        found.append((("Actors ", "dim"), ("as of then", "warn")))
    elif wrong or not actors:
        found += wrong
    elif not link.behind:
        found.append((("Actors ", "dim"), ("well", "good")))
    running = sum(row.state == "running" for row in view.sessions.values())
    failed = sum(row.state == "failed" for row in view.sessions.values())
    if link.floor == "down":
        pass  # what they did before is told by their account
    elif running < len(view.sessions):
        found.append(((f"{running:,}/{count(len(view.sessions), 'session')}", "warn"),))
    elif running:
        found.append(((count(running, "session"), ""),))
    if failed:
        found.append(((count(failed, "session FAILED", "sessions FAILED"), "bad"),))
    if link.recent:
        found.append(((f"{link.recent:,} missed", "warn"),))
    if link.left_out:
        found.append(((f"{link.left_out:,} not shown", "warn"),))
    if link.unreadable:
        found.append(((f"{link.unreadable:,} unreadable", "warn"),))
    return found


def _phase(link: LinkView) -> Cell:
    """Whether what is shown is of now."""
    if link.floor == "down":
        return "DOWN", "bad"
    if link.lost:
        return "NO LINK", "bad"
    if link.up and link.floor == "stopping":
        return "stopping", "warn"
    if link.behind:
        return "BEHIND", "bad"
    return (link.phase, "good" if link.phase == "live" else "warn")


def _short(title: str, most: int) -> str:
    """A long title's end: of a path it tells more than the beginning."""
    if most < _SHORTEST:
        return ""
    return title if len(title) <= most else f"{marks.cut}{title[1 - most :]}"


def _risk(view: View) -> Cell:
    """The worst trading state of any scope, and which scope that is unless it is the whole floor."""
    for state in _RISK_ORDER:
        scopes = sorted(key for key, row in view.risk.items() if row.state == state)
        if scopes:
            words = state if state == "active" else state.upper()
            whole = state == "active" or any(scope == "portfolio" for scope, _ in scopes)
            where = "" if whole else f" {scopes[0][0]} {plain(scopes[0][1])}"
            return f"{words}{where}", _RISK_TONES[state]
    return UNKNOWN, "dim"


def _money(view: View) -> list[tuple[Cell, ...]]:
    """The floor's money; a dash is a figure that is not known."""
    profit = view.profits.get(("portfolio", "floor"))
    equity = profit.equity if profit is not None else None
    balance = profit.balance if profit is not None else None
    floating = profit.floating if profit is not None else None
    realised = profit.realised if profit is not None else None
    currency = f" {plain(profit.currency)}" if profit is not None else ""
    return [
        (("Equity ", "dim"), (f"{money(equity)}{currency}", "strong")),
        (("Balance ", "dim"), (money(balance), "")),
        (("Open P/L ", "dim"), (money(floating, signed=True), tone(floating))),
        (("Realised ", "dim"), (money(realised, signed=True), tone(realised))),
    ]


class Summary(Toned):
    """The facts, state first, money on a line of its own, more lines where the terminal is narrow."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        self._view: View | None = None
        self._widths: dict[str, int] = {}
        self._lines: list[list[Cell]] = []

    def show(self, view: View) -> None:
        """Show the view's state and money."""
        self._view = view
        self._flow()

    def on_resize(self, event: Resize) -> None:
        """Other facts fit on a line now."""
        self._widths.clear()
        self._flow()

    def _flow(self) -> None:
        """Put the facts on lines; a new number of lines is a new layout, which is rare."""
        width = max(self.container_size.width, 20)
        if self._view is None:
            return
        lines: list[list[Cell]] = []
        for group in (self._state_within(self._view, width), _money(self._view)):
            line: list[Cell] = []
            used = 0
            for fact in group:
                pieces = self._steady(fact)
                length = sum(cell_len(text) for text, _ in pieces)
                if used and used + _GAP + length > width - 2:
                    lines.append(line)
                    line, used = [], 0
                line += ([(" " * _GAP, "")] if used else []) + pieces
                used += length + (_GAP if used else 0)
            lines.append(line)
        if len(lines) != len(self._lines):
            self.styles.height = len(lines)
        before, self._lines = self._lines, lines
        self.repaint(before, lines)

    def _state_within(self, view: View, width: int) -> list[tuple[Cell, ...]]:
        """The state on one line where the terminal is wide enough: the title is cut, then what is as usual goes."""
        title = plain(self.title)
        room = max(width // _TITLE_SHARE, 8)
        facts = _state(view, _short(title, room))
        over = sum(cell_len(text) for fact in facts for text, _ in self._steady(fact)) + _GAP * (len(facts) - 1)
        over -= width - 2
        if over <= 0 or width < _TWO_LINES:
            return facts
        shown = cell_len(facts[0][1][0])
        if over < shown:
            return [((_NAME, "strong"), (_short(title, shown - over), "dim")), *facts[1:]]
        facts[0] = ((_NAME.rstrip(), "strong"),)
        over -= shown + 1
        for fact in [fact for fact in facts if fact[-1][1] == ""][1:]:  # not the time, which comes first
            if over > 0:
                facts.remove(fact)
                over -= sum(cell_len(text) for text, _ in fact) + _GAP
        return facts

    def _steady(self, fact: tuple[Cell, ...]) -> list[Cell]:
        """A fact with a label as wide as it has ever been, so that its neighbours stand still."""
        if len(fact) == 1 or fact[0][0] == _NAME:
            return list(fact)
        (label, shade), (text, look) = fact
        width = self._widths[label] = max(self._widths.get(label, 0), cell_len(text))
        return [(label, shade), (fitted(text, width), look)]

    def render_line(self, y: int) -> Strip:
        """One line of facts."""
        pieces = self._lines[y] if y < len(self._lines) else []
        return self.painted([(" ", ""), *pieces], self.size.width)
