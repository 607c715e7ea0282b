"""The router: the life cycle of every order between the guard and the gateways.

Owns the order's state from the clearance on, and is the only writer of `order.update`. Consumes: `order.cleared`,
`venue.report`, `order.update` (what another router wrote), `risk.state`, `hello`. Asks: `venue.order`. Publishes:
`order.update` (stored), `order.sync`, `alert`, `hello`. The protocol and every crash point are in `docs/orders.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from actors.actor import Actor, Subscribe
from actors.effects import (
    Effect,
    EventIn,
    Failed,
    LinkChanged,
    Publish,
    PublishStored,
    ReplyIn,
    Request,
    SetTimer,
    StoredIn,
    TimerIn,
)
from actors.life_cycle import Advanced, Illegal, Step, advance, fold, overfilled
from actors.router_state import Ended, Gate, Live, RouterConfig, RouterState, config_from, forget, recover
from schemas.clearance import verify
from schemas.command import RiskState
from schemas.health import Alert, Hello
from schemas.order import (
    ENDED,
    OrderCleared,
    OrderState,
    OrderSync,
    OrderUpdate,
    VenueAnswer,
    VenueOrder,
    VenueReport,
)
from schemas.registry import subject_of
from schemas.token import token

__all__ = ["Router", "RouterConfig", "RouterState", "config_from", "recover"]

_UNSETTLED = frozenset({OrderState.SUBMITTING, OrderState.UNKNOWN})
_QUARANTINE = 1_000


class Router(Actor):
    """See the module."""

    role: ClassVar[str] = "router"

    def __init__(self, name: str, incarnation: int, config: RouterConfig, state: RouterState | None = None) -> None:
        super().__init__(name, incarnation)
        self.config = config
        self.state = state if state is not None else recover(config, ())
        self._out: list[Effect] = []

    # ---- handlers

    def subscriptions(self) -> Sequence[Subscribe]:
        """Clearances wait behind what the venue says; what is stored is caught up with after a lost link."""
        return (
            Subscribe("venue.report.>", lane="control", stream="ORDERS"),
            Subscribe("order.update.>", lane="control", stream="ORDERS"),
            Subscribe("risk.state.>", lane="control", stream="ORDERS"),
            Subscribe("hello.>", lane="control"),
            Subscribe("order.cleared.>"),
        )

    def on_start(self, now: int) -> Sequence[Effect]:
        """Say hello, fold what the stream holds and no update reflects, and announce the epoch to every gateway."""
        self._hello()
        if self.state.quarantine:
            self._alert("warning", "quarantine", f"{len(self.state.quarantine)} reports in ORDERS fit no order")
        reports, self.state.unfolded = self.state.unfolded, []
        for report in reports:
            self._report(report)
        for account in self.config.accounts:
            self._announce(account)
        return self._done()

    def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
        """Whatever is not on its own subject is forged: the server pins subjects to identities, not contents."""
        event = message.event
        if self.state.superseded:
            return ()
        try:
            genuine = subject_of(event) == message.subject
        except (KeyError, ValueError):
            genuine = False
        if not genuine:
            self._forged(f"{message.subject}: {type(event).__name__} does not belong there")
        elif isinstance(event, OrderCleared):
            self._cleared(event, now)
        elif isinstance(event, VenueReport):
            self._report(event)
        elif isinstance(event, OrderUpdate):
            self._foreign(event, now)
        elif isinstance(event, RiskState):
            self.state.guard_epoch = max(self.state.guard_epoch, event.epoch)
        elif isinstance(event, Hello):
            self._greeted(event)
        return self._done()

    def on_stored(self, message: StoredIn, now: int) -> Sequence[Effect]:
        """An update is in the stream, or is not: then the same one again, with the same message id."""
        live = self.state.orders.get(_order_of(message.key))
        if live is None or not live.outbox or self.state.superseded or message.key != _stored_key(live.outbox[0]):
            return ()
        if not message.error:
            self.state.store_error = ""
            self._acked(live, now)
        elif message.error == "wrong_sequence":
            self._second_writer(live, now)
        else:
            live.doubted = True
            if message.error == "timeout":
                self._store(live)
            else:
                if self.state.store_error != message.error:
                    self.state.store_error = message.error
                    self._alert("critical", "orders_not_stored", f"ORDERS does not take updates: {message.error}")
                self._out.append(SetTimer(f"store {live.update.order}", now + self.config.retry_us))
        return self._done()

    def on_reply(self, message: ReplyIn, now: int) -> Sequence[Effect]:
        """A gateway answered, or did not."""
        kind, _, name = message.key.partition(" ")
        answer = message.event if not message.error and isinstance(message.event, VenueAnswer) else None
        if self.state.superseded:
            return ()
        if answer is not None and answer.router_epoch > self.incarnation:
            self._supersede(f"the gateway knows router epoch {answer.router_epoch}")
        elif kind == "epoch":
            self._announced(name, answer, message.error, now)
        elif (live := self.state.orders.get(name)) is not None:
            if kind == "lookup":
                live.asking = False
            if answer is not None and answer.order == name:
                self._answered(live, answer, now)
            else:
                self._lost(live, message.error or "not an answer", now)
        return self._done()

    def on_timer(self, message: TimerIn, now: int) -> Sequence[Effect]:
        """Something is due again."""
        kind, _, name = message.key.partition(" ")
        live = self.state.orders.get(name)
        if self.state.superseded:
            return ()
        if kind == "epoch" and (gate := self.state.gates.get(name)) is not None and not gate.ready:
            self._announce(name)
        elif live is None:
            return ()
        elif kind == "store" and live.outbox:
            self._store(live)
        elif kind == "gate" and live.phase == "gate":
            self._submit(live, now)
        elif kind == "lookup" and live.phase == "lookup":
            self._lookup(live)
        return self._done()

    def on_link(self, message: LinkChanged, now: int) -> Sequence[Effect]:
        """Without a link no gateway is ready. With one again: hello, epochs, then every open order is asked for."""
        if self.state.superseded:
            return ()
        if message.up:
            self._hello()
        for account, gate in self.state.gates.items():
            gate.ready = False
            if message.up:
                self._announce(account)
        if message.up:
            self._doubt_all(self.config.accounts)
        return self._done()

    def on_failure(self, message: Failed, now: int) -> Sequence[Effect]:
        """A handler raised: what it was doing to its order is not known, so the order's fate is asked for."""
        self._out.clear()
        inner = message.message
        if isinstance(inner, EventIn):
            event = inner.event
            name = event.order if isinstance(event, VenueReport) else ""
        else:
            name = "" if isinstance(inner, LinkChanged) else _order_of(inner.key)
        live = self.state.orders.get(name)
        if live is not None and not self.state.superseded:
            live.asking = False
            self._lost(live, f"the router failed: {message.error}", now)
        return self._done()

    def gauges(self) -> dict[str, int]:
        """Counters for the beat."""
        state = self.state
        return {
            "open_orders": len(state.orders),
            "unknown": sum(live.update.state == OrderState.UNKNOWN for live in state.orders.values()),
            "ended": len(state.ended) + len(state.forgotten),
            "quarantine": len(state.quarantine),
            "duplicates": state.duplicates,
            "forged": state.forged,
        }

    def describe(self) -> str:
        """Whether it works, waits for a gateway, or has been replaced."""
        if self.state.superseded:
            return "superseded"
        return "running" if all(gate.ready for gate in self.state.gates.values()) else "waiting"

    # ---- clearances

    def _cleared(self, cleared: OrderCleared, now: int) -> None:
        terms, state = cleared.terms, self.state
        if not terms.id or not verify(
            self.config.guard_public, cleared.signature, terms, cleared.order_class, cleared.epoch
        ):
            self._forged(f"order {terms.id}: the clearance is not signed by the guard")
            return
        if terms.id in state.orders or terms.id in state.ended or terms.id in state.forgotten:
            state.duplicates += 1
            return
        update = OrderUpdate(
            cause=terms.id,
            account=terms.account,
            session=terms.session,
            order=terms.id,
            state=OrderState.CLEARED,
            revision=0,
            terms=terms,
            order_class=cleared.order_class,
        )
        if cleared.epoch < state.guard_epoch:
            after = advance(update, Step.REJECT, reason=f"cleared by guard {cleared.epoch}, now {state.guard_epoch}")
        elif terms.account not in state.gates:
            after = advance(update, Step.REJECT, reason=f"no gateway for account {terms.account}")
        elif now > terms.expires_at:
            after = advance(update, Step.EXPIRE, reason="expired before it reached the router")
        else:
            after = advance(update, Step.SUBMIT)
        state.guard_epoch = max(state.guard_epoch, cleared.epoch)
        live = Live(update=update, phase="store", guard_epoch=cleared.epoch, signature=cleared.signature)
        state.orders[terms.id] = live
        self._push(live, after)

    def _acked(self, live: Live, now: int, *, submit: bool = True) -> None:
        """The oldest waiting update is in the stream."""
        del live.outbox[0]
        if live.outbox:
            self._store(live)
        elif live.update.state in ENDED:
            del self.state.orders[live.update.order]
            self.state.ended[live.update.order] = Ended(live.update, live.reports)
            forget(self.state, self.config.keep_ended)
        elif submit and live.phase == "store":
            self._submit(live, now)

    def _submit(self, live: Live, now: int) -> None:
        """Written ahead; now to the gateway, once, if it knows our epoch and there is still time."""
        update, terms = live.update, live.update.terms
        if now > terms.expires_at:
            live.phase = "venue"
            self._push(live, advance(update, Step.EXPIRE, reason="expired before it was submitted"))
        elif not self.state.gates[terms.account].ready:
            live.phase = "gate"
            self._out.append(SetTimer(f"gate {terms.id}", terms.expires_at + 1))
        else:
            live.phase = "asked"
            request = VenueOrder(
                cause=terms.id,
                account=terms.account,
                action="submit",
                epoch=self.incarnation,
                order=terms.id,
                terms=terms,
                order_class=update.order_class,
                guard_epoch=live.guard_epoch,
                signature=live.signature,
            )
            self._out.append(Request(request, f"submit {terms.id}", self.config.request_timeout_us))

    # ---- what gateways say

    def _announce(self, account: str) -> None:
        request = VenueOrder(account=account, action="epoch", epoch=self.incarnation)
        self._out.append(Request(request, f"epoch {account}", self.config.request_timeout_us))

    def _announced(self, account: str, answer: VenueAnswer | None, error: str, now: int) -> None:
        gate = self.state.gates[account]
        if answer is None or answer.refused:
            if self.config.sim and error == "timeout":
                self._announce(account)
            else:
                self._out.append(SetTimer(f"epoch {account}", now + self.config.retry_us))
            return
        gate.ready = True
        self.state.guard_epoch = max(self.state.guard_epoch, answer.guard_epoch)
        for live in list(self.state.orders.values()):
            if live.update.account != account:
                continue
            if live.phase == "gate":
                self._submit(live, now)
            elif live.phase == "lookup":
                self._lookup(live)

    def _lookup(self, live: Live) -> None:
        """Ask what became of it. Waits for the gateway to know our epoch: an older router's submit must be void."""
        update = live.update
        if live.asking or update.state in ENDED or not self.state.gates[update.account].ready:
            return
        live.asking = True
        request = VenueOrder(
            cause=update.order, account=update.account, action="lookup", epoch=self.incarnation, order=update.order
        )
        self._out.append(Request(request, f"lookup {update.order}", self.config.request_timeout_us))

    def _answered(self, live: Live, answer: VenueAnswer, now: int) -> None:
        self.state.guard_epoch = max(self.state.guard_epoch, answer.guard_epoch)
        for report in answer.reports:
            self._report(report)
        update = live.update
        if update.state in ENDED:
            return
        if answer.known:
            live.phase = "venue"
            if update.state in _UNSETTLED:
                self._push(live, advance(update, Step.ACCEPT))
        elif answer.refused:
            if update.state not in _UNSETTLED:
                self._alert("critical", "venue_forgot", f"order {update.order} was accepted, now: {answer.refused}")
            live.phase = "venue"
            self._push(live, advance(update, Step.REJECT, reason=answer.refused))
        elif now > update.terms.expires_at + self.config.skew_us:
            live.phase = "venue"
            self._push(live, advance(update, Step.EXPIRE, reason="never reached the venue"))
        else:
            self._lost(live, "the gateway does not know it yet", now)

    def _lost(self, live: Live, error: str, now: int) -> None:
        """No answer: from now on its fate is only asked for. In simulated time a timeout has waited long enough."""
        if live.update.state in ENDED:
            return
        live.phase = "lookup"
        if live.update.state == OrderState.SUBMITTING:
            self._push(live, advance(live.update, Step.LOSE, reason=error))
        if self.config.sim and error == "timeout":
            self._lookup(live)
        else:
            self._out.append(SetTimer(f"lookup {live.update.order}", now + self.config.retry_us))

    def _doubt_all(self, accounts: Sequence[str]) -> None:
        """Reports may have been missed: ask for every order that the venue has or may have."""
        for live in self.state.orders.values():
            if live.update.account in accounts and live.phase == "venue" and live.update.state not in ENDED:
                live.phase = "lookup"

    def _report(self, report: VenueReport) -> None:
        """Fold it in once, whatever it arrives by and however often."""
        live = self.state.orders.get(report.order)
        ended = self.state.ended.get(report.order)
        if report.report in (live.reports if live is not None else ended.reports if ended is not None else ()):
            return
        if live is None or live.update.account != report.account or live.update.session != report.session:
            self._quarantine(report, "fits no open order")
            return
        after = fold(live.update, report)
        if isinstance(after, Illegal):
            self._quarantine(report, after.reason)
            return
        live.reports.append(report.report)
        live.phase = "venue"
        self._push(live, after)
        if overfilled(after):
            text = f"order {after.order}: filled {after.filled} of {after.terms.volume}"
            self._alert("critical", "overfill", text)

    def _quarantine(self, report: VenueReport, reason: str) -> None:
        if all(report.report != known.report for known in self.state.quarantine):
            self.state.quarantine.append(report)
            del self.state.quarantine[:-_QUARANTINE]
            self._alert("critical", "quarantine", f"report {report.report} on order {report.order}: {reason}")

    # ---- others

    def _greeted(self, hello: Hello) -> None:
        if hello.actor == self.name and hello.incarnation > self.incarnation:
            self._supersede(f"router {hello.incarnation} has started")
        elif hello.account in self.state.gates and hello.actor == f"gateway-{hello.account}":
            self.state.gates[hello.account].ready = False
            self._doubt_all((hello.account,))
            self._announce(hello.account)
        elif hello.account and hello.session and hello.actor == f"session-{hello.session}":
            self._sync(hello)

    def _sync(self, hello: Hello) -> None:
        """The last word on every open order of the session, and on those it asks for."""
        updates = [live.update for live in self.state.orders.values() if live.update.session == hello.session]
        known = {update.order for update in updates}
        unseen = []
        for order in hello.open_orders:
            ended = self.state.ended.get(order)
            if ended is not None and ended.update.session == hello.session:
                updates.append(ended.update)
            elif order not in known and order not in self.state.forgotten and order not in self.state.orders:
                unseen.append(order)
        sync = OrderSync(account=hello.account, session=hello.session, updates=tuple(updates), unseen=tuple(unseen))
        self._out.append(Publish(sync))

    def _foreign(self, update: OrderUpdate, now: int) -> None:
        """An update in the stream that this router did not write: an older one was not quite dead, or we are."""
        if update.incarnation == self.incarnation:
            return
        if update.incarnation > self.incarnation:
            self._supersede(f"router {update.incarnation} writes updates")
            return
        live = self.state.orders.get(update.order)
        if live is not None:
            if not live.outbox and update.revision > live.update.revision:
                live.update = msgspec.structs.replace(live.update, revision=update.revision)
        elif update.order not in self.state.ended and update.order not in self.state.forgotten:
            seen = [update.report] if update.report else []
            if update.state in ENDED:
                self.state.ended[update.order] = Ended(update, seen)
                return
            self._alert("warning", "adopted", f"order {update.order} was written by router {update.incarnation}")
            live = Live(update=update, phase="lookup", reports=seen)
            self.state.orders[update.order] = live
            self._lookup(live)

    def _second_writer(self, live: Live, now: int) -> None:
        """The stream refused an update because another one is the order's last."""
        order = live.update.order
        if live.outbox[0].revision > 1:
            self._supersede(f"another router has written order {order}")
        elif live.doubted:
            # Our own first try may be what is stored, its ack lost for longer than the stream remembers message ids.
            # Never submitted by us, so asking is safe whoever wrote it.
            self._acked(live, now, submit=False)
            self._lost(live, "not certain who wrote it first", now)
        else:
            del self.state.orders[order]
            self._alert("critical", "second_writer", f"order {order} is already in ORDERS: dropped here")

    def _supersede(self, reason: str) -> None:
        """There is a newer router: say so and do nothing any more."""
        self.state.superseded = True
        self._out.clear()
        self._alert("critical", "superseded", f"router {self.incarnation} stops: {reason}")

    # ---- effects

    def _push(self, live: Live, after: Advanced) -> None:
        """Take the next update and send it to the stream when those before it are there."""
        if isinstance(after, Illegal):
            self._alert("critical", "illegal_step", f"order {live.update.order}: {after.reason}")
            return
        live.update = after
        live.outbox.append(after)
        if len(live.outbox) == 1:
            self._store(live)

    def _store(self, live: Live) -> None:
        update = live.outbox[0]
        msg_id = f"{token(update.order)}/{update.revision}/{self.incarnation}"
        self._out.append(PublishStored(update, _stored_key(update), msg_id, first=update.revision == 1))

    def _hello(self) -> None:
        self._out.append(Publish(Hello(actor=self.name, role=self.role)))

    def _forged(self, text: str) -> None:
        self.state.forged += 1
        self._alert("critical", "forged", text)

    def _alert(self, severity: str, code: str, text: str) -> None:
        self._out.append(Publish(Alert(severity=severity, code=code, text=text, actor=self.name)))  # type: ignore[arg-type]

    def _done(self) -> list[Effect]:
        effects, self._out = self._out, []
        return effects


def _stored_key(update: OrderUpdate) -> str:
    return f"update/{update.revision} {update.order}"


def _order_of(key: str) -> str:
    """The order in a key: `update/<revision> <order>`, `submit <order>`, `lookup <order>`."""
    return key.partition(" ")[2]
