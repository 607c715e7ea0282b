"""The demo: a whole floor to the end of its data, its figures, and what it leaves behind."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from commandline import COMMAND, environment, pitwire, running_below

from actors.adopted import available
from bus.buslog import BusLog

FIELDS = [
    *("ticks", "skipped", "bars", "signals", "intents", "cleared", "refused", "orders", "fills", "trades"),
    *("realised_pnl", "equity", "db_orders", "db_trades", "elapsed_s", "latency_us"),
]
RUN = ("demo", "--json")
START_US = 1_577_973_600_000_000


def ticks_file(folder: Path, crossed: int = 0) -> Path:
    """Three hours of a market that swings, one tick each 3 s, so that the averages cross; some quotes are crossed."""
    lines = ["time,bid,ask"]
    for number in range(3_600):
        swing = abs(number % 600 - 300)
        bid = 112_000 + swing
        spread = -5 if number < crossed else 10
        lines.append(f"{START_US + number * 3_000_000},{bid / 100_000:.5f},{(bid + spread) / 100_000:.5f}")
    path = folder / "swing.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def figures(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one object that the command printed, as a user's program would read it."""
    assert done.returncode == 0, done.stderr
    body: dict[str, Any] = json.loads(done.stdout)
    assert list(body) == FIELDS
    return body


