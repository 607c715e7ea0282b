"""Files of recorded ticks: two text formats, plain or `.gz`, read line by line and never as a whole.

`TickReader` turns a file into ticks, `check_files` reads whole files before anything starts. What is wrong with a file
is a TickFileError with the file, the line and what was expected. A crossed quote (ask below bid) is no error: it is
skipped and counted.

- `histdata`: `YYYYMMDD HHMMSSmmm,bid,ask,volume`, no header; times are UTC-5 all year.
- `csv`: the first line names the columns, in any order and case, separated by commas: `time` or `timestamp`, `bid`,
  `ask`, perhaps `volume`; others are ignored. A time is ISO-8601 (`2020-01-01T22:00:00.065Z`; UTC if it names no
  offset; below a microsecond cut off) or a whole number since 1970: seconds below 10^11, milliseconds below 10^14,
  microseconds below 10^17.

Prices are put onto the symbol's grid; further than 0.001 point away from it is an error. Blank lines are ignored.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import re
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

import msgspec

from actors.symbols import FeedError, symbol_spec
from schemas.market import Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from schemas.market import SymbolSpec
    from schemas.settings import TickFile

__all__ = ["FileSummary", "TickFileError", "TickReader", "check_files", "digest"]

_LINE_BYTES = 4096
_OFF_GRID = 0.001
_MOST_POINTS = float(2**53)
_HISTDATA = "YYYYMMDD HHMMSSmmm,bid,ask,volume"
_EST_US = 5 * 3_600_000_000

_NUMBER = r"[0-9]+(?:\.[0-9]*)?"
_histdata_line = re.compile(
    rf"([0-9]{{8}}) ([0-9]{{2}})([0-9]{{2}})([0-9]{{5}}),({_NUMBER}),({_NUMBER}),({_NUMBER})"
).fullmatch
_iso_time = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,9}))?"
    r"(?:Z|([+-])([0-9]{2}):?([0-9]{2}))?"
).fullmatch
_epoch_time = re.compile(r"[0-9]{1,17}").fullmatch
_decimal = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?").fullmatch

_Row = tuple[int, float, float, float]


class TickFileError(FeedError):
    """A tick file that cannot be used; `line` counts from 1 and is 0 where the file as a whole is meant."""

    def __init__(self, path: str, line: int, reason: str, expected: str) -> None:
        where = f"{path}, line {line}" if line else path
        super().__init__(f"{where}: {reason}; expected {expected}")
        self.path = path
        self.line = line
        self.reason = reason
        self.expected = expected


class FileSummary(msgspec.Struct, frozen=True):
    """A good file: how many ticks and how many skipped, its first and last tick's time, and its SHA-256 in hex."""

    path: str
    symbol: str
    ticks: int
    skipped: int
    first: int
    last: int
    sha256: str


