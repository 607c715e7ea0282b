"""Starting the nursery's process: apart from who keeps it, because it should begin to import before that has."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import msgspec

from actors.program import environment, module_command

__all__ = ["Launched", "launch"]


class Launched(msgspec.Struct, frozen=True):
    """A nursery that was started and not spoken to yet, and the supervisor's end of its socket."""

    process: subprocess.Popen[bytes]
    socket: socket.socket


def launch(home: Path) -> Launched:
    """Start one for the floor in `home`. Raises OSError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        (home / "log").mkdir(parents=True, exist_ok=True, mode=0o700)
        with theirs, (home / "log" / "nursery.out").open("ab") as output:
            process = subprocess.Popen(
                module_command("actors.nursery", "--home", str(home), "--socket", str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env=environment(),
            )
    except BaseException:
        ours.close()
        raise
    return Launched(process, ours)
