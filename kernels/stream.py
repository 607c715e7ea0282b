"""A kernel that takes its values as they come. Imports no NumPy unless `extend` is called."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_double, c_int64, c_void_p
from typing import TYPE_CHECKING, Any

from kernels.catalog import spec
from kernels.errors import InputError, KernelError, NotFiniteError
from kernels.library import Status, library

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Stream"]


class Stream:
    """One kernel with its state: `Stream("ema", 20)`, then `update` for each new value.

    The numbers are those of the batch function of the same name over everything taken so far, to the last bit, however
    the values were divided between `update` and `extend`.

    Attributes:
        kernel: its name.
        start: how many values it takes before the first that is not NaN.
        taken: how many it has taken.
    """

    def __init__(self, kernel: str, /, *options: float, **named: float) -> None:
        self._spec = spec(kernel)
        self._options = self._spec.options_of(options, named)
        self._state = self._spec.state(self._options)
        inputs, outputs = len(self._spec.inputs), len(self._spec.outputs)
        self._in = (c_double * inputs)()
        self._out = (c_double * outputs)()
        self._ins = (c_void_p * inputs)(*(ctypes.addressof(self._in) + 8 * i for i in range(inputs)))
        self._outs = (c_void_p * outputs)(*(ctypes.addressof(self._out) + 8 * i for i in range(outputs)))
        self._where = (c_int64 * 2)()
        self._call = library().pw_update
        # As plain addresses, which ctypes passes on as they are; this object holds what they point to.
        self._kernel = ctypes.addressof(self._spec.row.contents)
        self._memory = ctypes.addressof(self._state)
        self._found = ctypes.addressof(self._where)
        ins, outs = ctypes.addressof(self._ins), ctypes.addressof(self._outs)
        self._one = (self._kernel, self._memory, ins, 1, outs, self._found)
        self.kernel = kernel
        self.start = self._spec.start(self._options)
        self.taken = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything taken."""
        status = library().pw_begin(self._spec.row, self._options, byref(self._state), ctypes.sizeof(self._state))
        if status != Status.OK:
            raise KernelError(f"{self.kernel}: the library answered {status} to pw_begin")
        self.taken = 0

    def update(self, *values: float) -> Any:  # noqa: ANN401 (a float, or a named tuple of them)
        """Take one value of each input; a float, or a named tuple of floats, NaN during the warm-up.

        Raises:
            NotFiniteError: a value is NaN or infinite; it was not taken.
            InputError: the number of values is not that of the inputs.
        """
        if len(values) != len(self._in):
            wanted = ", ".join(self._spec.inputs)
            raise InputError(self.kernel, "update", f"takes {len(self._in)} values ({wanted}), not {len(values)}")
        for i, value in enumerate(values):
            self._in[i] = value
        status = self._call(*self._one)
        if status:
            self._refuse(status, values[self._where[0]])
        self.taken += 1
        return self._out[0] if self._spec.result is None else self._spec.result(*self._out)

    def extend(self, *arrays: ArrayLike) -> Any:  # noqa: ANN401 (an array, or a named tuple of them)
        """Take many values of each input at once; arrays of their length, as the batch function gives them.

        Raises:
            NotFiniteError: a value is NaN or infinite; none of them was taken.
            InputError: no array of numbers, or of different lengths.
        """
        from kernels.arrays import empty, inputs_of, pointers

        given = inputs_of(self.kernel, self._spec.inputs, arrays)
        outputs = empty(len(given[0]), len(self._spec.outputs))
        status = self._call(self._kernel, self._memory, pointers(given), len(given[0]), pointers(outputs), self._found)
        if status:
            self._refuse(status, float(given[self._where[0]][self._where[1]]))
        self.taken += len(given[0])
        return self._spec.arranged(outputs)

    def _refuse(self, status: int, value: float) -> None:
        if status == Status.NOT_FINITE:
            name = self._spec.inputs[self._where[0]]
            raise NotFiniteError(self.kernel, name, self.taken + self._where[1], value)
        raise KernelError(f"{self.kernel}: the library answered {status} to pw_update")