class _Wrong(Exception):  # noqa: N818 - it never leaves this module
    """What is wrong with a line, and what was expected."""

    def __init__(self, reason: str, expected: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.expected = expected


class TickReader:
    """The ticks of one file in file order; `number` is left 0. `skipped` counts crossed quotes so far.

    Iterating opens the file and raises TickFileError where it stops being good.
    """

    def __init__(self, file: TickFile, spec: SymbolSpec) -> None:
        self.file = file
        self.spec = spec
        self.skipped = 0

    def __iter__(self) -> Iterator[Tick]:
        """Read the file from its beginning."""
        self.skipped = 0
        path, line, last = self.file.path, 0, 0
        lines = self._lines()
        venue, symbol, scale = self.spec.venue, self.spec.symbol, float(10**self.spec.digits)
        parse: Callable[[str], _Row] | None = _parse_histdata if self.file.format == "histdata" else None
        empty = True
        try:
            for line, text in lines:  # noqa: B007 - the errors below name it
                if parse is None:
                    parse = _csv_parser(text)
                    continue
                at, bid, ask, volume = parse(text)
                low, high = bid * scale, ask * scale
                if not (0.0 < low < _MOST_POINTS and 0.0 < high < _MOST_POINTS):
                    _wrong_price(bid if not 0.0 < low < _MOST_POINTS else ask)
                if volume == math.inf:
                    raise _Wrong("volume inf", "a number from 0 up")
                low_points, high_points = round(low), round(high)
                if abs(low - low_points) > _OFF_GRID or abs(high - high_points) > _OFF_GRID:
                    self._off_grid(bid if abs(low - low_points) > _OFF_GRID else ask)
                if at < last:
                    raise _Wrong("time goes backwards" if last else "time before 1970", "times that never decrease")
                last = at
                if high_points < low_points:
                    self.skipped += 1
                    continue
                empty = False
                yield Tick(
                    venue=venue, symbol=symbol, at=at, bid=low_points / scale, ask=high_points / scale, volume=volume
                )
        except _Wrong as error:
            raise TickFileError(path, line, error.reason, error.expected) from None
        if empty:
            raise TickFileError(path, 0, "there is no usable tick in it", "at least one")

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Number and text of each line that is not blank, without its end and a byte order mark."""
        path, line = self.file.path, 0
        try:
            with _open(path) as stream:
                while raw := stream.readline(_LINE_BYTES):
                    line += 1
                    if len(raw) == _LINE_BYTES and not raw.endswith(b"\n"):
                        raise TickFileError(path, line, "the line is too long", f"fewer than {_LINE_BYTES:,} bytes")
                    text = raw.decode().rstrip("\r\n")
                    if line == 1:
                        text = text.removeprefix("\ufeff")
                    if text and not text.isspace():
                        yield line, text
        except TickFileError:
            raise
        except UnicodeDecodeError:
            raise TickFileError(path, line, "not UTF-8", "text in UTF-8") from None
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise TickFileError(path, line + 1, f"broken gzip data ({error})", "a whole gzip file") from None
        except (OSError, ValueError) as error:
            raise TickFileError(path, line, _unreadable(error), "a readable file") from None

    def _off_grid(self, price: float) -> NoReturn:
        raise _Wrong(
            f"price {price!r} is not on the grid of {self.spec.symbol}", f"a multiple of {self.spec.point:.10g}"
        )


def check_files(files: Iterable[TickFile], venue: str = "paper") -> tuple[FileSummary, ...]:
    """Read all files to the end, before anything starts.

    Raises:
        UnknownSymbolError: there is no contract for a file's symbol.
        TickFileError: the first thing wrong in the first file that is not good.
    """
    return tuple(_check(file, venue) for file in files)


def _check(file: TickFile, venue: str) -> FileSummary:
    reader = TickReader(file, symbol_spec(file.symbol, venue))
    before = digest(file.path)
    count = first = last = 0
    for tick in reader:
        if not count:
            first = tick.at
        count += 1
        last = tick.at
    return FileSummary(file.path, file.symbol, count, reader.skipped, first, last, before)


def digest(path: str) -> str:
    """The SHA-256 of a file as it lies on disk, in hex. TickFileError when it cannot be read."""
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise TickFileError(path, 0, _unreadable(error), "a readable file") from None


def _unreadable(error: Exception) -> str:
    """Why a file cannot be read; a ValueError is a path that cannot be one."""
    return f"it cannot be read ({getattr(error, 'strerror', None) or error})"


def _open(path: str) -> BinaryIO:
    """The file's bytes, unpacked if its name says `.gz`."""
    return cast("BinaryIO", gzip.open(path, "rb")) if path.lower().endswith(".gz") else Path(path).open("rb")


_days: dict[str, int] = {}


def _day_us(text: str, pattern: str) -> int:
    """Midnight UTC of a date in `pattern`, in microseconds; some are remembered, since days come in runs."""
    found = _days.get(text)
    if found is None:
        try:
            day = datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            raise _Wrong(f"{text!r} is not a date", "a day of the calendar") from None
        found = round(day.timestamp()) * 1_000_000
        if len(_days) > 64:  # noqa: PLR2004 - more than files read at once
            _days.clear()
        _days[text] = found
    return found


def _clock_us(hour: int, minute: int, second: int) -> int:
    """Microseconds since midnight."""
    if hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 - a clock
        raise _Wrong(f"{hour:02}:{minute:02}:{second:02} is not a time of day", "00:00:00 to 23:59:59")
    return ((hour * 60 + minute) * 60 + second) * 1_000_000


def _parse_histdata(text: str) -> _Row:
    found = _histdata_line(text)
    if found is None:
        fields = text.split(",")
        for field in fields[1:3]:
            _price(field)
        raise _Wrong(f"{_short(text)} does not fit", _HISTDATA)
    day, hour, minute, milliseconds, bid, ask, volume = found.groups()
    at = _day_us(day, "%Y%m%d") + _clock_us(int(hour), int(minute), int(milliseconds[:2])) + _EST_US
    return at + int(milliseconds[2:]) * 1000, float(bid), float(ask), float(volume)


def _csv_parser(header: str) -> Callable[[str], _Row]:
    """The parser of the lines below this header."""
    names = [_bare(name).lower() for name in header.split(",")]
    expected = "a header that names the columns time (or timestamp), bid, ask and perhaps volume, each once"
    times = [index for index, name in enumerate(names) if name in {"time", "timestamp"}]
    if len(times) != 1 or any(names.count(name) != 1 for name in ("bid", "ask")) or names.count("volume") > 1:
        raise _Wrong(f"{_short(header)} does not fit", expected)
    time, bid, ask = times[0], names.index("bid"), names.index("ask")
    volume = names.index("volume") if "volume" in names else -1

    def parse(text: str) -> _Row:
        fields = [_bare(field) for field in text.split(",")]
        if len(fields) != len(names):
            raise _Wrong(f"{len(fields)} fields", f"{len(names)}, as in the header")
        traded = _number(fields[volume], "volume") if volume >= 0 and fields[volume] else 0.0
        if not 0.0 <= traded < math.inf:
            raise _Wrong(f"volume {_short(fields[volume])}", "a number from 0 up")
        return _time(fields[time]), _price(fields[bid]), _price(fields[ask]), traded

    return parse


def _bare(field: str) -> str:
    """A field without spaces and quotes around it."""
    return field.strip().strip('"')


def _time(text: str) -> int:
    """UTC microseconds of an ISO-8601 time or an epoch."""
    if _epoch_time(text):
        value = int(text)
        return value * (1_000_000 if value < 10**11 else 1000 if value < 10**14 else 1)
    found = _iso_time(text)
    if found is None:
        raise _Wrong(f"time {_short(text)} does not fit", "ISO-8601 as 2020-01-01T22:00:00.065Z, or a whole epoch")
    day, hour, minute, second, fraction, sign, zone_hour, zone_minute = found.groups()
    at = _day_us(day, "%Y-%m-%d") + _clock_us(int(hour), int(minute), int(second))
    if fraction:
        at += int(fraction[:6].ljust(6, "0"))
    if sign:
        offset = _clock_us(int(zone_hour), int(zone_minute), 0)
        at += offset if sign == "-" else -offset
    return at


def _price(text: str) -> float:
    """A price above 0."""
    value = _number(text, "price")
    if not 0.0 < value < math.inf:
        _wrong_price(value)
    return value


def _wrong_price(value: float) -> NoReturn:
    raise _Wrong(f"price {value!r}", "a number above 0 and below 2^53 points")


def _number(text: str, what: str) -> float:
    """A decimal number. NaN and infinities pass here, so that they are refused by what they are."""
    if _decimal(text) is None and text.lower().lstrip("+-") not in {"nan", "inf", "infinity"}:
        raise _Wrong(f"{what} {_short(text)} is not a number", "a decimal number")
    return float(text)


def _short(text: str) -> str:
    """A piece of a file, quoted and of a bounded length."""
    return repr(text if len(text) <= 60 else text[:57] + "...")  # noqa: PLR2004 - a message's width
