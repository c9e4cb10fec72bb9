"""`Spec`, and what is computed with shapes and dtypes alone."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symcnn as sc
from symcnn.graph.spec import as_shape, broadcast_shapes, is_real, normal_axes, promote

DTYPES = [np.dtype(d) for d in ("float16", "float32", "float64", "int8", "int64", "uint8", "bool")]
SHAPES = st.lists(st.sampled_from([0, 1, 2, 3]), max_size=4).map(tuple)


@given(st.lists(SHAPES, max_size=4))
def test_shapes_broadcast_as_numpys_do(shapes):
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(ValueError, match="do not broadcast together"):
            broadcast_shapes(*shapes)
    else:
        assert broadcast_shapes(*shapes) == expected


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(None,), (1,)], (None,)),
        ([(None, 3), (3,)], (None, 3)),
        ([(None, 1), (1, 4), ()], (None, 4)),
        ([(None, 1), (1, None)], (None, None)),
        ([(None, 3), (None, 3)], (None, 3)),
    ],
)
def test_the_batch_axis_stretches_ones_and_matches_itself(shapes, expected):
    assert broadcast_shapes(*shapes) == expected
    for order in itertools.permutations(shapes):
        assert broadcast_shapes(*order) == expected


@pytest.mark.parametrize("shapes", [[(None,), (2,)], [(None,), (0,)], [(None, 3), (None, 4)], [(3, None), (None, 3)]])
def test_the_batch_axis_is_no_number(shapes):
    with pytest.raises(ValueError, match="do not broadcast together"):
        broadcast_shapes(*shapes)


def test_arithmetic_takes_the_widest_float():
    for some in itertools.product(DTYPES, repeat=2):
        floats = [d for d in some if d.kind == "f"]
        assert promote(*some) == (max(floats, key=lambda d: d.itemsize) if floats else np.float32)
    assert promote() == np.float32
    assert [is_real(d) for d in DTYPES] == [True] * 3 + [False] * 4


def test_a_spec_knows_numbers_and_text():
    spec = sc.Spec((None, 1, 28), np.dtype("float32"))
    assert str(spec) == "(None, 1, 28) float32"
    assert spec.bind(0) == (0, 1, 28)
    assert spec.bind(7) == (7, 1, 28)
    assert spec == sc.Spec([None, np.int64(1), 28], "float32")
    assert hash(spec) == hash(sc.Spec((None, 1, 28), np.float32))
    assert spec != sc.Spec((None, 1, 28), np.dtype("float64"))
    with pytest.raises(AttributeError):
        spec.shape = ()


def test_axes_in_their_normal_form():
    assert normal_axes(None, 3) == (0, 1, 2)
    assert (
        normal_axes(-1, 3) == normal_axes([2], 3) == normal_axes(np.array([2]), 3) == normal_axes(np.int8(2), 3) == (2,)
    )
    assert normal_axes((2, 0), 3) == normal_axes([-1, 0], 3) == (0, 2)
    assert normal_axes((), 3) == normal_axes(None, 0) == ()


@pytest.mark.parametrize("wrong", [3, -4, (0, 3), (0, 0), (0, -3), 1.0, "0", True, (None,), [[0]]])
def test_axes_that_are_none(wrong):
    with pytest.raises(ValueError, match="axis"):
        normal_axes(wrong, 3)


def test_shapes_in_other_containers():
    assert as_shape(3, "x") == as_shape([3], "x") == as_shape(np.array([3]), "x") == as_shape(np.array(3), "x") == (3,)
    assert as_shape((), "x") == as_shape([], "x") == ()
    assert as_shape((None, 0), "x") == (None, 0)
    assert as_shape(None, "x") == (None,)


@pytest.mark.parametrize("wrong", [-1, 2.0, True, "3", (1, -1), [2.5], np.array([1.5])])
def test_shapes_that_are_none(wrong, refused):
    with refused((TypeError, ValueError), "a size in the shape of my array is"):
        as_shape(wrong, "the shape of my array")
