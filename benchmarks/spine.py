"""`make bench`: the floor beside raw NATS, in one run.

1. Tick to order at the venue, open loop at 100 ticks/s on the live clock, beside the same hops with nothing but nats-py
   and the same synced writes. Goal: ratio of the medians at most 1.15.
2. Simulated time in lock-step over the real bus, in ticks a second.
3. An actor's runtime beside bare nats-py callbacks, in messages a second. Goal: at least 0.8.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
from pathlib import Path

import uvloop
from raw_chain import measure
from runtime_rate import compare
from servers import make_stream, running

from schemas.settings import FeedSettings, SessionSettings, Settings
from tui.commands.demo_floor import DemoFloor, Summary

HERE = Path(__file__).parent
RATE = 100.0
EVERY = 10


def percentile(values: list[int], share: float) -> int:
    """The value below which `share` of them lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def line(name: str, *values: object) -> None:
    """One row of the table."""
    print(f"{name:<44}" + "".join(f"{value!s:>14}" for value in values), flush=True)


def floor(settings: Settings) -> Summary:
    """Run a private floor to its end."""
    with tempfile.TemporaryDirectory(prefix="pitwire-bench.") as home:
        return uvloop.run(DemoFloor(Path(home), settings, None).run())


def latency(seconds: float) -> None:
    """Section 1."""
    beats = int(seconds * RATE / EVERY)
    live = Settings(
        feed=FeedSettings(symbols=("EURUSD",), rate=RATE, seconds=seconds),
        session=(SessionSettings(id="metronome", strategy="metronome:Metronome", params={"every": EVERY}),),
    )
    chains: dict[str, list[int]] = {"": [], "ack": [], "ack,commit": []}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        asyncio.run(make_stream(server, "STORED", ["stored.>"]))
        for half in range(2):
            for options in chains:
                chains[options] += measure(
                    server.url, rate=RATE / EVERY, beats=beats // 2, options=set(options.split(","))
                )
            if not half:
                ours = floor(live)
    line("tick to order at the venue, us", "p50", "p99", "ratio p50")
    p50 = ours.latency_us.p50 or 0
    line(f"  pitwire ({ours.orders} orders)", p50, ours.latency_us.p99, "")
    names = {
        "": "  raw nats-py, 4 hops",
        "ack": "  raw + synced stream ack",
        "ack,commit": "  raw + synced ack + synced session file",
    }
    for options, values in chains.items():
        median = int(statistics.median(values))
        line(names[options], median, percentile(values, 0.99), f"{p50 / median:.2f}")


def lock_step(seconds: float) -> None:
    """Section 2."""
    ours = floor(Settings(feed=FeedSettings(speed=0, seconds=seconds)))
    line(
        "simulated time, real bus",
        f"{ours.ticks} ticks",
        f"{ours.elapsed_s:.1f} s",
        f"{ours.ticks / ours.elapsed_s:.0f}/s",
    )


def throughput(messages: int) -> None:
    """Section 3."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        actor, bare = compare(server.url, messages)
    line("one actor's messages a second", "runtime", "bare nats-py", "ratio")
    line(f"  {messages} ticks", f"{actor:.0f}", f"{bare:.0f}", f"{actor / bare:.2f}")


def main() -> None:
    """All sections, or a quick look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time, for a first look")
    options = parser.parse_args()
    # The processes of the floor find the metronome by this.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
    share = 0.1 if options.quick else 1.0
    throughput(int(300_000 * share))
    lock_step(3_000 * share)
    latency(60 * share)


if __name__ == "__main__":
    main()
