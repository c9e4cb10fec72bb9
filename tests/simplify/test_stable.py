"""Stable forms: each rule fires, agrees where the naive form is good, and holds where it is not."""

import numpy as np
import pytest
from scipy.special import log_expit, log_softmax, logsumexp

import symcnn as sc

Z = sc.Input("z", (None, 4), "float64")
FAR = np.array([[-1e4, -750.0, 750.0, 1e4]])


@pytest.mark.parametrize(
    ("node", "simple", "exact"),
    [
        pytest.param(sc.log(sc.softmax(Z)), sc.log_softmax(Z), lambda z: log_softmax(z, axis=-1), id="log softmax"),
        pytest.param(sc.log(sc.sigmoid(Z)), -sc.softplus(-Z), log_expit, id="log sigmoid"),
        pytest.param(sc.log(1 - sc.sigmoid(Z)), -sc.softplus(Z), lambda z: log_expit(-z), id="log(1 - sigmoid)"),
        pytest.param(sc.log(1 + sc.exp(Z)), sc.softplus(Z), lambda z: np.logaddexp(0, z), id="log(1 + exp)"),
        pytest.param(sc.log(sc.exp(Z) + 1), sc.softplus(Z), lambda z: np.logaddexp(0, z), id="log(exp + 1)"),
        pytest.param(sc.log(sc.exp(Z)), Z, lambda z: z, id="log exp"),
        pytest.param(
            sc.log(sc.sum(sc.exp(Z), axis=1)), sc.logsumexp(Z, axis=1), lambda z: logsumexp(z, axis=1), id="log sum exp"
        ),
        pytest.param(
            sc.log(sc.softmax(Z)[:, 1:3]),
            sc.log_softmax(Z)[:, 1:3],
            lambda z: log_softmax(z, axis=1)[:, 1:3],
            id="slice",
        ),
        pytest.param(
            sc.log(sc.reshape(1 - sc.reshape(sc.sigmoid(Z), (None, 2, 2)), (None, 4))),
            -sc.softplus(Z),
            lambda z: log_expit(-z),
            id="reshapes on both sides",
        ),
    ],
)
def test_rule_fires_and_holds_far_out(simplified, node, simple, exact):
    assert simplified(node, rtol=1e-12) is sc.simplify([simple])[0]
    np.testing.assert_allclose(sc.compile(node)(z=FAR), exact(FAR), rtol=1e-14)


def test_log_of_sigmoid_and_its_gradient_at_minus_10000():
    value = sc.log(sc.sigmoid(Z))
    found, slope = sc.compile([value, sc.grad(sc.sum(value), Z)])(z=np.full((1, 4), -1e4))
    assert found.tolist() == [[-1e4] * 4]
    assert np.all(np.isfinite(found))
    assert slope.shape == (1, 4)


@pytest.mark.parametrize("one", [sc.ones(Z), sc.Const(np.ones((4,))), sc.Const(np.ones((1, 1)))])
def test_the_1_may_be_what_broadcasts(simplified, one):
    v = sc.Input("v", (4,), "float64")
    for node in (sc.log(one + sc.exp(v)), sc.log(one - sc.sigmoid(v))):
        simple = simplified(node, rtol=1e-12)
        assert sc.Log not in {type(n) for n in sc.Graph(simple).nodes}


def test_a_1_of_a_wider_dtype_still_widens(simplified):
    v = sc.Input("v", (4,), "float32")
    for node in (sc.log(sc.Const(1.0) + sc.exp(v)), sc.log(sc.Const(1.0) - sc.sigmoid(v))):
        assert node.dtype == np.float64
        simplified(node)


def test_other_numbers_than_1_stay(simplified):
    for node in (sc.log(sc.exp(Z) - 2), sc.log(2 - sc.sigmoid(Z)), sc.log(sc.Const([1.0, 1.0, 1.0, 2.0]) + sc.exp(Z))):
        assert type(simplified(node)) is sc.Log
