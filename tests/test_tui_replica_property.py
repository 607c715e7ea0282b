"""The replica against a whole floor's history: in any order, joined late, with holes.

`History` plays a small floor: feed, gateway, router, portfolio, watch, guard and an actor that beats. It keeps what
travelled, and can say at any moment what a late joiner would be told.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st

from schemas.account import AccountState, PositionMark, PositionProfits, PositionState, ProfitLoss
from schemas.answers import BookAnswer, LogAnswer, SeriesAnswer, SeriesPoint
from schemas.base import Event
from schemas.command import RiskState
from schemas.health import Alert, Beat, HealthState
from schemas.market import MarketStatus, SymbolSpec, Tick
from schemas.order import ENDED, Deal, OrderState, OrderTerms, OrderUpdate
from schemas.registry import subject_of
from schemas.session import SessionState
from tui.replica import Replica

T = 1_700_000_000_000_000
S = 1_000_000
LAST = (Tick, SymbolSpec, MarketStatus, AccountState, PositionState, PositionProfits, ProfitLoss, RiskState)
KEPT = (*LAST, SessionState, HealthState)
"""What the stream of last words keeps."""

Steps = st.lists(st.tuples(st.integers(0, 13), st.integers(0, 5)), min_size=1, max_size=60)


class History:
    """What travelled, oldest first, a tenth of a second apart."""

    def __init__(self, steps: list[tuple[int, int]]) -> None:
        self.events: list[Event] = []
        self._incarnations: Counter[str] = Counter()
        self._sequences: Counter[tuple[str, int]] = Counter()
        self._positions: dict[int, PositionState] = {}
        self._orders: dict[str, OrderUpdate] = {}
        self._acts = (
            self._tick,
            self._tick,
            self._open,
            self._change,
            self._close,
            self._order,
            self._advance,
            self._advance,
            self._marks,
            self._account,
            self._states,
            self._beat,
            self._alert,
            self._restart,
        )
        for digits, symbol in ((5, "E"), (2, "X")):
            self._spec(symbol, digits)
        self._opening = len(self.events)
        for act, choice in steps:
            self._acts[act](choice)
        self._marks(0)

    def say(self, source: str, event: Event) -> Any:
        """Stamp it and send it."""
        incarnation = self._incarnations[source] + 1
        subject = subject_of(event)
        self._sequences[subject, incarnation] += 1
        stamped = msgspec.structs.replace(
            event,
            source=source,
            incarnation=incarnation,
            sequence=self._sequences[subject, incarnation],
            time=self.now,
        )
        self.events.append(stamped)
        return stamped

    @property
    def now(self) -> int:
        return T + len(self.events) * S // 10

    def past(self, until: int) -> list[Event]:
        """What somebody is told who asks when `until` events have been sent."""
        last: dict[str, Event] = {}
        orders: dict[str, OrderUpdate] = {}
        fills, points, entries = [], [], []
        for event in self.events[:until]:
            if isinstance(event, KEPT):
                last[subject_of(event)] = event
            if isinstance(event, OrderUpdate):
                orders[event.order] = event
                fills += [event] if event.deal else []
            if isinstance(event, ProfitLoss) and event.scope == "portfolio" and event.equity is not None:
                points.append(SeriesPoint(event.time, event.equity, event.balance or 0.0))
            if isinstance(event, Alert):
                entries.append(event)
        positions = [event for event in last.values() if isinstance(event, PositionState) and event.volume]
        open_orders = [update for update in orders.values() if update.state not in ENDED]
        book = BookAnswer(positions=tuple(positions), orders=tuple(open_orders), fills=tuple(fills))
        series = SeriesAnswer(scope="portfolio", id="floor", currency="USD", points=_by_second(points))
        return [*last.values(), book, series, LogAnswer(entries=tuple(entries))]

    # ---- what may happen

    def _spec(self, symbol: str, digits: int) -> None:
        self.say(
            "feed",
            SymbolSpec(
                venue="v",
                symbol=symbol,
                digits=digits,
                point=10**-digits,
                pip=10**-digits,
                contract_size=1.0,
                volume_min=0.01,
                volume_max=1.0,
                volume_step=0.01,
                currency_base="E",
                currency_profit="U",
                currency_margin="E",
            ),
        )

    def _tick(self, choice: int) -> None:
        bid = 1.0 + choice + len(self.events) / 1000
        self.say("feed", Tick(venue="v", symbol="EX"[choice % 2], at=self.now, bid=bid, ask=bid + 1))

    def _position(self, ticket: int, volume: float, price: float) -> None:
        state = PositionState(
            account="a",
            ticket=ticket,
            symbol="E",
            side="buy",
            volume=volume,
            price_open=price,
            opened_at=T,
            session="s",
            strategy="x",
        )
        self._positions[ticket] = self.say("gateway", state)

    def _open(self, choice: int) -> None:
        self._position(len(self.events), 0.1 * (1 + choice), 1.0)

    def _change(self, choice: int) -> None:
        held = [one for one in self._positions.values() if one.volume]
        if held:
            one = held[choice % len(held)]
            self._position(one.ticket, one.volume + 0.01, one.price_open + 0.1)

    def _close(self, choice: int) -> None:
        held = [one for one in self._positions.values() if one.volume]
        if held:
            one = held[choice % len(held)]
            self._position(one.ticket, 0.0, one.price_open)

    def _order(self, choice: int) -> None:
        name = f"o{len(self.events)}"
        terms = OrderTerms(
            id=name,
            account="a",
            session="s",
            strategy="x",
            venue="v",
            symbol="E",
            kind="market",
            side="sell",
            volume=0.3,
            submitted_at=self.now,
            expires_at=self.now + S,
        )
        update = OrderUpdate(
            account="a",
            session="s",
            order=name,
            state=OrderState.SUBMITTING,
            revision=1,
            terms=terms,
            order_class="open",
        )
        self._orders[name] = self.say("router", update)

    def _advance(self, choice: int) -> None:
        under_way = [one for one in self._orders.values() if one.state not in ENDED]
        if not under_way:
            return
        one = under_way[choice % len(under_way)]
        state = (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.FILLED, OrderState.CANCELLED)[choice % 4]
        deal = None
        if state in {OrderState.PARTIALLY_FILLED, OrderState.FILLED}:
            number = len(self.events)
            deal = Deal(
                ticket=number, position=1, entry="in", symbol="E", side="sell", volume=0.1, price=1.5, at=self.now
            )
        self._orders[one.order] = self.say(
            "router",
            msgspec.structs.replace(
                one,
                state=state,
                revision=one.revision + 1,
                filled=one.filled + (0.1 if deal else 0.0),
                deal=deal,
                report=f"r{deal.ticket}" if deal else "",
            ),
        )

    def _marks(self, choice: int) -> None:
        held = [one.ticket for one in self._positions.values() if one.volume]
        marks = tuple(PositionMark(ticket, 1.5, float(len(self.events) + ticket)) for ticket in held)
        self.say("portfolio", PositionProfits(account="a", currency="USD", marks=marks))
        equity = None if choice == 1 else 100.0 + len(self.events)
        self.say(
            "portfolio",
            ProfitLoss(
                scope="portfolio",
                id="floor",
                currency="USD",
                realised=float(choice),
                floating=equity,
                equity=equity,
                balance=100.0,
            ),
        )

    def _account(self, choice: int) -> None:
        state = AccountState(
            account="a",
            venue="v",
            currency="USD",
            balance=100.0 + choice,
            equity=100.0,
            margin=0.0,
            leverage=1,
            mode="hedging",
            positions=0,
        )
        self.say("gateway", state)

    def _states(self, choice: int) -> None:
        said: tuple[tuple[str, Event], ...] = (
            ("guard", RiskState(scope="account", id="a", state="halted" if choice % 2 else "active", epoch=1)),
            ("supervisor", SessionState(session="s", account="a", strategy="x", symbols=("E",), state="running")),
            ("watch", HealthState(actor="feed", state="dead" if choice % 2 else "alive", restarts=choice)),
            ("feed", MarketStatus(venue="v", symbol="E", state="closed" if choice % 2 else "open")),
        )
        self.say(*said[choice % len(said)])

    def _beat(self, choice: int) -> None:
        self.say("guard", Beat(actor="guard", state="running", mailbox=choice))

    def _alert(self, choice: int) -> None:
        self.say("guard", Alert(severity="warning", code=f"c{choice}", text="t", actor="guard"))

    def _restart(self, choice: int) -> None:
        source = ("feed", "gateway", "portfolio", "watch", "guard", "router")[choice]
        self._incarnations[source] += 1


def _by_second(points: list[SeriesPoint]) -> tuple[SeriesPoint, ...]:
    return tuple({point.at // S: point for point in points}.values())


def joined() -> Replica:
    """Linked, and everything read, long before anything happens."""
    replica = Replica()
    replica.link(True, "", T - 60 * S, "reading")
    replica.begin_reading(T - 60 * S)
    replica.finish_reading(T - 60 * S)
    return replica


def in_order(history: History) -> Replica:
    """All of it, live."""
    replica = joined()
    for event in history.events:
        replica.fold(event, event.time)
    return replica


def shown(replica: Replica) -> dict[str, Any]:
    """The view's figures, without what depends on when something was received or who was listening."""
    view = replica.view
    return {
        "quotes": {key: (row.bid, row.ask, row.at, row.market, row.digits) for key, row in view.quotes.items()},
        "positions": {key: _without(row, "missed") for key, row in view.positions.items()},
        "orders": {key: _without(row, "missed") for key, row in view.orders.items()},
        "fills": [msgspec.structs.asdict(row) for row in view.fills],
        "actors": {key: (row.state, row.restarts) for key, row in view.actors.items() if key == "feed"},
        "sessions": view.sessions,
        "profits": view.profits,
        "accounts": view.accounts,
        "risk": view.risk,
        "curve": view.curve,
        # The price of a fill is written with the digits that are known at the time.
        "log": sorted((row.at, row.code, row.text.split(" at ")[0]) for row in view.log if row.actor != "terminal"),
    }


