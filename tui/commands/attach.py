"""`pitwire attach`: the screen of a floor that runs; leaving it changes nothing there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from actors.floor_error import Exit, FloorError
from tui.commands.options import ConfigOption, HomeOption, RedrawsOption, find_settings

if TYPE_CHECKING:
    from schemas.settings import Settings
    from tui.floor_source import FloorAddress

__all__ = ["attach"]

_LOOK_S = 0.25


def attach(home: HomeOption = Path("var"), config: ConfigOption = None, redraws: RedrawsOption = 10) -> None:
    """Show the running floor; leaving the screen lets it run on."""
    from tui.commands.address import down_because, owner_address, served_at
    from tui.commands.down import lock_holder
    from tui.commands.screen import Screen
    from tui.commands.terminal import need_terminal
    from tui.floor_source import FloorGone

    need_terminal("`pitwire status` tells how the floor is without a screen")
    home = home.absolute()
    if lock_holder(home) is None:
        message = f"{home}: no floor runs here; `pitwire up` starts one, `pitwire run` starts and shows one"
        raise FloorError(Exit.NOT_RUNNING, message)
    if served_at(home):  # what cannot be had is told before the screen opens
        owner_address(home, _settings(home, config), "")

    async def find() -> FloorAddress:
        """Wait until there is a server to connect to: a floor that is started again is the same floor."""
        while not (url := served_at(home)):  # noqa: ASYNC110 - a file tells it
            await asyncio.sleep(_LOOK_S)
        try:
            return owner_address(home, _settings(home, config), url)
        except FloorError as error:
            raise FloorGone(str(error)) from error

    failure = Screen(home, find, down=lambda: down_because(home), redraws=redraws).show()
    if failure:
        raise FloorError(Exit.FAILED, failure)


def _settings(home: Path, config: Path | None) -> Settings:
    """Those that are named, else those with which the floor was started."""
    from tui.commands.address import kept_settings

    return kept_settings(home) if config is None else find_settings(home, config)
