"""The router: write-ahead, epochs, lookups, reports, two routers, sessions that ask."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import pytest
from harness import ACCOUNT, PUBLIC, START
from orderfloor import cleared, terms

from actors.effects import (
    Effect,
    EventIn,
    Failed,
    LinkChanged,
    Publish,
    PublishStored,
    ReplyIn,
    Request,
    SetTimer,
    StoredIn,
    TimerIn,
)
from actors.router import Router, RouterConfig, RouterState, config_from, recover
from schemas.base import Event
from schemas.command import RiskState
from schemas.health import Alert, Hello
from schemas.order import (
    Deal,
    OrderCleared,
    OrderState,
    OrderSync,
    OrderUpdate,
    ReportKind,
    VenueAnswer,
    VenueOrder,
    VenueReport,
)
from schemas.registry import subject_of
from schemas.settings import parse

ID = "s1-1-1"
CONFIG = RouterConfig(accounts=(ACCOUNT,), guard_public=PUBLIC)
READY = VenueAnswer(order="", known=True)
LATE = START + 3_000_001


def stamped(event: Event, incarnation: int, source: str = "router") -> Any:
    """As it comes from somebody's cell."""
    return msgspec.structs.replace(event, source=source, incarnation=incarnation)


def fill(*, number: int = 1, volume: float = 0.1, order: str = ID) -> VenueReport:
    """The venue filled it."""
    deal = Deal(ticket=number, position=1, entry="in", symbol="EURUSD", side="buy", volume=volume, price=1.1, at=START)
    return VenueReport(report=f"g-1-{number}", account=ACCOUNT, session="s1", order=order, kind="fill", deal=deal)


def said(kind: ReportKind, number: int = 1) -> VenueReport:
    """Another report."""
    return VenueReport(report=f"g-1-{number}", account=ACCOUNT, session="s1", order=ID, kind=kind)


class Desk:
    """A router with its effects sorted: `stored`, `asked`, `alerts`, `timers` grow with each message."""

    def __init__(
        self,
        state: RouterState | None = None,
        *,
        config: RouterConfig = CONFIG,
        incarnation: int = 5,
        ready: bool = True,
    ) -> None:
        self.router = Router("router", incarnation, config, state)
        self.now = START
        self.stored: list[PublishStored] = []
        self.asked: list[Request] = []
        self.alerts: list[Alert] = []
        self.published: list[Event] = []
        self.timers: dict[str, int] = {}
        self.take(self.router.on_start(self.now))
        if ready:
            self.reply(f"epoch {ACCOUNT}", READY)

    def take(self, effects: Sequence[Effect]) -> None:
        """Sort them."""
        for effect in effects:
            if isinstance(effect, PublishStored):
                self.stored.append(effect)
            elif isinstance(effect, Request):
                self.asked.append(effect)
            elif isinstance(effect, SetTimer):
                self.timers[effect.key] = effect.at
            elif isinstance(effect, Publish):
                (self.alerts if isinstance(effect.event, Alert) else self.published).append(effect.event)  # type: ignore[arg-type]

    def hear(self, event: Event, subject: str = "") -> None:
        """An event arrives."""
        self.take(self.router.on_event(EventIn(subject or subject_of(event), event), self.now))

    def ack(self, error: str = "") -> None:
        """What became of the last publish."""
        self.take(self.router.on_stored(StoredIn(self.stored[-1].key, 0 if error else 9, error), self.now))

    def reply(self, key: str, event: Event | None = None, error: str = "") -> None:
        """What became of a request."""
        self.take(self.router.on_reply(ReplyIn(key, event, error), self.now))

    def fire(self, key: str) -> None:
        """A timer that was set is due."""
        self.now = max(self.now, self.timers.pop(key))
        self.take(self.router.on_timer(TimerIn(key), self.now))

    def submitted(self) -> "Desk":
        """With an order at the gateway."""
        self.hear(cleared(terms()))
        self.ack()
        assert self.actions[-1] == "submit"
        return self

    def unknown(self) -> "Desk":
        """With an order of unknown fate, stored as such."""
        self.submitted().reply(f"submit {ID}", error="timeout")
        self.ack()
        assert self.last.state == OrderState.UNKNOWN
        return self

    @property
    def actions(self) -> list[str]:
        """What the gateway was asked, without epochs."""
        orders = [request.event for request in self.asked if isinstance(request.event, VenueOrder)]
        return [order.action for order in orders if order.action != "epoch"]

    @property
    def states(self) -> list[OrderState]:
        """What was written, repeats included."""
        return [effect.event.state for effect in self.stored if isinstance(effect.event, OrderUpdate)]

    @property
    def last(self) -> OrderUpdate:
        """The last update."""
        event = self.stored[-1].event
        assert isinstance(event, OrderUpdate)
        return event

    @property
    def codes(self) -> list[str]:
        """Alerts by code."""
        return [alert.code for alert in self.alerts]


