"""Dropout and noise: what they do on average, which bits they take, and that nothing of them is left to predict."""

import numpy as np
import pytest

import symcnn as sc

KINDS = [sc.dropout, sc.spatial_dropout, sc.gaussian_noise]
SHAPE = (None, 6, 4, 5)


def run(a, batch=8, backend="auto", threads=None):
    x = a.graph.inputs[0]
    return sc.compile(a, backend=backend, threads=threads)(x=np.ones((batch, *x.shape[1:])))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_how_much_is_dropped(rate):
    found = run(sc.dropout(sc.Input("x", (None, 50, 40)), rate, seed=1), 50)
    kept = found != 0
    assert abs(kept.mean() - (1 - rate)) < 0.005
    np.testing.assert_allclose(found[kept], 1 / (1 - rate), rtol=1e-6)
    assert np.ptp(kept.mean(axis=(1, 2))) < 0.1


def test_whole_maps_are_dropped():
    found = run(sc.spatial_dropout(sc.Input("x", (None, 50, 4, 5)), 0.25, seed=1), 100)
    assert (found == found[:, :, :1, :1]).all() and abs((found[:, :, 0, 0] != 0).mean() - 0.75) < 0.02


def test_noise_is_normal():
    noise = run(sc.gaussian_noise(sc.Input("x", (None, 1000), "float64"), 2.0, seed=1), 200).ravel() / 2 - 0.5
    assert abs(noise.mean()) < 0.01 and abs(noise.var() - 1) < 0.01
    assert abs((noise**3).mean()) < 0.03 and abs((noise**4).mean() - 3) < 0.1
    within = [(np.abs(noise) < z).mean() for z in (0.5, 1, 2, 3)]
    np.testing.assert_allclose(within, [0.38292, 0.68269, 0.95450, 0.99730], atol=0.004)


@pytest.mark.parametrize("make", KINDS)
def test_the_same_numbers_everywhere(make):
    x = sc.Input("x", SHAPE)
    a = make(x, 0.5, seed=3, name="d")
    expected = run(a, 37, "numpy")
    for backend, threads in (("native", 1), ("native", 2), ("numpy", 2)):
        found = run(a, 37, backend, threads)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
        assert ((found == 0) == (expected == 0)).all()
    np.testing.assert_allclose(run(a, 5), expected[:5], rtol=1e-6, atol=1e-6)  # few images: other loops
    other = make(x, 0.5, seed=4, name="d"), make(x, 0.5, seed=3, name="e"), make(x, 0.5)
    assert all((run(b, 37) != expected).any() for b in other)


@pytest.mark.parametrize("make", KINDS)
def test_nothing_of_it_predicts(make):
    x = sc.Input("x", SHAPE)
    a = make(x, 0.5)
    assert sc.inference(a) is x and sc.inference(sc.tanh(a) * 2) is sc.tanh(x) * 2
    assert make(x, 0) is x
    (state,) = a.states
    assert a.params == [] and state.value.dtype == np.int64 and list(a.named_params) == [f"{make.__name__}1.step"]


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_errors_pass_where_units_stayed(backend):
    x = sc.Input("x", SHAPE)
    a = sc.dropout(x, 0.3, seed=1)
    value, dx = sc.compile([a, *sc.grad(sc.sum(a), [x])], backend=backend)(x=np.ones((20, *SHAPE[1:])))
    np.testing.assert_array_equal(value, dx)
    noisy = sc.gaussian_noise(x, seed=1)
    assert (sc.compile(sc.grad(sc.sum(noisy), [x])[0], backend=backend)(x=np.ones((20, *SHAPE[1:]))) == 1).all()


def test_what_is_infinite_can_be_dropped():
    x = sc.Input("x", (None, 100))
    found = sc.compile(sc.dropout(x, 0.5, seed=1))(x=np.full((1, 100), np.inf))
    assert set(found.ravel()) == {0, np.inf}


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_each_step_drops_others(backend):
    x = sc.Input("x", (None, 30))
    a = sc.dropout(x * sc.Param("w", np.ones(30)), 0.5, seed=1, name="d")
    J = sc.mean(a)
    f, step = sc.compile(a, backend=backend), sc.train_step(J, sc.SGD(lr=0), backend=backend)
    given, seen = np.ones((4, 30)), []
    for n in range(3):
        assert a.states[0].value == n
        seen.append(f(x=given))
        assert (f(x=given) == seen[-1]).all()  # a program of the value counts nothing
        assert step(x=given) == pytest.approx(seen[-1].mean())
    assert (seen[0] != seen[1]).any() and (seen[1] != seen[2]).any()
    a.states[0].assign(1)
    assert (f(x=given) == seen[1]).all()


def test_arguments_out_of_range(refused):
    x = sc.Input("x", SHAPE)
    with refused(sc.errors.ArgumentError, "dropout 'd': rate is 1", "at least 0 and below 1"):
        sc.dropout(x, 1, name="d")
    with refused(sc.errors.ArgumentError, "gaussian_noise: std is -1", "at least 0"):
        sc.gaussian_noise(x, -1)
    with refused(sc.errors.DTypeError, "spatial_dropout: rate is 'half'"):
        sc.spatial_dropout(x, "half")
    with refused(sc.errors.ArgumentError, "dropout: rate is nan"):
        sc.dropout(x, float("nan"))
    with refused(sc.errors.ShapeError, "spatial_dropout reads (N, channels, ...)", "(None,)"):
        sc.spatial_dropout(sc.Input("x", (None,)))
    with refused(sc.errors.ShapeError, "the batch is not the first axis of (3, None)"):
        sc.dropout(sc.Input("x", (3, None)))
    with refused(sc.errors.DTypeError, "dropout: seed is 'a'"):
        sc.dropout(x, seed="a")
