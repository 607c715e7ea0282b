"""A strategy's parameters as people write them: `--set name=value` and `.set` files become its Struct.

The Struct (kernels/params.py) is the source of types and bounds; here text becomes its values: lists are separated by
commas or spaces, true and false may be 1 and 0. Names are matched without regard to case; Asirikuy's own names stand
for ours, and those of its settings that mean nothing here are noted. What is wrong names the option, or file and line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from actors.set_file import SetFileError, read_set
from actors.symbols import FeedError
from kernels.errors import OptionError
from kernels.params import PARAMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernels.params import Params

__all__ = ["ParamsError", "params_of"]

_ALIASES = {
    "account_risk_percent": "risk_percent",
    "atr_averaging_period": "atr_period",
    "autobbs_trend_mode": "mode",
}
_NOT_OURS = {
    "operational_mode",
    "strategy_instance_id",
    "strategy_timeframe",
    "max_drawdown_percent",
    "autobbs_risk_cap",
    "autobbs_max_account_risk",
}
_ASIRIKUY_SECTION = re.compile(r"section_\d+", re.IGNORECASE)
_WORDS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False, "on": True, "off": False}


class ParamsError(FeedError):
    """Parameters that a strategy does not take."""


def params_of(
    strategy: str, values: Sequence[tuple[str, str]] = (), set_file: str = ""
) -> tuple[Params, tuple[str, ...]]:
    """The parameters of a built-in strategy: its defaults, then the file's values, then those given one by one.

    Returns:
        The Struct, and notes on lines of the file that mean nothing to the strategy.

    Raises:
        ParamsError: there is no such strategy or parameter, or a value is of the wrong type or out of bounds.
        SetFileError: the same in the file, with its line.
    """
    kind = PARAMS.get(strategy)
    if kind is None:
        raise ParamsError(f"unknown strategy {strategy!r}; expected one of {', '.join(PARAMS)}")
    fields = {field.name: field.type for field in msgspec.inspect.type_info(kind).fields}  # type: ignore[attr-defined]
    given: dict[str, Any] = {}
    lines: dict[str, int] = {}
    notes = []
    for value in read_set(set_file) if set_file else ():
        name = value.name.lower()
        name = _ALIASES.get(name, name)
        if name in _NOT_OURS or _ASIRIKUY_SECTION.fullmatch(name):
            notes.append(f"{set_file}, line {value.line}: {value.name} means nothing to {strategy}")
            continue
        if name not in fields:
            raise SetFileError(set_file, value.line, f"unknown parameter {value.name}", f"one of {', '.join(fields)}")
        lines[name] = value.line
        try:
            given[name] = _convert(fields[name], value.value)
            kind(**{name: given[name]})
        except ValueError as error:
            if not _is_about(error, name):
                continue
            raise SetFileError(set_file, value.line, *_reason(error, value.value)) from None
    for name, text in values:
        if name not in fields:
            raise ParamsError(f"--set {name}={text}: unknown parameter; expected one of {', '.join(fields)}")
        lines.pop(name, None)
        try:
            given[name] = _convert(fields[name], text)
        except ValueError as error:
            reason, expected = _reason(error, text)
            raise ParamsError(f"--set {name}: {reason}; expected {expected}") from None
    try:
        return kind(**given), tuple(notes)
    except OptionError as error:
        if error.option in lines:
            raise SetFileError(
                set_file, lines[error.option], f"{error.option} {error.value!r}", error.expected
            ) from None
        raise ParamsError(str(error)) from None


def _is_about(error: ValueError, name: str) -> bool:
    """Whether a value is wrong by itself; a rule between parameters is checked when all are known."""
    return not isinstance(error, OptionError) or error.option == name


def _reason(error: ValueError, text: str) -> tuple[str, str]:
    """What is wrong and what was expected."""
    if isinstance(error, OptionError):
        return f"{error.option} {error.value!r}", error.expected
    return f"value {text[:60]!r}", str(error)


def _convert(kind: msgspec.inspect.Type, text: str) -> Any:  # noqa: ANN401 (what a parameter is)
    """A value of a parameter's type. ValueError with what was expected."""
    inspect = msgspec.inspect
    if isinstance(kind, inspect.Metadata):
        return _convert(kind.type, text)
    if isinstance(kind, inspect.VarTupleType):
        parts = [part for part in re.split(r"[,\s]+", text.strip("()[] ")) if part]
        return tuple(_convert(kind.item_type, part) for part in parts)
    if isinstance(kind, inspect.LiteralType):
        for value in kind.values:
            if str(value).lower() == text.lower():
                return value
        raise ValueError(f"one of {', '.join(map(str, kind.values))}")
    if isinstance(kind, inspect.BoolType):
        if text.lower() not in _WORDS:
            raise ValueError("true or false")
        return _WORDS[text.lower()]
    return _convert_number(int if isinstance(kind, inspect.IntType) else float, text)


def _convert_number(kind: type[int | float], text: str) -> int | float:
    """A number. ValueError with what was expected."""
    try:
        return kind(text)
    except ValueError:
        raise ValueError("a whole number" if kind is int else "a number") from None
