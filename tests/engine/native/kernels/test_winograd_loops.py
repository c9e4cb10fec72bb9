"""Columns in pairs, with Winograd's products: beside SciPy, to the last bit where numbers are whole, for any size."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

import symcnn as sc
from symcnn.engine.native.analysis import work as counting
from symcnn.engine.native.analysis.work import work
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.kernels import tiling as tile
from symcnn.engine.native.kernels import winograd_loops as pairs
from symcnn.engine.native.kernels.tiling import pairs_gradient_tiles, pairs_tile
from symcnn.engine.native.kernels.winograd import threes
from symcnn.engine.native.runtime.compiled import Compiled

WIDEST = replace(Cpu.host(), adders=True)
NARROW = [Cpu.of("haswell", "+avx2,+fma"), Cpu.of("x86-64", "")] if Cpu.host().is_x86 else []
CPUS = [
    WIDEST,
    *(pytest.param(replace(cpu, adders=True), marks=pytest.mark.slow) for cpu in NARROW if cpu.lanes <= WIDEST.lanes),
]


@contextmanager
def pairs_only(cpu):
    """Wherever columns can be taken in pairs they are, fast or not; the names of the loops that were written so."""
    written = []
    tiles = tile.pairs_tile, tile.pairs_gradient_tiles
    convolution, write = pairs.convolution, pairs.PairsOfErrors.write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cpu, "host", lambda: cpu)
        patch.setattr(tile, "_GAIN", np.inf)
        patch.setattr(pairs, "convolution", lambda *args: (written.append("convolution"), convolution(*args)))
        patch.setattr(pairs.PairsOfErrors, "write", lambda self: (written.append("gradient"), write(self)))
        for function in tiles:
            function.cache_clear()
        yield written
    for function in tiles:
        function.cache_clear()


@pytest.fixture(params=CPUS, ids=lambda cpu: f"{cpu.lanes} lanes")
def cpu(request):
    with pairs_only(request.param) as written:
        yield request.param
    assert written


def convolution(shape, filters, size, pad=0, dtype="float32"):
    """Maps, filters, biases, errors; the results and all gradients."""
    x, w = sc.Input("x", (None, *shape), dtype), sc.Input("w", (filters, shape[0], *size), dtype)
    b = sc.Input("b", (filters,), dtype)
    z = sc.Conv(sc.pad(x, pad), w, b)
    e = sc.Input("e", z.shape, dtype)
    return [x, w, b, e], [z, *sc.grad(z, [x, w], seed=e)]


def expected(x, w, b, e, pad):
    """The same with SciPy, map by map."""
    bordered = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    z = np.zeros(e.shape, x.dtype) + b[:, None, None]
    dx, dw = np.zeros_like(bordered), np.zeros_like(w)
    for i, f, c in np.ndindex(len(x), *w.shape[:2]):
        z[i, f] += correlate(bordered[i, c], w[f, c], "valid", "direct")
        dx[i, c] += correlate(e[i, f], w[f, c, ::-1, ::-1], "full", "direct")
        dw[f, c] += correlate(bordered[i, c], e[i, f], "valid", "direct")
    return z, dx[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]], dw


def whole_numbers(inputs, batch):
    """Small ones: all sums of their products, and halves of these, are exact in float32."""
    rng = np.random.default_rng(batch)
    return {i.name: rng.integers(-4, 5, i.spec.bind(batch)).astype(i.dtype) for i in inputs}


def assert_exact(shape, filters, size, pad, batch, dtype="float32"):
    inputs, outputs = convolution(shape, filters, size, pad, dtype)
    values = whole_numbers(inputs, batch)
    found = sc.compile(outputs, backend="native")(values)
    for name, f, e in zip(["z", "dx", "dw"], found, expected(*values.values(), pad), strict=True):
        np.testing.assert_array_equal(f, e, err_msg=name)


@pytest.mark.parametrize(
    ("shape", "filters", "size", "pad"),
    [
        ((1, 12, 13), 7, (9, 9), 0),
        ((3, 9, 8), 5, (5, 5), 2),
        ((2, 6, 11), 4, (1, 4), 3),
        ((40, 6, 7), 3, (3, 3), 1),  # more channels than stay near
        ((1, 44, 42), 9, (3, 3), 0),  # larger maps than stay near
        ((2, 3, 26), 2, (2, 24), 0),
        ((1, 5, 5), 8, (3, 3), 0),  # three columns: fewer than two pairs
        ((2, 8, 14), 5, (2, 10), 4),
    ],
)
def test_whole_numbers_are_exact(cpu, shape, filters, size, pad):
    with pairs_only(cpu) as written:
        assert_exact(shape, filters, size, pad, 17)
    assert {"convolution", "gradient"} == set(written)
    assert written.count("convolution") == 2  # forward and back


@pytest.mark.parametrize(
    "make", [lambda z: sc.subsample(z, (1, 1, 2, 1)), lambda z: sc.crop(z, ((0, 0), (0, 0), (1, 2), (2, 1)))]
)
def test_some_rows_and_columns(cpu, make):
    inputs, (z, *_) = convolution((2, 9, 11), 4, (3, 4))
    values = whole_numbers(inputs[:3], 16)
    (found,) = sc.compile([make(z)], backend="native")(values)
    right = expected(*values.values(), np.zeros((16, *z.shape[1:]), "float32"), 0)[0]
    np.testing.assert_array_equal(found, sc.compile(make(sc.Const(right)))())


def test_second_derivatives(cpu):
    x, w = (
        sc.Input("x", (None, 2, 7, 8), "float64"),
        sc.Param("w", np.random.default_rng(0).standard_normal((3, 2, 3, 5))),
    )
    J = sc.sum(sc.exp(sc.Conv(x, w) / 20))
    (first,) = sc.grad(J, [w])
    outputs = [first, *sc.grad(sc.sum(first * first), [w, x])]
    values = {"x": np.random.default_rng(1).standard_normal((19, 2, 7, 8))}
    for found, right in zip(*(sc.compile(outputs, backend=b)(values) for b in ("native", "numpy")), strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-11, atol=1e-11 * np.abs(right).max())


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.data())
def test_some_sizes(data):
    any_size(data)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_many_sizes(data):
    any_size(data)


def any_size(data):
    """Convolutions and gradients of drawn sizes, with the widest vectors."""
    small = st.integers(1, 4)
    n, m, pad = data.draw(small), data.draw(st.integers(3, 8)), data.draw(st.integers(0, 3))
    shape = data.draw(small), n + data.draw(st.integers(0, 5)), m + data.draw(st.integers(0, 9))
    with pairs_only(WIDEST):
        assert_exact(
            shape, data.draw(st.integers(1, 8)), (n, m), pad, 16, data.draw(st.sampled_from(["float32", "float64"]))
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_is_that_of_the_direct_way(monkeypatch, dtype):
    """On noise, the errors of both are of one size: the truth is SciPy's, with all the digits that there are."""
    inputs, outputs = convolution((8, 14, 14), 8, (5, 5), 0, dtype)
    rng = np.random.default_rng(0)
    values = {i.name: rng.standard_normal(i.spec.bind(16)).astype(dtype) for i in inputs}
    right = expected(*(v.astype(np.longdouble) for v in values.values()), 0)
    sizes = {}
    for adders in (False, True):
        with monkeypatch.context() as patch:
            cpu = replace(WIDEST, adders=adders)
            patch.setattr(Cpu, "host", lambda cpu=cpu: cpu)
            found = sc.compile(outputs, backend="native")(values)
        sizes[adders] = [float(np.sqrt(np.mean((f - r) ** 2))) for f, r in zip(found, right, strict=True)]
    for direct, ours in zip(sizes[False], sizes[True], strict=True):
        assert 0 < ours < 1.2 * direct


