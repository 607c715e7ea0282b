"""What the guard knows of the health of those that an order needs: the watch's word on each, and the watch's own beats.

Pure, and fail-closed: an actor of which the watch that beats now has not said that it lives is not alive. What an
earlier incarnation of the watch said does not count any more. One lookup answers for an order; what it finds is worked
out when something changes.
"""

from __future__ import annotations

from actors.floor_plan import places
from actors.guard_case import ms_text
from actors.pulse import DEAD_US
from schemas.health import Beat, HealthState
from schemas.settings import Settings

__all__ = ["CoreHealth", "core_of"]

_WATCH = "watch"
_WELL = {"alive", "late"}
_MOST_REASON = 128


def core_of(settings: Settings) -> dict[str, str]:
    """Who must be alive for an order that opens: each actor's name with the account that it serves, "" for all.

    All but the sessions, and the supervisor; the watch is known by its own beats. Nobody in simulated time, where a
    death ends the floor and no clock is everybody's.
    """
    if settings.feed.speed == 0:
        return {}
    others = {place.name: place.account for place in places(settings) if place.role not in {"session", _WATCH}}
    return {"supervisor": "", **others}


class CoreHealth:
    """By account, why nothing may open. Nobody in `core`: nothing ever stands against it."""

    def __init__(self, core: dict[str, str]) -> None:
        self._core = core
        self._wrong: dict[str, str] = {}
        self._beat_at = -1
        self._watch = 0
        self._everywhere = ""
        self._accounts: dict[str, str] = {}
        self.forget()

    def forget(self) -> None:
        """The link was lost: much may have happened, and is told again."""
        self._beat_at = -1
        self._begin()

    def hear(self, event: Beat | HealthState, now: int) -> None:
        """A beat of the watch, or its word on somebody."""
        if event.incarnation < self._watch:
            return
        if event.incarnation > self._watch:
            self._watch = event.incarnation
            self._begin()
        if isinstance(event, Beat):
            self._beat_at = now
        elif event.actor in self._core:
            reason = f": {event.reason[:_MOST_REASON]}" if event.reason else ""
            self._wrong[event.actor] = "" if event.state in _WELL else f"{event.actor} {event.state}{reason}"
            self._judge()

    def trouble(self, account: str, now: int) -> str:
        """Why nothing may open on the account, or ""."""
        if not self._core:
            return ""
        silent_us = now - self._beat_at
        if self._beat_at < 0:
            return "watch unknown: no beat heard yet"
        if silent_us > DEAD_US:
            return f"watch dead: no beat for {ms_text(silent_us)}"
        return self._accounts.get(account, self._everywhere)

    def _begin(self) -> None:
        self._wrong = {actor: f"{actor} unknown: the watch has not said yet" for actor in self._core}
        self._judge()

    def _judge(self) -> None:
        """Who serves all counts everywhere, a gateway on its account."""
        found: dict[str, str] = {}
        for actor, account in self._core.items():
            found[account] = found.get(account) or self._wrong[actor]
        self._everywhere = found.pop("", "")
        self._accounts = {account: self._everywhere or wrong for account, wrong in found.items()}
