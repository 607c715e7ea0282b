"""The runtime on the in-process bus: order, lanes, stores, timers, failures, catch-up."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.actor import Actor, Subscribe
from actors.effects import (
    Answer,
    CancelTimer,
    Effect,
    EventIn,
    Failed,
    LinkChanged,
    Publish,
    PublishStored,
    ReplyIn,
    Request,
    SetTimer,
    Store,
    StoredIn,
    TimerIn,
)
from actors.inboxlog import InboxLog, read_inbox
from actors.logs import open_log
from actors.mailbox import Entry, Mailbox
from actors.runtime import LoopScheduler, Runtime
from bus.interface import BusError, Incoming
from bus.localbus import LocalBus, drive
from schemas.base import Event
from schemas.codec import decode, encode
from schemas.command import RiskState
from schemas.health import Alert, Beat, Hello
from schemas.market import Tick
from schemas.order import VenueOrder
from schemas.registry import subject_of


def tick(number: int, at: int = 0) -> Tick:
    """A quote."""
    return Tick(venue="v", symbol="X", at=at or number, bid=1.0, ask=1.1, number=number)


def risk(identity: str, sequence: int = 1, incarnation: int = 1) -> RiskState:
    """An event of the ORDERS stream."""
    return RiskState(
        scope="session", id=identity, state="active", epoch=1, sequence=sequence, incarnation=incarnation, source="g"
    )


class Scripted(Actor):
    """Notes every message; answers with what the script says for it."""

    role = "scripted"

    def __init__(
        self, subscriptions: Sequence[Subscribe] = (), script: Callable[[Any], list[Effect]] | None = None
    ) -> None:
        super().__init__("scripted", 3)
        self.seen: list[Any] = []
        self.times: list[int] = []
        self._subscriptions = subscriptions
        self._script = script or (lambda message: [])

    def subscriptions(self) -> Sequence[Subscribe]:
        return self._subscriptions

    def _note(self, message: Any, now: int) -> list[Effect]:
        self.seen.append(message)
        self.times.append(now)
        return self._script(message)

    def on_start(self, now: int) -> list[Effect]:
        return self._note("start", now)

    on_event = on_stored = on_reply = on_timer = on_link = on_failure = _note


class HeldDatabase:
    """Stores end when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[str], None]] = []
        self.statements: list[Any] = []

    def run(self, statements: Any, done: Callable[[str], None]) -> None:
        self.statements.append(statements)
        self.waiting.append(done)


class Floor:
    """One runtime on a bus of its own, with everything it publishes."""

    def __init__(self, actor: Actor, **options: Any) -> None:
        self.bus = LocalBus()
        self.fatal: list[str] = []
        self.heard: list[tuple[str, Event]] = []
        for subject in ("hello.>", "alert.>", "health.>"):
            self.bus.subscribe(subject, lambda incoming: self.heard.append((incoming.subject, decode(incoming.data))))
        self.runtime = Runtime(actor, self.bus, self.bus, fatal=self.fatal.append, **options)

    def start(self, recovered: Sequence[Incoming] = ()) -> None:
        drive(self.runtime.start(recovered))
        self.bus.run()

    def say(self, event: Event) -> None:
        self.bus.publish(subject_of(event), encode(event))

    def events(self, kind: type[Event]) -> list[Any]:
        return [event for _, event in self.heard if isinstance(event, kind)]


def numbers(actor: Scripted) -> list[int]:
    """The ticks that arrived."""
    return [m.event.number for m in actor.seen if isinstance(m, EventIn) and isinstance(m.event, Tick)]


def test_start_comes_first_then_messages_in_order() -> None:
    """Nothing is handled before `on_start`; the data lane keeps its order."""
    actor = Scripted([Subscribe("md.tick.>")])
    floor = Floor(actor)
    floor.start()
    for number in (1, 2, 3):
        floor.say(tick(number))
    floor.bus.run()
    assert actor.seen[0] == "start"
    assert numbers(actor) == [1, 2, 3]


def test_control_is_handled_before_waiting_data() -> None:
    """A halt does not queue behind ticks."""
    actor = Scripted([Subscribe("md.tick.>"), Subscribe("hello.>", lane="control")])
    floor = Floor(actor)
    floor.start()
    floor.say(tick(1))
    floor.say(tick(2))
    floor.say(Hello(actor="x", role="x"))
    floor.bus.run()
    kinds = [type(m.event).__name__ for m in actor.seen[1:]]
    assert kinds.index("Hello") < kinds.index("Tick")


