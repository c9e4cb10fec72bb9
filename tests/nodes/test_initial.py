"""Initial values have the spread that their papers give."""

import numpy as np
import pytest
import scipy.stats

import symcnn as sc
from symcnn import initial

SHAPES = [((300, 200), 200, 300), ((40, 20, 5, 3), 300, 600)]


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), SHAPES)
def test_fans(shape, fan_in, fan_out):
    assert initial.fans(shape) == (fan_in, fan_out)


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), SHAPES)
def test_spread(shape, fan_in, fan_out):
    def std(init):
        values = init(np.random.default_rng(0), shape)
        assert values.shape == shape
        assert abs(values.mean()) < 0.05 * values.std()
        return values.std()

    assert std(initial.lecun_normal) == pytest.approx(1 / np.sqrt(fan_in), rel=0.02)
    assert std(initial.he_normal) == pytest.approx(np.sqrt(2 / fan_in), rel=0.02)
    assert std(initial.normal(0.1)) == pytest.approx(0.1, rel=0.02)
    assert std(initial.uniform(0.3)) == pytest.approx(0.3 / np.sqrt(3), rel=0.02)
    limit = np.sqrt(6 / (fan_in + fan_out + 1))
    assert std(initial.tutorial_uniform) == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert np.abs(initial.tutorial_uniform(np.random.default_rng(0), shape)).max() < limit


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), SHAPES)
@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_families(shape, fan_in, fan_out, kind):
    """Of both kinds the variance is that of the family; the uniform one stays within sqrt(3) standard deviations."""
    variances = {"he": 2 / fan_in, "lecun": 1 / fan_in, "glorot": 2 / (fan_in + fan_out)}
    for family, variance in variances.items():
        values = getattr(initial, f"{family}_{kind}")(np.random.default_rng(1), shape)
        assert values.shape == shape
        assert values.var() == pytest.approx(variance, rel=0.03)
        assert (np.abs(values).max() <= np.sqrt(3 * variance)) == (kind == "uniform")


def test_fans_are_those_of_the_layers():
    """Of a convolution, a transposed one, and in groups: counted from the shapes that the layers give their weights."""
    x = sc.Input("x", (None, 6, 8, 8))
    for z, expected in (
        (sc.conv(x, 4, 3, seed=0), (6 * 9, 4 * 9)),
        (sc.conv(x, 4, (3, 5), groups=2, seed=0), (3 * 15, 4 * 15)),
        (sc.conv_transposed(x, 4, 3, stride=2, seed=0), (4 * 9, 6 * 9)),
        (sc.dense(x, 10, seed=0), (6 * 64, 10)),
    ):
        assert initial.fans(z.params[0].shape) == expected


def test_truncated_normal():
    values = initial.truncated_normal(0.3)(np.random.default_rng(2), (400, 300))
    free = scipy.stats.truncnorm(-2, 2)
    assert values.std() == pytest.approx(0.3, rel=0.01)
    assert np.abs(values).max() <= 2 * 0.3 / free.std()
    assert scipy.stats.kstest(values.ravel() / 0.3 * free.std(), free.cdf).pvalue > 0.01
    assert initial.truncated_normal(0.3)(np.random.default_rng(2), (0, 3)).shape == (0, 3)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (4, 2, 3, 3), (20, 2, 3)])
def test_orthogonal(shape):
    w = initial.orthogonal(2)(np.random.default_rng(3), shape)
    assert w.shape == shape
    flat = w.reshape(shape[0], -1)
    gram = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_orthogonal_matrices_are_uniform():
    """The mean of all is 0: no sign is preferred."""
    rng = np.random.default_rng(4)
    mean = np.mean([initial.orthogonal()(rng, (2, 2)) for _ in range(2000)], axis=0)
    assert np.abs(mean).max() < 0.06


