"""What is open and what may still be: positions, orders in flight and reservations, in whole numbers.

Owns `ExposureState` (small and serialisable) and the sums over it. It is fed by the guard: `reserve` at a clearance,
`apply` with each order update, `release` when a clearance has died unseen. Positions come from the deals in order
updates; positions that nobody here opened come from the venue (`foreign`).

Volumes are whole units of 10^-8 lots: every volume grid in use is a multiple of that, so sums and comparisons are exact
and a position needs no symbol specification to be counted. Nothing here raises, whatever an event holds.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from schemas.order import ENDED, Deal, OrderState, OrderUpdate, Side

if TYPE_CHECKING:
    from schemas.account import PositionState
    from schemas.order import OrderTerms

__all__ = ["LOT", "MOST_LOTS", "Exposure", "ExposureState", "Held", "Position", "lots_text", "units"]

LOT = 100_000_000
"""Units of a lot."""

MOST_LOTS = 1e9
"""Volumes at or above this are no volumes."""

_ENDED_KEPT = 4096


def units(lots: float) -> int:
    """Lots as whole units of 10^-8 lots; 0 for what is no volume (negative, NaN, infinite, a billion lots or more)."""
    return round(lots * LOT) if 0 < lots < MOST_LOTS else 0


def lots_text(volume: int) -> str:
    """Units as lots for people: `0.05`, exact."""
    whole, part = divmod(abs(volume), LOT)
    return ("-" if volume < 0 else "") + f"{whole}.{part:08d}".rstrip("0").rstrip(".")


class Held(msgspec.Struct, kw_only=True):
    """An order that may still fill. `ticket`: the position that it closes, 0 if it opens one. `units` ordered, `filled`
    so far. `version`: (router's incarnation, revision) of the last update, (0, 0) while none was seen. `seen`: reports
    whose deal is counted.
    """

    account: str
    session: str
    venue: str
    symbol: str
    side: Side
    units: int
    expires_at: int
    ticket: int = 0
    filled: int = 0
    version: tuple[int, int] = (0, 0)
    unknown: bool = False
    seen: list[str] = []

    @property
    def rest(self) -> int:
        """What may still fill, in units."""
        return max(0, self.units - self.filled)


class Position(msgspec.Struct, kw_only=True):
    """An open position; `session` is empty for one that nobody here opened."""

    account: str
    session: str
    venue: str
    symbol: str
    side: Side
    units: int


class ExposureState(msgspec.Struct, kw_only=True):
    """`orders` in flight by id; `positions` by account and ticket; `ended`: the newest ended orders, with the reports
    whose deals are counted, so that a repeated update changes nothing.
    """

    orders: dict[str, Held] = {}
    positions: dict[str, dict[int, Position]] = {}
    ended: dict[str, list[str]] = {}


class Exposure:
    """The sums over an `ExposureState`, kept as it changes."""

    def __init__(self, state: ExposureState) -> None:
        self.state = state
        self.strays = 0
        """Deals that closed a position that is not known."""
        self._gross: defaultdict[str, int] = defaultdict(int)
        self._gross_symbol: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._count: defaultdict[str, int] = defaultdict(int)
        self._closing: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._net: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._buying: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._selling: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._unknown: defaultdict[str, dict[str, bool]] = defaultdict(dict)
        for order, held in state.orders.items():
            self._count_order(order, held, 1)
        for positions in state.positions.values():
            for position in positions.values():
                self._count_position(position, 1)

    # ---- what the rules ask

    def position(self, account: str, ticket: int) -> Position | None:
        """The open position with this ticket."""
        return self.state.positions.get(account, {}).get(ticket)

    def closing(self, account: str, ticket: int) -> int:
        """Units of the position that closes in flight may still close."""
        return self._closing.get((account, ticket), 0)

    def gross(self, account: str) -> int:
        """Units open on the account, long plus short, orders in flight included as if filled."""
        return self._gross.get(account, 0)

    def gross_symbol(self, account: str, symbol: str) -> int:
        """The same of one symbol."""
        return self._gross_symbol.get((account, symbol), 0)

    def positions(self, account: str) -> int:
        """Open positions of the account, and orders in flight that will each open one."""
        return self._count.get(account, 0)

    def net_range(self, account: str, session: str, symbol: str) -> tuple[int, int]:
        """The lowest and the highest net (long less short, units) of the session that orders in flight can lead to."""
        key = (account, session, symbol)
        net = self._net.get(key, 0)
        return net - self._selling.get(key, 0), net + self._buying.get(key, 0)

    def lowers_net(self, account: str, session: str, symbol: str, side: Side, volume: int) -> bool:
        """Whether so many units on this side lower |net| and do not take it past zero, whatever else fills or not."""
        low, high = self.net_range(account, session, symbol)
        return (low if side == "sell" else -high) >= volume > 0

    def unknown(self, session: str) -> tuple[str, ...]:
        """The session's orders whose fate at the venue is not known."""
        return tuple(self._unknown.get(session, ()))

    # ---- what changes it

    def reserve(self, terms: OrderTerms, volume: int, *, close: bool) -> None:
        """Hold a clearance's volume (units) until its end is seen, or `release`."""
        self._hold(terms.id, _held(terms, terms.account, terms.session, volume, close=close))

    def release(self, now: int, skew_us: int) -> list[str]:
        """Drop the clearances that nobody took up before they died, `skew_us` allowed for: their ids."""
        dead = [
            order
            for order, held in self.state.orders.items()
            if held.version == (0, 0) and now > held.expires_at + skew_us
        ]
        for order in dead:
            self._drop(order)
        return dead

    def next_expiry(self) -> int:
        """The earliest `expires_at` of a clearance that nobody has taken up yet; 0 if there is none."""
        return min((held.expires_at for held in self.state.orders.values() if held.version == (0, 0)), default=0)

    def apply(self, update: OrderUpdate) -> None:
        """Take in a change of an order. Repeats, and what a superseded router says late, change nothing twice.

        A deal counts once by its report, even on an order that had ended. The state is believed if it is newer by
        (router's incarnation, revision), and an ended order stays ended.
        """
        order = update.order
        held = self.state.orders.get(order)
        seen = held.seen if held is not None else self.state.ended.get(order)
        if seen is None:
            held = _held(
                update.terms,
                update.account,
                update.session,
                units(update.terms.volume),
                close=update.order_class == "close",
            )
            self._hold(order, held)
            seen = held.seen
        deal = update.deal
        if deal is not None:
            report = update.report or f"deal {deal.ticket}"
            if report not in seen:
                seen.append(report)
                self._book(update, deal, order, held)
        if held is None or (update.incarnation, update.revision) <= held.version:
            return
        if update.state in ENDED:
            self._drop(order)
            ended = self.state.ended
            ended[order] = seen
            if len(ended) > _ENDED_KEPT:
                del ended[next(iter(ended))]
            return
        self._count_order(order, held, -1)
        held.version = (update.incarnation, update.revision)
        held.unknown = update.state is OrderState.UNKNOWN
        self._count_order(order, held, 1)

    def foreign(self, state: PositionState) -> None:
        """Take in a position as the venue shows it, if nobody here opened it."""
        known = self.position(state.account, state.ticket)
        if state.session or (known is not None and known.session):
            return
        if known is not None:
            self._close(state.account, state.ticket)
        volume = units(state.volume)
        if volume:
            self._open(
                state.ticket,
                Position(
                    account=state.account, session="", venue="", symbol=state.symbol, side=state.side, units=volume
                ),
            )

    # ---- inside

    def _hold(self, order: str, held: Held) -> None:
        self._drop(order)
        self.state.orders[order] = held
        self._count_order(order, held, 1)

    def _drop(self, order: str) -> None:
        held = self.state.orders.pop(order, None)
        if held is not None:
            self._count_order(order, held, -1)

    def _book(self, update: OrderUpdate, deal: Deal, order: str, held: Held | None) -> None:
        """Count a deal: its position, and what is left of its order."""
        volume = units(deal.volume)
        if deal.entry == "in":
            self._enter(update, deal, volume)
        else:
            self._leave(update.account, deal.position, volume)
        if held is not None:
            self._count_order(order, held, -1)
            held.filled += volume
            self._count_order(order, held, 1)

    def _enter(self, update: OrderUpdate, deal: Deal, volume: int) -> None:
        known = self.position(update.account, deal.position)
        if known is not None:
            self._close(update.account, deal.position)
        added = volume + (known.units if known is not None and known.session else 0)
        if added:
            self._open(
                deal.position,
                Position(
                    account=update.account,
                    session=update.session,
                    venue=update.terms.venue,
                    symbol=deal.symbol,
                    side=deal.side,
                    units=added,
                ),
            )

    def _leave(self, account: str, ticket: int, volume: int) -> None:
        known = self.position(account, ticket)
        if known is None:
            self.strays += 1
            return
        self._close(account, ticket)
        if known.units > volume:
            known.units -= volume
            self._open(ticket, known)

    def _open(self, ticket: int, position: Position) -> None:
        self.state.positions.setdefault(position.account, {})[ticket] = position
        self._count_position(position, 1)

    def _close(self, account: str, ticket: int) -> None:
        positions = self.state.positions[account]
        self._count_position(positions.pop(ticket), -1)
        if not positions:
            del self.state.positions[account]

    def _count_order(self, order: str, held: Held, sign: int) -> None:
        rest = sign * held.rest
        key = (held.account, held.session, held.symbol)
        side = self._buying if held.side == "buy" else self._selling
        side[key] += rest
        if held.ticket:
            self._closing[held.account, held.ticket] += rest
            if not self._closing[held.account, held.ticket]:
                del self._closing[held.account, held.ticket]
        else:
            self._gross[held.account] += rest
            self._gross_symbol[held.account, held.symbol] += rest
            if not held.filled:
                self._count[held.account] += sign
        if held.unknown and sign > 0:
            self._unknown[held.session][order] = True
        elif held.unknown:
            self._unknown[held.session].pop(order, None)

    def _count_position(self, position: Position, sign: int) -> None:
        volume = sign * position.units
        self._gross[position.account] += volume
        self._gross_symbol[position.account, position.symbol] += volume
        self._count[position.account] += sign
        signed = volume if position.side == "buy" else -volume
        self._net[position.account, position.session, position.symbol] += signed


def _held(terms: OrderTerms, account: str, session: str, volume: int, *, close: bool) -> Held:
    return Held(
        account=account,
        session=session,
        venue=terms.venue,
        symbol=terms.symbol,
        side=terms.side,
        units=volume,
        expires_at=terms.expires_at,
        ticket=terms.position if close else 0,
    )
