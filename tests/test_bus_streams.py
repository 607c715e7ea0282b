"""The streams on a real server: what is refused, what is forgotten, what survives."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from busfloor import QUOTAS, Floor, heard, running_floor
from nats.js.errors import APIError

from bus.interface import BusError
from bus.server import find_conf
from bus.streams import Quotas, consumers, core_streams, ensure, floor_streams, rewind

NAMES = ("bootstrap", "bootstrap-floor", "router", "guard", "feed", "observer", "session-s", "recorder", "vera")
TINY = Quotas(orders=200_000, flow=200_000, market=200_000, jobs=200_000, leases=200_000, last=200_000)


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    """A server with all streams."""
    async with running_floor(tmp_path, NAMES) as floor:
        await floor.streams()
        yield floor


async def info(floor: Floor, stream: str) -> Any:
    """A stream's configuration and state."""
    owner = "bootstrap-floor" if stream == "LAST" else "bootstrap"
    return await next(peer for peer in floor.peers if peer.name == owner).api(f"STREAM.INFO.{stream}")


async def holds(floor: Floor, stream: str, messages: int) -> Any:
    """The stream's state once it has seen this many messages in all."""
    async with asyncio.timeout(10):
        while (state := (await info(floor, stream))["state"])["last_seq"] < messages:
            pass
    return state


async def test_ensure_makes_every_stream_as_it_is_defined(floor: Floor) -> None:
    """The server reports each setting as we asked for it, the ones that nats-py does not know included."""
    for wanted in (*core_streams(QUOTAS), *floor_streams(QUOTAS)):
        config = (await info(floor, wanted["name"]))["config"]
        assert {key: config.get(key) for key in wanted} == wanted
    bootstrap = await floor.peer("bootstrap")
    for stream, wanted in consumers():
        config = (await bootstrap.api(f"CONSUMER.INFO.{stream}.{wanted['durable_name']}"))["config"]
        assert {key: config.get(key) for key in wanted} == wanted


async def test_ensure_again_changes_nothing(floor: Floor) -> None:
    """A second run leaves streams, consumers and messages alone."""
    router, bootstrap = await floor.peer("router"), await floor.peer("bootstrap")
    await router.nc.jetstream().publish("order.update.a.s.1", b"kept", timeout=5)
    before = await info(floor, "ORDERS"), await bootstrap.api("CONSUMER.INFO.ORDERS.recorder")
    await floor.streams()
    after = await info(floor, "ORDERS"), await bootstrap.api("CONSUMER.INFO.ORDERS.recorder")
    for one, other in zip(before, after, strict=True):
        assert {**one, "ts": ""} == {**other, "ts": ""}


async def test_ensure_updates_what_differs_and_keeps_the_messages(floor: Floor) -> None:
    """Another quota is taken over by a stream that is in use."""
    router = await floor.peer("router")
    await router.nc.jetstream().publish("order.update.a.s.1", b"kept", timeout=5)
    await floor.streams(TINY)
    changed = await info(floor, "ORDERS")
    assert (changed["config"]["max_bytes"], changed["state"]["messages"]) == (TINY.orders, 1)


async def test_ensure_says_what_the_server_refuses(floor: Floor) -> None:
    """Quotas above the account's are an error with the server's reason, not a smaller stream."""
    bootstrap, bootstrap_floor = await floor.peer("bootstrap"), await floor.peer("bootstrap-floor")
    with pytest.raises(BusError, match=r"STREAM\.UPDATE\.ORDERS: .*(resources|storage)"):
        await ensure(bootstrap.nc, bootstrap_floor.nc, Quotas())


async def test_ensure_needs_the_rights_of_bootstrap(floor: Floor) -> None:
    """Somebody else gets an error after the wait, and no stream."""
    guard = await floor.peer("guard")
    with pytest.raises(BusError, match=r"no answer from JetStream"):
        await ensure(guard.nc, guard.nc, QUOTAS, timeout_s=0.1)


