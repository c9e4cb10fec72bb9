"""Resized maps beside PyTorch's, and channels that become positions, by loops."""

import ast
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc

STORED = dict(np.load(Path(__file__).parents[1] / "references" / "resizing.npz"))
CASES = [ast.literal_eval(case) for case in STORED.pop("cases")]
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "native"])


@BACKENDS
@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: str(CASES[n]))
def test_values_and_gradients_are_those_of_pytorch(number, backend):
    _, size, mode, corners = CASES[number]
    x, y, delta, gradient = (STORED[f"{number}.{name}"] for name in ("x", "y", "delta", "gradient"))
    node, seed = sc.Input("x", (None, *x.shape[1:]), "float64"), sc.Input("delta", (None, *y.shape[1:]), "float64")
    made = sc.resize(node, size, mode, align_corners=corners)
    found = sc.compile([made, *sc.grad(made, [node], seed=seed)], backend=backend)({"x": x, "delta": delta})
    np.testing.assert_allclose(found[0], y, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("batch", [0, 1, 33])
def test_every_batch(batch):
    x = np.random.default_rng(0).normal(size=(batch, 2, 3, 4)).astype("float32")
    node = sc.Input("x", (None, 2, 3, 4))
    outputs = [sc.resize(node, (5, 8), mode) for mode in ("nearest", "linear")]
    for a, b in zip(*(sc.compile(outputs, backend=b)(x=x) for b in ("numpy", "native")), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_nothing_is_made_where_the_size_stays():
    x = sc.Input("x", (None, 2, 3, 4))
    assert sc.resize(x, (3, 4)) is sc.resize(x, (3, 4), "linear") is x


@BACKENDS
@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_channels_become_positions(mode, backend):
    x = np.random.default_rng(0).normal(size=(3, 12, 2, 3))
    expected = np.empty((3, 3, 4, 6))
    for c, y, z in np.ndindex(3, 4, 6):
        place = y % 2 * 2 + z % 2
        channel = place * 3 + c if mode == "DCR" else c * 4 + place
        expected[:, c, y, z] = x[:, channel, y // 2, z // 2]
    node = sc.Input("x", (None, 12, 2, 3), "float64")
    y = sc.depth_to_space(node, 2, mode)
    value, gradient = sc.compile([y, *sc.grad(sc.sum(y * y), [node])], backend=backend)(x=x)
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(gradient, 2 * x)


@pytest.mark.parametrize(
    ("build", "fragments"),
    [
        (lambda x: sc.resize(x, 0), ("resize: size is 0",)),
        (lambda x: sc.resize(x, (2, 3, 4), name="up"), ("resize 'up': size is (2, 3, 4)", "2 spatial axes")),
        (lambda x: sc.resize(x, 4, "cubic"), ("resize: mode 'cubic'", "'nearest' or 'linear'")),
        (lambda x: sc.resize(sc.flatten(x), 4), ("resize reads maps",)),
        (
            lambda x: sc.depth_to_space(x, 3),
            ("12 channels of (None, 12, 2, 3) are no multiple of 3 x 3",),
        ),
        (lambda x: sc.depth_to_space(x, 2, "crd"), ("depth_to_space: mode 'crd'",)),
        (lambda x: sc.depth_to_space(x[:, 0], 2), ("depth_to_space reads (N, channels, height, width)",)),
    ],
)
def test_what_does_not_fit_is_refused(build, fragments, refused):
    with refused((TypeError, ValueError), *fragments):
        build(sc.Input("x", (None, 12, 2, 3)))
