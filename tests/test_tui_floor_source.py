"""The source against a real server: what was before, what is live, what is lost and what comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from busfloor import Floor, running_floor
from nats.aio.msg import Msg

from bus import identities
from schemas.account import AccountState, PositionState
from schemas.answers import BookAnswer, LogAnswer, SeriesAnswer, SeriesPoint
from schemas.base import Event
from schemas.codec import decode_as, encode
from schemas.command import Ask, CommandResult
from schemas.health import Alert, Beat
from schemas.market import Tick
from schemas.order import OrderState, OrderTerms, OrderUpdate
from schemas.registry import subject_of
from tui import floor_past
from tui.floor_source import FloorAddress, FloorGone, FloorSource
from tui.replica import Replica
from tui.view_state import Phase, View

NAMES = (
    "bootstrap",
    "bootstrap-floor",
    "feed",
    "router",
    "gateway-a",
    "portfolio",
    "watch",
    "session-s",
)
PATIENCE_S = 15.0
AT = 1_700_000_000_000_000

TICK = Tick(venue="v", symbol="E", at=AT, bid=1.1, ask=1.2, source="feed", incarnation=1, sequence=7, time=AT)
ACCOUNT = AccountState(
    account="a",
    venue="v",
    currency="USD",
    balance=100.0,
    equity=90.0,
    margin=0.0,
    leverage=1,
    mode="hedging",
    positions=1,
    source="gateway-a",
    incarnation=1,
    sequence=1,
    time=AT,
)
POSITION = PositionState(
    account="a",
    ticket=5,
    symbol="E",
    side="buy",
    volume=0.1,
    price_open=1.1,
    opened_at=AT,
    source="gateway-a",
    incarnation=1,
    sequence=1,
    time=AT,
)
TERMS = OrderTerms(
    id="s-1-1",
    account="a",
    session="s",
    strategy="x",
    venue="v",
    symbol="E",
    kind="limit",
    side="buy",
    volume=0.1,
    submitted_at=AT,
    expires_at=AT + 1,
    price=1.0,
)
ORDER = OrderUpdate(
    account="a",
    session="s",
    order="s-1-1",
    state=OrderState.ACCEPTED,
    revision=2,
    terms=TERMS,
    order_class="open",
    source="router",
    incarnation=1,
    sequence=2,
    time=AT,
)
ALERT = Alert(
    severity="warning", code="slow", text="slow", actor="feed", source="feed", incarnation=1, sequence=1, time=AT
)
BOOK = BookAnswer(positions=(POSITION,), orders=(ORDER,), source="portfolio", incarnation=1, time=AT)
SERIES = SeriesAnswer(scope="portfolio", id="floor", currency="USD", points=(SeriesPoint(AT, 90.0, 100.0),))
LOG = LogAnswer(entries=(ALERT,))


class Watched(Replica):
    """A replica that tells when something happens to it."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()

    def fold(self, event: Event, received_us: int, *, live: bool = True) -> None:
        super().fold(event, received_us, live=live)
        self.changed.set()

    def unreadable(self) -> None:
        super().unreadable()
        self.changed.set()

    def link(self, up: bool, reason: str, now: int, phase: Phase | None = None) -> None:
        super().link(up, reason, now, phase)
        self.changed.set()

    def trouble(self, text: str, now: int) -> None:
        super().trouble(text, now)
        self.changed.set()


class Terminal:
    """A source that runs, with its view."""

    def __init__(self, address: FloorAddress) -> None:
        self.replica = Watched()
        self.address = address
        self.finds = 0
        self.links: list[tuple[bool, str]] = []
        self.task: asyncio.Task[None] | None = None

    @property
    def view(self) -> View:
        return self.replica.view

    async def find(self) -> FloorAddress:
        self.finds += 1
        return self.address

    def start(self) -> None:
        source = FloorSource(self.find, self.replica, self._changed)
        self.task = asyncio.create_task(source.run())

    def _changed(self) -> None:
        link = self.view.link
        if not self.links or self.links[-1] != (link.up, link.phase):
            self.links.append((link.up, link.phase))

    async def until(self, holds: Callable[[View], bool]) -> None:
        """Wait until the view is so; a source that ended says why."""
        assert self.task is not None
        async with asyncio.timeout(PATIENCE_S):
            while not holds(self.view):
                self.replica.changed.clear()
                changed = asyncio.create_task(self.replica.changed.wait())
                await asyncio.wait({changed, self.task}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if self.task.done():
                    self.task.result()

    async def end(self) -> None:
        assert self.task is not None
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError, FloorGone):
            await self.task


