"""Files as arrays: the formats, the pair of bid and ask, and what is refused with file and line."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.backtest_columns import Text
from actors.backtest_data import DataError, load, to_utc
from actors.backtest_formats import detect, read_bars, read_ticks
from actors.symbols import symbol_spec
from actors.ticks import TickFileError, TickReader
from schemas.settings import TickFile

DATA = Path(os.environ.get("PITWIRE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data in {DATA}")

HISTDATA = "20200101 170000065,1.121200,1.121720,0\n"
CSV = "time,bid,ask\n2020-01-01T22:00:00Z,1.1,1.2\n"
BARS = "timestamp,open,high,low,close\n"
BAR = "2012-02-01 00:0{}:00+00:00,1.5,1.6,1.4,1.55\n"


def micros(text: str) -> int:
    """UTC microseconds of an ISO time."""
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


def write(folder: Path, text: str | bytes, name: str = "data.csv") -> str:
    """A file with this content; its path."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


@needs_data
def test_the_array_reader_and_the_line_reader_give_the_same_ticks() -> None:
    """All 9,500 real EURUSD ticks, to the microsecond and the point."""
    path = str(DATA / "eurusd-ticks-histdata-20200101.csv")
    found = read_ticks(path, detect(path), 5)
    lines = list(TickReader(TickFile(path=path, symbol="EURUSD"), symbol_spec("EURUSD", "paper")))
    assert found.time.tolist() == [tick.at for tick in lines]
    assert found.bid.tolist() == [round(tick.bid * 1e5) for tick in lines]
    assert found.ask.tolist() == [round(tick.ask * 1e5) for tick in lines]


@needs_data
@pytest.mark.parametrize(
    ("name", "digits"), [("xauusd-h1-2012-2022-points.csv.gz", 2), ("gbpusd-m1-bid-2012-02.csv.gz", 5)]
)
def test_real_bars_are_read_as_they_stand_in_the_file(name: str, digits: int) -> None:
    """Every bar of ten years of gold and of a month of minutes equals the line it was read from."""
    path = str(DATA / name)
    form = detect(path)
    found = read_bars(path, form, digits)
    with gzip.open(path, "rt") as stream:
        rows = [line.split(",") for line in stream.read().splitlines()[1:]]
    scale = 1 if form == "points" else 10**digits
    for column, values in enumerate((found.open, found.high, found.low, found.close), start=1):
        assert values.tolist() == [round(float(row[column]) * scale) for row in rows]
    begins = [datetime.fromisoformat(row[0]).replace(tzinfo=UTC) for row in rows]
    assert found.time.tolist() == [round(begin.timestamp() * 1e6) for begin in begins]
    assert found.length == (3_600_000_000 if form == "points" else 60_000_000)


@needs_data
def test_the_real_pair_is_found_from_either_side_alone_or_named() -> None:
    """A bid file finds its ask file; both named in any order are the same; a spread makes the bid enough."""
    bid, ask = (str(DATA / f"gbpusd-m1-{side}-2012-02.csv.gz") for side in ("bid", "ask"))
    found = [load(paths, digits=5, zone=[]) for paths in ([bid], [bid, ask], [ask, bid])]
    for data in found:
        assert data.paths == (bid, ask)
        assert data.bars is not None
        assert data.ask is not None
        assert np.array_equal(data.bars.time, data.ask.time)
        assert data.ask.close[0] == 157585
    alone = load([bid], digits=5, zone=[], spread=12)
    assert (alone.ask, alone.spread, len(alone.times)) == (None, 12, 30117)


