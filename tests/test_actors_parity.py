"""The compiled engine and the actors on the in-process bus give the same trades, to the last digit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from actors.backtest_data import load
from actors.local_floor import LocalFloor
from actors.symbols import symbol_spec
from kernels.contract import Symbol
from kernels.engine import Run
from kernels.engine_ticks import Ticks
from kernels.market import account
from kernels.params import PARAMS
from kernels.strategies import Strategy
from kernels.zones import zone_rows
from schemas.codec import decode
from schemas.order import OrderUpdate
from schemas.settings import (
    AccountSettings,
    FeedSettings,
    GuardSettings,
    ParamValue,
    SessionSettings,
    Settings,
    TickFile,
)

COMMISSION = 3.5
END_OF_DATA = 16
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WIDE = GuardSettings(
    max_spread_points=10**6,
    price_collar_points=10**6,
    max_order_lots=100.0,
    max_symbol_lots=1000.0,
    max_account_lots=1000.0,
    max_positions=10_000,
)


class Row(NamedTuple):
    """A closed part of a position: points, steps, minor units."""

    ticket: int
    cycle: int
    side: int
    volume: int
    open_time: int
    open_price: int
    close_time: int
    close_price: int
    profit: int
    commission: int


class Asked(NamedTuple):
    """One comparison."""

    strategy: str
    symbol: str
    params: dict[str, ParamValue]
    opening: str
    hosted: str = ""
    """Another class for the floor, that must do the same."""


def ticks_of(data_dir: Path, symbol: str) -> list[tuple[int, int, int]]:
    """Real ticks, or the ticks of real minute pairs; time, bid, ask."""
    files = ["eurusd-ticks-histdata-20200101.csv"]
    if symbol == "GBPUSD":
        files = ["gbpusd-m1-bid-2012-02.csv.gz", "gbpusd-m1-ask-2012-02.csv.gz"]
    spec = symbol_spec(symbol, "paper")
    data = load(
        tuple(str(data_dir / name) for name in files), digits=spec.digits, zone=zone_rows(spec.zone), form="",
        spread=None, begin=None, end=None,
    )  # fmt: skip
    if data.ticks is not None:
        made = Ticks.of(data.ticks.time, data.ticks.bid, data.ticks.ask)
    else:
        assert data.bars is not None
        assert data.ask is not None
        sides = [(of.open, of.high, of.low, of.close) for of in (data.bars, data.ask)]
        made = Ticks.of_bars(data.bars.time, sides[0], data.bars.length, ask=sides[1], spread=0)
    return list(zip(made.time.tolist(), made.bid.tolist(), made.ask.tolist(), strict=True))


def engine_rows(asked: Asked, ticks: Sequence[tuple[int, int, int]]) -> tuple[list[Row], int]:
    """What the compiled engine closes before the end of the data, and how many parts are open then."""
    import numpy as np

    spec = symbol_spec(asked.symbol, "paper")
    symbol = Symbol(
        spec.symbol,
        digits=spec.digits,
        contract_size=spec.contract_size,
        volume_min=spec.volume_min,
        volume_max=spec.volume_max,
        volume_step=spec.volume_step,
        commission=COMMISSION,
        pip=spec.pip,
        zone=spec.zone,
        hours=spec.hours,
        margin_rate=("direct", 0),
    )
    columns = [np.array(column, np.int64) for column in zip(*ticks, strict=True)]
    run = Run(
        Ticks.of(columns[0], columns[1], columns[2]),
        symbol,
        account(1_000_000, close_by=False, swap=False),
        strategy=Strategy(PARAMS[asked.strategy](**asked.params), symbol.struct),
        opening=asked.opening,
    )
    trades = run.finish().trades
    assert trades is not None
    kept = [Row(*(int(trade[name]) for name in Row._fields)) for trade in trades if trade["reason"] != END_OF_DATA]
    return kept, len(trades) - len(kept)


def share(amount: int, part: int, whole: int) -> int:
    """A part of an amount, rounded half away from zero."""
    size = (2 * abs(amount) * part + whole) // (2 * whole)
    return size if amount >= 0 else -size


def floor_rows(asked: Asked, ticks: Sequence[tuple[int, int, int]], folder: Path) -> tuple[list[Row], int]:
    """What feed, session, guard, router and paper gateway close, and how many positions are open at the end."""
    spec = symbol_spec(asked.symbol, "paper")
    file = folder / "ticks.csv"
    lines = ["time,bid,ask"]
    for time, bid, ask in ticks:
        at = (EPOCH + timedelta(microseconds=time)).isoformat().replace("+00:00", "Z")
        lines.append(f"{at},{bid / 10**spec.digits:.5f},{ask / 10**spec.digits:.5f}")
    file.write_text("\n".join(lines) + "\n")
    settings = Settings(
        feed=FeedSettings(
            kind="recorded", speed=0, files=(TickFile(path=str(file), symbol=asked.symbol, format="csv"),)
        ),
        guard=WIDE,
        account=(AccountSettings(id="paper", deposit=1_000_000, commission=COMMISSION),),
        session=(
            SessionSettings(
                id="k",
                strategy=asked.hosted or asked.strategy,
                symbols=(asked.symbol,),
                params={**asked.params, "opening": asked.opening},
            ),
        ),
    )
    floor = LocalFloor(settings)
    floor.run()
    kept = floor.bus._streams["ORDERS"]  # noqa: SLF001 - what the in-process stream holds
    opened: dict[int, list[int]] = {}
    rows = []
    for one in kept:
        update = decode(one.data)
        if not isinstance(update, OrderUpdate) or update.deal is None:
            continue
        deal = update.deal
        volume, price = round(deal.volume * 100), round(deal.price * 10**spec.digits)
        charged = round(deal.commission * 100)
        if deal.entry == "in":
            opened[deal.position] = [int(update.terms.cycle), int(deal.side == "sell"), volume, deal.at, price, charged]
            continue
        held = opened[deal.position]
        part = share(held[5], volume, held[2])
        profit = round(deal.profit * 100)
        rows.append(
            Row(deal.position, held[0], held[1], volume, held[3], held[4], deal.at, price, profit, charged + part)
        )
        held[2] -= volume
        held[5] -= part
        if held[2] == 0:
            del opened[deal.position]
    return rows, len(opened)


CYCLES: dict[str, ParamValue] = {
    "lot_sizes": (0.1, 0.2, 0.3, 0.5),
    "take_profit": 5.0,
    "hedge_sl": 3.0,
    "zones": (3.0, 5.0),
    "zone_forward": 2.0,
    "zone_forward2": 2.5,
    "max_cycle_loss": 60.0,
    "max_total_lots": 20.0,
}
LEVELS: dict[str, ParamValue] = {
    "hedge_distance": 3.0,
    "lot_progression": (0.1, 0.2, 0.3),
    "hedge_profit_target": 4.0,
    "hedge_activation_loss": -1.0,
    "max_drawdown": -60.0,
    "daily_profit_target": 1000.0,
    "daily_loss_limit": -150.0,
    "max_total_lots": 20.0,
}
AUTO: dict[str, ParamValue] = {
    "autotrade": True,
    "autotrade_threshold": 2.0,
    "autotrade_pips_restriction": 3.0,
    "max_cycles": 4,
    "prevent_opposing_trades": False,
    "auto_candle_close": True,
    "candle_timeframe": "M15",
}
ALL = (
    Asked("cycle_trader", "EURUSD", CYCLES, "alternate"),
    Asked("cycle_trader", "EURUSD", {**CYCLES, **AUTO}, "none"),
    Asked("adaptive_hedging", "EURUSD", LEVELS, "alternate"),
    Asked("adaptive_hedging", "EURUSD", {**LEVELS, "mode": "zone"}, "alternate"),
    Asked("cycle_trader", "EURUSD", {**CYCLES, **AUTO}, "none", "reborn_strategy:RebornCycles"),
    Asked("adaptive_hedging", "EURUSD", LEVELS, "alternate", "reborn_strategy:RebornHedging"),
    Asked("cycle_trader", "GBPUSD", {**CYCLES, **AUTO, "hedge_sl": 15.0}, "none"),
    Asked("adaptive_hedging", "GBPUSD", {**LEVELS, "hedge_distance": 10.0}, "alternate"),
)


@pytest.mark.timeout(300)  # a month of minutes through the whole floor takes one
@pytest.mark.parametrize("asked", ALL, ids=lambda one: f"{one.hosted or one.strategy}-{one.symbol}-{len(one.params)}")
def test_the_engine_and_the_floor_make_the_same_trades(asked: Asked, data_dir: Path, tmp_path: Path) -> None:
    """Tickets, cycles, volumes, times, prices, profit and commission; nothing is left over on either side."""
    ticks = ticks_of(data_dir, asked.symbol)
    expected, still_open = engine_rows(asked, ticks)
    assert len(expected) > 5
    assert floor_rows(asked, ticks, tmp_path) == (expected, still_open)
