"""Bars turned into ticks."""

import pytest

from kernels.bar_path import bar_ticks
from kernels.errors import InputError, OptionError, UnsortedError

MINUTE = 60_000_000
RISING = ([100], [120], [90], [110])
FALLING = ([100], [120], [90], [99])


def test_a_rising_bar_goes_open_low_high_close() -> None:
    """Close >= open: O-L-H-C, at the start, a quarter, a half, and one microsecond before the end."""
    found = bar_ticks([0], RISING, MINUTE, spread=3)
    assert found.time.tolist() == [0, MINUTE // 4, MINUTE // 2, MINUTE - 1]
    assert found.bid.tolist() == [100, 90, 120, 110]
    assert found.ask.tolist() == [103, 93, 123, 113]
    assert bar_ticks([0], ([100], [120], [90], [100]), MINUTE, spread=0).bid.tolist() == [100, 90, 120, 100]


def test_a_falling_bar_goes_open_high_low_close() -> None:
    """Close < open: O-H-L-C."""
    assert bar_ticks([0], FALLING, MINUTE, spread=3).bid.tolist() == [100, 120, 90, 99]


def test_with_ask_bars_the_path_is_the_bids_and_crossed_asks_are_lifted_and_counted() -> None:
    """The ask of each tick is that of the same place of the ask bar, at least the bid; each that was lifted counts."""
    found = bar_ticks([0], RISING, MINUTE, ask=([102], [119], [93], [109]))
    assert found.bid.tolist() == [100, 90, 120, 110]
    assert found.ask.tolist() == [102, 93, 120, 110]
    assert found.corrected == 2


def test_no_bars_make_no_ticks() -> None:
    """Empty input, empty output."""
    assert len(bar_ticks([], ([], [], [], []), MINUTE, spread=0).time) == 0


def test_what_is_no_bar_is_refused() -> None:
    """A high below the close, a price of 0, bars that overlap, fractions, other lengths, no spread: each is named."""
    with pytest.raises(InputError, match="bar 0"):
        bar_ticks([0], ([100], [105], [90], [110]), MINUTE, spread=3)
    with pytest.raises(InputError, match="bar 1"):
        bar_ticks([0, MINUTE], ([5, 5], [5, 5], [5, 0], [5, 5]), MINUTE, spread=3)
    with pytest.raises(UnsortedError, match=r"\[1\]"):
        bar_ticks([0, MINUTE - 1], ([5, 5], [5, 5], [5, 5], [5, 5]), MINUTE, spread=3)
    with pytest.raises(InputError, match="whole points"):
        bar_ticks([0], ([1.5], [2], [1], [2]), MINUTE, spread=3)
    with pytest.raises(InputError, match="shape"):
        bar_ticks([0], ([1, 2], [2], [1], [2]), MINUTE, spread=3)
    with pytest.raises(OptionError, match="spread"):
        bar_ticks([0], RISING, MINUTE)
    with pytest.raises(OptionError, match="length"):
        bar_ticks([0], RISING, 3, spread=1)
