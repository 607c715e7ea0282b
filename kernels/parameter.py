"""One parameter of a built-in strategy, derived from its Struct, and everything that is made of it.

A strategy's parameters are a msgspec Struct whose fields carry `Meta` (kernels/params.py). `parameters` reads it;
`check` refuses a value with its name and bound; `parse` takes texts, as from a command line or a `.set` file; `schema`
is the JSON schema; `table` the rows of the documentation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import inspect

from kernels.errors import OptionError

__all__ = ["Parameter", "check", "parameters", "parse", "schema", "table"]

P = TypeVar("P", bound=msgspec.Struct)
TRUE = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


class Parameter(msgspec.Struct, frozen=True):
    """One parameter. `low` and `high` bound a value, or each value of a list; `low_open`: `low` itself is out.

    Attributes:
        kind: "flag", "whole", "number", "list" (of numbers) or "choice".
        fewest: of a list, how many values at least; `most`: at most.
        unit: "lots", "pips", "money", "percent", "bars", or "" for a bare number.
        search: whether a tuner may vary it.
    """

    name: str
    kind: str
    default: Any
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    fewest: int = 0
    most: int = 0
    choices: tuple[str, ...] = ()
    unit: str = ""
    help: str = ""

    @property
    def search(self) -> bool:
        """Whether it has a bounded range that a search can run over."""
        return self.kind in {"flag", "choice"} or (self.low is not None and self.high is not None)

    @property
    def bounds(self) -> str:
        """The bounds in words: "from 1 to 10000", "above 0", "below 0", "trend, swing or breakout"."""
        if self.kind == "flag":
            return "true or false"
        if self.choices:
            return " or ".join([", ".join(self.choices[:-1]), self.choices[-1]])
        low, high = shown(self.low), shown(self.high)
        if self.low is not None and self.high is not None:
            return f"from {low} to {high}"
        if self.low is not None:
            return f"above {low}" if self.low_open else f"{low} or more"
        return f"below {high}" if self.high_open else f"{high} or less"

    @property
    def expected(self) -> str:
        """What a value must be, as an error says it."""
        if self.kind in {"flag", "choice"}:
            return self.bounds
        if self.kind == "list":
            return f"{self.fewest} to {self.most} numbers, each {self.bounds}"
        return f"a {'whole number' if self.kind == 'whole' else 'number'} {self.bounds}"

    def within(self, value: object) -> bool:
        """Whether one value is a finite number and within the bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        above = self.low is None or (value > self.low if self.low_open else value >= self.low)
        below = self.high is None or (value < self.high if self.high_open else value <= self.high)
        return above and below

    def holds(self, value: object) -> bool:
        """Whether a value is of the kind and within the bounds."""
        if self.kind == "flag":
            return isinstance(value, bool)
        if self.kind == "choice":
            return value in self.choices
        if self.kind == "list":
            return (
                isinstance(value, Sequence)
                and not isinstance(value, str)
                and self.fewest <= len(value) <= self.most
                and all(self.within(each) for each in value)
            )
        whole = self.kind != "whole" or isinstance(value, int)
        return whole and self.within(value)

    def parsed(self, strategy: str, text: str) -> Any:  # noqa: ANN401 (what the parameter's kind is)
        """The value that a text stands for; lists are divided by commas.

        Raises:
            OptionError: it is none.
        """
        words = text.strip()
        try:
            match self.kind:
                case "flag":
                    return TRUE[words.lower()]
                case "choice":
                    return words
                case "list":
                    return tuple(float(word) for word in words.split(","))
                case "whole":
                    return int(words)
                case _:
                    return float(words)
        except (ValueError, KeyError):
            raise OptionError(strategy, self.name, text, self.expected) from None


def shown(number: float | None) -> str:
    """A number without a needless fraction."""
    return "" if number is None else f"{number:g}" if number != int(number) else str(int(number))


def numeric(kind: inspect.IntType | inspect.FloatType) -> dict[str, Any]:
    """The bounds of a number."""
    low, high = (kind.ge if kind.gt is None else kind.gt), (kind.le if kind.lt is None else kind.lt)
    return {"low": low, "high": high, "low_open": kind.gt is not None, "high_open": kind.lt is not None}


def literals(hint: object) -> tuple[str, ...]:
    """The values of a Literal in the order in which they were written; msgspec sorts them."""
    return next((literals(each) for each in get_args(hint)[:1] if get_args(each)), get_args(hint))


def row(field: inspect.Field, hint: object) -> Parameter:
    """One field of a Struct."""
    kind = field.type
    more: dict[str, Any] = {}
    if isinstance(kind, inspect.Metadata):
        more = {
            "help": (kind.extra_json_schema or {}).get("description", ""),
            "unit": (kind.extra or {}).get("unit", ""),
        }
        kind = kind.type
    default = field.default
    match kind:
        case inspect.BoolType():
            return Parameter(field.name, "flag", default, **more)
        case inspect.LiteralType():
            return Parameter(field.name, "choice", default, choices=literals(hint), **more)
        case inspect.IntType():
            return Parameter(field.name, "whole", default, **numeric(kind), **more)
        case inspect.FloatType():
            return Parameter(field.name, "number", default, **numeric(kind), **more)
        case inspect.VarTupleType(item_type=inspect.FloatType() as item):
            return Parameter(
                field.name,
                "list",
                default,
                **numeric(item),
                fewest=kind.min_length or 0,
                most=kind.max_length or 0,
                **more,
            )
        case _:
            raise TypeError(f"{field.name}: {kind} is no kind of parameter")


@cache
def parameters(struct: type[msgspec.Struct]) -> tuple[Parameter, ...]:
    """The parameters of a Struct, in its order."""
    info = inspect.type_info(struct)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{struct.__name__} is no Struct")
    hints = get_type_hints(struct, include_extras=True)
    return tuple(row(field, hints[field.name]) for field in info.fields)


def check(strategy: str, params: msgspec.Struct) -> None:
    """Each value against its own bounds.

    Raises:
        OptionError: with name, value and bound.
    """
    for each in parameters(type(params)):
        value = getattr(params, each.name)
        if not each.holds(value):
            raise OptionError(strategy, each.name, value, each.expected)


def parse(strategy: str, struct: type[P], texts: Mapping[str, str]) -> P:
    """Parameters from texts; what is not named keeps its default.

    Raises:
        OptionError: a name is unknown, or a text stands for no value within its bounds.
    """
    known = {each.name: each for each in parameters(struct)}
    for name, text in texts.items():
        if name not in known:
            raise OptionError(strategy, name, text, f"one of the parameters {', '.join(known)}")
    return struct(**{name: known[name].parsed(strategy, text) for name, text in texts.items()})


def schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of the parameters."""
    return msgspec.json.schema(struct)


def words(value: object) -> str:
    """A default as the documentation writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(shown(each) for each in value)
    return shown(value) if isinstance(value, int | float) else str(value)


def table(struct: type[msgspec.Struct]) -> list[str]:
    """The lines of a Markdown table of the parameters."""
    lines = ["| Parameter | Default | Unit | Bounds | Meaning |", "|---|---|---|---|---|"]
    for each in parameters(struct):
        bounds = f"{each.fewest} to {each.most} values, each {each.bounds}" if each.kind == "list" else each.bounds
        lines.append(f"| `{each.name}` | {words(each.default)} | {each.unit} | {bounds} | {each.help} |")
    return lines
