"""The owner's key in the floor's folder: made once, kept, trusted only where nobody else can have it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import nkeys
import pytest
from commandline import pitwire

from actors.floor_error import Exit, FloorError
from actors.floor_keys import FloorKeys
from actors.owner_seed import OWNER_SEED, keep_owner_seed, read_owner_seed
from schemas.settings import Settings


def public(seed: str) -> str:
    """The half that the server gets."""
    text: str = nkeys.from_seed(bytearray(seed.encode())).public_key.decode()
    return text


def test_it_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    """A second start gives the same key, and no draft of it is left."""
    seed = keep_owner_seed(tmp_path)
    assert seed.startswith("SU")
    assert keep_owner_seed(tmp_path) == read_owner_seed(tmp_path) == seed
    path = tmp_path / OWNER_SEED
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_the_server_is_told_the_public_half_of_one_admin(tmp_path: Path) -> None:
    """The same at each start, in the account of people; everybody else's key is new."""
    first, second = (FloorKeys.of(Settings(), tmp_path) for _ in range(2))
    seed = keep_owner_seed(tmp_path)
    assert first.seed("owner") == second.seed("owner") == seed
    assert first.seed("guard") != second.seed("guard")
    for keys in (first, second):
        people = keys.include.partition("people_users:")[2]
        assert people.count("nkey:") == 1
        assert public(seed) in people
        assert "# owner, admin" in people
        assert seed not in keys.include
        assert seed not in repr(keys)


def opened(path: Path) -> None:
    """Others may read it."""
    path.chmod(0o640)


def opened_folder(path: Path) -> None:
    """Others may look into the folder, and put another file there."""
    path.parent.chmod(0o777)


def shortened(path: Path) -> None:
    """Its end is missing."""
    path.write_bytes(path.read_bytes()[:-9])


def emptied(path: Path) -> None:
    """Nothing is in it."""
    path.write_bytes(b"")


def altered(path: Path) -> None:
    """One letter is another; every character of it is still one of a key's."""
    data = path.read_bytes()
    path.write_bytes(data[:20] + (b"A" if data[20:21] != b"A" else b"B") + data[21:])


def another_kind(path: Path) -> None:
    """A good seed, but an account's."""
    path.write_bytes(nkeys.encode_seed(b"\1" * 32, nkeys.PREFIX_BYTE_ACCOUNT) + b"\n")


def garbage(path: Path) -> None:
    """No text at all."""
    path.write_bytes(os.urandom(64))


def replaced_by_a_folder(path: Path) -> None:
    """No file."""
    path.unlink()
    path.mkdir(mode=0o700)


def replaced_by_a_pipe(path: Path) -> None:
    """Reading it must not wait for somebody to write."""
    path.unlink()
    os.mkfifo(path, 0o600)


def lost_link(path: Path) -> None:
    """It leads nowhere; a new key must not be written through it."""
    path.unlink()
    path.symlink_to(path.with_name("gone"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (opened, "others may use it (mode 640); expected mode 600: chmod 600"),
        (opened_folder, "others may use it (mode 777); expected mode 700: chmod 700"),
        (shortened, "damaged"),
        (emptied, "damaged"),
        (altered, "damaged"),
        (another_kind, "damaged"),
        (garbage, "damaged"),
        (replaced_by_a_folder, "expected the owner's key"),
        (replaced_by_a_pipe, "no file"),
        (lost_link, "No such file"),
    ],
)
def test_what_cannot_be_trusted_is_refused_and_left_as_it_is(
    tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    """Never replaced: the terminals that hold the former key would be locked out without a word."""
    path = tmp_path / OWNER_SEED
    seed = keep_owner_seed(tmp_path)
    spoil(path)
    before = path.lstat()
    for use in (keep_owner_seed, read_owner_seed):
        with pytest.raises(FloorError) as caught:
            use(tmp_path)
        assert caught.value.code in {Exit.DATA, Exit.ENVIRONMENT}
        assert words in str(caught.value)
        assert str(path.parent) in str(caught.value)
        assert seed[:-9] not in str(caught.value)
    after = path.lstat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)


def test_a_folder_that_takes_no_key_is_named(tmp_path: Path) -> None:
    """The machine is in the way."""
    (tmp_path / "users").write_text("", encoding="utf-8")
    with pytest.raises(FloorError, match="users") as caught:
        keep_owner_seed(tmp_path)
    assert caught.value.code is Exit.ENVIRONMENT


def test_up_refuses_such_a_key_and_starts_nothing(tmp_path: Path) -> None:
    """Through the keeper and the supervisor, to the person at the terminal; and into no log."""
    home = tmp_path / "home"
    home.mkdir()
    seed = keep_owner_seed(home)
    opened(home / OWNER_SEED)
    done = pitwire("up", "--home", home, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (5, "")
    assert f"chmod 600 {home / OWNER_SEED}" in done.stderr
    logs = b"".join(path.read_bytes() for path in (home / "log").iterdir())
    assert seed.encode() not in logs + done.stderr.encode()
