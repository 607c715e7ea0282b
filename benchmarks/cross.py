"""The EMA cross of `peers.py`, once for all programs: its numbers, and the ticks and bars it is run on.

    tick or closed bar -> EMA(20) and EMA(100) of the bid -> above: long, below: short, from value 4,001 on
                                                             (by then it does not matter what an average began with)

Read by the programs that run in the peers' environment as well: standard library and NumPy only.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FAST, SLOW = 20, 100
WARM_UP = 40 * SLOW
LOTS, LOT, STEPS = 0.1, 100_000, 10
UNITS = 10_000  # of the base currency: 0.1 lots
DIGITS = 5
COMMISSION = 3.0  # money a lot and side, on bars
SPREAD = 12  # points, on bars
FEE = COMMISSION * LOTS
DEPOSIT = 1_000_000.0
RUNS = 3  # of each program; the shortest counts

Integers = NDArray[np.int64]


class Columns(NamedTuple):
    """Ticks: UTC microseconds, bid and ask in points."""

    time: Integers
    bid: Integers
    ask: Integers


class Bars(NamedTuple):
    """Hourly bars of the bid: beginning in UTC microseconds, prices in points."""

    time: Integers
    open: Integers
    high: Integers
    low: Integers
    close: Integers


def made_ticks(count: int) -> Columns:
    """A seeded random walk in points around 1.10000, a tick about each second, 6 to 14 points of spread."""
    draws = np.random.default_rng(4)
    bid = 110_000 + np.cumsum(draws.integers(-3, 4, count))
    gap = draws.integers(300_000, 1_700_000, count)
    time = 1_577_923_200_000_000 + np.cumsum(gap)
    return Columns(time // 1_000 * 1_000, bid, bid + draws.integers(6, 15, count))


def real_ticks(folder: Path) -> Columns:
    """The real EURUSD ticks; HistData's times are EST without daylight saving. An ask below the bid is left out."""
    rows = []
    for line in (folder / "eurusd-ticks-histdata-20200101.csv").read_text().splitlines():
        stamp, bid, ask, _ = line.split(",")
        day, clock = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}", f"{stamp[9:11]}:{stamp[11:13]}:{stamp[13:15]}"
        seconds = int(np.datetime64(f"{day}T{clock}", "s").astype(np.int64)) + 5 * 3600
        milliseconds = seconds * 1_000 + int(stamp[15:])
        rows.append((milliseconds * 1_000, round(float(bid) * 10**DIGITS), round(float(ask) * 10**DIGITS)))
    time, bids, asks = np.array([row for row in rows if row[2] >= row[1]], np.int64).T
    return Columns(*(np.ascontiguousarray(column) for column in (time, bids, asks)))


def real_bars(folder: Path) -> Bars:
    """GBPUSD by the hour, 2012 to 2022, in points."""
    with gzip.open(folder / "gbpusd-h1-2012-2022-points.csv.gz", "rt") as file:
        rows = [line.rstrip("\n").split(",") for line in file][1:]
    time = np.array([np.datetime64(row[0].strip().replace(" ", "T"), "us") for row in rows]).astype(np.int64)
    return Bars(time, *(np.array([round(float(row[k])) for row in rows], np.int64) for k in (1, 2, 3, 4)))
