"""Runs the kernels with random inputs under the address and undefined-behaviour sanitizers: `make fuzz`, `make check`.

First compiles the library as it is installed, but with warnings as errors. Then builds every tests/fuzz_<noun>.c into
build/fuzz and runs them one after the other: with clang as libFuzzer targets, else with the driver in
tests/fuzz_main.c. Run with the environment's Python, whose cmake and ninja it uses. Exit codes: 0 all ran clean, 1 one
did not build or did not run clean; what it said is above.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent


def build(folder: Path, *options: str) -> None:
    """Configure and build in `folder`, where a warning is an error; end with what was said when it fails."""
    configure: list[str | Path] = [
        TOOLS / "cmake",
        *("-S", ROOT, "-B", folder, "-G", "Ninja", "-DPITWIRE_STRICT=ON"),
        f"-DCMAKE_MAKE_PROGRAM={TOOLS / 'ninja'}",
        *options,
    ]
    compile_all: list[str | Path] = [TOOLS / "cmake", "--build", folder]
    for command in (configure, compile_all):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{done.stdout}{done.stderr}\nfuzz: {' '.join(map(str, command))} failed, the reason is above")


def built(clang: str | None) -> list[Path]:
    """Build the programs, with clang if there is one; their paths."""
    folder = ROOT / "build" / ("fuzz-clang" if clang else "fuzz")
    build(folder, "-DPITWIRE_FUZZ=ON", *([f"-DCMAKE_C_COMPILER={clang}"] if clang else []))
    return [folder / source.stem for source in sorted((ROOT / "tests").glob("fuzz_*.c")) if source.stem != "fuzz_main"]


def main() -> None:
    """Build, then run each program for the time or the number of inputs asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=5, help="how long each program runs")
    parser.add_argument("--runs", type=int, help="how many inputs each takes, instead of a time")
    parser.add_argument("--seed", type=int, default=1, help="other inputs with another seed")
    given = parser.parse_args()
    if sys.platform == "win32":
        print("fuzz: left out, MSVC has no undefined-behaviour sanitizer")
        return
    build(ROOT / "build" / "strict")
    print("fuzz: the library compiles without a warning")
    clang = shutil.which("clang")
    limit = f"-max_total_time={given.seconds}" if given.runs is None else f"-runs={given.runs}"
    quiet = {**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"}
    for program in built(clang):
        command: list[str | Path] = [program, limit, f"-seed={given.seed}"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=quiet, cwd=program.parent)
        if done.returncode != 0:
            sys.exit(f"{done.stdout}{done.stderr}\nfuzz: {program.stem} with {limit} -seed={given.seed} failed")
        how = "libFuzzer" if clang else "random inputs"
        print(f"fuzz: {program.stem} clean under the sanitizers ({how}, {limit[1:]})")


if __name__ == "__main__":
    main()
