"""The replica, event by event: what each section shows, what is not known, what is missed, what has no room."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import pytest

from schemas.account import AccountState, PositionMark, PositionProfits, PositionState, ProfitLoss
from schemas.answers import BookAnswer, LogAnswer, SeriesAnswer, SeriesPoint
from schemas.base import Event
from schemas.command import RiskState
from schemas.health import Alert, Beat, HealthState, Hello, LogLine
from schemas.market import MarketStatus, SymbolSpec, Tick
from schemas.order import Deal, OrderRefused, OrderState, OrderTerms, OrderUpdate
from schemas.session import SessionState
from tui import replica_actors, replica_figures, replica_log, replica_orders, replica_positions, replica_quotes
from tui.replica import Replica
from tui.replica_figures import thinned
from tui.view_state import SECTIONS, View

T = 1_700_000_000_000_000
S = 1_000_000
E = TypeVar("E", bound=Event)


def by(event: E, source: str, sequence: int = 1, *, incarnation: int = 1, time: int = T) -> E:
    """The event with an envelope."""
    return msgspec.structs.replace(event, source=source, incarnation=incarnation, sequence=sequence, time=time)


def tick(sequence: int = 1, bid: float = 1.1, symbol: str = "E", **envelope: Any) -> Tick:
    """The feed's."""
    return by(Tick(venue="v", symbol=symbol, at=T, bid=bid, ask=bid + 0.1), "feed", sequence, **envelope)


def spec(digits: int = 5, symbol: str = "E", venue: str = "v", **envelope: Any) -> SymbolSpec:
    """The feed's."""
    one = SymbolSpec(
        venue=venue,
        symbol=symbol,
        digits=digits,
        point=10**-digits,
        pip=10**-digits,
        contract_size=1.0,
        volume_min=0.01,
        volume_max=1.0,
        volume_step=0.01,
        currency_base="E",
        currency_profit="U",
        currency_margin="E",
    )
    return by(one, "feed", **envelope)


def position(sequence: int = 1, ticket: int = 7, volume: float = 0.1, *, time: int = T, **more: Any) -> PositionState:
    """Account a's."""
    incarnation = more.pop("incarnation", 1)
    fields = {"price_open": 1.1, "opened_at": T, "session": "s", "strategy": "x", **more}
    one = PositionState(account="a", ticket=ticket, symbol="E", side="buy", volume=volume, **fields)
    return by(one, "gateway-a", sequence, incarnation=incarnation, time=time)


def marks(sequence: int = 1, *pairs: tuple[int, float | None], time: int = T) -> PositionProfits:
    """The portfolio's, from pairs of ticket and profit."""
    listed = tuple(PositionMark(ticket, 1.2 if profit is not None else None, profit) for ticket, profit in pairs)
    return by(PositionProfits(account="a", currency="USD", marks=listed), "portfolio", sequence, time=time)


def order(
    sequence: int = 1,
    state: OrderState = OrderState.ACCEPTED,
    name: str = "o1",
    *,
    revision: int = 0,
    incarnation: int = 1,
    deal: Deal | None = None,
    filled: float = 0.0,
    reason: str = "",
) -> OrderUpdate:
    """The router's, of a limit order over 0.3 lots."""
    terms = OrderTerms(
        id=name,
        account="a",
        session="s",
        strategy="x",
        venue="v",
        symbol="E",
        kind="limit",
        side="buy",
        volume=0.3,
        price=1.0,
        submitted_at=T,
        expires_at=T + S,
    )
    update = OrderUpdate(
        account="a",
        session="s",
        order=name,
        state=state,
        revision=revision or sequence,
        terms=terms,
        order_class="open",
        filled=filled,
        reason=reason,
        report=f"r{deal.ticket}" if deal else "",
        deal=deal,
    )
    return by(update, "router", sequence, incarnation=incarnation)


def account(currency: str = "USD") -> AccountState:
    """Account a."""
    one = AccountState(
        account="a",
        venue="v",
        currency=currency,
        balance=1.0,
        equity=1.0,
        margin=0.0,
        leverage=1,
        mode="hedging",
        positions=0,
    )
    return by(one, "gateway-a")


def deal(ticket: int = 1, at: int = T, *, entry: Any = "in", profit: float = 0.0) -> Deal:
    """On position 7."""
    return Deal(
        ticket=ticket,
        position=7,
        entry=entry,
        symbol="E",
        side="buy",
        volume=0.01,
        price=1.12345,
        at=at,
        profit=profit,
        commission=-0.05,
        swap=-0.01,
    )


def beat(sequence: int = 1, actor: str = "guard", state: str = "running", **envelope: Any) -> Beat:
    """An actor's own."""
    return by(Beat(actor=actor, state=state, pid=9, mailbox=2, gauges={"x": 1}), actor, sequence, **envelope)


