"""`pitwire verify`: every actor of a record run again, every difference named.

A record is a folder: `bus.jsonl` and `inbox/<actor>-<incarnation>.jsonl` (docs/logs.md). A floor's home has inbox logs
only; then the ticks, which they keep by reference, come from a lookup of the caller's. Logs that are still being
written are verified as far as they reached when it began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from actors.error_text import encodable
from actors.replay import DifferenceError, Replay, Role, TickLookup
from actors.roles import load_role
from actors.sightings import UnseenError
from bus.buslog import BusLog
from bus.eventlog import LogReadError

__all__ = ["Finding", "verify_record"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one log. `ok`: every checksum fits and, for an actor, every effect is identical.

    `line` is where it does not fit (0: nowhere or nothing in particular), `text` says how, `recorded` and `replayed`
    are the two effects that differ.
    """

    file: str
    actor: str
    ok: bool
    text: str
    line: int = 0
    messages: int = 0
    effects: int = 0
    recorded: str = ""
    replayed: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{self.actor}: {self.text}" if self.ok else f"{self.actor}: {where}: {self.text}"


def verify_record(
    directory: Path,
    *,
    ticks: TickLookup | None = None,
    roles: Callable[[str], Role] = load_role,
) -> list[Finding]:
    """One finding for the bus log, if there is one, and one for each inbox log, in the order of their names.

    `ticks` finds the ticks that `bus.jsonl` does not have. It is asked only after it was noted how far each inbox log
    reaches: what it finds out from then on is enough for all of them. Raises LogReadError for a folder without any log.
    """
    path = directory / "bus.jsonl"
    inboxes = [(path, _size(path)) for path in sorted((directory / "inbox").glob("*.jsonl"))]
    if not path.exists() and not inboxes:
        raise LogReadError(directory, "no record; expected bus.jsonl and inbox/*.jsonl")
    findings: list[Finding] = []
    bus: BusLog | None = None
    if path.exists():
        try:
            bus = BusLog(path)
        except LogReadError as error:
            findings.append(Finding(file=str(path), actor="bus", ok=False, text=error.what, line=error.line))
        else:
            findings.append(_bus_finding(path, bus))
    try:
        findings += _replayed(inboxes, bus, ticks, roles)
    finally:
        if bus is not None:
            bus.close()
    return findings


def _bus_finding(path: Path, bus: BusLog) -> Finding:
    text = f"whole: {bus.messages} messages"
    if bus.losses:
        text += f"; the recording link was lost {bus.losses} times"
    if not bus.closed:
        text += "; ended without a closing line"
    return Finding(file=str(path), actor="bus", ok=True, text=text, messages=bus.messages)


def _replayed(
    inboxes: list[tuple[Path, int]], bus: BusLog | None, ticks: TickLookup | None, roles: Callable[[str], Role]
) -> Iterator[Finding]:
    def lookup(subject: str, incarnation: int, sequence: int) -> bytes | None:
        data = bus.find(subject, incarnation, sequence) if bus is not None else None
        return ticks(subject, incarnation, sequence) if data is None and ticks is not None else data

    for path, size in inboxes:
        yield _one(Replay(path, roles, lookup, bus, limit=size))


def _size(path: Path) -> int:
    """0 for a log that was deleted just now; its replay says so."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _one(replay: Replay) -> Finding:
    """Run one actor again; whatever does not fit becomes the finding."""
    ok, line, text, recorded, replayed = False, 0, "", "", ""
    try:
        replay.run()
    except LogReadError as error:
        line, text = error.line, error.what
    except DifferenceError as error:
        line, text, recorded, replayed = error.line, error.what, error.recorded, error.replayed
    except UnseenError as error:
        line, text, recorded, replayed = error.line, error.what, error.recorded, error.seen
    else:
        ok = True
        notes = "".join(f"; {note}" for note in replay.notes)
        text = f"identical: {replay.messages} messages, {replay.effects} effects{notes}"
    return Finding(
        file=encodable(str(replay.path)),
        actor=replay.name,
        ok=ok,
        text=encodable(text),
        line=line,
        messages=replay.messages,
        effects=replay.effects,
        recorded=recorded,
        replayed=replayed,
    )
