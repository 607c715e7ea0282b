"""The identities of a floor on an external server, in a file: that server must know their public halves beforehand.

Owns the file's shape, that nobody but its owner can read it, and what people are told when it does not fit. It holds
secrets: none of them is in an error's text.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import Literal

import msgspec

from actors.floor_error import Exit, FloorError

__all__ = ["KeptKey", "KeysFile", "read_keys", "write_keys"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeptKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One identity. `account` and `session` are what the server lets it speak of; `seed` is a secret."""

    role: str
    seed: str
    account: str = ""
    session: str = ""

    def __repr__(self) -> str:
        """Without the secret."""
        return f"KeptKey(role={self.role!r})"


class KeysFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All identities by name, and the guard's signing key (hex), which is a secret too."""

    version: Literal[1] = 1
    identities: dict[str, KeptKey]
    signing_seed: str

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"KeysFile({', '.join(sorted(self.identities))})"


def read_keys(path: Path) -> KeysFile:
    """Read the file. Raises FloorError: not there, readable by others, or not what `write_keys` wrote."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & _OTHERS and sys.platform != "win32":
                message = f"{path}: others may use it (mode {mode:o}); expected mode 600: chmod 600 {path}"
                raise FloorError(Exit.DATA, message)
            data = file.read()
    except OSError as error:
        message = f"{path}: {error.strerror or error}; expected the file that `pitwire keys {path}` writes (bus.keys)"
        raise FloorError(Exit.DATA, message) from error
    try:
        return msgspec.json.decode(data, type=KeysFile)
    except msgspec.DecodeError:  # its text could quote a secret
        message = f"{path}: damaged, or not written by `pitwire keys`; expected the JSON that it writes"
        raise FloorError(Exit.DATA, message) from None


def write_keys(path: Path, keys: KeysFile, *, replace: bool = False) -> None:
    """Write the file so that only its owner can read it, whole or not at all.

    Raises FloorError when there is one already and `replace` is false, or when it cannot be written.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(keys), indent=1) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if replace:
                draft.replace(path)
            else:
                os.link(draft, path)  # refuses, where a rename would replace
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()
    except FileExistsError as error:
        message = f"{path}: there already; --force replaces it, and locks out who uses the keys that it holds"
        raise FloorError(Exit.DATA, message) from error
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror or error}"
        raise FloorError(Exit.ENVIRONMENT, message) from error
