"""An actor's health from the age of its beats.

Pure: the caller brings a clock that never goes back. Late after 2 s, dead after 3; after 10 s, or 40 s without a first
beat, it is taken for hung, and the supervisor ends it. Silence counts only while it could have been heard: `excuse`
begins anew after the link to the bus was down or the listener itself stood still.
"""

from __future__ import annotations

from typing import Literal

from schemas.health import Beat

__all__ = ["DEAD_US", "HUNG_US", "LATE_US", "SILENT_US", "Pulse"]

LATE_US = 2_000_000
DEAD_US = 3_000_000
HUNG_US = 10_000_000
SILENT_US = 40_000_000


class Pulse:
    """The beats of one process, from its start on."""

    def __init__(self, incarnation: int, now_us: int) -> None:
        self.incarnation = incarnation
        self.last: Beat | None = None
        self._heard_us = now_us

    def beat(self, beat: Beat, now_us: int) -> bool:
        """Count a beat; one of another incarnation is not this process's. True for the first one."""
        if beat.incarnation != self.incarnation:
            return False
        first = self.last is None
        self.last = beat
        self._heard_us = now_us
        return first

    def excuse(self, now_us: int) -> None:
        """Begin to listen anew."""
        self._heard_us = max(self._heard_us, now_us)

    def age_us(self, now_us: int) -> int:
        """Microseconds since it was last heard, or since it should be."""
        return max(0, now_us - self._heard_us)

    def state(self, now_us: int) -> Literal["starting", "alive", "late", "dead"]:
        """What the age says. Before its first beat it is starting, however long that takes."""
        if self.last is None:
            return "starting"
        age = self.age_us(now_us)
        return "alive" if age <= LATE_US else "late" if age <= DEAD_US else "dead"

    def hung(self, now_us: int) -> bool:
        """Whether it has been silent for so long that it will not recover."""
        return self.age_us(now_us) > (SILENT_US if self.last is None else HUNG_US)
