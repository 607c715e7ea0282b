"""An inbox log that may not grow any more: it ends with its reason, its actor goes on, and verify follows as far."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import msgspec
import pytest
from nacl.signing import SigningKey
from scene import Config, Counter, State, roles, tick

from actors.actor import Actor, Subscribe
from actors.database import SyncDatabase
from actors.floor_keys import FloorKeys
from actors.floor_plan import Place, places
from actors.inboxlog import InboxLog
from actors.local_floor import LocalFloor
from actors.outfit import Outfit
from actors.runtime import Runtime
from actors.verify import verify_record
from bus.eventlog import LogReader
from bus.interface import Incoming
from bus.localbus import LocalBus, drive
from schemas.codec import decode, encode
from schemas.health import Alert
from schemas.registry import subject_of
from schemas.settings import FeedSettings, SessionSettings, Settings, StoreSettings
from tui.commands.verify import feed_ticks

_MIB = 2**20


class _Listening(Counter):
    def subscriptions(self) -> tuple[Subscribe, ...]:
        return (Subscribe("md.tick.>"),)


class _Desk:
    """A counter with a log of at most `limit_bytes`."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        (folder / "inbox").mkdir()
        self.path = folder / "inbox" / "counter-7.jsonl"
        config, state = Config(limit=100), State()
        self.log = InboxLog(self.path, "counter", "counter", 7, config, state, limit_bytes=limit_bytes)
        self.actor = _Listening("counter", 7, config, state)
        self.bus, self.fatal, self.alerts = LocalBus(), list[str](), list[Alert]()
        self.bus.subscribe("alert.>", self._heard)
        self.runtime = Runtime(self.actor, self.bus, self.bus, inbox=self.log, fatal=self.fatal.append)

    def _heard(self, incoming: Incoming) -> None:
        event = decode(incoming.data)
        assert isinstance(event, Alert)
        self.alerts.append(event)

    def run(self, ticks: int) -> None:
        drive(self.runtime.start(()))
        for number in range(1, ticks + 1):
            self.say(number)

    def say(self, number: int) -> None:
        self.bus.publish(subject_of(tick(number)), encode(tick(number)))
        self.bus.run()


def test_a_log_at_its_limit_is_closed_and_the_actor_goes_on(tmp_path: Path) -> None:
    """Every message is handled; the log ends between two of them, its last line says why, and one alert does."""
    desk = _Desk(tmp_path, 4_000)
    desk.run(50)
    desk.runtime.stop()
    assert (desk.actor.state.ticks, desk.fatal) == (50, [])
    told = [alert for alert in desk.alerts if alert.code == "inbox_log_ended"]
    assert [alert.text for alert in told] == [
        "the inbox log has reached its limit of 4,000 bytes and is closed; what follows cannot be verified"
    ]
    assert 4_000 <= desk.path.stat().st_size < 5_000
    reader = LogReader(desk.path)
    lines = list(reader)
    assert (reader.closed, reader.why) == (True, "it has reached its limit of 4000 bytes")
    assert b'"out":' in lines[-1].data


def test_a_log_without_a_limit_never_ends_early(tmp_path: Path) -> None:
    """0 is none: a record is whole."""
    desk = _Desk(tmp_path, 0)
    desk.run(50)
    desk.runtime.stop()
    reader = LogReader(desk.path)
    list(reader)
    assert (reader.closed, reader.why) == (True, "")
    assert [alert for alert in desk.alerts if alert.code == "inbox_log_ended"] == []


def test_a_log_that_cannot_even_be_closed_ends_the_actor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is a full disk: the message that found the log full is not handled."""
    desk = _Desk(tmp_path, 4_000)
    write = os.write

    def full(fd: int, data: bytes) -> int:
        if b'{"end":true' in data:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(os, "write", full)
    desk.run(50)
    assert 0 < desk.actor.state.ticks < 50
    assert [alert for alert in desk.alerts if alert.code == "inbox_log_ended"] == []
    assert desk.fatal == [f"the inbox log: {desk.path}: the disk is full"]


def test_verify_takes_a_log_that_was_ended_as_far_as_it_goes(tmp_path: Path) -> None:
    """It is identical up to there, and the finding says that it ends before its actor did; a change is still found."""
    desk = _Desk(tmp_path, 4_000)
    desk.run(50)
    ticks = {(subject_of(tick(number)), 1, number): encode(tick(number)) for number in range(1, 51)}
    (finding,) = verify_record(tmp_path, roles=roles(), ticks=lambda *key: ticks.get(key))
    assert finding.ok
    assert finding.text.endswith("; the log ends before the actor did: it has reached its limit of 4000 bytes")
    assert 5 < finding.messages < 50
    data = desk.path.read_bytes()
    desk.path.write_bytes(data.replace(b'"text":"3 1.1"', b'"text":"3 1.2"'))
    (finding,) = verify_record(tmp_path, roles=roles(), ticks=lambda *key: ticks.get(key))
    assert not finding.ok


class _BoundedFloor(LocalFloor):
    """The in-process floor with inbox logs in `home`, of which the feed's may become `feed_bytes` long."""

    def __init__(self, settings: Settings, home: Path, feed_bytes: int) -> None:
        self._home, self._feed_bytes = home, feed_bytes
        (home / "inbox").mkdir(parents=True)
        super().__init__(settings)

    def _add(self, actor: Actor, database: sqlite3.Connection | None = None, key: SigningKey | None = None) -> None:
        self.actors[actor.name] = actor
        path = self._home / "inbox" / f"{actor.name}-{actor.incarnation}.jsonl"
        made_from: tuple[msgspec.Struct, msgspec.Struct] = (vars(actor)["config"], vars(actor)["state"])
        limit = self._feed_bytes if actor.role == "feed" else 0
        inbox = InboxLog(path, actor.role, actor.name, actor.incarnation, *made_from, limit_bytes=limit)
        runner = SyncDatabase(database, self.bus.soon) if database is not None else None
        bus, fatal = self.bus, self._failed.append
        self._runtimes.append(Runtime(actor, bus, bus, inbox=inbox, database=runner, signing_key=key, fatal=fatal))


