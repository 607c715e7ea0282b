"""The floor as others see it without a bus: `<home>/run/status.json`, written each second by the supervisor.

Owns the file's shape, its atomic writing, and reading it back with what has happened to its writer meanwhile: gone,
frozen, or well.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from bus.clock import wall_us
from schemas.health import TROUBLED

if TYPE_CHECKING:
    import psutil

__all__ = [
    "STATUS",
    "ActorStatus",
    "FloorState",
    "FloorStatus",
    "read_status",
    "same_process",
    "troubles",
    "write_status",
]

STATUS = Path("run") / "status.json"
"""Where the file lies in the home."""
STALE_US = 5_000_000
"""A status older than this was written by a supervisor that does not run as it should."""
_CREATED_DIFFERENCE_S = 0.05

FloorState = Literal["starting", "running", "stopping", "stopped", "failed"]


class ActorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One process. `created` with `pid` names it for good; `beat_age_ms` is None before the first beat."""

    name: str
    role: str
    state: Literal["starting", "alive", "late", "dead", "stopped", "failed"]
    reason: str = ""
    pid: int = 0
    created: float = 0.0
    incarnation: int = 0
    restarts: int = 0
    uptime_s: float = 0.0
    beat_age_ms: int | None = None
    doing: str = ""
    mailbox: int = 0
    gauges: dict[str, int] = msgspec.field(default_factory=dict)


class FloorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The whole floor. `written` and `started` are UTC microseconds; the server is the first of `actors`."""

    version: Literal[1] = 1
    state: FloorState
    written: int
    started: int
    pid: int
    created: float
    incarnation: int = 0
    reason: str = ""
    home: str = ""
    url: str = ""
    port: int = 0
    sim: bool = False
    actors: tuple[ActorStatus, ...] = ()


def write_status(path: Path, status: FloorStatus) -> None:
    """Replace the file; a reader sees the old or the new one whole. Raises OSError.

    Not synced: after a power failure nothing that it says is true any more.
    """
    draft = path.with_name(f"{path.name}.new")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(status), indent=1))
    draft.replace(path)


def read_status(path: Path) -> FloorStatus | None:
    """The last written status, or None when there is none that can be read."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(path.read_bytes(), type=FloorStatus)
    return None


def same_process(pid: int, created: float) -> psutil.Process | None:
    """The process of that number, if it is still the one that was started then and has not ended."""
    import psutil

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if abs(process.create_time() - created) < _CREATED_DIFFERENCE_S and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def troubles(status: FloorStatus, now_us: int | None = None) -> list[str]:
    """What is wrong with a floor whose supervisor runs, one line each; empty for a floor that is well."""
    age_us = (wall_us() if now_us is None else now_us) - status.written
    found = []
    if age_us > STALE_US:
        found.append(
            f"supervisor: frozen: process {status.pid} has written nothing for {age_us / 1_000_000:.0f} s; "
            "what follows is as old"
        )
    if status.state != "running":
        found.append(f"floor: {status.state}{f': {status.reason}' if status.reason else ''}")
    found += [
        f"{actor.name}: {actor.state}{f': {actor.reason}' if actor.reason else ''}"
        if actor.state != "alive"
        else f"{actor.name}: {actor.doing}"
        for actor in status.actors
        if actor.state != "alive" or actor.doing.startswith(TROUBLED)
    ]
    return found
