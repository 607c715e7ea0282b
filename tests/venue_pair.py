"""A compiled venue and its model side by side: every step goes to both, and all that can be seen must be equal."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from venue_model import Model, Terms

from kernels.contract import Symbol, rate
from kernels.market import PwRate, account
from kernels.venue import Venue
from kernels.venue_rows import Order, OrderKind, Outcome, OutcomeKind, Side

__all__ = ["EURUSD", "START", "Pair", "symbol_of"]

START = 1_577_923_200_000_000
"""Thursday 2020-01-02 00:00 UTC, 02:00 of the server."""

EURUSD = Terms(
    digits=5,
    contract=Fraction(100_000),
    step=Fraction(1, 100),
    commission=Fraction(7, 2),
    margin_hedged=Fraction(50_000),
    margin_rate=("direct", 0),
)


def symbol_of(name: str, terms: Terms) -> Symbol:
    """The contract as the compiled code has it."""
    hours = f"{terms.zone_hours:+d}h" if terms.zone_hours else ""
    return Symbol(
        name,
        digits=terms.digits,
        contract_size=terms.contract,
        volume_min=terms.volume_min * terms.step,
        volume_max=terms.volume_max * terms.step,
        volume_step=terms.step,
        leverage=terms.leverage,
        commission=terms.commission,
        margin_mode=terms.margin_mode,
        margin_hedged=terms.margin_hedged,
        margin_hedged_use_leg=terms.use_leg,
        stops_level=terms.stops_level,
        swap_mode=terms.swap_mode,
        swap_long=terms.swap_long,
        swap_short=terms.swap_short,
        swap_rollover_day=terms.rollover,
        zone=terms.zone + hours,
        hours=terms.hours,
        profit_rate=terms.profit_rate,  # type: ignore[arg-type] # the model keeps plain text
        margin_rate=terms.margin_rate,  # type: ignore[arg-type]
    )


class Pair:
    """Both. Money in minor units; `options` are those of `kernels.market.account`."""

    def __init__(
        self, terms: Sequence[Terms] = (EURUSD,), deposit: int = 1_000_000, *, room: int = 256, **options: Any
    ) -> None:
        self.model = Model(
            tuple(terms),
            deposit,
            netting=options.get("netting", False),
            latency=options.get("latency_us", 0),
            slippage=options.get("slippage", 0),
            timeout=options.get("fill_timeout_us", 5_000_000),
            stop_out=Fraction(options.get("stop_out", 50)),
            close_by=options.get("close_by", True),
            swap=options.get("swap", True),
            most_positions=room,
            most_pendings=room,
        )
        symbols = [symbol_of(f"S{at}", one) for at, one in enumerate(terms)]
        spec = account(Fraction(deposit, 100), **options)
        self.venue = Venue(symbols, spec, positions=room, pendings=room, orders=room)
        self.time = START
        self.ids = 0
        self.deposits = deposit
        self.booked = 0
        self.seen: list[Outcome] = []

    def tick(self, bid: int, ask: int, *, symbol: int = 0, after: int = 0, continuous: bool = False) -> list[Outcome]:
        """A quote `after` microseconds later."""
        self.time += after
        found = self.venue.tick(symbol, self.time, bid, ask, continuous=continuous)
        return self.compare(found, self.model.tick(symbol, self.time, bid, ask, continuous=continuous))

    def submit(self, kind: OrderKind, side: Side = Side.BUY, volume: int = 0, **fields: int) -> int:
        """An order now; its id."""
        self.ids += 1
        order = Order(kind, self.ids, self.time, side=side, volume=volume, **fields)
        self.venue.submit(order)
        self.model.submit(order)
        return self.ids

    def order(self, kind: OrderKind, side: Side = Side.BUY, volume: int = 0, **fields: int) -> list[Outcome]:
        """An order, and what settling makes of it."""
        self.submit(kind, side, volume, **fields)
        return self.settle()

    def settle(self) -> list[Outcome]:
        """Orders that are due."""
        return self.compare(self.venue.settle(), self.model.settle())

    def advance(self, after: int) -> list[Outcome]:
        """Time passes without a tick."""
        self.time += after
        return self.compare(self.venue.advance(self.time), self.model.advance(self.time))

    def give_rate(self, symbol: int, given: tuple[Fraction, Fraction] | None, *, margin: bool = False) -> None:
        """A given rate, or none."""
        self.model.given[symbol, margin] = given
        row = PwRate() if given is None else rate(*given)
        self.venue.set_rates(symbol, **{"margin" if margin else "profit": row})
        self.compare([], [])

    def compare(self, found: list[Outcome], wanted: list[Outcome]) -> list[Outcome]:
        """Everything that can be seen, and what always holds."""
        venue, model = self.venue, self.model
        assert found == wanted
        assert venue.positions() == [model.positions[ticket] for ticket in sorted(model.positions)]
        assert venue.pendings() == [model.pendings[ticket] for ticket in sorted(model.pendings)]
        assert venue.worth() == model.worth()
        assert (venue.balance, venue.next_ticket, venue.waiting) == (
            model.balance,
            model.next_ticket,
            len(model.queue),
        )
        self.seen += found
        deals = [row for row in found if row.kind == OutcomeKind.DEAL]
        self.booked += sum(row.profit + row.commission + row.swap for row in deals)
        assert venue.balance == self.deposits + self.booked
        worth = venue.worth()
        assert worth is None or worth.equity == worth.balance + worth.floating
        assert all(position.volume > 0 for position in venue.positions())
        return found
