"""The guard's rules for orders that add a position: hedges and opens, and what only opens must pass.

Owns `HEDGE` and `OPEN`, the rules in their order. Pure functions as in `actors.guard_rules`; texts in `docs/guard.md`.
"""

from __future__ import annotations

from actors.guard_case import Case, Refusal, Rule, ms_text, points_text, volume_text

__all__ = ["HEDGE", "OPEN"]

_POINT_SLACK = 1e-6
_PRICE_SLACK = 1e-3


# ---- hedges and opens


def account_known(case: Case) -> Refusal | None:
    """The account is one of the floor's."""
    return (
        None
        if case.venue is not None
        else Refusal("account_known", "an account of this floor", f"account {case.account}")
    )


def session_running(case: Case) -> Refusal | None:
    """The supervisor says that the session runs, on this account."""
    member = case.member
    if member is None:
        return Refusal("session_running", f"session {case.session} running", "no such session")
    for account in (member.account, case.home):
        if account != case.account:
            return Refusal("session_running", f"session {case.session} on account {account}", f"account {case.account}")
    if member.state != "running":
        return Refusal("session_running", f"session {case.session} running", member.state)
    return None


def symbol_allowed(case: Case) -> Refusal | None:
    """The symbol is one of the session's, at the account's venue."""
    terms = case.terms
    symbols = case.member.symbols if case.member is not None else ()
    if terms.symbol not in symbols:
        return Refusal("symbol_allowed", ", ".join(symbols), repr(terms.symbol[:64]))
    if terms.venue != case.venue:
        return Refusal("symbol_allowed", f"venue {case.venue}", f"venue {terms.venue[:64]!r}")
    return None


def symbol_spec(case: Case) -> Refusal | None:
    """The symbol's specification has arrived."""
    if case.instrument is not None:
        return None
    return Refusal("symbol_spec", f"a specification of {case.terms.symbol[:64]}", "none since the guard's start")


def volume_grid(case: Case) -> Refusal | None:
    """Rounded to 10^-8 lots the volume is least + n x step, and not below the least."""
    grid = case.instrument
    if grid is None or (case.units >= grid.least and not (case.units - grid.least) % grid.step):
        return None
    limit = f"{volume_text(grid.least)} + n x {volume_text(grid.step)}"
    return Refusal("volume_grid", limit, f"{case.terms.volume:.10g} lots")


def volume_max(case: Case) -> Refusal | None:
    """Not above what the venue takes in one order."""
    grid = case.instrument
    if grid is None or case.units <= grid.most:
        return None
    return Refusal("volume_max", volume_text(grid.most), volume_text(case.units))


def max_order_lots(case: Case) -> Refusal | None:
    """One order."""
    if case.units <= case.limits.max_order:
        return None
    return Refusal("max_order_lots", volume_text(case.limits.max_order), volume_text(case.units))


def max_symbol_lots(case: Case) -> Refusal | None:
    """Gross lots of the symbol on the account with this order, orders in flight as if filled."""
    after = case.exposure.gross_symbol(case.account, case.terms.symbol) + case.units
    if after <= case.limits.max_symbol:
        return None
    limit = f"{volume_text(case.limits.max_symbol)} of {case.terms.symbol}"
    return Refusal("max_symbol_lots", limit, volume_text(after))


def max_account_lots(case: Case) -> Refusal | None:
    """Gross lots of the account with this order, orders in flight as if filled."""
    after = case.exposure.gross(case.account) + case.units
    if after <= case.limits.max_account:
        return None
    return Refusal("max_account_lots", volume_text(case.limits.max_account), volume_text(after))


def max_positions(case: Case) -> Refusal | None:
    """Open positions of the account with this order's."""
    after = case.exposure.positions(case.account) + 1
    if after <= case.limits.max_positions:
        return None
    return Refusal("max_positions", f"{case.limits.max_positions} positions", f"{after} positions")


def price_grid(case: Case) -> Refusal | None:
    """Price, SL and TP are multiples of the point, within a thousandth of one; a limit or stop order has a price."""
    terms, instrument = case.terms, case.instrument
    if terms.kind != "market" and not terms.price:
        return Refusal("price_grid", f"a price for a {terms.kind} order", "none")
    if instrument is None or not (terms.price or terms.sl or terms.tp):
        return None
    for name, price in (("price", terms.price), ("sl", terms.sl), ("tp", terms.tp)):
        in_points = price / instrument.point
        if abs(in_points - round(in_points)) > _PRICE_SLACK:
            return Refusal("price_grid", f"multiples of {instrument.point:.10g}", f"{name} {price:.12g}")
    return None


