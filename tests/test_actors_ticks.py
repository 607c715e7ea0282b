"""Tick files: what is read from good ones, and what is said of every kind of bad one."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.feed_recorded import RecordedSource
from actors.symbols import UnknownSymbolError, symbol_spec
from actors.ticks import TickFileError, TickReader, check_files
from schemas.market import Tick
from schemas.settings import TickFile

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GOOD = "20200101 170000065,1.12120,1.12172,0\n20200101 170010447,1.12121,1.12192,2.5\n"
HEADER = "time,bid,ask,volume\n"
FIRST = 1_577_916_000_065_000

# A time in microseconds, a bid and a spread in points: quotes as a file holds them.
QUOTES = st.lists(
    st.tuples(
        st.integers(min_value=946_684_800_000_000, max_value=4_102_444_800_000_000),
        st.integers(min_value=1, max_value=10**9),
        st.integers(min_value=0, max_value=10**5),
    ),
    min_size=1,
    max_size=30,
).map(sorted)
UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def read(path: Path, kind: Literal["histdata", "csv"] = "histdata", symbol: str = "EURUSD") -> list[Tick]:
    """All ticks of a file."""
    return list(TickReader(TickFile(path=str(path), symbol=symbol, format=kind), symbol_spec(symbol, "paper")))


def written(folder: Path, text: str | bytes, name: str = "ticks.csv") -> Path:
    """A file with this content, packed if its name says so."""
    raw = text.encode() if isinstance(text, str) else text
    path = folder / name
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def histdata_time(at: int) -> str:
    """The text of a time in UTC-5."""
    return (EPOCH + timedelta(microseconds=at) - timedelta(hours=5)).strftime("%Y%m%d %H%M%S%f")[:-3]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder for files that are written again and again."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


# ---- good files


@given(quotes=QUOTES, packed=st.booleans())
def test_what_is_written_as_histdata_is_read_back(
    folder: Path, quotes: list[tuple[int, int, int]], packed: bool
) -> None:
    """Times to the millisecond and prices to the point survive, in plain and in packed files."""
    quotes = [(at - at % 1000, bid, spread) for at, bid, spread in quotes]
    lines = [f"{histdata_time(at)},{bid / 1e5:.5f},{(bid + spread) / 1e5:.5f},0\n" for at, bid, spread in quotes]
    ticks = read(written(folder, "".join(lines), "ticks.csv.gz" if packed else "ticks.csv"))
    assert [(tick.at, tick.bid, tick.ask) for tick in ticks] == [
        (at, bid / 1e5, (bid + spread) / 1e5) for at, bid, spread in quotes
    ]


@given(quotes=QUOTES, unit=st.sampled_from(sorted(UNITS)), column=st.sampled_from(["time", "Timestamp"]))
def test_whole_epochs_are_told_apart_by_their_size(
    folder: Path, quotes: list[tuple[int, int, int]], unit: str, column: str
) -> None:
    """Seconds, milliseconds and microseconds need no setting."""
    factor = UNITS[unit]
    lines = [f"{at // factor},{(bid + spread) / 1e3:.3f},{bid / 1e3:.3f}\n" for at, bid, spread in quotes]
    ticks = read(written(folder, f"{column},ask,BID\n" + "".join(lines)), "csv", "USDJPY")
    assert [(tick.at, tick.bid, tick.ask) for tick in ticks] == [
        (at - at % factor, bid / 1e3, (bid + spread) / 1e3) for at, bid, spread in quotes
    ]


@given(quotes=QUOTES, joint=st.sampled_from("T "), zone=st.sampled_from(["", "Z", "+00:00", "+02:00", "-0530"]))
def test_iso_times_are_read_back(folder: Path, quotes: list[tuple[int, int, int]], joint: str, zone: str) -> None:
    """A time without an offset is UTC; one with an offset is converted."""
    ahead = {"+02:00": 120, "-0530": -330}.get(zone, 0)
    lines = []
    for at, bid, spread in quotes:
        local = EPOCH + timedelta(microseconds=at, minutes=ahead)
        lines.append(f"{local:%Y-%m-%d}{joint}{local:%H:%M:%S.%f}{zone},{bid / 100:.2f},{(bid + spread) / 100:.2f}\n")
    ticks = read(written(folder, "time,bid,ask\r\n" + "".join(lines)), "csv", "XAUUSD")
    assert [(tick.at, tick.bid) for tick in ticks] == [(at, bid / 100) for at, bid, _ in quotes]


@given(st.text(max_size=200), st.sampled_from(["histdata", "csv"]))
def test_any_text_is_read_or_refused_clearly(folder: Path, text: str, kind: Literal["histdata", "csv"]) -> None:
    """Nothing but a TickFileError comes out of a bad file."""
    path = written(folder, text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(TickFileError):
        read(path, kind)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused_clearly(folder: Path, raw: bytes, packed: bool) -> None:
    """Also where the file is said to be packed and is not."""
    path = folder / ("raw.csv.gz" if packed else "raw.csv")
    path.write_bytes(raw)
    with pytest.raises(TickFileError, match="raw"):
        read(path)


def test_columns_may_come_in_any_order_with_others_between(tmp_path: Path) -> None:
    """Quotes, spaces, a byte order mark, carriage returns and blank lines do not matter; a volume may be empty."""
    text = (
        '\ufeff"Ask", venue ,"BID",Volume,Time\r\n\r\n'
        '1.20002,x,"1.20001",3,2020-01-01 00:00:00\r\n'
        "1.20003,y,1.2,,2020-01-01 00:00:00.5\r\n\n"
    )
    first, second = read(written(tmp_path, text), "csv")
    assert (first.bid, first.ask, first.volume, first.at) == (1.20001, 1.20002, 3.0, 1_577_836_800_000_000)
    assert (second.bid, second.volume, second.at) == (1.2, 0.0, 1_577_836_800_500_000)


def test_histdata_times_have_no_summer_time(tmp_path: Path) -> None:
    """July is five hours behind UTC as January is."""
    tick = read(written(tmp_path, "20200701 170000065,1.1212,1.12172,0\n"))[0]
    assert tick.at == round(datetime(2020, 7, 1, 22, 0, 0, 65_000, UTC).timestamp() * 1e6)


def test_a_crossed_quote_is_skipped_and_counted(tmp_path: Path) -> None:
    """An ask below the bid is no tick and no error; an ask equal to the bid is a tick."""
    crossed = "20200101 170011000,1.12130,1.12129,0\n20200101 170012000,1.12130,1.12130,0\n"
    path = written(tmp_path, GOOD + crossed)
    summary = check_files([TickFile(path=str(path), symbol="EURUSD")])[0]
    assert (summary.ticks, summary.skipped) == (3, 1)
    source = RecordedSource([TickFile(path=str(path), symbol="EURUSD")], "paper")
    while source.next() is not None:
        pass
    assert source.skipped == {"EURUSD": 1}


def test_prices_are_put_onto_the_grid(tmp_path: Path) -> None:
    """What a thousandth of a point away at most becomes the grid's own number."""
    tick = read(written(tmp_path, "20200101 170000065,1.121200009,1.12171999999,0\n"))[0]
    assert (tick.bid, tick.ask) == (1.1212, 1.12172)


