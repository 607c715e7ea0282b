"""The compiled venue: fills and account as one state machine, for the paper gateway and for tests.

`Venue` owns the block of a venue (venue.h). Ticks and orders go in; what became of them comes back as `Outcome` rows,
in the order in which it happened. `copy()` and `restore()` undo anything. Units are those of market.h; docs/fills.md
states every rule.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, byref, c_int, c_int32, c_int64
from functools import cache

from kernels import library as compiled
from kernels import market
from kernels.contract import Symbol
from kernels.errors import InputError, KernelError, OptionError, UnsortedError
from kernels.library import Status
from kernels.market import Account, PwRate, PwTick
from kernels.venue_rows import (
    STRUCTS,
    Cause,
    Entry,
    Order,
    OrderKind,
    Outcome,
    OutcomeKind,
    Pending,
    Position,
    PwEvent,
    PwOrder,
    PwPending,
    PwPosition,
    PwState,
    PwVenue,
    PwWorth,
    Side,
    Why,
    Worth,
)

__all__ = ["Venue"]

_VENUE = POINTER(PwVenue)
SYMBOLS: dict[str, tuple[list[object], object]] = {
    "pw_venue_bytes": ([c_int64, c_int64, c_int64, c_int64], c_int64),
    "pw_venue_begin": ([_VENUE, c_int64, c_int64, c_int64, c_int64, c_int64], c_int),
    "pw_venue_put_position": ([_VENUE, POINTER(PwPosition)], c_int),
    "pw_venue_put_pending": ([_VENUE, POINTER(PwPending)], c_int),
    "pw_venue_resume": ([_VENUE, c_int64, c_int64, c_int64], c_int),
    "pw_venue_rate": ([_VENUE, c_int32, POINTER(PwRate), POINTER(PwRate)], c_int),
    "pw_venue_rate_now": ([_VENUE, c_int32, c_int32, POINTER(PwRate)], c_int),
    "pw_venue_deposit": ([_VENUE, c_int64], c_int),
    "pw_venue_bar": ([_VENUE, c_int32, POINTER(PwTick), POINTER(PwTick)], c_int),
    "pw_venue_submit": ([_VENUE, POINTER(PwOrder)], c_int),
    "pw_venue_tick": ([_VENUE, c_int32, POINTER(PwTick), c_int], c_int),
    "pw_venue_settle": ([_VENUE], c_int),
    "pw_venue_advance": ([_VENUE, c_int64], c_int),
    "pw_venue_room": ([_VENUE], c_int64),
    "pw_venue_worth": ([_VENUE, POINTER(PwWorth)], c_int),
    "pw_venue_floating": ([_VENUE, c_int64, POINTER(c_int64)], c_int),
    "pw_venue_positions": ([_VENUE], POINTER(PwPosition)),
    "pw_venue_pendings": ([_VENUE], POINTER(PwPending)),
}


@cache
def bound() -> ctypes.CDLL:
    """The library with the functions above."""
    market.bound()
    return compiled.extend(SYMBOLS, STRUCTS)


class Venue:
    """A venue with these symbols (ticks and orders name them by position) and this account.

    positions, pendings, orders: how many there is room for; an order beyond the first two is rejected (CAPACITY).

    Raises:
        OptionError: a capacity is out of bounds, or a symbol's rate comes from a symbol that is not here.
    """

    def __init__(
        self,
        symbols: Sequence[Symbol],
        account: Account,
        *,
        positions: int = 256,
        pendings: int = 64,
        orders: int = 64,
    ) -> None:
        self._library = bound()
        self.symbols = tuple(symbols)
        self._account = account
        self._specs = (market.PwSymbol * len(self.symbols))(*(one.struct for one in self.symbols))
        limits = (len(self.symbols), positions, pendings, orders)
        size = self._library.pw_venue_bytes(*limits)
        if size < 0:
            raise OptionError("venue", "capacity", limits, "1 to 1024 symbols, 8192 positions, 65536 pendings, orders")
        self._block = (c_int64 * (size // 8))()
        self._room = 0
        self._venue = PwVenue()
        self._venue.spec = ctypes.pointer(account)
        self._venue.symbols = ctypes.cast(self._specs, POINTER(market.PwSymbol))
        self._venue.state = ctypes.cast(self._block, POINTER(PwState))
        self._state = PwState.from_buffer(self._block)
        self._tick = PwTick()
        if self._library.pw_venue_begin(byref(self._venue), size, *limits) != Status.OK:
            raise OptionError(
                "venue", "symbols", [one.name for one in self.symbols], "rates from symbols of this venue"
            )

    # ---- what goes in

    def tick(self, symbol: int, time: int, bid: int, ask: int, *, continuous: bool = False) -> list[Outcome]:
        """A quote: what is due happens. `continuous`: reached without a gap, so that stops fill at their level.

        Raises:
            UnsortedError: the time lies before the last tick's. InputError: a price is not positive, too high, or
            crossed. OptionError: there is no such symbol. Nothing was changed.
        """
        self._tick.time, self._tick.bid, self._tick.ask = time, bid, ask
        self._make_room()
        self._must(self._library.pw_venue_tick(byref(self._venue), symbol, byref(self._tick), continuous), symbol)
        return self._drain()

    def submit(self, order: Order) -> None:
        """An order: it is due at its time + latency, and carried out on the first tick of its symbol from then on.

        Raises:
            OptionError: the id is not above 0 or waits already, or a number is negative or too high. KernelError: too
            many orders wait. Nothing was changed.
        """
        row = PwOrder(**order._asdict())
        self._must(self._library.pw_venue_submit(byref(self._venue), byref(row)), order)

    def settle(self) -> list[Outcome]:
        """Orders that are due by the latest tick: with latency 0, those submitted upon it."""
        self._make_room()
        self._must(self._library.pw_venue_settle(byref(self._venue)), "settle")
        return self._drain()

    def advance(self, time: int) -> list[Outcome]:
        """Time passes without a tick: orders whose time is over are rejected.

        Raises:
            UnsortedError: the time lies before the last one.
        """
        self._make_room()
        self._must(self._library.pw_venue_advance(byref(self._venue), time), time)
        return self._drain()

    def set_rates(self, symbol: int, profit: PwRate | None = None, margin: PwRate | None = None) -> None:
        """The rates of the profit and the margin currency, where they are given; PwRate() is an unknown one."""
        first = byref(profit) if profit is not None else None
        second = byref(margin) if margin is not None else None
        self._must(self._library.pw_venue_rate(byref(self._venue), symbol, first, second), symbol)

    def deposit(self, amount: int) -> None:
        """Money in, or out below 0."""
        self._must(self._library.pw_venue_deposit(byref(self._venue), amount), amount)

    def bar(self, symbol: int, low: tuple[int, int] | None, high: tuple[int, int] | None) -> None:
        """The lowest and the highest (bid, ask) of the bar whose ticks come next; None: no bar."""
        least = byref(PwTick(0, *low)) if low is not None else None
        most = byref(PwTick(0, *high)) if high is not None else None
        self._must(self._library.pw_venue_bar(byref(self._venue), symbol, least, most), symbol)

    # ---- what is so

    @property
    def balance(self) -> int:
        """Deposits and everything booked."""
        return int(self._state.balance)

    @property
    def time(self) -> int:
        """Of the latest tick."""
        return int(self._state.time)

    @property
    def next_ticket(self) -> int:
        """The ticket that is given out next."""
        return int(self._state.next_ticket)

    @property
    def ambiguous(self) -> int:
        """Bars in which both SL and TP lay of a position that one of them closed."""
        return int(self._state.ambiguous)

    @property
    def stop_outs(self) -> int:
        """Positions closed by stop-out."""
        return int(self._state.stop_outs)

    @property
    def waiting(self) -> int:
        """Orders that are not carried out yet."""
        return int(self._state.n_queued)

    def worth(self) -> Worth | None:
        """The account at the latest ticks; None while a position has no tick or rate."""
        out = PwWorth()
        self._must(self._library.pw_venue_worth(byref(self._venue), byref(out)), "worth")
        return Worth(out.balance, out.floating, out.equity, out.margin) if out.known else None

    def floating(self, ticket: int) -> int | None:
        """What closing a position now would book; None without a tick or rate.

        Raises:
            OptionError: there is no such position.
        """
        out = c_int64()
        status = self._library.pw_venue_floating(byref(self._venue), ticket, byref(out))
        if status == Status.STATE:
            raise OptionError("venue", "ticket", ticket, "an open position's")
        if status == Status.NO_RATE:
            return None
        self._must(status, ticket)
        return out.value

    def rate(self, symbol: int, *, margin: bool = False) -> PwRate:
        """The rate of a symbol's profit (or margin) currency now; all 0: none is known."""
        out = PwRate()
        self._must(self._library.pw_venue_rate_now(byref(self._venue), symbol, margin, byref(out)), symbol)
        return out

    def positions(self) -> list[Position]:
        """Open positions by ticket."""
        rows = self._library.pw_venue_positions(byref(self._venue))
        found = []
        for row in rows[: self._state.n_positions]:
            one = Position._make(getattr(row, name) for name in Position._fields)
            found.append(one._replace(side=Side(one.side)))
        return found

    def pendings(self) -> list[Pending]:
        """Pending orders by ticket."""
        rows = self._library.pw_venue_pendings(byref(self._venue))
        found = []
        for row in rows[: self._state.n_pendings]:
            one = Pending._make(getattr(row, name) for name in Pending._fields)
            found.append(one._replace(side=Side(one.side), kind=OrderKind(one.kind)))
        return found

    # ---- undo, and a new beginning

    def copy(self) -> bytes:
        """All that can change. It means something only to a venue of the same symbols, account and capacities."""
        return bytes(self._block)

    def restore(self, copy: bytes) -> None:
        """As it was when the copy was made.

        Raises:
            OptionError: the copy is not of such a venue.
        """
        limits = ("tag", "bytes", "n_symbols", "most_positions", "most_pendings", "most_queued")
        if len(copy) == ctypes.sizeof(self._block):
            of = PwState.from_buffer_copy(copy)
            if all(getattr(of, name) == getattr(self._state, name) for name in limits):
                ctypes.memmove(self._block, copy, len(copy))
                return
        raise OptionError("venue", "copy", f"{len(copy)} bytes", "a copy of this venue")

    def resume(
        self,
        balance: int,
        next_ticket: int,
        *,
        time: int,
        positions: Sequence[Position] = (),
        pendings: Sequence[Pending] = (),
    ) -> None:
        """Go on from rows, before the first tick. `time`: of the last tick that was seen; ticks must not lie before it.

        Raises:
            OptionError: a row that cannot be: then the venue is as it was.
        """
        before = self.copy()
        try:
            for position in positions:
                row = PwPosition(*position)
                self._must(self._library.pw_venue_put_position(byref(self._venue), byref(row)), position)
            for pending in pendings:
                waiting = PwPending(*pending)
                self._must(self._library.pw_venue_put_pending(byref(self._venue), byref(waiting)), pending)
            status = self._library.pw_venue_resume(byref(self._venue), balance, next_ticket, time)
            self._must(status, (balance, next_ticket, time))
        except KernelError:
            self.restore(before)
            raise

    # ---- parts

    def _make_room(self) -> None:
        wanted = self._library.pw_venue_room(byref(self._venue))
        if wanted > self._room:
            self._room = 2 * wanted
            self._out = (PwEvent * self._room)()
            self._venue.out = ctypes.cast(self._out, POINTER(PwEvent))
            self._venue.most_out = self._room
        self._venue.n_out = 0

    def _drain(self) -> list[Outcome]:
        found = []
        for row in self._out[: self._venue.n_out] if self._venue.n_out else ():
            one = Outcome._make(getattr(row, name) for name in Outcome._fields)
            found.append(
                one._replace(
                    kind=OutcomeKind(one.kind),
                    side=Side(one.side),
                    entry=Entry(one.entry),
                    cause=Cause(one.cause),
                    why=Why(one.why),
                )
            )
        return found

    def _must(self, status: int, about: object) -> None:
        """Raise what a status stands for."""
        if status == Status.OK:
            return
        if status == Status.UNSORTED:
            raise UnsortedError("venue", "time", self._state.ticks)
        if status == Status.PRICE:
            text = f"of bid {self._tick.bid} and ask {self._tick.ask} points; expected 1 <= bid <= ask <= 2^36"
            raise InputError("venue", "prices", text)
        if status == Status.OPTION:
            raise OptionError("venue", "value", about, "one that venue.h allows")
        if status == Status.FULL:
            raise KernelError(f"venue: no room for {about}")
        if status == Status.RANGE:
            raise KernelError("venue: an amount of money beyond 2^48 minor units; nothing is computed any more")
        raise KernelError(f"venue: the library answered {status} to {about}")
