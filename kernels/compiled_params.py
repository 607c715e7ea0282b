"""A strategy's parameters for one symbol: lots, pips and money as whole steps, points and minor units, exactly.

What does not lie on the symbol's grid is refused by name (OptionError): nothing is rounded but what
`martingale_multiplier` continues, which is floored by definition. The Structures mirror cycle_trader.h,
adaptive_hedging.h and bollinger_stop.h.
"""

from __future__ import annotations

from ctypes import Structure, c_double, c_int32, c_int64
from fractions import Fraction
from typing import ClassVar, NamedTuple

from kernels.errors import OptionError
from kernels.parameter import shown
from kernels.params import SECONDS, AdaptiveHedgingParams, BollingerStopParams, CycleTraderParams, Params

__all__ = ["STRUCTS", "Grid", "compiled"]

MICROSECONDS = 1_000_000
MOST_LEVELS = 20
FAR = 2**40  # what the compiled strategies take at most


class PwCycleTraderParams(Structure):
    """pw_cycle_trader_params."""

    _fields_: ClassVar = [
        ("sizes", c_int64 * 20),
        ("zones", c_int64 * 10),
        ("take_profit", c_int64),
        ("max_cycle_loss", c_int64),
        ("autotrade_threshold", c_int64),
        ("candle", c_int64),
        ("hedge_sl", c_int64),
        ("zone_forward", c_int64),
        ("zone_forward2", c_int64),
        ("restriction", c_int64),
        ("order_sl", c_int64),
        ("disaster_sl", c_int64),
        ("max_total", c_int64),
        ("n_sizes", c_int32),
        ("n_zones", c_int32),
        ("max_cycles", c_int32),
        ("max_orders", c_int32),
        ("autotrade", c_int32),
        ("candle_close", c_int32),
        ("prevent_opposing", c_int32),
        ("reserved", c_int32),
    ]


class PwAdaptiveHedgingParams(Structure):
    """pw_adaptive_hedging_params."""

    _fields_: ClassVar = [
        ("sizes", c_int64 * (MOST_LEVELS + 1)),
        ("distance", c_int64),
        ("profit_target", c_int64),
        ("activation", c_int64),
        ("drawdown", c_int64),
        ("day_target", c_int64),
        ("day_limit", c_int64),
        ("max_total", c_int64),
        ("disaster_sl", c_int64),
        ("max_levels", c_int32),
        ("mode", c_int32),
        ("auto_hedge", c_int32),
        ("reserved", c_int32),
    ]


class PwBollingerStopParams(Structure):
    """pw_bollinger_stop_params."""

    _fields_: ClassVar = [
        ("signal_timeframe", c_int64),
        ("trend_timeframe", c_int64),
        ("exec_timeframe", c_int64),
        ("risk_num", c_int64),
        ("risk_den", c_int64),
        ("deviation", c_double),
        ("sl_ranges", c_double),
        ("tp_ranges", c_double),
        ("mode", c_int32),
        ("period", c_int32),
        ("mean_period", c_int32),
        ("atr_period", c_int32),
        ("max_open", c_int32),
        ("reserved", c_int32),
    ]


STRUCTS: dict[str, type[Structure]] = {
    "pw_cycle_trader_params": PwCycleTraderParams,
    "pw_adaptive_hedging_params": PwAdaptiveHedgingParams,
    "pw_bollinger_stop_params": PwBollingerStopParams,
}


class Grid(NamedTuple):
    """What one symbol and account count in.

    Attributes:
        pip: points of a pip.
        lot: steps of a lot.
        smallest: fewest steps of an order; `largest`: most.
        minor: minor units of a unit of the account's currency.
    """

    pip: int
    lot: Fraction
    smallest: int
    largest: int
    minor: int = 100


class Converter:
    """The values of one set of parameters on one grid."""

    def __init__(self, params: Params, grid: Grid) -> None:
        self.params = params
        self.grid = grid

    def whole(self, name: str, value: float, units: Fraction | int) -> int:
        """A value in units, which must come out whole."""
        exact = Fraction(str(value)) * units
        if exact.denominator != 1:
            expected = f"a multiple of {shown(float(1 / Fraction(units)))} on this symbol"
            raise OptionError(self.params.strategy, name, value, expected)
        if abs(exact) > FAR:
            raise OptionError(self.params.strategy, name, value, f"at most {shown(float(FAR / Fraction(units)))}")
        return int(exact)

    def points(self, name: str) -> int:
        """Pips as points."""
        return self.whole(name, getattr(self.params, name), self.grid.pip)

    def money(self, name: str) -> int:
        """Money as minor units."""
        return self.whole(name, getattr(self.params, name), self.grid.minor)

    def steps(self, name: str) -> int:
        """Lots as steps: a cap, which no order has to be."""
        return self.whole(name, getattr(self.params, name), self.grid.lot)

    def orders(self, name: str) -> list[int]:
        """Lots as steps: sizes of orders, each within what the symbol takes."""
        sizes: tuple[float, ...] = getattr(self.params, name)
        steps = [self.whole(name, size, self.grid.lot) for size in sizes]
        for size, count in zip(sizes, steps, strict=True):
            self.order(name, size, count)
        return steps

    def order(self, name: str, size: float, steps: int) -> None:
        """One order's size must be within what the symbol takes."""
        if not self.grid.smallest <= steps <= self.grid.largest:
            low, high = (shown(float(edge / self.grid.lot)) for edge in (self.grid.smallest, self.grid.largest))
            raise OptionError(self.params.strategy, name, size, f"orders from {low} to {high} lots on this symbol")


