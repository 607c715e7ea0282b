"""The feed: brings ticks onto the floor, with the contracts of their symbols, minute bars and the market's state.

Owns the pace. Publishes `md.spec`, `md.status`, `md.tick`, `md.bar` (M1), `hello`, `alert`; consumes `hello.>` (whoever
says hello is sent all specifications and states again) and in simulated time `sim.done.>`. No tick is sent before
every actor of `FeedConfig.expect` has said hello, so a feed that expects somebody has to be up first; a live feed waits
ten seconds at most. That keeps recorded data from being played to an empty room at the floor's first start; a live feed
that is started again expects nobody, whose hellos were said long ago.

- Simulated time (speed 0): one tick at a time, with the source's own times. The next follows when every expected
  gateway and session is done with the last and each session has seen all reports that the gateways issued for it. An
  expected actor that says hello again was restarted or cut off: what it missed cannot be made good, so the feed stops
  with a critical alert `sim_broken`.
- Live: the first tick is due at once and its `at` is the wall clock's. The others follow at the source's distances
  divided by the speed, while `at` keeps the source's distances: market time runs `speed` times as fast, so at speed 1
  it is the wall clock, and at any other a minute bar is still a minute of the market. A feed that fell behind by more
  than a second goes on from where it is instead of catching up: nothing is left out, no tick is older than that.

After the last tick each symbol's `md.status` is `ended` with its counts, and the feed stays up to answer hellos.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from actors.actor import Actor, Subscribe
from actors.bars import BarBuilder
from actors.effects import Effect, EventIn, Failed, LinkChanged, Publish, SetTimer, TimerIn
from actors.feed_config import FeedConfig, feed_specs, make_source
from actors.symbols import FeedError
from schemas.health import Alert, Hello, SimDone
from schemas.market import MarketStatus, Tick
from schemas.registry import subject_of

if TYPE_CHECKING:
    from actors.feed_config import Source
    from schemas.base import Event

__all__ = ["BURST", "LAG_US", "WAIT_US", "Feed", "FeedConfig", "FeedState"]

BURST = 256
"""Most ticks that one timer sends."""
LAG_US = 1_000_000
"""A live tick that is due for longer shifts itself and all later ones to now."""
WAIT_US = 10_000_000
"""Live: how long it waits for whom it expects."""

_TIMER = "tick"
_Word = Literal["open", "closed", "stale", "ended"]


class FeedState(msgspec.Struct, kw_only=True):
    """What a feed knows while it runs. Nothing of it is recovered: a feed that is started again begins anew."""

    sent: int = 0
    """Number of the last tick."""
    ticks: dict[str, int] = msgspec.field(default_factory=dict)
    """Sent, by symbol."""
    present: dict[str, int] = msgspec.field(default_factory=dict)
    """Incarnation of each expected actor that has said hello."""
    begun: bool = False
    ended: bool = False
    broken: str = ""
    """Why no more ticks follow, if that is not the data's end."""
    done: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """Simulated time: reports by session of each actor that is done with tick `sent`."""
    base: int = 0
    origin: int = 0
    market: int = 0
    """Live: the source's time `origin` is the wall clock's `base` and the market's time `market`."""
    first: int = 0
    """The source's time of its first tick."""
    slipped: int = 0
    """Live: microseconds by which the feed has fallen behind and not caught up."""


