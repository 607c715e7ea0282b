"""An actor's database: what it refuses to open, and the order and durability of its transactions."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from actors.database import Database, DatabaseError, Migration, SyncDatabase, connect, migrate

_FIRST = Migration("2020-01-01_first", ("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT",))
_SECOND = Migration("2020-02-01_second", ("ALTER TABLE t ADD COLUMN c INTEGER", "CREATE TABLE u (a INTEGER) STRICT"))
_INSERT = "INSERT INTO t (a, b) VALUES (?, ?)"


def _made(path: Path, *migrations: Migration) -> None:
    with closing(connect(path, durable=True)) as connection:
        migrate(connection, migrations)


def _rows(path: Path, sql: str = "SELECT a, b FROM t ORDER BY a") -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


class _Results:
    """Collects what `done` was called with."""

    def __init__(self, expected: int) -> None:
        self.errors: list[tuple[int, str]] = []
        self.all = asyncio.Event()
        self._expected = expected

    def of(self, number: int) -> Callable[[str], None]:
        def done(error: str) -> None:
            self.errors.append((number, error))
            if len(self.errors) == self._expected:
                self.all.set()

        return done


def test_migrations_are_applied_once_in_order_and_recorded(tmp_path: Path) -> None:
    """A new file gets all of them; opened again it gets those it lacks."""
    path = tmp_path / "x.sqlite"
    with closing(connect(path, durable=True)) as connection:
        assert migrate(connection, [_FIRST]) == [_FIRST.name]
        assert migrate(connection, [_FIRST, _SECOND]) == [_SECOND.name]
        assert migrate(connection, [_FIRST, _SECOND]) == []
    assert _rows(path, "SELECT name FROM _migrations ORDER BY number") == [(_FIRST.name,), (_SECOND.name,)]


def test_a_file_with_data_is_copied_before_a_migration(tmp_path: Path) -> None:
    """The copy has the old schema and the data; an empty database leaves no copy behind."""
    path = tmp_path / "x.sqlite"
    _made(path, _FIRST)
    with closing(connect(path, durable=True)) as connection:
        connection.execute(_INSERT, (1, "kept"))
        migrate(connection, [_FIRST, _SECOND])
    copies = sorted(tmp_path.glob("x.sqlite.before-*"))
    assert [copy.name for copy in copies] == [f"x.sqlite.before-{_SECOND.name}"]
    assert _rows(copies[0]) == [(1, "kept")]
    assert _rows(copies[0], "SELECT name FROM _migrations") == [(_FIRST.name,)]


def test_a_failed_migration_leaves_the_old_schema(tmp_path: Path) -> None:
    """All statements of a migration or none; the error names the file."""
    path = tmp_path / "x.sqlite"
    _made(path, _FIRST)
    broken = Migration("2020-02-01_broken", ("CREATE TABLE u (a INTEGER)", "CREATE TABLE t (a INTEGER)"))
    with (
        closing(connect(path, durable=True)) as connection,
        pytest.raises(DatabaseError, match=r"x\.sqlite: .*table t already exists"),
    ):
        migrate(connection, [_FIRST, broken])
    assert _rows(path, "SELECT name FROM sqlite_master WHERE name = 'u'") == []


@pytest.mark.parametrize(
    ("known", "what"),
    [
        ([_FIRST], "a newer Pitwire wrote it"),
        ([_SECOND, _FIRST], "in this order"),
    ],
)
def test_a_file_of_another_program_version_is_refused(tmp_path: Path, known: list[Migration], what: str) -> None:
    """Unknown migrations, or another order, are refused and the file stays as it is."""
    path = tmp_path / "x.sqlite"
    _made(path, _FIRST, _SECOND)
    before = path.read_bytes()
    with closing(connect(path, durable=True)) as connection, pytest.raises(DatabaseError, match=what):
        migrate(connection, known)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"this is a text file, not a database " * 40, "is not an SQLite database")],
)
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    """The error says what the file is not, and the file is left alone."""
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match=rf"x\.sqlite: {what}"):
        connect(path, durable=True)
    assert path.read_bytes() == content


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """A database whose schema page is overwritten says that it is damaged, and what to do."""
    path = tmp_path / "x.sqlite"
    _made(path, _FIRST)
    data = bytearray(path.read_bytes())
    data[100:200] = b"\xff" * 100
    path.write_bytes(data)
    with pytest.raises(DatabaseError, match=r"x\.sqlite: is damaged"):
        connect(path, durable=True)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """The error says what was expected."""
    with pytest.raises(DatabaseError, match=r"x\.sqlite: cannot be opened: expected an existing folder"):
        connect(tmp_path / "none" / "x.sqlite", durable=True)


def test_a_file_that_may_only_be_read_is_refused(tmp_path: Path) -> None:
    """It is noticed at the opening, not at the first order."""
    path = tmp_path / "x.sqlite"
    _made(path, _FIRST)
    uri = f"{path.as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection,
        pytest.raises(DatabaseError, match="read-only"),
    ):
        migrate(connection, [_FIRST, _SECOND])


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Database]:
    """A database with the first migration at `x.sqlite`."""
    database = await Database.open(tmp_path / "x.sqlite", [_FIRST], durable=True)
    yield database
    await database.close()


async def test_each_run_is_all_or_nothing_and_answered_in_order(tmp_path: Path, opened: Database) -> None:
    """Runs asked for together may share a commit, but one that fails takes nobody else with it."""
    results = _Results(4)
    opened.run([(_INSERT, (1, "one"))], results.of(1))
    opened.run([(_INSERT, (2, "two")), (_INSERT, (1, "again"))], results.of(2))
    opened.run([(_INSERT, (3, "three"))], results.of(3))
    opened.run([("INSERT INTO nowhere VALUES (1)", ())], results.of(4))
    assert results.errors == []
    await asyncio.wait_for(results.all.wait(), 10)
    assert [number for number, _ in results.errors] == [1, 2, 3, 4]
    errors = dict(results.errors)
    assert errors[1] == errors[3] == ""
    assert "UNIQUE constraint failed" in errors[2]
    assert "no such table" in errors[4]
    assert _rows(tmp_path / "x.sqlite") == [(1, "one"), (3, "three")]


async def test_a_value_that_does_not_fit_is_an_error_of_its_run(opened: Database) -> None:
    """A number past 64 bits, or text that is no Unicode, is reported like any other failure."""
    results = _Results(2)
    opened.run([(_INSERT, (2**70, "big"))], results.of(1))
    opened.run([(_INSERT, (1, "\ud800"))], results.of(2))
    await asyncio.wait_for(results.all.wait(), 10)
    assert "OverflowError" in results.errors[0][1]
    assert "UnicodeEncodeError" in results.errors[1][1]


async def test_done_comes_after_the_commit(tmp_path: Path, opened: Database) -> None:
    """When `done` is called another connection sees the rows."""
    seen: asyncio.Future[list[tuple[object, ...]]] = asyncio.get_running_loop().create_future()
    opened.run([(_INSERT, (1, "x"))], lambda error: seen.set_result(_rows(tmp_path / "x.sqlite")))
    assert await asyncio.wait_for(seen, 10) == [(1, "x")]


async def test_closing_finishes_what_was_asked_for(tmp_path: Path, opened: Database) -> None:
    """Runs before `close` are committed and answered; one after it is told that the database is closed."""
    results = _Results(2_001)
    for number in range(2_000):
        opened.run([(_INSERT, (number, "x"))], results.of(number))
    await opened.close()
    await opened.close()
    assert _rows(tmp_path / "x.sqlite", "SELECT count(*) FROM t") == [(2_000,)]
    opened.run([(_INSERT, (5_000, "x"))], results.of(2_000))
    await asyncio.wait_for(results.all.wait(), 10)
    assert results.errors[-1] == (2_000, "the database is closed")
    assert not any(error for _, error in results.errors[:-1])


async def test_opening_reports_what_is_wrong(tmp_path: Path) -> None:
    """The same errors as `connect`, and no thread is left behind."""
    path = tmp_path / "x.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(DatabaseError, match="is not an SQLite database"):
        await Database.open(path, [_FIRST], durable=True)


def test_a_full_disk_is_reported_and_the_file_stays_whole(tmp_path: Path) -> None:
    """When SQLite cannot grow the file the run fails as a whole, in words, and later runs work again."""
    path = tmp_path / "x.sqlite"
    _made(path, _FIRST)
    connection = connect(path, durable=True)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages + 2}")
    called: list[str] = []
    database = SyncDatabase(connection, lambda callback: callback())
    database.run([(_INSERT, (number, "x" * 1000)) for number in range(100)], called.append)
    database.run([(_INSERT, (1, "small"))], called.append)
    assert "the disk is full" in called[0]
    assert called[1] == ""
    assert _rows(path) == [(1, "small")]
    database.close()


def test_on_the_callers_thread_done_is_still_called_later(tmp_path: Path) -> None:
    """SyncDatabase commits at once and answers by `soon`, never from inside `run`."""
    path = tmp_path / "x.sqlite"
    _made(path, _FIRST)
    later: list[Callable[[], object]] = []
    errors: list[str] = []
    database = SyncDatabase(connect(path, durable=True), later.append)
    database.run([(_INSERT, (1, "x"))], errors.append)
    database.run([(_INSERT, (1, "x"))], errors.append)
    assert errors == []
    for callback in later:
        callback()
    assert errors[0] == ""
    assert "UNIQUE" in errors[1]
    database.close()


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    """After SIGKILL right behind `done` the row is there."""
    path = tmp_path / "x.sqlite"
    program = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from actors.database import Database, Migration\n"
        "async def main():\n"
        "    made = Migration('one', ('CREATE TABLE t (a INTEGER, b TEXT)',))\n"
        "    database = await Database.open(Path(sys.argv[1]), [made], durable=False)\n"
        "    database.run([('INSERT INTO t VALUES (1, 2)', ())], lambda error: os.kill(os.getpid(), signal.SIGKILL))\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", program, path], check=False, timeout=30)
    assert _rows(path) == [(1, "2")]
