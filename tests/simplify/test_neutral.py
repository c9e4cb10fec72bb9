"""Neutral elements and zeros: each rule fires, and NaN stays NaN."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.simplify.neutral import uniform

NAN, INF = np.nan, np.inf
X = sc.Input("x", (None, 2, 4, 6), "float64")
Y = sc.Input("y", (None, 2, 4, 6), "float64")
V = sc.Input("v", (6,), "float64")
ZERO, ONE = sc.zeros(X), sc.ones(X)
M = sc.Input("m", (40, 40), "float64")
INDEX = sc.Const([3, 0, 3])


@pytest.mark.parametrize(
    ("node", "simple"),
    [
        pytest.param(X + -0.0, X, id="x + -0"),
        pytest.param(-ZERO + X, X, id="-0 + x"),
        pytest.param(X + sc.Neg(Y), X - Y, id="x + -y"),
        pytest.param(sc.Neg(Y) + X, X - Y, id="-y + x"),
        pytest.param(X - 0, X, id="x - 0"),
        pytest.param(-0.0 - X, -X, id="-0 - x"),
        pytest.param(X - sc.Neg(Y), X + Y, id="x - -y"),
        pytest.param(X * 1, X, id="x 1"),
        pytest.param(ONE * X, X, id="1 x"),
        pytest.param(X * -1, -X, id="x -1"),
        pytest.param(-1 * X, -X, id="-1 x"),
        pytest.param(X / 1, X, id="x / 1"),
        pytest.param(sc.DivNoNan(X, ONE), X, id="share x, 1"),
        pytest.param(X**1, X, id="x^1"),
        pytest.param(X**2, X * X, id="x^2"),
        pytest.param(X**0, ONE, id="x^0"),
        pytest.param(sc.where(X > 0, Y, Y), Y, id="where y or y"),
        pytest.param(sc.where(X > 0, 0.0, ZERO), ZERO, id="where 0 or 0"),
        pytest.param(V - ZERO, sc.broadcast_to(V, X.shape), id="v - 0, broadcast"),
        pytest.param(sc.broadcast_to(V, X.shape) * Y, V * Y, id="a broadcast that is done anyway"),
        pytest.param(Y * sc.broadcast_to(V, X.shape), Y * V, id="the same on the right"),
    ],
)
def test_rule_fires(simplified, node, simple):
    assert simplified(node) is simple


@pytest.mark.parametrize(
    "node",
    [
        sc.crop(ZERO, 1),
        sc.pad(ZERO, 1),
        sc.subsample(ZERO, 2),
        sc.Dilate(ZERO, (1, 1, 2, 2), (None, 2, 8, 12)),
        sc.rot90(ZERO),
        sc.swap(ZERO),
        sc.transpose(ZERO, (0, 3, 1, 2)),
        sc.flatten(ZERO),
        sc.sum(ZERO, axis=(1, 2)),
        sc.sum_to(ZERO, (4, 1)),
        sc.upsample(ZERO, 2),
        sc.take(ZERO, INDEX, axis=2),
        sc.Put(sc.zeros(V), sc.Const([5, 4, 3, 2, 1, 1]), 0, 7),
        sc.Place(ZERO, sc.Switches(sc.upsample(X, 2), 2), (2, 2)),
        -ZERO,
    ],
    ids=lambda node: type(node).__name__,
)
def test_zeros_that_are_moved_or_added_up_are_zeros(simplified, node):
    simple = simplified(node)
    assert uniform(simple) == 0
    assert {type(n) for n in sc.Graph(simple).nodes} <= {sc.Const, sc.BroadcastTo, sc.BatchSize}


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(X * 0, id="x 0"),
        pytest.param(X + 0, id="x + 0"),
        pytest.param(0 - X, id="0 - x"),
        pytest.param(X - -0.0, id="x - -0"),
        pytest.param(sc.where(X > 0, 0.0, -ZERO), id="where 0 or -0"),
        pytest.param(ZERO * X, id="0 x"),
        pytest.param(ZERO / X, id="0 / x"),
        pytest.param(sc.sigmoid(ZERO), id="a function of 0"),
        pytest.param(sc.sum(ONE), id="sum of ones over the batch"),
        pytest.param(sc.mean(ZERO), id="mean, which an empty batch has not"),
    ],
)
def test_what_might_be_something_else_stays(simplified, node):
    simple = simplified(node)
    assert type(simple) is type(node)


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_signs_of_zero_are_numpys(dtype, backend):
    """1 / x tells them apart."""
    x = sc.Input("x", (None,), dtype)
    zero = np.zeros(1, dtype)
    forms = [
        *(lambda x: 0 - x, lambda x: x + 0, lambda x: 0 + x, lambda x: x - 0, lambda x: -0.0 - x, lambda x: x + -0.0),
        *(lambda x: x - -0.0, lambda x: -x, lambda x: -1 * x, lambda x: x * 1, lambda x: x / 1, lambda x: x**1),
        *(
            lambda x: x - -x,
            lambda x: x + -x,
            lambda x: zero - x,
            lambda x: x + zero,
            lambda x: 0 * x,
            lambda x: -(0 * x),
        ),
    ]
    at = np.array([0.0, -0.0, 2.0, -3.0], dtype)
    for n, (form, found) in enumerate(
        zip(forms, sc.compile([1 / f(x) for f in forms], backend=backend)(x=at), strict=True)
    ):
        with np.errstate(divide="ignore"):
            np.testing.assert_array_equal(found, 1 / form(at), err_msg=f"form {n}")


def test_zeros_that_are_moved_keep_their_sign():
    for node in (
        -sc.zeros(M),
        sc.transpose(-sc.zeros(M)),
        sc.where(M > 0, -sc.zeros(M), -0.0),
    ):
        assert np.all(np.signbit(sc.compile([node, M])(m=np.ones((40, 40)))[0]))


@pytest.mark.parametrize("number", [NAN, INF])
def test_nan_times_0_stays_nan(number):
    x = np.zeros((1, 2, 4, 6))
    x[0, 0, 0, 0] = number
    for node in (X * 0, 0 * X, ZERO * X, sc.sum(X * 0)):
        assert np.isnan(sc.compile(node)(x=x).flat[0])


def test_power_0_of_nan_is_1_as_numpy_has_it():
    node = X**0
    x = np.full((1, 2, 4, 6), NAN)
    assert np.all(sc.compile(node)(x=x) == x**0)


def test_neutral_element_of_a_wider_dtype_still_widens(simplified):
    x = sc.Input("x", (3,), "float32")
    for node in (x + np.array(0.0), x * np.array(1.0), x - np.zeros(3), x / np.ones(1)):
        assert node.dtype == np.float64
        assert simplified(node).dtype == np.float64


def test_integers_and_booleans_that_are_0_stay_what_they_are(simplified):
    zeros = sc.Const(np.zeros((40, 40), "int64"))
    (simple,) = sc.simplify([sc.transpose(sc.BroadcastTo(zeros, (40, 40)))])
    assert simple.shape == (40, 40)
    condition = sc.Const(np.zeros((40, 40), bool))
    simplified(sc.where(sc.transpose(condition), M, M + 1))


def test_gradient_of_a_sum_has_no_broadcasts_left():
    """d/dw of sum((w x)^2) is 2 w x summed: the 1 at the start is gone."""
    w = sc.Input("w", (6,), "float64")
    y = w * X
    (simple,) = sc.simplify([sc.grad(sc.sum(y * y), w)])
    assert sc.BroadcastTo not in {type(n) for n in sc.Graph(simple).nodes}


@pytest.mark.parametrize(
    ("node", "expected"),
    [(ZERO, 0), (ONE, 1), (sc.Const([2.0, 2.0]), 2), (sc.Const([1.0, 2.0]), None), (X, None), (sc.Const(7), 7)],
)
def test_uniform(node, expected):
    assert uniform(node) == expected


def test_nothing_is_uniform_in_nothing():
    assert uniform(sc.Const(np.zeros((0, 3)))) is None
