"""The command line with everything a person can get wrong: one clear line, the right exit code, nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest
from commandline import COMMAND, ROOT, environment, pitwire, running_below, status_of
from typer.main import get_command

from actors.database import connect
from actors.floor_error import Exit
from actors.paper_book import load
from actors.paper_funding import hold
from actors.paper_venue import config_from
from schemas.settings import parse
from tui.cli import COMMANDS, command_line

GOOD_LINE = "20200101 170000065,1.121000,1.121200,0\n"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for a floor; one that still runs there afterwards is ended."""
    folder = tmp_path / "home"
    yield folder
    if folder.is_dir():
        pitwire("down", "--home", folder, cwd=tmp_path)
    assert running_below(folder) == []


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One line on stderr with these words, this exit code, and no traceback."""
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def config(tmp_path: Path, text: str) -> Path:
    """A settings file."""
    path = tmp_path / "pitwire.toml"
    path.write_text(text, encoding="utf-8")
    return path


# ---- what is wrong before anything starts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[guard]\nmax_lots = 1\n", ["guard.max_lots", "unknown key", "max_order_lots"]),
        ("[guard]\nmax_order_lots = -1\n", ["guard.max_order_lots"]),
        ("[feed]\nsymbols = ['EURUSDX']\n[[session]]\nid='s'\nsymbols=['EURUSDX']\n", ["EURUSDX"]),
        ("[[session]]\nid='s'\nsymbols=['GBPCHF']\n", ["session[0].symbols", "GBPCHF", "EURUSD"]),
        ("[[session]]\nid='s'\nstrategy='no_such'\n", ["no_such", "ema_cross"]),
        ("[[session]]\nid='s'\nparams={fast=0}\n", ["pitwire.toml: session 's': params.fast: expected `int` >= 1"]),
        ("[[account]]\nid='paper'\ncurrency='XXX'\n", ["'ema-eurusd'", "EURUSD is in USD", "XXX", "USDXXX"]),
        ("[bus]\nport = 99999\n", ["bus.port"]),
        ("not toml", ["not TOML"]),
        ("[feed]\nkind='recorded'\nfiles=[{path='gone.csv', symbol='EURUSD'}]\n", ["gone.csv"]),
    ],
)
def test_bad_settings_are_refused_by_file_and_key(tmp_path: Path, home: Path, text: str, words: list[str]) -> None:
    """What is wrong, where, and what was expected; and not even the folder is made."""
    done = pitwire("up", "--home", home, "--config", config(tmp_path, text), cwd=tmp_path)
    refused(done, 5, *words)
    assert not home.exists()


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path, home: Path) -> None:
    """A mistyped --config does not silently become the defaults."""
    refused(pitwire("up", "--home", home, "--config", "typo.toml", cwd=tmp_path), 5, "typo.toml")


def test_tick_files_are_looked_for_beside_the_settings(tmp_path: Path, home: Path) -> None:
    """A floor's folder of settings and data can be moved, and the command given anywhere."""
    (tmp_path / "conf").mkdir()
    path = config(tmp_path / "conf", "[feed]\nkind='recorded'\nfiles=[{path='t.csv', symbol='EURUSD'}]\n")
    (tmp_path / "conf" / "t.csv").write_text(GOOD_LINE * 2 + "broken\n", encoding="utf-8")
    refused(pitwire("up", "--home", home, "--config", path, cwd=tmp_path), 5, "t.csv, line 3")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (None, ["ticks.csv", "cannot be read"]),
        ("", ["ticks.csv", "no usable tick"]),
        (GOOD_LINE + "20200101 170001000,abc,1.1212,0\n", ["line 2", "abc", "a decimal number"]),
        (GOOD_LINE + "20200101 160001000,1.121000,1.121200,0\n", ["line 2", "backwards"]),
        (GOOD_LINE + "20200101 170001000,1.121000\n", ["line 2", "YYYYMMDD HHMMSSmmm,bid,ask,volume"]),
    ],
)
def test_the_demo_reads_its_file_to_the_end_before_it_starts(
    tmp_path: Path, lines: str | None, words: list[str]
) -> None:
    """File, line, and what was expected there; no floor was begun."""
    path = tmp_path / "ticks.csv"
    if lines is not None:
        path.write_text(lines, encoding="utf-8")
    done = pitwire("demo", "--ticks", path, "--keep", tmp_path / "kept", cwd=tmp_path)
    refused(done, 5, *words)
    assert not (tmp_path / "kept").exists()