@asynccontextmanager
async def floor_with_owner(home: Path) -> AsyncIterator[tuple[Floor, Terminal]]:
    """A server that knows an owner, its streams, and a terminal of the owner's that is not started yet."""
    async with running_floor(home, NAMES) as floor:
        floor.admit("owner", "admin")
        await floor.server.reload(floor.text)
        await floor.streams()
        terminal = Terminal(FloorAddress(floor.server.url, floor.seeds["owner"]))
        try:
            yield floor, terminal
        finally:
            if terminal.task is not None:
                await terminal.end()


async def say(floor: Floor, name: str, *events: Event) -> None:
    """Publish events as one of the cast."""
    peer = next((one for one in floor.peers if one.name == name and one.nc.is_connected), None)
    peer = peer or await floor.peer(name)
    for event in events:
        await peer.nc.publish(subject_of(event), encode(event))
    await peer.settle()


async def serve(floor: Floor, name: str, answers: dict[str, Event]) -> list[Ask]:
    """Answer questions by verb as a service; the questions are kept."""
    asked: list[Ask] = []
    peer = await floor.peer(name)

    async def answer(message: Msg) -> None:
        ask = decode_as(Ask, message.data)
        asked.append(ask)
        await peer.nc.publish(message.reply, encode(answers[ask.verb]))

    await peer.nc.subscribe(f"ask.*.*.{name}.>", cb=answer)
    await peer.settle()
    return asked


async def services(floor: Floor) -> None:
    """Portfolio and watch."""
    await serve(floor, "portfolio", {"book": BOOK, "series": SERIES})
    await serve(floor, "watch", {"log": LOG})


def later(event: Event, by: int = 1) -> Event:
    """The next event of the same subject."""
    return msgspec.structs.replace(event, sequence=event.sequence + by, time=event.time + by)


async def test_a_late_joiner_sees_what_was_before_and_what_is_live(tmp_path: Path) -> None:
    """Prices and accounts from LAST; positions, orders, curve and log by answers; then ticks as they come."""
    async with floor_with_owner(tmp_path) as (floor, terminal):
        await say(floor, "feed", TICK)
        await say(floor, "gateway-a", ACCOUNT)
        await services(floor)
        terminal.start()
        await terminal.until(lambda view: view.link.phase == "live")
        view = terminal.view
        assert view.quotes["v", "E"].bid == 1.1
        assert view.accounts["a"].balance == 100.0
        assert view.positions["a", 5].volume == 0.1
        assert view.orders["s-1-1"].state == "accepted"
        assert view.curve == list(SERIES.points)
        assert "slow" in [row.code for row in view.log]
        await say(floor, "feed", msgspec.structs.replace(TICK, bid=1.15, sequence=8))
        await terminal.until(lambda view: view.quotes["v", "E"].bid == 1.15)
        assert view.link.gaps == 0
        assert view.link.reason == ""


async def test_the_loss_of_the_server_is_seen_at_once_and_all_is_read_again(tmp_path: Path) -> None:
    """The link is down before anything else happens; after the restart the book is what it is then."""
    async with floor_with_owner(tmp_path) as (floor, terminal):
        await services(floor)
        terminal.start()
        await terminal.until(lambda view: view.link.phase == "live")
        await floor.server.stop()
        await terminal.until(lambda view: not view.link.up)
        assert terminal.view.link.phase == "connecting"
        assert "link" in [row.code for row in terminal.view.log]
        await floor.server.start(floor.text)
        await floor.streams()
        closed = msgspec.structs.replace(BOOK, positions=(), orders=())
        await serve(floor, "portfolio", {"book": closed, "series": SERIES})
        await serve(floor, "watch", {"log": LOG})
        await terminal.until(lambda view: view.link.phase == "live")
        assert terminal.view.positions == {}
        assert terminal.view.orders == {}
        assert terminal.finds == 1
        assert (False, "connecting") in terminal.links
        await say(floor, "feed", TICK)
        await terminal.until(lambda view: ("v", "E") in view.quotes)


