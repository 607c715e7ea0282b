"""Our modules as programs of their own: how one is run, in which environment, and how its end reads.

Imports little: the keeper, which does nothing else but run one, should take next to no memory.
"""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path

__all__ = ["describe_exit", "environment", "module_command"]


def describe_exit(status: int) -> str:
    """`ended with status 3` or `was killed by signal 9`."""
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"


def module_command(module: str, *arguments: str) -> list[str]:
    """How to run one of our modules as a process, with this very interpreter.

    -P: a file in the folder that the command was given in cannot take the place of an import.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """The environment of such a process: ours, and where our packages lie if that is a checkout and not installed."""
    env = dict(os.environ)
    root = str(Path(__file__).resolve().parent.parent)
    if root not in {*site.getsitepackages(), site.getusersitepackages()}:
        env["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [env.get("PYTHONPATH")])])
    return env
