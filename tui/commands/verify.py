"""`pitwire verify`: run every actor of a record again, and name the first byte that differs."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from actors.floor_error import Exit, FloorError
from actors.replay import DifferenceError, Replay, TickLookup, UnrecordedError
from actors.roles import load_role
from actors.verify import Finding, verify_record
from bus.eventlog import LogReadError
from tui.commands.options import HomeOption, JsonOption, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.cell import Outgoing

__all__ = ["feed_ticks", "verify"]

_SHOWN = 400


class _Id(msgspec.Struct):
    incarnation: int
    sequence: int


_id = msgspec.json.Decoder(_Id).decode


def verify(
    record: Annotated[
        Path | None,
        typer.Argument(metavar="[RECORD]", help="A folder that `pitwire demo --record` wrote.", show_default=False),
    ] = None,
    home: HomeOption = Path("var"),
    as_json: JsonOption = False,
) -> None:
    """Run every actor of a record, or of the floor's logs, again.

    All that each one did is compared byte by byte.
    """
    folder = (record if record is not None else home).absolute()
    try:
        with _silence():
            findings = verify_record(folder, ticks=None if (folder / "bus.jsonl").exists() else feed_ticks(folder))
    except LogReadError as error:
        raise FloorError(Exit.DATA, str(error)) from error
    well = all(finding.ok for finding in findings)
    if as_json:
        body = {"ok": well, "findings": findings}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n")
    else:
        for finding in findings:
            _print(finding)
    raise typer.Exit(Exit.OK if well else Exit.FAILED)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """What the actors that are run again print goes nowhere: it is no finding, and may be anything."""
    with (
        Path(os.devnull).open("w", encoding="utf-8", errors="backslashreplace") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def feed_ticks(folder: Path) -> TickLookup:
    """The ticks of a folder without a bus log: what its feeds send when they are run again, at the first question.

    So the last ones before a kill are found too, which never came into the log. A log that is not whole gives the ticks
    before its first fault; the fault itself is found by the verification. Of a feed whose log was ended before it, the
    ticks that it sent afterwards are nowhere: what refers to them cannot be run again. It is the same with a feed whose
    log has gone, as the oldest do for want of room.
    """
    found: dict[tuple[str, int, int], bytes] = {}
    ended: dict[int, str] = {}
    there = {path.stem.rpartition("-")[2] for path in (folder / "inbox").glob("feed-*.jsonl")}
    read = False

    def lookup(subject: str, incarnation: int, sequence: int) -> bytes | None:
        nonlocal read
        if not read:
            read = True
            _read_feeds(folder, found, ended)
        data = found.get((subject, incarnation, sequence))
        if data is None and incarnation in ended:
            name = ended[incarnation]
            raise UnrecordedError(f"the tick {subject}#{incarnation}.{sequence} came after the end of {name}")
        if data is None and str(incarnation) not in there:
            raise UnrecordedError(f"feed-{incarnation}.jsonl, with its ticks, is not there any more")
        return data

    return lookup


def _read_feeds(folder: Path, found: dict[tuple[str, int, int], bytes], ended: dict[int, str]) -> None:
    """The ticks by subject, incarnation and sequence; by incarnation the logs that were ended before their feeds."""

    def keep(out: Outgoing) -> None:
        if out.subject.startswith("md.tick."):
            mark = _id(out.data)
            found.setdefault((out.subject, mark.incarnation, mark.sequence), out.data)

    for path in sorted((folder / "inbox").glob("feed-*.jsonl")):
        feed = Replay(path, load_role, lambda *_: None, emitted=keep)
        with contextlib.suppress(LogReadError, DifferenceError):
            feed.run()
        if feed.why:
            ended[feed.incarnation] = path.name


def _print(finding: Finding) -> None:
    say(f"{'ok ' if finding.ok else 'BAD'}  {finding}")
    for name, text in (("recorded", finding.recorded), ("replayed", finding.replayed)):
        if text:
            say(f"       {name}: {text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}")
