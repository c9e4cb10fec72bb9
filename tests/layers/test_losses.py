"""Losses against stored references of PyTorch in float64 (`tests/references/make_losses.py`), and their edges."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax

import symcnn as sc
from symcnn.graph.layer import records

REFERENCES = np.load(Path(__file__).parents[1] / "references" / "losses.npz")
CE = sc.softmax_cross_entropy


def finite(losses, reduction):
    """The mean of a batch in which the loss of some rows is infinite, without these."""
    return losses if reduction == "none" else sc.mean(sc.where(losses < np.inf, losses, 0))


BUILT = {
    "ce": CE,
    "ce/weights": lambda z, y, r, w: CE(z, y, r, weights=w),
    "ce/smoothing": partial(CE, smoothing=0.1),
    "ce/ignore": partial(CE, ignore=255),
    "ce/all three": lambda z, y, r, w: CE(z, y, r, weights=w, smoothing=0.2, ignore=255),
    "ce/maps": CE,
    "ce/maps, all three": lambda z, y, r, w: CE(z, y, r, weights=w, smoothing=0.3, ignore=255),
    "ce/steps": CE,
    "ce/targets": CE,
    "ce/targets, weights, smoothing": lambda z, t, r, w: CE(z, t, r, weights=w, smoothing=0.1),
    "nll": sc.nll,
    "nll/weights": lambda z, y, r, w: sc.nll(z, y, r, weights=w),
    "nll/ignore, weights, maps": lambda z, y, r, w: sc.nll(z, y, r, weights=w, ignore=255),
    "hinge": sc.hinge,
    "hinge/squared": partial(sc.hinge, margin=0.7, power=2),
    "squared": sc.squared_error,
    "absolute": sc.absolute_error,
    "huber": partial(sc.huber, threshold=1.5),
    "huber/smooth": lambda a, t, r: sc.huber(a, t, r, threshold=0.5) / 0.5,
    "binary": sc.sigmoid_cross_entropy,
    "binary/weights": lambda z, t, r, w, p: sc.sigmoid_cross_entropy(z, t, r, weights=w, pos_weights=p),
    "binary/odds": lambda a, t, r, w: sc.binary_cross_entropy(a, t, r, weights=w),
    "hinge/signs": lambda z, t, r: sc.hinge(z, sc.cast(t, "float64"), r),
    "kl": sc.kl_divergence,
    "kl/logarithms": partial(sc.kl_divergence, log_target=True),
    "cosine": lambda q, k, r: sc.cosine_loss(q, k, reduction=r),
    "cosine/signs": lambda a, b, y, r: sc.cosine_loss(a, b, y, r, margin=0.1),
    "ctc": lambda z, y, r: sc.ctc(sc.log_softmax(z), y, r),
    "ctc/lengths": lambda z, y, n, k, r: finite(sc.ctc(sc.log_softmax(z), y, "none", lengths=n, label_lengths=k), r),
    "partners": partial(sc.info_nce, temperature=0.5),
    "partners/symmetric": partial(sc.info_nce, temperature=2.0, normalize=False, symmetric=True),
}


def stored(case):
    return {key.removeprefix(f"{case}: "): REFERENCES[key] for key in REFERENCES.files if key.startswith(f"{case}: ")}


def inputs_of(known):
    """Inputs for what a case is fed."""
    names = [n for n in ("z", "log_p", "a", "q", "b", "k", "y", "t", "signs", "steps", "labels") if n in known]
    return [sc.Input(n, (None, *known[n].shape[1:]), known[n].dtype) for n in names]


def built(case, reduction, known, inputs):
    return BUILT[case](*inputs, reduction, *(known[n] for n in "wp" if n in known))


def test_every_stored_case_is_built():
    assert {key.partition(": ")[0] for key in REFERENCES.files} == set(BUILT)


@pytest.mark.parametrize("backend", ["numpy", pytest.param("native", marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", BUILT)
def test_values_gradients_and_second_derivatives_are_pytorchs(case, backend):
    known = stored(case)
    inputs = inputs_of(known)
    real = [x for x in inputs if f"grad {x.name}" in known]
    mean, losses = (built(case, reduction, known, inputs) for reduction in ("mean", "none"))
    gradients = sc.grad(mean, real)
    squares = sum((sc.sum(g * g) for g in gradients), sc.Const(0.0)) / 2
    products = sc.grad(squares, real, unconnected="zeros")
    program = sc.compile([losses, mean, *gradients, *products], backend=backend)
    names = ["losses", "mean", *(f"{kind} {x.name}" for kind in ("grad", "product") for x in real)]
    for value, name in zip(program({x: known[x.name] for x in inputs}), names, strict=True):
        np.testing.assert_allclose(value, known[name], rtol=1e-9, atol=1e-12, err_msg=name)


# Shapes, labels and what counts ----------------------------------------------------------------


def test_the_plain_form_is_the_node_and_its_mean():
    z, y = sc.Input("z", (None, 3)), sc.Input("y", (None,), "int64")
    J = CE(z, y)
    assert J is sc.mean(sc.SoftmaxCrossEntropy(z, y))
    assert CE(z, y, "none") is sc.SoftmaxCrossEntropy(z, y)
    assert records(J)[-1].function == "softmax_cross_entropy"
    assert "softmax(z) − 1[y]" in str(sc.backprop(J).equations())


def test_classes_on_any_axis_are_those_on_the_last():
    z, y = np.random.default_rng(0).standard_normal((2, 5, 4, 3)), np.random.default_rng(1).integers(0, 3, (2, 5, 4))
    expected = -np.take_along_axis(log_softmax(z, axis=-1), y[..., None], -1)[..., 0]
    labels = sc.Input("y", (None, 5, 4), "uint8")
    for axis, given in ((None, z), (1, np.moveaxis(z, -1, 1)), (2, np.moveaxis(z, -1, 2)), (-1, z)):
        node = sc.Input("z", (None, *given.shape[1:]), "float64")
        for loss, scores in ((CE, given), (sc.nll, given - np.log(np.exp(given).sum(axis or -1, keepdims=True)))):
            found = sc.compile(loss(node, labels, "none", axis=axis))(z=scores, y=y)
            np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_targets_of_maps_with_their_axis():
    rng = np.random.default_rng(2)
    z, t = rng.standard_normal((2, 3, 4, 5)), rng.random((2, 3, 4, 5))
    nodes = [sc.Input(n, (None, 3, 4, 5), "float64") for n in "zt"]
    found = sc.compile(CE(*nodes, axis=1))(z=z, t=t)
    assert found == pytest.approx(-(t * log_softmax(z, axis=1)).sum(1).mean(), rel=1e-12)


@pytest.mark.parametrize("batch", [0, 1, 17, 33])
@pytest.mark.parametrize(
    "case", ["ce/all three", "hinge", "huber", "kl", "cosine/signs", "partners", "binary/weights", "ctc"]
)
def test_engines_agree_for_any_batch(case, batch):
    """Also of no rows: the sum is 0, the losses are none, and the plain mean is refused."""
    known = {k: v if k in "wp" else np.resize(v, (batch, *v.shape[1:])) for k, v in stored(case).items()}
    inputs = inputs_of(known)
    total, losses = (built(case, reduction, known, inputs) for reduction in ("sum", "none"))
    real = [x for x in inputs if x.dtype.kind == "f"]
    asked = [total, losses, *sc.grad(total, real)]
    feeds = {x: known[x.name] for x in inputs}
    a, b = (sc.compile(asked, backend=backend)(feeds) for backend in ("numpy", "native"))
    for x, y in zip(a, b, strict=True):
        assert np.isfinite(x).all()
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)
    assert a[1].shape == (batch,)
    assert a[0] == pytest.approx(a[1].sum())


@pytest.mark.parametrize("loss", [sc.squared_error, sc.absolute_error, sc.huber, sc.kl_divergence])
def test_the_plain_mean_of_no_rows_is_refused(loss):
    a, t = sc.Input("a", (None, 3)), sc.Input("t", (None, 3))
    with pytest.raises(sc.errors.FeedError, match="empty batch"):
        sc.compile(loss(a, t))(a=np.zeros((0, 3)), t=np.zeros((0, 3)))


def test_all_labels_ignored_is_a_mean_of_nothing():
    z, y = sc.Input("z", (None, 3), "float64"), sc.Input("y", (None,), "int64")
    J = CE(z, y, ignore=-100)
    value, dz = sc.compile([J, sc.grad(J, z)])(z=np.ones((2, 3)), y=[-100, -100])
    assert np.isnan(value)
    assert dz.tolist() == np.zeros((2, 3)).tolist()


def test_exact_far_out_and_at_zero():
    z, t = sc.Input("z", (None, 3), "float64"), sc.Input("t", (None, 3), "float64")
    J = CE(z, t)
    value, dz, dt = sc.compile([J, *sc.grad(J, [z, t])])(z=[[1e4, 0, -np.inf]], t=[[1, 0, 0]])
    assert value == 0
    assert dz.tolist() == [[0, 0, 0]]
    assert dt.tolist() == [[0, 1e4, np.inf]]
    zero = sc.kl_divergence(sc.log_softmax(z), t)
    value, dz = sc.compile([zero, sc.grad(zero, z)])(z=[[1e4, 0, 0]], t=[[1, 0, 0]])
    assert (value, dz.tolist()) == (0, [[0, 0, 0]])
    far = sc.cosine_loss(z, t)
    assert sc.compile(far)(z=[[0, 0, 0]], t=[[1, 0, 0]]) == 1


def test_weights_take_the_dtype_of_the_scores():
    z, y = sc.Input("z", (None, 2)), sc.Input("y", (None,), "int64")
    assert CE(z, y, weights=[0.1, 0.9]).dtype == np.float32
    assert CE(z, y, weights=sc.Param("w", np.float64([1, 2])), smoothing=0.1).dtype == np.float32


Z, Y, T = sc.Input("z", (None, 4)), sc.Input("y", (None,), "int64"), sc.Input("t", (None, 4))
CUBE = sc.Input("z", (None, 3, 3))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CE(CUBE, sc.Input("y", (None, 3), "int64")), "on axis 1 and on the last axis"),
        (lambda: CE(CUBE, sc.Input("t", (None, 3, 3))), "could be on axis 1 or on the last axis"),
        (lambda: CE(Z, Y, weights=[1, 2, 3]), "the weights of the classes have the shape (3,); expected (4,)"),
        (lambda: CE(Z, Y, weights=[True] * 4), "expected numbers"),
        (lambda: CE(Z, Y, smoothing=1.5), "smoothing is 1.5; it must be at least 0 and below 1"),
        (lambda: CE(Z, Y, ignore=2.5), "ignore is 2.5; it must be a whole number"),
        (lambda: CE(Z, T, ignore=1), "ignore is a label"),
        (lambda: CE(Z, Y, axis=2), "axis 2 is out of range"),
        (lambda: sc.nll(Z, T), "labels are class indices"),
        (lambda: sc.nll(Z, sc.Input("y", (3,), "int64")), "nll: scores of (None, 4) and labels of (3,) do not fit"),
        (lambda: sc.hinge(Z, Y, power=3), "power is 3; expected 1 or 2"),
        (lambda: sc.hinge(Z, Y, margin=0), "margin is 0; it must be above 0"),
        (lambda: sc.huber(Z, T, threshold=-1), "threshold is -1; it must be above 0"),
        (lambda: sc.kl_divergence(Z, sc.Input("t", (None, 3))), "do not fit"),
        (lambda: sc.sigmoid_cross_entropy(Z, T, weights=np.ones((2, 4))), "the weights have the shape (2, 4)"),
        (lambda: sc.cosine_loss(Z, T, Z), "y has the shape (None, 4); expected (None,)"),
        (lambda: sc.cosine_similarity(Z, CUBE), "vectors of (None, 4) and (None, 3, 3) do not fit"),
        (lambda: sc.info_nce(Z, CUBE), "expected (N, features) of both"),
        (lambda: sc.info_nce(Z, T, temperature=0), "temperature is 0; it must be above 0"),
        (lambda: sc.ctc(Z, Y), "ctc: probabilities of (None, 4) and labels of (None,) do not fit"),
        (lambda: sc.ctc(CUBE, sc.Input("y", (None, 2))), "labels are class indices"),
        (lambda: sc.ctc(CUBE, sc.Input("y", (None, 2), "int64"), blank=3), "blank is 3; there are 3 classes"),
        (lambda: sc.ctc(CUBE, sc.Input("y", (None, 2), "int64"), lengths=T), "lengths are (None, 4) float32"),
        (lambda: sc.absolute_error(Z, T, "avg"), "'avg' is not known"),
    ],
)
def test_refused(build, message):
    with pytest.raises(sc.errors.SymcnnError, match=re.escape(message)):
        build()
