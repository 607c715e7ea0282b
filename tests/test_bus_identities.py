"""Who may say what, on a real server: each role's rights, and that no reply subject leads around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import nats.micro
import pytest
from busfloor import CAST, Floor, Peer, heard, running_floor
from harness import SPEC
from nats.aio.msg import Msg
from nats.micro.request import Request

from actors.database import SyncDatabase, connect
from actors.paper import Paper, PaperConfig
from actors.paper_book import load
from actors.runtime import LoopScheduler, Runtime
from bus import identities
from bus.clock import LiveClock
from bus.identities import IdentityError
from bus.natsbus import NatsBus
from bus.permissions import ROLES
from schemas.codec import encode
from schemas.command import RiskState
from schemas.health import Hello
from schemas.market import Tick
from schemas.order import VenueOrder
from schemas.token import token

# What an actor says of itself, by its name.
OWN = ("hello.{0}", "health.beat.{0}", "log.info.{0}", "alert.warning.{0}", "sim.done.{0}")
CORE_OWN = (*OWN, "$KV.LEASES.{0}", "$JS.API.DIRECT.GET.KV_LEASES.$KV.LEASES.{0}")
GET_ORDERS = ("$JS.API.DIRECT.GET.ORDERS", "$JS.API.DIRECT.GET.ORDERS.order.update.a.s.1")
DISCOVER = ("$SRV.PING", "$SRV.INFO.history", "$SRV.STATS.history.x")
ANSWER = ("_R_.x.y",)
GET_LAST = ("$JS.API.DIRECT.GET.LAST", "$JS.API.DIRECT.GET.LAST.md.tick.v.E")

# The whole of what each member of the cast may publish among the subjects below it, written down a second time.
MAY_SAY: dict[str, tuple[str, ...]] = {
    "supervisor": (
        *CORE_OWN,
        *ANSWER,
        *GET_ORDERS,
        "ctl.supervisor.floor.risk.halt",
        "ask.supervisor.floor.history.orders",
        "health.process.feed",
        "session.state.s",
        "audit.floor",
        "alert.warning.other",
        "job.new.backtest.1",
        "$JS.API.DIRECT.GET.KV_LEASES.$KV.LEASES.other",
    ),
    "feed": (*CORE_OWN, *ANSWER, "md.tick.v.E", "md.spec.v.E"),
    "guard": (
        *CORE_OWN,
        *ANSWER,
        *GET_ORDERS,
        "order.cleared.a.s",
        "order.refused.a.s",
        "risk.state.account.a",
        "_INBOX.supervisor.x",
    ),
    "router": (
        *CORE_OWN,
        *ANSWER,
        *GET_ORDERS,
        "order.update.a.s.1",
        "order.sync.a.s",
        "venue.order.a",
        "venue.order.b",
    ),
    "gateway-a": (
        *CORE_OWN,
        *ANSWER,
        "venue.report.a",
        "account.state.a",
        "account.position.a.7",
        "_INBOX.router.x",
    ),
    "portfolio": (*CORE_OWN, *ANSWER, *GET_ORDERS, "pnl.session.s"),
    "recorder": (
        *CORE_OWN,
        *ANSWER,
        *GET_ORDERS,
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS.recorder",
        "$JS.ACK.ORDERS.recorder.1.2.3.4.5",
        "$JS.API.DIRECT.GET.FLOW",
    ),
    "watch": (*CORE_OWN, *ANSWER, "health.state.feed", "incident.1"),
    "auditor": (*CORE_OWN, *ANSWER, *GET_ORDERS, "audit.floor"),
    "worker": (*CORE_OWN, "$JS.API.CONSUMER.MSG.NEXT.JOBS.workers", "job.progress.backtest.1", "job.result.backtest.1"),
    "observer": (),
    "session-s": (*OWN, "order.intent.a.s", "signal.s.ema", "session.stats.s"),
    "vera": (*DISCOVER, *GET_LAST, "ask.vera.a.history.orders", "ask.vera.floor.history.orders"),
    "otto": (*DISCOVER, *GET_LAST, "ask.otto.a.history.orders", "ctl.otto.a.risk.halt"),
    "ada": (*DISCOVER, *GET_LAST, "ask.ada.a.history.orders", "ctl.ada.a.risk.halt", "ctl.ada.floor.risk.halt"),
}
# Subjects of nobody in the cast but the listed ones: other accounts, sessions, users and services.
FOREIGN = (
    "order.intent.a.t",
    "order.intent.b.s",
    "signal.t.ema",
    "session.stats.t",
    "venue.report.b",
    "account.state.b",
    "ctl.otto.floor.risk.halt",
    "ctl.otto.b.risk.halt",
    "ctl.vera.a.risk.halt",
    "ask.otto.floor.history.orders",
    "ask.vera.b.history.orders",
    "hello.other",
    "health.beat.other",
    "$KV.LEASES.other",
    "$JS.API.INFO",
    "$JS.API.STREAM.CREATE.X",
    "$JS.API.STREAM.PURGE.ORDERS",
    "$JS.API.STREAM.MSG.GET.ORDERS",
    "$JS.API.CONSUMER.CREATE.ORDERS",
    "$JS.API.DIRECT.GET.FLOW",
    "$JS.ACK.FLOW.other.1",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.USER.INFO",
    "_INBOX.other.x",
)

MAY_HEAR: dict[str, tuple[str, ...]] = {
    "session-s": (
        "md.tick.>",
        "order.update.a.s.*",
        "order.refused.a.s",
        "order.sync.a.s",
        "session.state.s",
        "_INBOX.session-s.>",
    ),
    "guard": (
        *("md.tick.>", "order.intent.>", "order.update.>", "ctl.*.*.risk.>", "ask.*.*.risk.>", "_INBOX.guard.>"),
        *("health.state.>", "health.beat.watch"),
    ),
    "watch": (
        *("md.tick.>", "order.update.>", "hello.>", "health.beat.>", "ask.*.*.watch.>", "_INBOX.watch.>"),
        *("health.state.>", "health.beat.watch"),
    ),
    "router": ("md.tick.>", "order.cleared.>", "order.update.>", "venue.report.>", "hello.>", "_INBOX.router.>"),
    "gateway-a": ("md.tick.>", "venue.order.a", "hello.>", "_INBOX.gateway-a.>"),
    "recorder": ("md.tick.>", "ask.*.*.history.>", "health.state.>", "_INBOX.recorder.>"),
    "supervisor": (
        *("md.tick.>", "hello.>", "health.beat.>", "health.beat.watch", "health.state.>", "_INBOX.supervisor.>"),
    ),
    "vera": (
        *("md.tick.>", "order.update.>", "session.stats.>", "_INBOX.vera.>"),
        *("health.beat.>", "health.beat.watch", "health.state.>"),
    ),
    "bootstrap": ("_INBOX.bootstrap.>",),
}
HEARD_BY_NOBODY = (
    ">",
    "*",
    "_INBOX.>",
    "_R_.>",
    "venue.order.>",
    "order.>",
    "$JS.>",
    "$SYS.>",
    "$KV.>",
    "audit.>",
    "ctl.>",
)


def named(subjects: tuple[str, ...], name: str) -> set[str]:
    """The subjects with `{0}` filled in."""
    return {subject.format(name) for subject in subjects}


def of_anyone(name: str) -> set[str]:
    """Every subject that this test knows, with `name` and with `other` for whoever speaks."""
    return set(FOREIGN).union(*(named(subjects, who) for who in (name, "other") for subjects in MAY_SAY.values()))


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    """A server with the whole cast and all streams."""
    async with running_floor(tmp_path) as floor:
        await floor.streams()
        yield floor


def test_the_cast_has_every_role_of_the_table() -> None:
    """The tests below speak of each role there is, but for the launcher's own."""
    assert {role for role, _ in CAST.values()} == set(ROLES) - {"launcher"}
    assert set(MAY_SAY) | {"bootstrap", "bootstrap-floor"} == set(CAST)


