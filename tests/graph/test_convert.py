"""What may stand where an input or an attribute is expected, and what becomes of it."""

import enum
import types

import numpy as np
import pytest
from user_nodes import Blend, Scaled

import symcnn as sc

X = sc.Input("x", (None, 3))


# What stands where an input is expected ------------------------------------------------------------------


def test_numbers_take_the_dtype_of_the_nodes_beside_them():
    for dtype in ("float16", "float32", "float64"):
        x = sc.Input("x", (2,), dtype)
        for number in (2, 2.5, -1, np.sqrt(64), np.float32(0.5), np.float16(2), np.int64(3), np.uint8(255)):
            assert (x * number).dtype == (number * x).dtype == (x * number).inputs[1].dtype == dtype
    y = sc.Input("y", (2,), "int64")
    assert (y * 2.5).dtype == np.float32
    assert sc.equal(y, 3).inputs[1].dtype == np.int64
    assert sc.Sigmoid(0.5).dtype == np.float64


def test_a_number_of_numpy_is_a_number_and_an_array_is_an_array():
    for number in (np.sqrt(64), np.ones(3).mean(), np.ones(3).sum(), np.float64("nan")):
        assert (X / number).dtype == sc.maximum(X, number).dtype == sc.where(X > 0, X, number).dtype == np.float32
    x = sc.Input("x", (2,), "float32")
    np.testing.assert_array_equal(sc.compile(x / np.sqrt(64))(x=[8, 1]), np.float32([1, 0.125]))
    assert sc.as_node(np.float64(2), np.dtype("float16")).dtype == np.float16
    assert sc.Const(np.float64(2)).dtype == np.float64


@pytest.mark.parametrize(
    ("build", "slot"),
    [
        (lambda x, y: (y == 3) * x, "Mul: its input a is False"),
        (lambda x, y: x * (y == 3), "Mul: its input b is False"),
        (lambda x, y: x + (x != y), "Add: its input b is True"),
        (lambda x, y: sc.where(y == 3, x, 0), "Where: its input condition is False"),
        (lambda x, y: sc.where(y > 3, y == 4, 0), "Where: its input a is False"),
        (lambda x, y: sc.mean(y != 3), "Mean: its input x is True"),
        (lambda x, y: sc.cast(y == 3, "float32"), "what was given is False"),
        (lambda x, y: x @ np.bool_(True), "what was given is True"),
        (lambda x, y: sc.concat([x, x == y]), "concat: an input is False"),
        (lambda x, y: x > True, "Greater: its input b is True"),
        (lambda x, y: sc.squared_error(x, x == y), "the targets is False"),
        (lambda x, y: sc.grad(sc.sum(x), x, seed=x == x), "the seed is True"),
    ],
)
def test_what_equality_gives_is_no_operand(build, slot, refused):
    """It is identity: a mask written with it was 0 everywhere, without a word."""
    x, y = sc.Input("x", (None, 3)), sc.Input("y", (None, 3), "int64")
    with refused(TypeError, slot, "sc.equal(a, b)"):
        build(x, y)


def test_lists_of_numbers_are_arrays():
    node = X - [-1, -2, -3]
    assert [i.shape for i in node.inputs] == [(None, 3), (3,)]
    np.testing.assert_array_equal(sc.compile(node)(x=[[1, 1, 1]]), [[2, 3, 4]])
    np.testing.assert_array_equal(sc.compile(sc.Sigmoid([0, 0]))(), [0.5, 0.5])
    np.testing.assert_array_equal(sc.compile(X * (2, 3, 4))(x=[[1, 1, 1]]), [[2, 3, 4]])


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        (lambda: X + None, "Add: its input b is None; expected a node, a number or an array"),
        (lambda: None * X, "Mul: its input a is None"),
        (lambda: sc.Sigmoid(None, name="a1"), "Sigmoid 'a1': its input z is None"),
        (lambda: sc.where(X > 0, None, 0), "Where: its input a is None"),
        (lambda: sc.Conv(X, None), "Conv: its input w is None"),
        (lambda: X + "a", "Add: its input b is 'a'"),
        (lambda: X * [X, X], "Mul: its input b is made of nodes"),
        (lambda: sc.sigmoid([X]), "Sigmoid: its input z is made of nodes"),
        (lambda: sc.sigmoid((X, X)), "sc.concat([...]) joins nodes"),
        (lambda: X + {}, "Add: its input b is {}"),
        (lambda: X @ object(), "object"),
        (lambda: X**sc.Sigmoid, "Pow: its input y"),
        (lambda: X > "len", "Greater: its input b"),
        (lambda: Blend(X), "Blend: its input xs is Input 'x'; expected a tuple of nodes"),
        (lambda: Blend(None), "Blend: its input xs is None"),
        (lambda: Blend([X, None]), "Blend: its input xs is None"),
        (lambda: Blend([X, "a"]), "Blend: its input xs is 'a'"),
        (lambda: Blend(3), "Blend: its input xs is 3"),
        (lambda: sc.Concat(X), "Concat: its input xs is Input 'x'"),
        (lambda: Scaled(X, X), "Scaled: its attribute k is Input 'x'"),
        (lambda: Scaled(X, (1, (2, X))), "annotate it so: k: sc.Node"),
    ],
)
def test_what_is_no_input_is_refused(build, problem, refused):
    with refused(TypeError, problem):
        build()


def test_missing_and_unknown_arguments_are_pythons_own_errors():
    for build in (lambda: sc.Sigmoid(), lambda: sc.Sigmoid(X, X), lambda: sc.Sigmoid(X, nam="a"), lambda: Scaled(X)):
        with pytest.raises(TypeError, match="argument"):
            build()


def test_optional_and_repeated_inputs():
    both = Blend([X, 2 * X], 3 * X)
    assert len(both.inputs) == 3
    assert len(Blend((X,)).inputs) == 1
    value, error = sc.compile([both, sc.grad(sc.sum(both), X)])(x=[[1, 2, 3]])
    np.testing.assert_array_equal(value, [[6, 12, 18]])
    np.testing.assert_array_equal(error, [[6, 6, 6]])
    assert Blend([np.ones(3), X, 1]).shape == (None, 3)


# What stands where an attribute is expected --------------------------------------------------------------


class Colour(enum.Enum):
    RED = 1


class Holding(sc.Node):
    z: sc.Node
    held: object = None

    def forward(self, xp, z):
        return z + 0


def test_attributes_of_any_kind_that_cannot_change():
    for held in (
        "text",
        3,
        None,
        2.5,
        (1, ("a", None)),
        frozenset({1}),
        Colour.RED,
        np.dtype("f4"),
        slice(None).stop,
        len,
        int,
    ):
        assert Holding(X, held).held == held
        assert Holding(X, held) is Holding(X, held)
    assert Holding(X, [1, [2, np.int64(3)]]).held == (1, (2, 3))
    assert type(Holding(X, np.float32(2)).held) is float
    assert type(Holding(X, np.True_).held) is bool
    one, same, other = np.arange(3), np.arange(3), np.arange(1, 4)
    for array in (one, same, other):
        array.flags.writeable = False
    assert Holding(X, one) is Holding(X, same)
    assert Holding(X, one) is not Holding(X, other)


@pytest.mark.parametrize("held", [{}, set(), bytearray(b"a"), np.ones(3), [{}], types.SimpleNamespace()])
def test_attributes_that_can_change_are_refused(held, refused):
    if isinstance(held, types.SimpleNamespace):
        held.__hash__ = None
    with refused(TypeError, "Holding 'h': an attribute that can change", "sc.Const(array)"):
        Holding(X, held, name="h")
