"""exp, log, log1p and tanh: against NumPy's in float64, over the whole range of float32."""

import ctypes

import numpy as np
import pytest

from symcnn.engine.native import functions
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.emit import module
from symcnn.engine.native.loops import FLOAT, INDEX, POINTER, Builder, Type
from symcnn.engine.native.objects import Library


def compiled(name, lanes):
    b = Builder(name, {"x": POINTER, "y": POINTER, "n": INDEX}, exported=True)
    x, y, n = b.parameters
    with b.loop(0, n, lanes) as i:
        b.store(y, i, getattr(functions, name)(b, b.load(x, i, Type(FLOAT, lanes))))
    library = Library(module([b.function]), Cpu.host())
    return library, ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(library.address(name))


def range_of_float32(step):
    """Every `step`-th bit pattern, and the ends of what there is."""
    bits = np.arange(0, 2**32, step, dtype=np.uint64).astype(np.uint32)
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 1e-45, -1e-45, 3.4e38, -3.4e38, 88.7, 89, -104], "f4")
    x = np.concatenate([bits.view(np.float32), ends])
    return np.resize(x, len(x) // 16 * 16 + 16)


@pytest.mark.parametrize("lanes", [1, 4, 16])
@pytest.mark.parametrize("name", list(functions.ULP))
def test_errors_in_ulp(name, lanes):
    library, function = compiled(name, lanes)
    x = range_of_float32(9973 if lanes != 16 else 997)
    found = np.empty_like(x)
    function(x.ctypes.data, found.ctypes.data, len(x))
    with np.errstate(all="ignore"):
        exact = getattr(np, name)(x.astype(np.float64))
        expected = exact.astype(np.float32)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        infinite = np.isinf(expected) | np.isinf(found)
        np.testing.assert_array_equal(found[infinite], expected[infinite])
        finite = np.isfinite(expected)
        ulp = np.abs(found[finite] - exact[finite]) / np.spacing(np.abs(expected[finite])).astype(np.float64)
    assert ulp.max() <= functions.ULP[name]
    del library
