"""What an actor is: plain functions from a message to effects.

An actor owns its state and nothing else: no loop, no socket, no clock. It is made from its settings and its recovered
state; from then on the same messages give the same effects, which `pitwire verify` checks byte by byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec

from actors.effects import Effect, EventIn, Failed, LinkChanged, ReplyIn, StoredIn, TimerIn

__all__ = ["Actor", "Subscribe"]


class Subscribe(msgspec.Struct, frozen=True):
    """What an actor receives.

    `lane`: control is handled before data. `stream`: core messages that this stream also captures; after a lost link,
    and where the subject's sequence shows a gap, what was missed is read from it, in order, without repeats. `durable`:
    take the stream's messages from that consumer instead; each wants an `Acknowledge`. `conflate`: only the subject's
    newest undelivered message (screens and watchdogs).
    """

    subject: str
    lane: Literal["control", "data"] = "data"
    stream: str = ""
    durable: str = ""
    conflate: bool = False


class Actor:
    """The base of all actors. Every handler gets `now`: the message's stamp, UTC microseconds (tick time in SIM).

    Handlers must not block, read a clock, or use unseeded randomness. One that raises is told by `on_failure`.
    """

    role: ClassVar[str]
    """The kind of actor, as in `bus.permissions`."""

    name: str
    incarnation: int

    def __init__(self, name: str, incarnation: int) -> None:
        self.name = name
        self.incarnation = incarnation

    def subscriptions(self) -> Sequence[Subscribe]:
        """Asked once, before `on_start`."""
        return ()

    def on_start(self, now: int) -> Sequence[Effect]:
        """Runs first, with the recovered state in place, the subscriptions active and the link up."""
        return ()

    def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
        """An event arrived."""
        return ()

    def on_stored(self, message: StoredIn, now: int) -> Sequence[Effect]:
        """A `PublishStored` was acked, or was not."""
        return ()

    def on_reply(self, message: ReplyIn, now: int) -> Sequence[Effect]:
        """A `Request` was answered, or was not."""
        return ()

    def on_timer(self, message: TimerIn, now: int) -> Sequence[Effect]:
        """A timer fired."""
        return ()

    def on_link(self, message: LinkChanged, now: int) -> Sequence[Effect]:
        """The bus was lost or is back. On the way back, what was missed on `stream` subscriptions comes first."""
        return ()

    def on_failure(self, message: Failed, now: int) -> Sequence[Effect]:
        """A handler raised or a `Store` failed. Raising here ends the process; the supervisor starts it again."""
        return ()

    def on_stop(self, now: int) -> Sequence[Effect]:
        """Runs last, at an orderly stop."""
        return ()

    def gauges(self) -> dict[str, int]:
        """Counters for the beat. Not compared by `pitwire verify`."""
        return {}

    def describe(self) -> str:
        """One word for the beat: what the actor is doing."""
        return "running"
