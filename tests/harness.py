"""Processes and a bus in memory for the order path: router cells, a gateway cell with a real SQLite book.

Every choice (which effect is lost, doubled or preceded by a kill; `orderfloor` adds the rest) comes from one string of
bytes; when it is used up everything is benign. So Hypothesis can shrink a failure, and a seed can be run again. What
NATS promises is kept: messages from one sender stay in order, an ack or an answer comes once or not at all, and a
stream refuses a message id that it has and a `first` that is none; core subscribers hear what a stream refuses.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import msgspec
from contracts import EURUSD
from nacl.signing import SigningKey

from actors.cell import Cell, Outgoing
from actors.database import connect
from actors.effects import (
    Answer,
    CancelTimer,
    EventIn,
    Failed,
    LinkChanged,
    Message,
    Publish,
    PublishStored,
    ReplyIn,
    Request,
    SetTimer,
    Store,
    StoredIn,
)
from actors.paper import Paper, PaperConfig, load
from actors.router import Router, RouterConfig, recover
from bus.matching import matches
from schemas.base import Event
from schemas.codec import decode, encode
from schemas.health import Alert
from schemas.order import OrderUpdate, VenueAnswer, VenueReport
from schemas.registry import subject_of

__all__ = ["ACCOUNT", "KEY", "PUBLIC", "SPEC", "START", "Choices", "Floor", "Node"]

KEY = SigningKey(bytes(range(32)))
PUBLIC = KEY.verify_key.encode().hex()
ACCOUNT = "paper"
START = 1_600_000_000_000_000
SPEC = EURUSD


class Choices:
    """A string of bytes as decisions; 0, the benign one, when it is used up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.calm = False

    @property
    def left(self) -> bool:
        """Whether there is still something to decide."""
        return self._at < len(self._data)

    def byte(self) -> int:
        """0 to 255."""
        if self.calm or not self.left:
            return 0
        self._at += 1
        return self._data[self._at - 1]

    def below(self, count: int) -> int:
        """0 to count - 1."""
        return self.byte() % count if count > 1 else 0


class Node:
    """A process: a cell, its mailbox, its timers, its link."""

    def __init__(self, cell: Cell, book: sqlite3.Connection | None = None) -> None:
        self.cell = cell
        self.book = book
        self.inbox: deque[Message] = deque()
        self.timers: dict[str, int] = {}
        self.up = True
        self.alive = True
        self.mark = 0
        self.patterns = [(one.subject, one.stream) for one in cell.actor.subscriptions()]


