"""The kernels by name: their inputs, outputs and options, as the compiled table has them.

`spec(name)` is one of them; `Spec.options_of` turns what a caller gave into the C array, or says which option is wrong.
Nothing here imports NumPy.
"""

from __future__ import annotations

import ctypes
import math
from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from kernels.errors import KernelError, OptionError
from kernels.library import Status, library

__all__ = ["OptionSpec", "Spec", "names", "spec"]


class OptionSpec(NamedTuple):
    """One option: its bounds, both inclusive, and its default; None means the value of the option before it."""

    name: str
    low: float
    high: float
    default: float | None
    whole: bool

    def expected(self) -> str:
        """The bounds in words."""
        return f"{'a whole number' if self.whole else 'a number'} from {self.low:g} to {self.high:g}"


class Spec:
    """One kernel: `name`, `inputs`, `outputs`, `options`, `rule` ("" for none) and its row of the compiled table."""

    def __init__(self, row: Any) -> None:  # noqa: ANN401 (a ctypes pointer has no type of its own)
        kernel = row.contents
        self.row = row
        self.name = kernel.name.decode()
        self.inputs = tuple(kernel.inputs[i].decode() for i in range(kernel.n_inputs))
        self.outputs = tuple(kernel.outputs[i].decode() for i in range(kernel.n_outputs))
        self.rule = kernel.rule.decode() if kernel.rule else ""
        self.options = tuple(
            OptionSpec(
                option.name.decode(),
                option.low,
                option.high,
                None if math.isnan(option.preset) else option.preset,
                bool(option.whole),
            )
            for option in (kernel.options[i] for i in range(kernel.n_options))
        )
        # Several outputs come as a named tuple called after the kernel: bbands -> Bbands(upper, middle, lower).
        self.result: type[tuple[Any, ...]] | None = (
            namedtuple(self.name.capitalize(), self.outputs) if len(self.outputs) > 1 else None  # noqa: PYI024
        )

    def options_of(self, given: Sequence[float], named: Mapping[str, float]) -> ctypes.Array[ctypes.c_double]:
        """The options as the C functions take them: given in order, then by name, the rest by their defaults.

        Raises:
            OptionError: unknown, given twice, no number, out of its bounds, or against the kernel's rule.
        """
        known = [option.name for option in self.options]
        if len(given) > len(known):
            raise OptionError(self.name, "options", tuple(given), f"at most {len(known)}: {', '.join(known)}")
        values: dict[str, Any] = dict(zip(known, given, strict=False))
        for name, number in named.items():
            if name not in known or name in values:
                expected = "one value" if name in known else f"one of {', '.join(known) or 'none'}"
                raise OptionError(self.name, name, number, expected)
            values[name] = number
        array = (ctypes.c_double * max(1, len(known)))()
        for i, option in enumerate(self.options):
            value: object = values.get(option.name, option.default)
            array[i] = array[i - 1] if value is None else self._number(option, value)
        self._check(array)
        return array

    def _number(self, option: OptionSpec, value: object) -> float:
        try:
            return float(value)  # type: ignore[arg-type] # whatever float() takes, NumPy's numbers included
        except (TypeError, ValueError, OverflowError):
            raise OptionError(self.name, option.name, value, option.expected()) from None

    def _check(self, array: ctypes.Array[ctypes.c_double]) -> None:
        which = ctypes.c_int32()
        if library().pw_check_options(self.row, array, ctypes.byref(which)) == Status.OK:
            return
        if which.value < len(self.options):
            wrong = self.options[which.value]
            value = array[which.value]
            shown = int(value) if wrong.whole and value.is_integer() else value
            raise OptionError(self.name, wrong.name, shown, wrong.expected())
        options = ", ".join(f"{option.name} {array[i]:g}" for i, option in enumerate(self.options))
        raise OptionError(self.name, "options", options, self.rule)

    def start(self, options: ctypes.Array[ctypes.c_double]) -> int:
        """The position of the first value that is not NaN."""
        return int(library().pw_start(self.row, options))

    def state(self, options: ctypes.Array[ctypes.c_double]) -> ctypes.Array[ctypes.c_int64]:
        """Memory for a state with these options, aligned as the library wants it; not begun yet."""
        size = int(library().pw_state_bytes(self.row, options))
        return (ctypes.c_int64 * (-(-size // 8)))()

    def arranged(self, outputs: Sequence[Any]) -> Any:  # noqa: ANN401 (numbers or arrays, as they come)
        """One output as it is, several as the kernel's named tuple."""
        return outputs[0] if self.result is None else self.result(*outputs)


@cache
def _table() -> dict[str, Spec]:
    rows: dict[str, Spec] = {}
    while row := library().pw_kernel_at(len(rows)):
        one = Spec(row)
        rows[one.name] = one
    return rows


def names() -> tuple[str, ...]:
    """The names of all kernels."""
    return tuple(_table())


def spec(name: str) -> Spec:
    """The kernel of that name.

    Raises:
        KernelError: there is none.
    """
    found = _table().get(name)
    if found is None:
        raise KernelError(f"no kernel {name!r}; there are {', '.join(_table())}")
    return found
