"""Sums, means and maxima against NumPy's, and their errors against loops written out."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symcnn as sc

NAN, INF = np.nan, np.inf
SHAPE = (2, 1, 3)
all_axes = st.sampled_from([None, 0, 1, -1, (0, 1), (1, 3), (0, 2, 3), (3, 2), (), (0, 1, 2, 3)])


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def spread(delta, x, axes):
    """`delta` repeated over the axes of x that have been reduced."""
    axes = tuple(range(x.ndim)) if axes is None else (axes,) if isinstance(axes, int) else axes
    kept = [1 if i in {a % x.ndim for a in axes} else n for i, n in enumerate(x.shape)]
    return np.broadcast_to(delta.reshape(kept), x.shape)


@given(batch=st.sampled_from([0, 1, 3]), axes=all_axes, keepdims=st.booleans())
def test_sum(passes, batch, axes, keepdims):
    x, node = numbers(batch, *SHAPE), sc.Input("x", (None, *SHAPE), "float64")
    expected = x.sum(axis=axes, keepdims=keepdims)
    delta = numbers(*expected.shape, seed=1)
    total = sc.sum(node, axes, keepdims)
    value, (dx,) = passes(total, [node], {"x": x}, delta)
    assert total.spec.bind(batch) == expected.shape
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(dx, spread(delta, x, axes))


@given(batch=st.sampled_from([1, 3]), axes=all_axes, keepdims=st.booleans())
def test_mean(passes, batch, axes, keepdims):
    x, node = numbers(batch, *SHAPE), sc.Input("x", (None, *SHAPE), "float64")
    expected = x.mean(axis=axes, keepdims=keepdims)
    delta = numbers(*expected.shape, seed=1)
    value, (dx,) = passes(sc.mean(node, axes, keepdims), [node], {"x": x}, delta)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14)
    share = x.size // expected.size
    np.testing.assert_allclose(dx, spread(delta, x, axes) / share, rtol=1e-14)


def first_max(block):
    flat = block.ravel()
    best = 0
    for n in range(1, flat.size):
        if not math.isnan(flat[best]) and (math.isnan(flat[n]) or flat[n] > flat[best]):
            best = n
    return best


@given(
    batch=st.sampled_from([1, 3]),
    axes=st.sampled_from([None, 0, 1, -1, (0, 1), (1, 3), (0, 2, 3)]),
    keepdims=st.booleans(),
    pool=st.sampled_from([[0, 1, 2], [1], [0, NAN], [-INF, 0], [-INF], [INF, NAN]]),
)
def test_max_sends_all_to_the_first(passes, batch, axes, keepdims, pool):
    x = np.random.default_rng(2).choice(np.array(pool, "float64"), (batch, *SHAPE))
    node = sc.Input("x", (None, *SHAPE), "float64")
    expected = np.max(x, axis=axes, keepdims=keepdims)
    delta = numbers(*expected.shape, seed=1)
    value, (dx,) = passes(sc.max(node, axes, keepdims), [node], {"x": x}, delta)
    np.testing.assert_array_equal(value, expected)

    reduced = set(range(4)) if axes is None else {a % 4 for a in (axes if isinstance(axes, tuple) else (axes,))}
    wanted, errors = np.zeros(x.shape), spread(delta, x, axes)
    for place in np.ndindex(*(1 if i in reduced else n for i, n in enumerate(x.shape))):
        block = tuple(slice(None) if i in reduced else slice(p, p + 1) for i, p in enumerate(place))
        unit = np.unravel_index(first_max(x[block]), x[block].shape)
        wanted[block][unit] = errors[block][unit]
    np.testing.assert_array_equal(dx, wanted)
    assert dx.sum() == pytest.approx(delta.sum())


@given(pool=st.sampled_from([[0, 1, 2], [1], [0, NAN], [-INF, 0], [INF, NAN]]), batch=st.sampled_from([0, 1, 3]))
def test_argmax_is_the_first(pool, batch):
    x = np.random.default_rng(3).choice(np.array(pool, "float64"), (batch, 4, 5))
    node = sc.argmax(sc.Input("x", (None, 4, 5), "float64"))
    found = sc.compile(node)(x=x)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(
        found, [[first_max(row) for row in rows] for rows in x] if batch else np.zeros((0, 4))
    )


# Numbers that are awkward --------------------------------------------------------------------


def test_float16_is_summed_in_float32():
    x = sc.Input("x", (5000,), "float16")
    total, mean = sc.compile([sc.sum(x), sc.mean(x)])(x=np.ones(5000))
    assert (total, mean) == (5000, 1)
    assert total.dtype == mean.dtype == np.float16
    assert sc.compile(sc.mean(x))(x=np.full(5000, 100)) == 100  # the sum would be infinite


def test_mean_of_float16_sends_the_share_to_each(passes):
    x = sc.Input("x", (None, 3000), "float16")
    _, (dx,) = passes(sc.mean(x), [x], {"x": np.ones((2, 3000))}, np.float16(6000))
    assert dx.dtype == np.float16
    np.testing.assert_allclose(dx, np.ones((2, 3000)), rtol=1e-3)


def test_sum_over_images_and_positions_of_maps_that_are_not_contiguous():
    x = sc.Input("x", (None, 3, 4, 5), "float64")
    turned = sc.compile(sc.sum(sc.transpose(x, (0, 1, 3, 2)), axis=(0, 2, 3)))
    for batch in (0, 1, 3):
        array = numbers(batch, 3, 4, 5)
        np.testing.assert_allclose(turned(x=array), array.sum(axis=(0, 2, 3)), rtol=1e-12)


# An empty batch ------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [None, 0, (0, 1)])
@pytest.mark.parametrize(("reduce", "what"), [(sc.mean, "mean"), (sc.max, "maximum")])
def test_mean_and_maximum_of_no_rows_are_refused(reduce, what, axes):
    x = sc.Input("x", (None, 2))
    with pytest.raises(sc.errors.FeedError, match=f"the {what} of an empty batch does not exist"):
        sc.compile(reduce(x, axes))(x=np.zeros((0, 2)))


@pytest.mark.parametrize("reduce", [sc.sum, sc.mean, sc.max])
def test_rows_of_an_empty_batch_are_reduced_to_nothing(passes, reduce):
    x = sc.Input("x", (None, 2), "float64")
    value, (dx,) = passes(reduce(x, axis=1), [x], {"x": np.zeros((0, 2))}, np.zeros(0))
    assert (value.shape, dx.shape) == ((0,), (0, 2))


def test_sum_of_no_rows_is_0():
    x = sc.Input("x", (None, 2))
    assert sc.compile(sc.sum(x))(x=np.zeros((0, 2))) == 0


# What is refused -----------------------------------------------------------------------------

X = sc.Input("x", (None, 2, 3))


@pytest.mark.parametrize("reduce", [sc.sum, sc.mean, sc.max])
@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (3, "axis 3 is out of range for 3 axes"),
        ((0, -4), "axis -4 is out of range for 3 axes"),
        ((1, -2), "an axis is named twice in (1, -2)"),
    ],
)
def test_axes_that_are_not_there(reduce, axes, message):
    with pytest.raises(sc.errors.ShapeError, match=re.escape(message)):
        reduce(X, axes)


def test_scalar_has_no_argmax():
    with pytest.raises(sc.errors.ShapeError, match="a scalar has no last axis"):
        sc.argmax(sc.sum(X))


def test_numpy_integers_are_axes():
    assert sc.sum(X, np.int64(1)) is sc.sum(X, 1)
    assert sc.sum(X, (np.int8(1), -1)) is sc.sum(X, (1, 2))
    assert sc.sum(X, [1, 2]) is sc.sum(X, (1, 2))
