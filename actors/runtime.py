"""The runtime: carries messages to one actor and its effects out, on any bus.

Owns the mailbox and the order of handling: one message at a time, control before data, nothing while a `Store` is under
way. Live it runs on the event loop; on the in-process bus the same code runs single-threaded. Each message is written
to the inbox log before its handler runs; what cannot be written is not handled, and the process is to end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, Protocol

from actors.carrier import Carrier, StatementRunner
from actors.cell import Cell, Outgoing
from actors.effects import EventIn, Failed, LinkChanged, Message
from actors.error_text import error_text
from actors.intake import Intake
from actors.journal import Journal
from actors.mailbox import Entry, Mailbox
from actors.voice import Voice
from bus.clock import SimClock, wall_us
from schemas.health import Beat

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from nacl.signing import SigningKey

    from actors.actor import Actor
    from actors.inboxlog import InboxLog
    from bus.interface import Bus, Incoming

__all__ = ["LoopScheduler", "Runtime", "Scheduler"]

_BATCH = 256


class Scheduler(Protocol):
    """How the runtime gets called again."""

    def soon(self, callback: Callable[[], object]) -> None:
        """Call back after the current callback has returned."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine."""


class LoopScheduler:
    """On the running asyncio loop. A task that fails is reported by `failed`."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()

    def soon(self, callback: Callable[[], object]) -> None:
        """On the next turn of the loop."""
        self._loop.call_soon(callback)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """As a task that is kept until it is done."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def close(self) -> None:
        """Cancel what still runs."""
        for task in self._tasks:
            task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)


