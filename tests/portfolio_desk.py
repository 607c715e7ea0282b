"""A portfolio at work for tests: what it hears, its clock, what it says, and how a question is answered."""

from __future__ import annotations

from typing import Any

import msgspec
from guard_desk import GOLD, SECOND, SPEC, START

from actors.cell import Cell, Outgoing
from actors.effects import Answer, EventIn, LinkChanged, Message, Publish, SetTimer, TimerIn
from actors.portfolio import Portfolio, PortfolioConfig, PortfolioState
from actors.portfolio_state import AccountConfig, Member
from schemas.account import AccountState, PositionMark, PositionProfits, PositionState, ProfitLoss
from schemas.base import Event
from schemas.codec import decode, encode
from schemas.command import Ask
from schemas.health import Hello
from schemas.market import Tick
from schemas.registry import subject_of

__all__ = ["CONFIG", "Floor", "account", "position"]

CONFIG = PortfolioConfig(
    currency="USD",
    accounts={"paper": AccountConfig("USD", "paper", 3.5), "other": AccountConfig("USD", "paper")},
    sessions={"ema": Member("paper", "ema_cross"), "far": Member("other", "ema_cross")},
    max_tick_age_us=60 * SECOND,
)
"""Two accounts with a session each."""


def account(balance: float = 10_000.0, positions: int = 0, name: str = "paper", **changes: Any) -> AccountState:
    """The account as its venue says."""
    fields: dict[str, Any] = {
        "account": name,
        "venue": "paper",
        "currency": "USD",
        "balance": balance,
        "equity": balance,
        "margin": 0.0,
        "leverage": 100,
        "mode": "hedging",
        "positions": positions,
    }
    return AccountState(**fields | changes)


def position(ticket: int, volume: float, session: str = "", **changes: Any) -> PositionState:
    """A position as the venue says; opened by nobody here unless a session is given."""
    fields: dict[str, Any] = {
        "account": "paper",
        "ticket": ticket,
        "symbol": "EURUSD",
        "side": "buy",
        "volume": volume,
        "price_open": 1.1,
        "opened_at": START,
        "session": session,
    }
    return PositionState(**fields | changes)


class Floor:
    """What a portfolio meets. `said` is everything that it published; time passes by `wait` only."""

    def __init__(self, config: PortfolioConfig = CONFIG, state: PortfolioState | None = None) -> None:
        self.portfolio = Portfolio("portfolio", 3, config, state)
        self.now = START
        self.said: list[Event] = []
        self.timers: dict[str, int] = {}
        self.taken: list[tuple[Message | None, int]] = [(None, START)]
        self.out: list[bytes] = []
        self._cell = Cell(self.portfolio)
        self._sequences: dict[str, int] = {}
        self._carry(self._cell.start(START))

    def market(self) -> Floor:
        """Contracts and quotes of EURUSD (1.1 / 1.1001) and XAUUSD (2000 / 2000.3)."""
        self.hear(SPEC, GOLD)
        self.quote("EURUSD", 1.1, 1.1001)
        return self.quote("XAUUSD", 2000.0, 2000.3)

    def quote(self, symbol: str, bid: float, ask: float) -> Floor:
        """A tick now."""
        return self.hear(Tick(venue="paper", symbol=symbol, at=self.now, bid=bid, ask=ask))

    def hear(self, *events: Event) -> Floor:
        """Events on their own subjects, with the envelope of their sender."""
        for event in events:
            subject = subject_of(event)
            self._sequences[subject] = self._sequences.get(subject, 0) + 1
            incarnation = event.incarnation or 1
            stamped = msgspec.structs.replace(
                event, incarnation=incarnation, sequence=self._sequences[subject], time=self.now
            )
            self.take(EventIn(subject, stamped))
        return self

    def take(self, message: Message) -> Floor:
        """Any message."""
        self.taken.append((message, self.now))
        self._carry(self._cell.handle(message, self.now))
        return self

    def link(self, *, up: bool) -> Floor:
        """The bus is lost, or back."""
        return self.take(LinkChanged(up))

    def wait(self, seconds: float = 1.0) -> Floor:
        """Time passes, and timers fire in their order."""
        until = self.now + round(seconds * SECOND)
        while self.timers and min(self.timers.values()) <= until:
            key, self.now = min(self.timers.items(), key=lambda one: one[1])
            del self.timers[key]
            self.take(TimerIn(key))
        self.now = until
        return self

    def stop(self) -> Floor:
        """An orderly end."""
        self._carry(self._cell.stop(self.now))
        return self

    def ask(self, verb: str, scope: str = "floor", /, **args: str) -> Event:
        """The answer to a question."""
        ask = Ask(id="q1", user="ann", scope=scope, service="portfolio", verb=verb, args=args)
        return self.put(EventIn(subject_of(ask), ask, "_R_.1"))

    def put(self, message: EventIn) -> Event:
        """The one answer to a message that wants one."""
        (out,) = self._cell.handle(message, self.now)
        assert isinstance(out.effect, Answer)
        assert (out.effect.reply, out.subject) == (message.reply, message.reply)
        return decode(out.data)

    # ---- what it said

    def figures(self, scope: str, name: str) -> ProfitLoss | None:
        """The last word on a scope."""
        found = [one for one in self.said if isinstance(one, ProfitLoss) and (one.scope, one.id) == (scope, name)]
        return found[-1] if found else None

    def whole(self) -> ProfitLoss:
        """The last word on the portfolio."""
        found = self.figures("portfolio", "floor")
        assert found is not None
        return found

    def paper(self) -> ProfitLoss:
        """The last word on the account `paper`."""
        found = self.figures("account", "paper")
        assert found is not None
        return found

    def marks(self, name: str = "paper") -> dict[int, PositionMark] | None:
        """The last word on an account's positions."""
        found = [one for one in self.said if isinstance(one, PositionProfits) and one.account == name]
        return {mark.ticket: mark for mark in found[-1].marks} if found else None

    def hellos(self) -> int:
        """How often it said hello."""
        return sum(isinstance(one, Hello) for one in self.said)

    def forget(self) -> Floor:
        """What was said so far counts no more."""
        self.said.clear()
        return self

    def _carry(self, outgoing: list[Outgoing]) -> None:
        for out in outgoing:
            if isinstance(out.effect, SetTimer):
                self.timers[out.effect.key] = out.effect.at
            elif isinstance(out.effect, Publish):
                event = decode(out.data)
                assert encode(event) == out.data
                self.said.append(event)
            self.out.append(out.data)