class Floor:
    """The whole of it. `alerts` holds all alerts, `fills` every fill the venue ever spoke of, `asked` every request."""

    def __init__(self, folder: Path, choices: Choices, *, sim: bool = False) -> None:
        self.choices = choices
        self.now = START
        self.path = folder / "book.sqlite"
        self.stream: list[tuple[str, bytes]] = []
        self.ids: set[str] = set()
        self.subjects: set[str] = set()
        self.alerts: list[tuple[str, str]] = []
        self.fills: dict[str, set[tuple[str, int]]] = {}
        self.filled_at: dict[str, int] = {}
        self.crashed: list[str] = []
        self.frozen_gateways = 0
        self.ticks = 0
        self.incarnations = 0
        self.requests = 0
        self.asked: list[EventIn] = []
        self.waiting: dict[str, tuple[Node, str]] = {}
        self.router_config = RouterConfig(accounts=(ACCOUNT,), guard_public=PUBLIC, sim=sim)
        self.paper_config = PaperConfig(
            account=ACCOUNT,
            venue="paper",
            currency="USD",
            deposit=1_000_000,
            leverage=100,
            commission=3.5,
            guard_public=PUBLIC,
            sim=sim,
        )
        self.processes: list[Node] = []
        self.zombies: list[Node] = []
        self.gateway: Node
        self.router: Node
        self.start_gateway()
        self.start_router()

    # ---- processes

    def start_gateway(self) -> None:
        """A new incarnation from its file."""
        book = connect(self.path, durable=False)
        self.incarnations += 1
        node = Node(Cell(Paper(f"gateway-{ACCOUNT}", self.incarnations, self.paper_config, load(book))), book)
        self.gateway = node
        self.processes.append(node)
        self.execute(node, None, node.cell.start(self.now))
        if self.ticks and node.alive:
            node.inbox.append(EventIn(subject_of(SPEC), SPEC))

    def start_router(self) -> None:
        """A new incarnation from the stream."""
        self.incarnations += 1
        state = recover(self.router_config, [decode(data) for _, data in self.stream])
        copied = msgspec.json.decode(msgspec.json.encode(state), type=type(state))
        node = Node(Cell(Router("router", self.incarnations, self.router_config, copied)))
        node.mark = len(self.stream)
        self.router = node
        self.processes.append(node)
        self.execute(node, None, node.cell.start(self.now))

    def nodes(self) -> list[Node]:
        """Everything that runs, frozen routers included."""
        return list(self.processes)

    def kill(self, node: Node) -> None:
        """Kill -9: mailbox and timers are gone; whoever waits for its answer will wait in vain."""
        node.alive = False
        self.processes.remove(node)
        if node.book is not None:
            node.book.close()
        if node is self.gateway:
            self.give_up()
        node.inbox.clear()
        node.timers.clear()

    def give_up(self) -> None:
        """Nobody waits any longer for an answer of the gateway's."""
        for asker, key in self.waiting.values():
            asker.inbox.append(ReplyIn(key, error="timeout"))
        self.waiting.clear()

    def restart(self, node: Node) -> None:
        """Kill it and start its next incarnation."""
        self.kill(node)
        if node is self.gateway:
            self.start_gateway()
        elif node is self.router:
            self.start_router()
        else:
            self.zombies.remove(node)

    def freeze(self, node: Node) -> None:
        """It stops answering, another one is started, and the old one may go on later."""
        self.zombies.append(node)
        if node is self.gateway:
            self.give_up()
            self.frozen_gateways += 1
            self.start_gateway()
        else:
            self.start_router()

    def close(self) -> None:
        """Close the files."""
        for node in self.processes:
            if node.book is not None:
                node.book.close()

    # ---- the bus

    def send(self, event: Event, *, subject: str = "", data: bytes = b"") -> None:
        """A core message to whoever is subscribed and reachable."""
        subject = subject or subject_of(event)
        for node in self.nodes():
            for pattern, stream in node.patterns:
                if matches(pattern, subject) and node.up:
                    if stream:
                        node.mark = len(self.stream)
                    node.inbox.append(EventIn(subject, decode(data) if data else event))
                    break

    def store(self, event: Event, msg_id: str, *, first: bool = False, source: tuple[str, int]) -> str:
        """To ORDERS, and like NATS to all subscribers even if the stream turns it down."""
        if not event.source:
            event = msgspec.structs.replace(event, source=source[0], incarnation=source[1])
        subject, data = subject_of(event), encode(event)
        error = ""
        if msg_id not in self.ids:
            if first and subject in self.subjects:
                error = "wrong_sequence"
            else:
                self.ids.add(msg_id)
                self.subjects.add(subject)
                self.stream.append((subject, data))
        self.send(event, subject=subject, data=data)
        return error

    def link(self, node: Node, up: bool) -> None:
        """The node's link breaks, or comes back: then what the stream holds arrives first."""
        if node.up == up:
            return
        node.up = up
        if up:
            for subject, data in self.stream[node.mark :]:
                if any(stream and matches(pattern, subject) for pattern, stream in node.patterns):
                    node.inbox.append(EventIn(subject, decode(data)))
            node.mark = len(self.stream)
            node.inbox.append(LinkChanged(up=True))
        else:
            node.inbox.appendleft(LinkChanged(up=False))

    # ---- effects

    def handle(self, node: Node) -> bool:
        """Let the node handle its next message; False when it has none."""
        if not node.inbox or not node.alive:
            return False
        message = node.inbox.popleft()
        try:
            outgoing = node.cell.handle(message, self.now)
        except Exception as error:  # noqa: BLE001 - as the runtime does
            self.crashed.append(f"{type(node.cell.actor).__name__}: {type(error).__name__}: {error}")
            self.fail(node, message, f"{type(error).__name__}: {error}")
            return True
        self.execute(node, message, outgoing)
        return True

    def fail(self, node: Node, message: Message, error: str) -> None:
        """Tell the actor; one that raises again is started again."""
        assert not isinstance(message, Failed)
        try:
            outgoing = node.cell.handle(Failed(message, error), self.now)
        except RuntimeError:
            self.restart(node)
            return
        self.execute(node, None, outgoing)

    def execute(self, node: Node, message: Message | None, outgoing: Iterable[Outgoing]) -> None:
        """Carry out effects in order. A choice of 255 kills the process in front of one of them."""
        for out in outgoing:
            fault = self.choices.byte()
            if fault == 255:
                self.restart(node)
                return
            effect = out.effect
            if isinstance(effect, Store):
                if not self.write(node, message, effect, fault):
                    return
            elif isinstance(effect, SetTimer):
                node.timers[effect.key] = effect.at
            elif isinstance(effect, CancelTimer):
                node.timers.pop(effect.key, None)
            else:
                self.speak(node, out, fault)

    def write(self, node: Node, message: Message | None, effect: Store, fault: int) -> bool:
        """A transaction of the gateway's; it may find the disk full."""
        if 240 <= fault < 250 and message is not None:
            self.fail(node, message, "the disk is full (database or disk is full)")
            return False
        if 250 <= fault < 253:
            self.fail_unclear(node, effect, committed=fault != 250)
            return False
        try:
            self.commit(node, effect)
        except sqlite3.Error as error:
            if not self.frozen_gateways:
                self.crashed.append(f"book: {error}")
            if message is None:
                self.restart(node)
            else:
                self.fail(node, message, f"{type(error).__name__}: {error}")
            return False
        return True

    def fail_unclear(self, node: Node, effect: Store, *, committed: bool) -> None:
        """An I/O error at the commit: it may be there or not, and the process ends."""
        if committed:
            with contextlib.suppress(sqlite3.IntegrityError):
                self.commit(node, effect)
        self.restart(node)

    def commit(self, node: Node, effect: Store) -> None:
        """All or nothing."""
        assert node.book is not None
        node.book.execute("BEGIN IMMEDIATE")
        try:
            for sql, values in effect.statements:
                node.book.execute(sql, values)
        except sqlite3.Error:
            node.book.execute("ROLLBACK")
            raise
        node.book.execute("COMMIT")
        for sql, values in effect.statements:
            if sql.startswith("INSERT INTO deals"):
                self.filled_at.setdefault(str(values[1]), self.now)

    def speak(self, node: Node, out: Outgoing, fault: int) -> None:
        """Whatever goes over the bus."""
        effect = out.effect
        event = decode(out.data)
        self.note(event)
        if isinstance(effect, PublishStored):
            assert isinstance(event, OrderUpdate | VenueReport)
            if not node.up or 200 <= fault < 215:
                node.inbox.append(StoredIn(effect.key, error="timeout"))
                return
            error = self.store(event, effect.msg_id, first=effect.first, source=("", 0))
            if 215 <= fault < 230:
                node.inbox.append(StoredIn(effect.key, error="timeout"))
            elif 230 <= fault < 232:
                node.inbox.append(StoredIn(effect.key, error="full"))
            else:
                node.inbox.append(StoredIn(effect.key, 0 if error else len(self.stream), error))
        elif isinstance(effect, Request):
            self.ask(node, out, effect, fault)
        elif isinstance(effect, Answer):
            asker = self.waiting.pop(effect.reply, None)
            if asker is not None and asker[0].alive:
                lost = 200 <= fault < 215 or not asker[0].up or not node.up
                asker[0].inbox.append(ReplyIn(asker[1], error="timeout") if lost else ReplyIn(asker[1], event))
        elif isinstance(effect, Publish) and node.up:
            self.send(event, subject=out.subject, data=out.data)

    def ask(self, node: Node, out: Outgoing, effect: Request, fault: int) -> None:
        """A request: lost, late (its asker has given up), doubled, or as it should be."""
        if not node.up or 200 <= fault < 210:
            node.inbox.append(ReplyIn(effect.key, error="timeout"))
            return
        if not self.gateway.up:
            node.inbox.append(ReplyIn(effect.key, error="no_responders"))
            return
        self.requests += 1
        reply = f"_INBOX.{self.requests}"
        late = 210 <= fault < 225
        if not late:
            self.waiting[reply] = (node, effect.key)
        request = EventIn(out.subject, decode(out.data), reply)
        self.asked.append(request)
        for gateway in [one for one in self.processes if one.book is not None and one.up]:
            gateway.inbox.append(request)
            if 225 <= fault < 235:
                gateway.inbox.append(request)
        if late:
            node.inbox.append(ReplyIn(effect.key, error="timeout"))

    def note(self, event: Event) -> None:
        """Witness alerts and fills."""
        reports: tuple[VenueReport, ...] = ()
        if isinstance(event, Alert):
            self.alerts.append((event.code, event.text))
        elif isinstance(event, VenueReport):
            reports = (event,)
        elif isinstance(event, VenueAnswer):
            reports = event.reports
        for report in reports:
            if report.deal is not None:
                self.fills.setdefault(report.order, set()).add((report.report, report.deal.ticket))
