"""`NodeType`: interning, and node types of the user's own in every spelling."""

import gc
import sys
import types
import weakref

import numpy as np
import pytest
from user_nodes import Blend, Scaled

import symcnn as sc

X = sc.Input("x", (None, 3))


# One object for one value ------------------------------------------------------------------------------


def test_the_same_type_and_arguments_are_one_object():
    assert sc.Sigmoid(X) is sc.Sigmoid(X) is sc.Sigmoid(z=X) is sc.sigmoid(X)
    assert X + 1 is X + 1
    assert (
        sc.Pool(X[:, None], (1, 3))
        is sc.Pool(X[:, None], [1, np.int64(3)], "mean")
        is sc.Pool(X[:, None], (1, 3), mode="mean")
    )
    assert Scaled(X, 2.0) is Scaled(X, 2.0, 0.5) is Scaled(X, np.float64(2), c=0.5)
    assert Blend([X, X]) is Blend((X, X)) is Blend((X, X), None)
    assert X + np.ones(3) is X + np.ones(3)


def test_other_arguments_are_another_object():
    assert sc.Sigmoid(X) is not sc.Tanh(X)
    assert sc.Sigmoid(X) is not sc.Sigmoid(X, name="a1")
    assert sc.Sigmoid(X) is not sc.Sigmoid(sc.Input("x", (None, 3)))
    assert X + 1 is not 1 + X
    assert X + np.ones(3, "float32") is not X + np.ones(3)
    assert X * 0.0 is not X * -0.0
    kinds = [Scaled(X, 1), Scaled(X, 1.0), Scaled(X, True), Scaled(X, 1.0, c=1)]
    assert len({id(node) for node in kinds}) == 4


@pytest.mark.parametrize("kind", [float, complex, lambda k: (1, k), lambda k: frozenset({k})])
def test_0_and_minus_0_are_two_values(kind):
    assert Scaled(X, kind(0.0)) is Scaled(X, kind(0.0))
    assert Scaled(X, kind(0.0)) is not Scaled(X, kind(-0.0))
    assert sc.Const([0.0]) is not sc.Const([-0.0])


def test_nan_is_one_value():
    assert Scaled(X, np.nan) is Scaled(X, float("nan"))
    assert X + np.nan is X + np.nan


def test_nodes_are_compared_by_identity():
    a = sc.tanh(X)
    assert a == sc.tanh(X)
    assert a != sc.tanh(sc.tanh(X))
    assert {a: 1}[sc.tanh(X)] == 1
    assert a in [X, sc.tanh(X)]


def test_a_node_that_nobody_holds_is_forgotten():
    node = sc.tanh(sc.Input("gone", (2,)))
    seen = weakref.ref(node)
    del node
    gc.collect()
    assert seen() is None


def test_a_node_remembers_the_line_where_it_was_first_made():
    first = sc.exp(X + 7)
    again = sc.exp(X + 7)
    assert again is first
    assert first.site.line == test_a_node_remembers_the_line_where_it_was_first_made.__code__.co_firstlineno + 1


# Node types of the user's own ----------------------------------------------------------------------------

SOURCE = '''
{future}
import typing
import numpy as np
import symcnn as sc
from symcnn import Node

class Cubed(sc.Node):
    """z^3, with everything that a class body may hold."""
    z: {q}sc.Node{q}
    latex = r"{{{{z}}}}^3"
    text = "{{z}}^3"
    binding = 3
    constant: typing.ClassVar[float] = 3.0

    def forward(self, xp, z):
        return z * z * z

    def backward(self, delta):
        return (self.constant * self.z * self.z * delta,)


class Mixed(Node):
    first: {q}Node{q}
    factor: {q}float{q} = 2.0
    second: {q}Node | None{q} = None
    others: {q}tuple[Node, ...]{q} = ()
    third: {q}typing.Optional[Node]{q} = None
    label_text: {q}str{q} = "m"

    def forward(self, xp, first, *others):
        return self.factor * first + sum(others)

    def backward(self, delta):
        return (self.factor * delta,) + (delta,) * (len(self.inputs) - 1)


class Indexed(sc.Node):
    values: {q}list[sc.Node]{q}
    which: {q}int{q} = 0

    def infer(self):
        return self.values[self.which].spec

    def forward(self, xp, *values):
        return values[self.which] + 0

    def backward(self, delta):
        return [delta if i == self.which else None for i in range(len(self.values))]
'''


