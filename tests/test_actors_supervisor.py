"""The supervisor with a whole real floor: what it starts again, what it tells, and what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from commandline import pitwire, running_below, status_of

from actors.announcer import Announcer
from actors.audit_chain import broken_link
from actors.crew import Crew
from actors.database import connect as connect_file
from actors.floor_error import Exit, FloorError
from actors.floor_keys import FloorKeys
from actors.logs import open_log
from actors.nursery_post import NurseryPost
from actors.outfit import Outfit
from actors.restart_budget import RestartBudget
from actors.supervisor import Supervisor
from bus.clock import LiveClock
from bus.interface import BusError, Incoming
from bus.natsbus import NatsBus
from schemas.base import Event
from schemas.codec import decode
from schemas.command import AuditEntry
from schemas.health import Alert, HealthState
from schemas.session import SessionState
from schemas.settings import FeedSettings, SessionSettings, Settings

E = TypeVar("E", bound=Event)
SETTINGS = Settings(feed=FeedSettings(symbols=("EURUSD",)), session=(SessionSettings(id="s"),))


class Heard:
    """Everything that the supervisor said, with waiting."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._more = asyncio.Event()

    def __call__(self, incoming: Incoming) -> None:
        """A message arrived."""
        self.events.append(decode(incoming.data))
        self._more.set()

    async def wait(self, kind: type[E], wanted: Callable[[E], bool]) -> E:
        """The first one that fits, now or within 20 s."""
        async with asyncio.timeout(20):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and wanted(event):
                        return event
                self._more.clear()
                await self._more.wait()


