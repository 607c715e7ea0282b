"""How the paper venue fills an order: pure, from the book's state and the current quote to the next entry, or a reason.

Market orders only, with spread and without delay: a BUY at ask, a SELL at bid of the latest tick, if that is not older
than `fill_timeout_us`. An order with a position closes some or all of it. `docs/orders.md` states every assumption.
"""

from __future__ import annotations

import msgspec

from actors.paper_account import Position, profit, value
from actors.paper_book import BookDeal, BookOrder, Entry, PaperState
from actors.valuation import (
    Quote,
    closing_price,
    commission,
    exact,
    lots,
    minor_units,
    money,
    opening_price,
    volume_units,
)
from schemas.account import AccountState, PositionState
from schemas.market import SymbolSpec
from schemas.order import OrderTerms, VenueReport
from schemas.settings import Settings

__all__ = ["PaperConfig", "account_state", "config_from", "execute", "position_state"]


class PaperConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The account. `deposit` in minor units; `commission` in money a lot and side; `guard_public` in hex.

    `fill_timeout_us`: a quote older than this (by its arrival here) fills nothing.
    """

    account: str
    venue: str
    currency: str
    deposit: int
    leverage: int
    commission: float
    guard_public: str
    fill_timeout_us: int = 5_000_000
    retry_us: int = 500_000
    sim: bool = False


def config_from(settings: Settings, account: str, guard_public: str) -> PaperConfig:
    """The configuration of one account's gateway. KeyError when there is no such account."""
    found = {one.id: one for one in settings.account}[account]
    return PaperConfig(
        account=account,
        venue=settings.feed.venue,
        currency=found.currency,
        deposit=minor_units(exact(found.deposit)),
        leverage=found.leverage,
        commission=found.commission,
        guard_public=guard_public,
        sim=settings.feed.speed == 0,
    )


def execute(config: PaperConfig, state: PaperState, entry: Entry, report: str, now: int) -> Entry | str:
    """Complete an entry that names an order: with what filling it now makes, its report called `report`.

    Why not, as text, otherwise. Nothing is changed.
    """
    terms = entry.terms
    if terms is None:
        return "malformed: no terms"
    spec, quote = state.market.specs.get(terms.symbol), state.market.quotes.get(terms.symbol)
    made: tuple[Position, BookDeal] | str
    if terms.kind != "market":
        made = f"{terms.kind} orders: not at the paper venue yet, only market orders"
    elif terms.sl or terms.tp:
        made = "stop loss and take profit: not at the paper venue yet"
    elif spec is None or quote is None:
        made = f"no quote for {terms.symbol} yet"
    elif now - quote.seen > config.fill_timeout_us:
        made = f"no quote for {terms.symbol} since {now - quote.seen} us"
    elif terms.position:
        made = _close(config, state, terms, spec, quote)
    else:
        made = _open(config, state, terms, spec, quote)
    if isinstance(made, str):
        return made
    position, deal = made
    fill = VenueReport(
        cause=terms.id,
        report=report,
        account=config.account,
        session=terms.session,
        order=terms.id,
        kind="fill",
        deal=deal.wire(),
        balance=money(config.deposit + state.booked + deal.profit + deal.commission),
    )
    return msgspec.structs.replace(
        entry,
        next_ticket=deal.ticket + 1,
        order=BookOrder("filled", "", (fill,)),
        deal=deal,
        position=position,
        report=fill,
    )


def _open(
    config: PaperConfig, state: PaperState, terms: OrderTerms, spec: SymbolSpec, quote: Quote
) -> tuple[Position, BookDeal] | str:
    ticket, volume = state.next_ticket, volume_units(terms.volume)
    if (volume - volume_units(spec.volume_min)) % volume_units(spec.volume_step):
        return f"volume {terms.volume} is not on the grid of {spec.volume_min} + n x {spec.volume_step}"
    if not spec.volume_min <= terms.volume <= spec.volume_max:
        return f"volume {terms.volume} is not within {spec.volume_min} and {spec.volume_max}"
    cost = commission(volume, config.commission)
    position = Position(
        ticket=ticket,
        symbol=terms.symbol,
        side=terms.side,
        volume=volume,
        price=opening_price(terms.side, quote),
        digits=spec.digits,
        opened_at=quote.at,
        session=terms.session,
        strategy=terms.strategy,
        commission=cost,
    )
    held = {**state.positions, ticket: position}
    after = value(held, config.currency, config.leverage, config.commission, state.market)
    if after is None:
        return f"no rate to {config.currency}"
    free = config.deposit + state.booked + cost + after.floating - after.margin
    if free < 0:
        return f"no money: a free margin of {money(free)} {config.currency} would be left"
    deal = BookDeal(
        ticket=ticket,
        position=ticket,
        entry="in",
        symbol=terms.symbol,
        side=terms.side,
        volume=volume,
        price=position.price,
        digits=spec.digits,
        at=quote.at,
        profit=0,
        commission=cost,
    )
    return position, deal


def _close(
    config: PaperConfig, state: PaperState, terms: OrderTerms, spec: SymbolSpec, quote: Quote
) -> tuple[Position, BookDeal] | str:
    position, volume = state.positions.get(terms.position), volume_units(terms.volume)
    if position is None or position.symbol != terms.symbol:
        return "position closed"
    if position.side == terms.side:
        return f"position {position.ticket} is a {position.side}: a {terms.side} does not close it"
    if volume <= 0 or (volume % volume_units(spec.volume_step) and volume != position.volume):
        return f"volume {terms.volume} is not on the grid of {spec.volume_step}"
    if volume > position.volume:
        return f"volume {terms.volume} is more than the position's {lots(position.volume)}"
    price = closing_price(position.side, quote)
    gain = profit(position, volume, price, config.currency, state.market)
    if gain is None:
        return f"no rate to {config.currency}"
    cost = commission(volume, config.commission)
    rest = msgspec.structs.replace(
        position,
        volume=position.volume - volume,
        commission=position.commission + cost,
        realised=position.realised + gain,
    )
    deal = BookDeal(
        ticket=state.next_ticket,
        position=position.ticket,
        entry="out",
        symbol=terms.symbol,
        side=terms.side,
        volume=volume,
        price=price,
        digits=position.digits,
        at=quote.at,
        profit=gain,
        commission=cost,
    )
    return rest, deal


def account_state(config: PaperConfig, state: PaperState) -> AccountState | None:
    """The account as it is told; None while a position cannot be valued: no equity is better than a wrong one."""
    worth = value(state.positions, config.currency, config.leverage, config.commission, state.market)
    if worth is None:
        return None
    balance = config.deposit + state.booked
    return AccountState(
        account=config.account,
        venue=config.venue,
        currency=config.currency,
        balance=money(balance),
        equity=money(balance + worth.floating),
        margin=money(worth.margin),
        leverage=config.leverage,
        mode="hedging",
        positions=len(state.positions),
    )


def position_state(config: PaperConfig, position: Position) -> PositionState:
    """A position as it is told."""
    return PositionState(
        account=config.account,
        ticket=position.ticket,
        symbol=position.symbol,
        side=position.side,
        volume=lots(position.volume),
        price_open=position.price / 10**position.digits,
        opened_at=position.opened_at,
        session=position.session,
        strategy=position.strategy,
        commission=money(position.commission),
        realised=money(position.realised),
    )
