"""Comparisons, where, maximum and minimum against NumPy's."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symcnn as sc

NAN, INF = np.nan, np.inf
FEW = np.array([-1.0, 0.0, 0.0, 1.0, NAN, INF, -INF])


def few(*shape, seed=0):
    return np.random.default_rng(seed).choice(FEW, shape)


def ab():
    return sc.Input("a", (None, 2, 3), "float64"), sc.Input("b", (2, 1), "float64")


@pytest.mark.parametrize(
    ("build", "function"),
    [
        (sc.Greater, np.greater),
        (sc.GreaterEqual, np.greater_equal),
        (sc.Less, np.less),
        (sc.LessEqual, np.less_equal),
        (sc.equal, np.equal),
        (lambda a, b: a > b, np.greater),
        (lambda a, b: a >= b, np.greater_equal),
        (lambda a, b: a < b, np.less),
        (lambda a, b: a <= b, np.less_equal),
        (np.greater, np.greater),
        (np.equal, np.equal),
    ],
)
def test_comparisons(build, function):
    a, b = few(40, 2, 3), few(2, 1, seed=1)
    found = sc.compile(build(*ab()))(a=a, b=b)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, function(a, b))


def test_comparisons_with_numbers():
    x = sc.Input("x", (3,))
    assert sc.compile(x > 1)(x=[0, 1, 2]).tolist() == [False, False, True]
    assert sc.compile(np.float32(1) > x)(x=[0, 1, 2]).tolist() == [True, False, False]


def test_equal_compares_integers_exactly():
    y = sc.Input("y", (2,), "int64")
    assert sc.compile(sc.equal(y, 2**53))(y=[2**53, 2**53 + 1]).tolist() == [True, False]


@given(batch=st.sampled_from([0, 1, 5]))
def test_where(passes, batch):
    a, b = ab()
    condition = sc.Input("c", (None, 1, 3), "bool")
    node = sc.where(condition, a, b)
    rng = np.random.default_rng(batch)
    c, x, y = rng.integers(0, 2, (batch, 1, 3)).astype(bool), few(batch, 2, 3), few(2, 1, seed=1)
    delta = rng.standard_normal((batch, 2, 3))
    value, (da, db) = passes(node, [a, b], {"a": x, "b": y, "c": c}, delta)
    np.testing.assert_array_equal(value, np.where(c, x, y))
    np.testing.assert_array_equal(da, np.where(c, delta, 0))
    np.testing.assert_allclose(db, np.where(c, 0, delta).sum(axis=(0, 2), keepdims=True)[0], rtol=1e-12)


def test_where_sends_no_nan_to_what_is_not_chosen():
    x = sc.Input("x", (4,), "float64")
    for inner, slope in [
        (sc.log(x), lambda v: 1 / v),
        (sc.sqrt(x), lambda v: 0.5 / np.sqrt(v)),
        (1 / x, lambda v: -1 / v**2),
    ]:
        found = sc.compile(sc.grad(sc.sum(sc.where(x > 0, inner, 0)), x))(x=[-1, 0, 2, NAN])
        np.testing.assert_allclose(found, [0, 0, slope(2), 0], rtol=1e-15)


def test_where_sends_no_nan_past_what_is_not_chosen(passes):
    a, b = sc.Input("a", (2,), "float64"), sc.Input("b", (2,), "float64")
    node = sc.where(sc.Const([True, False]), a, b)
    _, (da, db) = passes(node, [a, b], {"a": [1, 1], "b": [1, 1]}, np.array([NAN, INF]))
    np.testing.assert_array_equal(da, [NAN, 0])
    np.testing.assert_array_equal(db, [0, INF])


def test_where_takes_the_wider_dtype():
    a, b = sc.Input("a", (3,)), sc.Input("b", (3,), "float64")
    node = sc.where(a > 0, a, b)
    assert node.dtype == np.float64
    da, db = sc.grad(sc.sum(node), [a, b])
    assert (da.dtype, db.dtype) == (np.float32, np.float64)


@pytest.mark.parametrize(("build", "function"), [(sc.maximum, np.maximum), (sc.minimum, np.minimum)])
def test_maximum_and_minimum(passes, build, function):
    a, b = ab()
    x, y = few(60, 2, 3), few(2, 1, seed=3)
    y[np.isnan(y)] = 0
    delta = np.random.default_rng(4).standard_normal(x.shape)
    for node in (build(a, b), function(a, b)):
        value, (da, db) = passes(node, [a, b], {"a": x, "b": y}, delta)
        np.testing.assert_array_equal(value, function(x, y))
        wide = np.broadcast_to(y, x.shape)
        share = np.where(x == wide, 0.5, np.where(np.isnan(x), NAN, function(x, wide) == x))
        known = ~np.isnan(x)
        np.testing.assert_array_equal(da[known], (share * delta)[known])
        sent = np.where(known, (1 - share) * delta, 0)
        np.testing.assert_allclose(db[:, 0], sent.sum(axis=(0, 2)), rtol=1e-12)


def test_a_tie_is_split_in_half(passes):
    a, b = ab()
    for build in (sc.maximum, sc.minimum):
        _, (da, db) = passes(build(a, b), [a, b], {"a": np.ones((1, 2, 3)), "b": np.ones((2, 1))}, np.ones((1, 2, 3)))
        assert np.all(da == 0.5)
        assert np.all(db == 1.5)


# What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda x: sc.where(x, x, x), "the condition has dtype float32; it must be bool"),
        (lambda x: sc.where(sc.Input("y", (3,), "int64"), x, x), "the condition has dtype int64; it must be bool"),
        (lambda x: bool(x > 0), "a node is neither true nor false before it is run"),
        (lambda x: 0 < x < 1, "use sc.where(condition, a, b)"),
    ],
)
def test_refused(build, message):
    with pytest.raises(sc.errors.DTypeError, match=re.escape(message)):
        build(sc.Input("x", (3,)))


def test_shapes_that_do_not_broadcast():
    with pytest.raises(sc.errors.ShapeError, match=re.escape("the shapes (3,) and (4,) do not broadcast together")):
        sc.maximum(sc.Input("x", (3,)), sc.Input("y", (4,)))


def test_comparison_has_no_gradient():
    x = sc.Input("x", (3,))
    with pytest.raises(sc.errors.GradientError):
        sc.grad(sc.sum(sc.where(x > 0, 1.0, 0.0)), x)
