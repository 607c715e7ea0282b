"""The whole order path in one process: every number agrees, and the same ticks give the same orders."""

from __future__ import annotations

import msgspec
import pytest

from actors.guard import Guard
from actors.local_floor import LocalFloor, LocalFloorError
from actors.paper import Paper
from actors.router import Router
from actors.runner import Runner
from schemas.codec import decode
from schemas.order import ENDED, OrderUpdate
from schemas.settings import FeedSettings, GuardSettings, SessionSettings, Settings

SETTINGS = Settings(
    feed=FeedSettings(kind="synthetic", speed=0, seconds=300, symbols=("EURUSD", "XAUUSD"), seed=3),
    session=(
        SessionSettings(id="a", params={"fast": 2, "slow": 5}),
        SessionSettings(id="b", symbols=("XAUUSD",), params={"fast": 2, "slow": 5}),
    ),
)


def played(settings: Settings) -> LocalFloor:
    """A floor that has run to the end of its data."""
    floor = LocalFloor(settings)
    floor.run()
    return floor


def updates(floor: LocalFloor) -> list[OrderUpdate]:
    """Every life-cycle event in ORDERS."""
    kept = floor.bus._streams["ORDERS"]  # noqa: SLF001 - what the in-process stream holds
    return [event for one in kept if isinstance(event := decode(one.data), OrderUpdate)]


def test_every_order_ends_and_all_books_agree() -> None:
    """Runner, guard, router, stream and the venue's book count the same."""
    floor = played(SETTINGS)
    guard, router, paper = floor.actors["guard"], floor.actors["router"], floor.actors["gateway-paper"]
    assert isinstance(guard, Guard)
    assert isinstance(router, Router)
    assert isinstance(paper, Paper)
    last = {update.order: update for update in updates(floor)}
    assert len(last) > 10
    assert {update.state in ENDED for update in last.values()} == {True}
    (booked,) = floor.books["paper"].execute("SELECT count(*) FROM deals").fetchone()
    assert booked == sum(update.deal is not None for update in updates(floor)) == len(last)
    assert guard.gauges()["cleared"] == len(last)
    runners = [actor for actor in floor.actors.values() if isinstance(actor, Runner)]
    assert sum(runner.state.intents for runner in runners) == len(last)
    held = sum(len(runner.state.positions(symbol)) for runner in runners for symbol in runner.config.symbols)
    assert held == paper.gauges()["positions"]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    """Orders, prices and times."""
    first, second = ([msgspec.json.encode(update) for update in updates(played(SETTINGS))] for _ in range(2))
    assert first == second
    other = msgspec.structs.replace(SETTINGS, feed=msgspec.structs.replace(SETTINGS.feed, seed=4))
    assert [msgspec.json.encode(update) for update in updates(played(other))] != first


def test_a_guard_that_is_reducing_lets_nothing_open() -> None:
    """No deal at all, and time goes on."""
    floor = played(msgspec.structs.replace(SETTINGS, guard=GuardSettings(state="reducing")))
    assert floor.books["paper"].execute("SELECT count(*) FROM deals").fetchone() == (0,)
    assert updates(floor) == []


def test_a_lot_limit_holds_across_sessions() -> None:
    """An account limit below both sessions' volume: never more open at once."""
    floor = played(msgspec.structs.replace(SETTINGS, guard=GuardSettings(max_account_lots=0.01)))
    volume: dict[int, float] = {}
    for update in updates(floor):
        if update.deal is not None:
            sign = 1 if update.deal.entry == "in" else -1
            volume[update.deal.position] = volume.get(update.deal.position, 0.0) + sign * update.deal.volume
            assert sum(volume.values()) < 0.01 + 1e-9
    assert volume


def test_an_actor_that_cannot_go_on_stops_the_floor_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """No silent half result."""

    def broken(self: Runner, message: object, now: int) -> list[object]:
        raise RuntimeError("boom")

    monkeypatch.setattr(Runner, "on_event", broken)
    monkeypatch.setattr(Runner, "on_failure", broken)
    with pytest.raises(LocalFloorError, match="session-a: on_failure raised RuntimeError: boom"):
        played(SETTINGS)
