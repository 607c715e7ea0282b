"""The secrets of one floor, made anew at each start and kept in memory only.

Owns an NKey identity for every process and the guard's Ed25519 signing key. Public halves go to the server's include
and to whoever verifies; each seed goes to its one holder, by pipe.
"""

from __future__ import annotations

from collections.abc import Iterable

from nacl.signing import SigningKey

from actors.floor_plan import Place
from bus import identities

__all__ = ["OWN_ROLES", "FloorKeys"]

OWN_ROLES = ("supervisor", "bootstrap", "bootstrap-floor", "observer")
"""The identities that the supervisor's own process uses."""


class FloorKeys:
    """All identities of a floor. `guard_public` and `signing_seed` are hex."""

    def __init__(self, places: Iterable[Place]) -> None:
        """Make a key for every place and for the supervisor's own roles.

        Raises:
            bus.identities.IdentityError: two places share a name.
        """
        self._seeds: dict[str, str] = {}
        self._names: dict[str, str] = {}
        listed: list[tuple[str, str, dict[str, str]]] = [(role, role, {}) for role in OWN_ROLES] + [
            (place.role, place.name, place.scope) for place in places
        ]
        made = []
        for role, name, scope in listed:
            identity, seed = identities.create(role, name, **scope)
            made.append(identity)
            self._seeds[name] = seed
            self._names[identity.public] = name
        self.include = identities.render(made)
        key = SigningKey.generate()
        self.guard_public = key.verify_key.encode().hex()
        self.signing_seed = key.encode().hex()

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"FloorKeys({', '.join(sorted(self._seeds))})"

    def seed(self, name: str) -> str:
        """The seed of one identity. KeyError when there is none of that name."""
        return self._seeds[name]

    def name_of(self, public: str) -> str:
        """Whose public key this is; the key itself when it is nobody's."""
        return self._names.get(public, public)
