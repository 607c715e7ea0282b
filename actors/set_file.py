"""MetaTrader's `.set` files: names and values of a strategy's inputs, of MetaTrader 5 and of MetaTrader 4.

- MetaTrader 5: `name=value||start||step||stop||Y`, or a bare `name=value`; UTF-16 with a byte order mark, or UTF-8.
- MetaTrader 4 and Asirikuy: `X=value`, and lines `X,F=1`, `X,1=start`, `X,2=step`, `X,3=stop` for its optimiser.

Lines that begin with `;` are comments. Of a file with sections (a tester's `.ini`) only `[TesterInputs]` counts.
`read_set` gives the values as they are written, with the line of each; what is wrong is a SetFileError.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from actors.symbols import FeedError

__all__ = ["SetFileError", "SetValue", "read_set"]

_MOST_BYTES = 1 << 22
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_. ]*")
_OPTIMISER = re.compile(r"(?P<name>.+),[F123]")
_INPUTS = {"testerinputs", "inputs"}


class SetFileError(FeedError):
    """A `.set` file that cannot be used; `line` counts from 1 and is 0 where the file as a whole is meant."""

    def __init__(self, path: str, line: int, reason: str, expected: str) -> None:
        where = f"{path}, line {line}" if line else path
        super().__init__(f"{where}: {reason}; expected {expected}")
        self.path = path
        self.line = line


@dataclass(frozen=True)
class SetValue:
    """One input: its value as written, without what the optimiser tries."""

    name: str
    value: str
    line: int


def read_set(path: str) -> tuple[SetValue, ...]:
    """The inputs of a file in its order.

    Raises:
        SetFileError: it cannot be read, is no text, has no input, a name twice, or a line that is no `name=value`.
    """
    values: dict[str, SetValue] = {}
    section = ""
    for number, text in enumerate(_text(path).splitlines(), start=1):
        line = text.strip()
        if not line or line.startswith(";"):
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip().lower()
            continue
        if section and section not in _INPUTS:
            continue
        name, equals, rest = line.partition("=")
        name = name.strip()
        if _OPTIMISER.fullmatch(name) and equals:
            continue
        if not equals or not _NAME.fullmatch(name):
            raise SetFileError(
                path, number, f"{line[:60]!r} is no input", "name=value, or a comment that begins with ;"
            )
        if name in values:
            raise SetFileError(path, number, f"{name} is there twice (line {values[name].line})", "each input once")
        values[name] = SetValue(name, rest.split("||")[0].strip(), number)
    if not values:
        raise SetFileError(path, 0, "there is no input in it", "lines name=value")
    return tuple(values.values())


def _unreadable(error: Exception) -> str:
    return f"it cannot be read ({getattr(error, 'strerror', None) or error})"


def _text(path: str) -> str:
    """The whole file, decoded by its byte order mark; without one by the zeros that UTF-16 has."""
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SetFileError(path, 0, _unreadable(error), "a file") from None
    if len(data) > _MOST_BYTES:
        raise SetFileError(path, 0, "it is too large", f"at most {_MOST_BYTES:,} bytes")
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data[1:2] == b"\0":
        encoding = "utf-16-le"
    elif data[:1] == b"\0":
        encoding = "utf-16-be"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SetFileError(path, line, f"it is no text in {encoding.upper()}", "UTF-16 or UTF-8") from None
