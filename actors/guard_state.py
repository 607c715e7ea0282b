"""What the guard knows that outlives it, and how it knows it again after a start.

Owns `GuardConfig`, `GuardState` and `recover`, which rebuilds the state from the ORDERS stream alone: exposure from
order updates, sessions, trading states, and the highest epoch.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from actors.exposure import Exposure, ExposureState
from actors.guard_case import Limits, Member, Trading, limits_from, order_number
from actors.guard_health import core_of
from schemas.base import Event
from schemas.command import RiskState
from schemas.order import OrderUpdate
from schemas.session import SessionState
from schemas.settings import Settings

__all__ = ["CONFIGURED", "FLOOR", "GuardConfig", "GuardState", "config_from", "recover"]

FLOOR = "floor"
"""The id of the portfolio scope."""
CONFIGURED = "configured"
"""The reason of a trading state that only repeats the settings: no decision, and not kept across a restart."""

_STRICTNESS: dict[Trading, int] = {"active": 0, "reducing": 1, "halted": 2}


class GuardConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: the floor's trading state unless a stricter one is on record. `accounts`: id to its quotes' venue.
    `sessions`: id to account, of those in the settings. `core`: who must be alive for an open (`core_of`).
    """

    state: Trading
    limits: Limits
    accounts: dict[str, str]
    sessions: dict[str, str]
    core: dict[str, str] = {}


class GuardState(msgspec.Struct, kw_only=True):
    """What outlives a restart. `epoch`: the highest guard incarnation on record, -1 for none. `claimed`: by session
    (incarnation, counter) of the last id that was judged. `floor`, `accounts`, `sessions`: trading states by scope.
    `members`: the sessions. `recovering_until`: UTC microseconds, 0 not yet known, -1 no wait. `stored`: this guard's
    start is on record. `superseded`: the epoch of the guard that has taken over, or 0. `fault`: why the exposure cannot
    be trusted, or "". `alerted`: by session the rules that people have been told of.
    """

    exposure: ExposureState = msgspec.field(default_factory=ExposureState)
    epoch: int = -1
    claimed: dict[str, tuple[int, int]] = {}
    floor: Trading = "active"
    floor_reason: str = ""
    accounts: dict[str, Trading] = {}
    sessions: dict[str, Trading] = {}
    members: dict[str, Member] = {}
    recovering_until: int = -1
    stored: bool = False
    superseded: int = 0
    fault: str = ""
    alerted: dict[str, list[str]] = {}

    def claim(self, update: OrderUpdate) -> None:
        """An id on record is used up."""
        number = order_number(update.order, update.session)
        if number is not None and number > self.claimed.get(update.session, (0, 0)):
            self.claimed[update.session] = number

    def join(self, event: SessionState) -> None:
        """A session as the supervisor describes it now."""
        self.members[event.session] = Member(event.account, event.state, event.symbols)

    def decide(self, event: RiskState) -> None:
        """Take a trading state over."""
        if event.reason == CONFIGURED:
            return
        if event.scope == "portfolio":
            self.floor, self.floor_reason = event.state, event.reason
        elif event.scope == "account":
            self.accounts[event.id] = event.state
        else:
            self.sessions[event.id] = event.state

    def floor_state(self, configured: Trading) -> tuple[Trading, str]:
        """The floor's trading state, the stricter of settings and record, with its reason."""
        if self.floor == "active" or _STRICTNESS[self.floor] < _STRICTNESS[configured]:
            return configured, CONFIGURED
        return self.floor, self.floor_reason or "on record"

    def trading(self, configured: Trading, account: str, session: str) -> tuple[Trading, str]:
        """The strictest trading state that applies, and the scope that sets it."""
        worst, scope = self.floor_state(configured)[0], FLOOR
        for named, state in (
            ("account", self.accounts.get(account, "active")),
            ("session", self.sessions.get(session, "active")),
        ):
            if _STRICTNESS[state] > _STRICTNESS[worst]:
                worst, scope = state, f"{named} {account if named == 'account' else session}"
        return worst, scope

    def to_go_us(self, limits: Limits, now: int) -> int:
        """What is left of the wait after a start: microseconds, 0 when it is over, -1 when it cannot be said yet.

        When it is over every clearance of the guard before this one is past its time: it was to live for `lifetime_us`
        at most on a clock ahead by `skew_us`, and the clock of who executes it may be behind by as much. Simulated time
        begins with the first tick.
        """
        if self.recovering_until < 0:
            return 0 if self.stored else -1
        if now <= 0:
            return -1
        if not self.recovering_until:
            self.recovering_until = now + limits.lifetime_us + 2 * limits.skew_us
        if now <= self.recovering_until:
            return self.recovering_until - now + 1
        self.recovering_until = -1
        return 0 if self.stored else -1


def config_from(settings: Settings) -> GuardConfig:
    """From `[guard]`, accounts, sessions and the feed: a paper account trades on the feed's quotes."""
    return GuardConfig(
        state=settings.guard.state,
        limits=limits_from(settings.guard),
        accounts={account.id: settings.feed.venue for account in settings.account},
        sessions={session.id: session.account for session in settings.session},
        core=core_of(settings),
    )


def recover(config: GuardConfig, events: Iterable[Event]) -> GuardState:  # noqa: ARG001 - as every `recover` is called
    """The state after a start, from everything in ORDERS, oldest first. Other events than its own are passed over."""
    state = GuardState()
    exposure = Exposure(state.exposure)
    for event in events:
        if isinstance(event, OrderUpdate):
            exposure.apply(event)
            state.claim(event)
        elif isinstance(event, SessionState):
            state.join(event)
        elif isinstance(event, RiskState):
            state.epoch = max(state.epoch, event.epoch)
            state.decide(event)
    if state.epoch >= 0:
        state.recovering_until = 0
    return state
