"""The portfolio: what is open and what it is worth, from the deals, the venues' word and the market.

Consumes: from the stream ORDERS `order.update` and `session.state`; `account.state`, `account.position`, `md.spec`,
`md.tick`, `md.status`, `hello.guard`, `hello.recorder`. Publishes: `pnl` of each strategy, session, account and the
whole, `pnl.positions` of each account, `hello`. Serves `ask.*.*.portfolio.book` and `.series`. Nothing it says changes
an order, and nobody waits for it: a tick only replaces one before, and the sums are made when they are told, once a
second, in simulated time at each minute of the market. `docs/portfolio.md` states what each figure is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from actors.actor import Actor, Subscribe
from actors.effects import Answer, Effect, EventIn, Failed, LinkChanged, Publish, SetTimer, TimerIn
from actors.portfolio_answers import Desk
from actors.portfolio_book import Book
from actors.portfolio_figures import FLOOR, figures
from actors.portfolio_quotes import Quotes
from actors.portfolio_series import Series
from actors.portfolio_standing import Standing
from actors.portfolio_state import Member, PortfolioConfig, PortfolioState, config_from, recover
from schemas.account import AccountState, PositionProfits, PositionState, ProfitLoss
from schemas.answers import SeriesPoint
from schemas.base import Event
from schemas.command import Ask, CommandResult
from schemas.health import Hello
from schemas.market import MarketStatus, SymbolSpec, Tick
from schemas.order import OrderUpdate
from schemas.registry import subject_of, wildcard
from schemas.session import SessionState

__all__ = ["Portfolio", "PortfolioConfig", "PortfolioState", "config_from", "recover"]

_REPEAT_US = 10_000_000
_SECOND_US = 1_000_000
_MINUTE_US = 60_000_000
_PAUSE_US = 10_000_000
_TELL = "tell"
_REPEATED_TO = ("guard", "recorder")


class Portfolio(Actor):
    """See the module."""

    role: ClassVar[str] = "portfolio"

    def __init__(
        self, name: str, incarnation: int, config: PortfolioConfig, state: PortfolioState | None = None
    ) -> None:
        super().__init__(name, incarnation)
        self.config = config
        self.state = state if state is not None else recover(config, ())
        self._book = Book(self.state.book, config.accounts)
        self._quotes = Quotes(config.max_tick_age_us)
        self._standings = {
            account: Standing(account, one.venue, self._book) for account, one in sorted(config.accounts.items())
        }
        scopes = [("portfolio", FLOOR), *(("account", account) for account in self._standings)]
        self._series = {scope: Series() for scope in scopes}
        currencies = {"": config.currency} | {name: one.currency for name, one in config.accounts.items()}
        self._desk = Desk(self._book, self._standings, self._series, currencies)
        self._told: dict[str, Event] = {}
        self._link = True
        self._minute = 0
        self._repeated = 0
        self._misplaced = 0
        self._handlers: dict[type[Event], Callable[[Any, int], Sequence[Effect]]] = {
            OrderUpdate: self._on_update,
            AccountState: self._on_account,
            PositionState: self._on_position,
            SessionState: self._on_session,
            SymbolSpec: self._on_spec,
            MarketStatus: self._on_status,
            Hello: self._on_hello,
        }

    # ---- what the runtime calls

    def subscriptions(self) -> Sequence[Subscribe]:
        """All in one lane, so that deals, balances and ticks are taken in the order in which they happened."""
        return (
            Subscribe(wildcard(OrderUpdate), stream="ORDERS"),
            Subscribe(wildcard(SessionState), stream="ORDERS"),
            Subscribe(wildcard(AccountState)),
            Subscribe(wildcard(PositionState)),
            Subscribe(wildcard(SymbolSpec)),
            Subscribe(wildcard(MarketStatus)),
            *(Subscribe(wildcard(Hello, actor=one)) for one in _REPEATED_TO),
            Subscribe(wildcard(Tick), conflate=not self.config.sim),
            Subscribe(wildcard(Ask, service="portfolio")),
        )

    def on_start(self, now: int) -> Sequence[Effect]:
        """Say hello: gateways and feed repeat what is not in the stream."""
        return [self._hello(), *self._again(now)]

    def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
        """Everything that arrives; only what came on its own subject counts."""
        event = message.event
        if isinstance(event, Tick):
            return self._on_tick(event, now)
        if not _genuine(message):
            self._misplaced += 1
            return _refusal(message, "the question is not that of its subject")
        if isinstance(event, Ask):
            return [Answer(self._desk.answer(event), message.reply)] if message.reply else []
        handler = self._handlers.get(type(event))
        return handler(event, now) if handler is not None else []

    def on_timer(self, message: TimerIn, now: int) -> Sequence[Effect]:
        """A second is over. Every tenth all is told, changed or not: a quiet account has a curve too."""
        if now // _REPEAT_US != self._repeated:
            self._repeated = now // _REPEAT_US
            self._told.clear()
        effects = self._tell(now) if self._link else []
        return [*effects, *self._again(now)]

    def on_link(self, message: LinkChanged, now: int) -> Sequence[Effect]:
        """What the stream holds has been caught up with; everything else may have changed meanwhile."""
        self._link = message.up
        if not message.up:
            return []
        self._quotes.clear()
        self._told.clear()
        for standing in self._standings.values():
            standing.clear()
        return [self._hello()]

    def on_failure(self, message: Failed, now: int) -> Sequence[Effect]:
        """A tick or a question may be lost, and figures may be told later; without anything else they would be wrong,
        so it starts again from the stream.
        """
        inner = message.message
        if isinstance(inner, TimerIn):
            self._told.clear()
            return [SetTimer(_TELL, now + _PAUSE_US)]
        if isinstance(inner, EventIn) and isinstance(inner.event, Tick):
            self._told.clear()
            self._quotes.drop(inner.event.venue, inner.event.symbol)
            return []
        if isinstance(inner, EventIn) and isinstance(inner.event, Ask):
            return _refusal(inner, f"the portfolio cannot answer now: {message.error}")
        raise RuntimeError(message.error)

    def on_stop(self, now: int) -> Sequence[Effect]:
        """The last figures."""
        return self._tell(now) if self._link else []

    def gauges(self) -> dict[str, int]:
        """Counters for the beat."""
        book = self._book
        return {
            "positions": sum(len(standing.positions()) for standing in self._standings.values()),
            "orders": len(book.state.orders),
            "deals": sum(
                tally.deals
                for sessions in book.state.tallies.values()
                for strategies in sessions.values()
                for tally in strategies.values()
            ),
            "strays": book.strays,
            "elsewhere": book.elsewhere,
            "misplaced": self._misplaced,
        }

    # ---- what arrives

    def _on_tick(self, tick: Tick, now: int) -> Sequence[Effect]:
        self._quotes.on_tick(tick, now)
        if not self.config.sim or tick.at // _MINUTE_US == self._minute:
            return ()
        self._minute = tick.at // _MINUTE_US
        return self._tell(now)

    def _on_update(self, update: OrderUpdate, now: int) -> Sequence[Effect]:
        deal = self._book.apply(update)
        if deal is not None:
            self._standings[update.account].counted(deal.position, now)
        return ()

    def _on_account(self, event: AccountState, now: int) -> Sequence[Effect]:
        standing = self._standings.get(event.account)
        if standing is not None:
            standing.on_account(event, now)
        return ()

    def _on_position(self, event: PositionState, now: int) -> Sequence[Effect]:
        standing = self._standings.get(event.account)
        if standing is not None:
            standing.on_position(event, now)
        return ()

    def _on_session(self, event: SessionState, now: int) -> Sequence[Effect]:
        if event.account in self.config.accounts:
            self.state.sessions[event.session] = Member(event.account, event.strategy)
        return ()

    def _on_spec(self, spec: SymbolSpec, now: int) -> Sequence[Effect]:
        self._quotes.on_spec(spec)
        return ()

    def _on_status(self, status: MarketStatus, now: int) -> Sequence[Effect]:
        """A feed that broke off has no quotes any more; of a market that is shut the last one stays."""
        self._quotes.on_status(status)
        return self._tell(now) if status.state == "ended" and self.config.sim else ()

    def _on_hello(self, hello: Hello, now: int) -> Sequence[Effect]:
        """A guard or a recorder that is new hears everything again. A session may say hello as often as it likes, and
        as whom it likes: what counts is the name, which the server pins.
        """
        if hello.actor in _REPEATED_TO:
            self._told.clear()
        return ()

    # ---- what is told

    def _tell(self, now: int) -> list[Effect]:
        """Whatever is not as it was told last."""
        effects: list[Effect] = []
        for standing in self._standings.values():
            standing.settle(now)
            if not self.config.sim and standing.doubtful(now) and not effects:
                effects.append(self._hello())
        state, markets = self.state, self._quotes.markets(now)
        found = figures(self.config, self._book, self._standings, state.sessions, markets)
        events: list[ProfitLoss | PositionProfits] = [*found.scopes, *found.positions]
        for event in events:
            subject = subject_of(event)
            if self._told.get(subject) != event:
                self._told[subject] = event
                effects.append(Publish(event))
        for scope in found.scopes:
            series = self._series.get((scope.scope, scope.id))
            if series is not None and scope.equity is not None and scope.balance is not None:
                series.add(SeriesPoint(now, scope.equity, scope.balance))
        return effects

    def _again(self, now: int) -> list[Effect]:
        return [] if self.config.sim else [SetTimer(_TELL, now + _SECOND_US)]

    def _hello(self) -> Publish:
        return Publish(Hello(actor=self.name, role=self.role))


def _genuine(message: EventIn) -> bool:
    """Whether an event is on its own subject: the server pins subjects to identities, not contents."""
    try:
        return subject_of(message.event) == message.subject
    except (KeyError, ValueError):
        return False


def _refusal(message: EventIn, text: str) -> list[Effect]:
    """Why a question is not answered; nothing for what is none."""
    event = message.event
    if not isinstance(event, Ask) or not message.reply:
        return []
    return [Answer(CommandResult(id=event.id, ok=False, text=text[:500]), message.reply)]
