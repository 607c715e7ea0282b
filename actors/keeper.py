"""The keeper: a few lines without a bus that start the supervisor, and start it again when it was killed.

Owns the lock of the folder, `<home>/run/lock`: a second floor on the same folder is refused. The supervisor inherits
it, so that the folder stays taken as long as one of the two lives. SIGTERM and SIGINT are handed on.
`python -m actors.keeper --home DIR --ready FD [--leash FD]` reads the settings from its standard input. The leash is a
pipe; its end of file, whatever ended those who held its other end, is taken as SIGTERM.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from actors.floor_error import Exit, FloorError
from actors.floor_status import STATUS, read_status
from actors.home import folder_error
from actors.program import describe_exit, environment, module_command
from actors.readiness import SETTINGS, Readiness, read_readiness, teller
from actors.restart_budget import RestartBudget
from bus.clock import monotonic_us
from bus.folder import FolderLock, LockHeldError, write_file
from schemas.settings import Settings

__all__ = ["LOCK", "Keeper", "main"]

LOCK = Path("run") / "lock"
"""Where the lock lies in the home; it holds the keeper's process id."""
_LOOK_S = 1.0
_FROZEN_US = 20_000_000
_USAGES = (["--home", "--ready"], ["--home", "--ready", "--leash"])


class Keeper:
    """Keeps one floor in one folder."""

    def __init__(self, home: Path, settings: Settings, tell: Callable[[Readiness], None]) -> None:
        """Take the folder. `tell` is called once, when the floor came up for the first time or could not.

        Raises FloorError when another floor has the folder or it cannot be written to.
        """
        self._home = home
        self._tell = tell
        try:
            (home / LOCK).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = FolderLock(home / LOCK)
            write_file(home / SETTINGS, msgspec.json.encode(settings).decode())
        except LockHeldError as error:
            message = (
                f"{home}: a floor runs here already (process {error.holder or 'unknown'}); "
                "`pitwire attach` shows it, `pitwire down` ends it"
            )
            raise FloorError(Exit.ALREADY_RUNNING, message) from error
        except OSError as error:
            raise folder_error(home, error) from error
        self._budget = RestartBudget(0) if settings.feed.speed == 0 else RestartBudget(first_us=500_000)
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def stop(self, *_: object) -> None:
        """Ask the supervisor to take the floor down; `run` then returns. Also a signal handler. Idempotent."""
        if self._stop.is_set():
            return
        self._stop.set()
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def run(self) -> Exit:
        """Keep the supervisor running until `stop`, or until it fails for good; why the floor is down."""
        came_up = False
        while True:
            readiness, status = self._supervise(tell=not came_up)
            came_up = came_up or readiness.code == Exit.OK
            code = Exit(status) if status in set(Exit) else Exit.FAILED
            if self._stop.is_set() or code in {Exit.OK, Exit.DATA} or not came_up:
                return code
            self._note(f"supervisor {describe_exit(status)}")
            delay_us = self._budget.ask(monotonic_us())
            if delay_us is None:
                self._note(f"not started again ({self._budget.describe()})")
                return code
            self._stop.wait(delay_us / 1_000_000)
            if self._stop.is_set():
                return Exit.OK

    def _supervise(self, *, tell: bool) -> tuple[Readiness, int]:
        """One supervisor from its start to its end: whether it came up, and its exit status."""
        reading, writing = os.pipe()
        try:
            child = self._child = subprocess.Popen(
                module_command(
                    "actors.supervisor_process",
                    *("--home", str(self._home), "--ready", str(writing), "--lock", str(self._lock.fd)),
                ),
                stdin=subprocess.DEVNULL,
                pass_fds=(writing, self._lock.fd),
                start_new_session=True,
                env=environment(),
            )
        finally:
            os.close(writing)
        if self._stop.is_set():  # asked to stop between its birth and its name
            child.terminate()
        readiness = read_readiness(reading, "the supervisor")
        if tell:
            self._tell(readiness)
        self._wait(child)
        return readiness, child.returncode

    def _wait(self, child: subprocess.Popen[bytes]) -> None:
        """Return when it has ended; end one that has written no status for 20 s."""
        written, changed_us = 0, monotonic_us()
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_LOOK_S)
                return
            status = read_status(self._home / STATUS)
            if status is None or status.written != written:
                written, changed_us = status.written if status is not None else 0, monotonic_us()
            elif monotonic_us() - changed_us > _FROZEN_US:
                self._note(f"supervisor {child.pid} is frozen: killed")
                child.kill()

    def _note(self, text: str) -> None:
        sys.stderr.write(f"keeper: {text}\n")
        sys.stderr.flush()


def _hold(leash: int, keeper: Keeper) -> None:
    """Stop the keeper at the end of the leash."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(leash, 1):
                pass
        keeper.stop()

    threading.Thread(target=wait, name="leash", daemon=True).start()


def main() -> int:
    """The process."""
    arguments = sys.argv[1:]
    numbers = arguments[3::2]
    if arguments[0::2] not in _USAGES or len(arguments) % 2 or not all(text.isdigit() for text in numbers):
        sys.stderr.write("expected --home DIR --ready DESCRIPTOR [--leash DESCRIPTOR]; `pitwire up` starts this\n")
        return Exit.USAGE
    home, (ready, *leash) = Path(arguments[1]), (int(text) for text in numbers)
    for descriptor in (ready, *leash):
        os.set_inheritable(descriptor, False)
    tell = teller(ready)
    try:
        keeper = Keeper(home, msgspec.json.decode(sys.stdin.buffer.read(), type=Settings), tell)
    except FloorError as error:
        tell(Readiness(error.code, str(error)))
        return error.code
    signal.signal(signal.SIGTERM, keeper.stop)
    signal.signal(signal.SIGINT, keeper.stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if leash:
        _hold(leash[0], keeper)
    return keeper.run()


if __name__ == "__main__":
    sys.exit(main())
