"""Arithmetic with broadcasting against NumPy's, and what broadcasting does to errors."""

import operator
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symcnn as sc
from symcnn.graph.algebra import count

NAN, INF = np.nan, np.inf


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def summed(error, shape):
    """`error` summed over what broadcasting from `shape` had stretched, axis by axis."""
    while error.ndim > len(shape):
        error = error.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1 and error.shape[axis] != 1:
            error = error.sum(axis=axis, keepdims=True)
    return error


@st.composite
def pairs(draw):
    """Two shapes that broadcast together, each with or without the batch axis (None)."""
    batch = draw(st.sampled_from([0, 1, 3]))
    full = (None, *draw(st.lists(st.sampled_from([1, 2, 3]), max_size=2)))
    shapes = []
    for _ in range(2):
        kept = full[draw(st.integers(0, len(full))) :]
        shapes.append(tuple(1 if d is not None and draw(st.booleans()) else d for d in kept))
    if not any(None in s for s in shapes):
        shapes[0] = full
    return batch, *shapes


OPERATIONS = [
    pytest.param(operator.add, lambda a, b: (np.ones_like(a + b), np.ones_like(a + b)), id="add"),
    pytest.param(operator.sub, lambda a, b: (np.ones_like(a + b), -np.ones_like(a + b)), id="sub"),
    pytest.param(operator.mul, lambda a, b: (b + 0 * a, a + 0 * b), id="mul"),
    pytest.param(operator.truediv, lambda a, b: (1 / (b + 0 * a), -a / b**2), id="div"),
]


@pytest.mark.parametrize(("operation", "slopes"), OPERATIONS)
@given(pair=pairs())
def test_value_and_errors(passes, operation, slopes, pair):
    batch, left, right = pair
    nodes = sc.Input("a", left, "float64"), sc.Input("b", right, "float64")
    a = numbers(*nodes[0].spec.bind(batch))
    b = 1 + numbers(*nodes[1].spec.bind(batch), seed=1) ** 2
    node = operation(*nodes)
    expected = operation(a, b)
    delta = numbers(*expected.shape, seed=2)
    value, errors = passes(node, nodes, {"a": a, "b": b}, delta)
    np.testing.assert_array_equal(value, expected)
    for error, slope, array in zip(errors, slopes(a, b), (a, b), strict=True):
        np.testing.assert_allclose(error, summed(slope * delta, array.shape), rtol=1e-11, atol=1e-13)


