"""`Node`: interning, what may stand where an input or an attribute is expected, and node types of the user's own."""

import enum
import gc
import sys
import types
import weakref

import numpy as np
import pytest

import symcnn as sc

X = sc.Input("x", (None, 3))


class Scaled(sc.Node):
    """k z + c: an attribute with a default value, and one without."""

    z: sc.Node
    k: float
    c: float = 0.5
    latex = r"{k} \, {z} + {c}"

    def forward(self, xp, z):
        return self.k * z + self.c

    def backward(self, delta):
        return (self.k * delta,)


class Blend(sc.Node):
    """The sum of any number of nodes, plus one more where it is given."""

    xs: tuple[sc.Node, ...]
    more: sc.Node | None = None

    def forward(self, xp, *xs):
        return sum(xs[1:], start=xs[0])

    def backward(self, delta):
        return (delta,) * len(self.inputs)


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


# What stands where an input is expected ------------------------------------------------------------------


def test_numbers_take_the_dtype_of_the_nodes_beside_them():
    for dtype in ("float16", "float32", "float64"):
        x = sc.Input("x", (2,), dtype)
        for number in (2, 2.5, True, -1):
            assert (x * number).dtype == (number * x).dtype == (x * number).inputs[1].dtype == dtype
    y = sc.Input("y", (2,), "int64")
    assert (y * 2.5).dtype == np.float32
    assert sc.equal(y, 3).inputs[1].dtype == np.int64
    assert sc.Sigmoid(0.5).dtype == np.float64


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
template attributes with_inputs node_fields latex text symbol binding ufunc elementwise samples"""


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


# Rules that break their contract ---------------------------------------------------------------------------


def broken(**body):
    """A node type with the given rules, over one input."""
    return type(sc.Node)("Broken", (sc.Node,), {"__annotations__": {"z": sc.Node}, "__module__": __name__, **body})


@pytest.mark.parametrize(
    ("infer", "kind", "problem"),
    [
        (lambda self: (3,), TypeError, "Broken 'b': infer returned (3,), not a Spec(shape, dtype)"),
        (lambda self: None, TypeError, "Broken 'b': infer returned None"),
        (lambda self: sc.Spec((-1,), np.dtype("f4")), ValueError, "Broken 'b': its shape would be (-1,)"),
        (lambda self: sc.Spec((2.0,), np.dtype("f4")), ValueError, "Broken 'b': its shape would be (2.0,)"),
        (lambda self: sc.Spec((True,), np.dtype("f4")), ValueError, "Broken 'b': its shape would be (True,)"),
    ],
)
def test_shape_rules_that_break_their_contract(infer, kind, problem, refused):
    with refused(kind, problem):
        broken(infer=infer)(X, name="b")


def test_shape_rules_may_use_numpys_integers_and_names_of_dtypes():
    node = broken(infer=lambda self: sc.Spec([None, np.int64(2)], "float32"))(X)
    assert node.spec == sc.Spec((None, 2), np.dtype("float32"))
    assert all(type(d) is int for d in node.shape[1:])


def overwriting(self, xp, z):
    z *= 2
    return z


@pytest.mark.parametrize(
    ("forward", "problem"),
    [
        (lambda self, xp, z: z[:1], "the forward rule returned (1, 3) float32; infer promised (2, 3) float32"),
        (lambda self, xp, z: z.astype("float64"), "returned (2, 3) float64; infer promised (2, 3) float32"),
        (lambda self, xp, z: None, "returned () object"),
        (lambda self, xp, z: 1 / 0, "the forward rule failed: ZeroDivisionError: division by zero"),
        (lambda self, xp, z: xp.nothing(z), "the forward rule failed: AttributeError"),
        (lambda self, xp: 0, "the forward rule failed: TypeError"),
        (overwriting, "the forward rule failed: ValueError: output array is read-only"),
    ],
)
def test_forward_rules_that_break_their_contract(forward, problem, refused):
    w = sc.Param("w", np.ones(3, np.float32))
    node = broken(forward=forward)(X + w, name="b")
    with refused(TypeError, "Broken 'b'", problem):
        sc.compile(node)(x=np.ones((2, 3)))
    np.testing.assert_array_equal(w.value, [1, 1, 1])


def test_a_forward_rule_cannot_write_into_parameters_and_constants(refused):
    w = sc.Param("w", np.ones(3))
    for leaf in (w, sc.Const([1.0, 2])):
        with refused(TypeError, "Broken", "output array is read-only"):
            sc.compile(broken(forward=overwriting)(leaf))()
    np.testing.assert_array_equal(w.value, [1, 1, 1])


def test_a_forward_rule_may_return_its_input():
    x, w = sc.Input("x", (3,)), sc.Param("w", np.ones(3, np.float32))
    same = broken(forward=lambda self, xp, z: z)
    f = sc.compile([same(x), same(w) * 2, same(x + w)])
    f(x=[1, 2, 3])[0][...] = 7
    np.testing.assert_array_equal(np.array(f(x=[1, 2, 3])), [[1, 2, 3], [2, 2, 2], [2, 3, 4]])
    np.testing.assert_array_equal(w.value, [1, 1, 1])


@pytest.mark.parametrize(
    ("backward", "problem"),
    [
        (lambda self, delta: delta, "returned a node; expected a tuple"),
        (lambda self, delta: None, "returned a NoneType"),
        (lambda self, delta: (), "returned 0 errors; expected 1"),
        (lambda self, delta: (delta, delta), "returned 2 errors; expected 1"),
        (lambda self, delta: (np.ones(3),), "returned a ndarray; expected nodes"),
        (lambda self, delta: (sc.sum(delta),), "returned an error of shape () for Input 'x'; expected (None, 3)"),
    ],
)
def test_backward_rules_that_break_their_contract(backward, problem, refused):
    node = broken(backward=backward, forward=lambda self, xp, z: z)(X, name="b")
    with refused(TypeError, "Broken 'b': the backward rule", problem, "the rule is at"):
        sc.grad(sc.sum(node), X)


def test_rules_that_are_missing(refused):
    for build in (sc.Node, type(sc.Node)("Nothing", (sc.Node,), {"__module__": __name__})):
        with refused(TypeError, build.__name__, "there is no input to take its shape from", "infer(self)"):
            build()
    node = broken()(X, name="b")
    with refused(TypeError, "Broken 'b'", "has no forward(self, xp, ...) rule"):
        sc.compile(node)(x=np.ones((1, 3)))
    with refused(TypeError, "Broken 'b'", "has no backward(self, delta) rule"):
        sc.grad(sc.sum(node), X)
    with pytest.raises(sc.errors.NodeTypeError, match="Scaled has attributes or a shape rule: declare samples"):
        Scaled.samples()


def test_a_rule_that_is_left_with_an_error_leaves_no_trace():
    def failing(self, delta):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sc.grad(sc.sum(broken(backward=failing)(X)), X)
    assert gc.isenabled()
    assert (X + 5).site.rule == ""


# What a node says of itself --------------------------------------------------------------------------------


def test_a_node_describes_itself():
    node = Scaled(X, 2.0, name="s")
    assert repr(node) == "Scaled(x, k=2.0, c=0.5, name='s'): (None, 3) float32"
    assert node.label == "Scaled 's'"
    assert Scaled(X, 2.0).label == "Scaled"
    assert (node.shape, node.dtype, node.ndim) == ((None, 3), np.float32, 2)
    assert node.spec == sc.Spec((None, 3), np.dtype("float32"))
    assert node.inputs == (X,)
    assert node.attributes == {"k": 2.0, "c": 0.5}
    assert node.parts() == {"name": "s", "z": X, "k": 2.0, "c": 0.5}
    assert broken()(X).template("text") == "Broken({z})"
    assert node.template("latex") == r"{k} \, {z} + {c}"


def test_many_inputs_are_shown_in_short():
    assert repr(Blend([X] * 100)) == "Blend(x, x, x, x, x, x, ... 94 more): (None, 3) float32"


def test_long_names_are_shown_in_short():
    node = Scaled(sc.Input("n" * 10_000, ()), 2.0, name="m" * 10_000)
    assert len(repr(node)) < 300
    assert len(node.label) < 100
    assert node.name == "m" * 10_000


def test_the_same_node_over_other_inputs():
    y = sc.Input("y", (None, 3))
    assert Scaled(X, 2.0, name="s").with_inputs([y]) is Scaled(y, 2.0, name="s")
    assert Blend([X, X], y).with_inputs([y, X, X]) is Blend([y, X], X)
    assert Blend([X, X]).with_inputs([y, y]) is Blend([y, y])


def test_a_node_never_changes(refused):
    node = sc.Sigmoid(X, name="a1")
    for name in ("z", "name", "shape", "anything"):
        with refused(AttributeError, "Sigmoid 'a1'", f"'{name}' cannot be changed"):
            setattr(node, name, None)
        with refused(AttributeError, "Sigmoid 'a1'", f"'{name}' cannot be changed"):
            delattr(node, name)
    assert (node.z, node.name) == (X, "a1")
