"""The error function against SciPy's and Python's."""

import math

import numpy as np
import pytest
import scipy.special

import symcnn as sc

X = np.concatenate([np.linspace(-7, 7, 1001), np.geomspace(1e-300, 1, 50), [30, -1e30, np.inf, -np.inf, np.nan]])


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize(("dtype", "room"), [("float64", 4e-16), ("float32", 3e-7), ("float16", 1e-3)])
def test_value(dtype, room, backend):
    x = (
        X[(np.abs(X) > (1e-4 if dtype == "float16" else 1e-30)) & ~(np.abs(X) == 1e30)].astype(dtype)
        if dtype != "float64"
        else X
    )
    found = sc.compile(sc.erf(sc.Input("x", (None,), dtype)), backend=backend)(x=x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, scipy.special.erf(x.astype("float64")), rtol=room)


def test_value_beside_pythons():
    x = np.linspace(-3, 3, 301)
    found = sc.compile(sc.erf(sc.Input("x", (None,), "float64")))(x=x)
    np.testing.assert_allclose(found, [math.erf(v) for v in x], rtol=4e-16)


def test_its_slope_is_the_bell_curve(passes):
    node, x = sc.Input("x", (None,), "float64"), np.linspace(-4, 4, 33)
    delta = np.random.default_rng(0).normal(size=33)
    _, (error,) = passes(sc.erf(node), [node], {"x": x}, delta)
    np.testing.assert_allclose(error, delta * 2 / np.sqrt(np.pi) * np.exp(-x * x), rtol=1e-14)


def test_the_sign_of_0_is_kept():
    for backend in ("numpy", "native"):
        found = sc.compile(sc.erf(sc.Input("x", (None,))), backend=backend)(x=[-0.0, 0.0])
        assert np.signbit(found).tolist() == [True, False]
