"""The quotes that positions are valued at: the newest tick of each symbol, put onto its grid only when it is needed.

Owns `Quotes`. A tick costs one entry in a table; specifications, staleness and grids are looked at by `markets`. A
quote grows old only while its market is open: over a weekend the last one is what there is.
"""

from __future__ import annotations

from actors.valuation import Market, Quote, quote_of
from schemas.market import MarketStatus, SymbolSpec, Tick

__all__ = ["Quotes"]

_MOST_PRICE = 1e9
_MOST_DIGITS = 10
_MOST_CONTRACT = 1e12
_SHUT = frozenset({"closed", "ended"})


class Quotes:
    """`max_age_us`: a tick that arrived longer ago gives no quote while its market is not said to be closed; 0: the
    last one counts however old it is.
    """

    def __init__(self, max_age_us: int) -> None:
        self._max_age_us = max_age_us
        self._specs: dict[tuple[str, str], SymbolSpec] = {}
        self._ticks: dict[tuple[str, str], tuple[Tick, int]] = {}
        self._shut: set[tuple[str, str]] = set()

    def on_tick(self, tick: Tick, now: int) -> None:
        """The newest tick of a symbol, usable or not."""
        self._ticks[tick.venue, tick.symbol] = (tick, now)

    def on_spec(self, spec: SymbolSpec) -> None:
        """How a symbol is traded. With one that cannot be right nothing of the symbol is known."""
        if 0 <= spec.digits <= _MOST_DIGITS and 0 < spec.contract_size < _MOST_CONTRACT:
            self._specs[spec.venue, spec.symbol] = spec
        else:
            self._specs.pop((spec.venue, spec.symbol), None)

    def on_status(self, status: MarketStatus) -> None:
        """What the feed says of a market. One whose data broke off has no quote any more."""
        key = (status.venue, status.symbol)
        if status.state in _SHUT:
            self._shut.add(key)
        else:
            self._shut.discard(key)
        if status.state == "stale":
            self.drop(*key)

    def drop(self, venue: str, symbol: str) -> None:
        """The symbol has no quote until its next tick."""
        self._ticks.pop((venue, symbol), None)

    def clear(self) -> None:
        """No symbol has, and of no market it is known whether it is open."""
        self._ticks.clear()
        self._shut.clear()

    def markets(self, now: int) -> dict[str, Market]:
        """By venue: every specification, and every quote that is usable and not stale at `now`."""
        markets: dict[str, Market] = {}
        for (venue, symbol), spec in self._specs.items():
            market = markets.setdefault(venue, Market({}, {}))
            market.specs[symbol] = spec
            quote = self._quote(venue, symbol, spec, now)
            if quote is not None:
                market.quotes[symbol] = quote
        return markets

    def _quote(self, venue: str, symbol: str, spec: SymbolSpec, now: int) -> Quote | None:
        tick, seen = self._ticks.get((venue, symbol), (None, 0))
        if tick is None:
            return None
        if self._max_age_us and now - seen > self._max_age_us and (venue, symbol) not in self._shut:
            return None
        return quote_of(tick, spec, seen) if 0 < tick.bid <= tick.ask < _MOST_PRICE else None
