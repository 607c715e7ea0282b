"""The bus log: written by a recording subscriber, asked by verification."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.buslog import BusLog, BusRecorder
from bus.eventlog import LogReadError, LogWriter
from bus.interface import Incoming
from schemas.codec import encode
from schemas.market import Tick

_SUBJECT = "md.tick.paper.EURUSD"


def _tick(sequence: int, bid: float = 1.1) -> bytes:
    tick = Tick(incarnation=2, sequence=sequence, venue="paper", symbol="EURUSD", at=sequence, bid=bid, ask=bid)
    return encode(tick)


def _recorded(path: Path, *messages: Incoming) -> BusLog:
    recorder = BusRecorder(path, ["md.>", "order.*.paper.>"], 1)
    for number, message in enumerate(messages):
        recorder.record(message, 100 + number)
    recorder.close()
    return BusLog(path)


def test_messages_are_found_by_identity_and_by_their_bytes(tmp_path: Path) -> None:
    """A tick is found by subject, incarnation and sequence; a payload is held if exactly these bytes went over it."""
    log = _recorded(tmp_path / "bus.jsonl", *[Incoming(_SUBJECT, _tick(n)) for n in (1, 2, 3)])
    assert log.find(_SUBJECT, 2, 3) == _tick(3)
    assert log.find(_SUBJECT, 2, 4) is None
    assert log.find(_SUBJECT, 1, 3) is None
    assert log.holds(_SUBJECT, _tick(2))
    assert not log.holds(_SUBJECT, _tick(2, 1.2))
    assert not log.holds("md.tick.paper.GBPUSD", _tick(2))
    assert (log.messages, log.closed, log.losses) == (3, True, 0)
    log.close()


def test_the_header_says_which_subjects_the_log_speaks_of(tmp_path: Path) -> None:
    """About a subject that was not recorded the log says nothing."""
    log = _recorded(tmp_path / "bus.jsonl")
    assert log.covers("md.tick.paper.EURUSD")
    assert log.covers("order.update.paper.s.1")
    assert not log.covers("order.update.live.s.1")
    assert not log.covers("health.beat.feed")
    log.close()


def test_whatever_people_send_is_recorded(tmp_path: Path) -> None:
    """Payloads that are no events, or no JSON, neither stop the recorder nor break the log."""
    odd = [b"", b"\n", b"hello", b'{"type":\n"tick"}', b"\xff\x00"]
    log = _recorded(tmp_path / "bus.jsonl", *[Incoming("md.odd", data, reply="_INBOX.1") for data in odd])
    assert all(log.holds("md.odd", data) for data in odd)
    assert log.messages == len(odd)
    log.close()


def test_a_lost_link_is_part_of_the_log(tmp_path: Path) -> None:
    """The recorder's own losses are counted: what is missing may have been sent meanwhile."""
    recorder = BusRecorder(tmp_path / "bus.jsonl", [">"], 1)
    recorder.link(up=False, wall_us=2)
    recorder.link(up=True, wall_us=3)
    recorder.close()
    log = BusLog(tmp_path / "bus.jsonl")
    assert (log.losses, log.messages) == (1, 0)
    log.close()


def test_another_kind_of_log_is_refused(tmp_path: Path) -> None:
    """A file that is not a bus log of this version is named, with what was expected."""
    path = tmp_path / "bus.jsonl"
    writer = LogWriter(path)
    writer.append(b'{"log":"inbox","version":1')
    writer.close()
    with pytest.raises(LogReadError, match=r"bus\.jsonl:1: expected a bus log of version 1, found 'inbox'"):
        BusLog(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """A log without its first line says nothing."""
    path = tmp_path / "bus.jsonl"
    path.touch()
    with pytest.raises(LogReadError, match="no header"):
        BusLog(path)
