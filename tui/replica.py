"""The floor as this terminal knows it: events in, a view out.

Owns the view. Pure: no clock, no bus, no screen; every time is given. Consumes every event that people may hear.
"""

from __future__ import annotations

from schemas.base import Event
from tui.view_state import Phase, View

__all__ = ["Replica"]


class Replica:
    """Folds events into `view`. `now` and `received_us` are UTC microseconds of this machine's clock."""

    def __init__(self) -> None:
        self.view = View()

    def fold(self, event: Event, received_us: int, *, live: bool = True) -> None:
        """Take an event in: one just heard, or with `live` False one that was read of what there was before.

        What is older than what was folded before changes nothing. Never raises, whatever the event says.
        """

    def link(self, up: bool, reason: str, now: int, phase: Phase | None = None) -> None:
        """The link came up or was lost, or something else is waited for; `phase` stays as it is when None."""

    def look(self, now: int) -> None:
        """Mark what has not been heard of for too long. Call it once a second or so."""

    def begin_reading(self, now: int) -> None:
        """What there was before is about to be read; subscriptions are in place."""

    def finish_reading(self, now: int) -> None:
        """It was read whole: the view is live."""
