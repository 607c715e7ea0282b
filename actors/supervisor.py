"""The supervisor: parent of the bus server and of every actor's process.

Owns `<home>/run/` and one floor. `start` brings it up in order (server, streams, feed, then everything that decides or
remembers, then sessions) and returns when all of it is alive. From then on what ends is started again within its
budget, what hangs is ended, and what happens is told: `session.state` (stored), `health.process`, `alert`, `audit` and
the status file. Hears `health.beat`, `hello.watch`, `alert.critical` and the server's log.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil

from actors.announcer import NAME, Announcer
from actors.bus_post import bus_post
from actors.crew import Crew
from actors.explained import explained
from actors.floor_error import Exit, FloorError
from actors.floor_keys import FloorKeys
from actors.floor_status import STATUS, FloorState, FloorStatus, write_status
from actors.home import folder_error, open_home
from actors.incarnations import Incarnations
from actors.leftovers import end_leftovers
from actors.log_budget import over_budget, trim_logs
from actors.log_publisher import LogPublisher
from actors.logs import open_log
from actors.nursery_launch import Launched
from actors.nursery_post import NurseryPost
from actors.outfit import Outfit
from actors.restart_budget import RestartBudget
from actors.stream_setup import rewind_recorder
from actors.violation_alerts import tell_violations
from bus.clock import LiveClock, monotonic_us, wall_us
from bus.identities import IdentityError
from bus.interface import BusError, Incoming
from bus.lease import Lease
from bus.natsbus import NatsBus
from bus.tls import tls_context
from schemas.codec import CodecError, decode_as
from schemas.health import Alert, Beat, Hello
from schemas.settings import Settings

__all__ = ["Supervisor"]

_LOOK_S = 0.25
_SECOND_US = 1_000_000
_MINUTE_S = 60
_RECONNECTED_S = 1.5
_LAST_WORDS_US = 2_000_000


class Supervisor:
    """One floor in one folder: `start`, then `watch`, then `stop`, all from one task."""

    def __init__(
        self,
        home: Path,
        settings: Settings,
        *,
        inbox_dir: Path | None = None,
        nursery: Launched | None = None,
        before_crew: Callable[[Supervisor], Awaitable[None]] | None = None,
        after_crew: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Make the folders; nothing runs yet. `inbox_dir`: where inbox logs go instead of `<home>/inbox`.
        `nursery`: one that was launched for this floor already.
        `before_crew` and `after_crew` are called when the bus is up and no actor runs yet, or any more: for whoever
        wants to hear everything.

        Raises FloorError when the folder cannot be used, or for settings that no floor can have.
        """
        self.home = home.absolute()
        self.settings = settings
        self.sim = settings.feed.speed == 0
        open_home(self.home)
        try:
            lines = LogPublisher(NAME)
            self._log = open_log(self.home / "log" / f"{NAME}.log", NAME, publish=lines.offer)
            self.keys = FloorKeys.of(settings, self.home)
        except OSError as error:
            raise folder_error(self.home, error) from error
        except IdentityError as error:
            raise FloorError(Exit.DATA, str(error)) from error
        self._incarnations = Incarnations(
            self.home / "run" / "incarnation",
            history=bool(settings.bus.url) or (self.home / "nats" / "store").exists(),
        )
        self._number = self._incarnations.next()
        self._server_post = bus_post(self.home, settings, self.keys)
        self.server = self._server_post.server
        self.voice = Announcer(self._number, self._log, lines)
        self.nursery = NurseryPost(self.home, self._log, RestartBudget(), launched=nursery)
        self._outfit = Outfit(self.home, settings, self.keys, inbox_dir)
        self.crew = Crew(
            self._outfit,
            self.voice,
            self._log,
            nursery=self.nursery,
            server_up=self._server_post.up,
            listening=lambda: self._server_post.fit and self._bus is not None and self._bus.up,
            fatal=self._finish,
        )
        self._before_crew = before_crew
        self._after_crew = after_crew
        self._bus: NatsBus | None = None
        self._state: FloorState = "starting"
        self._reason = ""
        self._began_us = wall_us()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # ---- start

    async def start(self) -> None:
        """Bring the floor up; return when every process has beaten and the server is fit for orders.

        Raises FloorError, with nothing left running.
        """
        starting = asyncio.ensure_future(self._start())
        try:
            await asyncio.wait({starting, self._end}, return_when=asyncio.FIRST_COMPLETED)
            if self._end.done():
                self._end.result()
            await starting
        except BaseException as error:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            failure = explained(self.home, error)
            await self.stop(str(failure) if failure is not None else "interrupted", failed=True)
            if failure is None or failure is error:
                raise
            raise failure from error

    async def _start(self) -> None:
        self._log.info("starting", home=str(self.home), number=self._number, sim=self.sim)
        end_leftovers(self.home, self._log)
        self.nursery.open()
        self._task(self.nursery.keep())
        self._write_status()
        await self._server_post.open()
        self._write_status()  # a terminal can connect from here on
        self._task(self._server_post.keep(self._server_told))
        tls = tls_context(self.server.url, self.settings.bus.ca)
        bus = self._bus = NatsBus(self.server.url, name=NAME, clock=LiveClock(), seed=self.keys.seed(NAME), tls=tls)
        bus.on_trouble(lambda text: self._log.warning("trouble", text=text))
        await bus.open()
        lease = Lease(bus, NAME, self._number)
        await lease.take()
        await self.voice.join(bus)
        bus.on_link(self._link_changed)
        bus.subscribe("health.beat.*", self._heard_beat)
        bus.subscribe("hello.watch", lambda _: self.crew.tell_again())
        bus.subscribe("alert.critical.*", self._heard_alert)
        await bus.flush()
        self._task(self._look())
        self._task(self._hold(lease))
        self._task(self._keep_log_budget())
        self._task(tell_violations(self.server.log, self.keys, self.voice, self._log))
        if again := await rewind_recorder(self.server.url, self.keys, self.home / "data" / "pitwire.sqlite", tls=tls):
            self._log.warning("the database lacks what was recorded before; it is read again", first=again)
        if self._before_crew is not None:
            await self._before_crew(self)
        self._outfit.url = self.server.url
        await self.crew.start(self._incarnations)
        problem = await self.server.problem()
        if problem:
            raise FloorError(Exit.FAILED, problem)
        await self.voice.audit("floor.up", "ok", pid=str(os.getpid()), incarnation=str(self._number))
        self.voice.say(Hello(actor=NAME, role=NAME))
        self._state = "running"
        self.crew.judge()
        self._write_status()
        self._log.info("running", url=self.server.url)

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._log.error("the supervisor failed", exc_info=error)
        self._finish(explained(self.home, error) or FloorError(Exit.FAILED, f"the supervisor failed: {error!r}"))

    def _finish(self, error: FloorError) -> None:
        """The floor cannot go on. The first reason counts."""
        if not self._end.done():
            self._end.set_exception(error)

    # ---- what is heard

    def _heard_beat(self, incoming: Incoming) -> None:
        with contextlib.suppress(CodecError):
            self.crew.beat(incoming.subject.rpartition(".")[2], decode_as(Beat, incoming.data))

    def _heard_alert(self, incoming: Incoming) -> None:
        with contextlib.suppress(CodecError):
            alert = decode_as(Alert, incoming.data)
            if incoming.subject != f"alert.critical.{NAME}":  # its own are in its log already
                self._log.error("alert", source=alert.actor, code=alert.code, text=alert.text)
            # The server pins the last token to the sender: a session cannot end the floor in the feed's name.
            if self.sim and incoming.subject == "alert.critical.feed" and alert.code in {"sim_broken", "feed_broken"}:
                self._finish(FloorError(Exit.FAILED, f"simulated time broke: {alert.actor}: {alert.text}"))

    def _link_changed(self, up: bool) -> None:
        self._log.info("link", up=up)
        self.crew.excuse()
        if up:
            self.crew.tell_again()

    def _server_told(self, code: str, text: str) -> None:
        self._log.warning("server", code=code, text=text)
        self._task(self._tell_of_the_server(code, text))

    async def _tell_of_the_server(self, code: str, text: str) -> None:
        """When the others have had the time to connect again."""
        await asyncio.sleep(_RECONNECTED_S)
        self.voice.alert("critical", code, text)

    # ---- what is told

    async def _look(self) -> None:
        """Judge the beats four times a second; each second write the status and beat."""
        looked = told = monotonic_us()
        while True:
            await asyncio.sleep(_LOOK_S)
            now = monotonic_us()
            if now - looked > _SECOND_US:
                self.crew.excuse()  # it was this process that did not listen
            looked = now
            self.crew.judge()
            if now - told >= _SECOND_US:
                told = now
                self._write_status()
                self.voice.say(Beat(actor=NAME, state=self._state, pid=os.getpid()))
                self.crew.trim_output()

    async def _keep_log_budget(self) -> None:
        """Once a minute: the oldest inbox logs go when all of them take more than `store.log_mb`."""
        folder, limit = self.home / "inbox", self.settings.store.log_mb * 2**20
        while True:
            in_use = {f"{post.place.name}-{post.incarnation}.jsonl" for post in self.crew.posts.values()}
            gone = await asyncio.to_thread(trim_logs, folder, limit, in_use)
            if gone:
                self._log.info("inbox logs deleted", files=gone)
            over = over_budget(folder, limit)
            if over:
                self.voice.alert("warning", "log_budget", f"{folder}: logs in use are {over:,} bytes over store.log_mb")
            await asyncio.sleep(_MINUTE_S)

    async def _hold(self, lease: Lease) -> None:
        """Renew the lease each second; another supervisor's, on the same server, ends this one."""
        while True:
            await asyncio.sleep(1)
            await self._server_post.up.wait()
            await lease.renew()

    def status(self) -> FloorStatus:
        """How things are."""
        now = monotonic_us()
        return FloorStatus(
            state=self._state,
            reason=self._reason,
            written=wall_us(),
            started=self._began_us,
            pid=os.getpid(),
            created=psutil.Process().create_time(),
            incarnation=self._number,
            home=str(self.home),
            url=self.server.url if self.server.port else "",
            port=self.server.port,
            sim=self.sim,
            actors=(
                self._server_post.status(now),
                *self.nursery.status(now),
                *(post.status(now) for post in self.crew.posts.values()),
            ),
        )

    def _write_status(self) -> None:
        try:
            write_status(self.home / STATUS, self.status())
        except OSError as error:
            self._log.error("status not written", error=str(error))

    # ---- end

    async def watch(self) -> None:
        """Wait for the end of a floor that cannot go on: raises FloorError. Cancelled by whoever stops it."""
        await asyncio.shield(self._end)

    async def stop(self, reason: str = "", *, failed: bool = False) -> None:
        """End everything in order and leave a status file that says so. Idempotent, never raises."""
        if self._stopped:
            return
        self._stopped = True
        self._state, self._reason = "stopping", reason
        self._write_status()
        self.voice.say(Beat(actor=NAME, state=self._state, pid=os.getpid()))  # no end is a death now
        self._log.info("stopping", reason=reason)
        await self.crew.stop()
        if self._after_crew is not None:
            await self._after_crew()
        if self._bus is not None and self._server_post.up.is_set():
            try:
                await self.voice.audit(
                    "floor.down", "failed" if failed else "ok", within_us=_LAST_WORDS_US, reason=reason
                )
            except BusError as error:
                self._log.warning("end not audited", error=str(error))
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._bus is not None:
            await self._bus.close()
        await self.nursery.stop()
        await self._server_post.stop()
        if not self._end.cancelled() and self._end.done():
            self._end.exception()
        self._state = "failed" if failed else "stopped"
        self._write_status()
        self._log.info("stopped")
