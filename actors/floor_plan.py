"""Which processes a floor has, made from its settings: who, in which role, in which order.

Pure. The order of the places is the order of their start, so equal settings give equal incarnations.
"""

from __future__ import annotations

import msgspec

from schemas.settings import SessionSettings, Settings

__all__ = ["Place", "expected", "places", "session_settings", "waves"]


class Place(msgspec.Struct, frozen=True):
    """One process of the floor. `account` and `session` are set for the roles that have one."""

    name: str
    role: str
    account: str = ""
    session: str = ""

    @property
    def scope(self) -> dict[str, str]:
        """What `bus.identities.create` wants to know beside the name."""
        return {key: value for key, value in (("account", self.account), ("session", self.session)) if value}


def waves(settings: Settings) -> tuple[tuple[Place, ...], ...]:
    """The places in the order of their start; a wave waits until all of the one before are alive."""
    return (
        (Place("feed", "feed"),),
        (
            *(Place(f"gateway-{account.id}", "gateway", account=account.id) for account in settings.account),
            Place("guard", "guard"),
            Place("router", "router"),
            Place("portfolio", "portfolio"),
            Place("recorder", "recorder"),
            # In simulated time nobody beats by the clock that everybody has, and a death is the end.
            *(() if settings.feed.speed == 0 else (Place("watch", "watch"),)),
        ),
        tuple(
            Place(f"session-{session.id}", "session", account=session.account, session=session.id)
            for session in settings.session
        ),
    )


def places(settings: Settings) -> tuple[Place, ...]:
    """All places in the order of their start."""
    return tuple(place for wave in waves(settings) for place in wave)


def expected(settings: Settings) -> tuple[str, ...]:
    """Who must have said hello before simulated time begins: everyone but the feed, which asks for it."""
    return tuple(place.name for place in places(settings) if place.role != "feed")


def session_settings(settings: Settings, session: str) -> SessionSettings:
    """The settings of one session. KeyError when there is none of that name."""
    for candidate in settings.session:
        if candidate.id == session:
            return candidate
    raise KeyError(session)
