"""Equations say by how much: strides, borders, slices."""

from itertools import product

import numpy as np
import pytest

import symcnn as sc
from symcnn.equations.typeset import Writer


def lines(J):
    return {e.left: e.right for e in sc.backprop(J).equations()}


def test_a_strided_convolution_is_one_value():
    x = sc.Input("x", (None, 1, 28, 28))
    z = sc.conv(x, 2, 5, stride=2, pad=2, name="c", seed=0)
    back = sc.backprop(sc.mean(sc.dense(sc.sigmoid(z), 3, name="out", seed=0)))
    first = back.equations().forward[0]
    assert (str(first), first.shape) == ("z1 = subsample_2(pad_2(x) * rot90(W1, 2) + b1)", z.shape)
    found = {e.left: e.right for e in back.equations()}
    assert found["a1"] == "σ(z1)" and found["z2"] == "W2 a1 + b2" and found["δ(z1)"] == "δ(a1) · a1 · (1 − a1)"
    assert found["∇W1"] == "pad_2(x) * rot90(dilate_2(δ(z1), 28×28), 2)" and found["∇b1"] == "Σ₀₂₃ δ(z1)"
    box = back.draw().story.boxes[1]
    assert (box.title, box.shape) == ("c · Conv", "2×14×14")


def test_a_convolution_that_is_read_beside_its_stride_keeps_its_name():
    x, w = sc.Input("x", (None, 1, 6, 6)), sc.Param("W", np.ones((1, 1, 3, 3)))
    z = sc.Conv(x, w)
    found = lines(sc.sum(sc.subsample(z, 2)) + sc.sum(z * z))
    assert found["z1"] == "x * rot90(W1, 2)" and found["J"] == "Σ subsample_2(z1) + Σ z1²"


def test_different_crops_pads_and_takes_are_told_apart():
    x, s = sc.Input("x", (None, 4, 6, 6)), sc.Input("s", (None, 4, 3, 3))
    none = (0, 0)
    nodes = [sc.Pad(x, (none, *w)) for w in product([(0, 0), (0, 1), (1, 1), (2, 2)], repeat=3)]
    nodes += [sc.Crop(x, (none, *w)) for w in product([(0, 0), (0, 1), (1, 1), (1, 0)], repeat=3)]
    nodes += [sc.Subsample(x, (1, *n)) for n in product([1, 2, 3], repeat=3)]
    nodes += [sc.Dilate(s, (1, 1, 2, 2), (None, 4, *n)) for n in product([5, 6], repeat=2)]
    nodes += [sc.Take(x, sc.Const(index), axis) for index in ([0, 1], [1, 0], [0]) for axis in (1, 2, 3)]
    nodes += [sc.Put(x, sc.Const([0, 1, 2, 3]), 1, size) for size in (4, 5)]
    for kind in ("text", "latex"):
        shown = [Writer(kind, lambda n: getattr(n, "name", "") or None, lambda _, f: f).formula(n).text for n in nodes]
        assert len(set(shown)) == len(nodes)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (lambda x: sc.pad(x, 2), "pad_2(x)"),
        (lambda x: sc.pad(x, ((0, 0), (0, 0), (1, 2), (3, 3))), "pad(x, [0, 0, 1+2, 3])"),
        (lambda x: sc.crop(x, 1), "crop_1(x)"),
        (lambda x: x[:, 1:3], "x[:, 1:3, :, :]"),
        (lambda x: x[:, :, ::2, ::2], "subsample_2(x)"),
        (lambda x: x[:, :, ::2, ::3], "x[:, :, ::2, ::3]"),
        (lambda x: x[:, [2, 0]], "x[:, [2, 0]]"),
        (lambda x: sc.Dilate(x, (1, 1, 2, 2), (None, 4, 12, 11)), "dilate_2(x, 12×11)"),
    ],
)
def test_geometry_says_how_much(node, expected):
    x = sc.Input("x", (None, 4, 6, 6))
    assert str(sc.backprop(sc.sum(node(x))).equations().forward[-1]) == f"J = Σ {expected}"
