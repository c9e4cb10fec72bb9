"""The sweep: what it visits, what it makes, and gradients against computations that know nothing of it."""

import re

import numpy as np
import pytest
from scipy.signal import convolve2d
from scipy.special import expit, logsumexp, softmax

import symcnn as sc
from symcnn.graph.errors import GradientError, NodeTypeError
from symcnn.testing import check_gradients


def run(node, **feeds):
    return sc.compile(node)(**feeds)


# What is visited and made -----------------------------------------------------------------------


def network(dtype="float64", pool="mean"):
    """The tutorial's network in small, and everything that is in it."""
    x, y = sc.Input("x", (None, 1, 8, 8), dtype), sc.Input("y", (None,), "int64")
    z1 = sc.conv(x, 2, 3, name="conv", seed=0)
    a1 = sc.sigmoid(z1)
    p1 = sc.pool(a1, 2, pool)
    z2 = sc.dense(p1, 3, name="out", seed=1)
    J = sc.softmax_cross_entropy(z2, y)
    rng = np.random.default_rng(0)
    return J, {"x": rng.random((5, 1, 8, 8)), "y": rng.integers(0, 3, 5)}


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_each_node_is_visited_after_all_that_use_it(pool):
    J, _ = network(pool=pool)
    back = sc.backprop(J)
    visited = [step.node for step in back.steps]
    assert visited[0] is J
    assert len(set(visited)) == len(visited)
    place = {node: n for n, node in enumerate(visited)}
    for node in visited:
        for source in node.inputs:
            assert source not in place or place[source] > place[node]
    real = [n for n in J.graph().nodes if n.dtype.kind == "f" and not isinstance(n, sc.Const | sc.BatchSize)]
    assert set(real) <= set(visited)


def test_the_steps_read_like_the_sweep():
    J, _ = network()
    lines = [str(step) for step in sc.backprop(J).steps]
    assert lines[0] == "Mean (): sends errors to SoftmaxCrossEntropy"
    assert "Dense 'out' (None, 3): sends errors to Reshape, out.W, out.b" in lines
    assert "Conv 'conv' (None, 2, 6, 6): sends errors to x, conv.W, conv.b" in lines
    assert "Param 'conv.W' (2, 1, 3, 3): sends no errors on" in lines
    many = sc.concat([sc.Input(f"x{n}", (None, 1)) for n in range(12)])
    step = next(s for s in sc.backprop(sc.sum(many)).steps if s.node is many)
    assert repr(step) == "Concat (None, 12): sends errors to x0, x1, x2, x3, x4, x5, ... 6 more"


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_delta_is_complete_when_a_node_is_visited(pool):
    """It is the sum of everything that has been sent to the node before, and final."""
    J, feeds = network(pool=pool)
    back = sc.backprop(J)
    received = {J: [sc.ones(J)]}
    for step in back.steps:
        assert step.delta is back.delta(step.node)
        total = received[step.node][0]
        for error in received[step.node][1:]:
            total = total + error
        found, expected, *_ = sc.compile([step.delta, total, *J.graph().inputs])(feeds)
        np.testing.assert_array_equal(found, expected)
        for source, error in step.sent:
            assert source in step.node.inputs
            assert error.spec == source.spec
            received.setdefault(source, []).append(error)


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_made_is_the_backward_graph_each_node_once(pool):
    J, _ = network(pool=pool)
    back = sc.backprop(J)
    made = [node for step in back.steps for node in step.made]
    assert len(set(made)) == len(made)
    forward = set(J.graph().nodes)
    assert not forward.intersection(made)
    backward = set(sc.Graph(*(step.delta for step in back.steps)).nodes) - forward
    assert backward == set(made)
    for step in back.steps:
        assert list(step.made) == sorted(step.made, key=lambda node: node.serial)


def test_what_a_rule_makes_carries_the_line_of_its_node():
    x = sc.Input("x", (3,))
    a = sc.sigmoid(x, name="a1")
    line = a.site.line
    step = sc.backprop(sc.sum(a)).steps[1]
    assert step.node is a
    for node in step.made:
        assert (node.site.file, node.site.line) == (__file__, line)
        assert "made by the backward rule of Sigmoid 'a1'" in str(node.site)


def test_grads_are_in_the_order_of_the_graph():
    J, _ = network()
    back = sc.backprop(J)
    assert [p.name for p in back.grads] == ["conv.W", "conv.b", "out.W", "out.b"]
    assert list(back.grads) == J.params
    assert all(gradient is back.delta(p) for p, gradient in back.grads.items())
    assert repr(back) == f"Backprop({J.label}: {len(back.steps)} steps, 4 gradients)"


