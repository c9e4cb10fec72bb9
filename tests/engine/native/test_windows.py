"""Windows of any size, and values that are read at several places: against loops over single numbers in NumPy."""

from math import comb

import numpy as np
import pytest

import symcnn as sc

BATCHES = [1, 5, 16, 17, 33]
TOLERANCE = {"float32": 2e-6, "float64": 1e-14}
SIZES = [((3, 3), (2, 3)), ((5, 4), (2, 1)), ((9, 7), (1, 1))]
MORE_SIZES = [((4, 5), (2, 2)), ((17, 1), (1, 3)), ((1, 32), (3, 1)), ((6, 6), (3, 2))]
SLOW = [pytest.param(*given, marks=pytest.mark.slow) for given in MORE_SIZES]


def native(nodes):
    program = sc.compile(nodes, backend="native")
    assert "by NumPy" not in program.report()
    return program


def windows(a, p, q):
    """The places of each window: for (n, c, i, j) of what is pooled, the elements in row-major order."""
    n, c, height, width = a.shape
    for index in np.ndindex(n, c, height // p, width // q):
        m, f, i, j = index
        yield index, [(m, f, i * p + u, j * q + v) for u in range(p) for v in range(q)]


def first_largest(a, places):
    """The first of the largest elements; the first NaN, where there is one."""
    return next((x for x in places if np.isnan(a[x])), None) or max(places, key=lambda x: (a[x], -places.index(x)))


def pooled(a, delta, p, q, mode):
    """What a pool is, and the error of what it reads."""
    out, error = np.zeros(delta.shape), np.zeros(a.shape)
    for index, places in windows(a, p, q):
        if mode == "mean":
            out[index] = sum(float(a[x]) for x in places) / (p * q)
            for x in places:
                error[x] = delta[index] / (p * q)
        else:
            best = first_largest(a, places)
            out[index], error[best] = a[best], delta[index]
    return out, error


def images(shape, batch, dtype):
    """Few different numbers, so that there are ties, also between a window's first and last."""
    return np.random.default_rng(3).integers(-4, 5, (batch, *shape)).astype(dtype) / 4


DTYPES = ["float32", pytest.param("float64", marks=pytest.mark.slow)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["mean", "max"])
@pytest.mark.parametrize(("size", "count"), [*SIZES, *SLOW])
def test_pools_and_their_errors(size, count, mode, dtype):
    (p, q), (rows, columns) = size, count
    x = sc.Input("x", (None, 2, p * rows, q * columns), dtype)
    d = sc.Input("d", (None, 2, rows, columns), dtype)
    y = sc.pool(x, size, mode)
    program = native([y, *sc.grad(y, [x], seed=d)])
    for batch in BATCHES:
        a, delta = images(x.shape[1:], batch, dtype), images(d.shape[1:], batch, dtype) + 0.1
        for found, expected in zip(program(x=a, d=delta), pooled(a, delta, p, q, mode), strict=True):
            np.testing.assert_allclose(found, expected, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("mode", ["mean", "max"])
@pytest.mark.parametrize("size", [pytest.param((2, 2), marks=pytest.mark.slow), (5, 4)])
def test_pools_of_what_is_computed_on_the_way_and_their_second_derivatives(size, mode):
    """pool(x^3): the derivative along u of its gradient along u is 6 x u^2, pooled at the same places."""
    p, q = size
    x = sc.Input("x", (None, 1, 2 * p, 3 * q), "float64")
    u, d = sc.Input("u", x.shape, "float64"), sc.Input("d", (None, 1, 2, 3), "float64")
    y = sc.pool(x**3, size, mode)
    (first,) = sc.grad(y, [x], seed=d)
    (second,) = sc.grad(sc.sum(first * u), [x])
    program = native([y, first, second])
    rng = np.random.default_rng(0)
    for batch in (1, 17):
        a, b = (rng.permutation(batch * 6 * p * q).reshape(batch, *x.shape[1:]) / 100 - 0.3 for _ in range(2))
        delta = rng.standard_normal((batch, 1, 2, 3))
        expected, spread = pooled(a**3, delta, p, q, mode)
        wanted = [expected, 3 * a**2 * spread, 6 * a * b * spread]
        for found, values in zip(program(x=a, u=b, d=delta), wanted, strict=True):
            np.testing.assert_allclose(found, values, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [2, 6])
def test_the_first_nan_of_a_window_is_its_maximum(size):
    x, d = sc.Input("x", (None, 1, 6, 6)), sc.Input("d", (None, 1, 6 // size, 6 // size))
    y = sc.max_pool(x, size)
    program = native([y, *sc.grad(y, [x], seed=d)])
    for batch in (1, 16):
        a = images((1, 6, 6), batch, "float32")
        a[:, 0, 1, 1] = a[0, 0, 1, 0] = a[:, 0, 5, 2] = np.nan
        a[-1] = -np.inf
        delta = np.ones((batch, *d.shape[1:]), "float32")
        for found, expected in zip(program(x=a, d=delta), pooled(a, delta, size, size, "max"), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", [(2, 3), (5, 8)])
@pytest.mark.parametrize("shape", [(2, 1, 1), (1, 3, 2)])
def test_what_is_repeated_over_windows(size, shape):
    x = sc.Input("x", (None, *shape), "float64")
    y = sc.upsample(sc.exp(x), size)
    (error,) = sc.grad(sc.sum(y * y), [x])
    program = native([y, error])
    for batch in (1, 5, 17):
        a = images(shape, batch, "float64")
        found, back = program(x=a)
        np.testing.assert_allclose(found, np.kron(np.exp(a), np.ones(size)), rtol=1e-14)
        np.testing.assert_allclose(back, 2 * np.exp(2 * a) * size[0] * size[1], rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("levels", [12])
def test_sums_of_neighbours_have_binomial_weights(levels, dtype):
    x = sc.Input("x", (None, levels + 18), dtype)
    y = x
    for _ in range(levels):
        y = y[:, 1:] + y[:, :-1]
    d = sc.Input("d", y.shape, dtype)
    program = native([y, *sc.grad(y, [x], seed=d)])
    weights = [comb(levels, n) / 2**levels for n in range(levels + 1)]
    for batch in BATCHES:
        a, delta = images(x.shape[1:], batch, dtype), images(d.shape[1:], batch, dtype)
        found, error = program(x=a, d=delta)
        expected = np.array([np.convolve(row, weights, "valid") for row in a])
        back = np.array([np.convolve(row, weights, "full") for row in delta])
        np.testing.assert_allclose(found / 2**levels, expected, atol=TOLERANCE[dtype])
        np.testing.assert_allclose(error / 2**levels, back, atol=TOLERANCE[dtype])


def test_reading_at_two_places_through_all_kinds_of_moves():
    x = sc.Input("x", (None, 6, 6), "float64")
    y = x
    for _ in range(2):
        y = sc.tanh(y + sc.transpose(y, (0, 2, 1)))
        y = y + sc.reshape(sc.pad(sc.reshape(y, (None, 36)), ((0, 0), (5, 0)))[:, :36], y.shape)
        y = sc.take(y, [1, 2, 3, 4, 5, 0], axis=1) - y
        wide = sc.reshape(sc.upsample(sc.reshape(y, (None, 1, 6, 6)), 2), (None, 12, 12))
        y = wide[:, 1:7, 3:9] + wide[:, ::2, ::2]
    program = native(y)
    for batch in (1, 17):
        a = images((6, 6), batch, "float64")
        b = a
        for _ in range(2):
            b = np.tanh(b + b.transpose(0, 2, 1))
            b = b + np.pad(b.reshape(batch, 36), ((0, 0), (5, 0)))[:, :36].reshape(batch, 6, 6)
            b = np.roll(b, -1, axis=1) - b
            wide = np.kron(b, np.ones((1, 2, 2)))
            b = wide[:, 1:7, 3:9] + wide[:, ::2, ::2]
        np.testing.assert_allclose(program(x=a), b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("batch", [17, pytest.param(1, marks=pytest.mark.slow)])
def test_many_pieces_are_joined(batch):
    x = sc.Input("x", (None, 40, 3), "float64")
    y = sc.concat([x[:, n : n + 1] * n for n in range(40)], axis=1)
    (error,) = sc.grad(sc.sum(y * y), [x])
    a = images((40, 3), batch, "float64")
    n = np.arange(40)[None, :, None]
    found, back = native([y, error])(x=a)
    np.testing.assert_array_equal(found, a * n)
    np.testing.assert_array_equal(back, 2 * a * n * n)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_largest_of_any_number_of_neighbours(dtype):
    lengths = [1, 3, 16, 35]
    xs = [sc.Input(f"x{n}", (None, 2, 3, n), dtype) for n in lengths]
    axes = [(1, 3), (2,)]
    outputs = [sc.max(x, axis=a) for x in xs for a in axes] + [
        sc.max_pool(x, (3, n)) for x, n in zip(xs, lengths, strict=True)
    ]
    program = native(outputs)
    for batch in (1, 17):
        feeds = [images(x.shape[1:], batch, dtype) - 2 for x in xs]
        feeds[-1][0, 1, 2, 33] = np.nan
        expected = [a.max(axis=axis) for a in feeds for axis in axes] + [
            a.max(axis=(2, 3), keepdims=True) for a in feeds
        ]
        for found, wanted in zip(program(dict(zip(xs, feeds, strict=True))), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
