"""Logarithms with a stable value have stable derivatives of all orders; what stands behind them keeps its error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_expit, log_softmax, logsumexp, softmax

import symcnn as sc
from symcnn.simplify import stable_errors as detours

BACKENDS = ("numpy", "native")
FAR = np.array([[-1e4, -750.0, 0.5, 750.0], [1e4, -1e4, 3.0, -2.0], [0.0, 0.25, -0.5, 1.0], [89.0, 88.5, -104.0, 90.0]])


def sigmoid_orders(z):
    """log sigmoid, and its first three derivatives."""
    s, r = expit(z), expit(-z)
    return log_expit(z), r, -s * r, -s * r * (r - s)


def softplus_orders(z):
    """log(1 + e^z), and its first three derivatives."""
    s, r = expit(z), expit(-z)
    return -log_expit(-z), s, s * r, s * r * (r - s)


def negated(orders):
    """The same of -f(z)."""
    return lambda z: tuple(-v for v in orders(z))


def shifted(orders, c):
    """log(c + e^z) = log c + log(1 + e^(z - log c))."""
    return lambda z: tuple(v + (np.log(c) if n == 0 else 0) for n, v in enumerate(orders(z - np.log(c))))


def scaled(orders, c):
    """The same of f(c z)."""
    return lambda z: tuple(v * c**n for n, v in enumerate(orders(c * z)))


ELEMENTWISE = {
    "log sigmoid": (lambda z: sc.log(sc.sigmoid(z)), sigmoid_orders),
    "log(1 - sigmoid)": (lambda z: sc.log(1 - sc.sigmoid(z)), negated(softplus_orders)),
    "log(1 + exp)": (lambda z: sc.log(1 + sc.exp(z)), softplus_orders),
    "log(exp + 3)": (lambda z: sc.log(sc.exp(z) + 3), shifted(softplus_orders, 3)),
    "e^z / (1 + e^z)": (lambda z: sc.log(sc.exp(z) / (1 + sc.exp(z))), sigmoid_orders),
    "1 - 1 / (1 + e^-z)": (lambda z: sc.log(1 - 1 / (1 + sc.exp(-z))), negated(softplus_orders)),
    "1 - e^z / (e^z + 1)": (lambda z: sc.log(1 - sc.exp(z) / (sc.exp(z) + 1)), negated(softplus_orders)),
    "1 + 3 e^z": (lambda z: sc.log(1 + 3 * sc.exp(z)), lambda z: softplus_orders(z + np.log(3))),
    "1 + (e^z)^2": (lambda z: sc.log(1 + sc.exp(z) ** 2), scaled(softplus_orders, 2)),
    "1 + e^z e^z": (lambda z: sc.log(1 + sc.exp(z) * sc.exp(z)), scaled(softplus_orders, 2)),
    "1 + 1 / e^z": (lambda z: sc.log(1 + 1 / sc.exp(z)), scaled(softplus_orders, -1)),
    "a factor, a divisor, a power": (lambda z: sc.log((2 * sc.sigmoid(z) / 4 * 2) ** 3) / 3, sigmoid_orders),
    "a factor of 1": (lambda z: sc.log(sc.sigmoid(z) * 1.0 - 0), sigmoid_orders),
    "behind a reshape": (
        lambda z: sc.reshape(sc.log(sc.reshape(sc.sigmoid(z), (None, 2, 2))), (None, 4)),
        sigmoid_orders,
    ),
    "behind a transpose": (lambda z: sc.transpose(sc.log(sc.transpose(sc.sigmoid(z)))), sigmoid_orders),
    "behind slices": (
        lambda z: sc.concat([sc.log(1 - sc.sigmoid(z)[:, :1]), sc.log((1 - sc.sigmoid(z))[:, 1:])]),
        negated(softplus_orders),
    ),
    "behind a broadcast": (
        lambda z: sc.log(sc.broadcast_to(sc.reshape(1 + sc.exp(z), (None, 1, 4)), (None, 3, 4)))[:, 1, :],
        softplus_orders,
    ),
    "behind a choice": (lambda z: sc.log(sc.where(z > 1e5, z, sc.sigmoid(z))), sigmoid_orders),
    "behind a concatenation": (
        lambda z: sc.log(sc.concat([sc.sigmoid(z), 1 - sc.sigmoid(z), z * z + 1]))[:, :4],
        sigmoid_orders,
    ),
    "a sigmoid by hand": (lambda z: sc.log(1 / (1 + sc.exp(-z))), sigmoid_orders),
    "two exponentials": (lambda z: sc.log(sc.exp(z) + sc.exp(0 * z)), softplus_orders),
    "three exponentials": (
        lambda z: sc.log(sc.exp(z) + sc.exp(0 * z) + sc.exp(0 * z) + 1),
        shifted(softplus_orders, 3),
    ),
}


def close(found, right, dtype):
    """Up to the roundings of the dtype, relative to 1 at least: what is subtracted from 1 has its error."""
    room = 2e-6 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(found, right, rtol=room, atol=room)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_three_derivatives_far_out(dtype, backend):
    z = sc.Input("z", (None, 4), dtype)
    nodes = [z]
    for make, _ in ELEMENTWISE.values():
        value = make(z)
        nodes.append(value)
        for _ in range(3):
            value = sc.grad(sc.sum(value), z)
            nodes.append(value)
    found = iter(sc.compile(nodes, backend=backend)(z=FAR)[1:])
    for name, (_, orders) in ELEMENTWISE.items():
        for order, right in enumerate(orders(FAR)):
            try:
                close(next(found), right, dtype)
            except AssertionError as error:
                raise AssertionError(f"{name}, order {order}: {error}") from None


def row_orders(z, v):
    """log sum e^z, its gradient, its Hessian times v, and the gradient of v^T (Hessian) v, for each row."""
    p = softmax(z, axis=-1)
    mean, square = (np.sum(p * w, axis=-1, keepdims=True) for w in (v, v * v))
    return logsumexp(z, axis=-1), p, p * (v - mean), p * (v * v - square) - 2 * mean * p * (v - mean)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_exponentials_and_softmax_far_out(dtype, backend):
    z, v = sc.Input("z", (None, 4), dtype), sc.Input("v", (None, 4), dtype)
    turned = sc.exp(sc.reshape(sc.transpose(z), (4, None, 1)))
    at_2, e = sc.log(sc.softmax(z))[:, 2], sc.exp(z)
    forms = {
        "sum": sc.log(sc.sum(e, axis=1)),
        "mean": sc.log(sc.mean(e, axis=1)) + float(np.log(4)),
        "sum, turned": sc.log(sc.sum(turned, axis=(0, 2))),
        "log softmax": z[:, 2] - at_2,
        "softmax by hand": z[:, 1] - sc.log(e / sc.sum(e, axis=1, keepdims=True))[:, 1],
    }
    direction = np.random.default_rng(0).standard_normal(FAR.shape)
    nodes, right = [z, v], []
    for value in forms.values():
        first = sc.grad(sc.sum(value), z)
        second = sc.grad(sc.sum(first * v), z)
        third = sc.grad(sc.sum(second * v), z)
        nodes += [value, first, second, third]
        right += row_orders(FAR, direction)
    found = sc.compile(nodes, backend=backend)(z=FAR, v=direction)[2:]
    for n, (a, b) in enumerate(zip(found, right, strict=True)):
        room = 1e-4 if dtype == "float32" else 1e-11
        np.testing.assert_allclose(a, b, rtol=room, atol=room, err_msg=f"{list(forms)[n // 4]}, order {n % 4}")


@pytest.mark.parametrize("backend", BACKENDS)
def test_cross_entropy_by_hand_has_the_gradient_of_the_built_in(backend):
    z, t = sc.Input("z", (None, 4)), sc.Input("t", (None, 4))
    J = -sc.sum(t * sc.log(sc.softmax(z)))
    onehot = np.eye(4)[[3, 1, 0, 2]]
    value, gradient, *_ = sc.compile([J, sc.grad(J, z), z, t], backend=backend)(z=FAR, t=onehot)
    np.testing.assert_allclose(value, -np.sum(onehot * log_softmax(FAR, axis=1)), rtol=1e-6)
    np.testing.assert_allclose(gradient, softmax(FAR, axis=1) - onehot, atol=1e-6)


# What stands behind the logarithm ----------------------------------------------------------------


def test_the_error_of_the_softmax_itself_is_complete():
    """J reads s twice, once through a logarithm: dJ/ds = -t / s + 2 s."""
    z, t = sc.Input("z", (None, 4), "float64"), sc.Input("t", (None, 4), "float64")
    s = sc.softmax(z)
    J = -sc.sum(t * sc.log(s)) + sc.sum(s * s)
    back = sc.backprop(J)
    onehot, scores = np.eye(4)[[3, 1, 0, 2]], np.tanh(FAR)
    to_s, to_z, *_ = sc.compile([back.delta(s), back.delta(z), z, t])(z=scores, t=onehot)
    p = softmax(scores, axis=1)
    np.testing.assert_allclose(to_s, -onehot / p + 2 * p, rtol=1e-12)
    np.testing.assert_allclose(to_z, p - onehot + 2 * p * (p - np.sum(p * p, axis=1, keepdims=True)), rtol=1e-11)
    far = sc.compile([back.delta(z), z, t])(z=FAR, t=onehot)[0]
    p = softmax(FAR, axis=1)
    np.testing.assert_allclose(far, p - onehot + 2 * p * (p - np.sum(p * p, axis=1, keepdims=True)), atol=1e-12)


def test_the_gradient_by_the_softmax_alone_is_that_of_the_logarithm():
    z = sc.Input("z", (None, 4), "float64")
    s = sc.softmax(z)
    (by_s,) = sc.grad(sc.sum(sc.log(s)), [s])
    np.testing.assert_allclose(sc.compile(by_s)(z=np.tanh(FAR)), 1 / softmax(np.tanh(FAR), axis=1), rtol=1e-12)
    (twice,) = sc.grad(sc.sum(by_s), [s])
    np.testing.assert_allclose(sc.compile(twice)(z=np.tanh(FAR)), -1 / softmax(np.tanh(FAR), axis=1) ** 2, rtol=1e-12)


def test_steps_and_equations_show_the_users_nodes():
    z = sc.Input("z", (None, 4))
    s = sc.softmax(z)
    J = -sc.sum(sc.log(s))
    back = sc.backprop(J)
    assert s in [step.node for step in back.steps]
    for step in back.steps:
        assert all(source in step.node.inputs for source, _ in step.sent)
    text = str(back.equations())
    assert "a1 = softmax(z)" in text and "δ(a1) = −1 / a1" in text, text
    assert sc.draw(back).svg


def test_a_type_derived_from_another_one_has_its_own_rule():
    class Tempered(sc.Softmax):
        """With a temperature of 2."""

        def forward(self, xp, z):
            return super().forward(xp, z / 2)

        def backward(self, delta):
            a = self
            return (0.5 * a * (delta - sc.sum(delta * a, axis=-1, keepdims=True)),)

    z = sc.Input("z", (None, 4), "float64")
    value = sc.log(Tempered(z))
    found = sc.compile([value, sc.grad(value, z, seed=np.array([1.0, 0, 0, 0]) + 0 * z)])(z=FAR[2:3])
    np.testing.assert_allclose(found[0], log_softmax(FAR[2:3] / 2, axis=1), rtol=1e-13)
    np.testing.assert_allclose(found[1], 0.5 * (np.eye(4)[:1] - softmax(FAR[2:3] / 2, axis=1)), rtol=1e-12)


def test_sums_of_many_terms_end():
    """A search without bounds would take 2^60 steps, or a thousand calls within each other."""
    z = sc.Input("z", (None, 4), "float64")
    doubled = sc.exp(z)
    for _ in range(60):
        doubled = doubled + doubled
    long = sc.exp(z)
    for _ in range(3000):
        long = long + sc.exp(-z)
    for value, right in ((sc.log(doubled), 1), (sc.log(long), (1 - 3000 * np.exp(-1)) / (1 + 3000 * np.exp(-1)))):
        found = sc.compile(sc.grad(sc.sum(value), z), backend="numpy")(z=np.full((1, 4), 0.5))
        np.testing.assert_allclose(found, np.full((1, 4), right), rtol=1e-10)


# Random graphs -----------------------------------------------------------------------------------

Z = sc.Input("z", (None, 4), "float64")
STEPS = [
    sc.softmax,
    sc.sigmoid,
    sc.exp,
    lambda n: 1 - sc.sigmoid(n),
    lambda n: 1 + n,
    lambda n: sc.sum(n, axis=1, keepdims=True) + 0 * n,
    lambda n: sc.log(sc.sum(n * n, axis=1, keepdims=True) + n * n + 0.5),
    lambda n: sc.log(sc.exp(n) + sc.exp(-n)),
    lambda n: sc.log(sc.where(n > 0.3, sc.sigmoid(n), sc.softmax(n))),
    lambda n: sc.log(sc.mean(sc.exp(n), axis=1, keepdims=True)) * n,
    lambda n: sc.transpose(sc.transpose(n)),
    lambda n: sc.concat([n[:, 2:], n[:, :2]]),
    sc.tanh,
]


@st.composite
def graphs(draw):
    """A node over z, made of logarithms of what was made before; much is read twice."""
    nodes = [Z]
    for _ in range(draw(st.integers(2, 7))):
        node = draw(st.sampled_from(STEPS))(nodes[-draw(st.integers(1, min(3, len(nodes))))])
        nodes.append(node)
        if draw(st.booleans()):
            nodes.append(
                sc.log(node * node)
                if draw(st.booleans())
                else sc.log(sc.softmax(node) if draw(st.booleans()) else sc.exp(node))
            )
    return nodes


@pytest.mark.slow
@settings(max_examples=60)
@given(nodes=graphs(), seed=st.integers(0, 3))
def test_random_graphs_have_the_errors_of_the_naive_rules(nodes, seed):
    """For numbers of moderate size, detours change no error: of no node, at first and second order."""
    J = sum((sc.mean(sc.tanh(n)) for n in nodes[1:]), sc.Const(0.0))
    z = 0.5 * np.random.default_rng(seed).standard_normal((2, 4))

    def gradients():
        back = sc.backprop(J)
        errors = [back.delta(n, "zeros") for n in nodes]
        second = sc.grad(sc.sum(sc.tanh(errors[0])), Z, unconnected="zeros")
        return sc.compile([*errors, second, Z], backend="numpy")(z=z)

    found = gradients()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detours, "_forms", lambda nodes: {})
        expected = gradients()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("scores", "added"),
    [
        (lambda e, s: s * 1.0, 0.0),
        (lambda e, s: 2 * s, np.log(2)),
        (lambda e, s: s / 4, -np.log(4)),
        (lambda e, s: e * (1 / sc.sum(e, axis=1, keepdims=True)), 0.0),
    ],
    ids=["times 1", "twice", "a quarter", "times the reciprocal of the sum"],
)
def test_a_softmax_among_factors(scores, added, dtype, backend):
    z = sc.Input("z", (None, 4), dtype)
    found = sc.log(scores(sc.exp(z), sc.softmax(z)))
    weights, along = np.array([0.0, 1.0, 0.0, 2.0]), np.array([1.0, 2.0, 3.0, -1.0])
    first = sc.grad(sc.sum(found * weights.astype(dtype)), z)
    second = sc.grad(sc.sum(first * along.astype(dtype)), z)
    values = sc.compile([found, first, second], backend=backend)(z=FAR)
    p = softmax(FAR, axis=1)
    right = [
        log_softmax(FAR, axis=1) + added,
        weights - weights.sum() * p,
        -weights.sum() * p * (along - np.sum(p * along, axis=1, keepdims=True)),
    ]
    for value, wanted in zip(values, right, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=2e-6, atol=1e-5)
