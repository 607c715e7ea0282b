"""The pure shell around an actor: dispatch, stamps, sequences, bytes.

Live, in the in-process floor and in `pitwire verify` the same cell turns a message into outgoing bytes, so a replay is
compared with what really went out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors.effects import (
    Answer,
    Effect,
    EventIn,
    Failed,
    LinkChanged,
    Message,
    Publish,
    PublishStored,
    ReplyIn,
    Request,
    StoredIn,
    TimerIn,
)
from schemas.codec import encode
from schemas.order import OrderIntent, OrderUpdate, VenueReport
from schemas.registry import subject_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.actor import Actor
    from schemas.base import Event

__all__ = ["Cell", "Outgoing"]


class Outgoing(msgspec.Struct, frozen=True):
    """An effect with its stamped event as bytes. `subject` is empty for effects that send nothing."""

    effect: Effect
    subject: str = ""
    data: bytes = b""


class Cell:
    """One actor with its counters. `handle` never raises what a handler raised: it comes back as the second value."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self._sequences: dict[str, int] = {}

    def start(self, now: int) -> list[Outgoing]:
        """The effects of `on_start`."""
        return self._stamp(self.actor.on_start(now), now, "")

    def stop(self, now: int) -> list[Outgoing]:
        """The effects of `on_stop`."""
        return self._stamp(self.actor.on_stop(now), now, "")

    def handle(self, message: Message, now: int) -> list[Outgoing]:
        """The effects of one message, stamped. Raises what the handler raised, with no sequence used."""
        return self._stamp(self._dispatch(message, now), now, cause_of(message))

    def _dispatch(self, message: Message, now: int) -> Sequence[Effect]:
        actor = self.actor
        if isinstance(message, EventIn):
            return actor.on_event(message, now)
        if isinstance(message, StoredIn):
            return actor.on_stored(message, now)
        if isinstance(message, ReplyIn):
            return actor.on_reply(message, now)
        if isinstance(message, TimerIn):
            return actor.on_timer(message, now)
        if isinstance(message, LinkChanged):
            return actor.on_link(message, now)
        return actor.on_failure(message, now)

    def _stamp(self, effects: Iterable[Effect], now: int, cause: str) -> list[Outgoing]:
        out = []
        for effect in effects:
            if isinstance(effect, Publish | PublishStored | Request):
                subject = subject_of(effect.event)
                out.append(Outgoing(effect, subject, encode(self.stamped(effect.event, subject, now, cause))))
            elif isinstance(effect, Answer):
                out.append(Outgoing(effect, effect.reply, encode(self.stamped(effect.event, "", now, cause))))
            else:
                out.append(Outgoing(effect))
        return out

    def stamped(self, event: Event, subject: str, now: int, cause: str) -> Event:
        """The event with its envelope. One that brings a `cause` keeps it; answers (no subject) have sequence 0."""
        sequence = 0
        if subject:
            sequence = self._sequences.get(subject, 0) + 1
            self._sequences[subject] = sequence
        return msgspec.structs.replace(
            event,
            source=self.actor.name,
            incarnation=self.actor.incarnation,
            sequence=sequence,
            time=now,
            cause=event.cause or cause,
        )


def cause_of(message: Message) -> str:
    """The id of what is being handled."""
    if isinstance(message, Failed):
        return cause_of(message.message)
    if isinstance(message, EventIn):
        event = message.event
        if isinstance(event, OrderIntent):
            return event.terms.id
        if isinstance(event, OrderUpdate | VenueReport):
            return event.order
        return f"{message.subject}#{event.incarnation}.{event.sequence}"
    if isinstance(message, LinkChanged):
        return ""
    return message.key
