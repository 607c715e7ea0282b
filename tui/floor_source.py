"""Where the view comes from: a connection to a running floor.

Owns how the floor is found, connected to and followed: it subscribes to what people may hear, has what there was before
read (`tui.floor_past`), and does so again after each loss. Publishes questions only. No message is too odd for it: one
that is no event, or not one of its subject, is counted and passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from bus.clock import Clock, LiveClock
from bus.interface import BusError, Incoming
from bus.natsbus import NatsBus
from bus.tls import tls_context
from tui.floor_past import FloorPast
from tui.floor_reader import Reader
from tui.replica import Replica
from tui.view_state import Phase

__all__ = ["HEARS", "Down", "Find", "FloorAddress", "FloorGone", "FloorSource"]

HEARS = (
    "md.tick.>",
    "md.spec.>",
    "md.status.>",
    "order.update.>",
    "order.refused.>",
    "account.>",
    "pnl.>",
    "risk.state.>",
    "session.state.>",
    "health.state.>",
    "health.beat.>",
    "alert.>",
    "log.>",
)
"""What the view is made of."""

_CONNECT_US = 2_000_000
_AGAIN_S = 0.5
_LOOK_S = 0.5
_REFUSED = "refused this identity"
_VIOLATION = "authorization violation"
_REFUSALS = 3
"""Told once a second: a server that starts may not know everybody in its first moment."""
_HOPELESS = (_REFUSED, "is not an NKey user seed", "is not the address of a NATS server")


class FloorAddress(msgspec.Struct, frozen=True):
    """Where a floor's server listens and who asks. `seed` is the NKey seed of `user`; `ca` the file of the certificate
    authority of a `tls://` server, "" for the system's.
    """

    url: str
    seed: str = ""
    user: str = "owner"
    ca: str = ""

    def __repr__(self) -> str:
        """Without the seed."""
        return f"FloorAddress(url={self.url!r}, user={self.user!r}, ca={self.ca!r})"


class FloorGone(Exception):  # noqa: N818 - it is news for people, not an error of the program
    """There is no floor to show and waiting will not help. Its text is one line for people."""


Find = Callable[[], Awaitable[FloorAddress]]
"""Finds the floor, waiting for it if it is starting; may raise FloorGone."""

Down = Callable[[], str | None]
"""Why the floor is down, "" for no other reason than that somebody ended it; None: it runs, or nobody knows."""


class FloorSource:
    """Feeds a replica from a floor until it is cancelled.

    `find` is asked for the address before each attempt at a first connection, and again when a floor that was followed
    refuses this identity or is down; it is not asked while a floor that was followed is merely away. `down` is asked
    while there is no link, and tells the one from the other. `on_change` is called in the
    event loop when the link has changed, so that it can be drawn at once; everything else marks `replica.view.dirty`.
    """

    def __init__(
        self,
        find: Find,
        replica: Replica,
        on_change: Callable[[], None],
        *,
        down: Down | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._find = find
        self._replica = replica
        self._on_change = on_change
        self._down = down
        self._clock = clock or LiveClock()
        self._reader = Reader()
        self._stir = asyncio.Event()
        self._relinked = False
        self._refusals = 0

    async def run(self) -> None:
        """Connect, read and follow, for ever.

        Raises:
            FloorGone: there is no such floor, or it refuses this identity.
        """
        reason = "looking for the floor"
        while True:
            self._say(False, reason, "waiting")
            address = await self._find()
            self._say(False, f"connecting to {address.url}", "connecting")
            bus = self._bus(address)
            try:
                try:
                    await bus.open()
                except BusError as error:
                    reason = str(error)
                    if any(sign in reason for sign in _HOPELESS):
                        raise FloorGone(reason) from error
                    self._say(False, reason, "connecting")
                    await asyncio.sleep(_AGAIN_S)
                    continue
                await self._follow(bus, FloorPast(bus, self._replica, address.user, self._clock, self._told))
                ended = self._replica.view.link.floor == "down"
                reason = "" if ended else "the floor refuses this identity; looking for it again"
            finally:
                await bus.close()

    def _bus(self, address: FloorAddress) -> NatsBus:
        """A bus with all subscriptions, not open yet: nothing is missed between the two."""
        self._relinked, self._refusals = False, 0
        try:
            bus = NatsBus(
                address.url,
                name=address.user,
                clock=self._clock,
                seed=address.seed,
                tls=tls_context(address.url, address.ca),
                connect_timeout_us=_CONNECT_US,
            )
        except BusError as error:
            raise FloorGone(str(error)) from error
        bus.on_link(self._link_changed)
        bus.on_trouble(self._trouble)
        for subject in HEARS:
            bus.subscribe(subject, self._heard)
        return bus

    async def _follow(self, bus: NatsBus, past: FloorPast) -> None:
        """Read and follow until the floor refuses this identity, or is down."""
        reading: asyncio.Task[None] | None = None
        try:
            while self._refusals < _REFUSALS:
                if reading is not None and reading.done():
                    reading.result()
                    reading = None
                if self._relinked:
                    self._relinked = False
                    await _end(reading)
                    reading = asyncio.create_task(past.read())
                elif reading is None and bus.up and self._replica.wants_reading(self._clock.now()):
                    reading = asyncio.create_task(past.read_book())
                elif reading is None and bus.up and past.lacks:
                    reading = asyncio.create_task(past.read_log())
                await self._pause()
                self._look()
                if not bus.up and self._is_down():
                    return
        finally:
            await _end(reading)

    async def _pause(self) -> None:
        """Until there is something to do, at most half a second. A cancellation always gets through, unlike wait_for's
        in Python 3.11.
        """
        alarm = asyncio.get_running_loop().call_later(_LOOK_S, self._stir.set)
        try:
            await self._stir.wait()
        finally:
            alarm.cancel()
            self._stir.clear()

    def _look(self) -> None:
        """Let the replica judge what has been silent for too long."""
        stale = self._replica.view.link.stale
        self._replica.look(self._clock.now())
        if self._replica.view.link.stale != stale:
            self._on_change()

    def _is_down(self) -> bool:
        """Whether the floor is not merely out of reach. Asked of those who can know."""
        reason = self._down() if self._down is not None else None
        if reason is None:
            return False
        self._replica.standing("down", reason, self._clock.now())
        self._on_change()
        return True

    # ---- what the bus tells

    def _heard(self, incoming: Incoming) -> None:
        event = self._reader.event(incoming)
        if event is None:
            self._replica.unreadable()
        else:
            self._replica.fold(event, self._clock.now())

    def _link_changed(self, up: bool) -> None:
        if up:
            self._relinked = True
            self._refusals = 0
            self._stir.set()
            self._say(True, "reading what there was before", "reading")
        else:
            self._say(False, "the connection was lost; trying again", "connecting")

    def _trouble(self, text: str) -> None:
        if _REFUSED in text or _VIOLATION in text.lower():
            self._refusals += 1
            self._stir.set()
        if self._replica.view.link.up:
            self._replica.trouble(text, self._clock.now())
        else:
            self._say(False, text, "connecting")

    def _told(self, reason: str) -> None:
        """What is still missing of what there was before."""
        if self._replica.view.link.up:
            self._replica.link(True, reason, self._clock.now())
            self._on_change()

    def _say(self, up: bool, reason: str, phase: Phase) -> None:
        self._replica.link(up, reason, self._clock.now(), phase)
        self._on_change()


async def _end(task: asyncio.Task[None] | None) -> None:
    """Cancel it and wait for that."""
    if task is not None:
        task.cancel()
        await asyncio.wait({task})