def test_a_number_is_only_in_the_results_whose_window_it_is_in(cpu):
    (x, w, b, _), (z, *_) = convolution((1, 8, 14), 2, (3, 8))
    values = {
        "x": np.ones((16, 1, 8, 14), "float32"),
        "w": np.ones((2, 1, 3, 8), "float32"),
        "b": np.zeros(2, "float32"),
    }
    assert {i.name for i in (x, w, b)} == set(values)
    for at in range(14):
        values["x"][...] = 1
        values["x"][:, :, 4, at] = np.inf
        (found,) = sc.compile([z], backend="native")(values)
        windows = np.lib.stride_tricks.sliding_window_view(values["x"], (3, 8), (2, 3))
        finite = np.isfinite(windows).all(axis=(4, 5))
        np.testing.assert_array_equal(np.isfinite(found), np.broadcast_to(finite, found.shape))


def test_a_small_number_beside_a_large_one_loses_digits(cpu):
    """As `winograd` says: also where the weight of the large one is 0."""
    (*_,), (z, *_) = convolution((1, 1, 4), 1, (1, 3))
    x = np.broadcast_to(np.array([1e6, 0.1, 1, 1], "float32"), (16, 1, 1, 4))
    found = sc.compile(z, backend="native")(x=x, w=np.array([[[[0, 1, 0]]]], "float32"), b=np.zeros(1, "float32"))
    np.testing.assert_allclose(found[..., 0], 0.1, atol=1e6 * np.finfo("float32").eps)
    np.testing.assert_allclose(found[..., 1], 1, rtol=1e-6)