async def test_each_role_may_publish_what_it_must_and_nothing_else(floor: Floor) -> None:
    """Of all subjects that anyone may use, the server lets each identity use its own and denies the rest."""
    for name, subjects in MAY_SAY.items():
        everything = of_anyone(name)
        peer = await floor.peer(name)
        for subject in everything:
            await peer.nc.publish(subject, b"{}")
        await peer.settle()
        assert everything - peer.denied_of(everything) == named(subjects, name), name


async def test_bootstrap_may_use_jetstreams_api_and_nothing_else(floor: Floor) -> None:
    """It creates streams and consumers; it cannot say or acknowledge anything."""
    for name in ("bootstrap", "bootstrap-floor"):
        everything = of_anyone(name)
        peer = await floor.peer(name)
        for subject in everything - {"$JS.API.STREAM.PURGE.ORDERS"}:
            await peer.nc.publish(subject, b"{}")
        await peer.settle()
        allowed = everything - peer.denied_of(everything)
        assert {subject for subject in everything if subject.startswith("$JS.API.")} == allowed


async def test_each_role_may_hear_what_it_must_and_no_secrets(floor: Floor) -> None:
    """Wildcards over everything, other people's inboxes and commands are denied to everyone but the observer."""
    everything = set(HEARD_BY_NOBODY).union(*MAY_HEAR.values())
    for name, subjects in MAY_HEAR.items():
        peer = await floor.peer(name)
        for subject in everything:
            await peer.nc.subscribe(subject)
        await peer.settle()
        heard_of = everything - peer.denied_of(everything)
        assert set(subjects) <= heard_of, name
        assert not heard_of & set(HEARD_BY_NOBODY), name
        assert {subject for subject in heard_of if subject.startswith("_INBOX")} <= {f"_INBOX.{name}.>"}


