"""The second half of `make bench`: a floor as its user meets it.

1. From `pitwire run` in a terminal to the first bid of EURUSD on the screen, and `pitwire up` until it returns.
   Goal: 2 s.
2. Memory (PSS) of the core floor and of a session, by process, beside bare processes that only import the same
   libraries. Goals: 200 MB and 45 MB.
3. The screens at 1,000 ticks/s: processor time and memory, beside a bare nats-py subscriber that only counts.

Linux only: PSS comes from /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from console import Console
from footprint import bare, cpu_s, pss_mb
from servers import running
from spine import line

from bus.clock import monotonic_us

HERE = Path(__file__).parent
PITWIRE = str(Path(sysconfig.get_path("scripts")) / "pitwire")
START_GOAL_S = 2.0
CORE_GOAL_MB = 200.0
SESSION_GOAL_MB = 45.0
FIRST_BID = r"EURUSD\s.*?\d\.\d{5}"
FAST = "[feed]\nrate = 200\n"
"""Five symbols, 200 ticks a second each."""


CACHE = tempfile.TemporaryDirectory(prefix="pitwire-bench-bytecode.")


def environment() -> dict[str, str]:
    """Ours, without the settings of some floor; bytecode is kept, as that of an installed package is."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PITWIRE_", "PYTHONDONTWRITE"))}
    return {**kept, "PYTHONPYCACHEPREFIX": CACHE.name}


def pitwire(command: str, home: Path) -> None:
    """Run a command of ours to its end."""
    subprocess.run(
        [PITWIRE, command, "--home", str(home)], env=environment(), cwd=home, check=True, stdout=subprocess.DEVNULL
    )


@contextmanager
def folder() -> Iterator[Path]:
    """A home of its own."""
    with tempfile.TemporaryDirectory(prefix="pitwire-bench.") as home:
        yield Path(home)


@contextmanager
def floor(settings: str = "") -> Iterator[Path]:
    """A running floor; its home."""
    with folder() as home:
        (home / "pitwire.toml").write_text(settings, encoding="utf-8")
        pitwire("up", home)
        try:
            yield home
        finally:
            pitwire("down", home)


def pids(home: Path) -> dict[str, int]:
    """The floor's processes, by name."""
    status: dict[str, Any] = json.loads((home / "run" / "status.json").read_text(encoding="utf-8"))
    keeper = int((home / "run" / "lock").read_text(encoding="ascii"))
    return {
        "keeper": keeper,
        "supervisor": status["pid"],
        **{actor["name"]: actor["pid"] for actor in status["actors"] if actor["pid"]},
    }


def start(runs: int) -> None:
    """Section 1. The first start in a fresh folder is shown apart; it makes the streams and the database."""
    with folder() as home:
        _up(home)  # compiles everything
    line("start, s", "fresh folder", "median", "max", "goal", "ratio")
    for name, take in (("  pitwire up, until it returns", _up), ("  pitwire run, first bid on the screen", _run)):
        with folder() as home:
            first = take(home)
            taken = [take(home) for _ in range(runs)]
        median = statistics.median(taken)
        row = (first, median, max(taken), START_GOAL_S)
        line(name, *(f"{value:.2f}" for value in row), f"{median / START_GOAL_S:.2f}")


def _up(home: Path) -> float:
    began = monotonic_us()
    pitwire("up", home)
    took = monotonic_us() - began
    pitwire("down", home)
    return took / 1_000_000


def _run(home: Path) -> float:
    with Console([PITWIRE, "run", "--home", str(home)], environment()) as console:
        took = console.until(FIRST_BID)
        console.press("q")
        assert console.end() == 0
    return took / 1_000_000


def memory(seconds: float) -> None:
    """Section 2."""
    with floor() as home:
        _let(seconds)
        taken = {name: pss_mb(pid) for name, pid in pids(home).items()}
    core = {name: value for name, value in taken.items() if not name.startswith("session-")}
    session = max(value for name, value in taken.items() if name not in core)
    with folder() as scratch, running(scratch), bare(len(core) - 1) as processes:
        reference = [pss_mb(pid) for pid in processes]
        raw_server = next(pss_mb(child.pid) for child in psutil.Process().children() if child.name() == "nats-server")
    line("memory (PSS), MB", "pitwire", "bare", "ratio", "goal", "of goal")
    for name, value in core.items():
        line(f"  {name}", f"{value:.1f}")
    _memory_row("  the core floor", sum(core.values()), sum(reference) + raw_server, CORE_GOAL_MB)
    _memory_row("  a session", session, statistics.median(reference), SESSION_GOAL_MB)


def _memory_row(name: str, ours: float, reference: float, goal: float) -> None:
    line(name, f"{ours:.1f}", f"{reference:.1f}", f"{ours / reference:.2f}", f"{goal:.0f}", f"{ours / goal:.2f}")


def screens(seconds: float) -> None:
    """Section 3."""
    with floor(FAST) as home:
        counter = subprocess.Popen(
            [sys.executable, str(HERE / "counter.py"), str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with Console([PITWIRE, "attach", "--home", str(home)], environment()) as console:
            console.until(FIRST_BID)
            assert counter.stdout is not None
            assert counter.stdout.readline().strip() == "ready"
            _let(seconds / 5)
            began, written = monotonic_us(), console.written
            before = {pid: cpu_s(pid) for pid in (console.pid, counter.pid)}
            _let(seconds)
            took_s = (monotonic_us() - began) / 1_000_000
            used = {pid: (cpu_s(pid) - before[pid]) / took_s for pid in before}
            sizes = {pid: pss_mb(pid) for pid in before}
            bytes_s = (console.written - written) / took_s
            console.press("q")
            assert console.end() == 0
        rate = float(counter.communicate("", timeout=30)[0])
    line(f"screens at {rate:,.0f} md messages/s", "CPU", "PSS, MB", "bytes/s")
    line("  pitwire attach, 120x40", f"{used[console.pid]:.1%}", f"{sizes[console.pid]:.1f}", f"{bytes_s:,.0f}")
    line("  bare nats-py subscriber", f"{used[counter.pid]:.1%}", f"{sizes[counter.pid]:.1f}")
    ratios = (used[console.pid] / used[counter.pid], sizes[console.pid] / sizes[counter.pid])
    line("  ratio", *(f"{ratio:.2f}" for ratio in ratios))


def _let(seconds: float) -> None:
    """Let the floor run on."""
    subprocess.run(["/bin/sleep", f"{seconds:g}"], check=True)


def main() -> None:
    """All sections, or a quick look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs, for a first look")
    quick = parser.parse_args().quick
    start(2 if quick else 7)
    memory(2 if quick else 20)
    screens(3 if quick else 20)


if __name__ == "__main__":
    main()