class Runtime:
    """One actor on one bus. `fatal(text)` is called when the process should end and be started again."""

    def __init__(
        self,
        actor: Actor,
        bus: Bus,
        scheduler: Scheduler,
        *,
        inbox: InboxLog | None = None,
        database: StatementRunner | None = None,
        signing_key: SigningKey | None = None,
        data_limit: int = 100_000,
        fatal: Callable[[str], None],
    ) -> None:
        self.actor = actor
        self.bus = bus
        self.voice = Voice(actor, bus)
        self._cell = Cell(actor)
        self._scheduler = scheduler
        self._journal = Journal(inbox, self._unwritable, self._unlogged)
        self._fatal = fatal
        self._sim = bus.clock if isinstance(bus.clock, SimClock) else None
        self._mailbox = Mailbox(data_limit)
        self._intake = Intake(bus, scheduler, self.voice, self._put)
        self._carrier = Carrier(
            bus,
            self._intake,
            self.voice,
            database=database,
            signing_key=signing_key,
            result=self._result,
            stored=self._stored,
            fatal=fatal,
        )
        self._handling: Message | None = None
        self._scheduled = False
        self._running = False
        self._broken = False
        self._now = 0
        self._beat_owed = 0

    # ---- start and stop

    async def start(self, recovered: Sequence[Incoming] = ()) -> None:
        """Subscribe, fill the gap since `recovered` (what the recovered state was made of), then `on_start`.

        If the link breaks meanwhile, what was missed then is filled in too.
        """
        self.bus.on_link(self._link_changed)
        self._intake.subscribe(self.actor.subscriptions(), recovered, ticks=self._sim is not None)
        await self.bus.flush()
        await self._intake.catch_up()
        while self._broken:
            self._broken = False
            await self._intake.catch_up()
        self._running = True
        now = self._time()
        if self._journal.taken("start", b"", now):
            self._execute(self._cell.start(now), 0)
        self._wake()

    def stop(self) -> None:
        """Run `on_stop` and take no more messages. The owner then flushes and closes bus and database."""
        if not self._running:
            return
        self._running = False
        now = self._time()
        if self._journal.taken("stop", b"", now):
            self._execute(self._cell.stop(now), 0)
        self._journal.close()

    def _unwritable(self, text: str) -> None:
        """The inbox log failed: nothing is handled any more, nor passed over in silence."""
        self._running = False
        self._fatal(text)

    def _unlogged(self, text: str) -> None:
        """The inbox log is as long as it may be: what is handled from now on cannot be run again."""
        self.voice.alert("warning", "inbox_log_ended", f"{text}; what follows cannot be verified")

    # ---- what arrives

    def _put(self, entry: Entry, lane: Literal["control", "data"]) -> None:
        if not self._mailbox.put(entry, lane) and isinstance(entry.message, EventIn):
            self._overflow(entry.message)
        self._wake()

    def _overflow(self, message: EventIn) -> None:
        """The mailbox is full: the actor is told at once, so that the guard can refuse."""
        self.voice.alert("critical", "overflow", f"{message.subject}: the mailbox is full, the message is refused")
        if not self._carrier.busy and self._running:
            self._fail(message, "overload: the mailbox is full", self._time())

    def _result(self, message: Message, data: bytes, stamp: int) -> None:
        self._mailbox.put(Entry(message, data, wall_us(), stamp), "control")
        self._wake()

    def _link_changed(self, up: bool) -> None:
        if not up:
            self._broken = True
            self._intake.lost()
        if not self._running:
            return
        if up:
            self._scheduler.spawn(self._relink())
        else:
            self._result(LinkChanged(up=False), b"", 0)

    async def _relink(self) -> None:
        await self._intake.catch_up()
        self._put(Entry(LinkChanged(up=True)), "data")

    # ---- handling

    def _wake(self) -> None:
        if not self._scheduled and not self._carrier.busy and self._running:
            self._scheduled = True
            self._scheduler.soon(self._pump)

    def _pump(self) -> None:
        self._scheduled = False
        for _ in range(_BATCH):
            if self._carrier.busy or not self._running:
                return
            entry = self._mailbox.take()
            if entry is None:
                return
            if self._sim is not None and entry.tick_at > self._sim.now():
                self._sim.advance(entry.tick_at)
                if self._mailbox.has_control:
                    self._mailbox.put_back(entry)
                    continue
            if entry.message is not None:
                self._handle(entry, entry.message)
        self._wake()

    def _time(self) -> int:
        """The stamp: never back, whatever the wall clock does."""
        self._now = max(self._now, self.bus.clock.now())
        return self._now

    def _handle(self, entry: Entry, message: Message) -> None:
        now = self._now = max(self._now, entry.stamp) if entry.stamp else self._time()
        self._handling = message
        if not self._journal.taken(message, entry.data, now):
            return
        try:
            outgoing = self._cell.handle(message, now)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is told to the actor and to people
            reason = error_text(error)
            self.voice.alert("critical", "handler_raised", f"{type(message).__name__}: {reason}")
            self._journal.raised(reason)
            self._fail(message, reason, now)
            return
        self._execute(outgoing, entry.received_us)

    def _fail(self, message: Message, error: str, now: int) -> None:
        """Tell the actor that a message could not be handled; if that fails too, the process ends."""
        if isinstance(message, Failed):
            self._fatal(f"what on_failure asked for failed: {error}")
            return
        failed = self._handling = Failed(message, error)
        if not self._journal.taken(failed, b"", now):
            return
        try:
            outgoing = self._cell.handle(failed, now)
        except Exception as again:  # noqa: BLE001 - the last resort: the supervisor starts the actor again
            self._fatal(f"on_failure raised {error_text(again)} after {error}")
            return
        self._execute(outgoing, 0)

    def _execute(self, outgoing: Sequence[Outgoing], received_us: int) -> None:
        if outgoing and self._journal.effects(outgoing):
            self._carrier.carry(outgoing, received_us)

    def _stored(self, error: str) -> None:
        """A Store has ended."""
        if error:
            self.voice.alert("critical", "store_failed", error)
            if self._handling is None:
                self._fatal(f"the first Store failed: {error}")
            else:
                self._fail(self._handling, error, self._now)
        self._wake()
        if self._beat_owed and not self._carrier.busy:
            owed, self._beat_owed = self._beat_owed, 0
            self.beat(owed)

    # ---- health

    def beat(self, pid: int) -> None:
        """Say that messages are being handled; while a Store is under way it waits for that. Not when the inbox log
        cannot be written.
        """
        if not self._journal.flush():
            return
        if self._carrier.busy:
            self._beat_owed = pid
            return
        beat = Beat(
            actor=self.actor.name,
            state=self.actor.describe(),
            pid=pid,
            mailbox=len(self._mailbox),
            gauges={**self.actor.gauges(), **self.voice.counters},
        )
        self.voice.say(beat)
