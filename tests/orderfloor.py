"""The order path under fire: what may happen to it, calm afterwards, and the checker.

`OrderFloor.run` lets a string of bytes decide (see `harness`), then lets everything come to rest; `check` compares the
venue's book, the stream and the actors' own state: no order executed twice, none lost, all books equal.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness import ACCOUNT, KEY, SPEC, START, Choices, Floor

from actors.effects import TimerIn
from actors.life_cycle import supersedes, units
from actors.paper import Paper, load
from actors.router import Router
from schemas.clearance import sign
from schemas.codec import decode
from schemas.command import RiskState
from schemas.market import Tick
from schemas.order import ENDED, Deal, OrderClass, OrderCleared, OrderState, OrderTerms, OrderUpdate, Side, VenueReport

__all__ = ["OrderFloor", "cleared", "terms"]

_EXPECTED = {"superseded", "second_writer", "adopted", "orders_not_stored", "reports_not_stored"}
"""Alerts that the faults themselves call for; any other is a failure."""


def terms(
    order: str = "s1-1-1",
    *,
    side: Side = "buy",
    volume: float = 0.1,
    position: int = 0,
    at: int = START,
    expires_at: int = START + 3_000_000,
    session: str = "s1",
) -> OrderTerms:
    """A market order."""
    return OrderTerms(
        id=order,
        account=ACCOUNT,
        session=session,
        strategy="test",
        venue="paper",
        symbol="EURUSD",
        kind="market",
        side=side,
        volume=volume,
        submitted_at=at,
        expires_at=expires_at,
        position=position,
    )


def cleared(order: OrderTerms, epoch: int = 1, order_class: OrderClass = "open") -> OrderCleared:
    """The guard's clearance of it, signed."""
    return OrderCleared(
        source="guard",
        incarnation=epoch,
        terms=order,
        order_class=order_class,
        epoch=epoch,
        signature=sign(KEY, order, order_class, epoch),
    )