async def test_what_does_not_answer_is_named_until_it_does(tmp_path: Path) -> None:
    """Without a portfolio the terminal says so and shows what is live; when it comes, all is there."""
    async with floor_with_owner(tmp_path) as (floor, terminal):
        await serve(floor, "watch", {"log": LOG})
        terminal.start()
        await terminal.until(lambda view: "portfolio's book" in view.link.reason)
        assert terminal.view.link.phase == "reading"
        assert "watch" not in terminal.view.link.reason
        await say(floor, "feed", TICK)
        await terminal.until(lambda view: ("v", "E") in view.quotes)
        await serve(floor, "portfolio", {"book": BOOK, "series": SERIES})
        await terminal.until(lambda view: view.link.phase == "live")
        assert terminal.view.link.reason == ""
        assert ("a", 5) in terminal.view.positions


async def test_a_floor_without_a_watch_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In simulated time there is none: that is said once; one that comes all the same is asked."""
    monkeypatch.setattr(floor_past, "_ABSENT_US", 0)
    async with floor_with_owner(tmp_path) as (floor, terminal):
        await serve(floor, "portfolio", {"book": BOOK, "series": SERIES})
        terminal.start()
        await terminal.until(lambda view: view.link.phase == "live")
        assert terminal.view.link.reason == ""
        assert [row.text for row in terminal.view.log if "watch" in row.text] == [
            "this floor has no watch: what was reported before is not shown"
        ]
        await serve(floor, "watch", {"log": LOG})
        beat = Beat(actor="watch", state="running", source="watch", incarnation=1, sequence=1, time=AT)
        await say(floor, "watch", beat)
        await terminal.until(lambda view: any(row.code == "slow" for row in view.log))


async def test_a_floor_that_is_down_is_looked_for_again(tmp_path: Path) -> None:
    """Whoever can know is asked while there is no link, and what it says is shown; a server elsewhere is found."""
    async with floor_with_owner(tmp_path) as (floor, terminal):
        await services(floor)
        why: list[str | None] = [None]
        source = FloorSource(terminal.find, terminal.replica, lambda: None, down=lambda: why[0])
        terminal.task = asyncio.create_task(source.run())
        await terminal.until(lambda view: view.link.phase == "live")
        why[0] = "the disk is full"
        await floor.server.stop()
        await terminal.until(lambda view: view.link.floor == "down")
        assert terminal.view.link.floor_reason == "the disk is full"
        await terminal.until(lambda _: terminal.finds > 1)


async def test_a_service_that_refuses_is_quoted(tmp_path: Path) -> None:
    """`CommandResult(ok=False)` is shown in the service's own words."""
    async with floor_with_owner(tmp_path) as (floor, terminal):
        no = CommandResult(id="x", ok=False, text="not for you")
        await serve(floor, "portfolio", {"book": no, "series": SERIES})
        await serve(floor, "watch", {"log": LOG})
        terminal.start()
        await terminal.until(lambda view: view.link.reason == "the portfolio does not give its book: not for you")


async def test_a_gap_in_an_order_has_the_book_read_again(tmp_path: Path) -> None:
    """An update that never came is counted, and the question about what is open is asked once more."""
    async with floor_with_owner(tmp_path) as (floor, terminal):
        asked = await serve(floor, "portfolio", {"book": BOOK, "series": SERIES})
        await serve(floor, "watch", {"log": LOG})
        terminal.start()
        await terminal.until(lambda view: view.link.phase == "live")
        before = len(asked)
        await say(floor, "router", msgspec.structs.replace(ORDER, sequence=5, revision=5))
        await terminal.until(lambda view: view.link.gaps == 2)
        await terminal.until(lambda view: len(asked) > before)
        assert asked[-1].verb == "book"
        assert asked[-1].user == "owner"


