"""Running sums against NumPy's."""

import numpy as np
import pytest

import symcnn as sc


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("batch", [0, 1, 2, 33])
@pytest.mark.parametrize("from_end", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_value_and_error(axis, from_end, batch, backend):
    rng = np.random.default_rng(0)
    x, delta = rng.normal(size=(2, batch, 3, 5))
    node, seed = sc.Input("x", (None, 3, 5), "float64"), sc.Input("delta", (None, 3, 5), "float64")
    y = sc.CumSum(node, axis, from_end)
    found = sc.compile([y, *sc.grad(y, [node], seed=seed)], backend=backend)({"x": x, "delta": delta})

    def summed(a, turned):
        return np.flip(np.cumsum(np.flip(a, axis), axis), axis) if turned else np.cumsum(a, axis)

    np.testing.assert_allclose(found[0], summed(x, from_end), rtol=1e-12)
    np.testing.assert_allclose(found[1], summed(delta, not from_end), rtol=1e-12)


def test_integers_and_booleans_are_counted_exactly():
    x = sc.Input("x", (None,), "uint8")
    y = sc.cumsum(x, 0)
    assert y.dtype == "int64"
    assert sc.compile(y)(x=[200, 200, 1]).tolist() == [200, 400, 401]
    assert sc.compile(sc.cumsum(x > 100, -1))(x=[200, 0, 101]).tolist() == [1, 1, 2]


def test_float16_is_summed_in_float32():
    x = np.full(4096, 1 + 2**-10, "float16")
    found = sc.compile(sc.cumsum(sc.Input("x", (None,), "float16"), 0))(x=x)
    assert found.dtype == "float16"
    np.testing.assert_allclose(found[-1], 4096 * (1 + 2**-10), rtol=1e-3)
