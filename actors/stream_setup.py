"""The streams of a floor, made and asked about with the bootstrap identities that nobody else holds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from actors.floor_keys import FloorKeys
from bus.interface import BusError
from bus.streams import Quotas, ensure

__all__ = ["ensure_streams", "last_sequences"]

_WITHIN_S = 10
_ANSWER_S = 5


async def ensure_streams(url: str, keys: FloorKeys, quotas: Quotas) -> None:
    """Make the server's streams and consumers what they should be. Raises BusError."""
    async with _connected(url, "bootstrap", keys) as core, _connected(url, "bootstrap-floor", keys) as floor:
        await ensure(core, floor, quotas)


async def last_sequences(url: str, keys: FloorKeys, streams: tuple[str, ...]) -> dict[str, int]:
    """The sequence of each stream's last message, 0 for an empty one. Raises BusError."""
    found = {}
    async with _connected(url, "bootstrap", keys) as core:
        for stream in streams:
            try:
                answer = await core.request(f"$JS.API.STREAM.INFO.{stream}", b"", timeout=_ANSWER_S)
                found[stream] = int(msgspec.json.decode(answer.data)["state"]["last_seq"])
            except (NatsError, msgspec.DecodeError, KeyError) as error:
                raise BusError(f"{stream}: no information: {error!r}") from error
    return found


@contextlib.asynccontextmanager
async def _connected(url: str, name: str, keys: FloorKeys) -> AsyncIterator[Client]:
    client = Client()
    try:
        async with asyncio.timeout(_WITHIN_S):
            await client.connect(
                url,
                name=name,
                nkeys_seed_str=keys.seed(name),
                inbox_prefix=f"_INBOX.{name}".encode(),
                allow_reconnect=False,
                error_cb=_ignore,
            )
    except (OSError, NatsError) as error:
        raise BusError(f"{url}: {name} cannot connect: {error!r}") from error
    try:
        yield client
    finally:
        with contextlib.suppress(OSError, NatsError):
            await client.close()


async def _ignore(_: Exception) -> None:
    """The client's error callback: the request itself fails."""