async def test_a_wrong_seed_is_the_end(tmp_path: Path) -> None:
    """An identity that the server does not know, and text that is no seed, end the source with a clear line."""
    async with floor_with_owner(tmp_path) as (floor, terminal):
        _, stranger = identities.create("admin", "owner")
        for seed, said in ((stranger, "refused this identity"), ("nonsense", "not an NKey user seed")):
            terminal.address = FloorAddress(floor.server.url, seed)
            source = FloorSource(terminal.find, terminal.replica, lambda: None)
            with pytest.raises(FloorGone, match=said):
                await asyncio.wait_for(source.run(), PATIENCE_S)


async def test_a_url_that_is_none_is_the_end(tmp_path: Path) -> None:
    """So is a certificate file that is not there."""
    for address, said in (
        (FloorAddress("http://127.0.0.1:1"), "not the address of a NATS server"),
        (FloorAddress("tls://127.0.0.1:1", ca=str(tmp_path / "none.pem")), "none.pem"),
    ):
        source = FloorSource(Terminal(address).find, Replica(), lambda: None)
        with pytest.raises(FloorGone, match=said):
            await asyncio.wait_for(source.run(), PATIENCE_S)


async def test_a_floor_that_is_not_up_yet_is_waited_for(tmp_path: Path) -> None:
    """The address is asked for again at each attempt, and what is waited for is said."""
    async with floor_with_owner(tmp_path) as (floor, terminal):
        await services(floor)
        await floor.server.stop()
        terminal.start()
        await terminal.until(lambda view: "no NATS server" in view.link.reason or "cannot connect" in view.link.reason)
        await terminal.until(lambda view: terminal.finds > 1)
        await floor.server.start(floor.text)
        await floor.streams()
        await services(floor)
        await terminal.until(lambda view: view.link.phase == "live")


async def test_find_may_say_that_there_is_no_floor() -> None:
    """FloorGone passes through."""

    async def find() -> FloorAddress:
        raise FloorGone("no floor runs here")

    with pytest.raises(FloorGone, match="no floor runs here"):
        await FloorSource(find, Replica(), lambda: None).run()


async def test_a_refusal_later_has_the_floor_looked_for_again(tmp_path: Path) -> None:
    """Another floor may have taken the place: its identity is asked for, and it is followed."""
    async with floor_with_owner(tmp_path) as (floor, terminal):
        await services(floor)
        terminal.start()
        await terminal.until(lambda view: view.link.phase == "live")
        await floor.server.stop()
        floor.admit("owner", "admin")
        terminal.address = FloorAddress(floor.server.url, floor.seeds["owner"])
        await floor.server.start(floor.text)
        await floor.streams()
        await services(floor)
        await terminal.until(lambda view: terminal.finds == 2 and view.link.phase == "live")


async def test_what_is_no_event_or_not_at_home_is_counted_and_passed_over(tmp_path: Path) -> None:
    """A session puts an account's state, an answer and rubbish on its own subjects: nothing of it is believed."""
    async with floor_with_owner(tmp_path) as (floor, terminal):
        await services(floor)
        terminal.start()
        await terminal.until(lambda view: view.link.phase == "live")
        session = await floor.peer("session-s")
        rich = msgspec.structs.replace(ACCOUNT, balance=1e9, sequence=99)
        empty = msgspec.structs.replace(BOOK, positions=(), orders=())
        for data in (encode(rich), encode(empty), b"\xff", b"", b"{}", b"[1]", b'{"type":"tick"}'):
            await session.nc.publish("log.info.session-s", data)
        beat = Beat(actor="session-s", state="well", source="session-s", incarnation=1, sequence=1, time=AT)
        await session.nc.publish(subject_of(beat), encode(beat))
        await session.settle()
        await terminal.until(lambda view: "session-s" in view.actors)
        assert terminal.view.link.unreadable == 7
        assert terminal.view.accounts == {}
        assert ("a", 5) in terminal.view.positions


def test_an_address_is_shown_without_its_seed() -> None:
    """A traceback or a log line gives no secret away."""
    assert "SECRET" not in repr(FloorAddress("nats://x:1", "SECRET"))
