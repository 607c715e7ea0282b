"""What processes take: memory by the kernel's account of who shares which page, and processor time.

The reference is a process that only imports the libraries which every actor's process is made of, as many of them as
there are processes to compare with.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

__all__ = ["bare", "cpu_s", "pss_mb"]

_BARE = """
import asyncio, sqlite3, ssl, sys
import aiosqlite, msgspec, nacl.signing, nats, structlog, uvloop
print("ready", flush=True)
sys.stdin.read()
"""


def pss_mb(pid: int) -> float:
    """Proportional set size in MB: a page that n processes share counts for an nth."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{pid}/smaps_rollup: no line Pss")


def cpu_s(pid: int) -> float:
    """Processor time so far, in seconds."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


@contextmanager
def bare(count: int) -> Iterator[list[int]]:
    """So many bare processes, as their numbers."""
    processes = [
        subprocess.Popen([sys.executable, "-c", _BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.communicate("", timeout=30)