def test_points_files_are_on_the_servers_clock(tmp_path: Path) -> None:
    """Their times are moved to UTC by the offset that held then; other bars are in UTC already."""
    text = "Date,open,high,low,close,tick_volume\n2020-03-06 22:00:00,5,6,4,5.0,1\n2020-03-06 23:00:00,5,6,4,5.0,1\n"
    text += "2020-03-09 00:00:00,5,6,4,5.00000000000001,1\n"
    zone = [(0, 7_200), (micros("2020-03-08T07:00:00Z"), 10_800)]
    data = load([write(tmp_path, text)], digits=2, zone=zone, spread=1)
    assert data.format == "points"
    expected = ["2020-03-06T20:00:00Z", "2020-03-06T21:00:00Z", "2020-03-08T21:00:00Z"]
    assert data.times.tolist() == [micros(time) for time in expected]


@cache
def new_york_seven_hours_ahead() -> list[tuple[int, int]]:
    """The table of that clock from 2006 to 2038, by asking the zone database on days with a change."""
    zone = ZoneInfo("America/New_York")

    def ahead(hours: int) -> int:
        offset = datetime.fromtimestamp(hours * 3600, zone).utcoffset()
        assert offset is not None
        return round(offset.total_seconds()) + 7 * 3600

    first = int(datetime(2006, 1, 1, tzinfo=UTC).timestamp()) // 3600
    rows = [(0, ahead(first))]
    for day in range(first, first + 32 * 366 * 24, 24):
        if ahead(day) != ahead(day + 24):
            hour = next(hour for hour in range(day, day + 25) if ahead(hour) != rows[-1][1])
            rows.append((hour * 3_600_000_000, ahead(hour)))
    return rows


@given(st.datetimes(datetime(2006, 1, 1), datetime(2037, 1, 1)))  # noqa: DTZ001 - a clock on a wall
def test_walls_and_utc_agree_with_the_zone_database(wall: datetime) -> None:
    """New York's clock seven hours ahead, over years of changes; in doubt the offset of before."""
    wall = wall.replace(microsecond=0)
    at = round(wall.replace(tzinfo=UTC).timestamp()) * 1_000_000
    found = int(to_utc(np.array([at]), new_york_seven_hours_ahead())[0])
    local = (wall - timedelta(hours=7)).replace(tzinfo=ZoneInfo("America/New_York"))
    assert found == round(local.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2020-01-01T22:00:00.065Z", "2020-01-01T22:00:00.065Z"),
        ("2020-02-29 22:00:00", "2020-02-29T22:00:00Z"),
        ("2020-01-01T22:00:00.0650009+02:00", "2020-01-01T20:00:00.065Z"),
        ("2020-01-01T22:00:00-0530", "2020-01-02T03:30:00Z"),
        ("2020-01-01 22:00", "2020-01-01T22:00:00Z"),
        ("2020-01-01", "2020-01-01T00:00:00Z"),
        ("1577916000", "2020-01-01T22:00:00Z"),
        ("1577916000065", "2020-01-01T22:00:00.065Z"),
        ("1577916000065000", "2020-01-01T22:00:00.065Z"),
    ],
)
def test_times_are_understood(tmp_path: Path, written: str, expected: str) -> None:
    """Each way to write a time, alone in its file."""
    path = write(tmp_path, f"time,bid,ask\n{written},1.1,1.2\n")
    assert read_ticks(path, detect(path), 5).time.tolist() == [micros(expected)]


def test_times_of_several_shapes_may_stand_in_one_file(tmp_path: Path) -> None:
    """Lengths and offsets that change from line to line, quotes, blank lines, CRLF and a byte order mark."""
    text = '\ufefftime,bid,ask\r\n"2020-01-01T22:00:00Z",1.1,1.2\r\n\r\n2020-01-01T23:30:00+01:00,1.1,1.2\r\n  \r\n'
    text += "2020-01-01T21:45:00.5-01:00,1.1,1.25"
    path = write(tmp_path, text)
    found = read_ticks(path, detect(path), 5)
    expected = ["2020-01-01T22:00:00Z", "2020-01-01T22:30:00Z", "2020-01-01T22:45:00.5Z"]
    assert found.time.tolist() == [micros(time) for time in expected]
    assert found.ask.tolist() == [120000, 120000, 125000]