def test_conflation_keeps_the_newest_of_a_subject() -> None:
    """For screens: while it waits, a newer one takes its place."""
    actor = Scripted([Subscribe("md.tick.>", conflate=True)])
    floor = Floor(actor)
    floor.start()
    floor.bus.clock.advance(100)
    for number in (1, 2, 3):
        floor.runtime._intake._arrived(  # noqa: SLF001 - all three arrive before the mailbox is looked at
            Subscribe("md.tick.>", conflate=True), Incoming("md.tick.v.X", encode(tick(number)))
        )
    floor.bus.run()
    assert numbers(actor) == [3]


def test_what_a_full_mailbox_refused_does_not_silence_its_subject() -> None:
    """The next message of a conflated subject is taken when there is room."""
    mailbox = Mailbox(1)
    assert mailbox.put(Entry(None, b"other"), "data")
    assert not mailbox.put(Entry(None, b"refused", conflate="s"), "data")
    assert mailbox.take() is not None
    assert mailbox.put(Entry(None, b"next", conflate="s"), "data")
    entry = mailbox.take()
    assert entry is not None
    assert entry.data == b"next"


def test_a_store_holds_up_what_stands_behind_it_and_all_later_messages() -> None:
    """Publish after the commit, not before; the next message after that."""

    def script(message: Any) -> list[Effect]:
        if isinstance(message, EventIn) and getattr(message.event, "number", 0) == 1:
            return [
                Publish(Hello(actor="before", role="x")),
                Store((("x", ()),)),
                Publish(Hello(actor="after", role="x")),
            ]
        return []

    database = HeldDatabase()
    actor = Scripted([Subscribe("md.tick.>")], script)
    floor = Floor(actor, database=database)
    floor.start()
    floor.say(tick(1))
    floor.say(tick(2))
    floor.bus.run()
    assert [event.actor for event in floor.events(Hello)] == ["before"]
    assert numbers(actor) == [1]
    database.waiting.pop()("")
    floor.bus.run()
    assert [event.actor for event in floor.events(Hello)] == ["before", "after"]
    assert numbers(actor) == [1, 2]


def test_a_failed_store_cancels_what_stands_behind_it_and_tells_the_actor() -> None:
    """Nothing is sent that is not durable."""

    def script(message: Any) -> list[Effect]:
        if isinstance(message, EventIn):
            return [Store((("x", ()),)), Publish(Hello(actor="after", role="x"))]
        if isinstance(message, Failed):
            return [Publish(Hello(actor="refused", role="x"))]
        return []

    database = HeldDatabase()
    actor = Scripted([Subscribe("md.tick.>")], script)
    floor = Floor(actor, database=database)
    floor.start()
    floor.say(tick(1))
    floor.bus.run()
    database.waiting.pop()("disk full")
    floor.bus.run()
    assert [event.actor for event in floor.events(Hello)] == ["refused"]
    failed = actor.seen[-1]
    assert isinstance(failed, Failed)
    assert failed.error == "disk full"
    assert getattr(failed.message, "event").number == 1  # noqa: B009 - which of the messages it is, is the point
    assert floor.fatal == []


def test_a_handler_that_raises_is_told_to_the_actor_and_to_people() -> None:
    """The next message is handled as if nothing had been."""

    def script(message: Any) -> list[Effect]:
        if isinstance(message, EventIn) and getattr(message.event, "number", 0) == 1:
            raise RuntimeError("boom")
        return []

    actor = Scripted([Subscribe("md.tick.>")], script)
    floor = Floor(actor)
    floor.start()
    floor.say(tick(1))
    floor.say(tick(2))
    floor.bus.run()
    assert isinstance(actor.seen[2], Failed)
    assert numbers(actor) == [1, 2]
    (alert,) = floor.events(Alert)
    assert "boom" in alert.text


