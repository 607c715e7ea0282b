"""The recorder's tables that have no end keep their newest rows; a database of the first schema is brought along."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording import NOW, Play, account, flow, messages_of_all, orders, played, tables_of

from actors import recorder_retention
from actors.database import connect, migrate
from actors.recorder_retention import EVERY, KEPT, trimmed
from actors.recorder_schema import MIGRATIONS, load
from schemas.account import ProfitLoss
from schemas.base import Event
from schemas.health import Alert, LogLine


def log_line(number: int, text: str = "") -> LogLine:
    """A numbered line."""
    return LogLine(time=NOW + number, level="info", actor="feed", event=f"{number}", values={"text": text})


def alert(number: int) -> Alert:
    """A numbered alert."""
    return Alert(time=NOW + number, severity="info", code="c", text=f"{number}", actor="feed")


def kept(play: Play, table: str) -> list[int]:
    """The sequences of its rows."""
    return [row["seq"] for row in play.rows(f"SELECT seq FROM {table} ORDER BY seq")]  # noqa: S608


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep three rows, and trim every eight messages."""
    monkeypatch.setattr(recorder_retention, "EVERY", 8)
    monkeypatch.setattr("actors.recorder.trimmed", lambda stream, place: trimmed(stream, place, kept=3))


@pytest.mark.usefixtures("few")
def test_the_newest_rows_stay(tmp_path: Path) -> None:
    """Of each table those of its own, whatever else the stream holds; the next trim is due after some messages."""
    play = Play()
    kinds: dict[int, Callable[[int], Event]] = {1: log_line, 2: alert}
    for seq in range(1, 24):
        assert play.give("FLOW", seq, kinds.get(seq % 3, account)(seq))
    assert kept(play, "log_lines") == [10, 13, 16, 19, 22]
    assert kept(play, "monitoring_events") == [8, 11, 14, 17, 20, 23]
    assert play.give("FLOW", 24, account(24))
    assert kept(play, "log_lines") == [16, 19, 22]
    assert kept(play, "monitoring_events") == [17, 20, 23]


@pytest.mark.usefixtures("few")
def test_one_streams_flood_leaves_the_others_rows() -> None:
    """A risk state in ORDERS is not pushed out by alerts in FLOW."""
    play = played(("ORDERS", seq, event) for seq, event in enumerate(orders(), 1001))
    before = play.rows("SELECT * FROM monitoring_events WHERE stream = 'ORDERS'")
    for seq in range(1, 33):
        play.give("FLOW", seq, alert(seq))
    assert play.rows("SELECT * FROM monitoring_events WHERE stream = 'ORDERS'") == before
    assert len(before) == 1
    assert kept(play, "monitoring_events")[:-1] == [30, 31, 32]


@given(order=st.permutations(range(1, 40)))
def test_after_a_trim_the_rows_do_not_depend_on_the_order_of_delivery(order: list[int]) -> None:
    """What came late is trimmed like what came in time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder_retention, "EVERY", 8)
        patch.setattr("actors.recorder.trimmed", lambda stream, place: trimmed(stream, place, kept=3))
        shuffled, straight = Play(), Play()
        for play, numbers in ((shuffled, order), (straight, sorted(order))):
            for seq in [*numbers, 40]:
                assert play.give("FLOW", seq, log_line(seq))
        assert shuffled.tables() == straight.tables()
        assert kept(straight, "log_lines") == [38, 39, 40]


def test_a_trim_is_due_at_every_8192nd_message_and_keeps_100000() -> None:
    """As docs/database.md says."""
    assert (EVERY, KEPT) == (8192, 100_000)
    due = [place for place in range(1, 4 * EVERY) if trimmed("FLOW", place)]
    assert {after - before for before, after in pairwise(due)} == {EVERY}


def test_a_novel_becomes_a_short_row() -> None:
    """A session may say anything: a row has a size that a hundred thousand of them may have."""
    novel = "ä" * 100_000
    events: list[Event] = [log_line(1, novel), alert(2)]
    play = played(
        ("FLOW", seq, event)
        for seq, event in enumerate(
            [
                *events,
                LogLine(level="info", actor="a", event=novel),
                Alert(severity="info", code=novel, text=novel, actor="a", values={"x": novel}),
            ],
            1,
        )
    )
    (first, second) = play.rows("SELECT event, detail FROM log_lines ORDER BY seq")
    assert first == {"event": "1", "detail": '{"left_out":"100011 characters"}'}
    assert second == {"event": f"{novel[:4096]}... (100000 characters)", "detail": "{}"}
    told = play.rows("SELECT code, text, detail FROM monitoring_events ORDER BY seq")[1]
    assert told["code"] == told["text"] == second["event"]
    assert told["detail"] == '{"left_out":"100008 characters"}'


# ---- the second schema


def first_schema(path: Path) -> None:
    """A file as the first version left it, with rows in every table that it wrote."""
    with closing(connect(path, durable=False)) as connection:
        migrate(connection, MIGRATIONS[:1])
        whole = played(message for message in messages_of_all() if not isinstance(message[2], ProfitLoss | LogLine))
        for table, rows in whole.tables().items():
            if table == "log_lines":
                assert rows == []
                continue
            for row in rows:
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


def test_a_database_of_the_first_version_is_migrated_with_its_rows(tmp_path: Path) -> None:
    """A copy is made before; the rows are the same, and what follows goes into the new columns and table."""
    path = tmp_path / "pitwire.sqlite"
    first_schema(path)
    with closing(sqlite3.connect(path)) as connection:
        before = connection.execute("SELECT * FROM performance_metrics").fetchall()
        others = connection.execute("SELECT count(*) FROM orders").fetchone()
        with pytest.raises(sqlite3.IntegrityError, match=r"NOT NULL.*balance"):
            connection.execute("UPDATE performance_metrics SET balance = NULL")
    assert len(before) == 2
    with closing(connect(path, durable=False)) as connection:
        load(connection)
        assert connection.execute("SELECT * FROM performance_metrics").fetchall() == before
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == others
        names = [name for (name,) in connection.execute("SELECT name FROM _migrations ORDER BY number")]
        assert names == [migration.name for migration in MIGRATIONS]
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name LIKE '%_before'").fetchone()
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    with closing(sqlite3.connect(f"{path}.before-{MIGRATIONS[1].name}")) as copy:
        assert copy.execute("SELECT * FROM performance_metrics").fetchall() == before
        assert [name for (name,) in copy.execute("SELECT name FROM _migrations")] == [MIGRATIONS[0].name]
    play = Play(path)
    missed = [event for event in flow() if isinstance(event, ProfitLoss | LogLine)]
    for seq, event in enumerate(missed, 100):
        assert play.give("FLOW", seq, event)
    assert play.rows("SELECT actor, event FROM log_lines") == [{"actor": "router", "event": "trouble"}]
    unknown = play.rows("SELECT id, realised FROM performance_metrics WHERE balance IS NULL")
    assert unknown == [{"id": "s", "realised": 124}]
    play.connection.close()


def test_a_migrated_database_has_the_schema_of_a_new_one(tmp_path: Path) -> None:
    """To the letter, indexes included."""
    path = tmp_path / "pitwire.sqlite"
    first_schema(path)
    schema = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
    with closing(connect(path, durable=False)) as connection:
        load(connection)
        migrated = connection.execute(schema).fetchall()
    assert migrated == Play().connection.execute(schema).fetchall()
    assert "log_lines" in tables_of(Play().connection)
