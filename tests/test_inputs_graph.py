"""Odd and bad graphs: shared nodes, long chains, cycles, gradients that do not exist."""

import copy
import gc
import pickle

import networkx as nx
import numpy as np
import pytest

import symcnn as sc
import symcnn.engine.program

# One node used more than once ----------------------------------------------------------------------


def test_two_edges_from_one_node():
    x = sc.Input("x", (3,))
    y = x * x
    edges = y.graph().to_networkx().edges(data="input")
    assert [(a is x, b is y, n) for a, b, n in edges] == [(True, True, 0), (True, True, 1)]
    value, error = sc.compile([y, sc.grad(sc.sum(y), x)])(x=[1, 2, -3])
    np.testing.assert_array_equal(value, [1, 4, 9])
    np.testing.assert_array_equal(error, [2, 4, -6])


@pytest.mark.parametrize(
    ("build", "slope"),
    [
        (lambda x: x * x * x, lambda x: 3 * x**2),
        (lambda x: x / x, lambda x: 0 * x),
        (lambda x: x - x, lambda x: 0 * x),
        (lambda x: x + x, lambda x: 2 + 0 * x),
        (lambda x: x**x, lambda x: x**x * (np.log(x) + 1)),
        (lambda x: sc.maximum(x, x), lambda x: 1 + 0 * x),
        (lambda x: sc.where(x > x, x, 2 * x), lambda x: 2 + 0 * x),
        (lambda x: sc.concat([x, x, x], axis=0), lambda x: 3 + 0 * x),
    ],
)
def test_gradients_through_repeated_inputs(build, slope):
    x = sc.Input("x", (3,), "float64")
    given = np.array([0.5, 1, 2])
    _, error = sc.compile([x, sc.grad(sc.sum(build(x)), x)])(x=given)
    np.testing.assert_allclose(error, slope(given), atol=1e-12)


def test_filters_convolved_with_themselves():
    w = sc.Param("w", np.array([[[[1.0, 2], [3, 4]]]]))
    z = sc.Conv(w, w)
    value, error = sc.compile([z, sc.grad(sc.sum(z), w)])()
    assert value == 30
    np.testing.assert_array_equal(error, 2 * w.value)


def diamonds(n):
    x = sc.Input("x", (2,), "float64")
    a = x
    for _ in range(n):
        a = 0.25 * sc.tanh(a) + 0.75 * a
    return x, a


def test_diamonds_in_a_row_cost_time_linear_in_nodes():
    """Two paths through each of 600: a sweep over paths instead of nodes would not end."""
    counts = []
    for n in (150, 300, 600):
        x, a = diamonds(n)
        back = sc.backprop(sc.sum(a))
        backward = len(sc.Graph(back.delta(x)).nodes)
        counts.append((len(a.graph()), len(back.steps), backward))
    for one, two, four in zip(*counts, strict=True):
        assert four - two == 2 * (two - one)
    v, slope = 0.3, 1.0
    for _ in range(600):
        slope *= 0.25 * (1 - np.tanh(v) ** 2) + 0.75
        v = 0.25 * np.tanh(v) + 0.75 * v
    value, error = sc.compile([a, back.delta(x)])(x=[0.3, 0.3])
    np.testing.assert_allclose(value, [v, v], rtol=1e-10)
    np.testing.assert_allclose(error, [slope, slope], rtol=1e-10)


# A chain of 100,000 nodes ---------------------------------------------------------------------------

