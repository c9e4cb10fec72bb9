"""`Backprop.run`: every value and every error that is needed, beside a computation by hand."""

import copy
import pickle
import sys

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

import symcnn as sc
from symcnn.draw.run import Run

RNG = np.random.default_rng(0)


def network():
    x, y = sc.Input("x", (None, 1, 7, 7), "float64"), sc.Input("y", (None,), "int64")
    w, b = sc.Param("c.W", RNG.standard_normal((2, 1, 4, 4))), sc.Param("c.b", RNG.standard_normal(2))
    z1 = sc.Conv(x, w, b)
    a1 = sc.sigmoid(z1)
    p1 = sc.mean_pool(a1, 2)
    v, c = sc.Param("o.W", RNG.standard_normal((3, 8))), sc.Param("o.b", RNG.standard_normal(3))
    z2 = sc.Dense(sc.flatten(p1), v, c)
    return [x, y, w, b, z1, a1, p1, v, c, z2, sc.softmax_cross_entropy(z2, y)]


def by_hand(w, b, v, c, image, label):
    """The tutorial's equations for one image, with SciPy's convolutions."""
    z1 = np.stack([correlate2d(image, f, "valid") + bias for f, bias in zip(w[:, 0], b, strict=True)])
    a1 = 1 / (1 + np.exp(-z1))
    p1 = a1.reshape(2, 2, 2, 2, 2).mean(axis=(2, 4))
    z2 = v @ p1.ravel() + c
    probabilities = np.exp(z2) / np.exp(z2).sum()
    dz2 = probabilities - np.eye(3)[label]
    dp1 = (v.T @ dz2).reshape(2, 2, 2)
    da1 = np.kron(dp1, np.ones((2, 2))) / 4
    dz1 = da1 * a1 * (1 - a1)
    dw = np.stack([convolve2d(image, np.rot90(d, 2), "valid") for d in dz1])[:, None]
    grads = dw, dz1.sum(axis=(1, 2)), np.outer(dz2, p1.ravel()), dz2
    return (z1, a1, p1, z2), (dz1, da1, dp1, dz2), grads, -np.log(probabilities[label])


