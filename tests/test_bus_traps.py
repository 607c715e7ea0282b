"""Each trap of NATS and of nats-py, provoked on a real server: the bus goes on."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nkeys
import pytest
import uvloop
from nats.errors import FlushTimeoutError
from servers import Collector, NatsServer, bus_on, link_events, make_consumer, make_stream, running, within

from bus import natsclient
from bus.clock import LiveClock
from bus.interface import BusError, Incoming, Replied, Stored
from bus.natsbus import NatsBus
from bus.natsclient import NatsClient

SEED = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER).decode()
PUBLIC = nkeys.from_seed(SEED.encode()).public_key.decode()
OTHER_SEED = nkeys.encode_seed(bytes(32), nkeys.PREFIX_BYTE_USER).decode()
USERS = f"""
authorization {{ users = [
  {{ nkey: {PUBLIC}, permissions {{ publish: ["may.>", "$JS.API.>"], subscribe: ["_INBOX.actor.>", "may.>"] }} }}
] }}
"""


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A running server without identities."""
    with running(tmp_path) as server:
        yield server


def client_of(bus: NatsBus) -> NatsClient:
    """The nats-py client inside, to break it."""
    client = bus._link._client  # noqa: SLF001 - to break what is inside
    assert client is not None
    return client


async def assert_works(bus: NatsBus) -> None:
    """A message goes through the server and comes back."""
    got = Collector()
    subscription = bus.subscribe("may.echo", got)
    bus.publish("may.echo", b"still here")
    await got.count(1)
    subscription.close()


# 1. A late PONG, and whatever else ends the reading task.


async def test_a_late_pong_does_not_make_the_client_deaf(nats_server: NatsServer) -> None:
    """nats-py's own flush gives up, its PONG comes afterwards: messages still arrive, on the same connection."""
    async with bus_on(nats_server) as bus:
        nats_server.freeze()
        with pytest.raises(FlushTimeoutError):
            await client_of(bus).flush(0.05)  # type: ignore[arg-type]
        nats_server.thaw()
        await assert_works(bus)
        assert bus.stats.reconnects == 0


async def test_a_flush_that_is_not_answered_makes_the_connection_anew(nats_server: NatsServer) -> None:
    """The caller hears that the barrier does not hold; the link is lost and comes back."""
    async with bus_on(nats_server) as bus:
        links = link_events(bus)
        nats_server.freeze()
        with pytest.raises(BusError, match=r"no answer within 0\.05 s"):
            await bus.flush(50_000)
        nats_server.thaw()
        await links.count(2)
        assert links.items == [False, True]
        await assert_works(bus)


@pytest.mark.parametrize("task", ["_reading_task", "_flusher_task"])
async def test_the_death_of_a_task_of_the_client_is_noticed_at_once(nats_server: NatsServer, task: str) -> None:
    """`is_connected` would stay true and nothing would arrive."""
    async with bus_on(nats_server) as bus:
        got, links = Collector(), link_events(bus)
        bus.subscribe("a", got)
        getattr(client_of(bus), task).cancel()
        await links.count(2)
        assert links.items == [False, True]
        bus.publish("a", b"1")
        await got.count(1)


async def test_half_a_message_from_the_old_connection_does_not_spoil_the_new_one(nats_server: NatsServer) -> None:
    """The parser starts afresh with each connection."""
    async with bus_on(nats_server) as bus:
        links = link_events(bus)
        client = client_of(bus)
        client.mend()
        await asyncio.sleep(0)
        await client._ps.parse(b"MSG a 1 100\r\nhalf of ")  # noqa: SLF001 - as the old reading task would
        await links.count(2)
        await assert_works(bus)
        assert client.stats["reconnects"] == 1


