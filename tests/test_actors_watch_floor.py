"""The watch on a real floor: who is frozen or killed is told, stops what opens, and never what closes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from commandline import running_below

from actors.restart_budget import RestartBudget
from actors.supervisor import Supervisor
from bus.clock import LiveClock, wall_us
from bus.interface import Incoming, Replied
from bus.natsbus import NatsBus
from schemas.answers import LogAnswer
from schemas.base import Event
from schemas.codec import decode, encode
from schemas.command import Ask, CommandResult
from schemas.health import Alert, HealthState
from schemas.market import Tick
from schemas.order import ENDED, OrderCleared, OrderIntent, OrderRefused, OrderState, OrderTerms, OrderUpdate
from schemas.registry import subject_of
from schemas.settings import FeedSettings, SessionSettings, Settings

E = TypeVar("E", bound=Event)
SETTINGS = Settings(
    feed=FeedSettings(symbols=("EURUSD",), rate=5),
    # Its own strategy needs most of an hour before it decides anything.
    session=(SessionSettings(id="s", params={"fast": 400, "slow": 500}),),
)
HEARD = ("md.tick.>", "order.cleared.>", "order.refused.>", "order.update.>", "health.state.>", "alert.>")
WITHIN_S = 50


class Trader:
    """Hears the floor, and asks for orders in the session's name."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.supervisor: Supervisor
        self._number = 0
        self._buses: dict[str, NatsBus] = {}
        self._more = asyncio.Event()

    async def listen(self, supervisor: Supervisor) -> None:
        """Before any actor runs."""
        self.supervisor = supervisor
        bus = await self.connect("observer")
        for subject in HEARD:
            bus.subscribe(subject, self._heard)
        await bus.flush()

    async def connect(self, name: str) -> NatsBus:
        """A connection with one of the floor's identities."""
        supervisor = self.supervisor
        bus = NatsBus(supervisor.server.url, name=name, clock=LiveClock(), seed=supervisor.keys.seed(name))
        await bus.open()
        self._buses[name] = bus
        return bus

    async def close(self) -> None:
        """Leave."""
        for bus in self._buses.values():
            await bus.close()

    async def wait(self, kind: type[E], wanted: Callable[[E], bool], since: int = 0) -> E:
        """The first one that fits, of those since that many had come."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                for event in self.events[since:]:
                    if isinstance(event, kind) and wanted(event):
                        return event
                self._more.clear()
                await self._more.wait()

    async def health(self, actor: str, state: str, since: int = 0) -> HealthState:
        """Wait until the watch says so."""
        return await self.wait(HealthState, lambda said: (said.actor, said.state) == (actor, state), since)

    def send(self, side: str, position: int = 0) -> str:
        """Ask for 0.01 lots at the newest quote: the order's id."""
        self._number += 1
        tick = next(event for event in reversed(self.events) if isinstance(event, Tick))
        terms = OrderTerms(
            id=f"s-1000000-{self._number}",
            account="paper",
            session="s",
            strategy="by_hand",
            venue=tick.venue,
            symbol=tick.symbol,
            kind="market",
            side="buy" if side == "buy" else "sell",
            volume=0.01,
            submitted_at=wall_us(),
            expires_at=wall_us() + 3_000_000,
            position=position,
            bid=tick.bid,
            ask=tick.ask,
        )
        self._buses["session-s"].publish(f"order.intent.paper.{terms.session}", encode(OrderIntent(terms=terms)))
        return terms.id

    async def verdict(self, side: str, position: int = 0) -> OrderCleared | OrderRefused:
        """What the guard says to that."""
        if "session-s" not in self._buses:
            await self.connect("session-s")
        order = self.send(side, position)

        def is_it(event: Event) -> bool:
            if isinstance(event, OrderRefused):
                return event.order == order
            return isinstance(event, OrderCleared) and event.terms.id == order

        event = await self.wait(Event, is_it)
        assert isinstance(event, OrderCleared | OrderRefused)
        return event

    async def until(self, wanted: Callable[[OrderCleared | OrderRefused], bool]) -> OrderCleared | OrderRefused:
        """Ask to open at every tick until the verdict is this one."""
        async with asyncio.timeout(WITHIN_S):
            while not wanted(verdict := await self.verdict("buy")):
                await self.wait(Tick, lambda _: True, len(self.events))
            return verdict

    async def open(self) -> int:
        """Open a position as soon as the guard lets it pass: its ticket."""
        while True:
            verdict = await self.until(lambda said: isinstance(said, OrderCleared))
            assert isinstance(verdict, OrderCleared)
            assert verdict.order_class == "open"
            ended = await self.ended(verdict.terms.id)
            if ended.state == OrderState.FILLED:
                return ended.position
            await self.wait(Tick, lambda _: True, len(self.events))  # a new gateway has no quote before the next tick

    async def refused(self, actual: str) -> None:
        """Nothing opens, by the rule and for this reason."""
        verdict = await self.until(lambda said: isinstance(said, OrderRefused) and said.rule == "core_actor")
        assert isinstance(verdict, OrderRefused)
        assert verdict.limit == "every core actor alive"
        assert verdict.actual.startswith(actual)

    async def closed(self, position: int) -> None:
        """A close passes and is filled."""
        verdict = await self.verdict("sell", position)
        assert isinstance(verdict, OrderCleared), verdict
        assert verdict.order_class == "close"
        assert (await self.ended(verdict.terms.id)).state == OrderState.FILLED

    async def ended(self, order: str) -> OrderUpdate:
        """Wait for the order's end."""
        return await self.wait(OrderUpdate, lambda said: said.order == order and said.state in ENDED)

    async def ask(self, verb: str) -> Event:
        """A question of the floor's owner to the watch."""
        bus = self._buses.get("owner") or await self.connect("owner")
        answered: asyncio.Future[Replied] = asyncio.get_running_loop().create_future()
        question = Ask(id="q", user="owner", scope="floor", service="watch", verb=verb)
        bus.request(subject_of(question), encode(question), timeout_us=5_000_000, done=answered.set_result)
        replied = await answered
        assert not replied.error
        return decode(replied.data)

    def strike(self, name: str, number: signal.Signals) -> None:
        """A signal to an actor's process."""
        os.kill(next(actor.pid for actor in self.supervisor.status().actors if actor.name == name), number)

    def _heard(self, incoming: Incoming) -> None:
        self.events.append(decode(incoming.data))
        self._more.set()


