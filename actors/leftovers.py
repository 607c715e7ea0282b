"""What a killed supervisor left behind in a home, ended before the next one starts anything.

Owns that look only: the former status file says which processes there were.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil
from structlog.stdlib import BoundLogger

from actors.floor_status import STATUS, read_status, same_process

__all__ = ["end_leftovers"]


def end_leftovers(home: Path, log: BoundLogger) -> None:
    """Kill the former floor's processes that still run: a frozen child does not see its pipe's end of file."""
    former = read_status(home / STATUS)
    for actor in former.actors if former is not None else ():
        process = same_process(actor.pid, actor.created) if actor.pid and actor.role != "server" else None
        if process is not None:
            log.warning("leftover killed", process=actor.name, pid=actor.pid)
            with contextlib.suppress(psutil.Error):
                process.kill()
