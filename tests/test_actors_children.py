"""Child processes that misbehave in every way they can: each is noticed, bounded and ended."""

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

from actors.children import Child
from actors.program import describe_exit, environment, module_command

Spawn = Callable[..., Awaitable[Child]]

WAITS_FOR_EOF = """
import os, sys
pipe = int(sys.argv[1])
while data := os.read(pipe, 4096):
    print(data.decode(), flush=True)
print("end of file", flush=True)
"""
IGNORES_TERMINATION = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while os.read(int(sys.argv[1]), 1):
    pass
signal.pause()
"""
FLOODS = """
import os, sys
line = b"x" * 99 + b"\\n"
os.write(2, line * 100_000)
print("last line", flush=True)
os.read(int(sys.argv[1]), 1)
"""


@pytest.fixture
async def spawn(tmp_path: Path) -> AsyncIterator[Spawn]:
    """Start a script as a child; whatever still runs afterwards is killed."""
    children: list[Child] = []

    async def start(script: str, write: Callable[[int], None] = lambda _: None) -> Child:
        child = await Child.spawn("child", [sys.executable, "-c", script], tmp_path / "child.out", write)
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        await child.wait()


async def _says(tmp_path: Path, text: str) -> None:
    """Return when the child has written `text`."""
    while text not in (tmp_path / "child.out").read_text(encoding="utf-8"):  # noqa: ASYNC110 - another process writes
        await asyncio.sleep(0)


async def test_a_child_that_exits_at_once_is_told_with_its_last_words(spawn: Spawn) -> None:
    """Its status and the line on stderr are the reason that people see."""
    child = await spawn("import sys; print('first', flush=True); sys.exit('no such symbol')")
    assert await child.wait() == 1
    assert child.last_words() == "no such symbol"
    assert not child.running


async def test_a_child_that_exits_before_it_has_read_its_handover_is_no_error_here(spawn: Spawn) -> None:
    """The pipe breaks while it is written; the exit tells the story."""
    child = await spawn("raise SystemExit(78)", lambda pipe: _write_all(pipe, b"x" * 2_000_000))
    assert await child.wait() == 78


def _write_all(pipe: int, data: bytes) -> None:
    while data:
        data = data[os.write(pipe, data) :]


async def test_the_words_of_the_former_child_are_not_taken_for_this_ones(spawn: Spawn) -> None:
    """The file is shared by all that were started under the name."""
    first = await spawn("import sys; sys.exit('old trouble')")
    await first.wait()
    second = await spawn("raise SystemExit(5)")
    assert await second.wait() == 5
    assert second.last_words() == ""
    assert first.last_words() == "old trouble"


async def test_what_is_written_into_the_pipe_arrives_and_the_pipe_stays_open(spawn: Spawn, tmp_path: Path) -> None:
    """No end of file as long as this process lives."""
    child = await spawn(WAITS_FOR_EOF, lambda pipe: _write_all(pipe, b"the handover"))
    await asyncio.wait_for(_says(tmp_path, "the handover"), 10)
    assert child.running
    assert "end of file" not in (tmp_path / "child.out").read_text(encoding="utf-8")


async def test_a_child_that_listens_ends_by_being_asked(spawn: Spawn, tmp_path: Path) -> None:
    """SIGTERM suffices, and the answer says so."""
    child = await spawn(WAITS_FOR_EOF, lambda pipe: _write_all(pipe, b"ready"))
    await asyncio.wait_for(_says(tmp_path, "ready"), 10)
    assert await child.stop(10)
    assert await child.wait() == -signal.SIGTERM


async def test_a_child_that_ignores_termination_is_killed_after_the_stated_time(spawn: Spawn, tmp_path: Path) -> None:
    """Nothing can refuse to end."""
    child = await spawn(IGNORES_TERMINATION)
    await asyncio.wait_for(_says(tmp_path, "deaf"), 10)
    assert not await child.stop(0.05)
    assert await child.wait() == -signal.SIGKILL


async def test_a_frozen_child_is_killed_too(spawn: Spawn, tmp_path: Path) -> None:
    """A stopped process gets no SIGTERM until it goes on; SIGKILL it gets."""
    child = await spawn(WAITS_FOR_EOF, lambda pipe: _write_all(pipe, b"ready"))
    await asyncio.wait_for(_says(tmp_path, "ready"), 10)
    os.kill(child.pid, signal.SIGSTOP)
    while psutil.Process(child.pid).status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(0)
    assert not await child.stop(0.05)


async def test_stopping_one_that_has_ended_already_is_fine(spawn: Spawn) -> None:
    """It may end between the decision and the signal."""
    child = await spawn("pass")
    await child.wait()
    assert await child.stop(1)


async def test_a_flood_on_stderr_neither_blocks_the_child_nor_fills_the_disk(spawn: Spawn, tmp_path: Path) -> None:
    """Ten megabytes are cut down to the last kilobytes, and the last words survive."""
    child = await spawn(FLOODS)
    await asyncio.wait_for(_says(tmp_path, "last line"), 30)
    assert (tmp_path / "child.out").stat().st_size > 9_000_000
    assert child.trim_output()
    assert (tmp_path / "child.out").stat().st_size < 100_000
    assert child.last_words() == "last line"
    assert not child.trim_output()


async def test_children_end_when_this_process_is_killed(tmp_path: Path) -> None:
    """Whatever happens to the supervisor, the pipe's end of file reaches them."""
    script = f"""
import asyncio, sys
from pathlib import Path
from actors.children import Child

async def main():
    child = await Child.spawn("c", [sys.executable, "-c", {WAITS_FOR_EOF!r}], Path({str(tmp_path / "c.out")!r}),
                              lambda pipe: __import__("os").write(pipe, b"up"))
    print(child.pid, flush=True)
    await child.wait()

asyncio.run(main())
"""
    parent = subprocess.Popen(  # noqa: ASYNC220 - it prints one line at once and is then killed
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment(), cwd=tmp_path
    )
    with parent:
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        parent.kill()
    with contextlib.suppress(psutil.NoSuchProcess):
        await asyncio.to_thread(psutil.Process(pid).wait, 10)
    assert (tmp_path / "c.out").read_text(encoding="utf-8").split("\n")[-2] == "end of file"


async def test_a_program_that_is_not_there_is_an_error_and_leaves_no_pipe_open(tmp_path: Path) -> None:
    """The caller hears of it at once."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(FileNotFoundError):
        await Child.spawn("child", [str(tmp_path / "nothing")], tmp_path / "child.out", lambda _: None)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


async def test_a_module_is_found_from_any_folder_and_not_replaced_by_a_file_there(tmp_path: Path) -> None:
    """`pitwire` may be called in a folder that holds files named like our packages."""
    (tmp_path / "actors.py").write_text("raise SystemExit('wrong actors')", encoding="utf-8")
    command = [*module_command("actors")[:3], "actors.floor_error"]
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=environment())
    assert await process.wait() == 0


def test_an_exit_is_described_in_words() -> None:
    """A status and a signal read differently."""
    assert describe_exit(3) == "ended with status 3"
    assert describe_exit(-9) == "was killed by signal 9"