async def test_an_order_goes_all_the_way_and_back(floor: Floor) -> None:
    """Intent, clearance, request to the venue and its answer, report, update, refusal, sync: each is heard."""
    session, guard, router = await floor.peer("session-s"), await floor.peer("guard"), await floor.peer("router")
    gateway, watcher = await floor.peer("gateway-a"), await floor.peer("vera")
    intents, clearances = await guard.listen("order.intent.>"), await router.listen("order.cleared.>")
    orders, reports = await gateway.listen("venue.order.a"), await router.listen("venue.report.>")
    updates, refusals = await session.listen("order.update.a.s.>"), await session.listen("order.refused.a.s")
    syncs, screen = await session.listen("order.sync.a.s"), await watcher.listen("order.update.>")

    await session.nc.publish("order.intent.a.s", b"intent")
    assert (await heard(intents)).data == b"intent"
    await guard.nc.publish("order.cleared.a.s", b"clearance")
    assert (await heard(clearances)).data == b"clearance"
    asked = asyncio.create_task(router.nc.request("venue.order.a", b"order", timeout=5))
    await (await heard(orders)).respond(b"taken")
    assert (await asked).data == b"taken"
    await gateway.nc.jetstream().publish("venue.report.a", b"filled", timeout=5)
    assert (await heard(reports)).data == b"filled"
    ack = await router.nc.jetstream().publish("order.update.a.s.1", b"update", timeout=5)
    assert ack.stream == "ORDERS"
    assert (await heard(updates)).data == (await heard(screen)).data == b"update"
    await guard.nc.publish("order.refused.a.s", b"no")
    assert (await heard(refusals)).data == b"no"
    await router.nc.publish("order.sync.a.s", b"sync")
    assert (await heard(syncs)).data == b"sync"
    assert [peer.denied for peer in floor.peers if peer.denied] == []


async def test_what_sessions_say_of_themselves_reaches_core_and_people(floor: Floor) -> None:
    """Hello, done, beat, log, alert, signal and statistics cross; nothing is doubled on the way to people."""
    session, supervisor, feed = await floor.peer("session-s"), await floor.peer("supervisor"), await floor.peer("feed")
    screen = await floor.peer("vera")
    told = [await supervisor.listen(subject) for subject in ("health.beat.>", "log.>", "alert.>")]
    told += [await feed.listen(subject) for subject in ("hello.>", "sim.done.>")]
    said = ("health.beat.session-s", "log.info.session-s", "alert.info.session-s", "signal.s.ema", "session.stats.s")
    shown = [await screen.listen(f"{subject.split('.')[0]}.>") for subject in said[:4]]
    shown.append(await screen.listen("session.stats.>"))
    for subject in (*said, "hello.session-s", "sim.done.session-s"):
        await session.nc.publish(subject, b"")
    assert [(await heard(queue)).subject for queue in told] == [*said[:3], "hello.session-s", "sim.done.session-s"]
    assert [(await heard(queue)).subject for queue in shown] == list(said)
    await screen.settle()
    assert all(queue.empty() for queue in shown)


