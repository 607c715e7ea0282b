"""Messages as NATS writes them: the command that publishes one, and the headers that came with one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from bus.interface import BusError

__all__ = ["DESCRIPTION", "STATUS", "checked", "command", "headers_of"]

STATUS = ""
"""Key of the server's own status code among a message's headers: no header can have an empty name."""
DESCRIPTION = ":"
"""Key of the text beside the status code: no header name can hold a colon."""

_LINE = "NATS/1.0"


@lru_cache(maxsize=8192)
def checked(subject: str) -> str:
    """The subject, if it may stand in a command; a blank in it would be read as the next argument.

    Raises:
        BusError: it is empty or holds a blank or a control character.
    """
    if not subject or not subject.isprintable() or " " in subject:
        raise BusError(f"{subject!r} is not a subject: expected tokens without blanks, separated by dots")
    return subject


def command(subject: str, data: bytes, reply: str = "", headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes that publish one message.

    Raises:
        BusError: the subject, the reply subject or a header cannot be sent as it is.
    """
    checked(subject)
    if reply:
        checked(reply)
    if not headers:
        return b"%b%b\r\n" % (f"PUB {subject} {reply} {len(data)}\r\n".encode(), data)
    text = "\r\n".join([f"{name}: {value}" for name, value in headers.items()])
    if text.count("\n") != len(headers) - 1 or text.count("\r") != len(headers) - 1:
        raise BusError(f"headers of {subject}: a line break in a name or value")
    raw = f"{_LINE}\r\n{text}\r\n\r\n".encode()
    return b"%b%b%b\r\n" % (f"HPUB {subject} {reply} {len(raw)} {len(raw) + len(data)}\r\n".encode(), raw, data)


def headers_of(raw: bytes) -> dict[str, str]:
    """The headers in a message's header block; the server's status, if any, under `STATUS` and `DESCRIPTION`."""
    first, *lines = raw.decode("utf-8", "replace").split("\r\n")
    headers = {}
    if len(first) > len(_LINE):
        code, _, text = first[len(_LINE) :].strip().partition(" ")
        headers[STATUS] = code
        headers[DESCRIPTION] = text
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and name:
            headers[name] = value.strip()
    return headers
