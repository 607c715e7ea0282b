"""A log line as people or programs read it: `pitwire logs` shows nothing else.

Owns the format, the colours, and which lines are wanted. What a line holds is somebody's text: what a terminal would
take for a command is shown as an escape.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from actors.log_files import Found, level_of, stamp_of

__all__ = ["LEVELS", "LogText"]

LEVELS = ("debug", "info", "warning", "error", "critical")
_COLOURS = {"debug": "2", "warning": "33", "error": "31", "critical": "1;31"}
_PLAIN = re.compile(r"[^\s\"'=\\{}\[\],]+")
_MEMBERS = {"time", "level", "actor", "event"}
_STAMP = len("2026-11-21T10:00:00.123456Z")
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class LogText:
    """Makes text of lines. `level`: the lowest wanted; `grep`: what a line as it is shown has to contain; `width`: of
    the column of actors.
    """

    def __init__(
        self, *, level: str = "debug", grep: re.Pattern[str] | None = None, json: bool, colour: bool, width: int
    ) -> None:
        self._hidden = frozenset(LEVELS[: LEVELS.index(level)])
        self._grep = grep
        self._json = json
        self._colour = colour
        self._width = width

    def of(self, found: Found) -> str | None:
        """The text of a line, None for one that is not wanted. A line whose level is not known is wanted."""
        stamp = stamp_of(found.raw)
        if stamp is not None and self._hidden and level_of(found.raw) in self._hidden:
            return None
        values = _values(found.raw) if stamp is not None else None
        if self._json and self._grep is None:
            return _json(found, values)
        parts = self._parts(found, values)
        if self._grep is not None and not self._grep.search("  ".join(parts)):
            return None
        if self._json:
            return _json(found, values)
        return "  ".join(self._coloured(parts)).rstrip() if self._colour else "  ".join(parts).rstrip()

    def _parts(self, found: Found, values: dict[str, Any] | None) -> list[str]:
        """Time, level, actor, event, and the values."""
        if values is None:
            text = found.raw.decode("utf-8", "backslashreplace")
            return ["-".ljust(_STAMP), "-".ljust(8), found.actor.ljust(self._width), _printable(text)]
        more = " ".join(f"{_printable(key)}={_value(value)}" for key, value in values.items() if key not in _MEMBERS)
        return [
            _printable(values["time"]),
            _printable(values["level"]).ljust(8),
            _printable(values["actor"]).ljust(self._width),
            _printable(values["event"]),
            *([more] if more else []),
        ]

    @staticmethod
    def _coloured(parts: list[str]) -> list[str]:
        level = _COLOURS.get(parts[1].rstrip())
        time, name, actor, *rest = parts
        return [
            f"\x1b[2m{time}\x1b[0m",
            f"\x1b[{level}m{name}\x1b[0m" if level else name,
            f"\x1b[36m{actor}\x1b[0m",
            *rest,
        ]


def _values(raw: bytes) -> dict[str, Any] | None:
    """What the line says, None for a torn one."""
    try:
        values = _decode(raw)
    except msgspec.DecodeError:
        return None
    return values if all(isinstance(values.get(name), str) for name in _MEMBERS) else None


def _json(found: Found, values: dict[str, Any] | None) -> str:
    text = found.raw.decode("utf-8", "backslashreplace")
    return text if values is not None else _encode({"actor": found.actor, "raw": text}).decode()


def _value(value: Any) -> str:  # noqa: ANN401 - whatever was logged
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.isprintable():
        return value
    return _printable(_encode(value).decode("utf-8", "backslashreplace"))


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
