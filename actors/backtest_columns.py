"""Text files of numbers as NumPy arrays: columns are taken apart and converted for whole blocks of lines at once.

`Text` reads a file, plain or `.gz`, in blocks of whole lines; `Block` gives its columns as prices (whole points, exact)
or times (UTC microseconds). What is wrong is a TickFileError with the file, the line and what was expected.
Nothing here knows a format: actors/backtest_formats.py does.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from actors.backtest_times import parse_times
from actors.ticks import TickFileError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Block", "Integers", "Text"]

Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]

_BLOCK = 1 << 23
_LONGEST = 4096
_MOST_POINTS = 2**53
_MOST_DIGITS = 18
_OFF_GRID = 1000
"""A price may lie this part of a point beside the grid: 1/1000."""


@dataclass(frozen=True)
class Text:
    """A file of text that is read from its beginning each time."""

    path: str

    def blocks(self, skip: int = 0) -> Iterator[Block]:
        """The lines behind the first `skip` that are not blank, in blocks, as rows of fields.

        Raises:
            TickFileError: the file cannot be read, or has a line of 4,096 bytes and more.
        """
        line, rest = 0, b""
        try:
            with _open(self.path) as stream:
                while True:
                    raw = stream.read(_BLOCK)
                    data = rest + raw
                    cut = data.rfind(b"\n") + 1 if raw else len(data)
                    rest = data[cut:]
                    if len(rest) >= _LONGEST:
                        found = line + data.count(b"\n") + 1
                        raise TickFileError(self.path, found, "the line is too long", f"fewer than {_LONGEST:,} bytes")
                    if cut:
                        block = Block(self.path, data[:cut], line, skip)
                        line += block.lines
                        skip -= block.skipped
                        if block.rows:
                            yield block
                    if not raw:
                        return
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise TickFileError(self.path, line + 1, f"broken gzip data ({error})", "a whole gzip file") from None
        except (OSError, ValueError) as error:
            if isinstance(error, TickFileError):
                raise
            reason = f"it cannot be read ({getattr(error, 'strerror', None) or error})"
            raise TickFileError(self.path, 0, reason, "a readable file") from None

    def first_line(self) -> str:
        """The first line that is not blank. TickFileError when there is none."""
        for block in self.blocks():
            return block.text(0)
        raise TickFileError(self.path, 0, "it is empty", "lines of prices")


class Block:
    """Some whole lines. `rows` of them are not blank; `lines` there are, `skipped` were left out as asked."""

    def __init__(self, path: str, data: bytes, before: int, skip: int) -> None:
        if not before and data.startswith(b"\xef\xbb\xbf"):
            data = data[3:]
        if b'"' in data:
            data = data.replace(b'"', b"")
        if b"\r" in data:
            data = data.replace(b"\r", b"")
        if not data.endswith(b"\n"):
            data += b"\n"
        self._path = path
        self._bytes: Bytes = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(self._bytes == ord("\n"))
        starts = np.concatenate(([0], ends[:-1] + 1))
        self.lines = len(ends)
        ink = np.flatnonzero(self._bytes > ord(" "))
        used = np.flatnonzero(np.searchsorted(ink, ends) > np.searchsorted(ink, starts))
        self.skipped = min(skip, len(used))
        used = used[self.skipped :]
        self._numbers = used + before + 1
        self._starts, self._ends = starts[used], ends[used]
        self.rows = len(used)
        self._columns: list[tuple[Integers, Integers]] = []

    def text(self, row: int) -> str:
        """A whole line."""
        return self._bytes[self._starts[row] : self._ends[row]].tobytes().decode(errors="replace")

    def split(self, delimiter: str, columns: int, expected: str) -> None:
        """Take the lines apart into this many columns. TickFileError for the first line with more or fewer."""
        marks = np.flatnonzero(self._bytes == ord(delimiter))
        first = np.searchsorted(marks, self._starts)
        counts = np.searchsorted(marks, self._ends) - first
        wrong = np.flatnonzero(counts != columns - 1)
        if wrong.size:
            row = int(wrong[0])
            reason = f"{_short(self.text(row))} has {counts[row] + 1} fields, not {columns}"
            raise TickFileError(self._path, int(self._numbers[row]), reason, expected)
        at = first[:, None] + np.arange(columns - 1)[None, :]
        cuts = marks[at] if columns > 1 else np.empty((self.rows, 0), np.int64)
        starts = [self._starts, *(cuts[:, i] + 1 for i in range(columns - 1))]
        ends = [*(cuts[:, i] for i in range(columns - 1)), self._ends]
        self._columns = list(zip(starts, ends, strict=True))

    def field(self, column: int, row: int) -> str:
        """One field as it is written, without spaces around it."""
        starts, ends = self._columns[column]
        return self._bytes[starts[row] : ends[row]].tobytes().decode(errors="replace").strip()

    def fail(self, row: int, reason: str, expected: str) -> NoReturn:
        """Raise the TickFileError that names this row's line."""
        raise TickFileError(self._path, int(self._numbers[row]), reason, expected)

    def fail_first(self, wrong: Flags, reason: Callable[[int], str], expected: str) -> None:
        """Raise for the first row for which the flag is set; `reason` gets its number."""
        if wrong.any():
            row = int(np.argmax(wrong))
            self.fail(row, reason(row), expected)

    def times(self, column: int) -> Integers:
        """A column of times as UTC microseconds (of the clock that they are written in, if they name no offset)."""
        starts, ends = self._columns[column]
        found, wrong = parse_times(self._bytes, starts, ends)
        self.fail_first(
            wrong,
            lambda row: f"time {_short(self.field(column, row))} does not fit",
            "a time as 2020-01-01T22:00:00.065Z, 20200101 170000065, or a whole epoch",
        )
        return found

    def points(self, column: int, digits: int) -> Integers:
        """A column of prices as whole points of 10^-digits.

        Raises:
            TickFileError: no number, NaN, infinite, not above 0, too large, or further than 0.001 point off the grid.
        """
        mantissa, decimals, odd = self._decimals(column)
        found = np.zeros(self.rows, np.int64)
        off = np.zeros(self.rows, np.bool_)
        for count in np.unique(decimals[~odd]):
            rows = (decimals == count) & ~odd
            part = mantissa[rows]
            if count <= digits:
                scale = 10 ** int(digits - count)
                odd[rows] |= part > _MOST_POINTS // scale
                found[rows] = np.where(part > _MOST_POINTS // scale, 0, part * scale)
                continue
            scale = 10 ** int(count - digits)
            whole = (part + scale // 2) // scale
            found[rows] = whole
            off[rows] = np.abs(part - whole * scale) > scale // _OFF_GRID
        for row in np.flatnonzero(odd | (found <= 0) | (found > _MOST_POINTS)):
            found[row], off[row] = self._odd_price(column, int(row), digits)
        self.fail_first(
            off,
            lambda row: f"price {self.field(column, row)} is not on the grid",
            f"a multiple of {Decimal(1).scaleb(-digits)}",
        )
        return found

    def _odd_price(self, column: int, row: int, digits: int) -> tuple[int, bool]:
        """A price that is written unusually, or is none: points, and whether it is off the grid."""
        text = self.field(column, row)
        try:
            value = Decimal(text)
        except InvalidOperation:
            self.fail(row, f"price {_short(text)} is not a number", "a decimal number")
        if not value.is_finite() or value <= 0 or value.scaleb(digits) > _MOST_POINTS:
            self.fail(row, f"price {text}", "a number above 0 and below 2^53 points")
        exact = value.scaleb(digits)
        whole = round(exact)
        if not whole:
            self.fail(row, f"price {text}", "a number above 0 and below 2^53 points")
        return whole, abs(exact - whole) * _OFF_GRID > 1

    def _decimals(self, column: int) -> tuple[Integers, Integers, Flags]:
        """Mantissa and number of decimals of a column; odd: rows that are not written as plain digits and a dot."""
        starts, ends = self._columns[column]
        widths = ends - starts
        width = min(int(widths.max()), _MOST_DIGITS + 2)
        odd = (widths > width) | (widths == 0)
        mantissa, decimals, dots, digits = (np.zeros(self.rows, np.int64) for _ in range(4))
        last = len(self._bytes) - 1
        for place in range(width, 0, -1):
            at = ends - place
            char = self._bytes[np.minimum(np.maximum(at, 0), last)]
            inside = at >= starts
            digit = char - np.uint8(48)
            is_digit = (digit < 10) & inside  # noqa: PLR2004 - ten digits
            is_dot = (char == ord(".")) & inside
            odd |= inside & ~is_digit & ~is_dot
            mantissa = np.where(is_digit & (digits < _MOST_DIGITS), mantissa * 10 + digit, mantissa)
            decimals += is_digit & (dots > 0)
            digits += is_digit
            dots += is_dot
        odd |= (dots > 1) | (digits == 0) | (digits > _MOST_DIGITS)
        return mantissa, decimals, odd


def _open(path: str) -> BinaryIO:
    """The file's bytes, unpacked if its name says `.gz`."""
    return cast("BinaryIO", gzip.open(path, "rb")) if path.lower().endswith(".gz") else Path(path).open("rb")


def _short(text: str) -> str:
    """A piece of a file, quoted and of a bounded length."""
    return repr(text if len(text) <= 60 else text[:57] + "...")  # noqa: PLR2004 - a message's width
