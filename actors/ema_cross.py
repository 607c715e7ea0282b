"""The example strategy: follow the crossing of two exponential moving averages of closed bars.

While the fast average is above the slow one it wants to be long, below it short: at a crossing it closes the one and
opens the other. One order is under way at a time. The average is the usual recursion e += 2 / (n + 1) x (close - e),
started at the first close; nothing is traded in the first `slow` bars, nor in the `slow` bars after a gap of more than
10 bars, and on the next bar it takes the side on which the averages are by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from actors.bars import timeframe_seconds
from actors.strategy import Strategy

if TYPE_CHECKING:
    from actors.strategy import Desk, Outcome
    from schemas.market import Bar
    from schemas.order import Side

__all__ = ["EmaCross", "EmaCrossParams", "EmaCrossState"]

_GAP_BARS = 10


class EmaCrossParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`fast` and `slow` in bars, `lots` a position's volume."""

    fast: Annotated[int, Meta(ge=1, le=500)] = 5
    slow: Annotated[int, Meta(ge=2, le=1000)] = 13
    timeframe: str = "S5"
    lots: Annotated[float, Meta(gt=0, le=1000)] = 0.01

    def __post_init__(self) -> None:
        """The fast one must be the faster one, and the timeframe one that there is."""
        timeframe_seconds(self.timeframe)
        if self.fast >= self.slow:
            message = f"fast: {self.fast} must be below slow ({self.slow})"
            raise ValueError(message)


class EmaCrossState(msgspec.Struct):
    """`side` is that of the last crossing, "" before the first; `want` the same until it has been carried out."""

    fast: float = 0.0
    slow: float = 0.0
    bars: int = 0
    last_at: int = 0
    side: str = ""
    want: str = ""


class EmaCross(Strategy):
    """See the module."""

    name = "ema_cross"
    Params = EmaCrossParams
    State = EmaCrossState
    params: EmaCrossParams
    state: EmaCrossState

    @property
    def timeframe(self) -> str:
        """The bars it works on."""
        return self.params.timeframe

    def on_bar(self, bar: Bar, desk: Desk) -> None:
        """Move the averages and look for a crossing."""
        state, params = self.state, self.params
        if state.bars and bar.at - state.last_at > _GAP_BARS * 1_000_000 * timeframe_seconds(params.timeframe):
            state.bars, state.side = 0, ""
        state.last_at = bar.at
        if state.bars == 0:
            state.fast = state.slow = bar.close
            state.bars = 1
            return
        state.fast += 2 / (params.fast + 1) * (bar.close - state.fast)
        state.slow += 2 / (params.slow + 1) * (bar.close - state.slow)
        state.bars += 1
        if state.bars <= params.slow or state.fast == state.slow:
            return
        side: Side = "buy" if state.fast > state.slow else "sell"
        if side == state.side:
            return
        state.side = side
        desk.signal(self.symbol, "cross", side, {"fast": state.fast, "slow": state.slow, "close": bar.close})
        state.want = side
        self._act(desk)

    def on_order(self, outcome: Outcome, desk: Desk) -> None:
        """Go on when the order under way has ended; what was refused waits for the next crossing."""
        if not outcome.ended:
            return
        if outcome.state == "filled":
            self._act(desk)
        else:
            self.state.want = ""

    def _act(self, desk: Desk) -> None:
        """The next step towards the wanted side: close the opposite positions one by one, then open."""
        want = self.state.want
        if not want or desk.working(self.symbol):
            return
        held = desk.positions(self.symbol)
        side: Side = "buy" if want == "buy" else "sell"
        for position in held:
            if position.side != want:
                desk.order(self.symbol, side, position.volume, position=position.ticket, comment="cross back")
                return
        self.state.want = ""
        if not held:
            desk.order(self.symbol, side, self.params.lots, comment="cross")
