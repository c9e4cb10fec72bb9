"""Odd and bad graphs: shared nodes, long chains, cycles, missing gradients and feeds, threads, interrupts."""

import copy
import gc
import pickle
import threading

import networkx as nx
import numpy as np
import pytest
import threadpoolctl

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

LENGTH = 100_000


@pytest.fixture(scope="module")
def chain():
    """J = the sum of x + w + w + ...: dJ/dw is the length."""
    x, w = sc.Input("x", (2,)), sc.Param("w", np.float32([1, 2]))
    a = x
    for _ in range(LENGTH):
        a = a + w
    return x, w, a


def test_long_chain_runs_and_is_differentiated(chain):
    x, w, a = chain
    back = sc.backprop(sc.sum(a))
    assert len(back.steps) == LENGTH + 3
    assert repr(back) == f"Backprop(Sum: {LENGTH + 3} steps, 1 gradients)"
    value, dw, dx = sc.compile([a, back.delta(w), back.delta(x)])(x=[1, -1])
    np.testing.assert_array_equal(value, [LENGTH + 1, 2 * LENGTH - 1])
    np.testing.assert_array_equal(dw, [LENGTH, LENGTH])
    np.testing.assert_array_equal(dx, [1, 1])


def test_long_chain_is_shown(chain):
    _, w, a = chain
    assert repr(a) == "Add(Add, w): (2,) float32"
    assert repr(a.graph()) == f"Graph({LENGTH + 2} nodes, 1 parameters -> 1 outputs)"
    assert a.params == [w]
    assert a.graph().order[-1] is a


def test_long_chain_is_pickled_and_copied(chain):
    *_, a = chain
    assert copy.copy(a) is a
    loaded = pickle.loads(pickle.dumps(a))
    assert loaded is not a
    assert len(loaded.graph()) == LENGTH + 2
    np.testing.assert_array_equal(loaded.params[0].value, [1, 2])


def test_long_chain_is_drawn(chain):
    *_, a = chain
    assert sc.draw(sc.sum(a)).svg.startswith("<svg")


def test_long_chain_is_forgotten():
    a = sc.Input("x", ())
    for _ in range(LENGTH):
        a = -a
    del a
    gc.collect()


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
    program = sc.compile(a)
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
    with pytest.raises(sc.errors.GraphError, match="the size of the batch is needed"):
        sc.compile(zeros)
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


# Feeds ---------------------------------------------------------------------------------------------

A, B = sc.Input("a", (None, 2)), sc.Input("b", (None,))
F = sc.compile([A + 1, 2 * B])
ROWS = {"a": np.ones((3, 2)), "b": np.ones(3)}


@pytest.mark.parametrize(
    ("feeds", "fragments"),
    [
        ({}, ["missing: a, b", "this program takes a (None, 2), b (None,)", "Input 'a' was made at"]),
        ({"a": ROWS["a"]}, ["missing: b", "Input 'b' was made at"]),
        ({**ROWS, "c": 1}, ["unknown: c", "this program takes a (None, 2), b (None,)"]),
        ({"a": ROWS["a"], "B": ROWS["b"]}, ["missing: b; unknown: B"]),
        ({**ROWS, 3: 1}, ["unknown: 3"]),
        ({**ROWS, None: 1}, ["unknown: None"]),
        ({**ROWS, ("a",): 1}, ["unknown: ('a',)"]),
        ({**ROWS, A + 1: 1}, ["unknown: Add", "is not in this program"]),
        ({**ROWS, sc.Input("a", (None, 2)): 1}, ["unknown: Input 'a'", "is not in this program"]),
        ({**ROWS, "x" * 5000: 1}, ["unknown: 'xxx", " ... "]),
        ({**ROWS, A: ROWS["a"]}, ["Input 'a'", "two arrays were fed"]),
        ({"a": np.ones(2), "b": ROWS["b"]}, ["Input 'a'", "(2,) was fed; expected (None, 2)"]),
        ({"a": np.ones((3, 2, 1)), "b": ROWS["b"]}, ["Input 'a'", "(3, 2, 1)"]),
        ({"a": np.ones((3, 1)), "b": ROWS["b"]}, ["Input 'a'", "(3, 1) was fed; expected (None, 2)"]),
        ({"a": ROWS["a"], "b": 1}, ["Input 'b'", "() was fed; expected (None,)"]),
        ({"a": np.ones((2, 2)), "b": np.ones(3)}, ["disagree on the number of rows: a has 2, b has 3"]),
        ({"a": np.ones((1, 2)), "b": np.ones(3)}, ["disagree on the number of rows: a has 1, b has 3"]),
    ],
)
def test_wrong_feeds(feeds, fragments):
    for run in (F, F.check_finite, F.profile):
        with pytest.raises(sc.errors.FeedError) as caught:
            run(feeds)
        text = str(caught.value)
        assert all(part in text for part in fragments), text
        assert "test_inputs_graph.py" in text
        assert len(text) < 1000
    np.testing.assert_array_equal(F(ROWS)[0], np.full((3, 2), 2))


