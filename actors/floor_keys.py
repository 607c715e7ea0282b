"""The secrets of one floor: made anew at each start and kept in memory only, or read from a file that was made before.

Owns an NKey identity for every process, the guard's Ed25519 signing key, and the owner's identity, the only one that is
kept from one start to the next. Public halves go to the server's include and to whoever verifies; each seed goes to its
one holder, by pipe.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import nkeys
from nacl.signing import SigningKey

from actors.floor_error import Exit, FloorError
from actors.floor_plan import Place, places
from actors.keys_file import KeptKey, KeysFile, read_keys
from actors.owner_seed import OWNER, OWNER_ROLE, keep_owner_seed
from bus import identities
from schemas.settings import Settings

__all__ = ["OWN_ROLES", "FloorKeys"]

OWN_ROLES = ("supervisor", "bootstrap", "bootstrap-floor", "observer")
"""The identities that the supervisor's own process uses."""


class FloorKeys:
    """All identities of a floor. `guard_public` and `signing_seed` are hex.

    `include` is the server's configuration of the identities; "" for keys from a file, whose server has it already.
    """

    def __init__(self, held: KeysFile, include: str = "") -> None:
        """Hold these. Raises NkeysError or ValueError for what is no key."""
        self.include = include
        self._held = held
        self._names = {
            nkeys.from_seed(bytearray(key.seed.encode())).public_key.decode(): name
            for name, key in held.identities.items()
        }
        signing = SigningKey(bytes.fromhex(held.signing_seed))
        self.guard_public = signing.verify_key.encode().hex()
        self.signing_seed = signing.encode().hex()

    @classmethod
    def make(cls, places: Iterable[Place], owner_seed: str = "") -> FloorKeys:
        """New keys for every place and for the supervisor's own roles; for the owner unless `owner_seed` is given.

        Raises:
            bus.identities.IdentityError: two places share a name.
        """
        made, kept = [], {}
        for place in _holders(places):
            own = owner_seed if place.name == OWNER else ""
            identity, seed = identities.create(place.role, place.name, own, **place.scope)
            made.append(identity)
            kept[place.name] = KeptKey(role=place.role, seed=seed, account=place.account, session=place.session)
        include = identities.render(made)
        return cls(KeysFile(identities=kept, signing_seed=SigningKey.generate().encode().hex()), include)

    @classmethod
    def load(cls, path: Path, places: Iterable[Place]) -> FloorKeys:
        """The keys of a file.

        Raises:
            actors.floor_error.FloorError: the file cannot be used, or lacks the identity of one of the places.
        """
        held = read_keys(path)
        wrong = [_difference(place, held.identities.get(place.name)) for place in _holders(places)]
        found = "; ".join(filter(None, wrong))
        if found:
            message = f"{path}: {found}; expected the keys of this configuration: `pitwire keys {path} --force`"
            raise FloorError(Exit.DATA, message)
        try:
            return cls(held)
        except (nkeys.NkeysError, ValueError):  # a text that could hold a secret is not passed on
            message = f"{path}: holds something that is no key; expected the file as `pitwire keys` wrote it"
            raise FloorError(Exit.DATA, message) from None

    @classmethod
    def of(cls, settings: Settings, home: Path | None = None) -> FloorKeys:
        """Those that a floor with these settings uses: of `bus.keys` for an external server, else new ones.

        Its owner's are then those of `home`, made and kept there if there are none yet.

        Raises:
            actors.floor_error.FloorError: as for `load`; the owner's cannot be used or written.
            bus.identities.IdentityError: two places share a name.
        """
        if settings.bus.url:
            return cls.load(Path(settings.bus.keys), places(settings))
        return cls.make(places(settings), keep_owner_seed(home) if home is not None else "")

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"FloorKeys({', '.join(sorted(self._held.identities))})"

    def seed(self, name: str) -> str:
        """The seed of one identity. KeyError when there is none of that name."""
        return self._held.identities[name].seed

    def name_of(self, public: str) -> str:
        """Whose public key this is; the key itself when it is nobody's."""
        return self._names.get(public, public)

    def kept(self) -> KeysFile:
        """All of it, secrets included, for a file that nobody else can read."""
        return self._held


def _holders(places: Iterable[Place]) -> list[Place]:
    """Who has a key: the supervisor's own roles, every place, and the owner."""
    return [*(Place(role, role) for role in OWN_ROLES), *places, Place(OWNER, OWNER_ROLE)]


def _difference(place: Place, key: KeptKey | None) -> str:
    """Why a key cannot be that of a place, or ""."""
    if key is None:
        return f"no identity {place.name!r}"
    if (key.role, key.account, key.session) != (place.role, place.account, place.session):
        said = {name: value for name, value in msgspec.structs.asdict(key).items() if value and name != "seed"}
        return f"identity {place.name!r} is that of {said}"
    return ""
