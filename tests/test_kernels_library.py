"""The compiled library: the right one is loaded, any other is refused, and live processes carry no NumPy with it."""

from __future__ import annotations

import _ctypes
import ast
import shutil
import subprocess
import sys
from ctypes import Structure, c_int64
from pathlib import Path
from typing import ClassVar

import pytest

import kernels
from kernels import library as compiled
from kernels.errors import LibraryError

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "kernels"


def built() -> Path:
    """The library that this environment was given."""
    return compiled.find(kernels.__path__)


def test_the_library_was_built_from_these_sources() -> None:
    """Its hash is that of the C files beside the package, in hex."""
    assert kernels.build_hash() == compiled.source_hash(SOURCES)
    assert len(bytes.fromhex(kernels.build_hash())) == 32


def test_a_library_built_from_other_sources_is_refused(tmp_path: Path) -> None:
    """One changed byte in one source, or one more source, is another build; the text says what to do."""
    for path in SOURCES.iterdir():
        if path.suffix in {".c", ".h"}:
            shutil.copy(path, tmp_path)
    compiled.check_library(built(), tmp_path)
    (tmp_path / "new.c").write_text("")
    with pytest.raises(LibraryError, match=r"was built from other sources: its hash is .*`make setup` builds it again"):
        compiled.check_library(built(), tmp_path)
    (tmp_path / "new.c").unlink()
    (tmp_path / "ema.c").write_bytes((tmp_path / "ema.c").read_bytes() + b"\n")
    with pytest.raises(LibraryError, match="was built from other sources"):
        compiled.check_library(built(), tmp_path)


def test_a_library_with_another_hash_inside_is_refused(tmp_path: Path) -> None:
    """Also when the file is the one that differs."""
    other = tmp_path / compiled.FILE
    digest = kernels.build_hash().encode()
    content = built().read_bytes()
    assert content.count(digest) == 1
    other.write_bytes(content.replace(digest, b"0" * 64))
    with pytest.raises(LibraryError, match="its hash is 000000000000, that of the sources in "):
        compiled.check_library(other, SOURCES)


def test_a_struct_of_another_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field too many here, or a struct that the library does not know."""

    class Longer(Structure):
        _fields_: ClassVar = [("name", c_int64), ("bytes", c_int64), ("more", c_int64)]

    for name, text in (
        ("pw_struct_size", "pw_struct_size has 16 bytes there and 24 here"),
        ("pw_x", "pw_x has no bytes"),
    ):
        monkeypatch.setattr(compiled, "STRUCTS", {name: Longer})
        with pytest.raises(LibraryError, match=text):
            compiled.check_library(built(), SOURCES)


def test_files_that_are_no_such_library_are_refused(tmp_path: Path) -> None:
    """No library at all, another library, and none anywhere."""
    (tmp_path / compiled.FILE).write_text("not a library")
    with pytest.raises(LibraryError, match="cannot be loaded"):
        compiled.check_library(tmp_path / compiled.FILE, SOURCES)
    with pytest.raises(LibraryError, match="has no pw_build_hash: it was built from other sources"):
        compiled.check_library(Path(_ctypes.__file__), SOURCES)
    with pytest.raises(LibraryError, match=f"{compiled.FILE} is in none of .*make setup"):
        compiled.find([str(tmp_path / "empty")])


def test_a_live_process_uses_kernels_without_numpy() -> None:
    """Streams and bars tick by tick import none."""
    code = (
        "import sys, kernels\n"
        "assert kernels.Stream('ema', 1).update(2.0) == 2.0\n"
        "assert kernels.Bars(60).update(0, 1.0) is None\n"
        "sys.exit('numpy' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT / "tests").returncode == 0


def numpy_imports(root: Path) -> list[str]:
    """Each import of NumPy, or of a module that imports it, that runs when a module is imported; those of backtests,
    which no live process loads, among themselves apart.
    """
    found = []
    for package in ("actors", "bus", "kernels", "schemas", "tui"):
        for path in sorted((root / package).rglob("*.py")):
            if path.name.startswith("backtest") and package == "actors":
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            late = {
                id(inner)
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
                for inner in ast.walk(node)
            }
            for node in ast.walk(tree):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if id(node) not in late and any(
                    name.split(".")[0] == "numpy" or name.startswith(("kernels.arrays", "actors.backtest"))
                    for name in names
                ):
                    found.append(path.relative_to(root).as_posix())
    return found


def test_only_the_module_of_arrays_imports_numpy_at_once() -> None:
    """Everything else imports it inside the function that needs it."""
    assert numpy_imports(ROOT) == ["kernels/arrays.py"] * 2


def test_an_early_import_of_numpy_is_found(tmp_path: Path) -> None:
    """The check above can fail."""
    (tmp_path / "actors").mkdir()
    (tmp_path / "actors" / "guard.py").write_text("import numpy as np\n")
    (tmp_path / "actors" / "late.py").write_text("def f():\n    import numpy\n")
    assert numpy_imports(tmp_path) == ["actors/guard.py"]
