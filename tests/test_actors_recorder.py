"""The recorder's tables: what is in them, in which units."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording import MINUTE, NOW, Play, account, deal, messages_of_all, played, tables_of, updates

from actors.database import SyncDatabase
from actors.effects import Acknowledge, EventIn, LinkChanged, Publish, Store
from actors.local_floor import LocalFloor
from actors.recorder import Recorder, RecorderConfig
from actors.recorder_rows import minor
from actors.recorder_schema import load
from actors.runtime import Runtime
from bus.localbus import drive
from schemas.account import AccountState, PositionState
from schemas.base import Event
from schemas.health import Alert
from schemas.registry import subject_of
from schemas.settings import AccountSettings, FeedSettings, SessionSettings, Settings


def test_an_order_is_one_row_with_its_last_state() -> None:
    """Whatever came before; an order that was rejected keeps the reason."""
    play = played(messages_of_all())
    rows = {row["id"]: row for row in play.rows("SELECT * FROM orders")}
    assert sorted(rows) == ["s-1-1", "s-1-2", "s-1-3", "s-1-4"]
    first = rows["s-1-1"]
    assert (first["state"], first["revision"], first["filled"], first["price"]) == ("filled", 3, 0.2, 1.1)
    assert (first["side"], first["volume"], first["strategy"], first["kind"]) == ("buy", 0.2, "ema_cross", "market")
    assert (rows["s-1-2"]["state"], rows["s-1-2"]["reason"]) == ("rejected", "no money")
    assert rows["s-1-3"]["closes"] == 1


def test_a_deal_is_a_fill_and_a_closing_deal_a_trade_with_its_opening() -> None:
    """Each half that was closed is a trade of its own, with the price and time at which the position was opened."""
    play = played(messages_of_all())
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
        (2, "s-1-3", "buy", 0.1, NOW + 1, 1.1, NOW + 2, 1.2, 100_000, -7),
        (3, "s-1-4", "buy", 0.1, NOW + 1, 1.1, NOW + 3, 1.05, -50_013, -7),
    ]


def test_a_position_opened_in_parts_has_the_mean_price() -> None:
    """Weighted by volume, with the time of the first part."""
    life = [
        *updates("s-1-1", "buy", deal(1, 1, "in", 0.1, 1.0)),
        *updates("s-1-2", "buy", deal(2, 1, "in", 0.3, 2.0)),
        *updates("s-1-3", "sell", deal(3, 1, "out", 0.4, 3.0)),
    ]
    play = played(("ORDERS", seq, update) for seq, update in enumerate(life, 1))
    (trade,) = play.rows("SELECT entry_at, entry_price FROM trades")
    assert trade == {"entry_at": NOW + 1, "entry_price": pytest.approx(1.75)}


def test_a_position_that_nobody_here_opened_has_no_entry() -> None:
    """The trade is there, its entry is unknown, not zero."""
    life = updates("s-1-1", "sell", deal(7, 3, "out", 0.4, 3.0))
    play = played(("ORDERS", seq, update) for seq, update in enumerate(life, 1))
    assert play.rows("SELECT entry_at, entry_price FROM trades") == [{"entry_at": None, "entry_price": None}]


def test_accounts_and_performance_are_in_hundredths() -> None:
    """The account's last state, and at most one row a minute for each source, the last of that minute."""
    play = played(messages_of_all())
    (account,) = play.rows("SELECT balance, equity, margin, positions, connected FROM accounts")
    assert account == {"balance": 1_000_301, "equity": 999_999, "margin": 30, "positions": 3, "connected": 1}
    metrics = play.rows(
        "SELECT source, id, minute, balance, equity, realised, floating, positions FROM performance_metrics"
        " ORDER BY source, minute, id"
    )
    assert [tuple(row.values()) for row in metrics] == [
        ("account_state", "paper", NOW, 1_000_201, 999_999, None, None, 2),
        ("account_state", "paper", NOW + MINUTE, 1_000_301, 999_999, None, None, 3),
        ("profit_loss", "floor", NOW, 10_123, 10_122, 123, -1, 2),
        ("profit_loss", "s", NOW, None, None, 124, None, 1),
    ]


