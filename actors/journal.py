"""The runtime's hold on its inbox log: what cannot be written down is told once, and then nothing more is done.

A log that has reached its limit is something else: it is closed between two messages, with the reason in its last line,
and the actor goes on without one. An order path that stops because its log is long would be worse than a log that ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec

from actors.error_text import encodable
from bus.eventlog import LogWriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from actors.cell import Outgoing
    from actors.effects import Message
    from actors.inboxlog import InboxLog

__all__ = ["Journal"]

P = ParamSpec("P")


class Journal:
    """An inbox log, or none. Each method says whether to go on: always without a log, never after a write error or the
    end. `failed(text)` is called with the first error, `ended(text)` when the log has reached its limit; nothing is
    raised.
    """

    def __init__(self, log: InboxLog | None, failed: Callable[[str], None], ended: Callable[[str], None]) -> None:
        self._log = log
        self._failed = failed
        self._ended = ended
        self._over = False

    def taken(self, message: Message | Literal["start", "stop"], data: bytes, now: int) -> bool:
        """Note a message before its handler runs; it must not run if that fails."""
        if self._log is not None and self._log.full:
            self._end(self._log)
        return not self._over if self._log is None else self._tried(self._log.taken, message, data, now)

    def effects(self, outgoing: Sequence[Outgoing]) -> bool:
        """Note what the handler of the last message returned, before it is carried out."""
        return not self._over if self._log is None else self._tried(self._log.effects, outgoing)

    def raised(self, error: str) -> bool:
        """Note that the handler of the last message raised."""
        return not self._over if self._log is None else self._tried(self._log.raised, encodable(error))

    def flush(self) -> bool:
        """Hand everything to the operating system."""
        return not self._over if self._log is None else self._tried(self._log.flush)

    def close(self) -> None:
        """Write the closing line. Idempotent."""
        if self._log is not None:
            self._tried(self._log.close)
            self._log, self._over = None, True

    def _end(self, log: InboxLog) -> None:
        """Everything up to here can be run again; what follows cannot."""
        if self._tried(log.close, f"it has reached its limit of {log.limit_bytes} bytes"):
            self._log = None
            self._ended(f"the inbox log has reached its limit of {log.limit_bytes:,} bytes and is closed")

    def _tried(self, write: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> bool:
        try:
            write(*args, **kwargs)
        except LogWriteError as error:
            log, self._log = self._log, None
            self._over = True
            if log is not None:
                log.close()  # only the file: after an error that is silent
            self._failed(f"the inbox log: {error}")
        return not self._over
