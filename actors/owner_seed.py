"""The owner's identity at a floor's terminals: an NKey seed in `<home>/users/owner.seed`.

Owns the file: made once, kept over every restart, and readable by nobody else, because whoever has it may do on this
floor whatever its owner may. One that cannot be trusted is refused and never replaced: with a new key in its place the
terminals that hold the former one would be locked out without a word. The seed is in no error's text.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import sys
from pathlib import Path

import nkeys

from actors.floor_error import Exit, FloorError

__all__ = ["OWNER", "OWNER_ROLE", "OWNER_SEED", "keep_owner_seed", "read_owner_seed"]

OWNER = "owner"
"""The identity's name: the user in the subjects of what its terminals ask and command."""
OWNER_ROLE = "admin"
OWNER_SEED = Path("users") / "owner.seed"
"""Where the seed lies in the home."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SEED = re.compile(rb"SU[A-Z2-7]{56}")
_LONGEST = 1_000


def keep_owner_seed(home: Path) -> str:
    """The seed, made if there is none yet.

    Raises FloorError: there is one that cannot be used (see `read_owner_seed`), or none can be written.
    """
    path = home / OWNER_SEED
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not os.path.lexists(path):
            _write(path, nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER))
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror or error}; expected a folder that can be written to"
        raise FloorError(Exit.ENVIRONMENT, message) from error
    return read_owner_seed(home)


def read_owner_seed(home: Path) -> str:
    """The seed of the folder's owner.

    Raises FloorError: not there, not readable, readable by others, or not what was written there.
    """
    path = home / OWNER_SEED
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(descriptor, "rb") as file:
            folder, found = path.parent.stat(), os.fstat(file.fileno())
            _check(path.parent, folder, 0o700)
            _check(path, found, 0o600)
            if not stat.S_ISREG(found.st_mode):
                raise FloorError(Exit.DATA, f"{path}: no file; expected the owner's key as `pitwire up` wrote it")
            data = file.read(_LONGEST)
    except FileNotFoundError as error:
        message = f"{path}: No such file; expected the owner's key, which `pitwire up` makes"
        raise FloorError(Exit.DATA, message) from error
    except OSError as error:
        message = (
            f"{path}: cannot be read: {error.strerror or error}; expected the owner's key as `pitwire up` wrote it"
        )
        raise FloorError(Exit.ENVIRONMENT, message) from error
    seed = data.removesuffix(b"\n")
    if not _is_seed(seed):
        message = (
            f"{path}: damaged, or not written by Pitwire; expected the owner's key as `pitwire up` wrote it: "
            "put it back from a copy, or delete it and the next `pitwire up` makes a new one"
        )
        raise FloorError(Exit.DATA, message)
    return seed.decode()


def _check(path: Path, found: os.stat_result, mode: int) -> None:
    """FloorError when somebody else could use it."""
    if sys.platform == "win32":
        return
    if found.st_uid != os.geteuid():
        message = f"{path}: belongs to user {found.st_uid}; expected the one who starts the floor ({os.geteuid()})"
        raise FloorError(Exit.DATA, message)
    if found.st_mode & _OTHERS:
        actual = stat.S_IMODE(found.st_mode)
        message = f"{path}: others may use it (mode {actual:o}); expected mode {mode:o}: chmod {mode:o} {path}"
        raise FloorError(Exit.DATA, message)


def _is_seed(seed: bytes) -> bool:
    """Whether it is a user's seed with the right checksum, which nkeys does not look at."""
    if not _SEED.fullmatch(seed):
        return False
    try:
        prefix, raw = nkeys.decode_seed(bytearray(seed))
        return bool(nkeys.encode_seed(bytes(raw), prefix) == seed and prefix == nkeys.PREFIX_BYTE_USER)
    except (nkeys.NkeysError, ValueError):
        return False


def _write(path: Path, seed: bytes) -> None:
    """Whole or not at all, and never in the place of another. Raises OSError."""
    draft = path.with_name(f"{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(seed + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
