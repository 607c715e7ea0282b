"""Which columns of a table fit into a width, and how wide each is.

A figure is shown whole or not at all: when the width does not suffice, the columns of the highest rank go first. Only
columns that may be cut (names and texts) shrink, to their `least`. Widths grow with what is in them and never shrink
again, so that columns do not jump while figures change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

__all__ = ["Cell", "Column", "Place", "Widths"]

Cell = tuple[str, str]
"""A text and its tone: one of `tones.TONE_CLASSES`, or nothing."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `rank`: 0 stays whatever happens, the highest goes first. `least`: cells to which a text may be cut,
    0 for a figure. `wish`: cells for which columns of a higher rank make way. `fills`: what is left over goes to this
    column. `newest`: of a chart that does not fit the right end is shown. `first`: cells that are taken from the
    beginning, so that nothing moves when the figures come.
    """

    title: str
    rank: int = 0
    right: bool = False
    least: int = 0
    wish: int = 0
    fills: bool = False
    newest: bool = False
    first: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where column number `index` is shown: its first cell and its width."""

    index: int
    x: int
    width: int


class Widths:
    """The widths that the contents of a table's columns have needed so far."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self.forget()

    def grow(self, cells: Sequence[Cell]) -> bool:
        """Take in a row. True if a column has to become wider."""
        grown = False
        for index, (text, _) in enumerate(cells):
            length = len(text) if text.isascii() else cell_len(text)
            if length > self._needed[index]:
                self._needed[index] = length
                grown = True
        return grown

    def forget(self) -> None:
        """Start again from the titles: nothing is shown."""
        self._needed = [max(cell_len(column.title), column.first) for column in self._columns]

    def places(self, width: int) -> list[Place]:
        """The columns that fit, from left to right."""
        columns, needed = self._columns, self._needed
        least = [
            max(min(column.least or need, need), cell_len(column.title))
            for column, need in zip(columns, needed, strict=True)
        ]
        shown = list(range(len(columns)))
        for index in sorted(shown, key=lambda index: (-columns[index].rank, -index)):
            rank = columns[index].rank
            sizes = [
                max(least[i], min(columns[i].wish, needed[i])) if columns[i].rank < rank else least[i] for i in shown
            ]
            if rank and sum(sizes) + len(shown) - 1 > width:
                shown.remove(index)
        spare = max(width - sum(least[i] for i in shown) - (len(shown) - 1), 0)
        given = dict.fromkeys(shown, 0)
        for most in ([max(columns[i].wish, least[i]) for i in range(len(columns))], needed):
            for index in shown:  # first to each what it wishes, then what it needs
                more = max(min(min(most[index], needed[index]) - least[index] - given[index], spare), 0)
                given[index] += more
                spare -= more
        # Where a column takes all that is left over, gaps that came and went with it would move the others.
        gap = 2 if spare >= len(shown) - 1 and not any(columns[i].fills for i in shown) else 1
        spare -= (gap - 1) * (len(shown) - 1)
        places, x = [], 0
        for index in shown:
            size = least[index] + given[index]
            if columns[index].fills:
                size, spare = size + spare, 0
            places.append(Place(index, x, size))
            x += size + gap
        return places
