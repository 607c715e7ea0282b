"""What holds for every compiled strategy, whatever quotes come and whatever becomes of its orders."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategy_bench import CLOSE, CLOSE_BY, MONDAY, OPEN, SECOND, Bench

from kernels.errors import KernelError
from kernels.market import PwRate
from kernels.params import AdaptiveHedgingParams, BollingerStopParams, CycleTraderParams, Params
from kernels.strategies import Intent, Out, Report, Strategy, strategy_names

Event = tuple[int, int, int, int]
EVENTS = st.lists(
    st.tuples(st.integers(0, 19), st.integers(-60, 60), st.integers(0, 11), st.integers(0, 99)),
    min_size=1,
    max_size=120,
)
ANSWERS = ("fill", "fill", "fill", "fill", "fill", "part", "refuse", "refuse", "unknown", "wait", "wait", "gone")


class Watched(Bench):
    """A bench that plays random events and looks after each whether everything still holds."""

    def __init__(self, params: Params, most_lots: int, most_cycles: int, most_orders: int, **changes: Any) -> None:
        super().__init__(params, **changes)
        self.most_lots, self.most_cycles, self.most_orders = most_lots, most_cycles, most_orders
        self.orders: dict[int, set[int]] = {}
        self.gone: set[int] = set()
        self.unknown: set[int] = set()
        self.twin = Strategy(params, self.symbol)
        self.bid, self.ask = 110_000, 110_002

    def hear(self, out: Out) -> None:
        """Look at what is sent before it is kept."""
        self.unknown |= {note.value for note in out.notes if note.code == 3}
        for intent in out.intents:
            assert intent.cycle not in self.gone, "a closed cycle stays closed"
            flying = [
                each for each in self.waiting.values() if each.cycle == intent.cycle and each.id not in self.unknown
            ]
            assert not flying, "one request in flight"
        super().hear(out)
        self.gone |= {end.cycle for end in out.ended}

    def counted(self, intent: Intent) -> None:
        """An order that filled: a hedge is one, however many orders it took."""
        if intent.kind == OPEN:
            self.orders.setdefault(intent.cycle, set()).add(-1 if intent.role == 2 else intent.id)

    def opened(self, intent: Intent, volume: int) -> Report:
        """Count it."""
        self.counted(intent)
        return super().opened(intent, volume)

    def react(self, intent: Intent, choice: int) -> None:
        """The venue does something with an intent."""
        what = ANSWERS[choice % len(ANSWERS)]
        missing = [ticket for ticket in (intent.ticket, intent.ticket_by) if ticket and ticket not in self.positions]
        if missing:  # it was closed elsewhere in the meantime
            self.waiting.pop(intent.id)
            self.unknown.discard(intent.id)
            self.tell(Report(2, intent.id, self.now(), missing[0], why=2))
            return
        if what in {"wait", "unknown"}:
            if what == "unknown" and intent.id not in self.unknown:
                self.tell(Report(3, intent.id, self.now()))
            return
        self.unknown.discard(intent.id)
        volume = intent.volume
        if intent.kind in {CLOSE, CLOSE_BY}:
            volume = min(volume, *(self.positions[each].volume for each in (intent.ticket, intent.ticket_by) if each))
        if what == "gone" and intent.kind == CLOSE:
            position = self.positions[intent.ticket]
            self.waiting.pop(intent.id)
            self.leave(intent.ticket, position.price, None)
            self.tell(Report(2, intent.id, self.now(), intent.ticket, why=2))
        elif what in {"refuse", "gone"}:
            self.answer(intent, "refuse")
        elif what == "part" and volume > 1 and intent.kind != CLOSE_BY:
            self.answer(intent, f"fill {volume - 1}")
        else:
            self.answer(intent, f"fill {volume}")

    def both(self, call: Callable[[Strategy], Out]) -> Out:
        """The same event for the strategy, for a copy of it, and for a copy that has forgotten its window."""
        state, view = self.strategy.state, self.strategy.view
        self.twin.view.tick, self.twin.view.close_by = view.tick, view.close_by
        self.twin.view.equity, self.twin.view.day_profit = view.equity, view.day_profit
        self.twin.restore(state)
        out, copy = call(self.strategy), call(self.twin)
        assert copy == out
        assert self.twin.state == self.strategy.state
        self.twin.restore(state)
        exits = self.twin.on_command(4, side=0)
        assert not exits.intents
        assert call(self.twin) == out, "a tick in the window does nothing"
        return out

    def happen(self, event: Event) -> None:
        """One event."""
        kind, moved, seconds, choice = event
        self.said = []
        waiting = list(self.waiting.values())
        if kind == 0 and self.positions:
            ticket = sorted(self.positions)[choice % len(self.positions)]
            self.leave(ticket, self.bid, max(1, self.positions[ticket].volume // (1 + choice % 2)))
        elif kind == 1 and self.positions:
            ticket = sorted(self.positions)[choice % len(self.positions)]
            self.positions[ticket].swap += moved
            self.tell(Report(5, 0, self.now(), ticket, swap=moved))
        elif kind == 2:
            self.hear(self.strategy.on_command(choice % 3 + 1, cycle=1 + choice // 9, side=choice % 2))
        elif kind == 3:
            self.tell(Report(1 + choice % 3, 10_000 + choice, self.now(), 5, volume=1, price=self.bid))  # none of ours
        elif kind in {4, 5} and waiting:
            self.react(waiting[choice % len(waiting)], choice // 3)
        elif kind == 6:
            self.hear(self.strategy.on_time(self.now() + seconds * SECOND))
        else:
            self.bid += moved
            self.ask = self.bid + 2 + choice % 3
            time = max(self.now(), MONDAY) + seconds * SECOND // 2
            out = self.both(lambda strategy: strategy.on_tick(time, self.bid, self.ask))
            self.hear(out)
            for at, intent in enumerate(out.intents):
                self.react(intent, choice + at)
        self.hold()

    def hold(self) -> None:
        """What must be true between events."""
        opens = sum(each.volume for each in self.waiting.values() if each.kind == OPEN)
        volume = sum(position.volume for position in self.positions.values())
        assert self.strategy.open_volume() == volume + opens <= self.most_lots
        rows = {row.cycle: row for row in self.strategy.rows()}
        assert len(rows) <= self.most_cycles
        for cycle, orders in self.orders.items():
            assert len(orders) <= self.most_orders
            assert cycle in rows or cycle in self.gone
        for cycle, row in rows.items():
            mine = [position for position in self.positions.values() if position.cycle == cycle]
            assert row.booked == self.realised.get(cycle, 0)
            assert row.legs == len(mine)
            assert row.profit == row.booked + sum(
                (self.bid - each.price if each.side == 0 else each.price - self.ask) * each.volume
                + each.swap
                + self.commission(each.volume)
                for each in mine
            )


TRADER: dict[str, Any] = {
    "lot_sizes": (0.02, 0.03),
    "hedge_sl": 5.0,
    "zones": (4.0, 3.0),
    "zone_forward": 2.0,
    "zone_forward2": 3.0,
    "take_profit": 1.5,
    "max_cycle_loss": 6.0,
    "autotrade": True,
    "autotrade_threshold": 3.0,
    "autotrade_pips_restriction": 4.0,
    "max_cycles": 4,
    "max_orders_per_cycle": 5,
    "max_total_lots": 0.22,
    "auto_candle_close": True,
    "candle_timeframe": "M1",
    "prevent_opposing_trades": False,
}


@settings(max_examples=300)
@given(events=EVENTS, close_by=st.booleans(), commission=st.integers(0, 3))
def test_cycle_trader_holds_whatever_comes(events: list[Event], close_by: bool, commission: int) -> None:
    """Caps, one request in flight, closed for good, exact profits, copies that go on alike, a window that is sound."""
    at = Watched(CycleTraderParams(**TRADER), 22, 4, 5, close_by=close_by, commission_num=commission)
    for event in events:
        at.happen(event)


def test_long_random_histories_hold_and_end_in_every_way() -> None:
    """Hundreds of quotes a history, so that ladders, turns and repeated closes come about; each exit reason occurs."""
    seen: set[str] = set()
    for seed in range(24):
        rng = random.Random(seed)
        at = Watched(CycleTraderParams(**TRADER), 22, 4, 5, close_by=seed % 2 == 0, commission_num=seed % 4)
        for _ in range(400):
            at.happen((rng.randint(0, 19), rng.randint(-60, 60), rng.randint(0, 11), rng.randint(0, 99)))
            seen |= {said.split()[2] for said in at.said if said.startswith("ended")}
    assert seen >= {"take_profit", "max_loss", "candle_close", "command", "rejected", "external", "unknown_order"}


@settings(max_examples=200)
@given(events=EVENTS, mode=st.sampled_from(["levels", "zone"]), commission=st.integers(0, 3), day=st.integers(-9, 9))
def test_adaptive_hedging_holds_whatever_comes(events: list[Event], mode: Any, commission: int, day: int) -> None:
    """The same, with the day's profit anywhere."""
    params = AdaptiveHedgingParams(
        hedge_distance=3.0,
        hedge_activation_loss=-0.2,
        max_drawdown=-6.0,
        hedge_profit_target=1.5,
        max_hedge_levels=4,
        lot_progression=(0.01, 0.02, 0.03),
        max_total_lots=0.12,
        daily_profit_target=8.0,
        daily_loss_limit=-8.0,
        mode=mode,
    )
    at = Watched(params, 12, 1, 5, commission_num=commission)
    for event in events:
        at.strategy.view.day_profit = day * 100 if event[3] > 80 else 0
        at.happen(event if event[0] != 3 else (2, 0, 0, 18))
    assert at.strategy.name == "adaptive_hedging"