def test_the_check_tells_what_is_in_a_file(tmp_path: Path) -> None:
    """Counts, first and last time, and the digest of the file as it lies there."""
    path = written(tmp_path, GOOD, "ticks.csv.gz")
    summary = check_files([TickFile(path=str(path), symbol="EURUSD")])[0]
    assert (summary.ticks, summary.first, summary.last) == (2, FIRST, FIRST + 10_382_000)
    assert summary.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_nothing_is_read_ahead_of_what_is_asked_for(tmp_path: Path) -> None:
    """A broken line far behind does not keep the ticks before it from coming."""
    path = written(tmp_path, GOOD + "broken\n")
    reader = iter(TickReader(TickFile(path=str(path), symbol="EURUSD"), symbol_spec("EURUSD", "paper")))
    assert [next(reader).at, next(reader).at] == [FIRST, FIRST + 10_382_000]
    with pytest.raises(TickFileError, match="line 3"):
        next(reader)


# ---- bad files

HISTDATA_SHAPE = "YYYYMMDD HHMMSSmmm,bid,ask,volume"
ABOVE_0 = "a number above 0"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("garbage", HISTDATA_SHAPE),
        ("20200101 170011000,1.1,1.2", HISTDATA_SHAPE),
        ("20200101 170011000,1.1,1.2,0,0", HISTDATA_SHAPE),
        ("20200101 17001100,1.1,1.2,0", HISTDATA_SHAPE),
        ("2020-01-01 17:00:11.000,1.1,1.2,0", HISTDATA_SHAPE),
        ("20200101 170011000,1.1,1.2,-1", HISTDATA_SHAPE),
        ("20200101 170011000;1.1;1.2;0", HISTDATA_SHAPE),
        ("20200101 170011000,1.1,1.2," + "9" * 400, "a number from 0 up"),
        ("20200101 170011000,1_000,1.2,0", "a decimal number"),
        ("20200101 170011000,one,1.2,0", "a decimal number"),
        ("20200101 170011000,,1.2,0", "a decimal number"),
        ("20200101 170011000,nan,1.2,0", ABOVE_0),
        ("20200101 170011000,1.1,inf,0", ABOVE_0),
        ("20200101 170011000,0,1.2,0", ABOVE_0),
        ("20200101 170011000,1.1,-1.2,0", ABOVE_0),
        ("20200101 170011000,1.1,999999999999,0", "below 2^53 points"),
        ("20200101 170011000,1.1," + "9" * 400 + ",0", ABOVE_0),
        ("20200230 170011000,1.1,1.2,0", "a day of the calendar"),
        ("20201301 170011000,1.1,1.2,0", "a day of the calendar"),
        ("20200101 240000000,1.1,1.2,0", "00:00:00 to 23:59:59"),
        ("20200101 176000000,1.1,1.2,0", "00:00:00 to 23:59:59"),
        ("20200101 170060000,1.1,1.2,0", "00:00:00 to 23:59:59"),
        ("20200101 170010446,1.1,1.2,0", "times that never decrease"),
        ("20200101 170011000,1.121201,1.2,0", "a multiple of 1e-05"),
        ("20200101 170011000,1.1,1.200005,0", "a multiple of 1e-05"),
        ("x" * 5000, "fewer than 4,096 bytes"),
    ],
)
def test_a_bad_histdata_line_is_named(tmp_path: Path, line: str, expected: str) -> None:
    """File, line and what was expected, for each way in which a line can be wrong."""
    path = written(tmp_path, GOOD + line + "\n")
    with pytest.raises(TickFileError) as caught:
        read(path)
    assert (caught.value.path, caught.value.line) == (str(path), 3)
    assert expected in caught.value.expected
    assert str(caught.value).startswith(f"{path}, line 3: ")
    assert len(str(caught.value)) < len(str(path)) + 300


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2020-01-01T00:00:01,1.1,1.2", "4, as in the header"),
        ("2020-01-01T00:00:01,1.1,1.2,0,0", "4, as in the header"),
        ("yesterday,1.1,1.2,0", "ISO-8601"),
        ("2020-01-01,1.1,1.2,0", "ISO-8601"),
        ("1577916000.5,1.1,1.2,0", "ISO-8601"),
        ("-1577916000,1.1,1.2,0", "ISO-8601"),
        ("2020-02-30T00:00:01,1.1,1.2,0", "a day of the calendar"),
        ("2020-01-01T25:00:00,1.1,1.2,0", "00:00:00 to 23:59:59"),
        ("2020-01-01T00:00:01,1.1,nan,0", ABOVE_0),
        ("2020-01-01T00:00:01,-inf,1.2,0", ABOVE_0),
        ("2020-01-01T00:00:01,1e400,1.2,0", ABOVE_0),
        ("2020-01-01T00:00:01,0.0,1.2,0", ABOVE_0),
        ("2020-01-01T00:00:01,1.1,,0", "a decimal number"),
        ("2020-01-01T00:00:01,1.1,1.2,-1", "a number from 0 up"),
        ("2020-01-01T00:00:01,1.1,1.2,nan", "a number from 0 up"),
        ("2020-01-01T00:00:01,1.1,1.2,much", "a decimal number"),
        ("2019-12-31T23:59:59,1.1,1.2,0", "times that never decrease"),
        ("2020-01-01T00:00:01,1.1000005,1.2,0", "a multiple of 1e-05"),
    ],
)
def test_a_bad_csv_line_is_named(tmp_path: Path, line: str, expected: str) -> None:
    """The same for the generic format, where the header is line 1."""
    path = written(tmp_path, f"{HEADER}2020-01-01T00:00:00Z,1.1,1.2,0\n{line}\n")
    with pytest.raises(TickFileError) as caught:
        read(path, "csv")
    assert caught.value.line == 3
    assert expected in caught.value.expected


