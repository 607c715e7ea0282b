"""The log of the view: alerts, log lines, fills, refusals and what the terminal itself has to say.

Owns `view.log`: in time, each event once, the newest 500; critical ones stay longer. Of what an actor says again and
again the newest three of a minute stay, and the number of the others: whoever floods the log hides nobody. Texts are
data: control characters become blanks.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable

import msgspec

from schemas.health import Alert, LogLine
from schemas.order import Deal, OrderRefused, OrderUpdate
from tui.view_state import LogRow, View

__all__ = ["GRAVE", "KNOWN", "LIKE", "ROWS", "TERMINAL", "Log", "clean", "price_text"]

ROWS = 500
GRAVE = 100
"""So many critical rows stay whatever else is said."""
LIKE = 3
"""So many rows of an actor, a level and a code stay of each minute."""
KNOWN = 4_000
"""So many events are remembered, so that none is shown or counted twice."""
TERMINAL = "terminal"
"""The actor of rows that this terminal wrote."""

_MOST_TEXT = 500
_MINUTE_US = 60_000_000
_GUARD = "guard"
_REFUSAL = re.compile(r"session (\S+): (\S+) refused by (\w+): ")


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


class _Entry:
    """A row with what is needed to keep it: the event's key, and the group of rows that are like it."""

    __slots__ = ("group", "key", "row")

    def __init__(self, row: LogRow, key: Hashable | None, group: Hashable | None) -> None:
        self.row, self.key, self.group = row, key, group


class Log:
    """Adds rows to `view.log`."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._entries: list[_Entry] = []  # beside view.log
        self._like: dict[Hashable, list[_Entry]] = {}
        self._shown: set[Hashable] = set()
        self._known: dict[Hashable, None] = {}

    def say(self, at: int, level: str, text: str, code: str) -> None:
        """The terminal's own row."""
        self._add(LogRow(at, level, TERMINAL, clean(text), code), None, clean(text) if code == "link" else code)

    def alert(self, event: Alert) -> None:
        """An alert. Its actor and that actor's runtime count apart on the same subject, so no gap can be told. The
        guard's of a refusal says the same as the refusal itself: one of the two is enough.
        """
        key: Hashable = ("alert", event.source, event.incarnation, event.sequence, event.time, event.code)
        if event.actor == event.source == _GUARD and event.severity == "warning":
            told = _REFUSAL.match(event.text)
            key = ("refused", *told.groups()) if told is not None else key
        actor, code = clean(event.actor), clean(event.code)
        self._add(LogRow(event.time, event.severity, actor, clean(event.text), code), key, code)

    def line(self, event: LogLine) -> None:
        """A structured log line: the event, then its values."""
        key = ("line", event.source, event.incarnation, event.sequence, event.time, event.event)
        text = " ".join([event.event, *(f"{name}={value}" for name, value in event.values.items())])
        self._add(LogRow(event.time, event.level, clean(event.actor), clean(text)), key, ("line", clean(event.event)))

    def refused(self, event: OrderRefused) -> None:
        """The guard's refusal: rule, limit, actual."""
        key = ("refused", event.session, event.order, event.rule)
        text = f"order {event.order} refused by {event.rule}: limit {event.limit}, actual {event.actual}"
        self._add(
            LogRow(event.time, "warning", clean(event.session), clean(text), "refused"), key, ("refused", event.rule)
        )

    def rejected(self, update: OrderUpdate) -> None:
        """An order that the venue, or the router, turned down."""
        key = ("rejected", update.order)
        text = f"order {update.order} {update.state.value}: {update.reason or 'no reason given'}"
        self._add(LogRow(update.time, "warning", clean(update.session), clean(text), "rejected"), key, "rejected")

    def fill(self, update: OrderUpdate, deal: Deal, digits: int | None, currency: str) -> None:
        """A deal, in the account's currency."""
        price = price_text(deal.price, digits)
        text = f"{deal.side} {deal.volume:.10g} {deal.symbol} at {price}"
        if deal.entry == "out":
            text += f", closing {deal.position}: {deal.profit + deal.commission + deal.swap:+,.2f}"
            text += f" {currency}" if currency else " (currency not known yet)"
        row = LogRow(update.time, "info", clean(update.session), clean(text), "fill")
        self._add(row, ("fill", update.order, update.report or deal.ticket))

    def _add(self, row: LogRow, key: Hashable | None, kind: Hashable | None = None) -> None:
        """Once. Of rows of one `kind` the newest of a minute stay, in whatever order they come; None: each stays."""
        if key is not None:
            if key in self._known or key in self._shown:
                return
            self._known[key] = None
            if len(self._known) > KNOWN:
                del self._known[next(iter(self._known))]
        group = None if kind is None else (row.actor, row.level, kind, row.at // _MINUTE_US)
        self._insert(_Entry(row, key, group))
        if group is not None:
            self._join(group)
        if len(self._view.log) > ROWS:
            graves = [one for one in self._entries if one.row.level == "critical"]
            kept = set(map(id, graves)) if len(graves) <= GRAVE else set()
            self._remove(next(one for one in self._entries if id(one) not in kept))
        self._view.dirty.add("log")

    def _join(self, group: Hashable) -> None:
        """Of more than some rows that are alike the oldest goes; the next one says how many there were."""
        like = self._like[group]
        if len(like) > LIKE:
            oldest, following = like[0], like[1]
            self._remove(oldest)
            following.row = msgspec.structs.replace(following.row, more=oldest.row.more + following.row.more + 1)
            place = self._place(following)
            self._view.log[place] = following.row

    def _insert(self, entry: _Entry) -> None:
        """At its place in time."""
        place = bisect_right(self._entries, entry.row.at, key=_at)
        self._entries.insert(place, entry)
        self._view.log.insert(place, entry.row)
        if entry.key is not None:
            self._shown.add(entry.key)
        if entry.group is not None:
            insort(self._like.setdefault(entry.group, []), entry, key=_order)

    def _remove(self, entry: _Entry) -> None:
        """It is shown no more."""
        place = self._place(entry)
        del self._entries[place], self._view.log[place]
        self._shown.discard(entry.key)
        if entry.group is not None:
            like = self._like[entry.group]
            like.remove(entry)
            if not like:
                del self._like[entry.group]

    def _place(self, entry: _Entry) -> int:
        """Where it stands."""
        return self._entries.index(entry, bisect_left(self._entries, entry.row.at, key=_at))


def _at(entry: _Entry) -> int:
    return entry.row.at


def _order(entry: _Entry) -> tuple[int, str]:
    """The same whatever came first."""
    return entry.row.at, entry.row.text
