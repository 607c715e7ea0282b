"""Core messages without a hole: what the stream holds fills in what the connection missed.

A core subscription is fast and causal but loses messages with the link. The same messages are captured by a stream.
This follows each subject's (incarnation, sequence); at the start, after a lost link and at a gap it reads the stream
from its mark, passes on what is new in stream order, and then what arrived meanwhile. Repeats are dropped.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from schemas.codec import CodecError, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from bus.interface import Bus, Incoming
    from schemas.base import Event

__all__ = ["Catchup"]


class Catchup:
    """One `stream` subscription. `pass_on(incoming, event)` gets each message once, in order by subject."""

    def __init__(
        self,
        bus: Bus,
        stream: str,
        subject: str,
        pass_on: Callable[[Incoming, Event], None],
        gap: Callable[[str], None],
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._subject = subject
        self._pass_on = pass_on
        self._gap = gap
        self._last: dict[str, tuple[int, int]] = {}
        self._sources: dict[str, int] = {}
        self._held: list[tuple[Incoming, Event]] = []
        self._holding = False
        self._reading = False
        self._read = asyncio.Event()
        self._again = False
        self._mark = 1

    def prime(self, incoming: Incoming, event: Event) -> None:
        """Note a message that the recovery has already folded into the actor's state."""
        self._note(incoming, event)
        self._mark = max(self._mark, incoming.stream_seq + 1)

    def lost(self) -> None:
        """The link is lost: what arrives from now on waits for `catch_up`, or a newcomer would hide what was missed."""
        self._holding = True

    def arrived(self, incoming: Incoming, event: Event) -> bool:
        """A core message arrived. True: the caller must run `catch_up`, the message waits for it.

        That is so at a gap, and when a sender was started again: its last words may not have reached us.
        """
        if self._reading or self._holding:
            self._held.append((incoming, event))
            return False
        incarnation, sequence = self._last.get(incoming.subject, (0, 0))
        if (event.incarnation, event.sequence) <= (incarnation, sequence):
            return False
        expected = sequence + 1 if event.incarnation == incarnation else 1
        if event.sequence != expected or event.incarnation > self._sources.get(event.source, event.incarnation):
            self._held.append((incoming, event))
            self._holding = True
            return True
        self._deliver(incoming, event)
        return False

    async def catch_up(self) -> None:
        """Read the stream from the mark. Runs once at a time; a call meanwhile makes it read again, and waits for that.

        Should the link be lost after the last reading began, what arrived since waits for the next call.
        """
        if self._reading:
            self._again = True
            await self._read.wait()
            return
        self._reading = True
        self._read.clear()
        try:
            while True:
                self._again = self._holding = False
                for incoming in await self._bus.history(self._stream, [self._subject], self._mark):
                    self._mark = max(self._mark, incoming.stream_seq + 1)
                    try:
                        event = decode(incoming.data)
                    except CodecError:
                        self._gap(f"{self._stream} {incoming.stream_seq}: {incoming.subject} is not an event")
                        continue
                    if (event.incarnation, event.sequence) > self._last.get(incoming.subject, (0, 0)):
                        self._deliver(incoming, event)
                if not self._again:
                    break
        finally:
            self._reading = False
            self._read.set()
        if self._holding:
            return
        held, self._held = self._held, []
        for incoming, event in held:
            incarnation, sequence = self._last.get(incoming.subject, (0, 0))
            if (event.incarnation, event.sequence) <= (incarnation, sequence):
                continue
            expected = sequence + 1 if event.incarnation == incarnation else 1
            if event.sequence != expected:
                self._gap(f"{incoming.subject}: {event.sequence} follows {sequence}, the stream has nothing between")
            self._deliver(incoming, event)

    def _note(self, incoming: Incoming, event: Event) -> None:
        self._last[incoming.subject] = (event.incarnation, event.sequence)
        self._sources[event.source] = max(event.incarnation, self._sources.get(event.source, 0))

    def _deliver(self, incoming: Incoming, event: Event) -> None:
        self._note(incoming, event)
        self._pass_on(incoming, event)
