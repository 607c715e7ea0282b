"""Bytes to events and back: JSON, decoders built once.

`decode` reads any event, `decoder(kind)` gives the typed decoder of one type. Bytes that do not fit raise CodecError
with the reason and where it lies.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, Union

import msgspec

from schemas.answers import BookAnswer, LogAnswer, SeriesAnswer
from schemas.command import CommandResult
from schemas.order import VenueAnswer
from schemas.registry import SUBJECTS

if TYPE_CHECKING:
    from schemas.base import Event

__all__ = ["TYPES", "CodecError", "decode", "decode_as", "encode"]

E = TypeVar("E", bound="Event")

TYPES: tuple[type[Event], ...] = (*SUBJECTS, BookAnswer, CommandResult, LogAnswer, SeriesAnswer, VenueAnswer)
"""Every event type: those with a subject and those that travel as answers."""

_encoder = msgspec.json.Encoder()
_any_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[TYPES])  # noqa: UP007 - a union made at run time


class CodecError(ValueError):
    """Bytes that are not the event they should be."""


def encode(event: Event) -> bytes:
    """One JSON object, fields in their declared order: equal events give equal bytes."""
    return _encoder.encode(event)


def decode(data: bytes) -> Event:
    """Any event by its tag."""
    try:
        event: Event = _any_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"not an event: {error}"
        raise CodecError(message) from error
    return event


@cache
def _decoder(kind: type[E]) -> msgspec.json.Decoder[E]:
    return msgspec.json.Decoder(kind)


def decode_as(kind: type[E], data: bytes) -> E:
    """An event of this very type."""
    try:
        event: E = _decoder(kind).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"not a {kind.__name__}: {error}"
        raise CodecError(message) from error
    return event
