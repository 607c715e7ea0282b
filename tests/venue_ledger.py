"""The money of the venue's model: what positions are worth, what margin they bind, and every booking, in fractions."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from venue_terms import MOST_VOLUME, RefusedError, Terms, rounded

from kernels.venue_rows import Cause, Entry, Order, Outcome, OutcomeKind, Pending, Position, Side, Why, Worth

__all__ = ["Ledger"]


@dataclass
class Ledger:
    """Quotes, positions, pending orders, balance. `given`: rates by (symbol, margin) as (gain, loss); None: unknown."""

    terms: tuple[Terms, ...]
    balance: int
    netting: bool = False
    latency: int = 0
    slippage: int = 0
    timeout: int = 5_000_000
    stop_out: Fraction = Fraction(50)
    close_by: bool = True
    swap: bool = True
    most_positions: int = 256
    most_pendings: int = 64
    given: dict[tuple[int, bool], tuple[Fraction, Fraction] | None] = field(default_factory=dict)
    quotes: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    positions: dict[int, Position] = field(default_factory=dict)
    pendings: dict[int, Pending] = field(default_factory=dict)
    time: int = -(1 << 61)
    ticks: int = 0
    next_ticket: int = 1
    continuous: bool = False
    out: list[Outcome] = field(default_factory=list)

    def rate(self, symbol: int, *, margin: bool, gain: bool) -> Fraction | None:
        """Into the account's currency: gains at the worse side, losses at the dearer."""
        terms = self.terms[symbol]
        source, pair = terms.margin_rate if margin else terms.profit_rate
        if source == "given":
            found = self.given.get((symbol, margin), (Fraction(1), Fraction(1)))
            return None if found is None else found[0 if gain else 1]
        if pair not in self.quotes:
            return None
        _, bid, ask = self.quotes[pair]
        of = self.terms[pair]
        if source == "direct":
            return of.price(bid if gain else ask)
        return 1 / of.price(ask if gain else bid)

    def booking(self, symbol: int, moved: int) -> int:
        """Minor units for points x steps."""
        terms = self.terms[symbol]
        amount = moved * terms.price(1) * terms.step * terms.contract * 100
        rate = self.rate(symbol, margin=False, gain=amount > 0)
        if rate is None:
            raise RefusedError(Why.NO_RATE)
        return rounded(amount * rate)

    def commission(self, symbol: int, volume: int) -> int:
        """For one deal."""
        terms = self.terms[symbol]
        return -rounded(volume * terms.step * terms.commission * 100)

    def gross(self, position: Position) -> int:
        """Profit at the latest quote."""
        if position.symbol not in self.quotes:
            raise RefusedError(Why.NO_RATE)
        _, bid, ask = self.quotes[position.symbol]
        if position.side == Side.BUY:
            return self.booking(position.symbol, bid * position.volume - position.value)
        return self.booking(position.symbol, position.value - ask * position.volume)

    def margin(self, symbol: int) -> int:
        """Of one symbol."""
        terms = self.terms[symbol]
        sides = []
        for side in Side:
            held = [one for one in self.positions.values() if one.symbol == symbol and one.side == side]
            sides.append((sum(one.volume for one in held), sum(one.value for one in held)))
        if sides == [(0, 0), (0, 0)]:
            return 0
        rate = self.rate(symbol, margin=True, gain=False)
        if rate is None:
            raise RefusedError(Why.NO_RATE)
        smaller, larger = sorted(sides)

        def bound(volume: int, contract: Fraction, value: int, of: int) -> int:
            if volume == 0:
                return 0
            price = terms.price(1) * Fraction(value, of) if terms.margin_mode == "cfd" else Fraction(1)
            return rounded(volume * terms.step * contract * price / terms.leverage * 100 * rate)

        if terms.use_leg:
            return bound(larger[0], terms.contract, larger[1], larger[0])
        both = (larger[0] + smaller[0], larger[1] + smaller[1])
        return bound(larger[0] - smaller[0], terms.contract, larger[1], larger[0]) + bound(
            smaller[0], terms.margin_hedged, both[1], both[0]
        )

    def floating(self, position: Position) -> int:
        """Net of swap and of the commission that closing will cost."""
        return self.gross(position) + position.swap + self.commission(position.symbol, position.volume)

    def worth(self) -> Worth | None:
        """The account; None while something cannot be valued."""
        try:
            floating = sum(self.floating(one) for one in self.positions.values())
            margin = sum(self.margin(symbol) for symbol in range(len(self.terms)))
        except RefusedError:
            return None
        return Worth(self.balance, floating, self.balance + floating, margin)

    def _gain(
        self, order: Order, volume: int, price: int, sl: int, cause: Cause, ticket: int, held: Position | None
    ) -> None:
        symbol = order.symbol
        if held is None and len(self.positions) >= self.most_positions:
            raise RefusedError(Why.CAPACITY)
        if sum(one.volume for one in self.positions.values() if one.symbol == symbol) + volume > MOST_VOLUME:
            raise RefusedError(Why.CAPACITY)
        before = self.worth()
        if before is None:
            raise RefusedError(Why.NO_RATE)
        cost = self.commission(symbol, volume)
        made = Position(
            ticket or self.next_ticket, volume, price, price * volume, sl, order.tp, 0, cost, self.time,
            self.terms[symbol].day(self.quotes[symbol][0]), self.ticks, order.id, symbol, order.side,
        )  # fmt: skip
        self.positions[-1] = made
        after = self.worth()
        del self.positions[-1]
        if after is None:
            raise RefusedError(Why.NO_RATE)
        if after.equity + cost < after.margin and after.margin > before.margin:
            raise RefusedError(Why.NO_MONEY)
        deal = made.ticket
        if ticket or held is not None:
            deal = self.next_ticket
        self.next_ticket += held is not None or not ticket
        if ticket and held is None:
            self.next_ticket += 1  # the deal's own
        if held is not None:
            value, total = held.value + made.value, held.volume + volume
            made = held._replace(
                volume=total,
                value=value,
                price=rounded(Fraction(value, total)),
                commission=held.commission + cost,
                sl=sl or held.sl,
                tp=order.tp or held.tp,
                since=self.ticks if sl or order.tp else held.since,
            )
        self.balance += cost
        self.positions[made.ticket] = made
        self._tell(
            OutcomeKind.DEAL, order.id, symbol, deal=deal, ticket=made.ticket, volume=volume, price=price,
            commission=cost, side=order.side, entry=Entry.IN, cause=cause,
        )  # fmt: skip

    def _leave(
        self, position: Position, volume: int, price: int, id_: int, cause: Cause, *, left: int = 0, by: int = 0
    ) -> None:
        share = Fraction(volume, position.volume)
        value, swap = rounded(position.value * share), rounded(position.swap * share)
        if self.rate(position.symbol, margin=False, gain=True) is None:
            raise RefusedError(Why.NO_RATE)
        moved = price * volume - value
        profit = self.booking(position.symbol, moved if position.side == Side.BUY else -moved)
        cost = 0 if cause == Cause.CLOSE_BY else self.commission(position.symbol, volume)
        self.balance += profit + cost + swap
        self._tell(
            OutcomeKind.DEAL, id_, position.symbol, deal=self.next_ticket, ticket=position.ticket, ticket_by=by,
            volume=volume, left=left, price=price, profit=profit, commission=cost, swap=swap,
            side=Side(1 - position.side), entry=Entry.OUT, cause=cause,
        )  # fmt: skip
        self.next_ticket += 1
        rest = position._replace(
            volume=position.volume - volume,
            value=position.value - value,
            swap=position.swap - swap,
            commission=position.commission - rounded(position.commission * share),
        )
        if rest.volume:
            self.positions[position.ticket] = rest
        else:
            del self.positions[position.ticket]

    # ---- telling

    def _tell(self, kind: OutcomeKind, id_: int, symbol: int, **given: Any) -> None:
        row = Outcome(
            self.time, id_, 0, 0, 0, 0, 0, 0, 0, 0, 0, self.balance, kind, symbol, Side.BUY, Entry.NONE, Cause.NONE,
            Why.NONE,
        )  # fmt: skip
        self.out.append(row._replace(**given))

    def _tell_pending(self, kind: OutcomeKind, id_: int, pending: Pending, cause: Cause = Cause.NONE) -> None:
        self._tell(
            kind, id_, pending.symbol, ticket=pending.ticket, volume=pending.volume, left=pending.volume,
            price=pending.price, side=pending.side, cause=cause,
        )  # fmt: skip

    def _reject(self, order: Order, why: Why) -> None:
        self._tell(
            OutcomeKind.REJECT, order.id, order.symbol, ticket=order.ticket, ticket_by=order.ticket_by,
            volume=order.volume, left=order.volume, price=order.price, side=order.side, why=why,
        )  # fmt: skip
