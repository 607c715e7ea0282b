"""`pitwire keys` and the floor that uses them, as people type it: files, modes, refusals, and a life on that server."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest
from commandline import COMMAND, environment, pitwire, running_below, status_of
from externalserver import ExternalNats
from servers import free_port
from terminal import Terminal

from actors.floor_plan import places
from schemas.settings import parse

CONFIG = (
    '[bus]\nurl = "nats://127.0.0.1:{port}"\nkeys = "keys.json"\n[feed]\nsymbols = ["EURUSD"]\n[[session]]\nid = "s"\n'
)
NAMES = {"supervisor", "bootstrap", "bootstrap-floor", "observer", "owner"} | {
    place.name for place in places(parse(CONFIG.format(port=1)))
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One with settings for a server at an address where nobody is."""
    (tmp_path / "pitwire.toml").write_text(CONFIG.format(port=free_port()), encoding="utf-8")
    return tmp_path


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One line on stderr with these words, and this exit code."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def test_the_secrets_are_the_owners_and_the_rest_is_public(folder: Path) -> None:
    """Every place and role of the configuration has a key; no secret is in what the server gets, or printed."""
    done = pitwire("keys", "keys.json", "--identities", "identities.conf", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE((folder / "keys.json").stat().st_mode) == 0o600
    held = json.loads((folder / "keys.json").read_bytes())
    assert set(held["identities"]) == NAMES
    assert held["identities"]["session-s"]["role"] == "session"
    assert held["identities"]["owner"]["role"] == "admin"
    assert held["identities"]["session-s"]["account"] == "paper"
    include = (folder / "identities.conf").read_text(encoding="utf-8")
    assert include.count("nkey: U") == len(NAMES)
    for secret in [held["signing_seed"], *(key["seed"] for key in held["identities"].values())]:
        assert secret not in include + done.stdout


def test_without_a_file_the_identities_are_printed(folder: Path) -> None:
    """And nothing else, for a pipe."""
    done = pitwire("keys", "keys.json", cwd=folder)
    assert done.returncode == 0
    assert done.stdout.startswith("# Generated")
    assert "people_users: [" in done.stdout


@pytest.mark.parametrize("there", ["keys.json", "identities.conf"])
def test_nothing_is_replaced_unless_that_is_wanted(folder: Path, there: str) -> None:
    """Keys that are in use would be lost; --force says that they may be."""
    (folder / there).write_text("mine", encoding="utf-8")
    keys = ("keys", "keys.json", "--identities", "identities.conf")
    refused(pitwire(*keys, cwd=folder), 5, there, "--force")
    assert (folder / there).read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in folder.iterdir()) == sorted([there, "pitwire.toml"])
    assert pitwire(*keys, "--force", cwd=folder).returncode == 0
    assert (folder / there).read_text(encoding="utf-8") != "mine"
    assert stat.S_IMODE((folder / "keys.json").stat().st_mode) == 0o600


def test_places_that_cannot_be_written_to_are_named(folder: Path) -> None:
    """And no keys stay behind that no server will ever know."""
    refused(pitwire("keys", "gone/keys.json", cwd=folder), 6, "gone/keys.json", "No such file")
    refused(pitwire("keys", "keys.json", "--identities", "gone/i.conf", cwd=folder), 6, "gone/i.conf", "No such file")
    assert not (folder / "keys.json").exists()


def test_keys_that_do_not_fit_are_refused_before_anything_starts(folder: Path) -> None:
    """Missing, readable by others, damaged, of another configuration: what, where, and the command that helps."""
    up = ("up", "--home", "home")
    refused(pitwire(*up, cwd=folder), 5, "keys.json: No such file", "`pitwire keys")
    assert pitwire("keys", "keys.json", cwd=folder).returncode == 0
    keys = folder / "keys.json"
    for mode in (0o640, 0o604):
        keys.chmod(mode)
        refused(pitwire(*up, cwd=folder), 5, f"keys.json: others may use it (mode {mode:o})", "chmod 600")
    keys.chmod(0o600)
    held = json.loads(keys.read_bytes())
    for name in ("guard", "session-s", "owner"):
        lacking = {**held, "identities": {key: value for key, value in held["identities"].items() if key != name}}
        keys.write_text(json.dumps(lacking), encoding="utf-8")
        refused(pitwire(*up, cwd=folder), 5, f"keys.json: no identity '{name}'", "`pitwire keys", "--force")
    moved = {**held["identities"]["session-s"], "account": "other"}
    other = {**held, "identities": {**held["identities"], "session-s": moved}}
    keys.write_text(json.dumps(other), encoding="utf-8")
    refused(pitwire(*up, cwd=folder), 5, "'session-s' is that of", "other", "`pitwire keys")
    seed = held["identities"]["feed"]["seed"]
    for damaged in (keys.read_text(encoding="utf-8")[:-9], json.dumps(held).replace(seed, seed[:-4]), '{"version": 2}'):
        keys.write_text(damaged, encoding="utf-8")
        done = pitwire(*up, cwd=folder)
        refused(done, 5, "keys.json", "`pitwire keys`")
        assert seed[:-4] not in done.stderr
    assert not (folder / "home").exists()


def test_a_floor_lives_on_that_server_and_leaves_it_running(folder: Path) -> None:
    """No server: exit code 6 and nothing is left. With one: doctor, up, status and down, and no server of its own."""
    home = folder / "home"
    identities = folder / "identities.conf"
    assert pitwire("keys", "keys.json", "--identities", identities, cwd=folder).returncode == 0
    with subprocess.Popen(
        [*COMMAND, "doctor", "--home", home, "--json"], cwd=folder, env=environment(), stdout=subprocess.PIPE
    ) as doctor:
        refused(pitwire("up", "--home", home, cwd=folder), 6, "bus.url", "no NATS server at 127.0.0.1", "within 5 s")
        checks = json.loads(doctor.communicate()[0])["checks"]
    assert [check["name"] for check in checks if not check["ok"]][:1] == ["nats-server"]
    assert running_below(home) == []
    server = ExternalNats(folder / "server", identities.read_text(encoding="utf-8"))
    (folder / "pitwire.toml").write_text(CONFIG.format(port=server.port), encoding="utf-8")
    server.start()
    try:
        looked = pitwire("doctor", "--home", home, "--json", cwd=folder)
        assert looked.returncode == 0, looked.stdout
        (check,) = [check for check in json.loads(looked.stdout)["checks"] if check["name"] == "nats-server"]
        assert "external, 2." in check["text"]
        assert "not known" in check["text"]
        done = pitwire("up", "--home", home, cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
        assert server.url in done.stdout
        shown = pitwire("status", "--home", home, cwd=folder)
        assert shown.returncode == 0, shown.stdout
        assert "sync_always not known" in shown.stdout
        status = status_of(home)
        assert (status["url"], status["port"], status["actors"][0]["pid"]) == (server.url, server.port, 0)
        assert not (home / "nats").exists()
        assert not (home / "users").exists()
        screen = Terminal("attach", "--home", home, cwd=folder)
        try:
            screen.until(r"(?s) live .*EURUSD +\d\.\d{5}")
            screen.type("q")
            assert screen.end() == 0
        finally:
            screen.close()
        assert pitwire("down", "--home", home, cwd=folder).returncode == 0
        assert running_below(home) == []
        assert pitwire("doctor", "--home", home, cwd=folder).returncode == 0
    finally:
        pitwire("down", "--home", home, cwd=folder)
        server.stop()
