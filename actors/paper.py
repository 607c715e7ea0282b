"""The paper gateway: the only one that speaks to the paper venue, and that venue itself.

Market orders fill at the current tick; everything that happened is in a durable book before anything is sent. Consumes:
`venue.order` of its account (requests), `md.tick`, `md.spec`, `risk.state`, `hello`. Publishes: `venue.report` (stored,
repeated until it is), `account.state`, `account.position`, `alert`, `hello`, in simulated time `sim.done`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from actors import paper_account as sums
from actors.actor import Actor, Subscribe
from actors.effects import (
    Answer,
    Effect,
    EventIn,
    Failed,
    LinkChanged,
    Message,
    Publish,
    PublishStored,
    ReplyIn,
    SetTimer,
    Store,
    StoredIn,
    TimerIn,
)
from actors.paper_account import Position, Quote
from actors.paper_book import BookDeal, BookOrder, Entry, PaperState, Undo, apply, load, revert, statements
from schemas.account import AccountState, PositionState
from schemas.clearance import verify
from schemas.command import RiskState
from schemas.health import Alert, Hello, SimDone
from schemas.market import SymbolSpec, Tick
from schemas.order import OrderTerms, VenueAnswer, VenueOrder, VenueReport
from schemas.registry import wildcard
from schemas.settings import Settings

__all__ = ["Paper", "PaperConfig", "PaperState", "config_from", "load"]

_SECOND_US = 1_000_000
_CERTAIN = ("full", "read-only", "readonly", "cannot be opened", "in use", "locked")
"""Errors of a Store after which nothing was written, for sure."""


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
        deposit=sums.minor_units(sums.exact(found.deposit)),
        leverage=found.leverage,
        commission=found.commission,
        guard_public=guard_public,
        sim=settings.feed.speed == 0,
    )


class Paper(Actor):
    """See the module."""

    role: ClassVar[str] = "gateway"

    def __init__(self, name: str, incarnation: int, config: PaperConfig, state: PaperState | None = None) -> None:
        super().__init__(name, incarnation)
        self.config = config
        self.state = state if state is not None else PaperState()
        self._out: list[Effect] = []
        self._written: tuple[Message, Undo] | None = None

    # ---- handlers

    def subscriptions(self) -> Sequence[Subscribe]:
        """Orders and ticks in one lane: an order is filled at the tick that led to it or a later one."""
        return (
            Subscribe(wildcard(RiskState), lane="control"),
            Subscribe(wildcard(Hello), lane="control"),
            Subscribe(wildcard(SymbolSpec, venue=self.config.venue)),
            Subscribe(wildcard(Tick, venue=self.config.venue)),
            Subscribe(wildcard(VenueOrder, account=self.config.account)),
        )

    def on_start(self, now: int) -> Sequence[Effect]:
        """Every report that the stream may not have goes out again, then a hello and the state of the account."""
        for report in self.state.outbox.values():
            self._report(report)
        self._hello()
        self._tell(now, everything=True)
        return self._done()

    def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
        """An order, a quote, or somebody who wants to know the account."""
        self._written = None
        event = message.event
        if isinstance(event, Tick):
            self._tick(event, now)
        elif isinstance(event, VenueOrder):
            self._order(message, event, now)
        elif isinstance(event, SymbolSpec):
            self._spec(event)
        elif isinstance(event, RiskState):
            if event.epoch > self.state.guard_epoch:
                self._write(message, self._entry(guard_epoch=event.epoch))
        elif isinstance(event, Hello) and event.actor != self.name:
            self._tell(now, everything=True)
        return self._done()

    def on_stored(self, message: StoredIn, now: int) -> Sequence[Effect]:
        """The stream has a report, or has not: then again, until it has."""
        self._written = None
        report = self.state.outbox.get(message.key.partition(" ")[2])
        if report is None:
            return ()
        if not message.error:
            if not self.state.marks:
                self._out.append(SetTimer("marks", now + _SECOND_US))
            del self.state.outbox[report.report]
            self.state.marks.append(report.report)
        elif message.error == "timeout":
            self._report(report)
        else:
            self._out.append(SetTimer(f"report {report.report}", now + self.config.retry_us))
        return self._done()

    def on_timer(self, message: TimerIn, now: int) -> Sequence[Effect]:
        """A report is due again; or the book should learn which reports the stream has."""
        self._written = None
        kind, _, name = message.key.partition(" ")
        if kind == "marks" and self.state.marks:
            self._write(message, self._entry())
        elif kind == "report" and name in self.state.outbox:
            self._report(self.state.outbox[name])
        return self._done()

    def on_reply(self, message: ReplyIn, now: int) -> Sequence[Effect]:
        """It asks nobody."""
        self._written = None
        return ()

    def on_link(self, message: LinkChanged, now: int) -> Sequence[Effect]:
        """Back again: reports under way are repeated as their acks fail; everyone else hears the account's state."""
        self._written = None
        if message.up:
            self._hello()
            self._tell(now, everything=True)
        return self._done()

    def on_failure(self, message: Failed, now: int) -> Sequence[Effect]:
        """The book was not written: undo, and refuse if that is certain. Otherwise stop: the file knows, after a start."""
        self._out.clear()
        written, self._written = self._written, None
        inner, reason = message.message, message.error
        if not reason.startswith("overload"):
            if written is None or written[0] != inner or not any(word in reason for word in _CERTAIN):
                raise RuntimeError(f"stopping, the book may or may not be as it is in memory: {reason}")
            revert(self.state, written[1])
            reason = f"book not writable: {reason}"
        if isinstance(inner, TimerIn):
            self._out.append(SetTimer("marks", now + _SECOND_US))
        elif isinstance(inner, EventIn) and isinstance(inner.event, VenueOrder) and inner.reply:
            self._not_done(inner, inner.event, reason)
        return self._done()

    def _not_done(self, message: EventIn, order: VenueOrder, reason: str) -> None:
        """Nothing was written: a submit is refused, and stays so. A lookup has no answer yet."""
        known = self.state.orders.get(order.order)
        if known is not None:
            self._answer(message, _answer_of(order.order, known))
            return
        if order.action == "submit":
            self.state.void.setdefault(order.order, reason)
        refused = "" if order.action == "lookup" else reason
        self._answer(message, VenueAnswer(order=order.order, known=False, refused=refused))

    def gauges(self) -> dict[str, int]:
        """Counters for the beat."""
        state = self.state
        return {
            "orders": len(state.orders),
            "positions": len(state.positions),
            "outbox": len(state.outbox),
            "rejected_ticks": state.rejected_ticks,
        }

    # ---- the market

    def _tick(self, tick: Tick, now: int) -> None:
        state = self.state
        spec = state.market.specs.get(tick.symbol)
        quote = sums.quote_of(tick, spec, now) if spec is not None else None
        if quote is None:
            state.rejected_ticks += 1
        else:
            state.market.quotes[tick.symbol] = quote
        state.number = tick.number
        if now >= state.account_at + _SECOND_US:
            self._tell(now)
        self._sim_done()

    def _spec(self, spec: SymbolSpec) -> None:
        """Positions are kept in points: a symbol that has some cannot change its digits."""
        held = [one for one in self.state.positions.values() if one.symbol == spec.symbol and one.digits != spec.digits]
        if held:
            text = f"{spec.symbol}: specified with {spec.digits} digits, positions have {held[0].digits}: not taken"
            self._alert("critical", "spec_changed", text)
            return
        before = self.state.market.specs.get(spec.symbol)
        if before is not None and before.digits != spec.digits:
            self.state.market.quotes.pop(spec.symbol, None)
        self.state.market.specs[spec.symbol] = spec

    # ---- requests

    def _order(self, message: EventIn, order: VenueOrder, now: int) -> None:
        """Refuse older routers, then do what is asked. Without a reply subject nothing is done: nobody would learn it."""
        state = self.state
        if not message.reply:
            return
        if order.account != self.config.account or order.epoch < state.router_epoch:
            why = f"router epoch {order.epoch} is older than {state.router_epoch}"
            self._answer(message, VenueAnswer(order=order.order, known=False, refused=why))
            return
        if order.action == "epoch":
            if order.epoch > state.router_epoch:
                self._write(message, self._entry(router_epoch=order.epoch))
            self._answer(message, VenueAnswer(order="", known=True))
            return
        known = state.orders.get(order.order)
        if known is not None:
            if order.epoch > state.router_epoch:
                self._write(message, self._entry(router_epoch=order.epoch))
            self._answer(message, _answer_of(order.order, known))
        elif order.action == "lookup":
            self._void(message, order, now)
        else:
            self._submit(message, order, now)

    def _void(self, message: EventIn, order: VenueOrder, now: int) -> None:
        """Looked up but not here: it never will be, whatever may still be under way."""
        reason = self.state.void.get(order.order, "never reached the venue")
        record = BookOrder("void", reason)
        self._write(message, self._entry(router_epoch=order.epoch, id=order.order, order=record, at=now))
        self._answer(message, _answer_of(order.order, record))

    def _submit(self, message: EventIn, order: VenueOrder, now: int) -> None:
        """Execute, once. What can never become right is refused as it is; what could is refused for good in the book."""
        terms, state = order.terms, self.state
        if terms is None or terms.id != order.order or not terms.id:
            refused = "malformed: the terms are not this order's"
        elif not verify(self.config.guard_public, order.signature, terms, order.order_class, order.guard_epoch):
            refused = "the clearance is not signed by the guard"
            self._alert("critical", "forged", f"order {terms.id}: {refused}")
        elif order.guard_epoch < state.guard_epoch:
            refused = f"guard epoch {order.guard_epoch} is older than {state.guard_epoch}"
        elif terms.account != self.config.account or terms.venue != self.config.venue:
            refused = f"account {terms.account} at {terms.venue} is not here"
        elif now > terms.expires_at:
            refused = f"expired {now - terms.expires_at} us ago"
        else:
            refused = state.void.get(terms.id, "")
        if refused or terms is None:
            self._answer(message, VenueAnswer(order=order.order, known=False, refused=refused))
            return
        before = self._entry(router_epoch=order.epoch, guard_epoch=order.guard_epoch, id=terms.id, terms=terms, at=now)
        executed = self._execute(terms, before, now)
        if isinstance(executed, str):
            record = BookOrder("refused", executed)
            self._write(message, msgspec.structs.replace(before, order=record))
            self._answer(message, _answer_of(terms.id, record))
            return
        self._write(message, executed)
        record = state.orders[terms.id]
        self._answer(message, _answer_of(terms.id, record))
        for report in record.reports:
            self._report(report)
        self._tell(now)
        if executed.position is not None:
            self._out.append(Publish(self._position(executed.position)))
        self._sim_done()

    # ---- executing

    def _execute(self, terms: OrderTerms, entry: Entry, now: int) -> Entry | str:
        """The entry that filling the order at the current quote makes, or why it is refused."""
        market = self.state.market
        spec, quote = market.specs.get(terms.symbol), market.quotes.get(terms.symbol)
        if terms.kind != "market":
            return f"{terms.kind} orders: not at the paper venue yet, only market orders"
        if terms.sl or terms.tp:
            return "stop loss and take profit: not at the paper venue yet"
        if spec is None or quote is None:
            return f"no quote for {terms.symbol} yet"
        if now - quote.seen > self.config.fill_timeout_us:
            return f"no quote for {terms.symbol} since {now - quote.seen} us"
        volume, step = sums.volume_units(terms.volume), sums.volume_units(spec.volume_step)
        if terms.position:
            return self._close(terms, entry, quote, volume, step)
        if (volume - sums.volume_units(spec.volume_min)) % step:
            return f"volume {terms.volume} is not on the grid of {spec.volume_min} + n x {spec.volume_step}"
        if not spec.volume_min <= terms.volume <= spec.volume_max:
            return f"volume {terms.volume} is not within {spec.volume_min} and {spec.volume_max}"
        return self._open(terms, entry, spec, quote)

    def _open(self, terms: OrderTerms, entry: Entry, spec: SymbolSpec, quote: Quote) -> Entry | str:
        state, config = self.state, self.config
        ticket, volume = state.next_ticket, sums.volume_units(terms.volume)
        cost = sums.commission(volume, config.commission)
        position = Position(
            ticket=ticket,
            symbol=terms.symbol,
            side=terms.side,
            volume=volume,
            price=sums.opening_price(terms.side, quote),
            digits=spec.digits,
            opened_at=quote.at,
            session=terms.session,
            strategy=terms.strategy,
            commission=cost,
        )
        after = sums.value(
            {**state.positions, ticket: position}, config.currency, config.leverage, config.commission, state.market
        )
        if after is None:
            return f"no rate to {config.currency}"
        free = config.deposit + state.booked + cost + after.floating - after.margin
        if free < 0:
            return f"no money: the order would leave a free margin of {sums.money(free)} {config.currency}"
        deal = _deal(ticket, position, terms, "in", volume, position.price, quote, 0, cost)
        return self._filled(terms, entry, position, deal)

    def _close(self, terms: OrderTerms, entry: Entry, quote: Quote, volume: int, step: int) -> Entry | str:
        state, config = self.state, self.config
        position = state.positions.get(terms.position)
        if position is None or position.symbol != terms.symbol:
            return "position closed"
        if position.side == terms.side:
            return f"position {position.ticket} is a {position.side}: a {terms.side} does not close it"
        if volume <= 0 or (volume % step and volume != position.volume):
            return f"volume {terms.volume} is not on the grid of {sums.lots(step)}"
        if volume > position.volume:
            return f"volume {terms.volume} is more than the position's {sums.lots(position.volume)}"
        price = sums.closing_price(position.side, quote)
        gain = sums.profit(position, volume, price, config.currency, state.market)
        if gain is None:
            return f"no rate to {config.currency}"
        cost = sums.commission(volume, config.commission)
        rest = msgspec.structs.replace(
            position,
            volume=position.volume - volume,
            commission=position.commission + cost,
            realised=position.realised + gain,
        )
        deal = _deal(state.next_ticket, position, terms, "out", volume, price, quote, gain, cost)
        return self._filled(terms, entry, rest, deal)

    def _filled(self, terms: OrderTerms, entry: Entry, position: Position, deal: BookDeal) -> Entry:
        state = self.state
        report = VenueReport(
            cause=terms.id,
            report=f"{self.name}-{self.incarnation}-{state.issued + 1}",
            account=self.config.account,
            session=terms.session,
            order=terms.id,
            kind="fill",
            deal=deal.wire(),
            balance=sums.money(self.config.deposit + state.booked + deal.profit + deal.commission),
        )
        return msgspec.structs.replace(
            entry,
            next_ticket=state.next_ticket + 1,
            order=BookOrder("filled", "", (report,)),
            deal=deal,
            position=position,
            report=report,
        )

    # ---- effects

    def _entry(
        self,
        *,
        router_epoch: int = 0,
        guard_epoch: int = 0,
        id: str = "",  # noqa: A002 - the order's id, as everywhere
        order: BookOrder | None = None,
        terms: OrderTerms | None = None,
        at: int = 0,
    ) -> Entry:
        """An entry that raises the epochs; reports that the stream has acknowledged are marked along with it."""
        state = self.state
        return Entry(
            router_epoch=max(router_epoch, state.router_epoch),
            guard_epoch=max(guard_epoch, state.guard_epoch),
            next_ticket=state.next_ticket,
            id=id,
            order=order,
            terms=terms,
            at=at,
            marks=tuple(state.marks),
        )

    def _write(self, message: Message, entry: Entry) -> None:
        """In memory at once, in the book before anything behind it; `on_failure` takes it back."""
        self._written = (message, apply(self.state, entry))
        self._out.append(Store(statements(entry)))

    def _answer(self, message: EventIn, answer: VenueAnswer) -> None:
        state = self.state
        stamped = msgspec.structs.replace(answer, guard_epoch=state.guard_epoch, router_epoch=state.router_epoch)
        self._out.append(Answer(stamped, message.reply))

    def _report(self, report: VenueReport) -> None:
        self._out.append(PublishStored(report, f"report {report.report}", report.report))

    def _hello(self) -> None:
        self._out.append(Publish(Hello(actor=self.name, role=self.role, account=self.config.account)))

    def _alert(self, severity: str, code: str, text: str) -> None:
        self._out.append(Publish(Alert(severity=severity, code=code, text=text, actor=self.name)))  # type: ignore[arg-type]

    def _tell(self, now: int, *, everything: bool = False) -> None:
        """The account, if it can be valued and is not as it was told last; with `everything` anyway, and all positions."""
        state, config = self.state, self.config
        state.account_at = now
        worth = sums.value(state.positions, config.currency, config.leverage, config.commission, state.market)
        if worth is not None:
            balance = config.deposit + state.booked
            account = AccountState(
                account=config.account,
                venue=config.venue,
                currency=config.currency,
                balance=sums.money(balance),
                equity=sums.money(balance + worth.floating),
                margin=sums.money(worth.margin),
                leverage=config.leverage,
                mode="hedging",
                positions=len(state.positions),
            )
            if everything or account != state.account:
                state.account = account
                self._out.append(Publish(account))
        if everything:
            self._out.extend(Publish(self._position(state.positions[ticket])) for ticket in sorted(state.positions))

    def _position(self, position: Position) -> PositionState:
        return PositionState(
            account=self.config.account,
            ticket=position.ticket,
            symbol=position.symbol,
            side=position.side,
            volume=sums.lots(position.volume),
            price_open=position.price / 10**position.digits,
            opened_at=position.opened_at,
            session=position.session,
            strategy=position.strategy,
            commission=sums.money(position.commission),
            realised=sums.money(position.realised),
        )

    def _sim_done(self) -> None:
        """Simulated time: this tick is handled, and so many reports were issued."""
        if self.config.sim:
            done = SimDone(actor=self.name, number=self.state.number, reports=dict(self.state.counts))
            self._out.append(Publish(done))

    def _done(self) -> list[Effect]:
        effects, self._out = self._out, []
        return effects


def _answer_of(order: str, record: BookOrder) -> VenueAnswer:
    """What the book says of an order."""
    return VenueAnswer(order=order, known=record.state == "filled", refused=record.reason, reports=record.reports)


def _deal(
    ticket: int,
    position: Position,
    terms: OrderTerms,
    entry: str,
    volume: int,
    price: int,
    quote: Quote,
    gain: int,
    cost: int,
) -> BookDeal:
    return BookDeal(
        ticket=ticket,
        position=position.ticket,
        entry=entry,  # type: ignore[arg-type]
        symbol=terms.symbol,
        side=terms.side,
        volume=volume,
        price=price,
        digits=position.digits,
        at=quote.at,
        profit=gain,
        commission=cost,
    )
