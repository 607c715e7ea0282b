"""Whether what one actor received and sent went over the bus, as the bus log has it.

What was received must be there with the same bytes. What was sent may be missing for reasons that the logs show: a lost
link, a `Store` that failed, a publish that was refused, a killed process whose last words did not get out.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.cell import Outgoing
from actors.effects import Publish, PublishStored, Request, Store
from actors.inboxline import EventTaken, FailedTaken, LinkTaken, ReplyTaken, StoredTaken, Taken
from bus.buslog import BusLog
from bus.eventlog import extracted
from schemas.codec import CodecError, decode_as, encode
from schemas.order import OrderCleared

__all__ = ["Sightings", "UnseenError"]


class UnseenError(Exception):
    """Something that the inbox log names was not on the bus. `line`: of the inbox log."""

    def __init__(self, line: int, what: str, recorded: str = "", seen: str = "") -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.recorded = recorded
        self.seen = seen


class _Missing(msgspec.Struct):
    line: int
    n: int
    index: int
    subject: str
    key: str
    data: bytes
    seen: bytes | None


class Sightings:
    """Collects what is not in the bus log; `settled` judges it at the end."""

    def __init__(self, bus: BusLog) -> None:
        self._bus = bus
        self._missing: list[_Missing] = []
        self._errors: set[str] = set()
        self._losses = bus.losses
        self._last = (0, 0)
        self._store: tuple[int, int] | None = None

    def message(self, line: int, taken: Taken) -> None:
        """A message that the actor took. Raises UnseenError for an event that the bus did not carry like this."""
        match taken:
            case EventTaken() if not taken.tick:
                self._received(line, taken)
            case LinkTaken(up=False):
                self._losses += 1
            case StoredTaken(key, _, error) | ReplyTaken(key, error) if error:
                self._errors.add(key)
            case FailedTaken() if self._store is not None:
                n, index = self._store
                self._missing = [one for one in self._missing if one.n != n or one.index < index]

    def effects(self, line: int, n: int, outgoing: Sequence[Outgoing]) -> None:
        """What message `n` led to."""
        self._store = None
        for index, out in enumerate(outgoing):
            effect = out.effect
            if isinstance(effect, Store):
                self._store = self._store or (n, index)
            elif isinstance(effect, Publish | PublishStored | Request) and self._bus.covers(out.subject):
                seen = self._sent(out, signed=isinstance(effect, Publish) and effect.sign)
                if seen == out.data:
                    self._last = (n, index)
                    continue
                key = "" if isinstance(effect, Publish) else effect.key
                self._missing.append(_Missing(line, n, index, out.subject, key, out.data, seen))

    def settled(self, *, closed: bool) -> list[str]:
        """What was tolerated, for people. Raises UnseenError for the first thing that nothing in the logs explains."""
        unexplained = [
            one
            for one in self._missing
            if one.seen is not None  # other bytes went out: nothing explains that
            or not (
                self._losses
                or (one.key and one.key in self._errors)
                or (not closed and (one.n, one.index) > self._last)
            )
        ]
        if unexplained:
            one = unexplained[0]
            what = "went over the bus with other bytes" if one.seen is not None else "is not in the bus log"
            text = f"message {one.n}: effect {one.index + 1} on {one.subject} {what}"
            raise UnseenError(one.line, text, one.data.decode(), (one.seen or b"").decode(errors="replace"))
        if not self._missing:
            return []
        reason = f"the link was lost {self._losses} times" if self._losses else "refused, or not sent before the end"
        return [f"{len(self._missing)} effects are not in the bus log ({reason})"]

    def _received(self, line: int, taken: EventTaken) -> None:
        data = extracted(taken.data, taken.base64)
        if not self._bus.covers(taken.subject) or self._bus.holds(taken.subject, data) or self._bus.losses:
            return
        raise UnseenError(line, f"an event on {taken.subject} that the bus log does not have", data.decode())

    def _sent(self, out: Outgoing, *, signed: bool) -> bytes | None:
        """The bytes that went out for an effect, without the signature if it was signed; None if there are none."""
        if not signed:
            return out.data if self._bus.holds(out.subject, out.data) else None
        try:
            wanted = decode_as(OrderCleared, out.data)
            found = self._bus.find(out.subject, wanted.incarnation, wanted.sequence)
            if found is None:
                return None
            return encode(msgspec.structs.replace(decode_as(OrderCleared, found), signature=""))
        except CodecError:
            return None
