"""The compiled strategies in a session: ticks and outcomes become calls of `kernels.strategies`, intents orders.

Owns nothing but the way between the two. The strategy's state, bytes of the compiled code, lies in the session's file
with the hash of the code that it belongs to, and is written before each intent leaves. With the state of another build,
or one that differs from the session's own orders, only exits run; a state that cannot be read at all is an error while
positions are open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from actors.kernel_params import AdaptiveHedgingLive, CycleTraderLive
from actors.kernel_state import KernelState, Sent, contract, reports_of
from actors.strategy import Strategy, StrategyError
from actors.valuation import quote_of
from kernels import strategies
from kernels.contract import Symbol
from kernels.errors import KernelError
from kernels.library import build_hash
from kernels.market import PwRate, PwTick
from kernels.strategies import Out, Report
from kernels.strategy_structs import REASONS, ROLES

if TYPE_CHECKING:
    from actors.strategy import Desk, Outcome
    from schemas.market import Tick
    from schemas.order import Side

__all__ = ["AdaptiveHedging", "CycleTrader", "KernelStrategy"]

_OPEN, _CLOSE = 1, 2
_OPEN_CYCLE, _EXITS_ONLY = 1, 4
_REFUSED = 2
_WHY_REJECTED = 5
_SIDES: tuple[Side, Side] = ("buy", "sell")
_NOTES = {1: "cap_reached", 2: "close_failed", 3: "order_unknown", 4: "command_not_done"}
_MINUTE_US = 60_000_000
_DAY_US = 86_400_000_000


class KernelStrategy(Strategy):
    """See the module. `uses_day`: it looks at the day's profit, which is reckoned at each tick then."""

    State = KernelState
    hears_early: ClassVar[bool] = True
    uses_day: ClassVar[bool] = False
    params: CycleTraderLive | AdaptiveHedgingLive

    def __init__(self, symbol: str, params: msgspec.Struct, state: msgspec.Struct | None = None) -> None:
        self._kernel: strategies.Strategy | None = None
        self._symbol: Symbol | None = None
        self._ours = False
        self._seen = 0
        self._by_venue = False
        super().__init__(symbol, params, state)

    @property  # type: ignore[override] # read when it is stored, so that it is always as it is now
    def state(self) -> KernelState:
        """What is stored."""
        if self._kernel is not None:
            self._kept.build, self._kept.body = build_hash(), self._kernel.state
        return self._kept

    @state.setter
    def state(self, state: KernelState) -> None:
        self._kept = state

    # ---- handlers

    def on_tick(self, tick: Tick, desk: Desk) -> None:
        """One step of the strategy, then what `opening` asks for. A quote that no venue would take is passed over."""
        spec = desk.spec(self.symbol)
        quote = quote_of(tick, spec, desk.now) if spec is not None else None
        if quote is None:
            return
        kernel, symbol = self._begun(desk, PwTick(tick.at, quote.bid, quote.ask))
        kept = self._kept
        time = max(tick.at, kernel.view.tick.time)
        if self.uses_day:
            self._turn_day(symbol.server_day(time), kernel)
        self._seen = desk.now
        view = kernel.view
        view.tick.time, view.tick.bid, view.tick.ask = time, quote.bid, quote.ask
        if self._ours:
            view.rate = PwRate(symbol.struct.price_den, quote.ask, symbol.struct.price_den, quote.bid)
        self._catch_up(desk)
        if self.uses_day:
            view.equity = self._worth(kernel)
            view.day_profit = view.equity - kept.day_start
        self._place(kernel.on_tick(time, quote.bid, quote.ask), desk)
        if self.params.opening != "none":
            self._open(time, desk)

    def on_timer(self, now: int, desk: Desk) -> None:
        """Time has passed without a tick: repeats, time-outs and closes that go on. In simulated time they wait for
        the next tick, as in a backtest.
        """
        kernel = self._kernel
        if kernel is None or desk.simulated or not kernel.view.tick.bid:
            return
        time = kernel.view.tick.time + max(0, now - self._seen)
        due = kernel.next_time()
        if due is not None and due <= time:
            self._seen = now
            self._place(kernel.on_time(time), desk)

    def on_order(self, outcome: Outcome, desk: Desk) -> None:
        """Something happened to an order: at once, or after a restart when the first tick has come."""
        self._kept.waiting.append(outcome)
        if self._kernel is not None:
            self._hear(desk)

    # ---- the kernel

    def _begun(self, desk: Desk, tick: PwTick) -> tuple[strategies.Strategy, Symbol]:
        """The compiled strategy, made at the first tick, when the contract is known, from the state that was kept."""
        if self._kernel is not None and self._symbol is not None:
            return self._kernel, self._symbol
        spec, terms = desk.spec(self.symbol), desk.terms()
        if spec is None:
            raise StrategyError(f"{self.symbol}: no specification yet")
        self._ours = spec.currency_base == terms.currency != spec.currency_profit
        if spec.currency_profit != terms.currency and not self._ours:
            reason = f"{self.symbol} has its profit in {spec.currency_profit}, the account is in {terms.currency}"
            raise StrategyError(f"{reason}; expected a symbol that has {terms.currency} in it")
        symbol = contract(spec, terms)
        kernel = self._new(symbol)
        kept, trouble = self._kept, ""
        if kept.body:
            try:
                kernel.restore(kept.body)
            except KernelError as error:
                if desk.positions(self.symbol) or kept.sent:
                    text = f"the stored state does not fit this version ({error}); its positions are left as they are"
                    raise StrategyError(f"{self.name} on {self.symbol}: {text}") from error
                kernel, kept.exits = self._new(symbol), False
            else:
                trouble = "" if kept.build == build_hash() else "its stored state is from another build"
                if kept.exits and not (kernel.rows() or kept.sent or desk.positions(self.symbol)):
                    kernel, kept.exits = self._new(symbol), False
        kernel.view.tick = tick
        self._kernel, self._symbol = kernel, symbol
        self._hear(desk)
        if kept.body:
            self._compare(kernel, symbol, desk, trouble)
        return kernel, symbol

    def _new(self, symbol: Symbol) -> strategies.Strategy:
        """Without cycles, at a venue that does not permit close-by."""
        made = strategies.Strategy(self.params, symbol.struct)
        made.view.close_by = 0
        return made

    def _compare(self, kernel: strategies.Strategy, symbol: Symbol, desk: Desk, trouble: str) -> None:
        """After a restart: what the strategy holds is what the session's orders have come to, or only exits run."""
        rows = kernel.rows()
        ours = [sum(row.bought for row in rows), sum(row.sold for row in rows)]
        theirs = [0, 0]
        for held in desk.positions(self.symbol):
            theirs[_SIDES.index(held.side)] += symbol.steps(held.volume)
        if ours != theirs:
            trouble = f"it holds {ours} steps bought and sold, the session's orders came to {theirs}"
        if trouble and (rows or ours != theirs):
            self._exits(trouble, desk)

    def _exits(self, why: str, desk: Desk) -> None:
        """Open nothing more, and say so once."""
        if self._kept.exits or self._kernel is None:
            return
        self._kept.exits = True
        self._kernel.on_command(_EXITS_ONLY, 0, 1)
        desk.alert("only_exits", f"{self.name} on {self.symbol} closes only from now on: {why}")

    def _hear(self, desk: Desk) -> None:
        """Report what became of orders."""
        kernel, symbol, kept = self._kernel, self._symbol, self._kept
        if kernel is None or symbol is None:
            return
        while kept.waiting:
            outcome = kept.waiting[0]
            sent = kept.sent.get(outcome.order)
            self._by_venue = outcome.state == "rejected"
            if sent is None:
                if outcome.filled:
                    self._exits(f"order {outcome.order} is none of its own", desk)
            else:
                reports, wrong = reports_of(outcome, sent, symbol, kernel.view.tick.time)
                for report in reports:
                    self._take(kernel.on_report(report), desk)
                if wrong:
                    self._exits(wrong, desk)
                if outcome.ended:
                    kept.sent.pop(outcome.order, None)
            kept.waiting.pop(0)

    def _catch_up(self, desk: Desk) -> None:
        """Orders that never left, because their message failed: the strategy was not told."""
        if not self._kept.sent or self._kernel is None:
            return
        working = set(desk.working(self.symbol))
        for order in [order for order in self._kept.sent if order not in working]:
            self._refused(self._kept.sent.pop(order).intent, desk)

    def _refused(self, intent: int, desk: Desk) -> None:
        if self._kernel is not None:
            report = Report(kind=_REFUSED, id=intent, time=self._kernel.view.tick.time)
            self._take(self._kernel.on_report(report), desk)

    # ---- what comes out

    def _place(self, out: Out, desk: Desk) -> None:
        """Intents become orders of the desk; one that cannot be sent is refused at once."""
        symbol = self._symbol
        if symbol is None:
            return
        self._take(out, desk)
        for intent in out.intents:
            if intent.kind not in (_OPEN, _CLOSE) or intent.sl or intent.tp:
                raise StrategyError(f"{self.name}: an intent that only the compiled venue can carry out: {intent}")
            closes = intent.ticket if intent.kind == _CLOSE else 0
            try:
                order = desk.order(
                    self.symbol,
                    _SIDES[intent.side],
                    symbol.lots(intent.volume),
                    position=closes,
                    cycle=str(intent.cycle),
                    comment=REASONS[intent.why] if closes else ROLES[intent.role],
                )
            except StrategyError:
                order = ""
            if order in desk.working(self.symbol):
                self._kept.sent[order] = Sent(intent.id, closes, intent.volume)
            else:
                self._refused(intent.id, desk)

    def _take(self, out: Out, desk: Desk) -> None:
        """Notes for people, and cycles that ended."""
        for note in out.notes:
            about = f"cycle {note.cycle}" if note.cycle else "no cycle"
            code = _NOTES.get(note.code, "note")
            desk.alert(code, f"{self.name} on {self.symbol}, {about}: limit {note.detail}, figure {note.value}")
        for ended in out.ended:
            self._kept.booked += ended.profit
            if ended.why == _WHY_REJECTED and self._symbol is not None:
                later = self._next_day(ended.closed) if self._by_venue else ended.closed + _MINUTE_US
                self._kept.quiet_until = later

    def _open(self, time: int, desk: Desk) -> None:
        """A cycle of the side that `opening` names, when there is none and the market is open."""
        kernel, symbol, kept = self._kernel, self._symbol, self._kept
        if kernel is None or symbol is None or kept.sent or kept.exits or time < kept.quiet_until:
            return
        if kernel.rows() or not symbol.is_open(time):
            return
        side = {"buy": 0, "sell": 1}.get(self.params.opening, kept.side)
        out = kernel.on_command(_OPEN_CYCLE, 0, side)
        if self.params.opening == "alternate" and out.intents:
            kept.side = 1 - side
        self._place(out, desk)

    def _next_day(self, time: int) -> int:
        """When the next server day begins."""
        symbol = self._symbol
        if symbol is None:
            return time
        today, low, high = symbol.server_day(time), time, time + 2 * _DAY_US
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if symbol.server_day(middle) == today else (low, middle)
        return high

    # ---- the day

    def _worth(self, kernel: strategies.Strategy) -> int:
        """What the session has come to on this symbol, open cycles at the quote."""
        return self._kept.booked + sum(row.profit for row in kernel.rows())

    def _turn_day(self, day: int, kernel: strategies.Strategy) -> None:
        """A new server day begins with what there was at the last quote before it."""
        if day != self._kept.day:
            if self._kept.day:
                self._kept.day_start = self._worth(kernel)
            self._kept.day = day


class CycleTrader(KernelStrategy):
    """See docs/strategies-built-in.md."""

    name = "cycle_trader"
    Params = CycleTraderLive


class AdaptiveHedging(KernelStrategy):
    """See docs/strategies-built-in.md."""

    name = "adaptive_hedging"
    Params = AdaptiveHedgingLive
    uses_day = True