def _ran(home: Path, feed_bytes: int) -> None:
    """Two minutes of a floor, with orders."""
    _BoundedFloor(
        Settings(
            feed=FeedSettings(speed=0, seconds=120, symbols=("EURUSD",), seed=3),
            session=(SessionSettings(id="a", params={"fast": 2, "slow": 5}),),
        ),
        home,
        feed_bytes,
    ).run()


def test_without_the_feeds_log_nothing_that_follows_its_ticks_is_called_wrong(tmp_path: Path) -> None:
    """The oldest logs of ended processes go for want of room, a feed's perhaps while others run on."""
    _ran(tmp_path, 0)
    assert {finding.ok for finding in verify_record(tmp_path, ticks=feed_ticks(tmp_path))} == {True}
    (tmp_path / "inbox" / "feed-1.jsonl").unlink()
    findings = {finding.actor: finding for finding in verify_record(tmp_path, ticks=feed_ticks(tmp_path))}
    assert all(finding.ok for finding in findings.values()), findings
    assert findings["guard-3"].text.endswith("feed-1.jsonl, with its ticks, is not there any more")


def test_ticks_that_came_after_the_end_of_the_feeds_log_end_every_verification(tmp_path: Path) -> None:
    """A home has its ticks from the feed's log: nobody's log is called wrong because that one is shorter."""
    _ran(tmp_path, 60_000)
    findings = {finding.actor: finding for finding in verify_record(tmp_path, ticks=feed_ticks(tmp_path))}
    assert all(finding.ok for finding in findings.values()), findings
    assert "reached its limit" in findings["feed-1"].text
    guard = findings["guard-3"]
    assert "only up to message" in guard.text
    assert "came after the end of feed-1.jsonl" in guard.text
    assert 20 < guard.messages < len((tmp_path / "inbox" / "guard-3.jsonl").read_bytes().splitlines())
    path = tmp_path / "inbox" / "guard-3.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-3], lines[-3].replace(b":", b";", 1), *lines[-2:]]))
    changed = {finding.actor: finding for finding in verify_record(tmp_path, ticks=feed_ticks(tmp_path))}
    assert (changed["guard-3"].ok, changed["guard-3"].line) == (False, len(lines) - 2)


def _outfit(tmp_path: Path, inbox_dir: Path | None = None) -> tuple[Outfit, list[Place]]:
    settings = Settings(store=StoreSettings(log_mb=64), session=(SessionSettings(id="a"), SessionSettings(id="b")))
    outfit = Outfit(tmp_path, settings, FloorKeys.of(settings), inbox_dir)
    return outfit, list(places(settings))


def test_the_logs_of_a_floor_together_stay_within_its_budget(tmp_path: Path) -> None:
    """The feed's may take half, the others the same each; what is left over holds what a last message takes more."""
    outfit, floor = _outfit(tmp_path)
    made = {place.name: outfit.handover(place, 1) for place in floor}
    watch = made.pop("watch")
    assert (watch.inbox_dir, watch.inbox_bytes) == ("", 0)
    assert {one.inbox_dir for one in made.values()} == {str(tmp_path / "inbox")}
    shares = {name: one.inbox_bytes for name, one in made.items()}
    assert 60 * _MIB - len(shares) < sum(shares.values()) <= 60 * _MIB
    feed = shares.pop("feed")
    assert feed == 30 * _MIB
    assert len(set(shares.values())) == 1


def test_a_record_is_written_whole(tmp_path: Path) -> None:
    """In a folder of its own everybody's log is as long as it will be, the watch's too."""
    outfit, floor = _outfit(tmp_path, tmp_path / "record")
    assert {outfit.handover(place, 1).inbox_bytes for place in floor} == {0}
    assert {outfit.handover(place, 1).inbox_dir for place in floor} == {str(tmp_path / "record")}
