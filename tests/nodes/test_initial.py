"""Initial values have the spread that their papers give."""

import numpy as np
import pytest

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


def test_constants():
    rng = np.random.default_rng(0)
    assert np.all(initial.zeros(rng, (2, 3)) == np.zeros((2, 3)))
    assert np.all(initial.constant(2)(rng, (2, 3)) == np.full((2, 3), 2.0))


def test_a_layer_takes_any_function():
    z = sc.conv(sc.Input("x", (None, 1, 4, 4)), 2, 3, init=lambda rng, shape: np.full(shape, 7.0))
    assert np.all(z.params[0].value == 7)
    assert z.params[0].value.dtype == np.float32
