"""Bars from ticks, compiled (bars.c): `Bars` tick by tick, `resample` over arrays.

Bars lie on multiples of their length since 1970-01-01 UTC, moved by `shift`: a server whose clock is two hours ahead of
UTC has its days with shift=7_200. A bar is given out with the first tick at or after its end; a time without ticks has
no bar, and the bar that is still open at the end of the ticks is never given out.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, byref, c_double, c_int, c_int64, c_void_p
from functools import cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from kernels import library as compiled
from kernels.errors import InputError, KernelError, NotFiniteError, OptionError, UnsortedError
from kernels.library import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from kernels.arrays import Doubles

__all__ = ["Bar", "BarArrays", "Bars", "resample"]

MICROSECONDS = 1_000_000


class Bar(NamedTuple):
    """One closed bar; time: the beginning of its bucket, UTC microseconds; ticks: how many it was made of."""

    time: int
    open: float
    high: float
    low: float
    close: float
    ticks: int


class BarArrays(NamedTuple):
    """Closed bars as arrays of the same length."""

    time: NDArray[np.int64]
    open: Doubles
    high: Doubles
    low: Doubles
    close: Doubles
    ticks: NDArray[np.int64]


class PwBar(Structure):
    """pw_bar."""

    _fields_: ClassVar = [
        ("time", c_int64),
        ("open", c_double),
        ("high", c_double),
        ("low", c_double),
        ("close", c_double),
        ("ticks", c_int64),
    ]
    time: int
    open: float
    high: float
    low: float
    close: float
    ticks: int


class PwBars(Structure):
    """pw_bars."""

    _fields_: ClassVar = [
        ("length", c_int64),
        ("shift", c_int64),
        ("end", c_int64),
        ("last", c_int64),
        ("bar", PwBar),
    ]


SYMBOLS: dict[str, tuple[list[object], object]] = {
    "pw_bars_begin": ([POINTER(PwBars), c_int64, c_int64], c_int),
    "pw_bars_update": (
        [POINTER(PwBars), c_void_p, c_void_p, c_int64, c_void_p, c_int64, POINTER(c_int64), POINTER(c_int64)],
        c_int,
    ),
}


@cache
def bound() -> ctypes.CDLL:
    """The library with the functions above."""
    return compiled.extend(SYMBOLS, {"pw_bar": PwBar, "pw_bars": PwBars})


def microseconds(name: str, seconds: float) -> int:
    """Seconds as whole microseconds."""
    try:
        found = round(seconds * MICROSECONDS)
    except (TypeError, ValueError, OverflowError):
        raise OptionError("bars", name, seconds, "a number of seconds") from None
    return found


def begun(seconds: float, shift: float) -> PwBars:
    """A state without ticks.

    Raises:
        OptionError: a length below a microsecond or above 10,000 days, or a shift beyond that either way.
    """
    state = PwBars()
    length, moved = microseconds("seconds", seconds), microseconds("shift", shift)
    limit = 10_000 * 86_400
    if not 1 <= length <= limit * MICROSECONDS:
        raise OptionError("bars", "seconds", seconds, f"a number from 0.000001 to {limit}")
    if abs(moved) > limit * MICROSECONDS:
        raise OptionError("bars", "shift", shift, f"a number from {-limit} to {limit}")
    if bound().pw_bars_begin(byref(state), length, moved) != Status.OK:
        raise KernelError("bars: the library refused what was checked here")
    return state


def refusal(status: int, position: int, price: float) -> Exception:
    """The error that a status of pw_bars_update stands for."""
    if status == Status.NOT_FINITE:
        return NotFiniteError("bars", "prices", position, price)
    if status == Status.UNSORTED:
        return UnsortedError("bars", "times", position)
    return KernelError(f"bars: the library answered {status} to pw_bars_update")


class Bars:
    """Builds bars of `seconds` tick by tick; imports no NumPy. `taken` is the number of ticks taken."""

    def __init__(self, seconds: float, shift: float = 0) -> None:
        self._state = begun(seconds, shift)
        self._time = c_int64()
        self._price = c_double()
        self._bar = PwBar()
        self._closed = c_int64()
        self._where = c_int64()
        self._call = bound().pw_bars_update
        self.taken = 0

    def update(self, time: int, price: float) -> Bar | None:
        """Take a tick (UTC microseconds, price); the bar that it closes, if any.

        Raises:
            UnsortedError: the time lies before the last tick's; it was not taken.
            NotFiniteError: the price is NaN or infinite; it was not taken.
        """
        self._time.value = time
        self._price.value = price
        status = self._call(
            byref(self._state),
            byref(self._time),
            byref(self._price),
            1,
            byref(self._bar),
            1,
            byref(self._closed),
            byref(self._where),
        )
        if status:
            raise refusal(status, self.taken, price)
        self.taken += 1
        bar = self._bar
        return Bar(bar.time, bar.open, bar.high, bar.low, bar.close, bar.ticks) if self._closed.value else None


def resample(times: ArrayLike, prices: ArrayLike, seconds: float, shift: float = 0) -> BarArrays:
    """The bars that these ticks close: times in whole UTC microseconds in order, prices, both of the same length.

    Raises:
        OptionError: the length or the shift is out of its bounds.
        UnsortedError: a time lies before the one in front of it.
        NotFiniteError: a price is NaN or infinite.
        InputError: no arrays of numbers, times that are not whole, or different lengths.
    """
    import numpy as np

    from kernels.arrays import inputs_of

    moments = np.asarray(times)
    if moments.dtype.kind not in "iu" and moments.size:
        raise InputError("bars", "times", f"have the type {moments.dtype}; expected whole microseconds")
    _, values = inputs_of("bars", ("times", "prices"), (moments, prices))
    stamps = np.ascontiguousarray(moments, dtype=np.int64)
    state = begun(seconds, shift)
    rows = np.empty(len(stamps), dtype=np.dtype(PwBar))
    closed, where = c_int64(), c_int64()
    status = bound().pw_bars_update(
        byref(state), stamps.ctypes.data, values.ctypes.data, len(stamps), rows.ctypes.data, len(rows), closed, where
    )
    if status:
        raise refusal(status, where.value, float(values[where.value]))
    found = rows[: closed.value]
    return BarArrays(*(np.ascontiguousarray(found[name]) for name in BarArrays._fields))
