"""Convolutions with strides, natively: only what is kept is computed, and no error of 0 is multiplied."""

import itertools

import numpy as np
import pytest
from scipy.signal import correlate2d

import symcnn as sc
from symcnn.engine.native.analysis.fusion import fuse
from symcnn.engine.native.analysis.partition import partition
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.kernels.convolution import places
from symcnn.engine.patterns import Convolution
from symcnn.engine.plan import Plan


def written_out(x, w, b, delta, steps, pad):
    """The kept units, and the errors of image, filters and biases: one window after the other."""
    (n, m), (down, across) = w.shape[2:], steps
    bordered = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    z, dx, dw = np.zeros(delta.shape), np.zeros(bordered.shape), np.zeros(w.shape)
    for f, i, j in np.ndindex(delta.shape[1:]):
        window = (slice(None), slice(None), slice(i * down, i * down + n), slice(j * across, j * across + m))
        z[:, f, i, j] = (bordered[window] * w[f]).sum(axis=(1, 2, 3)) + b[f]
        error = delta[:, f, i, j, None, None, None]
        dx[window] += error * w[f]
        dw[f] += (error * bordered[window]).sum(axis=0)
    return z, dx[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]], dw, delta.sum(axis=(0, 2, 3))


SIZES = [(1, 1), (2, 5), (4, 3), (7, 9)]
STEPS = [(1, 1), (2, 2), (3, 1), (1, 4), (5, 3), (20, 20)]


def strided(steps, size, pad, batch):
    """The kept units and all errors, beside those written out."""
    rng = np.random.default_rng(0)
    x, w, b = sc.Input("x", (None, 3, 11, 13)), sc.Input("w", (5, 3, *size)), sc.Input("b", (5,))
    z = sc.subsample(sc.Conv(sc.pad(x, pad), w, b), (1, 1, *steps))
    delta = sc.Input("delta", z.shape)
    f = sc.compile([z, *sc.grad(z, [x, w, b], seed=delta)], backend="native")
    values = {i.name: rng.standard_normal(i.spec.bind(batch)).astype("float32") for i in (x, w, b, delta)}
    doubles = (values[name].astype("float64") for name in ("x", "w", "b", "delta"))
    for found, right in zip(f(values), written_out(*doubles, steps, pad), strict=True):
        np.testing.assert_allclose(found, right, atol=1e-4)


@pytest.mark.parametrize("batch", [1, 17])
@pytest.mark.parametrize(
    ("steps", "size", "pad"), [((2, 2), (4, 3), 2), ((3, 1), (2, 5), 0), ((1, 4), (7, 9), 2), ((20, 20), (1, 1), 0)]
)
def test_strides(steps, size, pad, batch):
    strided(steps, size, pad, batch)


@pytest.mark.slow
@pytest.mark.parametrize("steps", STEPS)
def test_strides_with_filters_of_any_size(steps):
    for size, pad, batch in itertools.product(SIZES, (0, 2), (1, 17)):
        strided(steps, size, pad, batch)


def test_units_that_someone_else_reads_are_all_computed():
    rng = np.random.default_rng(1)
    x, w = sc.Input("x", (None, 2, 8, 8)), sc.Input("w", (3, 2, 3, 3))
    z = sc.Conv(x, w)
    some, others = sc.subsample(z, (1, 1, 2, 2)), sc.subsample(z, (1, 1, 3, 2))
    values = {"x": rng.standard_normal((5, 2, 8, 8)), "w": rng.standard_normal((3, 2, 3, 3))}
    full = written_out(values["x"], values["w"], np.zeros(3), np.zeros((5, 3, 6, 6)), (1, 1), 0)[0]
    kept = [full[:, :, ::2, ::2], full[:, :, ::3, ::2]]
    for outputs, right in [
        ([some, others], kept),
        ([some, z], [kept[0], full]),
        ([some, sc.exp(z)], [kept[0], np.exp(full)]),
        ([some, sc.sum(z)], [kept[0], full.sum()]),
    ]:
        f = sc.compile(outputs, backend="native")
        for found, wanted in zip(f({k: v.astype("float32") for k, v in values.items()}), right, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def computed(make):
    """Which places are computed of the convolution that `make` makes of maps and filters, and of the maps' error."""
    x, w = sc.Input("x", (None, 2, 16, 16)), sc.Param("w", np.ones((3, 2, 4, 4), "float32"))
    z = make(sc.sigmoid(x), w)
    (error,) = sc.grad(z, [x], seed=sc.Input("delta", z.shape))
    plan = Plan.of([z, error], {})
    found = partition(plan)
    nodes = [node for stage in found.stages if stage.kind == "image" for node in stage.nodes]
    group = fuse(nodes, set(plan.outputs), found, Cpu.of("x86-64", "").lanes)
    forward, back = (places(node, Convolution.of(node), group) for node in nodes if type(node) is sc.Conv)
    return forward, back


def test_a_stride_saves_its_share_of_the_products():
    (only,), phases = computed(lambda x, w: sc.subsample(sc.Conv(x, w), (1, 1, 4, 4)))
    assert (list(only.rows), list(only.columns), only.pace) == ([0, 4, 8, 12], [0, 4, 8, 12], (1, 1))
    assert len(phases) == 16 and {p.pace for p in phases} == {(4, 4)}
    assert {p.taps for p in phases} == {(y, x) for y in range(4) for x in range(4)}  # each phase has its own tap


def test_errors_of_a_border_are_not_computed():
    (forward,), (back,) = computed(lambda x, w: sc.Conv(sc.pad(x, 2), w))
    assert (forward.rows, forward.columns) == (range(17), range(17))
    assert (back.rows, back.columns) == (range(2, 18), range(2, 18))


@pytest.mark.parametrize("batch", [1, 3, 20])
@pytest.mark.parametrize("border", [1, 0, 2])
def test_a_bias_with_turned_filters_is_kept(batch, border):
    """As a transposed convolution has it: without a border, with a full one, and with more."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((batch, 2, 4, 4)), rng.standard_normal((2, 3, 2, 2))
    turned = sc.rot90(sc.swap(sc.Param("w", w.astype("float32"))))
    b = sc.Param("b", np.array([1, -2, 3], "float32"))
    z = sc.Conv(sc.pad(sc.Input("x", (None, 2, 4, 4)), border), turned, b)
    padded = np.pad(x, ((0, 0), (0, 0), (border, border), (border, border)))
    filters = np.swapaxes(w, 0, 1)[..., ::-1, ::-1]
    right = [[sum(correlate2d(m, f, "valid") for m, f in zip(n, fs, strict=True)) for fs in filters] for n in padded]
    right += b.value[:, None, None]
    np.testing.assert_allclose(sc.compile(z, backend="native")(x=x.astype("float32")), right, rtol=1e-4, atol=1e-4)