@pytest.mark.parametrize("wrong", [np.ones((3, 2)), [ROWS["a"], ROWS["b"]], "a", 3, A, (i for i in "ab"), {1, 2}])
def test_feeds_that_are_no_mapping(wrong, refused):
    for run in (F, F.check_finite, F.profile):
        with refused(TypeError, "arrays are fed by name", type(wrong).__name__, "f(a=array)"):
            run(wrong)


def test_ways_to_feed():
    class Frozen(dict):
        pass

    for value in (F(ROWS), F(**ROWS), F({A: ROWS["a"]}, b=ROWS["b"]), F({A: ROWS["a"], B: ROWS["b"]}), F(Frozen(ROWS))):
        np.testing.assert_array_equal(value[1], [2, 2, 2])
    assert F(None, **ROWS)[0].shape == (3, 2)


@pytest.mark.parametrize(
    "name", ["x y", "λ", "class", "self", "feeds", "runs", "1", "a\nb", "{x}", "$\\<&>", " ", "é" * 999]
)
def test_names_of_any_characters(name, refused):
    x = sc.Input(name, (2,))
    w = sc.Param(name, [1.0, 2.0])
    y = sc.Sigmoid(x * w, name=name)
    f = sc.compile(y)
    np.testing.assert_allclose(f({name: [0, 0]}), [0.5, 0.5])
    np.testing.assert_allclose(f(**{name: [0, 0]}), [0.5, 0.5])
    if name != "runs":
        assert f.profile(**{name: [0, 0]}).rows
    assert len(repr(y)) < 300
    assert "\n" not in repr(y)
    with refused(ValueError, "missing: "):
        f()
    with pytest.raises(sc.errors.ShapeError) as caught:
        sc.Concat((y, sc.Input("z", ())), name=name)
    assert len(str(caught.value)) < 500
    assert str(pickle.loads(pickle.dumps(y)).name) == name


@pytest.mark.parametrize("wrong", [None, 3, b"x", ["x"], sc.Input("n", ())])
def test_names_that_are_no_text(wrong, refused):
    x = sc.Input("x", (None, 1, 4, 4))
    for build in (
        lambda: sc.Input(wrong, (2,)),
        lambda: sc.Param(wrong, [1.0]),
        lambda: sc.Const(1.0, name=wrong),
        lambda: sc.Sigmoid(x, name=wrong),
        lambda: sc.mean_pool(x, 2, name=wrong),
        lambda: sc.sigmoid(x, name=wrong),
    ):
        with refused(TypeError, "name"):
            build()


def test_empty_name_of_an_input(refused):
    with refused(TypeError, "name must be a text", "''"):
        sc.Input("", (2,))


def test_two_inputs_of_one_name(refused):
    a, b = sc.Input("x", (3,)), sc.Input("x", (3,))
    with refused(ValueError, "two inputs are named 'x'", "the other is made at"):
        sc.compile(a + b)
    assert sc.compile(a + a)(x=[1, 2, 3]).tolist() == [2, 4, 6]


# What compile is given -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [None, 3, "ab", [None], [A, "a"], {"J": A}, {A: "a"}, np.ones(2), [[A]], (3 for _ in "a")]
)
def test_compile_of_what_is_no_node(wrong, refused):
    with refused(TypeError, "compile takes a node or a list of nodes"):
        sc.compile(wrong)


def test_compile_of_any_iterable_of_nodes():
    for outputs in ([A, B], (A, B), {A: 1, B: 2}.keys(), iter([A, B]), (n for n in (A, B))):
        assert len(sc.compile(outputs)(ROWS)) == 2
    assert sc.compile([])() == []
    assert sc.compile([A])(a=ROWS["a"])[0].shape == (3, 2)


@pytest.mark.parametrize("wrong", [[1], {"w": A}, {A: A}, 3, "w"])
def test_updates_that_are_none(wrong, refused):
    with refused(TypeError, "updates are {Param: Node}"):
        sc.compile(A, updates=wrong)


def test_updates_that_do_not_fit(refused):
    w = sc.Param("w", np.float32([1, 2]))
    with refused(TypeError, "updates are"):
        sc.compile(A, updates={w: 3})
    for value in (w * np.ones(2), sc.Input("x", (3,)), sc.sum(w)):
        with refused(ValueError, "Param 'w'", "its update", "expected (2,) float32"):
            sc.compile(A, updates={w: value})