def _without(row: msgspec.Struct, name: str) -> dict[str, Any]:
    return {key: value for key, value in msgspec.structs.asdict(row).items() if key != name}


@given(steps=Steps, data=st.data())
def test_a_late_joiner_comes_to_the_same_view(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    """Whenever it joins, whenever what was before is read, in whatever order and among whatever is live by then."""
    history = History(steps)
    events = history.events
    join = data.draw(st.integers(0, len(events)), "join")
    asked = data.draw(st.integers(join, len(events)), "asked")
    past = data.draw(st.permutations(history.past(asked)), "past")
    places = sorted(data.draw(st.lists(st.integers(asked, len(events)), min_size=len(past), max_size=len(past))))

    late = Replica()
    start = events[join].time if join < len(events) else history.now
    late.link(True, "", start, "reading")
    late.begin_reading(start)
    queue = list(zip(places, past, strict=True))
    for number in range(join, len(events) + 1):
        while queue and queue[0][0] == number:
            late.fold(queue.pop(0)[1], start + S, live=False)
        if number < len(events):
            late.fold(events[number], events[number].time)
    late.finish_reading(history.now)

    note("late" if join else "from the start")
    assert shown(late) == shown(in_order(history))
    assert late.view.link.gaps == 0


@given(steps=Steps, data=st.data())
def test_every_hole_is_counted(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    """An event that never came, with a later one on its subject that did: that many gaps, exactly, and said."""
    history = History(steps)
    lost = set(data.draw(st.lists(st.integers(2, len(history.events) - 1), unique=True, max_size=20), "lost"))
    replica = joined()
    for number, event in enumerate(history.events):
        if number not in lost:
            replica.fold(event, event.time)

    holes = 0
    heard: dict[str, tuple[int, int]] = {}
    for number, event in enumerate(history.events):
        subject = subject_of(event)
        if number in lost or isinstance(event, Alert):
            continue
        first = (event.incarnation, 0) if isinstance(event, OrderUpdate) else None
        before = heard.get(subject, first)
        if before is not None:
            holes += event.sequence - 1 - (before[1] if before[0] == event.incarnation else 0)
        heard[subject] = (event.incarnation, event.sequence)
    note("holes" if holes else "whole")
    assert replica.view.link.gaps == holes
    assert bool(holes) == any(row.code == "gap" for row in replica.view.log)


@given(steps=Steps, data=st.data())
def test_reading_again_makes_every_loss_good(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    """Whatever did not come while the link was down: with what was before read again the view is as if it had."""
    history = History(steps)
    events = history.events
    down = data.draw(st.integers(0, len(events)), "down")
    up = data.draw(st.integers(down, len(events)), "up")
    replica = joined()
    for event in events[:down]:
        replica.fold(event, event.time)
    since = T + down * S // 10
    replica.link(False, "", since)
    back = T + up * S // 10
    replica.link(True, "", back, "reading")
    replica.begin_reading(back)
    asked = data.draw(st.integers(up, len(events)), "asked")
    for number in range(up, len(events) + 1):
        if number == asked:
            for event in history.past(asked):
                replica.fold(event, back, live=False)
        if number < len(events):
            replica.fold(events[number], events[number].time)
    replica.finish_reading(history.now)
    assert shown(replica) == shown(in_order(history))
