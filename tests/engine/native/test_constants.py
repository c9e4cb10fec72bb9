"""Constants in machine code have the bits that the user gave: NaN, infinities and the sign of 0."""

import numpy as np
import pytest

import symcnn as sc

NAN, INF = float("nan"), float("inf")
X = np.array([[1, -1], [0.5, 2]], "float32")


def run(node, x=X):
    return sc.compile(node, backend="native")(x=x)


def x_of(shape=(None, 2), dtype="float32"):
    return sc.Input("x", shape, dtype)


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (lambda x: sc.where(x > 0, x, NAN), [[1, NAN], [0.5, 2]]),
        (lambda x: sc.where(x > 0, NAN, x), [[NAN, -1], [NAN, NAN]]),
        (lambda x: x - NAN, [[NAN, NAN], [NAN, NAN]]),
        (lambda x: sc.maximum(x, NAN), [[NAN, NAN], [NAN, NAN]]),
        (lambda x: x * sc.Const(np.array([NAN, NAN], x.dtype)), [[NAN, NAN], [NAN, NAN]]),
        (lambda x: x * sc.Const(np.array([NAN, 2], x.dtype)), [[NAN, -2], [NAN, 4]]),
        (lambda x: sc.where(x > sc.Const(np.array(NAN, x.dtype)), x, 7), [[7, 7], [7, 7]]),
        (lambda x: sc.minimum(x, INF), X),
        (lambda x: sc.maximum(x, -INF), X),
        (lambda x: 1 / (sc.abs(x) * sc.Const(np.array([0.0, -0.0], x.dtype))), [[INF, -INF], [INF, -INF]]),
        (lambda x: 1 / (sc.abs(x) * sc.Const(np.array([-0.0, 0.0], x.dtype))), [[-INF, INF], [-INF, INF]]),
        (lambda x: 1 / (sc.abs(x) * -0.0), [[-INF, -INF], [-INF, -INF]]),
        (lambda x: 1 / (x * sc.Const(np.array(-0.0, x.dtype))), [[-INF, INF], [-INF, -INF]]),
        (lambda x: 1 / sc.Sign(sc.abs(x) * -0.0), [[INF, INF], [INF, INF]]),
    ],
)
def test_a_constant_keeps_its_bits(of, expected, dtype):
    np.testing.assert_array_equal(run(of(x_of(dtype=dtype)), X.astype(dtype)), np.asarray(expected, dtype))


def test_what_follows_from_sums_keeps_them_too():
    """The shared stage, element by element: 1 / (the sum of the batch times a constant)."""
    total = sc.sum(x_of(), axis=0)
    factors = sc.Const(np.array([0.0, -0.0], "float32"))
    np.testing.assert_array_equal(run(1 / (total * factors), np.abs(X)), [INF, -INF])
    np.testing.assert_array_equal(run(sc.where(total > 2, total, NAN)), [NAN, NAN])


def test_large_whole_numbers_are_not_taken_for_each_other():
    """2^53 and 2^53 + 1 are one number to float64."""
    a, b = sc.Const(np.array(2**53)), sc.Const(np.array(2**53 + 1))
    node = sc.equal(sc.Input("n", (None,), "int64"), b)
    assert sc.compile(node, backend="native")(n=[2**53, 2**53 + 1]).tolist() == [False, True]
    assert a.uniform != b.uniform
