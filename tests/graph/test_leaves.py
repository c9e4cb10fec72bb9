"""The leaves: what is fed, what is learned, what is fixed, and the size of the batch."""

import copy
import pickle

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.leaves import folded


def test_inputs_and_parameters_have_an_identity_of_their_own():
    assert sc.Input("x", (2,)) is not sc.Input("x", (2,))
    assert sc.Param("w", [1.0]) is not sc.Param("w", [1.0])
    a, b = sc.Param("w", [1.0]), sc.Param("w", [2.0])
    assert (a + b).params == [a, b]
    value, da, db = sc.compile([a * b, *sc.grad(sc.sum(a * b), [a, b])])()
    assert (value, da, db) == (2, 2, 1)


def test_constants_are_their_value():
    assert sc.Const([1.0, 2]) is sc.Const(np.array([1.0, 2]))
    assert sc.Const(1.0) is not sc.Const(1)
    assert sc.Const(1.0) is not sc.Const(np.float32(1))
    assert sc.Const(0.0) is not sc.Const(-0.0)
    assert sc.Const([1.0]) is not sc.Const(1.0)
    assert sc.Const(1.0, name="one") is not sc.Const(1.0)
    assert sc.Const(np.nan) is sc.Const(np.nan)


def test_an_input_of_any_rank():
    for shape in ((), (3,), (None,), (2, None), (None, 1, 28, 28), (0, 3)):
        x = sc.Input("x", shape)
        assert x.spec == sc.Spec(shape, np.dtype("float32"))
        assert x.inputs == ()
    assert (
        repr(sc.Input("x", (None, 3), "int8"))
        == "Input(shape=(None, 3), dtype=dtype('int8'), name='x'): (None, 3) int8"
    )


def test_a_parameter_counts_and_keeps_what_its_mask_leaves():
    w = sc.Param("w", [[1, 2], [3, 4]], mask=[[1, 0], [1, 1]])
    assert w.dtype == np.float32
    np.testing.assert_array_equal(w.value, [[1, 0], [3, 4]])
    assert w.size == 3
    assert sc.Param("w", np.ones((2, 3))).size == 6
    assert w.attributes == {}
    with pytest.raises(ValueError, match="read-only"):
        w.mask[0, 0] = False


def test_a_constant_says_what_fills_it():
    assert sc.Const(np.full((2, 3), 7)).uniform == 7
    assert sc.Const(3.5).uniform == 3.5
    assert sc.Const([1, 2]).uniform is None
    assert np.isnan(sc.Const(np.nan).uniform)
    assert np.isnan(sc.Const(np.full(3, np.nan)).uniform)
    assert str(sc.Const([-0.0, -0.0]).uniform) == "-0.0"
    assert sc.Const([0.0, -0.0]).uniform is None
    assert sc.Const([2**53 + 1] * 2).uniform == 2**53 + 1  # which float64 cannot hold
    assert sc.Const([True, True]).uniform is True
    assert sc.Const(np.zeros((0, 2))).uniform is None
    assert sc.Const(3.5).attributes == {"value": 3.5}
    assert sc.Const([1.0, 2]).attributes == {"value": "array(2,)"}


@pytest.mark.parametrize("again", [lambda x: pickle.loads(pickle.dumps(x)), copy.copy, copy.deepcopy])
def test_leaves_are_pickled_and_copied(again):
    x = again(sc.Input("x", (None, 2), "int64"))
    assert (x.name, x.shape, x.dtype) == ("x", (None, 2), np.int64)
    w = sc.Param("w", [1.0, 2], mask=[True, False])
    same = again(w)
    assert (same.name, same.size) == ("w", 1)
    np.testing.assert_array_equal(same.value, w.value)
    assert not np.shares_memory(same.value, w.value)
    same.value[0] = 9
    assert w.value[0] == 1
    c = sc.Const([1.0, 2], name="c")
    assert again(c) is c
    assert again(sc.batch_size()) is sc.batch_size()


def test_the_size_of_the_batch():
    x = sc.Input("x", (None, 2))
    f = sc.compile([sc.batch_size() + sc.sum(x), sc.batch_size("float64")])
    for n in (0, 1, 5, 300):
        both = f(x=np.zeros((n, 2)))
        assert both == [n, n]
        assert [v.dtype for v in both] == [np.float32, np.float64]
    assert sc.batch_size("float16").dtype == np.float32


@pytest.mark.parametrize("wrong", ["int32", "bool", "nope", None, "complex64"])
def test_the_size_of_the_batch_is_real(wrong, refused):
    with refused(TypeError, "BatchSize"):
        sc.batch_size(wrong)


def test_constants_are_folded_where_that_does_no_harm():
    x = sc.Input("x", (2,))
    assert folded(sc.Const(2.0) * 3).value == 6
    assert folded(x + 1) is None
    assert folded(x) is None
    assert folded(sc.broadcast_to(sc.Const(1.0), (1000, 1000))) is None  # much larger than what it is made of


def test_what_cannot_be_folded_is_told_by_the_run(refused):
    class Failing(sc.Node):
        z: sc.Node

        def forward(self, xp, z):
            raise ValueError("never")

    class Lying(sc.Node):
        z: sc.Node

        def forward(self, xp, z):
            return np.zeros(7)

    for build, problem in ((Failing, "ValueError: never"), (Lying, "returned (7,) float64; infer promised () float64")):
        assert folded(build(sc.Const(1.0))) is None
        with refused(TypeError, build.__name__, problem):
            sc.compile(build(sc.Const(1.0)))()
    empty = sc.mean(sc.Const(np.zeros(0)))
    assert folded(empty) is None
    with refused(ValueError, "Mean", "the mean of an empty batch"):
        sc.compile(empty)()


def test_folding_is_silent():
    with np.errstate(all="raise"):
        assert sc.compile(sc.log(sc.Const(0.0)))() == -np.inf
        assert np.isnan(sc.compile(sc.Const(np.inf) - np.inf)())
