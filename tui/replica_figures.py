"""Money as the venues and the portfolio state it, the trading states, and the curve of equity and balance.

Owns `view.accounts`, `view.profits`, `view.risk` and `view.curve`. The first three hold the events themselves.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from schemas.account import AccountState, ProfitLoss
from schemas.answers import SeriesAnswer, SeriesPoint
from schemas.base import Event
from schemas.command import RiskState
from tui.replica_log import clean
from tui.replica_marks import Latest, Missed, Room
from tui.view_state import View

__all__ = ["FLOOR", "POINTS", "ROWS", "Figures", "thinned"]

ROWS = 2_000
POINTS = 600
"""The curve has at most so many points."""
FLOOR = ("portfolio", "floor")
"""Scope and id of the whole."""

_SECOND_US = 1_000_000
_MINUTE_US = 60_000_000

E = TypeVar("E", bound=Event)


class Figures:
    """Folds account states, profits, risk states and the portfolio's series."""

    def __init__(self, view: View, room: Room, missed: Missed) -> None:
        self._view = view
        self._accounts = Latest("account", ROWS, room, missed)
        self._profits = Latest("profit of", ROWS, room, missed)
        self._risk = Latest("risk state of", ROWS, room, missed)

    def account(self, event: AccountState, received: int, live: bool) -> None:
        """An account as the venue has it."""
        if self._accounts.take(event.account, event, received, live=live):
            self._view.accounts[event.account] = _printable(event, "account", "venue", "currency")
            self._view.dirty.add("accounts")

    def profit(self, event: ProfitLoss, received: int, live: bool) -> None:
        """What the portfolio says of a scope; of the whole it is a point of the curve too."""
        key = (event.scope, event.id)
        if not self._profits.take(key, event, received, live=live):
            return
        self._view.profits[key] = _printable(event, "id", "currency")
        self._view.dirty.add("profits")
        if key == FLOOR and event.equity is not None and event.balance is not None:
            self._point(SeriesPoint(event.time, event.equity, event.balance))

    def unknown(self) -> None:
        """Nobody says any more what anything is worth."""
        if self._view.profits:
            self._view.profits.clear()
            self._view.dirty.add("profits")

    def risk(self, event: RiskState, received: int, live: bool) -> None:
        """A trading state."""
        key = (event.scope, event.id)
        if self._risk.take(key, event, received, live=live):
            self._view.risk[key] = _printable(event, "id", "reason")
            self._view.dirty.add("risk")

    def series(self, answer: SeriesAnswer) -> None:
        """The portfolio's memory of the curve: it replaces ours where it has one."""
        if (answer.scope, answer.id) != FLOOR or not answer.points:
            return
        first, last = answer.points[0].at, answer.points[-1].at
        before = [point for point in self._view.curve if point.at < first]
        after = [point for point in self._view.curve if point.at > last]
        by_second = {point.at // _SECOND_US: point for point in (*before, *answer.points, *after)}
        self._view.curve[:] = thinned(list(by_second.values()))
        self._view.dirty.add("curve")

    def _point(self, point: SeriesPoint) -> None:
        """The newest point; of each second the last one stays."""
        curve = self._view.curve
        if curve and point.at < curve[-1].at:
            return
        if curve and point.at // _SECOND_US == curve[-1].at // _SECOND_US:
            curve[-1] = point
        else:
            curve.append(point)
            if len(curve) > POINTS:
                curve[:] = thinned(curve)
        self._view.dirty.add("curve")


def thinned(points: list[SeriesPoint]) -> list[SeriesPoint]:
    """At most POINTS: of the older half one a minute stays, the last of it; if that is not enough one in two minutes,
    and so on.
    """
    step = _MINUTE_US
    newer = points[-(POINTS // 2) :]
    older = points[: -(POINTS // 2)]
    while len(older) + len(newer) > POINTS:
        by_step = {point.at // step: point for point in older}
        older = list(by_step.values())
        step *= 2
    return [*older, *newer]


def _printable(event: E, *names: str) -> E:
    """The event with these texts made printable."""
    changed = {name: clean(getattr(event, name)) for name in names if not getattr(event, name).isprintable()}
    return msgspec.structs.replace(event, **changed) if changed else event
