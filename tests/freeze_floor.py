"""Makes tests/logs/floor.jsonl: a real floor, heard by its owner's terminal while something goes wrong.

Two sessions trade against a limit that is too small for both, so that the guard refuses; a terminal joins late; then
the gateway is frozen, so that orders stay under way, its beats fail to come, and there is an alert. That is where the
log ends. Run it by hand when what travels has changed: `python tests/freeze_floor.py FOLDER`, with an empty folder.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from commandline import environment, pitwire, status_of

from bus.buslog import BusRecorder
from bus.clock import LiveClock, wall_us
from bus.interface import Incoming, Replied
from bus.natsbus import NatsBus
from schemas.codec import decode, encode
from schemas.command import Ask
from schemas.health import Alert
from schemas.order import ENDED, OrderRefused, OrderUpdate
from schemas.registry import subject_of
from tui.floor_source import HEARS
from tui.frozen import INBOX

TESTS = Path(__file__).resolve().parent
TARGET = TESTS / "logs" / "floor.jsonl"
NEUTRAL = b"/home/trader/floor"
PATIENCE_S = 60.0
CONFIG = """
[feed]
rate = 1.0

[guard]
max_account_lots = 0.05

[[account]]
id = "paper"
commission = 3.5

[[session]]
id = "scalper"
strategy = "busy_strategy:Busy"
symbols = ["EURUSD"]
params = { every = 3, seconds = 100000.0, most = 4 }

[[session]]
id = "gold"
strategy = "busy_strategy:Busy"
symbols = ["XAUUSD"]
params = { every = 2, seconds = 100000.0, most = 4 }
"""


class Scribe:
    """A terminal that counts what it hears and, once it is `writing`, writes it down, the folder named neutrally."""

    def __init__(self, bus: NatsBus, recorder: BusRecorder, home: Path) -> None:
        self.bus = bus
        self.updates = self.refusals = 0
        self.alerts: list[str] = []
        self.under_way: set[str] = set()
        self.writing = False
        self._recorder = recorder
        self._home = str(home).encode()
        self._changed = asyncio.Event()

    def write(self, subject: str, data: bytes, stream: str = "", seq: int = 0) -> None:
        """A message."""
        body = data.replace(self._home, NEUTRAL)
        self._recorder.record(Incoming(subject, body, stream_seq=seq), wall_us(), stream)

    def heard(self, incoming: Incoming) -> None:
        """A live message."""
        if self.writing:
            self.write(incoming.subject, incoming.data)
        event = decode(incoming.data)
        if isinstance(event, OrderUpdate):
            self.updates += 1
            (self.under_way.discard if event.state in ENDED else self.under_way.add)(event.order)
        self.refusals += isinstance(event, OrderRefused)
        if isinstance(event, Alert):
            self.alerts.append(event.actor)
        self._changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds()`."""
        while not holds():
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), PATIENCE_S)

    async def ask(self, service: str, verb: str) -> None:
        """Ask, and write the answer down."""
        answered: asyncio.Future[Replied] = asyncio.get_running_loop().create_future()
        ask = Ask(id=verb, user="owner", scope="floor", service=service, verb=verb)
        self.bus.request(subject_of(ask), encode(ask), timeout_us=5_000_000, done=answered.set_result)
        replied = await answered
        assert not replied.error, replied.error
        self.write(f"{INBOX}{service}.{verb}", replied.data)


async def freeze(home: Path) -> None:
    """Join the floor, hear it, freeze its gateway, hear it a little longer."""
    status = status_of(home)
    seed = (home / "users" / "owner.seed").read_text(encoding="ascii").strip()
    gateway = next(actor["pid"] for actor in status["actors"] if actor["name"] == "gateway-paper")
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.unlink(missing_ok=True)
    recorder = BusRecorder(TARGET, HEARS, wall_us())
    bus = NatsBus(status["url"], name="owner", clock=LiveClock(), seed=seed)
    scribe = Scribe(bus, recorder, home)
    for subject in HEARS:
        bus.subscribe(subject, scribe.heard)
    await bus.open()
    try:
        await scribe.until(lambda: scribe.updates >= 60 and scribe.refusals >= 2)
        scribe.updates = scribe.refusals = 0
        scribe.alerts.clear()
        scribe.writing = True
        recorder.link(True, wall_us())
        for message in await bus.history("LAST", [">"]):
            scribe.write(message.subject, message.data, "LAST", message.stream_seq)
        for service, verb in (("portfolio", "book"), ("portfolio", "series"), ("watch", "log")):
            await scribe.ask(service, verb)
        await scribe.until(lambda: scribe.updates >= 30 and scribe.refusals >= 2)
        os.kill(gateway, signal.SIGSTOP)
        await scribe.until(lambda: "watch" in scribe.alerts and bool(scribe.under_way))
        await scribe.ask("portfolio", "book")
    finally:
        recorder.close()
        await bus.close()


def main() -> None:
    """Start the floor, freeze it, end it."""
    folder = Path(sys.argv[1]).resolve()
    home, config = folder / "home", folder / "pitwire.toml"
    config.write_text(CONFIG, encoding="utf-8")
    env = environment()
    env["PYTHONPATH"] = os.pathsep.join([env["PYTHONPATH"], str(TESTS)])
    started = pitwire("up", "--home", home, "--config", config, cwd=folder, env=env)
    assert not started.returncode, started.stderr
    try:
        asyncio.run(freeze(home))
    finally:
        pitwire("down", "--home", home, cwd=folder, env=env)


if __name__ == "__main__":
    main()
