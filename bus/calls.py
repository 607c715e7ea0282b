"""Calls that wait for an answer: requests, and messages that wait for their stream's ack.

Owns the reply inbox: one wildcard subscription for all calls of a bus. Each call ends exactly once: with its answer, at
its timeout, when the server refuses its subject, or when the link breaks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from bus.interface import Replied, Stored
from bus.link import Link
from bus.wire import STATUS

__all__ = ["Call", "Calls", "RequestCall", "StoreCall"]

_WRONG_SEQUENCE = frozenset({10070, 10071, 10164})
_FULL = frozenset({10002, 10023, 10028, 10047, 10077})
_NO_RESPONDERS = "503"
_DOWN_S = 0.1


class _AckError(msgspec.Struct):
    """JetStream's error object."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    """JetStream's answer to a publish."""

    seq: int = 0
    duplicate: bool = False
    error: _AckError | None = None


_decode_ack = msgspec.json.Decoder(_Ack).decode


class Call:
    """One call under way."""

    __slots__ = ("subject", "timer")

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.timer: asyncio.TimerHandle | None = None

    def answer(self, data: bytes, headers: Mapping[str, str] | None) -> None:
        """End it with what came back."""
        raise NotImplementedError

    def fail(self, error: str) -> None:
        """End it with `error`."""
        raise NotImplementedError


class RequestCall(Call):
    """A request waiting for its reply."""

    __slots__ = ("done",)

    def __init__(self, subject: str, done: Callable[[Replied], None]) -> None:
        super().__init__(subject)
        self.done = done

    def answer(self, data: bytes, headers: Mapping[str, str] | None) -> None:
        """The reply's payload; a service's error headers become its error."""
        error = ""
        if headers:
            if headers.get(STATUS) == _NO_RESPONDERS:
                error = "no_responders"
            elif "Nats-Service-Error-Code" in headers:
                error = headers.get("Nats-Service-Error") or headers["Nats-Service-Error-Code"]
        self.done(Replied(data, error))

    def fail(self, error: str) -> None:
        """No reply."""
        self.done(Replied(error=error))


class StoreCall(Call):
    """A stored message waiting for its stream's ack."""

    __slots__ = ("done",)

    def __init__(self, subject: str, done: Callable[[Stored], None]) -> None:
        super().__init__(subject)
        self.done = done

    def answer(self, data: bytes, headers: Mapping[str, str] | None) -> None:
        """The ack, or what JetStream has against it."""
        if headers and headers.get(STATUS) == _NO_RESPONDERS:
            self.fail("no_responders")
            return
        try:
            ack = _decode_ack(data)
        except msgspec.DecodeError:
            self.fail(f"not a JetStream ack: {data[:80]!r}")
            return
        if ack.error is None:
            self.done(Stored(ack.seq, ack.duplicate))
        elif ack.error.err_code in _WRONG_SEQUENCE:
            self.fail("wrong_sequence")
        elif ack.error.err_code in _FULL:
            self.fail("full")
        else:
            self.fail(ack.error.description or f"JetStream error {ack.error.err_code or ack.error.code}")

    def fail(self, error: str) -> None:
        """Not stored, or not known to be."""
        self.done(Stored(error=error))


class Calls:
    """The calls of one bus that wait for an answer."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._calls: dict[str, Call] = {}
        self._made = 0
        inbox = link.new_inbox("reply")
        self._prefix = f"{inbox}."
        link.route(f"{inbox}.*", self._arrived)
        link.on_change(self._link_changed)
        link.on_denied(self._denied)

    def next_reply(self) -> str:
        """The reply subject for the next call."""
        self._made += 1
        return f"{self._prefix}{self._made}"

    def add(self, reply: str, call: Call, timeout_us: int) -> None:
        """`call` was sent with this reply subject; end it with "timeout" after `timeout_us` of real time."""
        loop = asyncio.get_running_loop()
        call.timer = loop.call_later(timeout_us / 1_000_000, self._fail, reply, "timeout")
        self._calls[reply] = call

    def end_later(self, call: Call, error: str) -> None:
        """End a call that was never sent, after a moment: who asks again at once must not spin without a link."""
        reply = self.next_reply()
        self._calls[reply] = call
        asyncio.get_running_loop().call_later(_DOWN_S, self._fail, reply, error)

    def fail_all(self, error: str) -> None:
        """End all of them."""
        for reply in list(self._calls):
            self._fail(reply, error)

    def _arrived(self, subject: str, _reply: str, data: bytes, headers: Mapping[str, str] | None) -> None:
        call = self._calls.pop(subject, None)
        if call is None:
            return  # ended before: too late
        if call.timer is not None:
            call.timer.cancel()
        call.answer(data, headers)

    def _fail(self, reply: str, error: str) -> None:
        call = self._calls.pop(reply, None)
        if call is None:
            return
        if call.timer is not None:
            call.timer.cancel()
        try:
            call.fail(error)
        except Exception as fault:  # noqa: BLE001 - called from timers and link events, which must go on
            self._link.client_fault(f"the end of a call on {call.subject} raised {fault!r}")

    def _denied(self, subject: str) -> None:
        for reply, call in list(self._calls.items()):
            if call.subject.lower() == subject:
                self._fail(reply, "denied")

    def _link_changed(self, up: bool) -> None:
        if not up:
            self.fail_all("timeout")
