"""The parameters of the built-in strategies: bounds, texts, conversion to steps and points, schema and tables."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategy_bench import Bench, symbol

from kernels.compiled_params import Grid, compiled
from kernels.errors import OptionError
from kernels.parameter import parameters, parse, schema, table
from kernels.params import PARAMS, AdaptiveHedgingParams, BollingerStopParams, CycleTraderParams, Params
from kernels.strategies import grid_of

DOCS = Path(__file__).resolve().parent.parent / "docs" / "strategies-built-in.md"
GRID = grid_of(symbol())
EACH = [(struct, each.name) for struct in PARAMS.values() for each in parameters(struct)]


@pytest.mark.parametrize("struct", PARAMS.values(), ids=PARAMS)
def test_the_defaults_are_valid_and_compile(struct: type[Params]) -> None:
    """On a symbol of 5 digits and hundredths of a lot."""
    Bench(struct())


@pytest.mark.parametrize(("struct", "name"), EACH)
def test_every_parameter_has_help_and_bounds(struct: type[Params], name: str) -> None:
    """And its default lies within them."""
    (each,) = [each for each in parameters(struct) if each.name == name]
    assert each.help
    assert each.bounds
    assert each.holds(each.default)


@pytest.mark.parametrize(("struct", "name"), EACH)
def test_a_value_out_of_bounds_is_refused_by_name_value_and_bound(struct: type[Params], name: str) -> None:
    """Below, above, not finite, or of another kind."""
    (each,) = [each for each in parameters(struct) if each.name == name]
    wrong: list[Any] = [None, "no such value", float("nan"), float("inf")]
    if each.low is not None:
        wrong.append(each.low if each.low_open else each.low - 1)
    if each.high is not None:
        wrong.append(each.high if each.high_open else each.high + 1)
    if each.kind == "list":
        wrong = [(value,) for value in wrong[2:]] + [(), (1.0,) * (each.most + 1), 1.0]
    for value in wrong:
        with pytest.raises(OptionError) as error:
            struct(**{name: value})
        assert (error.value.option, error.value.value) == (name, value) or error.value.value is value
        assert each.bounds in str(error.value)


@pytest.mark.parametrize(
    ("struct", "values", "name"),
    [
        (CycleTraderParams, {"autotrade": True}, "autotrade_threshold"),
        (CycleTraderParams, {"disaster_sl": 150.0}, "disaster_sl"),
        (CycleTraderParams, {"hedge_sl": 450.0}, "disaster_sl"),
        (AdaptiveHedgingParams, {"max_drawdown": -5.0}, "max_drawdown"),
        (AdaptiveHedgingParams, {"disaster_sl": 250.0}, "disaster_sl"),
        (BollingerStopParams, {"trend_timeframe": "H1"}, "trend_timeframe"),
    ],
)
def test_rules_between_parameters(struct: type[Params], values: dict[str, Any], name: str) -> None:
    """Refused with the one that has to change."""
    with pytest.raises(OptionError) as error:
        struct(**values)
    assert error.value.option == name


def test_no_disaster_stop_is_possible_where_it_is_not_required() -> None:
    """Zero is none; a live session asks for one."""
    assert CycleTraderParams(disaster_sl=0.0).disaster_sl == 0


def test_texts_become_parameters() -> None:
    """As from a command line or a `.set` file."""
    made = parse(
        "cycle_trader",
        CycleTraderParams,
        {
            "lot_sizes": "0.01, 0.03",
            "autotrade": "True",
            "autotrade_threshold": "5",
            "max_cycles": "3",
            "candle_timeframe": "M5",
        },
    )
    assert made == CycleTraderParams(
        lot_sizes=(0.01, 0.03), autotrade=True, autotrade_threshold=5.0, max_cycles=3, candle_timeframe="M5"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("max_cycles", "1.5"),
        ("lot_sizes", "0.01;0.02"),
        ("autotrade", "maybe"),
        ("hedge_sl", ""),
        ("nothing", "1"),
        ("candle_timeframe", "M7"),
    ],
)
def test_a_text_that_is_no_value_is_refused_by_name(name: str, text: str) -> None:
    """An unknown name too."""
    with pytest.raises(OptionError, match=name):
        parse("cycle_trader", CycleTraderParams, {name: text})


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"lot_sizes": (0.015,)}, r"lot_sizes 0\.015; expected a multiple of 0\.01 on this symbol"),
        ({"hedge_sl": 10.05}, r"hedge_sl 10\.05; expected a multiple of 0\.1 on this symbol"),
        ({"take_profit": 5.001}, r"take_profit 5\.001; expected a multiple of 0\.01 on this symbol"),
        ({"zones": (50.0, 20.01)}, r"zones 20\.01; expected a multiple of 0\.1 on this symbol"),
        ({"max_total_lots": 0.005}, r"max_total_lots 0\.005; expected a multiple"),
        ({"lot_sizes": (101.0,)}, r"lot_sizes 101\.0; expected orders from 0\.01 to 100 lots on this symbol"),
    ],
)
def test_a_value_off_the_grid_is_refused_by_name(values: dict[str, Any], text: str) -> None:
    """Nothing is rounded."""
    with pytest.raises(OptionError, match=text):
        compiled(CycleTraderParams(**values), GRID)


@given(pips=st.integers(10, 100_000), steps=st.integers(1, 10_000), cents=st.integers(1, 10**9))
def test_conversion_is_exact(pips: int, steps: int, cents: int) -> None:
    """Decimal numbers become whole points, steps and minor units, whatever their binary fractions are."""
    params = CycleTraderParams(hedge_sl=pips / 10, disaster_sl=0.0, lot_sizes=(steps / 100,), take_profit=cents / 100)
    made = compiled(params, Grid(10, Fraction(100), 1, 10_000))
    assert (made.hedge_sl, made.sizes[0], made.take_profit) == (pips, steps, cents)


@pytest.mark.parametrize("struct", PARAMS.values(), ids=PARAMS)
def test_the_schema_names_every_parameter(struct: type[Params]) -> None:
    """With its description, default and bounds, as plain JSON."""
    found = json.loads(json.dumps(schema(struct)))
    (definition,) = found["$defs"].values()
    assert list(definition["properties"]) == [each.name for each in parameters(struct)]
    assert all("description" in each and "default" in each for each in definition["properties"].values())


@pytest.mark.parametrize("struct", PARAMS.values(), ids=PARAMS)
def test_parameters_survive_json(struct: type[Params]) -> None:
    """As presets and configurations carry them; a wrong value is refused there as well."""
    assert msgspec.json.decode(msgspec.json.encode(struct()), type=struct) == struct()
    (first, *_) = parameters(struct)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps({first.name: "?"}), type=struct)


@pytest.mark.parametrize("struct", PARAMS.values(), ids=PARAMS)
def test_the_documentation_has_the_table(struct: type[Params]) -> None:
    """Line by line as it is derived."""
    text = DOCS.read_text(encoding="utf-8").splitlines()
    assert [line for line in table(struct) if line not in text] == []
