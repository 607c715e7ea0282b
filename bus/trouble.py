"""What goes wrong on a link, told without flooding anybody.

Owns the rate limit: while the link is down nats-py reports each attempt, and a refused message reports each time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from bus.clock import monotonic_us

__all__ = ["Trouble", "TroubleHandler"]

TroubleHandler = Callable[[str], None]
"""Takes one line of text for people."""

_QUIET_US = 1_000_000
_log = logging.getLogger(__name__)


class Trouble:
    """Tells each kind of trouble at most once a second, with the number of those left out; never raises."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._handler: TroubleHandler | None = None
        self._told: dict[str, int] = {}
        self._left_out: dict[str, int] = {}

    def on_trouble(self, handler: TroubleHandler) -> None:
        """Tell `handler` from now on, instead of the log."""
        self._handler = handler

    def tell(self, kind: str, text: str) -> None:
        """Report `text`; `kind` is what it is rate-limited with."""
        now = monotonic_us()
        if now - self._told.get(kind, -_QUIET_US) < _QUIET_US:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        self._told[kind] = now
        left_out = self._left_out.pop(kind, 0)
        line = f"{self._name}: {text}" + (f" ({left_out} more like it before)" if left_out else "")
        try:
            if self._handler is None:
                _log.warning(line)
            else:
                self._handler(line)
        except Exception:  # noqa: BLE001 - it is called where an exception would end the link
            _log.exception("the trouble handler raised; it was told: %s", line)
