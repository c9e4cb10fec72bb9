"""`Node`: rules that break their contract are told so, and a node describes itself."""

import gc

import numpy as np
import pytest
from user_nodes import Blend, Scaled

import symcnn as sc

X = sc.Input("x", (None, 3))


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
        sc.compile(node, backend="numpy")(x=np.ones((2, 3)))
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

    with pytest.raises(sc.errors.NodeTypeError, match="the backward rule failed: ZeroDivisionError\n"):
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
