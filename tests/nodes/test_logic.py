"""And, or, exclusive or, not: truth tables, and what is no boolean."""

import numpy as np
import pytest

import symcnn as sc

A, B = np.array([False, False, True, True]), np.array([False, True, False, True])


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_truth_tables(backend):
    x, y = sc.Input("x", (None,)), sc.Input("y", (None,))
    a, b = x > 0, y > 0
    built = [a & b, a | b, a ^ b, ~a, sc.not_equal(x, y)]
    chosen = [sc.where(node, x, y) for node in built]
    found = sc.compile([*built, *chosen], backend=backend)(x=A, y=B)
    expected = [A & B, A | B, A ^ B, ~A, A != B]
    np.testing.assert_array_equal(found, expected + [np.where(e, A, B) for e in expected])


def test_numpys_functions_make_the_same_nodes():
    a, b = sc.Input("x", (3,)) > 0, sc.Input("y", (3,)) > 0
    assert np.logical_and(a, b) is np.bitwise_and(a, b) is sc.logical_and(a, b) is a & b
    assert np.logical_or(a, b) is np.bitwise_or(a, b) is sc.logical_or(a, b) is a | b
    assert np.logical_xor(a, b) is np.bitwise_xor(a, b) is sc.logical_xor(a, b) is a ^ b
    assert np.logical_not(a) is np.invert(a) is sc.logical_not(a) is ~a
    assert np.not_equal(a, b) is sc.not_equal(a, b)


def test_arrays_of_booleans_stand_beside_nodes():
    a = sc.Input("x", (4,)) > 0
    for node in (B & a, B | a, B ^ a):
        assert node.dtype == bool
    np.testing.assert_array_equal(sc.compile(a & B)(x=A), A & B)


def test_nan_differs_from_itself():
    x = sc.Input("x", (2,))
    assert sc.compile(sc.not_equal(x, x))(x=[np.nan, 1]).tolist() == [True, False]


@pytest.mark.parametrize("build", [lambda x: x & 1, lambda x: x | x, lambda x: (x > 0) ^ x, lambda x: ~x])
def test_numbers_are_refused(build, refused):
    with refused(TypeError, "it must be bool", "(x > 0) & (y > 0)"):
        build(sc.Input("x", (3,), "int64"))


def test_a_mask_stops_no_error_beside_it(passes):
    x = sc.Input("x", (3,), "float64")
    value, (error,) = passes(sc.where((x > 0) & ~(x > 1), x, 0), [x], {"x": [-1, 0.5, 2]}, np.ones(3))
    assert (value.tolist(), error.tolist()) == ([0, 0.5, 0], [0, 1, 0])
