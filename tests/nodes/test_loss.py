"""Softmax and the losses against SciPy, their errors in closed form, and both far out."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_expit, log_softmax, logsumexp, softmax

import symcnn as sc

Y = sc.Input("y", (None,), "int64")


def scores(batch, classes=5, scale=3.0, seed=0):
    return scale * np.random.default_rng(seed).standard_normal((batch, classes))


def z_node(classes=5, dtype="float64"):
    return sc.Input("z", (None, classes), dtype)


@given(batch=st.sampled_from([0, 1, 3]), classes=st.sampled_from([1, 2, 5]), scale=st.sampled_from([0, 1, 30, 1e4]))
def test_softmax_and_its_logarithm(passes, batch, classes, scale):
    z, delta = scores(batch, classes, scale), scores(batch, classes, 1, seed=1)
    node = z_node(classes)
    with np.errstate(all="raise", under="ignore"):
        by_rule = [sc.softmax(node).forward(np, z), sc.log_softmax(node).forward(np, z)]
    a, (da,) = passes(sc.softmax(node), [node], {"z": z}, delta)
    b, (db,) = passes(sc.log_softmax(node), [node], {"z": z}, delta)
    p = softmax(z, axis=1)
    for found in (a, by_rule[0]):
        np.testing.assert_allclose(found, p, rtol=1e-13, atol=1e-300)
    for found in (b, by_rule[1]):
        np.testing.assert_allclose(found, log_softmax(z, axis=1), rtol=1e-13, atol=1e-13)
    jacobian = [np.diag(row) - np.outer(row, row) for row in p]
    if batch:
        np.testing.assert_allclose(da, [j @ d for j, d in zip(jacobian, delta, strict=True)], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(db, delta - p * delta.sum(axis=1, keepdims=True), rtol=1e-11, atol=1e-13)


@given(batch=st.sampled_from([1, 3, 8]), classes=st.sampled_from([1, 2, 5]), scale=st.sampled_from([0, 1, 30, 1e4]))
def test_softmax_cross_entropy(batch, classes, scale):
    z, y = scores(batch, classes, scale), np.random.default_rng(2).integers(0, classes, batch)
    node = z_node(classes)
    J = sc.softmax_cross_entropy(node, Y)
    value, dz = sc.compile([J, sc.grad(J, node)])(z=z, y=y)
    losses = logsumexp(z, axis=1) - z[np.arange(batch), y]
    assert value == pytest.approx(losses.mean(), rel=1e-13, abs=1e-13)
    np.testing.assert_allclose(dz, (softmax(z, axis=1) - np.eye(classes)[y]) / batch, rtol=1e-12, atol=1e-14)
    none, total = sc.compile([sc.softmax_cross_entropy(node, Y, "none"), sc.softmax_cross_entropy(node, Y, "sum")])(
        z=z, y=y
    )
    np.testing.assert_allclose(none, losses, rtol=1e-13, atol=1e-13)
    assert total == pytest.approx(losses.sum(), rel=1e-13, abs=1e-13)


def test_cross_entropy_is_exact_far_out():
    node = z_node(2, "float32")
    J = sc.softmax_cross_entropy(node, Y, "none")
    value, dz = sc.compile([J, sc.grad(sc.sum(J), node)])(z=[[1e4, -1e4], [-1e4, 1e4], [0, 100]], y=[0, 0, 1])
    assert value.tolist() == [0, 2e4, 0]
    np.testing.assert_allclose(dz, [[0, 0], [-1, 1], [0, 0]], atol=1e-40)


def test_cross_entropy_of_minus_infinity_scores():
    node = z_node(3)
    J = sc.softmax_cross_entropy(node, Y)
    value, dz = sc.compile([J, sc.grad(J, node)])(z=[[0, -np.inf, 0]], y=[0])
    assert value == pytest.approx(np.log(2))
    assert dz.tolist() == [[-0.5, 0, 0.5]]


def test_cross_entropy_of_maps():
    """Labels for each pixel: the classes are the last axis."""
    z, y = np.random.default_rng(3).standard_normal((2, 4, 3)), np.random.default_rng(4).integers(0, 3, (2, 4))
    node, labels = sc.Input("z", (None, 4, 3), "float64"), sc.Input("y", (None, 4), "int64")
    J = sc.softmax_cross_entropy(node, labels)
    expected = -log_softmax(z, axis=-1)[np.arange(2)[:, None], np.arange(4), y]
    assert sc.compile(J)(z=z, y=y) == pytest.approx(expected.mean(), rel=1e-13)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint64"])
def test_labels_of_any_integer_dtype(dtype):
    labels = sc.Input("y", (None,), dtype)
    one_hot, loss = sc.compile([sc.one_hot(labels, 3), sc.softmax_cross_entropy(z_node(3), labels)])(
        y=[2, 0], z=np.zeros((2, 3))
    )
    assert one_hot.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert loss == pytest.approx(np.log(3))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_one_hot(dtype):
    found = sc.compile(sc.one_hot(Y, 4, dtype))(y=[3, 0, 0])
    assert found.dtype == dtype
    assert found.tolist() == np.eye(4)[[3, 0, 0]].tolist()


# Squared error, and the binary cross-entropies -----------------------------------------------


@given(batch=st.sampled_from([1, 4]), shape=st.sampled_from([(3,), (2, 2), ()]))
def test_squared_error(batch, shape):
    rng = np.random.default_rng(5)
    a, t = rng.standard_normal((2, batch, *shape))
    na, nt = sc.Input("a", (None, *shape), "float64"), sc.Input("t", (None, *shape), "float64")
    J = sc.squared_error(na, nt)
    value, da, dt = sc.compile([J, *sc.grad(J, [na, nt])])(a=a, t=t)
    assert value == pytest.approx(0.5 * ((a - t) ** 2).sum() / batch, rel=1e-13)
    np.testing.assert_allclose(da, (a - t) / batch, rtol=1e-13)
    np.testing.assert_allclose(dt, (t - a) / batch, rtol=1e-13)


def test_squared_error_of_a_number():
    a = sc.Input("a", (None, 2))
    assert sc.compile(sc.squared_error(a, 1))(a=[[0, 1], [2, 3]]) == (1 + 1 + 4) / 4


@given(scale=st.sampled_from([0.1, 3, 50]), soft=st.booleans())
def test_sigmoid_cross_entropy(scale, soft):
    rng = np.random.default_rng(6)
    z, t = scale * rng.standard_normal((4, 3)), rng.random((4, 3))
    t = t if soft else (t > 0.5).astype("float64")
    node, target = z_node(3), sc.Input("t", (None, 3), "float64")
    expected = -(t * log_expit(z) + (1 - t) * log_expit(-z)).sum() / 4
    for J in (sc.sigmoid_cross_entropy(node, target), sc.binary_cross_entropy(sc.sigmoid(node), target)):
        value, dz = sc.compile([J, sc.grad(J, node)])(z=z, t=t)
        assert value == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(dz, (expit(z) - t) / 4, rtol=1e-11, atol=1e-15)


def test_binary_cross_entropy_of_probabilities():
    rng = np.random.default_rng(7)
    a, t = rng.uniform(0.01, 0.99, (4, 3)), rng.random((4, 3))
    node, target = sc.Input("a", (None, 3), "float64"), sc.Input("t", (None, 3), "float64")
    J = sc.binary_cross_entropy(node, target)
    value, da = sc.compile([J, sc.grad(J, node)])(a=a, t=t)
    assert value == pytest.approx(-(t * np.log(a) + (1 - t) * np.log(1 - a)).sum() / 4, rel=1e-12)
    np.testing.assert_allclose(da, (a - t) / (a * (1 - a)) / 4, rtol=1e-11)


def test_certain_and_right_costs_nothing():
    node, target = sc.Input("a", (None, 2), "float64"), sc.Input("t", (None, 2), "float64")
    J = sc.binary_cross_entropy(node, target)
    value, da = sc.compile([J, sc.grad(J, node)])(a=[[0.0, 1.0]], t=[[0, 1]])
    assert value == 0
    assert da.tolist() == [[1, -1]]


def test_cross_entropy_of_the_sigmoid_is_exact_far_out():
    z, t = z_node(1), sc.Input("t", (None, 1), "int64")
    J = sc.binary_cross_entropy(sc.sigmoid(z), t, "none")
    value, dz = sc.compile([J, sc.grad(sc.sum(J), z)])(z=[[-1e4], [1e4], [1e4]], t=[[1], [1], [0]])
    assert value.tolist() == [1e4, 0, 1e4]
    assert dz.tolist() == [[-1], [0], [1]]


def test_accuracy():
    f = sc.compile(sc.accuracy(z_node(3), Y))
    assert f(z=[[0, 1, 0], [1, 1, 0], [0, 0, 2]], y=[1, 1, 2]) == pytest.approx(2 / 3)


# An empty batch, and what is refused ---------------------------------------------------------


def test_mean_loss_of_no_rows_is_refused_the_sum_is_0():
    node = z_node()
    feeds = {"z": np.zeros((0, 5)), "y": np.zeros(0, "int64")}
    for J in (sc.softmax_cross_entropy(node, Y), sc.accuracy(node, Y)):
        with pytest.raises(sc.errors.FeedError, match="empty batch"):
            sc.compile(J)(feeds)
    total = sc.softmax_cross_entropy(node, Y, "sum")
    value, dz = sc.compile([total, sc.grad(total, node)])(feeds)
    assert value == 0
    assert dz.shape == (0, 5)


@pytest.mark.parametrize(("wrong", "place"), [([0, 5], 1), ([-1, 0], 0)])
def test_labels_out_of_range(wrong, place):
    node = z_node()
    J = sc.softmax_cross_entropy(node, Y)
    for asked in (J, sc.grad(J, node), sc.one_hot(Y, 5)):
        f = sc.compile(asked)
        feeds = {i.name: {"z": np.zeros((2, 5)), "y": wrong}[i.name] for i in f.inputs}
        with pytest.raises(sc.errors.FeedError, match=f"number {place} is {wrong[place]}; expected 0 to 4"):
            f(feeds)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: sc.softmax_cross_entropy(z_node(), sc.Input("t", (None,))), TypeError, "labels are class indices"),
        (lambda: sc.softmax_cross_entropy(z_node(), sc.Input("t", (None,), "bool")), TypeError, "labels are class ind"),
        (lambda: sc.softmax_cross_entropy(z_node(), sc.Input("t", (None, 5), "int64")), ValueError, "do not fit"),
        (lambda: sc.softmax_cross_entropy(z_node(), sc.Input("t", (4,), "int64")), ValueError, "do not fit"),
        (lambda: sc.one_hot(sc.Input("t", (None,)), 3), TypeError, "labels are class indices"),
        (lambda: sc.squared_error(z_node(), sc.Input("t", (None, 4), "float64")), ValueError, "do not fit"),
        (lambda: sc.squared_error(z_node(), sc.Input("t", (5,), "float64")), ValueError, "do not fit"),
        (lambda: sc.sigmoid_cross_entropy(z_node(), sc.Input("t", (None, 1))), ValueError, "do not fit"),
        (lambda: sc.softmax_cross_entropy(z_node(), Y, "avg"), ValueError, "'avg' is not known"),
        (lambda: sc.softmax(sc.Input("s", ())), ValueError, "a scalar has no last axis"),
        (lambda: sc.log_softmax(sc.Input("s", ())), ValueError, "a scalar has no last axis"),
    ],
)
def test_refused(build, error, message):
    with pytest.raises(sc.errors.SymcnnError, match=re.escape(message)) as caught:
        build()
    assert isinstance(caught.value, error)
