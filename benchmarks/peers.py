"""`make bench`: one EMA cross in Pitwire, NautilusTrader, vectorbt and backtesting.py, on the same data.

    ticks   kernels and signal mode | a Python strategy on the local bus | NautilusTrader
    bars    kernels and signal mode | vectorbt                           | backtesting.py

Each row is a program's processor time from data in memory to all trades (all of them use one core, and what else the
machine does matters less that way), and how its trades agree with ours: time, side and price of every opening. Goals:
signal mode 300 times as fast as NautilusTrader on ticks, and ahead of vectorbt on bars; the Python strategy 5 times as
fast as NautilusTrader. ARGS="--quick" takes fewer ticks.

Every program runs RUNS times, and the shortest time counts. The peers are installed from peers.txt into build/peers
when this is run for the first time; they are no dependency of Pitwire. What cannot be installed is said and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
from cross import (
    COMMISSION,
    DEPOSIT,
    DIGITS,
    FAST,
    LOT,
    RUNS,
    SLOW,
    SPREAD,
    STEPS,
    WARM_UP,
    Bars,
    Columns,
    made_ticks,
    real_bars,
    real_ticks,
)
from floor_cross import on_the_floor

import kernels
from kernels.backtest import backtest_signals
from kernels.contract import Symbol
from kernels.engine import Result, Ticks
from kernels.market import account

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DATA = Path(os.environ.get("PITWIRE_DATA", ROOT.parent / "shared" / "data"))
PEERS = ROOT / "build" / "peers"
HOUR = 3_600_000_000


class Found(NamedTuple):
    """What a program came to: seconds; time, side and price of each opening; net profit, None where not asked for."""

    seconds: float
    fills: list[tuple[int, int, int]]
    profit: float | None = None


def contract(name: str, commission: float) -> Symbol:
    """A pair of 100,000 units a lot, without swap, always open; as the peers have it."""
    return Symbol(
        name,
        digits=DIGITS,
        contract_size=LOT,
        volume_min=0.01,
        volume_max=100,
        volume_step=0.01,
        commission=commission,
        profit_rate=("given", 0),
        margin_rate=("given", 0),
    )


def summed_up(seconds: float, result: Result) -> Found:
    """The trades of a run as the peers tell theirs."""
    trades = result.trades
    assert trades is not None
    sides = np.where(trades["side"] == 0, 1, -1)
    rows = zip(trades["open_time"].tolist(), sides.tolist(), trades["open_price"].tolist(), strict=True)
    return Found(seconds, sorted(rows), result.net_profit / 100)


def sides_of(close: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The target of each tick or bar, in volume steps."""
    prices = close / 10.0**DIGITS
    target = np.where(kernels.ema(prices, FAST) > kernels.ema(prices, SLOW), STEPS, -STEPS)
    target[:WARM_UP] = 0
    return target


def signals_on_ticks(columns: Columns) -> Found:
    """Kernels and signal mode; the best of several runs."""
    symbol, spec = contract("EURUSD", 0), account(DEPOSIT, netting=True, swap=False)
    best = float("inf")
    for _ in range(RUNS):
        begun = process_time()
        result = backtest_signals(Ticks.of(*columns), sides_of(columns.bid), symbol, spec)
        best = min(best, process_time() - begun)
    return summed_up(best, result)


def signals_on_bars(bars: Bars) -> Found:
    """The same on bars: four ticks each, acted on at the next one's open."""
    symbol, spec = contract("GBPUSD", COMMISSION), account(DEPOSIT, netting=True, swap=False)
    best = float("inf")
    for _ in range(RUNS):
        begun = process_time()
        ticks = Ticks.of_bars(bars.time, (bars.open, bars.high, bars.low, bars.close), HOUR, spread=SPREAD)
        result = backtest_signals(ticks, sides_of(bars.close), symbol, spec)
        best = min(best, process_time() - begun)
    return summed_up(best, result)


def peers_python() -> Path:
    """The Python of the peers' environment, made when it is not what peers.txt says.

    Raises:
        RuntimeError: it cannot be made; with what the installer said.
    """
    python = PEERS / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    wanted = (HERE / "peers.txt").read_text()
    made_from = PEERS / "made-from"
    if made_from.exists() and made_from.read_text() == wanted:
        return python
    print("peers: installing them into build/peers (about 400 MB)", flush=True)
    uv = str(Path(sys.executable).parent / "uv")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(PEERS)],
        [uv, "pip", "install", "--quiet", "--python", str(python), "--requirement", str(HERE / "peers.txt")],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            message = f"{' '.join(command[1:3])} failed: {done.stderr.strip()[-2000:]}"
            raise RuntimeError(message)
    made_from.write_text(wanted)
    return python


