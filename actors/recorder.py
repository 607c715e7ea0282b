"""The recorder: what the streams ORDERS and FLOW say, as tables that people can ask.

Consumes both streams by durable consumers of its own; publishes nothing but its hello. Each message's rows and its
place in the stream are one transaction, and only then it is acked. A message that comes again is acked and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import ClassVar

import msgspec

from actors.actor import Actor, Subscribe
from actors.effects import Acknowledge, Effect, EventIn, Failed, LinkChanged, Publish, Store
from actors.recorder_retention import trimmed
from actors.recorder_rows import statements, unrecordable
from actors.recorder_schema import RecorderState
from actors.stream_progress import RING, Progress
from schemas.base import Event
from schemas.health import Hello
from schemas.registry import subject_of
from schemas.settings import Settings

__all__ = ["Recorder", "RecorderConfig", "RecorderState", "config_from"]

_POSITION = (
    "INSERT INTO stream_positions (stream, seq, epoch) VALUES (?, ?, ?)"
    " ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq, epoch = excluded.epoch"
)
_MARK = (
    "INSERT INTO stream_marks (stream, slot, seq, epoch, mark) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (stream, slot) DO UPDATE SET seq = excluded.seq, epoch = excluded.epoch, mark = excluded.mark"
)
_NO_GAPS = "DELETE FROM stream_gaps WHERE stream = ?"
_GAP = "INSERT INTO stream_gaps (stream, first, last) VALUES (?, ?, ?)"
_UNKNOWN = (0, 0)  # no gap is this one: what the database has is not known until it is written again


class RecorderConfig(msgspec.Struct, frozen=True):
    """Nothing to choose yet."""


def config_from(settings: Settings) -> RecorderConfig:  # noqa: ARG001 - every role's configuration is made like this
    """The recorder's part of the settings."""
    return RecorderConfig()


class Recorder(Actor):
    """Stores rows, then acknowledges. The runtime handles nothing while a Store is under way, so the state is never
    ahead of the database by more than the message in hand.
    """

    role: ClassVar[str] = "recorder"

    def __init__(self, name: str, incarnation: int, config: RecorderConfig, state: RecorderState | None = None) -> None:
        super().__init__(name, incarnation)
        self.config = config
        self.state = state if state is not None else RecorderState()

    def subscriptions(self) -> Sequence[Subscribe]:
        """Both streams, whole."""
        return (
            Subscribe("order.update.>", stream="ORDERS", durable="recorder"),
            Subscribe("signal.>", stream="FLOW", durable="recorder_flow"),
        )

    def on_start(self, now: int) -> Sequence[Effect]:
        """Say hello."""
        return [Publish(Hello(actor=self.name, role=self.role))]

    def on_link(self, message: LinkChanged, now: int) -> Sequence[Effect]:
        """Say hello again when the bus is back; the consumers go on by themselves."""
        return [Publish(Hello(actor=self.name, role=self.role))] if message.up else ()

    def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
        """Store the rows with the place in the stream, then acknowledge."""
        stream, seq = message.stream, message.stream_seq
        if not stream or seq <= 0:
            return ()
        progress = self.state.streams.setdefault(stream, Progress())
        mark = _mark(message.subject, message.event)
        place = progress.take(seq, mark)
        done = Acknowledge(stream, seq)
        if place is None:
            return [done]
        try:
            if not _genuine(message):
                raise ValueError(f"not believed on {message.subject}")
            rows = statements(message.event, stream, place)
        except ValueError as error:
            rows = unrecordable(message.event, stream, place, str(error))
        rows += trimmed(stream, place)
        rows.append((_POSITION, (stream, progress.seq, progress.epoch)))
        rows.append((_MARK, (stream, seq % RING, seq, progress.epoch, mark)))
        if progress.gaps != self.state.gaps.get(stream, []):
            self.state.gaps[stream] = list(progress.gaps)
            rows.append((_NO_GAPS, (stream,)))
            rows += [(_GAP, (stream, first, last)) for first, last in progress.gaps]
        return [Store(tuple(rows)), done]

    def on_failure(self, message: Failed, now: int) -> Sequence[Effect]:
        """A message was not stored, and is not acked: it is wanted when the consumer gives it again."""
        failed = message.message
        if isinstance(failed, EventIn) and failed.stream:
            self.state.streams.setdefault(failed.stream, Progress()).give_back(failed.stream_seq)
            self.state.gaps[failed.stream] = [_UNKNOWN]
        return ()

    def gauges(self) -> dict[str, int]:
        """The highest sequence recorded of each stream, and how many messages below it are missing."""
        streams = self.state.streams
        orders, flow = streams.get("ORDERS", Progress()), streams.get("FLOW", Progress())
        return {"orders_seq": orders.seq, "flow_seq": flow.seq, "missing": orders.missing + flow.missing}


def _genuine(message: EventIn) -> bool:
    """Whether it is on its own subject, which the server pins to its sender: a session may put an update, or an alert
    in the guard's name, on `signal.<itself>`.
    """
    try:
        return subject_of(message.event) == message.subject
    except (KeyError, ValueError):
        return False


def _mark(subject: str, event: Event) -> int:
    """A number for a message by which it is known again."""
    identity = f"{subject}#{event.incarnation}.{event.sequence}@{event.time}"
    return int.from_bytes(blake2b(identity.encode("utf-8", "replace"), digest_size=6).digest(), "big")