def loops(plan, cpu):
    """What is counted of the loops for convolutions and gradients of filters."""
    written = Compiled.written(plan, cpu).lowered
    names = [n for kernels in written.kernels.values() for n, _ in kernels if n.endswith(("_conv", "_swap"))]
    return [work(f, {"row": 0, "valid": cpu.lanes}).operations for f in written.functions if f.name in names]


@pytest.mark.parametrize(("m", "part"), [(3, 4 / 6), (5, 7 / 10), (9, 4 / 6), (10, 14 / 20)])
def test_products_are_saved(monkeypatch, m, part):
    monkeypatch.setattr(counting, "OPERATIONS", {"fmuladd": 1})
    x, w = sc.Input("x", (None, 2, 7, 19 + m)), sc.Param("w", np.zeros((12, 2, 4, m), "float32"))
    z = sc.Conv(x, w)
    plan = sc.compile([z, *sc.grad(z, [w], seed=sc.Input("e", z.shape))], backend="numpy").plan
    counted = [loops(plan, replace(Cpu.of("znver5", "+avx512f"), adders=adders)) for adders in (False, True)]
    products = 12 * 2 * 4 * m * 4 * 20 * 16
    assert counted == [[products, products], [round(products * part)] * 2]


def test_other_processors_and_short_filters_take_all_products():
    zen, other = Cpu.of("znver4", "+avx512f"), Cpu.of("skylake-avx512", "+avx512f")
    assert pairs_tile(20, 20, 9, 9, zen) and pairs_gradient_tiles(20, 20, 9, 20, zen)
    assert not pairs_tile(20, 20, 9, 9, other) and not pairs_gradient_tiles(20, 20, 9, 20, other)
    for columns, taps in [(1, 9), (20, 2), (20, 1)]:
        assert not pairs_tile(20, columns, taps, 9, zen)
        assert not pairs_gradient_tiles(20, columns, taps, 20, zen)


@given(st.integers(3, 24), st.integers(1, 70), st.integers(2, 40), st.sampled_from([16, 28, 32]))
def test_tiles_fit_the_registers_and_leave_nothing_out(taps, filters, columns, registers):
    cpu = replace(Cpu.of("znver5", "+avx512f"), registers=registers)
    if tile := pairs_tile(filters, columns, taps, 9, cpu):
        assert 4 * tile[0] * tile[1] < registers and tile[0] <= filters and 2 * tile[1] <= columns
    if tiles := pairs_gradient_tiles(filters, columns, taps, 9, cpu):
        assert [group for groups, _ in tiles for group in groups] == threes(taps)
        assert all(sum({3: 4, 2: 3, 1: 2}[t] for _, t in groups) * f < registers for groups, f in tiles)
