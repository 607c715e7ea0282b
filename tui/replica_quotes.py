"""Quotes: the last tick of each symbol, how it moved, and whether its market is open.

Owns `view.quotes` and the digits of symbols. A tick is the commonest event there is: it changes its row in place.
"""

from __future__ import annotations

from schemas.market import MarketStatus, SymbolSpec, Tick
from tui.replica_log import clean
from tui.replica_marks import OLDER, Latest, Mark, Missed, Room, judge
from tui.view_state import QuoteRow, View

__all__ = ["HISTORY", "STALE_US", "SYMBOLS", "Quotes"]

SYMBOLS = 2_000
HISTORY = 60
STALE_US = 5_000_000
"""An open market that is silent for so long is called stale."""

_SECOND_US = 1_000_000
_MOST_DIGITS = 15


class _Quote:
    """A row with what is needed to keep it."""

    __slots__ = ("mark", "row", "sampled", "told")

    def __init__(self, row: QuoteRow) -> None:
        self.row = row
        self.mark: Mark | None = None
        self.sampled = -1
        self.told = ""


class Quotes:
    """Folds ticks, specifications and market states."""

    def __init__(self, view: View, room: Room, missed: Missed) -> None:
        self._view = view
        self._room = room
        self._missed = missed
        self._specs = Latest("spec", SYMBOLS, room, missed)
        self._status = Latest("market", SYMBOLS, room, missed)
        self._venues: dict[str, dict[str, _Quote]] = {}
        self._digits: dict[str, dict[str, int]] = {}  # by symbol, then venue
        self._count = 0

    def digits(self, symbol: str, venue: str = "") -> int | None:
        """The symbol's digits at the venue, else at the venue that has most of them; None while nobody has said."""
        venues = self._digits.get(symbol)
        if not venues:
            return None
        return venues[venue] if venue in venues else max(venues.values())

    def tick(self, tick: Tick, received: int, live: bool) -> None:
        """A quote."""
        symbols = self._venues.get(tick.venue)
        quote = symbols.get(tick.symbol) if symbols is not None else None
        if quote is None:
            quote = self._open(tick.venue, tick.symbol, received)
            if quote is None:
                return
        row, mark = quote.row, quote.mark
        if mark is None:
            quote.mark = Mark.of(tick)
        else:
            lost = judge(mark, tick)
            if lost == OLDER:
                return
            mark.move(tick)
            row.missed = lost if live else 0  # a tick is whole: with the next one nothing is old
            if row.missed:
                self._missed(f"ticks of {row.symbol}", lost, received)
        bid = tick.bid
        if row.bid is not None and bid != row.bid:
            row.move = 1 if bid > row.bid else -1
        row.bid, row.ask, row.at, row.received = bid, tick.ask, tick.at, received
        history, second = row.history, received // _SECOND_US
        if second == quote.sampled:
            history[-1] = bid
        else:
            quote.sampled = second
            history.append(bid)
            if len(history) > HISTORY:
                del history[0]
        if row.market != quote.told:
            row.market = quote.told
        self._view.dirty.add("quotes")

    def spec(self, spec: SymbolSpec, received: int, live: bool) -> bool:
        """A contract; whether the digits of a symbol have changed."""
        quote = self._of(spec.venue, spec.symbol, received)
        if quote is None or not self._specs.take((spec.venue, spec.symbol), spec, received, live=live):
            return False
        if not 0 <= spec.digits <= _MOST_DIGITS:
            return False
        quote.row.digits = spec.digits
        self._view.dirty.add("quotes")
        venues = self._digits.setdefault(spec.symbol, {})
        if venues.get(spec.venue) == spec.digits:
            return False
        venues[spec.venue] = spec.digits
        return True

    def status(self, status: MarketStatus, received: int, live: bool) -> None:
        """What the feed says of a market."""
        quote = self._of(status.venue, status.symbol, received)
        if quote is not None and self._status.take((status.venue, status.symbol), status, received, live=live):
            quote.told = quote.row.market = status.state
            self._view.dirty.add("quotes")

    def look(self, now: int, since: int) -> None:
        """Call open markets stale that were silent too long; silence counts from `since` at the earliest."""
        for symbols in self._venues.values():
            for quote in symbols.values():
                row = quote.row
                if (
                    quote.told in {"", "open"}
                    and row.market != "stale"
                    and row.received
                    and now - max(row.received, since) > STALE_US
                ):
                    row.market = "stale"
                    self._view.dirty.add("quotes")

    def _of(self, venue: str, symbol: str, received: int) -> _Quote | None:
        """The symbol's row, a new one if there is room."""
        known = self._venues.get(venue, {}).get(symbol)
        return known if known is not None else self._open(venue, symbol, received)

    def _open(self, venue: str, symbol: str, received: int) -> _Quote | None:
        if self._count >= SYMBOLS:
            self._room.refuse("symbol", (venue, symbol), received)
            return None
        self._count += 1
        row = QuoteRow(clean(venue), clean(symbol), self._digits.get(symbol, {}).get(venue))
        quote = _Quote(row)
        self._venues.setdefault(venue, {})[symbol] = quote
        self._view.quotes[venue, symbol] = row
        self._view.dirty.add("quotes")
        return quote
