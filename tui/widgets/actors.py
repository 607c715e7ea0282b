"""Actors: whether each is alive, how old its last beat is, and what it is doing."""

from __future__ import annotations

from typing import ClassVar

from schemas.health import TROUBLED
from tui.view_state import ActorRow, View
from tui.widgets.columns import Cell, Column
from tui.widgets.figures import UNKNOWN, ago, clock, named, plain
from tui.widgets.panel import Panel
from tui.widgets.table import Table

__all__ = ["Actors", "worst_first"]

_COLUMNS = (
    Column("Actor", least=8, wish=20),
    Column("State"),
    Column("Beat", rank=1, right=True),
    Column("Restarts", rank=3, right=True),
    Column("Queue", rank=5, right=True),
    Column("PID", rank=4, right=True),
    Column("Doing", rank=2, least=14, wish=30, fills=True),
)
# Worst first: what is wrong is in sight even when the panel is small.
_ORDER = ("failed", "dead", TROUBLED, "late", "starting", "stopped", "alive")
_TONES = {
    "failed": "bad",
    "dead": "bad",
    TROUBLED: "bad",
    "late": "warn",
    "starting": "warn",
    "stopped": "dim",
    "alive": "good",
}
_ENDED = frozenset({"stopped", "dead", "failed"})
_YOUNG = 2_000_000
_WORDS = {"failed": "FAILED", "dead": "DEAD", TROUBLED: "TROUBLED", "late": "LATE"}


def _words(state: str) -> str:
    """A state as it is written."""
    return _WORDS.get(state, plain(state) or "not heard")


def _state(row: ActorRow) -> str:
    """How an actor is: one that lives may say that it is troubled."""
    troubled = row.state == "alive" and (row.doing.startswith(TROUBLED) or row.reason.startswith(TROUBLED))
    return TROUBLED if troubled else row.state


def worst_first(view: View) -> list[tuple[str, int, str]]:
    """How many actors are in each state: words, number and tone, the worst first."""
    counts: dict[str, int] = {}
    for row in view.actors.values():
        state = _state(row)
        counts[state] = counts.get(state, 0) + 1
    known = [state for state in _ORDER if state in counts] + sorted(set(counts) - set(_ORDER))
    return [(_words(state), counts[state], _TONES.get(state, "warn")) for state in known]


def _rank(row: ActorRow) -> tuple[int, str]:
    """Where an actor stands in the list."""
    state = _state(row)
    return _ORDER.index(state) if state in _ORDER else 0, row.actor


class Actors(Panel):
    """Panel 4. It is asked to look again each second as well: beats grow older by themselves."""

    NUMBER: ClassVar[int] = 4
    NAME: ClassVar[str] = "Actors"
    SECTIONS: ClassVar[frozenset[str]] = frozenset({"actors", "link"})

    now = 0
    """The time to which ages are counted, UTC microseconds."""

    def body(self) -> Table[ActorRow]:
        """A row an actor."""
        self.table = Table(_COLUMNS, self._cells, empty="No actor has been heard yet")
        return self.table

    def show(self, view: View) -> None:
        """The worst first, then by name."""
        self.table.show(sorted(view.actors.values(), key=_rank))
        notes = [(f"{number:,} {state}", tone) for state, number, tone in worst_first(view)]
        if view.link.lost and view.link.floor != "down":
            notes = [(f"as of {clock(view.link.last_received)}", "warn"), *((text, "dim") for text, _ in notes)]
        self.heading.note(notes)

    def _cells(self, row: ActorRow) -> tuple[Cell, ...]:
        """An actor: the reason when something is wrong, else what it is doing."""
        state = _state(row)
        tone = _TONES.get(state, "warn")
        well = state == "alive"
        doing = (
            plain(row.reason)
            if row.reason and row.state != "alive"
            else plain(row.doing)
            if row.state not in _ENDED
            else ""
        )
        return (
            named(row.actor, row.missed, "" if well else tone),
            (_words(state), tone),
            (self._age(row), "dim" if well else tone),
            (f"{row.restarts:,}", "dim" if not row.restarts else "warn"),
            (f"{row.mailbox:,}", "dim" if not row.mailbox else ""),
            (str(row.pid) if row.pid else UNKNOWN, "dim"),
            (doing, "dim" if well else ""),
        )

    def _age(self, row: ActorRow) -> str:
        """How old the last beat is. They come each second: below two it would only flicker."""
        if not row.beat_at:
            return UNKNOWN
        age = self.now - row.beat_at
        return "<2 s" if age < _YOUNG else ago(age)
