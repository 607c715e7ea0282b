"""The inbox log: what is in it, when, and in which form."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.actor import Actor, Subscribe
from actors.cell import Outgoing
from actors.effects import (
    Acknowledge,
    Answer,
    CancelTimer,
    Effect,
    EventIn,
    Failed,
    LinkChanged,
    Publish,
    PublishStored,
    ReplyIn,
    Request,
    SetTimer,
    Store,
    StoredIn,
    TimerIn,
)
from actors.inboxlog import InboxLog, read_inbox
from actors.runtime import Runtime
from bus.eventlog import LogReadError, LogWriteError, LogWriter
from bus.localbus import LocalBus, drive
from schemas.base import Event
from schemas.codec import encode
from schemas.health import Alert
from schemas.market import Tick

_NOW = 1_577_916_000_000_000
_TICK = Tick(incarnation=2, sequence=5, venue="paper", symbol="EURUSD", at=_NOW, bid=1.1, ask=1.2, number=5)
_ALERT = Alert(source="guard", incarnation=1, sequence=1, severity="info", code="test", text="ä", actor="guard")
_SUBJECT = "alert.info.guard"


class _Config(msgspec.Struct, frozen=True):
    limit: float = 0.5


class _State(msgspec.Struct):
    seen: dict[int, str]


def _log(path: Path, state: _State | None = None) -> InboxLog:
    return InboxLog(path, "guard", "guard", 3, _Config(), state)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def test_it_begins_with_what_the_actor_was_made_from(tmp_path: Path) -> None:
    """The header has role, name, incarnation, configuration and the recovered state, or null for none."""
    path = tmp_path / "guard-3.jsonl"
    _log(path, _State({7: "x"})).close()
    header = _lines(path)[0]
    assert {key: value for key, value in header.items() if key != "sum"} == {
        "log": "inbox",
        "version": 1,
        "role": "guard",
        "name": "guard",
        "incarnation": 3,
        "config": {"limit": 0.5},
        "state": {"seen": {"7": "x"}},
    }
    other = tmp_path / "guard-4.jsonl"
    _log(other).close()
    assert _lines(other)[0]["state"] is None


def test_a_message_is_on_disk_before_its_handler_runs_and_its_effects_come_with_the_next(tmp_path: Path) -> None:
    """`taken` writes at once; effects wait for the next message, so that a message costs one write."""
    path = tmp_path / "guard-3.jsonl"
    log = _log(path)
    log.taken("start", b"", _NOW)
    log.effects([Outgoing(SetTimer("t", _NOW + 1))])
    assert [line.get("in") for line in _lines(path)[1:]] == [{"m": "start"}]
    log.taken(TimerIn("t"), b"", _NOW + 1)
    assert [line.get("n") for line in _lines(path)[1:]] == [1, 1, 2]
    log.close()


def test_a_tick_is_kept_by_reference_and_every_other_event_as_it_came(tmp_path: Path) -> None:
    """A tick is its subject and identity; one that has none, and all else, is there with its very bytes."""
    path = tmp_path / "guard-3.jsonl"
    log = _log(path)
    foreign = msgspec.structs.replace(_TICK, sequence=0)
    spaced = b'{"type": "alert", "severity":"info","code":"a","text":"b","actor":"c"}'
    pretty = spaced.replace(b", ", b",\n ")
    for subject, event, data in [
        ("md.tick.paper.EURUSD", _TICK, encode(_TICK)),
        ("md.tick.paper.EURUSD", foreign, encode(foreign)),
        (_SUBJECT, _ALERT, spaced),
        (_SUBJECT, _ALERT, pretty),
        (_SUBJECT, _ALERT, b""),
    ]:
        log.taken(EventIn(subject, event), data, _NOW)
    log.close()
    taken = [line["in"] for line in _lines(path)[1:-1]]
    assert taken[0] == {"m": "event", "tick": "md.tick.paper.EURUSD", "id": [2, 5]}
    assert taken[1]["data"]["symbol"] == "EURUSD"
    assert spaced in path.read_bytes()
    assert "base64" in taken[3]
    assert encode(_ALERT) in path.read_bytes()


def test_every_message_and_every_effect_has_a_line(tmp_path: Path) -> None:
    """All kinds are written and read back, with what a person needs to see in the file itself."""
    path = tmp_path / "guard-3.jsonl"
    log = _log(path)
    data = encode(_ALERT)
    log.taken("start", b"", _NOW)
    log.taken(EventIn(_SUBJECT, _ALERT, "_INBOX.1", "FLOW", 9), data, _NOW)
    log.taken(StoredIn("k", 4, "full"), b"", _NOW)
    log.taken(ReplyIn("k", _ALERT), data, _NOW)
    log.taken(ReplyIn("k", error="timeout"), b"", _NOW)
    log.taken(TimerIn("k"), b"", _NOW)
    log.taken(LinkChanged(up=False), b"", _NOW)
    log.taken(Failed(EventIn("md.tick.paper.EURUSD", _TICK), "broken"), b"another message's", _NOW)
    log.taken(Failed(ReplyIn("k", _ALERT), "broken"), b"another message's", _NOW)
    log.taken("stop", b"", _NOW)
    log.effects(
        [
            Outgoing(Publish(_ALERT, sign=True), _SUBJECT, data),
            Outgoing(PublishStored(_ALERT, "k", "id/1", first=True), _SUBJECT, data),
            Outgoing(Request(_ALERT, "k", 2_000_000), _SUBJECT, data),
            Outgoing(Answer(_ALERT, "_INBOX.1"), "_INBOX.1", data),
            Outgoing(SetTimer("k", _NOW)),
            Outgoing(CancelTimer("k")),
            Outgoing(Store((("INSERT INTO t VALUES (?, ?, ?)", (1, None, b"\xff")),))),
            Outgoing(Acknowledge("ORDERS", 7)),
        ]
    )
    log.raised("ValueError: x")
    log.close()
    lines = _lines(path)
    event = msgspec.json.decode(data)
    assert [line["in"] for line in lines[1:11]] == [
        {"m": "start"},
        {
            "m": "event",
            "subject": _SUBJECT,
            "reply": "_INBOX.1",
            "stream": "FLOW",
            "stream_seq": 9,
            "data": event,
        },
        {"m": "stored", "key": "k", "seq": 4, "error": "full"},
        {"m": "reply", "key": "k", "data": event},
        {"m": "reply", "key": "k", "error": "timeout"},
        {"m": "timer", "key": "k"},
        {"m": "link", "up": False},
        {"m": "failed", "error": "broken", "message": {"m": "event", "tick": "md.tick.paper.EURUSD", "id": [2, 5]}},
        {"m": "failed", "error": "broken", "message": {"m": "reply", "key": "k", "data": event}},
        {"m": "stop"},
    ]
    assert lines[11]["n"] == 10
    assert lines[11]["out"] == [
        {"k": "publish", "subject": _SUBJECT, "sign": True, "data": event},
        {"k": "publish_stored", "subject": _SUBJECT, "key": "k", "msg_id": "id/1", "first": True, "data": event},
        {"k": "request", "subject": _SUBJECT, "key": "k", "timeout_us": 2_000_000, "data": event},
        {"k": "answer", "reply": "_INBOX.1", "data": event},
        {"k": "set_timer", "key": "k", "at": _NOW},
        {"k": "cancel_timer", "key": "k"},
        {"k": "store", "statements": [["INSERT INTO t VALUES (?, ?, ?)", [1, None, {"base64": "/w=="}]]]},
        {"k": "acknowledge", "stream": "ORDERS", "seq": 7},
    ]
    assert lines[12]["raised"] == "ValueError: x"
    _, reader, read = read_inbox(path)
    assert [line.n for _, line in read] == [*range(1, 11), 10, 10]
    assert reader.closed


def test_a_killed_process_leaves_every_message_it_took(tmp_path: Path) -> None:
    """After SIGKILL inside a handler the log has that message as its last whole line and no closing line."""
    path = tmp_path / "guard-3.jsonl"
    program = (
        "import os, signal, sys, msgspec\n"
        "from pathlib import Path\n"
        "from actors.effects import TimerIn\n"
        "from actors.inboxlog import InboxLog\n"
        "class Config(msgspec.Struct): ...\n"
        "log = InboxLog(Path(sys.argv[1]), 'guard', 'guard', 3, Config(), None)\n"
        "for n in range(100): log.taken(TimerIn('k'), b'', n)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, path], check=False, timeout=30)
    assert ended.returncode == -signal.SIGKILL
    _, reader, lines = read_inbox(path)
    assert [line.now for _, line in lines] == list(range(100))
    assert (reader.closed, reader.torn) == (False, 0)


def test_a_log_of_the_same_incarnation_is_not_overwritten(tmp_path: Path) -> None:
    """An incarnation is used once; a second log for it is an error, not a loss."""
    _log(tmp_path / "guard-3.jsonl").close()
    with pytest.raises(LogWriteError, match="exists already"):
        _log(tmp_path / "guard-3.jsonl")


def test_an_actor_whose_log_cannot_be_written_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk a message is neither handled without a trace nor dropped in silence: the process is to end."""
    bus, failed, heard = LocalBus(), list[str](), list[Event]()

    class Listener(Actor):
        role = "listener"

        def subscriptions(self) -> Sequence[Subscribe]:
            return [Subscribe("alert.>")]

        def on_event(self, message: EventIn, now: int) -> Sequence[Effect]:
            heard.append(message.event)
            return []

    log = _log(tmp_path / "guard-3.jsonl")
    runtime = Runtime(Listener("guard", 3), bus, bus, inbox=log, fatal=failed.append)
    drive(runtime.start())
    bus.run()

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        bus.publish(_SUBJECT, encode(_ALERT))
        bus.run()
    assert heard == []
    assert failed == [f"the inbox log: {tmp_path / 'guard-3.jsonl'}: the disk is full"]