class Feed(Actor):
    """The actor. `source` is that of the configuration unless another is given."""

    role = "feed"

    def __init__(
        self,
        name: str,
        incarnation: int,
        config: FeedConfig,
        state: FeedState | None = None,
        source: Source | None = None,
    ) -> None:
        super().__init__(name, incarnation)
        self.config = config
        self.state = state if state is not None else FeedState()
        self._source = source if source is not None else make_source(config)
        self._specs = feed_specs(config)
        self._bars = {spec.symbol: BarBuilder(config.venue, spec.symbol, "M1") for spec in self._specs}
        self._sessions = {name: name.removeprefix("session-") for name in config.expect if name.startswith("session-")}
        self._gateways = tuple(name for name in config.expect if name.startswith("gateway-"))
        self._next: Tick | None = None
        self._bar_count = 0

    # ---- hooks

    def subscriptions(self) -> Sequence[Subscribe]:
        """Hellos, and in simulated time who is done."""
        hellos = Subscribe("hello.>")
        return (hellos, Subscribe("sim.done.>")) if self.config.sim else (hellos,)

    def on_start(self, now: int) -> Sequence[Effect]:
        """Say hello, publish contracts and states, and begin if nobody is waited for."""
        effects = self._introduce()
        if self.config.expect and not self.config.sim:
            effects.append(SetTimer(_TIMER, now + WAIT_US))
        return [*effects, *self._begin(now)]

    def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
        """A hello or a done; only what came on its sender's own subject counts."""
        event = message.event
        if not isinstance(event, Hello | SimDone) or message.subject != subject_of(event):
            return ()
        return self._hello(event, now) if isinstance(event, Hello) else self._done(event)

    def on_timer(self, message: TimerIn, now: int) -> Sequence[Effect]:
        """Live: ticks are due, or it has waited long enough."""
        if message.key != _TIMER or self.state.ended or self.state.broken:
            return ()
        self.state.begun = True
        return self._pace(now)

    def on_link(self, message: LinkChanged, now: int) -> Sequence[Effect]:
        """Back on the bus: say hello. In simulated time a tick may have been lost with the link."""
        effects = self._introduce() if message.up else []
        if self.config.sim and self._flowing():
            effects += self._break("sim_broken", "the feed lost its link to the bus")
        return effects

    def on_failure(self, message: Failed, now: int) -> Sequence[Effect]:
        """Without its timer a live feed would stand still, so it ends and is started again."""
        if isinstance(message.message, TimerIn):
            raise RuntimeError(message.error)  # noqa: TRY004 - nothing is wrong with a type
        if self.config.sim and self._flowing():
            return self._break("sim_broken", f"the feed failed: {message.error}")
        return ()

    def on_stop(self, now: int) -> Sequence[Effect]:
        """A feed that is stopped leaves its market closed."""
        if self.state.ended:
            return ()
        return [Publish(self._status(spec.symbol, "closed", "the feed was stopped")) for spec in self._specs]

    def gauges(self) -> dict[str, int]:
        """Counters for the beat."""
        return {
            "ticks": self.state.sent,
            "bars": self._bar_count,
            "skipped": sum(self._source.skipped.values()),
            "slipped_ms": self.state.slipped // 1000,
        }

    def describe(self) -> str:
        """`waiting`, `running`, `ended` or `broken`."""
        state = self.state
        return "broken" if state.broken else "ended" if state.ended else "running" if state.begun else "waiting"

    # ---- who is there

    def _introduce(self) -> list[Effect]:
        return [Publish(Hello(actor=self.name, role=self.role)), *self._market()]

    def _market(self) -> list[Effect]:
        """Every contract and every symbol's state."""
        effects: list[Effect] = []
        state = self.state
        word: _Word = "stale" if state.broken else "ended" if state.ended else "open"
        for spec in self._specs:
            effects += (Publish(spec), Publish(self._status(spec.symbol, word, state.broken)))
        return effects

    def _status(self, symbol: str, word: _Word, reason: str = "") -> Event:
        return MarketStatus(
            venue=self.config.venue,
            symbol=symbol,
            state=word,
            reason=reason,
            ticks=self.state.ticks.get(symbol, 0),
            skipped=self._source.skipped.get(symbol, 0),
        )

    def _hello(self, hello: Hello, now: int) -> list[Effect]:
        if hello.actor == self.name:
            return []
        effects = self._market()
        if hello.actor not in self.config.expect:
            return effects
        if self.config.sim and self._flowing():
            return effects + self._break("sim_broken", f"{hello.actor} was restarted or lost its link")
        self.state.present[hello.actor] = hello.incarnation
        return effects + self._begin(now)

    def _begin(self, now: int) -> list[Effect]:
        """The first tick, as soon as everyone is there; if it cannot be had now, at the next hello."""
        state = self.state
        if state.begun or state.ended or state.broken or not state.present.keys() >= set(self.config.expect):
            return []
        effects = self._step() if self.config.sim else self._pace(now)
        state.begun = True
        return effects

    def _flowing(self) -> bool:
        """Whether more ticks are to come."""
        return self.state.begun and not self.state.ended and not self.state.broken

    # ---- simulated time

    def _done(self, done: SimDone) -> list[Effect]:
        """An answer to the outstanding tick; answers to others and of others are of no interest."""
        state = self.state
        if not self._flowing() or done.number != state.sent:
            return []
        if done.actor not in self._gateways and done.actor not in self._sessions:
            return []
        state.done[done.actor] = done.reports
        return self._step() if self._settled() else []

    def _settled(self) -> bool:
        """Whether only a later tick can change anything: all are done, and every report has been seen."""
        done = self.state.done
        if not all(name in done for name in (*self._gateways, *self._sessions)):
            return False
        return all(
            done[name].get(session, 0) == sum(done[gateway].get(session, 0) for gateway in self._gateways)
            for name, session in self._sessions.items()
        )

    def _step(self) -> list[Effect]:
        """One tick, or the end."""
        self.state.done = {}
        tick = self._peek()
        return self._finish() if tick is None else self._send(tick, tick.at)

    # ---- live

    def _pace(self, now: int) -> list[Effect]:
        """All ticks that are due, and a timer for the next."""
        effects: list[Effect] = []
        tick = self._peek()
        if tick is not None:
            self._anchor(tick, now)
        for _ in range(BURST):
            if tick is None:
                return effects + self._finish()
            due = self._due(tick)
            if due > now:
                break
            effects += self._send(tick, self._market_time(tick))
            tick = self._peek()
        return effects + (self._finish() if tick is None else [SetTimer(_TIMER, self._due(tick))])

    def _anchor(self, tick: Tick, now: int) -> None:
        """Tie the source's time to the clock: at the first tick, and again when too far behind."""
        state = self.state
        late = now - self._due(tick) if state.base else 0
        if state.base and late <= LAG_US:
            return
        state.slipped += late
        # Never back; past the wall clock when the market runs faster than that.
        state.market = max(now, self._market_time(tick)) if state.base else now
        state.base, state.origin = now, tick.at

    def _due(self, tick: Tick) -> int:
        """When the tick is to be sent."""
        return self.state.base + int((tick.at - self.state.origin) / self.config.speed)

    def _market_time(self, tick: Tick) -> int:
        """The tick's `at`."""
        return self.state.market + tick.at - self.state.origin

    # ---- ticks

    def _peek(self) -> Tick | None:
        """The source's next tick, still to be sent; None at the end of the data or of `seconds`, or if it is broken."""
        if self._next is not None:
            return self._next
        try:
            tick = self._source.next()
        except FeedError as error:
            self.state.broken = str(error)
            return None
        if tick is None:
            return None
        self.state.first = self.state.first or tick.at
        if self.config.seconds and tick.at - self.state.first >= self.config.seconds * 1_000_000:
            return None
        self._next = tick
        return tick

    def _send(self, tick: Tick, at: int) -> list[Effect]:
        """The tick at its time, then the bar that it closes."""
        state = self.state
        self._next = None
        state.sent += 1
        state.ticks[tick.symbol] = state.ticks.get(tick.symbol, 0) + 1
        effects: list[Effect] = [Publish(msgspec.structs.replace(tick, at=at, number=state.sent))]
        bar = self._bars[tick.symbol].add(at, tick.bid)
        if bar is not None:
            self._bar_count += 1
            effects.append(Publish(bar))
        return effects

    # ---- ends

    def _finish(self) -> list[Effect]:
        """Nothing more comes: because the data is at its end, or because it broke."""
        if self.state.broken:
            return self._break("feed_broken", self.state.broken)
        self.state.ended = True
        return [Publish(self._status(spec.symbol, "ended")) for spec in self._specs]

    def _break(self, code: str, reason: str) -> list[Effect]:
        """Send no more ticks, and tell people."""
        self.state.broken = reason
        text = f"no more ticks after number {self.state.sent}: {reason}"
        statuses = (Publish(self._status(spec.symbol, "stale", reason)) for spec in self._specs)
        return [Publish(Alert(severity="critical", code=code, text=text, actor=self.name)), *statuses]