# ---- the straight way


def test_an_order_is_written_ahead_and_submitted_after_the_ack() -> None:
    """SUBMITTING is the first message on its subject; the gateway hears of the order when the stream has it."""
    desk = Desk()
    desk.hear(cleared(terms()))
    assert desk.states == [OrderState.SUBMITTING]
    assert (desk.stored[0].first, desk.stored[0].msg_id, desk.last.revision) == (True, f"{ID}/1/5", 1)
    assert desk.actions == []
    desk.ack()
    submit = desk.asked[-1].event
    assert isinstance(submit, VenueOrder)
    assert (submit.action, submit.epoch, submit.terms, submit.guard_epoch) == ("submit", 5, terms(), 1)
    assert submit.signature == cleared(terms()).signature


def test_an_answer_with_a_fill_is_filled_at_once() -> None:
    """ACCEPTED is skipped, and the report that comes later says nothing new."""
    desk = Desk().submitted()
    desk.reply(f"submit {ID}", VenueAnswer(order=ID, known=True, reports=(fill(),)))
    assert desk.last.state == OrderState.FILLED
    assert (desk.last.revision, desk.last.report, desk.last.deal) == (2, "g-1-1", fill().deal)
    assert not desk.stored[-1].first
    desk.ack()
    desk.hear(fill())
    assert desk.states == [OrderState.SUBMITTING, OrderState.FILLED]
    assert desk.router.gauges()["ended"] == 1
    assert desk.alerts == []


def test_a_report_before_the_answer_gives_the_same_update() -> None:
    """Whichever is first: the updates are equal."""
    first, second = Desk().submitted(), Desk().submitted()
    first.reply(f"submit {ID}", VenueAnswer(order=ID, known=True, reports=(fill(),)))
    second.hear(fill())
    second.reply(f"submit {ID}", VenueAnswer(order=ID, known=True, reports=(fill(),)))
    assert first.stored == second.stored


def test_an_answer_without_reports_is_accepted_then_reports_follow() -> None:
    """Updates of one order go out one after the other, each after the ack of the one before."""
    desk = Desk().submitted()
    desk.reply(f"submit {ID}", VenueAnswer(order=ID, known=True))
    desk.hear(fill(volume=0.04))
    desk.hear(fill(number=2, volume=0.06))
    assert desk.states == [OrderState.SUBMITTING, OrderState.ACCEPTED]
    desk.ack()
    assert desk.last.state == OrderState.PARTIALLY_FILLED
    desk.ack()
    assert (desk.last.state, desk.last.revision, desk.last.filled) == (OrderState.FILLED, 4, 0.1)


def test_a_refusal_is_rejected_with_its_reason() -> None:
    """The gateway's words."""
    desk = Desk().submitted()
    desk.reply(f"submit {ID}", VenueAnswer(order=ID, known=False, refused="no money"))
    assert (desk.last.state, desk.last.reason) == (OrderState.REJECTED, "no money")


# ---- clearances that are none


def test_a_changed_clearance_is_an_alert_and_nothing_else() -> None:
    """One more lot than was signed."""
    desk = Desk()
    good = cleared(terms())
    desk.hear(msgspec.structs.replace(good, terms=terms(volume=1.1)))
    desk.hear(msgspec.structs.replace(good, epoch=2))
    desk.hear(msgspec.structs.replace(good, order_class="close"))
    desk.hear(msgspec.structs.replace(good, signature=""))
    assert desk.stored == []
    assert desk.codes == ["forged"] * 4


@pytest.mark.parametrize(
    "event",
    [cleared(terms()), fill(), Hello(actor="gateway-paper", role="gateway", account=ACCOUNT)],
    ids=["clearance", "report", "hello"],
)
def test_an_event_on_a_strange_subject_is_forged(event: Event) -> None:
    """The server pins subjects to identities: what an event says of itself counts only there."""
    desk = Desk()
    desk.hear(event, subject="hello.session-s1" if isinstance(event, Hello) else "order.cleared.other.s9")
    assert desk.codes == ["forged"]
    assert desk.stored == []


