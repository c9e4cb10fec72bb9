"""Jacobians and Hessians against closed forms and central differences, products with them against the whole."""

import numpy as np
import pytest

import symcnn as sc

RNG = np.random.default_rng(0)
F64 = "float64"


def numeric(f, x, step=1e-6):
    """The Jacobian of a program's one result by its one input."""
    columns = []
    for place in np.ndindex(x.shape):
        d = np.zeros(x.shape)
        d[place] = step
        columns.append((f(x + d) - f(x - d)) / (2 * step))
    first = np.stack(columns, axis=-1)
    return first.reshape(*first.shape[:-1], *x.shape)


def test_jacobian_by_rows_and_by_columns():
    x = sc.Input("x", (2, 3), F64)
    given = RNG.standard_normal((2, 3))
    few, many = sc.sum(sc.exp(x), axis=1), sc.concat([sc.exp(x), x * x], axis=1)
    for y in (few, many):
        f = sc.compile(y)
        expected = numeric(lambda v, f=f: f(x=v), given)
        found = sc.compile(sc.jacobian(y, x))(x=given)
        assert found.shape == (*y.shape, *x.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)


def test_jacobian_in_closed_form():
    x, w = sc.Input("x", (3,), F64), sc.Param("w", RNG.standard_normal((4, 3)))
    z = w @ x
    a = sc.sigmoid(z)
    given = RNG.standard_normal(3)
    da, dw = sc.compile([sc.jacobian(a, x), sc.jacobian(z, w)])(x=given)
    s = 1 / (1 + np.exp(-w.value @ given))
    np.testing.assert_allclose(da, (s * (1 - s))[:, None] * w.value, rtol=1e-12)
    np.testing.assert_allclose(dw, np.einsum("ik,j->ikj", np.eye(4), given), rtol=1e-12)


