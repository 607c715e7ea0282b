"""What an actor is made from at its start: configuration, recovered state, its own database.

Owns the reading: guard, router and portfolio recover from the ORDERS stream, gateway, session and recorder from their
SQLite files. The actors themselves do no I/O.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from actors.database import Database, SyncDatabase, connect
from actors.roles import ROLES, load_role
from bus.clock import wall_us
from schemas.codec import CodecError, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.actor import Actor
    from actors.handover import Handover
    from bus.interface import Bus, Incoming

__all__ = ["Recovered", "database_path", "recover"]

_FROM_ORDERS = {"guard", "router", "portfolio"}


class Recovered(msgspec.Struct):
    """An actor ready to start. `history`: the stream messages that its state already holds."""

    actor: Actor
    config: msgspec.Struct
    state: msgspec.Struct | None
    history: Sequence[Incoming]
    database: Database | SyncDatabase | None

    async def close(self) -> None:
        """Finish what the database was asked for, and close it."""
        if isinstance(self.database, Database):
            await self.database.close()
        elif self.database is not None:
            self.database.close()


def database_path(handover: Handover) -> Path | None:
    """The actor's own file, None for one that has none."""
    data = Path(handover.home) / "data"
    return {
        "gateway": data / f"book-{handover.account}.sqlite",
        "session": data / f"session-{handover.session}.sqlite",
        "recorder": data / "pitwire.sqlite",
    }.get(handover.role)


async def recover(handover: Handover, bus: Bus) -> Recovered:
    """Make the actor.

    Raises SettingsError, StrategyError, FeedError or DatabaseError when what it is to be made from is not usable.
    """
    role = load_role(handover.role)
    config = await asyncio.to_thread(_config, handover)
    history: Sequence[Incoming] = ()
    state: msgspec.Struct | None = None
    database: Database | SyncDatabase | None = None
    path = database_path(handover)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable = handover.role != "recorder"
        state = await asyncio.to_thread(_load, handover.role, path, config, durable=durable)
        if handover.role == "session":
            # Its one small row is on the way of every order: two thread switches would cost as much as the commit,
            # and there is nothing else for the runner to do meanwhile.
            database = SyncDatabase(connect(path, durable=durable), asyncio.get_running_loop().call_soon)
        else:
            database = await Database.open(path, durable=durable)
    elif handover.role in _FROM_ORDERS:
        history = await bus.history("ORDERS", [">"])
        module: Any = import_module(role.actor.__module__)
        state = module.recover(config, _events(history))
    actor = role.make(handover.name, handover.incarnation, config, state)
    return Recovered(actor, config, state, history, database)


def _events(history: Sequence[Incoming]) -> list[Any]:
    events = []
    for incoming in history:
        try:
            events.append(decode(incoming.data))
        except CodecError:
            continue  # a type that this version does not know: nothing of it concerns this actor
    return events


def _config(handover: Handover) -> msgspec.Struct:
    """The role's configuration. Files are read here, off the event loop."""
    settings = handover.settings
    if handover.role == "feed":
        from actors.feed_config import feed_config
        from actors.ticks import digest

        digests = [digest(file.path) for file in settings.feed.files]
        return feed_config(settings.feed, expect=handover.expect, digests=digests, now=wall_us())
    if handover.role == "session":
        from actors import runner

        return runner.config_from(settings, handover.session)
    if handover.role == "router":
        from actors import router

        return router.config_from(settings, handover.guard_public)
    if handover.role == "gateway":
        from actors import paper

        return paper.config_from(settings, handover.account, handover.guard_public)
    module: Any = import_module(ROLES[handover.role][0])
    config: msgspec.Struct = module.config_from(settings)
    return config


def _load(role: str, path: Path, config: Any, *, durable: bool) -> msgspec.Struct | None:  # noqa: ANN401 - the role's
    module: Any = import_module(
        {"gateway": "actors.paper_book", "session": "actors.session_book", "recorder": "actors.recorder_schema"}[role]
    )
    connection = connect(path, durable=durable)
    try:
        state: msgspec.Struct | None = module.load(connection)
        if role == "gateway":
            from actors.paper_funding import hold

            hold(connection, config)
    finally:
        connection.close()
    return state
