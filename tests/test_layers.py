"""The rules that the folders keep: imports go one way, one module reads a clock, no file grows past one noun."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each package may import of the others.
MAY_IMPORT = {
    "schemas": set[str](),
    "bus": {"schemas"},
    "kernels": set[str](),
    "actors": {"schemas", "bus", "kernels"},
    "tui": {"schemas", "bus"},
}
# The command line starts actors; the screens only see the bus.
COMMAND_LINE = ("tui/cli", "tui/commands")
OURS = {*MAY_IMPORT, "tests", "benchmarks"}

CLOCK = "bus/clock.py"
MODULES_THAT_READ_A_CLOCK = {"time"}
METHODS_THAT_READ_A_CLOCK = {"now", "utcnow", "today"}
LOOP_GETTERS = {"get_event_loop", "get_running_loop", "new_event_loop"}

MOST_LINES = 350
# Files that may be longer, each with the reason why it still has one noun: {"bus/example.py": "the reason"}.
LONGER: dict[str, str] = {}


def sources(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """Each Python file of the five packages below `root`: its path with slashes, and its syntax tree."""
    for package in MAY_IMPORT:
        for path in sorted((root / package).rglob("*.py")):
            yield path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of each import in a file, however deep inside, import_module("name") included."""
    package = path.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            if stem:
                yield node.lineno, stem
            else:  # `from .. import x` past the top: what it names is then a top-level package
                yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value


def wrong_imports(root: Path) -> list[str]:
    """One line of text for each import that goes against the layers."""
    found = []
    for path, tree in sources(root):
        package = path.split("/")[0]
        allowed = MAY_IMPORT[package] | {package}
        if path.startswith(COMMAND_LINE):
            allowed = allowed | {"actors"}
        for line, name in imported(path, tree):
            top = name.split(".")[0]
            if top in OURS and top not in allowed:
                found.append(f"{path}:{line} imports {name}; {package} may import {sorted(allowed - {package})}")
    return found


def reads_a_clock(node: ast.AST, datetimes: set[str]) -> bool:
    """Whether a node reads a clock; `datetimes` are the names under which the file knows datetime and date."""
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] in MODULES_THAT_READ_A_CLOCK for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return node.level == 0 and (
            node.module in MODULES_THAT_READ_A_CLOCK or any(alias.name == "TimeStamper" for alias in node.names)
        )
    if not isinstance(node, ast.Attribute):
        return False
    owner = node.value
    if isinstance(owner, ast.Call):
        owner = owner.func
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    if node.attr in METHODS_THAT_READ_A_CLOCK:
        return name in datetimes
    if node.attr == "time":
        return name in LOOP_GETTERS or name.lower().endswith("loop")
    return node.attr == "TimeStamper"


def clock_reads(root: Path) -> list[str]:
    """One line of text for each place outside bus/clock.py that reads a clock, structlog's TimeStamper included."""
    found = []
    for path, tree in sources(root):
        if path == CLOCK:
            continue
        datetimes = {"datetime", "date"}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "datetime":
                datetimes |= {alias.asname or alias.name for alias in node.names if alias.name in {"datetime", "date"}}
        found += [
            f"{path}:{node.lineno} {ast.unparse(node)}; only {CLOCK} reads a clock"
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom | ast.Attribute) and reads_a_clock(node, datetimes)
        ]
    return found


def long_files(root: Path, longer: dict[str, str]) -> list[str]:
    """One line of text for each file over the limit without a reason, and for each reason that is no longer needed."""
    lines = {path: len((root / path).read_text(encoding="utf-8").splitlines()) for path, _ in sources(root)}
    found = [
        f"{path} has {count} lines, at most {MOST_LINES}: a second noun is hiding in it"
        for path, count in lines.items()
        if count > MOST_LINES and path not in longer
    ]
    return found + [f"{path} needs no exception" for path in longer if lines.get(path, 0) <= MOST_LINES]


def plant(root: Path, path: str, text: str) -> None:
    """Write one file into an otherwise empty tree."""
    (root / path).parent.mkdir(parents=True)
    (root / path).write_text(text, encoding="utf-8")


def test_every_package_is_looked_at() -> None:
    """An empty or renamed package would make the rules below hold for nothing."""
    assert {path.split("/")[0] for path, _ in sources(ROOT)} == set(MAY_IMPORT)


def test_imports_go_one_way() -> None:
    """No package imports what lies above it."""
    assert wrong_imports(ROOT) == []


