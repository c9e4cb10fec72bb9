"""The tutorial's convolution equations against SciPy, and the layers that are made of them."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import convolve2d, correlate2d

import symcnn as sc

C3_TABLE = np.array(
    [  # LeCun et al. 1998, Table I: which of the 6 maps of S2 (rows) each of the 16 maps of C3 (columns) sees
        [1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1],
        [1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1],
        [1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1],
        [0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0, 1, 1],
        [0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1],
        [0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1],
    ]
)


# z = x * rot90(W, 2) + b, delta(x) = full convolution of delta with W, grad W = x * rot90(delta, 2) -----------


def convolved(x, w, b):
    z = np.zeros((len(x), len(w), x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1))
    for n, image in enumerate(x):
        for f, kernel in enumerate(w):
            z[n, f] = b[f] + sum(convolve2d(image[c], np.rot90(kernel[c], 2), "valid") for c in range(len(image)))
    return z


def error_of_input(delta, w, x):
    error = np.zeros(x.shape)
    for n in range(len(x)):
        for c in range(x.shape[1]):
            error[n, c] = sum(convolve2d(delta[n, f], w[f, c], "full") for f in range(len(w)))
    return error


def gradient_of_filters(x, delta, w):
    gradient = np.zeros(w.shape)
    for f in range(w.shape[0]):
        for c in range(w.shape[1]):
            for n in range(len(x)):
                gradient[f, c] += convolve2d(x[n, c], np.rot90(delta[n, f], 2), "valid")
    return gradient


@st.composite
def geometries(draw):
    """(N, channels, filters, (height, width), (n, m)): prime, odd, 1 x 1, one row, filters as large as the map."""
    batch = draw(st.sampled_from([0, 1, 3]))
    channels = draw(st.sampled_from([1, 2, 3]))
    filters = draw(st.sampled_from([1, 2, 5]))
    kernel = draw(st.sampled_from([(1, 1), (1, 3), (3, 1), (2, 2), (3, 3), (2, 5)]))
    more = draw(st.sampled_from([(0, 0), (0, 4), (1, 1), (4, 2), (6, 0)]))
    return batch, channels, filters, (kernel[0] + more[0], kernel[1] + more[1]), kernel


@given(geometry=geometries())
def test_both_passes_against_scipy(passes, geometry):
    batch, channels, filters, size, kernel = geometry
    rng = np.random.default_rng(1)
    x = rng.standard_normal((batch, channels, *size))
    w = rng.standard_normal((filters, channels, *kernel))
    b = rng.standard_normal(filters)
    nodes = [
        sc.Input("x", (None, channels, *size), "float64"),
        sc.Input("w", w.shape, "float64"),
        sc.Input("b", b.shape, "float64"),
    ]
    z = sc.Conv(*nodes)
    delta = rng.standard_normal(z.spec.bind(batch))
    value, (dx, dw, db) = passes(z, nodes, {"x": x, "w": w, "b": b}, delta)
    np.testing.assert_allclose(value, convolved(x, w, b), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dx, error_of_input(delta, w, x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dw, gradient_of_filters(x, delta, w), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(db, delta.sum(axis=(0, 2, 3)), rtol=1e-12, atol=1e-12)


@given(geometry=geometries())
def test_forward_rule_alone_against_correlate2d(geometry):
    batch, channels, filters, size, kernel = geometry
    rng = np.random.default_rng(2)
    x = rng.standard_normal((batch, channels, *size))
    w = rng.standard_normal((filters, channels, *kernel))
    node = sc.Conv(sc.Input("x", (None, *x.shape[1:]), "float64"), sc.Input("w", w.shape, "float64"))
    expected = np.zeros(node.spec.bind(batch))
    for n, f in np.ndindex(batch, filters):
        expected[n, f] = sum(correlate2d(x[n, c], w[f, c], "valid") for c in range(channels))
    np.testing.assert_allclose(node.forward(np, x, w), expected, rtol=1e-12, atol=1e-12)


def test_which_way_round_by_hand():
    x, w = sc.Input("x", (None, 1, 2, 3)), sc.Input("w", (1, 1, 1, 2))
    z = sc.compile(sc.Conv(x, w))(x=[[[[1, 2, 3], [4, 5, 6]]]], w=[[[[10, 1]]]])
    assert z.tolist() == [[[[12, 23], [45, 56]]]]
    dw = sc.grad(sc.sum(sc.Conv(x, w)), w)
    assert sc.compile(dw)(x=[[[[1, 2, 3], [4, 5, 6]]]]).tolist() == [[[[12, 16]]]]


@pytest.mark.parametrize("batch", [23, 40])
def test_more_images_than_the_engine_takes_at_a_time(passes, batch):
    rng = np.random.default_rng(9)
    x, w, b = (rng.standard_normal(s) for s in ((batch, 1, 20, 20), (3, 1, 5, 5), (3,)))
    nodes = sc.Input("x", (None, 1, 20, 20), "float64"), sc.Param("w", w), sc.Param("b", b)
    delta = rng.standard_normal((batch, 3, 16, 16))
    value, (dx, dw, db) = passes(sc.Conv(*nodes), nodes, {"x": x}, delta)
    np.testing.assert_allclose(value, convolved(x, w, b), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(dx, error_of_input(delta, w, x), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(dw, gradient_of_filters(x, delta, w), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(db, delta.sum(axis=(0, 2, 3)), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_narrow_dtypes(passes, dtype):
    rng = np.random.default_rng(3)
    x, w, b = (rng.standard_normal(s).astype(dtype) for s in ((2, 3, 7, 6), (4, 3, 3, 2), (4,)))
    nodes = [sc.Input("x", (None, 3, 7, 6), dtype), sc.Input("w", w.shape, dtype), sc.Input("b", b.shape, dtype)]
    z = sc.Conv(*nodes)
    delta = rng.standard_normal(z.spec.bind(2)).astype(dtype)
    value, (dx, dw, db) = passes(z, nodes, {"x": x, "w": w, "b": b}, delta)
    assert [a.dtype for a in (value, dx, dw, db)] == [np.dtype(dtype)] * 4
    x, w, b, delta = (a.astype("float64") for a in (x, w, b, delta))
    room = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(value, convolved(x, w, b), rtol=room, atol=room)
    np.testing.assert_allclose(dx, error_of_input(delta, w, x), rtol=room, atol=room)
    np.testing.assert_allclose(dw, gradient_of_filters(x, delta, w), rtol=room, atol=room)


def test_sums_of_float16_are_kept_in_float32():
    ones = np.ones((1, 1, 60, 60), "float16")
    x = sc.Input("x", (None, 1, 60, 60), "float16")
    w = sc.Input("w", (1, 1, 60, 60), "float16")
    assert sc.compile(sc.Conv(x, w))(x=ones, w=ones).item() == 3600  # float16 counts by 2 from 2048 on


def test_second_order_is_another_convolution(passes):
    """d/dx <grad W, U> is the full convolution of delta with U."""
    rng = np.random.default_rng(4)
    x, w, u = (rng.standard_normal(s) for s in ((2, 2, 5, 6), (3, 2, 2, 3), (3, 2, 2, 3)))
    nx, nw = sc.Input("x", (None, 2, 5, 6), "float64"), sc.Input("w", w.shape, "float64")
    z = sc.Conv(nx, nw)
    delta = sc.Const(rng.standard_normal((3, 4, 4)))
    dw = sc.grad(sc.sum(z * delta), nw)
    (hx,) = sc.grad(sc.sum(dw * sc.Const(u)), [nx])
    full = np.broadcast_to(delta.value, (2, 3, 4, 4))
    found, _ = sc.compile([hx, nx])(x=x)
    np.testing.assert_allclose(found, error_of_input(full, u, x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layout", ["F", "negative", "strided", "broadcast", "read-only", "big-endian"])
def test_memory_layout_of_the_input_does_not_matter(layout):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((2, 3, 6, 6)).astype("float32")
    big = rng.standard_normal((4, 3, 12, 6)).astype("float32")
    x = {
        "F": np.asfortranarray(x),
        "negative": x[:, :, ::-1, ::-1],
        "strided": big[::2, :, ::2],
        "broadcast": np.broadcast_to(x[:1, :1], x.shape),
        "read-only": np.frombuffer(x.tobytes(), "float32").reshape(x.shape),
        "big-endian": x.astype(">f4"),
    }[layout]
    z = sc.conv(sc.Input("x", (None, 3, 6, 6)), 2, 3, seed=0)
    np.testing.assert_array_equal(sc.compile(z)(x=x), sc.compile(z)(x=np.array(x, dtype="float32", order="C")))


# rot90 and swap ------------------------------------------------------------------------------


@given(shape=st.sampled_from([(1, 1), (3, 5), (2, 1, 4), (2, 3, 1, 7), (3, 2, 2, 2)]))
def test_rot90_reverses_the_spatial_axes(passes, shape):
    x, delta = np.random.default_rng(0).standard_normal((2, *shape))
    node = sc.Input("x", shape, "float64")
    value, (dx,) = passes(sc.rot90(node), [node], {"x": x}, delta)
    np.testing.assert_array_equal(value, np.rot90(x, 2, axes=(-2, -1)))
    np.testing.assert_array_equal(dx, np.rot90(delta, 2, axes=(-2, -1)))


def test_swap_exchanges_images_and_channels(passes):
    x, delta = np.random.default_rng(0).standard_normal((2, 3, 2, 4, 5))
    node = sc.Input("x", (None, 2, 4, 5), "float64")
    value, (dx,) = passes(sc.swap(node), [node], {"x": x}, np.swapaxes(delta, 0, 1))
    np.testing.assert_array_equal(value, np.swapaxes(x, 0, 1))
    np.testing.assert_array_equal(dx, delta)


def test_twice_is_nothing():
    w = sc.Input("w", (2, 3, 4, 5))
    assert sc.rot90(sc.rot90(w)) is w
    assert sc.swap(sc.swap(w)) is w


# The layer -----------------------------------------------------------------------------------


@given(stride=st.sampled_from([1, 2, 3]), pad=st.sampled_from([0, 1, 2]), size=st.sampled_from([1, 3, (2, 4)]))
def test_layer_with_stride_and_pad(passes, stride, pad, size):
    x_node = sc.Input("x", (None, 2, 7, 8), "float64")
    z = sc.conv(x_node, 3, size, stride=stride, pad=pad, seed=1)
    w, b = z.params
    b.value[:] = [1, -2, 3]
    rng = np.random.default_rng(6)
    x, delta = rng.standard_normal((2, 2, 7, 8)), rng.standard_normal(z.spec.bind(2))
    value, (dx, dw, db) = passes(z, [x_node, w, b], {"x": x}, delta)
    border = ((0, 0), (0, 0), (pad, pad), (pad, pad))
    wide = np.pad(x, border)
    full = convolved(wide, w.value, b.value)
    np.testing.assert_allclose(value, full[:, :, ::stride, ::stride], rtol=1e-12, atol=1e-12)
    spread = np.zeros(full.shape)
    spread[:, :, ::stride, ::stride] = delta
    inner = (..., slice(pad, pad + 7), slice(pad, pad + 8))
    np.testing.assert_allclose(dx, error_of_input(spread, w.value, wide)[inner], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dw, gradient_of_filters(wide, spread, w.value), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(db, delta.sum(axis=(0, 2, 3)), rtol=1e-12, atol=1e-12)


def test_layer_makes_named_repeatable_parameters():
    x = sc.Input("x", (None, 3, 8, 8))
    first, again, other = (sc.conv(x, 4, (3, 2), seed=s, name="c") for s in (0, 0, 1))
    assert [(p.name, p.value.shape, p.value.dtype.name) for p in first.params] == [
        ("c.W", (4, 3, 3, 2), "float32"),
        ("c.b", (4,), "float32"),
    ]
    assert np.array_equal(first.params[0].value, again.params[0].value)
    assert not np.array_equal(first.params[0].value, other.params[0].value)
    assert not first.params[1].value.any()
    assert [p.name for p in sc.conv(x, 4, 3, bias=False).params] == ["W"]
    assert sc.conv(x, np.int64(4), np.int8(3)).shape == (None, 4, 6, 6)


def test_filters_as_large_as_the_map_give_one_unit():
    assert sc.conv(sc.Input("x", (None, 3, 5, 4)), 7, (5, 4)).shape == (None, 7, 1, 1)


def test_lenet5_has_the_published_number_of_parameters():
    x = sc.Input("x", (None, 1, 32, 32))

    def size(node, seen):
        return sum(p.size for p in node.params if p not in seen.params)

    c1 = sc.conv(x, 6, 5, name="C1")
    s2 = sc.scale(sc.mean_pool(c1, 2), name="S2")
    c3 = sc.conv(sc.sigmoid(s2), 16, 5, table=C3_TABLE.T, name="C3")
    s4 = sc.scale(sc.mean_pool(c3, 2), name="S4")
    c5 = sc.conv(sc.sigmoid(s4), 120, 5, name="C5")
    f6 = sc.dense(sc.tanh(c5), 84, name="F6")
    counts = [size(layer, seen) for layer, seen in zip((c1, s2, c3, s4, c5, f6), (x, c1, s2, c3, s4, c5), strict=True)]
    assert counts == [156, 12, 1516, 32, 48120, 10164]
    assert [n.shape for n in (c1, s2, c3, s4, c5)] == [
        (None, 6, 28, 28),
        (None, 6, 14, 14),
        (None, 16, 10, 10),
        (None, 16, 5, 5),
        (None, 120, 1, 1),
    ]


def test_table_says_what_each_filter_sees(passes):
    x_node = sc.Input("x", (None, 6, 4, 4), "float64")
    z = sc.conv(x_node, 16, 3, table=C3_TABLE.T, seed=0)
    w, b = z.params
    rng = np.random.default_rng(7)
    x, delta = rng.standard_normal((2, 6, 4, 4)), rng.standard_normal((2, 16, 2, 2))
    value, (dw,) = passes(z, [w], {"x": x}, delta)
    for f in range(16):
        seen = [c for c in range(6) if C3_TABLE[c, f]]
        alone = convolved(x[:, seen], w.value[f : f + 1, seen], b.value[f : f + 1])
        np.testing.assert_allclose(value[:, f : f + 1], alone, rtol=1e-12, atol=1e-12)
    exists = np.broadcast_to(C3_TABLE.T[:, :, None, None] == 1, w.value.shape)
    assert np.all(w.value[~exists] == 0)
    assert np.all(dw[~exists] == 0)
    np.testing.assert_allclose(dw[exists], gradient_of_filters(x, delta, w.value)[exists], rtol=1e-12, atol=1e-12)


def test_unconnected_weights_stay_0_through_training():
    x, y = sc.Input("x", (None, 6, 4, 4)), sc.Input("y", (None,), dtype="int64")
    z = sc.conv(x, 16, 3, table=C3_TABLE.T, seed=0, name="C3")
    J = sc.softmax_cross_entropy(sc.dense(sc.sigmoid(z), 3, seed=1), y)
    w = z.params[0]
    before = w.value.copy()
    rng = np.random.default_rng(8)
    step = sc.train_step(J, sc.SGD(lr=0.5, momentum=0.9))
    for _ in range(5):
        step(x=rng.standard_normal((4, 6, 4, 4)), y=rng.integers(0, 3, 4))
    exists = np.broadcast_to(C3_TABLE.T[:, :, None, None] == 1, w.value.shape)
    assert np.all(w.value[~exists] == 0)
    assert np.all(w.value[exists] != before[exists])


def test_table_as_lists_of_channels():
    x = sc.Input("x", (None, 3, 4, 4))
    by_list = sc.conv(x, 2, 3, table=[[0, 2], [1]], seed=0)
    by_matrix = sc.conv(x, 2, 3, table=np.array([[1, 0, 1], [0, 1, 0]]), seed=0)
    assert np.array_equal(by_list.params[0].value, by_matrix.params[0].value)
    assert by_list.params[0].size == 3 * 9


# What is refused -----------------------------------------------------------------------------

X = sc.Input("x", (None, 3, 5, 5))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sc.conv(X, 2, 6, name="big"), "conv 'big': the filters of 6x6 do not fit into maps of 5x5"),
        (lambda: sc.conv(X, 2, (1, 6)), "the filters of 1x6 do not fit into maps of 5x5"),
        (lambda: sc.conv(sc.Input("i", (None, 5)), 2, 3), "this input has shape (None, 5)"),
        (lambda: sc.Conv(X, sc.Input("w", (2, 4, 3, 3))), "the filters see 4 channels, the input has 3"),
        (lambda: sc.Conv(X, sc.Input("w", (2, 3, 3))), "expected x of (N, channels, height, width) and w of"),
        (lambda: sc.Conv(X, sc.Input("w", (2, 3, 3, 3)), sc.Input("b", (3,))), "the bias has shape (3,); expected"),
        (lambda: sc.Conv(X, sc.Input("w", (2, 3, 3, 3)), sc.Input("b", (2, 1))), "the bias has shape (2, 1)"),
        (lambda: sc.conv(X, 0, 3), "filters is 0; it must be at least 1"),
        (lambda: sc.conv(X, -1, 3), "filters is -1; it must be at least 1"),
        (lambda: sc.conv(X, 2, 3, stride=0), "stride is 0; it must be at least 1"),
        (lambda: sc.conv(X, 2, (3, 3, 3)), "expected one number, or one for each of the 2 spatial axes"),
        (lambda: sc.conv(X, 2, 3, pad=-1), "the width of the border, pad, is -1; it must be at least 0"),
        (lambda: sc.rot90(sc.Input("v", (3,))), "needs two spatial axes"),
        (lambda: sc.swap(sc.Input("v", (3,))), "needs two axes"),
        (lambda: sc.conv(X, 2, 3, table=[[0]]), "it has 1 rows; expected one for each of the 2 filters"),
        (lambda: sc.conv(X, 4, 3, table=np.ones((3, 4), int)), "the rows are filters; transpose it"),
        (lambda: sc.conv(X, 2, 3, table=[[0], []]), "filter 1 sees no channel"),
        (lambda: sc.conv(X, 2, 3, table=np.array([[1, 0, 1], [0, 0, 0]])), "filter 1 sees no channel"),
        (lambda: sc.conv(X, 2, 3, table=[[0], [3]]), "filter 1 sees channel 3; the input has channels 0 to 2"),
        (lambda: sc.conv(X, 2, 3, table=[[0], [-1]]), "filter 1 sees channel -1"),
        (lambda: sc.conv(X, 2, 3, table=[[0], [1, 1]]), "filter 1 sees channel 1 twice"),
        (lambda: sc.conv(X, 2, 3, table=np.array([[1, 0, 2], [0, 1, 0]])), "expected a 0 or 1"),
        (lambda: sc.conv(X, 2, 3, table=np.ones((2, 4), int)), "expected a 0 or 1 for each of the 3 channels"),
    ],
)
def test_refused(build, message):
    with pytest.raises(sc.errors.SymcnnError, match=re.escape(message)) as caught:
        build()
    assert isinstance(caught.value, ValueError)
    assert "test_conv.py" in str(caught.value)


@pytest.mark.parametrize("wrong", [2.0, True, "3", None])
def test_sizes_that_are_no_whole_numbers(wrong):
    for build in (lambda: sc.conv(X, wrong, 3), lambda: sc.conv(X, 2, wrong), lambda: sc.conv(X, 2, 3, stride=wrong)):
        with pytest.raises(TypeError, match="it must be a whole number"):
            build()


def test_border_that_is_no_whole_number():
    for wrong in (1.0, True):
        with pytest.raises(TypeError, match="the width of the border"):
            sc.conv(X, 2, 3, pad=wrong)


def test_a_border_for_each_axis(passes):
    """pad=(0, 2) pads along one row of maps only: NumPy's correlation of the padded row."""
    x_node = sc.Input("x", (None, 2, 1, 9), "float64")
    z = sc.conv(x_node, 3, (1, 5), pad=(0, 2), seed=0)
    (w, b), x = z.params, np.random.default_rng(0).normal(size=(2, 2, 1, 9))
    b.assign([1, -2, 3])
    expected = np.zeros((2, 3, 1, 9))
    for n, f, c in np.ndindex(2, 3, 2):
        expected[n, f, 0] += np.correlate(x[n, c, 0], w.value[f, c, 0], "same")
    value, _ = passes(z, [x_node, w, b], {"x": x}, np.ones((2, 3, 1, 9)))
    np.testing.assert_allclose(value, expected + b.value[:, None, None], rtol=1e-12, atol=1e-12)
    assert sc.conv(X, 2, 3, pad=[2, 0]).shape == sc.conv(X, 2, 3, pad=np.array([2, 0])).shape == (None, 2, 7, 3)
    assert sc.conv(X, 2, 3, pad=(1, 1), seed=0).shape == sc.conv(X, 2, 3, pad=1, seed=0).shape


def test_one_number_does_not_pad_a_single_row_above_and_below():
    row, column = sc.Input("row", (None, 2, 1, 9)), sc.Input("column", (None, 2, 9, 1))
    with pytest.raises(sc.errors.ArgumentError, match=r"'c': pad=2 would put rows of zeros(.|\n)*pad=\(0, 2\) pads"):
        sc.conv(row, 4, (1, 5), pad=2, name="c")
    with pytest.raises(sc.errors.ArgumentError, match=r"pad=1 would put columns of zeros(.|\n)*pad=\(1, 0\) pads"):
        sc.conv(column, 4, (3, 1), pad=1)
    assert sc.conv(row, 4, (1, 5), pad=(2, 2)).shape == (None, 4, 5, 9)  # said for each axis, it is meant
    assert sc.conv(row, 4, 3, pad=1).shape == (None, 4, 1, 9)
    assert sc.conv(sc.Input("p", (None, 2, 1, 1)), 4, 1, pad=1).shape == (None, 4, 3, 3)
