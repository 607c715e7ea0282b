"""All kernels at once: vectors, the plain reference, streams in chunks, and what they must refuse."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_reference import REFERENCE
from kernel_vectors import VECTORS, Vector, parse, without_vectors

import kernels
from kernels.catalog import spec

NAMES = kernels.names()
SHORT = settings(max_examples=30)
FINITE = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False).map(lambda value: round(value, 4))
PRICE = st.integers(min_value=1, max_value=300).map(lambda points: 1 + points / 100)


def batch(name: str, inputs: list[list[float]], options: list[float]) -> list[np.ndarray[Any, Any]]:
    """The outputs of the function of that name, as a list."""
    whole = [int(o) if known.whole else o for o, known in zip(options, spec(name).options, strict=True)]
    found = getattr(kernels, name)(*inputs, *whole)
    return list(found) if isinstance(found, tuple) else [found]


def streamed(name: str, inputs: list[list[float]], options: list[float], cuts: list[int]) -> list[np.ndarray[Any, Any]]:
    """The outputs of a stream that is given its values in pieces; a piece of one value goes through `update`."""
    stream = kernels.Stream(name, *options)
    pieces: list[Any] = []
    for begin, end in pairwise([0, *sorted(cuts), len(inputs[0])]):
        if end - begin == 1:
            found = stream.update(*(values[begin] for values in inputs))
            pieces.append([[one] for one in (found if isinstance(found, tuple) else (found,))])
        else:
            found = stream.extend(*(values[begin:end] for values in inputs))
            pieces.append(found if isinstance(found, tuple) else (found,))
    assert stream.taken == len(inputs[0])
    return [np.concatenate([piece[k] for piece in pieces]) for k in range(len(spec(name).outputs))]


def assert_close(found: Any, wanted: Any, relative: float, absolute: float, what: str) -> None:
    """Equal within a tolerance, NaN where NaN is wanted."""
    one, two = np.asarray(found, float), np.asarray(wanted, float)
    assert np.array_equal(np.isnan(one), np.isnan(two)), f"{what}: NaN in other places"
    np.testing.assert_allclose(one, two, rtol=relative, atol=absolute, err_msg=what)


def assert_same_bits(one: list[np.ndarray[Any, Any]], two: list[np.ndarray[Any, Any]], what: str) -> None:
    """Not a bit different."""
    for first, second in zip(one, two, strict=True):
        assert first.tobytes() == second.tobytes(), what


def bars(draw: random.Random, length: int) -> dict[str, list[float]]:
    """Bars on a grid with flat stretches, gaps and runs, as the inputs of any kernel by name."""
    points, rows = 10_000, []
    for _ in range(length):
        opened = points
        if draw.random() < 0.7:
            points = max(100, points + draw.choice((-1, 1)) * int(draw.expovariate(0.1)))
        top = max(opened, points) + draw.choice((0, 0, draw.randrange(20)))
        bottom = min(opened, points) - draw.choice((0, 0, draw.randrange(20)))
        rows.append((points / 1e4, top / 1e4, bottom / 1e4, draw.gauss(1, 0.2)))
    close, high, low, other = ([row[k] for row in rows] for k in range(4))
    return {"values": close, "close": close, "high": high, "low": low, "x": close, "y": other, "equity": close}


def some_options(draw: random.Random, name: str) -> list[float]:
    """Options within their bounds, short enough for the data, that keep the kernel's rule."""
    found: list[float] = []
    for option in spec(name).options:
        low, high = option.low, min(option.high, 40)
        found.append(draw.randint(int(low), int(high)) if option.whole else round(draw.uniform(max(low, 0.1), 5), 2))
    if spec(name).rule == "fast < slow":
        found[1] += found[0]
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.kernel}-line-{vector.line}")
def test_vector_reference_batch_and_stream_agree(vector: Vector) -> None:
    """The text's numbers are the reference's and the kernel's, and a stream in any chunks gives the same bits."""
    known = spec(vector.kernel)
    assert (tuple(vector.inputs), tuple(vector.outputs)) == (known.inputs, known.outputs)
    inputs = list(vector.inputs.values())
    relative, absolute = (0.0, vector.tolerance) if vector.absolute else (vector.tolerance, 1e-12)
    whole = [int(o) if option.whole else o for o, option in zip(vector.options, known.options, strict=True)]
    found = batch(vector.kernel, inputs, vector.options)
    for k, (name, wanted) in enumerate(vector.outputs.items()):
        assert_close(REFERENCE[vector.kernel](*inputs, *whole)[k], wanted, relative, absolute, f"reference of {name}")
        assert_close(found[k], wanted, relative, absolute, name)
    draw = random.Random(vector.line)
    for _ in range(20):
        cuts = [draw.randrange(len(inputs[0]) + 1) for _ in range(draw.randrange(12))]
        assert_same_bits(streamed(vector.kernel, inputs, vector.options, cuts), found, f"{vector.kernel} cut at {cuts}")


