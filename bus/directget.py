"""What a stream holds, read by direct get.

Publishes `$JS.API.DIRECT.GET.<stream>` and needs no other right. Reads batch after batch until the stream's last
sequence as it was at the start; a batch that is cut short, by its size or by a lost link, is continued where it ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from bus.interface import BusError, Incoming
from bus.link import Link
from bus.wire import DESCRIPTION, STATUS, checked, command

__all__ = ["DirectGet"]

_BATCH = 2_000
_BATCH_BYTES = 4 * 1024 * 1024
_SILENCE_S = 2.0
_LINK_US = 2_000_000
_AGAIN_S = 0.1
_TRIES = 10
_NOT_FOUND = "404"
_END_OF_BATCH = "204"
_NO_RESPONDERS = "503"
_DENIED = "not permitted"
_ADDED = frozenset(
    {
        "Nats-Stream",
        "Nats-Subject",
        "Nats-Sequence",
        "Nats-Time-Stamp",
        "Nats-Num-Pending",
        "Nats-Last-Sequence",
        "Nats-UpTo-Sequence",
    }
)


class _Batch:
    """One answer, in as many messages as it takes. `ended` is set when no more will come."""

    def __init__(self) -> None:
        self.messages: list[Incoming] = []
        self.more = False
        self.error = ""
        self.heard = False
        self.ended = asyncio.Event()

    def arrived(self, _subject: str, _reply: str, data: bytes, headers: Mapping[str, str] | None) -> None:
        """A message of the stream, or a status that ends the batch."""
        self.heard = True
        if self.ended.is_set():
            return
        if headers is None or STATUS not in headers:
            self._keep(data, headers or {})
        elif headers[STATUS] == _END_OF_BATCH:
            last = self.messages[-1].stream_seq if self.messages else 0
            complete = int(headers.get("Nats-Last-Sequence", last)) == last
            self._end(more=not complete or int(headers.get("Nats-Num-Pending", "0")) > 0)
        elif headers[STATUS] == _NOT_FOUND:
            self._end(more=False)
        else:
            self.error = f"{headers[STATUS]} {headers[DESCRIPTION]}".rstrip()
            self._end(more=True)

    def cut(self, error: str) -> None:
        """Nothing more will come."""
        if not self.ended.is_set():
            self.error = error
            self._end(more=True)

    async def wait(self) -> None:
        """Wait for the end, as long as something comes within each while."""
        self.heard = True
        while self.heard and not self.ended.is_set():
            self.heard = False
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.ended.wait(), _SILENCE_S)

    def _keep(self, data: bytes, headers: Mapping[str, str]) -> None:
        last = self.messages[-1].stream_seq if self.messages else 0
        if int(headers.get("Nats-Last-Sequence", last)) != last:
            self._end(more=True)  # one before this was lost on the way: go on behind the last that arrived
            return
        own = {name: value for name, value in headers.items() if name not in _ADDED}
        self.messages.append(Incoming(headers["Nats-Subject"], data, "", own or None, int(headers["Nats-Sequence"])))
        if "Nats-Num-Pending" not in headers:
            self._end(more=False)  # a get of a single message

    def _end(self, *, more: bool) -> None:
        self.more = more
        self.ended.set()


class DirectGet:
    """Reads one stream."""

    def __init__(self, link: Link, stream: str) -> None:
        self._link = link
        self._stream = stream
        self._subject = checked(f"$JS.API.DIRECT.GET.{stream}")

    async def read(self, subjects: list[str], from_seq: int) -> list[Incoming]:
        """Everything on `subjects` from sequence `from_seq` up to what is the last now, in order, each once.

        Raises:
            BusError: the stream cannot be read: not there, no direct access, not permitted, or no link for too long.
        """
        newest = await self._batch({"last_by_subj": ">"})
        if not newest.messages:
            return []
        top = newest.messages[0].stream_seq
        found: dict[int, Incoming] = {}
        for subject in subjects:
            await self._scan(subject, max(1, from_seq), top, found)
        return [found[seq] for seq in sorted(found)]

    async def _scan(self, subject: str, seq: int, top: int, found: dict[int, Incoming]) -> None:
        more = True
        while more and seq <= top:
            batch = await self._batch(
                {"seq": seq, "batch": _BATCH, "max_bytes": _BATCH_BYTES, "next_by_subj": checked(subject)}
            )
            for message in batch.messages:
                if message.stream_seq <= top:
                    found[message.stream_seq] = message
                seq = message.stream_seq + 1
            more = batch.more

    async def _batch(self, query: dict[str, Any]) -> _Batch:
        """One batch; asks again while nothing at all comes back."""
        error = "the link is down"
        for _ in range(_TRIES):
            if not await self._link.wait_up(_LINK_US):
                continue
            batch = await self._ask(query)
            if batch.messages or not (batch.error or batch.more):
                return batch
            error = batch.error or "messages were lost on the way"
            if error.startswith(_NO_RESPONDERS):
                await asyncio.sleep(_AGAIN_S)  # JetStream may still be starting
            elif error == _DENIED:
                break
        if error.startswith(_NO_RESPONDERS):
            error = "no such stream, or it gives no direct access"
        raise BusError(f"{self._link.name}: history of {self._stream}: {error}")

    async def _ask(self, query: dict[str, Any]) -> _Batch:
        batch = _Batch()

        def link_changed(_up: bool) -> None:
            batch.cut("the link broke")

        def denied(subject: str) -> None:
            if subject == self._subject.lower():
                batch.cut(_DENIED)

        inbox = self._link.new_inbox("get")
        routed = self._link.route(inbox, batch.arrived)
        self._link.on_change(link_changed)
        self._link.on_denied(denied)
        try:
            if self._link.send(command(self._subject, msgspec.json.encode(query), inbox)):
                await batch.wait()
        finally:
            self._link.forget(link_changed)
            self._link.forget(denied)
            routed.close()
        batch.cut("no answer")
        return batch
