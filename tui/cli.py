"""The `pitwire` command.

Owns the list of commands and what happens to errors: what a user can cause is one line on stderr and an exit code of
`actors.floor_error.Exit` (docs/commands.md), never a traceback.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from actors.floor_error import FloorError
from tui.commands.attach import attach
from tui.commands.demo import demo
from tui.commands.doctor import doctor
from tui.commands.down import down
from tui.commands.keys import keys
from tui.commands.logs import logs
from tui.commands.run import run
from tui.commands.status import status
from tui.commands.up import up
from tui.commands.verify import verify

__all__ = ["app", "main"]

app = typer.Typer(
    name="pitwire",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (run, up, attach, status, logs, down, doctor, demo, verify, keys):
    app.command()(command)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"pitwire {version('pitwire')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A trading floor for MetaTrader 5 robots."""


def main() -> None:
    """Run the command line and exit."""
    try:
        app()
    except FloorError as error:
        sys.stderr.write(f"pitwire: {error}\n")
        sys.exit(error.code)


if __name__ == "__main__":
    main()
