"""A strategy that prints what no terminal wants and raises what no encoder takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors.strategy import Strategy

if TYPE_CHECKING:
    from actors.strategy import Desk
    from schemas.market import Tick

__all__ = ["Faulty"]


class FaultyParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It raises on each tick behind the first `after`, but not on every `mercy`-th of these (0: on all)."""

    after: int = 0
    mercy: int = 0


class FaultyState(msgspec.Struct):
    """Ticks so far."""

    ticks: int = 0


class Faulty(Strategy):
    """See the module."""

    name = "faulty"
    Params = FaultyParams
    State = FaultyState
    params: FaultyParams
    state: FaultyState

    def on_tick(self, tick: Tick, desk: Desk) -> None:
        """Print, then raise if it is time to."""
        print("\x1b[2J\x1b]0;mine\x07 {")  # noqa: T201 - what it is for
        self.state.ticks += 1
        late = self.state.ticks - self.params.after
        if late > 0 and not (self.params.mercy and late % self.params.mercy == 0):
            raise RuntimeError("lone \ud800")
