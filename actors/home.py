"""The floor's folder: what lies where, and which program it belongs to.

Owns `<home>/run/home.json`: the layout's number and when the folder was made. A folder that a newer Pitwire has changed
is refused instead of being misread.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from actors.floor_error import Exit, FloorError
from bus.clock import wall_us
from bus.folder import write_file

__all__ = ["LAYOUT", "HomeInfo", "bytes_in", "folder_error", "open_home", "read_home"]

LAYOUT = 1
_INFO = Path("run") / "home.json"
_FOLDERS = ("run", "data", "log", "inbox")


class HomeInfo(msgspec.Struct, frozen=True):
    """The layout's number, and when the folder was made in UTC microseconds."""

    layout: int
    made: int


def open_home(home: Path) -> HomeInfo:
    """Make the folders that are missing.

    Raises FloorError when it cannot be written to, or belongs to a newer program.
    """
    try:
        for folder in _FOLDERS:
            (home / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        info = read_home(home)
        if info is None:
            info = HomeInfo(LAYOUT, wall_us())
            write_file(home / _INFO, msgspec.json.encode(info).decode() + "\n")
    except OSError as error:
        raise folder_error(home, error) from error
    return info


def read_home(home: Path) -> HomeInfo | None:
    """What is known of a folder; None for one that is not there yet.

    Raises FloorError for one that belongs to a newer program or is not a floor's, OSError when it cannot be read.
    """
    path = home / _INFO
    if not path.exists():
        return None
    try:
        info = msgspec.json.decode(path.read_bytes(), type=HomeInfo)
    except msgspec.DecodeError as error:
        raise FloorError(Exit.DATA, f"{path}: {error}; expected what `pitwire up` wrote there") from error
    if info.layout > LAYOUT:
        message = f"{home}: made by a newer Pitwire (layout {info.layout}); this one knows layouts up to {LAYOUT}"
        raise FloorError(Exit.DATA, message)
    return info


def bytes_in(folder: Path) -> int:
    """What the files below a folder take on the disk."""
    used = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            used += path.lstat().st_blocks * 512
    return used


def folder_error(home: Path, error: OSError) -> FloorError:
    """What people are told when a folder cannot be used."""
    return FloorError(
        Exit.ENVIRONMENT,
        f"{error.filename or home}: {error.strerror or error}; expected a folder that can be written to",
    )
