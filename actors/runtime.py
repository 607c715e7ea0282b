"""The runtime: carries messages to one actor and its effects out, on any bus.

Owns the mailbox, the subscriptions, the timers and the order of effects. Live it runs on the event loop; on the
in-process bus the same code runs single-threaded. Each message is written to the inbox log before its handler runs.
Publishes for the runtime itself (not compared by `verify`): `health.beat`, `alert`, `log`.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING, Protocol

import msgspec

from actors.catchup import Catchup
from actors.cell import Cell, Outgoing
from actors.effects import (
    Acknowledge,
    Answer,
    CancelTimer,
    EventIn,
    Failed,
    LinkChanged,
    Message,
    Publish,
    PublishStored,
    ReplyIn,
    Request,
    SetTimer,
    Store,
    StoredIn,
    TimerIn,
)
from actors.mailbox import Entry, Mailbox
from bus.clock import SimClock, wall_us
from bus.matching import matches
from schemas.clearance import sign
from schemas.codec import CodecError, decode, encode
from schemas.health import Alert, Beat
from schemas.market import Tick
from schemas.order import OrderCleared
from schemas.registry import subject_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from nacl.signing import SigningKey

    from actors.actor import Actor, Subscribe
    from actors.inboxlog import InboxLog
    from bus.clock import TimerHandle
    from bus.interface import Bus, Incoming, Replied, Stored
    from schemas.base import Event

__all__ = ["RECEIVED", "SENT", "LoopScheduler", "Runtime", "Scheduler", "StatementRunner"]

SENT = "Pitwire-Sent"
"""Header: when it was published, wall-clock UTC microseconds."""
RECEIVED = "Pitwire-Received"
"""Header: when the message that led to this one was taken from the socket, wall-clock UTC microseconds."""

_BATCH = 256
_UNSIGNED = b'"signature":""}'


class StatementRunner(Protocol):
    """The actor's own database: one durable transaction a call, in the order of the calls."""

    def run(
        self,
        statements: Sequence[tuple[str, tuple[int | float | str | bytes | None, ...]]],
        done: Callable[[str], None],
    ) -> None:
        """`done("")` after the commit, or with the error's text; never from inside the call."""


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

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)