async def test_a_client_that_cannot_reconnect_is_replaced(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nats-py does not expect while it reconnects would leave it reconnecting for ever."""
    async with bus_on(nats_server) as bus:
        got, links, first = Collector(), link_events(bus), client_of(bus)
        bus.subscribe("a", got)

        async def broken() -> None:
            raise RuntimeError("provoked")

        monkeypatch.setattr(first, "_process_connect_init", broken)
        first.mend()
        await links.count(2)
        assert links.items == [False, True]
        assert client_of(bus) is not first
        bus.publish("a", b"1")
        await got.count(1)


# 2. What raises inside a callback.


async def test_callbacks_that_raise_stop_nothing(nats_server: NatsServer) -> None:
    """A handler, a done, a link handler and the trouble handler itself: counted, and everything goes on."""

    def raising(*_: Any) -> None:
        raise ValueError("provoked")

    async with bus_on(nats_server) as bus:
        bus.on_trouble(raising)
        bus.on_link(raising)
        bus.subscribe("a", raising)
        answers = Collector()
        for _ in range(3):
            bus.publish("a", b"")
            bus.request("nobody", b"", timeout_us=1_000_000, done=raising)
            bus.request("a", b"", timeout_us=10_000, done=raising)
            bus.request("a", b"", timeout_us=20_000, done=answers)
        await answers.count(3)
        client_of(bus).mend()
        await link_events(bus).until(lambda items: items[-1:] == [True])
        await assert_works(bus)
        assert bus.stats.faults == 3 + 6 + 3 + 3 + 2


# 3. What survives a restart of the server.


async def test_everything_works_on_after_the_server_was_killed(nats_server: NatsServer) -> None:
    """Subscriptions, requests and stored messages, without anybody doing anything."""
    await make_stream(nats_server, "S", ["s.>"])
    async with bus_on(nats_server) as bus:
        links, got, answers, acks = link_events(bus), Collector(), Collector(), Collector()
        bus.subscribe("a", got)
        bus.subscribe("ask", lambda message: bus.publish(message.reply, b"yes"))
        for kill in range(1, 3):
            nats_server.kill()
            nats_server.start()
            await links.count(2 * kill)
            bus.publish("a", b"1")
            bus.request("ask", b"", timeout_us=5_000_000, done=answers)
            bus.publish_stored("s.a", b"1", msg_id=f"{kill}", done=acks)
            await got.count(kill)
            await answers.count(kill)
            await acks.count(kill)
        assert links.items == [False, True, False, True]
        assert answers.items == [Replied(b"yes")] * 2
        assert acks.items == [Stored(1), Stored(2)]
        assert bus.stats.reconnects == 2


def test_the_bus_survives_a_kill_on_uvloop_too(nats_server: NatsServer) -> None:
    """The same with the event loop that live processes use."""

    async def scenario() -> None:
        await make_stream(nats_server, "S", ["s.>"])
        await make_consumer(nats_server, "S", "reader")
        async with bus_on(nats_server) as bus:
            links, got, acks = link_events(bus), Collector(ack=True), Collector()
            bus.consume("S", "reader", got)
            bus.publish_stored("s.a", b"1", msg_id="1", done=acks)
            await got.count(1)
            nats_server.kill()
            nats_server.start()
            await links.count(2)
            bus.publish_stored("s.a", b"2", msg_id="2", done=acks)
            await got.until(lambda items: bool(items) and items[-1].stream_seq == 2)
            assert [item.data for item in await bus.history("S", ["s.a"])] == [b"1", b"2"]
            await assert_works(bus)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes this test's certificate")
async def test_the_bus_survives_a_kill_over_tls_too(tmp_path: Path) -> None:
    """Another machine connects with TLS; a server whose certificate is not trusted is refused in words."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=floor"
    files = ["-keyout", str(key), "-out", str(certificate), "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make.split(), *files], check=True, capture_output=True)  # noqa: ASYNC221 - nothing waits yet
    with running(tmp_path, f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}') as server:
        async with bus_on(server, tls=ssl.create_default_context(cafile=str(certificate))) as bus:
            links = link_events(bus)
            await assert_works(bus)
            server.kill()
            server.start()
            await links.count(2)
            await assert_works(bus)
        stranger = NatsBus(server.url, name="stranger", clock=LiveClock(), connect_timeout_us=300_000)
        stranger.on_trouble(lambda _: None)
        with pytest.raises(BusError, match="certificate verify failed"):
            await stranger.open()


# 4. Flush is a barrier.


async def test_after_flush_everything_before_it_is_in_force_for_others(nats_server: NatsServer) -> None:
    """A subscription hears what another connection publishes next; a publish is on its way to those who listen."""
    async with bus_on(nats_server, "reader") as reader, bus_on(nats_server, "sender") as sender:
        for number in range(100):
            got = Collector()
            reader.subscribe(f"a.{number}", got)
            await reader.flush()
            sender.publish(f"a.{number}", b"1")
            await sender.flush()
            await reader.flush()
            assert len(got.items) == 1


# 5. Nothing is sent late.


async def test_what_is_sent_while_the_link_is_down_is_never_sent(nats_server: NatsServer) -> None:
    """Publishes are dropped and counted, requests and stored messages end at once."""
    await make_stream(nats_server, "S", ["s.>"])
    async with bus_on(nats_server) as bus:
        links, got, answers, acks = link_events(bus), Collector(), Collector(), Collector()
        bus.subscribe(">", got)
        await bus.flush()
        nats_server.kill()
        await links.count(1)
        bus.publish("a", b"late")
        bus.request("a", b"late", timeout_us=60_000_000, done=answers)
        bus.publish_stored("s.a", b"late", msg_id="1", timeout_us=60_000_000, done=acks)
        assert (answers.items, acks.items) == ([], [])
        await answers.count(1)
        await acks.count(1)
        assert (answers.items, acks.items) == ([Replied(error="no_responders")], [Stored(error="timeout")])
        assert bus.dropped == 3
        with pytest.raises(BusError, match="the link is down"):
            await bus.flush()
        nats_server.start()
        await links.count(2)
        bus.publish("a", b"on time")
        await got.until(lambda items: bool(items) and items[-1].data == b"on time")
        assert b"late" not in got.data


async def test_what_was_not_written_when_the_link_broke_is_never_sent(nats_server: NatsServer) -> None:
    """A message handed over in the same turn of the loop is dropped and counted, not kept for the next connection."""
    async with bus_on(nats_server) as bus, bus_on(nats_server, "reader") as reader:
        links, got, answers = link_events(bus), Collector(), Collector()
        reader.subscribe("a", got)
        await reader.flush()
        bus.publish("a", b"late")
        bus.request("a", b"late", timeout_us=60_000_000, done=answers)
        await client_of(bus).force_reconnect()
        await links.count(2)
        bus.publish("a", b"on time")
        await got.count(1)
        assert got.data == [b"on time"]
        assert bus.dropped == 2
        assert answers.items == [Replied(error="timeout")]


async def test_calls_under_way_end_when_the_link_breaks(nats_server: NatsServer) -> None:
    """Their answers cannot come any more: nobody waits for the timeout."""
    async with bus_on(nats_server) as bus:
        requests, answers = Collector(), Collector()
        bus.subscribe("silent", requests)
        bus.request("silent", b"", timeout_us=60_000_000, done=answers)
        await requests.count(1)
        nats_server.kill()
        await answers.count(1)
        assert answers.items == [Replied(error="timeout")]


# 6. Cancelling, closing, backlog.


async def test_a_task_that_publishes_to_a_frozen_server_can_be_cancelled(nats_server: NatsServer) -> None:
    """Publishing never waits, so no cancellation is swallowed; the backlog arrives in order when the server is back."""
    async with bus_on(nats_server, "reader") as reader, bus_on(nats_server) as bus:
        got, full = Collector(), asyncio.Event()
        reader.subscribe("a", got)
        await reader.flush()
        nats_server.freeze()

        async def publish_for_ever() -> None:
            number = 0
            while True:
                bus.publish("a", b"%d " % number + bytes(10_000))
                number += 1
                if number == 1_500:
                    full.set()
                await asyncio.sleep(0)

        task = asyncio.create_task(publish_for_ever())
        await within(full.wait())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(task)
        nats_server.thaw()
        await got.count(1_500)
        assert [int(data.split()[0]) for data in got.data[:1_500]] == list(range(1_500))


async def test_a_server_that_reads_nothing_is_a_lost_link(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backlog is bounded: past the limit the connection is given up, without waiting for the server to read it."""
    monkeypatch.setattr(natsclient, "_UNREAD_LIMIT", 1_000_000)
    async with bus_on(nats_server, connect_timeout_us=300_000) as bus:
        links, told = link_events(bus), Collector()
        bus.on_trouble(told)
        nats_server.freeze()
        while not links.items:
            bus.publish("a", bytes(100_000))
            await asyncio.sleep(0)
        await told.until(lambda items: any("TimeoutError" in text for text in items))  # an attempt to connect, in vain
        nats_server.thaw()
        await links.count(2)
        assert links.items == [False, True]
        await assert_works(bus)


async def test_close_while_the_server_is_gone_raises_nothing(nats_server: NatsServer) -> None:
    """Nor does it while the server is frozen; calls under way end."""
    for end in (nats_server.kill, nats_server.freeze):
        bus = NatsBus(nats_server.url, name="closing", clock=LiveClock())
        bus.on_trouble(lambda _: None)
        links, answers = link_events(bus), Collector()
        await bus.open()
        end()
        if end == nats_server.kill:
            await links.count(2)
        bus.request("a", b"", timeout_us=60_000_000, done=answers)
        await bus.close()
        await answers.count(1)
        if end == nats_server.kill:
            nats_server.start()


# 7. Slow readers.


async def test_a_handler_that_is_slower_than_the_sender_loses_nothing(nats_server: NatsServer) -> None:
    """There is no queue in the client that could be full: nats-py's silent drop cannot happen."""
    async with bus_on(nats_server, "sender") as sender, bus_on(nats_server, "reader") as reader:
        got, other_turns = Collector(), Collector()
        reader.subscribe("a", got)
        await reader.flush()
        for number in range(20_000):
            sender.publish("a", b"%d" % number)

        async def another_task() -> None:
            while len(got.items) < 20_000:
                other_turns(len(got.items))
                await asyncio.sleep(0)

        task = asyncio.create_task(another_task())
        await got.count(20_000)
        await within(task)
        assert got.data == [b"%d" % number for number in range(20_000)]
        waits = [after - before for before, after in zip(other_turns.items, other_turns.items[1:], strict=False)]
        assert max(waits) <= natsclient.BURST, "a burst starves nobody"


async def test_a_reader_that_the_server_cuts_off_hears_of_it(tmp_path: Path) -> None:
    """Messages are missing then: the link is told lost and up again, so that its owner reads again what it needs."""
    with running(tmp_path, "max_pending: 1100000") as server:
        async with bus_on(server, "sender") as sender, bus_on(server, "reader") as reader:
            got, links = Collector(), link_events(reader)
            reader.subscribe("a", got)
            await reader.flush()
            writer = client_of(reader).writer()
            assert writer is not None
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            for _ in range(400):
                sender.publish("a", bytes(100_000))
                await sender.flush()
            await server.logged("Slow Consumer")
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            await links.count(2)
            assert links.items == [False, True]
            assert len(got.items) < 400
            await assert_works(reader)


# 8. Permissions.


async def test_what_the_server_denies_ends_at_once_and_is_counted(tmp_path: Path) -> None:
    """Requests, stored messages and history do not wait for their timeout; other subjects go on."""
    with running(tmp_path, USERS) as server:
        async with bus_on(server, seed=SEED) as bus:
            told, answers, acks, others = Collector(), Collector(), Collector(), Collector()
            bus.on_trouble(told)
            bus.request("Must.Not", b"", timeout_us=60_000_000, done=answers)
            bus.publish_stored("must.not.store", b"", msg_id="1", timeout_us=60_000_000, done=acks)
            bus.request("may.ask", b"", timeout_us=60_000_000, done=others)
            bus.publish("must.not.publish", b"")
            bus.subscribe("must.not.hear", Collector())
            await answers.count(1)
            await acks.count(1)
            await others.count(1)
            await bus.flush()
            assert answers.items == [Replied(error="denied")]
            assert acks.items == [Stored(error="denied")]
            assert others.items == [Replied(error="no_responders")]
            assert bus.stats.violations == 4
            assert len(told.items) == 1, "told at most once a second"
            assert told.items[0] == 'actor: the server refused: permissions violation for publish to "must.not"'
            await assert_works(bus)


async def test_history_that_is_not_permitted_is_an_error_in_words(tmp_path: Path) -> None:
    """At once, not after the time for an answer."""
    with running(tmp_path, USERS.replace('"$JS.API.>"', '"other"')) as server:
        async with bus_on(server, seed=SEED) as bus:
            with pytest.raises(BusError, match="history of ORDERS: not permitted"):
                await bus.history("ORDERS", [">"])


@pytest.mark.parametrize("seed", [OTHER_SEED, ""])
async def test_an_identity_that_the_server_does_not_know_is_refused_at_once(tmp_path: Path, seed: str) -> None:
    """Open does not try until its time is over, and never shows the seed."""
    with running(tmp_path, USERS) as server:
        bus = NatsBus(server.url, name="stranger", clock=LiveClock(), seed=seed, connect_timeout_us=60_000_000)
        with pytest.raises(BusError, match=r"stranger: .* refused this identity: .*Authorization Violation") as caught:
            await within(bus.open())
        assert seed == "" or seed not in str(caught.value)


async def test_a_seed_that_is_none_is_an_error_in_words(nats_server: NatsServer) -> None:
    """A broken seed is named as such, without being shown."""
    bus = NatsBus(nats_server.url, name="broken", clock=LiveClock(), seed="SUNOTASEED")
    with pytest.raises(BusError, match="broken: the seed is not an NKey user seed") as caught:
        await bus.open()
    assert "SUNOTASEED" not in str(caught.value)


async def test_an_identity_that_is_taken_away_and_given_back_goes_on(tmp_path: Path) -> None:
    """The server closes its connection with an error after which nats-py would give up for good."""
    with running(tmp_path, USERS) as server:
        async with bus_on(server, seed=SEED) as bus:
            links, got = link_events(bus), Collector()
            bus.subscribe("may.hear", got)
            stranger = nkeys.from_seed(OTHER_SEED.encode()).public_key.decode()
            server.configure(PUBLIC, stranger)
            server.reload()
            await links.count(1)
            server.configure(stranger, PUBLIC)
            server.reload()
            await links.count(2)
            assert links.items == [False, True]
            bus.publish("may.hear", b"1")
            await got.count(1)
            assert got.items[0] == Incoming("may.hear", b"1")
