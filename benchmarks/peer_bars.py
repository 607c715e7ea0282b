"""The EMA cross on bars in vectorbt or backtesting.py; run by peers.py in the peers' environment.

Decided at a bar's close, filled at the next bar's open: a purchase at the open plus the spread, a sale at the open. The
fee is per order: both sides of a turn. Compiling (Numba) is not timed: the first run is left out, the best of the
others counts. Prints one JSON object.

backtesting.py knows a spread in percent of each price only, on both sides: there half the spread is part of each fee,
so its prices of purchases are the bid's, and the profit is the same but for the last trade, which it closes at the
last bar's open. vectorbt leaves that open, without the fee and the spread of closing.
"""

from __future__ import annotations

import json
import sys
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
from cross import DEPOSIT, DIGITS, FAST, FEE, RUNS, SLOW, SPREAD, UNITS, WARM_UP, Bars

POINT = 10.0**-DIGITS


def in_vectorbt(bars: Bars) -> tuple[float, list[tuple[int, int, int]], float]:
    """Seconds; time, side and price of each opening; net profit."""
    import vectorbt as vbt

    index = pd.DatetimeIndex(bars.time.astype("datetime64[us]"))
    close = pd.Series(bars.close * POINT, index)
    opens = bars.open * POINT

    def run() -> Any:  # noqa: ANN401 (the library has no types)
        averages = vbt.MA.run(close, [FAST, SLOW], ewm=True).ma.to_numpy()
        side = np.sign(averages[:, 0] - averages[:, 1])
        side[:WARM_UP] = 0.0
        target = np.empty(len(side))
        target[0] = 0.0
        target[1:] = side[:-1]
        change = np.diff(target, prepend=0.0)
        price = np.where(change > 0, opens + SPREAD * POINT, opens)
        made = vbt.Portfolio.from_orders(
            close,
            size=target * UNITS,
            size_type="targetamount",
            price=price,
            fixed_fees=np.abs(change) * FEE,
            init_cash=DEPOSIT,
            freq="1h",
        )
        return made, made.trades.records, made.total_profit()

    found = best(run)
    seconds, (_, records, profit) = found
    rows = [
        (int(bars.time[row.entry_idx]), 1 if row.direction == 0 else -1, round(row.entry_price / POINT))
        for row in records.itertuples()
    ]
    return seconds, rows, float(profit)


def in_backtesting(bars: Bars) -> tuple[float, list[tuple[int, int, int]], float]:
    """Seconds; time, side and price of each opening (bid, see the module); net profit."""
    from backtesting import Backtest, Strategy

    columns = {"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close}
    frame = pd.DataFrame(
        {name: column * POINT for name, column in columns.items()},
        index=pd.DatetimeIndex(bars.time.astype("datetime64[us]")),
    )

    def average(values: Any, length: int) -> Any:  # noqa: ANN401
        return pd.Series(values).ewm(span=length, adjust=False).mean().to_numpy()

    class Cross(Strategy):  # type: ignore[misc]  # the library has no types
        def init(self) -> None:
            self.fast = self.I(average, self.data.Close, FAST)
            self.slow = self.I(average, self.data.Close, SLOW)

        def next(self) -> None:
            if len(self.data) <= WARM_UP:
                return
            if self.fast[-1] > self.slow[-1] and not self.position.is_long:
                self.position.close()
                self.buy(size=UNITS)
            elif self.fast[-1] < self.slow[-1] and not self.position.is_short:
                self.position.close()
                self.sell(size=UNITS)

    def fee(size: float, _price: float) -> float:
        return FEE + 0.5 * abs(size) * SPREAD * POINT

    def run() -> Any:  # noqa: ANN401
        test = Backtest(frame, Cross, cash=DEPOSIT, commission=fee, margin=0.01, finalize_trades=True)
        return test.run()

    seconds, stats = best(run)
    rows = [
        (int(bars.time[row.EntryBar]), 1 if row.Size > 0 else -1, round(row.EntryPrice / POINT))
        for row in stats["_trades"].sort_values("EntryBar").itertuples()
    ]
    return seconds, rows, float(stats["Equity Final [$]"]) - DEPOSIT


def best(run: Any, runs: int = RUNS) -> tuple[float, Any]:  # noqa: ANN401
    """The shortest time after a first run, and what the last one gave."""
    found = run()
    shortest = float("inf")
    for _ in range(runs):
        begun = process_time()
        found = run()
        shortest = min(shortest, process_time() - begun)
    return shortest, found


def main() -> None:
    """Arguments: vectorbt or backtesting, and an .npz of the bars."""
    with np.load(sys.argv[2]) as file:
        bars = Bars(*(file[name] for name in Bars._fields))
    seconds, fills, profit = {"vectorbt": in_vectorbt, "backtesting": in_backtesting}[sys.argv[1]](bars)
    print(json.dumps({"seconds": seconds, "fills": fills, "profit": profit}))


if __name__ == "__main__":
    main()