def test_unknown_backend(refused):
    for wrong in ("cuda", None, 3, "", "Numpy"):
        with refused(ValueError, "there is no backend", "'numpy'"):
            sc.compile(A, backend=wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "3", None])
def test_counts_of_a_program(wrong, refused):
    with refused((TypeError, ValueError), "profile: runs is"):
        F.profile(ROWS, runs=wrong)
    if wrong != 0:
        with refused((TypeError, ValueError), "report: batch is"):
            F.report(wrong)


def test_size_of_a_batch_that_nothing_tells(refused):
    w = sc.Param("w", np.ones(3))
    with refused(ValueError, "the size of the batch is needed, but no input has a batch axis", "BatchSize"):
        sc.compile(sc.broadcast_to(w, (None, 3)))


@pytest.mark.parametrize("wrong", ["x", None, 3, [A]])
def test_graph_of_what_is_no_node(wrong, refused):
    with refused(TypeError, "Graph takes nodes"):
        sc.Graph(wrong)
    with refused(ValueError, "is not in this graph"):
        sc.Graph(A).descendants(B)


@pytest.mark.parametrize("ufunc", [np.sin, np.add.reduce, np.add.outer, np.not_equal, np.logical_and, np.floor])
def test_numpy_functions_without_a_node(ufunc, refused):
    with refused(TypeError, "has no node type", "these have: absolute, add"):
        ufunc(A) if ufunc in (np.sin, np.floor, np.add.reduce) else ufunc(A, A)


@pytest.mark.parametrize(
    "ask",
    [
        np.sum,
        np.mean,
        np.array,
        np.asarray,
        lambda x: np.dot(x, x),
        lambda x: np.concatenate([x, x]),
        np.max,
        bool,
        list,
    ],
)
def test_what_a_node_is_not(ask, refused):
    with refused(TypeError, ""):
        ask(A)


def test_sites_are_lines_of_the_user():
    """Not of NumPy, of functools, nor of the __init__ that dataclasses write."""
    line = test_sites_are_lines_of_the_user.__code__.co_firstlineno + 4
    x = sc.Input("x", (None, 1, 4, 4))
    nodes = [
        np.add(x, 1),
        np.float64(2) * x,
        np.ones(4) * x,
        sc.conv(x, 2, 3),
        sc.mean_pool(x, 2),
        x[:, 0],
        sc.cast(x, "float64"),
    ]
    for n, node in enumerate(nodes, start=1):
        assert str(node.site) == f"made at {__file__}:{line + n}"


# Repeated calls, failed calls ---------------------------------------------------------------------


def network():
    x, y = sc.Input("x", (None, 1, 6, 6)), sc.Input("y", (None,), "int64")
    a = sc.max_pool(sc.sigmoid(sc.conv(x, 2, 3, seed=0, name="conv1")), 2)
    return sc.softmax_cross_entropy(sc.dense(a, 3, seed=1, name="out"), y)


def batch(n, seed=0):
    rng = np.random.default_rng(seed)
    return {"x": rng.standard_normal((n, 1, 6, 6)).astype("float32"), "y": rng.integers(0, 3, n)}