LENGTHS = [20_000, pytest.param(100_000, marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=LENGTHS)
def chain(request):
    """J = the sum of x + w + w + ...: dJ/dw is the length."""
    x, w = sc.Input("x", (2,)), sc.Param("w", np.float32([1, 2]))
    a = x
    for _ in range(request.param):
        a = a + w
    return request.param, x, w, a


def test_long_chain_runs_and_is_differentiated(chain):
    length, x, w, a = chain
    back = sc.backprop(sc.sum(a))
    assert len(back.steps) == length + 3
    assert repr(back) == f"Backprop(Sum: {length + 3} steps, 1 gradients)"
    value, dw, dx = sc.compile([a, back.delta(w), back.delta(x)])(x=[1, -1])
    np.testing.assert_array_equal(value, [length + 1, 2 * length - 1])
    np.testing.assert_array_equal(dw, [length, length])
    np.testing.assert_array_equal(dx, [1, 1])


def test_long_chain_is_shown(chain):
    length, _, w, a = chain
    assert repr(a) == "Add(Add, w): (2,) float32"
    assert repr(a.graph()) == f"Graph({length + 2} nodes, 1 parameters -> 1 outputs)"
    assert a.params == [w]
    assert a.graph().order[-1] is a


def test_long_chain_is_pickled_and_copied(chain):
    length, *_, a = chain
    assert copy.copy(a) is a
    loaded = pickle.loads(pickle.dumps(a))
    assert loaded is not a
    assert len(loaded.graph()) == length + 2
    np.testing.assert_array_equal(loaded.params[0].value, [1, 2])


def test_long_chain_is_drawn(chain):
    *_, a = chain
    assert sc.draw(sc.sum(a)).svg.startswith("<svg")


@pytest.mark.parametrize("length", LENGTHS)
def test_long_chain_is_forgotten(length):
    a = sc.Input("x", ())
    for _ in range(length):
        a = -a
    del a
    gc.collect()


@pytest.mark.slow
def test_chain_beyond_the_recursion_limit():
    """Slower questions, over a chain that a recursion would not survive either."""
    n = 5000
    x, w = sc.Input("x", (2,)), sc.Param("w", np.float32([0.5, 2]))
    a = x
    for _ in range(n):
        a = sc.tanh(a + w)
    graph = a.graph()
    assert len(graph.levels()) == len(graph.longest_path()) == 2 * n + 1
    assert len(graph.descendants(x)) == 2 * n
    assert nx.dag_longest_path_length(nx.DiGraph(graph.to_networkx())) == 2 * n
    copied = copy.deepcopy(a)
    assert copied.params[0] is not w
    value, error = sc.compile([a, sc.grad(sc.sum(a), w)])(x=[0, 0])
    again, same = sc.compile([copied, sc.grad(sc.sum(copied), copied.params[0])])(x=[0, 0])
    np.testing.assert_array_equal(value, again)
    np.testing.assert_array_equal(error, same)
    guarded = sc.compile(sc.sum(a), guard=True)
    with pytest.raises(sc.errors.NonFiniteError, match="Input 'x'"):
        guarded(x=[np.nan, 0])
    program = sc.compile(a, backend="numpy")
    assert len(program.report().splitlines()) == len(str(program.profile(x=[0, 0], runs=1)).splitlines()) - 1


# Cycles --------------------------------------------------------------------------------------------


def forged(n, name="knot"):
    """A cycle of `n` nodes, as only a forger can make it."""
    x = sc.Input("x", (2,))
    first = a = sc.Tanh(x, name=f"{name} 1")
    for i in range(2, n + 1):
        a = sc.Tanh(a, name=f"{name} {i}")
    object.__setattr__(first, "z", a)
    vars(first)["inputs"] = (a,)
    return a


@pytest.mark.parametrize(
    "ask",
    [
        lambda a: a.graph().order,
        lambda a: a.graph().levels(),
        lambda a: a.graph().longest_path(),
        lambda a: sc.backprop(sc.sum(a)),
        lambda a: sc.grad(sc.sum(a), a),
        lambda a: sc.compile(a),
        lambda a: sc.compile([a]),
        lambda a: sc.simplify([a]),
        lambda a: pickle.dumps(a),
        lambda a: copy.copy(a),
        lambda a: copy.deepcopy(a),
        lambda a: sc.train_step(sc.sum(a), sc.SGD()),
    ],
)
def test_cycle_is_listed(ask, refused):
    with refused(ValueError, "the graph has a cycle of 3 nodes", "knot 1", "knot 2", "knot 3", " -> "):
        ask(forged(3))


def test_cycle_of_one_and_of_many(refused):
    with refused(ValueError, "a cycle of 1 nodes", "Tanh 'knot 1' -> Tanh 'knot 1'"):
        _ = forged(1).graph().order
    with refused(ValueError, "a cycle of 3000 nodes", "... 2988 more ..."):
        _ = forged(3000).graph().order
    assert repr(forged(2)) == "Tanh(knot 1, name='knot 2'): (2,) float32"
    assert repr(forged(2).graph()) == "Graph(2 nodes, 0 parameters -> 1 outputs)"


# Gradients that do not exist -------------------------------------------------------------------------


def test_gradient_of_something_unconnected(refused):
    x, other = sc.Input("x", (3,)), sc.Param("other", np.ones(2))
    J = sc.sum(sc.sigmoid(x, name="a1"))
    for ask in (lambda: sc.grad(J, [x, other]), lambda: sc.grad(J, other), lambda: sc.backprop(J).delta(other)):
        with refused(ValueError, "Sum has no gradient with respect to Param(name='other')", "does not depend on it"):
            ask()
    zero = sc.grad(J, other, unconnected="zeros")
    assert zero.dtype == np.float64
    np.testing.assert_array_equal(sc.compile(zero)(), [0, 0])
    dx, zeros = sc.compile(sc.grad(J, [x, other], unconnected="zeros"))(x=[0, 0, 0])
    np.testing.assert_array_equal(dx, [0.25] * 3)
    np.testing.assert_array_equal(zeros, [0, 0])


def test_zeros_for_an_unconnected_batch():
    x, other = sc.Input("x", (None, 3)), sc.Input("other", (None, 2))
    zeros = sc.grad(sc.sum(x), other, unconnected="zeros")
    np.testing.assert_array_equal(sc.compile(zeros)(x=np.ones((4, 3))), np.zeros((4, 2)))
    with pytest.raises(sc.errors.GraphError, match="the size of the batch is needed"):
        sc.compile(sc.zeros(sc.Input("another", (None, 5))))
    both = sc.compile([sc.sum(x), sc.grad(sc.sum(x), other, unconnected="zeros")])
    np.testing.assert_array_equal(both(x=np.ones((4, 3)))[1], np.zeros((4, 2)))


def test_a_later_node_is_unconnected(refused):
    x = sc.Input("x", (3,))
    J = sc.sum(x)
    with refused(ValueError, "Sum has no gradient with respect to Exp"):
        sc.grad(J, sc.exp(J))


@pytest.mark.parametrize(
    "build",
    [
        lambda x: sc.cast(sc.argmax(x), "float32"),
        lambda x: sc.cast(x > 0, "float32"),
        lambda x: sc.cast(sc.cast(x, "int32"), "float32"),
        lambda x: sc.where(x > 0, 1, 2),
    ],
)
def test_gradient_through_integers_and_comparisons(build, refused):
    x = sc.Input("x", (2, 3))
    J = sc.sum(build(x))
    with refused(ValueError, "Sum has no gradient with respect to", "'x'"):
        sc.grad(J, x)
    np.testing.assert_array_equal(sc.compile(sc.grad(J, x, unconnected="zeros"))(), np.zeros((2, 3)))


def test_gradients_of_and_by_integers(refused):
    z, y = sc.Input("z", (None, 3)), sc.Input("y", (None,), "int64")
    J = sc.softmax_cross_entropy(z, y)
    for option in ("error", "zeros"):
        with refused(ValueError, "has no gradient with respect to", "int64 values have no gradients"):
            sc.grad(J, y, unconnected=option)
    for node in (sc.argmax(z), z > 0, y):
        with refused(ValueError, "have no gradients"):
            sc.grad(node, z)


def test_gradient_of_a_non_scalar_needs_a_seed(refused):
    x = sc.Input("x", (None, 3))
    a = sc.sigmoid(x, name="a1")
    with refused(ValueError, "Sigmoid 'a1'", "(None, 3)", "needs a seed", "sc.sum(J)"):
        sc.grad(a, x)
    with refused(ValueError, "Input 'x'", "needs a seed"):
        sc.backprop(x)


@pytest.mark.parametrize(
    ("seed", "kind", "problem"),
    [
        (np.ones(3), ValueError, "the seed has shape (3,); expected (2, 3)"),
        (1.0, ValueError, "the seed has shape (); expected (2, 3)"),
        ([[1, 2]], ValueError, "the seed has shape (1, 2)"),
        ("ones", TypeError, "the seed is 'ones'"),
        (np.ma.ones((2, 3)), TypeError, "the seed is a masked array"),
        (1j * np.ones((2, 3)), TypeError, "the seed has dtype complex128"),
        ([None] * 6, TypeError, "the seed is [None"),
    ],
)
def test_seeds_that_do_not_fit(seed, kind, problem, refused):
    x = sc.Input("x", (2, 3))
    with refused(kind, problem):
        sc.grad(sc.sigmoid(x, name="a1"), x, seed=seed)


def test_seeds():
    x = sc.Input("x", (2, 3))
    u = sc.Input("u", (2, 3), "float64")
    whole = np.arange(6).reshape(2, 3)
    for seed in (whole, whole.astype("float16"), whole.tolist(), sc.Const(whole), u):
        error = sc.compile(sc.grad(3 * x, x, seed=seed))({u: whole} if seed is u else {})
        assert error.dtype == np.float32
        np.testing.assert_array_equal(error, 3 * whole)
    np.testing.assert_array_equal(sc.compile(sc.grad(x, x, seed=u))(u=whole), whole)
    np.testing.assert_array_equal(sc.compile(sc.grad(sc.sum(x), x, seed=2.5))(), np.full((2, 3), 2.5))


@pytest.mark.parametrize("wrong", ["x", None, 3, [None], ["x"], np.ones(3)])
def test_gradients_by_what_is_no_node(wrong, refused):
    J = sc.sum(sc.Input("x", (3,)))
    with refused(TypeError, "gradients are of nodes, by nodes"):
        sc.grad(J, wrong)
    with refused(TypeError, "gradients are of nodes, by nodes"):
        sc.grad(wrong, J)
    with refused(TypeError, "gradients are of nodes, by nodes"):
        sc.backprop(J).delta(wrong)


def test_unknown_option_of_grad(refused):
    x = sc.Input("x", (3,))
    for wrong in ("zero", None, True, 0):
        with refused(ValueError, "unconnected", "'error' or 'zeros'"):
            sc.grad(sc.sum(x), x, unconnected=wrong)


def test_gradient_of_nothing_and_of_itself():
    x = sc.Input("x", ())
    assert sc.grad(x * x, []) == []
    assert sc.compile(sc.grad(x, x))() == 1
    assert sc.compile(sc.grad(x * x, (x, x)))(x=5) == [10, 10]