@pytest.mark.parametrize(
    ("bodies", "what"),
    [
        ([], "no header"),
        ([b'{"log":"bus","version":1'], "the header does not parse"),
        (
            [b'{"log":"inbox","version":2,"role":"r","name":"n","incarnation":1,"config":{},"state":null'],
            "expected an inbox log of version 1, found 'inbox' of version 2",
        ),
    ],
)
def test_another_file_is_refused(tmp_path: Path, bodies: list[bytes], what: str) -> None:
    """What is not an inbox log of this version is refused with file, line and reason."""
    path = tmp_path / "x.jsonl"
    writer = LogWriter(path)
    for body in bodies:
        writer.append(body)
    writer.flush()
    with pytest.raises(LogReadError, match=f"x.jsonl:1: {what}"):
        read_inbox(path)


def test_a_line_of_another_kind_is_named(tmp_path: Path) -> None:
    """A line that no inbox log has is an error with its number, even with a good checksum."""
    path = tmp_path / "x.jsonl"
    writer = LogWriter(path)
    writer.append(b'{"log":"inbox","version":1,"role":"r","name":"n","incarnation":1,"config":{},"state":null')
    writer.append(b'{"n":1,"now":1,"in":{"m":"telepathy"}')
    writer.close()
    _, _, lines = read_inbox(path)
    with pytest.raises(LogReadError, match=r"x\.jsonl:2: not a line of an inbox log"):
        list(lines)
