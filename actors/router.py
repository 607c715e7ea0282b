"""The router: the life cycle of every order between the guard and the gateways.

Owns the order's state from the clearance on, and is the only writer of `order.update`. Consumes: `order.cleared`,
`venue.report`, `order.update` (what another router wrote), `risk.state`, `hello`. Asks: `venue.order`. Publishes:
`order.update` (stored), `order.sync`, `alert`, `hello`. The protocol and every crash point are in `docs/orders.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from actors.actor import Actor, Subscribe
from actors.effects import (
    Effect,
    EventIn,
    Failed,
    LinkChanged,
    Publish,
    ReplyIn,
    SetTimer,
    StoredIn,
    TimerIn,
)
from actors.gateways import Gateways
from actors.life_cycle import Step, advance
from actors.order_ledger import Ledger, stored_key
from actors.router_state import Live, RouterConfig, RouterState, config_from, recover
from schemas.clearance import verify
from schemas.command import RiskState
from schemas.health import Hello
from schemas.order import (
    OrderCleared,
    OrderState,
    OrderUpdate,
    VenueAnswer,
    VenueReport,
)
from schemas.registry import subject_of

__all__ = ["Router", "RouterConfig", "RouterState", "config_from", "recover"]

_UNSETTLED = frozenset({OrderState.SUBMITTING, OrderState.UNKNOWN})


class Router(Actor):
    """See the module."""

    role: ClassVar[str] = "router"

    def __init__(self, name: str, incarnation: int, config: RouterConfig, state: RouterState | None = None) -> None:
        super().__init__(name, incarnation)
        self.config = config
        self.state = state if state is not None else recover(config, ())
        self.ledger = Ledger(name, incarnation, config, self.state)
        self.gateways = Gateways(self.ledger)

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
            self.ledger.alert("warning", "quarantine", f"{len(self.state.quarantine)} reports in ORDERS fit no order")
        reports, self.state.unfolded = self.state.unfolded, []
        for report in reports:
            self.ledger.report(report)
        homeless = [name for name, live in self.state.orders.items() if live.update.account not in self.state.gates]
        if homeless:
            self.ledger.alert("critical", "no_gateway", f"orders of accounts without a gateway: {', '.join(homeless)}")
        for account in self.config.accounts:
            self.gateways.announce(account)
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
            self.ledger.report(event)
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
        if live is None or not live.outbox or self.state.superseded or message.key != stored_key(live.outbox[0]):
            return ()
        if not message.error:
            self.state.store_error = ""
            if self.ledger.stored(live) and live.phase == "store":
                self.gateways.submit(live, now)
        elif message.error == "wrong_sequence":
            self._second_writer(live, now)
        elif message.error == "timeout":
            self.ledger.send(live)
        else:
            if self.state.store_error != message.error:
                self.state.store_error = message.error
                self.ledger.alert("critical", "orders_not_stored", f"ORDERS does not take updates: {message.error}")
            self.ledger.out.append(SetTimer(f"store {live.update.order}", now + self.config.retry_us))
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
            self.gateways.announced(name, answer, message.error, now)
        elif (live := self.state.orders.get(name)) is not None:
            if kind == "lookup":
                live.asking = False
            if answer is not None and answer.order == name:
                self.gateways.answered(live, answer, now)
            else:
                self.gateways.lost(live, message.error or "not an answer", now)
        return self._done()

    def on_timer(self, message: TimerIn, now: int) -> Sequence[Effect]:
        """Something is due again."""
        kind, _, name = message.key.partition(" ")
        live = self.state.orders.get(name)
        if self.state.superseded:
            return ()
        if kind == "epoch" and (gate := self.state.gates.get(name)) is not None and not gate.ready:
            self.gateways.announce(name)
        elif live is None:
            return ()
        elif kind == "store" and live.outbox:
            self.ledger.send(live)
        elif kind == "gate" and live.phase == "gate":
            self.gateways.submit(live, now)
        elif kind == "lookup" and live.phase == "lookup":
            self.gateways.lookup(live)
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
                self.gateways.announce(account)
        if message.up:
            self.gateways.doubt_all(self.config.accounts)
        return self._done()

    def on_failure(self, message: Failed, now: int) -> Sequence[Effect]:
        """A handler raised: what it was doing to its order is not known, so the order's fate is asked for."""
        self.ledger.out.clear()
        inner = message.message
        if isinstance(inner, EventIn):
            event = inner.event
            name = event.order if isinstance(event, VenueReport) else ""
            name = event.terms.id if isinstance(event, OrderCleared) else name
        else:
            name = "" if isinstance(inner, LinkChanged) else _order_of(inner.key)
        live = self.state.orders.get(name)
        if live is not None and not self.state.superseded:
            live.asking = False
            if live.outbox:
                self.ledger.send(live)
            self.gateways.lost(live, f"the router failed: {message.error}", now)
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
        if self.ledger.known(terms.id):
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
        live = Live(update=update, phase="store", guard_epoch=cleared.epoch, signature=cleared.signature)
        if cleared.epoch < state.guard_epoch:
            live.refused = f"cleared by guard {cleared.epoch}, now {state.guard_epoch}"
        elif terms.account not in state.gates:
            live.refused = f"no gateway for account {terms.account}"
        state.guard_epoch = max(state.guard_epoch, cleared.epoch)
        state.orders[terms.id] = live
        # Even one that will only be turned down: the first message on its subject says whose order it is, and readers
        # hear of it before the stream has taken it, so it must not be an end.
        self.ledger.push(live, advance(update, Step.SUBMIT))

    # ---- others

    def _greeted(self, hello: Hello) -> None:
        if hello.actor == self.name and hello.incarnation > self.incarnation:
            self._supersede(f"router {hello.incarnation} has started")
        elif hello.account in self.state.gates and hello.actor == f"gateway-{hello.account}":
            self.state.gates[hello.account].ready = False
            self.gateways.doubt_all((hello.account,))
            self.gateways.announce(hello.account)
        elif hello.account and hello.session and hello.actor == f"session-{hello.session}":
            self.ledger.sync(hello)

    def _foreign(self, update: OrderUpdate, now: int) -> None:
        """An update in the stream that this router did not write: an older one was not quite dead, or we are."""
        if update.incarnation == self.incarnation:
            return
        if update.incarnation > self.incarnation:
            self._supersede(f"router {update.incarnation} writes updates")
            return
        live = self.ledger.adopt(update)
        if live is not None:
            self.gateways.lookup(live)

    def _second_writer(self, live: Live, now: int) -> None:
        """The stream refused an update because another one is the order's last."""
        order = live.update.order
        if live.outbox[0].revision > 1:
            self._supersede(f"another router has written order {order}")
            return
        # An older router has it, or a newer one (then the gateway refuses our question), or it is our own first try,
        # its ack lost for longer than the stream remembers message ids. We never submitted it: asking is always safe.
        self.ledger.alert("critical", "second_writer", f"order {order} is already in ORDERS: not submitted from here")
        self.ledger.stored(live)
        if live.update.account in self.state.gates:
            self.gateways.lost(live, "somebody else wrote it first", now)
        else:
            del self.state.orders[order]

    def _supersede(self, reason: str) -> None:
        """There is a newer router: say so and do nothing any more."""
        self.state.superseded = True
        self.ledger.out.clear()
        self.ledger.alert("critical", "superseded", f"router {self.incarnation} stops: {reason}")

    # ---- effects

    def _hello(self) -> None:
        self.ledger.out.append(Publish(Hello(actor=self.name, role=self.role)))

    def _forged(self, text: str) -> None:
        self.state.forged += 1
        self.ledger.alert("critical", "forged", text)

    def _done(self) -> list[Effect]:
        effects, self.ledger.out = self.ledger.out, []
        return effects


def _order_of(key: str) -> str:
    """The order in a key: `update/<revision> <order>`, `submit <order>`, `lookup <order>`."""
    return key.partition(" ")[2]
