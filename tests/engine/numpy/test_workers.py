"""The work of a convolution divided among threads: the same values, in forked processes too."""

import multiprocessing

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.numpy import workers as team


@pytest.fixture
def three_threads(monkeypatch):
    monkeypatch.setenv("SYMCNN_THREADS", "3")
    monkeypatch.setattr(team, "WORTH_BYTES", 0)
    monkeypatch.setattr(team, "_pool", None)


def gradients():
    """The loss and the gradients of a small network, and the arrays that were fed."""
    x, y = sc.Input("x", (None, 2, 9, 8)), sc.Input("y", (None,), dtype="int64")
    z = sc.dense(sc.sigmoid(sc.conv(x, 3, (4, 3), seed=0)), 4, seed=1)
    J = sc.softmax_cross_entropy(z, y)
    program = sc.compile([J, *sc.backprop(J).grads.values()])
    rng = np.random.default_rng(0)
    return program(x=rng.standard_normal((7, 2, 9, 8)), y=rng.integers(0, 4, 7))


@pytest.mark.usefixtures("three_threads")
def test_three_threads_give_what_one_gives(monkeypatch):
    divided = gradients()
    monkeypatch.setenv("SYMCNN_THREADS", "1")
    for a, b in zip(divided, gradients(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("three_threads")
def test_the_same_threads_give_the_same_bits():
    for a, b in zip(gradients(), gradients(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("three_threads")
def test_shares_cover_everything_once():
    assert team.shares(7, nbytes=1) == [(0, 2), (2, 4), (4, 7)]
    assert team.shares(2, nbytes=1) == [(0, 1), (1, 2)]


@pytest.mark.usefixtures("three_threads")
def test_an_error_in_a_thread_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        team.run_all([lambda: None, lambda: 1 / 0])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("three_threads")
def test_a_forked_process_does_not_hang():
    before = gradients()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        after = pool.apply_async(gradients).get(timeout=60)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
