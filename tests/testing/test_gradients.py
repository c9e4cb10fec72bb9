"""check_gradients against gradients written out by hand, and against wrong ones."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.testing import check_gradients


class Cube(sc.Node):
    """z^3, with an error that is too small by one part in a hundred."""

    z: sc.Node
    text = latex = "{z}"

    def forward(self, xp, z):
        return z * z * z

    def backward(self, delta):
        return (2.97 * self.z * self.z * delta,)


def test_distance_is_the_one_of_the_tutorial():
    w = sc.Param("w", np.array([1.0, 2.0]))
    with pytest.raises(sc.errors.GradientError):
        check_gradients(sc.sum(Cube(w)), {})
    check = check_gradients(sc.sum(Cube(w)), {}, step=1e-4, tolerance=1)
    numerical = 3 * w.value**2 + 1e-8  # (w + h)^3 - (w - h)^3 over 2 h is 3 w^2 + h^2
    symbolic = 2.97 * w.value**2
    expected = np.linalg.norm(numerical - symbolic) / np.linalg.norm(numerical + symbolic)
    assert check[w] == pytest.approx(expected, rel=1e-6)
    assert check.worst == check[w]


def test_wrong_gradient_is_refused_with_the_table():
    w, v = sc.Param("wrong", np.array([1.0, 2.0])), sc.Param("v", np.array([1.0, 2.0]))
    with pytest.raises(sc.errors.GradientError) as caught:
        check_gradients(sc.sum(Cube(w) * v), {})
    text = str(caught.value)
    assert "differ from numerical ones by more than 1e-06" in text
    assert "wrong          2 entries  5.03e-03" in text
    assert "sc.testing.check_node tells which" in text


def test_wrong_gradient_of_a_parameter_that_is_not_asked_for_passes():
    w, v = sc.Param("wrong", np.array([1.0, 2.0])), sc.Param("v", np.array([1.0, 2.0]))
    check = check_gradients(sc.sum(Cube(w) * v), {}, params=[v])
    assert list(check.distances) == [v]
    assert check[v] < 1e-9


def test_network_in_float32_is_checked_in_float64():
    x, y = sc.Input("x", (None, 1, 6, 6)), sc.Input("y", (None,), dtype="int64")
    a = sc.max_pool(sc.tanh(sc.conv(x, 3, 3, seed=0, name="c")), 2)
    J = sc.softmax_cross_entropy(sc.dense(a, 4, seed=1, name="d"), y)
    before = [p.value.copy() for p in J.params]
    rng = np.random.default_rng(0)
    check = check_gradients(J, {x: rng.random((5, 1, 6, 6), "float32"), "y": rng.integers(0, 4, 5)})
    assert J.dtype == np.float32
    assert list(check.distances) == J.params
    assert check.worst < 1e-8
    assert all(np.array_equal(p.value, b) for p, b in zip(J.params, before, strict=True))


def test_the_backend_is_the_one_that_is_asked_for():
    w = sc.Param("w", np.array([1.0, 2.0]))
    with pytest.raises(sc.errors.ArgumentError, match="there is no backend 'abacus'"):
        check_gradients(sc.sum(sc.tanh(w)), {}, backend="abacus")


def test_masked_entries_are_not_moved():
    w = sc.Param("w", np.array([1.0, 2.0, 3.0]), mask=[True, False, True])
    table = sc.Const([1.0, 0.0, 1.0])
    check = check_gradients(sc.sum(sc.exp(w * table)), {})
    assert check[w] < 1e-8
    assert str(check).startswith("w          2 entries  ")


def test_parameter_without_influence_is_refused():
    w, unused = sc.Param("w", np.array([1.0])), sc.Param("unused", np.array([1.0]))
    check = check_gradients(sc.sum(w * w), {}, params=[w])
    assert check[w] < 1e-9
    with pytest.raises(sc.errors.GradientError, match="Param 'unused': Sum does not depend on it"):
        check_gradients(sc.sum(w * w), {}, params=[unused])


def test_nan_is_refused():
    w, v = sc.Param("w", np.array([-1.0])), sc.Param("v", np.array([1.0]))
    with pytest.raises(sc.errors.GradientError):
        check_gradients(sc.sum(v * v + sc.log(w)), {})
    with pytest.raises(sc.errors.GradientError):
        check_gradients(sc.sum(sc.log(w) + v * v), {})


def test_feeds_are_checked_as_in_any_run():
    x, w = sc.Input("x", (2,)), sc.Param("w", np.ones(2))
    with pytest.raises(sc.errors.FeedError, match="missing: x"):
        check_gradients(sc.sum(x * w), {})
