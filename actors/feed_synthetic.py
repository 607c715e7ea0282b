"""The synthetic market as a feed's source: every symbol's generator merged by time."""

from __future__ import annotations

import heapq
from operator import attrgetter
from typing import TYPE_CHECKING

from actors.synthetic import SIM_START, SyntheticSymbol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.market import SymbolSpec, Tick

__all__ = ["SyntheticSource"]


class SyntheticSource:
    """Ticks without end from `start` (UTC microseconds; 0: `SIM_START`), ordered by time, then by the symbols' order.

    `rate` is the mean number of ticks a second and symbol. A symbol's ticks do not depend on which others there are.
    """

    def __init__(self, specs: Sequence[SymbolSpec], *, seed: int, rate: float, start: int = 0) -> None:
        begin = start or SIM_START
        streams = (SyntheticSymbol(spec, seed=seed, rate=rate, start=begin) for spec in specs)
        self._ticks = heapq.merge(*streams, key=attrgetter("at"))

    @property
    def skipped(self) -> Mapping[str, int]:
        """None: it makes no crossed quotes."""
        return {}

    def next(self) -> Tick | None:
        """The next tick by time; there always is one."""
        return next(self._ticks)
