"""A strategy for measuring: opens on one beat and closes on the next, so that orders come at a known rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from actors.strategy import Strategy

if TYPE_CHECKING:
    from actors.strategy import Desk
    from schemas.market import Tick

__all__ = ["Metronome"]


class MetronomeParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A beat is every `every` ticks."""

    every: Annotated[int, Meta(ge=1)] = 10
    lots: Annotated[float, Meta(gt=0)] = 0.01


class MetronomeState(msgspec.Struct):
    """Ticks so far."""

    ticks: int = 0


class Metronome(Strategy):
    """See the module."""

    name = "metronome"
    Params = MetronomeParams
    State = MetronomeState
    params: MetronomeParams
    state: MetronomeState

    def on_tick(self, tick: Tick, desk: Desk) -> None:
        """Act on the beat, unless an order is still under way."""
        self.state.ticks += 1
        if self.state.ticks % self.params.every or desk.working(self.symbol):
            return
        held = desk.positions(self.symbol)
        if held:
            desk.order(self.symbol, "sell", held[0].volume, position=held[0].ticket)
        else:
            desk.order(self.symbol, "buy", self.params.lots)
