"""A gradient is a function of the inputs of what was differentiated: they may be fed, and they tell the batch size."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import symcnn as sc
from symcnn.train import evaluate

X = np.arange(15.0).reshape(5, 3)


def rows(name="x"):
    return sc.Input(name, (None, 3), "float64")


@pytest.fixture(params=["numpy", "native"])
def run(request):
    """Compile by one backend, and run."""
    return lambda nodes, **feeds: sc.compile(nodes, backend=request.param)(**feeds)


def test_that_of_a_sum_is_ones_of_the_shape_that_is_fed(run):
    x = rows()
    assert run(sc.grad(sc.sum(x), [x])[0], x=X).tolist() == np.ones((5, 3)).tolist()
    assert run(sc.grad(sc.sum(x), x), x=X[:0]).shape == (0, 3)


def test_an_input_that_is_not_read_may_be_fed_or_left_out(run):
    w, x = sc.Input("w", (3,), "float64"), sc.Input("x", (3,), "float64")
    dw = sc.grad(sc.sum(w * x), [w])[0]
    assert run(dw, w=[1, 2, 3], x=[4, 5, 6]).tolist() == run(dw, x=[4, 5, 6]).tolist() == [4, 5, 6]
    with pytest.raises(sc.errors.FeedError, match=r"Input 'w': an array of shape \(2,\) was fed; expected \(3,\)"):
        run(dw, w=[1, 2], x=[4, 5, 6])


def test_the_gradient_of_a_bias_counts_the_rows(run):
    x, b = rows(), sc.Param("b", np.zeros(3))
    assert run(sc.grad(sc.sum(x + b), [b])[0], x=X).tolist() == [5, 5, 5]
    assert run(sc.backprop(sc.sum(x + b)).grads[b], x=X).tolist() == [5, 5, 5]


def test_sums_of_gradients_and_second_derivatives_remember(run):
    x, u = rows(), rows("u")
    g1, g2 = sc.grad(sc.sum(x), x), sc.grad(sc.sum(3 * x + u), x)
    assert run(g1 + 2 * g2, x=X).tolist() == np.full((5, 3), 7.0).tolist()
    assert run(sc.simplify([2 * g2 + g1])[0], x=X, u=X).tolist() == np.full((5, 3), 7.0).tolist()
    assert run(sc.grad(sc.sum(g1 * g1 * u), u), x=X).tolist() == np.ones((5, 3)).tolist()  # d/du of u * 1
    assert run(sc.grad(sc.sum(sc.Param("w", np.ones(3))), x, unconnected="zeros"), x=X).tolist() == (0 * X).tolist()


@pytest.mark.parametrize("again", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_copies_and_pickles_remember(again):
    x = rows()
    g = sc.grad(sc.sum(2 * x), x)
    twos = np.full((5, 3), 2.0).tolist()
    assert again(sc.compile(g))(x=X).tolist() == sc.compile(again(g))(x=X).tolist() == twos
    v = sc.Input("v", (), "float64")
    s = sc.Input("s", (), "float64")
    passed = sc.grad(s + v, [s], seed=v)[0]  # it is v itself
    assert sc.compile(again(passed))(s=1.0, v=2.0) == again(sc.compile(passed))(s=1.0, v=2.0) == 2.0


def test_a_gradient_in_another_process_remembers():
    code = "import pickle, sys, symcnn as sc; g = pickle.load(sys.stdin.buffer); print(sc.compile(g)(x=[[1, 2, 3]]))"
    given = pickle.dumps(sc.grad(sc.sum(x := rows()), x))
    done = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, check=True, timeout=60)
    assert done.stdout.split() == [b"[[1.", b"1.", b"1.]]"]


def test_feeds_by_node_and_of_inputs_that_share_a_name():
    x, twin = rows(), sc.Input("x", (None, 4), "float64")
    f = sc.compile(sc.grad(sc.sum(x), x) * sc.grad(sc.sum(sc.sum(twin, axis=1)[:, None] + x), x))
    assert f({x: X}).tolist() == f({"x": X}).tolist() == np.ones((5, 3)).tolist()
    assert f({twin: np.ones((2, 4))}).shape == (2, 3)
    with pytest.raises(sc.errors.FeedError, match=r"Input 'x', made at .*, is not in this program"):
        f({sc.Input("x", (None, 5)): np.ones((2, 5))})


def test_what_nobody_knows_stays_an_error():
    x = sc.Input("x", (None, 7, 11))
    f = sc.compile(sc.grad(sc.sum(x), x))
    with pytest.raises(sc.errors.FeedError, match=r"unknown: y\n  this program takes x \(None, 7, 11\)\n"):
        f(x=np.ones((2, 7, 11)), y=X)
    missing = r"missing: x\n  this program takes x \(None, 7, 11\)\n  Input 'x' was made at .*py:\d+"
    with pytest.raises(sc.errors.FeedError, match=missing):
        f()


def test_a_constant_that_is_some_gradient_says_nothing_of_other_graphs():
    s, t = sc.Input("s", (), "float64"), sc.Input("t", (), "float64")
    one = sc.grad(s, s)
    assert sc.compile(one)(s=3.0) == 1.0
    with pytest.raises(sc.errors.FeedError, match="unknown: s"):
        sc.compile(t + one)(t=1.0, s=2.0)


def test_rows_must_agree_with_those_of_what_is_fed_beside():
    x, u = rows(), rows("u")
    f = sc.compile(sc.grad(sc.sum(x * u + x), x))
    assert f(u=X).tolist() == f(u=X, x=X).tolist() == (X + 1).tolist()
    with pytest.raises(sc.errors.FeedError, match="disagree on the number of rows: u has 5, x has 2"):
        f(u=X, x=X[:2])


def test_evaluate_and_a_page_take_the_data_of_the_loss():
    x = rows()
    g = sc.grad(sc.sum(2 * x), x)
    assert evaluate({"n": sc.mean(g)}, {"x": X}, batch=2) == {"n": 2.0}
    assert "x" in sc.explain(sc.sum(g * g), x=X[0]).html