def test_a_symbol_without_a_contract_is_named(tmp_path: Path) -> None:
    """Also for the demo."""
    refused(pitwire("demo", "--symbol", "NOSUCH", cwd=tmp_path), 5, "NOSUCH")


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "--speed", "fast"],
        ["demo", "--speed", "0"],
        ["demo", "--seconds", "0"],
        ["demo", "--seed", "-1"],
        ["demo", "--format", "xml"],
        ["nonsense"],
        ["up", "--no-such-option"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    """As everywhere on the command line."""
    done = pitwire(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--keep", "--record"])
def test_a_folder_that_holds_something_is_not_written_into(tmp_path: Path, option: str) -> None:
    """A record is whole or not there; nobody's files are mixed with it."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    refused(pitwire("demo", option, tmp_path / "full", cwd=tmp_path), 6, "full", "new or empty")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


# ---- the machine is in the way


@pytest.mark.parametrize("command", ["up", "demo"])
def test_without_a_nats_server_nothing_starts(tmp_path: Path, home: Path, command: str) -> None:
    """The message says where it was looked for."""
    if command == "up":
        done = pitwire(
            "up", "--home", home, "--config", config(tmp_path, "[bus]\nnats_server = '/no/nats-server'\n"), cwd=tmp_path
        )
        refused(done, 6, "/no/nats-server")
    else:
        without = tmp_path / "bin"
        without.mkdir()
        script = f"import sysconfig, sys\nsysconfig.get_path = lambda *a, **k: {str(without)!r}\n"
        (without / "sitecustomize.py").write_text(script, encoding="utf-8")
        env = environment(PATH=str(without), PYTHONPATH=f"{without}{os.pathsep}{ROOT}")
        refused(pitwire("demo", cwd=tmp_path, env=env), 6, "no nats-server", str(without))


def test_a_port_in_use_is_named_and_nothing_is_left(tmp_path: Path, home: Path) -> None:
    """The floor does not choose another one behind its user's back."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = pitwire("up", "--home", home, "--config", config(tmp_path, f"[bus]\nport = {port}\n"), cwd=tmp_path)
    refused(done, 6, str(port))
    assert running_below(home) == []


@pytest.mark.parametrize("place", ["/proc/pitwire", "file"])
@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, place: str, command: str) -> None:
    """Read-only, or no folder at all."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    folder = Path(place) if place.startswith("/") else tmp_path / place
    option = "--home" if command == "up" else "--keep"
    refused(pitwire(command, option, folder, cwd=tmp_path), 6, str(folder))


@pytest.mark.skipif(os.getuid() != 0 or not Path("/bin/mount").exists(), reason="only root can mount a small disk")
def test_a_disk_that_is_too_small_is_refused_before_it_is_full(tmp_path: Path) -> None:
    """The streams' quotas must fit: a full disk would stop the order stream in the middle of the day."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount: {mounted.stderr.decode()}")
    try:
        refused(pitwire("up", "--home", small / "home", cwd=tmp_path), 6, "MiB")
        assert running_below(small) == []
    finally:
        subprocess.run(["/bin/umount", small], check=True)


# ---- a floor's life


def test_up_status_second_up_and_down(tmp_path: Path, home: Path) -> None:
    """The whole life of a floor by its commands."""
    up = pitwire("up", "--home", home, cwd=tmp_path)
    assert up.returncode == 0, up.stderr
    assert "8 actors" in up.stdout

    status = pitwire("status", "--home", home, "--json", cwd=tmp_path)
    body = json.loads(status.stdout)
    assert (status.returncode, body["verdict"], body["troubles"]) == (0, "well", [])
    core = ["feed", "gateway-paper", "guard", "router", "portfolio", "recorder", "watch"]
    names = ["nats-server", *core, "session-ema-eurusd"]
    assert [actor["name"] for actor in body["floor"]["actors"] if actor["role"] != "nursery"] == names

    refused(pitwire("up", "--home", home, cwd=tmp_path), 4, str(home), "pitwire down")
    doctor = pitwire("doctor", "--home", home, cwd=tmp_path)
    assert doctor.returncode == 0, doctor.stdout
    verify = pitwire("verify", "--home", home, cwd=tmp_path)  # while all of them go on writing
    assert verify.returncode == 0, verify.stdout
    assert verify.stdout.count("still being written") == len(set(names) - {"nats-server", "watch"})

    pids = [actor["pid"] for actor in body["floor"]["actors"]]
    down = pitwire("down", "--home", home, cwd=tmp_path)
    assert down.returncode == 0, down.stderr
    assert not any(psutil.pid_exists(pid) for pid in pids)
    refused(pitwire("down", "--home", home, cwd=tmp_path), 3, str(home))
    assert pitwire("status", "--home", home, cwd=tmp_path).returncode == 3


def test_an_actor_that_cannot_start_is_the_reason_and_takes_everything_down(tmp_path: Path, home: Path) -> None:
    """The actor's own words, from its stderr."""
    (home / "data" / "pitwire.sqlite").mkdir(parents=True)
    done = pitwire("up", "--home", home, cwd=tmp_path)
    refused(done, 5, "recorder", "pitwire.sqlite")
    assert running_below(home) == []


def test_an_account_keeps_the_currency_of_its_book(tmp_path: Path, home: Path) -> None:
    """Dollars are not shown as euros because somebody edited a line."""
    (home / "data").mkdir(parents=True)
    with contextlib.closing(connect(home / "data" / "book-paper.sqlite", durable=False)) as book:
        settings = parse('[[account]]\nid = "paper"')
        load(book)
        hold(book, config_from(settings, "paper", ""))
    config(tmp_path, '[[account]]\nid = "paper"\ncurrency = "EUR"\n')
    done = pitwire("up", "--home", home, cwd=tmp_path)
    refused(done, 5, f"account paper: the book ({home / 'data' / 'book-paper.sqlite'}) is in USD", "says EUR; expected")
    assert running_below(home) == []


def test_status_tells_a_frozen_floor_and_what_is_killed_takes_everything_with_it(tmp_path: Path, home: Path) -> None:
    """A supervisor that is gone cannot end its children in order; they end without it, and so does the server."""
    assert pitwire("up", "--home", home, cwd=tmp_path).returncode == 0
    floor = status_of(home)
    keeper = int((home / "run" / "lock").read_text(encoding="ascii"))
    for pid in (keeper, floor["pid"]):
        os.kill(pid, signal.SIGSTOP)
    path = home / "run" / "status.json"
    floor["written"] -= 6_000_000
    path.write_text(json.dumps(floor), encoding="utf-8")
    status = pitwire("status", "--home", home, cwd=tmp_path)
    assert status.returncode == 1
    assert "frozen" in status.stdout
    for pid in (keeper, floor["pid"]):
        os.kill(pid, signal.SIGKILL)
    actors = [psutil.Process(actor["pid"]) for actor in floor["actors"] if psutil.pid_exists(actor["pid"])]
    assert psutil.wait_procs(actors, 20)[1] == []
    status = pitwire("status", "--home", home, cwd=tmp_path)
    assert (status.returncode, f"process {floor['pid']} was killed" in status.stdout) == (3, True), status.stdout


def test_down_names_and_kills_what_a_killed_floor_left_behind(tmp_path: Path, home: Path) -> None:
    """A frozen actor sees no end of file, and ends no other way."""
    assert pitwire("up", "--home", home, cwd=tmp_path).returncode == 0
    floor = status_of(home)
    guard = next(actor["pid"] for actor in floor["actors"] if actor["name"] == "guard")
    os.kill(guard, signal.SIGSTOP)
    for pid in (int((home / "run" / "lock").read_text(encoding="ascii")), floor["pid"]):
        os.kill(pid, signal.SIGKILL)
    status = pitwire("status", "--home", home, cwd=tmp_path)
    assert (status.returncode, f"guard ({guard})" in status.stdout) == (3, True), status.stdout
    down = pitwire("down", "--home", home, cwd=tmp_path)
    assert (down.returncode, f"guard ({guard})" in down.stdout) == (0, True)
    assert not psutil.pid_exists(guard)


def test_a_hang_up_does_not_end_the_floor_in_the_background(tmp_path: Path, home: Path) -> None:
    """Closing the SSH session is not `down`."""
    assert pitwire("up", "--home", home, cwd=tmp_path).returncode == 0
    floor = status_of(home)
    keeper = int((home / "run" / "lock").read_text(encoding="ascii"))
    os.kill(keeper, signal.SIGHUP)
    assert os.getsid(keeper) != os.getsid(0)
    assert pitwire("status", "--home", home, cwd=tmp_path).returncode == 0
    assert status_of(home)["pid"] == floor["pid"]


def test_the_foreground_ends_in_order_with_an_interrupt(tmp_path: Path, home: Path) -> None:
    """For service managers and people: SIGTERM or Ctrl-C, exit code 0."""
    with subprocess.Popen(
        [*COMMAND, "up", "--foreground", "--home", str(home)], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE
    ) as floor:
        assert floor.stdout is not None
        assert b"The floor is up" in floor.stdout.readline()
        floor.send_signal(signal.SIGINT)
        assert floor.wait(40) == 0
    assert running_below(home) == []
    assert status_of(home)["state"] == "stopped"


def test_asking_twice_ends_a_floor_in_order_all_the_same(tmp_path: Path, home: Path) -> None:
    """A person who is impatient breaks nothing off: neither of the keeper nor of the supervisor."""
    assert pitwire("up", "--home", home, cwd=tmp_path).returncode == 0
    floor = status_of(home)
    keeper = int((home / "run" / "lock").read_text(encoding="ascii"))
    supervisor = psutil.Process(floor["pid"])
    session = psutil.Process(floor["actors"][-1]["pid"])  # the first that is ended
    recorder = next(actor["pid"] for actor in floor["actors"] if actor["name"] == "recorder")
    os.kill(recorder, signal.SIGSTOP)  # makes the end take its time
    os.kill(keeper, signal.SIGTERM)
    assert psutil.wait_procs([session], 30)[1] == []
    for pid in (floor["pid"], keeper):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    assert psutil.wait_procs([supervisor], 30)[1] == []
    assert status_of(home)["state"] == "stopped"


# ---- without a floor


def test_status_and_down_of_a_folder_that_is_not_there(tmp_path: Path, home: Path) -> None:
    """Nothing runs, and nothing is made by looking."""
    status = pitwire("status", "--home", home, "--json", cwd=tmp_path)
    assert (status.returncode, json.loads(status.stdout)["verdict"]) == (3, "down")
    refused(pitwire("down", "--home", home, cwd=tmp_path), 3, str(home))
    assert not home.exists()


def test_doctor_names_everything_that_is_wrong_at_once(tmp_path: Path) -> None:
    """Not only the first thing."""
    path = config(tmp_path, "[bus]\nnats_server = '/no/nats-server'\n")
    done = pitwire("doctor", "--home", "/proc/pitwire", "--config", path, "--json", cwd=tmp_path)
    body = json.loads(done.stdout)
    bad = {check["name"] for check in body["checks"] if not check["ok"]}
    assert (done.returncode, body["ok"]) == (1, False)
    assert {"settings", "nats-server", "folder", "disk"} <= bad


def test_the_home_can_come_from_the_environment(tmp_path: Path, home: Path) -> None:
    """PITWIRE_HOME stands behind the option."""
    done = pitwire("down", cwd=tmp_path, env=environment(PITWIRE_HOME=str(home)))
    refused(done, 3, str(home))


def test_help_lists_every_command_whole_and_version_tells_the_version(tmp_path: Path) -> None:
    """Each in one line of 80 columns, the first ones first; one command's own help needs none of the others."""
    done = pitwire("--help", cwd=tmp_path)
    listed = done.stdout.partition("Commands:")[2].strip().splitlines()
    assert (done.returncode, tuple(line.split()[0] for line in listed)) == (0, COMMANDS)
    assert [line for line in listed if line.endswith("...")] == []
    assert pitwire("--version", cwd=tmp_path).stdout == f"pitwire {version('pitwire')}\n"
    assert " run [OPTIONS]" in pitwire("run", "--help", cwd=tmp_path).stdout.splitlines()[0]


def test_every_command_is_documented() -> None:
    """docs/commands.md has a heading for each command, and names each of its options."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    group = get_command(command_line(*COMMANDS))
    commands = group.commands  # type: ignore[attr-defined]
    assert {"up", "down", "status", "doctor", "demo"} <= set(commands)
    for name, command in commands.items():
        assert f"## `pitwire {name}`" in page, name
        for option in (option for parameter in command.params for option in parameter.opts):
            assert option == "--help" or f"`{option}" in page or f"{option}`" in page, f"{name} {option}"


def test_every_exit_code_is_documented() -> None:
    """Scripts rely on them."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [code for code in Exit if f"| {code.value} |" not in page] == []