class _Mute(Exception):  # noqa: N818 - a strategy's own
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RuntimeError("lone \ud800"), r"RuntimeError: lone \ud800"),
        (_Mute(), "_Mute: (its text cannot be had: ValueError)"),
        (RuntimeError("x" * 1_000_000), "x" * 3_000),
    ],
)
def test_whatever_text_an_error_has_it_is_told(tmp_path: Path, error: Exception, text: str) -> None:
    """On the bus, in the inbox log and to the actor: a lone surrogate swallows neither the alert nor what follows."""

    def script(message: Any) -> list[Effect]:
        if isinstance(message, EventIn) and getattr(message.event, "number", 0) == 1:
            raise error
        return []

    actor = Scripted([Subscribe("md.tick.>")], script)
    path = tmp_path / "scripted-3.jsonl"
    floor = Floor(actor, inbox=InboxLog(path, "scripted", "scripted", 3, Hello(actor="x", role="x"), None))
    floor.start()
    floor.say(tick(1))
    floor.say(tick(2))
    floor.bus.run()
    (alert,) = floor.events(Alert)
    assert text in alert.text
    assert len(alert.text) < 5_000
    assert text in actor.seen[2].error
    assert numbers(actor) == [1, 2]
    floor.runtime.stop()
    _, reader, lines = read_inbox(path)
    (raised,) = [line.raised for _, line in lines if isinstance(line.raised, str)]
    assert text in raised
    assert reader.closed


def test_an_alert_of_any_text_is_told(tmp_path: Path) -> None:
    """Into the log and onto the bus, by what it would be if it could be written."""
    floor = Floor(Scripted())
    log = open_log(tmp_path / "scripted.log", "scripted")
    floor.runtime.voice.write_to(log)
    floor.runtime.voice.alert("warning", "odd", "lone \ud800")
    log.info("odd \udfff", value="\udc00")
    floor.bus.run()
    (alert,) = floor.events(Alert)
    assert alert.text == r"lone \ud800"
    told = [msgspec.json.decode(line) for line in (tmp_path / "scripted.log").read_bytes().splitlines()]
    assert (told[0]["text"], told[1]["event"], told[1]["value"]) == (r"lone \ud800", r"odd \udfff", r"\udc00")


def test_a_failure_handler_that_raises_ends_the_process() -> None:
    """The supervisor starts it again from what is durable."""

    def script(message: Any) -> list[Effect]:
        if message != "start":
            raise RuntimeError("again")
        return []

    floor = Floor(Scripted([Subscribe("md.tick.>")], script))
    floor.start()
    floor.say(tick(1))
    floor.bus.run()
    assert len(floor.fatal) == 1


def test_timers_fire_on_simulated_time_before_the_tick_that_passes_them() -> None:
    """Stamped with their own time; cancelled and replaced ones do not fire."""

    def script(message: Any) -> list[Effect]:
        if message == "start":
            return [SetTimer("a", 500), SetTimer("b", 500), SetTimer("c", 400), SetTimer("a", 700), CancelTimer("b")]
        return []

    actor = Scripted([Subscribe("md.tick.>")], script)
    floor = Floor(actor)
    floor.start()
    floor.say(tick(1, at=300))
    floor.say(tick(2, at=1000))
    floor.bus.run()
    order = [m.key if isinstance(m, TimerIn) else m.event.number for m in actor.seen[1:]]
    assert order == [1, "c", "a", 2]
    assert actor.times[1:] == [300, 400, 700, 1000]


def test_an_actor_without_ticks_lives_on_tick_time_all_the_same() -> None:
    """The clock moves, the ticks do not arrive."""
    actor = Scripted([], lambda message: [SetTimer("t", 50)] if message == "start" else [])
    floor = Floor(actor)
    floor.start()
    floor.say(tick(1, at=60))
    floor.bus.run()
    assert [type(m) for m in actor.seen[1:]] == [TimerIn]


def test_stored_events_requests_and_answers_come_back_as_messages() -> None:
    """Each with its key; the second writer of a first message is refused."""

    def script(message: Any) -> list[Effect]:
        if message == "start":
            return [
                PublishStored(risk("a"), "first", "m1", first=True),
                PublishStored(risk("a"), "second", "m2", first=True),
                Request(VenueOrder(account="me", action="epoch", epoch=1), "ask", 1000),
                Request(VenueOrder(account="nobody", action="epoch", epoch=1), "none", 1000),
            ]
        if isinstance(message, EventIn) and message.reply:
            return [Answer(Hello(actor="answer", role="x"), message.reply)]
        return []

    actor = Scripted([Subscribe("venue.order.me")], script)
    floor = Floor(actor)
    floor.start()
    stored = {m.key: m.error for m in actor.seen if isinstance(m, StoredIn)}
    replies = {m.key: m.error or m.event.actor for m in actor.seen if isinstance(m, ReplyIn)}  # type: ignore[union-attr]
    assert stored == {"first": "", "second": "wrong_sequence"}
    assert replies == {"ask": "answer", "none": "no_responders"}


