"""The watch against a simulated floor: random freezes, deaths, restarts, outages, and words that come late."""

from __future__ import annotations

from typing import Literal

import msgspec
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st
from watch_bench import ACTORS, MS, NUMBERS, SECOND, Bench

from actors.effects import EventIn, TimerIn
from schemas.base import Event
from schemas.codec import decode, encode
from schemas.health import Beat, HealthState, Hello, ProcessState
from schemas.registry import subject_of

SLOT = 50 * MS
BEAT = SECOND // SLOT
LOOK = 250 * MS
_LONG = 1_500 * MS
CHILDREN = ACTORS[1:4]
What = Literal["nothing", "freeze", "thaw", "kill", "give_up", "start", "stale", "again", "deaf", "pause", "hello"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["nothing", "freeze", "freeze", "thaw", "kill", "give_up", "start", "start", "stale"])
        | st.sampled_from(["again", "deaf", "pause", "hello"]),
        st.sampled_from(CHILDREN),
        st.sampled_from([1, 7, 20, 45, 62, 70, 100]),
    ),
    min_size=5,
    max_size=25,
)


class Process:
    """One of the floor's processes, as it really is. `heard_at`: when the watch last heard this incarnation."""

    def __init__(self, actor: str, number: int, phase: int) -> None:
        self.actor = actor
        self.number = number
        self.phase = phase
        self.runs = True
        self.frozen = False
        self.failed = False
        self.heard_at = 0

    def word(self) -> ProcessState:
        """What its parent says."""
        state: Literal["started", "failed", "ended"] = "started" if self.runs else "failed" if self.failed else "ended"
        return ProcessState(actor=self.actor, role="any", state=state, number=self.number)

    def beat(self) -> Beat:
        """What it says of itself."""
        return msgspec.structs.replace(Beat(actor=self.actor, state="running"), incarnation=self.number)


