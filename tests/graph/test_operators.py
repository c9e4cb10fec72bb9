"""The operators of nodes, and NumPy's functions on nodes."""

import operator

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.operators import UFUNCS, is_node

X = sc.Input("x", (2, 3), "float64")
Y = sc.Input("y", (2, 3), "float64")
FEEDS = {"x": np.array([[1.0, 2, 3], [4, 5, 6]]), "y": np.array([[2.0, 2, 2], [0.5, 7, 6]])}

BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod,
    operator.gt, operator.ge, operator.lt, operator.le,
]  # fmt: skip


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
def test_operators_are_numpys(op):
    x, y = FEEDS["x"], FEEDS["y"]
    pairs = [
        (op(X, Y), op(x, y)),
        (op(X, 2), op(x, 2)),
        (op(2.5, X), op(2.5, x)),
        (op(X, np.array([1.0, 2, 3])), op(x, [1.0, 2, 3])),
        (op(np.array([1.0, 2, 3]), X), op(np.array([1.0, 2, 3]), x)),
        (op([1.0, 2, 3], X), op(np.array([1.0, 2, 3]), x)),
        (op(np.float64(2), X), op(2, x)),
        (op(X, X), op(x, x)),
    ]
    values = sc.compile([node for node, _ in pairs] + [X, Y])(FEEDS)
    for value, (node, expected) in zip(values[:-2], pairs, strict=True):
        assert node.dtype == expected.dtype
        np.testing.assert_allclose(value, expected)


def test_matrix_products_are_numpys():
    x, turned = FEEDS["x"], FEEDS["y"].T
    v = np.array([1.0, 2, 3])
    nodes = [X @ sc.transpose(Y), X @ v, [1.0, 2] @ X, np.ones((4, 2)) @ X, sc.Const(v) @ v]
    expected = [x @ turned, x @ v, np.array([1.0, 2]) @ x, np.ones((4, 2)) @ x, v @ v]
    for value, right in zip(sc.compile([*nodes, X, Y])(FEEDS)[:-2], expected, strict=True):
        np.testing.assert_allclose(value, right)


def test_unary_operators():
    assert +X is X
    values = sc.compile([-X, abs(-X)])(x=FEEDS["x"])
    np.testing.assert_array_equal(values[0], -FEEDS["x"])
    np.testing.assert_array_equal(values[1], FEEDS["x"])


@pytest.mark.parametrize("ufunc", list(UFUNCS), ids=lambda u: u.__name__)
def test_numpys_functions_build_nodes(ufunc):
    arguments = (X, sc.transpose(Y)) if ufunc is np.matmul else (X, Y)[: ufunc.nin]
    arrays = (FEEDS["x"], FEEDS["y"].T if ufunc is np.matmul else FEEDS["y"])[: ufunc.nin]
    if ufunc in (np.arcsin, np.arccos, np.arctanh):
        arguments, arrays = (X / 10,), (FEEDS["x"] / 10,)
    if ufunc.__name__.startswith(("logical", "bitwise", "invert")):
        arguments, arrays = ([a > 3 for a in both] for both in (arguments, arrays))
    node = ufunc(*arguments)
    assert is_node(node)
    np.testing.assert_allclose(sc.compile([node, X, Y])(FEEDS)[0], ufunc(*arrays))


def test_numpys_functions_take_arrays_on_either_side():
    values = sc.compile([np.maximum(X, 3), np.add([1.0, 2, 3], X), np.power(2.0, X)])(x=FEEDS["x"])
    np.testing.assert_array_equal(values[0], np.maximum(FEEDS["x"], 3))
    np.testing.assert_array_equal(values[1], FEEDS["x"] + [1, 2, 3])
    np.testing.assert_array_equal(values[2], 2 ** FEEDS["x"])


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: np.arctan2(X, X), "numpy.arctan2 has no node type"),
        (lambda: np.add.reduce(X), "numpy.add.reduce"),
        (lambda: np.add(X, 1, out=np.zeros((2, 3))), "numpy.add with out has no node type"),
        (lambda: np.add(X, 1, where=np.ones((2, 3), bool)), "numpy.add with where"),
        (lambda: np.add(X, 1, dtype="float32"), "numpy.add with dtype"),
        (lambda: np.sum(X), "numpy.sum takes no nodes"),
        (lambda: np.zeros((2, 3)) // X, "numpy.floor_divide has no node type\n  use sc.floor(a / b)"),
    ],
)
def test_functions_without_a_node_say_which_have_one(call, problem, refused):
    with refused(TypeError, problem):
        call()


def test_in_place_operators_make_new_nodes():
    node = before = X
    node += 1
    node *= 2
    assert before is X
    np.testing.assert_array_equal(sc.compile(node)(x=FEEDS["x"]), 2 * (FEEDS["x"] + 1))


def test_arrays_are_not_written_by_in_place_operators():
    array = np.ones((2, 3))
    with pytest.raises(TypeError):
        array += X
    np.testing.assert_array_equal(array, np.ones((2, 3)))


def test_equality_is_identity():
    assert (X == X) is True
    assert (X == Y) is False
    assert (X != Y) is True
    assert X in {X: 1}
    assert isinstance(np.equal(X, Y), sc.Equal)


@pytest.mark.parametrize(
    ("ask", "hint"),
    [
        (bool, "sc.where(condition, a, b)"),
        (lambda x: x and 1, "sc.where(condition, a, b)"),
        (lambda x: 1 if x > 0 else 2, "sc.where(condition, a, b)"),
        (lambda x: 0 < x < 1, "sc.where(condition, a, b)"),
        (lambda x: max(x, x + 1), "sc.where(condition, a, b)"),
        (list, "slice it"),
        (sum, "slice it"),
        (lambda x: [*x], "slice it"),
        (np.array, "sc.compile(node)(x=...)"),
        (np.asarray, "sc.compile(node)(x=...)"),
        (np.mean, "sc.compile(node)(x=...)"),
        (lambda x: np.zeros(3).dot(x), "sc.compile(node)(x=...)"),
    ],
)
def test_what_a_node_is_not(ask, hint, refused):
    with refused(TypeError, hint):
        ask(X)


@pytest.mark.parametrize("ask", [float, int, len, round, lambda x: 1 in x, lambda x: x(1)])
def test_pythons_own_errors(ask):
    with pytest.raises(TypeError):
        ask(X)


@pytest.mark.parametrize("op", [operator.floordiv, operator.lshift, divmod])
def test_operators_that_nodes_do_not_have(op):
    with pytest.raises(TypeError, match="unsupported operand"):
        op(X, 2)


def test_only_nodes_are_nodes():
    assert is_node(X)
    assert not is_node(np.ones(3))
    assert not is_node(sc.Input)
