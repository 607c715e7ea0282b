"""The EMA cross in NautilusTrader on quote ticks; run by peers.py in the peers' environment.

Its compiled averages are fed by its own data engine; logging and the risk engine are off; loading is not timed. An
order of a strategy is filled on the tick that it was given on, at the bid or the ask. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from time import process_time
from typing import Any

import numpy as np
from cross import DEPOSIT, DIGITS, FAST, SLOW, UNITS, WARM_UP
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model.currencies import EUR, USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, PriceType
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy


def instrument() -> Any:  # noqa: ANN401 (the library has no types)
    """EURUSD without commission."""
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol("EUR/USD"), Venue("SIM")),
        raw_symbol=Symbol("EUR/USD"),
        base_currency=EUR,
        quote_currency=USD,
        price_precision=DIGITS,
        size_precision=0,
        price_increment=Price.from_str("0.00001"),
        size_increment=Quantity.from_int(1),
        ts_event=0,
        ts_init=0,
    )


class Cross(Strategy):  # type: ignore[misc]  # the library has no types
    """Long while the fast average is above the slow one, short below."""

    def __init__(self, pair: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.pair = pair
        self.fast = ExponentialMovingAverage(FAST, PriceType.BID)
        self.slow = ExponentialMovingAverage(SLOW, PriceType.BID)
        self.seen = 0
        self.side = 0
        self.fills: list[tuple[int, int, int]] = []

    def on_start(self) -> None:
        """Ask for the ticks; the averages get them first."""
        self.register_indicator_for_quote_ticks(self.pair.id, self.fast)
        self.register_indicator_for_quote_ticks(self.pair.id, self.slow)
        self.subscribe_quote_ticks(self.pair.id)

    def on_quote_tick(self, _tick: Any) -> None:  # noqa: ANN401
        """Follow a crossing with one order."""
        self.seen += 1
        if self.seen <= WARM_UP or self.fast.value == self.slow.value:
            return
        side = 1 if self.fast.value > self.slow.value else -1
        if side == self.side:
            return
        units = UNITS if self.side == 0 else 2 * UNITS
        self.side = side
        order_side = OrderSide.BUY if side > 0 else OrderSide.SELL
        self.submit_order(self.order_factory.market(self.pair.id, order_side, Quantity.from_int(units)))

    def on_order_filled(self, event: Any) -> None:  # noqa: ANN401
        """Remember time (microseconds), side and price (points)."""
        side = 1 if event.order_side == OrderSide.BUY else -1
        self.fills.append((event.ts_event // 1_000, side, round(float(event.last_px) * 10**DIGITS)))


def main() -> None:
    """Arguments: an .npz of time, bid, ask; the number of runs, of which the shortest counts."""
    with np.load(sys.argv[1]) as file:
        time, bid, ask = file["time"], file["bid"], file["ask"]
    pair = instrument()
    size = Quantity.from_int(1_000_000)
    points = 10**DIGITS
    ticks = [
        QuoteTick(pair.id, Price(b / points, DIGITS), Price(a / points, DIGITS), size, size, t * 1_000, t * 1_000)
        for t, b, a in zip(time.tolist(), bid.tolist(), ask.tolist(), strict=True)
    ]
    shortest = float("inf")
    for _ in range(int(sys.argv[2])):
        seconds, fills = played(pair, ticks)
        shortest = min(shortest, seconds)
    print(json.dumps({"seconds": shortest, "fills": fills}))


def played(pair: Any, ticks: list[Any]) -> tuple[float, list[tuple[int, int, int]]]:  # noqa: ANN401
    """One run of a new engine: seconds, and what was filled."""
    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True))
    )
    engine.add_venue(
        venue=Venue("SIM"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USD,
        starting_balances=[Money(DEPOSIT, USD)],
    )
    engine.add_instrument(pair)
    engine.add_data(ticks)
    cross = Cross(pair)
    engine.add_strategy(cross)
    begun = process_time()
    engine.run()
    seconds = process_time() - begun
    engine.dispose()
    return seconds, cross.fills


if __name__ == "__main__":
    main()
