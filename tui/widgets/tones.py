"""The tones that texts may have, and how pieces of text become a line of the terminal.

A tone never says more than the text in it: on a terminal without colours nothing is lost. Pieces are plain text,
nothing in them is markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.marks import marks

__all__ = ["TONE_CLASSES", "Toned", "fitted"]

TONE_CLASSES = {f"tone--{name}" for name in ("up", "down", "dim", "good", "warn", "bad", "strong", "head")}
"""The component classes in which floor.tcss gives each tone its colour."""


class Toned(Widget):
    """A widget that paints its own lines."""

    COMPONENT_CLASSES = TONE_CLASSES

    _tones: dict[str, Style] | None = None

    def tone_style(self, tone: str) -> Style:
        """The style of a tone, kept: looking one up for each piece would cost more than painting it."""
        if self._tones is None:
            self._tones = {}
        if (style := self._tones.get(tone)) is None:
            style = self.get_component_rich_style(f"tone--{tone}") if tone else self.rich_style
            self._tones[tone] = style
        return style

    def notify_style_update(self) -> None:
        """Other colours: the tones are looked up again."""
        self._tones = None
        super().notify_style_update()

    def painted(self, pieces: Iterable[tuple[str, str]], width: int) -> Strip:
        """(text, tone) pieces from the left, cut or filled to `width` cells."""
        segments = [Segment(text, self.tone_style(tone)) for text, tone in pieces]
        return Strip(segments).adjust_cell_length(width, self.tone_style(""))

    def repaint(self, before: Sequence[object], after: Sequence[object]) -> None:
        """Paint those lines again that differ."""
        if len(before) != len(after):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """Text of exactly `width` cells: padded, or cut with a mark that says so."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return f"{set_cell_size(text, width - 1)}{marks.cut}" if width > 0 else ""
    return " " * (width - length) + text if right else text + " " * (width - length)
