"""`pitwire logs`: what the floor's processes wrote, merged by time, whether it runs or not."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from actors.floor_error import Exit, FloorError
from actors.log_files import ActorLog, Found, LogFolder, newest, oldest, opened
from actors.log_follower import LogFollower
from bus.clock import utc_text, wall_us
from tui.commands.log_text import LEVELS, LogText
from tui.commands.options import HomeOption

__all__ = ["logs", "moment"]

_SHOWN = 200
_LOOK_S = 0.2
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SECOND_US = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def logs(
    home: HomeOption = Path("var"),
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")] = False,
    level: Annotated[
        str, typer.Option("--level", metavar="LEVEL", help=f"This level and above: {', '.join(LEVELS)}.")
    ] = "debug",
    actor: Annotated[
        list[str] | None,
        typer.Option("--actor", metavar="NAME", help="Only this actor; may be repeated.", show_default=False),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="From 90s, 10m, 2h or 3d ago on, or from 2026-11-21T10:00 (UTC, like all times shown).",
            show_default=False,
        ),
    ] = None,
    grep: Annotated[
        str | None,
        typer.Option("--grep", metavar="REGEX", help="Only lines that this is found in.", show_default=False),
    ] = None,
    lines: Annotated[
        int | None,
        typer.Option(
            "--lines", "-n", metavar="N", min=0, help="The last N; 200 without --since, else all.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as they are, one JSON object each.")] = False,
) -> None:
    """Show the logs of all processes, merged by time (UTC). Needs no running floor."""
    home = home.absolute()
    if level not in LEVELS:
        raise FloorError(Exit.USAGE, f"--level {level}: expected one of {', '.join(LEVELS)}")
    pattern = _pattern(grep)
    start = utc_text(moment(since, wall_us())).encode() if since is not None else None
    folder = LogFolder(home / "log", actor or ())
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that has no Unicode is no reason to fail
    try:
        names = _names(home, folder, actor or [])
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        width = max(len(name) for name in names)
        text = LogText(level=level, grep=pattern, json=as_json, colour=colour, width=width)
        _print_all(folder, text, start, lines, follow=follow)
    except KeyboardInterrupt:
        raise typer.Exit(Exit.OK if follow else Exit.INTERRUPTED) from None
    except BrokenPipeError:  # whoever reads has enough; what is still buffered must not complain either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        what = f"{error.filename or home}: {error.strerror or error}; expected logs that can be read"
        raise FloorError(Exit.ENVIRONMENT, what) from error


def moment(text: str, now: int) -> int:
    """UTC microseconds for `10m` (ago), or for an ISO date and time, UTC if it has no offset. Raises FloorError."""
    ago = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    try:
        if ago is not None:
            at = now - int(ago[1]) * _UNITS[ago[2]] * _SECOND_US
            return max(at, 0)
        parsed = datetime.fromisoformat(text)
        parsed = parsed.astimezone(UTC) if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise FloorError(
            Exit.USAGE, f"--since {text}: expected 90s, 10m, 2h or 3d (ago), or a time like 2026-11-21T10:00 (UTC)"
        ) from None
    since = parsed - _EPOCH
    return max((since.days * 86_400 + since.seconds) * _SECOND_US + since.microseconds, 0)


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text is not None else None
    except re.error as error:
        raise FloorError(Exit.USAGE, f"--grep {text}: {error}; expected a regular expression") from None


def _names(home: Path, folder: LogFolder, wanted: list[str]) -> list[str]:
    """The names of the actors that are shown. Raises FloorError for those that are not there."""
    try:
        there = folder.actors(wanted=False)
    except FileNotFoundError:
        there = []
    if not there:
        raise FloorError(Exit.NOT_RUNNING, f"{home}: no floor has run here; expected logs in {folder.path}")
    for name in wanted:
        if name not in there:
            raise FloorError(Exit.USAGE, f"--actor {name}: no log of it in {folder.path}; there are {', '.join(there)}")
    return wanted or there


def _print_all(folder: LogFolder, text: LogText, start: bytes | None, most: int | None, *, follow: bool) -> None:
    with opened(folder) as found:
        _print(_chosen(found, text, start, most, torn=not follow))
        if not follow:
            return
        with LogFollower(folder, found) as follower:
            waiting = threading.Event()
            while True:
                _print(shown for line in follower.poll() if (shown := text.of(line)) is not None)
                for actor in follower.gaps():
                    sys.stderr.write(f"pitwire: {actor}: rotated faster than it was read; lines may be missing\n")
                waiting.wait(_LOOK_S)


def _chosen(
    found: list[ActorLog], text: LogText, start: bytes | None, most: int | None, *, torn: bool
) -> Iterable[str]:
    """What is there already, oldest first."""
    if start is not None and most is None:
        return (shown for line in oldest(found, start, torn=torn) if (shown := text.of(line)) is not None)
    lines = _since(newest(found, torn=torn), start)
    texts = (shown for line in lines if (shown := text.of(line)) is not None)
    return reversed(list(islice(texts, _SHOWN if most is None else most)))


def _since(lines: Iterable[Found], start: bytes | None) -> Iterable[Found]:
    for line in lines:
        if start is not None and line.at < start:
            return
        yield line


def _print(texts: Iterable[str]) -> None:
    for text in texts:
        sys.stdout.write(text + "\n")
    sys.stdout.flush()
