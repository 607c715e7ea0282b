"""Messages to events, as far as they can be believed.

The server pins subjects to identities, not contents: a session may put any event's bytes on its own subjects. Only an
event on its own subject is one.
"""

from __future__ import annotations

from bus.interface import Incoming
from schemas.base import Event
from schemas.codec import CodecError, decode
from schemas.market import Tick
from schemas.registry import subject_of

__all__ = ["Reader"]

_MOST_REMEMBERED = 4_096


class Reader:
    """Reads messages. Ticks come by the thousand: their subjects are remembered, not made each time."""

    def __init__(self) -> None:
        self._ticks: dict[str, tuple[str, str]] = {}

    def event(self, message: Incoming) -> Event | None:
        """The message's event; None when it is none, or not one of its subject."""
        subject = message.subject
        try:
            event = decode(message.data)
            if type(event) is Tick:
                known = self._ticks.get(subject)
                if known is not None and event.venue == known[0] and event.symbol == known[1]:
                    return event
            if subject_of(event) != subject:
                return None
        except (CodecError, LookupError, ValueError):
            return None
        if type(event) is Tick and len(self._ticks) < _MOST_REMEMBERED:
            self._ticks[subject] = (event.venue, event.symbol)
        return event
