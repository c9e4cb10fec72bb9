"""Elementary functions against NumPy's, with their derivatives in closed form and at their edges."""

import numpy as np
import pytest

import symcnn as sc

NAN, INF = np.nan, np.inf
ANY = np.linspace(-5, 5, 41) + 0.01
POSITIVE = np.geomspace(1e-8, 1e8, 33)


@pytest.mark.parametrize(
    ("build", "function", "slope", "x"),
    [
        pytest.param(sc.exp, np.exp, np.exp, ANY, id="exp"),
        pytest.param(sc.log, np.log, lambda x: 1 / x, POSITIVE, id="log"),
        pytest.param(sc.sqrt, np.sqrt, lambda x: 0.5 / np.sqrt(x), POSITIVE, id="sqrt"),
        pytest.param(sc.abs, np.abs, np.sign, ANY, id="abs"),
        pytest.param(sc.Sign, np.sign, np.zeros_like, ANY, id="sign"),
        pytest.param(lambda x: x**3, lambda x: x * x * x, lambda x: 3 * x * x, ANY, id="cube"),
        pytest.param(lambda x: x**-2, lambda x: 1 / (x * x), lambda x: -2 / (x * x * x), ANY, id="1 over square"),
        pytest.param(lambda x: x**0.5, np.sqrt, lambda x: 0.5 / np.sqrt(x), POSITIVE, id="power 1/2"),
        pytest.param(lambda x: 2**x, lambda x: 2.0**x, lambda x: np.log(2) * 2.0**x, ANY, id="2 to the x"),
        pytest.param(lambda x: x**1, lambda x: x, np.ones_like, ANY, id="power 1"),
        pytest.param(lambda x: x**0, np.ones_like, np.zeros_like, ANY, id="power 0"),
    ],
)
def test_value_and_error(passes, build, function, slope, x):
    node = sc.Input("x", x.shape, "float64")
    delta = np.random.default_rng(0).standard_normal(x.shape)
    value, (dx,) = passes(build(node), [node], {"x": x}, delta)
    np.testing.assert_allclose(value, function(x), rtol=1e-14)
    np.testing.assert_allclose(dx, slope(x) * delta, rtol=1e-13)
    np.testing.assert_allclose(build(node).forward(np, *_values(build(node), x)), function(x), rtol=1e-14)


def _values(node, x):
    return [i.value if isinstance(i, sc.Const) else x for i in node.inputs]


def test_power_of_two_nodes(passes):
    x, y = np.random.default_rng(1).uniform(0.5, 2, (4, 3)), np.random.default_rng(2).standard_normal(3)
    nodes = sc.Input("x", (None, 3), "float64"), sc.Input("y", (3,), "float64")
    delta = np.random.default_rng(3).standard_normal((4, 3))
    value, (dx, dy) = passes(nodes[0] ** nodes[1], nodes, {"x": x, "y": y}, delta)
    np.testing.assert_allclose(value, x**y, rtol=1e-14)
    np.testing.assert_allclose(dx, delta * y * x ** (y - 1), rtol=1e-13)
    np.testing.assert_allclose(dy, (delta * x**y * np.log(x)).sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("power", "value", "slope"),
    [(0, 1, 0), (1, 0, 1), (2, 0, 0), (3, 0, 0), (1.5, 0, 0), (0.5, 0, INF)],
)
def test_powers_of_0(passes, power, value, slope):
    x = sc.Input("x", (1,), "float64")
    found, (dx,) = passes(x**power, [x], {"x": [0.0]}, np.ones(1))
    assert (found.item(), dx.item()) == (value, slope)


def test_power_of_0_by_its_exponent_has_slope_0(passes):
    nodes = sc.Input("x", (2,), "float64"), sc.Input("y", (2,), "float64")
    value, (dy,) = passes(nodes[0] ** nodes[1], [nodes[1]], {"x": [0, 0], "y": [2, 0]}, np.ones(2))
    assert value.tolist() == [0, 1]
    assert dy.tolist() == [0, 0]


def test_no_error_stays_no_error_where_the_slope_is_infinite(passes):
    """Errors of 0 are divided as 0, so masks upstream of log and sqrt send no NaN."""
    x = sc.Input("x", (2,), "float64")
    for build in (sc.log, sc.sqrt, lambda n: 1 / n, lambda n: n / n):
        _, (dx,) = passes(build(x), [x], {"x": [0.0, 0.0]}, np.zeros(2))
        assert dx.tolist() == [0, 0]


def test_edges_of_the_domain():
    x = sc.Input("x", (4,), "float64")
    log, root, sign = sc.compile([sc.log(x), sc.sqrt(x), sc.Sign(x)])(x=[0, -0.0, INF, NAN])
    np.testing.assert_array_equal(log, [-INF, -INF, INF, NAN])
    np.testing.assert_array_equal(root, [0, 0, INF, NAN])
    np.testing.assert_array_equal(sign, [0, 0, 1, NAN])


def test_abs_has_slope_0_at_0():
    x = sc.Input("x", (3,), "float64")
    assert sc.compile(sc.grad(sc.sum(sc.abs(x)), x))(x=[-2, 0, 3]).tolist() == [-1, 0, 1]


def test_numpys_functions_make_the_same_nodes():
    x = sc.Input("x", (3,))
    for function, build in [
        (np.exp, sc.exp),
        (np.log, sc.log),
        (np.sqrt, sc.sqrt),
        (np.abs, sc.abs),
        (np.sign, sc.Sign),
    ]:
        assert function(x) is build(x)
    assert abs(x) is sc.abs(x)
    assert np.power(x, 2) is x**2


def test_numpys_functions_without_a_node_type_are_refused():
    x = sc.Input("x", (3,))
    for call in (lambda: np.arctan2(x, x), lambda: np.add.reduce(x), lambda: np.add(x, x, where=True)):
        with pytest.raises(TypeError, match="has no node type"):
            call()
