"""The venue's rules once more: plain, slow and with fractions, to compare the compiled one with.

Nothing is cached and nothing is left out: each tick looks at every order and position. It shares the row types with
kernels.venue_rows, so that rows can be compared with ==, and nothing else. Units are those of market.h.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from venue_ledger import Ledger
from venue_terms import RefusedError, Terms, rounded

from kernels.venue_rows import Cause, Order, OrderKind, Outcome, OutcomeKind, Pending, Position, Side, Why

__all__ = ["Model", "Terms"]


@dataclass
class Model(Ledger):
    """The venue: an order waits in the queue until it is due."""

    queue: list[Order] = field(default_factory=list)

    def submit(self, order: Order) -> None:
        """An order waits until it is due."""
        self.queue.append(order)

    def tick(self, symbol: int, time: int, bid: int, ask: int, *, continuous: bool = False) -> list[Outcome]:
        """(a) midnights, (b) orders that are due, (c) pending orders, SL and TP, (d) stop-out."""
        self.out = []
        self.time, self.continuous = time, continuous
        self.ticks += 1
        self.quotes[symbol] = (time, bid, ask)
        self._midnights(symbol)
        self._run_queue([symbol])
        if self.terms[symbol].is_open(time):
            self._trigger_pendings(symbol)
            self._trigger_stops(symbol)
        self._stop_out()
        return self.out

    def settle(self) -> list[Outcome]:
        """Orders that are due by the latest tick of their symbol."""
        self.out = []
        self._run_queue(list(self.quotes))
        return self.out

    def advance(self, time: int) -> list[Outcome]:
        """Time passes."""
        self.out = []
        self.time = time
        self._run_queue([])
        return self.out

    # ---- midnights

    def _midnights(self, symbol: int) -> None:
        terms = self.terms[symbol]
        time, bid, ask = self.quotes[symbol]
        today = terms.day(time)
        for ticket, position in sorted(self.positions.items()):
            if position.symbol != symbol or position.day >= today:
                continue
            booked = 0
            if self.swap and terms.swap_mode != "disabled":
                if terms.swap_mode != "money" and self.rate(symbol, margin=False, gain=True) is None:
                    continue
                for day in range(position.day, today):
                    booked += self._swap(position, terms.nights(day), bid if position.side == Side.BUY else ask)
            if booked:
                price = bid if position.side == Side.BUY else ask
                self._tell(
                    OutcomeKind.SWAP, 0, symbol, ticket=ticket, volume=position.volume, price=price, swap=booked,
                    side=position.side,
                )  # fmt: skip
            self.positions[ticket] = position._replace(swap=position.swap + booked, day=today)

    def _swap(self, position: Position, nights: int, price: int) -> int:
        terms = self.terms[position.symbol]
        each = terms.swap_long if position.side == Side.BUY else terms.swap_short
        lots = position.volume * terms.step
        if terms.swap_mode == "money":
            return rounded(nights * each * lots * 100)
        if terms.swap_mode == "points":
            amount = nights * each * terms.price(1) * terms.contract * lots * 100
        else:
            amount = nights * each / 100 / 360 * terms.price(price) * terms.contract * lots * 100
        rate = self.rate(position.symbol, margin=False, gain=amount > 0)
        return 0 if amount == 0 or rate is None else rounded(amount * rate)

    # ---- orders that are due

    def _run_queue(self, symbols: list[int]) -> None:
        for order in sorted(self.queue, key=lambda one: (one.time, one.id)):
            due = order.time + self.latency
            now = self.quotes.get(order.symbol)
            if order.symbol in symbols and now and due <= now[0] <= due + self.timeout:
                self.queue.remove(order)
                try:
                    self._execute(order)
                except RefusedError as refused:
                    self._reject(order, refused.why)
            elif self.time > due + self.timeout:
                self.queue.remove(order)
                self._reject(order, Why.TIMEOUT if self.terms[order.symbol].is_open(due) else Why.MARKET_CLOSED)

    def _execute(self, order: Order) -> None:
        time, bid, ask = self.quotes[order.symbol]
        if not self.terms[order.symbol].is_open(time):
            raise RefusedError(Why.MARKET_CLOSED)
        market = self._slipped(ask if order.side == Side.BUY else bid, order.side)
        if order.kind == OrderKind.OPEN:
            self._enter(order, market, Cause.MARKET, 0)
        elif order.kind == OrderKind.CLOSE:
            position = self._position(order.ticket, order.symbol)
            if position.side == order.side:
                raise RefusedError(Why.SIDE)
            if not 1 <= order.volume <= position.volume:
                raise RefusedError(Why.VOLUME)
            self._leave(position, order.volume, market, order.id, Cause.MARKET)
        elif order.kind in {OrderKind.LIMIT, OrderKind.STOP}:
            self._place(order)
        elif order.kind == OrderKind.MODIFY:
            self._modify(order)
        elif order.kind == OrderKind.CANCEL:
            pending = self.pendings.get(order.ticket)
            if pending is None or pending.symbol != order.symbol:
                raise RefusedError(Why.NO_ORDER)
            self._tell_pending(OutcomeKind.CANCEL, order.id, pending)
            del self.pendings[order.ticket]
        else:
            self._close_by(order)

    def _slipped(self, price: int, side: Side) -> int:
        return price + self.slippage if side == Side.BUY else max(1, price - self.slippage)

    def _position(self, ticket: int, symbol: int) -> Position:
        found = self.positions.get(ticket)
        if found is None or found.symbol != symbol:
            raise RefusedError(Why.POSITION_CLOSED)
        return found

    def _check_stops(self, symbol: int, side: Side, quote: tuple[int, int], sl: int, tp: int) -> None:
        level = self.terms[symbol].stops_level
        bid, ask = quote
        near = (
            [bid - sl if sl else level, tp - bid if tp else level]
            if side == Side.BUY
            else [sl - ask if sl else level, ask - tp if tp else level]
        )
        if min(near) < level:
            raise RefusedError(Why.STOPS)

    def _check_pending(self, pending: Pending) -> None:
        _, bid, ask = self.quotes[pending.symbol]
        limit = pending.kind == OrderKind.LIMIT
        if pending.side == Side.BUY:
            distance = ask - pending.price if limit else pending.price - ask
        else:
            distance = pending.price - bid if limit else bid - pending.price
        if distance < self.terms[pending.symbol].stops_level or pending.price < 1:
            raise RefusedError(Why.PRICE)
        self._check_stops(pending.symbol, pending.side, (pending.price, pending.price), pending.sl, pending.tp)

    def _place(self, order: Order) -> None:
        terms = self.terms[order.symbol]
        if not terms.volume_min <= order.volume <= terms.volume_max:
            raise RefusedError(Why.VOLUME)
        pending = Pending(
            self.next_ticket, order.id, order.volume, order.price, order.sl, order.tp, order.protect, self.time,
            self.ticks, order.symbol, order.side, order.kind,
        )  # fmt: skip
        self._check_pending(pending)
        if len(self.pendings) >= self.most_pendings:
            raise RefusedError(Why.CAPACITY)
        self.next_ticket += 1
        self.pendings[pending.ticket] = pending
        self._tell_pending(OutcomeKind.PLACE, order.id, pending)

    def _modify(self, order: Order) -> None:
        pending = self.pendings.get(order.ticket)
        if pending is not None and pending.symbol == order.symbol:
            price = order.price or pending.price
            changed = pending._replace(price=price, sl=order.sl, tp=order.tp, since=self.ticks)
            self._check_pending(changed)
            self.pendings[order.ticket] = changed
            self._tell_pending(OutcomeKind.MODIFY, order.id, changed)
            return
        position = self._position(order.ticket, order.symbol)
        same = (order.sl == position.sl, order.tp == position.tp)
        _, bid, ask = self.quotes[order.symbol]
        new = (0 if same[0] else order.sl, 0 if same[1] else order.tp)
        self._check_stops(order.symbol, position.side, (bid, ask), *new)
        since = position.since if all(same) else self.ticks
        self.positions[order.ticket] = position._replace(sl=order.sl, tp=order.tp, since=since)
        self._tell(
            OutcomeKind.MODIFY, order.id, order.symbol, ticket=order.ticket, volume=position.volume,
            price=position.price, side=position.side,
        )  # fmt: skip

    def _close_by(self, order: Order) -> None:
        if not self.close_by or self.netting:
            raise RefusedError(Why.NOT_PERMITTED)
        one, other = self._position(order.ticket, order.symbol), self._position(order.ticket_by, order.symbol)
        if one.side == other.side:
            raise RefusedError(Why.SIDE)
        both = min(one.volume, other.volume)
        if order.volume > both:
            raise RefusedError(Why.VOLUME)
        volume = order.volume or both
        self._leave(one, volume, other.price, order.id, Cause.CLOSE_BY, by=other.ticket)
        self._leave(other, volume, other.price, order.id, Cause.CLOSE_BY, by=one.ticket)

    def _enter(self, order: Order, price: int, cause: Cause, ticket: int) -> None:
        terms = self.terms[order.symbol]
        _, bid, ask = self.quotes[order.symbol]
        sl = order.sl
        if order.protect:
            if order.side == Side.BUY:
                sl = max(sl, price - order.protect)
            else:
                sl = min(sl or price + order.protect, price + order.protect)
        if not terms.volume_min <= order.volume <= terms.volume_max:
            raise RefusedError(Why.VOLUME)
        self._check_stops(order.symbol, order.side, (bid, ask), sl, order.tp)
        held = next((one for one in self.positions.values() if one.symbol == order.symbol), None)
        if not self.netting or held is None or held.side == order.side:
            self._gain(order, order.volume, price, sl, cause, ticket, held if self.netting else None)
            return
        closed = min(order.volume, held.volume)
        rest = order.volume - closed
        self._leave(held, closed, price, order.id, cause, left=rest)
        if rest:
            try:
                self._gain(order, rest, price, sl, cause, ticket, None)
            except RefusedError as refused:
                self._tell(
                    OutcomeKind.REJECT, order.id, order.symbol, volume=rest, left=rest, side=order.side,
                    why=refused.why,
                )  # fmt: skip

    # ---- pending orders, SL, TP

    def _trigger_pendings(self, symbol: int) -> None:
        _, bid, ask = self.quotes[symbol]
        for ticket, pending in sorted(self.pendings.items()):
            limit = pending.kind == OrderKind.LIMIT
            market = ask if pending.side == Side.BUY else bid
            falling = limit == (pending.side == Side.BUY)
            reached = market <= pending.price if falling else market >= pending.price
            if pending.symbol != symbol or pending.since >= self.ticks or not reached:
                continue
            del self.pendings[ticket]
            stop = self._slipped(pending.price if self.continuous else market, pending.side)
            order = Order(
                OrderKind.OPEN, pending.order, 0, symbol, pending.side, pending.volume, pending.price, pending.sl,
                pending.tp, pending.protect, ticket,
            )  # fmt: skip
            try:
                price, cause = (pending.price, Cause.LIMIT) if limit else (stop, Cause.STOP)
                self._enter(order, price, cause, ticket)
            except RefusedError as refused:
                self._reject(order, refused.why)

    def _trigger_stops(self, symbol: int) -> None:
        _, bid, ask = self.quotes[symbol]
        for _, position in sorted(self.positions.items()):
            if position.symbol != symbol or position.since >= self.ticks:
                continue
            buy = position.side == Side.BUY
            market, closing = (bid, Side.SELL) if buy else (ask, Side.BUY)
            sl, tp = position.sl, position.tp
            stopped = sl != 0 and (market <= sl if buy else market >= sl)
            taken = tp != 0 and (market >= tp if buy else market <= tp)
            try:
                if stopped:
                    price = self._slipped(sl if self.continuous else market, closing)
                    self._leave(position, position.volume, price, 0, Cause.SL)
                elif taken:
                    self._leave(position, position.volume, tp, 0, Cause.TP)
            except RefusedError:
                continue  # no rate yet

    # ---- stop-out

    def _stop_out(self) -> None:
        while self.positions or self.pendings:
            worth = self.worth()
            if worth is None:
                return
            if worth.margin:
                if Fraction(worth.equity, worth.margin) * 100 > self.stop_out:
                    return
            elif worth.equity >= 0:
                return
            for ticket, pending in sorted(self.pendings.items()):
                self._tell_pending(OutcomeKind.CANCEL, pending.order, pending, cause=Cause.STOP_OUT)
                del self.pendings[ticket]
            open_ones = [one for one in self.positions.values() if self.terms[one.symbol].is_open(self.time)]
            if not open_ones:
                return
            worst = min(open_ones, key=lambda one: (self.gross(one) + one.swap, one.ticket))
            _, bid, ask = self.quotes[worst.symbol]
            price = self._slipped(*((bid, Side.SELL) if worst.side == Side.BUY else (ask, Side.BUY)))
            self._leave(worst, worst.volume, price, 0, Cause.STOP_OUT)
