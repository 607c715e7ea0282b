"""What a backtest came to, as people and programs read it: the report's figures, and the file of trades.

Money is in units of the account's currency, volumes are lots, times UTC microseconds. docs/backtest.md defines every
figure; one that is not defined (a profit factor without a loss) is null.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from kernels import build_hash
from kernels.backtest import REASONS, ROLES, SIDES

if TYPE_CHECKING:
    from actors.backtest import Prepared
    from kernels.engine import Result

__all__ = ["COLUMNS", "CurvePoint", "Report", "report_of", "write_trades"]

COLUMNS = (
    *("ticket", "cycle", "role", "side", "volume", "open_time", "open_price", "close_time", "close_price"),
    *("profit", "commission", "swap", "reason"),
)
"""Of the file of trades."""

_MINOR = 100
_ROWS = 4096


class CurvePoint(msgspec.Struct, frozen=True):
    """A stretch of the equity curve: its last tick's time, lowest, highest and last equity, and the balance."""

    time: int
    low: float
    high: float
    equity: float
    balance: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one run."""

    strategy: str
    symbol: str
    data: tuple[str, ...]
    format: str
    params: dict[str, Any]
    opening: str
    currency: str
    deposit: float
    begun: int
    ended: int
    ticks: int
    bars: int
    corrected: int
    ambiguous_bars: int
    trades: int
    net_profit: float
    balance: float
    gross_profit: float
    gross_loss: float
    profit_factor: float | None
    expectancy: float | None
    win_rate: float | None
    wins: int
    losses: int
    longest_losing_run: int
    max_drawdown: float
    max_drawdown_percent: float
    recovery_factor: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    annual_return: float | None
    exposure: float | None
    commission: float
    swap: float
    volume: float
    peak_equity: float
    lowest_equity: float
    end_of_data: int
    end_of_data_profit: float
    cycles: int
    cycles_by_reason: dict[str, int]
    caps_reached: int
    orders: int
    rejected: int
    stop_outs: int
    days: int
    elapsed_s: float
    ticks_per_s: float
    kernel: str
    notes: tuple[str, ...]
    curve: tuple[CurvePoint, ...]


def report_of(prepared: Prepared, result: Result, elapsed_s: float) -> Report:
    """The report of a run."""
    request, data = prepared.request, prepared.data
    notes = [*prepared.notes]
    if data.bars is not None:
        notes.append("bars are played as four ticks each: the strategy acts at these four only (docs/fills.md)")
    if prepared.ticks.corrected:
        notes.append(f"{prepared.ticks.corrected} ticks of bars had an ask below the bid, which was lifted to it")
    if prepared.opening != "none":
        notes.append(f"a cycle was opened by command whenever none was open: {prepared.opening}")
    if result.stop_outs:
        notes.append(f"{result.stop_outs} positions were closed by stop-out, which un-hedges baskets")
    return Report(
        strategy=request.strategy,
        symbol=request.symbol,
        data=data.paths,
        format=data.format,
        params=msgspec.to_builtins(prepared.params),
        opening=prepared.opening,
        currency=request.currency,
        deposit=_money(result.deposit),
        begun=result.begun,
        ended=result.ended,
        ticks=result.ticks,
        bars=0 if data.bars is None else len(data.times),
        corrected=prepared.ticks.corrected,
        ambiguous_bars=result.ambiguous,
        trades=result.closed,
        net_profit=_money(result.net_profit),
        balance=_money(result.balance),
        gross_profit=_money(result.gross_profit),
        gross_loss=_money(result.gross_loss),
        profit_factor=result.profit_factor,
        expectancy=None if result.expectancy is None else result.expectancy / _MINOR,
        win_rate=result.win_rate,
        wins=result.wins,
        losses=result.losses,
        longest_losing_run=result.longest_losing_run,
        max_drawdown=_money(result.max_drawdown),
        max_drawdown_percent=100 * result.max_drawdown_part,
        recovery_factor=result.recovery_factor,
        sharpe=result.sharpe,
        sortino=result.sortino,
        calmar=result.calmar,
        annual_return=result.annual_return,
        exposure=result.exposure,
        commission=_money(result.commission),
        swap=_money(result.swap),
        volume=prepared.symbol.lots(result.volume),
        peak_equity=_money(result.peak),
        lowest_equity=_money(result.lowest),
        end_of_data=result.end_of_data,
        end_of_data_profit=_money(result.end_of_data_profit),
        cycles=result.cycles,
        cycles_by_reason={REASONS.get(why, str(why)): count for why, count in result.cycles_ended.items()},
        caps_reached=result.caps,
        orders=result.orders,
        rejected=result.rejected,
        stop_outs=result.stop_outs,
        days=result.days,
        elapsed_s=elapsed_s,
        ticks_per_s=result.ticks / elapsed_s if elapsed_s > 0 else 0.0,
        kernel=build_hash(),
        notes=tuple(notes),
        curve=tuple(
            CurvePoint(int(row["time"]), *(_money(int(row[name])) for name in ("low", "high", "equity", "balance")))
            for row in result.curve
        ),
    )


def write_trades(stream: TextIO, prepared: Prepared, result: Result) -> None:
    """The trades as CSV with COLUMNS: lots, prices with the symbol's digits, money with two decimals."""
    stream.write(",".join(COLUMNS) + "\n")
    digits = prepared.spec.digits
    places = max(0, -_exponent(prepared.spec.volume_step))
    trades = result.trades
    for begin in range(0, 0 if trades is None else len(trades), _ROWS):
        rows = trades[begin : begin + _ROWS].tolist() if trades is not None else []
        lines = []
        for row in rows:
            ticket, cycle, volume, opened, open_price, closed, close_price, profit, commission, swap = row[:10]
            role, side, reason = row[10:13]
            lots = f"{prepared.symbol.lots(volume):.{places}f}"
            prices = (_decimal(open_price, digits), _decimal(close_price, digits))
            money = ",".join(_decimal(amount, 2) for amount in (profit, commission, swap))
            lines.append(
                f"{ticket},{cycle},{ROLES[role]},{SIDES[side]},{lots},{opened},{prices[0]},{closed},{prices[1]},"
                f"{money},{REASONS.get(reason, reason)}\n"
            )
        stream.write("".join(lines))


def _exponent(step: float) -> int:
    """The exponent of the last decimal of a volume step: -2 for 0.01."""
    exponent = Decimal(repr(step)).normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _decimal(value: int, digits: int) -> str:
    """A whole number of 10^-digits, written out exactly."""
    if not digits:
        return str(value)
    whole, rest = divmod(abs(value), 10**digits)
    return f"{'-' if value < 0 else ''}{whole}.{rest:0{digits}}"


def _money(minor: int) -> float:
    return minor / _MINOR