def test_what_has_no_fans():
    for init in (initial.he_normal, initial.glorot_uniform, initial.orthogonal()):
        with pytest.raises(sc.errors.ShapeError, match=r"weights of shape \(3,\) have no fans"):
            init(np.random.default_rng(0), (3,))
    with pytest.raises(sc.errors.DTypeError, match="gain is 'relu'; it must be a number"):
        initial.orthogonal("relu")


def test_every_name_that_is_offered_is_there():
    assert all(getattr(initial, name) for name in initial.__all__)


def test_constants():
    rng = np.random.default_rng(0)
    assert np.all(initial.zeros(rng, (2, 3)) == np.zeros((2, 3)))
    assert np.all(initial.ones(rng, (2, 3)) == np.ones((2, 3)))
    assert np.all(initial.constant(2)(rng, (2, 3)) == np.full((2, 3), 2.0))


def test_a_layer_takes_any_function():
    z = sc.conv(sc.Input("x", (None, 1, 4, 4)), 2, 3, init=lambda rng, shape: np.full(shape, 7.0))
    assert np.all(z.params[0].value == 7)
    assert z.params[0].value.dtype == np.float32


# Tied weights: a parameter is read as often as one likes ----------------------------------------------


def test_layers_that_share_a_parameter_add_up_its_gradient():
    rng = np.random.default_rng(5)
    x, w = sc.Input("x", (None, 2, 6, 6), "float64"), sc.Param("w", rng.standard_normal((2, 2, 3, 3)))
    a = sc.tanh(sc.convolve(x, w, pad="same"))
    J = sc.sum(sc.convolve(a, w, stride=2) ** 2)
    first, second = (sc.Param(n, w.value) for n in ("first", "second"))
    apart = sc.sum(sc.convolve(sc.tanh(sc.convolve(x, first, pad="same")), second, stride=2) ** 2)
    assert J.params == [w]
    given = rng.standard_normal((3, 2, 6, 6))
    shared = sc.compile(sc.grad(J, w))(x=given)
    np.testing.assert_allclose(shared, sum(sc.compile(sc.grad(apart, [first, second]))(x=given)), rtol=1e-10)


def test_an_autoencoder_whose_decoder_is_the_transposed_encoder():
    rng = np.random.default_rng(6)
    x, w = sc.Input("x", (None, 5), "float64"), sc.Param("w", rng.standard_normal((3, 5)))
    b, c = sc.Param("b", np.zeros(3)), sc.Param("c", np.zeros(5))
    h = sc.sigmoid(sc.Dense(x, w, b))
    J = sc.squared_error(sc.Dense(h, sc.transpose(w), c), x)
    given = rng.standard_normal((4, 5))
    value, dw = sc.compile([J, sc.grad(J, w)])(x=given)
    hidden = 1 / (1 + np.exp(-given @ w.value.T))
    off = (hidden @ w.value - given) / 4
    back = (off @ w.value.T) * hidden * (1 - hidden)
    assert value == pytest.approx(2 * (off**2).sum())
    np.testing.assert_allclose(dw, hidden.T @ off + back.T @ given, rtol=1e-10)
    step = sc.train_step(J, sc.SGD(lr=0.1))
    losses = [float(step(x=given)) for _ in range(20)]
    assert losses[-1] < losses[0]


def test_a_transposed_convolution_with_the_weights_of_the_convolution():
    """The decoder passes back what the encoder's filters see: its adjoint."""
    rng = np.random.default_rng(7)
    x, y = sc.Input("x", (None, 2, 7, 7), "float64"), sc.Input("y", (None, 3, 3, 3), "float64")
    w = sc.Param("w", rng.standard_normal((3, 2, 3, 3)))
    there, back = sc.convolve(x, w, stride=2), sc.convolve_transposed(y, w, stride=2)
    a, b = sc.compile([sc.sum(there * y), sc.sum(back * x)])(
        x=rng.standard_normal((4, 2, 7, 7)), y=rng.standard_normal((4, 3, 3, 3))
    )
    assert a == pytest.approx(b, rel=1e-12)