def test_sessions_strategies_events_and_audit_are_kept() -> None:
    """State and first time of a session, its strategy's parameters, what was reported, who did what."""
    play = played(messages_of_all())
    (session,) = play.rows("SELECT session, state, symbols, first_at, updated_at FROM sessions")
    assert tuple(session.values()) == ("s", "running", '["EURUSD"]', NOW, NOW + 9)
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


@pytest.mark.parametrize(
    "event",
    [
        msgspec.structs.replace(account(1), balance=1e300),
        msgspec.structs.replace(account(1), leverage=2**70),
        msgspec.structs.replace(account(1), time=2**70),
        msgspec.structs.replace(account(1), currency="\ud800"),
        msgspec.structs.replace(account(1), balance=1e308),
    ],
)
def test_a_value_that_fits_no_column_is_reported_and_not_tried_again(event: AccountState) -> None:
    """It neither stops the recorder nor comes back for ever: the database says that something was there."""
    play = Play()
    assert play.give("FLOW", 1, event)
    assert play.rows("SELECT * FROM accounts") == []
    (row,) = play.rows("SELECT kind, severity, code, text FROM monitoring_events")
    assert (row["kind"], row["severity"], row["code"]) == ("recorder", "critical", "unrecordable")
    assert row["text"].startswith("AccountState: ")


@pytest.mark.parametrize(
    ("subject", "event"),
    [
        ("signal.s.x", updates("s-1-1", "buy", deal(1, 1, "in", 0.2, 1.1))[-1]),
        ("signal.s.x", account(1)),
        ("alert.critical.session-s", Alert(severity="critical", code="superseded", text="not so", actor="guard")),
    ],
)
def test_what_a_session_says_on_its_own_subject_in_anothers_name_is_not_believed(subject: str, event: Event) -> None:
    """No order, fill, account or alert of somebody else comes of it: only the news that it was there."""
    play = Play()
    message = EventIn(subject, event, stream="FLOW", stream_seq=1)
    store, done = play.recorder.on_event(message, NOW)
    assert isinstance(store, Store)
    for sql, values in store.statements:
        play.connection.execute(sql, values)
    assert done == Acknowledge("FLOW", 1)
    assert (
        play.rows("SELECT * FROM orders")
        == play.rows("SELECT * FROM accounts")
        == play.rows("SELECT * FROM fills")
        == []
    )
    (row,) = play.rows("SELECT code, actor, text FROM monitoring_events")
    assert row == {"code": "unrecordable", "actor": "", "text": f"{type(event).__name__}: not believed on {subject}"}


def test_a_type_without_a_table_moves_the_place_on() -> None:
    """Nothing is kept of it, but it is dealt with."""
    play = Play()
    position = PositionState(
        account="paper", ticket=1, symbol="EURUSD", side="buy", volume=0.1, price_open=1.1, opened_at=NOW
    )
    assert play.give("FLOW", 1, position)
    assert play.rows("SELECT * FROM stream_positions") == [{"stream": "FLOW", "seq": 1, "epoch": 0}]


def test_every_table_and_column_is_documented() -> None:
    """docs/database.md has a section for each table that names its columns."""
    page = (Path(__file__).resolve().parent.parent / "docs" / "database.md").read_text(encoding="utf-8")
    sections = {name: text for text in page.split("\n## ")[1:] for name in re.findall(r"`(\w+)`", text.split("\n")[0])}
    play = Play()
    tables = [row["name"] for row in play.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = [(table, row["name"]) for table in tables for row in play.rows(f"PRAGMA table_info({table})")]
    assert len(columns) > 100
    assert [pair for pair in columns if f"`{pair[1]}`" not in sections.get(pair[0], "")] == []


def test_it_says_hello_at_the_start_and_when_the_bus_is_back() -> None:
    """Like everyone else; a message that did not come from a stream is not its business."""
    recorder = Recorder("recorder", 1, RecorderConfig())
    (hello,) = recorder.on_start(NOW)
    assert isinstance(hello, Publish)
    assert subject_of(hello.event) == "hello.recorder"
    assert list(recorder.on_link(LinkChanged(up=True), NOW)) == [hello]
    assert list(recorder.on_link(LinkChanged(up=False), NOW)) == []
    assert list(recorder.on_event(EventIn("account.state.paper", account(1)), NOW)) == []


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
    tables = tables_of(first)
    assert tables == tables_of(second)
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
