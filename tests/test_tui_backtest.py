"""`pitwire backtest` as a command: real data, its report, JSON and trades, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from commandline import pitwire

from actors.backtest_report import COLUMNS
from kernels import build_hash
from tui.commands.backtest_text import Progress

DATA = Path(os.environ.get("PITWIRE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data in {DATA}")
STRATEGIES = ("cycle_trader", "adaptive_hedging", "bollinger_stop")
TICKS = "".join(
    f"20200101 {170_000_000 + second * 1000:09},{1.1 + second / 1e4:.5f},{1.1001 + second / 1e4:.5f},0\n"
    for second in range(50)
)


def write(folder: Path, text: str = TICKS, name: str = "ticks.csv") -> Path:
    """A file of data."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def report(folder: Path, *arguments: str | Path) -> dict[str, Any]:
    """The JSON of a run that must succeed."""
    done = pitwire("backtest", *arguments, "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    body: dict[str, Any] = json.loads(done.stdout)
    return body


@needs_data
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "data",
    [
        ("xauusd-h1-2012-2022-points.csv.gz", "XAUUSD", "--spread", "30", "--commission", "7"),
        ("gbpusd-m1-bid-2012-02.csv.gz", "GBPUSD", "--commission", "3.5", "--slippage", "1"),
        ("eurusd-ticks-histdata-20200101.csv", "EURUSD", "--latency", "150"),
    ],
    ids=lambda data: data[1],
)
def test_profit_adds_up_from_the_trades_on_real_data(tmp_path: Path, strategy: str, data: tuple[str, ...]) -> None:
    """Ten years of hourly gold, a month of pound minutes, six hours of euro ticks: each strategy, to the cent."""
    name, symbol, *more = data
    path, file = DATA / name, tmp_path / "trades.csv"
    body = report(tmp_path, "--strategy", strategy, "--data", path, "--symbol", symbol, "--trades", file, *more)
    with file.open(newline="", encoding="ascii") as stream:
        rows = list(csv.DictReader(stream))
        assert tuple(csv.DictReader(io.StringIO(file.read_text())).fieldnames or ()) == COLUMNS
    nets = [Decimal(row["profit"]) + Decimal(row["commission"]) + Decimal(row["swap"]) for row in rows]
    assert float(sum(nets)) == body["net_profit"]
    assert body["balance"] == pytest.approx(10_000 + body["net_profit"])
    assert len(rows) == body["trades"]
    assert sum(net > 0 for net in nets) == body["wins"]
    lost = -sum(net for net in nets if net < 0)
    won = sum(net for net in nets if net > 0)
    assert body["profit_factor"] == (pytest.approx(float(won / lost)) if lost else None)
    assert body["end_of_data"] == sum(row["reason"] == "end_of_data" for row in rows)
    assert body["kernel"] == build_hash()
    assert body["elapsed_s"] > 0
    assert body["ticks"] == {"XAUUSD": 4 * 57_600, "GBPUSD": 4 * 30_117, "EURUSD": 9_500}[symbol]
    assert body["max_drawdown"] >= 0
    assert body["corrected"] == (1_471 if symbol == "GBPUSD" else 0)
    for row in rows:
        assert int(row["open_time"]) <= int(row["close_time"])
        moved = (Decimal(row["close_price"]) - Decimal(row["open_price"])) * (1 if row["side"] == "buy" else -1)
        units = 100 if symbol == "XAUUSD" else 100_000
        if row["close_price"] != row["open_price"]:
            assert abs(moved * Decimal(row["volume"]) * units - Decimal(row["profit"])) <= Decimal("0.51")


