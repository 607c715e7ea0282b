"""`pitwire down`: end the floor, and whatever is left of one."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import psutil

from actors.floor_error import Exit, FloorError
from actors.floor_status import STATUS, FloorStatus, read_status, same_process
from actors.keeper import LOCK
from bus.clock import monotonic_us
from bus.folder import holder_of
from tui.commands.options import HomeOption, say

__all__ = ["down", "end_floor", "lock_holder", "remains"]

WITHIN_S = 45.0
"""How long an orderly end may take before what still runs is named and killed."""
_LOOK_S = 0.05


def down(home: HomeOption = Path("var")) -> None:
    """End the floor in order; return when nothing of it runs any more."""
    home = home.absolute()
    holder = lock_holder(home)
    if holder is None:
        left = remains(read_status(home / STATUS))
        if not left:
            raise FloorError(Exit.NOT_RUNNING, f"{home}: no floor runs here")
        say(f"No floor runs here, but something of one was left: {_kill(left)}. Killed.")
        return
    end_floor(home, holder)
    say("The floor is down.")


def end_floor(home: Path, holder: int) -> None:
    """End the floor whose keeper is `holder` (0: not known) in order; return when nothing of it runs any more.

    Raises FloorError when it had to be killed.
    """
    _ask(home, holder)
    if _gone(home):
        return
    left = remains(read_status(home / STATUS))
    with contextlib.suppress(psutil.Error):
        left = {**({"keeper": psutil.Process(holder)} if holder else {}), **left}
    names = _kill(left)
    raise FloorError(
        Exit.FAILED, f"did not end within {WITHIN_S:g} s and was killed: {names or 'nothing that is known'}"
    )


def lock_holder(home: Path) -> int | None:
    """The process id that was written into the folder's lock, 0 when it cannot be read; None: nobody holds it."""
    try:
        return holder_of(home / LOCK)
    except OSError as error:
        message = f"{home / LOCK}: {error.strerror or error}; expected a lock file that can be opened"
        raise FloorError(Exit.ENVIRONMENT, message) from error


def remains(status: FloorStatus | None) -> dict[str, psutil.Process]:
    """The processes of the last known status that still run, by name."""
    if status is None:
        return {}
    listed = [("supervisor", status.pid, status.created), *((a.name, a.pid, a.created) for a in status.actors)]
    found = ((name, same_process(pid, created) if pid else None) for name, pid, created in listed)
    return {name: process for name, process in found if process is not None}


def _ask(home: Path, holder: int) -> None:
    """SIGTERM to the keeper, or to the supervisor where the keeper was killed."""
    status = read_status(home / STATUS)
    supervisor = same_process(status.pid, status.created) if status is not None else None
    with contextlib.suppress(psutil.Error):
        keeper = psutil.Process(holder) if holder else None
        if keeper is not None and keeper.status() != psutil.STATUS_ZOMBIE:
            keeper.terminate()
            return
    if supervisor is not None:
        with contextlib.suppress(psutil.Error):
            supervisor.terminate()


def _gone(home: Path) -> bool:
    """Wait until nobody holds the lock and none of the processes runs; False when that takes too long."""
    until_us = monotonic_us() + round(WITHIN_S * 1_000_000)
    pause = threading.Event()
    while monotonic_us() < until_us:
        if lock_holder(home) is None and not remains(read_status(home / STATUS)):
            return True
        pause.wait(_LOOK_S)
    return False


def _kill(processes: dict[str, psutil.Process]) -> str:
    """Kill them; their names and ids."""
    for process in processes.values():
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(list(processes.values()), timeout=5)
    return ", ".join(f"{name} ({process.pid})" for name, process in processes.items())
