"""The guard's rules: each a small pure function from a `Case` to a `Refusal`, or None where it passes.

Owns the rules that concern every order and those of closes, and the order of all: `IDENTITY`, then `EVERY`, then
`BY_CLASS`. Equal to a limit passes. Every rule and its texts stand in `docs/guard.md`. Nothing here raises, whatever an
intent holds.
"""

from __future__ import annotations

from actors.exposure import MOST_LOTS, lots_text
from actors.guard_case import MOST_PRICE, Case, Refusal, Rule, ms_text, volume_text
from actors.guard_entry import HEDGE, OPEN, symbol_spec, volume_grid
from schemas.order import OrderClass

__all__ = ["BY_CLASS", "EVERY", "IDENTITY", "PASSED", "Refusal", "first_refusal"]

_MOST_INT = 2**53
_MOST_TEXT = 512


def first_refusal(rules: tuple[Rule, ...], case: Case) -> Refusal | None:
    """The first rule that fails."""
    for rule in rules:
        refusal = rule(case)
        if refusal is not None:
            return refusal
    return None


# ---- who asks


def account_match(case: Case) -> Refusal | None:
    """The account must be the one that the server pinned in the subject."""
    if case.terms.account == case.account:
        return None
    return Refusal("account_match", f"account {case.account}", f"account {case.terms.account[:64]!r}")


def session_match(case: Case) -> Refusal | None:
    """So must the session."""
    if case.terms.session == case.session:
        return None
    return Refusal("session_match", f"session {case.session}", f"session {case.terms.session[:64]!r}")


def order_id(case: Case) -> Refusal | None:
    """An id is `<session>-<incarnation>-<counter>`."""
    if case.number is not None:
        return None
    return Refusal("order_id", f"{case.session}-<incarnation>-<counter>", repr(case.terms.id[:64]))


def duplicate_id(case: Case) -> Refusal | None:
    """Ids of a session only go up, across restarts of the session and of the guard."""
    if case.number is None or case.number > case.claimed:
        return None
    last = "-".join(map(str, case.claimed))
    return Refusal("duplicate_id", f"an id after {case.session}-{last}", case.terms.id)


# ---- every order


def terms_sane(case: Case) -> Refusal | None:
    """Every figure is finite and of this world, and the texts are short."""
    terms = case.terms
    if not case.units:
        return Refusal("terms", f"a volume above 0 and below {MOST_LOTS:g} lots", f"{terms.volume:g} lots")
    for name, price in (
        ("price", terms.price),
        ("sl", terms.sl),
        ("tp", terms.tp),
        ("bid", terms.bid),
        ("ask", terms.ask),
    ):
        if not 0 <= price < MOST_PRICE:
            return Refusal("terms", f"{name} from 0 to {MOST_PRICE:g}", f"{name} {price:g}")
    if not (
        0 <= terms.position < _MOST_INT
        and 0 <= terms.position_by < _MOST_INT
        and 0 <= terms.submitted_at < _MOST_INT
        and 0 <= terms.expires_at < _MOST_INT
    ):
        return Refusal("terms", "tickets and times from 0 to 2^53", "one that is not")
    length = len(terms.strategy) + len(terms.order) + len(terms.cycle) + len(terms.comment)
    if length > _MOST_TEXT or len(terms.symbol) > _MOST_TEXT or len(terms.venue) > _MOST_TEXT:
        return Refusal("terms", f"at most {_MOST_TEXT} characters of text", "more")
    return None


def expired(case: Case) -> Refusal | None:
    """Past `expires_at` it is dead."""
    late = case.now - case.terms.expires_at
    return Refusal("expired", "0 ms past expires_at", f"{ms_text(late)} past expires_at") if late > 0 else None


def intent_lifetime(case: Case) -> Refusal | None:
    """It must not live longer than a starting guard waits."""
    ahead = case.terms.expires_at - case.now
    most = case.limits.lifetime_us + case.limits.skew_us
    if ahead <= most:
        return None
    return Refusal("intent_lifetime", f"expires in {ms_text(most)} at most", f"expires in {ms_text(ahead)}")


