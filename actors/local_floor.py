"""A whole floor in one process: the same actors on the in-process bus, in simulated time.

For parity runs, tests and backtests of Python strategies: feed, sessions, guard, router and paper gateways, each in its
own runtime, single-threaded and deterministic. Books and session files are SQLite in memory unless a folder is given.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec
from nacl.signing import SigningKey

from actors import guard, paper, paper_book, portfolio, router, runner, session_book
from actors.database import SyncDatabase, connect
from actors.feed import Feed
from actors.feed_config import feed_config
from actors.paper_funding import hold
from actors.runtime import Runtime
from bus.localbus import LocalBus, drive
from schemas.codec import encode
from schemas.registry import subject_of
from schemas.session import SessionState

if TYPE_CHECKING:
    from pathlib import Path

    from actors.actor import Actor
    from schemas.settings import Settings

__all__ = ["LocalFloor", "LocalFloorError"]

_KEY = b"\x07" * 32


class LocalFloorError(Exception):
    """An actor could not go on, or time stopped before the data ended."""


class LocalFloor:
    """Made from the settings of a floor; speed is taken as 0. `run` plays all data."""

    def __init__(self, settings: Settings, folder: Path | None = None) -> None:
        self.settings = msgspec.structs.replace(settings, feed=msgspec.structs.replace(settings.feed, speed=0.0))
        self.bus = LocalBus()
        self.actors: dict[str, Actor] = {}
        self.books: dict[str, sqlite3.Connection] = {}
        self._folder = folder
        self._failed: list[str] = []
        self._runtimes: list[Runtime] = []
        self._build()

    def run(self) -> None:
        """Play the data to its end. LocalFloorError when something stopped it."""
        for session in self.settings.session:
            running = SessionState(
                session=session.id,
                account=session.account,
                strategy=session.strategy,
                symbols=session.symbols,
                state="running",
                source="supervisor",
                incarnation=1,
                sequence=1,
            )
            self.bus.publish(subject_of(running), encode(running))
        for runtime in self._runtimes:
            drive(runtime.start())
            self.bus.run()
        self.bus.run()
        if self._failed:
            raise LocalFloorError("; ".join(self._failed))
        feed = self.actors["feed"]
        if feed.describe() != "ended":
            message = f"the feed is {feed.describe()}: an order has no outcome"
            raise LocalFloorError(message)
        for runtime in reversed(self._runtimes):
            runtime.stop()
        self.bus.run()

    def _build(self) -> None:
        key = SigningKey(_KEY)
        public = bytes(key.verify_key).hex()
        settings = self.settings
        gateways = [f"gateway-{account.id}" for account in settings.account]
        sessions = [f"session-{session.id}" for session in settings.session]
        expect = (*gateways, "guard", "router", "portfolio", *sessions)
        self._add(Feed("feed", self._next(), feed_config(settings.feed, expect=expect)))
        for account in settings.account:
            book = self.books[account.id] = self._database(f"book-{account.id}")
            venue = paper.config_from(settings, account.id, public)
            state = paper_book.load(book)
            hold(book, venue)
            self._add(paper.Paper(f"gateway-{account.id}", self._next(), venue, state), book)
        self._add(guard.Guard("guard", self._next(), guard.config_from(settings)), key=key)
        self._add(router.Router("router", self._next(), router.config_from(settings, public)))
        self._add(portfolio.Portfolio("portfolio", self._next(), portfolio.config_from(settings)))
        for session in settings.session:
            file = self._database(f"session-{session.id}")
            config = runner.config_from(settings, session.id)
            self._add(runner.Runner(f"session-{session.id}", self._next(), config, session_book.load(file)), file)

    def _next(self) -> int:
        return len(self._runtimes) + 1

    def _database(self, name: str) -> sqlite3.Connection:
        if self._folder is None:
            return sqlite3.connect(":memory:", isolation_level=None)
        return connect(self._folder / f"{name}.sqlite", durable=False)

    def _add(self, actor: Actor, database: sqlite3.Connection | None = None, key: SigningKey | None = None) -> None:
        self.actors[actor.name] = actor
        self._runtimes.append(
            Runtime(
                actor,
                self.bus,
                self.bus,
                database=SyncDatabase(database, self.bus.soon) if database is not None else None,
                signing_key=key,
                fatal=lambda reason: self._failed.append(f"{actor.name}: {reason}"),
            )
        )
