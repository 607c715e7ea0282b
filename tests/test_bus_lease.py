"""Leases on a real server: the newest incarnation wins, and a lost key is told again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from nats.js.api import KeyValueConfig, StorageType
from servers import NatsServer, bus_on, running

from bus.lease import Lease, LeaseLost


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of the test's own."""
    with running(tmp_path) as made:
        yield made


async def make_bucket(server: NatsServer) -> None:
    """The leases' bucket, as `bus.streams` makes it: direct reads, messages with a time to live."""
    client = await nats.connect(server.url)
    config = KeyValueConfig(bucket="LEASES", storage=StorageType.MEMORY, direct=True)
    bucket = await client.jetstream().create_key_value(config)
    info = await client.jetstream().stream_info("KV_LEASES")
    info.config.allow_msg_ttl = True
    await client.jetstream().update_stream(info.config)
    assert (await bucket.status()).bucket == "LEASES"
    await client.close()


async def holder(server: NatsServer) -> bytes | None:
    """Who has it."""
    client = await nats.connect(server.url)
    message = await client.jetstream().get_last_msg("KV_LEASES", "$KV.LEASES.router")
    await client.close()
    return message.data


async def test_a_newer_incarnation_takes_the_lease_and_the_older_one_stops(server: NatsServer) -> None:
    """The older one learns it at its next renewal."""
    await make_bucket(server)
    async with bus_on(server, "old") as old_bus, bus_on(server, "new") as new_bus:
        old, new = Lease(old_bus, "router", 4), Lease(new_bus, "router", 5)
        await old.take()
        await old.renew()
        await new.take()
        with pytest.raises(LeaseLost, match="router: incarnation 5 is at work, this is 4"):
            await old.renew()
        await new.renew()
        assert await holder(server) == b"5"


async def test_an_older_incarnation_cannot_take_what_a_newer_one_has(server: NatsServer) -> None:
    """A process that was started before but comes late must not begin."""
    await make_bucket(server)
    async with bus_on(server) as bus:
        await Lease(bus, "router", 5).take()
        with pytest.raises(LeaseLost):
            await Lease(bus, "router", 4).take()


async def test_a_key_that_the_server_lost_is_told_again(server: NatsServer) -> None:
    """After a kill the bucket in memory is empty; the holder goes on holding."""
    await make_bucket(server)
    async with bus_on(server) as bus:
        lease = Lease(bus, "router", 5)
        await lease.take()
        client = await nats.connect(server.url)
        await client.jetstream().purge_stream("KV_LEASES")
        await client.close()
        await lease.renew()
        await lease.renew()
        assert await holder(server) == b"5"


async def test_without_a_server_nothing_is_lost_and_nothing_raised(server: NatsServer) -> None:
    """An outage is not a verdict."""
    await make_bucket(server)
    async with bus_on(server) as bus:
        lease = Lease(bus, "router", 5)
        await lease.take()
        server.kill()
        await lease.renew()
