"""Which messages of a stream have been dealt with, exactly.

A durable consumer gives what was not acked again, but not in its old place: after a restart newer messages come first.
So the highest sequence alone would take the late ones for repeats and lose them; the holes below it are kept too. And a
stream that is written asynchronously loses its end when the server is killed, and then gives the same numbers to other
messages: what was under the last numbers is remembered by a mark, so that those are not taken for repeats either.
"""

from __future__ import annotations

import msgspec

__all__ = ["RING", "Progress"]

RING = 8192
"""For how many of the last sequences the marks are kept: more than a consumer gives again after a kill."""
_EPOCH = 2**40


class Progress(msgspec.Struct):
    """`seq` is the highest sequence seen; `gaps` are the ranges [first, last] below it that were not, in order.

    `epoch` counts how often the stream was found to hold other messages than before. `marks` holds (sequence, epoch,
    mark) by sequence modulo RING. What was purged before it was read stays a gap for good and does no harm.
    """

    seq: int = 0
    epoch: int = 0
    gaps: list[tuple[int, int]] = msgspec.field(default_factory=list)
    marks: dict[int, tuple[int, int, int]] = msgspec.field(default_factory=dict)

    def wants(self, seq: int) -> bool:
        """Whether nothing has been dealt with under this number."""
        return seq > self.seq or any(first <= seq <= last for first, last in self.gaps)

    def take(self, seq: int, mark: int) -> int | None:
        """Note that the message `mark` with this sequence is dealt with; None if it was before.

        Otherwise its place, which grows with the sequence and is higher than all before whenever the stream has lost
        its end or was made anew.
        """
        if self.wants(seq):
            self._fill(seq)
        else:
            known, epoch, before = self.marks.get(seq % RING, (seq, self.epoch, mark))
            if (known, before) == (seq, mark):
                return None
            if epoch == self.epoch:
                self.epoch += 1
            if known != seq:  # so far back that it is another stream: it begins here
                self.seq, self.gaps = seq, []
        self.marks[seq % RING] = (seq, self.epoch, mark)
        return self.epoch * _EPOCH + seq

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

    def first_missing(self, oldest: int) -> int:
        """The lowest number from `oldest` on that was not dealt with.

        A gap that is older than the marks is for good: whatever was given from there on would be taken for another
        stream's.
        """
        oldest = max(oldest, self.seq - RING + 1)
        inside = next((max(first, oldest) for first, last in self.gaps if last >= oldest), self.seq + 1)
        return max(inside, oldest)

    @property
    def missing(self) -> int:
        """How many messages the gaps hold."""
        return sum(last - first + 1 for first, last in self.gaps)

    def _fill(self, seq: int) -> None:
        if seq > self.seq:
            if seq > self.seq + 1:
                self.gaps.append((self.seq + 1, seq - 1))
            self.seq = seq
            return
        gaps: list[tuple[int, int]] = []
        for first, last in self.gaps:
            if first <= seq <= last:
                gaps += [part for part in ((first, seq - 1), (seq + 1, last)) if part[0] <= part[1]]
            else:
                gaps.append((first, last))
        self.gaps = gaps
