"""Sums of many float32 numbers are as exact as NumPy's pairwise ones; all of them are counted, in any shape."""

from itertools import combinations

import numpy as np
import pytest

import symcnn as sc

TENTH = float(np.float32(0.1))  # the sum of n of them is n times this, to 1e-16
NEAR = 1e-6
"""One after the other, 10^6 of them are off by 1e-2, in 16 lanes by 1.5e-4; NumPy by 1e-7."""


def run(nodes, **feeds):
    return sc.compile(nodes, backend="native")(**feeds)


def test_the_mean_of_a_batch_of_numbers():
    x = sc.Input("x", (None,))
    mean, total = run([sc.mean(x), sc.sum(x)], x=np.full(10**6, 0.1, "float32"))
    np.testing.assert_allclose([mean, total], [TENTH, TENTH * 10**6], rtol=NEAR)


@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("shape", [(100_000,), (2503, 3, 13), pytest.param((40, 2503), marks=pytest.mark.slow)])
def test_sums_over_an_image(shape, batch):
    x = sc.Input("x", (None, *shape))
    axes, count = tuple(range(1, len(shape) + 1)), int(np.prod(shape))
    rows, mean, whole, channels = run(
        [sc.sum(x, axis=axes), sc.mean(x, axis=axes), sc.sum(x), sc.sum(x, axis=(0, *axes[1:]))],
        x=np.full((batch, *shape), 0.1, "float32"),
    )
    np.testing.assert_allclose(rows, np.full(batch, count * TENTH), rtol=NEAR)
    np.testing.assert_allclose(mean, np.full(batch, TENTH), rtol=NEAR)
    np.testing.assert_allclose(whole, batch * count * TENTH, rtol=NEAR)
    np.testing.assert_allclose(channels, np.full(shape[0], batch * count / shape[0] * TENTH), rtol=NEAR)


@pytest.mark.parametrize("batch", [1, 16])
def test_softmax_of_many_classes(batch):
    """Of classes with equal scores, each has 1 / n; the loss is log n."""
    n = 100_000
    z, y = sc.Input("z", (None, n)), sc.Input("y", (None,), "int64")
    scores = np.full((batch, n), 0.3, "float32")
    p, log_p, loss = run([sc.softmax(z), sc.log_softmax(z), sc.softmax_cross_entropy(z, y)], z=scores, y=[7] * batch)
    np.testing.assert_allclose(p, np.full((batch, n), 1 / n), rtol=NEAR)
    np.testing.assert_allclose(log_p, np.full((batch, n), -np.log(n)), rtol=NEAR)
    np.testing.assert_allclose(loss, np.log(n), rtol=NEAR)


def test_softmax_of_scores_that_differ():
    """The sum of exponentials is no power of two times one number: written out in float64."""
    scores = np.linspace(-3, 0, 100_000, dtype="float32")[None]
    exact = np.exp(scores.astype("float64"))
    (p,) = run([sc.softmax(sc.Input("z", (None, 100_000)))], z=scores)
    np.testing.assert_allclose(p, exact / exact.sum(), rtol=NEAR)


def test_losses_and_gradients_of_a_large_batch():
    """Of mean((w a - t)^2) with a = 0.3, t = 0.1 and w = 1, the derivative by w is 2 (w a - t) a / 5."""
    x, t, w = sc.Input("x", (None, 5)), sc.Input("t", (None, 5)), sc.Param("w", np.ones(5, "float32"))
    J = sc.mean((w * x - t) ** 2)
    a, c = np.float32(0.3), np.float32(0.1)
    loss, slope = run([J, *sc.grad(J, [w])], x=np.full((200_000, 5), a), t=np.full((200_000, 5), c))
    error = float(a) - float(c)
    np.testing.assert_allclose(loss, error**2, rtol=NEAR)
    np.testing.assert_allclose(slope, np.full(5, 2 * error * float(a) / 5), rtol=NEAR)


def test_gradients_of_filters_and_matrices_over_a_large_batch():
    """Each is the number of places times the error times the input."""
    x = sc.Input("x", (None, 1, 3, 3))
    w, m = sc.Param("w", np.zeros((2, 1, 2, 2), "float32")), sc.Param("m", np.zeros((3, 8), "float32"))
    J = sc.sum(sc.Dense(sc.reshape(sc.Conv(x, w), (None, 8)) + 1, m)) + sc.sum(sc.Conv(x, w))
    batch = 60_000
    dw, dm = run(sc.grad(J, [w, m]), x=np.full((batch, 1, 3, 3), 0.1, "float32"))
    np.testing.assert_allclose(dw, np.full((2, 1, 2, 2), batch * 4 * TENTH), rtol=NEAR)
    np.testing.assert_allclose(dm, np.full((3, 8), batch), rtol=0)


SHAPES = [(), (33,), (5, 7)]
MORE = [(1,), (31,), (32,), (65,), (1, 40), (40, 1), (33, 2), (3, 1, 29), (2, 5, 7), (9, 4, 3)]


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize("shape", [*SHAPES, *(pytest.param(s, marks=pytest.mark.slow) for s in MORE)], ids=str)
def test_every_number_is_counted_once(shape, dtype):
    """Whole numbers, whose sums have no roundings; batches of parts of a block, and of more than 32 blocks."""
    x = sc.Input("x", (None, *shape), dtype)
    axes = [a for n in range(1, len(shape) + 2) for a in combinations(range(len(shape) + 1), n)]
    program = sc.compile([sc.sum(x, axis=a) for a in axes], backend="native")
    rng = np.random.default_rng(0)
    for batch in (1, 5, 16, 33, 1100):
        values = rng.integers(0, 100, (batch, *shape))
        for a, found in zip(axes, program(x=values.astype(dtype)), strict=True):
            np.testing.assert_array_equal(found, values.sum(axis=a))


def test_wrong_labels_are_still_counted_in_a_large_batch():
    """The alarm is one of the sums."""
    z, y = sc.Input("z", (None, 3)), sc.Input("y", (None,), "int64")
    program = sc.compile(sc.mean(sc.softmax_cross_entropy(z, y)), backend="native")
    labels = np.zeros(3000, "int64")
    assert program(z=np.zeros((3000, 3), "float32"), y=labels) == pytest.approx(np.log(3))
    labels[5] = 3
    with pytest.raises(sc.errors.SymcnnError, match="3"):
        program(z=np.zeros((3000, 3), "float32"), y=labels)