Start = Callable[[], Awaitable[Trader]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a floor in the test's folder; it is taken down afterwards."""
    traders: list[Trader] = []

    async def begin() -> Trader:
        trader = Trader()
        supervisor = Supervisor(tmp_path / "home", SETTINGS, before_crew=trader.listen, after_crew=trader.close)
        trader.supervisor = supervisor
        traders.append(trader)
        await supervisor.start()
        return trader

    yield begin
    for trader in traders:
        await trader.supervisor.stop("the test is over")
    assert running_below(tmp_path) == []


async def test_a_frozen_recorder_stops_opens_until_it_goes_on_and_never_a_close(start: Start) -> None:
    """Nobody would keep the record of what is opened; what is open must be closed all the same."""
    trader = await start()
    position = await trader.open()
    mark = len(trader.events)
    trader.strike("recorder", signal.SIGSTOP)
    await trader.health("recorder", "dead", mark)
    await trader.refused("recorder dead: no beat for 3 s")
    await trader.closed(position)
    await trader.wait(Alert, lambda alert: alert.code == "actor_dead", mark)
    told = [event for event in trader.events[mark:] if isinstance(event, Alert)]
    assert [alert.code for alert in told if alert.values.get("actor") == "recorder"] == ["actor_late", "actor_dead"]
    mark = len(trader.events)
    trader.strike("recorder", signal.SIGCONT)
    await trader.health("recorder", "alive", mark)
    await trader.closed(await trader.open())


async def test_a_recorder_that_is_given_up_stops_opens_and_people_can_read_why(start: Start) -> None:
    """`failed` is for good. The watch's answer holds the alert, and knows no other question."""
    trader = await start()
    position = await trader.open()
    trader.supervisor.crew.posts["recorder"].budget = RestartBudget(0)
    trader.strike("recorder", signal.SIGKILL)
    await trader.refused("recorder failed: not started again")
    await trader.closed(position)
    await trader.wait(Alert, lambda alert: (alert.code, alert.actor) == ("actor_failed", "watch"))
    answer = await trader.ask("log")
    assert isinstance(answer, LogAnswer)
    alerts = {(entry.actor, entry.code) for entry in answer.entries if isinstance(entry, Alert)}
    assert {("watch", "actor_failed"), ("supervisor", "gave_up")} <= alerts
    unknown = await trader.ask("reboot")
    assert isinstance(unknown, CommandResult)
    assert not unknown.ok


async def test_a_killed_gateway_is_dead_at_once_and_alive_in_its_next_incarnation(start: Start) -> None:
    """Its parent knows before any beat is missing. Opens pass again by themselves."""
    trader = await start()
    position = await trader.open()
    mark = len(trader.events)
    trader.strike("gateway-paper", signal.SIGKILL)
    dead = await trader.health("gateway-paper", "dead", mark)
    assert dead.reason.startswith("was killed by signal 9")
    await trader.health("gateway-paper", "alive", mark)
    told = [event for event in trader.events[mark:] if isinstance(event, HealthState)]
    states = [
        event.state for event in told if event.actor == "gateway-paper" and event.state != "late"
    ]  # a busy machine
    assert states == ["dead", "starting", "alive"]
    await trader.open()
    await trader.closed(position)


async def test_without_the_watch_nothing_opens_and_a_new_one_makes_it_whole(start: Start) -> None:
    """Frozen it says nothing, so nobody knows who lives; killed it comes back and hears everybody again."""
    trader = await start()
    position = await trader.open()
    trader.strike("watch", signal.SIGSTOP)
    await trader.refused("watch dead: no beat for")
    await trader.closed(position)
    trader.strike("watch", signal.SIGCONT)
    await trader.open()
    mark = len(trader.events)
    trader.strike("watch", signal.SIGKILL)
    for actor in ("recorder", "supervisor", "guard", "session-s", "watch"):
        await trader.health(actor, "alive", mark)
    await trader.open()


async def test_a_start_and_an_orderly_stop_raise_no_alerts_about_anybody(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And everybody but the watch itself is told to have stopped."""
    trader = await start()
    await trader.open()
    watch = trader.supervisor.crew.posts["watch"].child
    assert watch is not None
    others = {post.place.name for post in trader.supervisor.crew.posts.values()} - {"watch"}
    end = watch.stop

    async def when_it_has_told(grace_s: float) -> bool:
        """The watch is the last to be ended: on a busy machine before it has come to tell of the others."""
        for actor in others:
            await trader.health(actor, "stopped")
        return await end(grace_s)

    monkeypatch.setattr(watch, "stop", when_it_has_told)
    await trader.supervisor.stop("maintenance")
    assert [event.code for event in trader.events if isinstance(event, Alert) and event.actor == "watch"] == []
    last = {event.actor: event.state for event in trader.events if isinstance(event, HealthState)}
    assert last.pop("supervisor") == "alive"
    assert last.pop("watch") == "alive"
    assert last == dict.fromkeys(others, "stopped")
