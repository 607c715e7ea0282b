"""`pitwire keys`: the identities of a floor on an external server, made once and kept in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actors.floor_error import Exit, FloorError
from tui.commands.options import ConfigOption, HomeOption, find_settings, say

__all__ = ["keys"]


def keys(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Gets the secret keys; only its owner can read it.")],
    identities: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT",
            help="Gets the public keys with their permissions, for the server's configuration; else printed.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE and OUT.")] = False,
    home: HomeOption = Path("var"),
    config: ConfigOption = None,
) -> None:
    """Make the keys of a floor on an external server (bus.url)."""
    from actors.floor_keys import FloorKeys
    from actors.floor_plan import places
    from actors.keys_file import write_keys
    from bus.folder import write_file
    from bus.identities import IdentityError

    settings = find_settings(home.absolute(), config)
    try:
        made = FloorKeys.make(places(settings))
    except IdentityError as error:
        raise FloorError(Exit.DATA, str(error)) from error
    if identities is not None and identities.exists() and not force:
        raise FloorError(Exit.DATA, f"{identities}: there already; --force replaces it")
    write_keys(file, made.kept(), replace=force)
    if identities is None:
        typer.echo(made.include, nl=False)
        return
    try:
        write_file(identities, made.include)
    except OSError as error:
        file.unlink()  # keys that no server will ever know
        message = f"{identities}: cannot be written: {error.strerror or error}"
        raise FloorError(Exit.ENVIRONMENT, message) from error
    say(f"{len(made.kept().identities)} identities: secret keys in {file}, for bus.keys;")
    say(f"public keys with their permissions in {identities}, for the server's configuration.")
