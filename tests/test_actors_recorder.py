"""The recorder: the same tables from the same streams, in whatever order and however often the messages come."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.cell import Cell
from actors.database import SyncDatabase, connect
from actors.effects import Acknowledge, EventIn, Failed, LinkChanged, Publish, Store
from actors.local_floor import LocalFloor
from actors.recorder import Recorder, RecorderConfig
from actors.recorder_rows import minor
from actors.recorder_schema import load
from actors.runtime import Runtime
from bus.localbus import drive
from schemas.account import AccountState, PositionState, ProfitLoss
from schemas.base import Event
from schemas.command import AuditEntry, RiskState
from schemas.health import Alert, HealthState
from schemas.order import Deal, OrderState, OrderTerms, OrderUpdate, Side, Signal, VenueReport
from schemas.registry import subject_of
from schemas.session import SessionState
from schemas.settings import AccountSettings, FeedSettings, SessionSettings, Settings

_NOW = 1_577_916_000_000_000
_MINUTE = 60_000_000
_TABLES = (
    "accounts",
    "strategies",
    "sessions",
    "orders",
    "fills",
    "trades",
    "performance_metrics",
    "monitoring_events",
    "audit",
    "stream_positions",
)


class _Play:
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
        for out in self._cell.handle(message, _NOW):
            if isinstance(out.effect, Store):
                self._database.run(out.effect.statements, errors.append)
                if errors[-1]:
                    assert self._cell.handle(Failed(message, errors[-1]), _NOW) == []
                    return False
            elif isinstance(out.effect, Acknowledge):
                assert (out.effect.stream, out.effect.seq) == (stream, seq)
                return True
        return False

    def rows(self, sql: str) -> list[dict[str, Any]]:
        cursor = self.connection.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        return _tables(self.connection)


def _tables(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
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
        submitted_at=_NOW,
        expires_at=_NOW + 1,
        position=position,
    )


def _updates(order: str, side: Side, deal: Deal | None, incarnation: int = 1) -> list[OrderUpdate]:
    """An order's life: SUBMITTING, ACCEPTED, then FILLED with the deal or REJECTED without one."""
    terms = _terms(order, side, deal.position if deal is not None and deal.entry == "out" else 0)
    ended = OrderState.FILLED if deal is not None else OrderState.REJECTED
    return [
        OrderUpdate(
            incarnation=incarnation,
            time=_NOW + revision,
            account="paper",
            session="s",
            order=order,
            state=state,
            revision=revision,
            terms=terms,
            order_class="open",
            filled=deal.volume if deal is not None and state == ended else 0.0,
            price=deal.price if deal is not None and state == ended else 0.0,
            position=deal.position if deal is not None and state == ended else 0,
            report=f"{order}-r" if state == ended else "",
            deal=deal if state == ended else None,
            reason="no money" if state is OrderState.REJECTED else "",
        )
        for revision, state in enumerate((OrderState.SUBMITTING, OrderState.ACCEPTED, ended), 1)
    ]


def _deal(ticket: int, position: int, entry: Any, volume: float, price: float, profit: float = 0.0) -> Deal:
    side: Side = "buy" if entry == "in" else "sell"
    return Deal(
        ticket=ticket,
        position=position,
        entry=entry,
        symbol="EURUSD",
        side=side,
        volume=volume,
        price=price,
        at=_NOW + ticket,
        profit=profit,
        commission=-0.07,
        swap=0.0,
    )


def _round_trip() -> list[Event]:
    """Bought 0.2 lots, sold in two halves; a second order was rejected."""
    return [
        *_updates("s-1-1", "buy", _deal(1, 1, "in", 0.2, 1.1)),
        *_updates("s-1-2", "buy", None),
        *_updates("s-1-3", "sell", _deal(2, 1, "out", 0.1, 1.2, 1000.0)),
        *_updates("s-1-4", "sell", _deal(3, 1, "out", 0.1, 1.05, -500.13)),
    ]


