"""Powers in lanes: against NumPy's of doubles, for any base and any exponent."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.native.ir.math_functions import KNOWN_POWER_ULP, POWER_ULP

INFINITE = float("inf")
WHOLE = [0, 1, -1, 2, -2, 3, -3, 2**24, 2**24 + 2, -(2**25)]
OTHER = [-0.0, INFINITE, -INFINITE, np.nan, 0.5, -0.5, 2.5, -2.5, 1e-45, -1e-45, 3e38, -3e38, 1 - 2**-24, 1 + 2**-23]
SPECIAL = np.array([*WHOLE, *OTHER], "float32")
KNOWN = range(-3, 9)


def compiled(node):
    program = sc.compile(node, backend="native")
    assert "by NumPy" not in program.report()
    return program


def numbers(count):
    """Bases from the smallest to the largest with exponents that make the power anything; and near 1, others."""
    rng = np.random.default_rng(0)
    wide = np.exp(rng.uniform(-103, 88, count))
    exponents = rng.uniform(-1, 1, count) * 100 / np.maximum(np.abs(np.log(wide)), 0.5)
    near = rng.uniform(0.5, 2, count)
    x, y = np.concatenate([wide, near]), np.concatenate([exponents, rng.uniform(-140, 140, count)])
    whole = rng.integers(0, 2, 2 * count) > 0
    x[whole] *= rng.choice([-1, 1], 2 * count)[whole]
    y[whole] = np.round(y[whole])
    return x.astype("float32"), y.astype("float32")


def assert_powers(found, x, y, ulp):
    with np.errstate(all="ignore"):
        exact = np.power(x.astype("float64"), np.full_like(x, y).astype("float64"))
        expected = exact.astype("float32")
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    finite = np.isfinite(expected) & np.isfinite(found)
    np.testing.assert_array_equal(found[np.isinf(expected)], expected[np.isinf(expected)])
    assert np.abs(exact[np.isinf(found) & finite]).min(initial=np.inf) > 3.4e38
    np.testing.assert_array_equal(np.signbit(found[finite]), np.signbit(expected[finite]))
    errors = np.abs(found[finite] - exact[finite]) / np.spacing(np.abs(expected[finite])).astype("float64")
    assert errors.max() <= ulp


def test_any_number_to_any_power():
    x, y = sc.Input("x", (None,)), sc.Input("y", (None,))
    program = compiled(x**y)
    bases, exponents = (grid.ravel() for grid in np.meshgrid(SPECIAL, SPECIAL))
    more = numbers(100_000)
    bases, exponents = np.concatenate([bases, more[0]]), np.concatenate([exponents, more[1]])
    assert_powers(program(x=bases, y=exponents), bases, exponents, POWER_ULP)


@pytest.mark.parametrize("y", KNOWN)
def test_known_powers(y):
    """Products of many factors may overflow an ulp before the power does."""
    x = np.concatenate([SPECIAL, numbers(20_000)[0]])
    with np.errstate(all="ignore"):
        x = x[~(np.abs(x.astype("float64") ** y) > 3.4e38) | (np.abs(x) < 1) | ~np.isfinite(x)]
    node = sc.Input("x", (None,)) ** y
    assert_powers(compiled(node)(x=x), x, y, KNOWN_POWER_ULP)


def test_a_power_of_one_half_is_a_root():
    """Also below 0, where C's pow is not one: so does NumPy have it."""
    x = np.concatenate([SPECIAL, numbers(20_000)[0]])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(compiled(sc.Input("x", (None,)) ** 0.5)(x=x), np.sqrt(x))


@pytest.mark.parametrize("y", [-0.5, 1.5, -7.25, 1 / 3, -4, 9])
def test_other_powers_that_are_known(y):
    x = np.concatenate([SPECIAL, numbers(20_000)[0]])
    assert_powers(compiled(sc.Input("x", (None,)) ** y)(x=x), x, y, POWER_ULP)
    base = np.abs(x) + np.float32(0.1)
    assert_powers(compiled(base[-1] ** sc.Input("x", (None,)))(x=x), np.full_like(x, base[-1]), x, POWER_ULP)


@pytest.mark.parametrize("y", [2, -1, 0.5, 1.5, "y"])
def test_gradients_of_powers(y):
    """Against derivatives worked out by hand."""
    x, other = sc.Input("x", (None, 3)), sc.Input("y", (None, 3))
    node = sc.sum(x ** (other if y == "y" else y))
    program = compiled(sc.grad(node, [x, other] if y == "y" else [x]))
    rng = np.random.default_rng(0)
    base, exponent = np.exp(rng.standard_normal((2, 19, 3))).astype("float32")
    found = program({"x": base, "y": exponent} if y == "y" else {"x": base})
    power = exponent if y == "y" else y
    np.testing.assert_allclose(found[0], power * base ** (power - 1), rtol=2e-6)
    if y == "y":
        np.testing.assert_allclose(found[1], base**power * np.log(base), rtol=1e-5, atol=1e-6)


def test_general_powers_of_doubles_are_left_to_numpy():
    """They would need a logarithm of more digits than a double has."""
    x = sc.Input("x", (None,), "float64")
    assert "a power of float64 that is no small whole number or root" in sc.compile(x**1.5, backend="native").report()
    np.testing.assert_allclose(compiled(x**0.5 + x**-3)(x=[4.0]), [2 + 1 / 64], rtol=1e-15)