# ---- opens only


def reducing(case: Case) -> Refusal | None:
    """REDUCING passes closes and hedges only."""
    return None if case.trading == "active" else Refusal("trading_state", "active", f"{case.trading} ({case.scope})")


def link(case: Case) -> Refusal | None:
    """The bus is there."""
    return None if case.link else Refusal("link", "connected to the bus", "link lost")


def core_actor(case: Case) -> Refusal | None:
    """Whoever an order needs is alive, and so is the watch, who says so."""
    return Refusal("core_actor", "every core actor alive", case.ailing) if case.ailing else None


def bookkeeping(case: Case) -> Refusal | None:
    """Every order update could be taken in."""
    return Refusal("bookkeeping", "every order update taken in", case.fault) if case.fault else None


def unknown_order(case: Case) -> Refusal | None:
    """No order of the session has an unknown fate."""
    unknown = case.exposure.unknown(case.session)
    if not unknown:
        return None
    return Refusal("unknown_order", "0 orders of unknown fate", f"{len(unknown)} ({unknown[0]})")


def account_state(case: Case) -> Refusal | None:
    """The gateway has said how the account stands, and it is connected to its venue."""
    if case.connected:
        return None
    actual = "not connected to its venue" if case.connected is False else "not heard of since the link came up"
    return Refusal("account_state", f"account {case.account} connected", actual)


def max_tick_age(case: Case) -> Refusal | None:
    """The last tick arrived here not long ago. A tick from the future (the clock went back) is no fresh one."""
    limits, quote = case.limits, case.quote
    limit = ms_text(limits.max_tick_age_us)
    if quote is None:
        return Refusal("max_tick_age", limit, "no usable tick")
    age = case.now - quote.at
    if -limits.skew_us <= age <= limits.max_tick_age_us:
        return None
    return Refusal("max_tick_age", limit, ms_text(age))


def max_spread(case: Case) -> Refusal | None:
    """The spread of the last tick."""
    quote, instrument = case.quote, case.instrument
    if quote is None or instrument is None:
        return None
    spread = quote.ask - quote.bid
    if spread / instrument.point <= case.limits.max_spread_points + _POINT_SLACK:
        return None
    return Refusal("max_spread", f"{case.limits.max_spread_points} points", points_text(spread, instrument.point))


def intent_quote(case: Case) -> Refusal | None:
    """The quote on which the strategy decided is one."""
    terms = case.terms
    if 0 < terms.bid <= terms.ask:
        return None
    return Refusal("intent_quote", "0 < bid <= ask", f"bid {terms.bid:.12g}, ask {terms.ask:.12g}")


def price_collar(case: Case) -> Refusal | None:
    """Neither side has moved further since the strategy's quote; nor is a limit or stop price further away."""
    quote, instrument, terms = case.quote, case.instrument, case.terms
    if quote is None or instrument is None:
        return None
    moved = max(abs(quote.bid - terms.bid), abs(quote.ask - terms.ask))
    what = "moved"
    if terms.kind != "market":
        away = abs(terms.price - (quote.ask if terms.side == "buy" else quote.bid))
        if away > moved:
            moved, what = away, f"{terms.kind} price away"
    if moved / instrument.point <= case.limits.price_collar_points + _POINT_SLACK:
        return None
    return Refusal(
        "price_collar", f"{case.limits.price_collar_points} points", f"{points_text(moved, instrument.point)} {what}"
    )


_MARKET: tuple[Rule, ...] = (account_known, session_running, symbol_allowed, symbol_spec)
_SIZE: tuple[Rule, ...] = (
    volume_grid,
    volume_max,
    max_order_lots,
    max_symbol_lots,
    max_account_lots,
    max_positions,
)
_DATA: tuple[Rule, ...] = (
    reducing,
    link,
    core_actor,
    bookkeeping,
    unknown_order,
    account_state,
    max_tick_age,
    max_spread,
    intent_quote,
    price_grid,
    price_collar,
)

HEDGE: tuple[Rule, ...] = (*_MARKET, price_grid, *_SIZE)
"""It lowers the session's net: it passes REDUCING, a stale tick and a wide spread, but never a cap."""

OPEN: tuple[Rule, ...] = (*_MARKET, *_DATA, *_SIZE)
"""Fails closed: what is not known refuses."""