def test_a_forged_hello_does_not_stop_the_router() -> None:
    """A session that calls itself router, with a higher incarnation."""
    desk = Desk()
    desk.hear(stamped(Hello(actor="router", role="router"), 99, "session-s1"), subject="hello.session-s1")
    desk.submitted()
    assert desk.router.describe() == "running"


def test_the_clearance_of_a_replaced_guard_is_rejected() -> None:
    """Written ahead as any order, so that the stream decides whose it is; never submitted."""
    desk = Desk()
    desk.hear(RiskState(scope="portfolio", id="floor", state="active", epoch=2))
    desk.hear(cleared(terms(), epoch=1))
    desk.ack()
    assert desk.states == [OrderState.SUBMITTING, OrderState.REJECTED]
    assert desk.last.reason == "cleared by guard 1, now 2"
    assert desk.actions == []


def test_the_highest_guard_epoch_is_learned_from_clearances_too() -> None:
    """A clearance of guard 3 makes those of guard 2 void."""
    desk = Desk()
    desk.hear(cleared(terms(), epoch=3))
    desk.hear(cleared(terms("s1-1-2"), epoch=2))
    desk.ack()
    assert desk.last.state == OrderState.REJECTED


def test_an_account_without_a_gateway_is_rejected() -> None:
    """It cannot be submitted anywhere."""
    desk = Desk(config=RouterConfig(accounts=("other",), guard_public=PUBLIC), ready=False)
    desk.hear(cleared(terms()))
    desk.ack()
    assert (desk.last.state, desk.last.reason) == (OrderState.REJECTED, "no gateway for account paper")


def test_a_clearance_that_comes_too_late_expires() -> None:
    """At expires_at it still goes, past it not."""
    desk = Desk()
    desk.now = LATE
    desk.hear(cleared(terms()))
    desk.ack()
    assert desk.states == [OrderState.SUBMITTING, OrderState.EXPIRED]
    assert desk.actions == []
    desk = Desk()
    desk.now = LATE - 1
    desk.submitted()


@pytest.mark.parametrize("acked", [False, True])
def test_a_repeated_clearance_is_passed_over(acked: bool) -> None:
    """Whether its order is open or has ended."""
    desk = Desk().submitted()
    if acked:
        desk.hear(fill())
        desk.ack()
    before = len(desk.stored)
    desk.hear(cleared(terms()))
    assert len(desk.stored) == before
    assert desk.router.gauges()["duplicates"] == 1


# ---- the stream


def test_a_lost_ack_means_the_same_publish_again() -> None:
    """Same event, same message id: the stream knows it. No gateway hears of it before the ack."""
    desk = Desk()
    desk.hear(cleared(terms()))
    for _ in range(3):
        desk.ack("timeout")
    assert len(desk.stored) == 4
    assert all(effect == desk.stored[0] for effect in desk.stored)
    assert desk.actions == []
    desk.ack()
    assert desk.actions == ["submit"]


def test_an_ack_that_comes_after_expiry_submits_nothing() -> None:
    """Written ahead for too long: EXPIRED."""
    desk = Desk()
    desk.hear(cleared(terms()))
    desk.ack("timeout")
    desk.now = LATE
    desk.ack()
    assert desk.last.state == OrderState.EXPIRED
    assert desk.actions == []


def test_a_full_stream_is_told_once_and_tried_again() -> None:
    """Every half second, with one alert; when it works again the next trouble is told again."""
    desk = Desk()
    desk.hear(cleared(terms()))
    desk.ack("full")
    desk.fire(f"store {ID}")
    desk.ack("full")
    assert desk.codes == ["orders_not_stored"]
    desk.fire(f"store {ID}")
    assert desk.now == START + 1_000_000
    desk.ack()
    assert desk.actions == ["submit"]
    desk.hear(cleared(terms("s1-1-2")))
    desk.ack("full")
    assert desk.codes == ["orders_not_stored"] * 2


def test_an_order_that_somebody_else_wrote_first_is_looked_up_and_never_submitted() -> None:
    """An older router may have sent it already; the gateway knows."""
    desk = Desk()
    desk.hear(cleared(terms()))
    desk.ack("wrong_sequence")
    assert desk.codes == ["second_writer"]
    assert desk.last.state == OrderState.UNKNOWN
    desk.fire(f"lookup {ID}")
    assert desk.actions == ["lookup"]


def test_a_refused_later_update_stops_the_router() -> None:
    """Another router has written this order: there is a newer one, and this one says nothing any more."""
    desk = Desk().submitted()
    desk.reply(f"submit {ID}", error="timeout")
    desk.ack("wrong_sequence")
    silent(desk)


