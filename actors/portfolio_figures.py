"""All figures at one moment: every position marked to the market, and the sums from the strategies up to the whole.

Pure. Money is whole minor units until it is told. A floating profit that is not known makes every sum above it not
known; realised profit and the counts always are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

from actors.portfolio_book import Book, Holding, Tally
from actors.portfolio_standing import Standing
from actors.portfolio_state import AccountConfig, Member, PortfolioConfig
from actors.valuation import MINOR, Market, booking, closing_price, commission, convert, exact, minor_units, money
from schemas.account import PositionMark, PositionProfits, ProfitLoss

__all__ = ["FLOOR", "Figures", "figures"]

FLOOR = "floor"
"""The id of the portfolio's scope."""

_MOST_PRICE = 1e9


class Figures(msgspec.Struct, frozen=True):
    """What is told: scopes from the strategies up to the portfolio, and the positions of each account."""

    scopes: tuple[ProfitLoss, ...]
    positions: tuple[PositionProfits, ...]


class _Sum(msgspec.Struct):
    """Of a scope in one currency. None: not known."""

    currency: str
    realised: int = 0
    floating: int | None = 0
    balance: int | None = None
    positions: int = 0
    deals: int = 0

    def hold(self, profit: int | None) -> None:
        """One more open position."""
        self.positions += 1
        self.floating = None if profit is None or self.floating is None else self.floating + profit

    def count(self, tally: Tally) -> None:
        """Some deals."""
        self.realised += tally.realised
        self.deals += tally.deals

    def told(self, scope: str, name: str) -> ProfitLoss:
        """As it travels."""
        equity = None if self.balance is None or self.floating is None else self.balance + self.floating
        return ProfitLoss(
            scope=scope,  # type: ignore[arg-type]  # one of the four, below
            id=name,
            currency=self.currency,
            realised=money(self.realised),
            floating=_money(self.floating),
            equity=_money(equity),
            balance=_money(self.balance),
            positions=self.positions,
            deals=self.deals,
        )


def figures(
    config: PortfolioConfig,
    book: Book,
    standings: Mapping[str, Standing],
    sessions: Mapping[str, Member],
    markets: Mapping[str, Market],
) -> Figures:
    """Everything, in the order of names. Whole scopes are left out for which even the realised sum has no rate."""
    accounts: dict[str, _Sum] = {}
    strategies: dict[tuple[str, str], dict[str, _Sum]] = {}
    marked = []
    for account, settings in sorted(config.accounts.items()):
        standing, total = standings[account], _Sum(settings.currency)
        accounts[account] = total

        def part(session: str, strategy: str, account: str = account, currency: str = settings.currency) -> _Sum:
            return strategies.setdefault((session, strategy), {}).setdefault(account, _Sum(currency))

        for session, member in sessions.items():
            if member.account == account:
                part(session, member.strategy)
        for session, tallies in book.state.tallies.get(account, {}).items():
            for strategy, tally in tallies.items():
                total.count(tally)
                part(session, strategy).count(tally)
        marks = []
        for ticket, held in sorted(standing.positions().items()):
            mark, profit = _mark(ticket, held, settings, markets.get(held.venue), standing.swap(ticket))
            marks.append(mark)
            total.hold(profit)
            if held.session:
                part(held.session, held.strategy).hold(profit)
        if standing.heard:
            marked.append(PositionProfits(account=account, currency=settings.currency, marks=tuple(marks)))
        else:
            total.floating = None  # others may have positions there
        total.balance = standing.balance()
    scopes = _sessions(config, strategies, markets)
    scopes += [total.told("account", account) for account, total in accounts.items()]
    whole = _whole(config.currency, accounts.values(), markets)
    if whole is not None:
        scopes.append(whole.told("portfolio", FLOOR))
    return Figures(tuple(scopes), tuple(marked))


def _sessions(
    config: PortfolioConfig, strategies: Mapping[tuple[str, str], Mapping[str, _Sum]], markets: Mapping[str, Market]
) -> list[ProfitLoss]:
    """Strategies, then sessions: in their account's currency, in the portfolio's if there are several."""
    scopes = []
    sessions: dict[str, list[_Sum]] = {}
    for (session, strategy), parts in sorted(strategies.items()):
        sessions.setdefault(session, []).extend(parts.values())
        total = _added(config.currency, parts.values(), markets)
        if total is not None:
            scopes.append(total.told("strategy", f"{session}/{strategy}"))
    for session, each in sessions.items():
        total = _added(config.currency, each, markets)
        if total is not None:
            scopes.append(total.told("session", session))
    return scopes


def _added(currency: str, parts: Iterable[_Sum], markets: Mapping[str, Market]) -> _Sum | None:
    parts = list(parts)
    currencies = {part.currency for part in parts}
    total = _whole(currencies.pop() if len(currencies) == 1 else currency, parts, markets)
    if total is not None:
        total.balance = None
    return total


def _whole(currency: str, parts: Iterable[_Sum], markets: Mapping[str, Market]) -> _Sum | None:
    """The sum in this currency; None when realised profit cannot be converted."""
    total = _Sum(currency, balance=0)
    for part in parts:
        realised = _converted(part.realised, part.currency, currency, markets)
        if realised is None:
            return None
        total.realised += realised
        total.floating = _plus(total.floating, _converted(part.floating, part.currency, currency, markets))
        total.balance = _plus(total.balance, _converted(part.balance, part.currency, currency, markets))
        total.positions += part.positions
        total.deals += part.deals
    return total


def _plus(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


def _converted(amount: int | None, currency: str, target: str, markets: Mapping[str, Market]) -> int | None:
    """Minor units in another currency, at the first venue that has a rate."""
    if amount is None or currency == target:
        return amount
    for venue in sorted(markets):
        worth = convert(Fraction(amount, MINOR), currency, target, markets[venue])
        if worth is not None:
            return minor_units(worth)
    return 0 if amount == 0 else None


def _mark(
    ticket: int, held: Holding, account: AccountConfig, market: Market | None, swap: int
) -> tuple[PositionMark, int | None]:
    """What closing the position now would book: its gain, the commission due, the swap gathered."""
    quote = market.quotes.get(held.symbol) if market is not None else None
    if market is None or quote is None or not 0 < held.price < _MOST_PRICE:
        return PositionMark(ticket, None, None), None
    spec = market.specs[held.symbol]
    price = closing_price(held.side, quote)
    moved = Fraction(price, 10**spec.digits) - exact(held.price)
    gain = booking(moved if held.side == "buy" else -moved, held.units, spec, account.currency, market)
    if gain is None:
        return PositionMark(ticket, None, None), None
    profit = gain + commission(held.units, account.commission) + swap
    return PositionMark(ticket, price / 10**spec.digits, money(profit)), profit


def _money(minor: int | None) -> float | None:
    return None if minor is None else money(minor)
