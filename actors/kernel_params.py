"""The parameters of the compiled strategies as a live session takes them: those of `kernels.params`, and `opening`.

What needs orders that the order path does not carry yet (SL with an order) is refused by name.
"""

from __future__ import annotations

from typing import Annotated, Literal

from kernels.params import AdaptiveHedgingParams, CycleTraderParams, about

__all__ = ["AdaptiveHedgingLive", "CycleTraderLive", "Opening"]

Opening = Annotated[
    Literal["none", "buy", "sell", "alternate"], about("first side of a cycle that is opened when there is none")
]


class CycleTraderLive(CycleTraderParams, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """cycle_trader in a session."""

    opening: Opening = "none"

    def rules(self) -> None:
        """No order carries an SL."""
        super().rules()
        if self.order_sl:
            raise self.refuse("order_sl", "0: a session cannot send a stop-loss with an order yet")


class AdaptiveHedgingLive(AdaptiveHedgingParams, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """adaptive_hedging in a session."""

    opening: Opening = "none"
