"""A backtest as it is asked for: files, a symbol, a strategy's parameters and how orders fill.

`prepare` reads and checks everything and raises what people can mend; `run` takes the ticks in slices and tells how far
it is. The clock is read around the engine only: the reading of files is not in its seconds.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from actors.backtest_data import MarketData, load
from actors.backtest_params import params_of
from actors.symbols import FeedError, symbol_spec
from bus.clock import monotonic_us
from kernels.contract import Symbol, rate
from kernels.engine import Result, Run
from kernels.engine_ticks import Ticks
from kernels.errors import KernelError, LibraryError
from kernels.market import account
from kernels.strategies import Strategy
from kernels.zones import zone_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernels.market import Account, PwRate
    from kernels.params import Params
    from schemas.market import SymbolSpec

__all__ = ["BacktestError", "EngineError", "Prepared", "Request", "prepare", "run"]

_SLICE = 1_000_000
_MOST_SPREAD = 1_000_000
_SELF_OPENING = "auto"


class BacktestError(FeedError):
    """A backtest that cannot be run as it was asked for."""


class EngineError(Exception):
    """The compiled library is missing, or was built from other sources. The text says what to do."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to run. Money in the account's currency, times in UTC microseconds, spread and slippage in points."""

    strategy: str
    data: tuple[str, ...]
    symbol: str
    format: str = ""
    values: tuple[tuple[str, str], ...] = ()
    set_file: str = ""
    begin: int | None = None
    end: int | None = None
    deposit: float = 10_000.0
    currency: str = "USD"
    leverage: int = 100
    spread: int | None = None
    commission: float = 0.0
    swap: bool = True
    latency_ms: int = 0
    slippage: int = 0
    rate: float | None = None
    digits: int | None = None
    opening: str = _SELF_OPENING
    curve_points: int = 256


@dataclass(frozen=True)
class Prepared:
    """Everything that a run needs, read and checked."""

    request: Request
    spec: SymbolSpec
    params: Params
    data: MarketData
    ticks: Ticks
    symbol: Symbol
    account: Account
    opening: str
    profit_rate: PwRate | None
    margin_rate: PwRate | None
    notes: tuple[str, ...]


def prepare(request: Request) -> Prepared:
    """Read the files and check every option.

    Raises:
        FeedError: an unknown symbol, a file that is wrong (with its line), data without a spread or without a rate, a
            parameter or another number that is out of bounds or off a grid, by name.
        EngineError: the library cannot be used.
    """
    with _told():
        return _prepare(request)


def _prepare(request: Request) -> Prepared:
    spec = symbol_spec(request.symbol, "backtest")
    if request.digits is not None:
        spec = msgspec.structs.replace(spec, digits=request.digits, point=1 / 10**request.digits)
    params, notes = params_of(request.strategy, request.values, request.set_file)
    if request.spread is not None and not 0 <= request.spread <= _MOST_SPREAD:
        raise BacktestError(f"spread {request.spread}; expected whole points from 0 to {_MOST_SPREAD:,}")
    symbol, profit_rate, margin_rate = _contract(request, spec)
    terms = account(
        request.deposit,
        latency_us=request.latency_ms * 1000,
        slippage=request.slippage,
        swap=request.swap,
    )
    Strategy(params, symbol.struct)  # its grid, before files are read
    data = load(
        request.data,
        digits=spec.digits,
        zone=zone_rows(spec.zone),
        form=request.format,
        spread=request.spread,
        begin=request.begin,
        end=request.end,
    )
    if data.bars is not None and request.latency_ms:
        raise BacktestError(
            f"latency {request.latency_ms} ms: bars fill without one; expected ticks, or a latency of 0"
        )
    return Prepared(
        request=request,
        spec=spec,
        params=params,
        data=data,
        ticks=_ticks(data),
        symbol=symbol,
        account=terms,
        opening=_opening(request, params),
        profit_rate=profit_rate,
        margin_rate=margin_rate,
        notes=notes,
    )


