"""Products and quotients of errors: where 0 wins, where plain arithmetic will do, and what rules make of it."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.rules import errors_sent
from symcnn.simplify.zero_errors import added, is_finite, is_never_zero, kept_zero, plain

NAN, INF = np.nan, np.inf
X = sc.Input("x", (None, 3), "float64")
E = sc.Input("e", (None, 3), "float64")
N = sc.batch_size("float64")
ODD = [0.0, -0.0, 2.0, -INF, NAN]


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("error", ["a", "b", "ab"])
def test_scaled_is_the_product_but_for_errors_of_0(error, backend):
    a, b = (v.ravel() for v in np.meshgrid(ODD, ODD))
    nodes = sc.Input("a", (None,), "float64"), sc.Input("b", (None,), "float64")
    found = sc.compile(sc.Scaled(*nodes, error), backend=backend)(a=a, b=b)
    with np.errstate(invalid="ignore"):
        expected = a * b
    for name, value in (("a", a), ("b", b)):
        if name in error:
            expected[value == 0] = 0
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_factors_are_broadcast(backend):
    a, b = sc.Input("a", (None, 1)), sc.Input("b", (None, 3))
    found = sc.compile(sc.Scaled(a, b), backend=backend)(a=[[0], [2]], b=[[INF, NAN, 1], [INF, 1, 2]])
    np.testing.assert_array_equal(found, [[0, 0, 0], [INF, 2, 4]])
    scalar = sc.compile(sc.Scaled(sc.Input("s", ()), b), backend=backend)(s=0, b=[[INF, NAN, 1]])
    np.testing.assert_array_equal(scalar, [[0, 0, 0]])
    assert sc.compile(sc.Scaled(a, b), backend=backend)(a=np.zeros((0, 1)), b=np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize(
    ("node", "never_zero", "finite"),
    [
        (sc.Const(2.0), True, True),
        (sc.Const([1.0, 0.0]), False, True),
        (sc.Const([1.0, INF]), True, False),
        (sc.Const(NAN), True, False),
        (N, True, True),
        (sc.Const(1.0) / N, True, False),
        (-sc.reshape(sc.broadcast_to(sc.Const(1.0) / (3 * N), (None, 3)), (None, 3, 1)), True, False),
        (sc.Const(1.0) / sc.Const(INF), False, False),
        (sc.cast(X > 0, "float64"), False, True),
        (X > 0, False, True),
        (sc.one_hot(sc.Input("y", (None,), "int64"), 3), False, True),
        (X, False, False),
        (X * 0 + 1, False, False),
    ],
)
def test_what_the_graph_says_of_numbers(node, never_zero, finite):
    assert is_never_zero(node) is never_zero
    assert is_finite(node) is finite


def test_plain_arithmetic_where_no_0_meets_infinity():
    def simple(node):
        return sc.simplify([node], [plain])[0]

    assert simple(sc.Scaled(E, sc.Const(0.5))) is E * 0.5
    assert simple(sc.Scaled(sc.Const(0.5), E, "b")) is 0.5 * E
    assert simple(sc.Scaled(sc.Const(1.0) / N, X)) is (sc.Const(1.0) / N) * X
    assert simple(sc.DivNoNan(E, sc.Const(4.0))) is E / 4
    assert simple(sc.DivNoNan(E, N)) is E / N
    assert simple(sc.DivNoNan(sc.ones(X), X)) is sc.ones(X) / X
    for node in (sc.Scaled(E, sc.Const(INF)), sc.Scaled(X, E, "b"), sc.Scaled(E, X, "ab"), sc.DivNoNan(E, X)):
        assert simple(node) is node
    assert sc.simplify([sc.Scaled(E, sc.Const(2.0) * 3)])[0] is E * sc.Const(6.0)
    assert sc.simplify([sc.Scaled(sc.ones(X), X)])[0] is X
    assert sc.simplify([sc.DivNoNan(E, sc.ones(X))])[0] is E


def test_only_what_is_made_of_the_error_is_rewritten():
    slope = (X * 3) * (1 / X)
    kept = kept_zero(sc.reshape(-(slope * E), (None, 3, 1)) + 0, E, (X,))
    product = kept.a.x.a
    assert product is sc.Scaled(slope, E, "b")
    assert kept_zero(E, E, (X,)) is E
    assert kept_zero(slope, E, (X,)) is slope
    assert kept_zero(sc.where(X > 0, E, 0), E, (X,)) is sc.where(X > 0, E, 0)


def test_rules_of_users_keep_an_error_of_0():
    class Cube(sc.Node):
        """x^3, written with products and a quotient."""

        x: sc.Node

        def forward(self, xp, x):
            return x * x * x

        def backward(self, delta):
            return (delta * 3 * self / self.x,)

    x = sc.Input("x", (None,), "float64")
    ((_, error),) = errors_sent(Cube(x), sc.Input("delta", (None,), "float64"))
    assert {type(n) for n in sc.Graph(error).nodes} >= {sc.Scaled, sc.DivNoNan, sc.Mul}
    found = sc.compile([sc.grad(sc.sum(sc.where(x > 1, Cube(x), x)), x), x])(x=[0.0, INF - INF, -INF, 2.0])[0]
    np.testing.assert_array_equal(found, [1, 1, 1, 12])


def test_errors_of_zeros_are_not_added():
    assert added(sc.zeros(E), E) is E
    assert added(E, sc.zeros(E)) is E
    assert added(E, X) is E + X


def test_the_tutorials_equation_is_printed_as_a_product():
    z = sc.Input("z", (None, 3))
    a = sc.sigmoid(z)
    back = sc.backprop(sc.sum(sc.exp(a)))
    assert [e.right for e in back.equation(a).sent] == ["δ(a1) · a1 · (1 − a1)"]
