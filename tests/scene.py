"""An actor made for replays, and a scene in which it is recorded by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from actors.actor import Actor
from actors.cell import Cell, Outgoing
from actors.effects import Effect, EventIn, Failed, Message, Publish, PublishStored, SetTimer, Store, TimerIn
from actors.inboxlog import InboxLog
from actors.roles import Role
from actors.verify import Finding, verify_record
from bus.buslog import BusRecorder
from bus.interface import Incoming
from schemas.codec import encode
from schemas.health import Alert
from schemas.market import Tick

__all__ = ["NOW", "TICKS", "Config", "Counter", "Deaf", "Scene", "State", "roles", "tick"]

NOW = 1_577_916_000_000_000
TICKS = "md.tick.paper.EURUSD"


class Config(msgspec.Struct, frozen=True):
    """`limit`: how many events it bears."""

    limit: int = 3


class State(msgspec.Struct):
    """Its count."""

    ticks: int = 0


class Counter(Actor):
    """Counts ticks: an alert for each, a timer, a stored publish or a Store now and then."""

    role = "counter"

    def __init__(self, name: str, incarnation: int, config: Config, state: State | None) -> None:
        super().__init__(name, incarnation)
        self.config = config
        self.state = state or State()

    def _alert(self, text: str) -> Alert:
        return Alert(severity="info", code="count", text=text, actor=self.name)

    def on_start(self, now: int) -> Sequence[Effect]:
        return [Publish(self._alert("start"))]

    def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
        self.state.ticks += 1
        if self.state.ticks > self.config.limit:
            raise ValueError(self.state.ticks)
        if not isinstance(message.event, Tick):
            return []
        return [SetTimer("t", now + 1), Publish(self._alert(f"{self.state.ticks} {message.event.bid}"))]

    def on_timer(self, message: TimerIn, now: int) -> Sequence[Effect]:
        if message.key == "store":
            return [Store((("INSERT INTO t VALUES (?)", (b"\xff",)),)), Publish(self._alert("behind a store"))]
        return [PublishStored(self._alert(message.key), message.key, "id/1")]

    def on_failure(self, message: Failed, now: int) -> Sequence[Effect]:
        return [Publish(self._alert(message.error))]


class Deaf(Counter):
    """A changed program: it does not count any more."""

    def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
        return [SetTimer("t", now + 1), Publish(self._alert("0 1.1"))]


def roles(actor: type[Actor] = Counter) -> Callable[[str], Role]:
    """The one role, played by this class."""
    return {"counter": Role(actor, Config, State)}.__getitem__


def tick(number: int) -> Tick:
    """A tick with an identity."""
    return Tick(
        source="feed",
        incarnation=1,
        sequence=number,
        venue="paper",
        symbol="EURUSD",
        at=NOW + number,
        bid=1.1,
        ask=1.2,
        number=number,
    )


class Scene:
    """Records one actor by hand: what it takes, what it says, and what of that the bus carries."""

    def __init__(self, folder: Path, *, bus: bool = True) -> None:
        self.folder = folder
        (folder / "inbox").mkdir()
        self.path = folder / "inbox" / "counter-7.jsonl"
        actor = Counter("counter", 7, Config(), State())
        self.log = InboxLog(self.path, "counter", "counter", 7, actor.config, actor.state)
        self.bus = BusRecorder(folder / "bus.jsonl", ["md.>", "alert.>"], NOW) if bus else None
        self._cell = Cell(actor)
        self.log.taken("start", b"", NOW)
        self._after(self._cell.start(NOW), 0)

    def take(self, message: Message, *, lost: int = 0, raises: bool = False) -> None:
        """One message; the last `lost` effects do not reach the bus."""
        if isinstance(message, EventIn) and self.bus is not None and not lost:
            self.bus.record(Incoming(message.subject, encode(message.event)), NOW)
        data = encode(message.event) if isinstance(message, EventIn) else b""
        self.log.taken(message, data, NOW)
        if raises:
            with pytest.raises(ValueError, match="4"):
                self._cell.handle(message, NOW)
            self.log.raised("ValueError: 4")
        else:
            self._after(self._cell.handle(message, NOW), lost)

    def tick(self, number: int, *, raises: bool = False) -> None:
        """One tick."""
        self.take(EventIn(TICKS, tick(number)), raises=raises)

    def finding(self, actor: type[Actor] = Counter, *, close: bool = True) -> Finding:
        """The actor's, after an orderly end or without one."""
        if close:
            self.log.close()
        else:
            self.log.flush()
        if self.bus is not None:
            self.bus.close()
        return verify_record(self.folder, roles=roles(actor))[-1]

    def _after(self, outgoing: list[Outgoing], lost: int) -> None:
        if outgoing:
            self.log.effects(outgoing)
        if self.bus is not None:
            for out in outgoing[: len(outgoing) - lost]:
                if out.subject:
                    self.bus.record(Incoming(out.subject, out.data), NOW)
