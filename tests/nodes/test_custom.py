"""Errors that stop, and rules that are not the derivative on purpose."""

import pickle

import numpy as np
import pytest

import symcnn as sc
from symcnn.testing import check_node

X = sc.Input("x", (None, 3), "float64")
GIVEN = np.random.default_rng(0).standard_normal((5, 3))


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("batch", [0, 1, 33])
def test_a_stopped_gradient_is_that_of_a_constant(backend, batch):
    x = np.random.default_rng(1).standard_normal((batch, 3))
    J = sc.sum(sc.exp(X) * sc.stop_gradient(sc.sigmoid(X)))
    value, dx = sc.compile([J, sc.grad(J, X)], backend=backend)(x=x)
    expected = np.exp(x) / (1 + np.exp(-x))
    np.testing.assert_allclose(value, expected.sum(), rtol=1e-12)
    np.testing.assert_allclose(dx, expected, rtol=1e-12)


def test_what_is_stopped_alone_has_no_gradient(refused):
    J = sc.sum(sc.stop_gradient(X))
    with refused(sc.errors.GradientError, "has no gradient with respect to"):
        sc.grad(J, X)
    assert sc.compile(sc.grad(J, X, unconnected="zeros"))(x=GIVEN).tolist() == np.zeros((5, 3)).tolist()
    assert sc.stop_gradient(sc.Input("n", (None,), "int64")).dtype == "int64"


def straight(delta, z):
    return delta


def halved(delta, a, b):
    return 0.5 * delta * b, None


def test_straight_through_and_its_second_derivative():
    step = sc.custom_rule(lambda z: sc.where(z > 0, 1.0, 0 * z), straight)
    J = sc.sum(step(X) * X)
    (dx,) = sc.grad(J, [X])
    (ddx,) = sc.grad(sc.sum(dx), [X])
    value, first, second = sc.compile([J, dx, ddx])(x=GIVEN)
    ones = (GIVEN > 0).astype(float)
    np.testing.assert_allclose(value, (ones * GIVEN).sum())
    np.testing.assert_allclose(first, GIVEN + ones)
    np.testing.assert_allclose(second, np.full((5, 3), 2.0))


def test_guided_backpropagation_through_layers():
    guided = sc.custom_rule(sc.relu, lambda delta, z: sc.where(z > 0, sc.relu(delta), 0))
    w = [np.random.default_rng(n).standard_normal((4, 3) if n == 0 else (2, 4)) for n in range(2)]
    z1 = sc.Dense(X, sc.Param("w1", w[0]))
    z2 = sc.Dense(guided(z1, name="a1"), sc.Param("w2", w[1]))
    found = sc.compile(sc.grad(sc.sum(z2), X))(x=GIVEN)
    a = np.maximum(GIVEN @ w[0].T, 0)
    error = np.maximum(np.ones((5, 2)) @ w[1], 0) * (a > 0)
    np.testing.assert_allclose(found, error @ w[0], rtol=1e-12)


def test_of_several_inputs_some_may_get_nothing():
    product = sc.custom_rule(lambda a, b: a * b, halved)
    a, b = sc.Input("a", (2,)), sc.Input("b", (2,))
    J = sc.sum(product(a, b))
    assert sc.compile(sc.grad(J, a))(b=[3, 5]).tolist() == [1.5, 2.5]
    with pytest.raises(sc.errors.GradientError):
        sc.grad(J, b)


def test_engines_see_nothing_of_it():
    node = sc.custom_rule(sc.tanh, straight)(X)
    program = sc.compile(sc.exp(node))
    assert "CustomRule" not in program.report()
    np.testing.assert_allclose(program(x=GIVEN), np.exp(np.tanh(GIVEN)))
    assert pickle.loads(pickle.dumps(node)).rule.__name__ == "straight"
    assert "custom(a1; x)" in str(node.equation)


class StraightStep(sc.Node):
    """1 where z is above 0; errors pass as if it were z."""

    z: sc.Node
    latex = text = "step({z})"

    def forward(self, xp, z):
        return xp.astype(z > 0, z.dtype)

    def backward(self, delta):
        return (delta,)


def test_check_node_leaves_derivatives_out_where_it_is_told():
    with pytest.raises(sc.errors.NodeTypeError, match="central differences say"):
        check_node(StraightStep)
    report = check_node(StraightStep, exact=False)
    assert set(report.unchecked) == {f"the {n} derivative equals central differences" for n in ("first", "second")}
    assert "not meant to be the derivative" in str(report)
    assert "what backward returns is differentiable to the third order" in report.passed
    assert check_node(sc.custom_rule(sc.relu, straight)(X), exact=False)
    with pytest.raises(sc.errors.DTypeError, match="exact is 'no'"):
        check_node(StraightStep, exact="no")


@pytest.mark.parametrize(
    ("build", "kind", "text"),
    [
        (lambda: sc.custom_rule(3, straight), TypeError, "its function is 3"),
        (lambda: sc.custom_rule(sc.relu, None), TypeError, "its rule is None"),
        (lambda: sc.custom_rule(lambda x: 3, straight)(X), TypeError, "the function returned 3"),
        (lambda: sc.grad(sc.sum(sc.custom_rule(sc.relu, lambda d, x: 3)(X)), X), TypeError, "backward rule failed"),
        (lambda: sc.grad(sc.sum(sc.custom_rule(sc.relu, lambda d, x: (d, d))(X)), X), TypeError, "returned 3 errors"),
        (lambda: sc.grad(sc.sum(sc.custom_rule(sc.relu, lambda d, x: sc.sum(d))(X)), X), TypeError, "of shape ()"),
    ],
)
def test_refused(build, kind, text):
    with pytest.raises(sc.errors.SymcnnError, match=text.replace("(", r"\(").replace(")", r"\)")) as caught:
        build()
    assert isinstance(caught.value, kind)
