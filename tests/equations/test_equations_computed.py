"""What is printed is true: an independent reader computes the equations, which is compared with the compiled graph."""

import numpy as np
import pytest
from equation_reader import BATCH, Reader
from hypothesis import given, settings
from hypothesis import strategies as st
from latex_reader import as_text
from user_nodes import Blend, Scaled

import symcnn as sc
from symcnn.equations.notation import Notation
from symcnn.graph.node import node_types

USERS = {
    "Scaled": lambda z, k, c=0.5: k * z + c,
    "Blend": lambda *xs: sum(xs),
}


def images(name="x", channels=1, size=12):
    return sc.Input(name, (None, channels, size, size), "float64")


def labels():
    return sc.Input("y", (None,), "int64")


def tutorial(mode="mean", before=True):
    """The tutorial's network, with the sigmoid before or after pooling."""
    z1 = sc.conv(images(), 5, 4 if before else 3, name="conv1", seed=0)
    size = (3, 3) if before else (2, 5)
    p1 = sc.pool(sc.sigmoid(z1), size, mode) if before else sc.sigmoid(sc.pool(z1, size, mode))
    return sc.softmax_cross_entropy(sc.dense(p1, 4, name="out", seed=0), labels())


def lenet5():
    x, t = images(size=16), sc.Input("t", (None, 4), "float64")
    s2 = sc.tanh(sc.scale(sc.mean_pool(sc.conv(x, 3, 5, name="C1", seed=0), 2), name="S2"))
    table = [[k % 3, (k + 1) % 3] for k in range(5)]
    s4 = sc.tanh(sc.scale(sc.mean_pool(sc.conv(s2, 5, 3, table=table, name="C3", seed=0), 2), name="S4"))
    c5 = sc.tanh(sc.conv(s4, 8, 2, name="C5", seed=0))
    f6 = sc.tanh(sc.dense(c5, 6, name="F6", seed=0))
    return sc.squared_error(sc.tanh(sc.dense(f6, 4, name="out", seed=0)), t)


def residual():
    h = sc.relu(sc.conv(images(channels=2), 5, 3, pad=1, name="stem", seed=0))
    w = sc.Param("W", np.random.default_rng(3).normal(size=(6, 5, 3, 3)))
    back = sc.Param("V", np.random.default_rng(4).normal(size=(5, 6, 3, 3)))
    out = sc.relu(h + sc.Conv(sc.pad(sc.relu(sc.Conv(sc.pad(h, 1), w)), 1), back))
    return sc.softmax_cross_entropy(sc.dense(sc.max_pool(out, 2), 4, name="fc", seed=0), labels())


def two_inputs():
    """Two inputs that share filters, two losses, and weight decay."""
    w = sc.Param("W", np.random.default_rng(5).normal(size=(4, 2, 3, 3)))
    seen = [sc.mean_pool(sc.sigmoid(sc.Conv(images(name, 2), w)), 5) for name in ("left", "right")]
    z = sc.dense(sc.concat(seen), 3, name="fc", seed=0)
    second = sc.squared_error(sc.dense(seen[0], 6, seed=1), sc.Input("t", (None, 6), "float64"))
    return sc.softmax_cross_entropy(z, labels()) + 0.5 * second + 0.01 * sc.sum(w * w)


def strided():
    x = images(channels=2, size=11)
    a1 = sc.sigmoid(sc.conv(x, 4, 3, stride=2, pad=1, name="edges", seed=0))
    z2 = sc.conv(a1, 8, 2, stride=3, seed=0)
    squares = sc.mean(sc.exp(z2) ** 2 + sc.exp(z2) * sc.exp(z2) + z2[:, 0:1] ** 2)
    return sc.softmax_cross_entropy(sc.dense(z2, 3, seed=0), labels()) + squares


def probabilities():
    x, t = sc.Input("x", (None, 5), "float64"), sc.Input("t", (None, 3), "float64")
    h = sc.softplus(sc.dense(x, 4, seed=0))
    soft = sc.binary_cross_entropy(sc.softmax(sc.dense(h, 3, seed=1)), sc.sigmoid(t))
    return soft + sc.binary_cross_entropy(sc.sigmoid(sc.dense(h, 3, seed=2)), sc.sigmoid(t))


def normalised():
    x, t = sc.Input("x", (None, 5), "float64"), sc.Input("t", (None, 3), "float64")
    h = sc.tanh(sc.dense(x, 4, seed=0))
    centred = h - sc.mean(h, axis=0, keepdims=True)
    shown = centred / sc.sqrt(1e-3 + sc.mean(centred * centred, axis=0, keepdims=True))
    return sc.squared_error(sc.log_softmax(sc.dense(shown, 3, seed=1)), t, "sum")


