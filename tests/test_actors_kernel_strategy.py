"""The compiled strategies in a session: what becomes an order, what is stored, and when only exits run."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import pytest

from actors.kernel_state import KernelState
from actors.kernel_strategy import CycleTrader
from actors.strategies import find_strategy, make_params
from actors.strategy import Outcome, Position, StrategyError, Terms
from actors.symbols import symbol_spec
from schemas.market import SymbolSpec, Tick
from schemas.order import Deal, Side
from schemas.settings import ParamValue

START = 1_600_000_000_000_000  # a Sunday's evening; the synthetic symbol has no hours
SECOND = 1_000_000
PARAMS: dict[str, ParamValue] = {"opening": "buy", "hedge_sl": 10.0, "zones": (10.0,)}


class FakeDesk:
    """A desk that fills when it is told to."""

    simulated = False

    def __init__(self, symbol: str = "EURUSD", currency: str = "USD") -> None:
        self.now = START
        self.orders: dict[str, dict[str, Any]] = {}
        self.alerts: list[str] = []
        self.open: list[str] = []
        self.held: list[Position] = []
        self.barred = False
        self._spec = symbol_spec(symbol, "paper", always_open=True)
        self._terms = Terms(currency, 100, 3.5)

    def spec(self, symbol: str) -> SymbolSpec | None:
        """Known from the beginning."""
        assert symbol == self._spec.symbol
        return self._spec

    def terms(self) -> Terms:
        """See above."""
        return self._terms

    def alert(self, code: str, text: str) -> None:
        """Kept."""
        assert text
        self.alerts.append(code)

    def positions(self, symbol: str) -> list[Position]:
        """What was filled."""
        assert symbol == self._spec.symbol
        return self.held

    def working(self, symbol: str) -> list[str]:
        """Not told to be filled yet."""
        assert symbol == self._spec.symbol
        return self.open

    def signal(self, symbol: str, name: str, side: Side, values: dict[str, float]) -> None:
        """None is sent."""

    def order(self, symbol: str, side: Side, volume: float, **more: Any) -> str:
        """Kept, and under way unless barred."""
        assert symbol == self._spec.symbol
        name = f"s-1-{len(self.orders) + 1}"
        self.orders[name] = {"side": side, "volume": volume, **more}
        if not self.barred:
            self.open.append(name)
        return name

    def outcome(self, name: str, price: float, ticket: int) -> Outcome:
        """The order filled."""
        self.open.remove(name)
        order = self.orders[name]
        if order["position"]:
            self.held = [one for one in self.held if one.ticket != order["position"]]
        else:
            self.held.append(Position(ticket, "EURUSD", order["side"], order["volume"], price))
        deal = Deal(
            ticket=ticket,
            position=order["position"] or ticket,
            entry="out" if order["position"] else "in",
            symbol="EURUSD",
            side=order["side"],
            volume=order["volume"],
            price=price,
            at=self.now,
            commission=-0.04,
        )
        return Outcome(
            name, "EURUSD", "filled", order["side"], order["volume"], order["volume"], price, deal.position,
            order["position"], "", ended=True, deal=deal,
        )  # fmt: skip


def made(state: KernelState | None = None) -> CycleTrader:
    """A strategy, as the runner makes one from the file."""
    kept = None if state is None else msgspec.json.decode(msgspec.json.encode(state), type=KernelState)
    return CycleTrader("EURUSD", make_params(CycleTrader, PARAMS), kept)


def tick(strategy: CycleTrader, desk: FakeDesk, bid: float, *, seconds: int = 1) -> None:
    """A quote, one point wide, a second later."""
    desk.now += seconds * SECOND
    quote = Tick(venue="paper", symbol="EURUSD", at=desk.now, bid=bid, ask=round(bid + 1e-5, 5))
    strategy.on_tick(quote, desk)


def opened(desk: FakeDesk) -> CycleTrader:
    """With a filled first order, ticket 5."""
    strategy = made()
    tick(strategy, desk, 1.1)
    (order,) = desk.open
    strategy.on_order(desk.outcome(order, 1.10001, 5), desk)
    return strategy


def test_a_cycle_opens_hedges_and_its_orders_carry_its_id() -> None:
    """A BUY, and the opposite side with its volume when the price is hedge_sl against it."""
    desk = FakeDesk()
    strategy = opened(desk)
    tick(strategy, desk, 1.09901)
    first, hedge = desk.orders.values()
    assert (first["side"], first["volume"], first["position"], first["cycle"]) == ("buy", 0.01, 0, "1")
    assert (hedge["side"], hedge["volume"], hedge["cycle"], hedge["comment"]) == ("sell", 0.01, "1", "hedge")


def test_a_strategy_from_the_file_goes_on_where_it_was() -> None:
    """The hedge goes out from another object, and nothing is said."""
    desk = FakeDesk()
    strategy = made(opened(desk).state)
    tick(strategy, desk, 1.09901)
    assert [order["side"] for order in desk.orders.values()] == ["buy", "sell"]
    assert desk.alerts == []


def test_an_outcome_before_the_first_tick_waits_for_it_across_restarts() -> None:
    """The fill is not lost, so the next one of it is the hedge."""
    desk = FakeDesk()
    strategy = made()
    tick(strategy, desk, 1.1)
    second = made(strategy.state)
    second.on_order(desk.outcome(desk.open[0], 1.10001, 5), desk)
    third = made(second.state)
    assert len(third.state.waiting) == 1
    tick(third, desk, 1.09901)
    assert [order["side"] for order in desk.orders.values()] == ["buy", "sell"]
    assert third.state.waiting == []
    assert desk.alerts == []


def test_the_state_of_another_build_only_closes() -> None:
    """No hedge; what the strategy closes it still closes."""
    desk = FakeDesk()
    state = opened(desk).state
    state.build = "another"
    strategy = made(state)
    tick(strategy, desk, 1.09901)
    assert len(desk.orders) == 1
    assert desk.alerts == ["only_exits"]
    tick(strategy, desk, 1.2)
    assert [(order["position"], order["comment"]) for order in desk.orders.values()] == [
        (0, "initial"),
        (5, "take_profit"),
    ]


def test_a_state_that_cannot_be_read_is_an_error_while_positions_are_open() -> None:
    """And a beginning without them."""
    desk = FakeDesk()
    state = opened(desk).state
    state.body = b"x" * 16
    with pytest.raises(StrategyError, match=r"does not fit this version.*left as they are"):
        tick(made(state), desk, 1.1)
    assert len(desk.orders) == 1
    desk.held.clear()
    strategy = made(state)
    tick(strategy, desk, 1.1)
    assert len(desk.orders) == 2


def test_positions_that_differ_from_the_state_let_only_exits_run() -> None:
    """One that the session has and the strategy does not know, or the other way round."""
    for held in ([], [Position(5, "EURUSD", "buy", 0.02, 1.1)]):
        desk = FakeDesk()
        state = opened(desk).state
        desk.held = list(held)
        tick(made(state), desk, 1.09901)
        assert desk.alerts == ["only_exits"]
        assert len(desk.orders) == 1


def test_an_order_that_never_left_is_refused() -> None:
    """Barred at once, or lost with the message that sent it: the cycle ends, and its side is free again."""
    desk = FakeDesk()
    desk.barred = True
    strategy = made()
    tick(strategy, desk, 1.1)
    assert strategy.state.sent == {}
    lost = FakeDesk()
    strategy = made()
    tick(strategy, lost, 1.1)
    lost.open.clear()
    tick(strategy, lost, 1.1)
    assert strategy.state.sent == {}
    assert len(lost.orders) == 1


@pytest.mark.parametrize(("state", "again"), [("refused", 61), ("rejected", 86_400)])
def test_opening_waits_after_a_refused_first_order(state: str, again: int) -> None:
    """A minute when the guard did not let it pass, until the next server day when the venue did not take it."""
    desk = FakeDesk()
    strategy = made()
    tick(strategy, desk, 1.1)
    (order,) = desk.open
    desk.open.clear()
    strategy.on_order(Outcome(order, "EURUSD", state, "buy", 0.01, 0.0, 0.0, 0, 0, "no", ended=True), desk)
    tick(strategy, desk, 1.1, seconds=50)
    assert len(desk.orders) == 1
    if state == "rejected":
        tick(strategy, desk, 1.1, seconds=60)
        assert len(desk.orders) == 1
    tick(strategy, desk, 1.1, seconds=again)
    assert len(desk.orders) == 2


def test_a_close_that_fails_is_repeated_by_time_alone() -> None:
    """Live no tick is needed; in simulated time there is no other clock."""
    desk = FakeDesk()
    strategy = opened(desk)
    tick(strategy, desk, 1.2)
    (close,) = desk.open
    desk.open.clear()
    refused = Outcome(close, "EURUSD", "refused", "sell", 0.01, 0.0, 0.0, 0, 5, "recovering", ended=True)
    strategy.on_order(refused, desk)
    desk.simulated = True
    strategy.on_timer(desk.now + 2 * SECOND, desk)
    assert len(desk.orders) == 2
    desk.simulated = False
    strategy.on_timer(desk.now + 2 * SECOND, desk)
    assert [order["position"] for order in desk.orders.values()] == [0, 5, 5]


def test_a_deal_that_was_not_told_lets_only_exits_run() -> None:
    """An order that has filled by more than its last deal."""
    desk = FakeDesk()
    strategy = made()
    tick(strategy, desk, 1.1)
    whole = desk.outcome(desk.open[0], 1.10001, 5)
    strategy.on_order(msgspec.structs.replace(whole, deal=None), desk)
    assert desk.alerts == ["only_exits"]


def test_a_symbol_without_a_rate_is_refused_by_name() -> None:
    """Neither of its currencies is the account's."""
    desk = FakeDesk(currency="CHF")
    with pytest.raises(StrategyError, match="EURUSD has its profit in USD, the account is in CHF"):
        tick(made(), desk, 1.1)


@pytest.mark.parametrize(
    ("name", "params", "text"),
    [
        ("cycle_trader", {"order_sl": 5.0}, "order_sl 5.0; expected 0: a session cannot send a stop-loss"),
        ("cycle_trader", {"opening": "up"}, "params.opening"),
        ("adaptive_hedging", {"max_drawdown": -1.0}, "max_drawdown"),
        ("bollinger_stop", {}, "stop-loss orders, which a session cannot send yet"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_before_anything_starts(
    name: str, params: dict[str, float | str], text: str
) -> None:
    """By name, with what was expected."""
    with pytest.raises(StrategyError, match=text):
        make_params(find_strategy(name), params)


def test_a_session_of_a_compiled_strategy_imports_no_numpy() -> None:
    """Memory of a live process."""
    code = (
        "import sys; from actors.kernel_strategy import CycleTrader; from actors import runner;"
        "from kernels.strategies import Strategy; Strategy.__name__; sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
