"""Processes from the nursery are as those started by exec; what befalls the nursery costs nobody a process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from commandline import running_below

from actors import nursery_launch, nursery_link, nursery_post
from actors.adopted import available
from actors.children import Child
from actors.logs import open_log
from actors.nursery_post import NURSERY_NAME, NurseryPost
from actors.program import environment
from actors.restart_budget import RestartBudget
from actors.supervisor import Supervisor
from schemas.settings import FeedSettings, SessionSettings, Settings

pytestmark = pytest.mark.skipif(not available(), reason="only Linux adopts processes")

SETTINGS = Settings(feed=FeedSettings(symbols=("EURUSD",)), session=(SessionSettings(id="s"),))
Spawn = Callable[[], Awaitable[Child]]


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[NurseryPost]:
    """A nursery that is kept; nothing is left of it and of its children afterwards."""
    (tmp_path / "log").mkdir()
    before = own_children()
    post = NurseryPost(tmp_path, open_log(tmp_path / "post.log", "post"), RestartBudget(first_us=1))
    post.open()
    keeping = asyncio.create_task(post.keep())
    yield post
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping
    await post.stop()
    assert own_children() == before


@pytest.fixture
async def spawn(post: NurseryPost, tmp_path: Path) -> AsyncIterator[Spawn]:
    """Start a process that waits for its handover."""
    children: list[Child] = []

    async def start() -> Child:
        children.append(await post.spawn("guard", tmp_path / "guard.out", lambda _: None))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        await child.wait()


def own_children() -> set[int]:
    """Of this process, those that have ended and are not collected included."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def pid_of(post: NurseryPost) -> int:
    """The nursery's process."""
    (status,) = post.status(0)
    return status.pid


def log_of(tmp_path: Path) -> str:
    """What the post has noted."""
    return (tmp_path / "post.log").read_text(encoding="utf-8")


