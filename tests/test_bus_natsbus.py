"""NatsBus keeps the promises of the bus interface on a real nats-server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Collector, NatsServer, bus_on, link_events, make_stream, running

from bus.clock import LiveClock
from bus.interface import Bus, BusError, Incoming, Replied, Stored
from bus.natsbus import NatsBus


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A running server without identities."""
    with running(tmp_path) as server:
        yield server


async def test_messages_arrive_in_the_order_in_which_they_were_published(nats_server: NatsServer) -> None:
    """Publishing keeps the order, over one flush and over many."""
    async with bus_on(nats_server, "sender") as sender, bus_on(nats_server, "reader") as reader:
        got = Collector()
        reader.subscribe("md.>", got)
        await reader.flush()
        for number in range(5_000):
            sender.publish(f"md.tick.{number % 3}", b"%d" % number, headers={"N": str(number)} if number % 2 else None)
        await got.count(5_000)
        assert got.data == [b"%d" % number for number in range(5_000)]
        assert got.items[7] == Incoming("md.tick.1", b"7", "", {"N": "7"})
        assert (sender.stats.published, reader.stats.delivered) == (5_000, 5_000)


async def test_publishes_requests_and_stored_messages_keep_their_order_among_one_another(
    nats_server: NatsServer,
) -> None:
    """The three ways of sending share one queue."""
    await make_stream(nats_server, "S", ["s.>"])
    async with bus_on(nats_server, "sender") as sender, bus_on(nats_server, "reader") as reader:
        got = Collector()
        reader.subscribe("s.>", got)
        await reader.flush()
        for number in range(0, 300, 3):
            sender.publish("s.a", b"%d" % number)
            sender.request("s.b", b"%d" % (number + 1), timeout_us=1_000_000, done=lambda _: None)
            sender.publish_stored("s.c", b"%d" % (number + 2), msg_id=str(number), done=lambda _: None)
        await got.count(300)
        assert got.data == [b"%d" % number for number in range(300)]


async def test_a_request_gets_its_answer(nats_server: NatsServer) -> None:
    """The responder answers on the message's reply subject, which lies under the requester's inbox prefix."""
    async with bus_on(nats_server, "asker.1") as asker, bus_on(nats_server, "responder") as responder:
        seen = Collector()

        def respond(message: Incoming) -> None:
            seen(message)
            responder.publish(message.reply, message.data + b"!")

        responder.subscribe("ask.it", respond)
        await responder.flush()
        answers = Collector()
        for number in range(100):
            asker.request("ask.it", b"%d" % number, timeout_us=5_000_000, done=answers)
        assert answers.items == [], "done is never called from inside the call"
        await answers.count(100)
        assert answers.items == [Replied(b"%d!" % number) for number in range(100)]
        assert seen.items[0].reply.startswith("_INBOX.asker=2E1.")


async def test_a_request_that_nobody_receives_says_so_at_once(nats_server: NatsServer) -> None:
    """no_responders comes from the server, long before the timeout."""
    async with bus_on(nats_server) as bus:
        answers = Collector()
        bus.request("nobody.here", b"?", timeout_us=60_000_000, done=answers)
        await answers.count(1)
        assert answers.items == [Replied(error="no_responders")]


async def test_a_request_without_an_answer_times_out_once(nats_server: NatsServer) -> None:
    """A late answer is ignored: done was called already."""
    async with bus_on(nats_server) as bus:
        requests, answers = Collector(), Collector()
        bus.subscribe("silent", requests)
        bus.request("silent", b"?", timeout_us=20_000, done=answers)
        await answers.count(1)
        assert answers.items == [Replied(error="timeout")]
        bus.publish(requests.items[0].reply, b"too late")
        await bus.flush()
        assert len(answers.items) == 1


async def test_a_services_error_is_the_requests_error(nats_server: NatsServer) -> None:
    """The error headers of a NATS service are not taken for an answer."""
    async with bus_on(nats_server) as bus:
        error = {"Nats-Service-Error-Code": "403", "Nats-Service-Error": "viewers change nothing"}
        bus.subscribe("ctl.it", lambda message: bus.publish(message.reply, b"", headers=error))
        answers = Collector()
        bus.request("ctl.it", b"?", timeout_us=5_000_000, done=answers)
        await answers.count(1)
        assert answers.items == [Replied(error="viewers change nothing")]


async def test_a_stored_message_is_acked_and_a_repeat_is_a_duplicate(nats_server: NatsServer) -> None:
    """The stream's sequence comes back; the same msg_id is stored once."""
    await make_stream(nats_server, "S", ["s.>"])
    async with bus_on(nats_server) as bus:
        acks = Collector()
        for msg_id in ("a", "b", "a"):
            bus.publish_stored("s.x", b"{}", msg_id=msg_id, done=acks)
        assert acks.items == []
        await acks.count(3)
        assert acks.items == [Stored(1), Stored(2), Stored(1, duplicate=True)]


