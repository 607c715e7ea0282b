"""A contract for tests that need one: the specification as a feed sends it, without swaps and always open."""

from __future__ import annotations

from schemas.market import SymbolSpec

__all__ = ["EURUSD"]

EURUSD = SymbolSpec(
    venue="paper",
    symbol="EURUSD",
    digits=5,
    point=0.00001,
    pip=0.0001,
    contract_size=100_000.0,
    volume_min=0.01,
    volume_max=100.0,
    volume_step=0.01,
    currency_base="EUR",
    currency_profit="USD",
    currency_margin="EUR",
)