async def test_a_reader_that_lost_its_memory_gets_again_what_it_lacks(floor: Floor) -> None:
    """From the first message that it lacks if it had acked that; `ensure` leaves it there."""
    router, reader = await floor.peer("router"), await floor.peer("recorder")
    bootstrap = await floor.peer("bootstrap")
    stream = router.nc.jetstream()
    for number in range(1, 6):
        await stream.publish(f"order.update.a.s.{number}", b"%d" % number, timeout=5)
    durable = await reader.nc.jetstream().pull_subscribe_bind("recorder", "ORDERS")
    for message in await durable.fetch(4, timeout=5):
        await message.ack_sync()
    assert await rewind(bootstrap.nc, "ORDERS", "recorder", lambda _: 5) == 0
    assert [message.data for message in await durable.fetch(1, timeout=5)] == [b"5"]
    await bootstrap.api("STREAM.PURGE.ORDERS", {"seq": 2})
    assert await rewind(bootstrap.nc, "ORDERS", "recorder", lambda first: first + 1) == 3
    await floor.streams()
    assert [message.data for message in await durable.fetch(3, timeout=5)] == [b"3", b"4", b"5"]


async def test_orders_refuses_when_full_and_forgets_nothing(floor: Floor) -> None:
    """A full order stream fails closed: the publisher learns it, and what was stored stays."""
    await floor.streams(TINY)
    stream = (await floor.peer("router")).nc.jetstream()
    for number in range(9):
        await stream.publish(f"order.update.a.s.{number}", bytes(20_000), timeout=5)
    with pytest.raises(APIError, match="maximum bytes exceeded"):
        await stream.publish("order.update.a.s.9", bytes(20_000), timeout=5)
    state = (await info(floor, "ORDERS"))["state"]
    assert (state["messages"], state["first_seq"]) == (9, 1)


async def test_the_record_forgets_the_oldest_when_full(floor: Floor) -> None:
    """FLOW and MARKET stay within their quota and hold the newest."""
    await floor.streams(TINY)
    guard, feed = await floor.peer("guard"), await floor.peer("feed")
    for number in range(20):
        await guard.nc.publish("order.cleared.a.s", bytes(20_000) + bytes([number]))
        await feed.nc.publish("md.tick.v.E", bytes(20_000) + bytes([number]))
    for stream in ("FLOW", "MARKET"):
        state = await holds(floor, stream, 20)
        assert state["bytes"] <= TINY.flow
        assert 0 < state["messages"] < 20


async def test_a_second_writer_of_an_order_is_refused(floor: Floor) -> None:
    """The expected last sequence of a subject is 0 once only."""
    stream = (await floor.peer("router")).nc.jetstream()
    first = {"Nats-Expected-Last-Subject-Sequence": "0"}
    await stream.publish("order.update.a.s.1", b"mine", timeout=5, headers=first)
    with pytest.raises(APIError, match="wrong last sequence"):
        await stream.publish("order.update.a.s.1", b"yours", timeout=5, headers=first)


async def test_a_repeated_message_id_is_stored_once(floor: Floor) -> None:
    """A report that is sent again because its ack was lost is acknowledged as a duplicate."""
    stream = (await floor.peer("router")).nc.jetstream()
    acks = [await stream.publish("order.update.a.s.1", b"x", timeout=5, headers={"Nats-Msg-Id": "7"}) for _ in "12"]
    assert [(ack.seq, bool(ack.duplicate)) for ack in acks] == [(1, False), (1, True)]


async def test_the_record_acknowledges_nothing(floor: Floor) -> None:
    """FLOW, MARKET and LAST capture a message that has a reply subject and say nothing on it."""
    feed, vera = await floor.peer("feed"), await floor.peer("vera")
    answers, last = await (await floor.peer("observer")).listen("order.sync.>"), await vera.listen("_INBOX.vera.x")
    for subject in ("md.tick.v.E", "alert.info.feed"):
        await feed.nc.publish(subject, b"x", reply="order.sync.trap.x")
    await feed.settle()
    await holds(floor, "MARKET", 1)
    await holds(floor, "FLOW", 1)
    await holds(floor, "LAST", 1)
    await (await floor.peer("router")).nc.publish("order.sync.end.x", b"")
    assert (await heard(answers)).subject == "order.sync.end.x"
    assert last.empty()


