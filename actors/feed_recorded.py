"""Recorded ticks as a feed's source: files merged by time.

Ticks of the same time come in the order of the files. Files of one symbol may overlap.
"""

from __future__ import annotations

import heapq
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from actors.symbols import symbol_spec
from actors.ticks import TickFileError, TickReader, digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.market import Tick
    from schemas.settings import TickFile

__all__ = ["RecordedSource"]


class RecordedSource:
    """The ticks of `files`; with `start` all times are shifted so that the first is `start`.

    `digests`: the SHA-256 that `check_files` found for each file; another content raises TickFileError here, before the
    first tick. A file that breaks later raises it from `next`.
    """

    def __init__(self, files: Sequence[TickFile], venue: str, *, digests: Sequence[str] = (), start: int = 0) -> None:
        self._readers = [TickReader(file, symbol_spec(file.symbol, venue)) for file in files]
        for file, expected in zip(files, digests, strict=False):
            if expected and digest(file.path) != expected:
                raise TickFileError(file.path, 0, "the file has changed", f"the content with SHA-256 {expected}")
        self._ticks = heapq.merge(*self._readers, key=attrgetter("at"))
        self._start = start
        self._shift: int | None = None if start else 0

    @property
    def skipped(self) -> Mapping[str, int]:
        """Crossed quotes left out so far, by symbol."""
        counts: Counter[str] = Counter()
        for reader in self._readers:
            counts[reader.file.symbol] += reader.skipped
        return counts

    def next(self) -> Tick | None:
        """The next tick by time, or None at the end of all files."""
        tick = next(self._ticks, None)
        if tick is None or self._shift == 0:
            return tick
        if self._shift is None:
            self._shift = self._start - tick.at
        return msgspec.structs.replace(tick, at=tick.at + self._shift)
