"""A process of the floor: one actor, its connection, its logs. Started by the supervisor, never by hand.

`python -m actors.host --handover FD` reads a `Handover` from the inherited descriptor. It ends when that is closed (the
supervisor is gone), on SIGTERM, when a newer incarnation of its name has the lease, or when the actor cannot go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from actors.database import DatabaseError
from actors.handover import Handover, read_handover
from actors.log_publisher import LogPublisher
from actors.logs import open_log
from actors.recovery import Recovered, recover
from actors.runtime import LoopScheduler, Runtime
from bus.clock import LiveClock, SimClock
from bus.eventlog import LogError
from bus.interface import BusError
from bus.lease import Lease, LeaseLost
from bus.natsbus import NatsBus
from bus.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.stdlib import BoundLogger

    from actors.inboxlog import InboxLog

__all__ = ["HostExit", "main", "serve"]

_BEAT_S = 1.0


class HostExit(IntEnum):
    """Why the process ended."""

    ORDERLY = 0
    SUPERSEDED = 3
    REFUSED = 4
    FAILED = 70
    UNUSABLE = 78


class _Ending:
    """The first reason to end wins."""

    def __init__(self, log: BoundLogger) -> None:
        self.event = asyncio.Event()
        self.code = HostExit.ORDERLY
        self._log = log

    def end(self, code: HostExit, reason: str) -> None:
        if self.event.is_set():
            return
        self.code = code
        self.event.set()
        if code == HostExit.ORDERLY:
            self._log.info("ending", reason=reason)
        else:
            self._log.error("ending", reason=reason, code=int(code))
            sys.stderr.write(f"{reason}\n")


async def _run(handover: Handover, descriptor: int) -> int:
    lines = LogPublisher(handover.name)
    log = open_log(
        Path(handover.home) / "log" / f"{handover.name}.log",
        handover.name,
        publish=lines.offer,
        secrets=(handover.seed, handover.signing_seed),
    )
    ending = _Ending(log)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ending.end, HostExit.ORDERLY, "SIGTERM")
    loop.add_reader(descriptor, ending.end, HostExit.ORDERLY, "the supervisor is gone")
    clock = SimClock() if handover.sim else LiveClock()
    try:
        tls = tls_context(handover.url, handover.settings.bus.ca)
        bus = NatsBus(handover.url, name=handover.name, clock=clock, seed=handover.seed, tls=tls)
        bus.on_trouble(lambda text: log.warning("trouble", text=text))
        await bus.open()
    except BusError as error:
        ending.end(HostExit.REFUSED, str(error))
        return ending.code
    recovered: Recovered | None = None
    try:
        lease = Lease(bus, handover.name, handover.incarnation) if handover.role != "session" else None
        if lease is not None:
            await lease.take()
        recovered = await recover(handover, bus)
        await _serve(handover, bus, recovered, lease, ending, log, lines)
    except LeaseLost as error:
        ending.end(HostExit.SUPERSEDED, str(error))
    except (BusError, OSError) as error:
        ending.end(HostExit.FAILED, f"{type(error).__name__}: {error}")
    except LogError as error:  # a full disk, most likely: it may have room again
        ending.end(HostExit.FAILED, str(error))
    except DatabaseError as error:
        ending.end(HostExit.FAILED if error.passing else HostExit.UNUSABLE, str(error))
    except ValueError as error:  # settings, strategies, feeds: what the user can mend
        ending.end(HostExit.UNUSABLE, str(error))
    finally:
        if recovered is not None:
            await recovered.close()
        await bus.close()
    return ending.code


async def _serve(
    handover: Handover,
    bus: NatsBus,
    recovered: Recovered,
    lease: Lease | None,
    ending: _Ending,
    log: BoundLogger,
    lines: LogPublisher,
) -> None:
    """Run the actor until there is a reason to end."""
    from nacl.signing import SigningKey

    def failed(error: BaseException) -> None:
        if isinstance(error, LeaseLost):
            ending.end(HostExit.SUPERSEDED, str(error))
        else:
            ending.end(HostExit.FAILED, f"{type(error).__name__}: {error}")

    scheduler = LoopScheduler(failed)
    runtime = Runtime(
        recovered.actor,
        bus,
        scheduler,
        inbox=_inbox(handover, recovered),
        database=recovered.database,
        signing_key=SigningKey(bytes.fromhex(handover.signing_seed)) if handover.signing_seed else None,
        fatal=lambda reason: ending.end(HostExit.FAILED, reason),
    )
    runtime.voice.write_to(log)
    lines.join(runtime.voice.say)
    history = len(recovered.history)
    await runtime.start(recovered.history)
    recovered.history = ()  # the whole of ORDERS, perhaps: the state holds what is needed of it
    # What is there by now stays; without this each full collection walks all of it, in the middle of an order.
    gc.collect()
    gc.freeze()
    log.info("started", role=handover.role, incarnation=handover.incarnation, history=history)
    scheduler.spawn(_beat(runtime))
    if lease is not None:
        scheduler.spawn(_hold(lease))
    try:
        await ending.event.wait()
    finally:
        runtime.stop()
        scheduler.close()
        with contextlib.suppress(BusError):  # the server may be gone already
            await bus.flush()
    log.info("stopped", **recovered.actor.gauges())


def _inbox(handover: Handover, recovered: Recovered) -> InboxLog | None:
    """The inbox log, if one is wanted. OSError when it cannot be written."""
    if not handover.inbox_dir:
        return None
    from actors.inboxlog import InboxLog

    folder = Path(handover.inbox_dir)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{handover.name}-{handover.incarnation}.jsonl"
    made_from = (recovered.config, recovered.state)
    limit = handover.inbox_bytes
    return InboxLog(path, handover.role, handover.name, handover.incarnation, *made_from, limit_bytes=limit)


async def _beat(runtime: Runtime) -> None:
    """A beat each second."""
    pid = os.getpid()
    while True:
        runtime.beat(pid)
        await asyncio.sleep(_BEAT_S)


async def _hold(lease: Lease) -> None:
    """A renewed lease each second. Raises LeaseLost."""
    while True:
        await lease.renew()
        await asyncio.sleep(_BEAT_S)


def main() -> int:
    """The process."""
    if len(sys.argv) != 3 or sys.argv[1] != "--handover" or not sys.argv[2].isdigit():  # noqa: PLR2004
        sys.stderr.write("actors.host is started by the supervisor; expected --handover DESCRIPTOR\n")
        return HostExit.UNUSABLE
    return serve(int(sys.argv[2]))


def serve(descriptor: int, *, handed_over: Callable[[], object] | None = None) -> int:
    """Be the process of the handover on this descriptor; `handed_over` is called when it has arrived."""
    try:
        handover = read_handover(descriptor)
    except EOFError as error:
        sys.stderr.write(f"{error}\n")
        return HostExit.ORDERLY
    if handed_over is not None:
        handed_over()
    if sys.platform == "win32":
        return asyncio.run(_run(handover, descriptor))
    import uvloop

    return uvloop.run(_run(handover, descriptor))


if __name__ == "__main__":
    sys.exit(main())
