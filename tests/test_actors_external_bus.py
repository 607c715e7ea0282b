"""A floor on a nats-server that it did not start: it trades there, outlives its restarts, and leaves it alone."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from commandline import running_below
from externalserver import ExternalNats, external, self_signed

from actors.floor_error import Exit, FloorError
from actors.floor_keys import FloorKeys
from actors.floor_plan import places
from actors.keys_file import write_keys
from actors.stream_setup import last_sequences
from actors.supervisor import Supervisor
from bus.clock import LiveClock
from bus.interface import Incoming
from bus.natsbus import NatsBus
from bus.tls import tls_context
from schemas.base import Event
from schemas.codec import decode
from schemas.health import Alert
from schemas.order import OrderState, OrderUpdate
from schemas.settings import BusSettings, FeedSettings, SessionSettings, Settings

SETTINGS = Settings(
    feed=FeedSettings(symbols=("EURUSD",), rate=20),
    session=(SessionSettings(id="s", strategy="busy_strategy:Busy", symbols=("EURUSD",), params={"seconds": 3600.0}),),
)
PATIENCE_S = 30.0


class Heard:
    """Events in the order of their arrival, with waiting for those that are still to come."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._more = asyncio.Event()

    def __call__(self, incoming: Incoming) -> None:
        self.events.append(decode(incoming.data))
        self._more.set()

    async def until(self, wanted: Callable[[Event], bool], *, after: int = 0) -> None:
        """Return when one fits, of those after the first `after` ones."""
        async with asyncio.timeout(PATIENCE_S):
            while not any(wanted(event) for event in self.events[after:]):
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def floor(home: Path, settings: Settings) -> AsyncIterator[tuple[Supervisor, Heard]]:
    """A floor with somebody who listens; it is taken down at the end and leaves nothing running."""
    heard = Heard()
    buses: list[NatsBus] = []

    async def listen(supervisor: Supervisor) -> None:
        url, seed = supervisor.server.url, supervisor.keys.seed("observer")
        tls = tls_context(url, settings.bus.ca)
        bus = NatsBus(url, name="observer", clock=LiveClock(), seed=seed, tls=tls)
        bus.on_trouble(lambda _: None)
        buses.append(bus)
        await bus.open()
        for subject in ("order.update.>", "alert.>"):
            bus.subscribe(subject, heard)
        await bus.flush()

    supervisor = Supervisor(home, settings, before_crew=listen)
    try:
        await supervisor.start()
        yield supervisor, heard
    finally:
        await supervisor.stop("the test is over")
        for bus in buses:
            await bus.close()
    assert running_below(home) == []


@pytest.fixture(autouse=True)
def _strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sessions' processes find the tests' strategy."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)


def filled(event: Event) -> bool:
    """Whether an order was executed."""
    return isinstance(event, OrderUpdate) and event.state is OrderState.FILLED


def alerted(code: str) -> Callable[[Event], bool]:
    """Whether it is this alert."""
    return lambda event: isinstance(event, Alert) and event.code == code