@pytest.mark.parametrize(
    "header",
    ["time,bid", "bid,ask", "time,timestamp,bid,ask", "time,bid,bid,ask", "time;bid;ask", "1577916000,1.1,1.2"],
)
def test_a_header_without_the_columns_is_refused(tmp_path: Path, header: str) -> None:
    """The columns must be named, each once."""
    with pytest.raises(TickFileError, match=r"line 1: .* expected a header that names"):
        read(written(tmp_path, f"{header}\n"), "csv")


@pytest.mark.parametrize("text", ["", "\n\n", "20200101 170011000,1.2,1.1,0\n"])
def test_a_file_without_a_usable_tick_is_refused(tmp_path: Path, text: str) -> None:
    """Empty, blank, or only crossed quotes."""
    with pytest.raises(TickFileError, match="no usable tick"):
        read(written(tmp_path, text))


def test_a_header_alone_is_no_data(tmp_path: Path) -> None:
    """The generic format too needs a tick."""
    with pytest.raises(TickFileError, match="no usable tick"):
        read(written(tmp_path, HEADER), "csv")


def test_times_before_1970_are_refused(tmp_path: Path) -> None:
    """The first line has no other to go back from."""
    with pytest.raises(TickFileError, match="line 1: time before 1970"):
        read(written(tmp_path, f"19691231 100000000,1.1,1.2,0\n{GOOD}"))


