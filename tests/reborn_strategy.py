"""cycle_trader and adaptive_hedging as if their process was killed and started again every few ticks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors.kernel_state import KernelState
from actors.kernel_strategy import AdaptiveHedging, CycleTrader, KernelStrategy

if TYPE_CHECKING:
    from actors.strategy import Desk, Outcome
    from schemas.market import Tick

__all__ = ["RebornCycles", "RebornHedging"]

_EACH = 7


class _Reborn(KernelStrategy):
    """Its state goes through the session's file and back on each seventh tick, and on each outcome."""

    _ticks = 0

    def on_tick(self, tick: Tick, desk: Desk) -> None:
        """Sometimes another object."""
        self._ticks += 1
        if self._ticks % _EACH == 0:
            self._again()
        super().on_tick(tick, desk)

    def on_order(self, outcome: Outcome, desk: Desk) -> None:
        """Killed before the outcome could be booked: it waits for the next tick."""
        self._again()
        super().on_order(outcome, desk)

    def _again(self) -> None:
        stored = msgspec.json.encode(self.state)
        KernelStrategy.__init__(self, self.symbol, self.params, msgspec.json.decode(stored, type=KernelState))


class RebornCycles(_Reborn, CycleTrader):
    """See above."""


class RebornHedging(_Reborn, AdaptiveHedging):
    """See above."""
