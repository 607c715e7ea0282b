"""The streams of a floor, made and asked about with the bootstrap identities that nobody else holds."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from nats.errors import Error as NatsError

from actors.floor_keys import FloorKeys
from actors.recorder_schema import recorded
from actors.stream_progress import Progress
from bus.interface import BusError
from bus.streams import Quotas, ensure, rewind
from bus.tls import StrictClient

__all__ = ["ensure_streams", "last_sequences", "rewind_recorder"]

_WITHIN_S = 10
_ANSWER_S = 5
_RECORDED = (("ORDERS", "recorder"), ("FLOW", "recorder_flow"))


async def ensure_streams(url: str, keys: FloorKeys, quotas: Quotas, *, tls: ssl.SSLContext | None = None) -> None:
    """Make the server's streams and consumers what they should be. Raises BusError."""
    async with _connected(url, "bootstrap", keys, tls) as core, _connected(url, "bootstrap-floor", keys, tls) as floor:
        await ensure(core, floor, quotas)


async def rewind_recorder(
    url: str, keys: FloorKeys, database: Path, *, tls: ssl.SSLContext | None = None
) -> dict[str, int]:
    """Let the streams give again what the recorder's database does not have: it was deleted, or is an older copy.

    Call it while no recorder runs. Returns from which sequence on, by stream, where anything is given again; a database
    that cannot be read is left to the recorder. Raises BusError.
    """
    progress = recorded(database)
    if progress is None:
        return {}
    async with _connected(url, "bootstrap", keys, tls) as core:
        begun = [
            (stream, await rewind(core, stream, durable, progress.get(stream, Progress()).first_missing))
            for stream, durable in _RECORDED
        ]
    return {stream: first for stream, first in begun if first}


async def last_sequences(
    url: str, keys: FloorKeys, streams: tuple[str, ...], *, tls: ssl.SSLContext | None = None
) -> dict[str, int]:
    """The sequence of each stream's last message, 0 for an empty one. Raises BusError."""
    found = {}
    async with _connected(url, "bootstrap", keys, tls) as core:
        for stream in streams:
            try:
                answer = await core.request(f"$JS.API.STREAM.INFO.{stream}", b"", timeout=_ANSWER_S)
                found[stream] = int(msgspec.json.decode(answer.data)["state"]["last_seq"])
            except (NatsError, msgspec.DecodeError, KeyError) as error:
                raise BusError(f"{stream}: no information: {error!r}") from error
    return found


@contextlib.asynccontextmanager
async def _connected(url: str, name: str, keys: FloorKeys, tls: ssl.SSLContext | None) -> AsyncIterator[StrictClient]:
    client = StrictClient()
    complaints: list[str] = []

    async def complained(error: Exception) -> None:
        complaints.append(str(error) or repr(error))

    try:
        async with asyncio.timeout(_WITHIN_S):
            await client.connect(
                url,
                name=name,
                nkeys_seed_str=keys.seed(name),
                inbox_prefix=f"_INBOX.{name}".encode(),
                allow_reconnect=False,
                max_reconnect_attempts=1,  # a refused first connection is otherwise retried for two minutes
                reconnect_time_wait=0,
                error_cb=complained,
                tls=tls,
            )
    except (OSError, NatsError) as error:
        reason = complaints[-1] if complaints else repr(error)
        with contextlib.suppress(OSError, NatsError):
            await client.close()
        raise BusError(f"{url}: {name} cannot connect: {reason}") from error
    try:
        yield client
    finally:
        with contextlib.suppress(OSError, NatsError):
            await client.close()