def users_nodes():
    x, t = sc.Input("x", (None, 5), "float64"), sc.Input("t", (None, 4), "float64")
    z = sc.dense(x, 4, seed=0)
    return sc.squared_error(Blend((Scaled(z, 2.0), sc.tanh(z)), z), t)


def a_mean():
    return sc.mean(sc.dense(sc.sigmoid(sc.dense(sc.Input("x", (None, 5), "float64"), 4, seed=0)), 3, seed=1))


def groups():
    """Sums and maxima over axes of what was reshaped."""
    h = sc.tanh(sc.conv(images(channels=2, size=6), 6, 3, seed=0))
    parts = sc.reshape(h, (None, 3, 32))
    centred = parts - sc.mean(parts, axis=2, keepdims=True)
    return sc.mean(sc.max(sc.reshape(centred * centred, (None, 8, 12)), axis=2) ** 2) + sc.sum(sc.softmax(parts) ** 3)


def spread():
    """Sums over axes along which the values are the same."""
    w = sc.Param("w", np.arange(1.0, 4))
    x = sc.Input("x", (None, 3), "float64")
    wide = sc.broadcast_to(sc.tanh(w), (None, 3))
    return sc.mean(sc.sum(wide, axis=0) * sc.sum(x)) + sc.sum(x + 2 * w) ** 2


def second_order():
    """A product of the Hessian of a network with a vector."""
    J = tutorial()
    (dW,) = sc.grad(J, J.params[:1])
    return sc.sum(dW * sc.Input("v", dW.shape, "float64"))


NETWORKS = {
    "mean": tutorial,
    "max": lambda: tutorial("max"),
    "mean, then sigmoid": lambda: tutorial("mean", False),
    "max, then sigmoid": lambda: tutorial("max", False),
    **{f.__name__: f for f in (lenet5, residual, two_inputs, strided, probabilities, normalised, users_nodes)},
    "a mean of a dense layer": a_mean,
    "a gradient of a gradient": second_order,
    "groups": groups,
    "what is spread": spread,
}


def feeds_for(nodes):
    rng = np.random.default_rng(0)
    inputs = {i.name: i for node in nodes for i in node.graph().inputs}
    whole = {n: rng.integers(0, 2, size=i.spec.bind(BATCH)) for n, i in inputs.items() if i.dtype.kind in "iu"}
    real = {n: rng.normal(size=i.spec.bind(BATCH)).astype(i.dtype) for n, i in inputs.items() if i.dtype.kind == "f"}
    return {**whole, **real, **{n: rng.random(i.spec.bind(BATCH)) < 0.5 for n, i in inputs.items() if i.dtype == bool}}


def check(back, kind="text"):
    """Compute all equations of a sweep, and compare each with what the compiled graph computes."""
    notation = Notation(back)
    symbols = notation.values.symbols
    named = {str(symbol): node for node, symbol in symbols.items()}
    nodes = dict(named)
    nodes |= {f"δ({name})": back.delta(node) for name, node in named.items() if node in notation.deltas}
    nodes |= {f"∇{symbols[p]}": g for p, g in back.grads.items()}
    equations = back.equations()
    wanted = [nodes[e.left] for e in equations if e.left in nodes]
    feeds = feeds_for([*wanted, back.J])
    used = {i.name for node in wanted for i in node.graph().inputs}
    expected = iter(sc.compile(wanted)({n: v for n, v in feeds.items() if n in used}))
    leaves = {name: node.value for name, node in named.items() if isinstance(node, sc.Param | sc.Const)}
    reader = Reader({**feeds, **{n: np.asarray(v, float) for n, v in leaves.items()}}, USERS)
    latex = {symbol.latex: str(symbol) for symbol in symbols.values()} | {"u": "u"}
    for e in equations:
        right = e.right if kind == "text" else as_text(e.sides[1], latex)
        got = reader.values[e.left] = reader.value(right, e.shape)
        latex[e.sides[0]] = e.left
        if e.left in nodes:
            compare(got, next(expected), nodes[e.left], f"{e} ({right})")
    assert next(expected, None) is None
    return reader.values


def compare(got, expected, node, what):
    rtol, atol = (1e-9, 1e-12) if node.dtype == np.float64 else (2e-5, 2e-6)
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol, err_msg=str(what))


