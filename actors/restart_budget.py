"""How often something may be started again before it is given up.

Owns the rule of Erlang's supervisors: at most `limit` restarts within `window_us`; the next one is refused, and from
then on all are. Restarts that follow one another within `close_us` wait longer and longer; one that comes after a calm
time does not wait for what happened before it. Pure: the caller brings the time and does the waiting.
"""

from __future__ import annotations

from collections import deque

__all__ = ["RestartBudget"]


class RestartBudget:
    """One budget for one process. Times and durations are microseconds of any clock that never goes back."""

    def __init__(
        self,
        limit: int = 10,
        window_us: int = 60_000_000,
        *,
        first_us: int = 100_000,
        most_us: int = 5_000_000,
        close_us: int = 10_000_000,
    ) -> None:
        """`limit` restarts within `window_us`; the first waits `first_us`, each next twice as long, at most `most_us`.

        Only restarts of the last `close_us` make the next one wait longer.

        Raises:
            ValueError: a negative limit, or durations that are not 0 < first_us <= most_us and 0 < window_us.
        """
        if limit < 0 or window_us <= 0 or close_us <= 0 or not 0 < first_us <= most_us:
            raise ValueError("expected limit >= 0, window_us > 0, close_us > 0 and 0 < first_us <= most_us")
        self.limit = limit
        self.window_us = window_us
        self.spent = 0
        self.given_up = False
        self._first_us = first_us
        self._most_us = most_us
        self._close_us = close_us
        self._recent: deque[int] = deque()

    def ask(self, now_us: int) -> int | None:
        """Microseconds to wait before the restart, which counts from now; None: no more restarts, ever."""
        while self._recent and self._recent[0] <= now_us - self.window_us:
            self._recent.popleft()
        if self.given_up or len(self._recent) >= self.limit:
            self.given_up = True
            return None
        # 2 ** 40 is past every sensible `most_us` and keeps the shift small.
        close = sum(then > now_us - self._close_us for then in self._recent)
        delay = min(self._first_us << min(close, 40), self._most_us)
        self._recent.append(now_us)
        self.spent += 1
        return delay

    def describe(self) -> str:
        """The rule in words, for alerts."""
        return f"{self.limit} restarts in {self.window_us / 1_000_000:g} s"