@pytest.fixture(params=["plain", "future", "quoted"])
def module(request, monkeypatch):
    """Node types in a module whose annotations are objects, or text because of __future__, or text in quotes."""
    future = "from __future__ import annotations" if request.param == "future" else ""
    q = '"' if request.param == "quoted" else ""
    made = types.ModuleType(f"users_{request.param}")
    monkeypatch.setitem(sys.modules, made.__name__, made)  # dataclasses look there for the names in annotations
    exec(compile(SOURCE.format(future=future, q=q), __file__, "exec", dont_inherit=True), vars(made))
    return made


def test_types_of_a_users_module(module):
    x, y = sc.Input("x", (None, 2), "float64"), sc.Input("y", (None, 2), "float64")
    given = np.array([[1.0, -2]])
    cubed = module.Cubed(x)
    assert module.Cubed.node_fields == ("z",)
    assert cubed.attributes == {}
    first = sc.grad(sc.sum(cubed), x)
    values = sc.compile([cubed, first, sc.grad(sc.sum(first), x)])(x=given)
    np.testing.assert_allclose(values, [given**3, 3 * given**2, 6 * given])

    assert module.Mixed.node_fields == ("first", "second", "others", "third")
    mixed = module.Mixed(x, second=y, others=[x, y], third=x)
    assert mixed.attributes == {"factor": 2.0, "label_text": "m"}
    assert mixed.inputs == (x, y, x, y, x)
    assert module.Mixed(x).inputs == (x,)
    value, dx, dy = sc.compile([mixed, *sc.grad(sc.sum(mixed), [x, y])])(x=given, y=10 * given)
    np.testing.assert_allclose(value, 24 * given)
    np.testing.assert_array_equal(dx, [[4, 4]])
    np.testing.assert_array_equal(dy, [[2, 2]])

    indexed = module.Indexed([x, y], which=1)
    assert indexed.inputs == (x, y)
    dx, dy = sc.compile([*sc.grad(sc.sum(indexed), [x, y], unconnected="zeros"), sc.sum(x)])(x=given)[:2]
    np.testing.assert_array_equal(dx, [[0, 0]])
    np.testing.assert_array_equal(dy, [[1, 1]])


TAKEN = """shape dtype ndim spec site label inputs params serial graph forward backward infer verify parts
template attributes equation with_inputs node_fields latex text symbol binding ufunc elementwise samples"""


@pytest.mark.parametrize("name", TAKEN.split())
def test_field_names_that_are_taken(name):
    for default in ({}, {name: 3}):
        body = {"__annotations__": {"z": sc.Node, name: int}, "__module__": __name__, **default}
        with pytest.raises(sc.errors.NodeTypeError, match=f"Clashing: the field name '{name}' is taken by Node"):
            type(sc.Node)("Clashing", (sc.Node,), body)


def test_node_types_lists_the_users_own_too():
    class Passing(sc.Node):
        z: sc.Node

    assert {Passing, sc.Sigmoid, sc.LogSoftmax} <= set(sc.node_types())
    assert len(set(sc.node_types())) == len(sc.node_types())


def test_a_type_derived_from_another_follows_its_own_rule():
    """NumPy's tanh computes `Tanh`; it must not compute what only looks like it."""

    class Steeper(sc.Tanh):
        def forward(self, xp, z):
            return xp.tanh(3 * z)

    class Renamed(sc.Tanh):
        symbol = "t"

    x = sc.Input("x", (2,))
    given = np.float32([0.5, -1])
    values = sc.compile([Steeper(x), Renamed(x), np.tanh(x)])(x=given)
    np.testing.assert_allclose(values, [np.tanh(3 * given), np.tanh(given), np.tanh(given)], rtol=1e-6)
    assert type(np.tanh(x)) is sc.Tanh
