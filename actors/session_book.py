"""What a session knows of its own orders and positions, and the file in which it survives.

Positions follow from orders alone: what an opening order has filled, less what closing orders have filled on its
ticket. The file (SQLite) holds the whole state as one JSON document, written before each intent leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors.database import Migration, migrate
from actors.effects import Store
from actors.strategy import Position
from schemas.order import ENDED, OrderState, OrderTerms

if TYPE_CHECKING:
    import sqlite3

    from schemas.order import OrderUpdate

__all__ = ["MIGRATIONS", "OrderView", "RunnerState", "load", "saved"]

MIGRATIONS = (
    Migration("001_state", ("CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL) STRICT",)),
)
"""The file's schema."""

_SAVE = "INSERT INTO state (id, body) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
_VOLUME_EPSILON = 1e-9


class OrderView(msgspec.Struct):
    """An order as its session sees it."""

    terms: OrderTerms
    state: OrderState = OrderState.INTENDED
    filled: float = 0.0
    price: float = 0.0
    position: int = 0
    revision: int = 0
    reason: str = ""
    router: int = 0
    """The incarnation of the router whose update was the last."""

    @property
    def ended(self) -> bool:
        """Nothing follows."""
        return self.state in ENDED

    @property
    def pending(self) -> bool:
        """Its outcome on the tick that caused it is still open."""
        return self.state in {OrderState.INTENDED, OrderState.CLEARED, OrderState.SUBMITTING, OrderState.UNKNOWN}


class RunnerState(msgspec.Struct):
    """`strategies`: each symbol's strategy state as JSON. `reports`: venue reports seen, for simulated time."""

    orders: dict[str, OrderView] = msgspec.field(default_factory=dict)
    strategies: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    reports: int = 0
    signals: int = 0
    intents: int = 0

    def fold(self, update: OrderUpdate) -> OrderView | None:
        """Take an update in; None when it says nothing new. An order that is not known was made by an earlier self.

        As `life_cycle.supersedes`: what a router has ended stays ended, and a newer router is believed before an older.
        """
        view = self.orders.get(update.order)
        if view is None:
            view = self.orders[update.order] = OrderView(update.terms)
        ended = view.ended and view.revision > 0
        if ended or (update.incarnation, update.revision) <= (view.router, view.revision):
            return None
        view.state, view.revision, view.router = update.state, update.revision, update.incarnation
        view.filled, view.price, view.reason = update.filled, update.price, update.reason
        view.position = update.position or view.position
        return view

    def positions(self, symbol: str) -> list[Position]:
        """Open positions, oldest ticket first."""
        volume: dict[int, float] = {}
        for view in self.orders.values():
            if view.terms.symbol == symbol and view.filled > 0:
                ticket = view.terms.position or view.position
                sign = -1 if view.terms.position else 1
                volume[ticket] = volume.get(ticket, 0.0) + sign * view.filled
        return [
            Position(view.position, symbol, view.terms.side, round(volume[view.position], 8), view.price)
            for view in sorted(self.orders.values(), key=lambda one: one.position)
            if view.terms.symbol == symbol
            and not view.terms.position
            and view.filled > 0
            and volume[view.position] > _VOLUME_EPSILON
        ]

    def prune(self) -> None:
        """Forget ended orders that no open position rests on."""
        open_tickets = {
            position.ticket
            for symbol in {view.terms.symbol for view in self.orders.values()}
            for position in self.positions(symbol)
        }
        self.orders = {
            name: view
            for name, view in self.orders.items()
            if not view.ended or (view.terms.position or view.position) in open_tickets
        }


def saved(state: RunnerState) -> Store:
    """The effect that makes the state durable."""
    return Store(((_SAVE, (msgspec.json.encode(state).decode(),)),))


def load(connection: sqlite3.Connection) -> RunnerState | None:
    """The state from the file, None from a new one. Brings the schema up to date; raises DatabaseError."""
    migrate(connection, MIGRATIONS)
    row = connection.execute("SELECT body FROM state WHERE id = 1").fetchone()
    return msgspec.json.decode(row[0], type=RunnerState) if row else None
