"""Sequences, step by step: `scan` beside loops that are written out."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.testing import check_gradients


def running(x_t, state):
    """Two outputs and two states."""
    total, product = state
    return (total + x_t, product), (total + x_t, product * x_t)


def given(shape, dtype="float64"):
    return sc.Input("x", shape, dtype)


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("batch", [0, 1, 2, 16, 33])
def test_outputs_and_states_are_those_of_a_loop(batch, backend):
    x = given((None, 4, 3))
    first = sc.broadcast_to(sc.Const(np.zeros(3)), (None, 3))
    outputs, state = sc.scan(running, x, (first, first + 1))
    numbers = np.random.default_rng(0).normal(size=(batch, 4, 3))
    sums, products, total, product = sc.compile([*outputs, *state], backend=backend)(x=numbers)
    np.testing.assert_allclose(sums, np.cumsum(numbers, axis=1), atol=1e-12)
    before = np.cumprod(np.concatenate([np.ones((batch, 1, 3)), numbers], axis=1), axis=1)
    np.testing.assert_allclose(products, before[:, :-1], atol=1e-12)
    np.testing.assert_allclose([total, product], [numbers.sum(axis=1), before[:, -1]], atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_the_last_step_may_come_first_and_sequences_may_end_early(backend):
    x, lengths = given((None, 4)), sc.Input("lengths", (None,), "int64")
    start = sc.Input("start", (None,), "float64")
    numbers, ends = np.arange(1.0, 13).reshape(3, 4), [4, 0, 2]
    for reverse in (False, True):
        sums, last = sc.scan(lambda x_t, s: (x_t + s, x_t + s), x, start, lengths=lengths, reverse=reverse)
        found = sc.compile([sums, last], backend=backend)(x=numbers, start=[10, 20, 30], lengths=ends)
        for n, end in enumerate(ends):
            row = numbers[n, :end][:: -1 if reverse else 1]
            expected = np.zeros(4)
            expected[:end] = ((n + 1) * 10 + np.cumsum(row))[:: -1 if reverse else 1]
            np.testing.assert_array_equal(found[0][n], expected)
            np.testing.assert_array_equal(found[1][n], (n + 1) * 10 + row.sum())


def test_derivatives_go_through_all_steps():
    w, x = sc.Param("w", [0.5, -0.25, 0.75]), given((None, 4, 3))
    lengths = sc.Input("lengths", (None,), "int64")
    first = sc.broadcast_to(sc.Const(np.ones(3)), (None, 3))

    def cell(x_t, h):
        new = sc.tanh(w * h + x_t)
        return new * h, new

    outputs, state = sc.scan(cell, x, first, lengths=lengths)
    J = sc.sum(outputs**2) + sc.sum(state)
    feeds = {"x": np.random.default_rng(1).normal(size=(3, 4, 3)), "lengths": [1, 4, 3]}
    assert check_gradients(J, feeds).worst < 1e-8
    assert check_gradients(sc.sum(sc.grad(J, [w])[0] ** 2), feeds).worst < 1e-7


def test_several_sequences_go_in_at_once():
    x, y = given((None, 3, 2)), sc.Input("y", (None, 3), "float64")
    outputs, _ = sc.scan(
        lambda xs, s: (xs[0] * sc.reshape(xs[1], (None, 1)) + s, s + 1),
        (x, y),
        sc.broadcast_to(sc.Const(np.zeros(2)), (None, 2)),
    )
    a, b = np.ones((2, 3, 2)), np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(sc.compile(outputs)(x=a, y=b), b[:, :, None] * a + np.arange(3)[:, None])


def test_a_mask_of_lengths():
    lengths = sc.Input("lengths", (None,), "uint8")
    for backend in ("numpy", "native"):
        found = sc.compile(sc.sequence_mask(lengths, 3), backend=backend)(lengths=[0, 2, 3, 200])
        assert found.dtype == bool
        np.testing.assert_array_equal(found.sum(axis=1), [0, 2, 3, 3])
        np.testing.assert_array_equal(found[1], [True, True, False])


def test_what_does_not_fit_is_refused(refused):
    x, start = given((None, 4, 3)), sc.Input("start", (None, 3), "float64")

    def keep(x_t, s):
        return x_t, s

    with refused(sc.errors.ShapeError, "scan", "(None, 4, 3), (None, 5)", "the same N and T"):
        sc.scan(keep, (x, given((None, 5))), start)
    with refused(sc.errors.ShapeError, "scan", "the steps are axis 1"):
        sc.scan(keep, sc.transpose(x, (1, 0, 2)), start)
    with refused(sc.errors.ShapeError, "there is no step"):
        sc.scan(keep, given((None, 0, 3)), start)
    with refused(sc.errors.DTypeError, "expected (output, state)"):
        sc.scan(lambda x_t, s: x_t, x, start)
    with refused(sc.errors.ShapeError, "step 0", "(None, 1) float64", "(None, 3) float64", "keeps shape and dtype"):
        sc.scan(lambda x_t, s: (x_t, s[:, :1]), x, start)
    with refused(sc.errors.ShapeError, "step 3", "a state of 1 nodes; it was given one of 2"):
        sc.scan(lambda x_t, s: (x_t, s[0]), x, (start, start), reverse=True)
    with refused(sc.errors.ArgumentError, "state: there is none"):
        sc.scan(keep, x, ())
    with refused(sc.errors.ShapeError, "an output is a scalar"):
        sc.scan(lambda x_t, s: (1.0, s), x, start)
    with refused(sc.errors.DTypeError, "lengths are float32", "expected integers"):
        sc.scan(keep, x, start, lengths=sc.Input("lengths", (None,)))
    with refused(sc.errors.ShapeError, "lengths have shape (None, 4)", "one for each sequence of (None, 4, 3)"):
        sc.scan(keep, x, start, lengths=sc.Input("lengths", (None, 4), "int64"))
    with refused(sc.errors.ArgumentError, "sequence_mask: steps is 0"):
        sc.sequence_mask(sc.Input("lengths", (None,), "int64"), 0)
