"""`pitwire run`: the floor and its screen together, from the first moment to the last."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from actors.floor_error import Exit, FloorError
from tui.commands.options import ConfigOption, HomeOption, RedrawsOption, find_settings, say, settings_name, usable

if TYPE_CHECKING:
    from actors.readiness import Readiness
    from schemas.settings import Settings
    from tui.commands.keeper_process import KeeperProcess
    from tui.floor_source import FloorAddress

__all__ = ["run"]

_LOOK_S = 0.05


def run(home: HomeOption = Path("var"), config: ConfigOption = None, redraws: RedrawsOption = 10) -> None:
    """Start the floor and show it; leaving the screen ends both."""
    from tui.commands.down import lock_holder
    from tui.commands.keeper_process import KeeperProcess
    from tui.commands.terminal import need_terminal

    need_terminal("`pitwire up` starts the floor without a screen")
    home = home.absolute()
    settings = usable(find_settings(home, config), settings_name(home, config))
    holder = lock_holder(home)
    if holder is not None:
        message = f"{home}: a floor runs here already (process {holder or 'unknown'})"
        raise FloorError(Exit.ALREADY_RUNNING, f"{message}; `pitwire attach` shows it, `pitwire down` ends it")
    keeper = KeeperProcess(home, settings, leashed=True)
    told: Readiness | None = None
    ended = ""
    try:
        failure = _show(home, settings, keeper, redraws)
        told, code = keeper.readiness, keeper.code  # before it is asked to end
        if code:
            ended = _reason(home)
    finally:
        _end(home, keeper, told)
    if told is not None and told.code != Exit.OK:
        raise FloorError(Exit(told.code), f"{told.text} (logs: {home / 'log'})")
    if code:
        raise FloorError(code, f"the floor has ended: {ended} (logs: {home / 'log'})")
    if failure and code is None:
        raise FloorError(Exit.FAILED, failure)
    with contextlib.suppress(OSError):  # a terminal that was closed
        say("The floor is down.")


def _show(home: Path, settings: Settings, keeper: KeeperProcess, redraws: int) -> str:
    """The screen, until it is left or the floor has ended; why the screen ended by itself, or ""."""
    from tui.commands.address import owner_address, served_at
    from tui.commands.screen import Screen
    from tui.floor_source import FloorGone

    async def find() -> FloorAddress:
        """As soon as there is a server to connect to, so that one sees the floor come up."""
        while True:
            if keeper.readiness is not None and keeper.readiness.code != Exit.OK:
                raise FloorGone(keeper.readiness.text)
            if keeper.code is not None:
                raise FloorGone("the floor has ended")
            url = served_at(home)
            if url:
                try:
                    return owner_address(home, settings, url)
                except FloorError as error:
                    raise FloorGone(str(error)) from error
            await asyncio.sleep(_LOOK_S)

    async def watch() -> None:
        """Return when the floor could not come up, or has ended."""
        readiness = await keeper.ready()
        while readiness.code == Exit.OK and keeper.code is None:  # noqa: ASYNC110 - a process
            await asyncio.sleep(_LOOK_S)

    return Screen(home, find, watch=watch, redraws=redraws).show()


def _end(home: Path, keeper: KeeperProcess, told: Readiness | None) -> None:
    """Take the floor down, by force if need be. One that others run in this folder is not touched."""
    from tui.commands.down import end_floor, lock_holder

    keeper.end()
    if told is not None and told.code == Exit.ALREADY_RUNNING:
        return
    if lock_holder(home) in {keeper.pid, 0}:  # the keeper itself was killed: the supervisor holds the folder
        end_floor(home, keeper.pid)


def _reason(home: Path) -> str:
    """Why it ended, as its supervisor wrote it down."""
    from actors.floor_status import STATUS, read_status

    status = read_status(home / STATUS)
    if status is None or status.state != "failed":
        return "its keeper was killed"
    return status.reason or "not known"