def test_who_waits_for_an_outcome_is_told_of_what_could_not_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too large for the server, say: an alert, and the error as the outcome."""

    def script(message: Any) -> list[Effect]:
        if message == "start":
            return [
                PublishStored(risk("a"), "stored", "m1"),
                Request(VenueOrder(account="me", action="epoch", epoch=1), "asked", 1000),
            ]
        return []

    def refuse(*_: Any, **__: Any) -> None:
        raise BusError("too large")

    actor = Scripted([], script)
    floor = Floor(actor)
    monkeypatch.setattr(floor.bus, "publish_stored", refuse)
    monkeypatch.setattr(floor.bus, "request", refuse)
    floor.start()
    assert actor.seen[1:] == [StoredIn("stored", error="unsendable"), ReplyIn("asked", error="unsendable")]
    assert [alert.code for alert in floor.events(Alert)] == ["unsendable"]


def test_envelopes_count_by_subject_and_name_their_cause() -> None:
    """Source, incarnation, sequence from 1, the message's stamp, and the tick that led to it."""

    def script(message: Any) -> list[Effect]:
        return [Publish(Hello(actor="x", role="x"))] if isinstance(message, EventIn) else []

    actor = Scripted([Subscribe("md.tick.>")], script)
    floor = Floor(actor)
    floor.start()
    floor.say(msgspec.structs.replace(tick(1, at=10), incarnation=2, sequence=9))
    floor.say(tick(2, at=20))
    floor.bus.run()
    first, second = floor.events(Hello)
    assert (first.source, first.incarnation, first.sequence, first.time) == ("scripted", 3, 1, 10)
    assert first.cause == "md.tick.v.X#2.9"
    assert second.sequence == 2


def test_what_a_stream_holds_fills_a_gap_without_repeats() -> None:
    """A message lost by the connection is read from the stream before the one that showed the gap."""
    actor = Scripted([Subscribe("risk.state.>", stream="ORDERS")])
    floor = Floor(actor)
    floor.start()
    for sequence in (1, 2, 3):
        event = risk("s", sequence)
        incoming = Incoming(subject_of(event), encode(event))
        floor.bus._capture(incoming)  # noqa: SLF001 - stored, but not delivered: the connection lost it
    floor.bus._deliver(Incoming(subject_of(risk("s")), encode(risk("s", 3))))  # noqa: SLF001
    floor.bus.run()
    assert [m.event.sequence for m in actor.seen if isinstance(m, EventIn)] == [1, 2, 3]
    floor.say(risk("s", 2))
    floor.bus.run()
    assert len(actor.seen) == 4


def test_after_a_lost_link_the_missed_comes_before_the_news_that_the_link_is_back() -> None:
    """Down at once, up behind what was missed."""
    actor = Scripted([Subscribe("risk.state.>", stream="ORDERS")])
    floor = Floor(actor)
    floor.start()
    floor.runtime._link_changed(up=False)  # noqa: SLF001
    event = risk("s", 1)
    floor.bus._capture(Incoming(subject_of(event), encode(event)))  # noqa: SLF001
    floor.runtime._link_changed(up=True)  # noqa: SLF001
    floor.bus.run()
    assert actor.seen[1] == LinkChanged(up=False)
    assert isinstance(actor.seen[2], EventIn)
    assert actor.seen[3] == LinkChanged(up=True)


def test_what_the_recovered_state_holds_is_not_delivered_again() -> None:
    """The history it was made of is skipped; what was stored since is not."""
    actor = Scripted([Subscribe("risk.state.>", stream="ORDERS")])
    floor = Floor(actor)
    for sequence in (1, 2):
        floor.say(risk("s", sequence))
    history: list[Incoming] = []

    async def read() -> None:
        history.extend(await floor.bus.history("ORDERS", [">"]))

    drive(read())
    floor.say(risk("s", 3))
    floor.start(history)
    assert [m.event.sequence for m in actor.seen if isinstance(m, EventIn)] == [3]


