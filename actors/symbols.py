"""The contracts of the paper venue: what a lot is, the grid of prices and volumes, swaps, trading hours.

Owns a table of five symbols and a rule for other currency pairs; `symbol_spec(symbol, venue)` gives the specification
that the feeds publish. The figures are typical of retail brokers, not those of any one of them.

The rule: a name of six letters that are two different codes of `CURRENCIES` is a pair of 100,000 units of the first,
quoted in the second with 5 digits (3 where that is JPY, HUF or THB), without swap. A broker's suffix after one of
`. _ # + -` (`EURUSD.r`) is kept in the name and changes nothing else.
"""

from __future__ import annotations

import re

import msgspec

from schemas.market import SymbolSpec

__all__ = ["CURRENCIES", "KNOWN", "FeedError", "UnknownSymbolError", "symbol_spec"]

CURRENCIES = frozenset(
    "AUD CAD CHF CNH CZK DKK EUR GBP HKD HUF ILS JPY MXN NOK NZD PLN SEK SGD THB TRY USD ZAR".split()  # noqa: SIM905 - a line, not 22
)
"""The codes of which the rule for pairs makes pairs."""

_LARGE_UNITS = {"JPY", "HUF", "THB"}
_DAY = 1440
_NAME = re.compile(r"([A-Z]{6})(?:[._#+-].*)?")

_FX_HOURS = ((0, 5 * _DAY),)
# Metals rest for the first hour of each server day.
_METAL_HOURS = tuple((day * _DAY + 60, (day + 1) * _DAY) for day in range(5))


class FeedError(ValueError):
    """Settings or data that no feed can be made of. The text is for people: what, where and what was expected."""


class UnknownSymbolError(FeedError):
    """There is no contract for a symbol of this name."""

    def __init__(self, symbol: str) -> None:
        known = ", ".join(KNOWN)
        codes = " ".join(sorted(CURRENCIES))
        super().__init__(
            f"unknown symbol {symbol!r}; expected one of {known}, or a pair of two of these currencies: {codes}"
        )
        self.symbol = symbol


def _pair(base: str, profit: str, *, swap_long: float = 0.0, swap_short: float = 0.0) -> SymbolSpec:
    """A currency pair; swaps in points a lot and night."""
    digits = 3 if profit in _LARGE_UNITS else 5
    return SymbolSpec(
        venue="",
        symbol=base + profit,
        digits=digits,
        point=1 / 10**digits,
        pip=10 / 10**digits,
        contract_size=100_000.0,
        volume_min=0.01,
        volume_max=100.0,
        volume_step=0.01,
        currency_base=base,
        currency_profit=profit,
        currency_margin=base,
        margin_hedged=50_000.0,
        swap_mode="points" if swap_long or swap_short else "disabled",
        swap_long=swap_long,
        swap_short=swap_short,
        hours=_FX_HOURS,
    )


_TABLE: dict[str, SymbolSpec] = {
    "EURUSD": _pair("EUR", "USD", swap_long=-7.2, swap_short=3.1),
    "GBPUSD": _pair("GBP", "USD", swap_long=-2.9, swap_short=-1.4),
    "USDJPY": _pair("USD", "JPY", swap_long=9.6, swap_short=-19.5),
    "XAUUSD": SymbolSpec(
        venue="",
        symbol="XAUUSD",
        digits=2,
        point=0.01,
        pip=0.1,
        contract_size=100.0,
        volume_min=0.01,
        volume_max=50.0,
        volume_step=0.01,
        currency_base="XAU",
        currency_profit="USD",
        currency_margin="USD",
        margin_mode="cfd",
        margin_hedged=50.0,
        swap_mode="points",
        swap_long=-52.0,
        swap_short=24.0,
        hours=_METAL_HOURS,
    ),
    "BTCUSD": SymbolSpec(
        venue="",
        symbol="BTCUSD",
        digits=2,
        point=0.01,
        pip=0.1,
        contract_size=1.0,
        volume_min=0.01,
        volume_max=10.0,
        volume_step=0.01,
        currency_base="BTC",
        currency_profit="USD",
        currency_margin="USD",
        margin_mode="cfd",
        margin_hedged=0.5,
        swap_mode="percent",
        swap_long=-18.0,
        swap_short=-6.0,
        hours=(),
    ),
}

KNOWN = tuple(_TABLE)
"""The symbols of the table, in its order."""


def symbol_spec(symbol: str, venue: str, *, always_open: bool = False) -> SymbolSpec:
    """The contract of `symbol` at `venue`. `always_open`: without trading hours, for a market that never closes.

    Raises:
        UnknownSymbolError: the name is neither in the table nor a pair by the rule.
    """
    found = _NAME.fullmatch(symbol)
    stem = found[1] if found else ""
    spec = _TABLE.get(stem)
    if spec is None:
        base, profit = stem[:3], stem[3:]
        if base == profit or not {base, profit} <= CURRENCIES:
            raise UnknownSymbolError(symbol)
        spec = _pair(base, profit)
    return msgspec.structs.replace(spec, venue=venue, symbol=symbol, hours=() if always_open else spec.hours)
