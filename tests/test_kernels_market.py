"""Contracts, server time and trading hours, as the compiled code has them."""

import math
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from venue_terms import Terms

from kernels.contract import Symbol, rate
from kernels.errors import OptionError
from kernels.market import account

GOOD: dict[str, Any] = {
    "digits": 5,
    "contract_size": 100_000,
    "volume_min": 0.01,
    "volume_max": 100,
    "volume_step": 0.01,
}


def symbol(**changed: Any) -> Symbol:
    """A pair of 100,000 units."""
    return Symbol("EURUSD", **{**GOOD, **changed})


def test_decimal_numbers_become_exact_fractions() -> None:
    """A float is the decimal number that was written: a commission of 3.3 on 0.01 lots is 33/10 minor units."""
    made = symbol(commission=3.3, swap_mode="points", swap_long=-7.2, swap_short=0.1).struct
    assert (made.unit_num, made.unit_den) == (1, 1)
    assert Fraction(made.commission_num, made.commission_den) == Fraction(33, 10)
    assert Fraction(made.swap_long_num, made.swap_den) == Fraction(-72, 10)
    assert Fraction(made.swap_short_num, made.swap_den) == Fraction(1, 10)
    assert (made.volume_min, made.volume_max, made.pip) == (1, 10_000, 10)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"volume_min": 0.015}, "volume_min"),
        ({"volume_max": 0.001}, "volume_max"),
        ({"volume_max": 10**9}, "volume_max"),
        ({"volume_step": 0}, "volume_step"),
        ({"contract_size": math.nan}, "contract_size"),
        ({"contract_size": -1}, "contract_size"),
        ({"leverage": 0}, "leverage"),
        ({"commission": -1}, "commission"),
        ({"commission": math.inf}, "commission"),
        ({"pip": 0.000015}, "pip"),
        ({"digits": 11}, "digits"),
        ({"digits": 1.5}, "digits"),
        ({"margin_mode": "futures"}, "margin_mode"),
        ({"swap_mode": "interest"}, "swap_mode"),
        ({"swap_mode": "points", "swap_rollover_day": 6}, "swap_rollover_day"),
        ({"swap_long": None}, "swap_long"),
        ({"swap_long": "much"}, "swap_long"),
        ({"stops_level": -1}, "stops_level"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"hours": [(5, 5)]}, "hours"),
        ({"hours": [(0, 10_081)]}, "hours"),
        ({"profit_rate": ("guessed", 0)}, "profit_rate"),
    ],
)
def test_what_is_off_a_grid_missing_or_not_finite_is_refused_by_name(changed: dict[str, Any], name: str) -> None:
    """The error names the value and what was expected; margin and swap modes that are not supported are refused."""
    with pytest.raises(OptionError, match="expected") as refused:
        symbol(**changed)
    assert refused.value.option == name


@pytest.mark.parametrize(
    ("given_", "name"),
    [
        ({"deposit": 1.005}, "deposit"),
        ({"deposit": -1}, "deposit"),
        ({"deposit": math.nan}, "deposit"),
        ({"deposit": 1, "stop_out": 161}, "stop_out"),
        ({"deposit": 1, "latency_us": -1}, "latency_us"),
        ({"deposit": 1, "slippage": 0.5}, "slippage"),
    ],
)
def test_an_account_that_cannot_be_is_refused_by_name(given_: dict[str, Any], name: str) -> None:
    """Money has two decimals; latency and slippage are whole and not negative."""
    with pytest.raises(OptionError, match="expected") as refused:
        account(**given_)
    assert refused.value.option == name


def test_prices_and_lots_become_points_and_steps_only_on_their_grid() -> None:
    """Further than 0.001 point from the grid, not finite, not positive, off the volume grid: refused."""
    made = symbol()
    assert (made.points(1.12345), made.steps(0.07), made.price(112_345), made.lots(7)) == (112_345, 7, 1.12345, 0.07)
    for price in (1.123456, math.nan, math.inf, 0.0, -1.0):
        with pytest.raises(OptionError, match="price"):
            made.points(price)
    for lots in (0.015, 0, 100.01, math.nan):
        with pytest.raises(OptionError, match="volume"):
            made.steps(lots)


def moment(text: str) -> int:
    """UTC microseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("utc", "server"),
    [
        ("2020-01-15T12:00:00", "2020-01-15T14:00:00"),
        ("2020-07-15T12:00:00", "2020-07-15T15:00:00"),
        ("2020-03-08T06:59:59", "2020-03-08T08:59:59"),
        ("2020-03-08T07:00:00", "2020-03-08T10:00:00"),
        ("1975-01-15T12:00:00", "1975-01-15T14:00:00"),
    ],
)
def test_server_time_follows_its_zone(utc: str, server: str) -> None:
    """New York and seven hours: two ahead of UTC in winter, three in New York's summer, at the second."""
    assert symbol().server_time(moment(utc)) == moment(server)


def test_a_server_may_have_changed_its_zone() -> None:
    """Zones by date: each holds from its time on, the first before it too."""
    changed = moment("2021-01-10T00:00:00")
    made = symbol(zone=[(0, "UTC"), (changed, "Europe/Athens")])
    assert made.server_time(changed - 1) == changed - 1
    assert made.server_time(changed) == changed + 7_200_000_000
    assert made.server_time(moment("2021-07-01T00:00:00")) == moment("2021-07-01T03:00:00")
    with pytest.raises(OptionError, match="later"):
        symbol(zone=[(5, "UTC"), (5, "UTC")])


@given(
    st.integers(-(10**15), 4 * 10**15), st.sampled_from([("America/New_York", 7), ("Europe/Athens", 0), ("UTC", -3)])
)
def test_days_and_hours_are_those_of_the_calendar(time: int, zone: tuple[str, int]) -> None:
    """Server day and open minutes at any time are what Python's calendar says."""
    name, added = zone
    if time < 0:
        name = "UTC"  # the table begins in 1970
    hours = ((0, 300), (1500, 2881), (7199, 7200), (10_000, 10_080))
    made = symbol(zone=f"{name}{added:+d}h", hours=hours)
    plain = Terms(5, Fraction(1), Fraction(1), zone=name, zone_hours=added, hours=hours)
    assert made.server_day(time) == plain.day(time)
    assert made.is_open(time) == plain.is_open(time)


def test_without_hours_a_market_is_always_open() -> None:
    """No intervals mean no closing."""
    assert symbol().is_open(moment("2020-01-04T12:00:00"))


def test_money_of_a_contract_from_python() -> None:
    """Profit, commission and floating as the strategies and the venue compute them."""
    made = symbol(commission=7)
    assert made.profit(0, 112_000, 112_100, 10) == 1000
    assert made.profit(1, 112_000, 112_100, 10, rate(Fraction("0.5"), Fraction("0.6"))) == -600
    assert made.commission(10) == -70
    assert made.floating(0, 112_000, 10, -5, 112_100, 112_110) == 1000 - 70 - 5
