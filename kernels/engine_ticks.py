"""Ticks as arrays that any number of backtests share: checked once, and made of bars where there are no ticks.

NumPy is imported when ticks are made.
"""

from __future__ import annotations

from ctypes import byref, c_int64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.engine_structs import bound
from kernels.errors import InputError, UnsortedError
from kernels.library import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Integers = NDArray[np.int64]

__all__ = ["TICKS_A_BAR", "Ticks"]

TICKS_A_BAR = 4


@dataclass(frozen=True)
class Ticks:
    """Checked ticks: times in UTC microseconds in order, bid and ask in points, 0 < bid <= ask.

    `bars`: they are four to a bar, between which the price does not jump. `corrected` asks of bars lay below the bid.
    """

    time: Integers
    bid: Integers
    ask: Integers
    bars: bool = False
    corrected: int = 0

    @classmethod
    def of(cls, time: ArrayLike, bid: ArrayLike, ask: ArrayLike, *, bars: bool = False, corrected: int = 0) -> Ticks:
        """Ticks from arrays of whole numbers, copied only if they are not contiguous int64.

        Raises:
            InputError: no ticks, not whole, different lengths, a price out of bounds, ask below bid, or bars that are
                not whole.
            UnsortedError: a time lies before the one in front of it.
        """
        columns = [_integers(name, column) for name, column in (("time", time), ("bid", bid), ("ask", ask))]
        lengths = {len(column) for column in columns}
        if len(lengths) != 1:
            raise InputError("ticks", "time", f"bid and ask have {sorted(lengths)} values; expected as many")
        length = lengths.pop()
        if not length:
            raise InputError("ticks", "time", "is empty; expected at least one tick")
        if bars and length % TICKS_A_BAR:
            raise InputError("ticks", "time", f"has {length} values; expected four for each bar")
        where = c_int64()
        status = bound().pw_engine_check(*(column.ctypes.data for column in columns), length, byref(where))
        at = where.value
        if status == Status.UNSORTED:
            raise UnsortedError("ticks", "time", at)
        if status != Status.OK:
            prices = f"bid {columns[1][at]}, ask {columns[2][at]}"
            raise InputError("ticks", "bid, ask", f"[{at}] are {prices}; expected 0 < bid <= ask, at most 2^36")
        return cls(columns[0], columns[1], columns[2], bars, corrected)

    @classmethod
    def of_bars(
        cls, time: ArrayLike, bid: Sequence[ArrayLike], length: int, *, ask: Sequence[ArrayLike] = (), spread: int = 0
    ) -> Ticks:
        """Four ticks for each bar of `length` microseconds (docs/fills.md), which begin at these times.

        Args:
            time: UTC microseconds.
            bid: open, high, low and close in points.
            length: of a bar, microseconds.
            ask: the same of the ask bars.
            spread: points from bid to ask, without ask bars.

        Raises:
            InputError: as `of`; or a bar whose low and high do not hold its open and close.
            UnsortedError: a bar begins before the one in front of it has ended.
        """
        import numpy as np

        begins = _integers("time", time)
        sides = []
        for name, columns in (("bid", bid), ("ask", ask)):
            given = [begins, *(_integers(name, column) for column in columns)]
            if len({len(column) for column in given}) != 1 or len(given) not in {1, 5}:
                raise InputError("bars", name, "are no columns open, high, low, close as long as the times")
            sides.append(np.ascontiguousarray(np.stack(given, axis=1)) if columns else None)
        if sides[0] is None or not len(begins):
            raise InputError("bars", "time", "is empty; expected at least one bar")
        path = [np.empty(TICKS_A_BAR * len(begins), np.int64) for _ in range(3)]
        corrected, where = c_int64(), c_int64()
        pointers = (None if side is None else side.ctypes.data for side in sides)
        outputs = (column.ctypes.data for column in path)
        status = bound().pw_bar_path(
            *pointers, len(begins), length, spread, *outputs, byref(corrected), byref(where)
        )  # fmt: skip
        if status == Status.UNSORTED:
            raise UnsortedError("bars", "time", where.value)
        if status != Status.OK:
            raise InputError("bars", "bid", f"[{where.value}] is no bar; expected 0 < low <= open, close <= high")
        return cls.of(*path, bars=True, corrected=corrected.value)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.time)


def _integers(name: str, column: ArrayLike) -> Integers:
    """One column as a contiguous array of 64-bit integers."""
    import numpy as np

    found = np.asarray(column)
    if found.ndim != 1:
        raise InputError("ticks", name, f"has {found.ndim} dimensions; expected 1")
    if found.dtype.kind not in "iu" and found.size:
        raise InputError("ticks", name, f"has the type {found.dtype}; expected whole numbers (microseconds, points)")
    return np.ascontiguousarray(found, np.int64)