def health(state: Any, sequence: int = 1, actor: str = "guard", reason: str = "") -> HealthState:
    """The watch's."""
    return by(HealthState(actor=actor, state=state, reason=reason, pid=9, restarts=3), "watch", sequence)


def folded(*events: Event, replica: Replica | None = None, at: int = T, live: bool = True) -> Replica:
    """Fold them all at one time."""
    replica = replica or Replica()
    for event in events:
        replica.fold(event, at, live=live)
    return replica


def joined(at: int = T - 60 * S) -> Replica:
    """A replica whose link is up and that has read everything, a minute ago."""
    replica = Replica()
    replica.link(True, "", at, "reading")
    replica.begin_reading(at)
    replica.finish_reading(at)
    return replica


def codes(view: View) -> list[str]:
    """Of the log's rows, oldest first."""
    return [row.code for row in view.log]


# ---- quotes


def test_a_quote_is_the_last_tick() -> None:
    """Bid, ask, the venue's time and ours; digits are not known before the specification."""
    view = folded(tick(1, 1.1), tick(2, 1.2)).view
    row = view.quotes["v", "E"]
    assert (row.bid, row.ask, row.at, row.received, row.move) == (1.2, 1.3, T, T, 1)
    assert row.digits is None
    assert folded(spec(3), replica=folded(tick())).view.quotes["v", "E"].digits == 3


def test_a_move_lasts_until_the_bid_moves_again() -> None:
    """An equal bid leaves the direction as it was."""
    replica = folded(tick(1, 1.1), tick(2, 1.0), tick(3, 1.0))
    assert replica.view.quotes["v", "E"].move == -1


def test_an_older_tick_changes_nothing() -> None:
    """Neither the same sequence, nor a lower one, nor one of a lower incarnation."""
    replica = folded(tick(5, 1.5, incarnation=2))
    folded(tick(5, 9.0, incarnation=2), tick(4, 9.0, incarnation=2), tick(9, 9.0, incarnation=1), replica=replica)
    assert replica.view.quotes["v", "E"].bid == 1.5
    assert replica.view.link.gaps == 0


def test_a_gap_in_ticks_is_counted_in_the_row_and_said() -> None:
    """Three ticks were sent and never came."""
    replica = folded(tick(1), tick(5), replica=joined())
    assert replica.view.quotes["v", "E"].missed == 3
    assert replica.view.link.gaps == 3
    assert replica.view.log[-1].code == "gap"
    assert "3 events" in replica.view.log[-1].text


def test_what_was_read_of_before_is_no_gap() -> None:
    """The stream of last words holds one message a subject, by design."""
    replica = folded(tick(1), replica=joined())
    replica.fold(tick(5), T, live=False)
    assert replica.view.quotes["v", "E"].missed == replica.view.link.gaps == 0


def test_a_new_incarnation_begins_at_one() -> None:
    """Its first events may be missed as well."""
    assert folded(tick(9), tick(1, incarnation=2), replica=joined()).view.link.gaps == 0
    assert folded(tick(9), tick(3, incarnation=2), replica=joined()).view.link.gaps == 2


def test_gaps_of_one_subject_are_said_once_a_second() -> None:
    """All are counted."""
    replica = joined()
    for number in range(1, 100, 2):
        replica.fold(tick(number), T + number)
    assert replica.view.link.gaps == 49
    assert codes(replica.view).count("gap") == 1


