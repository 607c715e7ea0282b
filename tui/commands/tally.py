"""What a demo counts: every figure of its summary that comes from messages on the bus.

Hears ticks, bars, signals, the order path, account states, the feed's end and the recorder's beats, in the order in
which the server passed them on; so what led to a message was always heard before it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import msgspec

from bus.clock import wall_us
from bus.interface import Incoming
from schemas.account import AccountState
from schemas.codec import CodecError, decode_as
from schemas.health import Alert, Beat
from schemas.market import MarketStatus
from schemas.order import ENDED, OrderIntent, OrderRefused, OrderUpdate, VenueReport

__all__ = ["SUBJECTS", "Tally"]

SENT = "Pitwire-Sent"
RECEIVED = "Pitwire-Received"
_TICKS_KEPT = 50_000
_BROKEN = {"sim_broken", "feed_broken"}
_KINDS = (
    "md.tick",
    "md.bar",
    "md.status",
    "signal",
    "order.intent",
    "order.cleared",
    "order.refused",
    "order.update",
    "venue.report",
    "account.state",
    "alert.critical",
    "health.beat",
)
SUBJECTS = tuple(f"{kind}.>" for kind in _KINDS)
"""What a tally wants to hear."""


class _Mark(msgspec.Struct):
    """What a tick's id is made of."""

    incarnation: int = 0
    sequence: int = 0


_mark = msgspec.json.Decoder(_Mark).decode


class Tally:
    """Counts messages. `symbols` are the feed's; `ended` is set when the last of them has ended or the feed broke."""

    def __init__(self, symbols: set[str]) -> None:
        self.ticks = self.bars = self.signals = self.cleared = 0
        self.first_us = self.last_us = 0
        self.intents: set[str] = set()
        self.refused: set[str] = set()
        self.orders: set[str] = set()
        self.over: set[str] = set()
        self.fills = self.trades = 0
        self.realised = 0.0
        self.equity: dict[str, float] = {}
        self.latencies_us: list[int] = []
        self.gauges: dict[str, int] = {}
        self.broken = ""
        self.ended = asyncio.Event()
        self._missing = set(symbols)
        self._skipped: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        self._caused: dict[str, int] = {}
        self._reports: set[str] = set()
        handlers: tuple[Callable[[Incoming], None], ...] = (
            self._tick,
            self._bar,
            self._status,
            self._signal,
            self._intent,
            self._clear,
            self._refuse,
            self._update,
            self._report,
            self._account,
            self._alert,
            self._beat,
        )
        self._handlers = dict(zip(_KINDS, handlers, strict=True))

    def heard(self, incoming: Incoming) -> None:
        """Count one message; what it does not know and what does not parse counts for nothing."""
        first, _, rest = incoming.subject.partition(".")
        handler = self._handlers.get(f"{first}.{rest.partition('.')[0]}") or self._handlers.get(first)
        if handler is None:
            return
        try:
            handler(incoming)
        except (CodecError, msgspec.DecodeError):
            return

    @property
    def skipped(self) -> int:
        """Quotes that the feed left out."""
        return sum(self._skipped.values())

    @property
    def pending(self) -> int:
        """Intents whose outcome has not been seen."""
        return len(self.intents - self.refused - self.over)

    def percentile_us(self, percent: float) -> int | None:
        """Of the latencies, by nearest rank; None without any."""
        if not self.latencies_us:
            return None
        ordered = sorted(self.latencies_us)
        return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]

    def _tick(self, incoming: Incoming) -> None:
        self.last_us = wall_us()
        self.first_us = self.first_us or self.last_us
        self.ticks += 1
        sent = (incoming.headers or {}).get(SENT, "")
        if sent.isdigit():
            mark = _mark(incoming.data)
            self._sent[f"{incoming.subject}#{mark.incarnation}.{mark.sequence}"] = int(sent)
            if len(self._sent) > _TICKS_KEPT:
                del self._sent[next(iter(self._sent))]

    def _bar(self, _: Incoming) -> None:
        self.bars += 1

    def _signal(self, _: Incoming) -> None:
        self.signals += 1

    def _intent(self, incoming: Incoming) -> None:
        intent = decode_as(OrderIntent, incoming.data)
        self.intents.add(intent.terms.id)
        if intent.cause in self._sent:
            self._caused[intent.terms.id] = self._sent[intent.cause]

    def _clear(self, _: Incoming) -> None:
        self.cleared += 1

    def _refuse(self, incoming: Incoming) -> None:
        self.refused.add(decode_as(OrderRefused, incoming.data).order)

    def _update(self, incoming: Incoming) -> None:
        update = decode_as(OrderUpdate, incoming.data)
        self.orders.add(update.order)
        if update.state in ENDED:
            self.over.add(update.order)

    def _report(self, incoming: Incoming) -> None:
        report = decode_as(VenueReport, incoming.data)
        received = (incoming.headers or {}).get(RECEIVED, "")
        if report.order in self._caused and received.isdigit():
            self.latencies_us.append(int(received) - self._caused.pop(report.order))
        if report.report in self._reports:
            return
        self._reports.add(report.report)
        deal = report.deal
        if report.kind == "fill" and deal is not None:
            self.fills += 1
            self.trades += deal.entry == "out"
            self.realised += deal.profit + deal.commission + deal.swap

    def _account(self, incoming: Incoming) -> None:
        state = decode_as(AccountState, incoming.data)
        self.equity[state.account] = state.equity

    def _status(self, incoming: Incoming) -> None:
        status = decode_as(MarketStatus, incoming.data)
        self._skipped[status.symbol] = status.skipped
        if status.state == "ended":
            self._missing.discard(status.symbol)
            if not self._missing:
                self.ended.set()

    def _alert(self, incoming: Incoming) -> None:
        alert = decode_as(Alert, incoming.data)
        if incoming.subject == "alert.critical.feed" and alert.code in _BROKEN:
            self.broken = self.broken or f"{alert.actor}: {alert.text}"
            self.ended.set()

    def _beat(self, incoming: Incoming) -> None:
        beat = decode_as(Beat, incoming.data)
        if incoming.subject == "health.beat.recorder":
            self.gauges = beat.gauges
