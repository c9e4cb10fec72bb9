"""Indexing beside NumPy's: slices to either side, new axes, arrays of indices; and where errors go back to."""

import numpy as np
import pytest

import symcnn as sc

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "native"])
WHOLE = slice(None)
INDICES = {
    "first": (WHOLE, 0),
    "last": (WHOLE, -1, -2),
    "every other": (WHOLE, slice(None, None, 2)),
    "reversed": (WHOLE, slice(None, None, -1)),
    "reversed, every other": (WHOLE, slice(None, None, -2), slice(4, 0, -3)),
    "part, reversed": (..., slice(3, 1, -1), slice(-2, None)),
    "nothing": (WHOLE, slice(3, 1), slice(1, 3, -1)),
    "new axes": (WHOLE, None, 1, ..., None),
    "new axis at the end": (..., None),
    "array": (WHOLE, [0, -1, 0]),
    "array, sliced": (WHOLE, slice(1, 3), np.array([4, 2, 2])),
    "array, reversed": (WHOLE, slice(None, None, -1), [0, 4]),
    "matrix": (WHOLE, [[0, 1], [2, -1]], slice(1, None)),
    "matrix at the end": (..., np.array([[0, 4, 2]])),
    "array and a new axis": (WHOLE, None, [1, 0], None),
    "one number as an array": (WHOLE, np.array(2)),
}


@BACKENDS
@pytest.mark.parametrize("batch", [0, 1, 17])
@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_value_and_error(index, batch, backend):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, 4, 5))
    node = sc.Input("x", (None, 4, 5), "float64")
    y = node[index]
    expected = x[index]
    assert y.spec.bind(batch) == expected.shape
    delta, seed = rng.normal(size=expected.shape), sc.Input("delta", y.shape, "float64")
    value, error = sc.compile([y, *sc.grad(y, [node], seed=seed)], backend=backend)({"x": x, "delta": delta})
    np.testing.assert_array_equal(value, expected)
    back = np.zeros_like(x)
    np.add.at(back, index, delta)
    np.testing.assert_allclose(error, back, rtol=1e-14)


@BACKENDS
@pytest.mark.parametrize("batch", [0, 1, 17])
def test_an_index_that_is_fed(batch, backend):
    """Words of (N, T) look up rows of a table: each image has an index of its own."""
    rng = np.random.default_rng(0)
    table, words = sc.Param("table", rng.normal(size=(6, 3))), sc.Input("words", (None, 4), "int64")
    fed = rng.integers(-6, 6, (batch, 4))
    y = sc.take(table, words)
    assert y is table[words]
    assert y.shape == (None, 4, 3)
    value, error, again = sc.compile(
        [y, *sc.grad(sc.sum(y * y), [table]), sc.sum(sc.square(sc.grad(sc.sum(y * y), [table])[0]))], backend=backend
    )(words=fed)
    np.testing.assert_array_equal(value, table.value[fed])
    back = np.zeros((6, 3))
    np.add.at(back, fed, 2 * table.value[fed])
    np.testing.assert_allclose(error, back, rtol=1e-12)
    np.testing.assert_allclose(again, np.sum(back**2), rtol=1e-12)


@BACKENDS
def test_an_index_of_the_whole_batch_at_once(backend):
    x, rows = sc.Input("x", (None, 4)), sc.Input("i", (2, 3), "int64")
    given, i = np.arange(68, dtype="float32").reshape(17, 4), np.array([[0, -1, 2], [3, 3, 1]])
    y = sc.take(x, rows, axis=1)
    found = sc.compile([y, *sc.grad(sc.sum(y), [x])], backend=backend)(x=given, i=i)
    np.testing.assert_array_equal(found[0], given[:, i])
    np.testing.assert_array_equal(found[1], np.tile([1, 1, 1, 3], (17, 1)))


@pytest.mark.parametrize(
    ("index", "fragments"),
    [
        ((WHOLE, [0], [1]), ("several arrays of indices", "sc.gather")),
        ((WHOLE, 0, [1]), ("an array of indices beside 0", "x[:, 0][:, [1, 2]]")),
        ((WHOLE, [True, False, True, False]), ("a mask", "sc.where(mask, x, 0)")),
        (np.ones((3, 4, 5), bool), ("a mask", "sc.where(mask, x, 0)")),
        ((WHOLE, np.array([0.5])), ("expected integers", "sc.cast")),
        ((WHOLE, 1, 2, 3), ("4 indices for the 3 axes",)),
        ((WHOLE, [4]), ("number 0 is 4; expected 0 to 3",)),
        (([0],), ("axis 0 of (None, 4, 5) has no indices",)),
        (slice(None, None, -1), ("axis 0 of (None, 4, 5) is the batch",)),
        ((WHOLE, slice(None, None, 0)), ("cannot slice axis 1",)),
    ],
)
def test_what_has_no_meaning_is_refused(index, fragments, refused):
    with refused((TypeError, ValueError), *fragments):
        sc.Input("x", (None, 4, 5))[index]


def test_a_mask_that_is_a_node_is_refused(refused):
    x = sc.Input("x", (None, 4))
    with refused(TypeError, "a mask", "sc.where(mask, x, 0)"):
        x[x > 0]


@BACKENDS
def test_every_other_number_of_a_row(backend):
    x = sc.Input("x", (6,))
    assert sc.compile(x[::2], backend=backend)(x=range(6)).tolist() == [0, 2, 4]
