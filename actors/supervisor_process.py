"""The supervisor as a process of its own.

Started by the keeper with the folder and two descriptors: where to say whether the floor came up, and the folder's
lock, to be held. Reads the settings from `<home>/run/settings.json`, brings the floor up and watches it until SIGTERM.
Exits with one of `actors.floor_error.Exit`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from actors.adopted import available
from actors.floor_error import Exit, FloorError
from actors.nursery_launch import Launched, launch
from actors.readiness import SETTINGS, Readiness, teller
from schemas.settings import Settings

__all__ = ["main", "run_loop"]

T = TypeVar("T")


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run to its end on uvloop where there is one. SIGINT cancels it."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


async def _run(home: Path, settings: Settings, tell: Callable[[Readiness], None], nursery: Launched | None) -> None:
    """One floor from its start to SIGTERM. Raises FloorError."""
    from actors.supervisor import Supervisor  # while the nursery does its own importing

    task = asyncio.current_task()
    asked = False

    def end() -> None:
        """Once: a second SIGTERM would break off the orderly end that the first one began."""
        nonlocal asked
        if task is not None and not asked:
            asked = True
            task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    supervisor = Supervisor(home, settings, nursery=nursery)
    try:
        await supervisor.start()
        tell(Readiness(Exit.OK, supervisor.server.url))
        await supervisor.watch()
    except FloorError as error:
        await supervisor.stop(str(error), failed=True)
        raise
    except asyncio.CancelledError:
        await supervisor.stop("asked to")


def _launch(home: Path) -> Launched | None:
    """A nursery, at once; None if there can be none now: whoever keeps it tries again, and tells why."""
    with contextlib.suppress(OSError):
        return launch(home) if available() else None
    return None


def main() -> int:
    """The process."""
    arguments = sys.argv[1:]
    if arguments[0::2] != ["--home", "--ready", "--lock"] or not all(text.isdigit() for text in arguments[3::2]):
        sys.stderr.write("expected --home DIR --ready DESCRIPTOR --lock DESCRIPTOR; `pitwire up` starts this\n")
        return Exit.USAGE
    home, ready, lock = Path(arguments[1]), int(arguments[3]), int(arguments[5])
    # Held by this process and not by its children: a child that is left over must not keep the folder taken.
    os.set_inheritable(ready, False)
    os.set_inheritable(lock, False)
    tell = teller(ready)
    try:
        settings = msgspec.json.decode((home / SETTINGS).read_bytes(), type=Settings)
        run_loop(_run(home, settings, tell, _launch(home)))
    except (OSError, msgspec.DecodeError) as error:
        code, text = Exit.ENVIRONMENT, f"{home / SETTINGS}: {error}"
    except FloorError as error:
        code, text = error.code, str(error)
    else:
        return Exit.OK
    sys.stderr.write(f"{text}\n")
    tell(Readiness(code, text))
    return code


if __name__ == "__main__":
    sys.exit(main())
