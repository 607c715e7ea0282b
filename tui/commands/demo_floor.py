"""A private floor from its start to the end of its data: what `pitwire demo` runs.

Owns the floor, the observer that hears everything before the first actor runs, and the order of the end: the feed's
last word, then the recorder's last row, then the processes, then the database is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import msgspec

from actors.floor_error import Exit, FloorError
from actors.stream_setup import last_sequences
from actors.supervisor import Supervisor
from bus.buslog import BusRecorder
from bus.clock import LiveClock, monotonic_us, wall_us
from bus.eventlog import LogWriteError
from bus.interface import BusError, Incoming
from bus.natsbus import NatsBus
from schemas.registry import SUBJECTS as EVENT_SUBJECTS
from schemas.settings import Settings
from tui.commands.tally import SUBJECTS, Tally

__all__ = ["DemoFloor", "Latency", "Summary"]

_STUCK_S = 30.0
_RECORDED_WITHIN_US = 60_000_000
_FLUSH_S = 1.0
_RECORDED = tuple(f"{name}.>" for name in sorted({subject.split(".")[0] for subject in EVENT_SUBJECTS.values()}))


class Latency(msgspec.Struct, frozen=True):
    """Microseconds from the tick's publication to the order's arrival at the venue; None without any order."""

    p50: int | None
    p99: int | None


class Summary(msgspec.Struct, frozen=True):
    """The figures of a demo, in the order in which `--json` prints them. docs/commands.md explains each."""

    ticks: int
    skipped: int
    bars: int
    signals: int
    intents: int
    cleared: int
    refused: int
    orders: int
    fills: int
    trades: int
    realised_pnl: float
    equity: float
    db_orders: int
    db_trades: int
    elapsed_s: float
    latency_us: Latency


class DemoFloor:
    """One run. `record`: a folder that gets the bus log and the inbox logs."""

    def __init__(self, home: Path, settings: Settings, record: Path | None) -> None:
        self._home = home
        self._settings = settings
        self._record = record
        feed = settings.feed
        self._tally = Tally({file.symbol for file in feed.files} if feed.kind == "recorded" else set(feed.symbols))
        self._observer: NatsBus | None = None
        self._recorder: BusRecorder | None = None

    async def run(self) -> Summary:
        """Run to the end. Raises FloorError when the floor cannot; nothing is left running in any case."""
        inbox_dir = self._record / "inbox" if self._record is not None else None
        supervisor = Supervisor(
            self._home, self._settings, inbox_dir=inbox_dir, before_crew=self._observe, after_crew=self._close
        )
        try:
            await supervisor.start()
            await self._to_the_end(supervisor)
            await self._recorded(supervisor)
        except FloorError as error:
            await supervisor.stop(str(error), failed=True)
            raise
        finally:
            await supervisor.stop("the demo is over")
        return self._summary()

    # ---- hearing

    async def _observe(self, supervisor: Supervisor) -> None:
        bus = NatsBus(supervisor.server.url, name="observer", clock=LiveClock(), seed=supervisor.keys.seed("observer"))
        self._observer = bus
        await bus.open()
        if self._record is not None:
            try:
                self._recorder = BusRecorder(self._record / "bus.jsonl", _RECORDED, wall_us())
            except LogWriteError as error:
                raise FloorError(Exit.ENVIRONMENT, str(error)) from error
        for subject in _RECORDED if self._recorder is not None else SUBJECTS:
            bus.subscribe(subject, self._heard)
        bus.on_link(self._link_changed)
        await bus.flush()

    def _heard(self, incoming: Incoming) -> None:
        if self._recorder is not None:
            self._recorder.record(incoming, wall_us())
        self._tally.heard(incoming)

    def _link_changed(self, up: bool) -> None:
        if self._recorder is not None:
            self._recorder.link(up, wall_us())

    async def _close(self) -> None:
        if self._observer is not None:
            with contextlib.suppress(BusError):
                await self._observer.flush()
            await self._observer.close()
        if self._recorder is not None:
            self._recorder.close()

    # ---- the end

    async def _to_the_end(self, supervisor: Supervisor) -> None:
        """Wait for the feed's last word; in real time also for the outcome of the orders that are under way."""
        broken = asyncio.ensure_future(supervisor.watch())
        ended = asyncio.ensure_future(self._tally.ended.wait())
        try:
            ticks = -1
            while not ended.done():
                ticks = self._tally.ticks
                await asyncio.wait({broken, ended}, timeout=_STUCK_S, return_when=asyncio.FIRST_COMPLETED)
                if broken.done():
                    broken.result()
                if supervisor.sim and not ended.done() and self._tally.ticks == ticks:
                    message = f"simulated time stands still after {ticks} ticks: {_silent(supervisor)}"
                    raise FloorError(Exit.FAILED, message)
            if self._tally.broken:
                raise FloorError(Exit.FAILED, self._tally.broken)
        finally:
            for task in (broken, ended):
                task.cancel()
            await asyncio.gather(broken, ended, return_exceptions=True)
        guard = self._settings.guard
        until_us = monotonic_us() + (guard.intent_lifetime_ms + guard.skew_ms + 1_000) * 1_000
        while self._tally.pending and monotonic_us() < until_us:  # noqa: ASYNC110 - any of many messages may end it
            await asyncio.sleep(0.02)

    async def _recorded(self, supervisor: Supervisor) -> None:
        """Wait until the recorder has stored everything that the streams hold now."""
        try:
            last = await last_sequences(supervisor.server.url, supervisor.keys, ("ORDERS", "FLOW"))
        except BusError as error:
            raise FloorError(Exit.FAILED, f"the bus: {error}") from error
        wanted = {"orders_seq": last["ORDERS"], "flow_seq": last["FLOW"]}
        until_us = monotonic_us() + _RECORDED_WITHIN_US
        while any(self._tally.gauges.get(name, 0) < number for name, number in wanted.items()):
            if monotonic_us() > until_us:
                raise FloorError(Exit.FAILED, f"the recorder is behind: {self._tally.gauges}, expected {wanted}")
            await asyncio.sleep(0.02)

    def _summary(self) -> Summary:
        tally = self._tally
        orders, trades = _database_counts(self._home / "data" / "pitwire.sqlite")
        return Summary(
            ticks=tally.ticks,
            skipped=tally.skipped,
            bars=tally.bars,
            signals=tally.signals,
            intents=len(tally.intents),
            cleared=tally.cleared,
            refused=len(tally.refused),
            orders=len(tally.orders),
            fills=tally.fills,
            trades=tally.trades,
            realised_pnl=round(tally.realised, 2) + 0.0,
            equity=round(sum(tally.equity.values()), 2) + 0.0,
            db_orders=orders,
            db_trades=trades,
            elapsed_s=round(max(0, tally.last_us - tally.first_us) / 1_000_000, 3),
            latency_us=Latency(tally.percentile_us(50), tally.percentile_us(99)),
        )


def _silent(supervisor: Supervisor) -> str:
    """What each actor was doing last."""
    return ", ".join(f"{actor.name} {actor.doing or actor.state}" for actor in supervisor.status().actors)


def _database_counts(path: Path) -> tuple[int, int]:
    """The rows of `orders` and `trades`."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            orders = connection.execute("SELECT count(*) FROM orders").fetchone()[0]
            trades = connection.execute("SELECT count(*) FROM trades").fetchone()[0]
    except sqlite3.Error as error:
        raise FloorError(Exit.FAILED, f"{path}: {error}; expected the recorder's database") from error
    return int(orders), int(trades)