def state(pid: int, key: str) -> str:
    """A line of the kernel's account of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{key}:"))


async def until(wanted: Callable[[], bool]) -> None:
    """Return when it is so; the kernel and other processes tell nobody."""
    async with asyncio.timeout(20):
        while not wanted():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_a_forked_process_is_this_ones_child_and_named(spawn: Spawn, post: NurseryPost, tmp_path: Path) -> None:
    """The nursery is not its parent: its end can be collected whatever becomes of the nursery."""
    child = await spawn()
    process = psutil.Process(child.pid)
    assert (process.ppid(), process.name()) == (os.getpid(), "guard")
    assert process.create_time() == child.created
    assert os.getpgid(child.pid) == pid_of(post)
    assert "started by exec" not in log_of(tmp_path)


async def test_it_has_its_handover_and_its_output_and_no_other_descriptor(spawn: Spawn, tmp_path: Path) -> None:
    """Neither the nursery's socket nor another one's pipe: an end of file must arrive."""
    os.set_inheritable(stranger := os.open(tmp_path, os.O_RDONLY), True)
    try:
        await spawn()
        child = await spawn()
        folder = Path(f"/proc/{child.pid}/fd")
        await until(lambda: len(list(folder.iterdir())) == 4)
        places = {int(entry.name): str(entry.readlink()) for entry in folder.iterdir()}
    finally:
        os.close(stranger)
    output = str(tmp_path / "guard.out")
    assert [places.pop(number) for number in range(3)] == [os.devnull, output, output]
    assert [place.partition(":")[0] for place in places.values()] == ["pipe"]


async def test_its_signals_are_those_of_a_fresh_process(spawn: Spawn) -> None:
    """None blocked; only SIGINT is caught, as in every Python process, so that SIGTERM ends it."""
    child = await spawn()
    assert int(state(child.pid, "SigBlk"), 16) == 0
    assert int(state(child.pid, "SigCgt"), 16) & ~(1 << (signal.SIGINT - 1)) == 0
    assert await child.stop(10)
    assert await child.wait() == -signal.SIGTERM


async def test_a_process_whose_handover_breaks_off_says_so_and_ends(spawn: Spawn) -> None:
    """Its exit status and its last words arrive here."""
    child = await spawn()
    child._close_pipe()  # noqa: SLF001 - as the kernel does when this process is killed
    assert await child.wait() == 0
    assert child.last_words() == "the supervisor went away before it had handed over"


async def test_a_broken_handover_is_a_failure_with_its_reason(post: NurseryPost, tmp_path: Path) -> None:
    """What Python says of an error nobody expected is in the output, and the status is not 0."""
    child = await post.spawn("guard", tmp_path / "guard.out", lambda pipe: write_all(pipe, (2).to_bytes(8) + b"{}"))
    assert await child.wait() == 1
    assert "missing required field" in child.last_words()


def write_all(pipe: int, data: bytes) -> None:
    """Without looking back."""
    os.write(pipe, data)


async def test_the_nursery_holds_nothing_of_the_processes_that_it_forked(spawn: Spawn, post: NurseryPost) -> None:
    """Standard input and output, its socket, and no thread beside its own."""
    await spawn()
    await spawn()
    assert len(list(Path(f"/proc/{pid_of(post)}/fd").iterdir())) == 4
    assert state(pid_of(post), "Threads") == "1"


async def test_a_killed_nursery_is_replaced_and_its_children_go_on(spawn: Spawn, post: NurseryPost) -> None:
    """They do not even notice."""
    child, former = await spawn(), pid_of(post)
    os.kill(former, signal.SIGKILL)
    await until(lambda: pid_of(post) not in {0, former})
    assert child.running
    assert os.getpgid((await spawn()).pid) == pid_of(post)
    assert psutil.Process(child.pid).ppid() == os.getpid()


async def test_without_the_nursery_a_process_is_started_by_exec(
    spawn: Spawn, post: NurseryPost, tmp_path: Path
) -> None:
    """A place is not left empty until it is back."""
    await spawn()
    os.kill(pid_of(post), signal.SIGKILL)
    child = await spawn()
    assert "actors.host" in psutil.Process(child.pid).cmdline()
    assert "started by exec" in log_of(tmp_path)


async def test_a_frozen_nursery_is_killed_after_the_stated_time_and_replaced(
    spawn: Spawn, post: NurseryPost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does not answer is started by exec, and no late answer is taken for the next one."""
    await spawn()
    monkeypatch.setattr(nursery_link, "_ANSWER_S", 0.05)
    former = pid_of(post)
    os.kill(former, signal.SIGSTOP)
    child = await spawn()
    assert "actors.host" in psutil.Process(child.pid).cmdline()
    assert "did not answer within 0.05 s" in log_of(tmp_path)
    await until(lambda: pid_of(post) not in {0, former})


async def test_a_nursery_that_cannot_begin_is_given_up_and_missed_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its budget spent, every process is started by exec, at once."""
    (tmp_path / "log").mkdir()
    for module in (nursery_launch, nursery_post):
        monkeypatch.setattr(module, "module_command", lambda *_: [sys.executable, "-c", "raise SystemExit(7)"])
    post = NurseryPost(tmp_path, open_log(tmp_path / "post.log", "post"), RestartBudget(2, first_us=1))
    post.open()
    await post.keep()
    (status,) = post.status(0)
    assert (status.state, status.restarts) == ("failed", 2)
    assert "ended with status 7; not started again" in status.reason
    child = await post.spawn("guard", tmp_path / "guard.out", lambda _: None)
    assert await child.wait() == 7
    await post.stop()


DIES_UNTOLD = """
import os, signal, sys
from actors import nursery

fork = nursery._fork

def fork_and_die(name):
    answer = fork(name)
    if answer:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

nursery._fork = fork_and_die
sys.exit(nursery.main())
"""


async def test_what_a_nursery_forked_and_did_not_tell_of_is_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the fork and the answer: nobody knows the number, and yet no zombie stays."""
    (tmp_path / "log").mkdir()
    before = own_children()
    monkeypatch.setattr(
        nursery_launch, "module_command", lambda _, *arguments: [sys.executable, "-c", DIES_UNTOLD, *arguments]
    )
    post = NurseryPost(tmp_path, open_log(tmp_path / "post.log", "post"), RestartBudget(0))
    post.open()
    keeping = asyncio.create_task(post.keep())
    child = await post.spawn("guard", tmp_path / "guard.out", lambda _: None)
    assert "started by exec" in log_of(tmp_path)
    await asyncio.wait_for(keeping, 20)
    assert own_children() - before == {child.pid}
    child.kill()
    await child.wait()
    await post.stop()