def run(prepared: Prepared, progress: Callable[[int, int, float], None] | None = None) -> tuple[Result, float]:
    """Take all ticks; the result, and the seconds that the engine took.

    Args:
        prepared: what `prepare` gave.
        progress: called after each slice with the ticks taken, all ticks, and the seconds since the beginning.

    Raises:
        BacktestError: an amount of money that does not fit.
        EngineError: the library cannot be used.
    """
    with _told():
        return _run(prepared, progress)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What the kernels refuse, as errors of a backtest."""
    try:
        yield
    except LibraryError as error:
        raise EngineError(str(error)) from error
    except KernelError as error:
        raise BacktestError(str(error)) from error


def _run(prepared: Prepared, progress: Callable[[int, int, float], None] | None) -> tuple[Result, float]:
    going = Run(
        prepared.ticks,
        prepared.symbol,
        prepared.account,
        strategy=Strategy(prepared.params, prepared.symbol.struct),
        opening=prepared.opening,
        profit_rate=prepared.profit_rate,
        margin_rate=prepared.margin_rate,
        points=prepared.request.curve_points,
    )
    begun = monotonic_us()
    while going.advance(_SLICE):
        if progress is not None:
            progress(going.taken, len(prepared.ticks), (monotonic_us() - begun) / 1e6)
    result = going.finish()
    return result, (monotonic_us() - begun) / 1e6


def _ticks(data: MarketData) -> Ticks:
    """The data as checked arrays."""
    if data.ticks is not None:
        return Ticks.of(data.ticks.time, data.ticks.bid, data.ticks.ask)
    bars = data.bars
    if bars is None:  # either is there
        raise BacktestError("there are neither ticks nor bars")
    ask = () if data.ask is None else (data.ask.open, data.ask.high, data.ask.low, data.ask.close)
    bid = (bars.open, bars.high, bars.low, bars.close)
    return Ticks.of_bars(bars.time, bid, bars.length, ask=ask, spread=data.spread or 0)


def _contract(request: Request, spec: SymbolSpec) -> tuple[Symbol, PwRate | None, PwRate | None]:
    """The symbol on this account, and the rates that are given.

    A currency is worth one where it is the account's, the symbol's own price (or its inverse) where the pair has the
    account's currency, and else the fixed rate, which must then be there.
    """
    given = None if request.rate is None else rate(request.rate, owner="--rate")
    sources: list[tuple[Any, PwRate | None]] = []
    for what, currency in (("profit", spec.currency_profit), ("margin", spec.currency_margin)):
        if currency == request.currency:
            sources.append((("given", 0), None))
        elif currency == spec.currency_base and spec.currency_profit == request.currency:
            sources.append((("direct", 0), None))
        elif currency == spec.currency_profit and spec.currency_base == request.currency:
            sources.append((("inverse", 0), None))
        elif given is not None:
            sources.append((("given", 0), given if what == "profit" else None))
        else:
            reason = f"{spec.symbol} has its {what} in {currency} and the account is in {request.currency}"
            expected = f"--rate with the {request.currency} of one {spec.currency_profit}, or --currency"
            raise BacktestError(f"{reason}; expected {expected}")
    (profit_from, profit_rate), (margin_from, _) = sources
    margin_rate = None
    if margin_from[0] == "given" and spec.currency_margin != request.currency:
        margin_rate = given
    symbol = Symbol(
        spec.symbol,
        digits=spec.digits,
        contract_size=spec.contract_size,
        volume_min=spec.volume_min,
        volume_max=spec.volume_max,
        volume_step=spec.volume_step,
        leverage=request.leverage,
        commission=request.commission,
        pip=spec.pip,
        margin_mode=spec.margin_mode,
        margin_hedged=spec.margin_hedged,
        margin_hedged_use_leg=spec.margin_hedged_use_leg,
        stops_level=spec.stops_level,
        swap_mode=spec.swap_mode,
        swap_long=spec.swap_long,
        swap_short=spec.swap_short,
        swap_rollover_day=spec.swap_rollover_day,
        zone=spec.zone,
        hours=spec.hours,
        profit_rate=profit_from,
        margin_rate=margin_from,
    )
    return symbol, profit_rate, margin_rate


def _opening(request: Request, params: Params) -> str:
    """What is opened by command: `auto` alternates for strategies that would open nothing by themselves."""
    if request.opening != _SELF_OPENING:
        return request.opening
    waits = params.strategy == "adaptive_hedging" or not getattr(params, "autotrade", True)
    return "alternate" if waits else "none"
