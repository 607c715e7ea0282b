"""What the guard's tests share: orders, quotes and updates with sensible figures, and a guard at work on them."""

from __future__ import annotations

from typing import Any

import msgspec
from contracts import EURUSD

from actors.cell import Cell, Outgoing
from actors.effects import EventIn, LinkChanged, Message, Publish, SetTimer, StoredIn, TimerIn
from actors.exposure import Exposure, ExposureState, units
from actors.guard import Guard, GuardConfig, GuardState, config_from
from actors.guard_case import Case, Instrument, Limits, Member, Quote
from schemas.account import AccountState
from schemas.base import Event
from schemas.codec import decode, encode
from schemas.health import Alert
from schemas.market import Tick
from schemas.order import Deal, OrderCleared, OrderIntent, OrderRefused, OrderState, OrderTerms, OrderUpdate
from schemas.registry import subject_of
from schemas.session import SessionState
from schemas.settings import AccountSettings, GuardSettings, SessionSettings, Settings

START = 1_700_000_000_000_000
"""When everything begins, UTC microseconds."""
MS = 1000
SECOND = 1_000_000

SPEC = msgspec.structs.replace(EURUSD, volume_max=50.0)
GOLD = msgspec.structs.replace(SPEC, symbol="XAUUSD", digits=2, point=0.01, pip=0.1, currency_base="XAU")
TICK = Tick(venue="paper", symbol="EURUSD", at=START, bid=1.1, ask=1.1001, number=1)

SETTINGS = Settings(
    guard=GuardSettings(max_order_lots=0.05, max_symbol_lots=0.1, max_account_lots=0.15, max_positions=4),
    account=(AccountSettings(id="paper"), AccountSettings(id="other")),
    session=(
        SessionSettings(id="ema", symbols=("EURUSD", "XAUUSD")),
        SessionSettings(id="ema-2"),
        SessionSettings(id="far", account="other"),
    ),
)
CONFIG: GuardConfig = msgspec.structs.replace(config_from(SETTINGS), core={})
"""Nobody has to be alive: `tests/test_actors_guard_health.py` has its own."""
LIMITS: Limits = CONFIG.limits


def make_terms(number: int = 1, **changes: Any) -> OrderTerms:
    """The order `<session>-1-<number>`: 0.01 lots of EURUSD bought at the market, submitted at START."""
    session = changes.get("session", "ema")
    submitted_at = changes.get("submitted_at", START)
    fields: dict[str, Any] = {
        "id": f"{session}-1-{number}",
        "account": "paper",
        "session": session,
        "strategy": "ema_cross",
        "venue": "paper",
        "symbol": "EURUSD",
        "kind": "market",
        "side": "buy",
        "volume": 0.01,
        "submitted_at": submitted_at,
        "expires_at": submitted_at + 3 * SECOND,
        "bid": 1.1,
        "ask": 1.1001,
    }
    return OrderTerms(**fields | changes)


def make_update(terms: OrderTerms, state: OrderState, revision: int = 1, **changes: Any) -> OrderUpdate:
    """An update by router incarnation 1."""
    fields: dict[str, Any] = {
        "account": terms.account,
        "session": terms.session,
        "order": terms.id,
        "state": state,
        "revision": revision,
        "terms": terms,
        "order_class": "close" if terms.position else "open",
        "incarnation": 1,
        "source": "router",
    }
    return OrderUpdate(**fields | changes)


def make_fill(
    terms: OrderTerms, position: int, volume: float | None = None, revision: int = 2, **changes: Any
) -> OrderUpdate:
    """FILLED (or what `changes` says) with a deal of the order's volume, or of `volume` lots."""
    filled = terms.volume if volume is None else volume
    deal = Deal(
        ticket=position * 100 + revision,
        position=position,
        entry="out" if terms.position else "in",
        symbol=terms.symbol,
        side=terms.side,
        volume=filled,
        price=1.1,
        at=START,
    )
    report = {"report": f"gateway-1-{deal.ticket}", "deal": deal, "filled": filled, "position": position}
    return make_update(terms, changes.pop("state", OrderState.FILLED), revision, **report | changes)


def make_case(**changes: Any) -> Case:
    """A case that passes every rule as an open. `opened`: fills that the exposure holds; `terms`: changes of terms."""
    terms = make_terms(100, **changes.pop("terms", {}))
    exposure = Exposure(ExposureState())
    for fill in changes.pop("opened", ()):
        exposure.apply(fill)
    fields: dict[str, Any] = {
        "limits": LIMITS,
        "terms": terms,
        "now": START,
        "account": "paper",
        "session": "ema",
        "number": (1, 100),
        "claimed": (1, 99),
        "to_go_us": 0,
        "trading": "active",
        "scope": "floor",
        "exposure": exposure,
        "units": units(terms.volume),
        "position": exposure.position("paper", terms.position),
        "order_class": "open",
        "venue": "paper",
        "home": "paper",
        "member": Member("paper", "running", ("EURUSD",)),
        "instrument": Instrument(0.00001, 1_000_000, 5_000_000_000, 1_000_000),
        "quote": Quote(1.1, 1.1001, START),
        "connected": True,
    }
    return Case(**fields | changes)


