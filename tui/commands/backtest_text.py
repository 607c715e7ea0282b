"""A backtest's report and progress as text for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from actors.backtest_report import Report

__all__ = ["Progress", "report_text"]

_PATIENCE_S = 1.0
_MINUTE_S = 60.0


class Progress:
    """A line on a terminal that is written over and over, from the first second on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._width = 0

    def __call__(self, taken: int, total: int, seconds: float) -> None:
        """So many ticks of all have been taken in so many seconds."""
        if seconds < _PATIENCE_S:
            return
        left = seconds / taken * (total - taken)
        text = f"{taken / total:4.0%}  {taken / seconds / 1e6:.1f} M ticks/s  ETA {_duration(left)}"
        self._write(text)

    def clear(self) -> None:
        """Take the line away."""
        if self._width:
            self._write("")
            self._stream.write("\r")
            self._stream.flush()

    def _write(self, text: str) -> None:
        self._stream.write("\r" + text.ljust(self._width))
        self._width = len(text)
        self._stream.flush()


def report_text(report: Report, trades: str = "") -> str:
    """The whole report; `trades`: the file that they were written to."""
    money = report.currency
    span = f"{_date(report.begun)} to {_date(report.ended)}, {report.days} days"
    bars = f"{report.bars:,} bars, " if report.bars else ""
    lines = [
        f"{report.strategy} on {report.symbol}, {span}",
        f"{bars}{report.ticks:,} ticks of {', '.join(report.data)} ({report.format})",
        "",
        *_table(
            ("Net profit", _money(report.net_profit, money)),
            ("Balance", f"{report.balance:,.2f} from {report.deposit:,.2f}"),
            ("Gross profit, loss", f"{report.gross_profit:,.2f}, {report.gross_loss:,.2f}"),
            ("Commission, swap", f"{report.commission:,.2f}, {report.swap:,.2f}"),
            (
                "Largest drawdown",
                f"{_money(report.max_drawdown, money)}; {report.max_drawdown_percent:.2f} % of the peak",
            ),
            ("Equity", f"{report.lowest_equity:,.2f} to {report.peak_equity:,.2f}"),
            ("Profit factor", _ratio(report.profit_factor)),
            ("Recovery factor", _ratio(report.recovery_factor)),
            ("Sharpe, Sortino, Calmar", ", ".join(map(_ratio, (report.sharpe, report.sortino, report.calmar)))),
            ("A year", _percent(report.annual_return)),
            ("Trades", f"{report.trades:,}, {report.volume:,.2f} lots; won {report.wins:,}, lost {report.losses:,}"),
            ("Won", _percent(report.win_rate)),
            ("Expectancy", _ratio(report.expectancy) + (f" {money} a trade" if report.expectancy is not None else "")),
            ("Longest losing run", f"{report.longest_losing_run}"),
            ("Time in the market", _percent(report.exposure)),
            ("Closed at the data's end", f"{report.end_of_data}, {_money(report.end_of_data_profit, money)}"),
            ("Cycles", _cycles(report)),
            ("Orders", f"{report.orders:,}; rejected {report.rejected:,}, stopped by a cap {report.caps_reached:,}"),
        ),
    ]
    if report.bars:
        lines += _table(("Ambiguous bars", f"{report.ambiguous_bars:,}, in which a stop and a target both lay"))
    lines += ["", *(f"Note: {note}." for note in report.notes)]
    if trades:
        lines.append(f"Trades: {trades}")
    lines.append(f"{report.elapsed_s:.3f} s, {report.ticks_per_s / 1e6:.1f} M ticks/s, kernel {report.kernel[:12]}")
    return "\n".join(lines)


def _table(*rows: tuple[str, str]) -> list[str]:
    return [f"  {name:<26}{value}" for name, value in rows]


def _cycles(report: Report) -> str:
    ended = ", ".join(f"{reason} {count:,}" for reason, count in report.cycles_by_reason.items())
    return f"{report.cycles:,}" + (f"; {ended}" if ended else "")


def _money(amount: float, currency: str) -> str:
    return f"{amount:,.2f} {currency}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _percent(part: float | None) -> str:
    return "-" if part is None else f"{100 * part:.1f} %"


def _date(time: int) -> str:
    return datetime.fromtimestamp(time / 1e6, UTC).strftime("%Y-%m-%d %H:%M")


def _duration(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{seconds // _MINUTE_S:.0f} min {seconds % _MINUTE_S:.0f} s"
