"""An actor's own SQLite file: opened with named migrations, written in durable transactions in the order of the calls.

Owns opening (WAL, migrations, errors for people) and the two runners of `Store` effects: `Database` on a thread of its
own by aiosqlite, `SyncDatabase` on the caller's thread for the in-process floor and tests.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import aiosqlite
import msgspec

from bus.clock import wall_us

__all__ = ["Database", "DatabaseError", "Migration", "Statements", "SyncDatabase", "connect", "migrate"]

Statements: TypeAlias = Sequence[tuple[str, tuple[int | float | str | bytes | None, ...]]]
Done: TypeAlias = Callable[[str], None]

_BUSY_MS = 5_000
_GROUP = 512
_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "not permitted: the file or its folder is read-only",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: expected an existing folder that may be written to",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database",
    sqlite3.SQLITE_CORRUPT: "is damaged: move it away (projections are rebuilt from the streams) or restore a copy",
    sqlite3.SQLITE_BUSY: "is in use by another process",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error",
    sqlite3.SQLITE_PERM: "not permitted",
}

_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL}


class DatabaseError(Exception):
    """A database cannot be used as it is: the text says which file, what is wrong and what was expected.

    `passing`: a moment later it may be usable, without anybody mending it.
    """

    def __init__(self, path: Path | str, what: str, *, passing: bool = False) -> None:
        super().__init__(f"{path}: {what}")
        self.passing = passing
        self.path = path
        self.what = what


class Migration(msgspec.Struct, frozen=True):
    """A named change of the schema, recorded in `_migrations` when it is applied. Never edited once released."""

    name: str
    statements: tuple[str, ...]


def connect(path: Path, *, durable: bool) -> sqlite3.Connection:
    """Open or create the file. `durable`: a commit returns when the disk has it (synchronous=FULL); otherwise it
    survives any process but the last commits may go with a power failure (NORMAL).

    Transactions are explicit (autocommit mode). Raises DatabaseError.
    """
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise DatabaseError(path, _reason(error), passing=_code(error) in _PASSING) from error
    if mode not in {"wal", "memory"}:
        connection.close()
        raise DatabaseError(path, f"expected journal mode wal, got {mode}: its folder does not support it")
    return connection


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> list[str]:
    """Bring the schema up to date; the names applied now, in order.

    A file that holds data is first copied to `<file>.before-<name>`. Raises DatabaseError, also for a file with
    migrations that are not in the list (a newer program wrote it) or not in its order.
    """
    path = connection.execute("PRAGMA database_list").fetchone()[2] or ":memory:"
    names = [migration.name for migration in migrations]
    try:
        applied = _applied(connection)
        if unknown := [name for name in applied if name not in names]:
            raise DatabaseError(
                path,
                f"has the migration {unknown[0]!r}, which this program does not know: a newer"
                " Pitwire wrote it; expected one that this version or an older one wrote",
            )
        if applied != names[: len(applied)]:
            raise DatabaseError(path, f"has the migrations {applied}; expected the first of {names}, in this order")
        pending = migrations[len(applied) :]
        if pending and path != ":memory:" and _has_data(connection):
            _copy(connection, Path(f"{path}.before-{pending[0].name}"))
        for migration in pending:
            _apply(connection, migration)
    except sqlite3.Error as error:
        raise DatabaseError(path, _reason(error), passing=_code(error) in _PASSING) from error
    return names[len(applied) :]


def _applied(connection: sqlite3.Connection) -> list[str]:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS _migrations"
        " (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, applied_at INTEGER NOT NULL) STRICT"
    )
    return [row[0] for row in connection.execute("SELECT name FROM _migrations ORDER BY number")]


def _has_data(connection: sqlite3.Connection) -> bool:
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> '_migrations' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    return any(connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone() for (name,) in tables)  # noqa: S608


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    try:
        with closing(sqlite3.connect(target)) as copy:
            connection.backup(copy)
    except sqlite3.Error:
        target.unlink(missing_ok=True)
        raise


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    _run(
        connection,
        [
            *((sql, ()) for sql in migration.statements),
            ("INSERT INTO _migrations (name, applied_at) VALUES (?, ?)", (migration.name, wall_us())),
        ],
    )


def _code(error: BaseException) -> int:
    """SQLite's primary code, the low byte of the extended one; 0 for other errors."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _reason(error: BaseException) -> str:
    """SQLite's error for people."""
    known = _REASONS.get(_code(error))
    text = f"{type(error).__name__}: {error}"
    return f"{known} ({error})" if known else text