def test_neg(passes):
    x = sc.Input("x", (3,), "float64")
    value, (dx,) = passes(-x, [x], {"x": [1.0, -2.0, NAN]}, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(value, [-1, 2, NAN])
    assert dx.tolist() == [-1, -2, -3]


@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_numbers_and_arrays_stand_on_either_side(operation):
    x = sc.Input("x", (3,), "float64")
    values, array = np.array([1.0, 2.0, 3.0]), np.array([[2.0], [0.5]])
    for other in (2, 0.5, np.float64(1.5), array, [1.0, 2.0, 0.5]):
        left, right = sc.compile([operation(other, x), operation(x, other)])(x=values)
        np.testing.assert_allclose(left, operation(np.asarray(other, "float64"), values), rtol=1e-15)
        np.testing.assert_allclose(right, operation(values, np.asarray(other, "float64")), rtol=1e-15)


def test_dtypes_of_arithmetic():
    half, single, double, whole = (sc.Input("x", (2,), d) for d in ("float16", "float32", "float64", "int64"))
    assert (half + 1).dtype == np.float16
    assert (half * 2.5).dtype == np.float16
    assert (half + single).dtype == np.float32
    assert (single + double).dtype == np.float64
    assert (single + np.float64(1)).dtype == np.float32
    assert (whole + 1).dtype == np.int64
    assert (whole + 1.0).dtype == (whole / 1).dtype == np.float32
    assert (whole + double).dtype == np.float64


def test_gradients_have_their_parameters_dtype():
    half, single, double = (sc.Param(d, np.ones(2, d)) for d in ("float16", "float32", "float64"))
    J = sc.sum(half * single + double * half)
    for param, gradient in sc.backprop(J).grads.items():
        assert gradient.dtype == param.dtype
        assert sc.compile(gradient)().dtype == param.dtype


def test_unsigned_images_do_not_wrap():
    x = sc.Input("x", (2,), "uint8")
    found = sc.compile([x + x, x - 255, 0 - x])(x=np.array([200, 255], "uint8"))
    assert [f.tolist() for f in found] == [[400, 510], [-55, 0], [-200, -255]]


def test_nan_times_0_stays_nan():
    x = sc.Input("x", (2,), "float64")
    np.testing.assert_array_equal(sc.compile([x * 0, 0 * x])(x=[NAN, INF]), np.full((2, 2), NAN))


# DivNoNan: the division of errors -----------------------------------------------------------------


def test_share_divides_but_leaves_0_alone(passes):
    nodes = sc.Input("a", (6,), "float64"), sc.Input("b", (6,), "float64")
    a, b = np.array([6.0, 0, 0, 0, 1, NAN]), np.array([2.0, 0, NAN, INF, 0, 1])
    expected = [3, 0, 0, 0, INF, NAN]
    value, (da, db) = passes(sc.DivNoNan(*nodes), nodes, {"a": a, "b": b}, np.array([1.0, 0, 0, 0, 0, 0]))
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(da, [0.5, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(db, [-1.5, 0, 0, 0, 0, 0])  # the error of b is 0 times NaN, and 0 stays 0
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(sc.DivNoNan(*nodes).forward(np, a, b), expected)


# Cast ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["float16", "float32", "float64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("end", ["float16", "float32", "float64"])
def test_cast(start, end):
    x = sc.Input("x", (2,), start)
    found = sc.compile(sc.cast(x, end))(x=np.array([0, 1], start))
    assert found.dtype == end
    assert found.tolist() == [0, 1]
    assert (sc.cast(x, end) is x) == (start == end)


def test_error_of_a_cast_is_cast_back(passes):
    x = sc.Input("x", (2,), "float16")
    _, (dx,) = passes(sc.cast(x, "float64"), [x], {"x": [1, 2]}, np.array([1 / 3, 1.0]))
    assert dx.dtype == np.float16
    assert dx.tolist() == [np.float16(1 / 3), 1]


def test_integers_have_no_gradient():
    y = sc.Input("y", (2,), "int64")
    with pytest.raises(sc.errors.GradientError, match="int64 values have no gradients"):
        sc.grad(sc.sum(2.0 * y), y)


# SumTo and BroadcastTo: each other's adjoint -----------------------------------------------------


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ((3,), (None, 2, 3)),
        ((None, 1, 3), (None, 2, 3)),
        ((1, 1), (None, 2, 3)),
        ((), (None, 2)),
        ((), (2, 3)),
        ((2, 1), (4, 2, 5)),
        ((1,), (None,)),
        ((None, 1), (None, 1)),
    ],
)
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_broadcast_and_sum(passes, small, large, batch):
    s, n = sc.Input("s", small, "float64"), sc.Input("n", large, "float64")
    x, y = numbers(*s.spec.bind(batch)), numbers(*n.spec.bind(batch), seed=1)
    value, (dx,) = passes(sc.broadcast_to(s, large), [s], {"s": x}, y)
    np.testing.assert_array_equal(value, np.broadcast_to(x, y.shape))
    np.testing.assert_allclose(dx, summed(y, x.shape), rtol=1e-13, atol=1e-14)

    node = sc.sum_to(n, small)
    seed = sc.Input("the error", node.shape, "float64")
    f = sc.compile([node, sc.grad(node, n, seed=seed), n])
    value, dy, _ = f({"n": y, "the error": x})
    np.testing.assert_allclose(value, summed(y, x.shape), rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(dy, np.broadcast_to(x, y.shape))


def test_float16_is_summed_in_float32():
    x = sc.Input("x", (5000,), "float16")
    node = sc.SumTo(x, (1,))
    assert sc.compile(node)(x=np.ones(5000)).item() == 5000
    assert node.forward(np, np.ones(5000, "float16")).item() == 5000


@pytest.mark.parametrize(
    "build",
    [
        lambda: sc.broadcast_to(sc.Input("x", (2,)), (3,)),
        lambda: sc.broadcast_to(sc.Input("x", (2,)), (2, 1)),
        lambda: sc.broadcast_to(sc.Input("x", (None,)), (3,)),
        lambda: sc.sum_to(sc.Input("x", (2,)), (3,)),
        lambda: sc.sum_to(sc.Input("x", (2,)), (1, 1, 2)),
        lambda: sc.SumTo(sc.Input("x", (4, 3)), (2, 3)),
    ],
)
def test_shapes_that_do_not_stretch(build):
    with pytest.raises(sc.errors.ShapeError, match="does not broadcast to"):
        build()


@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.mul, operator.truediv])
def test_shapes_that_do_not_broadcast(operation):
    message = "the shapes (None, 3) and (4,) do not broadcast together"
    with pytest.raises(sc.errors.ShapeError, match=re.escape(message)) as caught:
        operation(sc.Input("x", (None, 3)), sc.Input("y", (4,)))
    assert "test_algebra.py" in str(caught.value)


def test_batch_is_no_number():
    """Two batches of the same size by accident are not the same axis."""
    with pytest.raises(sc.errors.ShapeError):
        sc.Input("x", (None, 3)) + sc.Input("y", (5, 3))


# Leaves of algebra -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_size_and_count(dtype):
    x = sc.Input("x", (None, 2, 3), dtype)
    f = sc.compile([sc.batch_size(dtype), count((None, 2, 3), dtype), count((2, 3), dtype), x])
    for batch in (0, 1, 7):
        size, elements, fixed, _ = f(x=np.zeros((batch, 2, 3)))
        assert (size, elements, fixed) == (batch, 6 * batch, 6)
        assert size.dtype == elements.dtype == dtype


def test_batch_size_of_float16_counts_in_float32():
    assert sc.batch_size("float16").dtype == np.float32


def test_zeros_and_ones():
    for dtype in ("float16", "float32", "float64"):
        x = sc.Input("x", (None, 2), dtype)
        none, one, _ = sc.compile([sc.zeros(x), sc.ones(x), x])(x=np.full((3, 2), NAN))
        assert none.dtype == one.dtype == dtype
        assert none.tolist() == [[0, 0]] * 3
        assert one.tolist() == [[1, 1]] * 3
    with pytest.raises(sc.errors.DTypeError, match="has dtype int64"):
        sc.zeros(sc.Input("y", (3,), "int64"))
