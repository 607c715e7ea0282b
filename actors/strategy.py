"""What a strategy written in Python is: decisions from ticks, bars and orders, and nothing else.

A strategy has parameters (a frozen Struct with bounds), a state (a mutable Struct that is stored with each of its
orders) and four handlers. It acts through its `Desk`. The runner in live floors and the in-process floor of backtests
call the very same object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import msgspec

from schemas.order import Deal, OrderKind, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.market import Bar, SymbolSpec, Tick

__all__ = ["Desk", "Outcome", "Position", "Strategy", "StrategyError", "Terms"]


class StrategyError(ValueError):
    """Parameters that a strategy cannot work with: the text says the parameter, its value and what was expected."""


class Position(msgspec.Struct, frozen=True):
    """An open position of the session: volume in lots, `price` the average open price."""

    ticket: int
    symbol: str
    side: Side
    volume: float
    price: float


class Outcome(msgspec.Struct, frozen=True):
    """What became of an order, so far or at last. `state` as in `schemas.order.OrderState`; `deal` is the last one."""

    order: str
    symbol: str
    state: str
    side: Side
    volume: float
    filled: float
    price: float
    position: int
    closes: int
    reason: str
    ended: bool
    deal: Deal | None = None


class Terms(msgspec.Struct, frozen=True):
    """The session's account: its currency, leverage, and commission in money a lot and side."""

    currency: str
    leverage: int
    commission: float


class Desk(Protocol):
    """What a strategy may do and see. All orders expire within the guard's intent lifetime.

    `now`: UTC microseconds. `simulated`: time moves with the ticks alone.
    """

    now: int

    @property
    def simulated(self) -> bool:
        """See above."""

    def terms(self) -> Terms:
        """Of the session's account."""

    def alert(self, code: str, text: str) -> None:
        """Tell people something that they should know."""

    def spec(self, symbol: str) -> SymbolSpec | None:
        """The symbol's specification, None until the feed has sent it."""

    def positions(self, symbol: str) -> Sequence[Position]:
        """The session's own open positions, oldest first."""

    def working(self, symbol: str) -> Sequence[str]:
        """Ids of the session's orders whose outcome is not known yet."""

    def signal(self, symbol: str, name: str, side: Side, values: dict[str, float]) -> None:
        """Say what was seen."""

    def order(
        self,
        symbol: str,
        side: Side,
        volume: float,
        *,
        position: int = 0,
        kind: OrderKind = "market",
        cycle: str = "",
        comment: str = "",
    ) -> str:
        """Ask for an order of `volume` lots; with `position` it closes that ticket. Returns its id."""


class Strategy:
    """The base of Python strategies. One object serves one symbol of one session."""

    name: ClassVar[str]
    Params: ClassVar[type[msgspec.Struct]]
    State: ClassVar[type[msgspec.Struct]]
    hears_early: ClassVar[bool] = False
    """Whether `on_order` is called before the first tick too, when nothing can be sent yet."""

    def __init__(self, symbol: str, params: msgspec.Struct, state: msgspec.Struct | None = None) -> None:
        self.symbol = symbol
        self.params = params
        self.state = state if state is not None else self.State()

    @property
    def timeframe(self) -> str:
        """The bars that `on_bar` wants, "" for none."""
        return ""

    def on_tick(self, tick: Tick, desk: Desk) -> None:
        """A tick of the symbol, before the bar that it may close."""

    def on_bar(self, bar: Bar, desk: Desk) -> None:
        """A bar has closed."""

    def on_order(self, outcome: Outcome, desk: Desk) -> None:
        """Something happened to an order."""

    def on_timer(self, now: int, desk: Desk) -> None:
        """A second has passed; `now` is UTC microseconds. In simulated time at most once before each tick."""
