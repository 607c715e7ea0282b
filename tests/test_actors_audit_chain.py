"""The audit chain: nothing in it can be changed, left out or put in."""

from __future__ import annotations

import msgspec
import pytest

from actors.audit_chain import broken_link, next_entry
from schemas.codec import decode_as, encode
from schemas.command import AuditEntry


def chain(length: int) -> list[AuditEntry]:
    """Entries as they come back from the stream."""
    entries: list[AuditEntry] = []
    for number in range(length):
        last = entries[-1] if entries else None
        entry = next_entry(last, user="ann", action="floor.up", scope="floor", result="ok", detail={"n": str(number)})
        entries.append(decode_as(AuditEntry, encode(msgspec.structs.replace(entry, source="supervisor", time=number))))
    return entries


def test_a_whole_chain_is_whole() -> None:
    """Also after its way over the bus, which adds the envelope."""
    assert broken_link(chain(5)) == ""
    assert broken_link([]) == ""
    assert [entry.number for entry in chain(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    "change",
    [{"user": "bob"}, {"result": "failed"}, {"detail": {}}, {"action": "x"}, {"scope": "y"}, {"digest": "0" * 64}],
)
def test_a_changed_entry_is_found(change: dict[str, object]) -> None:
    """Whatever is changed, the digest of that entry or the link of the next does not fit."""
    entries = chain(4)
    entries[1] = msgspec.structs.replace(entries[1], **change)
    assert broken_link(entries) == "entry 2 was changed"


def test_an_entry_that_was_left_out_is_found() -> None:
    """Numbers have no hole."""
    entries = chain(4)
    del entries[2]
    assert broken_link(entries) == "entry 4 stands where 3 should"


def test_an_entry_made_again_does_not_fit_the_next() -> None:
    """Who can make digests must make all that follow."""
    entries = chain(4)
    entries[1] = next_entry(entries[0], user="bob", action="x", scope="floor", result="ok", detail={})
    assert broken_link(entries) == "entry 3 does not follow the one before it"