class Runtime:
    """One actor on one bus."""

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
        self.counters: Counter[str] = Counter()
        self._cell = Cell(actor)
        self._scheduler = scheduler
        self._inbox = inbox
        self._database = database
        self._key = signing_key
        self._fatal = fatal
        self._sim = bus.clock if isinstance(bus.clock, SimClock) else None
        self._mailbox = Mailbox(data_limit)
        self._timers: dict[str, TimerHandle] = {}
        self._acks: dict[tuple[str, int], Callable[[], None]] = {}
        self._catchups: list[Catchup] = []
        self._pending: deque[Outgoing] = deque()
        self._handling: Entry | None = None
        self._busy = False
        self._scheduled = False
        self._running = False
        self._now = 0
        self._beat_owed = 0
        self._own: Counter[str] = Counter()

    # ---- start and stop

    async def start(self, recovered: Sequence[Incoming] = ()) -> None:
        """Subscribe, fill the gap since `recovered` (what the recovered state was made of), then `on_start`."""
        self.bus.on_link(self._link_changed)
        subscriptions = self.actor.subscriptions()
        for wanted in subscriptions:
            self._subscribe(wanted, recovered)
        if self._sim is not None and not any(_covers_ticks(wanted.subject) for wanted in subscriptions):
            self.bus.subscribe("md.tick.>", self._tick_passes)
        await self.bus.flush()
        for catchup in self._catchups:
            await catchup.catch_up()
        self._running = True
        self._lifecycle("start")
        self._wake()

    def stop(self) -> None:
        """Run `on_stop` and take no more messages. The owner then flushes and closes bus and database."""
        if self._running:
            self._running = False
            self._lifecycle("stop")
        if self._inbox is not None:
            self._inbox.close()

    def _lifecycle(self, step: str) -> None:
        now = self._time()
        if self._inbox is not None:
            self._inbox.taken("start" if step == "start" else "stop", b"", now)
        outgoing = self._cell.start(now) if step == "start" else self._cell.stop(now)
        self._execute(outgoing)

    # ---- what arrives

    def _subscribe(self, wanted: Subscribe, recovered: Sequence[Incoming]) -> None:
        if wanted.durable:
            self.bus.consume(wanted.stream, wanted.durable, lambda incoming: self._consumed(wanted, incoming))
            return
        if not wanted.stream:
            self.bus.subscribe(wanted.subject, lambda incoming: self._arrived(wanted, incoming))
            return
        catchup = Catchup(
            self.bus,
            wanted.stream,
            wanted.subject,
            lambda incoming, event: self._put(wanted, incoming, event),
            lambda text: self.alert("warning", "gap", text),
        )
        for incoming in recovered:
            if matches(wanted.subject, incoming.subject):
                catchup.prime(incoming, decode(incoming.data))
        self._catchups.append(catchup)
        self.bus.subscribe(wanted.subject, lambda incoming: self._followed(catchup, incoming))

    def _decoded(self, incoming: Incoming) -> Event | None:
        try:
            return decode(incoming.data)
        except CodecError as error:
            self.counters["malformed"] += 1
            self.alert("warning", "malformed", f"{incoming.subject}: {error}")
            return None

    def _arrived(self, wanted: Subscribe, incoming: Incoming) -> None:
        event = self._decoded(incoming)
        if event is not None:
            self._put(wanted, incoming, event)

    def _followed(self, catchup: Catchup, incoming: Incoming) -> None:
        event = self._decoded(incoming)
        if event is not None and catchup.arrived(incoming, event):
            self._scheduler.spawn(catchup.catch_up())

    def _consumed(self, wanted: Subscribe, incoming: Incoming) -> None:
        event = self._decoded(incoming)
        if incoming.ack is not None:
            if event is None:
                incoming.ack()
                return
            self._acks[wanted.stream, incoming.stream_seq] = incoming.ack
        if event is not None:
            self._put(wanted, incoming, event)

    def _put(self, wanted: Subscribe, incoming: Incoming, event: Event) -> None:
        stream = wanted.stream if wanted.durable else ""
        message = EventIn(incoming.subject, event, incoming.reply, stream, incoming.stream_seq if stream else 0)
        entry = Entry(
            message,
            incoming.data,
            wall_us(),
            tick_at=event.at if isinstance(event, Tick) else 0,
            conflate=incoming.subject if wanted.conflate else "",
        )
        if not self._mailbox.put(entry, wanted.lane):
            self._overflow(message)
        self._wake()

    def _tick_passes(self, incoming: Incoming) -> None:
        """Simulated time for an actor that does not want the ticks themselves."""
        event = self._decoded(incoming)
        if isinstance(event, Tick):
            self._mailbox.put(Entry(None, tick_at=event.at), "data")
            self._wake()

    def _overflow(self, message: EventIn) -> None:
        self.counters["overflow"] += 1
        self.alert("critical", "overflow", f"{message.subject}: the mailbox is full, the message is refused")
        if not self._busy and self._running:
            self._fail(message, "overload: the mailbox is full", self._time())

    def _link_changed(self, up: bool) -> None:
        if not self._running:
            return
        if up:
            self._scheduler.spawn(self._relink())
        else:
            self._result(LinkChanged(up=False))

    async def _relink(self) -> None:
        for catchup in self._catchups:
            await catchup.catch_up()
        self._mailbox.put(Entry(LinkChanged(up=True)), "data")
        self._wake()

    def _result(self, message: Message, data: bytes = b"", stamp: int = 0) -> None:
        self._mailbox.put(Entry(message, data, wall_us(), stamp), "control")
        self._wake()

    # ---- handling

    def _wake(self) -> None:
        if not self._scheduled and not self._busy and self._running:
            self._scheduled = True
            self._scheduler.soon(self._pump)

    def _pump(self) -> None:
        self._scheduled = False
        for _ in range(_BATCH):
            if self._busy or not self._running:
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
        now = max(self._now, entry.stamp) if entry.stamp else self._time()
        self._handling = entry
        if self._inbox is not None:
            self._inbox.taken(message, entry.data, now)
        try:
            outgoing = self._cell.handle(message, now)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is told to the actor and to people
            self._raised(message, f"{type(error).__name__}: {error}", now)
            return
        self._execute(outgoing)

    def _raised(self, message: Message, error: str, now: int) -> None:
        self.counters["raised"] += 1
        self.alert("critical", "handler_raised", f"{type(message).__name__}: {error}")
        if self._inbox is not None:
            self._inbox.raised(error)
        if isinstance(message, Failed):
            self._fatal(f"on_failure raised: {error}")
            return
        self._fail(message, error, now)

    def _fail(self, message: Message, error: str, now: int) -> None:
        if isinstance(message, Failed):
            self._fatal(f"the effects of on_failure failed: {error}")
            return
        failed = Failed(message, error)
        data = self._handling.data if self._handling is not None else b""
        if self._inbox is not None:
            self._inbox.taken(failed, data, now)
        try:
            outgoing = self._cell.handle(failed, now)
        except Exception as again:  # noqa: BLE001 - the last resort: the supervisor starts the actor again
            self._fatal(f"on_failure raised {type(again).__name__}: {again} after {error}")
            return
        self._execute(outgoing)

    # ---- effects

    def _execute(self, outgoing: Sequence[Outgoing]) -> None:
        if outgoing and self._inbox is not None:
            self._inbox.effects(outgoing)
        self._pending.extend(outgoing)
        self._carry_out()

    def _carry_out(self) -> None:
        while self._pending and not self._busy:
            out = self._pending.popleft()
            effect = out.effect
            if isinstance(effect, Publish):
                self._publish(out, effect)
            elif isinstance(effect, Store):
                self._store(effect)
            elif isinstance(effect, PublishStored):
                self._publish_stored(out, effect)
            elif isinstance(effect, Request):
                self._request(out, effect)
            elif isinstance(effect, Answer):
                self.bus.publish(effect.reply, out.data, headers=self._headers())
            elif isinstance(effect, SetTimer):
                self._set_timer(effect)
            elif isinstance(effect, CancelTimer):
                handle = self._timers.pop(effect.key, None)
                if handle is not None:
                    handle.cancel()
            elif isinstance(effect, Acknowledge):
                ack = self._acks.pop((effect.stream, effect.seq), None)
                if ack is not None:
                    ack()

    def _headers(self) -> dict[str, str]:
        headers = {SENT: str(wall_us())}
        if self._handling is not None and self._handling.received_us:
            headers[RECEIVED] = str(self._handling.received_us)
        return headers

    def _publish(self, out: Outgoing, effect: Publish) -> None:
        data = out.data
        event = effect.event
        if effect.sign and isinstance(event, OrderCleared):
            if self._key is None or not data.endswith(_UNSIGNED):
                self._fatal("asked to sign without a key")
                return
            signature = sign(self._key, event.terms, event.order_class, event.epoch)
            data = data[: -len(_UNSIGNED)] + b'"signature":"' + signature.encode() + b'"}'
        self.bus.publish(out.subject, data, headers=self._headers())
        if self._sim is not None and isinstance(event, Tick):
            self._sim.advance(event.at)

    def _publish_stored(self, out: Outgoing, effect: PublishStored) -> None:
        def done(stored: Stored) -> None:
            self._result(StoredIn(effect.key, stored.seq, stored.error))

        self.bus.publish_stored(
            out.subject,
            out.data,
            msg_id=effect.msg_id,
            expect_last=0 if effect.first else None,
            headers=self._headers(),
            done=done,
        )

    def _request(self, out: Outgoing, effect: Request) -> None:
        def done(replied: Replied) -> None:
            if replied.error:
                self._result(ReplyIn(effect.key, error=replied.error))
                return
            try:
                event = decode(replied.data)
            except CodecError as error:
                self._result(ReplyIn(effect.key, error=str(error)))
                return
            self._result(ReplyIn(effect.key, event), replied.data)

        self.bus.request(out.subject, out.data, timeout_us=effect.timeout_us, headers=self._headers(), done=done)

    def _set_timer(self, effect: SetTimer) -> None:
        handle = self._timers.pop(effect.key, None)
        if handle is not None:
            handle.cancel()

        def fire() -> None:
            self._timers.pop(effect.key, None)
            self._result(TimerIn(effect.key), stamp=self._sim.now() if self._sim is not None else 0)

        self._timers[effect.key] = self.bus.clock.call_at(effect.at, fire)

    def _store(self, effect: Store) -> None:
        if self._database is None:
            self._fatal("a Store effect without a database")
            return
        self._busy = True
        message = self._handling.message if self._handling is not None else None

        def done(error: str) -> None:
            self._busy = False
            if error:
                self._pending.clear()
                self.alert("critical", "store_failed", error)
                if message is None:
                    self._fatal(f"the first Store failed: {error}")
                    return
                self._fail(message, error, self._now)
            self._carry_out()
            self._wake()
            if self._beat_owed and not self._busy:
                owed, self._beat_owed = self._beat_owed, 0
                self.beat(owed)

        self._database.run(effect.statements, done)

    # ---- the runtime's own words

    def _say(self, event: Event) -> None:
        subject = subject_of(event)
        self._own[subject] += 1
        stamped = msgspec.structs.replace(
            event,
            source=self.actor.name,
            incarnation=self.actor.incarnation,
            sequence=self._own[subject],
            time=wall_us(),
        )
        self.bus.publish(subject, encode(stamped))

    def beat(self, pid: int) -> None:
        """Say that messages are being handled; while a Store is under way it waits for that."""
        if self._busy:
            self._beat_owed = pid
            return
        gauges = {**self.actor.gauges(), **self.counters}
        self._say(
            Beat(
                actor=self.actor.name,
                state=self.actor.describe(),
                pid=pid,
                mailbox=len(self._mailbox),
                gauges=gauges,
            )
        )

    def alert(self, severity: str, code: str, text: str) -> None:
        """Raise an alert, at most one of a code each second; the counters keep the number."""
        self.counters[f"alerts_{code}"] += 1
        second = wall_us() // 1_000_000
        if self._own.get(f"alert:{code}") != second:
            self._own[f"alert:{code}"] = second
            self._say(Alert(severity=severity, code=code, text=text, actor=self.actor.name))  # type: ignore[arg-type]


def _covers_ticks(subject: str) -> bool:
    return subject in {"md.>", "md.tick.>"}