def test_a_new_incarnation_starts_its_sequence_again_and_an_old_one_is_dropped() -> None:
    """Order by (incarnation, sequence)."""
    actor = Scripted([Subscribe("risk.state.>", stream="ORDERS")])
    floor = Floor(actor)
    floor.start()
    for incarnation, sequence in ((1, 1), (2, 1), (1, 2), (2, 2)):
        floor.say(risk("s", sequence, incarnation))
    floor.bus.run()
    got = [(m.event.incarnation, m.event.sequence) for m in actor.seen if isinstance(m, EventIn)]
    assert got == [(1, 1), (2, 1), (2, 2)]


def test_a_restarted_sender_does_not_hide_the_last_words_of_its_former_self() -> None:
    """What the connection lost before the restart comes first, from the stream."""
    actor = Scripted([Subscribe("risk.state.>", stream="ORDERS")])
    floor = Floor(actor)
    floor.start()
    floor.say(risk("s", 1, 1))
    floor.bus.run()
    missed = risk("s", 2, 1)
    floor.bus._capture(Incoming(subject_of(missed), encode(missed)))  # noqa: SLF001
    floor.say(risk("s", 1, 2))
    floor.say(risk("s", 2, 2))
    floor.bus.run()
    got = [(m.event.incarnation, m.event.sequence) for m in actor.seen if isinstance(m, EventIn)]
    assert got == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_what_arrives_before_the_link_is_said_to_be_back_waits_for_what_was_missed() -> None:
    """A message can come through the new connection before the news of it."""
    actor = Scripted([Subscribe("risk.state.>", stream="ORDERS")])
    floor = Floor(actor)
    floor.start()
    floor.runtime._link_changed(up=False)  # noqa: SLF001
    missed = risk("s", 1, 1)
    floor.bus._capture(Incoming(subject_of(missed), encode(missed)))  # noqa: SLF001
    floor.say(risk("t", 1, 2))
    floor.say(risk("s", 1, 2))
    floor.bus.run()
    assert [m for m in actor.seen if isinstance(m, EventIn)] == []
    floor.runtime._link_changed(up=True)  # noqa: SLF001
    floor.bus.run()
    got = [(getattr(m.event, "id", ""), m.event.incarnation) for m in actor.seen if isinstance(m, EventIn)]
    assert got == [("s", 1), ("t", 2), ("s", 2)]


def test_what_an_actor_stored_itself_is_no_news_to_it() -> None:
    """Not its own, neither live nor caught up with; another incarnation's is."""
    actor = Scripted([Subscribe("risk.state.>", stream="ORDERS")])
    floor = Floor(actor)
    own = msgspec.structs.replace(risk("s", 1, 3), source="scripted")
    floor.say(own)
    floor.start()
    floor.say(msgspec.structs.replace(own, sequence=2))
    floor.say(msgspec.structs.replace(own, sequence=1, incarnation=4))
    floor.bus.run()
    assert [m.event.incarnation for m in actor.seen if isinstance(m, EventIn)] == [4]


