"""A recorder played by hand, and a little of everything that the streams hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from actors.cell import Cell
from actors.database import SyncDatabase, connect
from actors.effects import Acknowledge, EventIn, Failed, Store
from actors.recorder import Recorder, RecorderConfig
from actors.recorder_schema import load
from schemas.account import AccountState, ProfitLoss
from schemas.base import Event
from schemas.command import AuditEntry, RiskState
from schemas.health import Alert, HealthState, LogLine
from schemas.order import Deal, OrderState, OrderTerms, OrderUpdate, Side, Signal, VenueReport
from schemas.registry import subject_of
from schemas.session import SessionState

__all__ = [
    "MINUTE",
    "NOW",
    "Play",
    "account",
    "deal",
    "flow",
    "messages_of_all",
    "orders",
    "played",
    "tables_of",
    "updates",
]

NOW = 1_577_916_000_000_000
MINUTE = 60_000_000
_TABLES = (
    "accounts",
    "strategies",
    "sessions",
    "orders",
    "fills",
    "trades",
    "performance_metrics",
    "monitoring_events",
    "log_lines",
    "audit",
    "stream_positions",
)


class Play:
    """A recorder with its file; `give` is what the runtime does with a message of a durable consumer."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self.path = path
        self.start()

    def start(self) -> None:
        """As a new process does."""
        self.connection = (
            sqlite3.connect(":memory:", isolation_level=None)
            if self.path == ":memory:"
            else connect(Path(self.path), durable=False)
        )
        self.recorder = Recorder("recorder", 1, RecorderConfig(), load(self.connection))
        self._cell = Cell(self.recorder)
        self._database = SyncDatabase(self.connection, lambda callback: callback())

    def give(self, stream: str, seq: int, event: Event) -> bool:
        """Whether it was acked."""
        message = EventIn(subject_of(event), event, stream=stream, stream_seq=seq)
        errors: list[str] = []
        for out in self._cell.handle(message, NOW):
            if isinstance(out.effect, Store):
                self._database.run(out.effect.statements, errors.append)
                if errors[-1]:
                    assert self._cell.handle(Failed(message, errors[-1]), NOW) == []
                    return False
            elif isinstance(out.effect, Acknowledge):
                assert (out.effect.stream, out.effect.seq) == (stream, seq)
                return True
        return False

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """What a query gives."""
        cursor = self.connection.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every projection."""
        return tables_of(self.connection)


def tables_of(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every projection."""
    return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in _TABLES}  # noqa: S608


def _terms(order: str, side: Side, position: int = 0) -> OrderTerms:
    return OrderTerms(
        id=order,
        account="paper",
        session="s",
        strategy="ema_cross",
        venue="paper",
        symbol="EURUSD",
        kind="market",
        side=side,
        volume=0.2,
        submitted_at=NOW,
        expires_at=NOW + 1,
        position=position,
    )


def updates(order: str, side: Side, made: Deal | None, incarnation: int = 1) -> list[OrderUpdate]:
    """An order's life: SUBMITTING, ACCEPTED, then FILLED with the deal or REJECTED without one."""
    terms = _terms(order, side, made.position if made is not None and made.entry == "out" else 0)
    ended = OrderState.FILLED if made is not None else OrderState.REJECTED
    return [
        OrderUpdate(
            incarnation=incarnation,
            time=NOW + revision,
            account="paper",
            session="s",
            order=order,
            state=state,
            revision=revision,
            terms=terms,
            order_class="open",
            filled=made.volume if made is not None and state == ended else 0.0,
            price=made.price if made is not None and state == ended else 0.0,
            position=made.position if made is not None and state == ended else 0,
            report=f"{order}-r" if state == ended else "",
            deal=made if state == ended else None,
            reason="no money" if state is OrderState.REJECTED else "",
        )
        for revision, state in enumerate((OrderState.SUBMITTING, OrderState.ACCEPTED, ended), 1)
    ]


def deal(ticket: int, position: int, entry: Any, volume: float, price: float, profit: float = 0.0) -> Deal:
    """A deal with a commission of 0.07."""
    side: Side = "buy" if entry == "in" else "sell"
    return Deal(
        ticket=ticket,
        position=position,
        entry=entry,
        symbol="EURUSD",
        side=side,
        volume=volume,
        price=price,
        at=NOW + ticket,
        profit=profit,
        commission=-0.07,
        swap=0.0,
    )


def _round_trip() -> list[Event]:
    """Bought 0.2 lots, sold in two halves; a second order was rejected."""
    return [
        *updates("s-1-1", "buy", deal(1, 1, "in", 0.2, 1.1)),
        *updates("s-1-2", "buy", None),
        *updates("s-1-3", "sell", deal(2, 1, "out", 0.1, 1.2, 1000.0)),
        *updates("s-1-4", "sell", deal(3, 1, "out", 0.1, 1.05, -500.13)),
    ]


def account(number: int) -> AccountState:
    """An account's state every 20 seconds, with `number` positions."""
    return AccountState(
        time=NOW + number * MINUTE // 3,
        account="paper",
        venue="paper",
        currency="USD",
        balance=10_000.01 + number,
        equity=9_999.99,
        margin=0.1 + 0.2,
        leverage=100,
        mode="hedging",
        positions=number,
    )


def flow() -> list[Event]:
    """A little of everything that FLOW has."""
    return [
        *(account(number) for number in range(4)),
        ProfitLoss(time=NOW, scope="session", id="s", currency="USD", realised=1.23, floating=-0.01),
        ProfitLoss(time=NOW + 5, scope="session", id="s", currency="USD", realised=1.24, positions=1),
        Alert(time=NOW, severity="warning", code="gap", text="ä", actor="guard", values={"n": "1"}),
        Signal(session="s", strategy="ema_cross", symbol="EURUSD", name="cross", side="buy"),
        HealthState(time=NOW, actor="router", state="dead", reason="no beat", pid=5, restarts=2),
        LogLine(time=NOW + 7, level="warning", actor="router", event="trouble", values={"text": "\u00e4"}),
        ProfitLoss(
            time=NOW + 6,
            scope="portfolio",
            id="floor",
            currency="USD",
            realised=1.23,
            floating=-0.01,
            equity=101.22,
            balance=101.23,
            positions=2,
        ),
    ]


def _state(number: int, state: Any) -> SessionState:
    return SessionState(
        time=NOW + number,
        session="s",
        account="paper",
        strategy="ema_cross",
        symbols=("EURUSD",),
        state=state,
        params={"fast": "12"},
    )


def orders() -> list[Event]:
    """A little of everything that ORDERS has."""
    return [
        _state(0, "starting"),
        RiskState(time=NOW, source="guard", scope="portfolio", id="floor", state="reducing", epoch=1, reason="daily"),
        *_round_trip(),
        VenueReport(report="r", account="paper", session="s", order="s-1-1", kind="accepted"),
        AuditEntry(time=NOW, number=1, user="ann", action="halt", scope="floor", result="ok", digest="d"),
        _state(9, "running"),
    ]


def messages_of_all() -> list[tuple[str, int, Event]]:
    """Both streams: name, sequence, event."""
    return [
        *(("ORDERS", seq, event) for seq, event in enumerate(orders(), 1)),
        *(("FLOW", seq, event) for seq, event in enumerate(flow(), 1)),
    ]


def played(messages: Iterable[tuple[str, int, Event]]) -> Play:
    """A recorder that got them all, in this order."""
    play = Play()
    for message in messages:
        assert play.give(*message)
    return play
