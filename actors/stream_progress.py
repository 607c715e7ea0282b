"""Which messages of a stream have been dealt with, exactly.

A durable consumer gives what was not acked again, but not in its old place: after a restart newer messages come first.
So the highest sequence alone would take the late ones for repeats and lose them. This keeps the holes below it too.
"""

from __future__ import annotations

import msgspec

__all__ = ["Progress"]


class Progress(msgspec.Struct):
    """`seq` is the highest sequence seen; `gaps` are the ranges [first, last] below it that were not, in order.

    What was purged from the stream before it was read stays a gap for good and does no harm.
    """

    seq: int = 0
    gaps: list[tuple[int, int]] = msgspec.field(default_factory=list)

    def wants(self, seq: int) -> bool:
        """Whether this message has not been dealt with."""
        return seq > self.seq or any(first <= seq <= last for first, last in self.gaps)

    def take(self, seq: int) -> bool:
        """Note that it is dealt with; whether the gaps changed."""
        if seq > self.seq:
            hole = (self.seq + 1, seq - 1)
            self.seq = seq
            if hole[0] > hole[1]:
                return False
            self.gaps.append(hole)
            return True
        gaps: list[tuple[int, int]] = []
        for first, last in self.gaps:
            if first <= seq <= last:
                gaps += [part for part in ((first, seq - 1), (seq + 1, last)) if part[0] <= part[1]]
            else:
                gaps.append((first, last))
        changed = gaps != self.gaps
        self.gaps = gaps
        return changed

    def give_back(self, seq: int) -> None:
        """Note that it was not dealt with after all: it is wanted again."""
        if self.wants(seq):
            return
        gaps: list[tuple[int, int]] = []
        for first, last in sorted([*self.gaps, (seq, seq)]):
            if gaps and gaps[-1][1] + 1 == first:
                gaps[-1] = (gaps[-1][0], last)
            else:
                gaps.append((first, last))
        self.gaps = gaps

    @property
    def missing(self) -> int:
        """How many messages the gaps hold."""
        return sum(last - first + 1 for first, last in self.gaps)
