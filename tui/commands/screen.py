"""The floor's screen as a command shows it: on a floor that may still be coming up, ended by a key or a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.floor_error import Exit
from tui.commands.terminal import held_terminal

if TYPE_CHECKING:
    from tui.floor_source import FloorAddress

__all__ = ["Screen"]

_GRACE_S = 5.0
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")


class Screen:
    """One run of the app. `find` leads it to the floor, `watch` runs beside it and ends it by returning.
    `down` says why there is no floor (see `tui.floor_source`).

    SIGTERM, SIGINT and SIGHUP end it as `q` does. A terminal that takes nothing any more can hold the app up: after
    five seconds the process ends without it.
    """

    def __init__(
        self,
        home: Path,
        find: Callable[[], Awaitable[FloorAddress]],
        *,
        watch: Callable[[], Awaitable[None]] | None = None,
        down: Callable[[], str | None] | None = None,
        redraws: int = 10,
    ) -> None:
        self._home = home
        self._find = find
        self._watch = watch
        self._down = down
        self._redraws = redraws
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None
        self._app: Any = None
        self._asked = threading.Event()
        self._ended = threading.Event()

    def show(self) -> str:
        """Show it until it is ended; why it ended by itself, or ""."""
        from tui.app import FloorApp

        numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        for number in numbers:  # for good: what follows the screen is not to be broken off either
            signal.signal(number, self._signalled)
        try:
            with held_terminal(self._home):
                title = min(str(self._home), os.path.relpath(self._home), key=len)
                app = self._app = FloorApp(self._found, title=title, down=self._down, redraws=self._redraws)
                app.run()
        finally:
            self._ended.set()
        return app.failure or ""

    async def _found(self) -> FloorAddress:
        """What the app calls: the first time also the beginning of the watch."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            if self._watch is not None:
                self._watching = asyncio.create_task(self._watched(self._watch))
        if self._asked.is_set():
            self._app.exit()
        return await self._find()

    async def _watched(self, watch: Callable[[], Awaitable[None]]) -> None:
        await watch()
        self._app.exit()

    def _signalled(self, *_: object) -> None:
        if not self._asked.is_set():
            threading.Thread(target=self._insist, name="insist", daemon=True).start()
        self._asked.set()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._app.exit)

    def _insist(self) -> None:
        if not self._ended.wait(_GRACE_S):
            os._exit(Exit.FAILED)
