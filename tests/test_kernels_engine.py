"""The compiled loop against the plain one, to the last digit, and what it refuses."""

from __future__ import annotations

import gc
import re
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_model import Model, Row
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kernels.backtest import REASONS, ROLES, backtest, backtest_batch, backtest_signals
from kernels.contract import Symbol, rate
from kernels.engine import Result, Run
from kernels.engine_ticks import Ticks
from kernels.errors import InputError, KernelError, UnsortedError
from kernels.market import Account, account
from kernels.params import AdaptiveHedgingParams, BollingerStopParams, CycleTraderParams, Params
from kernels.strategies import Strategy

MONDAY = 1_577_916_000_000_000
"""2020-01-01 22:00 UTC, the beginning of a server day."""

CYCLES = CycleTraderParams(
    autotrade=True,
    autotrade_threshold=2,
    autotrade_pips_restriction=5,
    max_cycles=3,
    take_profit=3,
    hedge_sl=6,
    zones=(4, 8),
    zone_forward=3,
    zone_forward2=4,
    order_sl=20,
    max_cycle_loss=15,
    disaster_sl=40,
    auto_candle_close=True,
    candle_timeframe="M15",
)
STRATEGIES: dict[str, tuple[Params, str]] = {
    "cycles": (CYCLES, "none"),
    "bollinger": (
        BollingerStopParams(
            signal_timeframe="M1", trend_timeframe="M5", period=5, deviation=1, mean_period=5, risk_percent=2
        ),
        "none",
    ),
}


def pair(name: str = "EURUSD", **more: Any) -> Symbol:
    """A symbol with everything that costs money."""
    given: dict[str, Any] = {
        "digits": 5, "contract_size": 100_000, "volume_min": 0.01, "volume_max": 100, "volume_step": 0.01,
        "commission": 3.5, "margin_hedged": 50_000, "swap_mode": "points", "swap_long": -7.2, "swap_short": 3.1,
        "margin_rate": ("direct", 0),
    }  # fmt: skip
    return Symbol(name, **given | more)


def walk(count: int, seed: int, *, step: int = 4, seconds: float = 2.0, start: int = 112_000) -> Ticks:
    """A random walk of prices with a moving spread."""
    rng = np.random.default_rng(seed)
    bid = start + np.cumsum(rng.integers(-step, step + 1, count))
    time = MONDAY + np.cumsum(rng.integers(1, int(2e6 * seconds), count))
    return Ticks.of(time, bid, bid + rng.integers(0, 12, count))


def rows_of(ticks: Ticks) -> list[tuple[int, int, int]]:
    """The ticks one by one."""
    return list(zip(ticks.time.tolist(), ticks.bid.tolist(), ticks.ask.tolist(), strict=True))


def trades_of(result: Result) -> list[Row]:
    """A result's trades as the model has them."""
    assert result.trades is not None
    return [Row(*row[:13]) for row in result.trades.tolist()]


def both(ticks: Ticks, symbol: Symbol, terms: Account, params: Params) -> tuple[Result, Model]:
    """The engine's result and the model's."""
    model = Model(symbol, terms, Strategy(params, symbol.struct))
    model.run(rows_of(ticks), bars=ticks.bars)
    return backtest(ticks, symbol, terms, params), model


