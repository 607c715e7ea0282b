"""The risk guard: every order intent passes it, or is refused with the rule, its limit and the actual figure.

Consumes: `order.intent` (of its messages the only ones from outside the core), `md.tick`, `md.spec`, `account.state`,
`account.position`, `health.state`, `health.beat.watch`, and from the stream ORDERS `order.update`, `session.state`,
`risk.state`. Publishes: `order.cleared` (signed by the runtime), `order.refused`, `risk.state`, `alert`, `hello`. It
never answers a reply subject, and it is guided by an intent's subject, which the server pins, not by what the intent
says of itself. Rules: `docs/guard.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

from actors.actor import Actor, Subscribe
from actors.effects import Effect, EventIn, Failed, LinkChanged, Publish, PublishStored, SetTimer, StoredIn, TimerIn
from actors.exposure import Exposure, units
from actors.guard_case import Case, Instrument, Quote, classify, instrument_of, order_number, pinned_to, quote_of
from actors.guard_health import CoreHealth
from actors.guard_rules import BY_CLASS, EVERY, IDENTITY, PASSED, Refusal, first_refusal
from actors.guard_state import FLOOR, GuardConfig, GuardState, config_from, recover
from schemas.account import AccountState, PositionState
from schemas.base import Event
from schemas.command import RiskState
from schemas.health import Alert, Beat, HealthState, Hello
from schemas.market import SymbolSpec, Tick
from schemas.order import OrderClass, OrderCleared, OrderIntent, OrderRefused, OrderUpdate
from schemas.registry import wildcard
from schemas.session import SessionState

__all__ = ["Guard", "GuardConfig", "GuardState", "config_from", "recover"]

_SECOND_US = 1_000_000
_MOST_NAMES = 1000
_MOST_ID = 128


class Guard(Actor):
    """See the module."""

    role: ClassVar[str] = "guard"

    def __init__(self, name: str, incarnation: int, config: GuardConfig, state: GuardState | None = None) -> None:
        super().__init__(name, incarnation)
        self.config = config
        self.state = state if state is not None else GuardState()
        self._exposure = Exposure(self.state.exposure)
        self._instruments: dict[tuple[str, str], Instrument] = {}
        self._quotes: dict[tuple[str, str], Quote] = {}
        self._connected: dict[str, bool] = {}
        self._health = CoreHealth(config.core)
        self._pinned: dict[str, tuple[str, str] | None] = {}
        self._link = True
        self._release_at = 0
        self._counts = {"intents": 0, "cleared": 0, "refused": 0, "released": 0, "misplaced": 0}
        self._handlers: dict[type[Event], tuple[str, Callable[[Any, int], Sequence[Effect]]]] = {
            Tick: ("md.tick.", self._on_tick),
            SymbolSpec: ("md.spec.", self._on_spec),
            OrderUpdate: ("order.update.", self._on_update),
            AccountState: ("account.state.", self._on_account),
            PositionState: ("account.position.", self._on_position),
            SessionState: ("session.state.", self._on_session),
            RiskState: ("risk.state.", self._on_risk),
            HealthState: ("health.state.", self._on_health),
            Beat: ("health.beat.watch", self._on_health),
        }

    # ---- what the runtime calls

    def subscriptions(self) -> Sequence[Subscribe]:
        """Ticks and intents share a lane, so a tick is handled before the intent that it led to."""
        return (
            Subscribe(wildcard(OrderUpdate), lane="control", stream="ORDERS"),
            Subscribe(wildcard(SessionState), lane="control", stream="ORDERS"),
            Subscribe(wildcard(RiskState), lane="control", stream="ORDERS"),
            Subscribe(wildcard(HealthState), lane="control"),
            Subscribe(wildcard(Beat, actor="watch"), lane="control"),
            Subscribe(wildcard(AccountState), lane="control"),
            Subscribe(wildcard(PositionState), lane="control"),
            Subscribe(wildcard(SymbolSpec)),
            Subscribe(wildcard(Tick)),
            Subscribe(wildcard(OrderIntent)),
        )

    def on_start(self, now: int) -> Sequence[Effect]:
        """Put this incarnation on record. It says hello, and judges intents, when that is stored."""
        if self.state.epoch > self.incarnation:
            return self._supersede(self.state.epoch)
        to_go = self.state.to_go_us(self.config.limits, now)
        wait: list[Effect] = [SetTimer("recovered", now + to_go)] if to_go > 0 else []
        return [self._announcement(), *self._arm(), *wait]

    def on_stored(self, message: StoredIn, now: int) -> Sequence[Effect]:
        """The start is on record; or it is not, and is repeated: nothing is cleared without it."""
        if self.state.stored:
            return []
        if not message.error:
            self.state.stored = True
            return [Publish(self._hello())]
        if message.error == "timeout":
            return [self._announcement()]
        text = f"the guard's start is not stored ({message.error}), so it clears nothing"
        return [*self._alert("", "not_stored", text, "critical"), SetTimer("announce", now + _SECOND_US)]

    def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
        """Everything that arrives. An event on a subject of another family is a forgery or a bug: never believed."""
        event = message.event
        if isinstance(event, OrderIntent):
            return self._on_intent(event, message, now)
        handler = self._handlers.get(type(event))
        if handler is None or not message.subject.startswith(handler[0]):
            return self._misplaced(message)
        return handler[1](event, now)

    def on_timer(self, message: TimerIn, now: int) -> Sequence[Effect]:
        """A clearance may have died unseen; the start is to be announced again; or the wait after it is over."""
        if message.key == "announce":
            return [] if self.state.stored else [self._announcement()]
        self.state.to_go_us(self.config.limits, now)  # an intent would find it out too, but may be long in coming
        self._release_at = 0
        return self._release(now) if self._link else []

    def on_link(self, message: LinkChanged, now: int) -> Sequence[Effect]:
        """Without a link nothing opens; when it is back, nothing opens before all that it takes is told anew."""
        self._link = message.up
        if not message.up:
            return []
        self._quotes.clear()
        self._connected.clear()
        self._health.forget()
        hello: list[Effect] = [Publish(self._hello())] if self.state.stored else []
        return [*hello, *self._release(now)]

    def on_failure(self, message: Failed, now: int) -> Sequence[Effect]:
        """An intent that could not be judged is refused; what else could not be taken in stops all opens."""
        failed = message.message
        if message.error.startswith("overload"):
            return self.refuse_overflow(failed, now) if isinstance(failed, EventIn) else []
        self._release_at = 0
        if isinstance(failed, EventIn) and isinstance(failed.event, OrderIntent):
            refusal = Refusal("internal", "a guard without a fault", message.error[:_MOST_ID])
            return [*self._refuse_unjudged(failed, refusal), *self._arm()]
        subject = failed.subject if isinstance(failed, EventIn) else type(failed).__name__
        self.state.fault = f"{subject}: {message.error}"[: 2 * _MOST_ID]
        text = f"nothing opens any more until the guard is restarted: {self.state.fault}"
        return [*self._alert("", "bookkeeping", text, "critical"), *self._arm()]

    def refuse_overflow(self, message: EventIn, now: int) -> Sequence[Effect]:
        """Refuse an intent for which the mailbox had no room. Touches no state; nothing for other messages."""
        return self._refuse_unjudged(message, Refusal("overload", "room in the guard's mailbox", "full"))

    def gauges(self) -> dict[str, int]:
        """Counters for the beat."""
        in_flight = len(self.state.exposure.orders)
        return {**self._counts, "in_flight": in_flight, "strays": self._exposure.strays}

    def describe(self) -> str:
        """Whether it judges intents."""
        if self.state.superseded:
            return "superseded"
        return "running" if self.state.stored and self.state.recovering_until < 0 else "recovering"

    # ---- intents

    def _on_intent(self, intent: OrderIntent, message: EventIn, now: int) -> Sequence[Effect]:
        self._counts["intents"] += 1
        if self.state.superseded:
            return []
        pinned = self._who(message.subject)
        if pinned is None:
            return self._misplaced(message)
        case = self._case(intent, *pinned, now)
        refusal = first_refusal(IDENTITY, case)
        if refusal is None and case.number is not None:
            self.state.claimed[case.session] = case.number
            refusal = first_refusal(EVERY, case)
            if refusal is None:
                case.order_class = classify(case)
                refusal = first_refusal(BY_CLASS[case.order_class], case)
                if refusal is None:
                    return self._clear(case)
        return self._refuse(case, refusal or Refusal("internal", "a rule that says why", "none"))

    def _case(self, intent: OrderIntent, account: str, session: str, now: int) -> Case:
        terms, state, config = intent.terms, self.state, self.config
        market = (terms.venue, terms.symbol)
        trading, scope = state.trading(config.state, account, session)
        return Case(
            limits=config.limits,
            terms=terms,
            now=now,
            account=account,
            session=session,
            number=order_number(terms.id, session),
            claimed=state.claimed.get(session, (0, 0)),
            to_go_us=state.to_go_us(config.limits, now),
            trading=trading,
            scope=scope,
            exposure=self._exposure,
            units=units(terms.volume),
            position=self._exposure.position(account, terms.position) if terms.position else None,
            venue=config.accounts.get(account),
            home=config.sessions.get(session, account),
            member=state.members.get(session),
            instrument=self._instruments.get(market),
            quote=self._quotes.get(market),
            connected=self._connected.get(account),
            link=self._link,
            fault=state.fault,
            ailing=self._health.trouble(account, now),
        )

    def _clear(self, case: Case) -> list[Effect]:
        order_class = case.order_class or "open"
        cleared = OrderCleared(terms=case.terms, order_class=order_class, epoch=self.incarnation)
        self._exposure.reserve(case.terms, case.units, close=order_class == "close")
        self._counts["cleared"] += 1
        told = self.state.alerted.get(case.session)
        if told:
            self.state.alerted[case.session] = [rule for rule in told if rule not in PASSED[order_class]]
        return [Publish(cleared, sign=True), *self._arm(case.terms.expires_at)]

    def _refuse(self, case: Case, refusal: Refusal) -> list[Effect]:
        self._counts["refused"] += 1
        order = case.terms.id[:_MOST_ID]
        text = f"session {case.session}: {order} refused by {refusal.rule}: {refusal.actual}, limit {refusal.limit}"
        return [
            Publish(_refused(order, case.account, case.session, refusal, case.order_class)),
            *self._alert(case.session, refusal.rule, text),
        ]

    def _refuse_unjudged(self, message: EventIn, refusal: Refusal) -> list[Effect]:
        """A refusal of an intent that no rule has seen. Touches no state."""
        event, pinned = message.event, pinned_to(message.subject)
        if not isinstance(event, OrderIntent) or pinned is None or self.state.superseded:
            return []
        return [Publish(_refused(event.terms.id[:_MOST_ID], *pinned, refusal, None))]

    def _who(self, subject: str) -> tuple[str, str] | None:
        """Account and session of an intent's subject; None if it is none."""
        if subject not in self._pinned:
            if len(self._pinned) >= _MOST_NAMES:
                self._pinned.clear()
            self._pinned[subject] = pinned_to(subject)
        return self._pinned[subject]

    # ---- what else arrives

    def _on_tick(self, tick: Tick, now: int) -> Sequence[Effect]:
        quote = quote_of(tick, now)
        if quote is not None:
            self._quotes[tick.venue, tick.symbol] = quote
        else:
            self._quotes.pop((tick.venue, tick.symbol), None)
        return ()

    def _on_spec(self, spec: SymbolSpec, now: int) -> Sequence[Effect]:
        instrument = instrument_of(spec)
        if instrument is not None:
            self._instruments[spec.venue, spec.symbol] = instrument
            return ()
        self._instruments.pop((spec.venue, spec.symbol), None)
        return self._alert("", "absurd_spec", f"{spec.symbol} at {spec.venue}: its specification cannot be right")

    def _on_update(self, update: OrderUpdate, now: int) -> Sequence[Effect]:
        self._exposure.apply(update)
        self.state.claim(update)
        return ()

    def _on_account(self, event: AccountState, now: int) -> Sequence[Effect]:
        self._connected[event.account] = event.connected
        return ()

    def _on_health(self, event: HealthState | Beat, now: int) -> Sequence[Effect]:
        self._health.hear(event, now)
        return ()

    def _on_position(self, event: PositionState, now: int) -> Sequence[Effect]:
        self._exposure.foreign(event)
        return ()

    def _on_session(self, event: SessionState, now: int) -> Sequence[Effect]:
        self.state.join(event)
        return ()

    def _on_risk(self, event: RiskState, now: int) -> Sequence[Effect]:
        """A higher epoch is a successor: from here on this guard is silent. Its own echo says nothing new."""
        if event.epoch > self.incarnation:
            return self._supersede(event.epoch)
        if event.epoch == self.incarnation and event.source != self.name:
            self.state.decide(event)
        return ()

    def _supersede(self, epoch: int) -> list[Effect]:
        self.state.superseded = epoch
        text = f"guard {epoch} has taken over from guard {self.incarnation}, which says no more"
        return self._alert("", "superseded", text, "critical")

    def _misplaced(self, message: EventIn) -> list[Effect]:
        self._counts["misplaced"] += 1
        _, session = pinned_to(message.subject) or ("", "")
        text = f"{type(message.event).__name__} on {message.subject[:_MOST_ID]}: not believed"
        return self._alert(session, "misplaced", text, "critical")

    # ---- inside

    def _announcement(self) -> PublishStored:
        state, reason = self.state.floor_state(self.config.state)
        event = RiskState(scope="portfolio", id=FLOOR, state=state, epoch=self.incarnation, reason=reason)
        return PublishStored(event, "announce", f"{self.name}-{self.incarnation}-1")

    def _hello(self) -> Hello:
        return Hello(actor=self.name, role=self.role)

    def _arm(self, expires_at: int = 0) -> list[Effect]:
        """See to it that a clearance that dies unseen is released: this one, or the next of all."""
        expires_at = expires_at or self._exposure.next_expiry()
        at = expires_at + self.config.limits.skew_us + 1
        if not expires_at or 0 < self._release_at <= at:
            return []
        self._release_at = at
        return [SetTimer("release", at)]

    def _release(self, now: int) -> list[Effect]:
        self._counts["released"] += len(self._exposure.release(now, self.config.limits.skew_us))
        return self._arm()

    def _alert(
        self, session: str, code: str, text: str, severity: Literal["warning", "critical"] = "warning"
    ) -> list[Effect]:
        """Tell people once by session and code, until an order of the session passes that rule."""
        alerted = self.state.alerted
        told = alerted.get(session, [])
        if code in told or (not told and len(alerted) >= _MOST_NAMES):
            return []
        alerted[session] = [*told, code]
        values = {"session": session} if session else {}
        return [Publish(Alert(severity=severity, code=code, text=text, actor=self.name, values=values))]


def _refused(order: str, account: str, session: str, refusal: Refusal, order_class: OrderClass | None) -> OrderRefused:
    return OrderRefused(
        order=order,
        account=account,
        session=session,
        rule=refusal.rule,
        limit=refusal.limit,
        actual=refusal.actual,
        order_class=order_class,
    )
