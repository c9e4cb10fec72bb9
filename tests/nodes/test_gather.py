"""Elements by an index of its own in each row, beside NumPy's take_along_axis."""

import numpy as np
import pytest

import symcnn as sc


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("batch", [0, 1, 17])
@pytest.mark.parametrize("axis", [1, -1])
def test_value_and_error(axis, batch, backend):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, 4, 5))
    shape = (3, 5) if axis == 1 else (4, 3)
    size = x.shape[axis]
    index = rng.integers(-size, size, (batch, *shape))
    delta = rng.normal(size=index.shape)
    node, i = sc.Input("x", (None, 4, 5), "float64"), sc.Input("i", (None, *shape), "int64")
    seed = sc.Input("delta", (None, *shape), "float64")
    y = sc.gather(node, i, axis)
    scattered = sc.scatter(seed, i, size, axis)
    outputs = [y, *sc.grad(y, [node], seed=seed), scattered, *sc.grad(sc.sum(scattered * node), [seed])]
    value, error, put, back = sc.compile(outputs, backend=backend)({"x": x, "i": index, "delta": delta})
    np.testing.assert_array_equal(value, np.take_along_axis(x, index, axis))
    expected = np.zeros_like(x)
    grid = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grid[axis] = index
    np.add.at(expected, tuple(grid), delta)
    np.testing.assert_allclose(error, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(put, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(back, value)


def test_integers_are_counted():
    bins = sc.Input("bins", (None, 6), "uint8")
    ones = sc.Const(np.ones((1, 6), "uint8"))
    counted = sc.scatter(ones + 0 * bins, bins, 3)
    assert counted.dtype == "int64"
    assert sc.compile(counted)(bins=[[0, 2, 2, 2, 0, 1]]).tolist() == [[2, 1, 3]]


@pytest.mark.parametrize(
    ("build", "fragments"),
    [
        (lambda x, i: sc.gather(x, i, 0), ("axis 0 of (None, 4) is the batch",)),
        (lambda x, i: sc.gather(x, x), ("the index is (None, 4) float32; expected integers",)),
        (
            lambda x, i: sc.gather(x, sc.Input("j", (5,), "int64")),
            ("an index of (5,) does not fit (None, 4)", "sc.take"),
        ),
        (lambda x, i: sc.scatter(x, i, 9), ("the index is of shape (None, 2), the elements of (None, 4)",)),
        (lambda x, i: sc.scatter(x, i, -1), ("size is -1",)),
        (lambda x, i: sc.gather(sc.Input("z", (2, 3)), [[0], [3]]), ("number 1 is 3; expected 0 to 2",)),
    ],
)
def test_what_does_not_fit_is_refused(build, fragments, refused):
    with refused((TypeError, ValueError), *fragments):
        build(sc.Input("x", (None, 4)), sc.Input("i", (None, 2), "int64"))


def test_an_index_out_of_range_is_refused_when_it_is_fed():
    x, i = sc.Input("x", (None, 4)), sc.Input("i", (None, 1), "int64")
    with pytest.raises(sc.errors.FeedError, match="number 1 is 4; expected 0 to 3"):
        sc.compile(sc.gather(x, i))(x=np.ones((2, 4)), i=[[0], [4]])