@settings(max_examples=60)
@given(events=EVENTS, commission=st.integers(0, 3))
def test_bollinger_stop_holds_whatever_comes(events: list[Event], commission: int) -> None:
    """The same, with minutes between the quotes so that bars close."""
    params = BollingerStopParams(
        signal_timeframe="M1", trend_timeframe="M5", exec_timeframe="M1", period=2, deviation=0.5, max_open_orders=3
    )
    at = Watched(params, 3 * 500, 3, 1, commission_num=commission, volume_max=500)
    rng = random.Random(len(events))
    closes = [110_000 + rng.randint(-30, 30) for _ in range(1_100)]
    for seconds in (60, 300):
        at.strategy.warm(seconds, [(close + 5, close - 5, close) for close in closes])
    for kind, moved, seconds, choice in events:
        at.happen((kind, moved, seconds * 10, choice))


LEVELS = AdaptiveHedgingParams(
    hedge_distance=2.0,
    hedge_activation_loss=-0.3,
    max_drawdown=-1.0,
    hedge_profit_target=0.3,
    disaster_sl=0.0,
    max_hedge_levels=4,
)


@pytest.mark.parametrize("params", [CycleTraderParams(**TRADER), LEVELS], ids=["cycle_trader", "adaptive_hedging"])
@pytest.mark.parametrize("rate", [(1, 1, 1, 1), (2, 3, 5, 7), (150, 1, 151, 1)])
def test_the_window_leaves_out_nothing(params: Params, rate: tuple[int, int, int, int]) -> None:
    """Quote by small quote, a strategy does the same as one that looks at every rule on every tick."""
    rng = random.Random(sum(rate))
    quick, slow = (Bench(params).strategy for _ in range(2))
    bid, tickets, sent = 110_000, 0, 0
    for strategy in (quick, slow):
        strategy.view.rate = PwRate(*rate)
    for tick in range(8_000):
        bid += rng.randint(-3, 3)
        time, ask = MONDAY + tick * SECOND // 4, bid + rng.choice((1, 1, 2))
        slow.on_command(4, side=0)  # forgets its window
        out = quick.on_tick(time, bid, ask)
        assert out == slow.on_tick(time, bid, ask)
        if tick % 100 == 50:
            out = quick.on_command(1, side=tick // 100 % 2)
            assert out == slow.on_command(1, side=tick // 100 % 2)
        for intent in out.intents:
            sent += 1
            tickets += intent.kind == OPEN
            price = ask if intent.side == 0 else bid
            ticket = tickets if intent.kind == OPEN else intent.ticket
            report = Report(1, intent.id, time, ticket, intent.ticket_by, intent.volume, 0, price, rng.randint(-9, 9))
            assert quick.on_report(report) == slow.on_report(report)
    assert sent > 10


@settings(max_examples=300)
@given(data=st.binary(min_size=88, max_size=88), kind=st.integers(-1, 7))
def test_any_report_is_taken_or_refused_and_changes_nothing_that_it_must_not(data: bytes, kind: int) -> None:
    """Random numbers in a report: the state stays usable, and a refused report leaves it as it was."""
    at = Bench(CycleTraderParams(**(TRADER | {"autotrade": False})))
    at.play("0 110000 110002 |\n open buy | open buy 2 initial\n 1 109951 109953 | open sell 2 hedge -> wait")
    numbers = [int.from_bytes(data[i : i + 8], "little", signed=True) >> (data[i] % 60) for i in range(0, 80, 8)]
    numbers[0] = numbers[0] % 4
    before = at.strategy.state
    try:
        at.strategy.on_report(Report(kind, *numbers)._replace(why=data[80] % 3))
    except KernelError as error:
        if "answered 2" in str(error):  # PW_OPTION
            assert at.strategy.state == before
        return
    at.strategy.on_tick(MONDAY + 100 * SECOND, 109_900, 109_902)
    assert at.strategy.open_volume() >= 0


def test_every_strategy_has_parameters() -> None:
    """The compiled table and the Structs are the same three."""
    assert strategy_names() == ("cycle_trader", "adaptive_hedging", "bollinger_stop")


def test_a_state_of_another_size_is_refused() -> None:
    """Other parameters, other bytes."""
    one = Bench(CycleTraderParams()).strategy
    two = Bench(CycleTraderParams(max_cycles=2)).strategy
    with pytest.raises(KernelError, match="are no state of it"):
        one.restore(two.state)
    with pytest.raises(KernelError, match="are no state of it"):
        one.restore(Bench(AdaptiveHedgingParams()).strategy.state[: len(one.state)].ljust(len(one.state), b"\0"))


def test_a_report_that_cannot_be_is_refused() -> None:
    """More than was asked for, or a kind that there is not; nothing changes."""
    at = Bench(CycleTraderParams(**TRADER))
    at.play("0 110000 110002 |\n open buy | open buy 2 initial -> wait")
    before = at.strategy.state
    for report in (Report(1, 1, 0, 7, 0, 3, 0, 110_002), Report(1, 1, 0, 7, 0, 1, 0, -1), Report(9, 1)):
        with pytest.raises(KernelError, match="answered 2"):
            at.strategy.on_report(report)
        assert at.strategy.state == before
