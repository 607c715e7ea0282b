"""Options that commands share, and what they stand for: the home, the settings, how a message reaches its reader."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from actors.floor_error import Exit, FloorError
from schemas.settings import Settings, SettingsError, load

__all__ = [
    "ConfigOption",
    "HomeOption",
    "JsonOption",
    "RedrawsOption",
    "find_settings",
    "say",
    "settings_name",
    "usable",
]

_CONFIG = "pitwire.toml"

HomeOption = Annotated[
    Path,
    typer.Option("--home", metavar="DIR", envvar="PITWIRE_HOME", help="The floor's folder: its server, data and logs."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="PITWIRE_CONFIG",
        help="The settings. Without it ./pitwire.toml, then DIR/pitwire.toml, then the defaults.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
RedrawsOption = Annotated[
    int,
    typer.Option("--redraws", metavar="N", min=1, max=10, help="At most so many redraws a second, for a slow link."),
]


def say(text: str) -> None:
    """A line for the person at the terminal."""
    typer.echo(text)


def settings_name(home: Path, config: Path | None) -> str:
    """The file that `find_settings` reads, or would read if it was there, as errors name it."""
    return str(_settings_file(home, config) or _CONFIG)


def _settings_file(home: Path, config: Path | None) -> Path | None:
    if config is not None:
        return config
    return next((path for path in (Path(_CONFIG), home / _CONFIG) if _is_file(path)), None)


def find_settings(home: Path, config: Path | None) -> Settings:
    """The settings of `--config`, else of the first file that is there, else the defaults.

    Paths of tick files, `bus.keys` and `bus.ca` are relative to the file that names them. Raises FloorError.
    """
    path = _settings_file(home, config)
    if path is None:
        return Settings()
    try:
        settings = load(path)
    except SettingsError as error:
        raise FloorError(Exit.DATA, str(error)) from error
    folder = path.absolute().parent
    files = tuple(msgspec.structs.replace(file, path=str(folder / file.path)) for file in settings.feed.files)
    named = {key: str(folder / path) for key in ("keys", "ca") if (path := getattr(settings.bus, key))}
    return msgspec.structs.replace(
        settings,
        feed=msgspec.structs.replace(settings.feed, files=files),
        bus=msgspec.structs.replace(settings.bus, **named),
    )


def _is_file(path: Path) -> bool:
    """Whether it is there. A path that cannot even be asked for is not: what is wrong with it is told later."""
    try:
        return path.is_file()
    except OSError:
        return False


def usable(settings: Settings, where: str = _CONFIG) -> Settings:
    """The settings, after a look at everything that they name: symbols, tick files, strategies, the server.

    `where` names their file in errors. Raises FloorError for the first thing that is wrong, before anything has been
    started or written.
    """
    from actors.conversion import check_conversion
    from actors.feed_config import check_feed
    from actors.strategies import find_strategy, make_params
    from actors.strategy import StrategyError
    from actors.symbols import FeedError
    from bus.server import ServerError, find_binary

    if settings.bus.url:
        _check_external(settings)
    try:
        check_feed(settings.feed)
        check_conversion(settings)
    except FeedError as error:
        raise FloorError(Exit.DATA, str(error)) from error
    for session in settings.session:
        try:
            make_params(find_strategy(session.strategy), session.params)
        except StrategyError as error:
            raise FloorError(Exit.DATA, f"{where}: session {session.id!r}: {error}") from error
    try:
        if not settings.bus.url:
            find_binary(settings.bus.nats_server or None)
    except ServerError as error:
        raise FloorError(Exit.ENVIRONMENT, str(error)) from error
    return settings


def _check_external(settings: Settings) -> None:
    """Look at the files that go with an external server. Raises FloorError."""
    from actors.floor_keys import FloorKeys
    from bus.interface import BusError
    from bus.tls import tls_context

    FloorKeys.of(settings)
    try:
        tls_context(settings.bus.url, settings.bus.ca)
    except BusError as error:
        raise FloorError(Exit.DATA, str(error)) from error
