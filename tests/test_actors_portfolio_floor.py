"""The portfolio on a whole floor: its figures are the venue's own to the cent, and the sum of the recorded trades."""

from __future__ import annotations

import sqlite3

import msgspec
import pytest

from actors import paper, portfolio
from actors.database import SyncDatabase
from actors.local_floor import LocalFloor
from actors.portfolio import Portfolio
from actors.recorder import Recorder, RecorderConfig
from actors.recorder_schema import load
from actors.runtime import Runtime
from bus.localbus import drive
from schemas.account import AccountState, PositionProfits, ProfitLoss
from schemas.base import Event
from schemas.codec import decode, encode
from schemas.settings import AccountSettings, FeedSettings, PortfolioSettings, SessionSettings, Settings

QUICK: dict[str, int | float | str | bool] = {"fast": 2, "slow": 5}
SETTINGS = Settings(
    feed=FeedSettings(kind="synthetic", speed=0, seconds=300, symbols=("EURUSD", "USDJPY", "XAUUSD"), seed=3),
    account=(
        AccountSettings(id="euro", currency="EUR", commission=3.5),
        AccountSettings(id="dollar", currency="USD", commission=2.25),
    ),
    session=(
        SessionSettings(id="a", account="euro", symbols=("EURUSD",), params=QUICK),
        SessionSettings(id="b", account="euro", symbols=("XAUUSD",), params=QUICK),
        SessionSettings(id="c", account="dollar", symbols=("USDJPY",), params=QUICK),
    ),
    portfolio=PortfolioSettings(currency="USD"),
)
NAMES = ("euro", "dollar")


def played(settings: Settings = SETTINGS) -> LocalFloor:
    """A floor that has run to the end of its data."""
    floor = LocalFloor(settings)
    floor.run()
    return floor


def flow(floor: LocalFloor) -> list[Event]:
    """Everything in FLOW, in its order."""
    return [decode(one.data) for one in floor.bus._streams["FLOW"]]  # noqa: SLF001 - what the in-process stream holds


def told(floor: LocalFloor) -> list[bytes]:
    """What the portfolio said, byte by byte."""
    return [encode(event) for event in flow(floor) if event.source == "portfolio"]


def last(floor: LocalFloor) -> dict[tuple[str, str], ProfitLoss]:
    """The last word on each scope."""
    return {(one.scope, one.id): one for one in flow(floor) if isinstance(one, ProfitLoss)}


