"""Bars turned into ticks, compiled (bar_path.h): four a bar, O-L-H-C when it rises, else O-H-L-C.

Times in UTC microseconds, prices in points. Only `bar_ticks` imports NumPy.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, Structure, byref, c_int, c_int64, c_void_p
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from kernels import library as compiled
from kernels.errors import InputError, KernelError, OptionError, UnsortedError
from kernels.library import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["PointTicks", "bar_ticks"]

_PRICES = ("open", "high", "low", "close")


class PwPointsBar(Structure):
    """pw_points_bar."""

    _fields_: ClassVar = [(name, c_int64) for name in ("time", *_PRICES)]


SYMBOLS: dict[str, tuple[list[object], object]] = {
    "pw_bar_path": (
        [
            c_void_p,
            c_void_p,
            c_int64,
            c_int64,
            c_int64,
            c_void_p,
            c_void_p,
            c_void_p,
            POINTER(c_int64),
            POINTER(c_int64),
        ],
        c_int,
    ),
}


@cache
def bound() -> ctypes.CDLL:
    """The library with the function above."""
    return compiled.extend(SYMBOLS, {"pw_points_bar": PwPointsBar})


class PointTicks(NamedTuple):
    """Four ticks a bar; `corrected`: asks that were below the bid and were lifted to it."""

    time: NDArray[np.int64]
    bid: NDArray[np.int64]
    ask: NDArray[np.int64]
    corrected: int


def _rows(name: str, times: NDArray[np.int64], prices: Sequence[ArrayLike]) -> NDArray[Any]:
    """Bars as the library takes them."""
    import numpy as np

    if len(prices) != len(_PRICES):
        raise InputError("bar_ticks", name, f"has {len(prices)} series; expected {', '.join(_PRICES)}")
    rows = np.empty(len(times), dtype=np.dtype(PwPointsBar))
    rows["time"] = times
    for field, given in zip(_PRICES, prices, strict=True):
        found = np.asarray(given)
        if found.shape != times.shape:
            raise InputError("bar_ticks", f"{name} {field}", f"has the shape {found.shape}; expected {times.shape}")
        if found.dtype.kind not in "iu" and found.size:
            raise InputError("bar_ticks", f"{name} {field}", f"has the type {found.dtype}; expected whole points")
        rows[field] = found
    return rows


def bar_ticks(
    times: ArrayLike,
    bid: Sequence[ArrayLike],
    length: int,
    *,
    spread: int | None = None,
    ask: Sequence[ArrayLike] | None = None,
) -> PointTicks:
    """The ticks of bars of `length` microseconds: `bid` and `ask` are open, high, low, close.

    Either `spread` in points or the paired `ask` bars are given: then the path is the bid's, and each ask that of the
    same place, at least the bid.

    Raises:
        OptionError: neither or both of spread and ask, or a length or spread out of bounds.
        InputError: no whole numbers, different lengths, prices below 1, or a low and high that do not hold the bar.
        UnsortedError: a bar that starts before the one in front of it has ended.
    """
    import numpy as np

    if (spread is None) == (ask is None):
        raise OptionError("bar_ticks", "spread", spread, "a spread or the ask bars, one of the two")
    stamps = np.asarray(times)
    if stamps.ndim != 1 or (stamps.dtype.kind not in "iu" and stamps.size):
        raise InputError("bar_ticks", "times", "are no row of whole microseconds")
    stamps = np.ascontiguousarray(stamps, dtype=np.int64)
    bids = _rows("bid", stamps, bid)
    asks = _rows("ask", stamps, ask) if ask is not None else None
    count = 4 * len(stamps)
    time, low, high = (np.empty(count, np.int64) for _ in range(3))
    corrected, where = c_int64(), c_int64()
    status = bound().pw_bar_path(
        bids.ctypes.data,
        asks.ctypes.data if asks is not None else None,
        len(stamps),
        length,
        spread or 0,
        time.ctypes.data,
        low.ctypes.data,
        high.ctypes.data,
        byref(corrected),
        byref(where),
    )
    if status == Status.UNSORTED:
        raise UnsortedError("bar_ticks", "times", where.value)
    if status == Status.PRICE:
        text = "holds a price below 1 or above 2^36 points, or a low and high that do not hold open and close"
        raise InputError("bar_ticks", f"bar {where.value}", text)
    if status == Status.OPTION:
        raise OptionError("bar_ticks", "length, spread", (length, spread), "at least 4 us, and 0 to 2^36 points")
    if status != Status.OK:
        raise KernelError(f"bar_ticks: the library answered {status}")
    return PointTicks(time, low, high, corrected.value)
