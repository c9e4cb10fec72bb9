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
    with pytest.raises(sc.errors.ArgumentError, match="unknown backend 'abacus'"):
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


# Kinks ----------------------------------------------------------------------------------------------


class Relu(sc.Node):
    """The larger of z and 0, with a slope of its own at 0, and a factor that makes the error wrong."""

    z: sc.Node
    at_0: float = 0.0
    factor: float = 1.0
    text = latex = "{z}, {at_0}, {factor}"

    def forward(self, xp, z):
        return xp.maximum(z, 0 * z)

    def backward(self, delta):
        slope = sc.where(self.z > 0, 1.0, sc.where(sc.equal(self.z, 0.0), self.at_0, 0.0))
        return (self.factor * slope * delta,)


def border(at_0=0.0, factor=1.0):
    """Digits, a convolution without bias yet, relu, and a max pool: black windows are at the kink of relu.

    Returns the loss, and what to feed it.
    """
    digits = sc.data.mnist_mini()
    x, y = sc.Input("x", (None, 1, 28, 28)), sc.Input("y", (None,), "int64")
    a = sc.max_pool(Relu(sc.conv(x, 3, 5, seed=0, name="c"), at_0, factor), 2)
    J = sc.softmax_cross_entropy(sc.dense(a, 10, seed=2, name="out"), y)
    return J, {"x": digits.x_train[:2], "y": digits.y_train[:2]}


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_black_borders_are_at_kinks_of_the_bias_alone(backend):
    """Biases of 0 are at kinks, weights are not: a black window is black whatever they are.

    Some weights have a kink closer than the step: with smaller ones they are compared like all others.
    """
    J, feeds = border()
    W, b, *rest = J.params
    check = check_gradients(J, feeds, [W, b, rest[1]], backend=backend)
    assert [check.checked[p] for p in (W, b, rest[1])] == [75, 0, 10]
    assert [check.kinks[p] for p in (W, b, rest[1])] == [0, 3, 0]
    assert check.worst < 1e-8
    assert str(check).splitlines()[1].startswith("c.b            0 entries  0.00e+00, and 3 at kinks")


@pytest.mark.parametrize("at_0", [0.0, 0.3, 1.0])
def test_at_a_kink_all_between_the_slopes_is_right(at_0):
    """relu(2 w) at w = 0 has the slopes 0 and 2."""
    w, v = sc.Param("w", np.array([0.0, 1.5])), sc.Param("v", np.array([1.0]))
    J = sc.sum(Relu(w * sc.Const([2.0, 1.0]), at_0)) + sc.sum(v * v)
    check = check_gradients(J)
    assert (check.checked[w], check.kinks[w]) == (1, 1)
    assert check.worst < 1e-8


@pytest.mark.parametrize("at_0", [-0.1, 1.1, 3.0])
def test_at_a_kink_what_is_outside_the_slopes_is_refused(at_0):
    w = sc.Param("w", np.array([0.0, 1.5]))
    with pytest.raises(sc.errors.GradientError) as caught:
        check_gradients(sc.sum(Relu(w * sc.Const([2.0, 1.0]), at_0)))
    text = str(caught.value)
    assert "at kinks that are not between the slopes" in text
    assert f"w, entry (0,): {2 * at_0:.6g}, not between 0 and 2" in text
    assert "w          1 entries" in text and "and 1 at kinks" in text


def test_wrong_gradients_are_refused_beside_kinks():
    J, feeds = border(factor=1.01)
    W, b = J.params[:2]
    feeds = {name: array[:1] for name, array in feeds.items()}
    with pytest.raises(sc.errors.GradientError) as caught:
        check_gradients(J, feeds, [W, b])
    assert "c.W         75 entries  4.98e-03" in str(caught.value)  # 0.01 / 2.01


def test_a_check_of_kinks_alone_checks_nothing():
    x = sc.Input("x", (None, 3), "float64")
    J = sc.sum(sc.relu(x * sc.Param("w", np.zeros(3))))
    with pytest.raises(sc.errors.GradientError, match="nothing was checked: all entries are at kinks"):
        check_gradients(J, x=np.ones((2, 3)))


def test_large_curvature_is_no_kink():
    """1000 w^2 at 0 turns fast, and is smooth: a gradient of 0.1, between its differences of a step, is refused."""
    w = sc.Param("w", np.zeros(2))
    check = check_gradients(sc.sum(1000 * w * w + w))
    assert (check.checked[w], check.kinks[w]) == (2, 0)
    with pytest.raises(sc.errors.GradientError, match="differ from numerical ones"):
        check_gradients(sc.sum(1000 * w * w + Relu(w + 1, factor=1.05)))


