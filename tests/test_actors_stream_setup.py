"""The recorder's database is a projection: deleted, or an older copy, it is made whole again from the streams."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from actors.recorder_schema import recorded
from actors.stream_setup import last_sequences
from actors.supervisor import Supervisor
from bus.clock import LiveClock
from bus.interface import Incoming
from bus.natsbus import NatsBus
from schemas.base import Event
from schemas.codec import decode
from schemas.health import Beat
from schemas.order import OrderUpdate
from schemas.settings import FeedSettings, SessionSettings, Settings

_FEED = FeedSettings(symbols=("EURUSD",), rate=50)
# Longer than the guard waits for the watch's word on everybody, a beat after the start.
_PARAMS: dict[str, int | float | str | bool] = {"every": 2, "seconds": 4}
TRADING = Settings(
    feed=_FEED, session=(SessionSettings(id="s", strategy="busy_strategy:Busy", symbols=("EURUSD",), params=_PARAMS),)
)
IDLE = Settings(feed=_FEED, session=(SessionSettings(id="idle", strategy="ema_cross", symbols=("EURUSD",)),))
STREAMS = ("ORDERS", "FLOW")

Rows = dict[str, list[tuple[Any, ...]]]


class Witness:
    """Hears a floor, for waiting."""

    def __init__(self, supervisor: Supervisor, bus: NatsBus) -> None:
        self.supervisor = supervisor
        self._heard: asyncio.Queue[Event] = asyncio.Queue()
        for subject in ("order.update.>", "health.beat.recorder"):
            bus.subscribe(subject, self._arrived)

    def _arrived(self, incoming: Incoming) -> None:
        self._heard.put_nowait(decode(incoming.data))

    async def until(self, wanted: Callable[[Event], bool]) -> None:
        """Wait for an event that fits."""
        async with asyncio.timeout(20):
            while not wanted(await self._heard.get()):
                pass

    async def traded(self, updates: int) -> None:
        """Wait until so many steps of orders were heard."""
        for _ in range(updates):
            await self.until(lambda event: isinstance(event, OrderUpdate))

    async def quiet(self) -> None:
        """Wait until nothing happened to any order between two beats."""
        updates = 1

        def nothing_since(event: Event) -> bool:
            nonlocal updates
            before, updates = updates, 0 if isinstance(event, Beat) else updates + 1
            return not before and not updates

        await self.until(nothing_since)

    async def caught_up(self) -> None:
        """Wait until the recorder has all that the streams hold now."""
        last = await last_sequences(self.supervisor.server.url, self.supervisor.keys, STREAMS)

        def has_all(event: Event) -> bool:
            if not isinstance(event, Beat):
                return False
            gauges = event.gauges
            return not gauges["missing"] and all(gauges[f"{name.lower()}_seq"] >= last[name] for name in STREAMS)

        await self.until(has_all)


async def run(home: Path, settings: Settings, until: Callable[[Witness], Awaitable[None]]) -> None:
    """A whole floor, from its start to its end."""
    witnesses: list[tuple[Witness, NatsBus]] = []

    async def listen(supervisor: Supervisor) -> None:
        bus = NatsBus(supervisor.server.url, name="observer", clock=LiveClock(), seed=supervisor.keys.seed("observer"))
        await bus.open()
        witnesses.append((Witness(supervisor, bus), bus))
        await bus.flush()

    supervisor = Supervisor(home, settings, before_crew=listen)
    try:
        await supervisor.start()
        await until(witnesses[0][0])
    finally:
        for _, bus in witnesses:
            await bus.close()
        await supervisor.stop("the test is over")


def rows(path: Path) -> Rows:
    """What the tables say, but for the idle session. Of an account what it is and has: it is told again in each run."""
    ordered = {
        "orders": "SELECT * FROM orders ORDER BY id",
        "fills": "SELECT * FROM fills ORDER BY account, ticket",
        "trades": "SELECT * FROM trades ORDER BY account, ticket",
        "strategies": "SELECT * FROM strategies WHERE session = 's' ORDER BY session",
        "sessions": "SELECT * FROM sessions WHERE session = 's' ORDER BY session",
        "accounts": "SELECT account, venue, currency, balance, equity, margin, leverage, mode, positions FROM accounts",
        "audit": "SELECT * FROM audit ORDER BY seq",
        "monitoring_events": "SELECT * FROM monitoring_events ORDER BY stream, seq",
    }
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return {table: connection.execute(query).fetchall() for table, query in ordered.items()}


def added(before: Rows, after: Rows) -> Rows:
    """The rows that are only in `after`; every row of `before` must be in it as it was."""
    lost = {table: [row for row in lines if row not in after[table]] for table, lines in before.items()}
    assert lost == {table: [] for table in before}
    assert all(len(set(lines)) == len(lines) for lines in after.values())
    more = {table: [row for row in after[table] if row not in lines] for table, lines in before.items()}
    return {table: lines for table, lines in more.items() if lines}


async def test_a_deleted_or_older_database_is_made_whole_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that it ever had was acked, and comes again all the same: once, and only what is missing."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    home, older = tmp_path / "home", tmp_path / "older.sqlite"
    database = home / "data" / "pitwire.sqlite"

    async def trade(witness: Witness) -> None:
        await witness.traded(12)
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(older)) as copy:
            source.backup(copy)
        await witness.quiet()
        await witness.caught_up()

    await run(home, TRADING, trade)
    whole = rows(database)
    partly = rows(older)
    assert 0 < len(partly["orders"]) < len(whole["orders"])
    assert 0 < len(partly["fills"]) < len(whole["fills"])
    assert len(whole["trades"]) > 3
    del whole["sessions"], whole["strategies"]  # that it was stopped is said while the recorder ends

    database.unlink()
    await run(home, IDLE, Witness.caught_up)
    rebuilt = rows(database)
    assert set(added(whole, rebuilt)) <= {"audit", "monitoring_events"}
    assert [row[4] for row in rebuilt["sessions"]] == ["stopped"]

    shutil.copyfile(older, database)
    progress = recorded(database)
    assert progress is not None
    await run(home, IDLE, Witness.caught_up)
    assert set(added(rebuilt, rows(database))) <= {"audit", "monitoring_events"}
    log = [json.loads(line) for line in (home / "log" / "supervisor.log").read_text(encoding="utf-8").splitlines()]
    begun = [line["first"] for line in log if "first" in line]
    assert begun[0] == {"ORDERS": 1, "FLOW": 1}
    assert begun[-1] == {stream: progress[stream].first_missing(1) for stream in STREAMS}
