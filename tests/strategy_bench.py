"""A bench for the compiled strategies: scenarios as tables, and a venue that is as simple as can be.

A scenario is a text, one event a line: `event | orders | what was said`. Prices are points, times seconds; a tick is
`time bid ask`. The orders are those that the event made the strategy send. `-> answer` behind them says what the venue
does with them, `fill` (at once, on the same tick) unless something else is written. What was said, behind the answer,
are notes and cycles that ended. Lines without a third column only compare the orders.

    0  110000 110002 | open sell 1 initial sl=0 -> fill | ended 1 take_profit 5.00
    1  109000 109002 | open buy 1 hedge -> refuse

Answers: fill, fill N (N steps, the rest is dropped), refuse, refuse closed (market), refuse gone (position), unknown,
wait.
Other events: `answer X` (to the order that waits), `open buy`, `close 1`, `close all`, `exits on|off`, `time T` (no
quote), `left 3 99000` (position 3 closed elsewhere at a price), `left 3 99000 1` (one step of it), `swap 3 -5`.
The symbol: 5 digits, 10 points a pip, a step is 0.01 lots, a point and step is worth one minor unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernels.market import PwRate, PwSymbol
from kernels.strategies import Intent, Note, Out, Report, Strategy

if TYPE_CHECKING:
    from kernels.params import Params

__all__ = ["LIMITS", "ROLES", "SECOND", "WHYS", "Bench", "symbol"]

SECOND = 1_000_000
MONDAY = 1_704_067_200 * SECOND  # 2024-01-01, a Monday
SIDES = ("buy", "sell")
ROLES = ("", "initial", "hedge", "ladder", "signal")
WHYS = (
    *("none", "take_profit", "max_loss", "candle_close", "command", "rejected", "hedge_failed", "external"),
    *("unknown_order", "day_profit", "day_loss", "drawdown", "flip", "sl", "tp", "stop_out", "end_of_data"),
)
LIMITS = ("", "orders", "lots", "cycles", "opposing", "unknown", "exits", "day", "no_cycle", "command")
FILLED, REFUSED, UNKNOWN, LEFT, BOOKED, MODIFIED = 1, 2, 3, 4, 5, 6
OPEN, CLOSE, CLOSE_BY, MODIFY = 1, 2, 3, 4
VERBS = {"open": 1, "close": 2, "exits": 4}


def symbol(**changes: int) -> PwSymbol:
    """The symbol of the scenarios."""
    made = PwSymbol()
    given = {
        "unit_num": 1,
        "unit_den": 1,
        "pip": 10,
        "volume_min": 1,
        "volume_max": 10_000,
        "lot_num": 1,
        "lot_den": 100,
    }
    given |= {"commission_num": 0, "commission_den": 1, "margin_num": 1, "margin_den": 1, "hedged_num": 1}
    given |= {"hedged_den": 1, "swap_den": 1, "price_den": 100_000, "digits": 5, "swap_rollover_day": 3}
    for name, value in (given | changes).items():
        setattr(made, name, value)
    return made


def order_text(intent: Intent) -> str:
    """An intent as scenarios write it."""
    side, role = SIDES[intent.side], ROLES[intent.role]
    stops = "".join(f" {name}={value}" for name, value in (("sl", intent.sl), ("tp", intent.tp)) if value)
    match intent.kind:
        case 1:
            return f"open {side} {intent.volume} {role}{stops}"
        case 2:
            return f"close #{intent.ticket} {intent.volume} {WHYS[intent.why]}"
        case 3:
            return f"close #{intent.ticket} by #{intent.ticket_by} {intent.volume} {WHYS[intent.why]}"
        case _:
            return f"modify #{intent.ticket}{stops}"


def note_text(note: Note) -> str:
    """A note as scenarios write it."""
    match note.code:
        case 1:
            return f"cap {LIMITS[note.detail]} {note.value}"
        case 2:
            return "close failed"
        case 3:
            return "no outcome"
        case _:
            return f"not done: {LIMITS[note.detail]}"


class Position:
    """One open position of the venue."""

    def __init__(self, side: int, volume: int, price: int, cycle: int) -> None:
        self.side, self.volume, self.price, self.cycle = side, volume, price, cycle
        self.swap = 0


class Bench:
    """A strategy and its venue.

    Attributes:
        strategy: the compiled one.
        positions: by ticket, as the venue has them.
        realised: by cycle, all that was booked: what an ended cycle must say.
        waiting: intents without an answer, by id.
    """

    def __init__(self, params: Params, *, close_by: bool = True, **changes: int) -> None:
        self.symbol = symbol(**changes)
        self.strategy = Strategy(params, self.symbol)
        self.strategy.view.close_by = int(close_by)
        self.strategy.view.rate = PwRate(1, 1, 1, 1)
        self.strategy.view.equity = 1_000_000
        self.positions: dict[int, Position] = {}
        self.realised: dict[int, int] = {}
        self.waiting: dict[int, Intent] = {}
        self.tickets = 0
        self.said: list[str] = []

    # ---- The venue --------------------------------------------------------------------------------------------

    def quote(self, side: int) -> int:
        """Where an order of a side fills now."""
        tick = self.strategy.view.tick
        return int(tick.ask if side == 0 else tick.bid)

    def commission(self, volume: int) -> int:
        """What a deal costs."""
        charge = volume * self.symbol.commission_num / self.symbol.commission_den
        return -int(charge + 0.5)

    def tell(self, report: Report) -> None:
        """Give the strategy a report and note what it says."""
        self.hear(self.strategy.on_report(report))

    def hear(self, out: Out) -> None:
        """Keep what was sent, note what was said."""
        self.waiting |= {intent.id: intent for intent in out.intents}
        self.said += [note_text(note) for note in out.notes]
        for end in out.ended:
            self.said.append(f"ended {end.cycle} {WHYS[end.why]} {end.profit / 100:.2f}")
            assert end.profit == self.realised.get(end.cycle, 0)
            assert not any(position.cycle == end.cycle for position in self.positions.values())

    def now(self) -> int:
        """The time of the last event."""
        return int(self.strategy.view.tick.time)

    def opened(self, intent: Intent, volume: int) -> Report:
        """Open a position."""
        self.tickets += 1
        price = self.quote(intent.side)
        self.positions[self.tickets] = Position(intent.side, volume, price, intent.cycle)
        cost = self.commission(volume)
        self.realised[intent.cycle] = self.realised.get(intent.cycle, 0) + cost
        left = intent.volume - volume
        return Report(FILLED, intent.id, self.now(), self.tickets, 0, volume, left, price, commission=cost)

    def closed(self, ticket: int, price: int, volume: int, cost: int) -> tuple[int, int]:
        """Take volume off a position: profit and swap realised."""
        position = self.positions[ticket]
        moved = price - position.price if position.side == 0 else position.price - price
        swap = position.swap if volume == position.volume else round(position.swap * volume / position.volume)
        position.volume -= volume
        position.swap -= swap
        if position.volume == 0:
            del self.positions[ticket]
        self.realised[position.cycle] = self.realised.get(position.cycle, 0) + moved * volume + swap + cost
        return moved * volume, swap

    def fill(self, intent: Intent, volume: int) -> Report:
        """The deal of an intent."""
        if intent.kind == OPEN:
            return self.opened(intent, volume)
        if intent.kind == MODIFY:
            return Report(MODIFIED, intent.id, self.now(), intent.ticket)
        price = self.quote(intent.side)
        if intent.kind == CLOSE:
            cost = self.commission(volume)
            profit, swap = self.closed(intent.ticket, price, volume, cost)
            return Report(
                FILLED,
                intent.id,
                self.now(),
                intent.ticket,
                0,
                volume,
                intent.volume - volume,
                price,
                profit,
                cost,
                swap,
            )
        price = self.positions[intent.ticket_by].price  # no spread: each at the other's price
        profit, swap = self.closed(intent.ticket, price, volume, 0)
        _, more = self.closed(intent.ticket_by, price, volume, 0)
        return Report(
            FILLED, intent.id, self.now(), intent.ticket, intent.ticket_by, volume, 0, price, profit, 0, swap + more
        )

    def answer(self, intent: Intent, text: str) -> None:
        """Do with an intent what a scenario says."""
        what, *more = text.split()
        if what == "wait":
            return
        if what == "unknown":
            self.tell(Report(UNKNOWN, intent.id, self.now()))
            return
        self.waiting.pop(intent.id, None)
        if what == "refuse":
            why = {"": 0, "closed": 1, "gone": 2}[more[0] if more else ""]
            ticket = 0
            if why == 2:
                ticket = intent.ticket
                self.positions.pop(ticket)
            self.tell(Report(REFUSED, intent.id, self.now(), ticket, why=why))
            return
        volume = int(more[0]) if more else intent.volume
        self.tell(self.fill(intent, volume))
        if volume < intent.volume:
            self.tell(Report(REFUSED, intent.id, self.now()))

    # ---- Scenarios --------------------------------------------------------------------------------------------

    def event(self, words: list[str]) -> list[Intent]:
        """One event; the intents that it made."""
        strategy = self.strategy
        match words:
            case ["open", side]:
                out = strategy.on_command(VERBS["open"], side=SIDES.index(side))
            case ["close", "all"]:
                out = strategy.on_command(3)
            case ["close", cycle]:
                out = strategy.on_command(VERBS["close"], cycle=int(cycle))
            case ["exits", state]:
                out = strategy.on_command(VERBS["exits"], side=int(state == "on"))
            case ["time", seconds]:
                out = strategy.on_time(MONDAY + round(float(seconds) * SECOND))
            case ["left", ticket, price, *volume]:
                return self.leave(int(ticket), int(price), int(volume[0]) if volume else None)
            case ["swap", ticket, money]:
                self.positions[int(ticket)].swap += int(money)
                self.tell(Report(BOOKED, time=self.now(), ticket=int(ticket), swap=int(money)))
                return []
            case ["answer", *how]:
                (intent,) = self.waiting.values()
                self.answer(intent, " ".join(how))
                return []
            case [seconds, bid, ask]:
                out = strategy.on_tick(MONDAY + round(float(seconds) * SECOND), int(bid), int(ask))
            case _:
                raise ValueError(f"no event: {words}")
        self.hear(out)
        return out.intents

    def leave(self, ticket: int, price: int, volume: int | None, why: int = 13) -> list[Intent]:
        """A position is closed by somebody else."""
        volume = self.positions[ticket].volume if volume is None else volume
        cost = self.commission(volume)
        profit, swap = self.closed(ticket, price, volume, cost)
        self.tell(Report(LEFT, 0, self.now(), ticket, 0, volume, 0, price, profit, cost, swap, why))
        return []

    def play(self, scenario: str) -> Bench:
        """Play a scenario; every line must come out as written."""
        for line in scenario.strip().splitlines():
            text = line.split("#--")[0].strip()
            if not text:
                continue
            event, orders, said = (*(part.strip() for part in text.split("|")), "", "")[:3]
            expected, _, how = (part.strip() for part in orders.partition("->"))
            self.said = []
            intents = self.event(event.split())
            assert "; ".join(map(order_text, intents)) == expected, line
            for intent in intents:
                self.answer(intent, how or "fill")
            if text.count("|") > 1:
                assert "; ".join(self.said) == said, line
        return self
