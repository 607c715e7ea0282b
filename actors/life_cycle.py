"""The life of an order as a table: state and step to the next state. Pure; what is not in the table is a value.

Owns which transitions exist (`TRANSITIONS`), how a venue's report changes an order's last update (`fold`) and which of
two updates a reader believes (`supersedes`). `docs/orders.md` shows the same as a picture; a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

import msgspec

from schemas.order import ENDED, Deal, OrderState, OrderUpdate, VenueReport

__all__ = ["TRANSITIONS", "Illegal", "Step", "advance", "fold", "next_state", "overfilled", "supersedes", "units"]

S = OrderState


class Step(StrEnum):
    """What can happen to an order."""

    CLEAR = "clear"
    REFUSE = "refuse"
    SUBMIT = "submit"
    ACCEPT = "accept"
    PART = "part"
    FILL = "fill"
    REJECT = "reject"
    CANCEL = "cancel"
    EXPIRE = "expire"
    LOSE = "lose"
    """No answer came: the order may or may not be at the venue."""


_AT_VENUE: dict[Step, OrderState] = {
    Step.ACCEPT: S.ACCEPTED,
    Step.PART: S.PARTIALLY_FILLED,
    Step.FILL: S.FILLED,
    Step.REJECT: S.REJECTED,
    Step.CANCEL: S.CANCELLED,
    Step.EXPIRE: S.EXPIRED,
}

TRANSITIONS: dict[OrderState, dict[Step, OrderState]] = {
    S.INTENDED: {Step.CLEAR: S.CLEARED, Step.REFUSE: S.REFUSED, Step.EXPIRE: S.EXPIRED},
    S.CLEARED: {Step.SUBMIT: S.SUBMITTING, Step.EXPIRE: S.EXPIRED},
    S.SUBMITTING: {**_AT_VENUE, Step.LOSE: S.UNKNOWN},
    S.UNKNOWN: _AT_VENUE,
    S.ACCEPTED: {step: state for step, state in _AT_VENUE.items() if step is not Step.ACCEPT},
    # Once something was filled only the rest can be turned down, whatever the venue calls it.
    S.PARTIALLY_FILLED: {
        Step.PART: S.PARTIALLY_FILLED,
        Step.FILL: S.FILLED,
        Step.REJECT: S.CANCELLED,
        Step.CANCEL: S.CANCELLED,
        Step.EXPIRE: S.EXPIRED,
    },
    **{state: {} for state in (S.REFUSED, S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED)},
}
"""Every legal transition; nothing leaves a state of `ENDED`."""

_STEPS: dict[str, Step] = {
    "accepted": Step.ACCEPT,
    "rejected": Step.REJECT,
    "cancelled": Step.CANCEL,
    "expired": Step.EXPIRE,
}


class Illegal(msgspec.Struct, frozen=True):
    """A step that `state` does not have, or a report that makes no sense: nothing was changed."""

    state: OrderState
    step: str
    reason: str


Advanced: TypeAlias = OrderUpdate | Illegal


def next_state(state: OrderState, step: Step) -> OrderState | Illegal:
    """The state after `step`."""
    after = TRANSITIONS[state].get(step)
    if after is None:
        return Illegal(state, step.value, f"an order that is {state.value} cannot {step.value}")
    return after


def advance(
    update: OrderUpdate, step: Step, *, reason: str = "", report: str = "", deal: Deal | None = None
) -> Advanced:
    """The next update: one revision on, `reason`, `report` and `deal` those of this step, all else as it was."""
    after = next_state(update.state, step)
    if isinstance(after, Illegal):
        return after
    return msgspec.structs.replace(
        update,
        cause=update.order,
        state=after,
        revision=update.revision + 1,
        reason=reason,
        report=report,
        deal=deal,
    )


def fold(update: OrderUpdate, report: VenueReport) -> Advanced:
    """The update that follows from a venue's report.

    A fill adds its deal: FILLED when the sum reaches the order's volume (past it too: what the venue did is the truth,
    `overfilled` tells), else PARTIALLY_FILLED; `price` is the average weighted by volume.
    """
    if report.kind != "fill":
        return advance(update, _STEPS[report.kind], reason=report.reason, report=report.report)
    deal = report.deal
    if deal is None or units(deal.volume) <= 0:
        return Illegal(update.state, "fill", f"report {report.report} is a fill without a deal")
    before, added = units(update.filled), units(deal.volume)
    total = before + added
    step = Step.FILL if total >= units(update.terms.volume) else Step.PART
    after = advance(update, step, reason=report.reason or deal.reason, report=report.report, deal=deal)
    if isinstance(after, Illegal):
        return after
    average = (Fraction(update.price) * before + Fraction(deal.price) * added) / total
    return msgspec.structs.replace(after, filled=total / 10**8, price=float(average), position=deal.position)


def overfilled(update: OrderUpdate) -> bool:
    """Whether the venue filled more than was ordered."""
    return units(update.filled) > units(update.terms.volume)


def supersedes(new: OrderUpdate, old: OrderUpdate) -> bool:
    """Whether a reader that has `old` takes `new`.

    An ended order stays as it is. Otherwise the router with the higher incarnation is right (an older one that was
    frozen may still write for a moment), and of one router the higher revision.
    """
    return old.state not in ENDED and (new.incarnation, new.revision) > (old.incarnation, old.revision)


def units(volume: float) -> int:
    """Lots as a whole number of 10^-8 lots, so that volumes can be added and compared exactly."""
    return round(volume * 10**8)
