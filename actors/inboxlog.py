"""The inbox log: what an actor was given and what it answered, enough to run it again.

Owns `<actor>-<incarnation>.jsonl` (docs/logs.md; lines: actors/inboxline.py): a header with configuration and recovered
state, then for each handled message a line that reaches the operating system before the handler runs, and a line with
its effects. `read_inbox` gives them back for `pitwire verify`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Raw

from actors.cell import Outgoing
from actors.effects import Message
from actors.inboxline import EffectLine, Header, InboxLine, StartTaken, StopTaken, Taken, effect_line, message_line
from bus.eventlog import LogLine, LogReader, LogReadError, LogWriter

__all__ = ["InboxLog", "read_inbox"]


class _In(msgspec.Struct, rename={"taken": "in"}):
    n: int
    now: int
    taken: Taken


class _Out(msgspec.Struct):
    n: int
    out: list[EffectLine]


class _Raised(msgspec.Struct):
    n: int
    raised: str


_encode = msgspec.json.Encoder().encode
_header = msgspec.json.Decoder(Header).decode
_inbox_line = msgspec.json.Decoder(InboxLine).decode
_LIFECYCLE: dict[str, Taken] = {"start": StartTaken(), "stop": StopTaken()}


class InboxLog:
    """Writes one actor's inbox log. Every method raises LogWriteError; an existing file is never overwritten.

    `limit_bytes`: when it has become so long it is `full` and is to be closed (0: never). Nothing is refused.
    """

    def __init__(
        self,
        path: Path,
        role: str,
        name: str,
        incarnation: int,
        config: msgspec.Struct,
        state: msgspec.Struct | None,
        *,
        limit_bytes: int = 0,
    ) -> None:
        self.limit_bytes = limit_bytes
        self._writer = LogWriter(path)
        self._n = 0
        header = Header(
            log="inbox",
            version=1,
            role=role,
            name=name,
            incarnation=incarnation,
            config=Raw(_encode(config)),
            state=Raw(_encode(state)),
        )
        self._writer.append(_encode(header)[:-1])
        self._writer.flush()

    @property
    def full(self) -> bool:
        """Whether it has reached its limit."""
        return 0 < self.limit_bytes <= self._writer.size

    def taken(self, message: Message | Literal["start", "stop"], data: bytes, now: int) -> None:
        """Note a message before its handler runs. `data`: the event's bytes as they came, b"" if there is none."""
        self._n += 1
        line = _In(self._n, now, _LIFECYCLE[message] if isinstance(message, str) else message_line(message, data))
        self._writer.append(_encode(line)[:-1])
        self._writer.flush()

    def effects(self, outgoing: Sequence[Outgoing]) -> None:
        """Note what the handler of the last message returned. Written together with the next message."""
        self._writer.append(_encode(_Out(self._n, [effect_line(out) for out in outgoing]))[:-1])

    def raised(self, error: str) -> None:
        """Note that the handler of the last message raised."""
        self._writer.append(_encode(_Raised(self._n, error))[:-1])

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._writer.flush()

    def close(self, why: str = "") -> None:
        """Write the closing line; `why` if the actor goes on without a log. Idempotent."""
        self._writer.close(why)


def read_inbox(path: Path, limit: int | None = None) -> tuple[Header, LogReader, Iterator[tuple[LogLine, InboxLine]]]:
    """The header, the reader (its `closed`, `why` and `torn` hold after the last line) and the lines behind the header.

    `limit`: how many bytes to read of a log that is still being written. Raises LogReadError, here and while iterating.
    """
    reader = LogReader(path, limit)
    lines = iter(reader)
    first = next(lines, None)
    if first is None:
        raise LogReadError(path, "no header: the file is empty or torn in its first line", 1)
    try:
        header = _header(first.data)
    except msgspec.DecodeError as error:
        raise LogReadError(path, f"the header does not parse: {error}", 1) from error
    if header.log != "inbox" or header.version != 1:
        what = f"expected an inbox log of version 1, found {header.log!r} of version {header.version}"
        raise LogReadError(path, what, 1)
    return header, reader, _parsed(path, lines)


def _parsed(path: Path, lines: Iterator[LogLine]) -> Iterator[tuple[LogLine, InboxLine]]:
    for line in lines:
        try:
            yield line, _inbox_line(line.data)
        except ValueError as error:
            raise LogReadError(path, f"not a line of an inbox log: {error}", line.number) from error