def test_bytes_that_are_not_utf_8_are_named(tmp_path: Path) -> None:
    """A file in another encoding, or no text at all."""
    with pytest.raises(TickFileError, match=r"line 3: not UTF-8; expected text in UTF-8"):
        read(written(tmp_path, GOOD.encode() + b"20200101 170011000,1.1,1.2,\xff\n"))


@pytest.mark.parametrize("name", ["missing.csv", "missing.csv.gz", "nul\0.csv"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    """Reading and checking say the same."""
    path = tmp_path / name
    for attempt in (lambda: read(path), lambda: check_files([TickFile(path=str(path), symbol="EURUSD")])):
        with pytest.raises(TickFileError, match=r"it cannot be read .*expected a readable file"):
            attempt()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """What can be opened but not read is named as well."""
    with pytest.raises(TickFileError, match="it cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize("keep", [5, 20, -9, -1])
def test_a_truncated_packed_file_is_refused(tmp_path: Path, keep: int) -> None:
    """Cut in the header, in the data, before and in the checksum."""
    path = written(tmp_path, GOOD, "ticks.csv.gz")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TickFileError, match="broken gzip data"):
        read(path)


def test_a_packed_file_with_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    """The checksum is looked at before the end of the file counts as its end."""
    path = written(tmp_path, GOOD, "ticks.csv.gz")
    raw = bytearray(path.read_bytes())
    raw[-6] ^= 1
    path.write_bytes(raw)
    with pytest.raises(TickFileError, match="broken gzip data"):
        read(path)


def test_a_plain_file_that_is_called_packed_is_refused(tmp_path: Path) -> None:
    """The name decides."""
    path = tmp_path / "ticks.gz"
    path.write_text(GOOD)
    with pytest.raises(TickFileError, match="broken gzip data"):
        read(path)


def test_an_unknown_symbol_is_named_before_the_file_is_opened() -> None:
    """The message lists what is known."""
    with pytest.raises(UnknownSymbolError, match=r"unknown symbol 'NASDAQ'; expected one of EURUSD, GBPUSD"):
        check_files([TickFile(path="/nowhere", symbol="NASDAQ")])


# ---- files together


def test_files_are_merged_by_time_and_then_by_their_order(tmp_path: Path) -> None:
    """Two symbols and two files of one symbol; equal times keep the files' order."""
    one = written(tmp_path, "20200101 170000001,1.1,1.2,1\n20200101 170000003,1.1,1.2,2\n", "one.csv")
    two = written(tmp_path, "20200101 170000001,1.1,1.2,3\n20200101 170000002,1.1,1.2,4\n", "two.csv")
    three = written(tmp_path, "20200101 170000000,100.1,100.2,5\n20200101 170000003,100.1,100.2,6\n", "three.csv")
    files = [TickFile(path=str(path), symbol=name) for path, name in ((one, "EURUSD"), (two, "EURUSD"))]
    source = RecordedSource([*files, TickFile(path=str(three), symbol="USDJPY")], "paper")
    volumes = []
    while tick := source.next():
        volumes.append(tick.volume)
    assert volumes == [5, 1, 3, 4, 2, 6]


def test_a_start_moves_all_times_alike(tmp_path: Path) -> None:
    """The first tick is at `start`, distances stay."""
    source = RecordedSource([TickFile(path=str(written(tmp_path, GOOD)), symbol="EURUSD")], "paper", start=1_000)
    times = [tick.at for tick in iter(source.next, None)]
    assert times == [1_000, 10_383_000]


def test_a_file_that_changed_since_the_check_is_refused(tmp_path: Path) -> None:
    """Run again from its record, a feed must not use other data."""
    path = written(tmp_path, GOOD)
    file = TickFile(path=str(path), symbol="EURUSD")
    digests = [summary.sha256 for summary in check_files([file])]
    RecordedSource([file], "paper", digests=digests)
    path.write_text(GOOD.replace("1.12192", "1.12193"))
    with pytest.raises(TickFileError, match="the file has changed"):
        RecordedSource([file], "paper", digests=digests)


# ---- real data


def test_the_real_file_has_9500_ticks(data_dir: Path) -> None:
    """A HistData file as it is distributed, first and last time in UTC."""
    path = data_dir / "eurusd-ticks-histdata-20200101.csv"
    summary = check_files([TickFile(path=str(path), symbol="EURUSD")])[0]
    first, last = (EPOCH + timedelta(microseconds=at) for at in (summary.first, summary.last))
    assert (summary.ticks, summary.skipped) == (9_500, 0)
    assert first == datetime(2020, 1, 1, 22, 0, 0, 65_000, UTC)
    assert last == datetime(2020, 1, 2, 4, 0, 52, 125_000, UTC)
