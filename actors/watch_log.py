"""The newest alerts and log lines, as many as an answer holds. Pure.

Nobody's entry is longer than `MOST_ENTRY` bytes: a session that writes novels does not fill the memory, nor take the
answer's room from all others.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

import msgspec

from schemas.answers import LogAnswer
from schemas.codec import encode
from schemas.health import Alert, LogLine

__all__ = ["MOST_ANSWER", "MOST_ENTRIES", "MOST_ENTRY", "WatchLog"]

MOST_ENTRIES = 500
MOST_ENTRY = 4096
"""Bytes of one entry as JSON."""
MOST_ANSWER = 200 * 1024
"""Bytes of all entries of an answer as JSON."""

_MOST_TEXT = 256
_MOST_VALUES = 8
_MOST_VALUE = 64
_ELLIPSIS = "..."


class WatchLog:
    """A ring of the newest 500, in the order in which they came."""

    def __init__(self) -> None:
        self._entries: deque[tuple[Alert | LogLine, int]] = deque(maxlen=MOST_ENTRIES)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Alert | LogLine) -> None:
        """Keep an entry, shortened if it is too long; the oldest goes."""
        size = len(encode(entry))
        if size > MOST_ENTRY:
            entry = _shortened(entry)
            size = len(encode(entry))
        if size <= MOST_ENTRY:
            self._entries.append((entry, size))

    def answer(self) -> LogAnswer:
        """The newest that fit, oldest first, envelopes included."""
        room, count = MOST_ANSWER, 0
        for _, size in reversed(self._entries):
            room -= size + 1
            if room < 0:
                break
            count += 1
        newest = islice(self._entries, len(self._entries) - count, None)
        return LogAnswer(entries=tuple(entry for entry, _ in newest))


def _shortened(entry: Alert | LogLine) -> Alert | LogLine:
    values = {
        _cut(key, _MOST_VALUE): _cut(value, _MOST_VALUE) for key, value in islice(entry.values.items(), _MOST_VALUES)
    }
    envelope = {"source": _cut(entry.source, _MOST_VALUE), "cause": _cut(entry.cause, _MOST_VALUE)}
    if isinstance(entry, Alert):
        texts = {"code": _cut(entry.code, _MOST_VALUE), "text": _cut(entry.text, _MOST_TEXT)}
    else:
        texts = {"event": _cut(entry.event, _MOST_TEXT)}
    actor = _cut(entry.actor, _MOST_VALUE)
    return msgspec.structs.replace(entry, actor=actor, values=values, **envelope, **texts)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(_ELLIPSIS)] + _ELLIPSIS