def _account(number: int) -> AccountState:
    return AccountState(
        time=_NOW + number * _MINUTE // 3,
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


def _flow() -> list[Event]:
    """A little of everything that FLOW has."""
    return [
        *(_account(number) for number in range(4)),
        ProfitLoss(time=_NOW, scope="session", id="s", currency="USD", realised=1.23, floating=-0.01),
        ProfitLoss(time=_NOW + 5, scope="session", id="s", currency="USD", realised=1.24, floating=-0.02),
        Alert(time=_NOW, severity="warning", code="gap", text="ä", actor="guard", values={"n": "1"}),
        Signal(session="s", strategy="ema_cross", symbol="EURUSD", name="cross", side="buy"),
        HealthState(time=_NOW, actor="router", state="dead", reason="no beat", pid=5, restarts=2),
    ]


def _state(number: int, state: Any) -> SessionState:
    return SessionState(
        time=_NOW + number,
        session="s",
        account="paper",
        strategy="ema_cross",
        symbols=("EURUSD",),
        state=state,
        params={"fast": "12"},
    )


def _orders() -> list[Event]:
    """A little of everything that ORDERS has."""
    return [
        _state(0, "starting"),
        RiskState(time=_NOW, source="guard", scope="portfolio", id="floor", state="reducing", epoch=1, reason="daily"),
        *_round_trip(),
        VenueReport(report="r", account="paper", session="s", order="s-1-1", kind="accepted"),
        AuditEntry(time=_NOW, number=1, user="ann", action="halt", scope="floor", result="ok", digest="d"),
        _state(9, "running"),
    ]


def _messages() -> list[tuple[str, int, Event]]:
    return [
        *(("ORDERS", seq, event) for seq, event in enumerate(_orders(), 1)),
        *(("FLOW", seq, event) for seq, event in enumerate(_flow(), 1)),
    ]


def _played(messages: Iterable[tuple[str, int, Event]]) -> _Play:
    play = _Play()
    for message in messages:
        assert play.give(*message)
    return play


def test_an_order_is_one_row_with_its_last_state() -> None:
    """Whatever came before; an order that was rejected keeps the reason."""
    play = _played(_messages())
    rows = {row["id"]: row for row in play.rows("SELECT * FROM orders")}
    assert sorted(rows) == ["s-1-1", "s-1-2", "s-1-3", "s-1-4"]
    first = rows["s-1-1"]
    assert (first["state"], first["revision"], first["filled"], first["price"]) == ("filled", 3, 0.2, 1.1)
    assert (first["side"], first["volume"], first["strategy"], first["kind"]) == ("buy", 0.2, "ema_cross", "market")
    assert (rows["s-1-2"]["state"], rows["s-1-2"]["reason"]) == ("rejected", "no money")
    assert rows["s-1-3"]["closes"] == 1


def test_a_deal_is_a_fill_and_a_closing_deal_a_trade_with_its_opening() -> None:
    """Each half that was closed is a trade of its own, with the price and time at which the position was opened."""
    play = _played(_messages())
    fills = play.rows(
        "SELECT ticket, order_id, entry, side, volume, price, profit, commission FROM fills ORDER BY ticket"
    )
    assert [tuple(row.values()) for row in fills] == [
        (1, "s-1-1", "in", "buy", 0.2, 1.1, 0, -7),
        (2, "s-1-3", "out", "sell", 0.1, 1.2, 100_000, -7),
        (3, "s-1-4", "out", "sell", 0.1, 1.05, -50_013, -7),
    ]
    trades = play.rows(
        "SELECT ticket, order_id, side, volume, entry_at, entry_price, exit_at, exit_price, profit, commission"
        " FROM trades ORDER BY ticket"
    )
    assert [tuple(row.values()) for row in trades] == [
        (2, "s-1-3", "buy", 0.1, _NOW + 1, 1.1, _NOW + 2, 1.2, 100_000, -7),
        (3, "s-1-4", "buy", 0.1, _NOW + 1, 1.1, _NOW + 3, 1.05, -50_013, -7),
    ]


def test_a_position_opened_in_parts_has_the_mean_price() -> None:
    """Weighted by volume, with the time of the first part."""
    updates = [
        *_updates("s-1-1", "buy", _deal(1, 1, "in", 0.1, 1.0)),
        *_updates("s-1-2", "buy", _deal(2, 1, "in", 0.3, 2.0)),
        *_updates("s-1-3", "sell", _deal(3, 1, "out", 0.4, 3.0)),
    ]
    play = _played(("ORDERS", seq, update) for seq, update in enumerate(updates, 1))
    (trade,) = play.rows("SELECT entry_at, entry_price FROM trades")
    assert trade == {"entry_at": _NOW + 1, "entry_price": pytest.approx(1.75)}


def test_a_position_that_nobody_here_opened_has_no_entry() -> None:
    """The trade is there, its entry is unknown, not zero."""
    updates = _updates("s-1-1", "sell", _deal(7, 3, "out", 0.4, 3.0))
    play = _played(("ORDERS", seq, update) for seq, update in enumerate(updates, 1))
    assert play.rows("SELECT entry_at, entry_price FROM trades") == [{"entry_at": None, "entry_price": None}]


def test_accounts_and_performance_are_in_hundredths() -> None:
    """The account's last state, and at most one row a minute for each source, the last of that minute."""
    play = _played(_messages())
    (account,) = play.rows("SELECT balance, equity, margin, positions, connected FROM accounts")
    assert account == {"balance": 1_000_301, "equity": 999_999, "margin": 30, "positions": 3, "connected": 1}
    metrics = play.rows("SELECT source, id, minute, balance, realised FROM performance_metrics ORDER BY source, minute")
    assert [tuple(row.values()) for row in metrics] == [
        ("account_state", "paper", _NOW, 1_000_201, None),
        ("account_state", "paper", _NOW + _MINUTE, 1_000_301, None),
        ("profit_loss", "s", _NOW, 0, 124),
    ]


def test_sessions_strategies_events_and_audit_are_kept() -> None:
    """State and first time of a session, its strategy's parameters, what was reported, who did what."""
    play = _played(_messages())
    (session,) = play.rows("SELECT session, state, symbols, first_at, updated_at FROM sessions")
    assert tuple(session.values()) == ("s", "running", '["EURUSD"]', _NOW, _NOW + 9)
    (strategy,) = play.rows("SELECT session, strategy, params FROM strategies")
    assert tuple(strategy.values()) == ("s", "ema_cross", '{"fast":"12"}')
    events = play.rows("SELECT kind, severity, code, actor, text FROM monitoring_events ORDER BY kind")
    assert [tuple(row.values()) for row in events] == [
        ("alert", "warning", "gap", "guard", "ä"),
        ("health", "critical", "dead", "router", "no beat"),
        ("risk", "warning", "reducing", "guard", "daily"),
    ]
    (audit,) = play.rows("SELECT number, user, action, digest FROM audit")
    assert tuple(audit.values()) == (1, "ann", "halt", "d")


@given(cents=st.integers(-(10**13), 10**13))
def test_money_is_exact_to_the_cent(cents: int) -> None:
    """Every amount that is a whole number of cents becomes that number."""
    assert minor(cents / 100) == cents


@settings(max_examples=60)
@given(pick=st.data())
def test_the_tables_do_not_depend_on_the_order_or_number_of_deliveries(pick: st.DataObject) -> None:
    """A consumer gives unacked messages again, later and more than once: the same rows, and nothing is missing."""
    parts = [
        *_updates("s-1-5", "buy", _deal(11, 11, "in", 0.1, 1.1)),
        *_updates("s-1-6", "buy", _deal(12, 11, "in", 0.2, 1.3)),
        *_updates("s-1-7", "buy", _deal(13, 11, "in", 0.3, 1.7)),
        *_updates("s-1-8", "sell", _deal(14, 11, "out", 0.6, 1.8)),
    ]
    messages = [*_messages(), *(("ORDERS", seq, event) for seq, event in enumerate(parts, len(_orders()) + 1))]
    shuffled = pick.draw(st.permutations(messages))
    again = pick.draw(st.lists(st.sampled_from(messages), max_size=10))
    play = _Play()
    for message in [*shuffled, *again]:
        assert play.give(*message)
    assert play.tables() == _played(messages).tables()
    assert play.recorder.gauges() == {"orders_seq": len(_orders()) + 12, "flow_seq": len(_flow()), "missing": 0}
    assert play.rows("SELECT * FROM stream_gaps") == []


def test_an_update_of_an_older_router_changes_nothing() -> None:
    """A newer router's word counts, and an ended order stays ended, as for every other reader."""
    submitting, accepted, filled = _updates("s-1-1", "buy", _deal(1, 1, "in", 0.2, 1.1), incarnation=2)
    late = msgspec.structs.replace(accepted, incarnation=1, revision=9, reason="an old router")
    after = msgspec.structs.replace(submitting, incarnation=3, reason="after the end")
    play = _played([("ORDERS", 1, submitting), ("ORDERS", 2, late)])
    assert play.rows("SELECT state, revision FROM orders") == [{"state": "submitting", "revision": 1}]
    assert play.give("ORDERS", 3, filled)
    assert play.give("ORDERS", 4, after)
    assert play.rows("SELECT state, revision FROM orders") == [{"state": "filled", "revision": 3}]


def test_a_message_that_comes_again_is_only_acked() -> None:
    """No statement runs for it, also after a restart with the same file."""
    play = _played(_messages())
    before = play.connection.total_changes
    assert all(play.give(*message) for message in _messages())
    assert play.connection.total_changes == before


def test_a_message_that_a_killed_recorder_left_is_taken_although_newer_ones_came_first(tmp_path: Path) -> None:
    """After a restart new messages come at once and the unacked one later: it is not taken for a repeat."""
    play = _Play(tmp_path / "x.sqlite")
    messages = _messages()
    left = messages[4]
    for message in messages[:4]:
        play.give(*message)
    play.connection.close()
    play.start()
    for message in messages[5:9]:
        assert play.give(*message)
    play.connection.close()
    play.start()
    assert play.recorder.gauges()["missing"] == 1
    for message in [left, *messages[9:]]:
        assert play.give(*message)
    assert play.tables() == _played(messages).tables()
    assert play.recorder.gauges()["missing"] == 0


def test_a_stream_that_lost_its_end_with_the_server_is_followed(tmp_path: Path) -> None:
    """FLOW is written asynchronously: after a killed server other messages have its last numbers. They are recorded,
    replace what is older, and do not wipe out what was recorded of those that are gone; also after a restart.
    """
    play = _Play(tmp_path / "x.sqlite")
    alerts = [
        Alert(time=_NOW + n, sequence=n, severity="info", code="a", text=str(n), actor="guard") for n in range(1, 9)
    ]
    for seq, event in enumerate([*alerts[:4], _account(1)], 1):
        assert play.give("FLOW", seq, event)
    play.connection.close()
    play.start()
    for seq, event in enumerate([_account(2), *alerts[4:]], 4):
        assert play.give("FLOW", seq, event)
    assert [row["text"] for row in play.rows("SELECT text FROM monitoring_events ORDER BY seq")] == list("12345678")
    assert play.rows("SELECT positions FROM accounts") == [{"positions": 2}]
    assert play.recorder.gauges() == {"orders_seq": 0, "flow_seq": 8, "missing": 0}
    play.connection.close()
    play.start()
    before = play.connection.total_changes
    assert play.give("FLOW", 4, _account(2))
    assert play.connection.total_changes == before


def test_a_failed_store_is_not_acked_and_made_good_later(tmp_path: Path) -> None:
    """What could not be stored is wanted again, also when the recorder restarts in between."""
    play = _Play(tmp_path / "x.sqlite")
    messages = _messages()
    play.give(*messages[0])
    play.connection.execute("CREATE TRIGGER full BEFORE INSERT ON orders BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    failed = [message for message in messages[1:5] if not play.give(*message)]
    assert [type(event) for _, _, event in failed] == [OrderUpdate] * 3
    play.connection.execute("DROP TRIGGER full")
    assert play.give(*messages[5])
    assert play.recorder.gauges()["missing"] == 3
    play.connection.close()
    play.start()
    assert play.recorder.gauges()["missing"] == 3
    for message in [*failed, *messages[6:]]:
        assert play.give(*message)
    assert play.tables() == _played(messages).tables()
    assert play.rows("SELECT * FROM stream_gaps") == []


def test_a_late_message_that_fails_once_leaves_no_gap_behind() -> None:
    """Filling a hole is undone by the failure and done by the next try, in the database as well."""
    play = _Play()
    for seq in (1, 3):
        assert play.give("FLOW", seq, _account(seq))
    play.connection.execute("CREATE TRIGGER full BEFORE UPDATE ON accounts BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    play.connection.execute("CREATE TRIGGER more BEFORE INSERT ON accounts BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    assert not play.give("FLOW", 2, _account(2))
    play.connection.execute("DROP TRIGGER full")
    play.connection.execute("DROP TRIGGER more")
    assert play.give("FLOW", 2, _account(2))
    assert play.rows("SELECT * FROM stream_gaps") == []


@pytest.mark.parametrize(
    "event",
    [
        msgspec.structs.replace(_account(1), balance=1e300),
        msgspec.structs.replace(_account(1), leverage=2**70),
        msgspec.structs.replace(_account(1), time=2**70),
        msgspec.structs.replace(_account(1), currency="\ud800"),
        msgspec.structs.replace(_account(1), balance=1e308),
    ],
)
def test_a_value_that_fits_no_column_is_reported_and_not_tried_again(event: AccountState) -> None:
    """It neither stops the recorder nor comes back for ever: the database says that something was there."""
    play = _Play()
    assert play.give("FLOW", 1, event)
    assert play.rows("SELECT * FROM accounts") == []
    (row,) = play.rows("SELECT kind, severity, code, text FROM monitoring_events")
    assert (row["kind"], row["severity"], row["code"]) == ("recorder", "critical", "unrecordable")
    assert row["text"].startswith("AccountState: ")


def test_a_type_without_a_table_moves_the_place_on() -> None:
    """Nothing is kept of it, but it is dealt with."""
    play = _Play()
    position = PositionState(
        account="paper", ticket=1, symbol="EURUSD", side="buy", volume=0.1, price_open=1.1, opened_at=_NOW
    )
    assert play.give("FLOW", 1, position)
    assert play.rows("SELECT * FROM stream_positions") == [{"stream": "FLOW", "seq": 1, "epoch": 0}]


def test_every_table_and_column_is_documented() -> None:
    """docs/database.md has a section for each table that names its columns."""
    page = (Path(__file__).resolve().parent.parent / "docs" / "database.md").read_text(encoding="utf-8")
    sections = {name: text for text in page.split("\n## ")[1:] for name in re.findall(r"`(\w+)`", text.split("\n")[0])}
    play = _Play()
    tables = [row["name"] for row in play.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = [(table, row["name"]) for table in tables for row in play.rows(f"PRAGMA table_info({table})")]
    assert len(columns) > 100
    assert [pair for pair in columns if f"`{pair[1]}`" not in sections.get(pair[0], "")] == []


def test_it_says_hello_at_the_start_and_when_the_bus_is_back() -> None:
    """Like everyone else; a message that did not come from a stream is not its business."""
    recorder = Recorder("recorder", 1, RecorderConfig())
    (hello,) = recorder.on_start(_NOW)
    assert isinstance(hello, Publish)
    assert subject_of(hello.event) == "hello.recorder"
    assert list(recorder.on_link(LinkChanged(up=True), _NOW)) == [hello]
    assert list(recorder.on_link(LinkChanged(up=False), _NOW)) == []
    assert list(recorder.on_event(EventIn("account.state.paper", _account(1)), _NOW)) == []


def test_a_deleted_database_is_rebuilt_from_the_streams() -> None:
    """A floor's recorder and one that reads the streams afterwards have the same tables, and all orders are in them."""
    floor = LocalFloor(
        Settings(
            feed=FeedSettings(speed=0, seconds=300, symbols=("EURUSD",), seed=3),
            account=(AccountSettings(id="paper", commission=3.5),),
            session=(SessionSettings(id="a", params={"fast": 2, "slow": 5}),),
        )
    )
    first = _attached(floor)
    floor.run()
    second = _attached(floor)
    floor.bus.run()
    tables = _tables(first)
    assert tables == _tables(second)
    assert len(tables["orders"]) > 3
    assert len(tables["fills"]) == len(tables["orders"])
    assert len(tables["trades"]) > 1
    booked = floor.books["paper"].execute("SELECT count(*) FROM deals").fetchone()[0]
    assert len(tables["fills"]) == booked
    (money,) = first.execute("SELECT sum(profit + commission + swap) FROM fills").fetchone()
    assert first.execute("SELECT balance FROM accounts").fetchall() == [(1_000_000 + money,)]
    assert first.execute("SELECT count(*) FROM fills WHERE commission = 0").fetchone() == (0,)


def _attached(floor: LocalFloor) -> sqlite3.Connection:
    """A recorder of its own on the floor's bus."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    recorder = Recorder("recorder", 1, RecorderConfig(), load(connection))
    failed: list[str] = []
    runtime = Runtime(
        recorder, floor.bus, floor.bus, database=SyncDatabase(connection, floor.bus.soon), fatal=failed.append
    )
    drive(runtime.start())
    floor.bus.run()
    assert failed == []
    return connection
