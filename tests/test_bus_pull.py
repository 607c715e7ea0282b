"""Reading streams: durable consumers without a gap, history without a hole, whatever happens to the server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Collector, NatsServer, bus_on, link_events, make_consumer, make_stream, running, within

from bus import directget, pull, streams
from bus.interface import BusError, Incoming, Stored
from bus.natsbus import NatsBus
from bus.pull import delivery_of


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A running server without identities."""
    with running(tmp_path) as server:
        yield server


def store(bus: NatsBus, subject: str, number: int, acks: Collector) -> None:
    """Store `number` on `subject`."""
    bus.publish_stored(subject, b"%d" % number, msg_id=f"{subject}/{number}", done=acks)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("$JS.ACK.ORDERS.recorder.1.17.12.1700000000000000000.4", (17, 1)),
        ("$JS.ACK._.ACCHASH.ORDERS.recorder.3.17.12.1700000000000000000.4", (17, 3)),
        ("$JS.ACK.hub.ACCHASH.ORDERS.recorder.2.5.12.1700000000000000000.4.token", (5, 2)),
    ],
)
def test_sequence_and_deliveries_are_read_from_both_layouts_of_the_ack_subject(
    reply: str, expected: tuple[int, int]
) -> None:
    """Servers of different versions put them in different places."""
    assert delivery_of(reply) == expected


@pytest.mark.parametrize("reply", ["_INBOX.x.1", "$JS.ACK.S.c.1", ""])
def test_what_is_no_ack_subject_is_refused(reply: str) -> None:
    """A made-up reply subject is not taken for a delivery."""
    with pytest.raises(ValueError, match="not a JetStream ack subject"):
        delivery_of(reply)


async def test_a_consumer_delivers_everything_stored_in_order_with_its_sequence(nats_server: NatsServer) -> None:
    """More than several batches, stored before and while it reads."""
    await make_stream(nats_server, "S", ["s.>"])
    await make_consumer(nats_server, "S", "reader", max_ack_pending=10_000)
    async with bus_on(nats_server, "writer") as writer, bus_on(nats_server, "reader") as reader:
        acks, got = Collector(), Collector(ack=True)
        for number in range(700):
            store(writer, "s.a", number, acks)
        await acks.count(700)
        reader.consume("S", "reader", got)
        for number in range(700, 1_400):
            store(writer, "s.b", number, acks)
        await got.count(1_400)
        assert [item.stream_seq for item in got.items] == list(range(1, 1_401))
        assert got.data == [b"%d" % number for number in range(1_400)]
        assert not any(item.redelivered for item in got.items)
        assert got.items[3].headers == {"Nats-Msg-Id": "s.a/3"}


async def test_no_more_is_under_way_to_the_recorder_than_it_can_take_in_before_it_comes_again(
    nats_server: NatsServer,
) -> None:
    """A flood waits in the stream: 20,000 under way came again every 2 s until they filled the mailbox."""
    (most,) = {config["max_ack_pending"] for stream, config in streams.consumers() if stream != "JOBS"}
    await make_stream(nats_server, "S", ["s.>"])
    await make_consumer(nats_server, "S", "reader", max_ack_pending=most)
    async with bus_on(nats_server, "writer") as writer, bus_on(nats_server, "reader") as reader:
        acks, got = Collector(), Collector()
        for number in range(1_400):
            store(writer, "s.a", number, acks)
        await acks.count(1_400)
        reader.consume("S", "reader", got)
        for held in (500, 1_000, 1_400):
            await got.count(held)
            await reader.flush()
            await writer.flush()
            assert len(got.items) == held
            for item in got.items[held - 500 :]:
                assert item.ack is not None
                item.ack()
        assert [item.stream_seq for item in got.items] == list(range(1, 1_401))


async def test_a_message_stored_on_an_idle_consumer_is_delivered_at_once(nats_server: NatsServer) -> None:
    """Delivery waits for nothing: no full batch, no expiry (30 s), no heartbeat (2 s)."""
    await make_stream(nats_server, "S", ["s.>"])
    await make_consumer(nats_server, "S", "reader")
    async with bus_on(nats_server) as bus:
        got, acks = Collector(ack=True), Collector()
        bus.consume("S", "reader", got)
        async with asyncio.timeout(2):
            for number in range(20):
                store(bus, "s.a", number, acks)
                await got.count(number + 1)


