"""The paper gateway: the only one that speaks to the paper venue, and that venue itself.

Market orders fill at the current tick; everything that happened is in a durable book before anything is sent. Consumes:
`venue.order` of its account (requests), `md.tick`, `md.spec`, `risk.state`, `hello`. Publishes: `venue.report` (stored,
repeated until it is), `account.state`, `account.position`, `alert`, `hello`, in simulated time `sim.done`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

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
from actors.paper_book import BookOrder, Entry, PaperState, Undo, apply, load, revert, statements
from actors.paper_venue import PaperConfig, account_state, config_from, execute, position_state
from actors.valuation import quote_of
from schemas.clearance import verify
from schemas.command import RiskState
from schemas.health import Alert, Hello, SimDone
from schemas.market import SymbolSpec, Tick
from schemas.order import OrderTerms, VenueAnswer, VenueOrder, VenueReport
from schemas.registry import wildcard

__all__ = ["Paper", "PaperConfig", "PaperState", "config_from", "load"]

_SECOND_US = 1_000_000
_CERTAIN = ("full", "read-only", "readonly", "cannot be opened", "in use", "locked")
"""Errors of a Store after which nothing was written, for sure."""


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
        """Claim the book: a gateway that was frozen can write no more. Then every report that the stream may not have
        goes out again, a hello, and the state of the account.
        """
        entry = self._entry()
        apply(self.state, entry)
        self._out.append(Store(statements(entry)))
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
            self.state.store_error = ""
            if not self.state.marks:
                self._out.append(SetTimer("marks", now + _SECOND_US))
            del self.state.outbox[report.report]
            self.state.marks.append(report.report)
        elif message.error == "timeout":
            self._report(report)
        else:
            if self.state.store_error != message.error:
                self._alert("critical", "reports_not_stored", f"ORDERS does not take reports: {message.error}")
            self.state.store_error = message.error
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
        """The book was not written: undo, if that is certain. Otherwise stop: the file knows what is so.

        A refusal that is not in the book would not be one: the same request may arrive again, when there is room. So an
        order has no verdict yet; the router asks for it until it is in the book as void, or has expired.
        """
        self._out.clear()
        written, self._written = self._written, None
        inner, reason = message.message, message.error
        if not reason.startswith("overload"):
            certain = written is not None and written[0] == inner and any(word in reason for word in _CERTAIN)
            if written is None or not certain or self.config.sim:
                raise RuntimeError(f"stopping, the book may or may not be as it is in memory: {reason}")
            revert(self.state, written[1])
            self.state.account = None  # what was to be told of it was not
        if isinstance(inner, TimerIn):
            self._out.append(SetTimer("marks", now + _SECOND_US))
        elif isinstance(inner, EventIn) and isinstance(inner.event, VenueOrder) and inner.reply:
            known = self.state.orders.get(inner.event.order)
            nothing = VenueAnswer(order=inner.event.order, known=False)
            self._answer(inner, nothing if known is None else _answer_of(inner.event.order, known))
        return self._done()

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
        quote = quote_of(tick, spec, now) if spec is not None else None
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
        """Refuse older routers, then do what is asked; nothing without a reply subject: nobody would learn of it."""
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
        record = BookOrder("void", "never reached the venue")
        self._write(message, self._entry(router_epoch=order.epoch, id=order.order, order=record, at=now))
        self._answer(message, _answer_of(order.order, record))

    def _submit(self, message: EventIn, order: VenueOrder, now: int) -> None:
        """Execute, once. What can never become right is refused as it is, what could be, for good in the book."""
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
            refused = ""
        if refused or terms is None:
            self._answer(message, VenueAnswer(order=order.order, known=False, refused=refused))
            return
        before = self._entry(router_epoch=order.epoch, guard_epoch=order.guard_epoch, id=terms.id, terms=terms, at=now)
        report_id = f"{self.name}-{self.incarnation}-{state.issued + 1}"
        executed = execute(self.config, state, before, report_id, now)
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
            self._out.append(Publish(position_state(self.config, executed.position)))
        self._sim_done()

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
            owner=self.incarnation,
            orders=len(state.orders),
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
        """The account, if it can be valued and has changed; with `everything` in any case, and all positions."""
        state, config = self.state, self.config
        state.account_at = now
        account = account_state(config, state)
        if account is not None and (everything or account != state.account):
            state.account = account
            self._out.append(Publish(account))
        if everything:
            self._out.extend(
                Publish(position_state(config, state.positions[ticket])) for ticket in sorted(state.positions)
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
