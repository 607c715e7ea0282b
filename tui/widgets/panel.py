"""A panel of the floor: a line with its number, its name and what matters most about it, and a body below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip
from textual.widget import Widget

from tui.view_state import View
from tui.widgets.columns import Cell
from tui.widgets.tones import Toned, fitted

__all__ = ["Panel", "Title", "known"]


class Title(Toned):
    """The panel's first line. What does not fit on its right is left out, last first."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._notes: tuple[Cell, ...] = ()

    def note(self, notes: Sequence[Cell]) -> None:
        """What to say on the right."""
        if (new := tuple(notes)) != self._notes:
            self._notes = new
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Name on the left, notes on the right; a mark says that the keyboard is here."""
        width = self.size.width
        notes = list(self._notes)
        while notes and sum(cell_len(text) + 2 for text, _ in notes) > width - len(self._text) - 2:
            notes.pop()
        pieces = [piece for note in notes for piece in (("  ", ""), note)]
        room = max(width - 1 - sum(cell_len(text) for text, _ in pieces), 0)
        mark = ">" if isinstance(self.parent, Widget) and self.parent.has_focus_within else " "
        return self.painted([(fitted(mark + self._text, room), "head"), *pieces], width)


class Panel(Vertical):
    """What every panel can do. `SECTIONS` are the parts of the view it shows: it is asked when one has changed."""

    NUMBER: ClassVar[int]
    NAME: ClassVar[str]
    SECTIONS: ClassVar[frozenset[str]]

    def __init__(self) -> None:
        super().__init__(id=self.NAME.lower())
        self._view: View | None = None
        self.heading = Title(f"{self.NUMBER} {self.NAME}")
        self.inside = self.body()

    def body(self) -> Widget:
        """The widget below the line; it takes the keyboard."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Line and body."""
        yield self.heading
        yield self.inside

    def look(self, view: View) -> None:
        """Show what the view says now."""
        self._view = view
        self.show(view)

    def again(self) -> None:
        """Show the same view anew: something else is asked of it."""
        if self._view is not None:
            self.show(self._view)

    def show(self, view: View) -> None:
        """What each panel does with the view."""
        raise NotImplementedError

    def on_descendant_focus(self) -> None:
        """The line says where the keyboard is."""
        self.heading.refresh()

    def on_descendant_blur(self) -> None:
        """The keyboard is elsewhere."""
        self.heading.refresh()


def known(view: View, nothing: str) -> str:
    """What an empty panel says: that there is nothing, or that this is not known because nothing was read yet."""
    return nothing if view.link.phase == "live" else "Not known yet"
