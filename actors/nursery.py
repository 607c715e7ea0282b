"""The nursery: a small process that has imported what every actor's process needs, and forks them.

A forked process is there in milliseconds and shares the imported modules' memory with all others. Owns no connection,
no thread, no secret and nobody's state: the handover goes through a pipe that only the new process reads, and a user's
strategy is imported there. Linux only; started by `actors.nursery_post`, never by hand.

`python -m actors.nursery --home DIR --socket FD` says `ready`, then takes one request a datagram: the actor's name,
with the reading end of its handover pipe and its output file attached. It answers with the new process's number, or
with `!` and why there is none. The new process is an orphan on purpose: the supervisor adopts it and collects its end.
The end of file on the socket, the supervisor's death, ends the nursery. `--home` is for those who read `ps`.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
import socket
import sys

__all__ = ["READY", "REFUSED", "main"]

READY = b"ready"
REFUSED = b"!"
_NAME_LIMIT = 4096
_ANSWER_LIMIT = 200
_PR_SET_NAME = 15
_MODULES = (
    "actors.database",
    "actors.feed_config",
    "actors.host",
    "actors.inboxlog",
    "actors.paper_book",
    "actors.recorder_schema",
    "actors.session_book",
    "actors.strategies",
    "nacl.signing",
    "uvloop",
)
"""What actors' processes import, beside their roles' own modules."""


def _prepare() -> None:
    """Import, and let no garbage collection touch it again: a page that nobody writes to stays shared."""
    from actors.roles import ROLES

    for module in (*_MODULES, *(role[0] for role in ROLES.values())):
        importlib.import_module(module)
    gc.collect()
    gc.freeze()


def _serve(supervisor: socket.socket) -> int | None:
    """Answer requests. Returns None at the end of file and, in each new process, the descriptor of its handover."""
    supervisor.send(READY)
    while True:
        name, descriptors, _, _ = socket.recv_fds(supervisor, _NAME_LIMIT, 2)
        if not name:
            return None
        answer = _fork(name)
        if not answer:
            handover, output = descriptors
            _settle(handover, output)
            return handover
        for descriptor in descriptors:
            os.close(descriptor)
        supervisor.send(answer)


def _fork(name: bytes) -> bytes:
    """Fork a process of this name that is nobody's child here. The answer to the request; empty in the new process.

    The process in between ends at once, and with that the kernel gives the new one to the supervisor: when this
    returns, it has happened.
    """
    reading, writing = os.pipe()
    between = os.fork()
    if not between:
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name, 0, 0, 0)  # the name is inherited
        try:
            answer = str(os.fork() or "").encode()
        except OSError as error:
            answer = REFUSED + str(error).encode()
        if not answer:
            return b""
        os.write(writing, answer)
        os._exit(0)
    os.close(writing)
    os.waitpid(between, 0)
    answer = os.read(reading, _ANSWER_LIMIT)
    os.close(reading)
    return answer or REFUSED + b"killed while it forked"


def _settle(handover: int, output: int) -> None:
    """Be as if started by exec: own output, no descriptor but the handover's, no signal blocked."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, handover)
    os.closerange(handover + 1, os.sysconf("SC_OPEN_MAX"))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    importlib.invalidate_caches()


def main() -> int:
    """The nursery, and each process that it forks."""
    arguments = sys.argv[1:]
    if len(arguments) != 4 or arguments[0::2] != ["--home", "--socket"] or not arguments[3].isdigit():  # noqa: PLR2004
        sys.stderr.write("actors.nursery is started by the supervisor; expected --home DIR --socket DESCRIPTOR\n")
        return 78
    with socket.socket(fileno=int(arguments[3])) as supervisor:
        supervisor.set_inheritable(False)
        _prepare()
        try:
            handover = _serve(supervisor)
        except ConnectionError:  # the supervisor was killed in the middle of a request
            return 0
        if handover is None:
            return 0
        supervisor.detach()  # closed already in a new process; the number may be another's by now
    from actors.host import serve

    return serve(handover, handed_over=os.setsid)


if __name__ == "__main__":
    sys.exit(main())
