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
    "partners": partial(sc.info_nce, temperature=0.5),
    "partners/symmetric": partial(sc.info_nce, temperature=2.0, normalize=False, symmetric=True),
}


def stored(case):
    return {key.removeprefix(f"{case}: "): REFERENCES[key] for key in REFERENCES.files if key.startswith(f"{case}: ")}


def inputs_of(known):
    """Inputs for what a case is fed."""
    names = [n for n in ("z", "log_p", "a", "q", "b", "k", "y", "t", "signs") if n in known]
    return [sc.Input(n, (None, *known[n].shape[1:]), known[n].dtype) for n in names]


def built(case, reduction, known, inputs):
    return BUILT[case](*inputs, reduction, *(known[n] for n in "wp" if n in known))


def test_every_stored_case_is_built():
    assert {key.partition(": ")[0] for key in REFERENCES.files} == set(BUILT)


@pytest.mark.parametrize("backend", ["numpy", "native"])
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
