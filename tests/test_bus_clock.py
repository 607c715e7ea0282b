"""Time: never back, whatever the wall clock does; timers in order."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bus.clock import LiveClock, SimClock

SECOND = 1_000_000


class Hands:
    """A wall clock and a monotonic one, moved by the test."""

    def __init__(self) -> None:
        self.wall = 1_000 * SECOND
        self.monotonic = 5 * SECOND
        self.clock = LiveClock(lambda: self.wall, lambda: self.monotonic)

    def passes(self, duration: int) -> int:
        """Let time pass on both, and look."""
        self.wall += duration
        self.monotonic += duration
        return self.clock.now()


def test_after_a_step_back_time_goes_on_and_comes_to_agree_again() -> None:
    """A minute back: things still expire, at nine tenths of the pace, until both are the same."""
    hands = Hands()
    before = hands.clock.now()
    hands.wall -= 60 * SECOND
    assert hands.clock.now() == before
    assert hands.passes(10 * SECOND) == before + 9 * SECOND
    for _ in range(600):
        hands.passes(SECOND)
    assert hands.clock.now() == hands.wall


def test_a_step_forward_is_followed_at_once() -> None:
    """What expired meanwhile has expired."""
    hands = Hands()
    hands.wall += 3_600 * SECOND
    assert hands.clock.now() == hands.wall


@given(st.lists(st.tuples(st.integers(-100_000_000, 100_000_000), st.integers(0, 5_000_000)), max_size=60))
def test_live_time_never_goes_back(moves: list[tuple[int, int]]) -> None:
    """However the wall clock is set."""
    hands = Hands()
    last = hands.clock.now()
    for step, duration in moves:
        hands.wall += step
        now = hands.passes(duration)
        assert now >= last
        last = now


async def test_a_live_timer_is_never_early() -> None:
    """By its own clock."""
    clock, fired = LiveClock(), asyncio.Event()
    at = clock.now() + 20_000
    clock.call_at(at, fired.set)
    await asyncio.wait_for(fired.wait(), 5)
    assert clock.now() >= at


def test_simulated_timers_fire_in_order_at_their_own_times() -> None:
    """Time, then order of setting; cancelled ones never."""
    clock, fired = SimClock(100), list[tuple[str, int]]()
    for name, at in (("b", 300), ("a", 200), ("c", 300), ("x", 250), ("late", 999)):
        timer = clock.call_at(at, lambda name=name: fired.append((name, clock.now())))  # type: ignore[misc]
        if name == "x":
            timer.cancel()
    clock.advance(500)
    assert fired == [("a", 200), ("b", 300), ("c", 300)]
    assert clock.now() == 500
    clock.advance(400)
    assert clock.now() == 500
