"""Joining, taking and slicing in lanes, along any axis but the batch: against NumPy's own functions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symcnn as sc

shapes = st.lists(st.integers(1, 6), min_size=1, max_size=3)


def compiled(nodes):
    program = sc.compile(nodes, backend="native")
    assert "by NumPy" not in program.report()
    return program


def images(shape, batch, seed=0):
    return np.random.default_rng(seed).standard_normal((batch, *shape)).astype("float32")


def gradient(node, x):
    """The error of x for an error that differs from place to place; summed by a function that is not linear."""
    return sc.grad(sc.sum(node * node, axis=tuple(range(1, node.ndim))), [x], seed=sc.Input("s", (None,)))[0]


@st.composite
def joins(draw):
    shape = draw(shapes)
    axis = draw(st.integers(1, len(shape)))
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    return axis, [(*shape[: axis - 1], size, *shape[axis:]) for size in sizes], draw(st.sampled_from([1, 16, 19]))


@given(joins())
@settings(max_examples=15, deadline=None, derandomize=True)
def test_arrays_are_joined_along_any_axis(join):
    axis, parts, batch = join
    xs = [sc.Input(f"x{n}", (None, *shape)) for n, shape in enumerate(parts)]
    program = compiled([sc.concat(xs, axis), sc.sum(2 * sc.concat([*xs, sc.tanh(xs[0])], axis), axis=1)])
    values = [images(shape, batch, n) for n, shape in enumerate(parts)]
    joined, total = program(dict(zip(xs, values, strict=True)))
    np.testing.assert_array_equal(joined, np.concatenate(values, axis))
    expected = 2 * np.concatenate([*values, np.tanh(values[0])], axis)
    np.testing.assert_allclose(total, expected.sum(axis=1), atol=1e-5)


@st.composite
def takings(draw):
    shape = draw(shapes)
    axis = draw(st.integers(1, len(shape)))
    index = draw(st.lists(st.integers(0, shape[axis - 1] - 1), min_size=1, max_size=7))
    return shape, axis, index, draw(st.sampled_from(["int64", "uint8", "int16"])), draw(st.sampled_from([1, 16, 19]))


@given(takings(), st.booleans())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_slices_are_taken_and_put_back_along_any_axis(taking, known):
    shape, axis, index, dtype, batch = taking
    index = np.array(index, dtype)
    x = sc.Input("x", (None, *shape))
    names = sc.Const(index) if known else sc.Input("i", index.shape, dtype)
    taken = sc.take(x, names, axis)
    weight = images(taken.shape[1:], 1, 7)[0]
    program = compiled([taken, sc.Put(weight * taken, names, axis, shape[axis - 1] + 1)])
    value = images(shape, batch)
    fed = {x: value} if known else {x: value, names: index}
    found, put = program(fed)
    np.testing.assert_array_equal(found, np.take(value, index, axis))
    expected = np.zeros((batch, *shape[: axis - 1], shape[axis - 1] + 1, *shape[axis:]), "float32")
    np.add.at(np.moveaxis(expected, axis, 0), index, np.moveaxis(weight * found, axis, 0))
    np.testing.assert_allclose(put, expected, atol=1e-5)


def test_an_index_out_of_range_is_refused():
    x, i = sc.Input("x", (None, 4)), sc.Input("i", (2,), "int64")
    program = compiled(sc.take(x, i, 1))
    assert program(x=[[1, 2, 3, 4]], i=[3, 0]).tolist() == [[4, 1]]
    with pytest.raises(sc.errors.FeedError, match="number 1 is 4; expected 0 to 3"):
        program(x=[[1, 2, 3, 4]], i=[0, 4])


@given(st.data())
@settings(max_examples=15, deadline=None, derandomize=True)
def test_slices_and_their_gradients(data):
    shape = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=3))
    x = sc.Input("x", (None, *shape))
    index = (slice(None), *(data.draw(st.slices(n).filter(lambda s: (s.step or 1) > 0)) for n in shape))
    value = images(shape, 17)
    expected = value[index]
    if not expected.size:
        return
    program = compiled([x[index], gradient(x[index], x)])
    weights = images((), 17, 3)
    found, error = program(x=value, s=weights)
    np.testing.assert_array_equal(found, expected)
    back = np.zeros_like(value)
    back[index] = 2 * expected * weights.reshape(-1, *[1] * len(shape))
    np.testing.assert_allclose(error, back, atol=1e-6)
