"""Products of three numbers, divided and rounded once: beside Python's own whole numbers, with and without 128 bits."""

import ctypes
import shutil
import subprocess
from ctypes import POINTER, byref, c_int, c_int64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.library import library

SOURCES = Path(__file__).resolve().parent.parent / "kernels"
MOST = 2**63 - 1
NUMBERS = st.one_of(
    st.integers(-MOST - 1, MOST),
    st.integers(-1000, 1000),
    st.sampled_from([2**31, 2**31 - 1, 2**32, -(2**31), 2**62, MOST, -MOST - 1]),
    st.integers(0, 62).map(lambda bits: 1 << bits),
)


def bind(loaded: ctypes.CDLL) -> ctypes.CDLL:
    """The functions of wide.h."""
    for name in ("pw_scale", "pw_scale_down"):
        function = getattr(loaded, name)
        function.argtypes = [c_int64, c_int64, c_int64, c_int64, POINTER(c_int64)]
        function.restype = c_int
    return loaded


@pytest.fixture(scope="module", params=["128 bits", "limbs"])
def wide(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The library as it is, and wide.c built for a compiler without 128-bit numbers."""
    if request.param == "128 bits":
        return bind(library())
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    out = tmp_path_factory.mktemp("wide") / "wide.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-DPW_NO_INT128", "-o", str(out), str(SOURCES / "wide.c")]
    subprocess.run(command, check=True)
    return bind(ctypes.CDLL(str(out)))


@given(a=NUMBERS, b=NUMBERS, num=NUMBERS, den=NUMBERS)
def test_a_scaled_product_is_rounded_once_half_away_from_zero(
    wide: ctypes.CDLL, a: int, b: int, num: int, den: int
) -> None:
    """A x b x num / den to the nearest, halves away from zero, or towards zero; refused where it does not fit."""
    product = a * b * num
    fits = den > 0 and abs(product) < 2**127
    for function, added in ((wide.pw_scale, den), (wide.pw_scale_down, 0)):
        out = c_int64(-77)
        done = function(a, b, num, den, byref(out))
        wanted = (2 * abs(product) + added) // (2 * den) * (-1 if product < 0 else 1) if fits else 0
        if not fits or abs(wanted) > MOST:
            assert not done
        else:
            assert done
            assert out.value == wanted
