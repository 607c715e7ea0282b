"""The router's ledger: what it says about orders, and what the venue said about them.

Owns the writing of updates (one order's in the order of their revisions, each the same again until the stream has it),
the folding of reports (once each, whatever they arrive by), the quarantine of those that fit nothing, and the answer to
a session that asks. Effects are collected in `out`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.effects import Effect, Publish, PublishStored
from actors.life_cycle import Advanced, Illegal, fold, overfilled
from actors.router_state import Ended, Live, RouterConfig, RouterState, forget
from schemas.health import Alert, Hello
from schemas.order import ENDED, OrderSync, OrderUpdate, VenueReport
from schemas.token import token

__all__ = ["Ledger", "stored_key"]

_QUARANTINE = 1_000


class Ledger:
    """Works on the router's state; `out` is emptied by the router after each message."""

    def __init__(self, name: str, incarnation: int, config: RouterConfig, state: RouterState) -> None:
        self.name = name
        self.incarnation = incarnation
        self.config = config
        self.state = state
        self.out: list[Effect] = []

    def alert(self, severity: Literal["info", "warning", "critical"], code: str, text: str) -> None:
        """Tell people."""
        self.out.append(Publish(Alert(severity=severity, code=code, text=text, actor=self.name)))

    # ---- updates

    def push(self, live: Live, after: Advanced) -> None:
        """Take the next update, and send it when those before it are stored."""
        if isinstance(after, Illegal):
            self.alert("critical", "illegal_step", f"order {live.update.order}: {after.reason}")
            return
        live.update = after
        live.outbox.append(after)
        if len(live.outbox) == 1:
            self.send(live)

    def send(self, live: Live) -> None:
        """The oldest update that the stream has not acknowledged.

        The message id is the same for each try, so a try that did arrive makes the next one a duplicate. It names this
        router's incarnation: another router's update must not be taken for ours, it must collide with it.
        """
        update = live.outbox[0]
        msg_id = f"{token(update.order)}/{update.revision}/{self.incarnation}"
        self.out.append(PublishStored(update, stored_key(update), msg_id, first=update.revision == 1))

    def stored(self, live: Live) -> bool:
        """The oldest update is done with. True when no other is waiting and the order goes on."""
        del live.outbox[0]
        if live.outbox:
            self.send(live)
        elif live.update.state in ENDED:
            del self.state.orders[live.update.order]
            self.state.ended[live.update.order] = Ended(live.update, live.reports)
            forget(self.state, self.config.keep_ended)
        else:
            return True
        return False

    def known(self, order: str) -> bool:
        """Whether it was ever seen."""
        return order in self.state.orders or order in self.state.ended or order in self.state.forgotten

    def adopt(self, update: OrderUpdate) -> Live | None:
        """An older router's update of an order: the live order if it was not known here and someone must see to it."""
        live = self.state.orders.get(update.order)
        if live is not None:
            if not live.outbox and update.revision > live.update.revision:
                live.update = msgspec.structs.replace(live.update, revision=update.revision)
        elif not self.known(update.order):
            reports = [update.report] if update.report else []
            if update.state in ENDED:
                self.state.ended[update.order] = Ended(update, reports)
                return None
            self.alert("warning", "adopted", f"order {update.order} was written by router {update.incarnation}")
            live = Live(update=update, phase="lookup", reports=reports)
            self.state.orders[update.order] = live
            return live
        return None

    # ---- reports

    def report(self, report: VenueReport) -> None:
        """Fold it in, once, whatever it arrives by and however often.

        More than was ordered is booked as well: it is what the venue did. On an ended order nothing is: readers no
        longer listen, so the report stays in quarantine (and in the stream) for a person.
        """
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
        self.push(live, after)
        if overfilled(after):
            self.alert("critical", "overfill", f"order {after.order}: filled {after.filled} of {after.terms.volume}")

    def _quarantine(self, report: VenueReport, reason: str) -> None:
        if all(report.report != known.report for known in self.state.quarantine):
            self.state.quarantine.append(report)
            del self.state.quarantine[:-_QUARANTINE]
            self.alert("critical", "quarantine", f"report {report.report} on order {report.order}: {reason}")

    # ---- sessions

    def sync(self, hello: Hello) -> None:
        """The last word on every open order of a session, and on those it asks for. This router stands for all."""
        updates = [live.update for live in self.state.orders.values() if live.update.session == hello.session]
        for order in hello.open_orders:
            ended = self.state.ended.get(order)
            if ended is not None and ended.update.session == hello.session:
                updates.append(ended.update)
        unseen = tuple(order for order in hello.open_orders if not self.known(order))
        envelope = {"source": self.name, "incarnation": self.incarnation}
        signed = tuple(msgspec.structs.replace(update, **envelope) for update in updates)
        sync = OrderSync(account=hello.account, session=hello.session, updates=signed, unseen=unseen)
        self.out.append(Publish(sync))


def stored_key(update: OrderUpdate) -> str:
    """The key of an update's ack: `update/<revision> <order>`."""
    return f"update/{update.revision} {update.order}"
