"""What `where` does not choose gets no error: for all functions, a user's too, in all orders, on both engines."""

import numpy as np
import pytest

import symcnn as sc

NAN, INF = np.nan, np.inf
BACKENDS = ("numpy", "native")


def derivatives(make, at, orders, dtype="float64", backend="numpy"):
    """The derivatives of `make` at the points `at`, from the first order on."""
    x = sc.Input("x", (None, len(at)), dtype)
    value, found = sc.sum(make(x)), []
    for _ in range(orders):
        found.append(sc.grad(value, x, unconnected="zeros"))
        value = sc.sum(found[-1])
    return [values[0] for values in sc.compile([*found, x], backend=backend)(x=[at])[:-1]]


EXAMPLES = {
    "a root at 0": (lambda x: sc.where(x > 0, x**0.5, 0), [0.0, 4.0], [[0, 1 / 4], [0, -1 / 32], [0, 3 / 256]]),
    "exp overflows": (lambda x: sc.where(x < 50, sc.exp(x), 0), [1000.0, 0.0], [[0, 1], [0, 1], [0, 1]]),
    "1 / x at 0": (lambda x: sc.where(x > 0, 1 / x, 0), [0.0, 2.0], [[0, -1 / 4], [0, 1 / 4], [0, -3 / 8]]),
    "elu": (lambda x: sc.where(x <= 0, sc.exp(x), 1 + x), [1000.0, 100.0, 0.0], [[1, 1, 1], [0, 0, 1], [0, 0, 1]]),
    "x sqrt(x)": (
        lambda x: sc.where(x > 0, x * sc.sqrt(x), x),
        [-1.0, 0.0, 4.0],
        [[1, 1, 3], [0, 0, 3 / 8], [0, 0, -3 / 64]],
    ),
    "log": (
        lambda x: sc.where(x > 0, np.log(x), 3 * x),
        [-1.0, 0.0, 2.0],
        [[3, 3, 1 / 2], [0, 0, -1 / 4], [0, 0, 1 / 4]],
    ),
    "x / x at 0": (lambda x: sc.where(x > 0, (x * x) / x, x), [0.0, 3.0], [[1, 1], [0, 0], [0, 0]]),
    "sigmoid of NaN": (
        lambda x: sc.where(x > 0, sc.sigmoid(np.log(x)), x),
        [-1.0, 1.0],
        [[1, 1 / 4], [0, -1 / 4], [0, 3 / 8]],
    ),
    "a maximum": (lambda x: sc.maximum(sc.sqrt(x) - 1, x), [0.0, 4.0], [[1, 1], [0, 0], [0, 0]]),
}
"""What is chosen, at which points, and the first three derivatives, worked out by hand."""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_by_numpy(name, dtype):
    make, at, expected = EXAMPLES[name]
    found = derivatives(make, at, 3, dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == "float32" else 1e-12, atol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_examples_natively(dtype):
    """All in one program: its compilation is what takes time."""
    nodes, feeds, expected = [], {}, []
    for n, (make, at, values) in enumerate(EXAMPLES.values()):
        x = sc.Input(f"x{n}", (None, len(at)), dtype)
        value = sc.sum(make(x))
        for order in range(3):
            nodes.append(sc.grad(value, x, unconnected="zeros"))
            value = sc.sum(nodes[-1])
            expected.append([values[order]])
        nodes.append(x)
        expected.append([at])
        feeds[x.name] = [at]
    for found, right in zip(sc.compile(nodes, backend="native")(feeds), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-5 if dtype == "float32" else 1e-12, atol=0)


# All types --------------------------------------------------------------------------------------

LABELS = sc.Input("labels", (None, 3), "int64")
POINTS = [-INF, -1000.0, -1.0, -0.0, 0.0, 1.0, 1000.0, INF, NAN]


class Steep(sc.Node):
    """As a user writes it: its slope is infinite at 0, and NaN below; so are the factors of its rule."""

    x: sc.Node

    def forward(self, xp, x):
        return 2 * xp.sqrt(x) + xp.log(x)

    def backward(self, delta):
        return (delta / sc.sqrt(self.x) + (1 / self.x) * delta * sc.ones(self.x),)


def applications(x):
    """Each element-wise type of real values, applied to x in all of its inputs but the conditions; and rows of x."""
    for cls in sc.node_types():
        if cls.elementwise and (cls.__module__.startswith("symcnn.") or cls is Steep):
            for n, sample in enumerate(cls.samples()):
                if sample.dtype.kind == "f" and sample.inputs:
                    yield (
                        f"{cls.__name__} {n}",
                        sample.with_inputs([x > 0.5 if i.dtype == bool else x for i in sample.inputs]),
                    )
    rows = sc.reshape(x, (None, 3, 3))
    over_rows = {
        "softmax": sc.softmax(rows),
        "log softmax": sc.log_softmax(rows),
        "cross-entropy": sc.softmax_cross_entropy(rows, LABELS, reduction="none")[:, :, None] * rows,
        "log sum exp": sc.logsumexp(rows, 2, keepdims=True) * rows,
        "standard deviation": rows / sc.sqrt(sc.mean(rows * rows, 2, keepdims=True)),
    }
    for name, value in over_rows.items():
        yield name, sc.reshape(value, (None, 9))


def unchosen(x, value, orders):
    """The derivatives of 2 x, which is chosen instead of `value`."""
    total = sc.sum(sc.where(x > INF, value, 2 * x))
    for _ in range(orders):
        gradient = sc.grad(total, x, unconnected="zeros")
        yield gradient
        total = sc.sum(gradient)


X = sc.Input("x", (None, 9), "float64")


@pytest.mark.parametrize(("name", "value"), list(applications(X)), ids=lambda v: v if isinstance(v, str) else "")
def test_no_type_sends_errors_through_what_is_not_chosen(name, value):
    """Outside of a function's domain, at infinity and at NaN: the gradients are those of 2 x, exactly."""
    program = sc.compile([*unchosen(X, value, 3), X, LABELS], backend="numpy")
    first, *others = program(x=[POINTS], labels=[[0, 1, 2]])[:3]
    np.testing.assert_array_equal(first, np.full((1, 9), 2))
    np.testing.assert_array_equal(others, np.zeros((2, 1, 9)))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_type_sends_errors_natively(dtype):
    x = sc.Input("x", (None, 9), dtype)
    pairs = [tuple(unchosen(x, value, 2)) for _, value in applications(x)]
    program = sc.compile([x, LABELS, *(node for pair in pairs for node in pair)], backend="native")
    found = program(x=[POINTS], labels=[[0, 1, 2]])[2:]
    np.testing.assert_array_equal(found, [np.full((1, 9), 2), np.zeros((1, 9))] * len(pairs))


# What an error of 0 does not hide ---------------------------------------------------------------


def test_an_error_that_is_not_0_meets_infinity_and_nan_as_in_arithmetic():
    x = sc.Input("x", (4,), "float64")
    found = sc.compile(sc.grad(sc.sum(sc.sqrt(x)), x))(x=[0.0, -1.0, INF, 4.0])
    np.testing.assert_array_equal(found, [INF, NAN, 0, 0.25])


def test_infinity_times_a_slope_of_0_stays_nan():
    """sqrt(x^2) at 0: the error of the square is infinite, and its slope is 0."""
    x = sc.Input("x", (None,), "float64")
    for backend in BACKENDS:
        program = sc.compile([sc.grad(sc.sum(sc.sqrt(x * x)), x), x], backend=backend)
        np.testing.assert_array_equal(program(x=[0.0, -3.0])[0], [NAN, -1])


def test_an_error_that_happens_to_be_0_has_derivatives():
    """(x^2 - 1)^2 / 2 at 1, where the residual is 0: 0, 4, 12, 12."""
    orders = derivatives(lambda x: 0.5 * (x * x - 1) ** 2, [1.0], 4)
    np.testing.assert_allclose(np.ravel(orders), [0, 4, 12, 12], rtol=1e-13, atol=1e-13)
    half = derivatives(lambda x: 0.5 * (x * x - 1) * (x * x - 1), [1.0], 4)
    np.testing.assert_allclose(np.ravel(half), [0, 4, 12, 12], rtol=1e-13, atol=1e-13)
    cubed = derivatives(lambda x: (sc.exp(x) - 1) * (sc.exp(x) - 1) * sc.exp(x), [0.0], 4)
    np.testing.assert_allclose(np.ravel(cubed), [0, 2, 12, 50], rtol=1e-12, atol=1e-12)


def test_nan_stays_nan_in_the_forward_pass():
    x = sc.Input("x", (None,), "float64")
    for backend in BACKENDS:
        np.testing.assert_array_equal(sc.compile(x * 0, backend=backend)(x=[NAN, INF]), [NAN, NAN])
