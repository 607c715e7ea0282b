"""All actors' processes: started in order, started again within their budgets, judged by their beats, stopped in order.

Owns the posts. Tells `health.process`, `session.state` (stored) and alerts through the supervisor's announcer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from structlog.stdlib import BoundLogger

from actors.announcer import Announcer
from actors.floor_error import Exit, FloorError
from actors.floor_plan import Place, places, session_settings, waves
from actors.handover import write_handover
from actors.incarnations import Incarnations
from actors.nursery_post import NurseryPost
from actors.outfit import Outfit
from actors.post import Post
from actors.program import describe_exit
from actors.restart_budget import RestartBudget
from bus.clock import monotonic_us
from bus.interface import BusError
from schemas.health import Beat
from schemas.session import SessionState
from schemas.token import token

__all__ = ["STOP_GRACE_S", "Crew"]

STOP_GRACE_S = 5.0
"""How long a process may take to end after it was asked, before it is killed."""
_START_WITHIN_S = 45.0
_BAD_DATA = 78
_STOP_ORDER = ("session", "feed", "guard", "router", "gateway", "portfolio", "recorder", "watch")
_LAST_WORDS_US = 2_000_000
_AGAIN_S = 1.0


class Crew:
    """The processes of one floor.

    `fatal` is told of a death that the floor cannot survive: any during the start, and any in simulated time.
    `server_up` is set while the bus can be used; `listening` says whether beats could be heard now.
    """

    def __init__(
        self,
        outfit: Outfit,
        voice: Announcer,
        log: BoundLogger,
        *,
        nursery: NurseryPost,
        server_up: asyncio.Event,
        listening: Callable[[], bool],
        fatal: Callable[[FloorError], None],
    ) -> None:
        self.started = False
        self._outfit = outfit
        self._voice = voice
        self._log = log
        self._nursery = nursery
        self._server_up = server_up
        self._listening = listening
        self._fatal = fatal
        self.posts = {token(place.name): Post(place, self._budget()) for place in places(outfit.settings)}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._session_states: dict[str, SessionState] = {}
        self._storing = asyncio.Lock()

    def _budget(self) -> RestartBudget:
        """Simulated time cannot go on past a death: nothing is restarted there."""
        return RestartBudget(0) if self._outfit.sim else RestartBudget()

    # ---- start

    async def start(self, incarnations: Incarnations) -> None:
        """Start all, wave by wave; return when each has beaten. Raises FloorError for one that stays silent."""
        self._incarnations = incarnations
        for wave in waves(self._outfit.settings):
            posts = [self.posts[token(place.name)] for place in wave]
            for post in posts:
                await self._fill(post)
                self._task(self._keep(post))
            try:
                async with asyncio.timeout(_START_WITHIN_S):
                    for post in posts:
                        await post.ready.wait()
            except TimeoutError:
                silent = ", ".join(post.place.name for post in posts if not post.ready.is_set())
                message = f"{silent}: no sign of life within {_START_WITHIN_S:g} s"
                raise FloorError(Exit.FAILED, message) from None
        self.started = True

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("keeping a process failed", exc_info=error)
            self._fatal(FloorError(Exit.FAILED, f"a process could not be started: {error}"))

    async def _fill(self, post: Post) -> None:
        """Start the process of a place with the next incarnation. A session may trade from here on."""
        place = post.place
        incarnation = self._incarnations.next()
        if place.session:
            await self._tell_session(place, "running")
        handover = self._outfit.handover(place, incarnation)
        child = await self._nursery.spawn(
            place.name, self._outfit.output(place), lambda pipe: write_handover(pipe, handover)
        )
        post.filled(child, incarnation, monotonic_us())
        self._tell(post)
        self._log.info("started", process=place.name, pid=child.pid, number=incarnation)

    # ---- while it runs

    async def _keep(self, post: Post) -> None:
        """Wait for the end of the place's process and start the next one, until the budget is spent."""
        name = post.place.name
        while (child := post.child) is not None:
            status = await child.wait()
            words = child.last_words()
            reason = f"{describe_exit(status)}{f': {words}' if words else ''}"
            if self._outfit.sim or not self.started:
                post.vacated("failed", reason)
                self._tell(post)
                code = Exit.DATA if status == _BAD_DATA else Exit.FAILED
                self._fatal(FloorError(code, f"{name} {reason}"))
                return
            post.vacated("dead", reason)
            delay_us = post.budget.ask(monotonic_us()) if status != _BAD_DATA else None
            if delay_us is None:
                await self._give_up(post, reason)
                return
            self._tell(post)
            self._log.warning("restarting", process=name, reason=reason, delay_us=delay_us)
            self._voice.alert("warning", "restarted", f"{name} {reason}; it is started again", process=name)
            await asyncio.sleep(delay_us / 1_000_000)
            await self._server_up.wait()
            if post.place.session:
                await self._tell_session(post.place, "starting", reason)
            await self._fill(post)

    async def _give_up(self, post: Post, reason: str) -> None:
        name = post.place.name
        post.vacated("failed", f"not started again ({post.budget.describe()}): {reason}")
        self._tell(post)
        self._log.error("given up", process=name, reason=reason)
        text = f"{name} {reason}; not started again ({post.budget.describe()})"
        self._voice.alert("critical", "gave_up", text, process=name)
        if post.place.session:
            await self._tell_session(post.place, "failed", reason)

    def beat(self, name_token: str, beat: Beat) -> None:
        """A beat was heard on `health.beat.<name_token>`."""
        post = self.posts.get(name_token)
        if post is not None and post.pulse.beat(beat, monotonic_us()):
            post.ready.set()

    def excuse(self) -> None:
        """Nobody could be heard for a while: silence counts from now on only."""
        for post in self.posts.values():
            post.pulse.excuse(monotonic_us())

    def tell_again(self) -> None:
        """Whoever listens may have missed something: say anew what became of every process."""
        for post in self.posts.values():
            post.told = None
            self._tell(post)

    def _tell(self, post: Post) -> None:
        """Say what became of a process, if it was not said yet."""
        told = post.process()
        if told is not None:
            self._voice.say(told)

    def judge(self) -> None:
        """Take everybody's state from the age of the beats and kill what is hung."""
        now_us = monotonic_us()
        if not self._listening():
            self.excuse()
        for post in self.posts.values():
            post.look(now_us)
            if post.child is not None and post.pulse.hung(now_us):
                name, silent_s = post.place.name, post.pulse.age_us(now_us) // 1_000_000
                self._log.error("hung", process=name, pid=post.child.pid, silent_s=silent_s)
                text = f"{name}: no beat for {silent_s} s; its process is killed"
                self._voice.alert("critical", "hung", text, process=name)
                post.child.kill()
                post.pulse.excuse(now_us)

    def trim_output(self) -> None:
        """Keep what the processes write to their output files within bounds."""
        for post in self.posts.values():
            if post.child is not None and post.child.trim_output():
                self._log.warning("output cut", process=post.place.name)

    async def _tell_session(
        self, place: Place, state: Literal["starting", "running", "stopped", "failed"], reason: str = ""
    ) -> None:
        """Store a session's state: the guard clears nothing of one that is not running."""
        wanted = session_settings(self._outfit.settings, place.session)
        event = SessionState(
            session=wanted.id,
            account=wanted.account,
            strategy=wanted.strategy,
            symbols=wanted.symbols,
            state=state,
            reason=reason,
            params={key: str(value) for key, value in wanted.params.items()},
        )
        self._session_states[wanted.id] = event
        if not await self._store_session(event) and not self._stopping:
            self._task(self._store_session_later(event))

    async def _store_session(self, event: SessionState) -> bool:
        """Whether it is stored, or there is something newer to tell of the session."""
        async with self._storing:
            if self._session_states[event.session] is not event:
                return True
            try:
                await self._voice.store(event, within_us=_LAST_WORDS_US if self._stopping else 10_000_000)
            except BusError as error:
                self._log.error("session state not stored", session=event.session, state=event.state, error=str(error))
                return False
            return True

    async def _store_session_later(self, event: SessionState) -> None:
        """A running session of which the guard has not heard could open nothing for good."""
        stored = False
        while not stored:
            await asyncio.sleep(_AGAIN_S)
            stored = await self._store_session(event)

    # ---- stop

    async def stop(self) -> None:
        """Ask all to end, sessions first, recorder and watch last; kill what has not ended in time. Idempotent."""
        self._stopping = True
        keeping = list(self._tasks)
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)
        for role in _STOP_ORDER:
            posts = [post for post in self.posts.values() if post.place.role == role]
            await asyncio.gather(*(self._stop_one(post) for post in posts))

    async def _stop_one(self, post: Post) -> None:
        child = post.child
        if child is None:
            return
        if not await child.stop(STOP_GRACE_S):
            self._log.warning("killed", process=post.place.name, pid=child.pid, grace_s=STOP_GRACE_S)
        post.vacated("stopped", "")
        self._tell(post)
        if post.place.session and self._server_up.is_set():
            await self._tell_session(post.place, "stopped")
