"""A table of rows that change many times a second.

Owns no data: it is given the rows and a function that makes a row's cells, and makes only those of the rows in sight.
A change repaints what differs in its row, nothing else, so that a price costs few bytes on a slow line. Cells are plain
text: nothing in them is markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.events import Resize
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.widgets.columns import Cell, Column, Place, Widths
from tui.widgets.tones import TONE_CLASSES, Toned, fitted

__all__ = ["Table"]

Row = TypeVar("Row")


class Table(ScrollView, Toned, Generic[Row], can_focus=True):
    """Rows under a line of titles that stays. `empty` is the sentence for no rows at all. With `follow` the end is in
    sight until somebody scrolls away from it, and again when they scroll back: `follows` says which.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Callable[[Row], Sequence[Cell]],
        *,
        empty: str,
        titles: bool = True,
        follow: bool = False,
    ) -> None:
        super().__init__()
        self.follows = follow
        self._follow = follow
        self.columns = tuple(columns)
        self._cells = cells
        self._empty = empty
        self._titles = int(titles)
        self._rows: Sequence[Row] = ()
        self._widths = Widths(self.columns)
        self._places: list[Place] = []
        self._shown: dict[int, Sequence[Cell]] = {}

    def show(self, rows: Sequence[Row], *, empty: str = "") -> None:
        """Show these rows; what is equal to what is shown already is left alone."""
        was_empty, self._empty = self._empty, empty or self._empty
        before, self._rows = len(self._rows), rows
        if before != len(rows):
            self._fit()
        if not rows:
            self._shown.clear()
            self._widths.forget()
            if before or was_empty != self._empty:
                self.refresh()
            return
        top = self.scroll_offset.y
        seen = range(top, min(top + self.size.height - self._titles, len(rows)))
        cells = {y: self._cells(rows[y]) for y in seen}
        if self._grow(cells) or not before:
            self._shown = cells
            self._arrange()
            return
        for y in seen:
            self._replace(y, cells[y])
        for y in range(seen.stop, seen.stop + before - len(rows)):  # lines that rows have left
            self._shown.pop(y, None)
            self.refresh_line(y + self._titles)
        self._shown = cells

    def _grow(self, cells: dict[int, Sequence[Cell]]) -> bool:
        """Whether the columns have to be arranged anew for these rows."""
        grown = [self._widths.grow(row) for row in cells.values()]  # each of them, not only up to the first
        return any(grown)

    def _replace(self, y: int, cells: Sequence[Cell]) -> None:
        """Repaint those cells of row `y` that are not what is shown there."""
        shown = self._shown.get(y)
        if shown is None:
            self.refresh_line(y + self._titles)
            return
        changed = [place for place in self._places if cells[place.index] != shown[place.index]]
        if changed:  # as one piece: Textual writes a line from its beginning for each
            start, end = changed[0].x, changed[-1].x + changed[-1].width
            self.refresh(Region(start, y + self._titles - self.scroll_offset.y, end - start, 1))

    def _fit(self) -> None:
        """Tell the scroll bars how many lines there are."""
        follows = self.follows
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._rows) + self._titles)
        if follows:
            self.call_after_refresh(self._to_end)

    def _to_end(self) -> None:
        """Where the newest row is, once it is known how much fits."""
        self.follows = self._follow
        self.scroll_to(y=self.max_scroll_y, animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever scrolls to the end wants to stay there."""
        super().watch_scroll_y(old_value, new_value)
        self.follows = self._follow and new_value >= self.max_scroll_y

    def _arrange(self) -> None:
        """Give each column its place again and repaint."""
        self._places = self._widths.places(self.scrollable_content_region.width)
        self.refresh()

    def on_resize(self, event: Resize) -> None:
        """Other columns may fit now."""
        self._shown.clear()
        self._widths.forget()
        top = self.scroll_offset.y
        for row in self._rows[top : top + self.size.height]:
            self._widths.grow(self._cells(row))
        self._fit()
        self._arrange()

    def render_line(self, y: int) -> Strip:
        """One line of the terminal."""
        width = self.size.width
        if not self._rows:
            return self.painted([(fitted(self._empty, width), "dim")] if y == 0 else [], width)
        if y < self._titles:
            return self._line([(column.title, "head") for column in self.columns], self._places, width)
        row = y - self._titles + self.scroll_offset.y
        if row >= len(self._rows):
            return self.painted([], width)
        if (cells := self._shown.get(row)) is None:
            cells = self._shown[row] = self._cells(self._rows[row])
            if self._widths.grow(cells):  # whole in this line at once, in the others right after it
                self._places = self._widths.places(self.scrollable_content_region.width)
                self.call_next(self._arrange)
        return self._line(cells, self._places, width)

    def _line(self, cells: Sequence[Cell], places: Sequence[Place], width: int) -> Strip:
        """Cells at their places, figures to the right of them."""
        pieces: list[Cell] = []
        for place, after in zip(places, [*places[1:], None], strict=True):
            text, tone = cells[place.index]
            column = self.columns[place.index]
            if column.newest and tone != "head":
                text = text[-place.width :]
            gap = after.x - place.x - place.width if after is not None else 0
            pieces.append((fitted(text, place.width, right=column.right) + " " * gap, tone))
        return self.painted(pieces, width)