def test_every_kernel_has_a_vector_and_a_reference() -> None:
    """A new kernel fails here until both are written; every kernel has its function and its documentation as well."""
    assert without_vectors(NAMES, VECTORS) == []
    assert sorted(REFERENCE) == sorted(NAMES)
    assert [name for name in NAMES if not getattr(kernels, name).__doc__ or name not in kernels.__all__] == []


def test_a_kernel_without_a_vector_is_found() -> None:
    """The check above can fail."""
    assert without_vectors(("ema", "new"), parse("kernel ema 2\nin values 1\nout ema nan\n")) == ["new"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(8))
def test_batch_is_the_reference_and_any_stream_the_batch(name: str, seed: int) -> None:
    """On made-up bars, with drawn options and chunks, also longer than the library's own chunk of 512."""
    draw = random.Random(f"{name}{seed}")
    length = draw.choice((1, 30, 200, 600, 1100))
    data = bars(draw, length)
    inputs = [data[which] for which in spec(name).inputs]
    options = some_options(draw, name)
    found = batch(name, inputs, options)
    whole = [int(o) if option.whole else o for o, option in zip(options, spec(name).options, strict=True)]
    for k, wanted in enumerate(REFERENCE[name](*inputs, *whole)):
        assert_close(found[k], wanted, 1e-9, 1e-10, f"{name}{options} output {k}")
    cuts = [draw.randrange(length + 1) for _ in range(draw.choice((0, 3, length)))]
    assert_same_bits(streamed(name, inputs, options, cuts), found, f"{name}{options} cut at {cuts}")


@pytest.mark.parametrize("name", [name for name in NAMES if spec(name).options])
@pytest.mark.parametrize("period", [16, 17, 20, 21, 24, 25, 256, 257])
def test_short_and_long_windows_have_the_same_definition(name: str, period: int) -> None:
    """Up to such periods windows are computed another way (kernels/short.h): both are the reference, in any chunks."""
    data = bars(random.Random(period), 900)
    inputs = [data[which] for which in spec(name).inputs]
    options = [1.5 if option.default is None else option.default for option in spec(name).options]
    options[0] = period
    if name == "macd":
        options[1] = period + 9
    found = batch(name, inputs, options)
    whole = [int(o) if option.whole else o for o, option in zip(options, spec(name).options, strict=True)]
    for k, wanted in enumerate(REFERENCE[name](*inputs, *whole)):
        assert_close(found[k], wanted, 1e-9, 1e-10, f"{name}{options} output {k}")
    assert_same_bits(streamed(name, inputs, options, [1, 2, 258, 512, 513, 771]), found, f"{name}{options}")


