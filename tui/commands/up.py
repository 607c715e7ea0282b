"""`pitwire up`: start the floor, return when it is healthy."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from actors.floor_error import Exit, FloorError
from actors.floor_plan import places
from actors.keeper import Keeper
from actors.readiness import Readiness
from schemas.settings import Settings
from tui.commands.keeper_process import KeeperProcess
from tui.commands.options import ConfigOption, HomeOption, find_settings, say, settings_name, usable

__all__ = ["up"]


def up(
    home: HomeOption = Path("var"),
    config: ConfigOption = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay in the terminal; Ctrl-C or SIGTERM ends the floor.")
    ] = False,
) -> None:
    """Start the floor in the background; return when all is alive."""
    home = home.absolute()
    settings = usable(find_settings(home, config), settings_name(home, config))
    raise typer.Exit(_in_foreground(home, settings) if foreground else _in_background(home, settings))


def _is_up(home: Path, settings: Settings, url: str) -> str:
    return f"The floor is up: {len(places(settings))} actors on {url}, folder {home}"


def _in_foreground(home: Path, settings: Settings) -> Exit:
    failure: list[Readiness] = []

    def tell(readiness: Readiness) -> None:
        if readiness.code == Exit.OK:
            say(_is_up(home, settings, readiness.text))
        else:
            failure.append(readiness)

    keeper = Keeper(home, settings, tell)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, keeper.stop)
    code = keeper.run()
    if failure and code != Exit.OK:
        raise FloorError(code, failure[0].text)
    return code


def _in_background(home: Path, settings: Settings) -> Exit:
    keeper = KeeperProcess(home, settings)
    try:
        readiness = keeper.wait_ready()
    except KeyboardInterrupt:
        keeper.end()
        raise
    if readiness.code == Exit.OK:
        say(_is_up(home, settings, readiness.text))
        return Exit.OK
    keeper.end()
    raise FloorError(Exit(readiness.code), f"{readiness.text} (logs: {home / 'log'})")