def test_sweeping_twice_gives_the_same_nodes():
    J, _ = network()
    first, second = sc.backprop(J), sc.backprop(J)
    assert all(first.delta(s.node) is s.delta for s in second.steps)


# Shapes of graphs -------------------------------------------------------------------------------


def diamonds(count):
    x = sc.Input("x", (), "float64")
    y = x
    for _ in range(count):
        y = sc.sigmoid(y) + sc.tanh(y)
    return x, y


def test_diamonds_in_a_row_cost_one_visit_each():
    """There are 2^200 ways from the end to the start."""
    sizes = []
    for count in (100, 200, 300):
        x, y = diamonds(count)
        back = sc.backprop(y)
        assert len(back.steps) == 3 * count + 1
        sizes.append(len(sc.Graph(back.delta(x))))
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0]
    v, dv = 0.3, 1.0
    for _ in range(300):
        s, t = expit(v), np.tanh(v)
        v, dv = s + t, dv * (s * (1 - s) + 1 - t * t)
    assert run(back.delta(x), x=0.3) == pytest.approx(dv, rel=1e-9)


def test_long_chain_needs_no_recursion():
    x = sc.Input("x", (), "float64")
    y = x
    for _ in range(1500):
        y = y + 0.001 * sc.tanh(y)
    v, dv = 0.5, 1.0
    for _ in range(1500):
        t = np.tanh(v)
        v, dv = v + 0.001 * t, dv * (1 + 0.001 * (1 - t * t))
    assert run(sc.grad(y, x), x=0.5) == pytest.approx(dv, rel=1e-10)


def test_two_edges_from_one_node():
    x = sc.Input("x", (3,), "float64")
    square = x * x
    back = sc.backprop(sc.sum(square))
    step = back.steps[1]
    assert step.node is square
    assert [source for source, _ in step.sent] == [x, x]
    assert run(back.delta(x), x=[1, 2, 3]).tolist() == [2, 4, 6]
    assert run(sc.grad(sc.sum(x * x * x), x), x=[1, 2, 3]).tolist() == [3, 12, 27]


def test_gradient_by_a_node_in_the_middle():
    x = sc.Input("x", (3,), "float64")
    y = 2 * x
    J = sc.sum(y * y + x)
    dy, dx, dJ = sc.grad(J, [y, x, J])
    assert run(dy, x=[1, 2, 3]).tolist() == [4, 8, 12]
    assert run(dx, x=[1, 2, 3]).tolist() == [9, 17, 25]
    assert run(dJ).item() == 1


def test_answer_has_the_form_of_the_question():
    x = sc.Input("x", (), "float64")
    assert isinstance(sc.grad(x * x, x), sc.Node)
    assert [type(n) for n in (sc.grad(x * x, [x]), sc.grad(x * x, (x,)))] == [list, list]
    assert sc.grad(x * x, []) == []


def test_gradient_of_a_leaf_by_itself():
    w = sc.Param("w", 3.0)
    assert run(sc.grad(w, w)).item() == 1


# Seeds ------------------------------------------------------------------------------------------


def test_seed_is_the_error_of_a_non_scalar():
    x, w = sc.Input("x", (3,), "float64"), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    y = sc.Const(w) @ x
    for seed in ([10.0, 1.0], np.array([10, 1]), sc.Const([10.0, 1.0]), np.array([10, 1], "float32")):
        assert run(sc.grad(y, x, seed=seed)).tolist() == (np.array([10, 1]) @ w).tolist()


def test_seed_may_be_fed():
    x = sc.Input("x", (None, 3), "float64")
    seed = sc.Input("seed", (None, 3), "float64")
    found = run(sc.grad(sc.tanh(x), x, seed=seed), x=[[0.5, 1, 2]], seed=[[1, 2, 3]])
    np.testing.assert_allclose(found, [[1, 2, 3]] / np.cosh([[0.5, 1, 2]]) ** 2, rtol=1e-13)


def test_seed_of_a_scalar_scales():
    x = sc.Input("x", (), "float64")
    assert run(sc.grad(x * x, x, seed=5), x=3) == 30


def test_non_scalar_without_a_seed():
    with pytest.raises(GradientError, match=re.escape("the gradient of a value of shape (None, 3) needs a seed")):
        sc.backprop(2 * sc.Input("x", (None, 3)))


