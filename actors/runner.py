"""The session runner: hosts the strategy of one session, one object a symbol.

Consumes: `md.tick`, `md.spec`, its own `order.update`, `order.refused`, `order.sync`. Publishes: `order.intent`,
`signal`, `session.stats`, `hello`, in simulated time `sim.done`. The state is stored before an intent leaves, so that a
killed runner knows what it asked for; after a restart or a lost link it asks the router what became of it, and sends no
new intent before it knows. A strategy that raises 20 times in a row opens nothing more until its process is started
again: state `troubled`, alert `strategy_raises`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from actors.actor import Actor, Subscribe
from actors.bars import BarBuilder
from actors.desk import RunnerConfig, SessionDesk
from actors.effects import CancelTimer, Effect, EventIn, Failed, LinkChanged, Publish, SetTimer, TimerIn
from actors.session_book import RunnerState, saved
from actors.strategies import find_strategy, make_params
from actors.strategy import Outcome, Strategy, Terms
from actors.strategy_faults import MOST_IN_A_ROW, Faults
from schemas.health import TROUBLED, Alert, Hello, SimDone
from schemas.market import SymbolSpec, Tick
from schemas.order import OrderRefused, OrderState, OrderSync, OrderUpdate
from schemas.registry import wildcard
from schemas.session import SessionStats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.session_book import OrderView
    from schemas.order import Deal
    from schemas.settings import Settings

__all__ = ["Runner", "RunnerConfig", "config_from"]

_SECOND_US = 1_000_000
_EACH_SECOND = "second "
"""Begins the key of the timer of a strategy that has `on_timer`; its symbol follows."""
_STATS_US = 5 * _SECOND_US


def config_from(settings: Settings, session: str) -> RunnerConfig:
    """From the settings of the session named so."""
    wanted = next(one for one in settings.session if one.id == session)
    account = next(one for one in settings.account if one.id == wanted.account)
    return RunnerConfig(
        session=session,
        account=wanted.account,
        venue=settings.feed.venue,
        strategy=wanted.strategy,
        symbols=wanted.symbols,
        params=wanted.params,
        lifetime_us=settings.guard.intent_lifetime_ms * 1000,
        skew_us=settings.guard.skew_ms * 1000,
        sim=settings.feed.speed == 0,
        terms=Terms(account.currency, account.leverage, account.commission),
    )


class Runner(Actor):
    """See the module."""

    role: ClassVar[str] = "session"

    def __init__(self, name: str, incarnation: int, config: RunnerConfig, state: RunnerState | None = None) -> None:
        super().__init__(name, incarnation)
        self.config = config
        self.state = state if state is not None else RunnerState()
        self._desk = SessionDesk(config, self.state, incarnation)
        self._tick_count = 0
        self._bar_count = 0
        self._number = 0
        self._next_stats = 0
        self._faults = Faults()
        self._unsettled = {order for order, view in self.state.orders.items() if not view.ended}
        kind = find_strategy(config.strategy)
        params = make_params(kind, config.params)
        self._timed = config.symbols if kind.on_timer is not Strategy.on_timer else ()
        self._strategies: dict[str, Strategy] = {}
        self._bars: dict[str, BarBuilder] = {}
        for symbol in config.symbols:
            raw = self.state.strategies.get(symbol)
            kept = msgspec.json.decode(raw, type=kind.State) if raw is not None else None
            strategy = kind(symbol, params, kept)
            self._strategies[symbol] = strategy
            if strategy.timeframe:
                self._bars[symbol] = BarBuilder(config.venue, symbol, strategy.timeframe)

    # ---- handlers

    def subscriptions(self) -> Sequence[Subscribe]:
        """Ticks and specifications, and what concerns its own orders."""
        mine = {"account": self.config.account, "session": self.config.session}
        return (
            Subscribe(wildcard(SymbolSpec)),
            Subscribe(wildcard(Tick)),
            Subscribe(wildcard(OrderUpdate, **mine)),
            Subscribe(wildcard(OrderRefused, **mine)),
            Subscribe(wildcard(OrderSync, **mine)),
        )

    def on_start(self, now: int) -> Sequence[Effect]:
        """Say hello; with orders whose outcome is open, ask for them until they are settled."""
        timers = [SetTimer(f"{_EACH_SECOND}{symbol}", now + _SECOND_US) for symbol in self._timed]
        return [*self._greet(now), *timers]

    def on_link(self, message: LinkChanged, now: int) -> Sequence[Effect]:
        """Back again: updates may have been missed."""
        if not message.up:
            return ()
        self._unsettled = {order for order, view in self.state.orders.items() if not view.ended}
        return self._greet(now)

    def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
        """Everything that arrives."""
        self._desk.now = now
        event = message.event
        if isinstance(event, Tick):
            return self._on_tick(event)
        if isinstance(event, OrderUpdate):
            return self._on_update(event)
        if isinstance(event, OrderRefused):
            return self._on_refused(event)
        if isinstance(event, OrderSync):
            return self._on_sync(event)
        if isinstance(event, SymbolSpec):
            self._desk.specs[event.symbol] = event
        return ()

    def on_timer(self, message: TimerIn, now: int) -> Sequence[Effect]:
        """An order without an outcome, or a hello without an answer: ask again. Or a second has passed."""
        self._desk.now = now
        if message.key.startswith(_EACH_SECOND):
            return self._on_second(message.key.removeprefix(_EACH_SECOND), now)
        order = message.key.removeprefix("check ")
        view = self.state.orders.get(order)
        if message.key == "hello":
            return self._greet(now) if self._unsettled else ()
        if view is None or view.ended or not view.pending:
            return ()
        self._unsettled.add(order)
        return self._greet(now)

    def on_failure(self, message: Failed, now: int) -> Sequence[Effect]:
        """The state could not be stored, or a strategy raised: the intents of that message never left. One that raises
        again and again may not open anything any more; what it holds it may close.
        """
        self._desk.now = now
        self._desk.out.clear()
        lost = [name for name, view in self.state.orders.items() if view.state == OrderState.INTENDED]
        for name in lost:
            if name not in self._unsettled and self.state.orders[name].terms.submitted_at == now:
                self.state.orders[name].state = OrderState.REJECTED
                self.state.orders[name].reason = message.error
        symbol = self._faults.raised()
        if symbol:
            self._desk.barred = True
            text = (
                f"session {self.config.session}: its strategy raised {MOST_IN_A_ROW} times in a row on {symbol}, now"
                f" {message.error}; it opens nothing more until its process is started again"
            )
            self._desk.out.append(
                Publish(Alert(severity="critical", code="strategy_raises", text=text, actor=self.name))
            )
        self._tell_stats(at_once=bool(symbol))
        if isinstance(message.message, TimerIn) and message.message.key.startswith(_EACH_SECOND):
            self._desk.out.append(SetTimer(message.message.key, now + _SECOND_US))
        return self._finish()

    def gauges(self) -> dict[str, int]:
        """Counters for the beat."""
        return {
            "ticks": self._tick_count,
            "bars": self._bar_count,
            "signals": self.state.signals,
            "intents": self.state.intents,
        }

    def describe(self) -> str:
        """Whether it trades, waits for the fate of earlier orders, or has a strategy that always raises."""
        if self._faults.latched:
            return f"{TROUBLED}: strategy raises"
        return "settling" if self._unsettled else "running"

    # ---- inside

    def _greet(self, now: int) -> list[Effect]:
        hello = Hello(
            actor=self.name,
            role=self.role,
            account=self.config.account,
            session=self.config.session,
            open_orders=tuple(sorted(self._unsettled)),
        )
        effects: list[Effect] = [Publish(hello)]
        if self._unsettled:
            effects.append(SetTimer("hello", now + _SECOND_US))
        return effects

    def _on_tick(self, tick: Tick) -> list[Effect]:
        self._number = tick.number
        strategy = self._strategies.get(tick.symbol)
        if strategy is not None and tick.symbol in self._desk.specs:
            self._tick_count += 1
            self._desk.ticks[tick.symbol] = tick
            bars = self._bars.get(tick.symbol)
            bar = bars.add(tick.at, tick.bid) if bars is not None else None
            if not self._unsettled:
                with self._faults.watched(tick.symbol, "on_tick"):
                    strategy.on_tick(tick, self._desk)
                    if bar is not None:
                        self._bar_count += 1
                        strategy.on_bar(bar, self._desk)
        self._tell_stats()
        return self._finish()

    def _on_second(self, symbol: str, now: int) -> list[Effect]:
        """In simulated time it comes at most once before each tick, whose own end says whether time may go on."""
        self._desk.out.append(SetTimer(f"{_EACH_SECOND}{symbol}", now + _SECOND_US))
        if symbol in self._desk.ticks and not self._unsettled:
            with self._faults.watched(symbol, "on_timer"):
                self._strategies[symbol].on_timer(now, self._desk)
        return self._finish(done=False)

    def _tell_stats(self, *, at_once: bool = False) -> None:
        """Every five seconds, also of a session whose strategy only raises."""
        if at_once or self._desk.now >= self._next_stats:
            self._next_stats = self._desk.now + _STATS_US
            self._desk.out.append(Publish(self._stats()))

    def _on_update(self, update: OrderUpdate) -> list[Effect]:
        if update.account != self.config.account or update.session != self.config.session:
            return []
        view = self.state.fold(update)
        if view is None:
            return []
        if update.report:
            self.state.reports += 1
        self._settled(update.order, view)
        self._tell(update.order, view, update.deal)
        return self._finish()

    def _on_refused(self, refused: OrderRefused) -> list[Effect]:
        view = self.state.orders.get(refused.order)
        if view is None or view.revision or view.ended:
            return []
        view.state = OrderState.REFUSED
        view.reason = f"{refused.rule}: limit {refused.limit}, actual {refused.actual}"
        self._settled(refused.order, view)
        self._tell(refused.order, view)
        return self._finish()

    def _on_sync(self, sync: OrderSync) -> list[Effect]:
        for update in sync.updates:
            view = self.state.fold(update)
            if view is not None:
                self._tell(update.order, view, update.deal)
            known = self.state.orders.get(update.order)
            if known is not None:
                self._settled(update.order, known)
        for order in sync.unseen:
            view = self.state.orders.get(order)
            if view is None:
                self._unsettled.discard(order)
            elif view.revision == 0 and self._desk.now > view.terms.expires_at + self.config.skew_us:
                view.state = OrderState.EXPIRED
                view.reason = "nobody cleared it in time"
                self._settled(order, view)
                self._tell(order, view)
        return self._finish()

    def _settled(self, order: str, view: OrderView) -> None:
        """Note that its outcome is known; UNKNOWN is not an outcome."""
        self._desk.dirty = True
        if not view.pending:
            self._unsettled.discard(order)
            self._desk.out.append(CancelTimer(f"check {order}"))

    def _tell(self, order: str, view: OrderView, deal: Deal | None = None) -> None:
        strategy = self._strategies.get(view.terms.symbol)
        if strategy is None or (view.terms.symbol not in self._desk.ticks and not strategy.hears_early):
            return
        outcome = Outcome(
            order=order,
            symbol=view.terms.symbol,
            state=view.state.value,
            side=view.terms.side,
            volume=view.terms.volume,
            filled=view.filled,
            price=view.price,
            position=view.position,
            closes=view.terms.position,
            reason=view.reason,
            ended=view.ended,
            deal=deal,
        )
        with self._faults.watched(view.terms.symbol, "on_order"):
            strategy.on_order(outcome, self._desk)

    def _stats(self) -> SessionStats:
        return SessionStats(
            session=self.config.session,
            ticks=self._tick_count,
            bars=self._bar_count,
            signals=self.state.signals,
            intents=self.state.intents,
            open_orders=sum(not view.ended for view in self.state.orders.values()),
            positions=sum(len(self.state.positions(symbol)) for symbol in self.config.symbols),
            state=self.describe(),
        )

    def _finish(self, *, done: bool = True) -> list[Effect]:
        """What was decided, with the state stored in front of it; and in simulated time, whether time may go on."""
        effects, self._desk.out = self._desk.out, []
        if self._desk.dirty:
            self._desk.dirty = False
            self.state.prune()
            self.state.strategies = {
                symbol: msgspec.Raw(msgspec.json.encode(strategy.state))
                for symbol, strategy in self._strategies.items()
            }
            effects.insert(0, saved(self.state))
        if done and self.config.sim and not any(view.pending for view in self.state.orders.values()):
            reports = {self.config.session: self.state.reports}
            effects.append(Publish(SimDone(actor=self.name, number=self._number, reports=reports)))
        return effects
