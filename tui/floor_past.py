"""What there was before this terminal joined: the last word on every subject, and the answers of portfolio and watch.

Owns the questions and their repetition: who does not answer (it is being restarted, say) is asked again until it does,
and meanwhile what is missing is told. Publishes `ask.<user>.floor.portfolio.book`, `.portfolio.series`, `.watch.log`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from bus.clock import Clock
from bus.interface import BusError, Replied
from bus.natsbus import NatsBus
from schemas.answers import BookAnswer, LogAnswer, SeriesAnswer
from schemas.base import Event
from schemas.codec import CodecError, decode, encode
from schemas.command import Ask, CommandResult
from schemas.registry import subject_of
from tui.floor_reader import Reader
from tui.replica import Replica

__all__ = ["FloorPast"]

_ABSENT = "waiting for the watch's log: it is not there"
_What = tuple[str, str]
_LAST: _What = ("LAST", ">")
_CHUNK = 500
_ANSWER_US = 2_000_000
_AGAIN_S = 0.5
_FIRST_S = 1.0
_BOOK = ("portfolio", "book")
_LOG = ("watch", "log")
_ABSENT_US = 5_000_000
"""Who is not there for so long, and has not been heard either, is none of this floor's: simulated time has no watch."""
_QUESTIONS: dict[_What, type[Event]] = {
    _BOOK: BookAnswer,
    ("portfolio", "series"): SeriesAnswer,
    _LOG: LogAnswer,
}


class FloorPast:
    """Reads over `bus` into `replica`, as `user`; `tell` hears what is still missing, "" for nothing."""

    def __init__(self, bus: NatsBus, replica: Replica, user: str, clock: Clock, tell: Callable[[str], None]) -> None:
        self._bus = bus
        self._replica = replica
        self._user = user
        self._clock = clock
        self._tell = tell
        self._reader = Reader()
        self._numbers = itertools.count(1)
        self._troubles: dict[_What, str] = {}
        self._last_read = asyncio.Event()
        self._without_log = False

    @property
    def lacks(self) -> bool:
        """Whether the watch's log was not waited for, and the watch is there by now."""
        return self._without_log and self._replica.heard(_LOG[0])

    async def read(self) -> None:
        """Read everything, however long it takes. Cancel it when the link is lost."""
        await self._read(_LAST, *_QUESTIONS)

    async def read_log(self) -> None:
        """Read what the watch knows, now that there is one."""
        self._without_log = False
        await self._get(_LOG)

    async def read_book(self) -> None:
        """Read again what is open."""
        await self._read(_BOOK)

    async def _read(self, *wanted: _What) -> None:
        await self._subscribed()
        self._replica.begin_reading(self._clock.now())
        self._troubles.clear()
        self._last_read = asyncio.Event()
        if _LAST not in wanted:
            self._last_read.set()
        await asyncio.gather(*(self._get(what) for what in wanted))
        self._replica.finish_reading(self._clock.now())
        self._tell("")

    async def _get(self, what: _What) -> None:
        """Read one thing, again and again until it is there, and say meanwhile that it is not."""
        if what != _LAST:
            # They bring the digits with which everything else is written; but nothing waits long for them.
            waiting = asyncio.ensure_future(self._last_read.wait())
            await asyncio.wait({waiting}, timeout=_FIRST_S)
            waiting.cancel()
        since = self._clock.now()
        while trouble := await (self._last() if what == _LAST else self._ask(*what)):
            if what == _LOG and trouble == _ABSENT and self._has_no_watch(since):
                break
            if self._troubles.get(what) != trouble:
                self._troubles[what] = trouble
                self._tell("; ".join(self._troubles.values()))
            await asyncio.sleep(_AGAIN_S)
        if what == _LAST:
            self._last_read.set()
        if self._troubles.pop(what, None):
            self._tell("; ".join(self._troubles.values()))

    def _has_no_watch(self, since: int) -> bool:
        """Whether nobody has to be waited for: the watch was sought from `since` on, and nobody has heard of it."""
        if self._clock.now() - since < _ABSENT_US or self._replica.heard(_LOG[0]):
            return False
        if not self._without_log:
            self._replica.note("this floor has no watch: what was reported before is not shown", self._clock.now())
        self._without_log = True
        return True

    async def _subscribed(self) -> None:
        """Return when the server has every subscription: what is read from now on leaves no gap to what is heard."""
        while True:
            try:
                await self._bus.flush()
            except BusError:
                await asyncio.sleep(_AGAIN_S)  # the link broke: whoever called ends this, and begins again
            else:
                return

    async def _last(self) -> str:
        try:
            messages = await self._bus.history(_LAST[0], [_LAST[1]])
        except BusError as error:
            return f"the last state of everything cannot be read: {error}"
        for number, message in enumerate(messages):
            event = self._reader.event(message)
            if event is None:
                self._replica.unreadable()
            else:
                self._replica.fold(event, self._clock.now(), live=False)
            if number % _CHUNK == _CHUNK - 1:
                await asyncio.sleep(0)
        return ""

    async def _ask(self, service: str, verb: str) -> str:
        number = next(self._numbers)
        ask = Ask(
            id=f"{self._user}-{number}",
            user=self._user,
            scope="floor",
            service=service,
            verb=verb,
            source=self._user,
            time=self._clock.now(),
        )
        replied = await self._request(subject_of(ask), encode(ask))
        if replied.error:
            return f"waiting for the {service}'s {verb}: {_reason(replied.error)}"
        try:
            answer = decode(replied.data)
        except CodecError as error:
            self._replica.unreadable()
            return f"the {service}'s {verb} cannot be read: {error}"
        if isinstance(answer, CommandResult):
            return f"the {service} does not give its {verb}: {answer.text}"
        if not isinstance(answer, _QUESTIONS[service, verb]):
            self._replica.unreadable()
            return f"the {service} answers {type(answer).__name__} when asked for its {verb}"
        self._replica.fold(answer, self._clock.now(), live=False)
        return ""

    async def _request(self, subject: str, data: bytes) -> Replied:
        waiting: asyncio.Future[Replied] = asyncio.get_running_loop().create_future()

        def done(replied: Replied) -> None:
            if not waiting.done():
                waiting.set_result(replied)

        self._bus.request(subject, data, timeout_us=_ANSWER_US, done=done)
        return await waiting


def _reason(error: str) -> str:
    return {"no_responders": "it is not there", "timeout": "no answer"}.get(error, error)
