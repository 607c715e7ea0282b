"""The only module that reads a clock.

Owns time: `LiveClock` is the wall clock and the event loop's timers, `SimClock` stands still until it is advanced by
ticks. All times are int64 UTC microseconds; durations are microseconds too.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["Clock", "LiveClock", "SimClock", "TimerHandle", "monotonic_us", "utc_text", "wall_us"]


def wall_us() -> int:
    """The wall clock: UTC microseconds since 1970. For headers, logs and health; decisions use a `Clock`."""
    return time.time_ns() // 1000


def monotonic_us() -> int:
    """A clock that never goes back, in microseconds, for measuring durations."""
    return time.monotonic_ns() // 1000


def utc_text(time_us: int) -> str:
    """`2020-01-01T22:00:00.065000Z` for UTC microseconds."""
    return datetime.fromtimestamp(time_us / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class TimerHandle(Protocol):
    """A timer that has not fired yet."""

    def cancel(self) -> None:
        """Make it never fire. Idempotent."""


class Clock(Protocol):
    """Time as actors see it."""

    def now(self) -> int:
        """UTC microseconds."""

    def call_at(self, at_us: int, callback: Callable[[], None]) -> TimerHandle:
        """Call back at or after `at_us`; never from inside this call."""


class LiveClock:
    """The wall clock, never going back, with timers on the running event loop.

    A step forward is followed at once. After a step back the time goes on at nine tenths of its pace until the wall
    clock has come up with it: things still expire meanwhile, and processes that were started since agree again after
    ten times the step.
    """

    def __init__(self, wall: Callable[[], int] = wall_us, monotonic: Callable[[], int] = monotonic_us) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._last = wall()
        self._last_monotonic = monotonic()

    def now(self) -> int:
        """UTC microseconds."""
        wall, monotonic = self._wall(), self._monotonic()
        if wall >= self._last:
            self._last = wall
        else:
            self._last += (monotonic - self._last_monotonic) * 9 // 10
        self._last_monotonic = monotonic
        return self._last

    def call_at(self, at_us: int, callback: Callable[[], None]) -> TimerHandle:
        """Call back at or after `at_us`, again checked against the wall clock so that it is never early."""
        return _LiveTimer(self, at_us, callback)


class _LiveTimer:
    """A loop timer that sleeps on until the wall clock has really arrived."""

    def __init__(self, clock: LiveClock, at_us: int, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._at_us = at_us
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None
        self._arm()

    def _arm(self) -> None:
        import asyncio  # only where a loop runs: the keeper and the command line have none

        delay_us = max(0, self._at_us - self._clock.now())
        self._handle = asyncio.get_running_loop().call_later(delay_us / 1_000_000, self._fire)

    def _fire(self) -> None:
        if self._clock.now() < self._at_us:
            self._arm()
        else:
            self._callback()

    def cancel(self) -> None:
        """Make it never fire."""
        if self._handle is not None:
            self._handle.cancel()


class _SimTimer:
    """An entry of the simulated clock's heap."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Make it never fire."""
        self.callback = None


class SimClock:
    """Stands still until `advance`; timers fire in order of (time, order of setting)."""

    def __init__(self, start_us: int = 0) -> None:
        self._now = start_us
        self._heap: list[tuple[int, int, _SimTimer]] = []
        self._order = itertools.count()

    def now(self) -> int:
        """UTC microseconds of the last advance."""
        return self._now

    def call_at(self, at_us: int, callback: Callable[[], None]) -> TimerHandle:
        """Call back during the first `advance` to `at_us` or later."""
        timer = _SimTimer(callback)
        heapq.heappush(self._heap, (at_us, next(self._order), timer))
        return timer

    def advance(self, to_us: int) -> None:
        """Move on to `to_us` (never back) and fire what is due, each at its own time."""
        while self._heap and self._heap[0][0] <= to_us:
            at_us, _, timer = heapq.heappop(self._heap)
            self._now = max(self._now, at_us)
            if timer.callback is not None:
                timer.callback()
        self._now = max(self._now, to_us)