def test_the_ack_of_something_else_changes_nothing() -> None:
    """A late ack of an update that is done with."""
    desk = Desk().submitted()
    desk.take(desk.router.on_stored(StoredIn(f"update/1 {ID}", 9), desk.now))
    desk.take(desk.router.on_stored(StoredIn("update/1 nothing", 9), desk.now))
    assert desk.actions == ["submit"]


# ---- gateways


def test_orders_wait_until_the_gateway_knows_the_epoch() -> None:
    """And are submitted in their order when it does."""
    desk = Desk(ready=False)
    epoch = desk.asked[0].event
    assert isinstance(epoch, VenueOrder)
    assert (epoch.action, epoch.epoch) == ("epoch", 5)
    for order in (ID, "s1-1-2"):
        desk.hear(cleared(terms(order)))
        desk.ack()
    assert desk.actions == []
    assert desk.router.describe() == "waiting"
    desk.reply(f"epoch {ACCOUNT}", READY)
    assert [request.key for request in desk.asked[1:]] == [f"submit {ID}", "submit s1-1-2"]


def test_an_order_that_waits_too_long_for_the_gateway_expires() -> None:
    """By a timer, and for good."""
    desk = Desk(ready=False)
    desk.hear(cleared(terms()))
    desk.ack()
    desk.fire(f"gate {ID}")
    assert desk.now == LATE
    assert desk.last.state == OrderState.EXPIRED
    desk.ack()
    desk.reply(f"epoch {ACCOUNT}", READY)
    assert desk.actions == []


@pytest.mark.parametrize("reply", [{"error": "timeout"}, {"event": VenueAnswer(order="", known=False)}])
def test_the_epoch_is_announced_until_it_is_known(reply: dict[str, Any]) -> None:
    """Every half second."""
    desk = Desk(ready=False)
    desk.reply(f"epoch {ACCOUNT}", **reply)
    desk.fire(f"epoch {ACCOUNT}")
    assert len(desk.asked) == 2
    desk.reply(f"epoch {ACCOUNT}", READY)
    assert desk.router.describe() == "running"


def test_a_new_gateway_hears_the_epoch_and_is_asked_for_open_orders() -> None:
    """Those it has, those it may have; not those under way to it."""
    desk = Desk().unknown()
    desk.hear(Hello(actor=f"gateway-{ACCOUNT}", role="gateway", account=ACCOUNT))
    assert desk.router.describe() == "waiting"
    assert desk.actions == ["submit"]
    desk.reply(f"epoch {ACCOUNT}", READY)
    assert desk.actions == ["submit", "lookup"]


def test_a_lookup_waits_for_the_epoch_and_for_the_lookup_before_it() -> None:
    """An older router's submit must be void first; and one question at a time is enough."""
    desk = Desk().unknown()
    desk.fire(f"lookup {ID}")
    desk.reply(f"epoch {ACCOUNT}", READY)
    assert desk.actions == ["submit", "lookup"]
    desk.reply(f"lookup {ID}", error="timeout")
    desk.take(desk.router.on_link(LinkChanged(up=False), desk.now))
    desk.fire(f"lookup {ID}")
    assert desk.actions == ["submit", "lookup"]


def test_the_guards_epoch_is_learned_from_gateways() -> None:
    """What they refuse as older is not sent to them."""
    desk = Desk().submitted()
    desk.reply(f"submit {ID}", VenueAnswer(order=ID, known=False, refused="guard epoch", guard_epoch=4))
    assert desk.router.state.guard_epoch == 4
    desk.reply(f"epoch {ACCOUNT}", VenueAnswer(order="", known=True, guard_epoch=6))
    assert desk.router.state.guard_epoch == 6


def test_no_answer_is_unknown_then_looked_up_until_there_is_one() -> None:
    """Never submitted again."""
    desk = Desk().unknown()
    assert (desk.last.reason, desk.last.revision) == ("timeout", 2)
    for _ in range(3):
        desk.fire(f"lookup {ID}")
        desk.reply(f"lookup {ID}", error="timeout")
    desk.fire(f"lookup {ID}")
    desk.reply(f"lookup {ID}", VenueAnswer(order=ID, known=True, reports=(fill(),)))
    assert desk.actions == ["submit", *["lookup"] * 4]
    assert desk.states == [OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.FILLED]