def peer(python: Path, script: str, *arguments: str) -> Found | None:
    """Run a peer's script, which prints one JSON object at its end; None, with the reason, when it fails."""
    command = [str(python), "-W", "ignore", str(HERE / script), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"peers: {script} failed: {done.stderr.strip()[-2000:]}")
        return None
    found = json.loads(done.stdout.splitlines()[-1])
    return Found(found["seconds"], [tuple(fill) for fill in found["fills"]], found.get("profit"))


def agreement(ours: Found, theirs: Found, allowed: tuple[int, ...] = (0,)) -> str:
    """How the openings of two programs agree, in words."""
    if len(ours.fills) != len(theirs.fills):
        return f"{len(theirs.fills):,} trades where ours are {len(ours.fills):,}"
    apart = [
        number
        for number, (one, other) in enumerate(zip(ours.fills, theirs.fills, strict=True))
        if one[:2] != other[:2] or one[2] - other[2] not in allowed
    ]
    if apart:
        at = apart[0]
        return f"{len(apart):,} of {len(ours.fills):,} trades differ, first {theirs.fills[at]}, ours {ours.fills[at]}"
    return f"the same {len(ours.fills):,} trades"


def row(name: str, unit: str, count: int, found: Found, says: str) -> None:
    """One line of the table."""
    print(f"  {name:<34}{count:>11,}{found.seconds * 1e3:>13,.1f} ms{count / found.seconds:>16,.0f} {unit}/s   {says}")


def goal(text: str, ratio: float, wanted: float) -> None:
    """A ratio beside its goal."""
    print(f"  {text}: {ratio:,.2f}x (goal: {wanted:g}x): {'met' if ratio >= wanted else 'MISSED'}")


def on_ticks(python: Path | None, name: str, columns: Columns, local: int, folder: Path) -> None:
    """All that take ticks; `local`: how many of them go through the floor, which is slow."""
    count = len(columns.time)
    print(f"\nEMA({FAST}) over EMA({SLOW}) on {name}")
    ours = signals_on_ticks(columns)
    row("Pitwire, kernels and signal mode", "ticks", count, ours, f"{len(ours.fills):,} trades")
    part = Columns(*(column[:local] for column in columns))
    floor = min(Found(*on_the_floor(part)) for _ in range(RUNS))
    reference = ours if local >= count else signals_on_ticks(part)
    says = agreement(reference, floor)
    row("Pitwire, Python on the local bus", "ticks", len(part.time), floor, says)
    if python is None:
        return
    np.savez(folder / "ticks.npz", **columns._asdict())
    theirs = peer(python, "peer_nautilus.py", str(folder / "ticks.npz"), str(RUNS))
    if theirs is None:
        return
    row("NautilusTrader", "ticks", count, theirs, agreement(ours, theirs))
    goal("signal mode beside NautilusTrader", theirs.seconds / ours.seconds, 300)
    goal("local bus beside NautilusTrader", theirs.seconds / count / (floor.seconds / len(part.time)), 5)


def on_bars(python: Path, bars: Bars, folder: Path) -> None:
    """All that take bars."""
    count = len(bars.time)
    print(f"\nEMA({FAST}) over EMA({SLOW}) on real GBPUSD hours, spread {SPREAD} points, {COMMISSION} a lot and side")
    ours = signals_on_bars(bars)
    row("Pitwire, kernels and signal mode", "bars", count, ours, f"{len(ours.fills):,} trades, net {ours.profit:,.2f}")
    np.savez(folder / "bars.npz", **bars._asdict())
    for name, allowed in (("vectorbt", (0,)), ("backtesting", (0, SPREAD))):
        theirs = peer(python, "peer_bars.py", name, str(folder / "bars.npz"))
        if theirs is None:
            continue
        says = agreement(ours, theirs, allowed) + (" (see peer_bars.py)" if len(allowed) > 1 else "")
        row(name, "bars", count, theirs, f"{says}, net {theirs.profit:,.2f}")
        if name == "vectorbt":
            goal("signal mode beside vectorbt", theirs.seconds / ours.seconds, 1)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a fifth of the ticks")
    quick = parser.parse_known_args()[0].quick
    try:
        python = peers_python()
    except (RuntimeError, OSError) as error:
        print(f"peers: not installed, ours alone: {error}")
        python = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = 100_000 if quick else 500_000
        on_ticks(python, f"{count:,} made ticks (0.1 lots, 6 to 14 points)", made_ticks(count), 20_000, folder)
        if not DATA.is_dir():
            print(f"peers: no real data: {DATA} is not there")
            return
        ticks = real_ticks(DATA)
        on_ticks(python, "the real EURUSD ticks", ticks, len(ticks.time), folder)
        if python is not None:
            on_bars(python, real_bars(DATA), folder)


if __name__ == "__main__":
    main()