def agree(result: Result, model: Model) -> None:
    """Trades, money, extremes of the equity and endings of cycles are the same."""
    assert trades_of(result) == model.rows
    assert result.net_profit == sum(row.profit + row.commission + row.swap for row in model.rows)
    assert result.balance == model.equities[-1]
    peak, drawdown, part = result.deposit, 0, 0.0
    for equity in model.equities:
        peak = max(peak, equity)
        drawdown = max(drawdown, peak - equity)
        part = max(part, (peak - equity) / peak)
    assert (result.peak, result.max_drawdown, result.max_drawdown_part) == (peak, drawdown, part)
    assert result.lowest == min([result.deposit, *model.equities])
    assert Counter(result.cycles_ended) == model.ended
    assert result.days == len(model.days)
    unended = {row.cycle for row in model.rows if REASONS[row.reason] == "end_of_data"}
    nets = [row.profit + row.commission + row.swap for row in model.rows if row.cycle not in unended]
    assert result.cycles_profit == sum(nets)
    if result.days > 1:
        returns = [b / a - 1 for a, b in zip([result.deposit, *model.days], model.days, strict=False)]
        deviation = float(np.std(returns, ddof=1))
        if deviation > 1e-12:
            assert result.sharpe == pytest.approx(float(np.mean(returns)) / deviation * 252**0.5, rel=1e-6)


@pytest.mark.parametrize("latency", [0, 1_500_000])
@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_loop_is_the_plain_one_to_the_last_digit(name: str, latency: int, seed: int) -> None:
    """Every trade, the exact equity extremes of all ticks and the daily returns, with commission, swap and slippage."""
    ticks = walk(12_000, seed, seconds=20.0)
    terms = account(10_000, latency_us=latency, slippage=2, fill_timeout_us=60_000_000)
    result, model = both(ticks, pair(), terms, STRATEGIES[name][0])
    agree(result, model)
    assert result.closed > 10
    assert result.days > 1


@pytest.mark.parametrize("commission", [0, 7])
def test_a_rate_that_moves_with_the_price_is_exact_too(commission: int) -> None:
    """USDJPY on a USD account: gains at the ask, losses at the bid, no estimate of the equity."""
    symbol = pair("USDJPY", digits=3, profit_rate=("inverse", 0), margin_rate=("given", 0), commission=commission)
    result, model = both(walk(6_000, 3, start=110_000), symbol, account(10_000), CYCLES)
    agree(result, model)
    assert result.closed > 10


def test_a_fixed_rate_is_used_for_the_money() -> None:
    """EURJPY on a USD account with a given rate: a hundredth of the profit in JPY, and the model's equity."""
    symbol = pair("EURJPY", digits=3, swap_mode="disabled", commission=0, margin_rate=("given", 0))
    ticks, terms = walk(6_000, 4, start=120_000), account(10_000)
    given = rate("0.01")
    result = backtest(ticks, symbol, terms, CYCLES, profit_rate=given, margin_rate=rate("1.1"))
    assert result.trades is not None
    assert result.closed > 5
    for row in trades_of(result):
        moved = (row.close_price - row.open_price) * (1 if row.side == 0 else -1)
        assert row.profit == symbol.profit(row.side, row.open_price, row.close_price, row.volume, given)
        assert (row.profit > 0) == (moved > 0) or row.profit == 0


