"""`pitwire up`: start the floor, return when it is healthy."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from actors.children import environment, module_command
from actors.floor_error import Exit, FloorError
from actors.floor_plan import places
from actors.home import folder_error
from actors.keeper import Keeper
from actors.readiness import Readiness, read_readiness
from schemas.settings import Settings
from tui.commands.options import ConfigOption, HomeOption, find_settings, say, usable

__all__ = ["up"]


def up(
    home: HomeOption = Path("var"),
    config: ConfigOption = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay in the terminal; Ctrl-C or SIGTERM ends the floor.")
    ] = False,
) -> None:
    """Start the floor in the background; return when all of it is alive."""
    home = home.absolute()
    settings = usable(find_settings(home, config))
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
    try:
        (home / "log").mkdir(parents=True, exist_ok=True, mode=0o700)
        output = (home / "log" / "keeper.out").open("ab")
    except OSError as error:
        raise folder_error(home, error) from error
    reading, writing = os.pipe()
    with output:
        keeper = subprocess.Popen(
            module_command("actors.keeper", "--home", str(home), "--ready", str(writing)),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(writing,),
            start_new_session=True,
            cwd="/",
            env=environment(),
        )
    os.close(writing)
    try:
        if keeper.stdin is not None:
            with contextlib.suppress(BrokenPipeError), keeper.stdin as pipe:
                pipe.write(msgspec.json.encode(settings))
        readiness = read_readiness(reading, "the keeper")
    except KeyboardInterrupt:
        keeper.terminate()
        keeper.wait()
        raise
    if readiness.code == Exit.OK:
        say(_is_up(home, settings, readiness.text))
        return Exit.OK
    keeper.terminate()
    keeper.wait()
    raise FloorError(Exit(readiness.code), f"{readiness.text} (logs: {home / 'log'})")
