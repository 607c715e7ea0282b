"""What a handler may cause, and the messages that come back.

A handler returns a list of effects; the runtime carries them out in that order. `Store` holds up what stands behind it
until it is durable: if it fails, the effects behind it do not happen and the actor gets `Failed`.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from schemas.base import Event

__all__ = [
    "Acknowledge",
    "Answer",
    "CancelTimer",
    "Effect",
    "EventIn",
    "Failed",
    "LinkChanged",
    "Message",
    "Publish",
    "PublishStored",
    "ReplyIn",
    "Request",
    "SetTimer",
    "Store",
    "StoredIn",
    "TimerIn",
]


class Publish(msgspec.Struct, frozen=True):
    """Send an event on its subject, at most once. `sign`: the runtime fills in the guard's signature as it goes out."""

    event: Event
    sign: bool = False


class PublishStored(msgspec.Struct, frozen=True):
    """Send an event to its stream; `StoredIn(key)` follows. `first`: refused if its subject already holds a message."""

    event: Event
    key: str
    msg_id: str
    first: bool = False


class Request(msgspec.Struct, frozen=True):
    """Ask; `ReplyIn(key)` follows within `timeout_us`, which is wall time in both clock modes."""

    event: Event
    key: str
    timeout_us: int


class Answer(msgspec.Struct, frozen=True):
    """Answer the request that arrived with `reply`."""

    event: Event
    reply: str


class SetTimer(msgspec.Struct, frozen=True):
    """`TimerIn(key)` follows at or after `at` (UTC microseconds of the actor's clock). Replaces a timer of that key."""

    key: str
    at: int


class CancelTimer(msgspec.Struct, frozen=True):
    """Forget the timer."""

    key: str


class Store(msgspec.Struct, frozen=True):
    """Run the statements in one durable transaction of the actor's own database."""

    statements: tuple[tuple[str, tuple[int | float | str | bytes | None, ...]], ...]


class Acknowledge(msgspec.Struct, frozen=True):
    """The stream's message `seq` is dealt with: it is not delivered again. Only for `consume` subscriptions."""

    stream: str
    seq: int


Effect: TypeAlias = Publish | PublishStored | Request | Answer | SetTimer | CancelTimer | Store | Acknowledge


class EventIn(msgspec.Struct, frozen=True, tag="event", tag_field="m"):
    """An event arrived. `reply` is set when an answer is expected; `stream`, `stream_seq` when it came by `consume`."""

    subject: str
    event: Event
    reply: str = ""
    stream: str = ""
    stream_seq: int = 0


class StoredIn(msgspec.Struct, frozen=True, tag="stored", tag_field="m"):
    """What became of a `PublishStored`: `error` as in `bus.interface.Stored`."""

    key: str
    seq: int = 0
    error: str = ""


class ReplyIn(msgspec.Struct, frozen=True, tag="reply", tag_field="m"):
    """What became of a `Request`: the answering event, or an `error` as in `bus.interface.Replied`."""

    key: str
    event: Event | None = None
    error: str = ""


class TimerIn(msgspec.Struct, frozen=True, tag="timer", tag_field="m"):
    """A timer fired."""

    key: str


class LinkChanged(msgspec.Struct, frozen=True, tag="link", tag_field="m"):
    """The link to the bus was lost or is back. Not sent at the start."""

    up: bool


class Failed(msgspec.Struct, frozen=True, tag="failed", tag_field="m"):
    """A handler raised, or a `Store` failed: `message` is what was being handled. Nothing of its effects happened
    behind the failure.
    """

    message: EventIn | StoredIn | ReplyIn | TimerIn | LinkChanged
    error: str


Message: TypeAlias = EventIn | StoredIn | ReplyIn | TimerIn | LinkChanged | Failed
