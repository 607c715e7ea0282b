"""Where the view comes from: a connection to a running floor.

Owns how the floor is found, connected to and read: it subscribes to what people may hear, then reads what there was
before (LAST, and the answers of portfolio and watch), and does so again after each loss. Publishes questions only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from bus.clock import Clock, LiveClock

if TYPE_CHECKING:
    from tui.replica import Replica

__all__ = ["Find", "FloorAddress", "FloorGone", "FloorSource"]


class FloorAddress(msgspec.Struct, frozen=True):
    """Where a floor's server listens and who asks. `seed` is the NKey seed of `user`; `ca` the file of the certificate
    authority of a `tls://` server, "" for the system's.
    """

    url: str
    seed: str = msgspec.field(default="")
    user: str = "owner"
    ca: str = ""

    def __repr__(self) -> str:
        """Without the seed."""
        return f"FloorAddress(url={self.url!r}, user={self.user!r}, ca={self.ca!r})"


class FloorGone(Exception):  # noqa: N818 - it is news for people, not an error of the program
    """There is no floor to show and waiting will not help. Its text is one line for people."""


Find = Callable[[], Awaitable[FloorAddress]]
"""Finds the floor, waiting for it if it is starting; may raise FloorGone."""


class FloorSource:
    """Feeds a replica from a floor until it is cancelled.

    `find` is asked for the address before each first connection. `on_change` is called in the event loop when the link
    or what was read before has changed, so that it can be drawn at once; events only mark `replica.view.dirty`.
    """

    def __init__(
        self, find: Find, replica: Replica, on_change: Callable[[], None], *, clock: Clock | None = None
    ) -> None:
        self._find = find
        self._replica = replica
        self._on_change = on_change
        self._clock = clock or LiveClock()

    async def run(self) -> None:
        """Connect, read and follow, for ever.

        Raises:
            FloorGone: there is no such floor, or it refuses this identity.
        """
        address = await self._find()
        raise FloorGone(f"{address.url}: following a floor is not built yet")
