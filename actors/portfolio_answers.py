"""What the portfolio answers to people: the book of what is open, and the curves of equity and balance.

Owns the bounds of an answer: one NATS message, well below what a server takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from actors.portfolio_book import Book
from actors.portfolio_figures import FLOOR
from actors.portfolio_series import Series
from actors.portfolio_standing import Standing
from schemas.account import PositionState
from schemas.answers import BookAnswer, SeriesAnswer
from schemas.base import Event
from schemas.codec import encode
from schemas.command import Ask, CommandResult

__all__ = ["MOST_BYTES", "Desk"]

MOST_BYTES = 200 * 1024
"""An answer is smaller than this."""
_FRAME = 4096  # the answer's own fields and envelope
_FILLS = 110 * 1024
_ORDERS = 45 * 1024

E = TypeVar("E", bound=Event)


class Desk:
    """Answers questions about a portfolio. `currencies`: by account, the portfolio's under ""."""

    def __init__(
        self,
        book: Book,
        standings: Mapping[str, Standing],
        series: Mapping[tuple[str, str], Series],
        currencies: Mapping[str, str],
    ) -> None:
        self._book = book
        self._standings = standings
        self._series = series
        self._currencies = currencies
        self._verbs: dict[str, Callable[[Ask], Event]] = {"book": self._book_of, "series": self._series_of}

    def answer(self, ask: Ask) -> Event:
        """The answer; `CommandResult(ok=False)` with the reason for what cannot be answered."""
        verb = self._verbs.get(ask.verb)
        if verb is None:
            return _no(ask, f"the portfolio does not know {ask.verb!r}; expected one of {', '.join(self._verbs)}")
        if ask.scope != FLOOR and ask.scope not in self._standings:
            return _no(ask, f"no account {ask.scope!r}; expected {FLOOR} or one of {', '.join(self._standings)}")
        return verb(ask)

    def _book_of(self, ask: Ask) -> Event:
        if ask.args:
            return _no(ask, f"book takes no arguments, not {', '.join(sorted(ask.args))}")
        state, mine = self._book.state, self._visible(ask.scope)
        positions = [
            event for account in mine for event in sorted(self._standings[account].told().values(), key=_ticket)
        ]
        orders = [live.update for live in state.orders.values() if live.update.account in mine]
        fills = [update for update in state.fills if update.account in mine]
        kept_fills, used = _newest(fills, _FILLS)
        kept_orders, also = _newest(orders, _ORDERS)
        kept, _ = _newest(positions, MOST_BYTES - _FRAME - used - also)
        return BookAnswer(
            positions=kept,
            orders=kept_orders,
            fills=kept_fills,
            positions_left_out=len(positions) - len(kept),
            orders_left_out=len(orders) - len(kept_orders),
        )

    def _series_of(self, ask: Ask) -> Event:
        wrong = sorted(set(ask.args) - {"scope", "id"})
        if wrong:
            return _no(ask, f"series takes scope and id, not {', '.join(wrong)}")
        name = ask.args.get("id", ask.scope)
        scope = ask.args.get("scope", "portfolio" if name == FLOOR else "account")
        visible = [key for key in self._series if ask.scope in (FLOOR, key[1])]
        if (scope, name) not in visible:
            expected = ", ".join(" ".join(key) for key in visible)
            return _no(ask, f"no series of {scope} {name!r}; expected one of {expected}")
        currency = self._currencies[name if scope == "account" else ""]
        return SeriesAnswer(scope=scope, id=name, currency=currency, points=self._series[scope, name].points())

    def _visible(self, scope: str) -> list[str]:
        return sorted(self._standings) if scope == FLOOR else [scope]


def _ticket(event: PositionState) -> int:
    return event.ticket


def _newest(events: Iterable[E], most: int) -> tuple[tuple[E, ...], int]:
    """As many of the last ones as fit into so many bytes, in their order, and how many bytes they take."""
    kept: list[E] = []
    used = 0
    for event in reversed(list(events)):
        size = len(encode(event)) + 1
        if used + size > most:
            break
        used += size
        kept.append(event)
    return tuple(reversed(kept)), used


def _no(ask: Ask, text: str) -> CommandResult:
    return CommandResult(id=ask.id, ok=False, text=text[:500])
