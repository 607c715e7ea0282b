"""The guard against whatever may happen: a floor beside it counts for itself what is open and what may still fill.

Intents good and bad, updates, repeats, ticks, lost links, trading states, time, and restarts from what ORDERS holds, in
any order. Never is a cap exceeded, an id cleared twice, a valid close refused or an invalid one cleared; and the same
messages give the same bytes.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from guard_desk import MS, SECOND, SPEC, START, TICK, Desk, connected, make_fill, make_terms, make_update, running
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from actors.effects import Publish, PublishStored
from actors.guard import recover
from schemas.base import Event
from schemas.codec import decode, encode
from schemas.command import RiskState
from schemas.order import OrderCleared, OrderIntent, OrderRefused, OrderState, OrderTerms, OrderUpdate

SESSIONS = {"ema": "paper", "ema-2": "paper", "far": "other"}
SYMBOLS = {"ema": ("EURUSD", "XAUUSD"), "ema-2": ("EURUSD",), "far": ("EURUSD",)}
QUOTES = {"EURUSD": (1.1, 1.1001), "XAUUSD": (1500.0, 1500.2)}
ORDER, SYMBOL, ACCOUNT, POSITIONS = 5, 10, 15, 4
"""The caps of `guard_desk.SETTINGS`, in steps of 0.01 lots."""
SKEW = 250 * MS
LIFE = 3 * SECOND
WAIT = LIFE + 2 * SKEW
STRICT = ("active", "reducing", "halted")


class Order(msgspec.Struct):
    """A cleared order as the floor sees it: `rest` in steps; `epoch` of the guard that cleared it."""

    terms: OrderTerms
    epoch: int
    rest: int
    state: Literal["cleared", "sent", "lost", "ended", "dead"] = "cleared"
    revision: int = 0
    ticket: int = 0


class Floor(RuleBasedStateMachine):
    """The world around a guard, kept by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.desks = [self.desk]
        self.record: list[Event] = []
        self.orders: dict[str, Order] = {}
        self.positions: dict[int, tuple[OrderTerms, int]] = {}
        self.counters = dict.fromkeys(SESSIONS, 0)
        self.asked = 0
        self.refused: list[OrderTerms] = []
        self.told: list[OrderUpdate] = []
        self.states = {"portfolio": "active", "paper": "active", "other": "active", **dict.fromkeys(SESSIONS, "active")}
        self.ready_at = START
        self.quoted: dict[str, int] = {}
        self.link = True
        self.up: set[str] = set()

    @initialize()
    def begin(self) -> None:
        """The first guard of the floor, with everything there."""
        self._start()

    def _start(self) -> None:
        desk = self.desk
        desk.start()
        self.record += [decode(out.data) for out in desk.outbox if isinstance(out.effect, PublishStored)]
        for session, account in SESSIONS.items():
            state = running(session, account, SYMBOLS[session])
            self.record.append(state)
            desk.hear(state)
        desk.hear(SPEC)
        desk.hear(msgspec.structs.replace(SPEC, symbol="XAUUSD", digits=2, point=0.01))
        self.quoted.clear()
        self.link, self.up = True, set()
        for account in ("paper", "other"):
            self._connect(account)
        self._quotes()

    # ---- what the floor knows

    def _bury(self) -> None:
        """A clearance that nobody took up in its time is dead; a guard without a link cannot know of its own."""
        for one in self.orders.values():
            knows = self.link or one.epoch < self.desk.guard.incarnation
            if one.state == "cleared" and self.desk.now > one.terms.expires_at + SKEW and knows:
                one.state = "dead"

    def _live(self, session: str = "", account: str = "", symbol: str = "", side: str = "") -> list[Order]:
        return [
            one
            for one in self.orders.values()
            if one.state not in {"ended", "dead"}
            and session in {"", one.terms.session}
            and account in {"", one.terms.account}
            and symbol in {"", one.terms.symbol}
            and side in {"", one.terms.side}
        ]

    def _gross(self, account: str, symbol: str = "") -> int:
        held = [
            steps
            for terms, steps in self.positions.values()
            if terms.account == account and symbol in {"", terms.symbol}
        ]
        return sum(held) + sum(one.rest for one in self._live(account=account, symbol=symbol) if not one.terms.position)

    def _count(self, account: str) -> int:
        held = [terms for terms, _ in self.positions.values() if terms.account == account]
        return len(held) + sum(not one.terms.position and not one.ticket for one in self._live(account=account))

    def _left(self, ticket: int) -> int:
        """Steps of a position that no close in flight may take."""
        return self.positions[ticket][1] - sum(one.rest for one in self._live() if one.terms.position == ticket)

    def _net(self, session: str, symbol: str) -> tuple[int, int]:
        net = sum(
            steps if terms.side == "buy" else -steps
            for terms, steps in self.positions.values()
            if (terms.session, terms.symbol) == (session, symbol)
        )
        sells = sum(one.rest for one in self._live(session, symbol=symbol, side="sell"))
        buys = sum(one.rest for one in self._live(session, symbol=symbol, side="buy"))
        return net - sells, net + buys

    def _trading(self, session: str) -> str:
        scopes = ("portfolio", SESSIONS[session], session)
        return STRICT[max(STRICT.index(self.states[scope]) for scope in scopes)]

    # ---- intents

    @rule(
        session=st.sampled_from(sorted(SESSIONS)),
        gold=st.sampled_from([False, False, True]),
        sell=st.booleans(),
        steps=st.integers(1, 6),
        fresh=st.booleans(),
        then=st.sampled_from(["", "send", "part", "fill", "fill"]),
    )
    def ask_to_add(self, session: str, gold: bool, sell: bool, steps: int, fresh: bool, then: str) -> None:
        """An order that names no position; cleared, it may be filled at once."""
        symbol = "XAUUSD" if gold else "EURUSD"
        bid, ask = QUOTES[symbol]
        terms = self._ask(
            session,
            symbol=symbol,
            side="sell" if sell else "buy",
            volume=steps / 100,
            bid=bid,
            ask=ask,
            expires_at=self.desk.now + (LIFE + SKEW if fresh else LIFE // 3),
        )
        order = self.orders.get(terms.id)
        if order is not None and then:
            self._send(order)
            if then != "send":
                self._fill(order, order.rest if then == "fill" else 1)

    @precondition(lambda self: self.positions)
    @rule(pick=st.integers(0, 99), steps=st.sampled_from([0, 0, 1, 1, 2, 3, 4, 5]), wrong=st.integers(0, 12))
    def ask_to_close(self, pick: int, steps: int, wrong: int) -> None:
        """An order that names a position: all of it (0 steps) or so much, sometimes with something wrong."""
        ticket = sorted(self.positions)[pick % len(self.positions)]
        terms, held = self.positions[ticket]
        changes = {
            "symbol": "XAUUSD" if wrong == 1 and terms.symbol == "EURUSD" else terms.symbol,
            "side": terms.side if wrong == 2 else ("sell" if terms.side == "buy" else "buy"),
            "volume": ((steps or held) + (0.5 if wrong == 3 else 0)) / 100,
            "position": ticket + (1000 if wrong == 4 else 0),
            "bid": 0.0,
            "ask": 0.0,
        }
        session = next(one for one in SESSIONS if one != terms.session) if wrong == 5 else terms.session
        self._ask(session, **changes)

    @precondition(lambda self: self.orders)
    @rule(pick=st.integers(0, 99), renewed=st.booleans(), smaller=st.booleans())
    def ask_again(self, pick: int, renewed: bool, smaller: bool) -> None:
        """An id that was cleared comes again, with the same times or new ones."""
        terms = list(self.orders.values())[pick % len(self.orders)].terms
        if renewed:
            now = self.desk.now
            terms = msgspec.structs.replace(terms, submitted_at=now, expires_at=now + LIFE)
        if smaller:
            terms = msgspec.structs.replace(terms, volume=0.01)
        self._judge(terms)

    @precondition(lambda self: self.refused)
    @rule(pick=st.integers(0, 99))
    def ask_again_what_was_refused(self, pick: int) -> None:
        """Once refused is refused for good, as long as this guard lives."""
        terms = self.refused[pick % len(self.refused)]
        now = self.desk.now
        verdict = self._judge(msgspec.structs.replace(terms, submitted_at=now, expires_at=now + LIFE))
        assert isinstance(verdict, OrderRefused)

    def _ask(self, session: str, **changes: object) -> OrderTerms:
        self.counters[session] += 1
        fixed = {"session": session, "account": SESSIONS[session], "submitted_at": self.desk.now}
        terms = make_terms(self.counters[session], **fixed | changes)
        valid = self._valid_close(terms)
        verdict = self._judge(terms)
        if terms.position:
            assert isinstance(verdict, OrderCleared) == valid, verdict
        return terms

    def _valid_close(self, terms: OrderTerms) -> bool:
        """What must pass, whatever else is wrong with the floor."""
        position, _ = self.positions.get(terms.position, (None, 0))
        steps = terms.volume * 100
        return (
            position is not None
            and position.session == terms.session
            and position.symbol == terms.symbol
            and position.side != terms.side
            and steps <= self._left(terms.position)
            and abs(steps - round(steps)) < 1e-6
            and self.desk.now >= self.ready_at
            and self._trading(terms.session) != "halted"
        )

    def _judge(self, terms: OrderTerms) -> OrderCleared | OrderRefused:
        """Ask, and check what may never be."""
        self.asked += 1
        before = len(self.desk.outbox)
        self.desk.hear(OrderIntent(terms=terms))
        verdicts = [
            out.effect
            for out in self.desk.outbox[before:]
            if isinstance(out.effect, Publish) and isinstance(out.effect.event, OrderCleared | OrderRefused)
        ]
        assert len(verdicts) == 1
        event = verdicts[0].event
        assert isinstance(event, OrderCleared | OrderRefused)
        if isinstance(event, OrderCleared):
            assert event.terms == terms
            assert event.epoch == self.desk.guard.incarnation
            assert verdicts[0].sign
            self._check_clearance(event)
        else:
            self.refused.append(terms)
        return event

    def _check_clearance(self, event: OrderCleared) -> None:
        terms, now = event.terms, self.desk.now
        before = self.orders.get(terms.id)
        # Only a clearance of an earlier guard that died without a trace leaves its id free.
        assert before is None or (before.epoch < event.epoch and before.state == "dead")
        assert now >= self.ready_at
        assert now <= terms.expires_at <= now + LIFE + SKEW
        trading = self._trading(terms.session)
        assert trading != "halted"
        steps = round(terms.volume * 100)
        low, high = self._net(terms.session, terms.symbol)
        self.orders[terms.id] = Order(terms, event.epoch, steps)
        if event.order_class == "close":
            assert self._left(terms.position) >= 0
            return
        assert not terms.position
        assert steps <= ORDER
        assert self._gross(terms.account, terms.symbol) <= SYMBOL
        assert self._gross(terms.account) <= ACCOUNT
        assert self._count(terms.account) <= POSITIONS
        assert terms.symbol in SYMBOLS[terms.session]
        if event.order_class == "hedge":
            assert (low if terms.side == "sell" else -high) >= steps
            return
        assert trading == "active"
        assert self.link
        assert terms.account in self.up
        assert now - self.quoted[terms.symbol] <= 5 * SECOND
        assert not [one for one in self._live(terms.session) if one.state == "lost"]

    # ---- the router and the venue

    @precondition(lambda self: self._live())
    @rule(pick=st.integers(0, 99), what=st.sampled_from(["send", "send", "fill", "fill", "part", "lose", "reject"]))
    def deal_with(self, pick: int, what: str) -> None:
        """A cleared order is sent, filled, lost or ended."""
        live = self._live()
        order = live[pick % len(live)]
        if order.state == "cleared":
            self._send(order)
        elif what in {"fill", "part"}:
            self._fill(order, 1 if what == "part" else order.rest)
        elif what == "lose":
            self._tell(order, make_update(order.terms, OrderState.UNKNOWN, order.revision + 1), "lost")
        elif what == "reject":
            self._tell(order, make_update(order.terms, OrderState.REJECTED, order.revision + 1), "ended")

    def _send(self, order: Order) -> None:
        late = self.desk.now > order.terms.expires_at
        state = OrderState.EXPIRED if late else OrderState.SUBMITTING
        self._tell(order, make_update(order.terms, state, 1), "ended" if late else "sent")

    def _fill(self, order: Order, steps: int) -> None:
        terms = order.terms
        order.ticket = order.ticket or terms.position or 7 + sum(bool(one.ticket) for one in self.orders.values())
        position, held = self.positions.get(order.ticket, (terms, 0))
        done = steps == order.rest
        state = OrderState.FILLED if done else OrderState.PARTIALLY_FILLED
        update = make_fill(terms, order.ticket, steps / 100, order.revision + 1, state=state)
        order.rest -= steps
        held += -steps if terms.position else steps
        self.positions[order.ticket] = (position, held)
        assert held >= 0
        if not held:
            del self.positions[order.ticket]
        self._tell(order, update, "ended" if done else "sent")

    def _tell(self, order: Order, update: OrderUpdate, state: Literal["sent", "lost", "ended"]) -> None:
        order.state, order.revision = state, update.revision
        self.told.append(update)
        self.record.append(update)
        self.desk.hear(update)

    @precondition(lambda self: self.told)
    @rule(pick=st.integers(0, 999))
    def tell_again(self, pick: int) -> None:
        """An update comes a second time."""
        self.desk.hear(self.told[pick % len(self.told)])

    # ---- the rest of the world

    def _quotes(self) -> None:
        for symbol in QUOTES:
            self._tick(symbol)

    def _tick(self, symbol: str) -> None:
        bid, ask = QUOTES[symbol]
        self.quoted[symbol] = self.desk.now
        self.desk.hear(msgspec.structs.replace(TICK, symbol=symbol, bid=bid, ask=ask))

    def _connect(self, account: str) -> None:
        self.up.add(account)
        self.desk.hear(connected(account))

    @rule(ms=st.sampled_from([1, 250, 1000, 1000, 3000, 3500, 6000]), more=st.integers(0, 2), ticks=st.booleans())
    def wait(self, ms: int, more: int, ticks: bool) -> None:
        """Time passes, with ticks or without."""
        self.desk.pass_time(ms * MS + more)
        self._bury()
        if ticks:
            self._quotes()

    @rule(scope=st.sampled_from(["portfolio", "paper", "far"]), state=st.sampled_from(["active", *STRICT]))
    def decide(self, scope: str, state: Literal["active", "reducing", "halted"]) -> None:
        """A trading state is set, on record."""
        kind: Literal["portfolio", "account", "session"] = (
            "portfolio" if scope == "portfolio" else "session" if scope in SESSIONS else "account"
        )
        self.states[scope] = state
        event = RiskState(
            scope=kind,
            id="floor" if scope == "portfolio" else scope,
            state=state,
            epoch=self.desk.guard.incarnation,
            reason="by hand",
            source="desk",
        )
        self.record.append(event)
        self.desk.hear(event)

    @precondition(lambda self: self.link)
    @rule()
    def lose_the_link(self) -> None:
        """The guard is on its own."""
        self.desk.link(up=False)
        self.link = False

    @precondition(lambda self: not self.link)
    @rule(states=st.sampled_from([True, True, False]), ticks=st.sampled_from([True, True, False]))
    def find_the_link_again(self, states: bool, ticks: bool) -> None:
        """Quotes and states of before do not count; new ones come, or not yet."""
        self.desk.link(up=True)
        self.link, self.up = True, set()
        self._bury()
        self.quoted = dict.fromkeys(QUOTES, START - 10**12)
        if states:
            self._connect("paper")
            self._connect("other")
        if ticks:
            self._quotes()

    @precondition(lambda self: self.link and self.asked > 3 * len(self.desks))
    @rule(
        gone_ms=st.sampled_from([0, 0, 1, 2000]),
        waited=st.sampled_from([WAIT + 1, WAIT + 1, WAIT + 1, WAIT, LIFE, 0]),
        session=st.sampled_from(sorted(SESSIONS)),
    )
    def restart(self, gone_ms: int, waited: int, session: str) -> None:
        """The guard is killed, another one starts from what ORDERS holds, and is asked after a while."""
        now, incarnation = self.desk.now + gone_ms * MS, self.desk.guard.incarnation + 1
        events = [decode(encode(event)) for event in self.record]
        self.desk = Desk(recover(self.desk.config, events), incarnation=incarnation)
        self.desk.now = now
        self.desks.append(self.desk)
        self.refused.clear()
        self.ready_at = now + WAIT + 1
        self._start()
        self._bury()
        self.desk.pass_time(waited)
        self._bury()
        self._quotes()
        self._ask(session)

    def teardown(self) -> None:
        """Each guard, run again from its inbox, says the same bytes."""
        for desk in self.desks:
            assert [(out.subject, out.data, out.effect) for out in desk.replayed()] == [
                (out.subject, out.data, out.effect) for out in desk.outbox
            ]


Floor.TestCase.settings = hypothesis_settings(max_examples=100, stateful_step_count=50)
TestFloor = Floor.TestCase