@pytest.mark.parametrize("name", NAMES)
@SHORT
@given(data=st.data())
def test_any_finite_values_give_as_many_outputs_with_the_warm_up_in_front(name: str, data: st.DataObject) -> None:
    """Empty, shorter than the warm-up, flat or wild: NaN exactly before the kernel's start."""
    known = spec(name)
    length = data.draw(st.integers(min_value=0, max_value=60))
    inputs = [data.draw(st.lists(st.one_of(PRICE, FINITE), min_size=length, max_size=length)) for _ in known.inputs]
    options = some_options(random.Random(data.draw(st.integers(min_value=0, max_value=99))), name)
    start = kernels.Stream(name, *options).start
    for k, output in enumerate(batch(name, inputs, options)):
        assert len(output) == length
        if known.outputs[k] in {"stop", "flip", "percent"}:  # not known yet, or not defined, past the warm-up too
            assert np.isnan(output[:start]).all()
        else:
            assert np.flatnonzero(np.isnan(output)).tolist() == list(range(min(start, length)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused_with_its_place(name: str, bad: float) -> None:
    """In a batch and in a stream, which goes on as if nothing had happened."""
    known = spec(name)
    draw = random.Random(name)
    data = bars(draw, 1200)
    for which in range(len(known.inputs)):
        inputs = [list(data[one]) for one in known.inputs]
        stream = kernels.Stream(name)
        stream.extend(*(values[:900] for values in inputs))
        inputs[which][1100] = bad
        with pytest.raises(
            kernels.NotFiniteError, match=f"{known.inputs[which]} \\[1100\\] is {bad}; expected a finite"
        ):
            getattr(kernels, name)(*inputs)
        with pytest.raises(kernels.NotFiniteError) as caught:
            stream.extend(*(values[900:] for values in inputs))
        assert (caught.value.kernel, caught.value.name, caught.value.position) == (name, known.inputs[which], 1100)
        with pytest.raises(kernels.NotFiniteError):
            stream.update(*(values[1100] for values in inputs))
        assert stream.taken == 900
        after = stream.extend(*(values[900:1100] for values in inputs))
        whole = getattr(kernels, name)(*(values[:1100] for values in inputs))
        for one, two in zip(
            *(found if isinstance(found, tuple) else (found,) for found in (after, whole)), strict=True
        ):
            assert one.tobytes() == two[900:].tobytes()


@pytest.mark.parametrize("name", [name for name in NAMES if spec(name).options])
@SHORT
@given(data=st.data())
def test_an_option_out_of_its_bounds_is_refused_by_name(name: str, data: st.DataObject) -> None:
    """Below, above, between two whole numbers, NaN or no number at all: before any arithmetic, in both ways to call."""
    known = spec(name)
    which = data.draw(st.integers(min_value=0, max_value=len(known.options) - 1))
    option = known.options[which]
    wrong: list[Any] = [math.nan, math.inf, -math.inf, option.low - 1, option.high + 1, 1e300, "x", [1]]
    bad = data.draw(st.sampled_from([*wrong, 2.5] if option.whole else wrong))
    options: list[Any] = some_options(random.Random(1), name)
    options[which] = bad
    inputs = [[1.0, 2.0] for _ in known.inputs]
    with pytest.raises(kernels.OptionError, match=f"^{name}: {option.name} .*; expected") as caught:
        getattr(kernels, name)(*inputs, *options)
    assert caught.value.option == option.name
    with pytest.raises(kernels.OptionError, match=f"^{name}: {option.name} "):
        kernels.Stream(name, *options)


def test_a_rule_between_options_is_stated() -> None:
    """MACD's fast average must be the shorter one."""
    with pytest.raises(kernels.OptionError, match="fast 12, slow 12, signal 9'; expected fast < slow"):
        kernels.macd([1.0], 12, 12, 9)


def test_options_come_by_name_too() -> None:
    """A stream takes them in order or by name; one that is unknown or given twice is refused."""
    assert kernels.Stream("macd", 5, signal=3, slow=8).start == kernels.Stream("macd", 5, 8, 3).start == 9
    with pytest.raises(kernels.OptionError, match="ema: periods 3; expected one of period"):
        kernels.Stream("ema", periods=3)
    with pytest.raises(kernels.OptionError, match="ema: period 4; expected one value"):
        kernels.Stream("ema", 3, period=4)
    with pytest.raises(kernels.OptionError, match=r"ema: options \(3, 4\); expected at most 1: period"):
        kernels.Stream("ema", 3, 4)


def test_the_lower_band_is_as_far_as_the_upper_one_unless_told() -> None:
    """bbands(values, period, up) is symmetric."""
    values = [1.0, 3.0, 2.0, 5.0]
    for one, two in zip(kernels.bbands(values, 2, 3.0), kernels.bbands(values, 2, 3.0, 3.0), strict=True):
        assert one.tobytes() == two.tobytes()


def test_inputs_that_are_no_arrays_of_numbers_are_refused() -> None:
    """With the input's name and what is wrong with it."""
    for inputs, text in [
        (([1.0], [1.0, 2.0], [1.0]), "atr: low has 2 values and high 1; expected as many"),
        (([[1.0]], [1.0], [1.0]), "atr: high has 2 dimensions; expected 1"),
        (([1.0], [1.0], ["x"]), "atr: close has the type .*; expected numbers"),
        (([1.0], [1.0], [1j]), "atr: close has the type complex128; expected numbers"),
    ]:
        with pytest.raises(kernels.InputError, match=text):
            kernels.atr(*inputs)  # type: ignore[arg-type] # that is the point
    with pytest.raises(kernels.InputError, match=r"atr: update takes 3 values \(high, low, close\), not 1"):
        kernels.Stream("atr").update(1.0)
    with pytest.raises(kernels.KernelError, match="no kernel 'emma'; there are adx, atr"):
        kernels.Stream("emma")


def test_inputs_may_be_views_and_other_numbers() -> None:
    """Whole numbers, strides and float32 are converted; nothing is written into them."""
    values = np.arange(20, dtype=np.int64)
    assert kernels.sma(values[::2], 2)[-1] == 17.0
    assert kernels.sma(values.astype(np.float32)[::-1], 2)[-1] == 0.5
    assert values.tolist() == list(range(20))


def test_a_stream_that_is_reset_begins_anew() -> None:
    """Nothing of what it took stays."""
    stream = kernels.Stream("rsi", 3)
    first = stream.extend([1.0, 2.0, 1.5, 3.0, 2.0])
    stream.reset()
    assert stream.taken == 0
    assert stream.extend([1.0, 2.0, 1.5, 3.0, 2.0]).tobytes() == first.tobytes()
