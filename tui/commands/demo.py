"""`pitwire demo`: a complete private floor, run to the end of its data."""

from __future__ import annotations

import asyncio
import math
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from actors.floor_error import Exit, FloorError
from actors.home import folder_error
from schemas.settings import FeedSettings, SessionSettings, Settings, StoreSettings
from tui.commands.options import JsonOption, say, usable

if TYPE_CHECKING:
    from tui.commands.demo_floor import DemoFloor, Summary

__all__ = ["demo"]

_SECONDS = 600.0


def demo(  # noqa: PLR0913, PLR0917 - one parameter for each option
    ticks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Recorded ticks, plain or .gz, instead of the synthetic feed.")
    ] = None,
    form: Annotated[Literal["histdata", "csv"], typer.Option("--format", help="The format of FILE.")] = "histdata",
    symbol: Annotated[
        str, typer.Option(metavar="S", help="The symbol of FILE, and the one that is traded.")
    ] = "EURUSD",
    seed: Annotated[int, typer.Option(min=0, help="Of the synthetic feed: the same seed gives the same ticks.")] = 1,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.001, help="Market time to run; 600 for the synthetic feed, else all of FILE.", show_default=False
        ),
    ] = None,
    speed: Annotated[str, typer.Option(metavar="X|max", help="Times real time; max is simulated time.")] = "max",
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The floor's folder, new or empty; it stays.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the bus log and the inbox logs there, new or empty.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a private floor to the end of its data; print a summary."""
    from actors.supervisor_process import run_loop
    from tui.commands.demo_floor import DemoFloor

    settings = usable(_settings(ticks, form, symbol, seed, seconds, _speed(speed), inbox=record is not None))
    for folder in (keep, record):
        if folder is not None:
            _empty(folder)
    home = keep.absolute() if keep is not None else Path(tempfile.mkdtemp(prefix="pitwire-demo-"))
    try:
        floor = DemoFloor(home, settings, record.absolute() if record is not None else None)
        summary = run_loop(_run(floor))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        if keep is None:
            shutil.rmtree(home, ignore_errors=True)
    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
    else:
        _print(summary, settings)


async def _run(floor: DemoFloor) -> Summary:
    """SIGTERM and a hang-up end it as Ctrl-C does."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await floor.run()


def _speed(text: str) -> float:
    """0 for simulated time."""
    if text == "max":
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0.001 <= speed <= 100_000:  # noqa: PLR2004 - the settings' own bounds
        message = f"{text!r}: expected max or a number from 0.001 to 100000"
        raise typer.BadParameter(message, param_hint="--speed")
    return speed


def _settings(
    ticks: Path | None,
    form: Literal["histdata", "csv"],
    symbol: str,
    seed: int,
    seconds: float | None,
    speed: float,
    *,
    inbox: bool,
) -> Settings:
    """The demo's own settings; no configuration file is read. Raises FloorError."""
    raw: dict[str, object] = {"seed": seed, "speed": speed}
    if ticks is not None:
        file = {"path": str(ticks.absolute()), "symbol": symbol, "format": form}
        raw |= {"kind": "recorded", "files": [file], "symbols": [symbol], "seconds": seconds or 0.0}
    else:
        raw |= {"seconds": seconds or _SECONDS}
        if symbol not in FeedSettings().symbols:
            raw |= {"symbols": [symbol, *FeedSettings().symbols]}
    try:
        feed = msgspec.convert(raw, FeedSettings)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from error
    session = SessionSettings(id=f"ema-{''.join(c for c in symbol.lower() if c.isalnum())}"[:32], symbols=(symbol,))
    return Settings(feed=feed, session=(session,), store=StoreSettings(inbox_logs=inbox))


def _empty(folder: Path) -> None:
    """Make a new folder, or see that an old one is empty. Raises FloorError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        filled = any(folder.iterdir())
    except OSError as error:
        raise folder_error(folder, error) from error
    if filled:
        raise FloorError(Exit.ENVIRONMENT, f"{folder}: not empty; expected a new or empty folder")


def _print(summary: Summary, settings: Settings) -> None:
    session = settings.session[0]
    latency = summary.latency_us
    lines = [
        ("feed", f"{summary.ticks:,} ticks, {summary.skipped:,} skipped, {summary.bars:,} bars"),
        (f"{session.strategy} on {session.symbols[0]}", f"{summary.signals:,} signals, {summary.intents:,} intents"),
        ("guard", f"{summary.cleared:,} cleared, {summary.refused:,} refused"),
        ("venue", f"{summary.orders:,} orders, {summary.fills:,} fills, {summary.trades:,} trades"),
        ("account", f"realised {summary.realised_pnl:,.2f}, equity {summary.equity:,.2f}"),
        ("database", f"{summary.db_orders:,} orders, {summary.db_trades:,} trades"),
        ("time", f"{summary.elapsed_s:,.2f} s, {summary.ticks / max(summary.elapsed_s, 0.001):,.0f} ticks/s"),
    ]
    if latency.p50 is not None and latency.p99 is not None:
        lines.append(("tick to venue", f"p50 {latency.p50 / 1000:.2f} ms, p99 {latency.p99 / 1000:.2f} ms"))
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        say(f"{name.ljust(width)}  {text}")