@pytest.mark.parametrize(
    ("answer", "late", "state", "reason"),
    [
        (VenueAnswer(order=ID, known=True), False, OrderState.ACCEPTED, ""),
        (VenueAnswer(order=ID, known=False, refused="void"), False, OrderState.REJECTED, "void"),
        (VenueAnswer(order=ID, known=False), True, OrderState.EXPIRED, "never reached the venue"),
        (VenueAnswer(order=ID, known=True, reports=(said("rejected"),)), False, OrderState.REJECTED, ""),
    ],
    ids=["known", "refused", "not known, too late", "rejected by the venue"],
)
def test_a_lookup_settles_an_unknown_order(answer: VenueAnswer, late: bool, state: OrderState, reason: str) -> None:
    """As the gateway says."""
    desk = Desk().unknown()
    desk.fire(f"lookup {ID}")
    if late:
        desk.now = LATE + CONFIG.skew_us
    desk.reply(f"lookup {ID}", answer)
    assert (desk.last.state, desk.last.reason) == (state, reason)


def test_a_submit_without_a_verdict_is_asked_for() -> None:
    """The gateway could not write its book: UNKNOWN, then a lookup, never a second submit."""
    desk = Desk().submitted()
    desk.reply(f"submit {ID}", VenueAnswer(order=ID, known=False))
    assert desk.last.state == OrderState.UNKNOWN
    desk.ack()
    desk.fire(f"lookup {ID}")
    assert desk.actions == ["submit", "lookup"]


def test_not_known_before_expiry_is_asked_again() -> None:
    """The submit may still be under way: expires_at plus the clocks' difference decides."""
    desk = Desk().unknown()
    desk.fire(f"lookup {ID}")
    desk.now = LATE - 1 + CONFIG.skew_us
    desk.reply(f"lookup {ID}", VenueAnswer(order=ID, known=False))
    assert desk.last.state == OrderState.UNKNOWN
    assert f"lookup {ID}" in desk.timers


def test_a_report_settles_an_unknown_order() -> None:
    """It need not be asked for any more."""
    desk = Desk().unknown()
    desk.hear(fill())
    assert desk.last.state == OrderState.FILLED
    desk.fire(f"lookup {ID}")
    assert desk.actions == ["submit"]


def test_an_answer_about_another_order_is_no_answer() -> None:
    """Nor is one that is no answer at all."""
    for event in (
        VenueAnswer(order="s1-1-2", known=True),
        RiskState(scope="portfolio", id="x", state="active", epoch=1),
    ):
        desk = Desk().submitted()
        desk.reply(f"submit {ID}", event)
        assert desk.last.state == OrderState.UNKNOWN


def test_a_venue_that_forgets_an_accepted_order_is_an_alert() -> None:
    """It has ended, and a person should look."""
    desk = Desk().submitted()
    desk.reply(f"submit {ID}", VenueAnswer(order=ID, known=True))
    desk.ack()
    relinked(desk)
    desk.reply(f"lookup {ID}", VenueAnswer(order=ID, known=False, refused="never reached the venue"))
    assert desk.last.state == OrderState.REJECTED
    assert desk.codes == ["venue_forgot"]


def relinked(desk: Desk) -> None:
    """The link was lost and is back."""
    desk.take(desk.router.on_link(LinkChanged(up=False), desk.now))
    desk.take(desk.router.on_link(LinkChanged(up=True), desk.now))
    desk.reply(f"epoch {ACCOUNT}", READY)


def test_after_a_lost_link_epochs_and_every_open_order_again() -> None:
    """Without a link nothing is submitted; back again also an accepted order is asked for: its report may be missed."""
    desk = Desk().submitted()
    desk.reply(f"submit {ID}", VenueAnswer(order=ID, known=True))
    desk.ack()
    desk.take(desk.router.on_link(LinkChanged(up=False), desk.now))
    desk.hear(cleared(terms("s1-1-2")))
    desk.ack()
    assert desk.actions == ["submit"]
    desk.take(desk.router.on_link(LinkChanged(up=True), desk.now))
    assert isinstance(desk.published[-1], Hello)
    desk.reply(f"epoch {ACCOUNT}", READY)
    assert [request.key for request in desk.asked[-2:]] == [f"lookup {ID}", "submit s1-1-2"]