@pytest.mark.parametrize(
    ("text", "digits", "points"),
    [("1.12345", 5, 112345), ("1.1234500001", 5, 112345), ("1", 5, 100000), ("1.", 2, 100), ("1.5e2", 2, 15000),
     ("103428.00000000001", 0, 103428), ("1.1234499999999999999999", 5, 112345)],
)  # fmt: skip
def test_prices_become_whole_points(tmp_path: Path, text: str, digits: int, points: int) -> None:
    """To the nearest, if it is no further than a thousandth of a point away."""
    path = write(tmp_path, f"time,bid,ask\n0,{text},{text}\n")
    assert read_ticks(path, "csv", digits).bid.tolist() == [points]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (HISTDATA + "20200101 170000066,nan,1.2,0\n", 2, "price nan; expected a number above 0"),
        (HISTDATA + "20200101 170000066,1.1,inf,0\n", 2, "price inf; expected a number above 0"),
        (HISTDATA + "20200101 170000066,-1.1,1.2,0\n", 2, "price -1.1"),
        (HISTDATA + "20200101 170000066,0,1.2,0\n", 2, "price 0; expected"),
        (HISTDATA + "20200101 170000066,1.1,,0\n", 2, "price '' is not a number"),
        (HISTDATA + "20200101 170000066,1.1,1e300,0\n", 2, "below 2^53 points"),
        (HISTDATA + "20200101 170000066,1.1,99999999999999999,0\n", 2, "below 2^53 points"),
        (HISTDATA + "\n20200101 170000066,1.13,1.12,0\n", 3, "ask 1.12 is below bid 1.13"),
        (HISTDATA + "20200101 165900065,1.1,1.2,0\n", 2, "time goes backwards"),
        (HISTDATA + "20200101 170000066,1.1,1.2\n", 2, "has 3 fields, not 4"),
        (HISTDATA + "20201301 170000066,1.1,1.2,0\n", 2, "time '20201301 170000066' does not fit"),
        (HISTDATA + "20210229 170000066,1.1,1.2,0\n", 2, "time '20210229 170000066' does not fit"),
        (HISTDATA + "20200101 246000066,1.1,1.2,0\n", 2, "time '20200101 246000066' does not fit"),
        (HISTDATA + "20200101 170000066,1.100005,1.2,0\n", 2, "price 1.100005 is not on the grid; expected a multiple"),
        (CSV + "2020-01-01T23:00:00Z,1.1.1,1.2\n", 3, "price '1.1.1' is not a number"),
        (CSV + "yesterday,1.1,1.2\n", 3, "time 'yesterday' does not fit"),
        ("nothing to see\n", 1, "is of no known format"),
        ("bid,ask\n1.1,1.2\n", 1, "expected a header with time"),
        ("time,bid,ask\n", 0, "there is no tick in it"),
        ("", 0, "it is empty"),
        (" \n\r\n", 0, "it is empty"),
        (HISTDATA + "x" * 5000, 2, "the line is too long"),
        (BARS + BAR.format(1) + BAR.format(1), 3, "a time is there twice"),
        (BARS + BAR.format(2) + BAR.format(1), 3, "time goes backwards"),
        (BARS + BAR.format(1) + "2012-02-01 00:02:00,1.5,1.49,1.4,1.45\n", 3, "high or low is inside"),
        (BARS + BAR.format(1), 0, "one bar has no length"),
        (BARS + BAR.format(1) + "2012-02-01 00:01:07,1.5,1.6,1.4,1.5\n", 0, "is 7 s after the one before"),
        (BARS, 0, "there is no bar in it"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    """Each kind of bad data is an error with the file, the line and what was expected."""
    path = write(tmp_path, text)
    with pytest.raises(TickFileError) as caught:
        load([path], digits=5, zone=[], spread=None if text.startswith(HISTDATA[:5]) else 1)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}, line {line}: " if line else f"{path}: ")


