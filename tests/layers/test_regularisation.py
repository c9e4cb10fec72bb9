"""Weight decay against the formula written out."""

import numpy as np
import pytest

import symcnn as sc


def network():
    x = sc.Input("x", (None, 2, 4, 4))
    a = sc.layer_norm(sc.conv(x, 3, 2, seed=0, name="c", table=[[0], [1], [0, 1]]), name="ln")
    return sc.mean(sc.batch_norm(sc.dense(a, 5, seed=1, name="d"), name="bn") ** 2)


def test_value_and_gradients():
    J = network()
    decayed = sc.weight_decay(J, 0.3)
    weights = [J.param("c.W"), J.param("d.W")]
    given = np.random.default_rng(0).standard_normal((6, 2, 4, 4))
    before, after = sc.compile([J, decayed])(x=given)
    expected = 0.15 * sum((w.value.astype(float) ** 2).sum() for w in weights)
    assert float(after - before) == pytest.approx(expected, rel=1e-5)
    plain, more = (sc.compile(sc.grad(j, J.params))(x=given) for j in (J, decayed))
    for p, g, h in zip(J.params, plain, more, strict=True):
        np.testing.assert_allclose(h - g, 0.3 * p.value if p in weights else 0 * g, atol=1e-6)


def test_optimizers_decay_the_same_weights():
    J = network()
    assert [p.name for p in J.params if p.is_weight] == ["c.W", "d.W"]
    assert sc.Param("ln.gain", np.ones((2, 2))).is_weight is False
    assert sc.Param("w", np.ones((2, 2)), trainable=False).is_weight is False


def test_what_cannot_be_decayed(refused):
    x = sc.Input("x", (None,))
    with refused(sc.errors.ShapeError, "a loss is a scalar"):
        sc.weight_decay(x, 0.1)
    with refused(sc.errors.GradientError, "there is nothing to decay"):
        sc.weight_decay(sc.mean(x * sc.Param("b", 1)), 0.1)
    with refused(sc.errors.ArgumentError, "weight_decay: c is -1"):
        sc.weight_decay(network(), -1)