def test_in_simulated_time_a_timeout_asks_again_at_once() -> None:
    """A timer would wait for a tick that waits for the order."""
    sim = msgspec.structs.replace(CONFIG, sim=True)
    desk = Desk(config=sim, ready=False)
    desk.reply(f"epoch {ACCOUNT}", error="timeout")
    assert len(desk.asked) == 2
    desk.reply(f"epoch {ACCOUNT}", READY)
    desk.submitted()
    desk.reply(f"submit {ID}", error="timeout")
    assert desk.actions == ["submit", "lookup"]
    desk.reply(f"lookup {ID}", error="no_responders")
    assert desk.actions == ["submit", "lookup"]


# ---- reports


def test_a_repeated_report_is_folded_once() -> None:
    """Also with another envelope, before and after the end."""
    desk = Desk().submitted()
    desk.hear(stamped(fill(volume=0.04), 1, "gateway-paper"))
    desk.ack()
    desk.hear(stamped(fill(volume=0.04), 2, "gateway-paper"))
    desk.hear(fill(number=2, volume=0.06))
    desk.ack()
    desk.hear(stamped(fill(number=2, volume=0.06), 2, "gateway-paper"))
    assert desk.states == [OrderState.SUBMITTING, OrderState.PARTIALLY_FILLED, OrderState.FILLED]
    assert desk.alerts == []


def test_reports_that_fit_nothing_are_kept_and_told_once() -> None:
    """Of no order, of an ended one, of another session."""
    desk = Desk().submitted()
    desk.hear(fill(order="s1-1-7"))
    desk.hear(fill(order="s1-1-7"))
    desk.hear(msgspec.structs.replace(fill(number=2), session="s2"))
    desk.hear(fill(number=3))
    desk.ack()
    desk.hear(fill(number=4))
    assert desk.codes == ["quarantine"] * 3
    assert [report.report for report in desk.router.state.quarantine] == ["g-1-1", "g-1-2", "g-1-4"]
    assert desk.states == [OrderState.SUBMITTING, OrderState.FILLED]


def test_more_than_was_ordered_is_booked_with_an_alert() -> None:
    """It is what the venue did."""
    desk = Desk().submitted()
    desk.hear(fill(volume=0.3))
    assert (desk.last.state, desk.last.filled) == (OrderState.FILLED, 0.3)
    assert desk.codes == ["overfill"]


# ---- two routers


def silent(desk: Desk) -> None:
    """It has said that it stops, and does nothing any more."""
    assert desk.codes[-1] == "superseded"
    assert desk.router.describe() == "superseded"
    before = (len(desk.stored), len(desk.asked), len(desk.alerts), len(desk.published))
    desk.hear(cleared(terms("s1-1-9")))
    desk.hear(fill())
    desk.take(desk.router.on_stored(StoredIn(f"update/1 {ID}", 9), desk.now))
    desk.reply(f"submit {ID}", VenueAnswer(order=ID, known=True))
    desk.take(desk.router.on_timer(TimerIn(f"lookup {ID}"), desk.now))
    desk.take(desk.router.on_link(LinkChanged(up=True), desk.now))
    assert before == (len(desk.stored), len(desk.asked), len(desk.alerts), len(desk.published))


@pytest.mark.parametrize("sign", ["hello", "answer", "update"])
def test_the_first_sign_of_a_newer_router_stops_this_one(sign: Literal["hello", "answer", "update"]) -> None:
    """Its hello, a gateway that knows its epoch, or an update of its own."""
    desk = Desk().submitted()
    if sign == "hello":
        desk.hear(stamped(Hello(actor="router", role="router"), 6))
    elif sign == "answer":
        desk.reply(f"submit {ID}", VenueAnswer(order=ID, known=False, refused="older", router_epoch=6))
    else:
        desk.hear(stamped(desk.last, 6))
    silent(desk)


def test_an_older_routers_order_is_adopted_and_looked_up() -> None:
    """It wrote SUBMITTING after this one had read the stream: nobody else sees to it."""
    older = Desk(incarnation=4)
    older.hear(cleared(terms()))
    desk = Desk()
    desk.hear(stamped(older.last, 4))
    assert desk.codes == ["adopted"]
    assert desk.actions == ["lookup"]
    desk.reply(f"lookup {ID}", VenueAnswer(order=ID, known=False, refused="void"))
    assert (desk.last.state, desk.last.revision) == (OrderState.REJECTED, 2)


def test_what_an_older_router_ended_is_known() -> None:
    """Its clearance is not taken again."""
    desk = Desk()
    older = Desk(incarnation=4).submitted()
    older.hear(fill())
    desk.hear(stamped(older.last, 4))
    desk.hear(cleared(terms()))
    desk.hear(fill())
    assert desk.stored == []
    assert desk.alerts == []


