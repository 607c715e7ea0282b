"""The paper venue's money and the compiled venue's are the same, to the minor unit."""

from __future__ import annotations

from fractions import Fraction

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.kernel_state import contract
from actors.strategy import Terms
from actors.symbols import symbol_spec
from actors.valuation import LOT, Market, Quote, booking, commission
from kernels.market import PwRate

PRICES = st.integers(1, 3_000_000)
STEPS = st.integers(1, 10_000)


@given(
    symbol=st.sampled_from(["EURUSD", "XAUUSD", "BTCUSD", "USDJPY"]),
    side=st.sampled_from([0, 1]),
    prices=st.tuples(PRICES, PRICES),
    steps=STEPS,
    quote=st.tuples(PRICES, st.integers(0, 500)),
)
def test_a_close_books_the_same(
    symbol: str, side: int, prices: tuple[int, int], steps: int, quote: tuple[int, int]
) -> None:
    """Profit in the account's currency, or converted at the symbol's own quote: gains at ask, losses at bid."""
    spec = symbol_spec(symbol, "paper")
    opened, closed = prices
    bid, ask = quote[0], sum(quote)
    market = Market({symbol: spec}, {symbol: Quote(bid, ask, 0, 0)})
    scale = 10**spec.digits
    rate = PwRate(1, 1, 1, 1) if spec.currency_profit == "USD" else PwRate(scale, ask, scale, bid)
    moved = closed - opened if side == 0 else opened - closed
    ours = booking(Fraction(moved, scale), steps * LOT // 100, spec, "USD", market)
    assert contract(spec, Terms("USD", 100, 0.0)).profit(side, opened, closed, steps, rate) == ours


@given(rate=st.decimals(0, 100, places=4), steps=STEPS, step=st.sampled_from([0.01, 0.1, 1.0]))
def test_a_deal_costs_the_same(rate: object, steps: int, step: float) -> None:
    """Commission, rounded half away from zero, zero or negative."""
    spec = msgspec.structs.replace(symbol_spec("EURUSD", "paper"), volume_min=step, volume_step=step)
    charged = float(str(rate))
    compiled = contract(spec, Terms("USD", 100, charged)).commission(steps)
    assert compiled == commission(steps * round(step * LOT), charged)
    assert compiled <= 0
