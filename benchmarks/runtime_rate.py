"""How many messages a second one actor takes: its runtime on `NatsBus` beside a bare nats-py callback.

The same publisher process sends the same ticks in both cases, as fast as the server takes them, while the consumer of
the round counts them, from the first to the last; rounds alternate. Both decode the tick into its typed event.
"""

from __future__ import annotations

import asyncio
import statistics
import sys

import nats
import uvloop
from nats.aio.msg import Msg

from actors.actor import Actor, Subscribe
from actors.effects import Effect, EventIn
from actors.runtime import LoopScheduler, Runtime
from bus.clock import LiveClock, monotonic_us
from bus.natsbus import NatsBus
from schemas.codec import decode_as, encode
from schemas.market import Tick

__all__ = ["compare"]

TICK = Tick(
    venue="paper",
    symbol="EURUSD",
    at=1_577_916_000_065_000,
    bid=1.1212,
    ask=1.12122,
    number=17,
    source="feed",
    incarnation=1,
    sequence=17,
    time=1_577_916_000_065_000,
)


class Counter(Actor):
    """Counts ticks and does nothing else."""

    role = "counter"

    def __init__(self, wanted: int, done: asyncio.Event) -> None:
        super().__init__("counter", 1)
        self.count = 0
        self.first: list[int] = []
        self._wanted = wanted
        self._done = done

    def subscriptions(self) -> tuple[Subscribe, ...]:
        """All ticks."""
        return (Subscribe("md.tick.>"),)

    def on_event(self, message: EventIn, now: int) -> tuple[Effect, ...]:
        """One more."""
        if not self.count:
            self.first.append(monotonic_us())
        self.count += 1
        if self.count == self._wanted:
            self._done.set()
        return ()


async def _actor(url: str, messages: int) -> float:
    done = asyncio.Event()
    bus = NatsBus(url, name="counter", clock=LiveClock())
    await bus.open()
    counter = Counter(messages, done)
    runtime = Runtime(
        counter,
        bus,
        LoopScheduler(lambda error: sys.exit(str(error))),
        fatal=sys.exit,
    )
    await runtime.start()
    rate = await _flooded(url, messages, counter.first, done)
    await bus.close()
    return rate


async def _callback(url: str, messages: int) -> float:
    done = asyncio.Event()
    client = await nats.connect(url, name="callback")
    count = 0
    first: list[int] = []

    async def arrived(message: Msg) -> None:
        nonlocal count
        decode_as(Tick, message.data)
        if not count:
            first.append(monotonic_us())
        count += 1
        if count == messages:
            done.set()

    await client.subscribe("md.tick.>", cb=arrived, pending_msgs_limit=-1, pending_bytes_limit=-1)
    await client.flush()
    rate = await _flooded(url, messages, first, done)
    await client.close()
    return rate


async def _flooded(url: str, messages: int, first: list[int], done: asyncio.Event) -> float:
    """Messages a second from the first one counted to the last."""
    publisher = await asyncio.create_subprocess_exec(sys.executable, __file__, url, str(messages))
    await asyncio.wait_for(done.wait(), 120)
    took = monotonic_us() - first[0]
    await publisher.wait()
    return messages / (took / 1_000_000)


def compare(url: str, messages: int = 200_000, rounds: int = 3) -> tuple[float, float]:
    """Medians over the rounds, in messages a second: the actor's, the bare callback's."""
    actor, bare = [], []
    for _ in range(rounds):
        bare.append(uvloop.run(_callback(url, messages)))
        actor.append(uvloop.run(_actor(url, messages)))
    return statistics.median(actor), statistics.median(bare)


async def _publish(url: str, messages: int) -> None:
    """Without any client library in the way."""
    host, _, port = url.removeprefix("nats://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    data = encode(TICK)
    one = b"PUB md.tick.paper.EURUSD %d\r\n%b\r\n" % (len(data), data)
    writer.write(b'CONNECT {"verbose":false}\r\n')
    for sent in range(0, messages, 500):
        writer.write(one * min(500, messages - sent))
        await writer.drain()
    writer.write(b"PING\r\n")
    await writer.drain()
    while not (await reader.readline()).startswith(b"PONG"):
        pass
    writer.close()


if __name__ == "__main__":
    uvloop.run(_publish(sys.argv[1], int(sys.argv[2])))
