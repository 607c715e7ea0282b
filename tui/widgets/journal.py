"""The log: what the floor reported, the newest last, from a chosen level up. It follows the end unless scrolled."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import ClassVar

from textual.events import Resize
from textual.widget import Widget

from tui.view_state import LogRow, View
from tui.widgets.columns import Cell, Column
from tui.widgets.figures import clock, count, plain
from tui.widgets.panel import Panel
from tui.widgets.table import Table

__all__ = ["Journal"]

Line = tuple[Cell, Cell, Cell]

_COLUMNS = (Column("Time"), Column("Level"), Column("What", least=12, fills=True))
_LEVELS = ("debug", "info", "warning", "error", "critical")
_WORDS = {"debug": "debug", "info": "info", "warning": "WARN", "error": "ERROR", "critical": "CRIT"}
_TONES = {"debug": "dim", "info": "", "warning": "warn", "error": "bad", "critical": "bad"}
_OURS = frozenset({"fill", "refused", "gap", "link", "left_out"})  # codes that say the same as the text
_FLOORS = ("debug", "info", "warning", "error")
# Cells before the text: the time, the level and two gaps; and what a scroll bar takes.
_BEFORE = 8 + 1 + 5 + 1 + 2
_NARROWEST = 16


class Journal(Panel):
    """Panel 6."""

    NUMBER: ClassVar[int] = 6
    NAME: ClassVar[str] = "Log"
    SECTIONS: ClassVar[frozenset[str]] = frozenset({"log"})

    least = "debug"
    """The least level that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._wrapped: dict[tuple[int, str, str, str, int], list[Line]] = {}
        self._width = 0

    def body(self) -> Widget:
        """A row a line of text."""
        self.table: Table[Line] = Table(
            _COLUMNS, lambda line: line, empty="Nothing reported yet", titles=False, follow=True
        )
        return self.table

    def show(self, view: View) -> None:
        """Every row of the chosen levels, the newest at the end."""
        width = max(self.size.width - _BEFORE, _NARROWEST)
        if width != self._width:
            self._wrapped.clear()
            self._width = width
        kept: dict[tuple[int, str, str, str, int], list[Line]] = {}
        lines: list[Line] = []
        shown = worse = 0
        for row in view.log:
            worse += rank(row.level) >= rank("warning")
            if rank(row.level) < rank(self.least):
                continue
            key = (row.at, row.level, row.actor, row.text, row.more)
            kept[key] = self._wrapped.get(key) or list(_lines(row, width))
            lines += kept[key]
            shown += 1
        self._wrapped = kept
        empty = "Nothing reported yet" if not view.log else f"Nothing of level {self.least} or above"
        self.table.show(lines, empty=empty)
        notes: list[Cell] = [(f"{worse:,} WARN or worse", "warn")] if worse else []
        if self.least != _FLOORS[0]:
            notes.insert(0, (f"from {_WORDS[self.least]} up", "warn"))
        if not self.table.follows:
            notes.insert(0, ("scrolled: End follows", "warn"))
        notes.append((count(shown, "entry", "entries"), ""))
        self.heading.note(notes)

    def narrow(self) -> None:
        """From the next level up; after the highest all of them again."""
        self.least = _FLOORS[(_FLOORS.index(self.least) + 1) % len(_FLOORS)]
        self.again()
        self.table.scroll_end(animate=False)

    def on_resize(self, event: Resize) -> None:
        """Wrap it to the new width."""
        self.again()


def rank(level: str) -> int:
    """How bad a level is; one that is not known counts as an error rather than being hidden."""
    return _LEVELS.index(level) if level in _LEVELS else _LEVELS.index("error")


def _lines(row: LogRow, width: int) -> Iterator[Line]:
    """A row of the log as the lines it takes."""
    tone = _TONES.get(row.level, "bad")
    code = f" ({plain(row.code)})" if row.code and row.code not in _OURS else ""
    more = f" ... and {row.more:,} more like it" if row.more else ""
    texts = wrap(f"{plain(row.actor)}: {plain(row.text)}{code}{more}", width, subsequent_indent="  ") or [""]
    yield (clock(row.at), "dim"), (_WORDS.get(row.level, plain(row.level)), tone), (texts[0], tone)
    for text in texts[1:]:
        yield ("", ""), ("", ""), (text, tone)
