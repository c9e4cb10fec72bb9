"""The variance against NumPy's, its error against the formula, and that nothing cancels."""

import numpy as np
import pytest

import symcnn as sc


@pytest.mark.parametrize("axes", [None, 0, -1, (0, 2), (1, 2, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
def test_value_and_error(passes, axes, keepdims, batch):
    x, node = np.random.default_rng(0).standard_normal((batch, 2, 1, 3)), sc.Input("x", (None, 2, 1, 3), "float64")
    expected = x.var(axis=axes, keepdims=keepdims)
    delta = np.random.default_rng(1).standard_normal(expected.shape)
    value, (dx,) = passes(sc.var(node, axes, keepdims), [node], {"x": x}, delta)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-15)
    kept = x.mean(axis=axes, keepdims=True)
    slope = 2 * (x - kept) / (x.size // expected.size)
    np.testing.assert_allclose(dx, slope * delta.reshape(kept.shape), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_a_large_mean_takes_nothing_away(backend):
    given = 1000 + np.random.default_rng(0).standard_normal((500, 40)).astype("f4")
    x = sc.Input("x", (None, 40))
    for axis in (None, 0, 1):
        found = sc.compile(sc.var(x, axis), backend=backend)(x=given)
        np.testing.assert_allclose(found, given.astype(float).var(axis=axis), rtol=1e-4)


def test_of_one_number_and_of_none():
    x = sc.Input("x", (None, 2))
    f = sc.compile([sc.var(x, 0), *sc.grad(sc.sum(sc.var(x, 0)), [x])])
    value, slope = f(x=[[3, 4]])
    assert (value == 0).all() and (slope == 0).all()
    with pytest.raises(sc.errors.FeedError, match="empty batch"):
        f(x=np.zeros((0, 2)))
