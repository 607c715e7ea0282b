"""What the server's log says of forbidden publishing and subscribing, as alerts: the violator will not tell.

Publishes `alert.warning.supervisor` through the supervisor's announcer, at most one a second for each identity.
"""

from __future__ import annotations

from pathlib import Path

from structlog.stdlib import BoundLogger

from actors.announcer import Announcer
from actors.floor_keys import FloorKeys
from bus.clock import monotonic_us
from bus.violations import violations

__all__ = ["tell_violations"]

_SECOND_US = 1_000_000
_MOST_NAMES = 1_000


async def tell_violations(server_log: Path | None, keys: FloorKeys, voice: Announcer, log: BoundLogger) -> None:
    """Read the log from now on, without end; return at once where there is none to read."""
    if server_log is None:
        log.info("permission violations are not told", reason="an external server's log cannot be read")
        return
    told: dict[str, int] = {}
    async for violation in violations(server_log):
        name = keys.name_of(violation.public)
        second = monotonic_us() // _SECOND_US
        if told.get(name) != second:
            if len(told) > _MOST_NAMES:
                told.clear()
            told[name] = second
            text = f"{name} was refused to {violation.kind} on {violation.subject}"
            log.warning("permission violation", who=name, kind=violation.kind, subject=violation.subject)
            voice.alert("warning", "permission_violation", text, who=name, subject=violation.subject)
