"""What the supervisor says on the bus: stamped like an actor's events, and stored where they must not be lost.

Publishes `session.state`, `health.process`, `alert`, `audit`, `hello`, `health.beat`, `log`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from actors.actor import Actor
from actors.audit_chain import next_entry
from actors.cell import Cell
from actors.logs import log_alert
from bus.clock import monotonic_us, wall_us
from bus.interface import BusError, Incoming, Stored
from schemas.codec import CodecError, decode_as, encode
from schemas.command import AuditEntry
from schemas.health import Alert
from schemas.registry import subject_of

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

    from actors.log_publisher import LogPublisher
    from bus.interface import Bus
    from schemas.base import Event

__all__ = ["NAME", "Announcer"]

NAME = "supervisor"
_SCOPE = "floor"
_PASSING = {"timeout", "no_responders"}
"""Errors that a moment later may be gone: the link is down, or the server is still starting."""
_PAUSE_S = 0.1


class Announcer:
    """The voice of one supervisor incarnation."""

    def __init__(self, incarnation: int, log: BoundLogger | None = None, lines: LogPublisher | None = None) -> None:
        """Until it has joined a bus, what it says is lost and what it stores is refused. Alerts are also written into
        `log`; `lines` are those of the log that are to be published.
        """
        self._log = log
        self._lines = lines
        self._bus: Bus | None = None
        self._incarnation = incarnation
        self._cell = Cell(Actor(NAME, incarnation))
        self._stored = 0
        self._audited: AuditEntry | None = None

    async def join(self, bus: Bus) -> None:
        """Speak on this bus, and find the end of the audit chain in its stream. Raises BusError."""
        history = await bus.history("ORDERS", [f"audit.{_SCOPE}"])
        self._audited = _entry(history[-1]) if history else None
        self._bus = bus
        if self._lines is not None:
            self._lines.join(self.say)

    def say(self, event: Event) -> None:
        """Publish, at most once."""
        if self._bus is None:
            return
        subject = subject_of(event)
        self._bus.publish(subject, self._bytes(event, subject))

    def alert(self, severity: Literal["info", "warning", "critical"], code: str, text: str, **values: str) -> None:
        """Publish an alert, and write it into the supervisor's log."""
        if self._log is not None:
            log_alert(self._log, severity, code, text, values)
        self.say(Alert(severity=severity, code=code, text=text, actor=NAME, values=values))

    async def store(self, event: Event, *, within_us: int = 10_000_000) -> None:
        """Publish to the event's stream and return when it is stored, repeating it until then.

        Raises BusError when it is refused, or not stored within the time (monotonic microseconds).
        """
        subject = subject_of(event)
        data = self._bytes(event, subject)
        self._stored += 1
        msg_id = f"{NAME}/{self._incarnation}/{self._stored}"
        until = monotonic_us() + within_us
        while True:
            stored = (
                await self._once(self._bus, subject, data, msg_id) if self._bus is not None else Stored(error="no bus")
            )
            if not stored.error:
                return
            if stored.error not in _PASSING or monotonic_us() > until:
                raise BusError(f"{subject}: not stored: {stored.error}")
            await asyncio.sleep(_PAUSE_S)

    async def audit(
        self, action: str, result: str, *, user: str = NAME, within_us: int = 10_000_000, **detail: str
    ) -> None:
        """Store the next audit entry of the floor. Raises BusError."""
        entry = next_entry(self._audited, user=user, action=action, scope=_SCOPE, result=result, detail=detail)
        await self.store(entry, within_us=within_us)
        self._audited = entry

    def _bytes(self, event: Event, subject: str) -> bytes:
        return encode(self._cell.stamped(event, subject, wall_us(), ""))

    @staticmethod
    async def _once(bus: Bus, subject: str, data: bytes, msg_id: str) -> Stored:
        waiting: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()

        def done(stored: Stored) -> None:
            if not waiting.done():
                waiting.set_result(stored)

        bus.publish_stored(subject, data, msg_id=msg_id, done=done)
        return await waiting


def _entry(incoming: Incoming) -> AuditEntry:
    try:
        return decode_as(AuditEntry, incoming.data)
    except CodecError as error:
        raise BusError(f"ORDERS {incoming.stream_seq}: {error}") from error