async def test_what_is_not_acked_comes_again_and_says_so(nats_server: NatsServer) -> None:
    """An ack confirms one message; the other is redelivered to the next consumer of the same name."""
    await make_stream(nats_server, "S", ["s.>"])
    await make_consumer(nats_server, "S", "reader", ack_wait=0.2)
    async with bus_on(nats_server) as bus:
        acks, got = Collector(), Collector()
        store(bus, "s.a", 1, acks)
        store(bus, "s.a", 2, acks)
        first = bus.consume("S", "reader", got)
        await got.count(2)
        got.items[0].ack()
        await got.count(3)
        assert [(item.stream_seq, item.redelivered) for item in got.items] == [(1, False), (2, False), (2, True)]
        first.close()
        first.close()


async def test_nothing_is_lost_when_the_server_is_killed_while_a_consumer_reads(nats_server: NatsServer) -> None:
    """Everything acked to the writer arrives; what arrives twice is told by its stream sequence."""
    await make_stream(nats_server, "S", ["s.>"])
    await make_consumer(nats_server, "S", "reader", ack_wait=1)
    async with bus_on(nats_server, "writer") as writer, bus_on(nats_server, "reader") as reader:
        got = Collector(ack=True)
        links, reader_links = link_events(writer), link_events(reader)
        reader.consume("S", "reader", got)

        async def write(number: int) -> None:
            while True:
                acks = Collector()
                store(writer, "s.a", number, acks)
                [ack] = await acks.count(1)
                if not ack.error:
                    return
                if not writer.up:
                    await links.until(lambda _: writer.up)

        for number in range(60):
            await write(number)
            if number % 20 == 10:
                nats_server.kill()
                nats_server.start()
        await got.until(lambda items: len({item.stream_seq for item in items}) >= 60)
        by_seq = {item.stream_seq: item.data for item in got.items}
        assert all(by_seq[item.stream_seq] == item.data for item in got.items)
        assert [by_seq[seq] for seq in sorted(by_seq)] == [b"%d" % number for number in range(60)]
        assert reader_links.items.count(False) == 3
        assert reader.stats.reconnects == 3


async def test_a_consumer_that_is_made_later_is_found(nats_server: NatsServer) -> None:
    """No consumer, no stream: it goes on asking, and reports why."""
    async with bus_on(nats_server) as bus:
        got, acks, told = Collector(ack=True), Collector(), Collector()
        bus.on_trouble(told)
        bus.consume("S", "reader", got)
        await told.count(1)
        assert told.items == ["actor: consumer S.reader: 503"]
        await make_stream(nats_server, "S", ["s.>"])
        await make_consumer(nats_server, "S", "reader")
        store(bus, "s.a", 1, acks)
        await got.count(1)


