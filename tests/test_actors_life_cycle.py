"""The life of an order: the table, the folding of reports, which of two updates is believed."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orderfloor import terms

from actors.life_cycle import TRANSITIONS, Illegal, Step, advance, fold, next_state, overfilled, supersedes
from schemas.order import ENDED, Deal, OrderState, OrderUpdate, ReportKind, VenueReport

DOCS = Path(__file__).resolve().parent.parent / "docs" / "orders.md"


def update(state: OrderState = OrderState.SUBMITTING, *, revision: int = 1, incarnation: int = 1) -> OrderUpdate:
    """An order of 0.1 lots in this state."""
    order = terms(volume=0.1)
    return OrderUpdate(
        incarnation=incarnation,
        account=order.account,
        session=order.session,
        order=order.id,
        state=state,
        revision=revision,
        terms=order,
        order_class="open",
    )


def report(kind: ReportKind = "fill", *, volume: float = 0.1, price: float = 1.1, number: int = 1) -> VenueReport:
    """A report on it; a fill has a deal."""
    deal = Deal(ticket=number, position=7, entry="in", symbol="EURUSD", side="buy", volume=volume, price=price, at=5)
    return VenueReport(
        report=f"r{number}",
        account="paper",
        session="s1",
        order="s1-1-1",
        kind=kind,
        deal=deal if kind == "fill" else None,
        reason="" if kind == "fill" else "because",
    )


def legal(after: OrderUpdate | Illegal) -> OrderUpdate:
    """It is an update."""
    assert isinstance(after, OrderUpdate), after
    return after


def test_every_state_is_in_the_table_and_can_be_reached() -> None:
    """From INTENDED every state can be reached, and no state is missing."""
    assert set(TRANSITIONS) == set(OrderState)
    reached, found = {OrderState.INTENDED}, {OrderState.INTENDED}
    while found:
        found = {after for state in found for after in TRANSITIONS[state].values()} - reached
        reached |= found
    assert reached == set(OrderState)


def test_nothing_leaves_a_state_that_ends() -> None:
    """ENDED means ended; every other state can still end."""
    for state, steps in TRANSITIONS.items():
        assert bool(steps) == (state not in ENDED)
        if steps:
            assert ENDED & set(steps.values())


def test_unknown_is_only_entered_from_submitting_and_can_become_anything() -> None:
    """Doubt arises when a submit has no answer; whatever the venue says then settles it."""
    assert [state for state, steps in TRANSITIONS.items() if Step.LOSE in steps] == [OrderState.SUBMITTING]
    assert set(TRANSITIONS[OrderState.UNKNOWN]) == set(TRANSITIONS[OrderState.SUBMITTING]) - {Step.LOSE}


@pytest.mark.parametrize("state", list(OrderState))
@pytest.mark.parametrize("step", list(Step))
def test_what_is_not_in_the_table_is_a_value(state: OrderState, step: Step) -> None:
    """No exception: the refusal says state and step."""
    after = next_state(state, step)
    if step in TRANSITIONS[state]:
        assert after == TRANSITIONS[state][step]
    else:
        assert after == Illegal(state, step.value, f"an order that is {state.value} cannot {step.value}")


def test_the_picture_in_the_documentation_is_the_table() -> None:
    """Each arrow of docs/orders.md is a transition, and each transition an arrow."""
    arrows = set(re.findall(r"^ {4}([A-Z_]+) --> ([A-Z_]+): (\w+)$", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    table = {
        (state.name, after.name, step.value) for state, steps in TRANSITIONS.items() for step, after in steps.items()
    }
    assert arrows == table


def test_advancing_changes_state_revision_and_reason_only() -> None:
    """The cause becomes the order's id; filled and price stay."""
    after = legal(advance(update(), Step.REJECT, reason="no money"))
    assert (after.state, after.revision, after.reason, after.cause) == (OrderState.REJECTED, 2, "no money", "s1-1-1")
    assert (after.filled, after.price, after.report, after.deal) == (0.0, 0.0, "", None)