def cycle_trader(params: CycleTraderParams, grid: Grid) -> PwCycleTraderParams:
    """The parameters of cycle_trader."""
    convert = Converter(params, grid)
    lots = convert.orders("lot_sizes")
    zones = [convert.whole("zones", zone, grid.pip) for zone in params.zones]
    made = PwCycleTraderParams(
        take_profit=convert.money("take_profit"),
        max_cycle_loss=convert.money("max_cycle_loss"),
        autotrade_threshold=convert.points("autotrade_threshold"),
        candle=SECONDS[params.candle_timeframe] * MICROSECONDS,
        hedge_sl=convert.points("hedge_sl"),
        zone_forward=convert.points("zone_forward"),
        zone_forward2=convert.points("zone_forward2"),
        restriction=convert.points("autotrade_pips_restriction"),
        order_sl=convert.points("order_sl"),
        disaster_sl=convert.points("disaster_sl"),
        max_total=convert.steps("max_total_lots"),
        n_sizes=len(lots),
        n_zones=len(zones),
        max_cycles=params.max_cycles,
        max_orders=params.max_orders_per_cycle,
        autotrade=params.autotrade,
        candle_close=params.auto_candle_close,
        prevent_opposing=params.prevent_opposing_trades,
    )
    made.sizes[: len(lots)] = lots
    made.zones[: len(zones)] = zones
    return made


def progression(params: AdaptiveHedgingParams, convert: Converter) -> list[int]:
    """Steps of the first order and of each level: those given, then the last x multiplier^n, floored to the grid."""
    steps = convert.orders("lot_progression")
    last = Fraction(str(params.lot_progression[-1]))
    multiplier = Fraction(str(params.martingale_multiplier))
    for more in range(1, params.max_hedge_levels + 2 - len(steps)):
        lots = last * multiplier**more
        steps.append(lots * convert.grid.lot // 1)
        convert.order("martingale_multiplier", params.martingale_multiplier, steps[-1])
    return steps[: params.max_hedge_levels + 1]


def adaptive_hedging(params: AdaptiveHedgingParams, grid: Grid) -> PwAdaptiveHedgingParams:
    """The parameters of adaptive_hedging."""
    convert = Converter(params, grid)
    lots = progression(params, convert)
    made = PwAdaptiveHedgingParams(
        distance=convert.points("hedge_distance"),
        profit_target=convert.money("hedge_profit_target"),
        activation=convert.money("hedge_activation_loss"),
        drawdown=convert.money("max_drawdown"),
        day_target=convert.money("daily_profit_target"),
        day_limit=convert.money("daily_loss_limit"),
        max_total=convert.steps("max_total_lots"),
        disaster_sl=convert.points("disaster_sl"),
        max_levels=params.max_hedge_levels,
        mode=("levels", "zone").index(params.mode),
        auto_hedge=params.auto_hedge,
    )
    made.sizes[: len(lots)] = lots
    return made


def bollinger_stop(params: BollingerStopParams) -> PwBollingerStopParams:
    """The parameters of bollinger_stop."""
    risk = Fraction(str(params.risk_percent)) / 100
    if risk.denominator > FAR:
        raise OptionError(params.strategy, "risk_percent", params.risk_percent, "fewer decimals")
    return PwBollingerStopParams(
        signal_timeframe=SECONDS[params.signal_timeframe] * MICROSECONDS,
        trend_timeframe=SECONDS[params.trend_timeframe] * MICROSECONDS,
        exec_timeframe=SECONDS[params.exec_timeframe] * MICROSECONDS,
        risk_num=risk.numerator,
        risk_den=risk.denominator,
        deviation=params.deviation,
        sl_ranges=params.sl_atr_multiplier,
        tp_ranges=params.tp_atr_multiplier,
        mode=("trend", "swing", "breakout").index(params.mode),
        period=params.period,
        mean_period=params.mean_period,
        atr_period=params.atr_period,
        max_open=params.max_open_orders,
    )


def compiled(params: Params, grid: Grid) -> Structure:
    """Parameters as the compiled strategy takes them.

    Raises:
        OptionError: a value is off the symbol's grid, or an order of a size that the symbol does not take.
    """
    match params:
        case CycleTraderParams():
            return cycle_trader(params, grid)
        case AdaptiveHedgingParams():
            return adaptive_hedging(params, grid)
        case BollingerStopParams():
            return bollinger_stop(params)
        case _:
            raise TypeError(f"{type(params).__name__}: not the parameters of a built-in strategy")
