"""What a paper account was opened with: its currency and its deposit, which its book keeps from then on.

Owns the one row of the book's table `funding`. Every amount in a book is in its currency and on top of its deposit, so
other settings later would be the same money under another name, or money from nowhere.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from actors.database import DatabaseError
from actors.valuation import money
from schemas.settings import SettingsError

if TYPE_CHECKING:
    from actors.paper_venue import PaperConfig

__all__ = ["hold"]


def hold(connection: sqlite3.Connection, config: PaperConfig) -> None:
    """Write the currency and the deposit into a book that has none; hold the settings to those of one that has.

    A book that was written before this was kept is taken to be what the settings say now. Expects the schema of
    `actors.paper_book`.

    Raises:
        SettingsError: the settings say another currency or another deposit.
        DatabaseError: the book cannot be written.
    """
    path = connection.execute("PRAGMA database_list").fetchone()[2] or ":memory:"
    try:
        connection.execute(
            "INSERT INTO funding (id, currency, deposit) VALUES (1, ?, ?) ON CONFLICT (id) DO NOTHING",
            (config.currency, config.deposit),
        )
        currency, deposit = connection.execute("SELECT currency, deposit FROM funding").fetchone()
    except sqlite3.Error as error:
        raise DatabaseError(path, str(error), passing=True) from error
    if currency != config.currency:
        message = (
            f"account {config.account}: the book ({path}) is in {currency}, pitwire.toml says {config.currency};"
            f" expected {currency}, or an account with another id"
        )
        raise SettingsError(message)
    if deposit != config.deposit:
        message = (
            f"account {config.account}: the book ({path}) began with a deposit of {money(deposit):.2f} {currency},"
            f" pitwire.toml says {money(config.deposit):.2f}; expected {money(deposit):.2f}, or an account with"
            " another id"
        )
        raise SettingsError(message)
