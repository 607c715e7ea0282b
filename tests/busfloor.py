"""A private bus for tests: a real nats-server in a temporary folder, with real identities and plain nats-py clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from bus import identities, streams
from bus.identities import Identity
from bus.server import Server
from schemas.token import token

QUOTAS = streams.Quotas.of(64, 16)

# One identity of each role, by name, with the scope it needs.
CAST: dict[str, tuple[str, dict[str, str | tuple[str, ...]]]] = {
    "bootstrap": ("bootstrap", {}),
    "bootstrap-floor": ("bootstrap-floor", {}),
    "supervisor": ("supervisor", {}),
    "feed": ("feed", {}),
    "guard": ("guard", {}),
    "router": ("router", {}),
    "gateway-a": ("gateway", {"account": "a"}),
    "portfolio": ("portfolio", {}),
    "recorder": ("recorder", {}),
    "watch": ("watch", {}),
    "auditor": ("auditor", {}),
    "worker": ("worker", {}),
    "observer": ("observer", {}),
    "session-s": ("session", {"account": "a", "session": "s"}),
    "vera": ("viewer", {"scope": ("a", "floor")}),
    "otto": ("operator", {"scope": "a"}),
    "ada": ("admin", {}),
}


class Peer:
    """A plain nats-py connection that remembers what the server denied and whether it was dropped."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nc = Client()
        self.denied: list[str] = []
        self.gone = asyncio.Event()

    async def open(self, url: str, seed: str) -> Peer:
        """Connect, with the inbox that the identity is allowed."""
        try:
            await self.nc.connect(
                url,
                nkeys_seed_str=seed,
                name=self.name,
                inbox_prefix=f"_INBOX.{token(self.name)}",
                allow_reconnect=False,
                error_cb=self._error,
                disconnected_cb=self._dropped,
            )
        except BaseException:
            await self.nc.close()
            raise
        return self

    async def _error(self, error: Exception) -> None:
        self.denied.append(str(error))

    async def _dropped(self) -> None:
        self.gone.set()

    def denied_of(self, subjects: Iterable[str]) -> set[str]:
        """Which of these subjects the server denied. nats-py lower-cases the server's text."""
        texts = {text.split('"')[1] for text in self.denied if '"' in text}
        return {subject for subject in subjects if subject.lower() in texts}

    async def settle(self) -> None:
        """Return when the server has processed everything sent before, and its complaints are here."""
        await asyncio.sleep(0)
        await self.nc.flush()
        await asyncio.sleep(0)

    async def listen(self, subject: str) -> asyncio.Queue[Msg]:
        """What arrives on a subject, from now on."""
        queue: asyncio.Queue[Msg] = asyncio.Queue()
        await self.nc.subscribe(subject, cb=queue.put)
        await self.settle()
        return queue

    async def api(self, what: str, request: Any = None) -> Any:
        """A request to JetStream's API, decoded; the error too."""
        payload = b"" if request is None else msgspec.json.encode(request)
        return msgspec.json.decode((await self.nc.request(f"$JS.API.{what}", payload, timeout=5)).data)


class Floor:
    """A running server and the seeds of everyone in it."""

    def __init__(self, home: Path) -> None:
        self.server = Server(home, quotas=QUOTAS)
        self.identities: dict[str, Identity] = {}
        self.seeds: dict[str, str] = {}
        self.peers: list[Peer] = []

    def admit(self, name: str, role: str, **scope: str | tuple[str, ...]) -> Identity:
        """Make an identity; the server knows it after the next start or reload."""
        self.identities[name], self.seeds[name] = identities.create(role, name, **scope)
        return self.identities[name]

    @property
    def text(self) -> str:
        """The server's include for everyone admitted."""
        return identities.render(self.identities.values())

    async def peer(self, name: str) -> Peer:
        """Connect as somebody."""
        peer = await Peer(name).open(self.server.url, self.seeds[name])
        self.peers.append(peer)
        return peer

    async def streams(self, quotas: streams.Quotas = QUOTAS) -> None:
        """Create or update all streams."""
        core, floor = await self.peer("bootstrap"), await self.peer("bootstrap-floor")
        await streams.ensure(core.nc, floor.nc, quotas)


@asynccontextmanager
async def running_floor(home: Path, names: Iterable[str] = CAST) -> AsyncIterator[Floor]:
    """A floor with these of the cast; connections and server are ended at the end."""
    floor = Floor(home)
    for name in names:
        role, scope = CAST[name]
        floor.admit(name, role, **scope)
    await floor.server.start(floor.text)
    try:
        yield floor
    finally:
        for peer in floor.peers:
            if not peer.nc.is_closed:
                await peer.nc.close()
        await floor.server.stop()


async def heard(queue: asyncio.Queue[Msg], within_s: float = 5) -> Msg:
    """The next message; TimeoutError when none comes."""
    return await asyncio.wait_for(queue.get(), within_s)
