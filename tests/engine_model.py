"""The backtest loop in plain Python over the bindings of venue and strategy: slow, and step by step as specified."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from kernels.contract import Symbol
from kernels.market import Account
from kernels.strategies import Intent, Out, Report, Strategy
from kernels.venue import Venue
from kernels.venue_rows import Cause, Entry, Order, OrderKind, Outcome, OutcomeKind, Side, Why

KINDS = {1: OrderKind.OPEN, 2: OrderKind.CLOSE, 3: OrderKind.CLOSE_BY, 4: OrderKind.MODIFY}
CAUSES = {Cause.SL: 13, Cause.TP: 14, Cause.STOP_OUT: 15}
REFUSALS = {Why.MARKET_CLOSED: 1, Why.POSITION_CLOSED: 2}


class Row(NamedTuple):
    """A trade, with the fields of pw_trade up to the reason."""

    ticket: int
    cycle: int
    volume: int
    open_time: int
    open_price: int
    close_time: int
    close_price: int
    profit: int
    commission: int
    swap: int
    role: int
    side: int
    reason: int


@dataclass
class Open:
    """What is left of an opening deal."""

    cycle: int
    role: int
    side: int
    volume: int
    price: int
    time: int
    commission: int


def share(amount: int, part: int, whole: int) -> int:
    """A part of an amount, rounded half away from zero."""
    size = (2 * abs(amount) * part + whole) // (2 * whole)
    return size if amount >= 0 else -size


@dataclass
class Model:
    """One strategy on one symbol over ticks."""

    symbol: Symbol
    account: Account
    strategy: Strategy
    rows: list[Row] = field(default_factory=list)
    equities: list[int] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    ended: Counter[int] = field(default_factory=Counter)
    opened: dict[int, Open] = field(default_factory=dict)
    sent: dict[int, Intent] = field(default_factory=dict)
    day_equity: int = 0

    def run(self, ticks: list[tuple[int, int, int]], *, bars: bool = False) -> None:
        """All ticks, and the closing of what is open at the last."""
        self.venue = Venue([self.symbol], self.account, positions=512, orders=256)
        self.day_equity = self.venue.balance
        day = None
        for at, (time, bid, ask) in enumerate(ticks):
            today = self.symbol.server_day(time)
            if day is not None and today != day:
                self.day_equity = self.equity()
                self.days.append(self.day_equity)
            day = today
            if bars and at % 4 == 0:
                four = ticks[at : at + 4]
                low = (min(row[1] for row in four), min(row[2] for row in four))
                high = (max(row[1] for row in four), max(row[2] for row in four))
                self.venue.bar(0, low, high)
            outcomes = self.venue.tick(0, time, bid, ask, continuous=bars and at % 4 != 0)
            view = self.strategy.view
            view.tick.time, view.tick.bid, view.tick.ask = time, bid, ask
            view.rate = self.venue.rate(0)
            self.digest(outcomes)
            view.equity = self.equity()
            view.day_profit = view.equity - self.day_equity
            self.take(self.strategy.on_tick(time, bid, ask), time)
            if self.sent and not self.account.latency:
                self.digest(self.venue.settle())
            self.equities.append(self.equity())
        self.close(ticks[-1][0])
        self.equities.append(self.equity())
        self.days.append(self.equity())

    def equity(self) -> int:
        """What the account is worth now."""
        worth = self.venue.worth()
        assert worth is not None
        return worth.equity

    def take(self, out: Out, time: int) -> None:
        """Orders of what a strategy wants."""
        self.ended.update(end.why for end in out.ended)
        for intent in out.intents:
            self.sent[intent.id] = intent
            order = Order(
                KINDS[intent.kind],
                intent.id,
                time,
                0,
                Side(intent.side),
                intent.volume,
                0,
                intent.sl,
                intent.tp,
                intent.protect,
                intent.ticket,
                intent.ticket_by,
            )
            self.venue.submit(order)

    def digest(self, outcomes: list[Outcome], *, at_end: bool = False) -> None:
        """Book what happened, and report it."""
        waiting = list(outcomes)
        while waiting:
            out = waiting.pop(0)
            intent = self.sent.get(out.id)
            reason = CAUSES.get(out.cause, intent.why if intent else 16 if at_end else 0)
            both = [out]
            if out.cause == Cause.CLOSE_BY:
                both.append(waiting.pop(0))
            if out.kind == OutcomeKind.DEAL:
                for deal in both:
                    self.book(deal, intent, reason)
            if out.id and (out.kind != OutcomeKind.DEAL or not out.left):
                self.sent.pop(out.id, None)
            if at_end:
                continue
            kind = {OutcomeKind.REJECT: 2, OutcomeKind.SWAP: 5, OutcomeKind.MODIFY: 6}.get(out.kind)
            report = Report(
                kind or (1 if out.id else 4),
                out.id,
                out.time,
                out.ticket,
                out.ticket_by,
                out.volume,
                out.left,
                out.price,
                sum(one.profit for one in both),
                out.commission,
                sum(one.swap for one in both),
                REFUSALS.get(out.why, 0) if out.kind == OutcomeKind.REJECT else 0 if out.id else reason,
            )
            self.ended.update(end.why for end in self.strategy.on_report(report).ended)

    def book(self, deal: Outcome, intent: Intent | None, reason: int) -> None:
        """A deal opens a position or closes a part of it."""
        if deal.entry == Entry.IN:
            cycle, role = (intent.cycle, intent.role) if intent else (0, 0)
            self.opened[deal.ticket] = Open(cycle, role, deal.side, deal.volume, deal.price, deal.time, deal.commission)
            return
        held = self.opened[deal.ticket]
        opening = share(held.commission, deal.volume, held.volume)
        self.rows.append(
            Row(
                deal.ticket,
                held.cycle,
                deal.volume,
                held.time,
                held.price,
                deal.time,
                deal.price,
                deal.profit,
                deal.commission + opening,
                deal.swap,
                held.role,
                held.side,
                reason,
            )
        )
        held.volume -= deal.volume
        held.commission -= opening
        if not held.volume:
            del self.opened[deal.ticket]

    def close(self, time: int) -> None:
        """Close everything at the last tick, for its reason; hours and latency are no obstacle in these tests."""
        latency, self.account.latency = self.account.latency, 0
        for number, position in enumerate(self.venue.positions()):
            side = Side.SELL if position.side == Side.BUY else Side.BUY
            order = Order(OrderKind.CLOSE, 2**62 + number, time, 0, side, position.volume, ticket=position.ticket)
            self.venue.submit(order)
            self.digest(self.venue.settle(), at_end=True)
        self.account.latency = latency
