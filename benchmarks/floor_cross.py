"""The EMA cross of `peers.py` as a Python strategy, and a run of it on the in-process floor.

The floor is the whole of it: feed, runner, guard, signed clearances, router, paper venue with its book, portfolio, each
an actor on the local bus. Reading the tick file is part of the time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import msgspec
from cross import DEPOSIT, DIGITS, FAST, LOTS, SLOW, WARM_UP

from actors.local_floor import LocalFloor
from actors.strategy import Strategy
from schemas.settings import AccountSettings, FeedSettings, GuardSettings, SessionSettings, Settings, TickFile

if TYPE_CHECKING:
    from cross import Columns

    from actors.strategy import Desk, Outcome
    from schemas.market import Tick
    from schemas.order import Side

__all__ = ["TickCross", "TickCrossParams", "TickCrossState", "on_the_floor"]


class TickCrossParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None: the numbers are in cross.py."""


class TickCrossState(msgspec.Struct):
    """The averages of the bid, and the side that is wanted ("": none, or carried out)."""

    fast: float = 0.0
    slow: float = 0.0
    seen: int = 0
    side: str = ""
    want: str = ""


class TickCross(Strategy):
    """Long while the fast average is above the slow one, short below."""

    name = "tick_cross"
    Params = TickCrossParams
    State = TickCrossState
    state: TickCrossState

    def on_tick(self, tick: Tick, desk: Desk) -> None:
        """Move the averages and follow a crossing."""
        state = self.state
        if state.seen == 0:
            state.fast = state.slow = tick.bid
        state.fast += 2 / (FAST + 1) * (tick.bid - state.fast)
        state.slow += 2 / (SLOW + 1) * (tick.bid - state.slow)
        state.seen += 1
        if state.seen <= WARM_UP or state.fast == state.slow:
            return
        side = "buy" if state.fast > state.slow else "sell"
        if side != state.side:
            state.side = state.want = side
            self._act(desk)

    def on_order(self, outcome: Outcome, desk: Desk) -> None:
        """The next order when the one under way has been filled."""
        if outcome.ended and outcome.state == "filled":
            self._act(desk)

    def _act(self, desk: Desk) -> None:
        """One step towards the wanted side: close the other one, then open."""
        state = self.state
        if not state.want or desk.working(self.symbol):
            return
        side: Side = "buy" if state.want == "buy" else "sell"
        for position in desk.positions(self.symbol):
            if position.side != side:
                desk.order(self.symbol, side, position.volume, position=position.ticket)
                return
        state.want = ""
        desk.order(self.symbol, side, LOTS)


def on_the_floor(ticks: Columns) -> tuple[float, list[tuple[int, int, int]]]:
    """Seconds, and time, side and price (points) of each opening."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ticks.csv"
        columns = zip(ticks.time.tolist(), ticks.bid.tolist(), ticks.ask.tolist(), strict=True)
        digits = 10**DIGITS
        lines = (f"{time},{bid / digits:.5f},{ask / digits:.5f}\n" for time, bid, ask in columns)
        file.write_text("time,bid,ask\n" + "".join(lines))
        ticks_file = TickFile(path=str(file), symbol="EURUSD", format="csv")
        settings = Settings(
            feed=FeedSettings(kind="recorded", files=(ticks_file,), speed=0),
            account=(AccountSettings(id="paper", deposit=DEPOSIT),),
            guard=GuardSettings(max_tick_age_ms=3_600_000),
            session=(SessionSettings(id="cross", strategy="floor_cross:TickCross"),),
        )
        floor = LocalFloor(settings)
        begun = process_time()
        floor.run()
        seconds = process_time() - begun
    rows = floor.books["paper"].execute("SELECT at, side, price FROM deals WHERE entry = 'in' ORDER BY ticket")
    return seconds, [(at, 1 if side == "buy" else -1, price) for at, side, price in rows]
