"""exp, log, log1p, tanh and what is made of them: against NumPy's in a wider kind of number.

The quick tests look at samples of float32 and float64 over the whole range; the slow one at every 31st float32.
`benchmarks/function_errors.py` looks at every float32.
"""

import ctypes
import importlib.util
import platform
from pathlib import Path

import numpy as np
import pytest

from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.ir import math_functions as functions
from symcnn.engine.native.ir.llvm import module
from symcnn.engine.native.ir.loops import DOUBLE, FLOAT, INDEX, POINTER, Builder
from symcnn.engine.native.runtime.jit import Library

DTYPES = {FLOAT: np.float32, DOUBLE: np.float64}
WIDER = {FLOAT: np.float64, DOUBLE: np.longdouble}
KINDS = [
    FLOAT,
    pytest.param(
        DOUBLE,
        marks=pytest.mark.skipif(
            np.finfo(np.longdouble).nmant <= 52,
            reason="long double is no wider than double here: nothing to compare with",
        ),
    ),
]


SCRIPT = Path(__file__).parents[4] / "benchmarks" / "function_errors.py"
SPEC = importlib.util.spec_from_file_location("function_errors", SCRIPT)
errors = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(errors)


def compiled(name, lanes, real, cpu):
    function = f"symcnn_{name}"  # "sin" is the C library's
    b = Builder(function, {"x": POINTER, "y": POINTER, "n": INDEX}, exported=True, real=real)
    x, y, n = b.parameters
    with b.loop(0, n, lanes) as i:
        b.store(y, i, errors.written(name, b, b.load(x, i, b.reals(lanes))))
    library = Library(module([b.function]), cpu, [function])
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    return library, kind(library.addresses[function])


def whole_range(dtype, count):
    """Bit patterns at equal distances, numbers where the functions are neither 0 nor infinite, and the ends."""
    width = 8 * np.dtype(dtype).itemsize
    bits = (np.arange(count, dtype=np.uint64) * np.uint64(2**width // count)).astype(f"u{width // 8}")
    info = np.finfo(dtype)
    rng = np.random.default_rng(0)
    near = np.exp(rng.uniform(np.log(info.eps) - 2, 0, count // 4)) * rng.choice([-1, 1], count // 4)
    largest, smallest = float(np.log(info.max)), float(np.log(info.smallest_subnormal))
    bends = [largest, np.nextafter(dtype(largest), dtype(np.inf)), smallest, smallest - 1, largest + 1, 0.625, -0.625]
    ends = [0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1, -1, info.max, -info.max, info.tiny, info.smallest_subnormal]
    spread = [rng.uniform(smallest - 2, largest + 2, count // 4), rng.uniform(-20, 20, count // 4)]
    x = np.concatenate([bits.view(dtype), *(np.asarray(a, dtype) for a in (near, 1 + near, *spread, bends, ends))])
    x[np.flatnonzero(np.isnan(x))[::2]] = np.uint64(2 ** (width - 1) - 1).astype(bits.dtype).view(dtype)
    return np.resize(x, len(x) // 16 * 16 + 16)


def assert_errors(name, real, found, x):
    with np.errstate(all="ignore"):
        exact = errors.EXACT[name](x.astype(WIDER[real]))
        expected = exact.astype(x.dtype)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    infinite = np.isinf(expected) | np.isinf(found)
    np.testing.assert_array_equal(found[infinite], expected[infinite])
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.signbit(found[finite]), np.signbit(expected[finite]))
    size = np.minimum(
        np.abs(expected[finite]), x.dtype.type(0.75) * np.finfo(x.dtype).max
    )  # the largest has no next one
    ulp = np.abs(found[finite] - exact[finite]) / np.spacing(size).astype(WIDER[real])
    assert ulp.max() <= functions.ULP[name]


@pytest.mark.parametrize("lanes", [1, 4, 16])
@pytest.mark.parametrize("real", KINDS)
@pytest.mark.parametrize("name", list(functions.ULP))
def test_errors_in_ulp(name, real, lanes):
    library, function = compiled(name, lanes, real, Cpu.host())
    x = whole_range(DTYPES[real], 100_000 if lanes == 16 else 10_000)
    found = np.empty_like(x)
    function(x.ctypes.data, found.ctypes.data, len(x))
    assert_errors(name, real, found, x)
    del library


@pytest.mark.skipif("86" not in platform.machine(), reason="code for x86 runs on x86")
@pytest.mark.parametrize("real", KINDS)
@pytest.mark.parametrize("name", list(functions.ULP))
def test_errors_where_products_and_sums_are_rounded_apart(name, real):
    cpu = Cpu.of("x86-64", "").computing(real)
    library, function = compiled(name, cpu.lanes, real, cpu)
    x = whole_range(DTYPES[real], 10_000)
    found = np.empty_like(x)
    function(x.ctypes.data, found.ctypes.data, len(x))
    assert_errors(name, real, found, x)
    del library


@pytest.mark.slow
@pytest.mark.parametrize("name", list(functions.ULP))
def test_errors_of_every_31st_float32(name):
    """At equal distances of their bits, so 270,000 of each exponent; by code that compares itself with NumPy."""
    found = errors.Checked(name, Cpu.host()).worst(every=31)
    assert found.ulp <= functions.ULP[name]
    assert found.numbers > 2**32 // 31


def test_the_comparison_in_machine_code_sees_what_is_wrong(monkeypatch):
    """An error of some ulp, wrong signs, and what is infinite."""
    right = functions.tanh

    def seen(wrong):
        monkeypatch.setattr(functions, "tanh", wrong)
        return errors.Checked("tanh", Cpu.host()).worst(every=4001).ulp

    assert seen(right) <= functions.ULP["tanh"]
    assert 16 < seen(lambda b, x: b.binary("fmul", right(b, x), b.number(1 + 2.0**-20, x.type.lanes))) < 19
    assert seen(lambda b, x: b.unary("fabs", right(b, x))) == np.inf
    assert seen(lambda b, x: b.binary("fdiv", right(b, x), b.number(0, x.type.lanes))) == np.inf