async def test_people_ask_and_command_and_the_service_knows_who(floor: Floor) -> None:
    """A request crosses with its real subject, parts of an answer come back in order, and services are discovered."""
    guard, recorder = await floor.peer("guard"), await floor.peer("recorder")
    commands, questions = await guard.listen("ctl.*.*.risk.>"), await recorder.listen("ask.*.*.history.>")
    ada, vera = await floor.peer("ada"), await floor.peer("vera")

    halted = asyncio.create_task(ada.nc.request("ctl.ada.floor.risk.halt", b"", timeout=5))
    command = await heard(commands)
    assert command.subject == "ctl.ada.floor.risk.halt"
    await command.respond(b"halted")
    assert (await halted).data == b"halted"

    answers = await vera.listen("_INBOX.vera.parts")
    await vera.nc.publish("ask.vera.a.history.orders", b"", reply="_INBOX.vera.parts")
    question = await heard(questions)
    for part in (b"1", b"2"):
        await question.respond(part)
    assert [(await heard(answers)).data for _ in "12"] == [b"1", b"2"]

    service = await nats.micro.add_service(recorder.nc, name="history", version="1.0.0")
    await recorder.settle()
    pong = msgspec.json.decode((await vera.nc.request("$SRV.PING", b"", timeout=5)).data)
    assert pong["name"] == "history"
    await service.stop()


async def test_stored_things_are_read_by_those_who_may(floor: Floor) -> None:
    """The recorder reads its durable, the router the history of orders, an actor its lease, a person the snapshot."""
    router, recorder, feed = await floor.peer("router"), await floor.peer("recorder"), await floor.peer("feed")
    await router.nc.jetstream().publish("order.update.a.s.1", b"update", timeout=5)

    durable = await recorder.nc.jetstream().pull_subscribe_bind("recorder", stream="ORDERS")
    (message,) = await durable.fetch(1, timeout=5)
    await message.ack_sync(timeout=5)
    assert message.data == b"update"

    stored = await router.nc.request("$JS.API.DIRECT.GET.ORDERS", b'{"last_by_subj":"order.update.a.s.1"}', timeout=5)
    assert stored.data == b"update"

    await router.nc.jetstream().publish("$KV.LEASES.router", b"1", timeout=5, headers={"Nats-TTL": "3s"})
    lease = await router.nc.request("$JS.API.DIRECT.GET.KV_LEASES.$KV.LEASES.router", b"", timeout=5)
    assert lease.data == b"1"

    vera = await floor.peer("vera")
    ticks = await vera.listen("md.tick.>")
    await feed.nc.publish("md.tick.v.E", b"1.1")
    await heard(ticks)
    snapshot = await vera.listen("_INBOX.vera.snapshot")
    await vera.nc.publish("$JS.API.DIRECT.GET.LAST", b'{"multi_last":["md.>"]}', reply="_INBOX.vera.snapshot")
    first, end = await heard(snapshot), await heard(snapshot)
    assert (first.data, (end.headers or {})["Status"]) == (b"1.1", "204")
    assert [peer.denied for peer in floor.peers if peer.denied] == []


TARGETS = (
    "order.cleared.a.s",
    "venue.order.a",
    "venue.report.a",
    "order.update.a.s.1",
    "md.tick.v.E",
    "risk.state.a.b",
)


