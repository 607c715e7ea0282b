"""The real `pitwire` command in a process of its own, for tests: run, listened to, and looked after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-P", "-m", "tui.cli"]


def environment(**more: str) -> dict[str, str]:
    """What a command is run with: our code, nothing of the floor of whoever runs the tests."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def pitwire(*arguments: str | Path, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=env or environment(),
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


def running_below(folder: Path) -> list[str]:
    """The command lines of processes that work in or on something below a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        line = " ".join(process.info["cmdline"] or ())
        if process.info["status"] != psutil.STATUS_ZOMBIE and str(folder) in f"{line} {process.info['cwd']}":
            found.append(line)
    return found


def status_of(home: Path) -> dict[str, Any]:
    """The status file."""
    body: dict[str, Any] = json.loads((home / "run" / "status.json").read_text(encoding="utf-8"))
    return body