def test_the_history_has_one_bid_a_second() -> None:
    """The last one of each, and the newest minute only."""
    replica = Replica()
    for number in range(200):
        replica.fold(tick(number + 1, 1.0 + number), T + number * S // 2)
    history = replica.view.quotes["v", "E"].history
    assert len(history) == replica_quotes.HISTORY
    assert history[-2:] == [198.0, 200.0]


def test_a_silent_open_market_is_called_stale_until_the_next_tick() -> None:
    """A closed one may be silent; a link that came up just now excuses everyone."""
    replica = joined()
    folded(tick(), tick(symbol="C"), replica=replica)
    replica.fold(by(MarketStatus(venue="v", symbol="C", state="closed"), "feed"), T)
    replica.look(T + 5 * S)
    assert replica.view.quotes["v", "E"].market == ""
    replica.look(T + 5 * S + 1)
    assert replica.view.quotes["v", "E"].market == "stale"
    assert replica.view.quotes["v", "C"].market == "closed"
    replica.fold(tick(2), T + 6 * S)
    assert replica.view.quotes["v", "E"].market == ""


# ---- positions


def test_a_position_has_no_profit_before_the_portfolio_says_one() -> None:
    """And none that the portfolio does not know."""
    replica = folded(position())
    row = replica.view.positions["a", 7]
    assert (row.volume, row.price, row.profit) == (0.1, None, None)
    folded(marks(1, (7, -3.2)), replica=replica)
    assert (row.price, row.profit, row.currency) == (1.2, -3.2, "USD")
    folded(marks(2, (7, None)), replica=replica)
    assert (row.price, row.profit) == (None, None)


def test_a_mark_without_its_position_is_left_aside() -> None:
    """It is taken when the position comes, if it is not older than that."""
    replica = folded(marks(1, (7, -3.2), time=T))
    assert replica.view.positions == {}
    assert folded(position(time=T - 1), replica=replica).view.positions["a", 7].profit == -3.2


def test_a_mark_older_than_the_change_of_a_position_is_not_taken() -> None:
    """After a partial close the profit is not known until the portfolio has seen it."""
    replica = folded(position(1, volume=0.2), marks(1, (7, 10.0), time=T + 1))
    folded(position(2, volume=0.1, time=T + 9), replica=replica)
    row = replica.view.positions["a", 7]
    assert row.profit is None
    folded(marks(2, (7, 11.0), time=T + 8), replica=replica)
    assert row.profit is None
    folded(marks(3, (7, 5.0), time=T + 9), replica=replica)
    assert row.profit == 5.0


def test_a_position_told_again_keeps_its_profit() -> None:
    """A gateway repeats everything when somebody joins."""
    replica = folded(position(1), marks(1, (7, 10.0)), position(2, time=T + 9))
    assert replica.view.positions["a", 7].profit == 10.0


def test_a_position_that_the_marks_leave_out_has_no_profit() -> None:
    """The portfolio values every position it knows of."""
    replica = folded(position(1), marks(1, (7, 10.0)), marks(2, (8, 1.0), time=T + 1))
    assert replica.view.positions["a", 7].profit is None


def test_a_closed_position_is_gone_and_stays_gone() -> None:
    """An older message does not open it again."""
    replica = folded(position(1), position(2, volume=0.0))
    assert replica.view.positions == {}
    replica.fold(position(1), T, live=False)
    assert replica.view.positions == {}


def test_digits_reach_rows_that_came_before_them() -> None:
    """Positions, orders and fills are shown with the digits of their symbol."""
    replica = folded(position(), order(1, deal=deal()), spec(3, venue="other"), spec(5))
    view = replica.view
    assert view.positions["a", 7].digits == view.orders["o1"].digits == view.fills[0].digits == 5


# ---- orders and fills


def test_an_order_under_way_is_shown_until_it_ends() -> None:
    """With what is filled of it."""
    replica = folded(order(1, OrderState.SUBMITTING), order(2, OrderState.PARTIALLY_FILLED, filled=0.1, deal=deal()))
    row = replica.view.orders["o1"]
    assert (row.state, row.filled, row.volume, row.price) == ("partially_filled", 0.1, 0.3, 1.0)
    folded(order(3, OrderState.FILLED, filled=0.3), replica=replica)
    assert replica.view.orders == {}


def test_an_ended_order_stays_ended() -> None:
    """Whatever an older, or even a newer, router says of it."""
    replica = folded(order(2, OrderState.FILLED), order(1), order(9, incarnation=1), order(1, incarnation=2))
    folded(order(2, OrderState.REJECTED, incarnation=2), replica=replica)
    assert replica.view.orders == {}
    assert "rejected" not in codes(replica.view)


def test_of_two_routers_the_newer_is_believed() -> None:
    """A frozen one that wakes up may still write for a moment; its revision does not count."""
    replica = folded(order(1, OrderState.UNKNOWN, incarnation=2, revision=3), order(8, incarnation=1, revision=8))
    assert replica.view.orders["o1"].state == "unknown"


def test_a_missed_update_of_an_order_is_counted() -> None:
    """Between two, and before the first if everything under way was known."""
    replica = folded(order(1), order(4), replica=joined())
    assert (replica.view.orders["o1"].missed, replica.view.link.gaps) == (2, 2)
    assert folded(order(3), replica=joined()).view.link.gaps == 2
    assert folded(order(3)).view.link.gaps == 0


def test_a_missed_update_asks_for_another_reading() -> None:
    """A missed tick does not: the next one makes it good."""
    replica = folded(order(1), order(4), replica=joined())
    assert replica.wants_reading(T + S)
    assert not folded(tick(1), tick(4), replica=joined()).wants_reading(T + S)
    replica.begin_reading(T + S)
    replica.finish_reading(T + S)
    assert not replica.wants_reading(T + 60 * S)


def test_marks_that_disagree_with_the_positions_ask_for_another_reading() -> None:
    """When they go on doing so."""
    replica = folded(position(1), marks(1, (8, 1.0), time=T + 1), replica=joined())
    assert not replica.wants_reading(T + S)
    assert replica.wants_reading(T + 6 * S)
    folded(marks(2, (7, 1.0), time=T + 2), replica=replica)
    assert not replica.wants_reading(T + 6 * S)


def test_a_fill_is_a_row_and_a_line_each_once() -> None:
    """Whoever repeats it; its profit is the deal's, with commission and swap."""
    replica = folded(spec(5), account(), order(1, deal=deal(1)), order(2, deal=deal(2, entry="out", profit=3.0)))
    replica.fold(order(1, deal=deal(1)), T)
    fills = replica.view.fills
    assert [(fill.entry, fill.profit, fill.ticket) for fill in fills] == [("in", -0.06, 7), ("out", 2.94, 7)]
    assert [row.text for row in replica.view.log] == [
        "buy 0.01 E at 1.12345",
        "buy 0.01 E at 1.12345, closing 7: +2.94 USD",
    ]


def test_a_fill_has_the_currency_of_its_account() -> None:
    """Also of an account that is heard of only afterwards; a position as well. Until then the log says so."""
    replica = folded(order(2, deal=deal(2, entry="out", profit=3.0)), position())
    assert replica.view.fills[0].currency == replica.view.positions["a", 7].currency == ""
    assert replica.view.log[-1].text.endswith("+2.94 (currency not known yet)")
    folded(account("EUR"), replica=replica)
    assert replica.view.fills[0].currency == replica.view.positions["a", 7].currency == "EUR"


def test_the_newest_hundred_fills_are_kept() -> None:
    """In their order of time, however they come."""
    replica = Replica()
    for number in reversed(range(150)):
        replica.fold(order(1, OrderState.FILLED, f"o{number}", deal=deal(number, T + number)), T)
    assert [fill.at for fill in replica.view.fills] == [T + number for number in range(50, 150)]


def test_a_refusal_names_rule_limit_and_actual() -> None:
    """And a rejection its reason."""
    refused = OrderRefused(order="o1", account="a", session="s", rule="max_lots", limit="1 lot", actual="2 lots")
    replica = folded(by(refused, "guard"), order(1, OrderState.REJECTED, reason="no money"))
    assert [row.text for row in replica.view.log] == [
        "order o1 refused by max_lots: limit 1 lot, actual 2 lots",
        "order o1 rejected: no money",
    ]


# ---- what there was before


def test_a_book_brings_what_is_open() -> None:
    """Positions, orders and fills, without a gap."""
    book = BookAnswer(positions=(position(4),), orders=(order(3),), fills=(order(2, deal=deal()),))
    replica = folded(book, replica=joined(), live=False)
    assert list(replica.view.positions) == [("a", 7)]
    assert list(replica.view.orders) == ["o1"]
    assert len(replica.view.fills) == 1
    assert replica.view.link.gaps == 0
    folded(position(5), order(4), replica=replica)
    assert replica.view.link.gaps == 0


def test_what_a_book_does_not_name_is_gone_unless_it_is_newer() -> None:
    """What was heard after the question, or just before it, may not have been known to who answered."""
    replica = folded(position(1, 1), order(1, name="old"), replica=joined())
    replica.fold(position(1, 2), T + 9 * S)
    replica.begin_reading(T + 10 * S)
    replica.fold(position(1, 3), T + 11 * S)
    replica.fold(order(1, name="new"), T + 11 * S)
    replica.fold(BookAnswer(), T + 12 * S, live=False)
    assert set(replica.view.positions) == {("a", 2), ("a", 3)}
    assert set(replica.view.orders) == {"new"}


def test_after_a_lost_link_only_the_book_counts() -> None:
    """What was heard before the loss is gone if the book does not name it, however short the loss was."""
    replica = folded(position(), replica=joined())
    replica.link(False, "", T + 1)
    replica.link(True, "", T + 2, "reading")
    replica.begin_reading(T + 3)
    replica.fold(BookAnswer(), T + 4, live=False)
    assert replica.view.positions == {}


def test_a_book_that_leaves_things_out_proves_nothing_gone() -> None:
    """And says how much is left out."""
    replica = folded(position(), replica=joined())
    replica.begin_reading(T + 9 * S)
    replica.fold(BookAnswer(positions_left_out=3, orders_left_out=1), T + 9 * S, live=False)
    assert list(replica.view.positions) == [("a", 7)]
    assert replica.view.link.left_out == 4


def test_an_old_book_does_not_undo_what_is_newer() -> None:
    """It was made before the position was closed and the order filled, and arrives after."""
    replica = joined()
    replica.begin_reading(T)
    folded(position(2, volume=0.0), order(2, OrderState.FILLED), replica=replica, at=T + 1)
    replica.fold(BookAnswer(positions=(position(1),), orders=(order(1),)), T + 2, live=False)
    assert replica.view.positions == {}
    assert replica.view.orders == {}


def test_a_position_built_from_deals_yields_to_the_venue() -> None:
    """It has no envelope; whatever the venue said or says is newer."""
    built = msgspec.structs.replace(position(0, volume=9.0, time=0), source="", incarnation=0)
    replica = folded(built, live=False)
    assert replica.view.positions["a", 7].volume == 9.0
    folded(position(3), replica=replica)
    replica.fold(built, T, live=False)
    assert replica.view.positions["a", 7].volume == 0.1
    assert replica.view.link.gaps == 0


def test_a_series_replaces_the_curve_where_it_has_one() -> None:
    """Points before its first and after its last stay."""
    replica = Replica()
    for second in (0, 10, 20, 30):
        profit = ProfitLoss(scope="portfolio", id="floor", currency="USD", realised=0.0, equity=1.0, balance=1.0)
        replica.fold(by(profit, "portfolio", second + 1, time=T + second * S), T)
    points = (SeriesPoint(T + 9 * S, 2.0, 2.0), SeriesPoint(T + 20 * S + 1, 2.0, 2.0))
    replica.fold(SeriesAnswer(scope="portfolio", id="floor", currency="USD", points=points), T)
    assert [(point.at - T, point.equity) for point in replica.view.curve] == [
        (0, 1.0),
        (9 * S, 2.0),
        (20 * S + 1, 2.0),
        (30 * S, 1.0),
    ]


def test_the_log_has_each_entry_once() -> None:
    """Heard live and read again, in the order of time."""
    alert = by(Alert(severity="critical", code="slow", text="too slow", actor="feed"), "feed", time=T + 2)
    line = by(LogLine(level="info", actor="guard", event="started", values={"n": "1"}), "guard", time=T + 1)
    replica = folded(alert, LogAnswer(entries=(line, alert)))
    assert [(row.level, row.actor, row.text, row.code) for row in replica.view.log] == [
        ("info", "guard", "started n=1", ""),
        ("critical", "feed", "too slow", "slow"),
    ]


def refusal(number: int, at: int = T) -> OrderRefused:
    """Of the session's order of that number."""
    one = OrderRefused(order=f"o{number}", account="a", session="s", rule="max_lots", limit="1 lot", actual="2 lots")
    return by(one, "guard", number + 1, time=at)


def test_whoever_floods_the_log_hides_nobody() -> None:
    """Of what is said again and again the newest of a minute stay, and the number of the others."""
    critical = by(Alert(severity="critical", code="dead", text="it is dead", actor="watch"), "watch")
    events = [critical, *(refusal(number, T + number) for number in range(1_000))]
    for order_of_arrival in (events, events[::-1]):
        replica = folded(*order_of_arrival, *order_of_arrival[:200])  # heard again: not counted again
        assert [(row.level, row.text.split()[1], row.more) for row in replica.view.log] == [
            ("critical", "is", 0),
            ("warning", "o997", 997),
            ("warning", "o998", 0),
            ("warning", "o999", 0),
        ]


def test_critical_rows_stay_longer() -> None:
    """As long as they are not too many themselves."""
    replica = Replica()
    for number in range(3_000):
        severity: Any = "critical" if number < 50 else "info"
        alert = Alert(severity=severity, code=f"c{number}", text="t", actor="a")
        replica.fold(by(alert, "a", number + 1, time=T + number), T)
    log = replica.view.log
    assert len(log) == replica_log.ROWS
    assert [row.code for row in log[:51]] == [*(f"c{number}" for number in range(50)), "c2550"]
    for number in range(3_000, 4_000):
        alert = Alert(severity="critical", code=f"c{number}", text="t", actor="a")
        replica.fold(by(alert, "a", number + 1, time=T + number), T)
    assert [row.code for row in log] == [f"c{number}" for number in range(3_500, 4_000)]


@pytest.mark.parametrize("first", ["refusal", "alert"])
def test_a_refusal_of_the_guard_is_one_row(first: str) -> None:
    """The guard alerts people too, in the same words; nobody else's alert hides a refusal."""
    text = "session s: o1 refused by max_lots: 2 lots, limit 1 lot"
    alert = by(Alert(severity="warning", code="max_lots", text=text, actor="guard"), "guard", 9)
    events: list[Event] = [refusal(1), alert]
    replica = folded(*(events if first == "refusal" else events[::-1]))
    assert len(replica.view.log) == 1
    folded(by(Alert(severity="warning", code="max_lots", text=text, actor="x"), "x"), replica=replica)
    assert len(replica.view.log) == 2


# ---- actors


def test_an_actor_is_what_the_watch_and_its_beats_say() -> None:
    """State and restarts from one, what it does from the other."""
    row = folded(health("alive"), beat(), replica=joined()).view.actors["guard"]
    assert (row.state, row.restarts, row.pid, row.doing, row.mailbox, row.beat_at) == ("alive", 3, 9, "running", 2, T)


def test_an_actor_is_late_here_when_nobody_says_so() -> None:
    """Three seconds after its last beat, until it beats again."""
    replica = folded(health("alive"), beat(), replica=joined())
    replica.fold(tick(), T + 3 * S)
    replica.look(T + 3 * S)
    assert replica.view.actors["guard"].state == "alive"
    replica.look(T + 3 * S + 1)
    assert replica.view.actors["guard"].state == "late"
    assert "3 s" in replica.view.actors["guard"].reason
    replica.fold(beat(2), T + 4 * S)
    assert replica.view.actors["guard"].state == "alive"
    assert replica.view.actors["guard"].reason == ""


def test_what_the_watch_says_of_the_dead_stands() -> None:
    """A silent one that is dead is not late; one that beats on is alive."""
    replica = folded(beat(), health("dead", reason="killed"), replica=joined())
    replica.look(T + 4 * S)
    assert (replica.view.actors["guard"].state, replica.view.actors["guard"].reason) == ("dead", "killed")
    replica.fold(beat(2), T + 4 * S)
    assert replica.view.actors["guard"].state == "alive"


def test_silence_without_a_link_is_nobodys_fault() -> None:
    """Neither while it is down nor in the first seconds after, nor when this terminal itself was asleep."""
    replica = folded(health("alive"), beat(), replica=joined())
    replica.link(False, "", T)
    replica.look(T + 3 * S)
    replica.look(T + 6 * S)
    replica.link(True, "", T + 7 * S)
    replica.look(T + 9 * S)
    assert replica.view.actors["guard"].state == "alive"
    replica.fold(beat(2), T + 9 * S)
    replica.look(T + 60 * S)
    assert replica.view.actors["guard"].state == "alive"


# ---- the rest


def test_figures_are_the_events_themselves() -> None:
    """Accounts, profits, trading states; and sessions as rows."""
    account = AccountState(
        account="a",
        venue="v",
        currency="USD",
        balance=1.0,
        equity=2.0,
        margin=0.0,
        leverage=1,
        mode="hedging",
        positions=0,
    )
    profit = ProfitLoss(scope="session", id="s", currency="USD", realised=1.5)
    risk = RiskState(scope="account", id="a", state="halted", epoch=1)
    session = SessionState(session="s", account="a", strategy="x", symbols=("E",), state="running")
    view = folded(by(account, "g"), by(profit, "p"), by(risk, "r"), by(session, "u")).view
    assert view.accounts["a"].balance == 1.0
    assert view.profits["session", "s"].floating is None
    assert view.risk["account", "a"].state == "halted"
    assert view.sessions["s"].symbols == ("E",)
    assert view.curve == []


def _valued(replica: Replica) -> tuple[bool, float | None]:
    """Whether the whole's profit is shown, and the profit of position 7."""
    return ("portfolio", "floor") in replica.view.profits, replica.view.positions["a", 7].profit


def _worth(sequence: int, time: int) -> list[Event]:
    whole = ProfitLoss(scope="portfolio", id="floor", currency="USD", realised=1.0, floating=2.0)
    return [by(whole, "portfolio", sequence, time=time), marks(sequence, (7, 2.0), time=time)]


@pytest.mark.parametrize("ends", ["silent", "dead"])
def test_what_a_dead_portfolio_said_last_is_not_shown_as_the_present(ends: str) -> None:
    """Prices move on: profits and the worth of positions are not known, until it speaks again."""
    replica = Replica()
    replica.link(True, "", T)
    for event in (position(), *_worth(1, T), beat(1, "portfolio")):
        replica.fold(event, T)
    for second in range(1, 30):
        now = T + second * S
        replica.fold(beat(second + 1, "portfolio"), now)
        replica.look(now)
        assert _valued(replica) == (True, 2.0)
    now = T + 30 * S
    if ends == "dead":
        replica.fold(by(HealthState(actor="portfolio", state="dead", reason="killed"), "watch"), now)
    else:
        now = T + 33 * S
        replica.look(T + 32 * S)
        assert _valued(replica) == (True, 2.0)
    replica.view.dirty.clear()
    replica.look(now)
    assert _valued(replica) == (False, None)
    assert {"profits", "positions"} <= replica.view.dirty
    again = by(beat(1, "portfolio"), "portfolio", incarnation=2, time=now)
    for event in (by(HealthState(actor="portfolio", state="alive"), "watch", 2), again, *_worth(2, now)):
        replica.fold(event, now)
    replica.look(now + S)
    assert _valued(replica) == (True, 2.0)


def test_a_silent_link_is_stale_until_something_is_heard() -> None:
    """After two seconds without even a beat; the reason says so and goes away again."""
    replica = folded(tick(), replica=joined())
    replica.look(T + 2 * S)
    assert (replica.view.link.stale, replica.view.link.reason) == (False, "")
    replica.look(T + 3 * S)
    assert (replica.view.link.stale, replica.view.link.reason) == (True, "nothing heard for 3 s")
    replica.fold(tick(2), T + 4 * S)
    replica.look(T + 4 * S)
    assert (replica.view.link.stale, replica.view.link.reason) == (False, "")


def test_losing_the_link_is_said_and_what_was_missed_then_in_one_line() -> None:
    """Not a line for each subject."""
    replica = folded(tick(1), beat(1), replica=joined())
    replica.link(False, "the server is gone", T)
    assert replica.view.log[-1].code == "link"
    assert "the server is gone" in replica.view.log[-1].text
    replica.link(True, "", T + S, "reading")
    replica.begin_reading(T + S)
    folded(tick(9), beat(5), replica=replica, at=T + S)
    replica.finish_reading(T + 2 * S)
    assert replica.view.link.phase == "live"
    folded(tick(11), beat(6), replica=replica, at=T + 3 * S)
    replica.look(T + 4 * S)
    assert replica.view.log[-1].text == "11 events missed while there was no link"
    assert codes(replica.view).count("gap") == 1
    folded(beat(8), replica=replica, at=T + 5 * S)
    assert replica.view.log[-1].text == "1 event missed: beats of guard"


def standing(replica: Replica) -> str:
    """What the floor does."""
    return replica.view.link.floor


def test_a_floor_that_is_taken_down_is_not_a_lost_link() -> None:
    """The supervisor says that it stops; the link that is lost then is the floor's end, and everybody is stopped."""
    replica = folded(beat(1), beat(1, actor="supervisor"), health("alive"), replica=joined())
    assert standing(replica) == ""
    folded(beat(2, actor="supervisor", state="stopping"), replica=replica)
    assert standing(replica) == "stopping"
    replica.link(False, "the connection was lost", T + S, "connecting")
    assert standing(replica) == "down"
    assert replica.view.link.lost
    assert {row.state for row in replica.view.actors.values()} == {"stopped"}
    assert replica.view.log[-1].text == "the floor is down"
    replica.link(True, "", T + 9 * S, "reading")
    assert standing(replica) == ""


def test_a_floor_on_a_server_that_stays_is_down_when_it_falls_silent() -> None:
    """With an external server the link is no sign."""
    replica = folded(beat(2, actor="supervisor", state="stopping"), replica=joined())
    replica.look(T + S)
    assert standing(replica) == "stopping"
    replica.look(T + 3 * S)
    assert standing(replica) == "down"
    folded(beat(1, actor="supervisor", incarnation=2), replica=replica, at=T + 4 * S)
    assert standing(replica) == ""


def test_another_actor_cannot_say_that_the_floor_stops() -> None:
    """Only the supervisor's own beat is believed."""
    assert standing(folded(beat(1, state="stopping"), replica=joined())) == ""


def test_a_mark_goes_when_what_it_marks_is_told_again() -> None:
    """A price's with its next tick, a beat's with the next one, a position's and an order's when the book is read."""
    replica = folded(tick(1), beat(1), position(1), order(1), replica=joined())
    folded(tick(4), beat(4), position(4), order(4), replica=replica)
    view = replica.view

    def marked() -> list[int]:
        return [
            view.quotes["v", "E"].missed,
            view.actors["guard"].missed,
            view.positions["a", 7].missed,
            view.orders["o1"].missed,
        ]

    assert marked() == [2, 2, 2, 2]
    folded(tick(5), beat(5), position(5), order(5), replica=replica)
    assert marked() == [0, 0, 2, 2]
    folded(BookAnswer(positions=(position(5),), orders=(order(5),)), replica=replica, live=False)
    assert marked() == [0, 0, 2, 2]  # asked for before the gap was noticed
    replica.begin_reading(T + S)
    folded(BookAnswer(positions=(position(5),), orders=(order(5),)), replica=replica, live=False)
    assert marked() == [0, 0, 0, 0]


def test_only_recent_misses_are_counted_as_such() -> None:
    """The whole stays known."""
    replica = folded(tick(1), tick(9), replica=joined())
    assert (replica.view.link.recent, replica.view.link.gaps) == (7, 7)
    folded(tick(11), replica=replica, at=T + 59 * S)
    assert replica.view.link.recent == 8
    folded(tick(12), replica=replica, at=T + 61 * S)
    replica.look(T + 61 * S)
    assert (replica.view.link.recent, replica.view.link.gaps) == (1, 8)


def test_a_terminal_that_misses_too_much_says_that_it_cannot_keep_up() -> None:
    """For as long as that is so; what a lost link cost is something else."""
    replica = folded(tick(1), tick(1_002), replica=joined())
    assert (replica.view.link.behind, replica.view.link.recent) == (True, 1_000)
    folded(tick(1_003), replica=replica, at=T + 11 * S)
    replica.look(T + 11 * S)
    assert (replica.view.link.behind, replica.view.link.recent) == (False, 1_000)
    replica.link(False, "gone", T + 12 * S)
    replica.link(True, "", T + 13 * S, "reading")
    folded(tick(9_999), replica=replica, at=T + 14 * S)
    assert (replica.view.link.behind, replica.view.link.recent) == (False, 9_995)


def test_texts_are_data() -> None:
    """Control characters and marks that turn the direction are blanks; markup is left alone; all is bounded."""
    nasty = "\x1b[31m[red]\n\u202etxt" + "x" * 1000
    replica = folded(
        by(Alert(severity="info", code=nasty, text=nasty, actor=nasty), "x"),
        health("dead", actor=nasty, reason=nasty),
        by(RiskState(scope="account", id=nasty, state="halted", epoch=1, reason=nasty), "guard"),
        position(session=nasty, strategy=nasty),
        by(Beat(actor="a", state=nasty, gauges={nasty: 1}), "a"),
    )
    view = replica.view
    texts = [view.log[0].text, view.log[0].actor, view.log[0].code, view.positions["a", 7].session]
    texts += [row.actor for row in view.actors.values()] + [row.doing for row in view.actors.values()]
    texts += [row.reason for row in view.risk.values()] + [name for row in view.actors.values() for name in row.gauges]
    assert all(text.isprintable() and len(text) <= 500 for text in texts)
    assert "[red]" in view.log[0].text


def test_what_has_no_section_is_passed_over() -> None:
    """And every section starts dirty, so that it is drawn once."""
    replica = folded(by(Hello(actor="x", role="y"), "x"))
    assert replica.view.dirty == set(SECTIONS)


@pytest.mark.parametrize(
    ("event", "section"),
    [
        (tick(), "quotes"),
        (position(), "positions"),
        (order(), "orders"),
        (order(deal=deal()), "fills"),
        (beat(), "actors"),
        (by(SessionState(session="s", account="a", strategy="x", symbols=(), state="running"), "s"), "sessions"),
        (by(ProfitLoss(scope="session", id="s", currency="USD", realised=1.5), "p"), "profits"),
        (by(RiskState(scope="account", id="a", state="halted", epoch=1), "g"), "risk"),
        (by(Alert(severity="info", code="c", text="t", actor="a"), "a"), "log"),
    ],
)
def test_a_change_marks_its_section(event: Event, section: str) -> None:
    """And nothing that it does not concern."""
    replica = Replica()
    replica.view.dirty.clear()
    replica.fold(event, T)
    assert section in replica.view.dirty
    assert replica.view.dirty <= {section, "orders", "fills", "log"}
    if not isinstance(event, Alert):
        replica.view.dirty.clear()
        replica.fold(event, T)
        assert replica.view.dirty == set()


# ---- bounds


def test_nothing_grows_without_end() -> None:
    """Of everything there is a most; what is left out is counted and said, what ends makes room."""
    replica = Replica()
    for number in range(5_000):
        replica.fold(tick(symbol=f"S{number}"), T)
        replica.fold(position(ticket=number), T)
        replica.fold(order(name=f"o{number}"), T)
        replica.fold(beat(actor=f"a{number}"), T)
        replica.fold(by(Alert(severity="info", code=f"c{number}", text="t", actor="a"), "a", number + 1), T + number)
    view = replica.view
    assert len(view.quotes) == replica_quotes.SYMBOLS
    assert len(view.positions) == replica_positions.POSITIONS
    assert len(view.orders) == replica_orders.ORDERS
    assert len(view.actors) == replica_actors.ACTORS
    assert len(view.log) == replica_log.ROWS
    assert view.link.left_out == 4 * 3_000


def test_a_position_that_closes_makes_room_for_another() -> None:
    """One that was left out is shown with its next word."""
    replica = Replica()
    for number in range(replica_positions.POSITIONS + 1):
        replica.fold(position(ticket=number), T)
    last = replica_positions.POSITIONS
    assert replica.view.link.left_out == 1
    assert "left_out" in codes(replica.view)
    replica.fold(position(2, ticket=0, volume=0.0), T)
    replica.fold(position(2, ticket=last), T)
    assert ("a", last) in replica.view.positions
    assert replica.view.link.left_out == 0


def test_the_curve_is_bounded_and_keeps_its_ends() -> None:
    """Of the older half one point a minute stays, or fewer still."""
    points = [SeriesPoint(T + second * S, float(second), 1.0) for second in range(100_000)]
    kept = thinned(points)
    assert len(kept) <= replica_figures.POINTS
    assert kept[-1] == points[-1]
    assert kept[0].at - T < 3_600 * S
    assert [point.at for point in kept] == sorted({point.at for point in kept})