def test_scalars_and_a_batch_on_one_side():
    x, w = sc.Input("x", (None, 3), F64), sc.Param("w", RNG.standard_normal((2, 3)))
    s = sc.Input("s", (), F64)
    assert sc.compile(sc.jacobian(s**3, s))(s=2.0) == pytest.approx(12)
    y = sc.tanh(sc.Dense(x, w))
    given = RNG.standard_normal((4, 3))
    by_w, of_mean = sc.compile([sc.jacobian(y, w), sc.jacobian(sc.mean(y, axis=0), x)])(x=given)
    slope = 1 - np.tanh(given @ w.value.T) ** 2
    np.testing.assert_allclose(by_w, np.einsum("nk,kl,nj->nklj", slope, np.eye(2), given), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(of_mean, np.einsum("nk,kj->knj", slope, w.value) / 4, rtol=1e-12)


def test_jacobian_of_each_example():
    x, w = sc.Input("x", (None, 3), F64), sc.Param("w", RNG.standard_normal((2, 3)))
    y = sc.tanh(sc.Dense(x, w))
    given = RNG.standard_normal((4, 3))
    slope = 1 - np.tanh(given @ w.value.T) ** 2
    by_x, by_w = sc.compile([sc.jacobian(y, x, each=True), sc.jacobian(y, w, each=True)])(x=given)
    np.testing.assert_allclose(by_x, np.einsum("nk,kj->nkj", slope, w.value), rtol=1e-12)
    np.testing.assert_allclose(by_w, np.einsum("nk,kl,nj->nklj", slope, np.eye(2), given), rtol=1e-12, atol=1e-15)


def test_hessian_against_closed_forms_and_differences():
    w = sc.Input("w", (3,), F64)
    A = RNG.standard_normal((3, 3))
    quadratic = 0.5 * (w @ (sc.Const(A) @ w))
    given = RNG.standard_normal(3)
    np.testing.assert_allclose(sc.compile(sc.hessian(quadratic, w))(w=given), (A + A.T) / 2, rtol=1e-12)
    J = sc.logsumexp(sc.tanh(sc.Const(A) @ w))
    g = sc.compile(sc.grad(J, w))
    found = sc.compile(sc.hessian(J, w))(w=given)
    np.testing.assert_allclose(found, numeric(lambda v: g(w=v), given), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found, found.T, rtol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_hessian_of_a_network_by_blocks(backend):
    x, y = sc.Input("x", (None, 3), F64), sc.Input("y", (None,), "int64")
    W, b = sc.Param("W", RNG.standard_normal((2, 3))), sc.Param("b", np.zeros(2))
    J = sc.softmax_cross_entropy(sc.Dense(x, W, b), y)
    feeds = {"x": RNG.standard_normal((5, 3)), "y": RNG.integers(0, 2, 5)}
    blocks = sc.hessian(J, [W, b])
    assert [[h.shape for h in row] for row in blocks] == [[(2, 3, 2, 3), (2, 3, 2)], [(2, 2, 3), (2, 2)]]
    (ww, wb), (bw, bb) = (sc.compile(row, backend=backend)(x=feeds["x"]) for row in blocks)
    z = feeds["x"] @ W.value.T
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    core = np.einsum("ni,ij->nij", p, np.eye(2)) - np.einsum("ni,nj->nij", p, p)
    np.testing.assert_allclose(bb, core.mean(0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(wb, np.einsum("nij,nk->ikj", core, feeds["x"]) / 5, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(bw, wb.transpose(2, 0, 1), rtol=1e-9, atol=1e-12)
    expected = np.einsum("nij,nk,nl->ikjl", core, feeds["x"], feeds["x"]) / 5
    np.testing.assert_allclose(ww, expected, rtol=1e-9, atol=1e-12)


def convnet():
    x, y = sc.Input("x", (None, 1, 6, 6), F64), sc.Input("y", (None,), "int64")
    a = sc.max_pool(sc.sigmoid(sc.conv(x, 2, 3, seed=0)), 2)
    return x, sc.softmax_cross_entropy(sc.dense(sc.layer_norm(a), 3, seed=1), y, "none")


@pytest.mark.parametrize("batch", [0, 1, 33])
@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_products_from_both_sides_are_one_number(backend, batch):
    """u (dy/dx v) = (u dy/dx) v, and jvp is a central difference."""
    x, losses = convnet()
    wrt = [x, *losses.params]
    along = [sc.Input("v", x.shape, F64), *(sc.Const(RNG.standard_normal(p.shape)) for p in losses.params)]
    u = sc.Input("u", (None,), F64)
    pushed = sc.jvp(losses, wrt, along)
    assert "the error of y" not in [i.name for i in sc.compile(pushed).inputs]
    pulled = sc.vjp(losses, wrt, u)
    sides = [sc.sum(u * pushed), sum((sc.sum(p * v) for p, v in zip(pulled, along, strict=True)), sc.Const(0.0))]
    feeds = {"x": RNG.standard_normal((batch, 1, 6, 6)), "v": RNG.standard_normal((batch, 1, 6, 6))}
    feeds |= {"y": RNG.integers(0, 3, batch), "u": RNG.standard_normal(batch)}
    (left, right), moved = sc.compile(sides, backend=backend)(feeds), sc.compile(pushed, backend=backend)
    assert left == pytest.approx(right, rel=1e-10, abs=1e-12)
    found = moved({i: feeds[i.name] for i in moved.inputs})
    f = sc.compile(losses, backend="numpy")
    ends = []
    before = [p.value.copy() for p in losses.params]
    for step in (1e-6, -1e-6):
        for p, first, v in zip(losses.params, before, along[1:], strict=True):
            p.assign(first + step * v.value)
        ends.append(f(x=feeds["x"] + step * feeds["v"], y=feeds["y"]))
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-7)


def test_jvp_where_several_x_meet_in_one_sum():
    a, b = sc.Input("a", (2,), F64), sc.Input("b", (2,), F64)
    assert sc.compile(sc.jvp(a + b, [a, b], [[1, 2], [10, 20]]))(a=[0, 0], b=[0, 0]).tolist() == [11, 22]
    assert sc.compile(sc.jvp(a, a, b))(a=[1, 1], b=[5, 6]).tolist() == [5, 6]
    twice = sc.jvp(sc.jvp(a**3, a, [1, 1]), a, [1, 1])
    assert sc.compile(twice)(a=[1, 2]).tolist() == [6, 12]


def test_jvp_of_values_with_the_batch_on_two_axes():
    x, v = sc.Input("x", (None, 2), F64), sc.Input("v", (None, 2), F64)
    pairs = sc.matmul(x, sc.transpose(x))
    given, along = RNG.standard_normal((2, 3, 2))
    found = sc.compile(sc.jvp(pairs, x, v))(x=given, v=along)
    np.testing.assert_allclose(found, given @ along.T + along @ given.T, rtol=1e-12)


def test_rules_that_are_no_derivatives():
    x = sc.Input("x", (3,), F64)
    straight = sc.custom_rule(lambda z: sc.where(z > 0, 1.0, 0 * z), lambda delta, z: 2 * delta)
    guided = sc.custom_rule(sc.relu, lambda delta, z: sc.relu(delta))
    assert sc.compile(sc.jvp(straight(x), x, [1, 2, 3]))(x=[1, 1, 1]).tolist() == [2, 4, 6]
    with pytest.raises(sc.errors.GradientError, match="a backward rule is not linear in its error"):
        sc.jvp(guided(x), x, [1, 2, 3])


def test_unconnected():
    a, b = sc.Input("a", (2,)), sc.Input("b", (3,))
    for ask in (sc.jvp, lambda y, x, v, **options: sc.jacobian(y, x, **options)):
        with pytest.raises(sc.errors.GradientError):
            ask(a, b, [1, 2, 3])
    assert sc.compile(sc.jvp(a, b, [1, 2, 3], unconnected="zeros"))(a=[1, 1], b=[0, 0, 0]).tolist() == [0, 0]
    assert sc.compile(sc.jacobian(a, b, unconnected="zeros"))(a=[1, 1], b=[0, 0, 0]).shape == (2, 3)
    assert sc.jacobian(sc.stop_gradient(a) + a, a).shape == (2, 2)


X = sc.Input("x", (None, 3))


@pytest.mark.parametrize(
    ("build", "kind", "text"),
    [
        (lambda: sc.jacobian(sc.exp(X), X), sc.errors.ShapeError, "have the batch on an axis"),
        (lambda: sc.jacobian(sc.mean(X), X, each=True), sc.errors.ShapeError, "the batch is not the first axis of y"),
        (lambda: sc.jacobian(sc.argmax(X), X), sc.errors.GradientError, "it has no derivative"),
        (lambda: sc.jacobian("y", X), sc.errors.DTypeError, "expected a node"),
        (lambda: sc.jacobian(sc.Input("e", (0, 2)) * 2, X), sc.errors.ShapeError, "has no elements"),
        (lambda: sc.jvp(X, X, np.ones((2, 3))), sc.errors.ShapeError, "v has the shape (2, 3); expected (None, 3)"),
        (lambda: sc.jvp(X, [X], X), sc.errors.DTypeError, "is not a vector for each x"),
        (lambda: sc.jvp(X, X, X, unconnected="no"), sc.errors.ArgumentError, "'no' is not known"),
        (lambda: sc.hessian(X, X), sc.errors.GradientError, "needs a seed"),
        (lambda: sc.hessian(sc.mean(X**2), X), sc.errors.ShapeError, "have the batch on an axis"),
        (lambda: sc.hessian(sc.mean(X), 3), sc.errors.DTypeError, "w is 3"),
    ],
)
def test_refused(build, kind, text):
    with pytest.raises(kind) as caught:
        build()
    assert text in str(caught.value)
