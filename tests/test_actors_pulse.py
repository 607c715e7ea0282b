"""Health from the age of beats."""

from __future__ import annotations

import msgspec
import pytest

from actors.pulse import Pulse
from schemas.health import Beat

SECOND = 1_000_000
BEAT = msgspec.structs.replace(Beat(actor="guard", state="running"), incarnation=7)


@pytest.mark.parametrize(
    ("age", "state"), [(0, "alive"), (2 * SECOND, "alive"), (2 * SECOND + 1, "late"), (3 * SECOND + 1, "dead")]
)
def test_a_beat_ages_from_alive_to_late_to_dead(age: int, state: str) -> None:
    """Late after two seconds, dead after three."""
    pulse = Pulse(7, 0)
    assert pulse.beat(BEAT, 5 * SECOND)
    assert pulse.state(5 * SECOND + age) == state


def test_before_its_first_beat_it_is_starting() -> None:
    """An import may take its time; but not for ever."""
    pulse = Pulse(7, 0)
    assert pulse.state(39 * SECOND) == "starting"
    assert not pulse.hung(39 * SECOND)
    assert pulse.hung(41 * SECOND)


def test_only_the_first_beat_is_the_first() -> None:
    """It is what the start waits for."""
    pulse = Pulse(7, 0)
    assert [pulse.beat(BEAT, at) for at in (1, 2, 3)] == [True, False, False]


def test_a_predecessors_beat_is_not_this_ones() -> None:
    """A beat that was still under way when its process was killed says nothing of the next one."""
    pulse = Pulse(8, 0)
    assert not pulse.beat(BEAT, 1)
    assert pulse.state(2) == "starting"


def test_ten_seconds_of_silence_are_a_hang() -> None:
    """It will not recover by itself."""
    pulse = Pulse(7, 0)
    pulse.beat(BEAT, 0)
    assert not pulse.hung(10 * SECOND)
    assert pulse.hung(10 * SECOND + 1)


def test_silence_while_nobody_could_listen_does_not_count() -> None:
    """After a lost link, a frozen server or a frozen supervisor everyone gets the whole time again."""
    pulse = Pulse(7, 0)
    pulse.beat(BEAT, 0)
    pulse.excuse(60 * SECOND)
    assert pulse.state(61 * SECOND) == "alive"
    assert not pulse.hung(70 * SECOND)
    pulse.excuse(5 * SECOND)
    assert pulse.age_us(61 * SECOND) == SECOND
