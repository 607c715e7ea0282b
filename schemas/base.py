"""The envelope that every event carries.

An event is one flat JSON object: its tag (`type`), the envelope below, then its own fields. Evolution: fields are only
appended, with defaults; unknown fields are ignored; a changed meaning is a new tag.
"""

from __future__ import annotations

import msgspec

__all__ = ["Event"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """The envelope. The sender's runtime fills it in; handlers leave it alone.

    `sequence` counts from 1 by subject and starts again with each `incarnation` of its `source`. `time` is the stamp of
    the message that was being handled, in UTC microseconds (tick time in SIM). `cause` is the id of what led to it:
    `<subject>#<incarnation>.<sequence>`, or an order's id.
    """

    schema: int = 1
    source: str = ""
    incarnation: int = 0
    sequence: int = 0
    time: int = 0
    cause: str = ""
