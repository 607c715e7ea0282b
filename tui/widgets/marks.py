"""The marks that stand beside figures, and lines drawn in characters: small charts, and the curve of a series.

There are two sets: one for terminals that show Unicode, one of plain ASCII for those that do not.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Marks", "curve", "marks", "spark"]


@dataclass(frozen=True, slots=True)
class Marks:
    """One set. `bars` from low to high; `dots` says whether Braille dots can be drawn."""

    up: str
    down: str
    flat: str
    shut: str
    cut: str
    bars: str
    dots: bool


_UNICODE = Marks(up="▲", down="▼", flat=" ", shut="x", cut="…", bars="▁▂▃▄▅▆▇█", dots=True)
_ASCII = Marks(up="^", down="v", flat=" ", shut="x", cut="~", bars="_.-~^", dots=False)

# The bit of each dot in a Braille character, by row from the top and column.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
_DOTS_ACROSS, _DOTS_DOWN = 2, 4


def _says_utf8() -> bool:
    """Whether the locale names UTF-8, or nothing at all: terminals without it are rare by now and say so."""
    name = next((value for key in ("LC_ALL", "LC_CTYPE", "LANG") if (value := os.environ.get(key))), "")
    charset = name.partition(".")[2].partition("@")[0]
    return not charset or charset.lower().replace("-", "") == "utf8"


marks = _UNICODE if _says_utf8() else _ASCII


def spark(values: Sequence[float], bars: str = marks.bars) -> str:
    """The values as bars between their least and their greatest; a flat line when all are the same."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if high <= low:
        return bars[len(bars) // 2 - 1] * len(values)
    scale = (len(bars) - 1) / (high - low)
    return "".join(bars[round((value - low) * scale)] for value in values)


def curve(series: Sequence[tuple[int, float]], width: int, height: int, *, dots: bool = marks.dots) -> list[str]:
    """A line through (time, value) as `height` texts of `width` cells, the top first; time runs evenly from left to
    right, and between two points the line stays where it was.
    """
    if not series or width < 1 or height < 1:
        return [" " * max(width, 0)] * max(height, 0)
    across, down = (width * _DOTS_ACROSS, height * _DOTS_DOWN) if dots else (width, height)
    rows = _rows(series, across, down)
    cells = [[0] * width for _ in range(height)]
    before = rows[0]
    for x, row in enumerate(rows):
        first, last = (before, row) if before <= row else (row, before)
        # The line goes up or down within one column: without the steps between it would fall apart.
        for y in range(first, last + 1):
            if dots:
                cells[y // _DOTS_DOWN][x // _DOTS_ACROSS] |= _DOTS[y % _DOTS_DOWN][x % _DOTS_ACROSS]
            else:
                cells[y][x] = 1
        before = row
    if dots:
        return ["".join(chr(_BRAILLE + cell) if cell else " " for cell in line) for line in cells]
    return ["".join("*" if cell else " " for cell in line) for line in cells]


def _rows(series: Sequence[tuple[int, float]], across: int, down: int) -> list[int]:
    """For each column of dots the row, 0 at the top, of the last value at that time."""
    low, high = min(value for _, value in series), max(value for _, value in series)
    start, end = series[0][0], series[-1][0]
    rows, at = [], 0
    for x in range(across):
        until = start + (end - start) * (x + 1) // across
        while at + 1 < len(series) and series[at + 1][0] <= until:
            at += 1
        share = (series[at][1] - low) / (high - low) if high > low else 0.5
        rows.append(round((1 - share) * (down - 1)))
    return rows
