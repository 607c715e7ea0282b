"""The `pitwire` command.

Owns the list of commands and what happens to errors: what a user can cause is one line on stderr and an exit code of
`actors.floor_error.Exit` (docs/commands.md), never a traceback. Only the command that is asked for is imported: the
others' libraries would double the time until it does anything.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module
from typing import Annotated

import typer

from actors.floor_error import FloorError

__all__ = ["COMMANDS", "command_line", "main"]

COMMANDS = ("run", "up", "attach", "status", "logs", "down", "doctor", "demo", "backtest", "verify", "keys")
"""In the order in which `--help` lists them. Each is the function of its name in the module of its name."""


def command_line(*names: str) -> typer.Typer:
    """The application with these commands."""
    app = typer.Typer(
        name="pitwire",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name in names:
        app.command()(getattr(import_module(f"tui.commands.{name}"), name))
    return app


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"pitwire {version('pitwire')}")
        raise typer.Exit


def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A trading floor for MetaTrader 5 robots."""


def main() -> None:
    """Run the command line and exit."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    app = command_line(*((asked,) if asked in COMMANDS else COMMANDS))
    try:
        app()
    except FloorError as error:
        with contextlib.suppress(OSError):  # a terminal that was closed
            sys.stderr.write(f"pitwire: {error}\n")
        sys.exit(error.code)
    finally:
        _let_go()


def _let_go() -> None:
    """Drop what is left to write for a terminal that is gone: Python would end with 120 instead of our own code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)


if __name__ == "__main__":
    main()
