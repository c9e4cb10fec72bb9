"""Pooling against loops written out, and its errors against the tutorial's upsample."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symcnn as sc

NAN, INF = np.nan, np.inf


def windows(x, size):
    """(place in the result, the window as a view) for every window of x."""
    p, q = size
    for place in np.ndindex(*x.shape[:-2], x.shape[-2] // p, x.shape[-1] // q):
        *lead, i, j = place
        yield place, x[(*lead, slice(i * p, i * p + p), slice(j * q, j * q + q))]


def switch_of(window):
    """The number of the first maximum in row-major order, or of the first NaN."""
    best = 0
    flat = window.ravel()
    for number in range(1, flat.size):
        if not np.isnan(flat[best]) and (np.isnan(flat[number]) or flat[number] > flat[best]):
            best = number
    return best


def pooled(x, size, mode):
    result = np.zeros((*x.shape[:-2], x.shape[-2] // size[0], x.shape[-1] // size[1]), x.dtype)
    for place, window in windows(x, size):
        result[place] = sum(window.ravel().tolist()) / window.size if mode == "mean" else window.flat[switch_of(window)]
    return result


def placed(delta, x, size):
    """All of the error to the unit that was chosen."""
    error = np.zeros(x.shape)
    errors = dict(windows(error, size))
    for place, window in windows(x, size):
        unit = np.unravel_index(switch_of(window), window.shape)
        errors[place][unit] = delta[place]
    return error


@st.composite
def maps(draw):
    """Maps whose few different values tie often, with NaN and infinities among them, and a size that divides them."""
    size = draw(st.sampled_from([(1, 1), (2, 2), (3, 2), (1, 4), (5, 5)]))
    count = draw(st.sampled_from([(1, 1), (2, 3), (3, 1)]))
    shape = (draw(st.sampled_from([0, 1, 3])), draw(st.sampled_from([1, 3])), count[0] * size[0], count[1] * size[1])
    pool = [0.0, 1.0, 1.0, 2.0, -1.0, *draw(st.sampled_from([[], [NAN], [-INF], [INF, NAN]]))]
    x = np.random.default_rng(draw(st.integers(0, 99))).choice(pool, shape)
    return x, size


@given(drawn=maps())
def test_max_pool_both_ways(passes, drawn):
    x, size = drawn
    node = sc.Input("x", (None, *x.shape[1:]), "float64")
    p = sc.max_pool(node, size)
    delta = np.random.default_rng(1).standard_normal(p.spec.bind(len(x)))
    value, (dx,) = passes(p, [node], {"x": x}, delta)
    np.testing.assert_array_equal(value, pooled(x, size, "max"))
    np.testing.assert_array_equal(dx, placed(delta, x, size))
    assert dx.sum() == pytest.approx(delta.sum())


@given(drawn=maps())
def test_switches_pick_and_place(drawn):
    x, size = drawn
    node = sc.Input("x", (None, *x.shape[1:]), "float64")
    switches = sc.Switches(node, size)
    expected = np.zeros(switches.spec.bind(len(x)), "int64")
    for place, window in windows(x, size):
        expected[place] = switch_of(window)
    for found in (sc.compile(switches)(x=x), switches.forward(np, x)):
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(sc.compile(sc.Pick(node, switches, size))(x=x), pooled(x, size, "max"))
    error = sc.Input("e", switches.shape, "float64")
    e = np.random.default_rng(2).standard_normal(expected.shape)
    found = sc.compile(sc.Place(error, switches, size))(x=x, e=e)
    np.testing.assert_array_equal(found, placed(e, x, size))


@given(size=st.sampled_from([(1, 1), (2, 2), (3, 2), (1, 4)]), batch=st.sampled_from([0, 1, 3]))
def test_mean_pool_both_ways(passes, size, batch):
    rng = np.random.default_rng(3)
    node = sc.Input("x", (None, 2, 3 * size[0], 2 * size[1]), "float64")
    x, delta = rng.standard_normal(node.spec.bind(batch)), rng.standard_normal((batch, 2, 3, 2))
    value, (dx,) = passes(sc.mean_pool(node, size), [node], {"x": x}, delta)
    np.testing.assert_allclose(value, pooled(x, size, "mean"), rtol=1e-13, atol=1e-15)
    expected = np.kron(delta, np.ones((1, 1, *size))) / (size[0] * size[1])
    np.testing.assert_allclose(dx, expected, rtol=1e-14, atol=0)


@given(size=st.sampled_from([(1, 1), (2, 2), (3, 2), (1, 4)]), shape=st.sampled_from([(1, 1), (2, 3), (2, 1, 5, 1)]))
def test_upsample_is_kron_both_ways(passes, size, shape):
    rng = np.random.default_rng(4)
    node = sc.Input("x", shape, "float64")
    block = np.ones((1,) * (len(shape) - 2) + size)
    x = rng.standard_normal(shape)
    delta = rng.standard_normal(np.kron(x, block).shape)
    value, (dx,) = passes(sc.upsample(node, size), [node], {"x": x}, delta)
    np.testing.assert_array_equal(value, np.kron(x, block))
    expected = np.zeros(shape)
    for place, window in windows(delta, size):
        expected[place] = window.sum()
    np.testing.assert_allclose(dx, expected, rtol=1e-12, atol=1e-13)


def test_errors_of_max_pool_pass_back_again(passes):
    """The error of an error: Place sends what the switches pick."""
    rng = np.random.default_rng(5)
    x, e, u = rng.standard_normal((2, 1, 4, 4)), rng.standard_normal((2, 1, 2, 2)), rng.standard_normal((2, 1, 4, 4))
    node, error = sc.Input("x", (None, 1, 4, 4), "float64"), sc.Input("e", (None, 1, 2, 2), "float64")
    back = sc.grad(sc.max_pool(node, 2), node, seed=error)
    value, (de,) = passes(back, [error], {"x": x, "e": e}, u)
    np.testing.assert_array_equal(value, placed(e, x, (2, 2)))
    expected = np.zeros(e.shape)
    for (place, window), (_, seen) in zip(windows(u, (2, 2)), windows(x, (2, 2)), strict=True):
        expected[place] = window.flat[switch_of(seen)]
    np.testing.assert_array_equal(de, expected)


def test_blank_background_ties_go_to_the_first_unit(passes):
    node = sc.Input("x", (1, 1, 4, 4), "float64")
    _, (dx,) = passes(sc.max_pool(node, 2), [node], {"x": np.zeros((1, 1, 4, 4))}, np.ones((1, 1, 2, 2)))
    assert dx[0, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


def test_nan_wins_and_minus_infinity_stays():
    node = sc.Input("x", (2, 4), "float64")
    found = sc.compile(sc.max_pool(node, 2))(x=[[1, NAN, -INF, -INF], [INF, NAN, -INF, -INF]])
    np.testing.assert_array_equal(found, [[NAN, -INF]])
    assert sc.compile(sc.Switches(node, 2))(x=[[1, NAN, -INF, -INF], [INF, NAN, -INF, -INF]]).tolist() == [[1, 0]]


def test_mean_of_float16_is_summed_in_float32():
    node = sc.Input("x", (60, 60), "float16")
    assert sc.compile(sc.mean_pool(node, 60))(x=np.full((60, 60), 100)).item() == 100  # the sum is 360,000


def test_maps_that_are_pooled_keep_their_dtype(passes):
    for dtype in ("float16", "float32"):
        node = sc.Input("x", (None, 1, 4, 4), dtype)
        x = np.arange(16).reshape(1, 1, 4, 4)
        for mode, expected in (("mean", [[2.5, 4.5], [10.5, 12.5]]), ("max", [[5, 7], [13, 15]])):
            value, (dx,) = passes(sc.pool(node, 2, mode), [node], {"x": x}, np.ones((1, 1, 2, 2)))
            assert (value.dtype, dx.dtype) == (dtype, dtype)
            assert value[0, 0].tolist() == expected


# Borders, and what is refused ----------------------------------------------------------------


@pytest.mark.parametrize("mode", ["mean", "max"])
def test_dropped_border_has_no_error(passes, mode):
    rng = np.random.default_rng(6)
    x, delta = rng.standard_normal((2, 1, 5, 7)), rng.standard_normal((2, 1, 2, 2))
    node = sc.Input("x", (None, 1, 5, 7), "float64")
    p = sc.pool(node, (2, 3), mode, border="drop")
    assert p.shape == (None, 1, 2, 2)
    value, (dx,) = passes(p, [node], {"x": x}, delta)
    inner = x[:, :, :4, :6]
    np.testing.assert_allclose(value, pooled(inner, (2, 3), mode), rtol=1e-13)
    assert np.all(dx[:, :, 4:] == 0)
    assert np.all(dx[:, :, :, 6:] == 0)
    assert dx.sum() == pytest.approx(delta.sum())


def test_border_is_only_dropped_where_there_is_one():
    x = sc.Input("x", (None, 1, 4, 4))
    assert sc.pool(x, 2, border="drop") is sc.pool(x, 2)


X = sc.Input("x", (None, 1, 5, 6))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sc.mean_pool(X, 2, name="p1"), "mean_pool 'p1': windows of 2x2 do not divide maps of 5x6"),
        (lambda: sc.max_pool(X, (5, 4)), "windows of 5x4 do not divide maps of 5x6"),
        (lambda: sc.max_pool(X, 7, border="drop"), "the windows of 7x7 do not fit into maps of 5x6"),
        (lambda: sc.pool(X, 1, "min"), "mode 'min' is not known; expected 'mean' or 'max'"),
        (lambda: sc.pool(X, 1, border="keep"), "border 'keep' is not known; expected 'error' or 'drop'"),
        (lambda: sc.mean_pool(X, 0), "is 0; it must be at least 1"),
        (lambda: sc.mean_pool(X, (1, -2)), "is -2; it must be at least 1"),
        (lambda: sc.mean_pool(sc.Input("v", (6,)), 2), "mean_pool reads maps"),
        (lambda: sc.mean_pool(sc.Input("v", (None, 6)), 2), "this input has shape (None, 6)"),
        (lambda: sc.upsample(sc.Input("v", (6,)), 2), "needs two spatial axes at the end; the shape is (6,)"),
        (lambda: sc.Pick(X, sc.Switches(X, 5), (5, 6)), "windows of 5x5 do not divide maps of 5x6"),
        (lambda: sc.Pick(X, sc.Switches(X, (5, 2)), (5, 6)), "the switches have shape (None, 1, 1, 3); expected"),
        (lambda: sc.Place(X, sc.Switches(X, (5, 2)), (5, 2)), "switches of (None, 1, 1, 3) for errors of (None, 1, 5"),
    ],
)
def test_refused(build, message):
    with pytest.raises(sc.errors.SymcnnError, match=re.escape(message)) as caught:
        build()
    assert isinstance(caught.value, ValueError)
    assert "test_pool.py" in str(caught.value)


@pytest.mark.parametrize("wrong", [2.0, True, "2", None])
def test_sizes_that_are_no_whole_numbers(wrong):
    for build in (lambda: sc.mean_pool(X, wrong), lambda: sc.Pool(X, wrong, "max"), lambda: sc.upsample(X, (1, wrong))):
        with pytest.raises(TypeError, match="it must be a whole number"):
            build()


def test_numpy_integers_are_sizes():
    assert sc.max_pool(X, (np.int64(5), np.uint8(2))) is sc.max_pool(X, (5, 2))