def _run(connection: sqlite3.Connection, statements: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
    """One transaction: all or nothing. Raises what SQLite raised."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, values in statements:
            connection.execute(sql, values)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _error(connection: sqlite3.Connection, statements: Statements) -> str:
    """One transaction; "" or the error's text."""
    try:
        _run(connection, statements)
    except Exception as error:  # noqa: BLE001 - whatever it is (also a value SQLite cannot hold), it is reported
        return _reason(error)
    return ""


def _group(connection: sqlite3.Connection, group: Sequence[Statements]) -> list[str]:
    """Several runs in one transaction; when it fails, each again in one of its own so that only the culprit fails."""
    if len(group) > 1 and not _error(connection, [statement for statements in group for statement in statements]):
        return [""] * len(group)
    return [_error(connection, statements) for statements in group]


class _Connection(aiosqlite.Connection):
    """aiosqlite's thread and queue, with one hop for a whole group of transactions instead of one a statement.

    A process that ends without closing is not held up by the thread: what was committed is in the file.
    """

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._thread.daemon = True

    async def run(self, group: Sequence[Statements]) -> list[str]:
        errors: list[str] = await self._execute(_group, self._conn, group)  # type: ignore[no-untyped-call]
        return errors


class Database:
    """Runs transactions on a thread of its own, for an actor on the event loop."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._pending: deque[tuple[Statements, Done]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    async def open(cls, path: Path, migrations: Sequence[Migration] = (), *, durable: bool) -> Database:
        """Open or create the file (see `connect`) and bring its schema up to date. Raises DatabaseError."""

        def opened() -> sqlite3.Connection:
            connection = connect(path, durable=durable)
            try:
                if migrations:
                    migrate(connection, migrations)
            except DatabaseError:
                connection.close()
                raise
            return connection

        # Not by aiosqlite's own thread: when that cannot open it ends some time later, perhaps after the event loop.
        raw = await asyncio.to_thread(opened)
        connection = _Connection(lambda: raw)
        await connection
        return cls(connection)

    def run(self, statements: Statements, done: Done) -> None:
        """One durable transaction; `done("")` after its commit or `done(error)`, in the order of the calls and never
        from inside this one. Runs that wait at the same time may share a commit.
        """
        if self._closed:
            self._loop.call_soon(done, "the database is closed")
            return
        self._pending.append((statements, done))
        if self._task is None:
            self._task = self._loop.create_task(self._drain())

    async def close(self) -> None:
        """Finish what was asked for, then close the file. Idempotent."""
        self._closed = True
        while self._task is not None:
            await asyncio.wait([self._task])
        await self._connection.close()

    async def _drain(self) -> None:
        try:
            while self._pending:
                group = [self._pending.popleft() for _ in range(min(_GROUP, len(self._pending)))]
                errors = await self._connection.run([statements for statements, _ in group])
                for (_, done), error in zip(group, errors, strict=True):
                    self._loop.call_soon(done, error)
        finally:
            self._task = None


class SyncDatabase:
    """The same on the caller's thread. `soon` calls a function back after the current one has returned."""

    def __init__(self, connection: sqlite3.Connection, soon: Callable[[Callable[[], object]], object]) -> None:
        self._connection = connection
        self._soon = soon

    def run(self, statements: Statements, done: Done) -> None:
        """One transaction, at once; `done("")` or `done(error)` by `soon`."""
        error = _error(self._connection, statements)
        self._soon(lambda: done(error))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