def test_no_stream_that_hears_the_floor_acknowledges() -> None:
    """Whatever subject crosses from FLOOR to CORE, the streams that capture it have no_ack."""
    conf = find_conf().read_text(encoding="utf-8")
    core = conf.split("\n  CORE {")[1].split("\n  FLOOR {")[0]
    inward = re.findall(r'account: FLOOR, subject: "([^"]+)"', core)
    assert "order.intent.>" in inward
    acking = [subject for stream in core_streams(QUOTAS) if not stream.get("no_ack") for subject in stream["subjects"]]
    heads = {tuple(subject.removesuffix(".>").split(".")) for subject in inward}
    for subject in acking:
        tokens = tuple(subject.removesuffix(".>").split("."))
        assert not [head for head in heads if head[: len(tokens)] == tokens[: len(head)]], subject
    assert all(stream["no_ack"] for stream in floor_streams(QUOTAS))


async def test_last_keeps_one_message_a_subject_of_what_crosses(floor: Floor) -> None:
    """State of CORE is in FLOOR's memory once, the newest."""
    feed = await floor.peer("feed")
    for price in (b"1", b"2"):
        await feed.nc.publish("md.tick.v.E", price)
    await feed.nc.publish("md.tick.v.G", b"3")
    assert (await holds(floor, "LAST", 3))["messages"] == 2


async def test_a_lease_ends_by_itself_and_leaves_no_marker(floor: Floor) -> None:
    """After its time to live the key is as if it had never been: nothing to read, and sequence 0 is expected again."""
    guard = await floor.peer("guard")
    stream, key = guard.nc.jetstream(), "$KV.LEASES.guard"
    lease = {"Nats-TTL": "1s", "Nats-Expected-Last-Subject-Sequence": "0"}
    await stream.publish(key, b"1", timeout=5, headers=lease)
    with pytest.raises(APIError, match="wrong last sequence"):
        await stream.publish(key, b"2", timeout=5, headers=lease)
    async with asyncio.timeout(10):
        status = ""
        while status != "404":
            answer = await guard.nc.request(f"$JS.API.DIRECT.GET.KV_LEASES.{key}", b"", timeout=5)
            status = (answer.headers or {}).get("Status", "")
            assert status == "404" or answer.data == b"1"
    await stream.publish(key, b"3", timeout=5, headers=lease)


async def test_an_acknowledged_order_survives_a_kill_of_the_server(floor: Floor) -> None:
    """The server is killed right after the ack: the order is there after the restart, with its sequence."""
    router = await floor.peer("router")
    ack = await router.nc.jetstream().publish("order.update.a.s.1", b"sure", timeout=5)
    os.kill(floor.server.pid, signal.SIGKILL)
    assert await floor.server.wait() == -signal.SIGKILL
    await floor.server.start(floor.text)
    again = await floor.peer("router")
    found = await again.nc.request("$JS.API.DIRECT.GET.ORDERS.order.update.a.s.1", b"", timeout=5)
    assert (found.data, (found.headers or {})["Nats-Sequence"]) == (b"sure", str(ack.seq))


@pytest.mark.parametrize("store_mb", [64, 2048, 1_000_000])
def test_the_quotas_share_out_exactly_what_was_given(store_mb: int) -> None:
    """The streams' quotas add up to the settings, and the accounts' to no more than the server's."""
    quotas = Quotas.of(store_mb, 16)
    assert quotas.orders + quotas.flow + quotas.jobs == store_mb * 2**20
    assert (
        sum(stream["max_bytes"] for stream in core_streams(quotas) if stream["storage"] == "file") < quotas.core_store
    )
    variables = quotas.variables()
    assert variables["core_store_bytes"] + 1_000_000 <= variables["store_bytes"]
    assert variables["core_memory_bytes"] + variables["floor_memory_bytes"] <= variables["memory_bytes"]
