"""What was sent and never came: how much, of what, and whether it is too much for this terminal to keep up with.

Owns `gaps`, `recent` and `behind` of `view.link`. What was missed while there was no link is told in one line.
"""

from __future__ import annotations

from collections import deque

from tui.replica_log import Log
from tui.view_state import View

__all__ = ["AFTERMATH_US", "BEHIND", "Gaps"]

AFTERMATH_US = 3_000_000
"""After a lost link: by then every subject that is alive has been heard again, and its gap is that of the loss."""
BEHIND = 1_000
"""Whoever misses so many events within ten seconds of a link that is up cannot keep up."""

_RECENT_S = 60
_BEHIND_S = 10
_SECOND_US = 1_000_000
_MOST_TOLD = 2_000


class Gaps:
    """Counts what was missed. Of one subject it is said at most once a second."""

    def __init__(self, view: View, log: Log) -> None:
        self._view = view
        self._log = log
        self._told: dict[str, int] = {}
        self._outage = 0
        self._seconds: deque[tuple[int, int, int]] = deque()  # second, missed, of those on a link that is up

    def missed(self, what: str, lost: int, received: int, *, outage: bool) -> None:
        """So many events of this are missing. `outage`: they were sent while there was no link."""
        link = self._view.link
        link.gaps += lost
        second, live = received // _SECOND_US, 0 if outage else lost
        if self._seconds and self._seconds[-1][0] == second:
            _, so_far, so_far_live = self._seconds.pop()
            self._seconds.append((second, so_far + lost, so_far_live + live))
        else:
            self._seconds.append((second, lost, live))
        self._judge(second)
        self._view.dirty.add("link")
        if outage:
            self._outage += lost  # one line for all of it, see `look`
            return
        if len(self._told) > _MOST_TOLD:
            self._told.clear()
        if received - self._told.get(what, -_SECOND_US) >= _SECOND_US:
            self._told[what] = received
            self._log.say(received, "warning", f"{_events(lost)} missed: {what}", "gap")

    def look(self, now: int) -> None:
        """What was missed a while ago is not of now any more."""
        link = self._view.link
        if self._outage and now - link.changed_at >= AFTERMATH_US:
            self._log.say(now, "warning", f"{_events(self._outage)} missed while there was no link", "gap")
            self._outage = 0
        if self._seconds:
            self._judge(now // _SECOND_US)

    def _judge(self, second: int) -> None:
        """Count the last minute again."""
        while self._seconds and self._seconds[0][0] <= second - _RECENT_S:
            self._seconds.popleft()
        recent = sum(lost for _, lost, _ in self._seconds)
        behind = sum(live for at, _, live in self._seconds if at > second - _BEHIND_S) >= BEHIND
        link = self._view.link
        if (recent, behind) != (link.recent, link.behind):
            link.recent, link.behind = recent, behind
            self._view.dirty.add("link")


def _events(count: int) -> str:
    return f"{count:,} event{'s' if count != 1 else ''}"
