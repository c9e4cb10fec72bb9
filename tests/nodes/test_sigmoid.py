"""The activation functions against SciPy, their derivatives in closed form, and both far out."""

import numpy as np
import pytest
from scipy.special import expit

import symcnn as sc

NAN, INF = np.nan, np.inf
Z = np.concatenate([np.linspace(-30, 30, 121), [1e-30, -1e-30, 0.3]])
FAR = np.array([-1e4, -1000.0, -750.0, -40.0, 40.0, 750.0, 1000.0, 1e4])


def softplus(z):
    return np.logaddexp(0, z)


FUNCTIONS = [
    pytest.param(sc.sigmoid, expit, lambda z: expit(z) * expit(-z), id="sigmoid"),
    pytest.param(sc.tanh, np.tanh, lambda z: 4 * expit(2 * z) * expit(-2 * z), id="tanh"),
    pytest.param(sc.relu, lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0), id="relu"),
    pytest.param(sc.softplus, softplus, expit, id="softplus"),
]


@pytest.mark.parametrize(("build", "function", "slope"), FUNCTIONS)
def test_value_and_error(passes, build, function, slope):
    node = sc.Input("z", Z.shape, "float64")
    delta = np.random.default_rng(0).standard_normal(Z.shape)
    value, (dz,) = passes(build(node), [node], {"z": Z}, delta)
    np.testing.assert_allclose(value, function(Z), rtol=4e-15, atol=1e-300)
    np.testing.assert_allclose(dz, slope(Z) * delta, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(build(node).forward(np, Z), function(Z), rtol=4e-15, atol=1e-300)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize(("build", "function", "slope"), FUNCTIONS)
def test_narrow_dtypes(passes, build, function, slope, dtype):
    z = np.linspace(-8, 8, 33).astype(dtype)
    node = sc.Input("z", z.shape, dtype)
    value, (dz,) = passes(build(node), [node], {"z": z}, np.ones(z.shape, dtype))
    assert value.dtype == dz.dtype == dtype
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(value, function(z.astype("float64")), rtol=6 * eps, atol=eps / 8)
    np.testing.assert_allclose(dz, slope(z.astype("float64")), rtol=8 * eps, atol=eps)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("build", "function", "slope"), FUNCTIONS)
def test_far_out_all_is_silent_and_finite(passes, build, function, slope, dtype):
    node = sc.Input("z", FAR.shape, dtype)
    far = FAR.astype(dtype)
    with np.errstate(all="raise", under="ignore"):
        by_rule = build(node).forward(np, far)
    value, (dz,) = passes(build(node), [node], {"z": far}, np.ones(FAR.shape, dtype))
    wide, info = far.astype("float64"), np.finfo(dtype)
    for found in (by_rule, value):
        np.testing.assert_allclose(found, function(wide), rtol=4 * info.eps, atol=float(info.smallest_normal))
    np.testing.assert_allclose(dz, slope(wide), rtol=0, atol=info.eps)


def test_sigmoid_is_exactly_0_and_1_far_out():
    node = sc.Input("z", (2,), "float64")
    assert sc.compile(sc.sigmoid(node))(z=[-1e4, 1e4]).tolist() == [0, 1]
    assert sc.compile(sc.grad(sc.sum(sc.sigmoid(node)), node))(z=[-1e4, 1e4]).tolist() == [0, 0]


def test_third_derivative_of_the_sigmoid():
    z = sc.Input("z", (), "float64")
    y = sc.sigmoid(z)
    for _ in range(3):
        y = sc.grad(y, z)
    assert sc.compile(y)(z=0.3) == pytest.approx(-0.11410088523739327, rel=1e-12)


def test_derivatives_of_the_sigmoid_to_the_sixth_order():
    """d^n sigma is a polynomial in a = sigma, with d a = a - a^2."""
    z = sc.Input("z", (5,), "float64")
    at = np.array([-3.0, -0.5, 0.0, 0.3, 2.0])
    node, polynomial = sc.sigmoid(z), np.polynomial.Polynomial([0, 1])
    for _ in range(6):
        node = sc.grad(sc.sum(node), z)
        polynomial = polynomial.deriv() * np.polynomial.Polynomial([0, 1, -1])
        np.testing.assert_allclose(sc.compile(node)(z=at), polynomial(expit(at)), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("build", [sc.sigmoid, sc.tanh, sc.relu, sc.softplus])
def test_nan_stays_nan_and_infinities_have_limits(build):
    node = sc.Input("z", (3,), "float64")
    limits = {sc.sigmoid: [0, 1], sc.tanh: [-1, 1], sc.relu: [0, INF], sc.softplus: [0, INF]}[build]
    found = sc.compile(build(node))(z=[NAN, -INF, INF])
    np.testing.assert_array_equal(found, [NAN, *limits])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(build(node).forward(np, np.array([NAN, -INF, INF])), [NAN, *limits])


def test_relu_at_0_has_slope_0():
    node = sc.Input("z", (3,))
    assert sc.compile(sc.grad(sc.sum(sc.relu(node)), node))(z=[-0.0, 0.0, 1e-30]).tolist() == [0, 0, 1]


def test_names_and_numpys_functions():
    z = sc.Input("z", (3,))
    assert sc.sigmoid(z, name="a1").name == "a1"
    assert np.tanh(z) is sc.tanh(z)
    assert sc.sigmoid(z).symbol == "a"
