"""What the router says to gateways, and what it makes of their answers.

Owns the three questions (`epoch`, `submit`, `lookup`) and the phases of a live order between them. An order is
submitted at most once, and only to a gateway that has confirmed this router's epoch; from the first doubt on it is only
looked up.
"""

from __future__ import annotations

from collections.abc import Collection

from actors.effects import Request, SetTimer
from actors.life_cycle import Step, advance
from actors.order_ledger import Ledger
from actors.router_state import Live
from schemas.order import ENDED, OrderState, VenueAnswer, VenueOrder

__all__ = ["Gateways"]

_UNSETTLED = frozenset({OrderState.SUBMITTING, OrderState.UNKNOWN})


class Gateways:
    """Works on the ledger's state and puts its effects behind the ledger's."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.state = ledger.state
        self.config = ledger.config
        self.incarnation = ledger.incarnation

    def submit(self, live: Live, now: int) -> None:
        """Written ahead; now to the gateway, once, if it knows our epoch and there is still time."""
        update, terms = live.update, live.update.terms
        if live.refused:
            live.phase = "venue"
            self.ledger.push(live, advance(update, Step.REJECT, reason=live.refused))
        elif now > terms.expires_at:
            live.phase = "venue"
            self.ledger.push(live, advance(update, Step.EXPIRE, reason="expired before it was submitted"))
        elif not self.state.gates[terms.account].ready:
            live.phase = "gate"
            self.ledger.out.append(SetTimer(f"gate {terms.id}", terms.expires_at + 1))
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
            self.ledger.out.append(Request(request, f"submit {terms.id}", self.config.request_timeout_us))

    def announce(self, account: str) -> None:
        """Tell the gateway this router's epoch: from then on it refuses older routers."""
        request = VenueOrder(account=account, action="epoch", epoch=self.incarnation)
        self.ledger.out.append(Request(request, f"epoch {account}", self.config.request_timeout_us))

    def announced(self, account: str, answer: VenueAnswer | None, error: str, now: int) -> None:
        """It knows it: what waited goes on. Or it does not: again, a little later."""
        gate = self.state.gates[account]
        if answer is None or not answer.known:
            if self.config.sim and error == "timeout":
                self.announce(account)
            else:
                self.ledger.out.append(SetTimer(f"epoch {account}", now + self.config.retry_us))
            return
        gate.ready = True
        self.state.guard_epoch = max(self.state.guard_epoch, answer.guard_epoch)
        for live in list(self.state.orders.values()):
            if live.update.account != account:
                continue
            if live.phase == "gate":
                self.submit(live, now)
            elif live.phase == "lookup":
                self.lookup(live)

    def lookup(self, live: Live) -> None:
        """Ask what became of it. Waits for the gateway to know our epoch: an older router's submit must be void."""
        update, gate = live.update, self.state.gates.get(live.update.account)
        if live.asking or update.state in ENDED or gate is None or not gate.ready:
            return
        live.asking = True
        request = VenueOrder(
            cause=update.order, account=update.account, action="lookup", epoch=self.incarnation, order=update.order
        )
        self.ledger.out.append(Request(request, f"lookup {update.order}", self.config.request_timeout_us))

    def answered(self, live: Live, answer: VenueAnswer, now: int) -> None:
        """What the gateway says of an order, asked by `submit` or `lookup`."""
        self.state.guard_epoch = max(self.state.guard_epoch, answer.guard_epoch)
        for report in answer.reports:
            self.ledger.report(report)
        update = live.update
        if update.state in ENDED:
            return
        if answer.known:
            live.phase = "venue"
            if update.state in _UNSETTLED:
                self.ledger.push(live, advance(update, Step.ACCEPT))
        elif answer.refused:
            if update.state not in _UNSETTLED:
                self.ledger.alert(
                    "critical", "venue_forgot", f"order {update.order} was accepted, now: {answer.refused}"
                )
            live.phase = "venue"
            self.ledger.push(live, advance(update, Step.REJECT, reason=answer.refused))
        elif now > update.terms.expires_at + self.config.skew_us:
            live.phase = "venue"
            self.ledger.push(live, advance(update, Step.EXPIRE, reason="never reached the venue"))
        else:
            self.lost(live, "the gateway does not know it yet", now)

    def lost(self, live: Live, error: str, now: int) -> None:
        """No answer: from now on its fate is only asked for. In simulated time a timeout has waited long enough."""
        if live.update.state in ENDED:
            return
        live.phase = "lookup"
        if live.update.state == OrderState.SUBMITTING:
            self.ledger.push(live, advance(live.update, Step.LOSE, reason=error))
        if self.config.sim and error == "timeout":
            self.lookup(live)
        else:
            self.ledger.out.append(SetTimer(f"lookup {live.update.order}", now + self.config.retry_us))

    def doubt_all(self, accounts: Collection[str]) -> None:
        """Reports may have been missed: ask for every order that the venue has or may have."""
        for live in self.state.orders.values():
            if live.update.account in accounts and live.phase == "venue" and live.update.state not in ENDED:
                live.phase = "lookup"