@pytest.mark.parametrize("at", [0, 1, 200_000, 399_999])
def test_a_bad_line_is_found_in_any_block(tmp_path: Path, at: int) -> None:
    """Line numbers go on from block to block, in a file of many of them."""
    lines = [HISTDATA] * 400_000
    lines[at] = "20200101 170000065,1.121200,oops,0\n"
    path = write(tmp_path, "".join(lines))
    with pytest.raises(TickFileError, match=f"line {at + 1}: price 'oops'"):
        read_ticks(path, "histdata", 5)


def test_blocks_cut_the_file_between_lines(tmp_path: Path) -> None:
    """A file larger than a block comes back whole."""
    lines = [f"{1_577_916_000 + row},1.{row % 100_000:05},2.0\n" for row in range(500_000)]
    path = write(tmp_path, "time,bid,ask\n" + "".join(lines))
    assert sum(1 for _ in Text(path).blocks()) > 1
    found = read_ticks(path, "csv", 5)
    assert np.array_equal(found.time, (1_577_916_000 + np.arange(500_000)) * 1_000_000)
    assert np.array_equal(found.bid, 100_000 + np.arange(500_000) % 100_000)


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    """One that is not there, a folder, and a packed one that is cut off or no such file."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(TickFileError, match="it cannot be read"):
            detect(str(path))
    whole = gzip.compress(HISTDATA.encode() * 1000)
    for data in (whole[:-20], b"no gzip at all"):
        with pytest.raises(TickFileError, match="broken gzip data"):
            load([write(tmp_path, data, "data.csv.gz")], digits=5, zone=[])


def test_bars_need_to_know_the_ask(tmp_path: Path) -> None:
    """Bars of the bid alone are refused without a spread, and files that are no pair with one."""
    bid = write(tmp_path, BARS + BAR.format(1) + BAR.format(2), "x-bid.csv")
    with pytest.raises(DataError, match="expected --spread POINTS"):
        load([bid], digits=5, zone=[])
    ask = write(tmp_path, BARS + BAR.format(1) + BAR.format(3) + BAR.format(4), "x-ask.csv")
    with pytest.raises(DataError, match=r"x-ask.csv: bar 2 has no counterpart"):
        load([bid], digits=5, zone=[])
    with pytest.raises(DataError, match="expected only one of the two"):
        load([bid, ask], digits=5, zone=[], spread=3)
    with pytest.raises(DataError, match="exactly one with `ask`"):
        load([bid, bid], digits=5, zone=[])
    with pytest.raises(DataError, match="names 3 files"):
        load([bid, ask, ask], digits=5, zone=[])


def test_a_part_of_the_time_can_be_taken(tmp_path: Path) -> None:
    """From the first time on, up to and without the second; nothing in between is an error that says what there is."""
    text = BARS + "".join(BAR.format(minute) for minute in range(5))
    path = write(tmp_path, text)
    begin, end = micros("2012-02-01T00:01:00Z"), micros("2012-02-01T00:03:00Z")
    data = load([path], digits=5, zone=[], spread=1, begin=begin, end=end)
    assert data.times.tolist() == [begin, begin + 60_000_000]
    assert data.bars is not None
    assert len(data.bars.close) == 2
    with pytest.raises(DataError, match="no bar between --from and --to; it has 2012-02-01T00:00:00Z to"):
        load([path], digits=5, zone=[], spread=1, begin=end, end=begin)


def test_a_spread_takes_the_place_of_the_ticks_own(tmp_path: Path) -> None:
    """The ask is the bid and the spread; without one it is the file's."""
    path = write(tmp_path, HISTDATA)
    for spread, ask in ((None, 112172), (7, 112127)):
        data = load([path], digits=5, zone=[], spread=spread)
        assert data.ticks is not None
        assert data.ticks.ask.tolist() == [ask]