Start = Callable[[Settings], Awaitable[tuple[Supervisor, Heard]]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a floor in the test's folder, with somebody who listens; it is taken down afterwards."""
    floors: list[Supervisor] = []
    buses: list[NatsBus] = []

    async def begin(settings: Settings) -> tuple[Supervisor, Heard]:
        heard = Heard()

        async def listen(supervisor: Supervisor) -> None:
            bus = await connect(supervisor, "observer")
            buses.append(bus)
            for subject in ("alert.>", "health.state.>", "session.state.>"):
                bus.subscribe(subject, heard)
            await bus.flush()

        supervisor = Supervisor(tmp_path / "home", settings, before_crew=listen)
        floors.append(supervisor)
        await supervisor.start()
        return supervisor, heard

    yield begin
    for bus in buses:
        await bus.close()
    for supervisor in floors:
        await supervisor.stop("the test is over")
    assert running_below(tmp_path) == []


async def connect(supervisor: Supervisor, name: str) -> NatsBus:
    """A connection with one of the floor's identities."""
    bus = NatsBus(supervisor.server.url, name=name, clock=LiveClock(), seed=supervisor.keys.seed(name))
    await bus.open()
    return bus


def pid_of(supervisor: Supervisor, name: str) -> int:
    """An actor's process."""
    return next(actor.pid for actor in supervisor.status().actors if actor.name == name)


def alive(actor: str, restarts: int) -> Callable[[HealthState], bool]:
    """Whether a health state says that this one lives after so many restarts."""
    return lambda health: (health.actor, health.state, health.restarts) == (actor, "alive", restarts)


async def test_a_killed_actor_is_started_again_and_everybody_is_told(start: Start) -> None:
    """A new incarnation, a health state that says how the last one ended, and an alert."""
    supervisor, heard = await start(SETTINGS)
    post = supervisor.crew.posts["router"]
    before = post.incarnation
    os.kill(pid_of(supervisor, "router"), signal.SIGKILL)
    alert = await heard.wait(Alert, lambda alert: alert.code == "restarted")
    assert alert.values == {"process": "router"}
    assert "was killed by signal 9" in alert.text
    await heard.wait(HealthState, alive("router", 1))
    assert post.incarnation > before
    assert supervisor.status().state == "running"


async def test_one_that_keeps_dying_is_given_up_and_its_session_fails(start: Start) -> None:
    """The guard must know: it clears nothing for a session that is not running."""
    supervisor, heard = await start(SETTINGS)
    supervisor.crew.posts["session-s"].budget = RestartBudget(1)
    for restarts in (0, 1):
        await heard.wait(HealthState, alive("session-s", restarts))
        os.kill(pid_of(supervisor, "session-s"), signal.SIGKILL)
    await heard.wait(Alert, lambda alert: alert.code == "gave_up" and alert.severity == "critical")
    await heard.wait(SessionState, lambda state: state.state == "failed")
    told = [event.state for event in heard.events if isinstance(event, SessionState)]
    assert told == ["running", "starting", "running", "failed"]
    assert supervisor.crew.posts["session-s"].state == "failed"
    assert supervisor.crew.posts["guard"].state == "alive"


async def test_a_hung_actor_is_killed_and_started_again(start: Start) -> None:
    """Frozen, it holds its place without filling it: the guard that does not answer is as bad as none."""
    supervisor, heard = await start(SETTINGS)
    os.kill(pid_of(supervisor, "guard"), signal.SIGSTOP)
    await heard.wait(HealthState, lambda h: h.actor == "guard" and h.state == "dead")
    await heard.wait(Alert, lambda alert: alert.code == "hung")
    await heard.wait(HealthState, alive("guard", 1))


async def test_who_tries_what_it_may_not_is_told_by_name(start: Start) -> None:
    """A strategy that wants to clear its own orders."""
    supervisor, heard = await start(SETTINGS)
    thief = await connect(supervisor, "session-s")
    thief.on_trouble(lambda _: None)
    thief.publish("order.cleared.paper.s", b"{}")
    alert = await heard.wait(Alert, lambda alert: alert.code == "permission_violation")
    await thief.close()
    assert alert.values == {"who": "session-s", "subject": "order.cleared.paper.s"}


async def test_a_killed_server_comes_back_on_its_port_with_its_streams_and_identities(start: Start) -> None:
    """Everyone reconnects by itself, nobody but the server is started again."""
    supervisor, heard = await start(SETTINGS)
    url, pids = supervisor.server.url, [actor.pid for actor in supervisor.status().actors[1:]]
    os.kill(supervisor.server.pid, signal.SIGKILL)
    await heard.wait(Alert, lambda alert: alert.code == "server_restarted")
    assert supervisor.server.url == url
    assert await supervisor.server.problem() == ""
    assert [actor.pid for actor in supervisor.status().actors[1:]] == pids


async def test_ups_and_downs_are_audited_in_one_chain(start: Start) -> None:
    """Over the end of a floor: the next supervisor goes on where the last one ended."""
    first, _ = await start(SETTINGS)
    await first.stop("maintenance")
    second, heard = await start(SETTINGS)
    bus = await connect(second, "supervisor")
    entries = [decode(incoming.data) for incoming in await bus.history("ORDERS", ["audit.>"])]
    sessions = [decode(incoming.data) for incoming in await bus.history("ORDERS", ["session.state.>"])]
    await bus.close()
    audited = [entry for entry in entries if isinstance(entry, AuditEntry)]
    assert [(entry.action, entry.result) for entry in audited] == [
        ("floor.up", "ok"),
        ("floor.down", "ok"),
        ("floor.up", "ok"),
    ]
    assert audited[1].detail == {"reason": "maintenance"}
    assert broken_link(audited) == ""
    assert [state.state for state in sessions if isinstance(state, SessionState)] == ["running", "stopped", "running"]
    places = len(second.crew.posts)
    assert [post.incarnation for post in second.crew.posts.values()] == list(range(places + 3, 2 * places + 3))
    assert heard.events


async def test_in_simulated_time_a_death_is_the_end(start: Start) -> None:
    """Nobody can make good what the dead one has missed."""
    settings = Settings(feed=FeedSettings(speed=0, seconds=100_000), session=SETTINGS.session)
    supervisor, _ = await start(settings)
    os.kill(pid_of(supervisor, "gateway-paper"), signal.SIGKILL)
    with pytest.raises(FloorError, match="gateway-paper was killed by signal 9") as caught:
        await asyncio.wait_for(supervisor.watch(), 20)
    assert caught.value.code is Exit.FAILED


def status_code(pid: int) -> str:
    """A process's state; that of a zombie for one that is gone by now."""
    try:
        return psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE


def test_a_killed_supervisor_is_started_again_and_ends_what_was_left(tmp_path: Path) -> None:
    """The keeper starts it; a frozen child of the old one, which no end of file reaches, is killed."""
    home = tmp_path / "home"
    assert pitwire("up", "--home", home, cwd=tmp_path).returncode == 0
    before = status_of(home)
    frozen = next(actor["pid"] for actor in before["actors"] if actor["name"] == "guard")
    try:
        os.kill(frozen, signal.SIGSTOP)
        os.kill(before["pid"], signal.SIGKILL)
        while (now := status_of(home))["pid"] == before["pid"] or now["state"] != "running":
            pass
        assert now["incarnation"] > max(actor["incarnation"] for actor in before["actors"])
        # Its parent is gone, so it stays a zombie until the machine's first process takes notice.
        while psutil.pid_exists(frozen) and status_code(frozen) != psutil.STATUS_ZOMBIE:
            pass
        assert now["port"] == before["port"]
    finally:
        assert pitwire("down", "--home", home, cwd=tmp_path).returncode == 0
    assert running_below(tmp_path) == []


async def test_a_gateway_whose_book_somebody_holds_is_started_again_until_it_is_free(
    start: Start, tmp_path: Path
) -> None:
    """A backup tool in the wrong moment is no reason to leave an account without its gateway for good."""
    supervisor, heard = await start(SETTINGS)
    holder = connect_file(tmp_path / "home" / "data" / "book-paper.sqlite", durable=False)
    holder.execute("BEGIN IMMEDIATE")
    (gateway,) = (actor for actor in supervisor.status().actors if actor.name == "gateway-paper")
    os.kill(gateway.pid, signal.SIGKILL)
    said = await heard.wait(Alert, lambda alert: alert.actor == "supervisor" and "in use" in alert.text)
    holder.execute("ROLLBACK")
    holder.close()
    assert said.code == "restarted"
    await heard.wait(
        HealthState, lambda state: state.actor == "gateway-paper" and state.restarts > 1 and state.state == "alive"
    )


async def test_a_session_state_that_is_not_stored_is_told_again_unless_there_is_a_newer_one(tmp_path: Path) -> None:
    """A stream that was full for a while must not lock a session out for good, nor call a dead one running."""
    stored: list[str] = []
    both = asyncio.Event()
    full = True

    class Voice(Announcer):
        async def store(self, event: Event, *, within_us: int = 0) -> None:
            if full:
                raise BusError("full")
            assert isinstance(event, SessionState)
            stored.append(f"{event.session} {event.state}")
            if len(stored) > 1:
                both.set()

    sessions = (SessionSettings(id="s"), SessionSettings(id="t"))
    settings = Settings(feed=FeedSettings(symbols=("EURUSD",)), session=sessions)
    log = open_log(tmp_path / "crew.log", "crew")
    crew = Crew(
        Outfit(tmp_path, settings, FloorKeys.of(settings), None),
        Voice(1),
        log,
        nursery=NurseryPost(tmp_path, log, RestartBudget()),
        server_up=asyncio.Event(),
        listening=lambda: True,
        fatal=lambda error: stored.append(str(error)),
    )
    for place in (post.place for post in crew.posts.values() if post.place.session):
        await crew._tell_session(place, "running")  # noqa: SLF001 - without a process
        if place.session == "t":
            await crew._tell_session(place, "failed")  # noqa: SLF001
    full = False
    await asyncio.wait_for(both.wait(), 5)
    await crew.stop()
    assert sorted(stored) == ["s running", "t failed"]