async def test_a_second_writer_of_a_subject_is_refused(nats_server: NatsServer) -> None:
    """expect_last is compared with the subject's last sequence, not the stream's; 0 means none."""
    await make_stream(nats_server, "S", ["s.>"])
    async with bus_on(nats_server, "first") as first, bus_on(nats_server, "second") as second:
        acks = Collector()
        first.publish_stored("s.x", b"1", msg_id="1", expect_last=0, done=acks)
        first.publish_stored("s.y", b"2", msg_id="2", expect_last=0, done=acks)
        first.publish_stored("s.x", b"3", msg_id="3", expect_last=1, done=acks)
        await acks.count(3)
        second.publish_stored("s.x", b"4", msg_id="4", expect_last=0, done=acks)
        second.publish_stored("s.x", b"5", msg_id="5", expect_last=1, done=acks)
        second.publish_stored("s.x", b"6", msg_id="6", expect_last=3, done=acks)
        await acks.count(6)
        wrong = Stored(error="wrong_sequence")
        assert acks.items == [Stored(1), Stored(2), Stored(3), wrong, wrong, Stored(4)]


async def test_a_message_that_no_stream_captures_is_not_stored(nats_server: NatsServer) -> None:
    """The server's no-responders answer ends the call at once."""
    async with bus_on(nats_server) as bus:
        acks = Collector()
        bus.publish_stored("nowhere", b"{}", msg_id="1", done=acks)
        await acks.count(1)
        assert acks.items == [Stored(error="no_responders")]


async def test_a_full_stream_says_full(nats_server: NatsServer) -> None:
    """A stream that discards new messages refuses them in words the caller knows."""
    await make_stream(nats_server, "S", ["s.>"], max_msgs=1, discard="new")
    async with bus_on(nats_server) as bus:
        acks = Collector()
        bus.publish_stored("s.x", b"1", msg_id="1", done=acks)
        bus.publish_stored("s.x", b"2", msg_id="2", done=acks)
        await acks.count(2)
        assert acks.items == [Stored(1), Stored(error="full")]


async def test_a_closed_subscription_delivers_nothing_more(nats_server: NatsServer) -> None:
    """Not even what had already been sent to it."""
    async with bus_on(nats_server) as bus:
        got, other = Collector(), Collector()
        subscription = bus.subscribe("a", got)
        bus.subscribe("a", other)
        bus.publish("a", b"1")
        await other.count(1)
        bus.publish("a", b"2")
        subscription.close()
        subscription.close()
        await other.count(2)
        assert got.data == [b"1"]


async def test_subscriptions_made_before_open_are_in_place_when_the_link_is_up(nats_server: NatsServer) -> None:
    """The order of subscribe and open does not matter, and the first True comes with open."""
    bus = NatsBus(nats_server.url, name="early", clock=LiveClock())
    got, told = Collector(), link_events(bus)
    bus.subscribe("a", got)
    bus.on_link(lambda up: bus.publish("a", b"%d" % up))
    await bus.open()
    await got.count(1)
    await bus.close()
    await bus.close()
    assert (got.data, told.items) == ([b"1"], [True])


async def test_open_says_where_nobody_answers(nats_server: NatsServer) -> None:
    """A server that is not there is an error in words, within the time for it."""
    nats_server.stop()
    bus = NatsBus(nats_server.url, name="lonely", clock=LiveClock(), connect_timeout_us=200_000)
    with pytest.raises(BusError, match=f"lonely: no NATS server at 127.0.0.1:{nats_server.port} within 0.2 s"):
        await bus.open()
    await bus.close()


@pytest.mark.parametrize(
    ("subject", "headers", "reason"),
    [
        ("", None, "not a subject"),
        ("a b", None, "not a subject"),
        ("a\r\nPUB b", None, "not a subject"),
        ("a", {"x": "1\r\ny: 2"}, "line break"),
    ],
)
async def test_what_cannot_be_sent_is_refused_before_it_reaches_the_wire(
    nats_server: NatsServer, subject: str, headers: dict[str, str] | None, reason: str
) -> None:
    """No subject or header can smuggle a command into the connection."""
    async with bus_on(nats_server) as bus:
        with pytest.raises(BusError, match=reason):
            bus.publish(subject, b"{}", headers=headers)
        with pytest.raises(BusError, match="more than the server takes"):
            bus.publish("a", bytes(2 << 20))
        await bus.flush()
        assert bus.stats.published == 0


async def test_a_bus_that_is_not_open_refuses_to_send(nats_server: NatsServer) -> None:
    """Before open and after close nothing is queued for later."""
    bus: Bus = NatsBus(nats_server.url, name="shut", clock=LiveClock())
    with pytest.raises(BusError, match="not open yet"):
        bus.publish("a", b"{}")
    await bus.open()
    with pytest.raises(BusError, match="opened once"):
        await bus.open()
    await bus.close()
    with pytest.raises(BusError, match="closed"):
        bus.publish("a", b"{}")