def test_seed_of_another_shape():
    x = sc.Input("x", (3,))
    with pytest.raises(GradientError, match=re.escape("the seed has shape (2,); expected (3,)")):
        sc.backprop(2 * x, seed=[1.0, 2.0])


def test_integers_have_no_gradient():
    with pytest.raises(GradientError, match="values of dtype int64 have no gradients"):
        sc.backprop(sc.argmax(sc.Input("x", (3,))))


# What J does not depend on ----------------------------------------------------------------------


def test_unconnected_is_an_error_or_zeros():
    x, other = sc.Input("x", (3,)), sc.Input("other", (None, 2), "float16")
    J = sc.sum(x)
    with pytest.raises(GradientError) as caught:
        sc.grad(J, [x, other])
    assert "Sum has no gradient with respect to Input(" in str(caught.value)
    assert "it does not depend on it" in str(caught.value)
    assert f"made at {__file__}" in str(caught.value)
    dx, zero = sc.grad(J, [x, other], unconnected="zeros")
    assert run(dx).tolist() == [1, 1, 1]
    assert zero.spec == other.spec
    assert sc.compile([zero, other])(other=np.ones((2, 2)))[0].tolist() == [[0, 0], [0, 0]]


def test_only_through_integers_is_unconnected():
    x, y = sc.Input("x", (3,)), sc.Input("y", (3,), "int64")
    J = sc.sum(sc.where(x > 0, 1.0, 2.0) + y)
    with pytest.raises(GradientError, match="it does not depend on it"):
        sc.grad(J, x)
    for unconnected in ("error", "zeros"):
        with pytest.raises(GradientError, match="int64 values have no gradients"):
            sc.grad(J, y, unconnected=unconnected)
    assert run(sc.grad(J, x, unconnected="zeros")).tolist() == [0, 0, 0]


def test_what_is_downstream_is_unconnected():
    x = sc.Input("x", (3,))
    y = 2 * x
    with pytest.raises(GradientError):
        sc.grad(sc.sum(x), y)


# Rules that break their contract ------------------------------------------------------------------


def broken(answer, dtype="float32"):
    class Broken(sc.Node):
        """A rule of no use."""

        z: sc.Node
        integer_inputs = ("z",)

        def infer(self):
            return sc.Spec(self.z.shape, np.dtype("float32"))

        def forward(self, xp, z):
            return z

        def backward(self, delta):
            return answer(delta)

    node = Broken(sc.Input("z", (3,), dtype), name="mine")
    with pytest.raises(NodeTypeError) as caught:
        sc.backprop(sc.sum(node))
    assert f"the rule is at {__file__}:" in str(caught.value)
    assert f"made at {__file__}:" in str(caught.value)
    return str(caught.value)


def test_broken_rules_are_named():
    start = "Broken 'mine': the backward rule returned"
    assert f"{start} 2 errors; expected 1, one an input" in broken(lambda d: (d, d))
    assert f"{start} 0 errors; expected 1" in broken(lambda d: ())
    assert f"{start} a node; expected a tuple, as in (delta * 2,) - mind the comma" in broken(lambda d: d)
    assert f"{start} a NoneType; expected a tuple of nodes" in broken(lambda d: None)
    assert f"{start} a ndarray; expected nodes" in broken(lambda d: (np.ones(3),))
    assert f"{start} a float; expected nodes" in broken(lambda d: [1.0])
    assert f"{start} an error of shape () for Input 'z'; expected (3,)" in broken(lambda d: (sc.sum(d),))
    assert f"{start} an error for Input 'z' of dtype int64; return None for it" in broken(lambda d: (d,), "int64")


class Failing(sc.Node):
    """A backward rule that raises whatever it is given."""

    z: sc.Node
    error: Exception

    def forward(self, xp, z):
        return z

    def backward(self, delta):
        raise self.error


@pytest.mark.parametrize("error", [ZeroDivisionError("by nothing"), AttributeError("no such field"), KeyError()])
def test_a_backward_rule_that_raises_is_named(error):
    node = Failing(sc.Input("z", (3,)), error, name="mine")
    with pytest.raises(NodeTypeError) as caught:
        sc.backprop(sc.sum(node))
    first, *others = str(caught.value).splitlines()
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    assert first == f"Failing 'mine': the backward rule failed: {told}"
    assert others == [f"  the rule is at {__file__}:{Failing.backward.__code__.co_firstlineno}", f"  {node.site}"]
    assert caught.value.__cause__ is error
    with pytest.raises(NodeTypeError, match="the backward rule failed"):
        sc.draw(sc.sum(node))


