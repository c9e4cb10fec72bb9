"""Reshape, transpose, concat, take and put, and slicing, against NumPy's own."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symcnn as sc

batches = st.sampled_from([0, 1, 3])


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def by_numpy(build, x, *deltas):
    """The errors of a rearrangement: each number of delta goes where its element came from."""
    places = build(np.arange(x.size).reshape(x.shape))
    error = np.zeros(x.size)
    np.add.at(error, places.ravel(), deltas[0].ravel())
    return error.reshape(x.shape)


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("target", [(-1, 24), (-1, 2, 12), (-1, 4, 3, 2), (-1, 24, 1)])
def test_reshape(passes, batch, target):
    x, node = numbers(batch, 2, 3, 4), sc.Input("x", (None, 2, 3, 4), "float64")
    shape = (batch, *target[1:])
    delta = numbers(*shape, seed=1)
    value, (dx,) = passes(sc.reshape(node, target), [node], {"x": x}, delta)
    np.testing.assert_array_equal(value, x.reshape(shape))
    np.testing.assert_array_equal(dx, delta.reshape(x.shape))


def test_reshape_without_a_batch_axis():
    x = sc.Input("x", (4, 3))
    assert sc.reshape(x, (2, -1)).shape == (2, 6)
    assert sc.reshape(x, (4, 3)) is x
    assert sc.reshape(x, (1, 12, 1)).shape == (1, 12, 1)


def test_reshape_of_what_is_not_contiguous(passes):
    x, delta = numbers(2, 3, 4), numbers(2, 12, seed=1)
    node = sc.Input("x", (None, 3, 4), "float64")
    turned = sc.reshape(sc.transpose(node, (0, 2, 1)), (None, 12))
    value, (dx,) = passes(turned, [node], {"x": x}, delta)
    np.testing.assert_array_equal(value, x.transpose(0, 2, 1).reshape(2, 12))
    np.testing.assert_array_equal(dx, delta.reshape(2, 4, 3).transpose(0, 2, 1))


def test_flatten():
    assert sc.flatten(sc.Input("x", (None, 2, 3, 4))).shape == (None, 24)
    assert sc.flatten(sc.Input("x", (None,))).shape == (None, 1)
    assert sc.flatten(sc.Input("x", (7, 2, 2))).shape == (7, 4)
    x = sc.Input("x", (None, 5))
    assert sc.flatten(x) is x


@given(batch=batches, axes=st.permutations([0, 1, 2, 3]))
def test_transpose(passes, batch, axes):
    x, node = numbers(batch, 2, 1, 4), sc.Input("x", (None, 2, 1, 4), "float64")
    delta = numbers(*x.transpose(axes).shape, seed=1)
    value, (dx,) = passes(sc.transpose(node, tuple(axes)), [node], {"x": x}, delta)
    np.testing.assert_array_equal(value, x.transpose(axes))
    np.testing.assert_array_equal(dx, by_numpy(lambda a: a.transpose(axes), x, delta))


def test_transpose_reverses_by_itself_and_counts_from_the_end():
    x = sc.Input("x", (None, 2, 3))
    assert sc.transpose(x).shape == (3, 2, None)
    assert sc.transpose(x, (0, -1, -2)) is sc.transpose(x, (0, 2, 1))


@given(batch=batches, sizes=st.lists(st.sampled_from([0, 1, 2, 5]), min_size=1, max_size=4))
def test_concat(passes, batch, sizes):
    arrays = [numbers(batch, n, 3, seed=k) for k, n in enumerate(sizes)]
    nodes = [sc.Input(f"x{k}", (None, n, 3), "float64") for k, n in enumerate(sizes)]
    joined = np.concatenate(arrays, axis=1)
    delta = numbers(*joined.shape, seed=9)
    feeds = {node.name: a for node, a in zip(nodes, arrays, strict=True)}
    value, errors = passes(sc.concat(nodes), nodes, feeds, delta)
    np.testing.assert_array_equal(value, joined)
    for error, part in zip(errors, np.split(delta, np.cumsum(sizes)[:-1], axis=1), strict=True):
        np.testing.assert_array_equal(error, part)


def test_concat_of_one_node_twice_adds_its_errors(passes):
    x, node = numbers(2, 3), sc.Input("x", (None, 3), "float64")
    value, (dx,) = passes(sc.concat([node, node], axis=-1), [node], {"x": x}, np.ones((2, 6)))
    np.testing.assert_array_equal(value, np.hstack([x, x]))
    np.testing.assert_array_equal(dx, 2 * np.ones((2, 3)))


# Take and put --------------------------------------------------------------------------------


@given(batch=batches, index=st.lists(st.integers(0, 4), max_size=7))
def test_take_and_put(passes, batch, index):
    index = np.array(index, "int64")
    x, node = numbers(batch, 5, 2), sc.Input("x", (None, 5, 2), "float64")
    taken = np.take(x, index, axis=1)
    delta = numbers(*taken.shape, seed=1)
    put = np.zeros(x.shape)
    np.add.at(put, (slice(None), index), delta)
    value, (dx,) = passes(sc.take(node, sc.Const(index), axis=1), [node], {"x": x}, delta)
    np.testing.assert_array_equal(value, taken)
    np.testing.assert_allclose(dx, put, rtol=1e-14, atol=1e-15)

    small = sc.Input("s", (None, len(index), 2), "float64")
    node = sc.Put(small, sc.Const(index), 1, 5)
    value, (dx,) = passes(node, [small], {"s": delta}, x)
    np.testing.assert_allclose(value, put, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(node.forward(np, delta, index), put, rtol=1e-14, atol=1e-15)
    np.testing.assert_array_equal(dx, taken)


def test_index_may_be_fed():
    table, index = sc.Param("table", numbers(4, 3)), sc.Input("i", (None,), "int64")
    J = sc.sum(sc.take(table, index))
    value, gradient = sc.compile([J, sc.grad(J, table)])(i=[3, 3, 0])
    assert value == pytest.approx(table.value[[3, 3, 0]].sum())
    np.testing.assert_array_equal(gradient, np.array([1, 0, 0, 2])[:, None] * np.ones((4, 3)))


@pytest.mark.parametrize(("wrong", "expected"), [(4, "0 to 3"), (-5, "-4 to 3")])
def test_index_out_of_range(wrong, expected):
    table, index = sc.Param("table", numbers(4, 3)), sc.Input("i", (None,), "int64")
    with pytest.raises(sc.errors.FeedError, match=rf"Take: number 1 is {wrong}; expected {expected}"):
        sc.compile(sc.take(table, index))(i=[0, wrong])
    x = sc.Input("x", (3,))
    with pytest.raises(sc.errors.ShapeError, match=rf"Put: number 2 is {wrong}; expected {expected}"):
        sc.compile(sc.Put(x, sc.Const([0, 3, wrong]), 0, 4))(x=[1, 2, 3])


# Slicing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "index",
    [
        np.s_[:, 1],
        np.s_[:, -1, 2],
        np.s_[:, :, 1:4],
        np.s_[:, :, ::2],
        np.s_[:, :, -3:],
        np.s_[:, :, 4:1],
        np.s_[:, :, 1:100:3],
        np.s_[..., 0],
        np.s_[..., None],
        np.s_[:, None, 1, ..., 1:],
        np.s_[:],
        np.s_[...],
        np.s_[:, np.int64(1)],
        np.s_[:, [2, 0, 2]],
        np.s_[:, :, [4, -0]],
    ],
)
def test_getitem_is_numpys(passes, index):
    x, node = numbers(2, 3, 5), sc.Input("x", (None, 3, 5), "float64")
    delta = numbers(*x[index].shape, seed=1)
    value, (dx,) = passes(node[index], [node], {"x": x}, delta)
    np.testing.assert_array_equal(value, x[index])
    np.testing.assert_allclose(dx, by_numpy(lambda a: a[index], x, delta), rtol=1e-14)


def test_getitem_of_a_vector():
    w = sc.Param("w", np.array([1.0, 2.0, 3.0]))
    assert sc.compile(w[1])() == 2.0
    assert sc.compile(w[-1])() == 3.0
    assert w[:] is w


# What is refused -----------------------------------------------------------------------------

X = sc.Input("x", (None, 3, 4))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sc.reshape(X, (None, 13)), "(None, 3, 4) cannot be reshaped to (None, 13)"),
        (lambda: sc.reshape(X, (12, 1)), "(None, 3, 4) cannot be reshaped to (12, 1)"),
        (lambda: sc.reshape(X, (-1, -1)), "only one axis of (-1, -1) can be -1"),
        (lambda: sc.reshape(X, (-1, 5)), "would mix the batch axis with others"),
        (lambda: sc.reshape(X, (None, None, 12)), "cannot be reshaped"),
        (lambda: sc.transpose(X, (0, 1)), "the axes (0, 1) are no order of the 3 axes"),
        (lambda: sc.transpose(X, (0, 1, 1)), "are no order of the 3 axes"),
        (lambda: sc.concat([]), "nothing to join"),
        (lambda: sc.concat([X, X], axis=0), "the batch axis cannot be joined"),
        (lambda: sc.concat([X, sc.Input("y", (None, 3, 5))]), "cannot join along axis 1: (None, 3, 4), (None, 3, 5)"),
        (lambda: sc.concat([X, sc.Input("y", (None, 3))]), "cannot join along axis 1: (None, 3, 4), (None, 3)"),
        (lambda: sc.transpose(X, (0, 4, 5)), "are no order of the 3 axes"),
        (lambda: sc.transpose(X, (0, -1, -5)), "are no order of the 3 axes"),
        (lambda: sc.concat([X, X], axis=3), "axis 3 is out of range for 3 axes"),
        (lambda: sc.concat([X, X], axis=-4), "axis -4 is out of range for 3 axes"),
        (lambda: sc.take(X, [0], axis=3), "axis 3 is out of range for 3 axes"),
        (lambda: sc.take(X, [0]), "axis 0 of (None, 3, 4) has no indices"),
        (lambda: X[0], "axis 0 of (None, 3, 4) is the batch: it cannot be indexed"),
        (lambda: X[1:], "axis 0 of (None, 3, 4) is the batch"),
        (lambda: X[:, 3], "index 3 is out of range for axis 1"),
        (lambda: X[:, -4], "index -4 is out of range for axis 1"),
        (lambda: X[:, 0, 0, 0], "4 indices for the 3 axes"),
    ],
)
def test_refused(build, message):
    with pytest.raises(sc.errors.ShapeError, match=re.escape(message)):
        build()


@pytest.mark.parametrize(
    "build",
    [
        lambda: sc.take(X, [0.5], axis=1),
        lambda: sc.take(X, [0], axis=1.0),
        lambda: sc.transpose(X, (0, 1.0, 2)),
        lambda: X[:, [0], [1]],
        lambda: X[:, "a"],
        lambda: X[:, True],
        lambda: X[X > 0],
    ],
)
def test_index_of_another_kind(build):
    with pytest.raises((sc.errors.DTypeError, sc.errors.ShapeError)):
        build()


# Integers are moved as they are ----------------------------------------------------------------


@pytest.mark.parametrize(
    "build",
    [
        lambda y: sc.reshape(y, (None, 2, 2)),
        lambda y: sc.transpose(y),
        lambda y: y[:, 1],
        lambda y: y[:, 1:],
        lambda y: y[:, ::2],
        lambda y: y[:, [3, 0, 0]],
    ],
)
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_integers_are_moved_as_they_are(build, dtype):
    array = np.array([[0, 1, 1, 0], [1, 1, 0, 0]], dtype)
    found = sc.compile(build(sc.Input("y", (None, 4), dtype)))(y=array)
    assert found.dtype == dtype
    expected = sc.compile(build(sc.Input("y", (None, 4), "float64")))(y=array.astype("float64"))
    np.testing.assert_array_equal(found, expected)


def test_labels_in_a_column():
    z, y = sc.Input("z", (None, 3)), sc.Input("y", (None, 1), "int64")
    for labels in (y[:, 0], sc.reshape(y, (None,))):
        J = sc.softmax_cross_entropy(z, labels)
        loss, dz = sc.compile([J, sc.grad(J, z)])(z=np.zeros((2, 3)), y=[[0], [2]])
        assert loss == pytest.approx(np.log(3))
        np.testing.assert_allclose(dz, (1 / 3 - np.eye(3)[[0, 2]]) / 2, rtol=1e-6)
