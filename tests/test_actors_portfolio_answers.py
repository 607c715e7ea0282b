"""What the portfolio answers: the book and the curves, to those who may see them, in messages of a bounded size."""

from __future__ import annotations

import msgspec
import pytest
from guard_desk import START, make_fill, make_terms, make_update
from hypothesis import given
from hypothesis import strategies as st
from portfolio_desk import Floor, account, position

from actors.effects import EventIn, Failed
from actors.portfolio_answers import MOST_BYTES
from actors.portfolio_book import FILLS_KEPT
from actors.portfolio_series import MINUTES, SECONDS, Series
from schemas.account import PositionState
from schemas.answers import BookAnswer, SeriesAnswer, SeriesPoint
from schemas.codec import encode
from schemas.command import Ask, CommandResult
from schemas.order import OrderState
from schemas.registry import subject_of

SECOND = 1_000_000
MINUTE = 60 * SECOND


def book(floor: Floor, scope: str = "floor") -> BookAnswer:
    """The answer to `book`."""
    answer = floor.ask("book", scope)
    assert isinstance(answer, BookAnswer)
    return answer


def refusal(floor: Floor, verb: str, scope: str = "floor", /, **args: str) -> str:
    """Why a question is not answered."""
    answer = floor.ask(verb, scope, **args)
    assert isinstance(answer, CommandResult)
    assert (answer.id, answer.ok) == ("q1", False)
    return answer.text


def test_the_book_holds_what_travelled_with_its_envelopes() -> None:
    """The venue's newest word on each position, the last update of each order, and the fills in their order."""
    floor = Floor().hear(make_fill(make_terms(1), 7, source="router"), position(7, 0.01, "ema", swap=-0.5))
    floor.hear(position(7, 0.01, "ema", swap=-0.7), position(99, 0.02))
    for revision, state in enumerate((OrderState.SUBMITTING, OrderState.UNKNOWN), 1):
        floor.hear(make_update(make_terms(2), state, revision))
    answer = book(floor)
    assert [(one.ticket, one.swap, one.sequence) for one in answer.positions] == [(7, -0.7, 2), (99, 0.0, 1)]
    assert [(one.order, one.state, one.sequence) for one in answer.orders] == [("ema-1-2", "unknown", 2)]
    assert [(one.order, one.source) for one in answer.fills] == [("ema-1-1", "router")]
    assert (answer.positions_left_out, answer.orders_left_out) == (0, 0)


def test_a_position_that_only_the_deals_tell_of_is_made_from_them_and_older_than_any_word_of_the_venue() -> None:
    """With what opened it."""
    (made,) = book(Floor().hear(make_fill(make_terms(1, side="sell"), 7))).positions
    assert made == PositionState(
        source="",
        incarnation=0,
        sequence=0,
        account="paper",
        ticket=7,
        symbol="EURUSD",
        side="sell",
        volume=0.01,
        price_open=1.1,
        opened_at=START,
        session="ema",
        strategy="ema_cross",
    )


def test_what_is_closed_is_in_no_book() -> None:
    """As soon as the venue or the deal says so, whichever comes first."""
    opening, closing = make_fill(make_terms(1), 7), make_fill(make_terms(2, side="sell", position=7), 7)
    for first, second in ((position(7, 0.0, "ema"), closing), (closing, position(7, 0.0, "ema"))):
        floor = Floor().hear(opening, position(7, 0.01, "ema"), first)
        assert book(floor).positions == ()
        assert book(floor.hear(second)).positions == ()


def test_a_scope_sees_its_own_account_only() -> None:
    """Positions, orders, fills and curves."""
    floor = Floor().market().hear(account(), account(500.0, name="other"))
    for number, (name, session) in enumerate((("paper", "ema"), ("other", "far")), 1):
        floor.hear(make_fill(make_terms(1, account=name, session=session), number))
        floor.hear(make_update(make_terms(2, account=name, session=session), OrderState.SUBMITTING))
    floor.wait()
    whole, other = book(floor), book(floor, "other")
    assert (len(whole.positions), len(whole.orders), len(whole.fills)) == (2, 2, 2)
    assert [one.account for one in other.positions] == ["other"]
    assert [one.account for one in (*other.orders, *other.fills)] == ["other", "other"]
    own = floor.ask("series", "other")
    assert isinstance(own, SeriesAnswer)
    assert (own.scope, own.id, len(own.points)) == ("account", "other", 1)
    assert "expected one of account other" in refusal(floor, "series", "other", scope="portfolio", id="floor")
    assert "paper" not in refusal(floor, "series", "other", id="nothing")
    assert refusal(floor, "series", "other", id="paper")
    assert "no account 'moon'" in refusal(floor, "book", "moon")


