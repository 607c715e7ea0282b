"""A lease: who is the one holder of a name.

Owns the key `$KV.LEASES.<name>` (3 s to live, renewed each second). The newest incarnation wins: it takes the key from
an older one, whose next renewal is refused and which then stops. A server that lost the key is told again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from schemas.token import token

if TYPE_CHECKING:
    from collections.abc import Callable

    from bus.interface import Bus, Replied, Stored

__all__ = ["Lease", "LeaseLost"]

_TTL = "3s"
_READ_TIMEOUT_US = 1_000_000
_TRIES = 3


class LeaseLost(Exception):  # noqa: N818 - an outcome, named for what happened
    """A newer incarnation of the same name is at work: this one must stop."""


class Lease:
    """One name's lease for one incarnation."""

    def __init__(self, bus: Bus, name: str, incarnation: int) -> None:
        self._bus = bus
        self._subject = f"$KV.LEASES.{token(name)}"
        self._name = name
        self._incarnation = incarnation
        self._sequence = 0
        self._writes = 0

    async def take(self) -> None:
        """Become the holder. Raises LeaseLost when a newer incarnation holds it."""
        await self._check_holder()
        self._sequence = 0
        await self._write(expect_last=None)

    async def renew(self) -> None:
        """Hold it for three more seconds; quiet while the server is out of reach. Raises LeaseLost."""
        error = await self._write(expect_last=self._sequence) if self._sequence else "unheld"
        if error in {"wrong_sequence", "unheld"}:
            await self.take()

    async def _write(self, expect_last: int | None) -> str:
        self._writes += 1
        waiting: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._bus.publish_stored(
            self._subject,
            str(self._incarnation).encode(),
            msg_id=f"{self._name}/{self._incarnation}/{self._writes}",
            expect_last=expect_last,
            headers={"Nats-TTL": _TTL},
            done=_setter(waiting),
        )
        stored = await waiting
        self._sequence = stored.seq if not stored.error else 0
        return stored.error

    async def _check_holder(self) -> None:
        for _ in range(_TRIES):
            waiting: asyncio.Future[Replied] = asyncio.get_running_loop().create_future()
            self._bus.request(
                f"$JS.API.DIRECT.GET.KV_LEASES.{self._subject}",
                b"",
                timeout_us=_READ_TIMEOUT_US,
                done=_setter(waiting),
            )
            replied = await waiting
            if not replied.error:
                holder = replied.data.decode(errors="replace")
                if holder.isdigit() and int(holder) > self._incarnation:
                    message = f"{self._name}: incarnation {holder} is at work, this is {self._incarnation}"
                    raise LeaseLost(message)
                return


def _setter(waiting: asyncio.Future[object] | asyncio.Future[Stored] | asyncio.Future[Replied]) -> Callable[..., None]:
    """A callback that fills the future unless it was given up."""

    def fill(result: object) -> None:
        if not waiting.done():
            waiting.set_result(result)  # type: ignore[arg-type]

    return fill