@pytest.mark.parametrize("kind", ["text", "latex"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_equations_of_a_network_are_true(name, kind):
    check(sc.backprop(NETWORKS[name]()), kind)


SAMPLES = {
    f"{cls.__name__}-{n}": node
    for cls in node_types()
    if cls.__module__.startswith("symcnn.")
    for n, node in enumerate(cls.samples())
}


@pytest.mark.parametrize("kind", ["text", "latex"])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_equations_of_a_node_type_are_true(name, kind):
    node = SAMPLES[name]
    if node.dtype.kind == "f":
        check(sc.backprop(node, sc.Input("u", node.shape, node.dtype)), kind)
        return
    feeds = feeds_for([node])
    equation, reader = node.equation, Reader(feeds)
    right = equation.right if kind == "text" else as_text(equation.sides[1], {n: n for n in feeds})
    np.testing.assert_array_equal(reader.value(right, equation.shape), sc.compile(node)(feeds))


def test_the_third_derivative_of_a_sigmoid():
    x = sc.Input("x", (), "float64")
    y = sc.sigmoid(x)
    (third,) = sc.grad(sc.grad(sc.grad(y, [x])[0], [x])[0], [x])
    values = check(sc.backprop(third))
    a = 1 / (1 + np.exp(-values["x"]))
    assert values["J"] == pytest.approx(a * (1 - a) * (1 - 6 * a + 6 * a**2))
    assert values["δ(x)"] == pytest.approx(a * (1 - a) * (1 - 2 * a) * (1 - 12 * a + 12 * a**2))


@st.composite
def scalar_graphs(draw):
    """A scalar J of scalar inputs and parameters."""
    x, y = sc.Input("x", (), "float64"), sc.Input("y", (), "float64")
    p, q = sc.Param("p", np.float64(0.7)), sc.Param("q", np.float64(-0.4))
    nodes = [x, y, p, q]
    pick = st.integers(0, 10**6)
    for _ in range(draw(st.integers(1, 14))):
        a, b = (nodes[-1 - draw(pick) % min(len(nodes), 6)] for _ in range(2))
        kinds = [
            lambda a, b: a + b,
            lambda a, b: a - b,
            lambda a, b: a * b,
            lambda a, b: a / (2 + b * b),
            lambda a, b: -a,
            lambda a, b: a * -b,
            lambda a, b: sc.sigmoid(a),
            lambda a, b: sc.tanh(a + b),
            lambda a, b: sc.exp(sc.tanh(a)),
            lambda a, b: sc.log(1 + b**2) * a,
            lambda a, b: 0.5 * (a + a) - 3 * b,
            lambda a, b: sc.where(a > b, a * b, -b),
            lambda a, b: sc.tanh(a) ** 2,
        ]
        nodes.append(kinds[draw(pick) % len(kinds)](a, b))
    return sc.sum(nodes[-1] + 0.1 * p * q)


@settings(max_examples=100)
@given(scalar_graphs(), st.sampled_from(["text", "latex"]))
def test_the_equations_of_any_graph_are_true(J, kind):
    check(sc.backprop(J), kind)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_equations_of_each_node_are_true(name):
    """What a node's rule sends to a value adds up, over all that read it, to the error of that value."""
    back = sc.backprop(NETWORKS[name]())
    values, symbols = check(back), Notation(back).values.symbols
    sent = {}
    for node in back.J.graph().order:
        equations = back.equation(node)
        reader = Reader(values, USERS)
        if node.inputs and equations.errors:
            for e in [*equations.forward, *equations.errors]:
                reader.values[e.left] = reader.value(e.right, e.shape)
            (value, error), names = compiled(back, node), [e.left for e in equations.forward]
            compare(reader.values[names[-1]], value, node, equations)
            compare(reader.values[f"δ({names[-1]})"], error, node, equations)
        for e in equations.sent:
            passed = reader.values[e.left] = reader.value(e.right, e.shape)
            if node in symbols:
                sent[e.left] = sent.get(e.left, 0) + passed
                assert e.sign == "+=" or np.allclose(sent[e.left], values[e.left], atol=1e-6)
    assert len(sent) > 2
    for left, total in sent.items():
        np.testing.assert_allclose(total, values[left], rtol=1e-9, atol=1e-12, err_msg=left)


def compiled(back, node):
    wanted = [node, back.delta(node)]
    feeds, used = feeds_for([back.J]), {i.name for n in wanted for i in n.graph().inputs}
    return sc.compile(wanted)({name: v for name, v in feeds.items() if name in used})
