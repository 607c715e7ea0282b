"""The parameters of the built-in strategies: the one place where each has its type, default, bounds, unit and help.

Forms, validation, the JSON schema, a tuner's search space, `.set` files and the tables in docs/strategies-built-in.md
are derived from these Structs (kernels/parameter.py). Volumes are in lots, distances in pips, money in the account's
currency; kernels/compiled_params.py converts them exactly for one symbol. A value out of bounds is refused with its
name and bound (OptionError) wherever a Struct is made.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from kernels.errors import OptionError
from kernels.parameter import check

__all__ = ["PARAMS", "AdaptiveHedgingParams", "BollingerStopParams", "CycleTraderParams", "Params", "Timeframe"]

Timeframe = Literal["M1", "M5", "M15", "M30", "H1", "H4", "D1"]
SECONDS = {"M1": 60, "M5": 300, "M15": 900, "M30": 1800, "H1": 3600, "H4": 14400, "D1": 86400}


def about(text: str, unit: str = "", **bounds: Any) -> Meta:  # noqa: ANN401 (the bounds that Meta takes)
    """A parameter's help, unit and bounds. Kept in the JSON schema too."""
    return Meta(
        description=text,
        extra_json_schema={"description": text, **({"unit": unit} if unit else {})},
        extra={"unit": unit},
        **bounds,
    )


Positive = Annotated[float, Meta(gt=0)]
Distance = Annotated[float, Meta(ge=1, le=10_000)]


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the three have in common: the name of their strategy, and the check of every value."""

    strategy: ClassVar[str] = ""

    def __post_init__(self) -> None:
        """Each value within its bounds, then the rules between them."""
        check(self.strategy, self)
        self.rules()

    def rules(self) -> None:
        """What must hold between parameters."""

    def refuse(self, name: str, expected: str) -> OptionError:
        """The error for one of them."""
        return OptionError(self.strategy, name, getattr(self, name), expected)


class CycleTraderParams(Params, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A first order, one hedge when it goes wrong, then a ladder inside zones until the basket is in profit."""

    strategy: ClassVar[str] = "cycle_trader"

    lot_sizes: Annotated[
        tuple[Positive, ...],
        about("size of the n-th order of a cycle; the last repeats", "lots", min_length=1, max_length=20),
    ] = (0.01, 0.02, 0.03, 0.04, 0.05)
    take_profit: Annotated[float, about("basket profit that closes the cycle", "money", gt=0)] = 5.0
    max_cycles: Annotated[int, about("cycles open at once, opening and closing ones included", ge=1, le=50)] = 1
    autotrade: Annotated[bool, about("open cycles by itself")] = False
    autotrade_threshold: Annotated[
        float, about("move since the last entry that opens a cycle; 1 or more with autotrade", "pips", ge=0, le=10_000)
    ] = 0.0
    auto_candle_close: Annotated[bool, about("at a candle's end close the cycles in profit")] = False
    candle_timeframe: Annotated[Timeframe, about("that candle")] = "H1"
    zones: Annotated[
        tuple[Distance, ...], about("width of the n-th zone; the last repeats", "pips", min_length=1, max_length=10)
    ] = (50.0,)
    prevent_opposing_trades: Annotated[
        bool, about("no cycle, by its first side, against an open one; commands too")
    ] = True
    hedge_sl: Annotated[float, about("adverse move that places the hedge", "pips", ge=1, le=10_000)] = 100.0
    zone_forward: Annotated[
        float, about("step to the first ladder order after the hedge or a turn", "pips", ge=1, le=10_000)
    ] = 25.0
    zone_forward2: Annotated[float, about("step to each later ladder order", "pips", ge=1, le=10_000)] = 25.0
    autotrade_pips_restriction: Annotated[
        float,
        about("autotrade opens no cycle of a side nearer than this to an open one's anchor", "pips", ge=0, le=10_000),
    ] = 100.0
    order_sl: Annotated[
        float, about("stop of each ladder order, from the trigger quote; 0 none", "pips", ge=0, le=10_000)
    ] = 0.0
    max_cycle_loss: Annotated[float, about("basket loss that closes the cycle", "money", gt=0)] = 100.0
    max_orders_per_cycle: Annotated[int, about("orders of a cycle, the hedge included", ge=2, le=100)] = 8
    max_total_lots: Annotated[float, about("lots of all cycles, room for hedges included", "lots", gt=0)] = 1.0
    disaster_sl: Annotated[
        float,
        about(
            "protective stop of every order, from its fill; above hedge_sl + zones[0]; 0 none (not live)", "pips", ge=0
        ),
    ] = 500.0

    def rules(self) -> None:
        """A threshold for autotrade; a disaster stop beyond what the strategy uses."""
        if self.autotrade and self.autotrade_threshold < 1:
            raise self.refuse("autotrade_threshold", "1 or more with autotrade")
        if 0 < self.disaster_sl <= self.hedge_sl + self.zones[0]:
            raise self.refuse("disaster_sl", f"0, or above hedge_sl + zones[0] = {self.hedge_sl + self.zones[0]:g}")


