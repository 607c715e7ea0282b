"""What the portfolio knows that outlives it, and how it knows it again after a start.

Owns `PortfolioConfig`, `PortfolioState` and `recover`, which rebuilds the state from the ORDERS stream alone. What
venues and markets say is not in it: it is heard again after each start.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from actors.portfolio_book import Book, BookState
from schemas.base import Event
from schemas.order import OrderUpdate
from schemas.session import SessionState
from schemas.settings import Settings

__all__ = ["AccountConfig", "Member", "PortfolioConfig", "PortfolioState", "config_from", "recover"]


class AccountConfig(msgspec.Struct, frozen=True):
    """`venue` whose quotes count, `commission` in money a lot and side."""

    currency: str
    venue: str
    commission: float = 0.0


class Member(msgspec.Struct, frozen=True):
    """A session: its account and its strategy."""

    account: str
    strategy: str


class PortfolioConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`currency` of the whole; accounts and sessions of the settings by id. `max_tick_age_us`: a quote that arrived
    longer ago is none; 0 in simulated time, where the last quote is the market's until the next.
    """

    currency: str
    accounts: dict[str, AccountConfig]
    sessions: dict[str, Member] = {}
    max_tick_age_us: int = 0
    sim: bool = False


class PortfolioState(msgspec.Struct, kw_only=True):
    """`book`: what the deals say; `sessions`: those of the settings and those that the supervisor has told of."""

    book: BookState = msgspec.field(default_factory=BookState)
    sessions: dict[str, Member] = {}


def config_from(settings: Settings) -> PortfolioConfig:
    """From `[portfolio]`, accounts, sessions and the feed: a paper account trades on the feed's quotes."""
    sim = settings.feed.speed == 0
    return PortfolioConfig(
        currency=settings.portfolio.currency or next((one.currency for one in settings.account), ""),
        accounts={one.id: AccountConfig(one.currency, settings.feed.venue, one.commission) for one in settings.account},
        sessions={one.id: Member(one.account, one.strategy) for one in settings.session},
        max_tick_age_us=0 if sim else settings.portfolio.max_tick_age_ms * 1000,
        sim=sim,
    )


def recover(config: PortfolioConfig, events: Iterable[Event]) -> PortfolioState:
    """The state after a start, from everything in ORDERS, oldest first. Other events than its own are passed over."""
    state = PortfolioState(sessions=dict(config.sessions))
    book = Book(state.book, config.accounts)
    for event in events:
        if isinstance(event, OrderUpdate):
            book.apply(event)
        elif isinstance(event, SessionState) and event.account in config.accounts:
            state.sessions[event.session] = Member(event.account, event.strategy)
    return state
