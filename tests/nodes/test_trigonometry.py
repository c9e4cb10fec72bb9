"""Sines, hyperbolic functions and inverses against NumPy's, with derivatives in closed form, on both engines."""

import numpy as np
import pytest

import symcnn as sc

ANY = np.linspace(-5, 5, 41) + 0.01
WITHIN = np.linspace(-0.99, 0.99, 34)
CASES = {
    "sin": (np.sin, np.cos, lambda x: -np.sin(x), ANY),
    "cos": (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), ANY),
    "tan": (np.tan, lambda x: 1 + np.tan(x) ** 2, lambda x: 2 * np.tan(x) * (1 + np.tan(x) ** 2), ANY),
    "asin": (np.arcsin, lambda x: (1 - x * x) ** -0.5, lambda x: x * (1 - x * x) ** -1.5, WITHIN),
    "acos": (np.arccos, lambda x: -((1 - x * x) ** -0.5), lambda x: -x * (1 - x * x) ** -1.5, WITHIN),
    "atan": (np.arctan, lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2, ANY),
    "sinh": (np.sinh, np.cosh, np.sinh, ANY),
    "cosh": (np.cosh, np.sinh, np.cosh, ANY),
    "asinh": (np.arcsinh, lambda x: (1 + x * x) ** -0.5, lambda x: -x * (1 + x * x) ** -1.5, ANY),
    "acosh": (np.arccosh, lambda x: (x * x - 1) ** -0.5, lambda x: -x * (x * x - 1) ** -1.5, 1.01 + np.abs(ANY)),
    "atanh": (np.arctanh, lambda x: 1 / (1 - x * x), lambda x: 2 * x / (1 - x * x) ** 2, WITHIN),
}


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("name", CASES)
def test_value_and_two_derivatives(name, backend):
    function, slope, curvature, x = CASES[name]
    node = sc.Input("x", (None,), "float64")
    y = getattr(sc, name)(node)
    (first,) = sc.grad(sc.sum(y), [node])
    (second,) = sc.grad(sc.sum(first), [node])
    found = sc.compile([y, first, second], backend=backend)(x=x)
    for value, expected in zip(found, (function, slope, curvature), strict=True):
        np.testing.assert_allclose(value, expected(x), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_numpys_functions_make_the_same_nodes(name):
    x = sc.Input("x", (3,))
    assert CASES[name][0](x) is getattr(sc, name)(x)


def test_exact_near_0_and_at_the_ends():
    x = np.array([-1e-30, 1e-30, 1e-5], "float32")
    node = sc.Input("x", (None,))
    for backend in ("numpy", "native"):
        names = ("sin", "tan", "asin", "atan", "sinh", "asinh", "atanh")
        for found in sc.compile([getattr(sc, n)(node) for n in names], backend=backend)(x=x):
            np.testing.assert_allclose(found, x, rtol=1e-6)
        found = sc.compile([sc.asin(node), sc.acos(node), sc.atan(node)], backend=backend)(x=[1, -1, np.inf])
        expected = [[np.pi / 2, -np.pi / 2, np.nan], [0, np.pi, np.nan], [np.pi / 4, -np.pi / 4, np.pi / 2]]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_large_angles_are_reduced_natively(name, dtype):
    """By a multiple of pi / 2 up to 1.6 million, by the C library beyond: in one vector."""
    rng = np.random.default_rng(0)
    x = (rng.choice([-1, 1], 4000) * np.geomspace(1, 1e30, 4000)).astype(dtype)
    x[:40] = (np.arange(40) * 25000 * np.pi / 2).astype(dtype)
    node = sc.Input("x", (None,), dtype)
    found = sc.compile(getattr(sc, name)(node), backend="native")(x=x)
    np.testing.assert_allclose(found, getattr(np, name)(x.astype(np.longdouble)).astype(dtype), rtol=3e-7)


def test_slopes_are_infinite_at_the_ends_of_asin_and_acos():
    x = sc.Input("x", (2,), "float64")
    assert sc.compile(sc.grad(sc.sum(sc.asin(x)), x))(x=[-1, 1]).tolist() == [np.inf, np.inf]
    assert sc.compile(sc.grad(sc.sum(sc.acos(x)), x))(x=[-1, 1]).tolist() == [-np.inf, -np.inf]
    masked = sc.sum(sc.where(x < 1, sc.asin(x), 0))
    assert np.isfinite(sc.compile(sc.grad(masked, x))(x=[0.5, 1])).all()