def test_its_own_updates_come_back_and_say_nothing_new() -> None:
    """The router is subscribed to what it writes."""
    desk = Desk().submitted()
    desk.hear(stamped(desk.last, 5))
    assert desk.states == [OrderState.SUBMITTING]


# ---- sessions


def test_a_session_that_asks_gets_the_last_word_on_its_orders() -> None:
    """Open ones, ended ones that it names, and which of those it names were never seen."""
    desk = Desk().submitted()
    desk.hear(cleared(terms("s1-1-2")))
    desk.ack()
    desk.reply("submit s1-1-2", VenueAnswer(order="s1-1-2", known=False, refused="no money"))
    desk.ack()
    desk.hear(cleared(terms("s2-1-1", session="s2")))
    names = (ID, "s1-1-2", "s1-1-3", "s2-1-1")
    desk.hear(Hello(actor="session-s1", role="session", account=ACCOUNT, session="s1", open_orders=names))
    sync = desk.published[-1]
    assert isinstance(sync, OrderSync)
    assert {update.order: update.state for update in sync.updates} == {
        ID: OrderState.SUBMITTING,
        "s1-1-2": OrderState.REJECTED,
    }
    assert sync.unseen == ("s1-1-3",)
    assert {update.incarnation for update in sync.updates} == {5}, "this router stands for what it says"


def test_a_session_asks_for_itself_only() -> None:
    """A hello under another session's name is not answered."""
    desk = Desk().submitted()
    before = len(desk.published)
    desk.hear(Hello(actor="session-s2", role="session", account=ACCOUNT, session="s1"))
    assert len(desk.published) == before


def test_forgotten_orders_are_not_called_unseen() -> None:
    """Only ids are kept of old ones; they were seen."""
    desk = Desk(config=msgspec.structs.replace(CONFIG, keep_ended=1))
    for order in (ID, "s1-1-2"):
        desk.hear(cleared(terms(order)))
        desk.ack()
        desk.reply(f"submit {order}", VenueAnswer(order=order, known=False, refused="no"))
        desk.ack()
    assert list(desk.router.state.forgotten) == [ID]
    desk.hear(Hello(actor="session-s1", role="session", account=ACCOUNT, session="s1", open_orders=(ID,)))
    sync = desk.published[-1]
    assert isinstance(sync, OrderSync)
    assert (sync.updates, sync.unseen) == ((), ())
    desk.hear(cleared(terms()))
    assert desk.router.gauges()["duplicates"] == 1


# ---- a handler that raises


@pytest.mark.parametrize("message", [EventIn("venue.report.paper", fill()), ReplyIn(f"submit {ID}", READY)])
def test_an_order_whose_handling_failed_is_unknown(message: EventIn | ReplyIn) -> None:
    """And is asked for."""
    desk = Desk().submitted()
    desk.take(desk.router.on_failure(Failed(message, "KeyError: 'x'"), desk.now))
    assert (desk.last.state, desk.last.reason) == (OrderState.UNKNOWN, "the router failed: KeyError: 'x'")
    assert f"lookup {ID}" in desk.timers


def test_a_failed_clearance_is_written_but_never_submitted() -> None:
    """The effects of the handler that raised were lost, so the update goes out again."""
    desk = Desk()
    message = EventIn("order.cleared.paper.s1", cleared(terms()))
    desk.router.on_event(message, desk.now)
    desk.take(desk.router.on_failure(Failed(message, "boom"), desk.now))
    assert desk.states == [OrderState.SUBMITTING]
    desk.ack()
    assert desk.states == [OrderState.SUBMITTING, OrderState.UNKNOWN]
    assert desk.actions == []


def test_a_failure_of_something_else_is_nobodys_fate() -> None:
    """A hello, a link."""
    desk = Desk().submitted()
    hello = EventIn("hello.x", Hello(actor="x", role="x"))
    assert list(desk.router.on_failure(Failed(hello, "boom"), desk.now)) == []
    assert list(desk.router.on_failure(Failed(LinkChanged(up=True), "boom"), desk.now)) == []


# ---- starting again


def history(desk: Desk, *more: Event, incarnation: int = 5) -> list[Event]:
    """What a router has written, as it stands in the stream, and what else does."""
    written = {effect.msg_id: stamped(effect.event, incarnation) for effect in desk.stored}
    return [*written.values(), *more]


