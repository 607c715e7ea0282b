"""The desk: what a strategy sees and does, on behalf of its session.

Collects what the strategy asks for as effects; the runner stores the state in front of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from actors.effects import Effect, Publish, SetTimer
from actors.error_text import encodable
from actors.session_book import OrderView, RunnerState
from actors.strategy import StrategyError, Terms
from schemas.health import Alert
from schemas.order import OrderIntent, OrderTerms, Signal
from schemas.settings import ParamValue

if TYPE_CHECKING:
    from actors.strategy import Position
    from schemas.market import SymbolSpec, Tick
    from schemas.order import OrderKind, Side

__all__ = ["MOST_WORKING", "RunnerConfig", "SessionDesk"]

_SECOND_US = 1_000_000
MOST_WORKING = 64
"""Orders of one session that may be under way at once."""


class RunnerConfig(msgspec.Struct, frozen=True):
    """One session. `lifetime_us`: how long an intent lives; `skew_us`: clock difference allowed for."""

    session: str
    account: str
    venue: str
    strategy: str
    symbols: tuple[str, ...]
    params: Mapping[str, ParamValue]
    lifetime_us: int
    skew_us: int
    sim: bool
    terms: Terms = Terms("USD", 100, 0.0)


class SessionDesk:
    """One session's desk. `out`: what was asked for since it was last emptied; `dirty`: the state has changed;
    `barred`: nothing is opened any more.
    """

    def __init__(self, config: RunnerConfig, state: RunnerState, incarnation: int) -> None:
        self.now = 0
        self.out: list[Effect] = []
        self.dirty = False
        self.barred = False
        self.specs: dict[str, SymbolSpec] = {}
        self.ticks: dict[str, Tick] = {}
        self._config = config
        self._state = state
        self._incarnation = incarnation
        self._counter = 0

    def spec(self, symbol: str) -> SymbolSpec | None:
        """See `Desk`."""
        return self.specs.get(symbol)

    @property
    def simulated(self) -> bool:
        """See `Desk`."""
        return self._config.sim

    def terms(self) -> Terms:
        """See `Desk`."""
        return self._config.terms

    def alert(self, code: str, text: str) -> None:
        """See `Desk`."""
        told = f"session {self._config.session}: {encodable(text)}"
        self.out.append(
            Publish(Alert(severity="warning", code=code, text=told, actor=f"session-{self._config.session}"))
        )

    def positions(self, symbol: str) -> list[Position]:
        """See `Desk`."""
        return self._state.positions(symbol)

    def working(self, symbol: str) -> list[str]:
        """See `Desk`."""
        return [name for name, view in self._state.orders.items() if not view.ended and view.terms.symbol == symbol]

    def signal(self, symbol: str, name: str, side: Side, values: dict[str, float]) -> None:
        """See `Desk`."""
        self._state.signals += 1
        signal = Signal(
            session=self._config.session,
            strategy=self._config.strategy,
            symbol=symbol,
            name=encodable(name),
            side=side,
            values=values,
        )
        self.out.append(Publish(signal))

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
        """See `Desk`. While `barred` an order that opens is none: its id is of an order that has ended.

        Raises:
            StrategyError: the session has `MOST_WORKING` orders whose outcome is not known. None of this message's
                orders leaves then: a strategy that floods fills neither the guard's mailbox nor the disk.
        """
        working = sum(not view.ended for view in self._state.orders.values())
        if working >= MOST_WORKING:
            raise StrategyError(f"{working} orders without an outcome; expected fewer than {MOST_WORKING}")
        self._counter += 1
        name = f"{self._config.session}-{self._incarnation}-{self._counter}"
        if self.barred and not position:
            return name  # not raised: that would take what the strategy closes with the same message along
        tick = self.ticks[symbol]
        terms = OrderTerms(
            id=name,
            account=self._config.account,
            session=self._config.session,
            strategy=self._config.strategy,
            venue=self._config.venue,
            symbol=symbol,
            kind=kind,
            side=side,
            volume=volume,
            submitted_at=self.now,
            expires_at=self.now + self._config.lifetime_us,
            position=position,
            bid=tick.bid,
            ask=tick.ask,
            cycle=encodable(cycle),
            comment=encodable(comment),
        )
        self._state.orders[terms.id] = OrderView(terms)
        self._state.intents += 1
        self.dirty = True
        self.out.append(Publish(OrderIntent(terms=terms)))
        self.out.append(SetTimer(f"check {terms.id}", terms.expires_at + self._config.skew_us + _SECOND_US))
        return terms.id