def bars_of(count: int, seed: int) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Times and columns of random minute bars."""
    rng = np.random.default_rng(seed)
    close = 112_000 + np.cumsum(rng.integers(-40, 41, count))
    opened = np.concatenate(([112_000], close[:-1])) + rng.integers(-5, 6, count)
    high = np.maximum(opened, close) + rng.integers(0, 30, count)
    low = np.minimum(opened, close) - rng.integers(0, 30, count)
    return MONDAY + np.arange(count) * 60_000_000, [opened, high, low, close]


def test_bars_are_played_as_the_plain_loop_plays_them() -> None:
    """Four ticks a bar, stops at their level within it, ambiguous bars counted, asks of pairs lifted to the bid."""
    time, columns = bars_of(2_000, 5)
    shifted = [column + shift for column, shift in zip(columns, (3, 4, -4, 2), strict=True)]
    ticks = Ticks.of_bars(time, columns, 60_000_000, ask=shifted)
    assert ticks.corrected == 2_000
    result, model = both(ticks, pair(), account(10_000), CYCLES)
    agree(result, model)
    assert result.ambiguous == model.venue.ambiguous
    assert Counter(row.reason for row in model.rows)[13] > 0


def test_what_is_open_at_the_end_is_closed_there() -> None:
    """At the last tick, for the reason end_of_data and counted apart, though the market is closed and orders wait."""
    ticks = walk(3_000, 6)
    last = Ticks.of(
        np.append(ticks.time, ticks.time[-1] + 3 * 86_400_000_000),
        np.append(ticks.bid, ticks.bid[-1] - 7),
        np.append(ticks.ask, ticks.ask[-1]),
    )
    symbol = pair(hours=[(0, 5 * 1440)], swap_mode="disabled")
    assert not symbol.is_open(int(last.time[-1]))
    params = CycleTraderParams(take_profit=1000)
    result = backtest(last, symbol, account(10_000, latency_us=700_000), params, opening="buy")
    assert (result.closed, result.end_of_data) == (1, 1)
    (row,) = trades_of(result)
    assert (REASONS[row.reason], ROLES[row.role]) == ("end_of_data", "initial")
    assert (row.close_time, row.close_price) == (last.time[-1], last.bid[-1])
    assert result.end_of_data_profit == result.net_profit == row.profit + row.commission + row.swap


def test_slices_and_small_chunks_change_nothing() -> None:
    """However a run is cut into slices the result is the same."""
    ticks, symbol, terms = walk(5_000, 7), pair(), account(10_000)
    whole = backtest(ticks, symbol, terms, CYCLES)
    run = Run(ticks, symbol, terms, strategy=Strategy(CYCLES, symbol.struct))
    while run.advance(333):
        pass
    cut = run.finish()
    assert trades_of(cut) == trades_of(whole)
    assert cut._replace(trades=None, curve=whole.curve) == whole._replace(trades=None)
    assert np.array_equal(cut.curve, whole.curve)


def test_trades_grow_beyond_one_chunk() -> None:
    """More trades than a chunk holds come back whole and in order, and counting them alone gives the same figures."""
    ticks, symbol = walk(200_000, 8), pair(commission=0)
    targets = np.where(np.arange(200_000) % 2, 1, -1)
    terms = account(1_000_000, netting=True)
    kept = backtest_signals(ticks, targets, symbol, terms)
    counted = backtest_signals(ticks, targets, symbol, terms, keep_trades=False)
    assert kept.trades is not None
    assert len(kept.trades) == kept.closed == 200_000
    assert counted._replace(curve=kept.curve) == kept._replace(trades=None)
    assert sum(sum(row[7:10]) for row in kept.trades.tolist()) == kept.net_profit


def test_a_batch_is_each_set_alone_whatever_the_threads() -> None:
    """The results of a batch are those of single runs, in the order of the sets, and each is told when it is done."""
    ticks, symbol, terms = walk(8_000, 9), pair(), account(10_000)
    sets = [CycleTraderParams(autotrade=True, autotrade_threshold=2, take_profit=profit) for profit in range(1, 9)]
    alone = [backtest(ticks, symbol, terms, one, keep_trades=False, points=0) for one in sets]
    for threads in (1, 2, 5):
        told: dict[int, Result] = {}
        found = backtest_batch(ticks, symbol, terms, sets, threads=threads, finished=told.__setitem__)
        assert [one._replace(curve=None) for one in found] == [one._replace(curve=None) for one in alone]  # type: ignore[arg-type]
        assert sorted(told) == list(range(len(sets)))
    assert len({one.net_profit for one in alone}) > 1


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=60), st.booleans())
@settings(max_examples=60)
def test_targets_are_reached_on_their_tick(targets: list[int], bars: bool) -> None:
    """At latency 0 the net position after each tick is the target; over bars it is that of the bar before."""
    if bars:
        time, columns = bars_of(len(targets), 10)
        ticks = Ticks.of_bars(time, columns, 60_000_000, spread=5)
        wanted = [0, *targets[:-1]]
    else:
        ticks, wanted = walk(len(targets), 11), targets
    symbol = pair()
    result = backtest_signals(ticks, targets, symbol, account(100_000))
    net: Counter[int] = Counter()
    for row in trades_of(result):
        signed = row.volume if row.side == 0 else -row.volume
        net[row.open_time] += signed
        if REASONS[row.reason] != "end_of_data":
            net[row.close_time] -= signed
    held, times = 0, (ticks.time[::4] if bars else ticks.time).tolist()
    for moment, target in zip(times, wanted, strict=True):
        held += net[moment]
        assert held == target
    assert result.net_profit == sum(row.profit + row.commission + row.swap for row in trades_of(result))
    netted = backtest_signals(ticks, targets, symbol, account(100_000, netting=True))
    assert netted.end_of_data == (wanted[-1] != 0)
    free = pair(commission=0, swap_mode="disabled")
    either = [backtest_signals(ticks, targets, free, account(100_000, netting=netting)) for netting in (False, True)]
    assert either[0].net_profit == either[1].net_profit


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("time", 5, r"ticks: time \[3\] is before the time in front of it"),
        ("bid", 0, r"bid, ask \[3\] are bid 0"),
        ("bid", 113_000, r"bid, ask \[3\] are bid 113000, ask 112010; expected 0 < bid <= ask"),
        ("ask", 2**40, r"expected 0 < bid <= ask, at most 2\^36"),
    ],
)
def test_ticks_that_cannot_be_are_refused(column: str, value: int, text: str) -> None:
    """With the position, before anything runs."""
    columns = {
        "time": np.arange(10, 20),
        "bid": np.full(10, 112_000),
        "ask": np.full(10, 112_010),
    }
    columns[column][3] = value
    with pytest.raises((InputError, UnsortedError), match=text):
        Ticks.of(columns["time"], columns["bid"], columns["ask"])


def test_arrays_that_are_no_ticks_are_refused() -> None:
    """Empty, of different lengths, of floats, of two dimensions, and bars that are not whole."""
    ok = np.arange(1, 5)
    for arrays, text in (
        (([], [], []), "is empty"),
        ((ok, ok[:3], ok), "expected as many"),
        ((ok, ok * 1.5, ok * 2), "expected whole numbers"),
        ((ok, np.array([np.nan] * 4), ok), "expected whole numbers"),
        ((ok.reshape(2, 2), ok, ok), "2 dimensions"),
    ):
        with pytest.raises(InputError, match=text):
            Ticks.of(*arrays)
    with pytest.raises(InputError, match="four for each bar"):
        Ticks.of(ok[:3], ok[:3], ok[:3], bars=True)
    with pytest.raises(InputError, match="is no bar"):
        Ticks.of_bars([0, 60_000_000], [[5, 5], [6, 5], [4, 4], [5, 7]], 60_000_000)
    with pytest.raises(UnsortedError):
        Ticks.of_bars([0, 59_000_000], [[5, 5], [6, 6], [4, 4], [5, 5]], 60_000_000)
    with pytest.raises(InputError, match="is empty"):
        Ticks.of_bars([], [[], [], [], []], 60_000_000)


@pytest.mark.parametrize("targets", [[1.5] * 10, [float("nan")] * 10, [1] * 9, ["a"] * 10, [[1] * 10]])
def test_targets_that_are_no_steps_are_refused(targets: Any) -> None:
    """Fractions, NaN, a wrong length, no numbers."""
    with pytest.raises(InputError, match="targets"):
        backtest_signals(walk(10, 1), targets, pair(), account(100))


def test_a_run_needs_one_decider_and_a_known_rate() -> None:
    """Neither or both of strategy and targets is refused; so is a currency without a rate once it would be needed."""
    ticks, symbol, terms = walk(100, 1), pair(), account(1_000)
    with pytest.raises(KernelError, match="either a strategy or targets"):
        Run(ticks, symbol, terms)
    without = backtest_signals(ticks, [5] * 100, symbol, terms, profit_rate=rate(1), margin_rate=rate(1))
    assert without.closed == 1


def test_names_are_those_of_the_header() -> None:
    """Every pw_role and pw_reason of strategy.h has its name."""
    text = (Path(__file__).resolve().parent.parent / "kernels" / "strategy.h").read_text(encoding="utf-8")
    reasons = re.findall(r"PW_WHY_(\w+) = (\d+)", text)
    assert {int(number): name.lower() for name, number in reasons if int(number)} == {
        number: name for number, name in REASONS.items() if name and name != "target"
    }
    roles = re.findall(r"PW_ROLE_(\w+) = (\d+)", text)
    assert {int(number): name.lower() for name, number in roles} == {
        number: name for number, name in enumerate(ROLES) if name
    }


def test_adaptive_hedging_opens_by_command_one_cycle_after_another() -> None:
    """The engine gives the command when none is open, in turns if asked for; without it nothing happens."""
    ticks, symbol, terms = walk(20_000, 12), pair(commission=0), account(10_000)
    params = AdaptiveHedgingParams(
        lot_progression=(0.1, 0.2), hedge_distance=5, hedge_profit_target=3, disaster_sl=100, daily_profit_target=500
    )
    assert backtest(ticks, symbol, terms, params).orders == 0
    for opening, sides in (("buy", {0}), ("sell", {1}), ("alternate", {0, 1})):
        result = backtest(ticks, symbol, terms, params, opening=opening)
        first = {row.cycle: row.side for row in sorted(trades_of(result), key=lambda row: -row.ticket)}
        assert set(first.values()) == sides
        assert result.cycles == len(first) > 2
        if opening == "alternate":
            assert [first[cycle] for cycle in sorted(first)][:4] == [0, 1, 0, 1]


def test_a_run_leaves_no_memory_behind() -> None:
    """Its buffers are freed with it, not when cycles of objects happen to be looked for: batches stay small."""
    ticks, symbol, terms = walk(100, 14), pair(), account(10_000)
    backtest(ticks, symbol, terms, CYCLES)
    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        for _ in range(20):
            backtest(ticks, symbol, terms, CYCLES, keep_trades=False, points=0)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert held < 1 << 20


def test_a_days_profit_ends_the_day() -> None:
    """The profit that a strategy sees is that since the server's midnight: at its target it stops until the next."""
    ticks, symbol, terms = walk(30_000, 12, seconds=20.0), pair(commission=0, swap_mode="disabled"), account(10_000)
    params = AdaptiveHedgingParams(
        lot_progression=(0.1, 0.2), hedge_distance=50, hedge_profit_target=2, disaster_sl=300, daily_profit_target=3
    )
    result = backtest(ticks, symbol, terms, params, opening="buy")
    assert result.cycles_ended[9] > 1
    rows = trades_of(result)
    ended = {symbol.server_day(row.close_time): row.close_time for row in rows if REASONS[row.reason] == "day_profit"}
    for row in rows:
        assert row.open_time <= ended.get(symbol.server_day(row.open_time), row.open_time)


def test_without_money_a_command_waits_for_the_next_day() -> None:
    """An order that the account cannot carry is not sent again at each tick."""
    ticks, terms = walk(30_000, 13, seconds=20.0), account(1)
    result = backtest(ticks, pair(leverage=1), terms, CycleTraderParams(), opening="buy")
    assert (result.closed, result.days) == (0, result.rejected)
    assert result.rejected > 2


def test_the_code_in_the_documentation_works() -> None:
    """The page's own example runs, and its batch and its signals trade."""
    page = (Path(__file__).resolve().parent.parent / "docs" / "backtest.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 (our own page)
    assert names["one"].closed > 3
    assert names["best"].net_profit >= names["one"].net_profit
    assert names["crossed"].closed > 5
