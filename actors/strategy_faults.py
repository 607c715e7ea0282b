"""How often a session's strategy has raised: one that always does is a strategy that people have to look at.

Pure, by messages alone, so a replay comes to the same. Owns the count and the latch; the runner acts on it.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_IN_A_ROW", "Faults"]

MOST_IN_A_ROW = 20
"""Messages in a row, of one symbol and one handler, in whose handling the strategy raised."""


class Faults:
    """`latched`: it has raised too often, until the process ends; nobody has seen to it before that."""

    def __init__(self) -> None:
        self.latched = False
        self._called: tuple[str, str] | None = None
        self._in_a_row: Counter[tuple[str, str]] = Counter()

    @contextlib.contextmanager
    def watched(self, symbol: str, handler: str) -> Iterator[None]:
        """This handler of the symbol's strategy is called. What it raises is counted by `raised`, which the runtime
        leads to. Another handler that works, each second say, makes no tick that was not handled good.
        """
        self._called = (symbol, handler)
        yield
        self._called = None
        self._in_a_row[symbol, handler] = 0

    def raised(self) -> str:
        """A message has failed. The symbol whose strategy has now raised once too often, the first time only."""
        called, self._called = self._called, None
        if called is None:
            return ""  # not by the strategy
        self._in_a_row[called] += 1
        if self.latched or self._in_a_row[called] < MOST_IN_A_ROW:
            return ""
        self.latched = True
        return called[0]
