"""The lines of an inbox log: each message and each effect as a Struct that msgspec writes and reads.

`message_line` and `effect_line` turn the real ones into lines.
"""

from __future__ import annotations

import base64
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from actors.cell import Outgoing
from actors.effects import (
    Acknowledge,
    Answer,
    CancelTimer,
    EventIn,
    LinkChanged,
    Message,
    Publish,
    PublishStored,
    ReplyIn,
    Request,
    SetTimer,
    Store,
    StoredIn,
    TimerIn,
)
from schemas.base import Event
from schemas.codec import encode
from schemas.market import Tick

__all__ = [
    "EffectLine",
    "EventTaken",
    "FailedTaken",
    "Header",
    "InboxLine",
    "LinkTaken",
    "Payload",
    "ReplyTaken",
    "StartTaken",
    "StopTaken",
    "StoredTaken",
    "Taken",
    "TimerTaken",
    "effect_line",
    "message_line",
]

Payload: TypeAlias = Raw | UnsetType


class Header(msgspec.Struct, kw_only=True):
    """The first line: who it is, what it was made from, and the state that it recovered (None: none)."""

    log: str
    version: int
    role: str
    name: str
    incarnation: int
    config: Raw
    state: Raw


class StartTaken(msgspec.Struct, tag="start", tag_field="m"):
    """`on_start`."""


class StopTaken(msgspec.Struct, tag="stop", tag_field="m"):
    """`on_stop`."""


class EventTaken(msgspec.Struct, tag="event", tag_field="m", omit_defaults=True):
    """An event: a tick as its subject `tick` and `id` = [incarnation, sequence], any other with its `data`, or in
    `base64` when its bytes are not one line.
    """

    subject: str = ""
    tick: str = ""
    id: tuple[int, int] | UnsetType = UNSET
    reply: str = ""
    stream: str = ""
    stream_seq: int = 0
    data: Payload = UNSET
    base64: str = ""


class StoredTaken(msgspec.Struct, tag="stored", tag_field="m", omit_defaults=True):
    """A `StoredIn`."""

    key: str
    seq: int = 0
    error: str = ""


class ReplyTaken(msgspec.Struct, tag="reply", tag_field="m", omit_defaults=True):
    """A `ReplyIn`."""

    key: str
    error: str = ""
    data: Payload = UNSET
    base64: str = ""


class TimerTaken(msgspec.Struct, tag="timer", tag_field="m"):
    """A `TimerIn`."""

    key: str


class LinkTaken(msgspec.Struct, tag="link", tag_field="m"):
    """A `LinkChanged`."""

    up: bool


class FailedTaken(msgspec.Struct, tag="failed", tag_field="m"):
    """A `Failed`, with the message whose handling failed."""

    error: str
    message: EventTaken | StoredTaken | ReplyTaken | TimerTaken | LinkTaken


Taken: TypeAlias = StartTaken | StopTaken | EventTaken | StoredTaken | ReplyTaken | TimerTaken | LinkTaken | FailedTaken


class EffectLine(msgspec.Struct, omit_defaults=True):
    """An effect, by kind `k`; only the members that the kind has. `data` is the event as it went out (unsigned if
    `sign`), bytes among the `statements`' values are {"base64": ...}.
    """

    k: str
    subject: str = ""
    reply: str = ""
    key: str = ""
    msg_id: str = ""
    first: bool = False
    sign: bool = False
    timeout_us: int = 0
    at: int = 0
    stream: str = ""
    seq: int = 0
    statements: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    data: Payload = UNSET


class InboxLine(msgspec.Struct, rename={"taken": "in"}, omit_defaults=True):
    """Any line but the header: message `n` as `taken` at time `now`, or its effects `out`, or what its handler
    `raised`.
    """

    n: int
    now: int = 0
    taken: Taken | UnsetType = UNSET
    out: tuple[Raw, ...] | UnsetType = UNSET
    raised: str | UnsetType = UNSET


def message_line(message: Message, data: bytes) -> Taken:
    """A message as its line. `data`: the event's bytes as they came, b"" if there is none or it is not at hand."""
    if isinstance(message, EventIn):
        return _event(message, data)
    if isinstance(message, ReplyIn):
        raw, text = _payload(message.event, data)
        return ReplyTaken(message.key, message.error, raw, text)
    if isinstance(message, StoredIn):
        return StoredTaken(message.key, message.seq, message.error)
    if isinstance(message, TimerIn):
        return TimerTaken(message.key)
    if isinstance(message, LinkChanged):
        return LinkTaken(message.up)
    # The bytes at hand may be another message's (a full mailbox fails a message that was never taken): encoded again.
    nested = message_line(message.message, b"")
    return FailedTaken(message.error, nested)  # type: ignore[arg-type]  # a Failed never holds a Failed


def _event(message: EventIn, data: bytes) -> EventTaken:
    event = message.event
    if type(event) is Tick and event.sequence and not message.reply and not message.stream:
        return EventTaken(tick=message.subject, id=(event.incarnation, event.sequence))
    raw, text = _payload(event, data)
    return EventTaken(
        subject=message.subject,
        reply=message.reply,
        stream=message.stream,
        stream_seq=message.stream_seq,
        data=raw,
        base64=text,
    )


def _payload(event: Event | None, data: bytes) -> tuple[Payload, str]:
    """An event's bytes as they came. They were decoded before, so they are JSON; only its layout is open."""
    if event is None:
        return UNSET, ""
    if not data:
        return Raw(encode(event)), ""
    if data[:1] == b"{" and data[-1:] == b"}" and b"\n" not in data:
        return Raw(data), ""
    return UNSET, base64.b64encode(data).decode()


def effect_line(out: Outgoing) -> EffectLine:
    """An effect as its line."""
    effect = out.effect
    match effect:
        case Publish():
            line = EffectLine("publish", subject=out.subject, sign=effect.sign, data=Raw(out.data))
        case PublishStored(_, key, msg_id, first):
            line = EffectLine(
                "publish_stored", subject=out.subject, key=key, msg_id=msg_id, first=first, data=Raw(out.data)
            )
        case Request(_, key, timeout_us):
            line = EffectLine("request", subject=out.subject, key=key, timeout_us=timeout_us, data=Raw(out.data))
        case Answer(_, reply):
            line = EffectLine("answer", reply=reply, data=Raw(out.data))
        case SetTimer(key, at):
            line = EffectLine("set_timer", key=key, at=at)
        case CancelTimer(key):
            line = EffectLine("cancel_timer", key=key)
        case Acknowledge(stream, seq):
            line = EffectLine("acknowledge", stream=stream, seq=seq)
        case Store():
            line = EffectLine("store", statements=_statements(effect))
    return line


def _statements(effect: Store) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    return tuple(
        (
            sql,
            tuple(
                {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value for value in values
            ),
        )
        for sql, values in effect.statements
    )
