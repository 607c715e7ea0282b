"""Identities: one NKey user per actor and person, with the rights of its role.

Owns the step from the role table (`bus.permissions`) to the server's include: `create` makes an identity and its seed,
`render` the text. Seeds are returned and forgotten: this module writes none anywhere.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Iterable, Sequence

import msgspec
import nkeys

from bus.permissions import ROLES, Account
from schemas.token import token

__all__ = ["Identity", "IdentityError", "create", "render", "users"]

_FIELD = re.compile(r"\{(\w+)\}")


class IdentityError(ValueError):
    """An identity that cannot be made or that would share a name with another."""


class Identity(msgspec.Struct, frozen=True):
    """Who connects, and what the server lets it do. Holds the public key only."""

    name: str
    account: Account
    role: str
    public: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def create(role: str, name: str, seed: str = "", /, **scope: str | Sequence[str]) -> tuple[Identity, str]:
    """An identity and its seed (`SU...`, the secret half of its key, to be handed over a pipe).

    The seed is a new one unless `seed` is given, which has to be good: an identity that is kept. `scope` fills the
    role's placeholders beside `{name}`: `account="paper"`, `session="ema"`, `scope=("paper", "floor")`.
    Raises IdentityError for an unknown role, an empty name, or a scope that is missing or not the role's.
    """
    rights = ROLES.get(role)
    if rights is None:
        raise IdentityError(f"role {role!r}: unknown; expected one of {', '.join(sorted(ROLES))}")
    given: dict[str, str | Sequence[str]] = {"name": name, **scope}
    values = {key: (value,) if isinstance(value, str) else tuple(value) for key, value in given.items()}
    wanted = {field for subject in (*rights.publish, *rights.subscribe) for field in _FIELD.findall(subject)} | {"name"}
    if set(values) != wanted or not all(value and all(value) for value in values.values()):
        raise IdentityError(f"role {role!r}: expected {', '.join(sorted(wanted))}, each with a value; got {values}")
    tokens = {key: tuple(token(part) for part in value) for key, value in values.items()}
    held = seed.encode() or nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
    identity = Identity(
        name=name,
        account=rights.account,
        role=role,
        public=nkeys.from_seed(bytearray(held)).public_key.decode(),
        publish=_expand(rights.publish, tokens),
        subscribe=_expand(rights.subscribe, tokens),
    )
    return identity, held.decode()


def render(identities: Iterable[Identity]) -> str:
    """The text of `identities.conf`: the users of CORE, FLOOR and PEOPLE.

    Raises IdentityError when two share a name (a session called `guard` could otherwise beat in the guard's name) and
    for one of SYS, whose only user is the launcher.
    """
    listed = list(identities)
    names: dict[str, Identity] = {}
    for identity in listed:
        other = names.setdefault(token(identity.name), identity)
        if other is not identity:
            raise IdentityError(
                f"name {identity.name!r}: used by a {other.role} and a {identity.role}; names are unique"
            )
        if identity.account == "SYS":
            raise IdentityError(f"{identity.name!r}: role {identity.role!r} belongs to the server's launcher")
    return (
        "# Generated: who may connect and what each may do. Public keys only.\n"
        f"core_users: {users(i for i in listed if i.account == 'CORE')}\n"
        f"floor_users: {users(i for i in listed if i.account == 'FLOOR')}\n"
        f"people_users: {users(i for i in listed if i.account == 'PEOPLE')}\n"
    )


def users(identities: Iterable[Identity]) -> str:
    """One account's users as nats-server configuration."""
    lines = [
        f"  # {token(identity.name)}, {identity.role}\n"
        f"  {{ nkey: {identity.public}, permissions: {{\n"
        f"    publish: {_allow(identity.publish)}\n"
        f"    subscribe: {_allow(identity.subscribe)}\n"
        "  } }\n"
        for identity in identities
    ]
    return f"[\n{''.join(lines)}]"


def _allow(subjects: tuple[str, ...]) -> str:
    """An allow list; an empty one must deny everything, which the server reads from `deny` only."""
    return f"{{ allow: [{', '.join(_quoted(s) for s in subjects)}] }}" if subjects else '{ deny: [">"] }'


def _quoted(subject: str) -> str:
    """A subject as a string of the configuration. Tokens are escaped, so that it holds neither quotes nor blanks."""
    return f'"{subject}"'


def _expand(subjects: tuple[str, ...], tokens: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Every subject with every combination of its placeholders' values, in order, each once."""
    expanded: dict[str, None] = {}
    for subject in subjects:
        fields = sorted(set(_FIELD.findall(subject)))
        for combination in itertools.product(*(tokens[field] for field in fields)):
            values = dict(zip(fields, combination, strict=True))
            expanded[subject.format_map(values)] = None
    return tuple(expanded)