@pytest.mark.parametrize("seed", [3, 11])
def test_balance_and_equity_are_the_venues_own_to_the_cent_on_the_same_ticks(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Told at every tick by both: two accounts, three profit currencies, both commissions."""
    monkeypatch.setattr(portfolio, "_MINUTE_US", 1)
    monkeypatch.setattr(paper, "_SECOND_US", 0)
    settings = msgspec.structs.replace(SETTINGS, feed=msgspec.structs.replace(SETTINGS.feed, seed=seed))
    events = flow(played(settings))
    venue = {name: [one for one in events if isinstance(one, AccountState) and one.account == name] for name in NAMES}
    compared = floating = 0
    for event in events:
        if not isinstance(event, ProfitLoss) or event.scope != "account" or event.equity is None:
            continue
        # At the same tick, before the orders that it led to; the last word before it if the tick has changed nothing.
        at_tick = [one for one in venue[event.id] if one.cause == event.cause]
        own = at_tick[0] if at_tick else [one for one in venue[event.id] if one.time < event.time][-1]
        assert (event.balance, event.equity, event.positions) == (own.balance, own.equity, own.positions)
        compared += 1
        floating += event.floating != 0
    assert compared > 1500
    assert floating > 1000


def test_at_the_end_everything_is_known_and_adds_up() -> None:
    """Marks to accounts, strategies to sessions to accounts; and the whole is the accounts'."""
    floor = played()
    scopes = last(floor)
    for name in NAMES:
        mine = [scopes["session", one.id] for one in SETTINGS.session if one.account == name]
        account = scopes["account", name]
        assert account.floating is not None
        assert _cents(account.realised) == sum(_cents(one.realised) for one in mine)
        assert _cents(account.floating) == sum(_cents(one.floating) for one in mine)
        assert account.deals == sum(one.deals for one in mine) > 10
        marks = [one for one in flow(floor) if isinstance(one, PositionProfits) and one.account == name][-1].marks
        assert _cents(account.floating) == sum(_cents(mark.profit) for mark in marks)
        assert account.positions == len(marks)
        (booked,) = floor.books[name].execute("SELECT sum(profit + commission) FROM deals").fetchone()
        assert _cents(account.realised) == booked
    for one in SETTINGS.session:
        strategy, session = scopes["strategy", f"{one.id}/ema_cross"], scopes["session", one.id]
        assert (strategy.realised, strategy.floating, strategy.deals) == (
            session.realised,
            session.floating,
            session.deals,
        )
    whole = scopes["portfolio", "floor"]
    assert (whole.currency, whole.deals) == ("USD", scopes["account", "euro"].deals + scopes["account", "dollar"].deals)
    assert whole.equity is not None
    assert whole.equity > 20_000  # 10,000 EUR and 10,000 USD


def _cents(amount: float | None) -> int:
    assert amount is not None
    return round(amount * 100)


def test_it_is_told_once_a_minute_and_the_same_data_gives_the_same_bytes() -> None:
    """Few words in the lock-step; a second run says them again."""
    floor = played()
    first = told(floor)
    assert first == told(played())
    times = {event.time for event in flow(floor) if event.source == "portfolio"}
    assert len(times) == 6  # the first tick, four full minutes, the end
    other = msgspec.structs.replace(SETTINGS, feed=msgspec.structs.replace(SETTINGS.feed, seed=4))
    assert told(played(other)) != first


def test_nothing_of_what_is_over_is_kept() -> None:
    """All orders have ended; positions are those of the venue."""
    floor = played()
    mine = floor.actors["portfolio"]
    assert isinstance(mine, Portfolio)
    held = sum(floor.actors[f"gateway-{one.id}"].gauges()["positions"] for one in SETTINGS.account)
    gauges = mine.gauges()
    assert (gauges["positions"], gauges["orders"], gauges["strays"]) == (held, 0, 0)
    assert gauges["deals"] == len(mine.state.book.ended)


def test_the_recorded_trades_and_commissions_sum_up_to_the_realised_profit() -> None:
    """To the cent, in SQL: a trade has what its closing booked, opening a position costs commission beside it."""
    floor = LocalFloor(SETTINGS)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    failed: list[str] = []
    runtime = Runtime(
        Recorder("recorder", 1, RecorderConfig(), load(connection)),
        floor.bus,
        floor.bus,
        database=SyncDatabase(connection, floor.bus.soon),
        fatal=failed.append,
    )
    drive(runtime.start())
    floor.run()
    assert failed == []
    scopes = last(floor)
    for one in SETTINGS.session:
        trades, openings = (
            connection.execute(sql, (one.id,)).fetchone()[0]
            for sql in (
                "SELECT sum(profit + commission + swap) FROM trades WHERE session = ?",
                "SELECT sum(profit + commission + swap) FROM fills WHERE entry = 'in' AND session = ?",
            )
        )
        assert trades + openings == _cents(scopes["session", one.id].realised)
    newest = connection.execute(
        "SELECT balance, equity, realised, floating FROM performance_metrics"
        " WHERE source = 'profit_loss' AND scope = 'portfolio' ORDER BY minute DESC LIMIT 1"
    ).fetchone()
    whole = scopes["portfolio", "floor"]
    assert newest == tuple(_cents(one) for one in (whole.balance, whole.equity, whole.realised, whole.floating))
    minutes = "SELECT count(*) FROM performance_metrics WHERE source = 'profit_loss' AND scope = 'account' AND id = ?"
    assert connection.execute(minutes, ("euro",)).fetchone()[0] >= 5
