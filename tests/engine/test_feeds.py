"""From what is fed to arrays: names and nodes as keys, rows, and conversions at the edge."""

import types

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.feeds import batch_of, checked, collect, copy_into

X, Y = sc.Input("x", (None, 2)), sc.Input("y", (None,), "int64")
S = sc.Input("s", (3,))
IMAGES, LABELS = np.ones((4, 2), np.float32), np.zeros(4, np.int64)


def test_names_and_inputs_are_keys():
    for feeds, named in (
        ({"x": IMAGES, "y": LABELS}, {}),
        ({X: IMAGES, Y: LABELS}, {}),
        ({X: IMAGES}, {"y": LABELS}),
        (None, {"x": IMAGES, "y": LABELS}),
        (types.MappingProxyType({"x": IMAGES, Y: LABELS}), {}),
    ):
        found = collect([X, Y], feeds, named)
        assert list(found) == [X, Y]
        assert found[X] is IMAGES  # no copy yet
        assert found[Y] is LABELS


def test_the_order_of_the_feeds_does_not_matter():
    assert list(collect([X, Y], {"y": LABELS, "x": IMAGES}, {})) == [X, Y]


@pytest.mark.parametrize(
    ("feeds", "named", "problem"),
    [
        ({}, {}, "missing: x, y"),
        ({"x": IMAGES}, {}, "missing: y"),
        ({"x": IMAGES, "y": LABELS, "z": 0}, {"u": 0}, "unknown: z, u"),
        ({"x": IMAGES}, {"z": 0}, "missing: y; unknown: z"),
        ({S: 0}, {}, "unknown: Input 's'"),
        ({X: IMAGES, "x": IMAGES}, {"y": LABELS}, "two arrays were fed"),
        ({X: IMAGES}, {"x": IMAGES, "y": LABELS}, "two arrays were fed"),
        ({"x": IMAGES}, {"x": IMAGES, "y": LABELS}, "two arrays were fed"),
    ],
)
def test_names_that_do_not_fit(feeds, named, problem, refused):
    with refused(ValueError, problem):
        collect([X, Y], feeds, named)


def test_a_program_that_takes_nothing_says_so():
    with pytest.raises(sc.errors.FeedError, match="unknown: x\n  this program takes nothing"):
        collect([], {"x": 1}, {})
    with pytest.raises(sc.errors.DTypeError, match="this program takes nothing"):
        collect([], [1], {})
    assert collect([], None, {}) == {}


def test_the_number_of_rows(refused):
    assert batch_of({}) == batch_of({S: np.ones(3)}) == 1
    assert batch_of({X: IMAGES, Y: LABELS, S: np.ones(3)}) == 4
    assert batch_of({X: IMAGES[:0]}) == 0
    turned = sc.Input("turned", (2, None))
    assert batch_of({turned: np.ones((2, 7))}) == 7
    with refused(ValueError, "x has 4, y has 3"):
        batch_of({X: IMAGES, Y: LABELS[:3]})


@pytest.mark.parametrize("shape", [(), (2,), (4, 3), (4, 2, 1), (2, 4), (0,), (4, 0)])
def test_shapes_that_do_not_fit(shape, refused):
    with refused(ValueError, "Input 'x'", f"an array of shape {shape} was fed; expected (None, 2)"):
        checked(X, np.ones(shape))


def test_an_empty_list_fits_any_dtype():
    assert checked(Y, []).shape == (0,)
    assert checked(X, np.zeros((0, 2))).shape == (0, 2)


def test_an_array_like_that_fails_is_told_by_the_input(refused):
    class Failing:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("on another device")

    with refused(TypeError, "Input 'x'", "what was fed is not an array: on another device"):
        checked(X, Failing())


@pytest.mark.parametrize(
    ("dtype", "given", "expected"),
    [
        ("float32", np.array([1, 2], "uint8"), [1, 2]),
        ("float32", np.array([1.5, -2], ">f8"), [1.5, -2]),
        ("float64", np.array([1.5, np.inf], "float16"), [1.5, np.inf]),
        ("float16", np.array([1e-30, 65504]), [0, 65504]),
        ("int8", np.array([-128, 127], "int64"), [-128, 127]),
        ("uint8", np.array([True, False]), [1, 0]),
        ("int64", np.array([2**63 - 1, 0], "uint64"), [2**63 - 1, 0]),
        ("bool", np.array([True, False]), [True, False]),
        ("float32", np.array([np.nan, -np.inf]), [np.nan, -np.inf]),
    ],
)
def test_conversions(dtype, given, expected):
    target = np.full(2, 9).astype(dtype)
    with np.errstate(all="raise"):
        copy_into(target, sc.Input("n", (2,), dtype), given)
    np.testing.assert_array_equal(target, np.array(expected, dtype))


@pytest.mark.parametrize(
    ("dtype", "given", "problem"),
    [
        ("float32", np.array([0, 1e39]), "too large for float32"),
        ("float16", np.array([0, 65536]), "too large for float16"),
        ("float16", np.array([0, -1e5], "float32"), "too large for float16"),
        ("int8", np.array([0, 128]), "do not fit into int8"),
        ("uint8", np.array([-1, 0]), "do not fit into uint8"),
        ("int64", np.array([0, 2**63], "uint64"), "do not fit into int64"),
    ],
)
def test_numbers_that_do_not_fit(dtype, given, problem, refused):
    node = sc.Input("n", (2,), dtype)
    with refused(ValueError, "Input 'n'", problem):
        copy_into(np.zeros(2, dtype), node, given)
