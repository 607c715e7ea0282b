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
from tui.replica import Replica

__all__ = ["FloorPast"]

_STREAM = "LAST"
_CHUNK = 500
_ANSWER_US = 2_000_000
_AGAIN_S = 0.5
_BOOK = ("portfolio", "book")
_QUESTIONS: dict[tuple[str, str], type[Event]] = {
    _BOOK: BookAnswer,
    ("portfolio", "series"): SeriesAnswer,
    ("watch", "log"): LogAnswer,
}


class FloorPast:
    """Reads over `bus` into `replica`, as `user`; `tell` hears what is still missing, "" for nothing."""

    def __init__(self, bus: NatsBus, replica: Replica, user: str, clock: Clock, tell: Callable[[str], None]) -> None:
        self._bus = bus
        self._replica = replica
        self._user = user
        self._clock = clock
        self._tell = tell
        self._numbers = itertools.count(1)

    async def read(self) -> None:
        """Read everything, however long it takes. Cancel it when the link is lost."""
        await self._read([_STREAM, *_QUESTIONS])

    async def read_book(self) -> None:
        """Read again what is open."""
        await self._read([_BOOK])

    async def _read(self, wanted: list[str | tuple[str, str]]) -> None:
        await self._subscribed()
        self._replica.begin_reading(self._clock.now())
        while wanted:
            outcomes = await asyncio.gather(*(self._one(what) for what in wanted))
            missing = [(what, trouble) for what, trouble in zip(wanted, outcomes, strict=True) if trouble]
            wanted = [what for what, _ in missing]
            if wanted:
                self._tell("; ".join(trouble for _, trouble in missing))
                await asyncio.sleep(_AGAIN_S)
        self._replica.finish_reading(self._clock.now())
        self._tell("")

    async def _subscribed(self) -> None:
        """Return when the server has every subscription: what is read from now on leaves no gap to what is heard."""
        while True:
            try:
                await self._bus.flush()
            except BusError:
                await asyncio.sleep(_AGAIN_S)  # the link broke: whoever called ends this, and begins again
            else:
                return

    async def _one(self, what: str | tuple[str, str]) -> str:
        """One attempt; what is wrong, "" when it was read."""
        return await self._last() if isinstance(what, str) else await self._ask(*what)

    async def _last(self) -> str:
        try:
            messages = await self._bus.history(_STREAM, [">"])
        except BusError as error:
            return f"the last state of everything cannot be read: {error}"
        for number, message in enumerate(messages):
            try:
                event = decode(message.data)
                genuine = subject_of(event) == message.subject
            except (CodecError, LookupError, ValueError):
                genuine = False
            if genuine:
                self._replica.fold(event, self._clock.now(), live=False)
            else:
                self._replica.unreadable()
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