async def attempt(peer: Peer, own: tuple[str, ...], target: str) -> None:
    """Everything known that could make the server, a stream or a service say something on `target`."""
    publish = peer.nc.publish
    await publish(target, b"forged")
    get = msgspec.json.encode({"last_by_subj": "order.intent.a.s"})
    for stream in ("ORDERS", "FLOW", "MARKET", "LAST", "KV_LEASES"):
        await publish(f"$JS.API.DIRECT.GET.{stream}", get, reply=target)
        await publish(f"$JS.API.DIRECT.GET.{stream}.order.intent.a.s", b"", reply=target)
        await publish(f"$JS.API.DIRECT.GET.{stream}.md.tick.v.E", b"", reply=target)
        await publish(f"$JS.API.STREAM.MSG.GET.{stream}", get, reply=target)
        await publish(f"$JS.API.STREAM.INFO.{stream}", b"", reply=target)
        push = {"stream_name": stream, "config": {"deliver_subject": target, "ack_policy": "none"}}
        await publish(f"$JS.API.CONSUMER.CREATE.{stream}", msgspec.json.encode(push), reply=target)
    for reader in ("ORDERS.recorder", "FLOW.recorder_flow", "JOBS.workers"):
        await publish(f"$JS.API.CONSUMER.MSG.NEXT.{reader}", b"5", reply=target)
        await publish(f"$JS.ACK.{reader}.1.1.1.1.0", b"+NXT", reply=target)
    await publish("$JS.API.INFO", b"", reply=target)
    await publish("$SYS.REQ.USER.INFO", b"", reply=target)
    for request in ("ask.{0}.a.history.orders", "ctl.{0}.a.history.orders", "ask.ada.a.history.orders"):
        await publish(request.format(peer.name), b"forged", reply=target)
    for verb in ("PING", "INFO", "STATS", "PING.history", "INFO.history", "STATS.history"):
        await publish(f"$SRV.{verb}", b"", reply=target)
    for subject in own:
        await publish(subject, b"forged", reply=target)
        for headers in (
            {"Nats-Trace-Dest": target},
            {"Nats-Trace-Dest": target, "Nats-Trace-Only": "true"},
            {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
            {"Nats-Msg-Id": "1"},
            {"Nats-Expected-Stream": "ORDERS"},
            {"Nats-Expected-Last-Sequence": "999"},
            {"Nats-Expected-Last-Subject-Sequence": "999"},
            {"Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"},
            {"Nats-Schedule": "@at 2020-01-01T00:00:00Z", "Nats-Schedule-Target": target},
            {"Nats-Rollup": "all"},
            {"Nats-TTL": "1s"},
        ):
            await publish(subject, b"forged", reply=target, headers=headers)
    await peer.settle()


async def busy_core(floor: Floor) -> None:
    """Services that answer and streams that hold something, so that there is something to be misled."""

    async def answer(request: Request) -> None:
        await request.respond(b"forged")

    recorder = await floor.peer("recorder")
    service = await nats.micro.add_service(recorder.nc, name="history", version="1.0.0")
    for verb in ("ask", "ctl"):
        await service.add_endpoint(name=verb, subject=f"{verb}.*.*.history.>", handler=answer)
    await recorder.settle()
    feed, router = await floor.peer("feed"), await floor.peer("router")
    await feed.nc.publish("md.tick.v.E", b"1.1")
    await feed.settle()
    await router.nc.jetstream().publish("order.update.a.s.0", b"true", timeout=5)


SAYS = ("order.intent.a.s", "signal.s.x", "session.stats.s", *(subject.format("session-s") for subject in OWN))


async def everything_stored(floor: Floor) -> None:
    """Return when FLOW has dealt with all that was said so far, acknowledgements included."""
    session, recorder = await floor.peer("session-s"), await floor.peer("recorder")
    await session.nc.publish("signal.s.end", b"")
    async with asyncio.timeout(10):
        found = False
        while not found:
            answer = await recorder.nc.request("$JS.API.DIRECT.GET.FLOW.signal.s.end", b"", timeout=5)
            found = "Nats-Sequence" in (answer.headers or {})


async def overheard(queue: asyncio.Queue[Msg], router: Peer) -> set[str]:
    """The subjects that an observer of everything has seen until now, but for this test's own looking."""
    await router.nc.publish("order.sync.the.end", b"")
    subjects: set[str] = set()
    while (message := await heard(queue)).subject != "order.sync.the.end":
        subjects.add(message.subject)
    return {s for s in subjects if not s.startswith(("_INBOX.recorder.", "$JS.API.DIRECT.GET.FLOW.signal.s.end"))}


async def test_a_session_brings_no_byte_onto_the_trusted_subjects(floor: Floor) -> None:
    """Neither by publishing nor by a reply subject or header: an observer of all CORE sees its own words, no more."""
    await busy_core(floor)
    session, router = await floor.peer("session-s"), await floor.peer("router")
    everything = await (await floor.peer("observer")).listen(">")
    for target in TARGETS:
        await attempt(session, SAYS, target)
    await everything_stored(floor)
    assert await overheard(everything, router) == {*SAYS, "signal.s.end"}
    assert session.denied_of(TARGETS) == set(TARGETS)


async def test_people_bring_no_byte_onto_anyone_elses_subjects(floor: Floor) -> None:
    """An answer goes back to people: never onto an intent, a tick or a command in another name."""
    insider = floor.admit("insider", "session", account="x", session="x")
    floor.identities["insider"] = msgspec.structs.replace(insider, subscribe=(">",))
    await floor.server.reload(floor.text)
    await busy_core(floor)
    router, guard = await floor.peer("router"), await floor.peer("guard")
    commands, intents = await guard.listen("ctl.*.*.risk.>"), await guard.listen("order.intent.>")
    core = await (await floor.peer("observer")).listen(">")
    floor_side = await (await floor.peer("insider")).listen(">")
    for name in ("vera", "otto"):
        person = await floor.peer(name)
        for target in (*TARGETS, "order.intent.a.s", "ctl.ada.floor.risk.halt", "ask.ada.floor.risk.x", "hello.feed"):
            await attempt(person, (), target)
    await everything_stored(floor)
    strange = await overheard(core, router) | await overheard(floor_side, router)
    allowed = ("ask.vera.", "ask.otto.a.", "ctl.otto.a.", "$SRV.", "_R_.", "$JS.API.DIRECT.GET.LAST")
    assert {subject for subject in strange if not subject.startswith(allowed)} == {"signal.s.end"}
    assert commands.empty()
    assert intents.empty()


async def test_a_header_cannot_purge_or_schedule_what_others_recorded(floor: Floor) -> None:
    """Roll-ups, schedules, expiries and batches that a session asks for leave the guard's clearance in FLOW."""
    guard, session, recorder = await floor.peer("guard"), await floor.peer("session-s"), await floor.peer("recorder")
    await guard.nc.publish("order.cleared.a.s", b"clearance")
    await guard.settle()
    await attempt(session, SAYS, "order.cleared.a.s")
    await everything_stored(floor)
    kept = await recorder.nc.request("$JS.API.DIRECT.GET.FLOW.order.cleared.a.s", b"", timeout=5)
    assert kept.data == b"clearance"


async def test_a_new_session_is_admitted_without_dropping_anyone(floor: Floor) -> None:
    """A reload adds an identity; whoever was connected stays, with his subscriptions."""
    guard, session = await floor.peer("guard"), await floor.peer("session-s")
    intents = await guard.listen("order.intent.>")
    floor.admit("session-t", "session", account="b", session="t")
    await floor.server.reload(floor.text)
    newcomer = await floor.peer("session-t")
    await newcomer.nc.publish("order.intent.b.t", b"new")
    assert (await heard(intents)).data == b"new"
    await session.nc.publish("order.intent.a.s", b"old")
    assert (await heard(intents)).data == b"old"
    assert not [peer.name for peer in floor.peers if peer.gone.is_set()]


async def test_an_identity_that_is_taken_away_is_disconnected(floor: Floor) -> None:
    """After a reload without it, a session is off the bus at once, and only that session."""
    guard, session = await floor.peer("guard"), await floor.peer("session-s")
    del floor.identities["session-s"]
    await floor.server.reload(floor.text)
    await asyncio.wait_for(session.gone.wait(), 5)
    await guard.settle()
    assert not guard.gone.is_set()


def test_a_seed_is_neither_in_the_identity_nor_in_the_include() -> None:
    """Only the caller of `create` ever sees the secret half."""
    identity, seed = identities.create("guard", "guard")
    assert seed.startswith("SU")
    assert seed not in repr(identity)
    assert seed not in identities.render([identity])
    assert identity.public in identities.render([identity])


def test_two_of_one_name_are_refused() -> None:
    """A session called guard could beat in the guard's name and read the guard's inbox."""
    guard, _ = identities.create("guard", "guard")
    session, _ = identities.create("session", "guard", account="a", session="s")
    with pytest.raises(IdentityError, match="used by a guard and a session"):
        identities.render([guard, session])


def test_the_launcher_is_nobody_elses_role() -> None:
    """The system account has one user, which the server's launcher makes for itself."""
    launcher, _ = identities.create("launcher", "launcher")
    with pytest.raises(IdentityError, match="belongs to the server's launcher"):
        identities.render([launcher])


@pytest.mark.parametrize(
    ("role", "scope", "reason"),
    [
        ("king", {}, "role 'king': unknown; expected one of admin, auditor"),
        ("session", {"account": "a"}, "role 'session': expected account, name, session"),
        ("guard", {"account": "a"}, "role 'guard': expected name, each with a value"),
        ("viewer", {"scope": ()}, "role 'viewer': expected name, scope"),
        ("gateway", {"account": ""}, "role 'gateway': expected account, name"),
    ],
)
def test_a_wrong_role_or_scope_is_refused_with_the_reason(role: str, scope: dict[str, str], reason: str) -> None:
    """The text names the role and what it needs."""
    with pytest.raises(IdentityError, match=reason):
        identities.create(role, "x", **scope)


async def test_strange_names_are_escaped_and_stay_their_own(tmp_path: Path) -> None:
    """A session id with wildcards, quotes and line breaks is one token: it opens nothing and breaks no file."""
    strange = 's.>*"\n} # $x'
    async with running_floor(tmp_path, ["guard"]) as floor:
        floor.admit("strange " + strange, "session", account=strange, session=strange)
        await floor.server.reload(floor.text)
        peer, guard = await floor.peer("strange " + strange), await floor.peer("guard")
        intents = await guard.listen("order.intent.>")
        await peer.nc.publish("order.intent.a.s", b"foreign")
        await peer.nc.publish(f"order.intent.{token(strange)}.{token(strange)}", b"own")
        assert (await heard(intents)).data == b"own"
        await peer.settle()
        assert peer.denied_of(["order.intent.a.s"]) == {"order.intent.a.s"}


async def test_an_order_in_a_sessions_hello_moves_no_gateway_and_is_answered_nowhere(
    floor: Floor, tmp_path: Path
) -> None:
    """A session may say hello, with any bytes and any reply subject: no epoch, order or quote comes in by that."""
    book = connect(tmp_path / "book.sqlite", durable=True)
    config = PaperConfig(
        account="a", venue=SPEC.venue, currency="USD", deposit=1, leverage=1, commission=0.0, guard_public="00" * 32
    )
    bus = NatsBus(floor.server.url, name="gateway-a", clock=LiveClock(), seed=floor.seeds["gateway-a"])
    await bus.open()
    faults: list[object] = []
    paper = Paper("gateway-a", 3, config, load(book))
    database = SyncDatabase(book, asyncio.get_running_loop().call_soon)
    runtime = Runtime(paper, bus, LoopScheduler(faults.append), database=database, fatal=faults.append)
    await runtime.start()
    observer, session = await floor.peer("observer"), await floor.peer("session-s")
    everything = await observer.listen(">")
    alerts = await observer.listen("alert.critical.gateway-a")
    for event in (
        VenueOrder(account="a", action="epoch", epoch=2**52),
        VenueOrder(account="a", action="lookup", epoch=2**52, order="s-1-1"),
        RiskState(scope="portfolio", id="floor", state="active", epoch=2**52),
        SPEC,
        Tick(venue=SPEC.venue, symbol=SPEC.symbol, at=1, bid=1.0, ask=1.1, number=1),
    ):
        await session.nc.publish("hello.session-s", encode(event), reply="order.cleared.a.s")
    await session.settle()
    assert b"misplaced" in (await heard(alerts)).data
    await session.nc.publish("hello.session-s", encode(Hello(actor="session-s", role="session")))
    while (message := await heard(everything)).subject != "account.state.a":
        assert message.subject in {"hello.session-s", "alert.critical.gateway-a"}
    assert (paper.state.router_epoch, paper.state.guard_epoch, paper.state.orders) == (0, 0, {})
    assert (paper.state.market.specs, faults) == ({}, [])
    runtime.stop()
    await bus.close()
    book.close()