def test_an_open_order_is_looked_up_after_a_start_and_never_submitted() -> None:
    """Whether the last router had sent it cannot be known."""
    state = recover(CONFIG, history(Desk().submitted()))
    desk = Desk(state, incarnation=6, ready=False)
    assert desk.actions == []
    desk.reply(f"epoch {ACCOUNT}", READY)
    assert desk.actions == ["lookup"]
    desk.reply(f"lookup {ID}", VenueAnswer(order=ID, known=True, reports=(fill(),)))
    assert (desk.last.state, desk.last.revision, desk.stored[-1].msg_id) == (OrderState.FILLED, 2, f"{ID}/2/6")


def test_a_report_without_an_update_is_folded_at_the_start() -> None:
    """It was stored, then the router died; once, although the stream has it twice."""
    again = stamped(fill(), 2, "gateway-paper")
    state = recover(CONFIG, history(Desk().submitted(), fill(), again))
    desk = Desk(state, incarnation=6)
    assert desk.states == [OrderState.FILLED]
    assert desk.actions == []


def test_what_was_folded_is_not_folded_again() -> None:
    """Neither of an open nor of an ended order."""
    part = Desk().submitted()
    part.hear(fill(volume=0.04))
    state = recover(CONFIG, history(part, fill(volume=0.04)))
    assert state.unfolded == []
    assert state.orders[ID].reports == ["g-1-1"]
    full = Desk().submitted()
    full.hear(fill())
    desk = Desk(recover(CONFIG, history(full, fill())), incarnation=6)
    desk.hear(fill())
    assert (desk.stored, desk.alerts) == ([], [])


def test_a_recovered_revision_is_past_every_one_in_the_stream() -> None:
    """Also past what a frozen older router wrote in between; the newer router's word is believed."""
    old, new = Desk(incarnation=4).unknown(), Desk(incarnation=5)
    events = [stamped(old.stored[0].event, 4), stamped(old.stored[0].event, 5), stamped(old.stored[1].event, 4)]
    live = recover(CONFIG, events).orders[ID]
    assert (live.update.state, live.update.revision) == (OrderState.SUBMITTING, 2)
    assert new.stored == []


def test_reports_of_no_order_are_in_quarantine_after_a_start() -> None:
    """One alert with their number."""
    desk = Desk(recover(CONFIG, [fill(), fill(number=2)]))
    assert desk.codes == ["quarantine"]
    assert desk.router.gauges()["quarantine"] == 2


def test_the_guards_epoch_is_known_after_a_start() -> None:
    """From its states in the stream."""
    state = recover(
        CONFIG, [RiskState(scope="portfolio", id="floor", state="active", epoch=epoch) for epoch in (2, 4, 3)]
    )
    assert state.guard_epoch == 4


def test_orders_of_an_account_that_is_gone_are_told() -> None:
    """Nobody can be asked."""
    state = recover(RouterConfig(accounts=(), guard_public=PUBLIC), history(Desk().submitted()))
    desk = Desk(state, config=RouterConfig(accounts=(), guard_public=PUBLIC), ready=False)
    assert desk.codes == ["no_gateway"]
    assert desk.asked == []


def test_the_state_is_the_same_after_writing_and_reading_it() -> None:
    """It begins the inbox log, from which `pitwire verify` runs the router again."""
    other = Desk().submitted()
    other.hear(cleared(terms("s1-1-2")))
    other.hear(fill())
    state = recover(CONFIG, history(other, fill(number=9)))
    assert msgspec.json.decode(msgspec.json.encode(state), type=RouterState) == state
    assert msgspec.json.decode(msgspec.json.encode(other.router.state), type=RouterState) == other.router.state


def test_the_configuration_comes_from_the_settings() -> None:
    """Accounts, skew, and whether time is simulated."""
    settings = parse(
        'feed.speed = 0\nguard.skew_ms = 100\n[[account]]\nid = "a"\n[[session]]\nid = "s"\naccount = "a"\n'
    )
    config = config_from(settings, PUBLIC)
    assert config == RouterConfig(accounts=("a",), guard_public=PUBLIC, skew_us=100_000, sim=True)


def test_what_is_not_for_it_changes_nothing() -> None:
    """Other actors' hellos, keys of orders that are gone."""
    desk = Desk()
    desk.hear(Hello(actor="feed", role="feed"))
    desk.reply("lookup nothing", READY)
    desk.reply("submit nothing", error="timeout")
    desk.take(desk.router.on_timer(TimerIn("store nothing"), desk.now))
    assert (desk.stored, desk.actions, desk.alerts) == ([], [], [])
    assert isinstance(cleared(terms()), OrderCleared)