async def until(holds: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    """Return when it holds: for what nobody tells while the bus is gone."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


def log_of(home: Path) -> str:
    """What the supervisor has logged."""
    return (home / "log" / "supervisor.log").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes this test's certificate")
async def test_a_floor_trades_over_tls_and_goes_on_when_the_server_was_killed(tmp_path: Path) -> None:
    """No process is started anew, orders are filled before and after, and the floor's end leaves the server alone."""
    certificate, key = self_signed(tmp_path)
    with external(tmp_path, SETTINGS, f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}') as (server, plain):
        url = server.url.replace("nats://", "tls://")
        bus = msgspec.structs.replace(plain.bus, url=url, ca=str(certificate))
        settings = msgspec.structs.replace(plain, bus=bus)
        async with floor(tmp_path / "home", settings) as (supervisor, heard):
            await heard.until(filled)
            before = supervisor.status().actors
            server.kill()
            await until(lambda: supervisor.status().actors[0].state == "dead")
            assert "no link to tls://" in supervisor.status().actors[0].reason
            known = len(heard.events)
            server.start()
            await heard.until(alerted("link_lost"), after=known)
            await heard.until(filled, after=known)
            after = supervisor.status()
            assert [(actor.pid, actor.restarts) for actor in after.actors] == [(actor.pid, 0) for actor in before]
            assert (after.actors[0].pid, after.actors[0].state, after.url) == (0, "alive", url)
            assert "sync_always not known" in after.actors[0].doing
            made = await last_sequences(url, supervisor.keys, ("KV_LEASES",), tls=tls_context(url, str(certificate)))
            assert made["KV_LEASES"] > 0  # in the server's memory: gone with it, and made again
        assert log_of(tmp_path / "home").count("permission violations are not told") == 1
        server.stop()
        assert not any("[ERR]" in line for line in server.log)
    secrets = [held["seed"] for held in json.loads((tmp_path / "keys.json").read_bytes())["identities"].values()]
    assert len(secrets) == 5 + len(places(SETTINGS))  # four of the supervisor, and the owner
    texts = [path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert not any(secret.encode() in text for text in texts for secret in secrets)


async def test_a_process_that_ends_while_the_server_is_gone_waits_for_it(tmp_path: Path) -> None:
    """Started during the outage it could only fail and use its restarts up."""
    with external(tmp_path, SETTINGS) as (server, settings):
        async with floor(tmp_path / "home", settings) as (supervisor, heard):
            await heard.until(filled)
            post = supervisor.crew.posts["recorder"]
            server.kill()
            await until(lambda: supervisor.status().actors[0].state == "dead")
            assert post.child is not None
            post.child.kill()
            await until(lambda: post.state == "dead")
            with pytest.raises(TimeoutError):  # its first restart would wait for a tenth of this
                await until(lambda: post.child is not None, 1)
            server.start()
            await asyncio.wait_for(post.ready.wait(), PATIENCE_S)
            assert post.budget.spent == 1


async def test_in_simulated_time_a_lost_link_is_the_end(tmp_path: Path) -> None:
    """Ticks that nobody heard are not sent again."""
    sim = msgspec.structs.replace(SETTINGS, feed=FeedSettings(symbols=("EURUSD",), speed=0, seconds=100_000))
    with external(tmp_path, sim) as (server, settings):
        async with floor(tmp_path / "home", settings) as (supervisor, heard):
            await heard.until(filled)
            server.kill()
            with pytest.raises(FloorError, match=r"link to nats://127.* was lost|simulated time broke") as caught:
                await asyncio.wait_for(supervisor.watch(), PATIENCE_S)
            assert caught.value.code is Exit.FAILED


async def fails(home: Path, settings: Settings) -> FloorError:
    """Why a floor does not come up; and nothing of it is left."""
    supervisor = Supervisor(home, settings)
    with pytest.raises(FloorError) as caught:
        await asyncio.wait_for(supervisor.start(), PATIENCE_S)
    assert running_below(home) == []
    assert supervisor.status().state == "failed"
    return caught.value


async def test_keys_that_the_server_does_not_know_are_told(tmp_path: Path) -> None:
    """Made anew with --force, and the server was not told."""
    with external(tmp_path, SETTINGS) as (_, settings):
        write_keys(tmp_path / "keys.json", FloorKeys.make(places(SETTINGS)).kept(), replace=True)
        failure = await fails(tmp_path / "home", settings)
    assert failure.code is Exit.ENVIRONMENT
    assert "bus.url: bootstrap: 127.0.0.1:" in str(failure)
    assert "refused this identity" in str(failure)
    assert "`pitwire keys`" in str(failure)


@pytest.mark.parametrize(("lost", "words"), [("bootstrap-floor", "bootstrap-floor cannot connect"), ("guard", "guard")])
async def test_a_single_identity_that_the_server_does_not_know_is_named(tmp_path: Path, lost: str, words: str) -> None:
    """Its key was changed on one side only."""
    keys = FloorKeys.make(places(SETTINGS))
    server = ExternalNats(tmp_path / "server", keys.include)
    held = keys.kept()
    other = FloorKeys.make(places(SETTINGS)).kept().identities[lost]
    write_keys(tmp_path / "keys.json", msgspec.structs.replace(held, identities={**held.identities, lost: other}))
    server.start()
    try:
        bus = BusSettings(url=server.url, keys=str(tmp_path / "keys.json"))
        failure = await fails(tmp_path / "home", msgspec.structs.replace(SETTINGS, bus=bus))
    finally:
        server.stop()
    assert words in str(failure)
    assert "Authorization Violation" in str(failure)


def without_jetstream(server: ExternalNats) -> None:
    """CORE loses JetStream."""
    server.configure("jetstream { max_store: $core_store_bytes, max_memory: $core_memory_bytes }", "")
    server.vary("core_store_bytes: 2701131776\ncore_memory_bytes: 5242880\n", "")


def too_small(server: ExternalNats) -> None:
    """CORE has no room for the streams."""
    server.vary("core_store_bytes: 2701131776", "core_store_bytes: 104857600")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_jetstream, "JetStream cannot be used in the account of 'bootstrap'"),
        (too_small, "insufficient storage"),
    ],
)
async def test_a_server_that_cannot_keep_the_streams_is_refused(
    tmp_path: Path, change: Callable[[ExternalNats], None], words: str
) -> None:
    """Before any actor runs, and in words that lead to its configuration."""
    keys = FloorKeys.make(places(SETTINGS))
    server = ExternalNats(tmp_path / "server", keys.include)
    write_keys(tmp_path / "keys.json", keys.kept())
    change(server)
    server.start()
    try:
        bus = BusSettings(url=server.url, keys=str(tmp_path / "keys.json"))
        failure = await fails(tmp_path / "home", msgspec.structs.replace(SETTINGS, bus=bus))
    finally:
        server.stop()
    assert failure.code is Exit.ENVIRONMENT
    assert words in str(failure)