def submitted_at(case: Case) -> Refusal | None:
    """A sender whose clock is ahead by more than the skew is not trusted."""
    ahead = case.terms.submitted_at - case.now
    if ahead <= case.limits.skew_us:
        return None
    return Refusal("submitted_at", f"submitted {ms_text(case.limits.skew_us)} ahead at most", f"{ms_text(ahead)} ahead")


def recovering(case: Case) -> Refusal | None:
    """After a start, until every clearance of the guard before this one is in ORDERS or dead."""
    if not case.to_go_us:
        return None
    actual = f"{ms_text(case.to_go_us)} to go" if case.to_go_us > 0 else "the guard's start is not stored yet"
    return Refusal("recovering", "recovery finished", actual)


def order_kind(case: Case) -> Refusal | None:
    """Market orders; limit and stop orders that open. The rest is not supported in this version."""
    kind = case.terms.kind
    if kind == "market" or (kind in {"limit", "stop"} and not case.terms.position):
        return None
    if case.terms.position and kind in {"limit", "stop"}:
        return Refusal("order_kind", "market for an order that names a position", kind)
    return Refusal("order_kind", "market, limit or stop", f"{kind}: unsupported in this version")


def halted(case: Case) -> Refusal | None:
    """HALTED passes nothing that a strategy sends."""
    if case.trading != "halted":
        return None
    return Refusal("trading_state", "active or reducing", f"halted ({case.scope})")


# ---- closes


def position_known(case: Case) -> Refusal | None:
    """The position is open, and the session's own."""
    position = case.position
    if position is None:
        return Refusal("position_known", f"an open position of account {case.account}", f"{case.terms.position}: none")
    if position.session != case.session:
        owner = f"session {position.session}" if position.session else "nobody here"
        return Refusal("position_known", f"a position of session {case.session}", f"opened by {owner}")
    return None


def position_market(case: Case) -> Refusal | None:
    """The order names the position's own symbol and venue."""
    position, terms = case.position, case.terms
    if position is None or (position.symbol == terms.symbol and position.venue == terms.venue):
        return None
    return Refusal(
        "position_market",
        f"{position.symbol} at {position.venue}",
        f"{terms.symbol[:64]!r} at {terms.venue[:64]!r}",
    )


def position_side(case: Case) -> Refusal | None:
    """A close is on the opposite side."""
    position = case.position
    if position is None or position.side != case.terms.side:
        return None
    wanted = "sell" if position.side == "buy" else "buy"
    return Refusal("position_side", f"{wanted}, to close a {position.side}", case.terms.side)


def position_volume(case: Case) -> Refusal | None:
    """All closes together never exceed the position."""
    if case.position is None:
        return None
    closing = case.exposure.closing(case.account, case.terms.position)
    left = case.position.units - closing
    if case.units <= left:
        return None
    limit = f"{volume_text(left)} ({lots_text(case.position.units)} open less {lots_text(closing)} being closed)"
    return Refusal("position_volume", limit, volume_text(case.units))


def close_grid(case: Case) -> Refusal | None:
    """A part of a position is on the volume grid; all that is left of it always passes."""
    if case.position is None:
        return None
    left = case.position.units - case.exposure.closing(case.account, case.terms.position)
    return None if case.units == left else symbol_spec(case) or volume_grid(case)


IDENTITY: tuple[Rule, ...] = (account_match, session_match, order_id, duplicate_id)
"""Whose order it is. One that passes these has used its id up, whatever becomes of it."""

EVERY: tuple[Rule, ...] = (terms_sane, expired, intent_lifetime, submitted_at, recovering, order_kind, halted)
"""What every order must pass, closes included."""

CLOSE: tuple[Rule, ...] = (position_known, position_market, position_side, position_volume, close_grid)

BY_CLASS: dict[OrderClass, tuple[Rule, ...]] = {"close": CLOSE, "hedge": HEDGE, "open": OPEN}
"""What an order of each class must pass after that."""

_NAMES = {"terms_sane": "terms", "reducing": "trading_state"}
PASSED: dict[OrderClass, frozenset[str]] = {
    order_class: frozenset(_NAMES.get(rule.__name__, rule.__name__) for rule in (*IDENTITY, *EVERY, *rules))
    for order_class, rules in BY_CLASS.items()
}
"""The names of the rules that an order of each class has passed once it is cleared."""
