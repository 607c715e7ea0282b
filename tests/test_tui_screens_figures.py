"""How figures are written, which columns fit, and how curves are drawn: the parts of the screens without a screen."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.widgets.columns import Column, Widths
from tui.widgets.figures import ago, clock, count, lots, money, plain, points, price, tone
from tui.widgets.marks import curve, spark
from tui.widgets.tones import fitted

SECOND = 1_000_000
ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (1234567890.12, False, "1,234,567,890.12"),
        (-1234.5, False, "-1,234.50"),
        (12.345, True, "+12.35"),
        (0.0, True, "0.00"),
        (-0.001, True, "0.00"),
        (-0.0, False, "0.00"),
        (None, True, "-"),
        (math.nan, False, "-"),
        (-math.inf, True, "-"),
    ],
)
def test_money(value: float | None, signed: bool, text: str) -> None:
    """Thousands, two decimals, a plus where it is asked for, no minus zero, a dash for what is not known."""
    assert money(value, signed=signed) == text


@given(ANY_FLOAT)
def test_the_tone_of_money_agrees_with_what_is_written(value: float) -> None:
    """Nothing that reads 0.00 is coloured as a gain or a loss, and nothing with a sign is not."""
    text = money(value, signed=True)
    assert tone(value) == {"+": "up", "-": "down"}.get(text[0] if text != "-" else "", "dim" if text == "-" else "")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(1.1, 5, "1.10000"), (151.2, 3, "151.200"), (-37.63, 2, "-37.63"), (1.1234, None, "1.1234"), (None, 5, "-")],
)
def test_price(value: float | None, digits: int | None, text: str) -> None:
    """The symbol's digits; as it is while they are not known."""
    assert price(value, digits) == text


def test_spread() -> None:
    """Whole points, without the dust of a subtraction."""
    assert points(1.10001, 1.10013, 5) == "12"
    assert points(1.0, 1.1, None) == "-"
    assert points(None, 1.1, 5) == "-"


@pytest.mark.parametrize(
    ("volume", "text"), [(0.1 + 0.2, "0.30"), (1.0, "1.00"), (0.001, "0.001"), (2500.0, "2,500.00"), (None, "-")]
)
def test_lots(volume: float | None, text: str) -> None:
    """Two decimals, more where they are needed."""
    assert lots(volume) == text


def test_times() -> None:
    """UTC, and durations in their largest units; a time that never was is a dash."""
    assert clock(1_700_000_000 * SECOND) == "22:13:20"
    assert clock(0) == "-"
    durations = [ago(seconds * SECOND) for seconds in (-1, 59, 60, 3_660, 90_000)]
    assert durations == ["0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h"]
    assert [count(1, "fill"), count(2_000, "fill"), count(2, "entry", "entries")] == [
        "1 fill",
        "2,000 fills",
        "2 entries",
    ]


@given(st.text())
def test_text_of_events_becomes_harmless(text: str) -> None:
    """Whatever it was, a terminal acts upon none of it, and nothing readable is lost."""
    made = plain(text)
    assert len(made) == len(text)
    assert all(character.isprintable() or character.isspace() for character in made)
    assert not set(made) & {"\x1b", "\n", "\r", "\t", "\u202e", "\x9b"}
    assert plain(made) == made


@given(st.text(st.characters(categories=("L", "N", "P", "S"))), st.integers(0, 30), st.booleans())
def test_fitted_text_has_the_width(text: str, width: int, right: bool) -> None:
    """Padded or cut, also with characters that are two cells wide; what is cut says so."""
    made = fitted(text, width, right=right)
    assert cell_len(made) == width
    if cell_len(text) > width > 0:
        assert made.rstrip().endswith("…")


COLUMNS = st.lists(
    st.builds(
        Column,
        title=st.text("abc", max_size=8),
        rank=st.integers(0, 5),
        right=st.booleans(),
        least=st.sampled_from([0, 0, 6, 10]),
        wish=st.sampled_from([0, 12, 20]),
        fills=st.booleans(),
    ),
    min_size=1,
    max_size=9,
)


@given(COLUMNS, st.data(), st.integers(1, 120))
def test_columns_that_are_shown_are_whole(columns: list[Column], data: st.DataObject, width: int) -> None:
    """In order, not overlapping, inside the width as long as rank 0 fits; a figure is as wide as it needs."""
    widths = Widths(columns)
    row = [(data.draw(st.text("1234567890.,", max_size=18)), "") for _ in columns]
    widths.grow(row)
    places = widths.places(width)
    needed = [max(len(column.title), len(text)) for column, (text, _) in zip(columns, row, strict=True)]
    assert [place.index for place in places] == sorted(place.index for place in places)
    for place, after in pairwise(places):
        assert place.x + place.width < after.x
    for place in places:
        least = columns[place.index].least or needed[place.index]
        assert place.width >= min(least, needed[place.index])
    shown = {place.index for place in places}
    assert {index for index, column in enumerate(columns) if column.rank == 0} <= shown
    if any(columns[index].rank for index in shown):
        assert places[-1].x + places[-1].width <= width


@given(COLUMNS, st.integers(1, 120))
def test_widths_only_grow(columns: list[Column], width: int) -> None:
    """The same row twice moves nothing, a shorter one neither."""
    widths = Widths(columns)
    widths.grow([("1,234.50", "") for _ in columns])
    places = widths.places(width)
    assert not widths.grow([("1.50", "") for _ in columns])
    assert widths.places(width) == places


SERIES = st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=80).map(
    lambda values: [(at * SECOND, value) for at, value in enumerate(values)]
)


@given(SERIES, st.integers(1, 40), st.integers(1, 12), st.booleans())
def test_a_curve_fills_its_box(series: list[tuple[int, float]], width: int, height: int, dots: bool) -> None:
    """It has the size asked for, touches top and bottom unless it is flat, and has no hole from left to right."""
    lines = curve(series, width, height, dots=dots)
    assert [len(line) for line in lines] == [width] * height
    for x in range(width):
        assert any(line[x] != " " for line in lines)
    if len(series) > 1 and width * (2 if dots else 1) >= len(series) and len({value for _, value in series}) > 1:
        assert lines[0].strip()
        assert lines[-1].strip()


@given(st.lists(st.floats(-1e12, 1e12), max_size=80))
def test_a_spark_line_has_a_bar_a_value(values: list[float]) -> None:
    """The least is the lowest bar, the greatest the highest."""
    bars = spark(values, "▁▂▃▄▅▆▇█")
    assert len(bars) == len(values)
    if len(set(values)) > 1:
        assert bars[values.index(min(values))] == "▁"
        assert bars[values.index(max(values))] == "█"


def test_a_curve_goes_from_the_past_on_the_left_to_now_on_the_right() -> None:
    """A rising series ends at the top right, and time without a change is a level line."""
    rising = curve([(0, 0.0), (10, 0.0), (20, 1.0)], 4, 2, dots=False)
    assert rising == ["   *", "****"]
