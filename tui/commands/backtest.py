"""`pitwire backtest`: a built-in strategy over a file of ticks or bars, with the code that also trades live."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from actors.floor_error import Exit, FloorError
from tui.commands.backtest_text import Progress, report_text
from tui.commands.options import JsonOption, say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from actors.backtest import Request

__all__ = ["backtest"]


def backtest(  # noqa: PLR0913, PLR0917 - one parameter for each option
    strategy: Annotated[
        str, typer.Option(metavar="NAME", help="cycle_trader, adaptive_hedging or bollinger_stop.", show_default=False)
    ],
    data: Annotated[
        list[str],
        typer.Option(
            metavar="FILE",
            help="Ticks or bars, plain or .gz; twice for bid and ask bars. A bid file finds the ask beside it.",
            show_default=False,
        ),
    ],
    symbol: Annotated[str, typer.Option(metavar="S", help="The symbol of FILE.", show_default=False)],
    form: Annotated[
        Literal["histdata", "csv", "points", "bars"] | None,
        typer.Option("--format", help="The format of FILE; without it the first line tells.", show_default=False),
    ] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="A parameter; may be repeated.", show_default=False)
    ] = None,
    set_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Parameters from a MetaTrader .set file.", show_default=False)
    ] = None,
    begin: Annotated[
        str, typer.Option("--from", metavar="TIME", help="2020-01-31 or 2020-01-31T22:00, UTC.", show_default=False)
    ] = "",
    end: Annotated[
        str, typer.Option("--to", metavar="TIME", help="The first time that is left out.", show_default=False)
    ] = "",
    deposit: Annotated[float, typer.Option(metavar="MONEY", help="In the account's currency.")] = 10_000.0,
    currency: Annotated[str, typer.Option(metavar="CCC", help="The account's.")] = "USD",
    leverage: Annotated[int, typer.Option(min=1, max=5000, help="The account's.")] = 100,
    rate: Annotated[
        float | None,
        typer.Option(
            metavar="MONEY", help="Of one unit of the symbol's currency, where it is another.", show_default=False
        ),
    ] = None,
    spread: Annotated[
        int | None,
        typer.Option(metavar="POINTS", help="In place of the data's own; bars of the bid need it.", show_default=False),
    ] = None,
    commission: Annotated[float, typer.Option(metavar="MONEY", help="A lot and side.")] = 0.0,
    swap: Annotated[Literal["on", "off"], typer.Option(help="Whether swap is booked.")] = "on",
    latency: Annotated[int, typer.Option(metavar="MS", min=0, max=60_000, help="From order to fill, ticks only.")] = 0,
    slippage: Annotated[
        int, typer.Option(metavar="POINTS", min=0, max=100_000, help="Adverse, on market and stop fills.")
    ] = 0,
    digits: Annotated[
        int | None, typer.Option(min=0, max=8, help="Of prices, where not the symbol's usual.", show_default=False)
    ] = None,
    opening: Annotated[
        Literal["auto", "none", "buy", "sell", "alternate"],
        typer.Option(help="The cycle opened by command when none is open; auto: for strategies that open none."),
    ] = "auto",
    trades: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the trades there, as CSV.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a strategy over recorded ticks or bars; print a report."""
    from actors.backtest import Request

    _run(
        Request(
            strategy=strategy,
            data=tuple(data),
            symbol=symbol,
            format=form or "",
            values=tuple(_pair(text) for text in values or ()),
            set_file=str(set_file) if set_file is not None else "",
            begin=_time("--from", begin),
            end=_time("--to", end),
            deposit=deposit,
            currency=currency,
            leverage=leverage,
            rate=rate,
            spread=spread,
            commission=commission,
            swap=swap == "on",
            latency_ms=latency,
            slippage=slippage,
            digits=digits,
            opening=opening,
        ),
        trades,
        as_json=as_json,
    )


def _run(request: Request, trades: Path | None, *, as_json: bool) -> None:
    from actors.backtest import EngineError, prepare, run
    from actors.backtest_report import report_of, write_trades
    from actors.symbols import FeedError

    try:
        prepared = prepare(request)
        with _writing(trades) as stream:
            progress = Progress(sys.stderr) if sys.stderr.isatty() else None
            try:
                result, elapsed = run(prepared, progress)
            finally:
                if progress is not None:
                    progress.clear()
            if stream is not None:
                write_trades(stream, prepared, result)
        report = report_of(prepared, result, elapsed)
    except EngineError as error:
        raise FloorError(Exit.ENVIRONMENT, str(error)) from error
    except FeedError as error:
        raise FloorError(Exit.DATA, str(error)) from error
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        say(report_text(report, str(trades) if trades is not None else ""))


@contextlib.contextmanager
def _writing(path: Path | None) -> Iterator[TextIO | None]:
    """A file that is there whole or not at all: written beside its place, and moved there when all went well."""
    if path is None:
        yield None
        return
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="ascii", newline="") as stream:
            yield stream
        os.replace(part, path)  # noqa: PTH105 - says what it does
    except OSError as error:
        reason = f"{path}: it cannot be written ({error.strerror or error}); expected a file in a folder of yours"
        raise FloorError(Exit.ENVIRONMENT, reason) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _pair(text: str) -> tuple[str, str]:
    """Name and value of --set."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"{text!r}; expected NAME=VALUE", param_hint="--set")
    return name.strip(), value.strip()


def _time(option: str, text: str) -> int | None:
    """UTC microseconds of an option's time."""
    if not text:
        return None
    from actors.backtest_times import parse_time

    found = parse_time(text)
    if found is None:
        raise typer.BadParameter(f"{text!r}; expected a time as 2020-01-31 or 2020-01-31T22:00:00Z", param_hint=option)
    return found
