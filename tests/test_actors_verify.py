"""`pitwire verify` on a whole floor's record: identical, and every changed digit named."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from actors.actor import Actor
from actors.database import SyncDatabase
from actors.inboxlog import InboxLog
from actors.local_floor import LocalFloor
from actors.runtime import Runtime
from actors.verify import verify_record
from bus.buslog import BusRecorder
from bus.eventlog import LogReadError
from schemas.settings import FeedSettings, SessionSettings, Settings

_NOW = 1_577_916_000_000_000


class RecordedFloor(LocalFloor):
    """The in-process floor with a bus log and inbox logs in `record`."""

    def __init__(self, settings: Settings, record: Path) -> None:
        self._record = record
        (record / "inbox").mkdir(parents=True)
        super().__init__(settings)
        self.recorder = BusRecorder(record / "bus.jsonl", [">"], _NOW)
        self.bus.subscribe(">", lambda incoming: self.recorder.record(incoming, _NOW))

    def _add(self, actor: Actor, database: sqlite3.Connection | None = None, key: SigningKey | None = None) -> None:
        self.actors[actor.name] = actor
        path = self._record / "inbox" / f"{actor.name}-{actor.incarnation}.jsonl"
        config, state = vars(actor)["config"], vars(actor)["state"]
        inbox = InboxLog(path, actor.role, actor.name, actor.incarnation, config, state)
        runner = SyncDatabase(database, self.bus.soon) if database is not None else None
        self._runtimes.append(
            Runtime(
                actor,
                self.bus,
                self.bus,
                inbox=inbox,
                database=runner,
                signing_key=key,
                fatal=self._failed.append,
            )
        )


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A floor's record: two minutes of ticks, with orders."""
    folder = tmp_path_factory.mktemp("verify") / "record"
    floor = RecordedFloor(
        Settings(
            feed=FeedSettings(speed=0, seconds=120, symbols=("EURUSD",), seed=3),
            session=(SessionSettings(id="a", params={"fast": 2, "slow": 5}),),
        ),
        folder,
    )
    floor.run()
    floor.recorder.close()
    return folder


def test_every_actor_of_a_floor_is_identical(record: Path) -> None:
    """Feed, guard, router, gateway and runner give the same bytes again, with orders among them."""
    findings = {finding.actor: finding for finding in verify_record(record)}
    assert list(findings) == ["bus", "feed-1", "gateway-paper-2", "guard-3", "portfolio-5", "router-4", "session-a-6"]
    assert {finding.text.split(":")[0] for finding in findings.values()} == {"whole", "identical"}
    assert all(finding.ok for finding in findings.values())
    assert findings["router-4"].effects > 5
    assert findings["guard-3"].messages > 50


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_one_changed_digit_anywhere_in_a_copy_is_found_and_named(record: Path, seed: int) -> None:
    """Whatever file and place: some finding names that file and line."""
    copy = record.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(record, copy)
    choice = random.Random(seed)
    path = choice.choice(sorted(copy.rglob("*.jsonl")))
    data = bytearray(path.read_bytes())
    place = choice.choice([i for i, byte in enumerate(data) if 48 <= byte <= 57])
    data[place] = choice.choice([byte for byte in b"0123456789" if byte != data[place]])
    path.write_bytes(data)
    line = data.count(b"\n", 0, place) + 1
    named = [finding for finding in verify_record(copy) if not finding.ok]
    assert (str(path), line) in {(finding.file, finding.line) for finding in named}
    assert f"{path}:{line}: " in "".join(str(finding) for finding in named)


@settings(max_examples=6)
@given(seed=st.integers(0, 2**32))
def test_a_killed_actors_log_is_identical_up_to_where_it_ends(record: Path, seed: int) -> None:
    """Cut at any byte behind the header it is still identical, and the finding says that it was not closed."""
    copy = record.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(record, copy)
    choice = random.Random(seed)
    path = choice.choice(sorted((copy / "inbox").glob("*.jsonl")))
    data = path.read_bytes()
    path.write_bytes(data[: choice.randrange(data.index(b"\n") + 1, len(data))])
    findings = {finding.file: finding for finding in verify_record(copy)}
    assert all(finding.ok for finding in findings.values()), [str(one) for one in findings.values() if not one.ok]
    assert "no closing line after message" in findings[str(path)].text


def test_a_folder_without_logs_is_a_clear_error(tmp_path: Path) -> None:
    """Nothing to verify is not success."""
    with pytest.raises(LogReadError, match=r"no record; expected bus\.jsonl and inbox"):
        verify_record(tmp_path)
