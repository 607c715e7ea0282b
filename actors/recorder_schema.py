"""The recorder's database: its tables as migrations, and what is recovered from it.

The tables are projections of the streams ORDERS and FLOW: delete the file and they are read again. Every table, column
and unit is described in docs/database.md. Money is INTEGER hundredths, times are INTEGER UTC microseconds, volumes
(lots) and prices REAL as they travelled.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from actors.database import Migration, migrate
from actors.stream_progress import Progress

__all__ = ["MIGRATIONS", "RecorderState", "load", "recorded"]

_FIRST = Migration(
    "2026-01-01_projections",
    (
        """
        CREATE TABLE accounts (
            account TEXT NOT NULL PRIMARY KEY,
            venue TEXT NOT NULL,
            currency TEXT NOT NULL,
            balance INTEGER NOT NULL,
            equity INTEGER NOT NULL,
            margin INTEGER NOT NULL,
            leverage INTEGER NOT NULL,
            mode TEXT NOT NULL,
            positions INTEGER NOT NULL,
            connected INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            seq INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE strategies (
            session TEXT NOT NULL,
            strategy TEXT NOT NULL,
            account TEXT NOT NULL,
            symbols TEXT NOT NULL,
            params TEXT NOT NULL,
            first_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (session, strategy)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE sessions (
            session TEXT NOT NULL PRIMARY KEY,
            account TEXT NOT NULL,
            strategy TEXT NOT NULL,
            symbols TEXT NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL,
            first_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            seq INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE orders (
            id TEXT NOT NULL PRIMARY KEY,
            account TEXT NOT NULL,
            session TEXT NOT NULL,
            strategy TEXT NOT NULL,
            venue TEXT NOT NULL,
            symbol TEXT NOT NULL,
            kind TEXT NOT NULL,
            order_class TEXT NOT NULL,
            side TEXT NOT NULL,
            volume REAL NOT NULL,
            limit_price REAL NOT NULL,
            sl REAL NOT NULL,
            tp REAL NOT NULL,
            closes INTEGER NOT NULL,
            submitted_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            state TEXT NOT NULL,
            incarnation INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            filled REAL NOT NULL,
            price REAL NOT NULL,
            position INTEGER NOT NULL,
            reason TEXT NOT NULL,
            cycle TEXT NOT NULL,
            comment TEXT NOT NULL,
            updated_at INTEGER NOT NULL,
            seq INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX orders_by_session ON orders (session, submitted_at)",
        """
        CREATE TABLE fills (
            account TEXT NOT NULL,
            ticket INTEGER NOT NULL,
            order_id TEXT NOT NULL REFERENCES orders (id),
            report TEXT NOT NULL,
            session TEXT NOT NULL,
            strategy TEXT NOT NULL,
            position INTEGER NOT NULL,
            entry TEXT NOT NULL,
            symbol TEXT NOT NULL,
            side TEXT NOT NULL,
            volume REAL NOT NULL,
            price REAL NOT NULL,
            at INTEGER NOT NULL,
            profit INTEGER NOT NULL,
            commission INTEGER NOT NULL,
            swap INTEGER NOT NULL,
            reason TEXT NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (account, ticket)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX fills_by_position ON fills (account, position)",
        "CREATE INDEX fills_by_order ON fills (order_id)",
        """
        CREATE TABLE trades (
            account TEXT NOT NULL,
            ticket INTEGER NOT NULL,
            position INTEGER NOT NULL,
            order_id TEXT NOT NULL,
            session TEXT NOT NULL,
            strategy TEXT NOT NULL,
            symbol TEXT NOT NULL,
            side TEXT NOT NULL,
            volume REAL NOT NULL,
            entry_at INTEGER,
            entry_price REAL,
            exit_at INTEGER NOT NULL,
            exit_price REAL NOT NULL,
            profit INTEGER NOT NULL,
            commission INTEGER NOT NULL,
            swap INTEGER NOT NULL,
            PRIMARY KEY (account, ticket),
            FOREIGN KEY (account, ticket) REFERENCES fills (account, ticket)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX trades_by_session ON trades (session, exit_at)",
        """
        CREATE TABLE performance_metrics (
            source TEXT NOT NULL,
            scope TEXT NOT NULL,
            id TEXT NOT NULL,
            minute INTEGER NOT NULL,
            at INTEGER NOT NULL,
            currency TEXT NOT NULL,
            balance INTEGER NOT NULL,
            equity INTEGER NOT NULL,
            margin INTEGER,
            realised INTEGER,
            floating INTEGER,
            positions INTEGER,
            seq INTEGER NOT NULL,
            PRIMARY KEY (source, scope, id, minute)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE monitoring_events (
            stream TEXT NOT NULL,
            seq INTEGER NOT NULL,
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            severity TEXT NOT NULL,
            code TEXT NOT NULL,
            actor TEXT NOT NULL,
            text TEXT NOT NULL,
            detail TEXT NOT NULL,
            PRIMARY KEY (stream, seq)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX monitoring_events_by_time ON monitoring_events (at)",
        """
        CREATE TABLE audit (
            seq INTEGER NOT NULL PRIMARY KEY,
            number INTEGER NOT NULL,
            at INTEGER NOT NULL,
            user TEXT NOT NULL,
            action TEXT NOT NULL,
            scope TEXT NOT NULL,
            result TEXT NOT NULL,
            detail TEXT NOT NULL,
            previous TEXT NOT NULL,
            digest TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX audit_by_number ON audit (number)",
        """
        CREATE TABLE stream_positions (
            stream TEXT NOT NULL PRIMARY KEY,
            seq INTEGER NOT NULL,
            epoch INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE stream_gaps (
            stream TEXT NOT NULL,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            PRIMARY KEY (stream, first)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE stream_marks (
            stream TEXT NOT NULL,
            slot INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            mark INTEGER NOT NULL,
            PRIMARY KEY (stream, slot)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)

# SQLite cannot take a NOT NULL away, so the table is made anew: a figure that is not known is NULL.
_SECOND = Migration(
    "2026-11-21_log_lines_and_unknown_figures",
    (
        """
        CREATE TABLE log_lines (
            stream TEXT NOT NULL,
            seq INTEGER NOT NULL,
            at INTEGER NOT NULL,
            level TEXT NOT NULL,
            actor TEXT NOT NULL,
            event TEXT NOT NULL,
            detail TEXT NOT NULL,
            PRIMARY KEY (stream, seq)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX log_lines_by_time ON log_lines (at)",
        "ALTER TABLE performance_metrics RENAME TO performance_metrics_before",
        """
        CREATE TABLE performance_metrics (
            source TEXT NOT NULL,
            scope TEXT NOT NULL,
            id TEXT NOT NULL,
            minute INTEGER NOT NULL,
            at INTEGER NOT NULL,
            currency TEXT NOT NULL,
            balance INTEGER,
            equity INTEGER,
            margin INTEGER,
            realised INTEGER,
            floating INTEGER,
            positions INTEGER,
            seq INTEGER NOT NULL,
            PRIMARY KEY (source, scope, id, minute)
        ) STRICT, WITHOUT ROWID
        """,
        """
        INSERT INTO performance_metrics
        SELECT source, scope, id, minute, at, currency, balance, equity, margin, realised, floating, positions, seq
        FROM performance_metrics_before
        """,
        "DROP TABLE performance_metrics_before",
    ),
)

MIGRATIONS: tuple[Migration, ...] = (_FIRST, _SECOND)
"""All of them, oldest first."""


class RecorderState(msgspec.Struct):
    """How far each stream has been recorded, by its name. `gaps`: those that the database has of each."""

    streams: dict[str, Progress] = msgspec.field(default_factory=dict)
    gaps: dict[str, list[tuple[int, int]]] = msgspec.field(default_factory=dict)


def load(connection: sqlite3.Connection) -> RecorderState:
    """Create or migrate the tables and read how far they reach. Raises DatabaseError."""
    migrate(connection, MIGRATIONS)
    state = RecorderState(_progress(connection))
    for stream, slot, seq, epoch, mark in connection.execute("SELECT stream, slot, seq, epoch, mark FROM stream_marks"):
        state.streams[stream].marks[slot] = (seq, epoch, mark)
    state.gaps = {stream: list(progress.gaps) for stream, progress in state.streams.items()}
    return state


def recorded(path: Path) -> dict[str, Progress] | None:
    """How far each stream is in the file, without the marks, and without changing it; nothing when there is no file or
    nothing in it, None when it cannot be read: the recorder will say why.
    """
    if not path.exists():
        return {}
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return _progress(connection) if connection.execute("SELECT 1 FROM sqlite_master").fetchone() else {}
    except sqlite3.Error:
        return None


def _progress(connection: sqlite3.Connection) -> dict[str, Progress]:
    streams: dict[str, Progress] = {}
    for stream, seq, epoch in connection.execute("SELECT stream, seq, epoch FROM stream_positions ORDER BY stream"):
        streams[stream] = Progress(seq, epoch)
    for stream, first, last in connection.execute("SELECT stream, first, last FROM stream_gaps ORDER BY stream, first"):
        streams[stream].gaps.append((first, last))
    return streams