def test_the_curve_is_what_was_told_each_second() -> None:
    """Of the whole unless another is asked for; nothing is added while the equity is not known."""
    floor = Floor().market().hear(account()).wait(2)
    answer = floor.ask("series")
    assert isinstance(answer, SeriesAnswer)
    assert answer.points == ()
    floor.hear(account(500.0, name="other")).wait().hear(make_fill(make_terms(1), 7), account(positions=1)).wait()
    answer, paper = floor.ask("series"), floor.ask("series", id="paper", scope="account")
    assert isinstance(answer, SeriesAnswer)
    assert isinstance(paper, SeriesAnswer)
    assert (answer.scope, answer.id, answer.currency) == ("portfolio", "floor", "USD")
    assert answer.points == (
        SeriesPoint(START + 3 * SECOND, 10_500.0, 10_500.0),
        SeriesPoint(START + 4 * SECOND, 10_499.96, 10_500.0),
    )
    assert (paper.id, paper.points[-1].equity, len(paper.points)) == ("paper", 9_999.96, 4)


@pytest.mark.parametrize(
    ("verb", "args", "words"),
    [
        ("tea", {}, "does not know 'tea'; expected one of book, series"),
        ("book", {"account": "x"}, "book takes no arguments, not account"),
        ("series", {"of": "x"}, "series takes scope and id, not of"),
        ("series", {"scope": "session", "id": "ema"}, "no series of session 'ema'; expected one of portfolio floor"),
        ("series", {"scope": "account"}, "no series of account 'floor'"),
        ("x" * 2000, {}, "does not know"),
    ],
)
def test_a_question_without_sense_is_refused_with_what_was_expected(
    verb: str, args: dict[str, str], words: str
) -> None:
    """Briefly."""
    text = refusal(Floor(), verb, **args)
    assert words in text
    assert len(text) <= 500


def test_a_question_must_be_that_of_its_subject_and_wants_a_reply() -> None:
    """The server pins user and scope in the subject, so a viewer cannot ask for more by the text."""
    floor = Floor()
    ask = Ask(id="q1", user="ann", scope="floor", service="portfolio", verb="book")
    answer = floor.put(EventIn("ask.ann.paper.portfolio.book", ask, "_R_.1"))
    assert isinstance(answer, CommandResult)
    assert not answer.ok
    floor.forget().take(EventIn(subject_of(ask), ask)).take(EventIn("ask.ann.paper.portfolio.book", ask))
    assert floor.said == []
    failed = floor.portfolio.on_failure(Failed(EventIn(subject_of(ask), ask, "_R_.1"), "KeyError: 1"), START)
    assert "KeyError: 1" in str(failed)


def test_an_answer_stays_below_its_bound_and_says_what_is_left_out() -> None:
    """However much is open, every newest fill fits."""
    floor = Floor()
    for number in range(1, 2001):
        floor.hear(make_fill(make_terms(number), number), position(number, 0.01, "ema"))
    for number in range(2001, 2201):
        floor.hear(make_update(make_terms(number), OrderState.SUBMITTING))
    answer = book(floor)
    assert 150 * 1024 < len(encode(answer)) < MOST_BYTES
    assert len(answer.positions) + answer.positions_left_out == 2000
    assert len(answer.orders) + answer.orders_left_out == 200
    assert [one.order for one in answer.fills] == [f"ema-1-{number}" for number in range(1901, 2001)]
    assert len(answer.fills) == FILLS_KEPT
    assert answer.positions[-1].ticket == 2000
    assert min(len(answer.positions), len(answer.orders)) > 30


def test_a_full_curve_fits_into_an_answer() -> None:
    """Ten minutes of seconds and a day of minutes, at the longest figures."""
    series = Series()
    for second in range(MINUTES * 60 + 5):
        series.add(SeriesPoint(START + second * SECOND, -1_234_567_890.12, -1_234_567_890.12))
    points = series.points()
    assert SECONDS + MINUTES - 20 < len(points) <= SECONDS + MINUTES
    answer = SeriesAnswer(scope="portfolio", id="floor", currency="USD", points=points)
    assert len(encode(answer)) < MOST_BYTES


@given(st.lists(st.integers(-5, 400), max_size=80))
def test_a_curve_goes_forward_and_ends_with_its_newest_point(steps: list[int]) -> None:
    """Whatever the clock does; no two points share a second."""
    series, now = Series(), START
    told: list[SeriesPoint] = []
    for number, step in enumerate(steps):
        now += step * SECOND // 4
        series.add(SeriesPoint(now, float(number), 0.0))
        if not told or now >= told[-1].at:
            told.append(SeriesPoint(now, float(number), 0.0))
    points = series.points()
    assert points[-1:] == tuple(told[-1:])
    assert [one.at // SECOND for one in points] == sorted({one.at // SECOND for one in points})
    assert set(points) <= set(told)
    assert msgspec.json.decode(msgspec.json.encode(points), type=tuple[SeriesPoint, ...]) == points