def test_all_values_errors_and_gradients_are_those_computed_by_hand():
    x, _, w, b, z1, a1, p1, v, c, z2, J = network()
    image = RNG.standard_normal((7, 7))
    run = sc.backprop(J).run(x=image[None, None], y=[2])
    values, errors, grads, loss = by_hand(w.value, b.value, v.value, c.value, image, 2)
    for node, value, error in zip((z1, a1, p1, z2), values, errors, strict=True):
        np.testing.assert_allclose(run[node][0], value, rtol=1e-12)
        np.testing.assert_allclose(run.delta(node)[0], error, rtol=1e-12, atol=1e-15)
        assert run.norm(node) == pytest.approx(np.sqrt((value**2).sum()), rel=1e-12)
    assert list(run.grads) == [w, b, v, c]
    for found, expected in zip(run.grads.values(), grads, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(run.J, loss, rtol=1e-12)
    assert run[x].tolist() == image[None, None].tolist() and run.batch == 1


def test_the_order_is_that_of_the_sweep():
    *_, z1, a1, p1, _, _, z2, J = network()
    back = sc.backprop(J)
    run = back.run(x=np.ones((2, 1, 7, 7)), y=[0, 1])
    wanted = [z1, a1, p1, z2, J, *(back.delta(n) for n in (z2, p1, a1, z1))]
    assert [n for n in run.order if n in wanted] == wanted
    assert list(run) == run.order and len(run) == len(run.order) and run.batch == 2
    assert {step.delta for step in back.steps if step.node.params} <= set(run)
    assert isinstance(run, Run) and dict(run.trace) is not None and run.back is back


def test_an_error_that_no_gradient_needs_is_not_computed():
    x, y, *_, J = network()
    back = sc.backprop(J)
    run = back.run(x=np.ones((2, 1, 7, 7)), y=[0, 1])
    assert back.delta(x) not in run
    with pytest.raises(sc.errors.NotRunError, match=r"Input 'x': its error is not needed.*\n.*sc\.compile") as error:
        run.delta(x)
    assert __file__ in str(error.value)
    with pytest.raises(sc.errors.GradientError):
        run.delta(y)
    with pytest.raises(sc.errors.GradientError):
        run.delta(sc.Input("other", ()))
    with pytest.raises(KeyError, match="not computed"):
        run[sc.tanh(x)]


def test_without_parameters_all_errors_are_needed():
    x = sc.Input("x", (3,), "float64")
    run = sc.backprop(sc.sum(x * x)).run(x=[1, 2, 3])
    assert run.delta(x).tolist() == [2, 4, 6] and run.grads == {}


def test_a_graph_of_one_leaf():
    w = sc.Param("w", 2.0)
    run = sc.backprop(w).run()
    assert run.J == 2 and run.delta(w) == run.grads[w] == 1
    assert "J = 2<" in run.draw().svg


def test_a_seed_is_fed():
    x, u = sc.Input("x", (None, 2)), sc.Input("u", (None, 2))
    run = sc.backprop(sc.tanh(x), u).run(x=[[0, 0]], u=[[3, 4]])
    assert run.delta(x).tolist() == [[3, 4]] and run.norm(run.back.delta(x)) == 5
    assert "‖J‖ 0<" in run.draw().svg and "‖δ(x)‖ 5<" in run.draw().svg


def test_rewritten_values_are_there():
    x, w = sc.Input("x", (None, 3), "float64"), sc.Param("w", [1.0, 2.0, 3.0])
    named = sc.log(sc.softmax(x * w))
    run = sc.backprop(sc.mean(named)).run(x=[[1, 1, 1]])
    expected = np.array([1.0, 2.0, 3.0]) - np.log(np.exp([1.0, 2.0, 3.0]).sum())
    np.testing.assert_allclose(run[named][0], expected)


@pytest.mark.parametrize(
    "wrong", [{}, {"x": np.ones((2, 1, 7, 7))}, {"x": np.ones((2, 1, 7)), "y": [0, 1]}, {"x": 1, "y": 2, "z": 3}]
)
def test_feeds_are_refused_as_by_a_program(wrong):
    J = network()[-1]
    texts = []
    for function in (sc.compile(J), sc.backprop(J).run):
        with pytest.raises(sc.errors.SymcnnError) as caught:
            function(wrong)
        texts.append((caught.type, str(caught.value)))
    assert texts[0] == texts[1]


def test_the_table():
    J = network()[-1]
    run = sc.backprop(J).run(x=np.ones((2, 1, 7, 7)), y=[0, 1])
    head, columns, *rows = repr(run).splitlines()
    assert (head, columns.split()) == ("Run of J, batch 2", ["value", "shape", "norm", "error"])
    assert [row.split()[0] for row in rows] == ["x", "y", "W1", "b1", "z1", "a1", "p1", "W2", "b2", "z2", "J"]
    assert rows[0].split()[2:] == ["‖x‖", "9.9", "not", "needed"]
    assert rows[-1].split()[2:] == ["=", f"{float(run.J):.3g}", "=", "1"]
    norm = np.linalg.norm(run.delta(J.graph().params[0]))
    assert rows[2].split()[-2:] == ["‖∇W1‖", f"{norm:.3g}"]


def test_the_table_of_a_long_chain_is_short(make):
    run = sc.backprop(make["chain"](2000)).run(x=np.zeros((1, 4)))
    lines = repr(run).splitlines()
    assert len(lines) == 43 and any("more ..." in line for line in lines)
    svg = run.draw().svg
    assert "(Mul, Sigmoid) ×1,000" in svg and "‖x‖ 0" in svg and "J = 0.659" in svg  # the fixed point of the sigmoid


def test_a_repr_never_raises(monkeypatch):
    run = sc.backprop(sc.sum(sc.Param("w", [1.0]))).run()

    def fails(*_):
        raise ValueError("no such thing")

    monkeypatch.setattr(sys.modules[Run.__module__], "norm_text", fails)
    assert repr(run) == "Run of J, batch 1, which could not be shown: no such thing"


@pytest.mark.parametrize("again", [lambda run: pickle.loads(pickle.dumps(run)), copy.deepcopy, copy.copy])
def test_a_run_is_pickled_and_copied(again):
    x, w = sc.Input("x", (None, 3)), sc.Param("w", [1.0, 2.0, 3.0])
    run = sc.backprop(sc.sum(sc.tanh(w * x))).run(x=np.ones((2, 3)))
    other = again(run)
    assert repr(other) == repr(run) and other.draw().svg == run.draw().svg
    assert [g.tolist() for g in other.grads.values()] == [g.tolist() for g in run.grads.values()]


def test_the_error_of_what_is_no_node():
    run = sc.backprop(sc.sum(sc.Param("w", [1.0]))).run()
    with pytest.raises(sc.errors.DTypeError, match="got"):
        run.delta([])
