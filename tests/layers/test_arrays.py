"""Stack, split, tile, repeat, roll, squeeze, expand_dims and flip beside NumPy's; and where errors go back to."""

import numpy as np
import pytest

import symcnn as sc

BUILT = {
    "stack": (lambda x: sc.stack([x, 2 * x], 1), lambda x: np.stack([x, 2 * x], 1)),
    "stack at the end": (lambda x: sc.stack([x, 2 * x], -1), lambda x: np.stack([x, 2 * x], -1)),
    "split": (lambda x: sc.split(x, 2)[1], lambda x: np.split(x, 2, 1)[1]),
    "split in lengths": (lambda x: sc.split(x, [1, 0, 5], -1)[2], lambda x: np.split(x, [1, 1], -1)[2]),
    "tile": (lambda x: sc.tile(x, 3), lambda x: np.tile(x, 3)),
    "tile all": (lambda x: sc.tile(x, (1, 2, 3)), lambda x: np.tile(x, (1, 2, 3))),
    "tile none": (lambda x: sc.tile(x, (0, 1)), lambda x: np.tile(x, (0, 1))),
    "repeat": (lambda x: sc.repeat(x, 3, 1), lambda x: np.repeat(x, 3, 1)),
    "repeat each": (lambda x: sc.repeat(x, [1, 0, 2, 3], 1), lambda x: np.repeat(x, [1, 0, 2, 3], 1)),
    "roll": (lambda x: sc.roll(x, 2, 1), lambda x: np.roll(x, 2, 1)),
    "roll both": (lambda x: sc.roll(x, (-1, 8), (1, 2)), lambda x: np.roll(x, (-1, 8), (1, 2))),
    "roll all": (lambda x: sc.roll(x, 1, (1, 2)), lambda x: np.roll(x, 1, (1, 2))),
    "flip": (lambda x: sc.flip(x, 1), lambda x: np.flip(x, 1)),
    "flip both": (lambda x: sc.flip(x, (1, -1)), lambda x: np.flip(x, (1, -1))),
    "expand_dims": (lambda x: sc.expand_dims(x, (1, -1)), lambda x: np.expand_dims(x, (1, -1))),
    "squeeze": (lambda x: sc.squeeze(x[:, :1], 1), lambda x: np.squeeze(x[:, :1], 1)),
}


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("batch", [0, 1, 17])
@pytest.mark.parametrize("name", BUILT)
def test_value_and_error(name, batch, backend):
    build, function = BUILT[name]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, 4, 6))
    node = sc.Input("x", (None, 4, 6), "float64")
    y, expected = build(node), function(x)
    assert y.spec.bind(batch) == expected.shape
    delta, seed = rng.normal(size=expected.shape), sc.Input("delta", y.shape, "float64")
    value, error = sc.compile([y, *sc.grad(y, [node], seed=seed)], backend=backend)({"x": x, "delta": delta})
    np.testing.assert_array_equal(value, expected)
    unit = rng.normal(size=x.shape)  # the function is linear
    np.testing.assert_allclose(np.sum(error * unit), np.sum(delta * function(unit)), rtol=1e-10, atol=1e-12)


def test_nothing_is_made_where_nothing_is_done():
    x = sc.Input("x", (None, 4, 6))
    assert all(y is x for y in (sc.roll(x, 8, 1), sc.tile(x, 1), sc.repeat(x, 1, 1), sc.squeeze(x), sc.split(x, 1)[0]))
    assert sc.simplify([sc.flip(sc.flip(x, 1), 1)]) == [x]
    assert sc.simplify([sc.flip(sc.flip(x, 1), (1, 2))]) == [sc.flip(x, 2)]


def test_without_a_batch_any_axis_will_do():
    x, array = sc.Input("x", (2, 3)), np.arange(6).reshape(2, 3)
    built = [sc.tile(x, (2, 1, 2)), sc.roll(x, 1, 0), sc.flip(x), sc.stack([x, x], 0), sc.repeat(x, 2, 0)]
    expected = [
        np.tile(array, (2, 1, 2)),
        np.roll(array, 1, 0),
        np.flip(array),
        np.stack([array] * 2),
    ]
    expected += [np.repeat(array, 2, 0), *np.split(array, 2)]
    found = sc.compile([*built, *sc.split(x, 2, 0)])(x=array)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_integers_are_moved_as_they_are():
    x = sc.Input("x", (None, 4), "uint8")
    for moved in (sc.tile(x, 2), sc.roll(x, 1, 1), sc.flip(x, 1), sc.stack([x, x])):
        assert moved.dtype == "uint8"


@pytest.mark.parametrize(
    ("build", "fragments"),
    [
        (lambda x: sc.squeeze(x, 1), ("squeeze: axis 1 of (None, 4, 6) does not have length 1",)),
        (lambda x: sc.squeeze(x, 0), ("squeeze: axis 0",)),
        (lambda x: sc.expand_dims(x, 5), ("expand_dims: axis 5 is out of range for 4 axes",)),
        (lambda x: sc.stack(x), ("stack: ", "a list of nodes")),
        (lambda x: sc.stack([]), ("stack: []",)),
        (lambda x: sc.stack([x, x[:, :2]]), ("the shapes (None, 4, 6), (None, 2, 6) differ",)),
        (lambda x: sc.split(x, 3), ("split: 4 of (None, 4, 6) are not 3 equal parts",)),
        (lambda x: sc.split(x, [1, 2]), ("split: [1, 2] do not add up to the 4", "not the places to cut at")),
        (lambda x: sc.split(x, 2, 0), ("split: axis 0 of (None, 4, 6) is the batch",)),
        (lambda x: sc.split(x, 0), ("split: sections is 0",)),
        (lambda x: sc.roll(x, 1, 0), ("roll: axis 0 of (None, 4, 6) is the batch",)),
        (lambda x: sc.roll(x, (1, 2, 3), (1, 2)), ("roll: (1, 2, 3) are not as many",)),
        (lambda x: sc.roll(x, 0.5, 1), ("roll: shift is 0.5",)),
        (lambda x: sc.tile(x, (2, 1, 1)), ("tile: axis 0 of (None, 4, 6) is the batch",)),
        (lambda x: sc.tile(x, -1), ("tile: reps is -1",)),
        (lambda x: sc.repeat(x, [1, 2], 1), ("repeat: 2 numbers for the 4 of axis 1",)),
        (lambda x: sc.flip(x), ("axis 0 of (None, 4, 6) is the batch: it cannot be reversed",)),
        (lambda x: sc.flip(x, 3), ("axis 3 is out of range",)),
    ],
)
def test_what_does_not_fit_is_refused(build, fragments, refused):
    with refused((TypeError, ValueError), *fragments):
        build(sc.Input("x", (None, 4, 6)))
