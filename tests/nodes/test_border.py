"""Borders and gaps against NumPy's pad and slices; each node's error is its partner."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symcnn as sc

width = st.tuples(st.sampled_from([0, 1, 3]), st.sampled_from([0, 2]))


def numbers(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def inner(widths, shape):
    return tuple(slice(a, n - b) for n, (a, b) in zip(shape, widths, strict=True))


@given(batch=st.sampled_from([0, 1, 3]), rows=width, columns=width)
def test_pad_and_crop(passes, batch, rows, columns):
    widths = ((0, 0), (0, 0), rows, columns)
    small = sc.Input("s", (None, 2, 1, 5), "float64")
    x = numbers(batch, 2, 1, 5)
    large = np.pad(x, widths)
    delta = numbers(*large.shape)
    value, (dx,) = passes(sc.pad(small, widths), [small], {"s": x}, delta)
    np.testing.assert_array_equal(value, large)
    np.testing.assert_array_equal(dx, delta[inner(widths, large.shape)])

    node = sc.Input("l", (None, *large.shape[1:]), "float64")
    value, (dx,) = passes(sc.crop(node, widths), [node], {"l": delta}, x)
    np.testing.assert_array_equal(value, delta[inner(widths, large.shape)])
    np.testing.assert_array_equal(dx, large)


@given(batch=st.sampled_from([0, 1, 3]), step=st.sampled_from([(1, 2), (2, 1), (3, 3), (7, 2), (1, 1)]))
def test_subsample_and_dilate(passes, batch, step):
    steps, shape = (1, 1, *step), (batch, 2, 5, 7)
    kept = (..., slice(None, None, step[0]), slice(None, None, step[1]))
    x = numbers(*shape)
    delta = numbers(*x[kept].shape)
    spread = np.zeros(shape)
    spread[kept] = delta
    large = sc.Input("l", (None, 2, 5, 7), "float64")
    value, (dx,) = passes(sc.subsample(large, steps), [large], {"l": x}, delta)
    np.testing.assert_array_equal(value, x[kept])
    np.testing.assert_array_equal(dx, spread)

    small = sc.Input("s", (None, *delta.shape[1:]), "float64")
    dilate = sc.Dilate(small, steps, large.shape)
    value, (dx,) = passes(dilate, [small], {"s": delta}, x)
    np.testing.assert_array_equal(value, spread)
    np.testing.assert_array_equal(dilate.forward(np, delta), spread)
    np.testing.assert_array_equal(dx, x[kept])


def test_one_number_is_meant_for_height_and_width():
    x = sc.Input("x", (None, 3, 6, 8))
    assert sc.pad(x, 2).shape == (None, 3, 10, 12)
    assert sc.crop(x, 1).shape == (None, 3, 4, 6)
    assert sc.subsample(x, 3).shape == (None, 3, 2, 3)
    for n in (np.int64(2), np.uint8(2)):
        assert sc.pad(x, n) is sc.pad(x, 2)
        assert sc.crop(x, n) is sc.crop(x, 2)
        assert sc.subsample(x, n) is sc.subsample(x, 2)


def test_nothing_to_do_makes_no_node():
    x = sc.Input("x", (None, 3, 6, 8))
    assert sc.pad(x, 0) is x
    assert sc.crop(x, ((0, 0),) * 4) is x
    assert sc.subsample(x, 1) is x


def test_everything_can_be_cropped_away(passes):
    x = sc.Input("x", (2, 3), "float64")
    value, (dx,) = passes(sc.crop(x, ((1, 1), (0, 0))), [x], {"x": numbers(2, 3)}, np.ones((0, 3)))
    assert value.shape == (0, 3)
    assert np.all(dx == 0)


X = sc.Input("x", (None, 3, 5, 5))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sc.pad(X, ((0, 0), (1, 1))), "the widths ((0, 0), (1, 1)) do not fit the shape (None, 3, 5, 5)"),
        (lambda: sc.pad(X, ((1, 0), (0, 0), (0, 0), (0, 0))), "do not fit the shape (None, 3, 5, 5)"),
        (lambda: sc.pad(X, ((0, 0), (0, 0), (-1, 0), (0, 0))), "none negative"),
        (lambda: sc.crop(X, ((0, 0), (0, 0), (3, 3), (0, 0))), "cannot take 3 + 3 from 5 of (None, 3, 5, 5)"),
        (lambda: sc.crop(X, 3), "cannot take 3 + 3 from 5"),
        (lambda: sc.pad(X, -1), "a border of -1 does not fit the shape"),
        (lambda: sc.pad(sc.Input("v", (5,)), 1), "a border of 1 does not fit the shape (5,)"),
        (lambda: sc.subsample(X, (2, 1, 1, 1)), "the steps (2, 1, 1, 1) do not fit the shape"),
        (lambda: sc.subsample(X, (1, 1, 0, 1)), "do not fit the shape (None, 3, 5, 5)"),
        (lambda: sc.subsample(X, (2, 2)), "the steps (2, 2) do not fit the shape"),
        (lambda: sc.subsample(X, 0), "is 0; it must be at least 1"),
        (lambda: sc.Dilate(X, (1, 1, 2, 2), (None, 3, 8, 9)), "(None, 3, 5, 5) at steps (1, 1, 2, 2) does not fill"),
        (lambda: sc.Dilate(X, (1, 1, 2, 2), (None, 3, 9)), "does not fill (None, 3, 9)"),
    ],
)
def test_refused(build, message):
    with pytest.raises(sc.errors.SymcnnError, match=re.escape(message)) as caught:
        build()
    assert isinstance(caught.value, ValueError)


def test_border_that_is_no_whole_number():
    for build in (sc.pad, sc.crop, sc.subsample):
        for wrong in (1.5, True, "1"):
            with pytest.raises(TypeError, match="it must be a whole number"):
                build(X, wrong)


def test_a_plain_matrix_has_a_border_around_its_columns():
    m = sc.Input("m", (None, 3))
    padded = sc.pad(m, ((0, 0), (1, 2)))
    cropped = sc.crop(padded, ((0, 0), (1, 2)))
    found, back = sc.compile([padded, sc.grad(sc.sum(padded * padded), m)])(m=[[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(found, [[0, 1, 2, 3, 0, 0], [0, 4, 5, 6, 0, 0]])
    np.testing.assert_array_equal(back, [[2, 4, 6], [8, 10, 12]])
    np.testing.assert_array_equal(sc.compile(cropped)(m=[[1, 2, 3]]), [[1, 2, 3]])


def test_one_number_is_a_border_on_all_sides_of_a_plain_matrix():
    m = sc.Input("m", (2, 3))
    padded = sc.pad(m, 1)
    assert sc.crop(padded, 1).shape == (2, 3)
    found = sc.compile([padded, sc.crop(padded, 1)])(m=[[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(found[0], [[0] * 5, [0, 1, 2, 3, 0], [0, 4, 5, 6, 0], [0] * 5])
    np.testing.assert_array_equal(found[1], [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_every_other_number_of_a_row(backend):
    x = sc.Input("x", (6,))
    assert sc.compile(x[::2], backend=backend)(x=range(6)).tolist() == [0, 2, 4]
