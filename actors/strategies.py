"""Finding strategies by name and checking their parameters.

Strategies are registered under the entry point group `pitwire.strategies`; the ones that come with Pitwire are found
without an installation too. A strategy that is in no package is named `module:Class` (found on `PYTHONPATH`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points

import msgspec

from actors.strategy import Strategy, StrategyError
from schemas.settings import ParamValue

__all__ = ["find_strategy", "make_params"]

_GROUP = "pitwire.strategies"
_OWN = {
    "adaptive_hedging": ("actors.kernel_strategy", "AdaptiveHedging"),
    "cycle_trader": ("actors.kernel_strategy", "CycleTrader"),
    "ema_cross": ("actors.ema_cross", "EmaCross"),
}
_NOT_YET = {
    "bollinger_stop": "its positions live by stop-loss orders, which a session cannot send yet; `pitwire backtest`"
}


def find_strategy(name: str) -> type[Strategy]:
    """The class. StrategyError says what is wrong, and for an unknown name which there are."""
    if ":" in name:
        return _imported(name)
    if name in _NOT_YET:
        raise StrategyError(f"strategy {name!r}: {_NOT_YET[name]} runs it")
    if name in _OWN:
        module, attribute = _OWN[name]
        return _checked(name, getattr(import_module(module), attribute))
    found = entry_points(group=_GROUP)
    for entry in found:
        if entry.name == name:
            return _checked(name, entry.load())
    known = ", ".join(sorted({*_OWN, *(entry.name for entry in found)}))
    message = f"strategy: no strategy {name!r}; expected one of {known}"
    raise StrategyError(message)


def _imported(name: str) -> type[Strategy]:
    module, _, attribute = name.partition(":")
    try:
        return _checked(name, getattr(import_module(module), attribute))
    except ImportError as error:
        message = f"strategy {name!r}: {module} cannot be imported: {error}"
        raise StrategyError(message) from error
    except AttributeError as error:
        message = f"strategy {name!r}: {module} has no {attribute}"
        raise StrategyError(message) from error


def _checked(name: str, kind: object) -> type[Strategy]:
    if not (isinstance(kind, type) and issubclass(kind, Strategy)):
        message = f"strategy {name!r}: {kind!r} is not a Strategy"
        raise StrategyError(message)
    return kind


def make_params(kind: type[Strategy], values: Mapping[str, ParamValue]) -> msgspec.Struct:
    """The strategy's parameters. StrategyError names the parameter and what was expected."""
    try:
        return msgspec.convert(values, kind.Params)
    except ValueError as error:
        raise StrategyError(_explain(str(error), kind)) from error


def _explain(text: str, kind: type[Strategy]) -> str:
    """`Expected int >= 1 - at $.fast` becomes `params.fast: expected int >= 1`."""
    known = [field.encode_name for field in msgspec.structs.fields(kind.Params)]
    found = re.fullmatch(r"(?s)(.*) - at `\$\.(.*)`", text)
    if found:
        return f"params.{found[2]}: {found[1][:1].lower()}{found[1][1:]}"
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", text)
    if unknown:
        return f"params.{unknown[1]}: no parameter of {kind.name}; expected one of {', '.join(known)}"
    return f"params{'.' if text.partition(':')[0] in known else ': '}{text}"
