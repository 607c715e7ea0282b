"""`pitwire verify` as a person runs it, on the record of a floor whose strategy does what it should not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import ROOT, environment, pitwire
from test_actors_verify import RecordedFloor

from schemas.settings import FeedSettings, SessionSettings, Settings


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A strategy that prints escape sequences and raises lone surrogates."""
    folder = tmp_path_factory.mktemp("faulty") / "record"
    floor = RecordedFloor(
        Settings(
            feed=FeedSettings(speed=0, seconds=30, symbols=("EURUSD",)),
            session=(SessionSettings(id="a", strategy="faulty_strategy:Faulty", params={"after": 10}),),
        ),
        folder,
    )
    floor.run()
    floor.recorder.close()
    return folder


def test_what_an_actor_prints_is_not_what_verify_says(record: Path, tmp_path: Path) -> None:
    """JSON is JSON, and nobody's escape sequences reach the terminal; what it raised is the same again."""
    env = environment(PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}")
    done = pitwire("verify", record, "--json", cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    body = json.loads(done.stdout)
    assert body["ok"]
    assert any(one["actor"].startswith("session-a") and one["messages"] > 40 for one in body["findings"])
    plain = pitwire("verify", record, cwd=tmp_path, env=env)
    assert plain.returncode == 0
    assert "\x1b" not in plain.stdout + plain.stderr


def test_an_actor_that_raises_only_now_is_a_finding(record: Path, tmp_path: Path) -> None:
    """Whatever the text of the error: a finding, no traceback."""
    text = (ROOT / "tests" / "faulty_strategy.py").read_text(encoding="utf-8")
    assert "if late > 0 and" in text
    (tmp_path / "faulty_strategy.py").write_text(text.replace("if late > 0 and", "if late > -5 and"), encoding="utf-8")
    done = pitwire("verify", record, cwd=tmp_path, env=environment(PYTHONPATH=f"{ROOT}:{tmp_path}"))
    assert (done.returncode, done.stderr) == (1, "")
    bad = [line for line in done.stdout.splitlines() if line.startswith("BAD")]
    assert len(bad) == 1
    assert r"raises now: RuntimeError: lone \ud800" in bad[0]
