"""`pitwire status`: the floor without a bus, whatever state it is in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import msgspec
import psutil
import typer

from actors.floor_error import Exit
from actors.floor_status import STATUS, FloorStatus, read_status, same_process, troubles
from bus.clock import wall_us
from tui.commands.down import lock_holder, remains
from tui.commands.options import HomeOption, JsonOption, say

__all__ = ["Verdict", "judge", "status"]


def status(home: HomeOption = Path("var"), as_json: JsonOption = False) -> None:
    """Show what runs, how it is, and what is wrong with it."""
    home = home.absolute()
    found = judge(home)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        _print(home, found)
    raise typer.Exit(found.code)


class Verdict(msgspec.Struct, frozen=True):
    """How a floor is: one word, what is wrong with it, and its last written status. `code` is the command's."""

    verdict: Literal["well", "troubled", "frozen", "down"]
    troubles: list[str] = msgspec.field(default_factory=list)
    floor: FloorStatus | None = None

    @property
    def code(self) -> Exit:
        """The exit code that says it."""
        return {"well": Exit.OK, "down": Exit.NOT_RUNNING}.get(self.verdict, Exit.FAILED)


def judge(home: Path) -> Verdict:
    """Look at the folder's lock, the last status and the processes that it names."""
    last = read_status(home / STATUS)
    holder = lock_holder(home)
    locked = holder is not None
    if last is None:
        return Verdict("troubled", ["floor: starting, or its status cannot be read"]) if locked else Verdict("down")
    if not locked:
        return Verdict("down", _after(last), last)
    if same_process(last.pid, last.created) is None:
        return Verdict("troubled", [f"supervisor: process {last.pid} is gone; the keeper starts it again"], last)
    found = troubles(last)
    if holder and not psutil.pid_exists(holder):
        found.append(
            f"keeper: process {holder} was killed; nobody starts the supervisor again; `pitwire down`, then `up`"
        )
    frozen = any(text.startswith("supervisor: frozen") for text in found)
    return Verdict("frozen" if frozen else "troubled" if found else "well", found, last)


def _after(last: FloorStatus) -> list[str]:
    """What there is to say of a floor that is down."""
    left = ", ".join(f"{name} ({process.pid})" for name, process in remains(last).items())
    return [
        *([f"floor: {last.reason}"] if last.state == "failed" else []),
        *([f"supervisor: process {last.pid} was killed"] if last.state not in {"failed", "stopped"} else []),
        *([f"left running: {left}; `pitwire down` ends it"] if left else []),
    ]


def _print(home: Path, found: Verdict) -> None:
    say(f"{home}: {found.verdict}")
    for text in found.troubles:
        say(f"  {text}")
    last = found.floor
    if last is None or found.verdict == "down":
        return
    say(
        f"  {last.state}, up {_duration((wall_us() - last.started) / 1_000_000)}, supervisor {last.pid}, bus {last.url}"
        f"{', simulated time' if last.sim else ''}"
    )
    rows = [("ACTOR", "STATE", "PID", "INC", "RESTARTS", "UP", "BEAT", "DOING")]
    rows += [
        (
            actor.name,
            actor.state,
            str(actor.pid or "-"),
            str(actor.incarnation or "-"),
            str(actor.restarts),
            _duration(actor.uptime_s),
            "-" if actor.beat_age_ms is None else f"{actor.beat_age_ms} ms",
            actor.doing or "-",
        )
        for actor in last.actors
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        say("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _duration(seconds: float) -> str:
    """`4 s`, `3 min`, `5 h`, `2 d`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
