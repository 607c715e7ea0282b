"""The compiled venue against the plain one, with random orders, quotes and times: equal to the last digit."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from venue_model import Terms
from venue_pair import EURUSD, Pair

from kernels.venue_rows import Cause, OrderKind, OutcomeKind, Pending, Position, Side

FX_WEEK = ((0, 7200),)

TERMS = (
    replace(EURUSD, swap_mode="points", swap_long=Fraction("-7.2"), swap_short=Fraction("3.1"), hours=FX_WEEK),
    Terms(
        digits=3,
        contract=Fraction(100_000),
        step=Fraction(1, 100),
        stops_level=15,
        swap_mode="money",
        swap_long=Fraction("1.37"),
        swap_short=Fraction("-4.05"),
        rollover=5,
        margin_hedged=Fraction(100_000),
        profit_rate=("inverse", 1),
    ),
    Terms(
        digits=2,
        contract=Fraction(100),
        step=Fraction(1, 100),
        commission=Fraction("0.333"),
        margin_mode="cfd",
        margin_hedged=Fraction(50),
        leverage=20,
        swap_mode="percent",
        swap_long=Fraction(-18),
        swap_short=Fraction(-6),
        zone="UTC",
        zone_hours=0,
        profit_rate=("direct", 0),
        margin_rate=("direct", 0),
    ),
    Terms(digits=1, contract=Fraction(3), step=Fraction(1, 10), margin_mode="cfd", use_leg=True, leverage=7),
)
PRICES = [(112_000, 8), (109_500, 12), (152_000, 30), (20_000, 3)]
DAY = 86_400_000_000
WAITS = (*9 * (0, 1_000, 250_000, 1_000_000), 5_000_000, 5_000_001, 3_600_000_000, DAY, 3 * DAY)
SYMBOLS = st.integers(0, len(TERMS) - 1)
SIDES = st.sampled_from(Side)
WAIT = st.sampled_from((0, 1, 2, 2, 2, 2))
VOLUMES = st.sampled_from((*3 * (1, 2, 3, 7, 10, 50, 200, 1_000), 0, 10_001))


class VenueMachine(RuleBasedStateMachine):
    """Any sequence of orders and quotes."""

    @initialize(
        netting=st.sampled_from((False, False, True)),
        latency=st.sampled_from((0, 0, 250_000)),
        slippage=st.sampled_from((0, 0, 3)),
        deposit=st.sampled_from((30_000, 1_000_000, 30_000_000)),
        stop_out=st.sampled_from((0, 50, 100)),
        room=st.sampled_from((4, 64)),
    )
    def begin(self, *, netting: bool, latency: int, slippage: int, deposit: int, stop_out: int, room: int) -> None:
        """A venue of four symbols."""
        options: dict[str, Any] = {"latency_us": latency, "slippage": slippage, "stop_out": stop_out}
        self.pair = Pair(TERMS, deposit, room=room, netting=netting, **options)
        self.quotes = dict(enumerate(PRICES))
        self.latency = latency
        for symbol, (bid, spread) in enumerate(PRICES):
            self.pair.tick(bid, bid + spread, symbol=symbol)

    def send(self, kind: OrderKind, side: Side = Side.BUY, volume: int = 0, *, wait: int, **fields: int) -> None:
        """An order upon a fresh quote that fills at once, or at a quote after the latency; wait 0: it just waits."""
        symbol = fields.get("symbol", 0)
        bid, spread = self.quotes[symbol]
        if wait > 1:
            self.pair.tick(bid, bid + spread, symbol=symbol, after=1_000)
        self.pair.submit(kind, side, volume, **fields)
        if wait > 1 and self.latency:
            self.pair.tick(bid, bid + spread, symbol=symbol, after=self.latency)
        elif wait > 0:
            self.pair.settle()

    @rule(
        symbol=SYMBOLS,
        move=st.one_of(st.integers(-40, 40), st.integers(-6_000, 6_000)),
        spread=st.integers(0, 40),
        after=st.sampled_from(WAITS),
        continuous=st.booleans(),
    )
    def tick(self, *, symbol: int, move: int, spread: int, after: int, continuous: bool) -> None:
        """A quote."""
        bid = max(1, self.quotes[symbol][0] + move)
        self.quotes[symbol] = (bid, spread)
        self.pair.tick(bid, bid + spread, symbol=symbol, after=after, continuous=continuous)

    @rule(symbol=SYMBOLS, moves=st.lists(st.integers(-8, 8), min_size=1, max_size=30))
    def quiet(self, *, symbol: int, moves: list[int]) -> None:
        """Small moves, most of which nothing comes of."""
        for move in moves:
            self.tick(symbol=symbol, move=move, spread=self.quotes[symbol][1], after=1_000, continuous=False)

    @precondition(lambda self: self.pair.venue.waiting < 4)
    @rule(wait=WAIT, symbol=SYMBOLS, side=SIDES, volume=VOLUMES, near=st.integers(0, 60), stops=st.integers(0, 3))
    def open(self, *, wait: int, symbol: int, side: Side, volume: int, near: int, stops: int) -> None:
        """A market order, perhaps with stops and a protective one."""
        bid, spread = self.quotes[symbol]
        away = -1 if side == Side.BUY else 1
        sl = max(0, bid + away * (near + spread)) if stops & 1 else 0
        tp = max(0, bid - away * (2 * near + spread)) if stops & 2 else 0
        self.send(
            OrderKind.OPEN, side, volume, symbol=symbol, sl=sl, tp=tp, protect=3 * near if near % 2 else 0, wait=wait
        )

    @precondition(lambda self: self.pair.venue.waiting < 4)
    @rule(wait=WAIT, symbol=SYMBOLS, side=SIDES, limit=st.booleans(), volume=VOLUMES, near=st.integers(-5, 60))
    def place(self, *, wait: int, symbol: int, side: Side, limit: bool, volume: int, near: int) -> None:
        """A pending order."""
        bid, spread = self.quotes[symbol]
        market = bid + spread if side == Side.BUY else bid
        below = limit == (side == Side.BUY)
        price = max(0, market - near if below else market + near)
        stop = price + (-50 if side == Side.BUY else 50)
        kind = OrderKind.LIMIT if limit else OrderKind.STOP
        self.send(kind, side, volume, symbol=symbol, price=price, sl=max(0, stop) if near % 2 else 0, wait=wait)

    @precondition(lambda self: self.pair.venue.waiting < 4)
    @rule(wait=WAIT, which=st.integers(0, 40), volume=VOLUMES, wrong=st.booleans(), data=st.data())
    def close(self, *, wait: int, which: int, volume: int, wrong: bool, data: st.DataObject) -> None:
        """A close of one position, sometimes of another side or symbol, or of none."""
        held = self.pair.venue.positions()
        if not held:
            self.send(OrderKind.OPEN, Side.SELL, volume, wait=wait)
            return
        one = held[which % len(held)]
        side = data.draw(SIDES) if wrong else Side(1 - one.side)
        symbol = data.draw(SYMBOLS) if wrong else one.symbol
        self.send(OrderKind.CLOSE, side, volume or one.volume, symbol=symbol, ticket=one.ticket, wait=wait)

    @precondition(lambda self: self.pair.venue.waiting < 4)
    @rule(wait=WAIT, which=st.integers(0, 40), other=st.integers(0, 40), volume=st.sampled_from((0, 0, 1, 5)))
    def close_by(self, *, wait: int, which: int, other: int, volume: int) -> None:
        """One position against another."""
        held = self.pair.venue.positions()
        one, two = (held[which % len(held)], held[other % len(held)]) if held else (None, None)
        self.send(
            OrderKind.CLOSE_BY,
            volume=volume,
            symbol=one.symbol if one else 0,
            ticket=one.ticket if one else 1,
            ticket_by=two.ticket if two else 2,
            wait=wait,
        )

    @precondition(lambda self: self.pair.venue.waiting < 4)
    @rule(wait=WAIT, which=st.integers(0, 40), sl=st.integers(-60, 60), tp=st.integers(-60, 60), cancel=st.booleans())
    def change(self, *, wait: int, which: int, sl: int, tp: int, cancel: bool) -> None:
        """Other stops for a position or pending order; or its end."""
        rows: list[Position | Pending] = [*self.pair.venue.positions(), *self.pair.venue.pendings()]
        if not rows:
            self.send(OrderKind.OPEN, Side.BUY, 1 + which, wait=wait)
            return
        row = rows[which % len(rows)]
        bid, spread = self.quotes[row.symbol]
        around = row.price if isinstance(row, Pending) else bid + (spread if row.side == Side.SELL else 0)
        kind = OrderKind.CANCEL if cancel else OrderKind.MODIFY
        new = (max(0, around + sl) if sl else 0, max(0, around + tp) if tp else 0)
        self.send(kind, symbol=row.symbol, ticket=row.ticket, sl=new[0], tp=new[1], wait=wait)

    @rule()
    def settle(self) -> None:
        """What is due by the latest quotes."""
        self.pair.settle()

    @rule(after=st.sampled_from(WAITS))
    def advance(self, *, after: int) -> None:
        """Time passes."""
        self.pair.advance(after)

    @rule(
        symbol=st.sampled_from((0, 3)),
        given=st.sampled_from((None, *6 * ((Fraction(1), Fraction(1)), (Fraction("0.8"), Fraction("0.81"))))),
        margin=st.booleans(),
    )
    def give_rate(self, *, symbol: int, given: tuple[Fraction, Fraction] | None, margin: bool) -> None:
        """A rate changes, or is not known any more."""
        self.pair.give_rate(symbol, given, margin=margin)

    @rule(percent=st.sampled_from((-98, -60, -5, 1, 40)))
    def deposit(self, *, percent: int) -> None:
        """Money comes or goes."""
        amount = max(100, self.pair.venue.balance) * percent // 100
        self.pair.venue.deposit(amount)
        self.pair.model.balance += amount
        self.pair.deposits += amount
        self.pair.compare([], [])

    @rule()
    def undo(self) -> None:
        """Whatever happens to a venue, a copy put back makes it what it was."""
        venue, time = self.pair.venue, self.pair.time
        before = venue.copy()
        venue.tick(0, time + 1, 90_000, 90_010)
        venue.settle()
        venue.tick(0, time + 86_400_000_000, 150_000, 150_010)
        venue.restore(before)
        assert venue.copy() == before
        self.pair.compare([], [])

    @invariant()
    def never(self) -> None:
        """No ticket is given twice, and an order has at most one ending."""
        if not hasattr(self, "pair"):
            return
        deals = [row.deal for row in self.pair.seen if row.kind == OutcomeKind.DEAL and row.entry == 2]
        assert len(deals) == len(set(deals))
        limits = [row for row in self.pair.seen if row.cause == Cause.LIMIT and row.entry == 1]
        placed = {row.ticket: row for row in self.pair.seen if row.kind in {OutcomeKind.PLACE, OutcomeKind.MODIFY}}
        if not self.pair.model.netting:
            assert all(row.price == placed[row.ticket].price for row in limits)


VenueMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestVenue = VenueMachine.TestCase