def test_repeated_calls_do_not_accumulate():
    J = network()
    f = sc.compile([J, *sc.grad(J, J.params)])
    first = f(batch(5))
    for n in (5, 1, 7, 2, 3, 4, 6, 5):
        f(batch(n, seed=n))
        for one, other in zip(f(batch(5)), first, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_failed_call_leaves_the_program_as_it_was():
    J = network()
    f = sc.compile([J, *sc.grad(J, J.params)], guard=True)
    first = f(batch(5))
    wrong = [
        {**batch(5), "y": [9] * 5},
        {**batch(5), "y": [0] * 4},
        {**batch(5), "x": np.full((5, 1, 6, 6), np.nan)},
        {**batch(5), "x": None},
        {**batch(5), "x": np.full((5, 1, 6, 6), 1e300)},
        {"x": batch(5)["x"]},
        {**batch(5), "z": 0},
    ]
    for feeds in wrong:
        with pytest.raises(sc.errors.SymcnnError):
            f(feeds)
        for one, other in zip(f(batch(5)), first, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_node_that_was_refused_is_not_kept():
    x = sc.Input("x", (None, 3))
    for _ in range(2):
        with pytest.raises(sc.errors.ShapeError):
            sc.Concat((x, x), 0)
    assert sc.Concat((x, x), 1) is sc.Concat((x, x), 1)


# Interrupts ----------------------------------------------------------------------------------------


class Interrupted(sc.Node):
    """The identity, until `stop` is set; not in any registry test: it has samples of its own."""

    z: sc.Node
    latex = "{z}"
    text = "{z}"
    stop = False

    def forward(self, xp, z):
        if Interrupted.stop:
            raise KeyboardInterrupt
        return xp.where(z > 0, z, z)

    def backward(self, delta):
        return (delta,)


def test_interrupt_in_the_middle_of_a_run(monkeypatch):
    x = sc.Input("x", (None, 3))
    w = sc.Param("w", np.ones(3, np.float32))
    J = sc.sum(Interrupted(sc.tanh(x * w)) * x)
    step = sc.train_step(J, sc.SGD(lr=0.1, momentum=0.5))
    f = sc.compile([J, sc.grad(J, w)])
    expected = f(x=np.ones((2, 3)))
    monkeypatch.setattr(Interrupted, "stop", True)
    for run in (f, step, f.profile, f.check_finite):
        with pytest.raises(KeyboardInterrupt):
            run(x=np.zeros((2, 3)))
    monkeypatch.setattr(Interrupted, "stop", False)
    assert gc.isenabled()
    assert step.iteration == 0
    np.testing.assert_array_equal(w.value, [1, 1, 1])
    for one, other in zip(f(x=np.ones((2, 3))), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_interrupt_in_the_middle_of_the_update(monkeypatch):
    """All parameters are updated then, or none: never half of them."""
    params = [sc.Param(f"w{i}", np.ones(2)) for i in range(4)]
    f = sc.compile(sc.sum(params[0]), updates={p: 2 * p for p in params})
    calls = iter(range(100))
    copyto = np.copyto

    def interrupted(target, value, **options):
        if any(target is p.value for p in params) and next(calls) == 2:
            raise KeyboardInterrupt
        copyto(target, value, **options)

    monkeypatch.setattr(symcnn.engine.program.np, "copyto", interrupted)
    with pytest.raises(KeyboardInterrupt):
        f()
    monkeypatch.undo()
    assert [p.value.tolist() for p in params] == [[2, 2]] * 4
    f()
    assert [p.value.tolist() for p in params] == [[4, 4]] * 4


def test_interrupt_while_a_graph_is_differentiated(monkeypatch):
    x = sc.Input("x", (3,))

    def interrupted(self, delta):
        raise KeyboardInterrupt

    monkeypatch.setattr(Interrupted, "backward", interrupted)
    J = sc.sum(Interrupted(x))
    with pytest.raises(KeyboardInterrupt):
        sc.grad(J, x)
    monkeypatch.undo()
    assert gc.isenabled()
    assert (x + 1).site.rule == ""
    np.testing.assert_array_equal(sc.compile(sc.grad(J, x))(), [1, 1, 1])


# Threads -------------------------------------------------------------------------------------------


def in_threads(count, work):
    """Run work(n) in threads at once; the first error is raised here."""
    barrier, errors = threading.Barrier(count), []

    def run(n):
        try:
            barrier.wait()
            work(n)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


def test_threads_share_a_program():
    J = network()
    f = sc.compile([J, *sc.grad(J, J.params)], guard=True)
    sizes = [1, 2, 3, 5, 5, 8]
    expected = [f(batch(n, seed=i)) for i, n in enumerate(sizes)]
    before = [lib["num_threads"] for lib in threadpoolctl.threadpool_info()]

    def work(i):
        for _ in range(15):
            for one, other in zip(f(batch(sizes[i], seed=i)), expected[i], strict=True):
                np.testing.assert_array_equal(one, other)

    in_threads(len(sizes), work)
    assert [lib["num_threads"] for lib in threadpoolctl.threadpool_info()] == before


def test_threads_build_and_differentiate_graphs():
    x = sc.Input("x", (None, 3))
    made = [None] * 4

    def work(n):
        a = x
        for i in range(60):
            a = sc.tanh(a * (i + 1)) + a
        J = sc.sum(a)
        made[n] = (J, sc.grad(J, x))

    in_threads(4, work)
    assert len({id(J) for J, _ in made}) == 1
    assert len({id(g) for _, g in made}) == 1
    assert gc.isenabled()


def test_a_failing_thread_does_not_disturb_the_others():
    J = network()
    f = sc.compile(J, guard=True)
    expected = f(batch(4))

    def work(n):
        for _ in range(10):
            if n % 2:
                with pytest.raises(sc.errors.FeedError):
                    f({**batch(4), "y": [7] * 4})
            else:
                assert f(batch(4)) == expected

    in_threads(4, work)