def test_only_the_clock_module_reads_a_clock() -> None:
    """Everything else is given its time, so that a run can be simulated and run again."""
    assert clock_reads(ROOT) == []


def test_no_file_outgrows_one_noun() -> None:
    """A file over the limit is split, or listed with its reason."""
    assert long_files(ROOT, LONGER) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("schemas/order.py", "import bus.clock\n"),
        ("schemas/order.py", "from bus import clock\n"),
        ("bus/nats.py", "from actors.guard import Guard\n"),
        ("bus/nats.py", "def f():\n    import actors\n"),
        ("bus/nats.py", "import importlib\nimportlib.import_module('actors.guard')\n"),
        ("bus/nats.py", "from .. import actors\n"),
        ("kernels/ema.py", "from schemas.market import Tick\n"),
        ("actors/guard.py", "from tui.cli import main\n"),
        ("actors/deep/guard.py", "from tests.conftest import ROOT\n"),
        ("tui/screen.py", "from actors.guard import Guard\n"),
    ],
)
def test_an_import_against_the_layers_is_found(tmp_path: Path, path: str, text: str) -> None:
    """Each way to write an import counts, also inside a function, by name or relative past the top."""
    plant(tmp_path, path, text)
    (violation,) = wrong_imports(tmp_path)
    assert violation.startswith(f"{path}:")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("bus/nats.py", "from schemas.order import Intent\nfrom . import clock\nimport bus.clock\n"),
        ("actors/guard.py", "import kernels\nfrom bus.clock import Clock\nfrom .actor import Actor\n"),
        ("actors/deep/guard.py", "from ..actor import Actor\n"),
        ("tui/cli.py", "from actors.floor import Floor\n"),
        ("tui/cli_demo.py", "from actors.floor import Floor\n"),
        ("tui/commands/up.py", "from actors.floor import Floor\n"),
        ("tui/screen.py", "import textual\nfrom bus.interface import Bus\n"),
    ],
)
def test_an_import_along_the_layers_is_allowed(tmp_path: Path, path: str, text: str) -> None:
    """Downwards and within a package; the command line also starts actors."""
    plant(tmp_path, path, text)
    assert wrong_imports(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time\n",
        "from time import monotonic\n",
        "import datetime\nstamp = datetime.datetime.now(datetime.UTC)\n",
        "from datetime import datetime as moment\nstamp = moment.now()\n",
        "from datetime import date\nday = date.today()\n",
        "from datetime import datetime\nread = datetime.utcnow\n",
        "import asyncio\nstamp = asyncio.get_running_loop().time()\n",
        "def f(self):\n    return self.loop.time()\n",
        "import structlog\nprocessor = structlog.processors.TimeStamper(fmt='iso')\n",
        "from structlog.processors import TimeStamper\n",
    ],
)
def test_a_clock_read_outside_the_clock_module_is_found(tmp_path: Path, text: str) -> None:
    """Wall clock, monotonic clock, the loop's clock, and a logger's own stamp."""
    plant(tmp_path, "actors/guard.py", text)
    (violation,) = clock_reads(tmp_path)
    assert violation.startswith("actors/guard.py:")


def test_times_that_are_given_are_no_clock_reads(tmp_path: Path) -> None:
    """A clock object's now(), the hour of a given moment and the name of a field `time` are all fine."""
    text = "from datetime import datetime\nnow = clock.now()\nhour = datetime.fromtimestamp(0).time()\nx = tick.time\n"
    plant(tmp_path, "actors/guard.py", text)
    assert clock_reads(tmp_path) == []


def test_the_clock_module_itself_may_read_one(tmp_path: Path) -> None:
    """There is exactly one exception."""
    plant(tmp_path, "bus/clock.py", "import time\n")
    assert clock_reads(tmp_path) == []


def test_a_file_over_the_limit_needs_a_reason(tmp_path: Path) -> None:
    """One line more than the limit is found, a listed reason excuses it, and a reason without need is found too."""
    plant(tmp_path, "tui/cli.py", "x = 1\n" * (MOST_LINES + 1))
    assert long_files(tmp_path, {}) == ["tui/cli.py has 351 lines, at most 350: a second noun is hiding in it"]
    assert long_files(tmp_path, {"tui/cli.py": "one table"}) == []
    assert long_files(tmp_path, {"tui/cli.py": "one table", "tui/gone.py": "?"}) == ["tui/gone.py needs no exception"]