class Slow(LocalBus):
    """A bus whose links can break, and whose streams are read only when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.link: list[Callable[[bool], None]] = []
        self.read: asyncio.Queue[list[str]] = asyncio.Queue()
        self.go: asyncio.Queue[None] = asyncio.Queue()

    def on_link(self, handler: Callable[[bool], None]) -> None:
        self.link.append(handler)

    def lose(self, event: Event) -> None:
        """The stream has it, the connection lost it."""
        self._capture(Incoming(subject_of(event), encode(event)))

    async def history(self, stream: str, subjects: list[str], from_seq: int = 1) -> list[Incoming]:
        found = await super().history(stream, subjects, from_seq)
        self.read.put_nowait(subjects)
        await self.go.get()
        return found

    async def reads(self, number: int) -> None:
        """So many reads begin and end."""
        for _ in range(number):
            async with asyncio.timeout(5):
                await self.read.get()
            self.go.put_nowait(None)


async def test_a_link_that_breaks_while_the_actor_starts_hides_nothing() -> None:
    """The first stream was read already when the link broke: it is read again before the actor starts."""
    bus, actor = Slow(), Scripted([Subscribe("risk.state.>", stream="ORDERS"), Subscribe("audit.>", stream="ORDERS")])
    faults: list[Any] = []
    runtime = Runtime(actor, bus, LoopScheduler(faults.append), fatal=faults.append)
    starting = asyncio.create_task(runtime.start())
    await bus.reads(1)
    await bus.read.get()
    bus.link[0](False)
    bus.lose(risk("missed"))
    bus.link[0](True)
    bus.go.put_nowait(None)
    again = asyncio.create_task(bus.reads(2))
    await asyncio.wait_for(starting, 5)
    await asyncio.sleep(0)
    assert [getattr(m.event, "id", "") for m in actor.seen if isinstance(m, EventIn)] == ["missed"]
    again.cancel()
    runtime.stop()
    assert faults == []


async def test_a_link_that_breaks_twice_is_back_only_when_all_was_read() -> None:
    """The news of it does not overtake a reading that still goes on: a guard would drop what is only not read yet."""
    bus, actor = Slow(), Scripted([Subscribe("risk.state.>", stream="ORDERS")])
    faults: list[Any] = []
    runtime = Runtime(actor, bus, LoopScheduler(faults.append), fatal=faults.append)
    starting = asyncio.create_task(runtime.start())
    await bus.reads(1)
    await starting
    for up in (False, True):
        bus.link[0](up)
    await bus.read.get()
    bus.link[0](False)
    bus.lose(risk("missed"))
    bus.link[0](True)
    await asyncio.sleep(0.05)
    assert LinkChanged(up=True) not in actor.seen
    bus.go.put_nowait(None)
    await bus.reads(1)
    await asyncio.sleep(0.05)
    told = [getattr(m.event, "id", "") if isinstance(m, EventIn) else m for m in actor.seen[1:]]
    assert told == [LinkChanged(up=False)] * 2 + ["missed"] + [LinkChanged(up=True)] * 2
    runtime.stop()
    assert faults == []


def test_a_stored_message_that_this_version_does_not_know_keeps_no_actor_from_starting() -> None:
    """As the recovery passes it over, so does what follows the stream from there on."""
    actor = Scripted([Subscribe("risk.state.>", stream="ORDERS")])
    floor = Floor(actor)
    known = risk("s", 1)
    floor.bus._capture(Incoming("risk.state.session.s", b'{"type":"risk_state_2"}'))  # noqa: SLF001
    floor.start(
        [
            Incoming("risk.state.session.s", b'{"type":"risk_state_2"}', stream_seq=1),
            Incoming(subject_of(known), encode(known), stream_seq=2),
        ]
    )
    floor.say(risk("s", 2))
    floor.bus.run()
    assert [m.event.sequence for m in actor.seen if isinstance(m, EventIn)] == [2]


@pytest.mark.parametrize("data", [b"", b"not json", b'{"type":"unknown"}', b'{"type":"tick"}'])
def test_bytes_that_are_no_event_are_reported_and_dropped(data: bytes) -> None:
    """A neighbour's garbage neither reaches the actor nor stops it."""
    actor = Scripted([Subscribe("md.tick.>")])
    floor = Floor(actor)
    floor.start()
    floor.heard.clear()
    floor.runtime._intake._arrived(Subscribe("md.tick.>"), Incoming("md.tick.v.X", data))  # noqa: SLF001
    floor.say(tick(1))
    floor.bus.run()
    assert numbers(actor) == [1]
    assert [alert.code for alert in floor.events(Alert)] == ["malformed"]


def test_a_full_mailbox_says_so_and_tells_the_actor_at_once() -> None:
    """Nothing is dropped silently: the guard can refuse."""
    actor = Scripted([Subscribe("md.tick.>")])
    floor = Floor(actor, data_limit=2)
    floor.start()
    for number in (1, 2, 3):
        floor.runtime._intake._arrived(Subscribe("md.tick.>"), Incoming("md.tick.v.X", encode(tick(number))))  # noqa: SLF001
    assert isinstance(actor.seen[-1], Failed)
    assert "overload" in actor.seen[-1].error
    floor.bus.run()
    assert numbers(actor) == [1, 2]