class OrderFloor(Floor):
    """The floor with a guard that clears orders, and a clock."""

    def __init__(self, folder: Path, choices: Choices, *, sim: bool = False) -> None:
        choices.calm = True
        super().__init__(folder, choices, sim=sim)
        self.clearances: list[OrderCleared] = []
        self.guard_epoch = 0
        self.orders = 0
        self.restart_guard()
        self.send(SPEC)
        self.tick()
        choices.calm = False
        self._steps: tuple[tuple[int, Callable[[], object]], ...] = (
            (150, self.let_work),
            (180, self.order),
            (195, self.tick_later),
            (205, lambda: self.advance(700_000)),
            (208, lambda: self.advance(4_000_000)),
            (214, lambda: self.restart(self.router)),
            (220, lambda: self.restart(self.gateway)),
            (222, lambda: self.freeze(self.router)),
            (224, lambda: self.freeze(self.gateway)),
            (230, self.thaw),
            (234, lambda: self.link(self.router, up=not self.router.up)),
            (238, lambda: self.link(self.gateway, up=not self.gateway.up)),
            (240, self.flip_server),
            (244, self.repeat_clearance),
            (246, self.repeat_request),
            (249, self.restart_guard),
            (252, lambda: self.order(epoch=max(1, self.guard_epoch - 1))),
            (256, lambda: self.order(expires_in=0)),
        )

    # ---- what happens

    def tick(self) -> None:
        """A quote; it wanders with the choices."""
        self.ticks += 1
        bid = 1.1 + (self.ticks * 7 % 40 - 20) * 0.00001
        ask = round(bid + 0.0001, 5)
        self.send(Tick(venue="paper", symbol="EURUSD", at=self.now, bid=round(bid, 5), ask=ask, number=self.ticks))

    def tick_later(self) -> None:
        """A quote a tenth of a second later."""
        self.advance(100_000)
        self.tick()

    def advance(self, by: int) -> None:
        """Time passes; what is due arrives."""
        self.now += by
        for node in self.nodes():
            for key in [key for key, at in node.timers.items() if at <= self.now]:
                del node.timers[key]
                node.inbox.append(TimerIn(key))

    def order(self, *, expires_in: int = 3_000_000, epoch: int = 0) -> OrderCleared:
        """The guard clears an order: most often it opens, else it closes some or all of a position."""
        self.orders += 1
        held = list(self.positions().items())
        kind = self.choices.below(4)
        name = f"s{1 + self.choices.below(2)}-1-{self.orders}"
        side: Side = "buy" if self.choices.below(2) == 0 else "sell"
        volume, position, order_class = 0.1 * (1 + self.choices.below(3)), 0, "open"
        if held and kind == 3:
            position, (opened, size) = held[self.choices.below(len(held))]
            side, order_class = ("sell" if opened == "buy" else "buy"), "close"
            volume = min(volume, size / 10**8)
        made = terms(
            name,
            side=side,
            volume=round(volume, 8),
            position=position,
            at=self.now,
            expires_at=self.now + expires_in,
            session=name[:2],
        )
        clearance = cleared(made, epoch or self.guard_epoch, "close" if order_class == "close" else "open")
        self.clearances.append(clearance)
        self.send(clearance)
        return clearance

    def restart_guard(self) -> None:
        """A new guard: older clearances are void from now on."""
        self.guard_epoch += 1
        state = RiskState(scope="portfolio", id="floor", state="active", epoch=self.guard_epoch)
        self.store(state, f"risk/{self.guard_epoch}", source=("guard", self.guard_epoch))

    def let_work(self) -> None:
        """The router or the gateway handles its next message."""
        nodes = [node for node in (self.router, self.gateway) if node.inbox]
        if nodes:
            self.handle(nodes[self.choices.below(len(nodes))])

    def thaw(self) -> None:
        """A frozen process wakes up for a message."""
        if self.zombies:
            self.handle(self.zombies[self.choices.below(len(self.zombies))])

    def flip_server(self) -> None:
        """The server goes down, or comes back."""
        up = not self.router.up
        self.link(self.router, up=up)
        self.link(self.gateway, up=up)

    def repeat_clearance(self) -> None:
        """An old clearance is heard once more."""
        if self.clearances:
            self.send(self.clearances[self.choices.below(len(self.clearances))])

    def repeat_request(self) -> None:
        """An old request arrives at the gateway once more; nobody waits for its answer."""
        if self.asked and self.gateway.up:
            self.gateway.inbox.append(self.asked[self.choices.below(len(self.asked))])

    def step(self) -> None:
        """One chosen thing."""
        choice = self.choices.byte()
        next(act for limit, act in self._steps if choice < limit)()

    def run(self) -> None:
        """All choices, then calm until nothing is open any more."""
        while self.choices.left:
            self.step()
        self.choices.calm = True
        for node in self.nodes():
            self.link(node, up=True)
        for _ in range(40):
            for _ in range(10_000):
                worked = [self.handle(node) for node in self.nodes()]
                if not any(worked):
                    break
            else:
                raise AssertionError("the floor never comes to rest")
            if not self.router_actor.state.orders and not self.paper_actor.state.outbox and not self.waiting:
                break
            self.advance(600_000)
            self.tick()

    # ---- the checker

    @property
    def router_actor(self) -> Router:
        """The router of now."""
        actor = self.router.cell.actor
        assert isinstance(actor, Router)
        return actor

    @property
    def paper_actor(self) -> Paper:
        """The gateway of now."""
        actor = self.gateway.cell.actor
        assert isinstance(actor, Paper)
        return actor

    def updates(self) -> dict[str, OrderUpdate]:
        """What a reader of the stream believes of each order."""
        last: dict[str, OrderUpdate] = {}
        for _, data in self.stream:
            event = decode(data)
            if isinstance(event, OrderUpdate) and (event.order not in last or supersedes(event, last[event.order])):
                last[event.order] = event
        return last

    def deals(self) -> dict[str, dict[str, Deal]]:
        """By order and report, what a reader of the updates books: each report once."""
        booked: dict[str, dict[str, Deal]] = {}
        for _, data in self.stream:
            event = decode(data)
            if isinstance(event, OrderUpdate) and event.deal is not None:
                booked.setdefault(event.order, {})[event.report] = event.deal
        return booked

    def positions(self) -> dict[int, tuple[Side, int]]:
        """Side and volume units by ticket, as the updates tell."""
        held: dict[int, tuple[Side, int]] = {}
        for reports in self.deals().values():
            for deal in reports.values():
                if deal.entry == "in":
                    held[deal.position] = (deal.side, units(deal.volume) + held.get(deal.position, ("", 0))[1])
        for reports in self.deals().values():
            for deal in reports.values():
                if deal.entry == "out" and deal.position in held:
                    side, volume = held[deal.position]
                    held[deal.position] = (side, volume - units(deal.volume))
        return {ticket: one for ticket, one in held.items() if one[1]}

    def check(self) -> None:
        """Nothing lost, nothing doubled, all books equal. AssertionError with what is not so."""
        book = self.gateway.book
        assert book is not None
        orders = dict(book.execute("SELECT id, state FROM orders"))
        rows = book.execute("SELECT order_id, ticket, volume, profit + commission FROM deals").fetchall()
        updates, deals = self.updates(), self.deals()

        # Executed at most once, by everything the venue ever said and by its book.
        for order, fills in self.fills.items():
            assert len(fills) == 1, f"{order} was executed {len(fills)} times: {sorted(fills)}"
            assert orders.get(order) == "filled", f"{order} was reported as filled, the book says {orders.get(order)}"
        assert len(rows) == len({row[0] for row in rows}), "an order has two deals in the book"
        assert {row[0] for row in rows} == {order for order, state in orders.items() if state == "filled"}

        expires = {clearance.terms.id: clearance.terms.expires_at for clearance in self.clearances}
        late = [order for order, at in self.filled_at.items() if at > expires[order]]
        assert not late, f"executed when they had expired: {late}"

        # Nothing lost: every order that the router took on has ended, as the book has it.
        for order, update in updates.items():
            assert update.state in ENDED, f"{order} has not ended: {update.state}"
            filled = update.state == OrderState.FILLED
            assert filled == (orders.get(order) == "filled"), f"{order}: {update.state}, the book: {orders.get(order)}"
        for order, state in orders.items():
            assert state != "filled" or order in updates, f"{order} was filled and nobody was told"

        # Deals, positions and money agree.
        assert {order: {deal.ticket for deal in reports.values()} for order, reports in deals.items()} == {
            row[0]: {row[1]} for row in rows
        }
        for order, _, volume, _ in rows:
            assert units(updates[order].filled) == volume
        state = self.paper_actor.state
        assert self.positions() == {one.ticket: (one.side, one.volume) for one in state.positions.values()}
        assert state.booked == sum(row[3] for row in rows)
        assert not state.outbox, "reports never reached the stream"
        stored = {event.report for _, data in self.stream if isinstance(event := decode(data), VenueReport)}
        booked = {row[0] for row in book.execute("SELECT report FROM reports")}
        assert stored == booked, f"of {len(booked)} in the book {len(stored)} reports are in the stream"
        assert not self.router_actor.state.orders
        again = load(book)
        for name in (
            "router_epoch",
            "guard_epoch",
            "next_ticket",
            "booked",
            "orders",
            "positions",
            "counts",
        ):
            assert getattr(again, name) == getattr(state, name), f"{name}: the file differs from memory"

        odd = [alert for alert in self.alerts if alert[0] not in _EXPECTED]
        assert not odd, odd
        assert not self.crashed, self.crashed
