"""Which accounts cannot count what their sessions would trade: no pair of the feed converts the money. Pure.

Asked before anything starts, since such an order is refused at the venue each time ("no rate"), and nothing ever fills.
As in `actors.valuation` a pair or its inverse converts, a way round by a third currency does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.feed_config import feed_specs
from actors.symbols import FeedError

if TYPE_CHECKING:
    from schemas.settings import Settings

__all__ = ["check_conversion"]


def check_conversion(settings: Settings) -> None:
    """Look at every symbol of every session.

    Raises:
        FeedError: its profit or its margin cannot be converted to its account's currency: session, symbol, both
            currencies and the pair that is missing.
    """
    specs = {spec.symbol: spec for spec in feed_specs(settings.feed)}
    pairs = {frozenset((spec.currency_base, spec.currency_profit)) for spec in specs.values()}
    currencies = {account.id: account.currency for account in settings.account}
    for session in settings.session:
        target = currencies[session.account]
        for symbol in session.symbols:
            spec = specs.get(symbol)
            if spec is None:  # files beside a synthetic feed: no tick of it will come, and no order
                continue
            for what, currency in (("profit", spec.currency_profit), ("margin", spec.currency_margin)):
                if currency != target and frozenset((currency, target)) not in pairs:
                    message = (
                        f"session {session.id!r}: the {what} of {symbol} is in {currency} and account"
                        f" {session.account!r} in {target}: nothing would ever fill; expected {currency}{target} or"
                        f" {target}{currency} among the feed's symbols, or an account in another currency"
                    )
                    raise FeedError(message)
