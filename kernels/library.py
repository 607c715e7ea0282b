"""The compiled library: finds it, loads it once a process, and refuses one that was built from other sources.

The library lies beside the code in a wheel, and in the second folder of `kernels.__path__` in an editable install. It
carries the hash of the C sources it was compiled from; those are part of the package, so a library that does not belong
to them is found out before anything is called. The size of every struct that crosses the border is compared as well.

Nothing here imports NumPy.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable
from ctypes import POINTER, Structure, c_char_p, c_double, c_int, c_int32, c_int64, c_void_p
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import kernels
from kernels.errors import LibraryError

__all__ = ["FILE", "Kernel", "Option", "Status", "build_hash", "check_library", "extend", "library", "source_hash"]

FILE = {"win32": "libpitwire.dll", "darwin": "libpitwire.dylib"}.get(sys.platform, "libpitwire.so")
REMEDY = "in a checkout `make setup` builds it again; otherwise install the wheel again"

Doubles = POINTER(c_double)


class Status:
    """pw_status of pitwire.h."""

    OK = 0
    NULL = 1
    OPTION = 2
    NOT_FINITE = 3
    STATE = 4
    LENGTH = 5
    UNSORTED = 6
    FULL = 7
    RANGE = 8
    NO_RATE = 9
    PRICE = 10


class Size(Structure):
    """pw_struct_size."""

    _fields_: ClassVar = [("name", c_char_p), ("bytes", c_int64)]
    name: bytes
    bytes: int


class Option(Structure):
    """pw_option: the name and bounds of one option."""

    _fields_: ClassVar = [
        ("name", c_char_p),
        ("low", c_double),
        ("high", c_double),
        ("preset", c_double),
        ("whole", c_int32),
        ("reserved", c_int32),
    ]
    name: bytes
    low: float
    high: float
    preset: float
    whole: int


class Kernel(Structure):
    """pw_kernel: what a kernel takes and gives. Its functions are called by the library only."""

    _fields_: ClassVar = [
        ("name", c_char_p),
        ("inputs", POINTER(c_char_p)),
        ("options", POINTER(Option)),
        ("outputs", POINTER(c_char_p)),
        ("rule", c_char_p),
        ("n_inputs", c_int32),
        ("n_options", c_int32),
        ("n_outputs", c_int32),
        ("reserved", c_int32),
        ("holds", c_void_p),
        ("start", c_void_p),
        ("bytes", c_void_p),
        ("init", c_void_p),
        ("run", c_void_p),
    ]
    name: bytes
    rule: bytes | None
    n_inputs: int
    n_options: int
    n_outputs: int


KernelAt = POINTER(Kernel)
DoubleArrays = POINTER(Doubles)

# Each symbol with its types, in the order of pitwire.h.
SYMBOLS: dict[str, tuple[list[object], object]] = {
    "pw_build_hash": ([], c_char_p),
    "pw_struct_size_at": ([c_int32], POINTER(Size)),
    "pw_kernel_at": ([c_int32], KernelAt),
    "pw_check_options": ([KernelAt, Doubles, POINTER(c_int32)], c_int),
    "pw_start": ([KernelAt, Doubles], c_int64),
    "pw_state_bytes": ([KernelAt, Doubles], c_int64),
    "pw_begin": ([KernelAt, Doubles, c_void_p, c_int64], c_int),
    "pw_update": ([c_void_p, c_void_p, c_void_p, c_int64, c_void_p, c_void_p], c_int),
    "pw_batch": ([KernelAt, Doubles, c_void_p, c_int64, c_void_p, c_int64, c_void_p, c_void_p], c_int),
}
# The structs bound here, by their C names.
STRUCTS: dict[str, type[Structure]] = {"pw_struct_size": Size, "pw_option": Option, "pw_kernel": Kernel}


def source_hash(folder: Path) -> str:
    """The hash over the C sources in a folder, as CMakeLists.txt computes it at build time."""
    files = sorted([*folder.glob("*.c"), *folder.glob("*.h")], key=lambda path: path.name.encode())
    return sha256(
        "".join(f"{path.name}:{sha256(path.read_bytes()).hexdigest()}\n" for path in files).encode()
    ).hexdigest()


def find(folders: Iterable[str]) -> Path:
    """The library's file in the first of these folders that has it."""
    looked = [Path(folder) for folder in folders]
    for folder in looked:
        if (folder / FILE).is_file():
            return folder / FILE
    raise LibraryError(f"{FILE} is in none of {', '.join(map(str, looked))}; {REMEDY}")


def bind(loaded: ctypes.CDLL, symbols: dict[str, tuple[list[object], object]], path: Path) -> None:
    """Give each symbol its argument and result types."""
    for name, (argtypes, restype) in symbols.items():
        try:
            function = getattr(loaded, name)
        except AttributeError:
            raise LibraryError(f"{path} has no {name}: it was built from other sources; {REMEDY}") from None
        function.argtypes = argtypes
        function.restype = restype


def check_library(path: Path, sources: Path) -> ctypes.CDLL:
    """Load one library file and make sure that it belongs to the sources in a folder and to the structs bound here.

    Raises:
        LibraryError: it cannot be loaded, was built from other sources, or a struct has another size.
    """
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        raise LibraryError(f"{path} cannot be loaded: {error}; {REMEDY}") from None
    bind(loaded, {"pw_build_hash": SYMBOLS["pw_build_hash"]}, path)
    built = loaded.pw_build_hash().decode("ascii", "replace")
    wanted = source_hash(sources)
    if built != wanted:
        raise LibraryError(
            f"{path} was built from other sources: its hash is {built[:12]}, that of the sources in {sources} is "
            f"{wanted[:12]}; {REMEDY}"
        )
    bind(loaded, SYMBOLS, path)
    expect_sizes(loaded, STRUCTS, path)
    return loaded


def expect_sizes(loaded: ctypes.CDLL, structs: dict[str, type[Structure]], path: Path) -> None:
    """Compare the sizes of these structs, by their C names, with those that the library was compiled with."""
    compiled: dict[str, int] = {}
    while row := loaded.pw_struct_size_at(len(compiled)):
        compiled[row.contents.name.decode()] = row.contents.bytes
    for name, struct in structs.items():
        if compiled.get(name) != ctypes.sizeof(struct):
            raise LibraryError(
                f"{path}: {name} has {compiled.get(name, 'no')} bytes there and {ctypes.sizeof(struct)} here; {REMEDY}"
            )


def extend(symbols: dict[str, tuple[list[object], object]], structs: dict[str, type[Structure]]) -> ctypes.CDLL:
    """The library with more symbols bound and more struct sizes compared: for a module that binds its own functions.

    Raises:
        LibraryError: a symbol is not there, or a struct has another size.
    """
    loaded = library()
    path = Path(str(loaded._name))  # noqa: SLF001 (where a CDLL keeps its path)
    bind(loaded, symbols, path)
    expect_sizes(loaded, structs, path)
    return loaded


@cache
def library() -> ctypes.CDLL:
    """The library, loaded and checked at the first call.

    Raises:
        LibraryError: it is missing or does not belong to this package's sources.
    """
    return check_library(find(kernels.__path__), Path(kernels.__file__).parent)


def build_hash() -> str:
    """The hash of the C sources that everything is computed with; signals and backtests carry it."""
    return str(library().pw_build_hash().decode())
