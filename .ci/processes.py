"""Finds processes that a folder's programs left running: `python .ci/processes.py FOLDER`.

A process belongs to the folder when its program, an argument, its working folder or its TMPDIR lies in it. Those found
are listed and ended. This process and its parents do not count.

Exit codes: 0 none found, 1 some were.
"""

import os
import sys
from pathlib import Path

import psutil


def belongs(process: psutil.Process, folder: str) -> bool:
    """Whether a process works in `folder`; one that is gone, is a zombie or is another user's does not count."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        places = [process.exe(), process.cwd(), *process.cmdline(), process.environ().get("TMPDIR", "")]
    except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
    return any(place == folder or place.startswith(folder + os.sep) for place in places)


def main() -> int:
    """List and end what is left."""
    folder = str(Path(sys.argv[1]).resolve())
    here = psutil.Process()
    exempt = {here.pid, *(parent.pid for parent in here.parents())}
    left = [process for process in psutil.process_iter() if process.pid not in exempt and belongs(process, folder)]
    for process in left:
        print(f"left running: {process.pid} {' '.join(process.cmdline()) or process.name()}")
        process.kill()
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
