"""Events: their one subject, their bytes, and what evolution may and may not do."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from nacl.signing import SigningKey

from schemas.clearance import sign, verify
from schemas.codec import TYPES, CodecError, decode, decode_as, encode
from schemas.market import SymbolSpec, Tick
from schemas.order import OrderIntent, OrderTerms, OrderUpdate
from schemas.registry import SUBJECTS, subject_of, wildcard

SAMPLES = (Path(__file__).parent / "vectors" / "events-v1.jsonl").read_bytes().splitlines()


def _terms(**changes: object) -> OrderTerms:
    intent = next(event for line in SAMPLES if isinstance(event := decode(line), OrderIntent))
    return msgspec.structs.replace(intent.terms, **changes)


def test_there_is_a_stored_sample_of_every_type() -> None:
    """A new type must bring its sample, so that its later evolution is tested."""
    assert {type(decode(line)) for line in SAMPLES} == set(TYPES)


@pytest.mark.parametrize("line", SAMPLES, ids=lambda line: msgspec.json.decode(line)["type"])
def test_a_stored_sample_reads_as_it_was_written(line: bytes) -> None:
    """Old bytes decode, keep every value, and new fields come behind the old ones with defaults."""
    old = msgspec.json.decode(line)
    new = msgspec.json.decode(encode(decode(line)))
    assert [key for key in new if key in old] == list(old)
    assert {key: new[key] for key in old} == old


@pytest.mark.parametrize("line", SAMPLES, ids=lambda line: msgspec.json.decode(line)["type"])
def test_fields_of_a_later_version_are_ignored(line: bytes) -> None:
    """A newer sender appends fields; an older reader goes on."""
    document = msgspec.json.decode(line)
    assert decode(msgspec.json.encode({**document, "appended_later": [1, {"a": None}]})) == decode(line)


def test_every_type_with_a_subject_has_its_own() -> None:
    """One map, and no two types on the same subject."""
    assert len(set(SUBJECTS.values())) == len(SUBJECTS)
    tags = [kind.__struct_config__.tag for kind in TYPES]
    assert len(set(tags)) == len(tags)


def test_a_subject_escapes_what_a_token_may_not_hold() -> None:
    """A broker's symbol with a dot stays one token."""
    spec = next(event for line in SAMPLES if isinstance(event := decode(line), SymbolSpec))
    assert spec.symbol == "EURUSD.r"
    assert subject_of(spec) == "md.spec.paper.EURUSD=2Er"


def test_nested_fields_reach_the_subject() -> None:
    """An intent's account and session come from its terms."""
    assert subject_of(OrderIntent(terms=_terms(account="a.b", session="s"))) == "order.intent.a=2Eb.s"


def test_a_wildcard_fixes_the_named_tokens_only() -> None:
    """Everything else is a star; a field that is not in the subject is refused."""
    assert wildcard(OrderUpdate, session="a") == "order.update.*.a.*"
    assert wildcard(Tick) == "md.tick.*.*"
    with pytest.raises(ValueError, match="no field volume"):
        wildcard(Tick, volume="1")


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", "not an event"), (b"{}", "type"), (b'{"type":"nonsense"}', "nonsense"), (b"\xff\xfe", "not an event")],
)
def test_bytes_that_are_no_event_say_why(data: bytes, expected: str) -> None:
    """One error type, with the reason."""
    with pytest.raises(CodecError, match=expected):
        decode(data)


def test_a_typed_decoder_refuses_another_type() -> None:
    """A tick where an order is expected is an error, not an order."""
    tick = next(line for line in SAMPLES if b'"type":"tick"' in line)
    with pytest.raises(CodecError, match="OrderIntent"):
        decode_as(OrderIntent, tick)


def test_events_cannot_be_changed() -> None:
    """Frozen: what was sent is what was meant."""
    event = decode(SAMPLES[1])
    with pytest.raises(AttributeError):
        event.time = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        {"volume": 0.02},
        {"id": "other"},
        {"account": "live"},
        {"side": "sell"},
        {"price": 1.0},
        {"expires_at": 1},
        {"symbol": "GBPUSD"},
        {"position": 5},
    ],
)
def test_a_signature_holds_for_exactly_the_signed_terms(change: dict[str, object]) -> None:
    """One changed field, the class or the epoch, and the clearance is void."""
    key = SigningKey(b"\x01" * 32)
    public = bytes(key.verify_key).hex()
    signature = sign(key, _terms(), "open", 5)
    assert verify(public, signature, _terms(), "open", 5)
    assert not verify(public, signature, _terms(**change), "open", 5)
    assert not verify(public, signature, _terms(), "close", 5)
    assert not verify(public, signature, _terms(), "open", 6)


@pytest.mark.parametrize("signature", ["", "zz", "00" * 64, "00"])
def test_a_signature_that_is_none_is_refused_quietly(signature: str) -> None:
    """Garbage is a refusal, never an exception."""
    key = SigningKey(b"\x01" * 32)
    assert not verify(bytes(key.verify_key).hex(), signature, _terms(), "open", 5)
