"""What a compiled strategy's adapter keeps in the session's file, and how the floor's numbers become the kernel's.

Pure. Volumes become steps, prices points, money minor units; what became of an order becomes the kernel's reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors.strategy import Outcome
from actors.valuation import exact, minor_units
from kernels.contract import Symbol
from kernels.strategies import Report

if TYPE_CHECKING:
    from actors.strategy import Terms
    from schemas.market import SymbolSpec

__all__ = ["KernelState", "Sent", "contract", "reports_of"]

_FILLED, _REFUSED = 1, 2
_ANY, _MARKET_CLOSED, _POSITION_CLOSED = 0, 1, 2
_REFUSALS = {"market closed": _MARKET_CLOSED, "position closed": _POSITION_CLOSED}
"""Words of the venue's own. A refusal of the guard's never counts as a closed position: it may know less."""


class Sent(msgspec.Struct):
    """An order under way: the intent that it came from, the ticket that it closes (0: opens), its volume and what has
    been reported of it, in steps.
    """

    intent: int
    ticket: int
    volume: int
    told: int = 0


class KernelState(msgspec.Struct):
    """`build`: of the compiled code that `body`, the strategy's state, is from. `waiting`: outcomes that came before
    the strategy could be told. `booked`: what its ended cycles came to; `day`, `day_start`: the server day, and what
    the session had come to when it began. Money in minor units. `exits`: nothing is opened any more.
    """

    build: str = ""
    body: bytes = b""
    sent: dict[str, Sent] = {}
    waiting: list[Outcome] = []
    booked: int = 0
    day: int = 0
    day_start: int = 0
    exits: bool = False
    side: int = 0
    """The next one of `opening = "alternate"`."""
    quiet_until: int = 0
    """No cycle is opened by `opening` before: the last one was refused."""


def contract(spec: SymbolSpec, terms: Terms) -> Symbol:
    """The symbol on the session's account. OptionError when the specification is off its own grid."""
    return Symbol(
        spec.symbol,
        digits=spec.digits,
        contract_size=spec.contract_size,
        volume_min=spec.volume_min,
        volume_max=spec.volume_max,
        volume_step=spec.volume_step,
        leverage=terms.leverage,
        commission=terms.commission,
        pip=spec.pip,
        margin_mode=spec.margin_mode,
        margin_hedged=spec.margin_hedged,
        margin_hedged_use_leg=spec.margin_hedged_use_leg,
        stops_level=spec.stops_level,
        zone=spec.zone,
        hours=spec.hours,
    )


def reports_of(outcome: Outcome, sent: Sent, symbol: Symbol, now: int) -> tuple[list[Report], str]:
    """What an outcome says that has not been reported, and what is wrong with it, "" when nothing is.

    `now`: event time, for what has none of its own.
    """
    reports, wrong = [], ""
    filled = symbol.steps(outcome.filled, "filled") if outcome.filled else 0
    news = filled - sent.told
    if news > 0:
        deal = outcome.deal
        if deal is None or symbol.steps(deal.volume, "deal") != news:
            wrong = f"order {outcome.order}: {symbol.lots(news)} lots were filled by deals that were not told"
        price = deal.price if deal is not None else outcome.price
        reports.append(
            Report(
                kind=_FILLED,
                id=sent.intent,
                time=now if deal is None else deal.at,
                ticket=sent.ticket or outcome.position,
                volume=news,
                left=sent.volume - filled,
                price=round(price * 10**symbol.digits),
                profit=0 if deal is None else minor_units(exact(deal.profit)),
                commission=symbol.commission(news) if deal is None else minor_units(exact(deal.commission)),
                swap=0 if deal is None else minor_units(exact(deal.swap)),
            )
        )
        sent.told = filled
    if outcome.ended and filled < sent.volume:
        why = _REFUSALS.get(outcome.reason, _ANY) if outcome.state == "rejected" else _ANY
        reports.append(Report(kind=_REFUSED, id=sent.intent, time=now, ticket=sent.ticket, why=why))
    return reports, wrong