def test_an_infinite_slope_is_no_kink():
    w = sc.Param("w", np.zeros(1))
    with pytest.raises(sc.errors.GradientError, match="differ from numerical ones"):
        check_gradients(sc.sum(Root(w)))


class Root(sc.Node):
    """The root of |z|, whose slopes at 0 grow without end; it says 1."""

    z: sc.Node
    text = latex = "{z}"

    def forward(self, xp, z):
        return xp.sqrt(xp.abs(z))

    def backward(self, delta):
        return (delta,)


# What is not finite ---------------------------------------------------------------------------------


def test_nan_near_the_point_is_told():
    x = sc.Input("x", (None, 3), "float64")
    J = sc.sum(sc.log(x * sc.Param("w", np.full(3, 1e-5))))
    with pytest.raises(sc.errors.GradientError) as caught:
        check_gradients(J, x=np.ones((2, 3)))
    text = str(caught.value)
    assert "Param 'w': J is nan where entry 0 is moved from 1e-05 by -0.0001, and -69.0776 before" in text
    assert "take a smaller step=" in text and "kink" not in text
    assert check_gradients(J, x=np.ones((2, 3)), step=1e-8).worst < 1e-6


@pytest.mark.parametrize(("value", "what"), [(-1.0, "nan"), (0.0, "-inf")])
def test_a_loss_that_is_not_finite_is_told(value, what):
    w = sc.Param("w", np.array([value]))
    with pytest.raises(sc.errors.GradientError, match=f"it is {what}: there is no derivative") as caught:
        check_gradients(sc.sum(sc.log(w)))
    assert "kink" not in str(caught.value)


def test_a_gradient_that_is_not_finite_is_told():
    w = sc.Param("w", np.array([0.0, 1.0]))
    with pytest.raises(sc.errors.GradientError, match=r"its gradient is inf in 1 of 2 entries, where J is finite"):
        check_gradients(sc.sum(sc.sqrt(w)))


# Feeds ----------------------------------------------------------------------------------------------


def test_arrays_are_given_as_everywhere():
    x, w = sc.Input("x", (2,)), sc.Param("w", np.ones(2))
    J = sc.sum(sc.tanh(x * w))
    one, two, three = check_gradients(J, {"x": [1, 2]}), check_gradients(J, {x: [1, 2]}), check_gradients(J, x=[1, 2])
    assert one[w] == two[w] == three[w] < 1e-8
    assert check_gradients(J, feeds={"x": [1, 2]}, params=[w])[w] == one[w]
    with pytest.raises(sc.errors.FeedError, match="unknown: z"):
        check_gradients(J, x=[1, 2], z=3)


# Several kinks at one place -------------------------------------------------------------------------


def two_layers(seed, factor=1.0):
    """Two layers of leaky relu, all biases 0, over images with black rows: kinks of both signs at one place."""
    rng = np.random.default_rng(seed)
    x = sc.Input("x", (None, 1, 7, 7))

    def leaky(z):
        return sc.maximum(z, 0.1 * z)

    a = leaky(sc.conv(leaky(sc.conv(x, 3, 3, seed=seed, name="c1")), 2, 2, seed=seed + 1, name="c2"))
    J = sc.mean(Relu(sc.dense(a, 4, seed=seed + 2, name="d") + 5, factor=factor) ** 2)
    images = rng.random((2, 1, 7, 7))
    images[:, :, :4] = 0
    return J, images


@pytest.mark.parametrize("seed", [1, 2])
def test_kinks_of_two_layers_at_one_place(seed):
    """The gradient is one of those right beside, though not between the slopes by one bias alone."""
    J, images = two_layers(seed)
    check = check_gradients(J, {"x": images}, J.params[:4])
    assert {p.name: n for p, n in check.kinks.items() if n} == {"c1.b": 3, "c2.b": 2}
    assert check.worst < 1e-8
    J, images = two_layers(seed, 1.001)
    with pytest.raises(sc.errors.GradientError, match="differ from numerical ones"):
        check_gradients(J, {"x": images}, J.params[:4])


def test_curvature_to_one_side_is_no_kink():
    """relu(w)^2 is smooth at 0, and its central difference is half a step there."""
    w = sc.Param("w", np.zeros(2))
    check = check_gradients(sc.sum(sc.relu(w) ** 2) + 1)
    assert (check.checked[w], check.kinks[w], check[w]) == (2, 0, 0.0)


def test_parameters_are_as_before_also_where_it_fails():
    J, images = two_layers(1, 1.001)
    before = [p.value.copy() for p in J.params]
    with pytest.raises(sc.errors.GradientError):
        check_gradients(J, {"x": images}, J.params[:2])
    assert all((p.value == b).all() for p, b in zip(J.params, before, strict=True))