def test_a_beat_waits_for_a_store_that_does_not_end() -> None:
    """An actor whose disk hangs is not alive."""
    database = HeldDatabase()
    actor = Scripted([Subscribe("md.tick.>")], lambda m: [Store((("x", ()),))] if isinstance(m, EventIn) else [])
    floor = Floor(actor, database=database)
    floor.start()
    floor.runtime.beat(1)
    floor.say(tick(1))
    floor.bus.run()
    floor.runtime.beat(1)
    floor.bus.run()
    assert len(floor.events(Beat)) == 1
    database.waiting.pop()("")
    floor.bus.run()
    assert len(floor.events(Beat)) == 2


class Unwritable:
    """A floor with an inbox log on a disk that is full from `fill` on."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.database = HeldDatabase()
        self.actor = Scripted([Subscribe("md.tick.>")], self._script)
        self.path = folder / "scripted-3.jsonl"
        log = InboxLog(self.path, "scripted", "scripted", 3, Hello(actor="x", role="x"), None)
        self.floor = Floor(self.actor, inbox=log, database=self.database, data_limit=1)
        self._patch = patch

    def _script(self, message: Any) -> list[Effect]:
        if isinstance(message, EventIn):
            return [Store((("x", ()),))]
        return [Publish(Hello(actor="said", role="x"))]

    def fill(self) -> None:
        def full(fd: int, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        self._patch.setattr(os, "write", full)

    def arrive(self, number: int) -> None:
        data = encode(tick(number))
        self.floor.runtime._intake._arrived(Subscribe("md.tick.>"), Incoming("md.tick.v.X", data))  # noqa: SLF001


def _on_start(scene: Unwritable) -> None:
    scene.fill()
    scene.floor.start()


def _on_stop(scene: Unwritable) -> None:
    scene.floor.start()
    scene.fill()
    scene.floor.runtime.stop()


def _on_a_message(scene: Unwritable) -> None:
    scene.floor.start()
    scene.fill()
    scene.arrive(1)


def _on_a_full_mailbox(scene: Unwritable) -> None:
    scene.floor.start()
    scene.fill()
    scene.arrive(1)
    scene.arrive(2)


def _on_a_failed_store(scene: Unwritable) -> None:
    scene.floor.start()
    scene.arrive(1)
    scene.floor.bus.run()
    scene.fill()
    scene.database.waiting.pop()("disk full")


def _on_a_beat(scene: Unwritable) -> None:
    scene.floor.start()
    scene.fill()
    scene.floor.runtime.beat(1)


@pytest.mark.parametrize(
    ("end", "handled"),
    [
        (_on_start, []),
        (_on_stop, [str]),
        (_on_a_message, [str]),
        (_on_a_full_mailbox, [str]),
        (_on_a_failed_store, [str, EventIn]),
        (_on_a_beat, [str]),
    ],
)
def test_what_cannot_be_written_down_is_not_done_and_ends_the_actor(
    end: Callable[[Unwritable], None], handled: list[type], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the inbox log fails: said once, no handler runs, nothing goes out, and nothing is raised."""
    with monkeypatch.context() as patch:
        scene = Unwritable(tmp_path, patch)
        end(scene)
        scene.floor.bus.run()
        said = len(scene.floor.events(Hello))
        for number in (3, 4, 5):
            scene.arrive(number)
        scene.floor.runtime.beat(1)
        scene.floor.bus.run()
        scene.floor.runtime.stop()
    assert scene.floor.fatal == [f"the inbox log: {scene.path}: the disk is full"]
    assert [type(message) for message in scene.actor.seen] == handled
    assert said == len(scene.floor.events(Hello)) == handled.count(str)
    assert scene.floor.events(Beat) == []


def test_an_orderly_end_closes_the_log_and_what_comes_later_is_nothing(tmp_path: Path) -> None:
    """A beat or a Store that ends after the end is neither handled nor an error."""
    floor = Unwritable(tmp_path, pytest.MonkeyPatch())
    floor.floor.start()
    floor.arrive(1)
    floor.floor.bus.run()
    floor.floor.runtime.stop()
    floor.database.waiting.pop()("disk full")
    floor.floor.runtime.beat(1)
    floor.floor.bus.run()
    assert floor.floor.fatal == []
    assert b'{"end":true' in floor.path.read_bytes()
    assert floor.floor.events(Beat) == []
