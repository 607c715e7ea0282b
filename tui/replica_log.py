"""The log of the view: alerts, log lines, fills, refusals and what the terminal itself has to say.

Owns `view.log`: in time, each event once, the newest 500. Texts are data: control characters become blanks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable

from schemas.health import Alert, LogLine
from schemas.order import Deal, OrderRefused, OrderUpdate
from tui.view_state import LogRow, View

__all__ = ["ROWS", "TERMINAL", "Log", "clean", "price_text"]

ROWS = 500
TERMINAL = "terminal"
"""The actor of rows that this terminal wrote."""

_MOST_TEXT = 500


def clean(text: str, most: int = _MOST_TEXT) -> str:
    """The text without control characters, line breaks and marks that turn its direction, at most so long."""
    if len(text) > most:
        text = f"{text[: most - 3]}..."
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " for char in text)


def price_text(price: float, digits: int | None) -> str:
    """A price with its symbol's digits, or as short as it is exact while those are not known."""
    return f"{price:.{digits}f}" if digits is not None else f"{price:.10g}"


class Log:
    """Adds rows to `view.log`."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._keys: list[Hashable] = []  # beside view.log
        self._known: set[Hashable] = set()

    def say(self, at: int, level: str, text: str, code: str) -> None:
        """The terminal's own row."""
        self._add(LogRow(at, level, TERMINAL, clean(text), code), None)

    def alert(self, event: Alert) -> None:
        """An alert. Its actor and that actor's runtime count apart on the same subject, so no gap can be told."""
        key = ("alert", event.source, event.incarnation, event.sequence, event.time, event.code)
        actor, code = clean(event.actor), clean(event.code)
        self._add(LogRow(event.time, event.severity, actor, clean(event.text), code), key)

    def line(self, event: LogLine) -> None:
        """A structured log line: the event, then its values."""
        key = ("line", event.source, event.incarnation, event.sequence, event.time, event.event)
        text = " ".join([event.event, *(f"{name}={value}" for name, value in event.values.items())])
        self._add(LogRow(event.time, event.level, clean(event.actor), clean(text)), key)

    def refused(self, event: OrderRefused) -> None:
        """The guard's refusal: rule, limit, actual."""
        key = ("refused", event.source, event.incarnation, event.order, event.time)
        text = f"order {event.order} refused by {event.rule}: limit {event.limit}, actual {event.actual}"
        self._add(LogRow(event.time, "warning", clean(event.session), clean(text), "refused"), key)

    def rejected(self, update: OrderUpdate) -> None:
        """An order that the venue, or the router, turned down."""
        key = ("rejected", update.order)
        text = f"order {update.order} {update.state.value}: {update.reason or 'no reason given'}"
        self._add(LogRow(update.time, "warning", clean(update.session), clean(text), "rejected"), key)

    def fill(self, update: OrderUpdate, deal: Deal, digits: int | None, currency: str) -> None:
        """A deal, in the account's currency."""
        price = price_text(deal.price, digits)
        text = f"{deal.side} {deal.volume:.10g} {deal.symbol} at {price}"
        if deal.entry == "out":
            text += f", closing {deal.position}: {deal.profit + deal.commission + deal.swap:+,.2f}"
            text += f" {currency}" if currency else " (currency not known yet)"
        row = LogRow(update.time, "info", clean(update.session), clean(text), "fill")
        self._add(row, ("fill", update.order, update.report or deal.ticket))

    def _add(self, row: LogRow, key: Hashable) -> None:
        rows, keys = self._view.log, self._keys
        if key is not None:
            if key in self._known:
                return
            if len(rows) >= ROWS and row.at < rows[0].at:
                return
            self._known.add(key)
        place = len(rows)
        if rows and row.at < rows[-1].at:
            place = bisect_right(rows, row.at, key=lambda one: one.at)
        rows.insert(place, row)
        keys.insert(place, key)
        if len(rows) > ROWS:
            del rows[0]
            self._known.discard(keys.pop(0))
        self._view.dirty.add("log")