@pytest.mark.parametrize("error", [sc.errors.ShapeError("does not fit"), MemoryError()])
def test_what_says_where_it_comes_from_passes_through_a_backward_rule(error):
    with pytest.raises(type(error)) as caught:
        sc.backprop(sc.sum(Failing(sc.Input("z", (3,)), error)))
    assert caught.value is error


def test_elementwise_rule_need_not_sum_what_broadcasting_stretched():
    class Times(sc.Node):
        """a b."""

        a: sc.Node
        b: sc.Node

        def forward(self, xp, a, b):
            return a * b

        def backward(self, delta):
            return delta * self.b, delta * self.a

    a, b = sc.Input("a", (None, 2, 3), "float64"), sc.Input("b", (3,), "float64")
    values = np.arange(12.0).reshape(2, 2, 3)
    assert run(sc.grad(sc.sum(Times(a, b)), b), a=values).tolist() == values.sum(axis=(0, 1)).tolist()


# Gradients of the second order --------------------------------------------------------------------


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_hessian_vector_products_against_differences(pool):
    J, feeds = network(pool=pool)
    params = J.params
    directions = [np.random.default_rng(n).standard_normal(p.value.shape) for n, p in enumerate(params)]
    gradients = sc.grad(J, params)
    along = sc.Const(0.0)
    for gradient, u in zip(gradients, directions, strict=True):
        along = along + sc.sum(gradient * sc.Const(u))
    products = sc.compile(sc.grad(along, params))(feeds)
    f, h = sc.compile(gradients), 1e-5
    ends = []
    for step in (h, -2 * h):
        for p, u in zip(params, directions, strict=True):
            p.value[...] += step * u
        ends.append(f(feeds))
    for found, above, below in zip(products, *ends, strict=True):
        np.testing.assert_allclose(found, (above - below) / (2 * h), rtol=1e-6, atol=1e-9)


def test_hessian_of_a_quadratic_form_is_exact():
    a = np.random.default_rng(0).standard_normal((4, 4))
    x = sc.Input("x", (4,), "float64")
    g = sc.grad(0.5 * (x @ (sc.Const(a) @ x)), x)
    rows = sc.compile([sc.grad(g[i], x) for i in range(4)])()
    np.testing.assert_allclose(rows, (a + a.T) / 2, rtol=1e-13)


# dtypes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["float16", "float32", "float64"])
@pytest.mark.parametrize("second", ["float16", "float32", "float64"])
def test_gradients_have_their_parameters_dtype(first, second):
    """Both layers in float64 are the measure for all mixes."""
    rng = np.random.default_rng(0)
    w, v = rng.standard_normal((2, 1, 3, 3)) / 3, rng.standard_normal((3, 18)) / 4
    x, y = rng.random((4, 1, 8, 8)), rng.integers(0, 3, 4)

    def gradients(one, two):
        node, labels = sc.Input("x", (None, 1, 8, 8), one), sc.Input("y", (None,), "int64")
        params = sc.Param("w", w.astype(one)), sc.Param("v", v.astype(two))
        a = sc.tanh(sc.Conv(node, params[0]))
        J = sc.softmax_cross_entropy(sc.Dense(sc.flatten(sc.max_pool(a, 2)), params[1]), labels)
        assert J.dtype == np.result_type(one, two)
        return sc.compile([*sc.backprop(J).grads.values()])(x=x, y=y)

    found, measure = gradients(first, second), gradients("float64", "float64")
    assert [g.dtype.name for g in found] == [first, second]
    room = 20 * max(np.finfo(first).eps, np.finfo(second).eps)
    for one, other in zip(found, measure, strict=True):
        np.testing.assert_allclose(one, other, rtol=room, atol=room / 10)


# The whole network of the tutorial -----------------------------------------------------------------


def tutorial(pool="mean"):
    rng = np.random.default_rng(42)
    digits = np.clip(rng.normal(0.1, 0.4, (10, 1, 28, 28)), 0, 1)
    x, y = sc.Input("x", (None, 1, 28, 28), "float64"), sc.Input("y", (None,), "int64")
    a1 = sc.sigmoid(sc.conv(x, filters=2, size=9, name="conv1", seed=1, init=sc.initial.normal(0.1)))
    J = sc.softmax_cross_entropy(sc.dense(sc.pool(a1, 5, pool), 10, name="out", seed=2), y)
    for p in J.params[1::2]:
        p.value[:] = rng.normal(0, 0.1, p.value.shape)
    return J, digits, rng.integers(0, 10, 10)