async def test_a_consumer_goes_on_when_its_requests_expire(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends a request with 408; the next one is on its way at once."""
    monkeypatch.setattr(pull, "_EXPIRES_NS", 200_000_000)
    monkeypatch.setattr(pull, "_HEARTBEAT_NS", 100_000_000)
    await make_stream(nats_server, "S", ["s.>"])
    await make_consumer(nats_server, "S", "reader")
    async with bus_on(nats_server) as bus, bus_on(nats_server, "spy") as spy:
        got, acks, asked = Collector(ack=True), Collector(), Collector()
        spy.subscribe("$JS.API.CONSUMER.MSG.NEXT.S.reader", asked)
        await spy.flush()
        bus.consume("S", "reader", got)
        await asked.count(4)
        store(bus, "s.a", 1, acks)
        await got.count(1)


async def test_a_consumer_asks_again_when_the_heartbeats_stop(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that the server forgot is made again, without any word from the server."""
    monkeypatch.setattr(pull, "_SILENCE_S", 0.1)
    await make_stream(nats_server, "S", ["s.>"])
    await make_consumer(nats_server, "S", "reader")
    async with bus_on(nats_server) as bus, bus_on(nats_server, "spy") as spy:
        told, asked = Collector(), Collector()
        spy.subscribe("$JS.API.CONSUMER.MSG.NEXT.S.reader", asked)
        await spy.flush()
        bus.on_trouble(told)
        bus.consume("S", "reader", Collector())
        await told.count(1)
        await asked.count(4)
        assert told.items == ["actor: consumer S.reader: no heartbeat; asking again"]


async def test_history_reads_ten_thousand_messages_with_several_filters(nats_server: NatsServer) -> None:
    """Only what matches, once although two filters match it, in the order of the stream, from the wanted sequence."""
    await make_stream(nats_server, "S", ["s.>"], storage="memory")
    async with bus_on(nats_server) as bus:
        acks = Collector()
        for number in range(10_000):
            bus.publish(f"s.{number % 4}.x", b"%d" % number, headers={"N": str(number)} if number == 1 else None)
        bus.publish_stored("s.end", b"", msg_id="end", done=acks)
        assert await acks.count(1) == [Stored(10_001)]
        everything = await bus.history("S", [">"])
        assert [item.stream_seq for item in everything] == list(range(1, 10_002))
        some = await bus.history("S", ["s.1.>", "s.3.x", "s.*.x"], 5_001)
        assert [int(item.data) for item in some] == list(range(5_000, 10_000))
        odd = await bus.history("S", ["s.3.x", "s.1.x"])
        assert [int(item.data) for item in odd] == list(range(1, 10_000, 2))
        assert odd[0] == Incoming("s.1.x", b"1", "", {"N": "1"}, 2)
        assert odd[1].headers is None


async def test_history_continues_where_a_batch_was_cut_by_its_size(nats_server: NatsServer) -> None:
    """Messages of half a megabyte do not fit into one batch; none is missing."""
    await make_stream(nats_server, "S", ["s.>"])
    async with bus_on(nats_server) as bus:
        acks = Collector()
        for number in range(24):
            bus.publish_stored("s.a", b"%d" % number * 250_000, msg_id=str(number), done=acks)
        await acks.count(24)
        found = await bus.history("S", ["s.a"])
        assert [item.stream_seq for item in found] == list(range(1, 25))
        assert len(found[23].data) == 500_000


async def test_history_ends_with_what_was_the_last_message_when_it_began(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is stored while it reads is left out for every subject alike, so that the result has no hole."""
    monkeypatch.setattr(directget, "_BATCH", 2)
    await make_stream(nats_server, "S", ["s.>"])
    async with bus_on(nats_server) as bus, bus_on(nats_server, "writer") as writer:
        acks, asked = Collector(), Collector()
        for number in range(100):
            store(writer, f"s.{number % 2}", number, acks)
        await acks.count(100)

        def store_more(request: Incoming) -> None:
            asked(request)
            if len(asked.items) > 1:
                store(writer, f"s.{len(asked.items) % 2}", 1_000 + len(asked.items), Collector())

        writer.subscribe("$JS.API.DIRECT.GET.S", store_more)
        await writer.flush()
        found = await bus.history("S", ["s.0", "s.1"])
        assert [item.stream_seq for item in found] == list(range(1, 101))
        await writer.flush()
        assert len(asked.items) > 50


async def test_history_of_nothing_is_empty(nats_server: NatsServer) -> None:
    """An empty stream, a subject without messages, a sequence that is not there yet."""
    await make_stream(nats_server, "S", ["s.>"])
    async with bus_on(nats_server) as bus:
        assert await bus.history("S", ["s.>"]) == []
        acks = Collector()
        store(bus, "s.a", 1, acks)
        await acks.count(1)
        assert await bus.history("S", ["s.other"]) == []
        assert await bus.history("S", ["s.a"], 2) == []
        assert await bus.history("S", []) == []


async def test_history_of_a_stream_that_is_not_there_is_an_error_in_words(nats_server: NatsServer) -> None:
    """Not an empty list: the caller would start with nothing."""
    async with bus_on(nats_server) as bus:
        with pytest.raises(BusError, match="actor: history of NONE: no such stream"):
            await bus.history("NONE", [">"])


async def test_history_survives_the_servers_death(nats_server: NatsServer) -> None:
    """It goes on after the reconnect, behind the last message that had arrived."""
    await make_stream(nats_server, "S", ["s.>"])
    async with bus_on(nats_server) as bus:
        acks = Collector()
        for number in range(200):
            store(bus, "s.a", number, acks)
        await acks.count(200)
        nats_server.freeze()
        reading = asyncio.ensure_future(bus.history("S", [">"]))
        await asyncio.sleep(0)
        nats_server.kill()
        nats_server.start()
        found = await within(reading)
        assert [item.data for item in found] == [b"%d" % number for number in range(200)]