@needs_data
def test_two_runs_write_the_same_trades(tmp_path: Path) -> None:
    """The same data and options give the same bytes."""
    path = DATA / "gbpusd-m1-bid-2012-02.csv.gz"
    files = [tmp_path / name for name in ("one.csv", "two.csv")]
    for file in files:
        report(tmp_path, "--strategy", "cycle_trader", "--data", path, "--symbol", "GBPUSD", "--trades", file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(files[0].read_text().splitlines()) > 10


@needs_data
def test_the_report_is_for_people(tmp_path: Path) -> None:
    """Figures with units, the corrections of the pair, and that a bar's four ticks are all the strategy sees."""
    path = DATA / "gbpusd-m1-bid-2012-02.csv.gz"
    done = pitwire("backtest", "--strategy", "cycle_trader", "--data", path, "--symbol", "GBPUSD", cwd=tmp_path)
    assert done.returncode == 0
    for words in (
        "cycle_trader on GBPUSD, 2012-02-01 00:00 to 2012-03-01 00:00",
        "30,117 bars, 120,468 ticks",
        "Net profit",
        "Closed at the data's end",
        "Ambiguous bars",
        "four ticks each",
        "1471 ticks of bars had an ask below the bid",
        "opened by command whenever none was open: alternate",
        f"kernel {build_hash()[:12]}",
    ):
        assert words in done.stdout


def test_options_change_what_they_say(tmp_path: Path) -> None:
    """Deposit, parameters from both places, the time, spread, commission, side of the opening command."""
    path = write(tmp_path)
    parameters = write(tmp_path, "take_profit=1||1||1||9||N\nhedge_sl=50\n", "x.set")
    base = ("--strategy", "cycle_trader", "--data", path, "--symbol", "EURUSD", "--opening", "buy")
    plain = report(tmp_path, *base, "--set", "take_profit=0.5")
    assert (plain["params"]["take_profit"], plain["deposit"], plain["ticks"]) == (0.5, 10_000.0, 50)
    # Each second brings 0.10 USD on 0.01 lots; the spread costs as much.
    assert plain["trades"] > 5
    assert plain["cycles_by_reason"] == {"take_profit": plain["trades"] - plain["end_of_data"]}
    other = report(tmp_path, *base, "--set-file", parameters, "--deposit", "500", "--commission", "10")
    assert (other["params"]["take_profit"], other["params"]["hedge_sl"], other["deposit"]) == (1.0, 50.0, 500.0)
    assert other["commission"] == pytest.approx(-0.2 * other["trades"])
    part = report(tmp_path, *base, "--from", "2020-01-01T22:00:10Z", "--to", "2020-01-01T22:00:30")
    assert part["ticks"] == 20
    assert part["begun"] == 1_577_916_010_000_000
    dear = report(tmp_path, *base, "--spread", "1000", "--set", "take_profit=100")
    assert dear["net_profit"] == pytest.approx(0.01 * 100_000 * (49 * 1e-4 - 0.01))
    assert report(tmp_path, *base[:-1], "sell")["net_profit"] < 0
    assert report(tmp_path, *base[:-1], "none")["orders"] == 0


def test_a_currency_without_a_rate_is_refused_and_a_given_one_taken(tmp_path: Path) -> None:
    """EURJPY on a USD account needs --rate; on one in JPY, and USDJPY on one in USD, none."""
    lines = "".join(f"{second},{120 + second / 100:.3f},{120.01 + second / 100:.3f}\n" for second in range(50))
    path = write(tmp_path, "time,bid,ask\n" + lines)
    base = ("--strategy", "cycle_trader", "--set", "take_profit=1000", "--opening", "buy", "--data", path)
    done = pitwire("backtest", *base, "--symbol", "EURJPY", cwd=tmp_path)
    assert done.returncode == 5
    assert "EURJPY has its profit in JPY and the account is in USD; expected --rate" in done.stderr
    for more in (("EURJPY", "--rate", "0.01"), ("EURJPY", "--currency", "JPY"), ("USDJPY",)):
        assert report(tmp_path, *base, "--symbol", *more)["trades"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--data", "none.csv"), 5, "none.csv: it cannot be read"),
        (("--symbol", "NOPE"), 5, "unknown symbol 'NOPE'"),
        (("--strategy", "nope"), 5, "unknown strategy 'nope'; expected one of cycle_trader"),
        (("--set", "take_profit=-1"), 5, "take_profit"),
        (("--set", "lot_sizes=0.015"), 5, "lot_sizes"),
        (("--set", "take_profit"), 2, "expected NAME=VALUE"),
        (("--set-file", "none.set"), 5, "none.set: it cannot be read"),
        (("--from", "yesterday"), 2, "expected a time as 2020-01-31"),
        (("--from", "2021-01-01"), 5, "no tick between --from and --to; it has 2020-01-01T22:00:00Z"),
        (("--deposit", "nan"), 5, "deposit"),
        (("--deposit", "-5"), 5, "deposit"),
        (("--commission", "inf"), 5, "commission"),
        (("--spread", "-1"), 5, "spread -1; expected whole points"),
        (("--rate", "0"), 5, "--rate"),
        (("--leverage", "0"), 2, "leverage"),
        (("--format", "points"), 5, "ticks.csv has bars of the bid alone; expected --spread POINTS"),
        (("--trades", "no/such/folder.csv"), 6, "it cannot be written"),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit_code(
    tmp_path: Path, arguments: tuple[str, str], code: int, words: str
) -> None:
    """Bad options and files: named, with what was expected, and never a traceback."""
    given = {"--strategy": "cycle_trader", "--data": str(write(tmp_path)), "--symbol": "EURUSD"}
    given[arguments[0]] = arguments[1]
    done = pitwire("backtest", *(text for pair in given.items() for text in pair), cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    if code != 2:
        assert done.stderr.startswith("pitwire: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("20200101 180000000,nan,1.2,0", "line 51: price nan; expected a number above 0"),
        ("20200101 180000000,1.1,inf,0", "line 51: price inf"),
        ("20200101 180000000,1.2,1.1,0", "line 51: ask 1.1 is below bid 1.2; expected ask >= bid"),
        ("20200101 160000000,1.1,1.2,0", "line 51: time goes backwards"),
        ("20200101 180000000,1.1000005,1.2,0", "line 51: price 1.1000005 is not on the grid"),
    ],
)
def test_bad_data_names_file_and_line(tmp_path: Path, line: str, words: str) -> None:
    """And leaves no file of trades behind, nor a part of one."""
    path = write(tmp_path, f"{TICKS}{line}\n")
    done = pitwire(
        *("backtest", "--strategy", "cycle_trader", "--symbol", "EURUSD"),
        *("--data", path, "--trades", tmp_path / "out.csv"),
        cwd=tmp_path,
    )
    assert done.returncode == 5
    assert f"{path}, {words}" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["ticks.csv"]


def test_progress_begins_after_a_second_and_leaves_nothing() -> None:
    """It says how far, how fast and how long, over the same line, and is wiped out."""
    stream = io.StringIO()
    progress = Progress(stream)
    progress(10, 1000, 0.9)
    assert stream.getvalue() == ""
    progress(1_000_000, 4_000_000, 2.0)
    progress(2_000_000, 4_000_000, 400.0)
    assert stream.getvalue() == "\r 25%  0.5 M ticks/s  ETA 6 s\r 50%  0.0 M ticks/s  ETA 6 min 40 s"
    progress.clear()
    assert stream.getvalue().endswith("\r" + " " * len(" 50%  0.0 M ticks/s  ETA 6 min 40 s") + "\r")
