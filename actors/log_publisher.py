"""An actor's log lines on the bus: `log.<level>.<actor>`, few enough and small enough for everyone.

Owns the rate limit and the bounds. Publishing is a courtesy, the file has everything: nothing here raises, a line
that cannot be sent is counted, and what is about the sending itself is not sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import msgspec

from actors.logs import ALERT
from bus.clock import monotonic_us
from schemas.base import Event
from schemas.health import LogLine

__all__ = ["LogPublisher"]

RATE = 50
"""Lines a second in the long run."""
BURST = 200
MOST_EVENT_BYTES = 1024
MOST_VALUE_BYTES = 2048
MOST_VALUES_BYTES = 12 * 1024
"""As JSON; with the envelope a line stays below 16 KiB."""

_SECOND_US = 1_000_000
# An alert is on the bus already, a permission violation is told by one; and trouble of the link that a line ran into
# would make the next.
_FILE_ONLY = frozenset({ALERT, "trouble", "permission violation"})

Level = Literal["debug", "info", "warning", "error", "critical"]


class LogPublisher:
    """One actor's lines, for `open_log`; they are in the file only until it has joined a bus."""

    def __init__(self, actor: str, *, monotonic: Callable[[], int] = monotonic_us) -> None:
        self._actor = actor
        self._monotonic = monotonic
        self._say: Callable[[Event], None] | None = None
        self._thread = 0
        self._busy = False
        self._left_out = 0
        self._tokens = BURST * _SECOND_US
        self._filled = monotonic()

    def join(self, say: Callable[[Event], None]) -> None:
        """From now on hand lines to `say`, which stamps and publishes them; call it from the bus's own thread."""
        self._say = say
        self._thread = threading.get_ident()

    def offer(self, level: str, event: str, values: Mapping[str, Any]) -> None:
        """Publish a line if it is one for the bus and there is room for it. The next one tells how many were not."""
        say = self._say
        if say is None or self._busy or level == "debug" or event in _FILE_ONLY:
            return
        if threading.get_ident() != self._thread or not self._room():
            self._left_out += 1
            return
        self._busy = True
        try:
            say(self._line(level, event, values))
            self._left_out = 0
        except Exception:  # noqa: BLE001 - the bus is closed, say: the line is in the file
            self._left_out += 1
        finally:
            self._busy = False

    def _room(self) -> bool:
        now = self._monotonic()
        self._tokens = min(BURST * _SECOND_US, self._tokens + (now - self._filled) * RATE)
        self._filled = now
        if self._tokens < _SECOND_US:
            return False
        self._tokens -= _SECOND_US
        return True

    def _line(self, level: str, event: str, values: Mapping[str, Any]) -> LogLine:
        texts: dict[str, str] = {}
        left, cut = MOST_VALUES_BYTES, 0
        for key, value in values.items():
            # Of a traceback what was raised: the rest is for whoever reads the file.
            text = str(value).strip().rpartition("\n")[2] if key == "exception" else str(value)
            name, text = _short(key, MOST_EVENT_BYTES), _short(text, MOST_VALUE_BYTES)
            size = len(msgspec.json.encode({name: text}))
            if size > left:
                cut += 1
            else:
                left -= size
                texts[name] = text
        if cut:
            texts["values_left_out"] = str(cut)
        if self._left_out:
            texts["lines_left_out"] = str(self._left_out)
        known: Level = level if level in get_args(Level) else "error"  # type: ignore[assignment]
        return LogLine(level=known, actor=self._actor, event=_short(event, MOST_EVENT_BYTES), values=texts)


def _short(text: str, most: int) -> str:
    """The text, or as much of it as takes at most so many bytes in JSON and how long it was; always valid Unicode."""
    clean = text[: most + 1].encode("utf-8", "backslashreplace").decode()
    if len(text) <= most and len(msgspec.json.encode(clean)) <= most:
        return clean
    end = f"... ({len(text)} characters)"
    room = most - len(end) - 2
    kept = clean[:room]
    while len(msgspec.json.encode(kept)) - 2 > room:
        kept = kept[: len(kept) * 3 // 4]
    return kept + end
