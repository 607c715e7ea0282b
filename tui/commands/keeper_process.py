"""A keeper started by a command: with the settings by pipe, its answer by another, and a leash if it is to end with us.

The leash is a pipe that only this process can write to. Its end of file, whatever ends this process, is what tells the
keeper to take the floor down.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import threading
from pathlib import Path

import msgspec

from actors.floor_error import Exit
from actors.home import folder_error
from actors.program import environment, module_command
from actors.readiness import Readiness, read_readiness
from schemas.settings import Settings

__all__ = ["KeeperProcess"]

_WITHIN_S = 45.0


class KeeperProcess:
    """A keeper, and with it a floor, in a session of its own: the terminal's Ctrl-C and hang-up do not reach it."""

    def __init__(self, home: Path, settings: Settings, *, leashed: bool = False) -> None:
        """Start it. Raises FloorError when the folder cannot be written to."""
        try:
            (home / "log").mkdir(parents=True, exist_ok=True, mode=0o700)
            output = (home / "log" / "keeper.out").open("ab")
        except OSError as error:
            raise folder_error(home, error) from error
        self.readiness: Readiness | None = None
        self._reading, writing = os.pipe()
        end, self._leash = os.pipe() if leashed else (-1, -1)
        options = ("--leash", str(end)) if leashed else ()
        with output:
            self._process = subprocess.Popen(
                module_command("actors.keeper", "--home", str(home), "--ready", str(writing), *options),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=(writing, end) if leashed else (writing,),
                start_new_session=True,
                cwd="/",
                env=environment(),
            )
        os.close(writing)
        if leashed:
            os.close(end)
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
                pipe.write(msgspec.json.encode(settings))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def code(self) -> Exit | None:
        """Its exit code, None as long as it runs."""
        status = self._process.poll()
        if status is None:
            return None
        return Exit(status) if status in set(Exit) else Exit.FAILED

    def wait_ready(self) -> Readiness:
        """Wait until the floor came up or could not."""
        if self.readiness is None:
            self.readiness = read_readiness(self._reading, "the keeper")
        return self.readiness

    async def ready(self) -> Readiness:
        """The same in an event loop; one at a time. A wait that is cancelled leaves a thread that ends by itself."""
        loop = asyncio.get_running_loop()
        told: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            if not told.done():
                told.set_result(None)

        def wait() -> None:
            self.wait_ready()
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(tell)

        threading.Thread(target=wait, name="readiness", daemon=True).start()
        await told
        return self.wait_ready()

    def end(self) -> None:
        """Ask it to take the floor down, and wait for that as long as it may take. Idempotent."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_WITHIN_S)
        leash, self._leash = self._leash, -1
        if leash >= 0:
            os.close(leash)
