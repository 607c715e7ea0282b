"""The way from a floor's folder, or from settings that name a server elsewhere, to what a terminal needs to connect."""

from __future__ import annotations

from pathlib import Path

import msgspec

from actors.floor_error import Exit, FloorError
from actors.floor_status import STATUS, read_status, same_process
from actors.keys_file import read_keys
from actors.owner_seed import OWNER, read_owner_seed
from actors.readiness import SETTINGS
from schemas.settings import Settings
from tui.commands.down import lock_holder
from tui.floor_source import FloorAddress

__all__ = ["down_because", "kept_settings", "owner_address", "served_at"]


def owner_address(home: Path, settings: Settings, url: str) -> FloorAddress:
    """Where the server of the folder's floor listens, and the owner's key to it. Raises FloorError without one."""
    if not settings.bus.url:
        return FloorAddress(url=url, seed=read_owner_seed(home), user=OWNER)
    path = Path(settings.bus.keys)
    key = read_keys(path).identities.get(OWNER)
    if key is None:
        message = (
            f"{path}: no identity {OWNER!r}; expected the keys of this configuration: `pitwire keys {path} --force`"
        )
        raise FloorError(Exit.DATA, message)
    return FloorAddress(url=settings.bus.url, seed=key.seed, user=OWNER, ca=settings.bus.ca)


def kept_settings(home: Path) -> Settings:
    """The settings with which the folder's floor was started. Raises FloorError when they cannot be read."""
    try:
        return msgspec.json.decode((home / SETTINGS).read_bytes(), type=Settings)
    except (OSError, msgspec.DecodeError) as error:
        message = f"{home / SETTINGS}: {error}; expected the settings of the floor that runs here"
        raise FloorError(Exit.DATA, message) from error


def served_at(home: Path) -> str:
    """The URL of the server of the floor that runs in the folder, or "" while there is none to connect to."""
    status = read_status(home / STATUS)
    if status is None or not status.actors or same_process(status.pid, status.created) is None:
        return ""
    server = status.actors[0]
    return status.url if server.role == "server" and server.state in {"alive", "late"} else ""


def down_because(home: Path) -> str | None:
    """Why the folder's floor is down, "" when somebody ended it; None while it runs, or is being started again."""
    status = read_status(home / STATUS)
    if status is None:
        return None
    if status.state in {"stopped", "failed"}:
        return status.reason if status.state == "failed" else ""
    if same_process(status.pid, status.created) is not None or lock_holder(home) is not None:
        return None
    return "it was killed"
