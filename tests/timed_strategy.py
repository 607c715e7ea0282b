"""A strategy that lives by its timer: it opens at one second and closes at a later one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors.strategy import Strategy

if TYPE_CHECKING:
    from actors.strategy import Desk

__all__ = ["Timed"]


class TimedParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It raises at its second number `faulty` (0: never)."""

    faulty: int = 0


class TimedState(msgspec.Struct):
    """Seconds so far."""

    seconds: int = 0


class Timed(Strategy):
    """See the module."""

    name = "timed"
    Params = TimedParams
    State = TimedState
    params: TimedParams
    state: TimedState

    def on_timer(self, now: int, desk: Desk) -> None:
        """Signals carry the time; orders are 0.01 lots."""
        self.state.seconds += 1
        if self.state.seconds == self.params.faulty:
            raise RuntimeError("the second of the fault")
        desk.signal(self.symbol, "second", "buy", {"at": float(now)})
        held = desk.positions(self.symbol)
        if desk.working(self.symbol):
            return
        if held:
            desk.order(self.symbol, "sell", held[0].volume, position=held[0].ticket)
        else:
            desk.order(self.symbol, "buy", 0.01)
