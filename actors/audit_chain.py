"""The chain of audit entries: each holds a digest over itself and the one before, so none can be changed or left out.

Pure. The digest is SHA-256 in hex over the JSON array of the entry's own fields, without the envelope that the bus
adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec

from schemas.command import AuditEntry

__all__ = ["broken_link", "next_entry"]


def next_entry(
    previous: AuditEntry | None, *, user: str, action: str, scope: str, result: str, detail: Mapping[str, str]
) -> AuditEntry:
    """The entry that follows `previous`; the first one follows None."""
    entry = AuditEntry(
        number=previous.number + 1 if previous is not None else 1,
        user=user,
        action=action,
        scope=scope,
        result=result,
        detail=dict(detail),
        previous=previous.digest if previous is not None else "",
    )
    return msgspec.structs.replace(entry, digest=_digest(entry))


def broken_link(entries: Iterable[AuditEntry]) -> str:
    """What is wrong with the first entry that does not follow the one before; "" for a whole chain from number 1 on."""
    digest = ""
    for number, entry in enumerate(entries, 1):
        if entry.number != number:
            return f"entry {entry.number} stands where {number} should"
        if entry.previous != digest:
            return f"entry {number} does not follow the one before it"
        if entry.digest != _digest(entry):
            return f"entry {number} was changed"
        digest = entry.digest
    return ""


def _digest(entry: AuditEntry) -> str:
    fields = (
        entry.number,
        entry.user,
        entry.action,
        entry.scope,
        entry.result,
        sorted(entry.detail.items()),
        entry.previous,
    )
    return sha256(msgspec.json.encode(fields)).hexdigest()