class AdaptiveHedgingParams(Params, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One cycle, hedged again at each level until the basket is in profit."""

    strategy: ClassVar[str] = "adaptive_hedging"

    hedge_distance: Annotated[float, about("move from level to level", "pips", ge=1, le=5000)] = 50.0
    lot_progression: Annotated[
        tuple[Positive, ...], about("size of the first order and of each level's", "lots", min_length=1, max_length=20)
    ] = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
    max_hedge_levels: Annotated[int, about("hedges of a cycle", ge=1, le=20)] = 5
    hedge_profit_target: Annotated[float, about("cycle profit that closes it", "money", gt=0)] = 10.0
    martingale_multiplier: Annotated[
        float, about("a short progression continues as last x multiplier^n, floored to the grid", ge=1, le=5)
    ] = 2.0
    hedge_activation_loss: Annotated[float, about("cycle profit at or below which hedges go out", "money", lt=0)] = -5.0
    max_drawdown: Annotated[
        float, about("cycle profit that closes it; below hedge_activation_loss", "money", lt=0)
    ] = -100.0
    auto_hedge: Annotated[bool, about("send hedges")] = True
    daily_profit_target: Annotated[
        float, about("day's profit that closes all and stops for the day", "money", gt=0)
    ] = 50.0
    daily_loss_limit: Annotated[float, about("day's loss that closes all and stops for the day", "money", lt=0)] = -50.0
    mode: Annotated[Literal["levels", "zone"], about("levels from the entry, or a zone between two prices")] = "levels"
    max_total_lots: Annotated[float, about("gross lots; an order beyond is not sent", "lots", gt=0)] = 1.0
    disaster_sl: Annotated[
        float,
        about(
            "protective stop of every order, from its fill; above hedge_distance x max_hedge_levels; 0 none (not live)",
            "pips",
            ge=0,
        ),
    ] = 500.0

    def rules(self) -> None:
        """The drawdown lies beyond the activation, the disaster stop beyond the last level."""
        if self.max_drawdown >= self.hedge_activation_loss:
            raise self.refuse("max_drawdown", f"below hedge_activation_loss = {self.hedge_activation_loss:g}")
        reach = self.hedge_distance * self.max_hedge_levels
        if 0 < self.disaster_sl <= reach:
            raise self.refuse("disaster_sl", f"0, or above hedge_distance x max_hedge_levels = {reach:g}")


class BollingerStopParams(Params, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The trend of a Bollinger stop, traded with the stop as stop-loss."""

    strategy: ClassVar[str] = "bollinger_stop"

    mode: Annotated[Literal["trend", "swing", "breakout"], about("what an entry is")] = "trend"
    signal_timeframe: Annotated[Timeframe, about("bars whose flip is the entry in trend mode")] = "H1"
    trend_timeframe: Annotated[Timeframe, about("bars that give the trend; longer than signal_timeframe")] = "H4"
    exec_timeframe: Annotated[Timeframe, about("bars whose flip is the entry in swing mode")] = "M15"
    period: Annotated[int, about("of the Bollinger bands", "bars", ge=2, le=500)] = 20
    deviation: Annotated[float, about("width of the bands in standard deviations", ge=0.1, le=10)] = 2.0
    mean_period: Annotated[int, about("of the mean of closes", "bars", ge=2, le=500)] = 50
    risk_percent: Annotated[float, about("of the equity, lost at the stop", "percent", ge=0.01, le=5)] = 0.5
    atr_period: Annotated[int, about("of the average true range", "bars", ge=2, le=500)] = 14
    sl_atr_multiplier: Annotated[
        float, about("stop-loss in ranges from the entry; 0 the Bollinger stop", ge=0, le=20)
    ] = 0.0
    tp_atr_multiplier: Annotated[float, about("take-profit in ranges from the entry; 0 none", ge=0, le=20)] = 0.0
    max_open_orders: Annotated[int, about("positions open or being opened", ge=1, le=20)] = 1

    def rules(self) -> None:
        """The trend's bars are the longer ones."""
        if SECONDS[self.trend_timeframe] <= SECONDS[self.signal_timeframe]:
            raise self.refuse("trend_timeframe", f"longer than signal_timeframe = {self.signal_timeframe}")


PARAMS: dict[str, type[Params]] = {
    each.strategy: each for each in (CycleTraderParams, AdaptiveHedgingParams, BollingerStopParams)
}
