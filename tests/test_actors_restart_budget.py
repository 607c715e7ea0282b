"""The restart budget: how often, how soon, and when it gives up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.restart_budget import RestartBudget

GAPS = st.lists(st.integers(min_value=0, max_value=30_000_000), min_size=1, max_size=60)


def _asked(budget: RestartBudget, gaps: list[int]) -> list[tuple[int, int | None]]:
    """Each question's time and answer."""
    now = 0
    answers = []
    for gap in gaps:
        now += gap
        answers.append((now, budget.ask(now)))
    return answers


def test_the_first_restart_comes_soon_and_each_next_waits_twice_as_long() -> None:
    """A crash loop costs less and less."""
    budget = RestartBudget(5, 60_000_000, first_us=100, most_us=400)
    assert [budget.ask(now) for now in range(5)] == [100, 200, 400, 400, 400]


def test_a_restart_after_a_calm_time_comes_soon_again() -> None:
    """What is killed now and then is back at once each time; only a crash loop is made to wait."""
    budget = RestartBudget(10, 1_000, first_us=1, most_us=64, close_us=100)
    assert [budget.ask(now) for now in (0, 50, 99, 198, 199, 400)] == [1, 2, 4, 2, 2, 1]


def test_one_restart_too_many_within_the_window_is_refused_for_good() -> None:
    """Giving up is final: time alone does not bring it back."""
    budget = RestartBudget(2, 1_000)
    assert budget.ask(0) is not None
    assert budget.ask(10) is not None
    assert budget.ask(999) is None
    assert budget.given_up
    assert budget.ask(10**12) is None


def test_restarts_that_lie_outside_the_window_are_forgotten() -> None:
    """Something that fails once an hour runs on forever, without waiting longer each time."""
    budget = RestartBudget(1, 1_000, first_us=7, most_us=70)
    assert [budget.ask(now) for now in (0, 1_000, 2_000, 3_000)] == [7, 7, 7, 7]
    assert budget.spent == 4


def test_no_restart_at_all_can_be_asked_for() -> None:
    """Simulated time cannot go on past a death: its budget is 0."""
    assert RestartBudget(0).ask(0) is None


@given(limit=st.integers(min_value=0, max_value=8), window=st.integers(min_value=1, max_value=60_000_000), gaps=GAPS)
def test_no_window_ever_holds_more_restarts_than_the_limit(limit: int, window: int, gaps: list[int]) -> None:
    """The one promise, for every way of failing."""
    granted = [now for now, delay in _asked(RestartBudget(limit, window), gaps) if delay is not None]
    for start in granted:
        assert sum(start <= now < start + window for now in granted) <= limit


@given(gaps=GAPS)
def test_it_refuses_only_when_the_window_is_full(gaps: list[int]) -> None:
    """It does not give up earlier than it says."""
    limit, window = 3, 10_000_000
    answers = _asked(RestartBudget(limit, window), gaps)
    refused = next((index for index, (_, delay) in enumerate(answers) if delay is None), None)
    if refused is not None:
        now = answers[refused][0]
        assert sum(now - window < earlier <= now for earlier, _ in answers[:refused]) == limit
        assert all(delay is None for _, delay in answers[refused:])


@given(gaps=GAPS)
def test_every_wait_lies_between_the_first_and_the_longest(gaps: list[int]) -> None:
    """Nothing is restarted in a hot loop, nothing waits for ever."""
    budget = RestartBudget(100, first_us=1_000, most_us=64_000)
    assert all(delay is not None and 1_000 <= delay <= 64_000 for _, delay in _asked(budget, gaps))


@pytest.mark.parametrize("values", [(-1, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 2, 1)])
def test_a_budget_that_makes_no_sense_is_refused(values: tuple[int, int, int, int]) -> None:
    """A wrong constant shows at once and not at the first crash."""
    limit, window, first, most = values
    with pytest.raises(ValueError, match="expected limit"):
        RestartBudget(limit, window, first_us=first, most_us=most)
