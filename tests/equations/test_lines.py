"""The equation of one node, alone and within a sweep."""

import copy
import pickle

import numpy as np
import pytest
from user_nodes import Blend, Scaled

import symcnn as sc


def test_a_node_alone_has_the_names_of_the_network_upstream(make):
    J = make["tutorial"]()
    named = {str(node.equation): node.equation.note for node in J.graph().order if node.inputs}
    assert named == {
        "z1 = x * rot90(W1, 2) + b1": "conv1",
        "a1 = σ(z1)": "",
        "p1 = mean₂ₓ₂(a1)": "",
        "v1 = p1": "",
        "z2 = W2 p1 + b2": "out",
        "v1 = −log softmax(z2)[y]": "",
        "J = mean(−log softmax(z2)[y])": "",
    }


def test_a_node_within_the_sweep(make):
    J = make["residual"]()
    back = sc.backprop(J)
    a1 = next(node for node in J.graph().order if isinstance(node, sc.Relu))
    assert str(back.equation(a1)) == (
        """\
Forward
   a1 = max(0, z1)                         (N, 8, 12, 12)
Errors
δ(a1) = δ(v1) + crop_1(δ(z2) *_full W2)    (N, 8, 12, 12)
Sent
δ(z1) = where(z1 > 0, δ(a1), 0)            (N, 8, 12, 12)"""
    )
    added = back.equation(next(node for node in J.graph().order if isinstance(node, sc.Add)))
    assert [str(e) for e in added.sent] == ["δ(a1) += δ(v1)", "δ(z3) = δ(v1)"]
    assert r"\delta(a_{1}) &\mathrel{+}= \delta(v_{1})" in added.latex and added.sent[0].latex.count("{+}=") == 1
    assert "δ(a1) += δ(v1)" in str(added) and "δ(z3)  = δ(v1)" in str(added)


def test_named_nodes_have_the_lines_of_the_whole(network):
    back = sc.backprop(network)
    whole = {e.left: e for e in back.equations()}
    for node in network.graph().order:
        for e in [*back.equation(node).forward, *back.equation(node).errors, *back.equation(node).gradients]:
            assert e.left not in whole or (e.right, e.shape, e.note) == (
                whole[e.left].right,
                whole[e.left].shape,
                whole[e.left].note,
            )


def test_an_inner_node_gets_a_name_of_its_own(make):
    J = make["residual"]()
    back = sc.backprop(J)
    flat = next(node for node in J.graph().order if isinstance(node, sc.Reshape))
    assert [str(e) for e in back.equation(flat)] == ["v2 = p3", "δ(v2) = W4ᵀ δ(z4)", "δ(p3) = δ(v2)"]
    loss = next(node for node in J.graph().order if isinstance(node, sc.SoftmaxCrossEntropy))
    assert [str(e) for e in back.equation(loss)] == (
        ["v2 = −log softmax(z4)[y]", "δ(v2) = 1 / N", "δ(z4) = δ(v2) · (softmax(z4) − 1[y])"]
    )
    assert "v2" not in str(back.equations())


def test_what_is_not_computed():
    x, y = sc.Input("x", (None, 3)), sc.Input("y", (None, 3))
    w, c = sc.Param("layer.W", np.ones(3)), sc.Const([1.0, 2.0, 3.0])
    large = sc.Const(np.arange(12.0).reshape(4, 3), name="table")
    J = sc.mean(x * w * c - sc.sum(large)) + sc.mean(y)
    back = sc.backprop(J)
    assert [str(n.equation) for n in (x, w, c, large)] == ["x = given", "W = learned", "c = [1, 2, 3]", "table = fixed"]
    assert w.equation.note == "layer.W" and x.equation.latex == r"x = \text{given}"
    assert sc.batch_size().equation.latex == r"N = \text{number of examples}"
    assert list(back.equation(w).parts) == ["Forward", "Gradients"] and str(back.equation(w)[0]) == "W = learned"
    assert list(back.equation(x).parts) == ["Forward", "Errors"] and back.equation(x).errors[0].note == "not needed"
    assert [str(e) for e in back.equation(c)] == ["c1 = [1, 2, 3]"]
    labels = sc.Input("labels", (None,), "int64")
    loss = sc.softmax_cross_entropy(x * w, labels)
    assert [str(e) for e in sc.backprop(loss).equation(labels)] == ["labels = given"]
    assert str(sc.backprop(w, sc.Const(np.ones(3))).equation(w)[0]) == "W = learned"


def test_a_node_that_is_no_part_is_named(refused):
    x = sc.Input("x", (3,))
    back = sc.backprop(sc.sum(sc.exp(x)))
    with refused(sc.errors.GraphError, "Log 'mine' (3,) is no part of what Sum is computed from", "node.equation"):
        back.equation(sc.Log(x, name="mine"))
    with refused(sc.errors.DTypeError, "an equation is of a node; got 'x'"):
        back.equation("x")


def test_users_nodes():
    x = sc.Input("x", (None, 3))
    scaled = Scaled(x, 2.0)
    assert str(scaled.equation) == "v1 = Scaled(x, k=2, c=0.5)" and scaled.equation.latex == r"v_{1} = 2 \, x + 0.5"
    assert str(Blend((scaled, x), x, name="all").equation) == "all = Blend(Scaled(x, k=2, c=0.5), x, x)"
    found = sc.backprop(sc.sum(Blend((scaled, x)))).equation(scaled)
    assert [str(e) for e in found] == ["v1 = Scaled(x, k=2, c=0.5)", "δ(v1) = 1", "δ(x) += 2"]


def test_names_that_mean_something_elsewhere_are_safe():
    for name in ("<lambda>", "\\", "c:1", '"', "&", "größe 名前", "\ud800", "$x$", "a_b^c", "}{", "'"):
        x = sc.Input(name, (None, 2))
        shown = sc.dense(x, 2, name=name, seed=0).equation
        assert str(shown) and shown.latex and shown.mathml.encode()
        assert sc.backprop(sc.sum(sc.exp(x))).equations().mathml.encode()


def test_nothing_is_lost_by_looking():
    x = sc.Input("x", (None, 3))
    a = sc.sigmoid(x)
    assert str(a.equation) == str(pickle.loads(pickle.dumps(a)).equation) == str(copy.deepcopy(a).equation)


def test_a_repr_in_a_notebook_never_raises():
    class Odd(sc.Node):
        x: sc.Node
        text = "odd({x})"
        latex = "{nothing}"

        def forward(self, xp, x):
            return x

        def backward(self, delta):
            return (delta,)

    node = Odd(sc.Input("x", (3,)))
    equations = sc.backprop(sc.sum(node)).equations()
    assert repr(node.equation) == "v1 = odd(x)"
    for shown in (node, node.equation, equations):
        text = f"{shown!r}\n(shown as text alone: Odd: the latex template '{{nothing}}' shows {{nothing}}"
        (mime, plain), *others = shown._repr_mimebundle_().items()
        assert mime == "text/plain" and plain.startswith(text) and not others
    with pytest.raises(sc.errors.NodeTypeError, match=r"shows \{nothing\}"):
        _ = node.equation.latex


def test_the_end_of_a_long_chain(make):
    assert str(make["chain"](3000).equation) == "J = mean(a1500)"
