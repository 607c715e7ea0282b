"""A bare nats-py subscriber that counts what a floor says on md.>: `python benchmarks/counter.py HOME`.

Says `ready` when it has heard the first one; prints messages a second when its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import nats
import uvloop
from nats.aio.msg import Msg

from bus.clock import monotonic_us


async def count(home: Path) -> None:
    """Until the end of the standard input."""
    url = json.loads((home / "run" / "status.json").read_text(encoding="utf-8"))["url"]
    seed = (home / "users" / "owner.seed").read_text(encoding="ascii").strip()
    client = await nats.connect(url, name="counter", nkeys_seed_str=seed, inbox_prefix="_INBOX.owner")
    heard, ticks = asyncio.Event(), 0

    async def arrived(_: Msg) -> None:
        nonlocal ticks
        ticks += 1
        heard.set()

    await client.subscribe("md.>", cb=arrived)
    await heard.wait()
    began, before = monotonic_us(), ticks
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print((ticks - before) / ((monotonic_us() - began) / 1_000_000))
    await client.close()


if __name__ == "__main__":
    uvloop.run(count(Path(sys.argv[1])))
