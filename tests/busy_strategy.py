"""A strategy for chaos tests: trades on every few ticks for a while, then closes what it holds and is quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors.strategy import Strategy

if TYPE_CHECKING:
    from actors.strategy import Desk
    from schemas.market import Tick

__all__ = ["Busy"]


class BusyParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`seconds`: how long it opens positions, from its first tick on. At most `most` at once."""

    every: int = 2
    seconds: float = 20.0
    most: int = 3


class BusyState(msgspec.Struct):
    """`quiet` once it holds nothing after its time."""

    first: int = 0
    ticks: int = 0
    quiet: bool = False


class Busy(Strategy):
    """See the module."""

    name = "busy"
    Params = BusyParams
    State = BusyState
    params: BusyParams
    state: BusyState

    def on_tick(self, tick: Tick, desk: Desk) -> None:
        """One order at a time: open until there are enough, then close the oldest."""
        state, params = self.state, self.params
        state.first = state.first or tick.at
        state.ticks += 1
        if state.ticks % params.every or desk.working(self.symbol):
            return
        held = desk.positions(self.symbol)
        over = tick.at - state.first > params.seconds * 1_000_000
        if held and (over or len(held) >= params.most or state.ticks % (3 * params.every) == 0):
            oldest = held[0]
            desk.order(self.symbol, "sell" if oldest.side == "buy" else "buy", oldest.volume, position=oldest.ticket)
        elif not over:
            desk.order(self.symbol, "buy" if state.ticks % (2 * params.every) else "sell", 0.01)
