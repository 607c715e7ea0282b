"""The order path's hops with nothing but nats-py: what the floor's latency is compared with.

Five processes on a private server: source -> strategy -> guard -> router -> venue, four hops of core messages of an
order's size. The strategy commits a row to SQLite (synchronous=FULL) before it passes a message on, the router waits
for the synced ack of a JetStream publish, as Pitwire's must; each can be left out. Every beat carries the time at which
it was sent; the venue notes how long it took.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import nats
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg

from bus.clock import monotonic_us

__all__ = ["measure"]

_PAD = "x" * 450
_LINKS = ("strategy", "guard", "router")


async def _link(url: str, role: str, options: set[str]) -> None:
    """Pass each message on, until the parent closes our input."""
    client = await nats.connect(url, name=role)
    stream = client.jetstream()
    following = {"strategy": "intent", "guard": "cleared", "router": "order"}[role]
    listening = {"strategy": "tick", "guard": "intent", "router": "cleared"}[role]
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "s.sqlite", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE s (id INTEGER PRIMARY KEY, body TEXT)")

        async def passed(message: Msg) -> None:
            if role == "strategy" and "commit" in options:
                database.execute("INSERT OR REPLACE INTO s VALUES (1, ?)", (_PAD,))
            if role == "router" and "ack" in options:
                await stream.publish("stored.order", message.data)
            await client.publish(following, message.data)

        await client.subscribe(listening, cb=passed)
        await client.flush()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    await client.close()


def measure(url: str, *, rate: float, beats: int, options: set[str]) -> list[int]:
    """Microseconds from source to venue for each of `beats`, sent at `rate` a second, whatever is still under way."""
    children = [
        subprocess.Popen(
            [sys.executable, __file__, url, role, ",".join(sorted(options))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for role in _LINKS
    ]
    venue = subprocess.Popen(
        [sys.executable, __file__, url, "venue", str(beats)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        for child in (*children, venue):
            assert child.stdout is not None
            assert child.stdout.readline().strip() == "ready"
        uvloop.run(_source(url, rate, beats))
        out, _ = venue.communicate("", timeout=60)
        latencies: list[int] = json.loads(out)
        return latencies
    finally:
        for child in children:
            child.communicate("", timeout=30)


async def _source(url: str, rate: float, beats: int) -> None:
    client = await nats.connect(url, name="source")
    start = monotonic_us()
    for beat in range(beats):
        due = start + int(beat * 1_000_000 / rate)
        await asyncio.sleep(max(0, due - monotonic_us()) / 1_000_000)
        await client.publish("tick", json.dumps({"sent": monotonic_us(), "pad": _PAD}).encode())
        await client.flush()
    await client.close()


async def _venue(url: str, beats: int) -> None:
    client: Client = await nats.connect(url, name="venue")
    latencies: list[int] = []
    complete = asyncio.Event()

    async def arrived(message: Msg) -> None:
        latencies.append(monotonic_us() - json.loads(message.data)["sent"])
        if len(latencies) == beats:
            complete.set()

    await client.subscribe("order", cb=arrived)
    await client.flush()
    print("ready", flush=True)
    await asyncio.wait_for(complete.wait(), 300)
    print(json.dumps(latencies))
    await client.close()


if __name__ == "__main__":
    if sys.argv[2] == "venue":
        uvloop.run(_venue(sys.argv[1], int(sys.argv[3])))
    else:
        uvloop.run(_link(sys.argv[1], sys.argv[2], set(sys.argv[3].split(","))))
