"""Makes `.venv` what the lock file and pyproject.toml say, and does nothing when it already is.

Run by the targets of the Makefile, with the Python that the environment is to be made from; needs the standard library
only. What the environment was made from is kept as two digests in `.venv/made-from`: of the packages (with another one
the environment is made anew) and of the project (with another one only the project is installed again). Several of
these may run at once: they take turns on `.venv.lock`. The project's digest covers what the kernels are compiled
from, so that a change to a C file compiles the library again.

Exit codes: 0 done, 1 with one clear line on standard error.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
LOCK = ROOT / "requirements-dev.lock"
PROJECT = (ROOT / "pyproject.toml", ROOT / "CMakeLists.txt")
MADE_FROM = VENV / "made-from"


def fail(message: str) -> NoReturn:
    """Say what is wrong and exit with 1."""
    sys.exit(f"setup: {message}")


def digests() -> tuple[str, str]:
    """What the packages are made from (this interpreter, this folder, the lock file) and what the project is."""
    packages = f"{sys.version}\n{sys.base_prefix}\n{ROOT}\n".encode() + LOCK.read_bytes()
    project = hashlib.sha256()
    kernels = sorted(path for path in (ROOT / "kernels").iterdir() if path.suffix in {".c", ".h"})
    for path in (*PROJECT, *kernels):
        project.update(f"{path.name}:{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return hashlib.sha256(packages).hexdigest(), project.hexdigest()


def recorded() -> tuple[str, str]:
    """What `.venv` was made from; empty strings when there is none or it was not finished."""
    if not (MADE_FROM.exists() and PYTHON.exists()):
        return "", ""
    packages, _, project = MADE_FROM.read_text().partition("\n")
    return packages, project.strip()


@contextmanager
def turn() -> Iterator[None]:
    """Hold `.venv.lock`; the system gives it back when this process ends, however that happens."""
    with (ROOT / ".venv.lock").open("ab") as file:
        if sys.platform == "win32":
            import msvcrt

            held = False
            while not held:
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # gives up after ten seconds: ask again
                    held = True
                except OSError:
                    continue
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(what: str, *command: str) -> None:
    """Run a command in the project's folder, or fail with what it said and what it was for.

    What it says when it has done its work (pip about its caches and indexes) nobody has to read.
    """
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout.decode(errors="replace"))
        fail(f"{what} failed, the reason is above; nothing is marked as done, so the next make starts this again")


def make(packages: str, project: str) -> None:
    """Bring `.venv` up to date with the two digests, doing no more than has changed."""
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps")
    if recorded()[0] != packages:
        print(f"setup: making .venv with Python {sys.version.split()[0]} from {LOCK.name}", flush=True)
        MADE_FROM.unlink(missing_ok=True)
        run("making .venv", sys.executable, "-m", "venv", "--clear", str(VENV))
        run(f"installing {LOCK.name}", *pip, "--require-hashes", "--requirement", str(LOCK))
    print("setup: installing pitwire from this folder", flush=True)
    MADE_FROM.unlink(missing_ok=True)
    run("installing pitwire", *pip, "--no-build-isolation", "--editable", str(ROOT))
    MADE_FROM.write_text(f"{packages}\n{project}\n")


def main() -> None:
    """Check the interpreter, then make the environment unless it is current."""
    if sys.version_info < OLDEST:
        found = f"{sys.executable} is Python {sys.version.split()[0]}"
        fail(f"{found}; pitwire needs 3.11 or newer. Name one with: make PYTHON=python3.11")
    wanted = digests()
    if recorded() == wanted:
        return
    try:
        import ensurepip
        import venv
    except ImportError as error:
        fail(f"{sys.executable} has no module {error.name}; on Debian and Ubuntu it is in the package python3-venv")
    del ensurepip, venv
    with turn():
        if recorded() != wanted:
            make(*wanted)


if __name__ == "__main__":
    main()