class Desk:
    """A guard with its timers, everything that it said, and what `pitwire verify` would need to run it again."""

    def __init__(self, state: GuardState | None = None, *, config: GuardConfig = CONFIG, incarnation: int = 1) -> None:
        self.config = config
        self.first_state = msgspec.json.encode(state if state is not None else GuardState())
        self.guard = Guard("guard", incarnation, config, msgspec.json.decode(self.first_state, type=GuardState))
        self.cell = Cell(self.guard)
        self.now = START
        self.timers: dict[str, int] = {}
        self.inbox: list[tuple[Message | None, int]] = []
        self.outbox: list[Outgoing] = []

    def start(self, *, error: str = "") -> list[Event]:
        """Start, and the start's ack."""
        self.inbox.append((None, self.now))
        said = self._note(self.cell.start(self.now))
        return said or self.take(StoredIn("announce", 0 if error else 1, error))

    def open_up(self) -> None:
        """Start with everything there: sessions, accounts, specifications and quotes."""
        self.start()
        for session, account, symbols in (
            ("ema", "paper", ("EURUSD", "XAUUSD")),
            ("ema-2", "paper", ("EURUSD",)),
            ("far", "other", ("EURUSD",)),
        ):
            self.hear(running(session, account, symbols))
        for account in ("paper", "other"):
            self.hear(connected(account))
        self.hear(SPEC)
        self.hear(GOLD)
        self.quote()

    def quote(self, bid: float = 1.1, ask: float = 1.1001) -> None:
        """A tick of EURUSD, and one of XAUUSD."""
        self.hear(msgspec.structs.replace(TICK, bid=bid, ask=ask))
        self.hear(msgspec.structs.replace(TICK, symbol="XAUUSD", bid=1500.0, ask=1500.2))

    def take(self, message: Message) -> list[Event]:
        """Handle a message now: the events that it led to."""
        self.inbox.append((message, self.now))
        return self._note(self.cell.handle(message, self.now))

    def hear(self, event: Event, subject: str = "") -> list[Event]:
        """An event, as its bytes bring it."""
        return self.take(EventIn(subject or subject_of(event), decode(encode(event))))

    def ask(self, terms: OrderTerms, subject: str = "") -> str:
        """The verdict on an intent: the class in which it is cleared, or the rule that refused it."""
        said = self.hear(OrderIntent(terms=terms), subject)
        verdicts = [event for event in said if isinstance(event, OrderCleared | OrderRefused)]
        assert len(verdicts) == 1, said
        verdict = verdicts[0]
        return verdict.order_class if isinstance(verdict, OrderCleared) else f"refused: {verdict.rule}"

    def open_position(self, number: int, ticket: int, **changes: Any) -> OrderTerms:
        """Clear and fill an order: its terms."""
        terms = make_terms(number, submitted_at=self.now, **changes)
        verdict = self.ask(terms)
        assert not verdict.startswith("refused"), verdict
        self.hear(make_update(terms, OrderState.SUBMITTING))
        self.hear(make_fill(terms, ticket))
        return terms

    def link(self, *, up: bool) -> list[Event]:
        """The link is lost or back."""
        return self.take(LinkChanged(up))

    def pass_time(self, us: int) -> None:
        """Time passes, and timers fire."""
        end = self.now + us
        while due := [(at, key) for key, at in self.timers.items() if at <= end]:
            at, key = min(due)
            del self.timers[key]
            self.now = max(self.now, at)
            self.take(TimerIn(key))
        self.now = end

    def replayed(self) -> list[Outgoing]:
        """What another guard says to the same messages."""
        state = msgspec.json.decode(self.first_state, type=GuardState)
        cell = Cell(Guard("guard", self.guard.incarnation, self.config, state))
        said = []
        for message, now in self.inbox:
            said.extend(cell.start(now) if message is None else cell.handle(message, now))
        return said

    def _note(self, outgoing: list[Outgoing]) -> list[Event]:
        self.outbox.extend(outgoing)
        for out in outgoing:
            if isinstance(out.effect, SetTimer):
                self.timers[out.effect.key] = out.effect.at
        return [out.effect.event for out in outgoing if isinstance(out.effect, Publish)]


def running(
    session: str, account: str = "paper", symbols: tuple[str, ...] = ("EURUSD",), **changes: Any
) -> SessionState:
    """A session that runs."""
    fields = {"session": session, "account": account, "strategy": "ema_cross", "symbols": symbols, "state": "running"}
    return SessionState(**fields | changes)


def connected(account: str, *, up: bool = True) -> AccountState:
    """An account at its venue."""
    return AccountState(
        account=account,
        venue="paper",
        currency="USD",
        balance=1e4,
        equity=1e4,
        margin=0,
        leverage=100,
        mode="hedging",
        positions=0,
        connected=up,
    )


def alerts(events: list[Event]) -> list[str]:
    """The codes of the alerts among them."""
    return [event.code for event in events if isinstance(event, Alert)]
