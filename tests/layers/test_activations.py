"""Activations beside PyTorch's: values, first and second derivatives, at kinks and far out, too."""

from pathlib import Path

import numpy as np
import pytest

import symcnn as sc

STORED = dict(np.load(Path(__file__).parents[1] / "references" / "activations.npz"))
BUILT = {
    "leaky_relu": lambda z: sc.leaky_relu(z, 0.1),
    "prelu": sc.prelu,
    "elu": lambda z: sc.elu(z, 0.7),
    "selu": sc.selu,
    "celu": lambda z: sc.celu(z, 0.5),
    "gelu": sc.gelu,
    "gelu_by_tanh": lambda z: sc.gelu(z, "tanh"),
    "silu": sc.silu,
    "mish": sc.mish,
    "hard_sigmoid": sc.hard_sigmoid,
    "hard_swish": sc.hard_swish,
    "hard_tanh": lambda z: sc.hard_tanh(z, -2, 1),
    "relu6": sc.relu6,
    "softsign": sc.softsign,
    "softmin": sc.softmin,
}
NO_KINK = {"gelu", "gelu_by_tanh", "silu", "mish", "softsign", "softmin"}


def test_a_reference_is_stored_for_each():
    assert {*STORED} - {"x"} == {*BUILT}


def derivatives(build, x, weights, shape, dtype="float64"):
    """Value, error, and error of the error, where each is weighted."""
    z = sc.Input("z", shape, dtype)
    w = weights.astype(dtype)
    y = build(z)
    (first,) = sc.grad(sc.sum(y * w), [z])
    (second,) = sc.grad(sc.sum(first * w), [z], unconnected="zeros")
    return [sc.compile([y, first, second], backend=b)(z=x.astype(dtype)) for b in ("numpy", "native")]


@pytest.mark.parametrize("name", BUILT)
def test_values_and_derivatives_are_those_of_pytorch(name):
    x = STORED["x"]
    shape = (1, len(x)) if name == "softmin" else x.shape
    given = x[None] if name == "softmin" else x
    for found in derivatives(BUILT[name], given, np.cos(x), shape):
        for turn, (a, b) in enumerate(zip(found, STORED[name], strict=True)):
            kept = ~np.isnan(b)  # the second derivative of PyTorch's mish at 1000
            if turn == 2 and name not in NO_KINK:  # at kinks, PyTorch's second derivatives are not consistent
                kept &= ~np.isin(x, [-3, -2, 0, 1, 3, 6])
            np.testing.assert_allclose(np.ravel(a)[kept], b[kept], rtol=1e-12, atol=2e-8 if turn else 1e-14)


@pytest.mark.parametrize("name", BUILT)
def test_float32_has_no_surprise_far_out(name):
    x = np.array([[-1e30, -200, -90, 0, 90, 200, 1e30]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found, native = derivatives(BUILT[name], x, np.ones_like(x), x.shape, "float32")
    assert all(np.isfinite(a).all() for a in (*found[:2], *native[:2]))


@pytest.mark.parametrize("name", BUILT)
def test_nan_stays_nan(name):
    z = sc.Input("z", (1, 1))
    assert np.isnan(sc.compile(BUILT[name](z))(z=[[np.nan]])).all()


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize("batch", [0, 1, 2, 15, 16, 33])
def test_every_batch(name, batch):
    x = np.random.default_rng(0).normal(size=(batch, 4, 3)).astype("float32")
    z = sc.Input("z", (None, 4, 3))
    y = BUILT[name](z)
    outputs = [y, *sc.grad(sc.sum(y * y), [z])]
    for a, b in zip(*(sc.compile(outputs, backend=b)(z=x) for b in ("numpy", "native")), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_one_box_with_its_formula():
    from symcnn.graph.layer import records

    record = records(sc.silu(sc.Input("z", (3,)), name="act"))[-1]
    assert (record.function, record.title, record.name, record.formula) == ("silu", "Silu", "act", "{z} · σ({z})")


def test_prelu_learns_a_slope_for_each_channel():
    z = sc.Input("z", (None, 2, 3), "float64")
    a = sc.prelu(z, per_channel=True, init=0.5)
    (slope,) = a.params
    x = np.random.default_rng(0).normal(size=(4, 2, 3))
    value, gradient = sc.compile([a, *sc.grad(sc.sum(a), [slope])])(z=x)
    np.testing.assert_allclose(value, np.where(x > 0, x, 0.5 * x))
    np.testing.assert_allclose(gradient, np.minimum(x, 0).sum(axis=(0, 2)))


def test_prelu_takes_a_slope_that_is_given():
    z, slope = sc.Input("z", (None, 2)), sc.Param("slope", np.array([0.1, 0.2], "float32"))
    assert sc.prelu(z, slope).params == [slope]
    np.testing.assert_allclose(sc.compile(sc.prelu(z, slope))(z=[[-1, -1], [1, 1]]), [[-0.1, -0.2], [1, 1]], rtol=1e-6)


def sparse(z):
    """The projection onto the simplex by sorting."""
    ordered = np.sort(z)[::-1]
    sums = np.cumsum(ordered)
    count = max(k for k in range(1, len(z) + 1) if 1 + k * ordered[k - 1] > sums[k - 1])
    return np.maximum(z - (sums[count - 1] - 1) / count, 0)


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("axis", [1, -1])
def test_sparsemax_projects_onto_the_simplex(axis, backend):
    x = np.random.default_rng(0).normal(size=(18, 5, 7))
    x[3] = 1.0
    z, w = sc.Input("z", (None, 5, 7), "float64"), np.random.default_rng(1).normal(size=(5, 7))
    a = sc.sparsemax(z, axis)
    value, error = sc.compile([a, *sc.grad(sc.sum(a * w), [z])], backend=backend)(z=x)
    np.testing.assert_allclose(value, np.apply_along_axis(sparse, axis, x), atol=1e-14)
    support = value > 0
    mean = np.sum(w * support, axis=axis, keepdims=True) / np.sum(support, axis=axis, keepdims=True)
    np.testing.assert_allclose(error, support * (w - mean), atol=1e-14)


def test_sparsemax_of_scores_that_are_out_of_question():
    z = sc.Input("z", (3,))
    np.testing.assert_array_equal(sc.compile(sc.sparsemax(z))(z=[0, 0.5, -np.inf]), [0.25, 0.75, 0])


@pytest.mark.parametrize(
    ("build", "fragments"),
    [
        (lambda z: sc.leaky_relu(z, "0.1"), ("leaky_relu: slope is '0.1'", "a number")),
        (lambda z: sc.elu(z, np.inf, name="e"), ("elu 'e': alpha is inf",)),
        (lambda z: sc.celu(z, 0), ("celu: alpha is 0",)),
        (lambda z: sc.hard_tanh(z, 1, 1), ("hard_tanh: low is 1.0 and high is 1.0",)),
        (lambda z: sc.gelu(z, "erf"), ("gelu: approximate 'erf'", "'none' or 'tanh'")),
        (lambda z: sc.softmin(z, 4), ("axis 4 is out of range",)),
        (lambda z: sc.prelu(sc.Input("x", (None,)), per_channel=True), ("prelu reads (N, channels, ...)", "(None,)")),
    ],
)
def test_what_does_not_fit_is_refused(build, fragments, refused):
    with refused((TypeError, ValueError), *fragments):
        build(sc.Input("z", (None, 3)))
