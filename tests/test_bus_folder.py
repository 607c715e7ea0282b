"""A folder's lock: one process has it, and those who only look take it from nobody."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import environment

from bus.folder import FolderLock, LockHeldError, holder_of

# Looks at a lock until its input ends.
LOOKER = """
import select, sys
from pathlib import Path
from bus.folder import holder_of

print("looking", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    holder_of(Path(sys.argv[1]))
"""


def test_a_lock_tells_its_holder_until_it_is_free(tmp_path: Path) -> None:
    """Without a file, and without a holder, there is nobody."""
    path = tmp_path / "lock"
    assert holder_of(path) is None
    assert not path.exists()
    lock = FolderLock(path)
    assert holder_of(path) == os.getpid()
    with pytest.raises(LockHeldError) as error:
        FolderLock(path)
    assert error.value.holder == os.getpid()
    assert holder_of(path) == os.getpid()
    lock.release()
    assert holder_of(path) is None


def test_a_look_writes_nothing(tmp_path: Path) -> None:
    """The name of the last holder stays as it is, and two who look at once do not take each other for one."""
    path = tmp_path / "lock"
    path.write_text("4711", encoding="ascii")
    path.chmod(0o400)
    with path.open(encoding="ascii") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert holder_of(path) is None
    assert path.read_text(encoding="ascii") == "4711"


def test_whoever_looks_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    """`pitwire status` and `pitwire up` at the same instant: the floor comes up."""
    path = tmp_path / "lock"
    FolderLock(path).release()
    lookers = [
        subprocess.Popen(
            [sys.executable, "-c", LOOKER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        for _ in range(2)
    ]
    try:
        for looker in lookers:
            assert looker.stdout is not None
            looker.stdout.readline()
        for _ in range(500):
            FolderLock(path).release()
    finally:
        for looker in lookers:
            looker.communicate()
    assert [looker.returncode for looker in lookers] == [0, 0]