def test_a_fill_of_the_whole_volume_is_filled() -> None:
    """It carries the deal, the report's id and the position."""
    after = legal(fold(update(), report()))
    assert (after.state, after.filled, after.price, after.position) == (OrderState.FILLED, 0.1, 1.1, 7)
    assert after.report == "r1"
    assert after.deal == report().deal


def test_parts_add_up_without_floating_point_dust() -> None:
    """0.03 + 0.03 + 0.04 is 0.1, at the average weighted by volume."""
    order = update()
    for number, (volume, price) in enumerate([(0.03, 1.1), (0.03, 1.2), (0.04, 1.3)], start=1):
        order = legal(fold(order, report(volume=volume, price=price, number=number)))
        assert order.state == (OrderState.FILLED if number == 3 else OrderState.PARTIALLY_FILLED)
    assert order.filled == 0.1
    assert order.price == pytest.approx(0.3 * 1.1 + 0.3 * 1.2 + 0.4 * 1.3, rel=1e-15)
    assert not overfilled(order)


def test_more_than_was_ordered_is_booked_and_seen() -> None:
    """The venue's word is the truth: FILLED with more than was asked for, and `overfilled` says so."""
    part = legal(fold(update(), report(volume=0.06)))
    after = legal(fold(part, report(volume=0.06, number=2)))
    assert (after.state, after.filled) == (OrderState.FILLED, 0.12)
    assert overfilled(after)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("accepted", OrderState.ACCEPTED),
        ("rejected", OrderState.REJECTED),
        ("cancelled", OrderState.CANCELLED),
        ("expired", OrderState.EXPIRED),
    ],
)
def test_other_reports_change_the_state(kind: ReportKind, state: OrderState) -> None:
    """With the venue's reason."""
    after = legal(fold(update(OrderState.UNKNOWN), report(kind)))
    assert (after.state, after.reason, after.report) == (state, "because", "r1")


def test_the_rest_of_a_partly_filled_order_is_cancelled_when_it_is_rejected() -> None:
    """What was filled stays filled, so the order was not rejected."""
    part = legal(fold(update(), report(volume=0.06)))
    after = legal(fold(part, report("rejected", number=2)))
    assert (after.state, after.filled) == (OrderState.CANCELLED, 0.06)


@pytest.mark.parametrize("state", sorted(ENDED))
@pytest.mark.parametrize("kind", ["accepted", "fill", "rejected", "cancelled", "expired"])
def test_no_report_changes_an_ended_order(state: OrderState, kind: ReportKind) -> None:
    """It is a value that says why not."""
    assert isinstance(fold(update(state), report(kind)), Illegal)


def test_a_fill_without_a_deal_or_volume_is_none() -> None:
    """Nothing was filled."""
    assert isinstance(fold(update(), msgspec.structs.replace(report(), deal=None)), Illegal)
    assert isinstance(fold(update(), report(volume=0.0)), Illegal)


@given(steps=st.lists(st.sampled_from(list(Step)), max_size=30))
def test_any_steps_keep_revisions_without_a_gap_and_ends_final(steps: list[Step]) -> None:
    """Refused steps change nothing, the others add one to the revision; after an end none is taken."""
    order = update(OrderState.INTENDED, revision=0)
    for step in steps:
        after = advance(order, step)
        if isinstance(after, Illegal):
            continue
        assert order.state not in ENDED
        assert after.revision == order.revision + 1
        order = after


def test_the_newer_router_is_believed_then_the_higher_revision() -> None:
    """A frozen router that wakes up does not take back what its successor wrote."""
    old = update(revision=3, incarnation=1)
    assert supersedes(update(revision=2, incarnation=2), old)
    assert supersedes(update(revision=4, incarnation=1), old)
    assert not supersedes(update(revision=3, incarnation=1), old)
    assert not supersedes(old, update(revision=2, incarnation=2))


def test_an_ended_order_stays_as_it_is() -> None:
    """Not even the newer router changes it for a reader."""
    assert not supersedes(update(revision=9, incarnation=9), update(OrderState.FILLED, revision=2))
