"""Whole parts and remainders against NumPy's."""

import numpy as np
import pytest

import symcnn as sc

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "native"])
X = np.array([-2.5, -1.5, -0.5, -0.0, 0.0, 0.3, 0.5, 1.5, 2.5, 1e10, -np.inf, np.inf, np.nan], "float32")


@BACKENDS
@pytest.mark.parametrize(
    ("build", "function"),
    [(sc.floor, np.floor), (sc.ceil, np.ceil), (sc.round, np.rint)],
    ids=["floor", "ceil", "round"],
)
def test_steps(build, function, backend):
    node = sc.Input("x", (None,))
    found, error = sc.compile([build(node), *sc.grad(sc.sum(build(node)), [node])], backend=backend)(x=X)
    np.testing.assert_array_equal(found, function(X))
    np.testing.assert_array_equal(np.signbit(found[:-1]), np.signbit(function(X))[:-1])
    np.testing.assert_array_equal(error, np.zeros_like(X))
    assert function(node) is build(node)


def test_integers_are_whole_already():
    x = sc.Input("x", (None,), "int32")
    assert all(build(x) is x for build in (sc.floor, sc.ceil, sc.round))


@BACKENDS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_remainders_have_the_sign_of_the_divisor(dtype, backend):
    values = np.array([-7, -3, -1.5, -0.0, 0.0, 1.5, 3, 1e6, np.inf, -np.inf, np.nan])
    a, b = (v.ravel().astype(dtype) for v in np.meshgrid(values, values))
    nodes = sc.Input("a", (None,), dtype), sc.Input("b", (None,), dtype)
    with np.errstate(all="ignore"):
        expected = np.remainder(a, b)
    found = sc.compile(nodes[0] % nodes[1], backend=backend)(a=a, b=b)
    np.testing.assert_array_equal(found, expected)
    kept = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[kept]), np.signbit(expected[kept]))


@BACKENDS
def test_remainders_fall_by_how_often_the_divisor_fits(backend):
    rng = np.random.default_rng(0)
    a, b = 10 * rng.normal(size=50), rng.uniform(0.5, 2, 50) * rng.choice([-1, 1], 50)
    nodes = sc.Input("a", (None,), "float64"), sc.Input("b", (None,), "float64")
    to_a, to_b = sc.compile(sc.grad(sc.sum(sc.mod(*nodes)), nodes), backend=backend)(a=a, b=b)
    np.testing.assert_array_equal(to_a, np.ones(50))
    np.testing.assert_array_equal(to_b, -np.floor(a / b))


def test_remainders_of_integers():
    x, y = sc.Input("x", (None,), "int16"), sc.Input("y", (None,), "uint8")
    assert (x % 3).dtype == "int16"
    assert (5 % y).dtype == "uint8"
    assert (x % y).dtype == "int16"
    np.testing.assert_array_equal(sc.compile(x % 3)(x=[-4, 5, 6]), [2, 2, 0])
    assert np.remainder(x, 3) is x % 3
    with pytest.raises(sc.errors.NodeTypeError, match="an integer is divided by 0"):
        sc.compile(5 % y)(y=[1, 0])
