"""What `NatsBus` costs beside bare nats-py callbacks on a private server: a hop, an answer, a stored message, a flood.

Both sides use two connections in one process on uvloop, 200-byte messages, and take turns; the median round of each is
shown. Run it with `PYTHONPATH=tests:. python benchmarks/bench_bus.py [messages]`.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import NamedTuple

import nats
import uvloop
from nats.aio.msg import Msg
from servers import make_stream, running

from bus.clock import LiveClock, monotonic_us
from bus.interface import Incoming
from bus.natsbus import NatsBus

PAYLOAD = bytes(200)
BURST = 100
HOPS = 2_000
STORES = 300
ROUNDS = 5


class Side(NamedTuple):
    """One way to talk to the server."""

    name: str
    run: Callable[[str, int], Coroutine[object, object, dict[str, float]]]


class Turn:
    """Waits for what a callback reports; `times` are the microseconds of each wait."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self._done = asyncio.Event()
        self._left = 0

    def arrived(self, *_: object) -> None:
        """One arrived."""
        self._left -= 1
        if self._left <= 0:
            self._done.set()

    async def take(self, count: int, send: Callable[[], Awaitable[object]]) -> int:
        """Send, wait until `count` arrived; the microseconds that took."""
        self._left = count
        self._done.clear()
        begun = monotonic_us()
        await send()
        await self._done.wait()
        self.times.append(monotonic_us() - begun)
        return self.times[-1]


def summary(name: str, times: list[int]) -> dict[str, float]:
    """Median and 99th percentile, in microseconds."""
    return {f"{name} p50 us": statistics.median(times), f"{name} p99 us": statistics.quantiles(times, n=100)[98]}


async def bare(url: str, messages: int) -> dict[str, float]:
    """nats-py as its documentation uses it, with callbacks."""
    sender, reader = await nats.connect(url), await nats.connect(url)
    hop, answer, store, flood = Turn(), Turn(), Turn(), Turn()

    async def on_hop(message: Msg) -> None:
        hop.arrived(message)

    async def on_flood(message: Msg) -> None:
        flood.arrived(message)

    async def on_ask(message: Msg) -> None:
        await sender.publish(message.reply, message.data)

    await reader.subscribe("hop", cb=on_hop)
    await reader.subscribe("flood", cb=on_flood)
    await sender.subscribe("ask", cb=on_ask)
    for client in (sender, reader):
        await asyncio.sleep(0)  # without it the PING could overtake the SUB
        await client.flush()
    stream = sender.jetstream()

    async def ask() -> None:
        await reader.request("ask", PAYLOAD, timeout=10)
        answer.arrived()

    async def put() -> None:
        await stream.publish("stored", PAYLOAD)
        store.arrived()

    async def pour() -> None:
        for number in range(messages):
            await sender.publish("flood", PAYLOAD)
            if number % BURST == 0:
                await asyncio.sleep(0)

    for _ in range(HOPS):
        await hop.take(1, lambda: sender.publish("hop", PAYLOAD))
        await answer.take(1, ask)
    for _ in range(STORES):
        await store.take(1, put)
    flooded_us = await flood.take(messages, pour)
    await sender.close()
    await reader.close()
    return {
        **summary("hop", hop.times),
        **summary("request", answer.times),
        **summary("stored", store.times),
        "flood msg/s": messages / flooded_us * 1e6,
    }


async def ours(url: str, messages: int) -> dict[str, float]:
    """The same through `NatsBus`."""
    sender, reader = (NatsBus(url, name=name, clock=LiveClock()) for name in ("sender", "reader"))
    await sender.open()
    await reader.open()
    hop, answer, store, flood = Turn(), Turn(), Turn(), Turn()

    def on_ask(message: Incoming) -> None:
        sender.publish(message.reply, message.data)

    reader.subscribe("hop", hop.arrived)
    reader.subscribe("flood", flood.arrived)
    sender.subscribe("ask", on_ask)
    await sender.flush()
    await reader.flush()
    stored = 0

    async def step() -> None:
        sender.publish("hop", PAYLOAD)

    async def ask() -> None:
        reader.request("ask", PAYLOAD, timeout_us=10_000_000, done=answer.arrived)

    async def put() -> None:
        nonlocal stored
        stored += 1
        sender.publish_stored("stored", PAYLOAD, msg_id=f"{id(store)}/{stored}", done=store.arrived)

    async def pour() -> None:
        for number in range(messages):
            sender.publish("flood", PAYLOAD)
            if number % BURST == 0:
                await asyncio.sleep(0)

    for _ in range(HOPS):
        await hop.take(1, step)
        await answer.take(1, ask)
    for _ in range(STORES):
        await store.take(1, put)
    flooded_us = await flood.take(messages, pour)
    await sender.close()
    await reader.close()
    return {
        **summary("hop", hop.times),
        **summary("request", answer.times),
        **summary("stored", store.times),
        "flood msg/s": messages / flooded_us * 1e6,
    }


def main() -> None:
    """Print the table."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    sides = (Side("nats-py", bare), Side("NatsBus", ours))
    rounds: dict[str, list[dict[str, float]]] = {side.name: [] for side in sides}
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(make_stream(server, "BENCH", ["stored"]))
        for _ in range(ROUNDS):
            for side in sides:
                rounds[side.name].append(runner.run(side.run(server.url, messages)))
    print(f"{'':16}" + "".join(f"{side.name:>12}" for side in sides) + f"{'ratio':>8}")
    for figure in rounds[sides[0].name][0]:
        medians = [statistics.median(one[figure] for one in rounds[side.name]) for side in sides]
        print(f"{figure:16}" + "".join(f"{value:12,.0f}" for value in medians) + f"{medians[1] / medians[0]:8.2f}")


if __name__ == "__main__":
    main()
