"""NumPy arrays for kernels: only batch functions import this, so that live processes carry no NumPy."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels.catalog import spec
from kernels.errors import InputError, KernelError, NotFiniteError
from kernels.library import Status, library

__all__ = ["Doubles", "batch", "empty", "inputs_of", "pointers"]

Doubles = NDArray[np.float64]


def inputs_of(kernel: str, names: Sequence[str], given: Sequence[ArrayLike]) -> list[Doubles]:
    """The inputs as contiguous arrays of doubles, copied only when they are not.

    Raises:
        InputError: one is no one-dimensional array of numbers, or the lengths differ.
    """
    arrays: list[Doubles] = []
    if len(given) != len(names):
        raise InputError(kernel, "inputs", f"are {', '.join(names)}; {len(given)} were given")
    for name, one in zip(names, given, strict=True):
        found = np.asarray(one)
        if found.dtype.kind not in "fiu" and found.size:
            raise InputError(kernel, name, f"has the type {found.dtype}; expected numbers")
        if found.ndim != 1:
            raise InputError(kernel, name, f"has {found.ndim} dimensions; expected 1")
        arrays.append(np.ascontiguousarray(found, dtype=np.float64))
        if len(found) != len(arrays[0]):
            raise InputError(kernel, name, f"has {len(found)} values and {names[0]} {len(arrays[0])}; expected as many")
    return arrays


def empty(length: int, count: int) -> list[Doubles]:
    """Memory for `count` outputs of that length."""
    return [np.empty(length, np.float64) for _ in range(count)]


def pointers(arrays: Sequence[NDArray[Any]]) -> ctypes.Array[ctypes.c_void_p]:
    """The arrays' addresses, as the C functions take them."""
    return (ctypes.c_void_p * len(arrays))(*(one.ctypes.data for one in arrays))


def batch(kernel: str, inputs: Sequence[ArrayLike], options: Sequence[float | None]) -> list[Doubles]:
    """Run one kernel over whole arrays; an option of None has its default.

    The interpreter is free for other threads meanwhile. Returns the outputs: arrays of the inputs' length, with NaN in
    the warm-up.

    Raises:
        OptionError: an option is out of its bounds.
        NotFiniteError: a NaN or an infinity among the inputs, with its position.
        InputError: an input is no array of numbers, or the lengths differ.
    """
    one = spec(kernel)
    named = {option.name: value for option, value in zip(one.options, options, strict=True) if value is not None}
    values = one.options_of((), named)
    given = inputs_of(kernel, one.inputs, inputs)
    outputs = empty(len(given[0]), len(one.outputs))
    state = one.state(values)
    where = (ctypes.c_int64 * 2)()
    status = library().pw_batch(
        one.row, values, state, ctypes.sizeof(state), pointers(given), len(given[0]), pointers(outputs), where
    )
    if status == Status.NOT_FINITE:
        raise NotFiniteError(kernel, one.inputs[where[0]], where[1], float(given[where[0]][where[1]]))
    if status != Status.OK:
        raise KernelError(f"{kernel}: the library answered {status} to pw_batch")
    return outputs