def test_the_tutorials_own_check_of_gradients():
    """10 digits, 2 filters of 9 x 9, pools of 5 x 5, 10 classes, step 1e-4: "less than 1e-9" is asked for."""
    J, digits, labels = tutorial()
    check = check_gradients(J, {"x": digits, "y": labels}, step=1e-4)
    assert [p.value.shape for p in check.distances] == [(2, 1, 9, 9), (2,), (10, 32), (10,)]
    assert check.worst < 1e-9


def test_the_tutorials_equations_written_out():
    """Every delta and every gradient, by SciPy's convolutions and NumPy's kron."""
    J, x, y = tutorial()
    w1, b1, w2, b2 = (p.value for p in J.params)
    z1 = [[convolve2d(x[n, 0], np.rot90(w1[f, 0], 2), "valid") + b1[f] for f in range(2)] for n in range(10)]
    a1 = expit(np.array(z1))
    p1 = a1.reshape(10, 2, 4, 5, 4, 5).mean(axis=(3, 5))
    flat = p1.reshape(10, 32)
    z2 = flat @ w2.T + b2
    cost = (logsumexp(z2, axis=1) - z2[np.arange(10), y]).mean()

    d2 = (softmax(z2, axis=1) - np.eye(10)[y]) / 10
    dp = (d2 @ w2).reshape(10, 2, 4, 4)
    da = np.kron(dp, np.ones((1, 1, 5, 5))) / 25
    d1 = da * a1 * (1 - a1)
    grad_w1 = [[sum(convolve2d(x[n, 0], np.rot90(d1[n, f], 2), "valid") for n in range(10))] for f in range(2)]
    dx = [[sum(convolve2d(d1[n, f], w1[f, 0], "full") for f in range(2))] for n in range(10)]

    nodes = {type(step.node).__name__: step.node for step in sc.backprop(J).steps}
    back = sc.backprop(J)
    wanted = {"Dense": d2, "Pool": dp, "Sigmoid": da, "Conv": d1, "Input": dx}
    found = sc.compile([J, *(back.delta(nodes[n]) for n in wanted), *back.grads.values()])(x=x, y=y)
    expected = [cost, *wanted.values(), grad_w1, d1.sum(axis=(0, 2, 3)), d2.T @ flat, d2.sum(axis=0)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-15)


def test_max_pooling_passes_the_same_check():
    """With a smaller step, which moves no maximum to another unit."""
    J, digits, labels = tutorial("max")
    assert check_gradients(J, {"x": digits, "y": labels}, step=1e-7).worst < 1e-7


# What is made ------------------------------------------------------------------------------


def nodes_made(work):
    """How many nodes `work` makes."""
    before = sc.Input("before", ()).serial
    kept = work()
    return sc.Input("after", ()).serial - before - 1, kept


def chain_of_layers(depth):
    h = sc.Input("x", (None, 8))
    for n in range(depth):
        h = sc.tanh(sc.dense(h, 8, seed=n))
    return sc.mean(h * h)


def test_a_gradient_visits_only_what_lies_between():
    J = chain_of_layers(12)
    first, last = J.params[0], J.params[-1]
    few, near = nodes_made(lambda: sc.grad(J, last))
    many, far = nodes_made(lambda: sc.grad(J, first))
    assert few < many / 5
    back = sc.backprop(J)
    assert near is back.grads[last]
    assert far is back.grads[first]


def test_a_gradient_by_an_inner_node_goes_no_further():
    J = chain_of_layers(6)
    inner = J.inputs[0].inputs[0]
    made, error = nodes_made(lambda: sc.grad(J, inner))
    assert made < 10
    assert error is sc.backprop(J).delta(inner)


def test_several_nodes_are_reached_in_one_sweep_and_in_any_order():
    J = chain_of_layers(4)
    p, back = J.params, sc.backprop(J)
    inner = J.inputs[0].inputs[0]
    asked = [p[5], inner, p[0], J]
    assert sc.grad(J, asked) == [back.grads[p[5]], back.delta(inner), back.grads[p[0]], back.delta(J)]


def test_a_logarithm_keeps_its_detour_where_only_one_branch_is_asked_for():
    z, w = sc.Input("z", (None, 3)), sc.Input("w", (None, 3))
    J = -sc.sum(sc.log(sc.softmax(z + w)))
    errors = sc.compile([sc.grad(J, z), sc.grad(J, [z, w])[1]])(z=[[1e4, 0, -1e4]], w=[[0, 0, 0]])
    for error in errors:
        np.testing.assert_allclose(error, [[2, -1, -1]], atol=1e-6)