async def test_whoever_no_longer_wants_the_process_leaves_none_behind(post: NurseryPost, tmp_path: Path) -> None:
    """Cancelled at any step; the answer for the former is not taken for the next one."""
    (await post.spawn("first", tmp_path / "first.out", lambda _: None)).kill()
    for steps in range(1, 12):
        asked = asyncio.create_task(post.spawn("unwanted", tmp_path / "unwanted.out", lambda _: None))
        for _ in range(steps):
            await asyncio.sleep(0)
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            (await asked).kill()
        child = await post.spawn("wanted", tmp_path / "wanted.out", lambda _: None)
        assert psutil.Process(child.pid).name() == "wanted"
        child.kill()
        assert await child.wait() == -signal.SIGKILL


async def test_many_at_once_each_get_their_own(post: NurseryPost, tmp_path: Path) -> None:
    """Requests wait for one another; nobody gets another one's process."""
    names = [f"actor-{number}" for number in range(8)]
    children = await asyncio.gather(*(post.spawn(name, tmp_path / f"{name}.out", lambda _: None) for name in names))
    assert [psutil.Process(child.pid).name() for child in children] == names
    for child in children:
        child.kill()
    assert [await child.wait() for child in children] == [-signal.SIGKILL] * len(names)


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from actors.logs import open_log
from actors.nursery_post import NurseryPost
from actors.restart_budget import RestartBudget

async def main():
    home = Path(sys.argv[1])
    (home / "log").mkdir()
    post = NurseryPost(home, open_log(home / "post.log", "post"), RestartBudget())
    post.open()
    child = await post.spawn("guard", home / "guard.out", lambda _: None)
    print(post.status(0)[0].pid, child.pid, flush=True)
    await child.wait()

asyncio.run(main())
"""


async def test_nursery_and_children_end_when_this_process_is_killed(tmp_path: Path) -> None:
    """No descriptor in one of them keeps another from its end of file."""
    parent = subprocess.Popen(  # noqa: ASYNC220 - it prints one line at once and is then killed
        [sys.executable, "-c", SUPERVISOR, str(tmp_path)], stdout=subprocess.PIPE, env=environment()
    )
    with parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in (await asyncio.to_thread(parent.stdout.readline)).split()]
        processes = [psutil.Process(pid) for pid in pids]
        parent.kill()
    assert (await asyncio.to_thread(psutil.wait_procs, processes, 20))[1] == []


async def test_a_floors_actors_are_leaders_of_sessions_of_their_own(tmp_path: Path) -> None:
    """Forked for the floor, each with its handover; a killed one is forked again."""
    supervisor = Supervisor(tmp_path / "home", SETTINGS)
    await supervisor.start()
    try:
        pids = {actor.name: actor.pid for actor in supervisor.status().actors}
        for name, pid in pids.items():
            assert (psutil.Process(pid).ppid(), os.getsid(pid)) == (os.getpid(), pid), name
        assert psutil.Process(pids["guard"]).name() == "guard"
        os.kill(pids["guard"], signal.SIGKILL)
        await until(lambda: supervisor.crew.posts["guard"].ready.is_set() and guard_of(supervisor) != pids["guard"])
        assert psutil.Process(guard_of(supervisor)).name() == "guard"
    finally:
        await supervisor.stop("the test is over")
    assert running_below(tmp_path) == []


def guard_of(supervisor: Supervisor) -> int:
    """The guard's process."""
    child = supervisor.crew.posts["guard"].child
    return child.pid if child is not None else 0


async def test_a_floor_comes_up_on_a_system_that_adopts_no_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS: no nursery, each process by exec, and the status names none."""
    monkeypatch.setattr(nursery_post, "available", lambda: False)
    supervisor = Supervisor(tmp_path / "home", SETTINGS)
    await supervisor.start()
    try:
        actors = {actor.name: actor for actor in supervisor.status().actors}
        assert NURSERY_NAME not in actors
        assert "actors.host" in psutil.Process(actors["guard"].pid).cmdline()
    finally:
        await supervisor.stop("the test is over")
    assert running_below(tmp_path) == []
