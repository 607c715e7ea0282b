"""What people are told of an error that ends a floor, and the exit code that goes with it."""

from __future__ import annotations

from pathlib import Path

from actors.floor_error import Exit, FloorError
from actors.home import folder_error
from bus.folder import LockHeldError
from bus.interface import BusError
from bus.lease import LeaseLost
from bus.server import ServerError

__all__ = ["explained"]


def explained(home: Path, error: BaseException) -> FloorError | None:
    """What people are told of an error; None for one that is not theirs (interrupts, mistakes in this program)."""
    if isinstance(error, FloorError):
        return error
    if isinstance(error, ServerError):
        held = isinstance(error.__cause__, LockHeldError)
        return FloorError(Exit.ALREADY_RUNNING if held else Exit.ENVIRONMENT, str(error))
    if isinstance(error, LeaseLost):
        return FloorError(Exit.ALREADY_RUNNING, str(error))
    if isinstance(error, BusError):
        return FloorError(Exit.FAILED, f"the bus: {error}")
    if isinstance(error, OSError):
        return folder_error(home, error)
    return None
