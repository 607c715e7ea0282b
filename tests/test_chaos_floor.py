"""kill -9 of any process of a live floor, the bus server included: nothing lost, nothing doubled, and it comes back."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path

import psutil
import pytest
from checker import disagreements, read_book

from actors.supervisor import Supervisor
from bus.clock import LiveClock, monotonic_us
from bus.interface import Incoming
from bus.natsbus import NatsBus
from schemas.codec import decode
from schemas.health import Beat
from schemas.order import OrderUpdate, VenueReport
from schemas.session import SessionStats
from schemas.settings import FeedSettings, GuardSettings, SessionSettings, Settings

SECONDS = float(os.environ.get("PITWIRE_CHAOS_SECONDS", "15"))
MOST_LOTS = 0.04
"""Less than both sessions want at once, so that the guard's reservations are needed."""
VICTIMS = ("recorder", "router", "guard", "gateway-paper", "session-a", "nats-server", "nursery")
CALM_S = 10.0
"""How long the strategies go on after the last kill, so that its recovery shows."""
PATIENCE_S = 60.0


def settings() -> Settings:
    """Two busy sessions on a quick market."""
    params: dict[str, int | float | str | bool] = {"every": 2, "seconds": SECONDS + CALM_S}
    return Settings(
        guard=GuardSettings(max_account_lots=MOST_LOTS),
        feed=FeedSettings(symbols=("EURUSD", "XAUUSD"), rate=20),
        session=tuple(
            SessionSettings(id=name, strategy="busy_strategy:Busy", symbols=(symbol,), params=params)
            for name, symbol in (("a", "EURUSD"), ("b", "XAUUSD"))
        ),
    )


class Witness:
    """Hears the floor from outside: order updates, beats and the sessions' figures."""

    def __init__(self) -> None:
        self.updates = 0
        self.beats: dict[str, Beat] = {}
        self.stats: dict[str, SessionStats] = {}
        self._changed = asyncio.Event()

    def heard(self, incoming: Incoming) -> None:
        event = decode(incoming.data)
        if isinstance(event, OrderUpdate):
            self.updates += 1
        elif isinstance(event, Beat):
            self.beats[event.actor] = event
        elif isinstance(event, SessionStats):
            self.stats[event.session] = event
        self._changed.set()

    async def change(self) -> None:
        """Wait for anything."""
        self._changed.clear()
        await asyncio.wait_for(self._changed.wait(), PATIENCE_S)

    async def more_updates(self, number: int) -> None:
        """Wait until the order path has moved on by that many steps."""
        target = self.updates + number
        while self.updates < target:
            await self.change()


def pid_of(supervisor: Supervisor, victim: str) -> int:
    """0 while it is not running."""
    if victim == "nats-server":
        return supervisor.server.pid or 0
    return next((actor.pid for actor in supervisor.status().actors if actor.name == victim), 0)


@pytest.mark.chaos
@pytest.mark.timeout(int(SECONDS * 4) + 120)
async def test_any_process_may_be_killed_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills at random points of the order path; then the venue's book, the stream and the database agree."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    seed = int(os.environ.get("PITWIRE_CHAOS_SEED", "1"))
    dice = random.Random(seed)
    witness = Witness()
    watcher: list[NatsBus] = []

    async def watch(supervisor: Supervisor) -> None:
        bus = NatsBus(supervisor.server.url, name="observer", clock=LiveClock(), seed=supervisor.keys.seed("observer"))
        await bus.open()
        for subject in ("order.update.>", "health.beat.>", "session.stats.>"):
            bus.subscribe(subject, witness.heard)
        watcher.append(bus)

    supervisor = Supervisor(tmp_path / "home", settings(), before_crew=watch)
    await supervisor.start()
    killed: list[str] = []
    recoveries: list[int] = []
    try:
        started = monotonic_us()
        queue: list[str] = []
        while monotonic_us() - started < SECONDS * 1_000_000:
            await witness.more_updates(dice.randrange(1, 8))
            queue = queue or dice.sample(VICTIMS, len(VICTIMS))
            victim = queue.pop()
            pid = pid_of(supervisor, victim)
            if pid:
                os.kill(pid, signal.SIGKILL)
                killed.append(victim)
                struck = monotonic_us()
                await witness.more_updates(1)
                recoveries.append(monotonic_us() - struck)
        await quiet(supervisor, witness)
        updates, reports = await stream(supervisor)
    finally:
        await supervisor.stop("the test is over")
        for bus in watcher:
            await bus.close()
    wrong = disagreements(
        read_book(tmp_path / "home" / "data" / "book-paper.sqlite"),
        updates,
        reports,
        tmp_path / "home" / "data" / "pitwire.sqlite",
        most_lots=MOST_LOTS,
    )
    worst = max(recoveries) / 1_000_000
    print(f"\nseed {seed}: {len(killed)} kills, {len(updates)} updates, next update after at most {worst:.2f} s")  # noqa: T201 - the report
    assert wrong == []
    assert set(VICTIMS) <= set(killed)
    assert len(updates) > len(killed)
    assert [process for process in psutil.Process().children(recursive=True) if process.is_running()] == []


async def quiet(supervisor: Supervisor, witness: Witness) -> None:
    """Wait until the sessions' time is over, they hold nothing, no order is open, and the recorder has everything."""
    over = monotonic_us() + int(CALM_S * 1_000_000)
    while monotonic_us() < over:
        await witness.change()
    witness.stats.clear()
    while True:
        await witness.change()
        stats, beats = witness.stats, witness.beats
        if (
            all(
                name in stats and stats[name].ticks and stats[name].positions == stats[name].open_orders == 0
                for name in ("a", "b")
            )
            and not beats["router"].gauges["open_orders"]
            and beats["recorder"].gauges.get("orders_seq", 0) >= await last_of_orders(supervisor)
        ):
            return


async def last_of_orders(supervisor: Supervisor) -> int:
    """The stream's last sequence."""
    history = await read(supervisor)
    return history[-1].stream_seq if history else 0


async def read(supervisor: Supervisor) -> list[Incoming]:
    """Everything in ORDERS, by the supervisor's own rights."""
    bus = NatsBus(supervisor.server.url, name="supervisor", clock=LiveClock(), seed=supervisor.keys.seed("supervisor"))
    await bus.open()
    try:
        return await bus.history("ORDERS", [">"])
    finally:
        await bus.close()


async def stream(supervisor: Supervisor) -> tuple[list[OrderUpdate], list[VenueReport]]:
    """The life cycles and the venue's reports."""
    events = [decode(incoming.data) for incoming in await read(supervisor)]
    return (
        [event for event in events if isinstance(event, OrderUpdate)],
        [event for event in events if isinstance(event, VenueReport)],
    )
