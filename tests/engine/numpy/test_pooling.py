"""The kernels of max pooling, where they differ from the forward rules: window by window in plain Python."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.nodes.pool import Place, Switches

RNG = np.random.default_rng(0)
NAN, INF = np.nan, np.inf


def chosen(window):
    """Where the first NaN stands, else the first maximum, in row-major order."""
    values = [float(v) for v in window]
    bad = [n for n, v in enumerate(values) if v != v]
    return bad[0] if bad else values.index(max(values))


def switches_by_hand(x, p, q):
    height, width = x.shape[-2] // p, x.shape[-1] // q
    maps = x.reshape(-1, *x.shape[-2:])
    found = [
        [[chosen(m[i * p : (i + 1) * p, j * q : (j + 1) * q].ravel()) for j in range(width)] for i in range(height)]
        for m in maps
    ]
    return np.array(found).reshape(*x.shape[:-2], height, width)


def run_switches(x, size):
    node = Switches(sc.Input("x", (None, *x.shape[1:]), dtype=x.dtype), size)
    return sc.compile(node, backend="numpy")(x=x)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 4), (3, 2), (16, 16), (17, 16)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_first_maximum(size, dtype):
    p, q = size
    x = RNG.integers(0, 4, (3, 2, 2 * p, 3 * q)).astype(dtype)  # full of ties
    np.testing.assert_array_equal(run_switches(x, size), switches_by_hand(x, p, q))


def test_a_maximum_in_the_last_of_more_than_256_units():
    x = np.arange(17 * 16, dtype="float32").reshape(1, 1, 17, 16)
    assert run_switches(x, (17, 16)).item() == 271


def test_nan_and_infinity():
    x = RNG.choice([NAN, INF, -INF, 0.0, -0.0, 1.0], (50, 1, 4, 6)).astype("float32")
    np.testing.assert_array_equal(run_switches(x, (2, 3)), switches_by_hand(x, 2, 3))
    only_low = np.full((1, 1, 2, 2), -INF, "float32")
    assert run_switches(only_low, (2, 2)).item() == 0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_an_error_is_placed_bit_by_bit(dtype):
    error = np.array([[NAN, INF], [-0.0, 3.5]], dtype).reshape(1, 1, 2, 2)
    where = np.array([[0, 5], [3, 2]]).reshape(1, 1, 2, 2)
    d, s = sc.Input("d", (None, 1, 2, 2), dtype=dtype), sc.Input("s", (None, 1, 2, 2), dtype="int64")
    found = sc.compile(Place(d, s, (2, 3)), backend="numpy")(d=error, s=where)
    wanted = np.zeros((4, 6), dtype)
    wanted[0, 0], wanted[1, 5], wanted[3, 0], wanted[2, 5] = NAN, INF, -0.0, 3.5
    np.testing.assert_array_equal(found[0, 0], wanted)
    assert np.signbit(found[0, 0, 3, 0]) and not np.signbit(found[0, 0, 2, 0])
