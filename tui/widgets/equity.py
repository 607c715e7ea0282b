"""Equity: the curve of the whole floor, its greatest and least value on the axis, the newest in the panel's line."""

from __future__ import annotations

from typing import ClassVar

from textual.events import Resize
from textual.strip import Strip

from tui.view_state import View
from tui.widgets.columns import Cell
from tui.widgets.figures import clock, money, plain, tone
from tui.widgets.marks import curve
from tui.widgets.panel import Panel
from tui.widgets.tones import Toned

__all__ = ["Curve", "Equity"]

_LEAST_CHART = 8


class Curve(Toned, can_focus=True):
    """The line itself, between an axis of money and one of time. `series`: (UTC microseconds, money), oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.series: list[tuple[int, float]] = []
        self._lines: list[list[tuple[str, str]]] = []
        self._axis = 0

    def show(self, series: list[tuple[int, float]]) -> None:
        """Draw this series; lines that come out the same are left alone."""
        self.series = series
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Draw it to the new size."""
        self._axis = 0
        self._draw()

    def _draw(self) -> None:
        """Make the lines anew and repaint if they differ."""
        lines = self._made()
        before, self._lines = self._lines, lines
        self.repaint(before, lines)

    def _made(self) -> list[list[tuple[str, str]]]:
        """Each line as (text, tone) pieces."""
        width, height = self.size.width, self.size.height
        if not width or not height:
            return []
        if len(self.series) < 2:  # noqa: PLR2004 - a line needs two points
            return [[("No curve yet", "dim")]]
        values = [value for _, value in self.series]
        high, low = money(max(values)), money(min(values))
        self._axis = max(self._axis, len(high), len(low))  # it never shrinks: the curve would jump sideways
        axis = self._axis if width - self._axis - 1 >= _LEAST_CHART else 0
        times = int(height > 3)  # noqa: PLR2004 - below that every line is needed for the curve
        drawn = curve(self.series, width - axis - (1 if axis else 0), height - times)
        labels = {0: high, len(drawn) - 1: low}
        line_tone = tone(values[-1] - values[0]) or "strong"
        lines = [
            [*([(f"{labels.get(y, ''):>{axis}} ", "dim")] if axis else []), (text, line_tone)]
            for y, text in enumerate(drawn)
        ]
        if times:
            room = width - axis - (1 if axis else 0)
            lines.append([(" " * (width - room) + _times(self.series[0][0], self.series[-1][0], room), "dim")])
        return lines

    def render_line(self, y: int) -> Strip:
        """One line of the terminal."""
        return self.painted(self._lines[y] if y < len(self._lines) else [], self.size.width)


def _times(start: int, end: int, room: int) -> str:
    """The axis of time: both ends, to the minute where there is no room for seconds, or only the last."""
    for length in (8, 5):
        first, last = clock(start)[:length], clock(end)[:length]
        if room > 2 * length:
            return first + last.rjust(room - length)
    return clock(end)[:room].rjust(room)


class Equity(Panel):
    """Panel 5."""

    NUMBER: ClassVar[int] = 5
    NAME: ClassVar[str] = "Equity"
    SECTIONS: ClassVar[frozenset[str]] = frozenset({"curve", "profits"})

    def body(self) -> Curve:
        """The curve."""
        self.chart = Curve()
        return self.chart

    def show(self, view: View) -> None:
        """The portfolio's equity over time."""
        series = [(point.at, point.equity) for point in view.curve]
        self.chart.show(series)
        notes: list[Cell] = []
        if series:
            profit = view.profits.get(("portfolio", "floor"))
            currency = plain(profit.currency) if profit is not None else ""
            change = series[-1][1] - series[0][1]
            low, high = min(value for _, value in series), max(value for _, value in series)
            notes = [
                (money(series[-1][1]), "strong"),
                (currency, ""),
                (money(change, signed=True), tone(change)),
                (f"min {money(low)}", "dim"),
                (f"max {money(high)}", "dim"),
            ]
        self.heading.note(notes)