class World:
    """The floor, the watch, and what must be true of what it says. Time goes in slots of 50 ms."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.processes = {
            actor: Process(actor, number, 3 * number) for actor, number in NUMBERS.items() if actor != "watch"
        }
        self.next_number = 10
        self.slot = 0
        self.deaf_until = self.paused_until = 0
        self.heard_from = self.excused_at = self.bench.now
        self.long = False
        self.waiting: list[Event] = []
        for process in self.processes.values():
            if process.actor != "supervisor":
                self.deliver(process.word())

    @property
    def now(self) -> int:
        """The world's clock."""
        return self.bench.now

    def deliver(self, event: Event) -> None:
        """To the watch, if it can hear; what comes while it is paused waits in its socket."""
        if self.slot < self.deaf_until:
            return
        if self.slot < self.paused_until:
            self.waiting.append(event)
            return
        process = self.processes.get(getattr(event, "actor", ""))
        if isinstance(event, Beat) and process is not None and process.runs and event.incarnation == process.number:
            process.heard_at = self.now
        before = dict(self.bench.told)
        said = self.bench.take(EventIn(subject_of(event), decode(encode(event))))
        self.check(said, event, before)

    def check(self, said: list[Event], cause: Event | None, before: dict[str, HealthState]) -> None:
        """Nobody becomes alive but by a beat of the incarnation that runs, nor dead by silence that proves nothing."""
        for health in said:
            if not isinstance(health, HealthState) or health.actor == "watch":
                continue
            process = self.processes[health.actor]
            if health.state == "dead" and process.runs and before[health.actor].state != "dead":
                assert self.now - max(process.heard_at, self.excused_at) > 3 * SECOND
            if health.state != "alive":
                continue
            by_beat = isinstance(cause, Beat) and cause.actor == health.actor and process.heard_at == self.now
            assert process.runs
            assert by_beat or before[health.actor].state == "alive", health

    def pass_slots(self, count: int) -> None:
        """Time passes."""
        for _ in range(count):
            self.slot += 1
            if self.slot == self.paused_until:
                self.wake()
            at = self.bench.now + SLOT
            if self.slot < self.paused_until:
                self.bench.now = at
            else:
                self.fire(at)
            if self.slot == self.deaf_until:
                self.hears_again()
                self.again()
            for process in self.processes.values():
                if process.runs and not process.frozen and self.slot % BEAT == process.phase % BEAT:
                    self.deliver(process.beat())
            if self.slot >= self.paused_until and self.slot % BEAT == 0:
                self.deliver(msgspec.structs.replace(Beat(actor="watch", state="running"), incarnation=5))
            if self.slot >= max(self.paused_until, self.deaf_until):
                self.judge()

    def fire(self, at: int) -> None:
        """Timers, as they come due."""
        while due := [(when, key) for key, when in self.bench.timers.items() if when <= at]:
            when, key = min(due)
            del self.bench.timers[key]
            self.bench.now = max(self.bench.now, when)
            before = dict(self.bench.told)
            self.check(self.bench.take(TimerIn(key)), None, before)
        self.bench.now = at

    def wake(self) -> None:
        """The watch goes on: its timer first, then all that waited."""
        self.hears_again()
        self.fire(self.now)
        waiting, self.waiting = self.waiting, []
        for event in waiting:
            self.deliver(event)

    def hears_again(self) -> None:
        """An outage is over. After a long one everybody must get the whole time again, after a short one may."""
        self.heard_from = self.now
        if self.long:
            self.excused_at = self.now

    def judge(self) -> None:
        """What the watch says now is true, as far as it can know."""
        for process in self.processes.values():
            state = self.bench.state(process.actor)
            since = max(process.heard_at, self.heard_from)
            silent = self.now - since
            if not process.runs:
                assert state == ("failed" if process.failed else "dead")
            elif state in {"alive", "late"}:
                assert process.heard_at
                assert silent <= 3 * SECOND + LOOK
                assert state == "late" or silent <= 2 * SECOND + LOOK
            elif process.heard_at and silent <= 1_500 * MS and process.heard_at > self.heard_from:
                raise AssertionError(f"{process.actor} is {state}, heard {silent} us ago")
            if process.heard_at and process.runs and silent > 3 * SECOND + LOOK:
                assert state == "dead"
                note("dead by silence")

    # ---- what happens

    def do(self, what: What, actor: str, slots: int) -> None:
        """One event, at a moment when the watch can be told of it or not."""
        process = self.processes[actor]
        if what == "freeze":
            process.frozen = True
        elif what == "thaw":
            process.frozen = False
        elif what in {"kill", "give_up"} and process.runs:
            process.runs = False
            process.failed = what == "give_up"
            self.deliver(process.word())
        elif what == "start" and not process.runs:
            process.number, self.next_number = self.next_number, self.next_number + 1
            process.runs, process.frozen, process.failed, process.heard_at = True, False, False, 0
            self.deliver(process.word())
        elif what == "stale":
            old = msgspec.structs.replace(process.beat(), incarnation=process.number - 1)
            self.deliver(old)
        elif what == "again":
            self.again()
        elif what == "hello":
            self.deliver(Hello(actor="guard", role="guard"))
        elif what == "deaf" and self.slot >= self.paused_until:
            self.deaf_until, self.long = self.slot + slots, slots * SLOT > _LONG
        elif what == "pause" and self.slot >= self.deaf_until:
            self.paused_until, self.long = self.slot + slots, slots * SLOT > _LONG

    def again(self) -> None:
        """The supervisor says everything again."""
        for process in self.processes.values():
            if process.actor != "supervisor":
                self.deliver(process.word())


@given(STEPS)
def test_what_the_watch_says_is_true_as_far_as_it_can_know(steps: list[tuple[What, str, int]]) -> None:
    """Never alive without a beat of this incarnation; dead when 3 s of silence are sure, or at a process's end."""
    world = World()
    for what, actor, slots in steps:
        world.do(what, actor, slots)
        world.pass_slots(slots)
