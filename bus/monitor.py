"""What nats-server says of itself, through its system account.

The launcher's own line to its server: health, JetStream's state, reload. Each question is a connection of its own
(3 ms), so there is no link to watch, and a frozen server is a question without an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

__all__ = ["Monitor", "MonitorError"]

_TIMEOUT_S = 2


class MonitorError(Exception):
    """The server did not answer, or refused: the text says what was asked, and why not."""


class Monitor:
    """Asks the server on a loopback port with the seed of the system account's user."""

    def __init__(self, port: int, seed: str) -> None:
        self._port = port
        self._seed = seed
        self._id = ""

    async def arrive(self) -> str:
        """The name of the server that greets on the port; learns its id, which `ask` needs. Raises MonitorError."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    line = await reader.readline()
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
            greeting = msgspec.json.decode(line.removeprefix(b"INFO "), type=dict[str, Any])
            self._id = greeting["server_id"]
            return str(greeting["server_name"])
        except (OSError, ValueError, KeyError) as error:
            raise MonitorError(f"port {self._port}: no nats-server greets there: {error!r}") from error

    async def ask(self, what: str, payload: bytes = b"") -> dict[str, Any]:
        """The `data` of the answer to one question. Raises MonitorError when it is refused or none comes in 2 s."""
        client = Client()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await client.connect(
                    f"nats://127.0.0.1:{self._port}",
                    nkeys_seed_str=self._seed,
                    name="launcher",
                    inbox_prefix="_INBOX.launcher",
                    allow_reconnect=False,
                    max_reconnect_attempts=1,  # a refused first connection is otherwise retried for two minutes
                    reconnect_time_wait=0,
                    error_cb=_ignore,
                )
                message = await client.request(f"$SYS.REQ.SERVER.{self._id}.{what}", payload, timeout=_TIMEOUT_S)
        except (OSError, NatsError) as error:
            reason = str(error) or type(error).__name__
            raise MonitorError(f"nats-server on port {self._port}: no answer to {what}: {reason}") from error
        finally:
            with contextlib.suppress(OSError, NatsError):
                await client.close()
        answer = msgspec.json.decode(message.data, type=dict[str, Any])
        data: dict[str, Any] = answer.get("data") or {}
        failure = answer.get("error") or data.get("error")
        if failure:
            reason = failure.get("description", failure) if isinstance(failure, dict) else failure
            raise MonitorError(f"nats-server on port {self._port}: {what}: {str(reason).strip()}")
        return data


async def _ignore(_: Exception) -> None:
    """The client's error callback: the question itself fails."""