def orders_of(home: Path) -> list[tuple[Any, ...]]:
    """Every order with everything that the venue did with it."""
    with closing(sqlite3.connect(home / "data" / "book-paper.sqlite")) as book:
        tables = [row[0] for row in book.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return [(table, *row) for table in tables if table[0] != "_" for row in book.execute(f"SELECT * FROM {table}")]  # noqa: S608


def test_a_minute_of_the_synthetic_market_leaves_nothing_behind(tmp_path: Path) -> None:
    """No process, no folder, one JSON object on stdout and nothing else."""
    body = figures(pitwire(*RUN, "--seconds", "60", cwd=tmp_path, env=environment(TMPDIR=str(tmp_path))))
    assert body["ticks"] > 100
    assert (body["db_orders"], body["db_trades"]) == (body["orders"], body["trades"])
    assert running_below(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_the_same_data_gives_the_same_orders_and_the_same_money_byte_for_byte(tmp_path: Path) -> None:
    """Two runs: every figure but the times, and every row of the venue's book."""
    path = ticks_file(tmp_path, crossed=7)
    bodies = [
        figures(pitwire(*RUN, "--ticks", path, "--format", "csv", "--keep", tmp_path / name, cwd=tmp_path))
        for name in ("first", "second")
    ]
    for body in bodies:
        assert body.pop("elapsed_s") > 0
        assert body.pop("latency_us")["p50"] > 0
    first, second = bodies
    assert first == second
    assert (first["ticks"], first["skipped"]) == (3_593, 7)
    assert first["trades"] > 0
    assert first["intents"] == first["cleared"] + first["refused"]
    assert first["orders"] == first["fills"] == first["db_orders"]
    assert first["db_trades"] == first["trades"]
    assert orders_of(tmp_path / "first") == orders_of(tmp_path / "second") != []


def test_another_seed_gives_another_market(tmp_path: Path) -> None:
    """The seed is not only taken, it is used."""
    first = figures(pitwire(*RUN, "--seconds", "30", cwd=tmp_path))
    second = figures(pitwire(*RUN, "--seconds", "30", "--seed", "2", cwd=tmp_path))
    assert first["ticks"] != second["ticks"]


def test_a_record_holds_the_bus_and_every_actors_inbox(tmp_path: Path) -> None:
    """What `pitwire verify` needs, whole and closed."""
    body = figures(pitwire(*RUN, "--seconds", "20", "--record", tmp_path / "rec", cwd=tmp_path))
    log = BusLog(tmp_path / "rec" / "bus.jsonl")
    try:
        assert (log.closed, log.losses) == (True, 0)
        assert log.messages > body["ticks"]
    finally:
        log.close()
    names = [re.sub(r"-\d+\.jsonl$", "", path.name) for path in sorted((tmp_path / "rec" / "inbox").iterdir())]
    assert names == ["feed", "gateway-paper", "guard", "portfolio", "recorder", "router", "session-ema-eurusd"]
    assert [path.name for path in tmp_path.iterdir()] == ["rec"]
    _verify(tmp_path / "rec", names)


def _verify(record: Path, names: list[str]) -> None:
    """Every actor of a record is identical, with and without the bus log; one changed digit is found and named."""
    done = pitwire("verify", record, "--json", cwd=record)
    body = json.loads(done.stdout)
    assert (done.returncode, body["ok"]) == (0, True), done.stdout
    assert [re.sub(r"-\d+$", "", finding["actor"]) for finding in body["findings"]] == ["bus", *names]
    (record / "bus.jsonl").unlink()
    assert pitwire("verify", "--home", record, cwd=record).returncode == 0
    path = next((record / "inbox").glob("gateway-paper-*.jsonl"))
    text = path.read_text(encoding="utf-8")
    at = next(at for at in range(len(text) // 2, len(text)) if text[at].isdigit())
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :], encoding="utf-8")
    done = pitwire("verify", record, cwd=record)
    assert done.returncode == 1
    bad = [line for line in done.stdout.splitlines() if line.startswith("BAD")]
    assert len(bad) == 1
    assert f"{path}:{text[:at].count(chr(10)) + 1}" in bad[0]


def test_a_folder_without_a_record_cannot_be_verified(tmp_path: Path) -> None:
    """What was expected there is said."""
    done = pitwire("verify", tmp_path, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (5, "")
    assert "bus.jsonl" in done.stderr


def test_faster_than_life_it_ends_when_the_market_time_is_over(tmp_path: Path) -> None:
    """100 seconds of market at 50 times life take two seconds."""
    body = figures(pitwire(*RUN, "--seconds", "100", "--speed", "50", cwd=tmp_path))
    assert body["ticks"] > 100
    assert 1.5 < body["elapsed_s"] < 15


def test_the_summary_for_people_has_every_figure(tmp_path: Path) -> None:
    """Readable, and without JSON."""
    done = pitwire("demo", "--seconds", "10", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for word in ("ticks", "signals", "cleared", "orders", "realised", "database", "ticks/s"):
        assert word in done.stdout


def test_an_interrupt_ends_it_in_order(tmp_path: Path) -> None:
    """Ctrl-C: exit code 130, no process and no folder left."""
    command = [*COMMAND, "demo", "--seconds", "100000"]
    env = environment(TMPDIR=str(tmp_path))
    with subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True) as demo:
        _wait_for_actor(tmp_path)
        demo.send_signal(signal.SIGINT)
        _, errors = demo.communicate(timeout=40)
    assert (demo.returncode, errors) == (130, "")
    assert running_below(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_an_actor_that_dies_breaks_simulated_time_and_ends_the_demo(tmp_path: Path) -> None:
    """A run that lost an actor has no result: exit code 1, which actor and how, nothing left."""
    command = [*COMMAND, "demo", "--seconds", "100000"]
    env = environment(TMPDIR=str(tmp_path))
    with subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True) as demo:
        subprocess.run(["/bin/kill", "-9", str(_wait_for_actor(tmp_path))], check=True)
        _, errors = demo.communicate(timeout=40)
    assert (demo.returncode, errors) == (1, "pitwire: guard was killed by signal 9\n")
    assert running_below(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_is_killed_takes_its_floor_with_it(tmp_path: Path) -> None:
    """Nothing of it can be cleaned up by itself any more, yet no process is left, the server included."""
    command = [*COMMAND, "demo", "--seconds", "100000"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(TMPDIR=str(tmp_path))) as demo:
        _wait_for_actor(tmp_path)
        floor = [process for process in psutil.process_iter() if process.pid in _pids(tmp_path)]
        demo.kill()
    assert len(floor) == 8 + available()
    assert psutil.wait_procs(floor, 20)[1] == []
    assert running_below(tmp_path) == []


def _pids(folder: Path) -> set[int]:
    path = next(folder.glob("pitwire-demo-*/run/status.json"))
    return {int(actor["pid"]) for actor in json.loads(path.read_text(encoding="utf-8"))["actors"]}


def _wait_for_actor(folder: Path) -> int:
    """The guard's process id, as soon as the whole floor runs."""
    while True:
        for path in folder.glob("pitwire-demo-*/run/status.json"):
            body = json.loads(path.read_text(encoding="utf-8"))
            if body["state"] == "running":
                return next(int(actor["pid"]) for actor in body["actors"] if actor["name"] == "guard")


def test_the_recorded_day_gives_every_tick_of_it(tmp_path: Path, data_dir: Path) -> None:
    """9,500 real ticks, trades made, database and bus of one mind."""
    path = data_dir / "eurusd-ticks-histdata-20200101.csv"
    body = figures(pitwire(*RUN, "--ticks", path, "--format", "histdata", "--symbol", "EURUSD", cwd=tmp_path))
    assert (body["ticks"], body["skipped"]) == (9_500, 0)
    assert body["trades"] > 0
    assert (body["db_orders"], body["db_trades"]) == (body["orders"], body["trades"])
