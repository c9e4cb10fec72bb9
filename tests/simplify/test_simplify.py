"""The rewriter: constants are folded, random graphs keep their values, and rules come to an end."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import symcnn as sc

X = sc.Input("x", (None, 2, 4), "float64")
Y = sc.Input("y", (None, 2, 4), "float64")
V = sc.Input("v", (4,), "float64")
LEAVES = [X, Y, V, sc.zeros(X), sc.ones(X), sc.Const(0.0), sc.Const(1.0), sc.Const(2.0), sc.Const([0.0, 1.0, 2.0, 3.0])]
UNARY = [
    sc.Neg,
    sc.Rot90,
    sc.Swap,
    sc.sigmoid,
    sc.softplus,
    sc.softmax,
    sc.log_softmax,
    sc.transpose,
    lambda n: sc.log(sc.sigmoid(n)),
    lambda n: sc.log(sc.softmax(n)),
    lambda n: sc.log(sc.exp(sc.tanh(n))),
    lambda n: sc.log(1 + sc.exp(sc.tanh(n))),
    lambda n: n * 1,
    lambda n: n + 0,
    lambda n: 0 - n,
    lambda n: n * 0,
    lambda n: n**2,
    lambda n: n**1,
    lambda n: n / 2,
    lambda n: sc.pad(n, 1),
    lambda n: sc.crop(n, 1),
    lambda n: sc.subsample(n, 2),
    lambda n: sc.upsample(n, 2),
    lambda n: sc.crop(sc.pad(n, 2), 1),
    lambda n: sc.flatten(n),
    lambda n: sc.reshape(n, (*n.shape, 1)),
    lambda n: sc.reshape(n, (None, 2, 4)),
    lambda n: sc.sum_to(n, (1, 4)),
    lambda n: sc.sum_to(n, (4,)),
    lambda n: sc.broadcast_to(n, (None, 2, 4)),
    lambda n: sc.sum(n, axis=-1, keepdims=True),
    lambda n: sc.cast(sc.cast(n, "float64"), "float64"),
    lambda n: sc.where(n > 0, n, n),
    lambda n: sc.where(n > 0, n, 0),
]
BINARY = [sc.Add, sc.Sub, sc.Mul, sc.DivNoNan, sc.maximum, lambda a, b: sc.where(a > b, a, b), lambda a, b: a + -b]


@st.composite
def graphs(draw):
    """A node over random operations; those that do not fit the shapes are left out."""
    nodes = list(LEAVES)
    for _ in range(draw(st.integers(1, 12))):
        build = draw(st.sampled_from(UNARY + BINARY))
        inputs = [nodes[-draw(st.integers(1, len(nodes)))] for _ in range(2 if build in BINARY else 1)]
        try:
            nodes.append(build(*inputs))
        except sc.errors.ShapeError:
            continue
    return nodes[-1]


@settings(max_examples=300)
@given(node=graphs(), batch=st.sampled_from([1, 3]))
def test_random_graphs_keep_their_value_and_spec(simplified, node, batch):
    simplified(node, batch=batch, rtol=1e-9)


@settings(max_examples=100)
@given(node=graphs(), batch=st.sampled_from([1, 3]))
def test_random_gradients_keep_their_value_and_spec(simplified, node, batch):
    J = sc.sum(sc.tanh(node))
    for gradient in sc.grad(J, [X, V], unconnected="zeros"):
        simplified(gradient, batch=batch, rtol=1e-8)


@settings(max_examples=100)
@given(node=graphs())
def test_programs_compute_what_the_rules_compute(simplified, node):
    """The engine, with its kernels and buffers, against the forward rules of the graph as it was built."""
    rng = np.random.default_rng(0)
    f = sc.compile([node, sc.sum(node), X])
    for batch in (3, 1):
        values = {i.name: rng.standard_normal(i.spec.bind(batch)) for i in f.inputs}
        known = {}
        for n in sc.Graph(node, X).order:
            if isinstance(n, sc.Input):
                known[n] = values[n.name]
            elif isinstance(n, sc.BatchSize):
                known[n] = np.asarray(batch, n.dtype)
            else:
                with np.errstate(all="ignore"):
                    known[n] = n.value if isinstance(n, sc.Const) else n.forward(np, *(known[i] for i in n.inputs))
        found, total, _ = f(values)
        np.testing.assert_allclose(found, known[node], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(total, np.sum(known[node]), rtol=1e-8, atol=1e-8)


def test_simplifying_twice_changes_nothing():
    J = sc.sum(sc.sigmoid(sc.pad(X, 1) * 1 - 0))
    once = sc.simplify([J, sc.grad(J, X)])
    assert all(a is b for a, b in zip(sc.simplify(once), once, strict=True))


def test_what_is_shared_stays_shared():
    a = sc.sigmoid(X - 0)
    first, second = sc.simplify([a * 2, a + Y])
    assert first.inputs[0] is second.inputs[0]
    assert len(sc.Graph(first, second)) == 6


def test_names_sites_and_order_survive():
    a = sc.sigmoid(X * 1, name="a1")
    (simple,) = sc.simplify([a])
    assert simple.name == "a1"
    assert simple.site == a.site
    assert simple.inputs == (X,)


# Constants ------------------------------------------------------------------------------------


def test_constants_are_folded(simplified):
    node = X * (sc.Const(2.0) * 3 + sc.Const([1.0, 2.0, 3.0, 4.0]))
    simple = simplified(node)
    assert isinstance(simple.b, sc.Const)
    assert simple.b.value.tolist() == [7, 8, 9, 10]


def test_large_results_are_not_stored():
    wide = sc.broadcast_to(sc.Const(2.0), (1000, 1000))
    (simple,) = sc.simplify([wide])
    assert isinstance(simple, sc.BroadcastTo)


def test_folding_warns_of_nothing_and_keeps_what_comes_out():
    (simple,) = sc.simplify([sc.log(sc.Const([-1.0, 0.0]))])
    np.testing.assert_array_equal(simple.value, [np.nan, -np.inf])


def test_parameters_are_not_constants():
    w = sc.Param("w", np.array([1.0, 2.0]))
    f = sc.compile(w * 1 + 0)
    w.value[:] = 5
    assert f().tolist() == [5, 5]


# Rules of one's own -----------------------------------------------------------------------------


def test_rules_of_ones_own():
    def halves(node):
        match node:
            case sc.Mul(x, sc.Const(value)) if value.size == 1 and value == 0.5:
                return x / 2
        return None

    (simple,) = sc.simplify([X * 0.5], rules=[halves])
    assert simple is X / 2


def test_one_node_is_given_back_as_one_and_a_rule_that_changes_nothing_ends():
    x = sc.Input("x", (None, 3))
    node = sc.exp(1 * x) - 0
    assert sc.simplify(node) is sc.simplify([node])[0] is sc.exp(x)
    assert sc.simplify(node, [lambda n: n]) is node


def test_a_choice_between_two_equal_constants():
    x = sc.Input("x", (None, 3))
    chosen = sc.where(x > 0, 2.0, sc.Const([2.0, 2.0, 2.0]))
    assert not {type(node) for node in sc.simplify(chosen).graph().order} & {sc.Where}
    np.testing.assert_array_equal(sc.compile(chosen)(x=[[1, -1, np.nan]]), [[2, 2, 2]])
