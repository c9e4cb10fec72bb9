"""Indices that count from the end, as NumPy's do: known and fed, taken and put back, on every engine."""

import numpy as np
import pytest

import symcnn as sc

INDEX = [0, -1, 2, -4, -1, 3]


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("batch", [1, 5, 17])
@pytest.mark.parametrize("dtype", ["int8", "int64"])
def test_what_is_taken_from_the_end_and_where_its_error_goes(backend, batch, dtype):
    X = np.random.default_rng(0).normal(size=(batch, 4, 3)).astype("float32")
    index = np.array(INDEX, dtype)
    x, i = sc.Input("x", (None, 4, 3)), sc.Input("i", index.shape, dtype)
    back = np.zeros_like(X)
    np.add.at(back, (slice(None), index), 3 * X[:, index])
    for taken, fed in ((sc.take(x, i, axis=1), {"i": index}), (x[:, INDEX], {}), (sc.take(x, index, axis=-2), {})):
        dx = sc.grad(sc.sum(1.5 * taken**2), x)
        value, error = sc.compile([taken, dx], backend=backend)(x=X, **fed)
        np.testing.assert_array_equal(value, X[:, INDEX])
        np.testing.assert_allclose(error, back, rtol=1e-6)


def test_the_last_of_an_axis_that_is_longer_than_the_indices_dtype_counts():
    a, i = sc.Input("a", (300,)), sc.Input("i", (2,), "int8")
    for backend in ("numpy", "native"):
        taken = sc.take(a, i)
        value, error = sc.compile([taken, sc.grad(sc.sum(2 * taken), a)], backend=backend)(a=range(300), i=[-1, 5])
        assert value.tolist() == [299, 5]
        assert np.flatnonzero(error).tolist() == [5, 299]
    assert sc.compile(sc.take(a, np.array([-1, -300], "int16")))(a=range(300)).tolist() == [299, 0]


def test_a_known_index_from_the_end_is_that_from_the_start():
    x = sc.Input("x", (4, 2))
    assert x[[0, -1]] is x[[0, 3]]
    assert sc.Take(x, sc.Const([-1])) is sc.take(x, [3])
    put = sc.Put(sc.Input("p", (3, 2)), [-1, 0, -1], 0, 4)
    assert put is sc.Put(put.x, [3, 0, 3], 0, 4)
    assert sc.compile(put)(p=[[1, 2], [3, 4], [5, 6]]).tolist() == [[3, 4], [0, 0], [0, 0], [6, 8]]


@pytest.mark.parametrize(("wrong", "expected"), [(-5, "-4 to 3"), (4, "0 to 3")])
def test_out_of_range_stays_an_error(wrong, expected):
    x, i = sc.Input("x", (None, 4)), sc.Input("i", (3,), "int64")
    with pytest.raises(sc.errors.ShapeError, match=f"number 1 is {wrong}; expected {expected}"):
        x[:, [0, wrong]]
    for backend in ("numpy", "native"):
        f = sc.compile(sc.take(x, i, axis=1), backend=backend)
        with pytest.raises(sc.errors.FeedError, match=f"number 2 is {wrong}; expected {expected}"):
            f(x=np.ones((2, 4)), i=[0, -1, wrong])


def test_labels_do_not_count_from_the_end():
    z, y = sc.Input("z", (None, 3)), sc.Input("y", (None,), "int64")
    with pytest.raises(sc.errors.FeedError, match="number 0 is -1; expected 0 to 2"):
        sc.compile(sc.softmax_cross_entropy(z, y))(z=np.ones((1, 3)), y=[-1])
