"""Odd and bad sizes: kernels, pools, channels, biases, tables, empty batches, empty and huge shapes."""

import numpy as np
import pytest
from scipy.signal import correlate

import symcnn as sc

X = sc.Input("x", (None, 3, 5, 4))
FLAT = sc.Input("flat", (None, 4))


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def param(name, *shape, seed=0):
    return sc.Param(name, numbers(*shape, seed=seed))


# Kernels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(6, 1), (1, 5), (6, 5), (100, 100)])
def test_kernel_larger_than_the_map(size, refused):
    both = f"the filters of {size[0]}x{size[1]} do not fit into maps of 5x4"
    with refused(ValueError, "Conv 'c1'", both, "pad the maps"):
        sc.conv(X, 2, size, name="c1")
    with refused(ValueError, "Conv 'explicit'", both):
        sc.Conv(X, param("w", 2, 3, *size), name="explicit")


def test_kernel_larger_than_the_padded_map(refused):
    assert sc.conv(X, 2, 7, pad=2).shape == (None, 2, 3, 2)
    with refused(ValueError, "Conv 'c1'", "the filters of 7x7 do not fit into maps of 7x6"):
        sc.conv(X, 2, 7, pad=1, name="c1")


KERNELS = [
    ((5, 4), (5, 4)),  # as large as the map
    ((5, 4), (1, 1)),
    ((5, 4), (2, 2)),
    ((5, 4), (4, 2)),
    ((5, 4), (1, 4)),
    ((5, 4), (5, 1)),
    ((1, 7), (1, 3)),  # maps of one row
    ((7, 1), (2, 1)),
    ((1, 1), (1, 1)),
]


@pytest.mark.parametrize(("maps", "size"), KERNELS)
def test_kernels_of_any_size_that_fits(maps, size, passes):
    x = sc.Input("x", (None, 2, *maps), "float64")
    w, b = param("w", 3, 2, *size), param("b", 3, seed=1)
    z = sc.Conv(x, w, b)
    images = numbers(4, 2, *maps, seed=2)
    windows = np.lib.stride_tricks.sliding_window_view(images, size, axis=(2, 3))
    delta = numbers(4, 3, *windows.shape[2:4], seed=3)
    value, (error, gradient, bias) = passes(z, [x, w, b], {"x": images}, delta)
    seen = [[sum(correlate(m[c], k[c], "valid") for c in range(2)) for k in w.value] for m in images]
    np.testing.assert_allclose(value, np.array(seen) + b.value[:, None, None], atol=1e-12)
    np.testing.assert_allclose(gradient, np.einsum("nfij,ncijuv->fcuv", delta, windows), atol=1e-12)
    np.testing.assert_allclose(bias, delta.sum(axis=(0, 2, 3)), atol=1e-12)
    spread = np.zeros_like(images)  # each error goes back to the window that it came from
    for i, j in np.ndindex(*delta.shape[2:]):
        spread[:, :, i : i + size[0], j : j + size[1]] += np.einsum("nf,fcuv->ncuv", delta[:, :, i, j], w.value)
    np.testing.assert_allclose(error, spread, atol=1e-12)


# Sizes that are no sizes -----------------------------------------------------------------------

BUILDERS = {
    "conv 'c1': filters": lambda n: sc.conv(X, n, 3, name="c1"),
    "conv 'c1': size": lambda n: sc.conv(X, 3, n, name="c1"),
    "conv 'c1': stride": lambda n: sc.conv(X, 3, 3, stride=n, name="c1"),
    "dense 'out': units": lambda n: sc.dense(X, n, name="out"),
    "pool 'p1': size": lambda n: sc.mean_pool(X, n, name="p1"),
    "Pool 'p1': size": lambda n: sc.Pool(X, n, "max", name="p1"),
    "Upsample 'u1': size": lambda n: sc.Upsample(X, n, name="u1"),
    "OneHot 'one': classes": lambda n: sc.OneHot(sc.Input("y", (None,), "int64"), n, name="one"),
    "the step of the subsampling of Input 'x'": lambda n: sc.subsample(X, n),
}


@pytest.mark.parametrize("what", BUILDERS)
@pytest.mark.parametrize("wrong", [0, -1, np.int64(0)])
def test_sizes_below_one(what, wrong, refused):
    with refused(ValueError, f"{what} is {wrong}; it must be at least 1"):
        BUILDERS[what](wrong)


@pytest.mark.parametrize("what", BUILDERS)
@pytest.mark.parametrize("wrong", [2.0, np.float32(2), True, np.True_, "2", None, 1j])
def test_sizes_that_are_no_whole_numbers(what, wrong, refused):
    with refused(TypeError, what, "it must be a whole number"):
        BUILDERS[what](wrong)


@pytest.mark.parametrize("what", BUILDERS)
def test_sizes_as_numpys_integers(what):
    for kind in (np.int64, np.uint8, np.array):
        assert BUILDERS[what](kind(1)).shape == BUILDERS[what](1).shape
    assert sc.mean_pool(X, np.int32(1)) is sc.mean_pool(X, 1)


@pytest.mark.parametrize("wrong", [(3,), (1, 2, 3), (), [3]])
def test_size_with_other_than_two_sides(wrong, refused):
    for build in (lambda: sc.conv(X, 2, wrong, name="c1"), lambda: sc.max_pool(X, wrong, name="c1")):
        with refused(ValueError, "'c1'", "give one number or (height, width)"):
            build()


def test_pair_with_one_wrong_side(refused):
    with refused(TypeError, "conv 'c1': size is 2.5"):
        sc.conv(X, 2, (3, 2.5), name="c1")
    with refused(ValueError, "pool 'p1': size is 0"):
        sc.max_pool(X, (0, 2), name="p1")


@pytest.mark.parametrize("wrong", [-1, 1.0, True, "same", None, (1, 1), np.inf])
def test_border_that_is_no_border(wrong, refused):
    with refused((TypeError, ValueError), "conv 'c1'", "border"):
        sc.conv(X, 2, 3, pad=wrong, name="c1")


WIDTHS = [
    ((1, 1),),
    ((0, 0), (0, 0), (1,), (0, 0)),
    ((0, 0), (0, 0), (0.5, 1), (0, 0)),
    ((0, 0), (0, 0), (-1, 1), (0, 0)),
    ((0, 0), (0, 0), (True, 1), (0, 0)),
    ((1, 0), (0, 0), (0, 0), (0, 0)),
    ((0, 0), (0, 0), "ab", (0, 0)),
    (1, 1),
]


@pytest.mark.parametrize("wrong", WIDTHS, ids=str)
def test_widths_that_do_not_fit(wrong, refused):
    for build in (sc.Pad, sc.Crop):
        with refused(ValueError, f"{build.__name__} 'edge': the widths", "(None, 3, 5, 4)", "(before, after)"):
            build(X, wrong, name="edge")
    for build in (sc.pad, sc.crop):
        with refused(ValueError, "the widths", "(None, 3, 5, 4)"):
            build(X, wrong)


def test_widths_in_other_containers_are_the_same_widths():
    widths = ((0, 0), (0, 0), (1, 0), (0, 2))
    assert sc.pad(X, [list(w) for w in widths]) is sc.pad(X, widths)
    assert sc.pad(X, np.array(widths)) is sc.pad(X, widths)
    assert sc.pad(X, 0) is X
    assert sc.subsample(X, np.int64(1)) is X


def test_crop_of_more_than_there_is(refused):
    assert sc.crop(X, 2).shape == (None, 3, 1, 0)
    with refused(ValueError, "Crop: cannot take 3 + 3 from 5 of (None, 3, 5, 4)"):
        sc.crop(X, 3)


@pytest.mark.parametrize("wrong", [(1, 1, 2), (2, 1, 1, 1), (1, 1, 2.0, 1), (1, 1, 0, 1), (1, 1, True, 1), "abcd"])
def test_steps_that_do_not_fit(wrong, refused):
    with refused(ValueError, "Subsample 'every': the steps", "(None, 3, 5, 4)"):
        sc.Subsample(X, tuple(wrong), name="every")


# Pools -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 3, (5, 3), (2, 4), 16])
def test_pool_that_does_not_divide_the_map(size, refused):
    p, q = size if isinstance(size, tuple) else (size, size)
    for build in (sc.mean_pool, sc.max_pool):
        with refused(ValueError, "Pool 'p1'", f"windows of {p}x{q} do not divide maps of 5x4", "border='drop'"):
            build(X, size, name="p1")


@pytest.mark.parametrize("build", [sc.mean_pool, sc.max_pool])
def test_dropped_border_has_gradient_zero(build, passes):
    x = sc.Input("x", (None, 3, 5, 4), "float64")
    images, delta = numbers(2, 3, 5, 4), np.ones((2, 3, 1, 1))
    value, (error,) = passes(build(x, 3, border="drop"), [x], {"x": images}, delta)
    inside = images[:, :, :3, :3]
    expected = inside.mean(axis=(2, 3)) if build is sc.mean_pool else inside.max(axis=(2, 3))
    np.testing.assert_allclose(value[:, :, 0, 0], expected)
    assert np.count_nonzero(error[:, :, 3:]) == 0
    assert np.count_nonzero(error[:, :, :, 3:]) == 0
    np.testing.assert_allclose(error.sum(axis=(2, 3)), 1)


def test_pool_larger_than_the_map_cannot_drop_it(refused):
    with refused(ValueError, "pool 'p1'", "a window of 6x2 does not fit into maps of 5x4"):
        sc.max_pool(X, (6, 2), border="drop", name="p1")


def test_unknown_options(refused):
    with refused(ValueError, "pool 'p1': border 'keep'", "'error' or 'drop'"):
        sc.max_pool(X, 1, border="keep", name="p1")
    with refused(ValueError, "Pool 'p1': mode 'median'", "'mean' or 'max'"):
        sc.pool(X, 1, "median", name="p1")
    with refused(ValueError, "the reduction 'average'", "'mean', 'sum' or 'none'"):
        sc.squared_error(FLAT, 0, "average")
    for wrong in (None, 1):
        with refused(ValueError, "Pool 'p1': mode"):
            sc.Pool(X, 1, wrong, name="p1")


def test_nodes_where_numbers_and_options_stand(refused):
    for what in ("conv 'c1': filters", "conv 'c1': size", "dense 'out': units", "pool 'p1': size"):
        with refused(TypeError, what, "it must be a whole number"):
            BUILDERS[what](X)
    for what in ("Pool 'p1': size", "OneHot 'one': classes"):
        label, attribute = what.split(": ")
        with refused(TypeError, f"{label}: its attribute {attribute} is Input 'x'"):
            BUILDERS[what](X)


@pytest.mark.parametrize("build", [sc.rot90, sc.swap, lambda x: sc.max_pool(x, 1), lambda x: sc.upsample(x, 2)])
def test_too_few_axes(build, refused):
    with refused(ValueError, "axes", "(3,)"):
        build(sc.Input("v", (3,)))


def test_switches_of_another_shape(refused):
    with refused(ValueError, "Pick 'picked'", "the switches have shape (None, 3, 5, 4)", "expected (None, 3, 5, 2)"):
        sc.Pick(X, sc.Switches(X, 1), (1, 2), name="picked")
    with refused(ValueError, "Place 'placed'", "(None, 3, 5, 4)"):
        sc.Place(sc.max_pool(X, (5, 2)), sc.Switches(X, 1), 2, name="placed")


# Channels and biases ---------------------------------------------------------------------------


def test_channels_that_differ(refused):
    with refused(ValueError, "Conv 'c1'", "the filters see 2 channels, the input has 3", "w is (4, 2, 3, 3)"):
        sc.Conv(X, param("w", 4, 2, 3, 3), name="c1")


@pytest.mark.parametrize("shape", [(4,), (3,), (1,), (), (2, 1, 1), (1, 2), (2, 3, 2)])
def test_bias_never_broadcasts(shape, refused):
    """z has 2 maps of 3 x 2: a bias of 3 or 2 x 1 x 1 would broadcast over rows or columns, or fit by accident."""
    z = sc.Conv(X, param("w", 2, 3, 3, 3))
    assert z.shape == (None, 2, 3, 2)
    with refused(ValueError, "Conv 'c1'", f"the bias has shape {shape}; expected one a filter, (2,)"):
        sc.Conv(X, param("w", 2, 3, 3, 3), param("b", *shape), name="c1")


@pytest.mark.parametrize("shape", [(4,), (1,), (), (3, 1), (1, 3)])
def test_bias_of_a_dense_layer_never_broadcasts(shape, refused):
    with refused(ValueError, "Dense 'out'", f"the bias has shape {shape}; expected (3,)"):
        sc.Dense(FLAT, param("w", 3, 4), param("b", *shape), name="out")


def test_bias_as_number(refused):
    with refused(ValueError, "Conv 'c1'", "the bias has shape ()"):
        sc.Conv(X, param("w", 2, 3, 3, 3), 0.5, name="c1")


def test_dense_of_another_length(refused):
    with refused(ValueError, "Dense 'out'", "w takes 5 values, a has 4"):
        sc.Dense(FLAT, param("w", 3, 5), name="out")
    with refused(ValueError, "Dense 'out'", "(None, 3, 5, 4)", "sc.flatten"):
        sc.Dense(X, param("w", 3, 5), name="out")


@pytest.mark.parametrize("shape", [(3,), (), (None, 5, 5), (None, 2, 5, 5, 5)])
def test_layers_over_inputs_of_another_rank(shape, refused):
    x = sc.Input("image", shape)
    with refused(ValueError, "Input 'image'", "conv 'c1' reads maps (N, channels, height, width)", str(shape)):
        sc.conv(x, 2, 3, name="c1")
    if len(shape) < 2:
        with refused(ValueError, "Input 'image'", "dense 'out'", "(N, features)", str(shape)):
            sc.dense(x, 2, name="out")
        with refused(ValueError, "Input 'image'", "scale 's'", str(shape)):
            sc.scale(x, name="s")


def test_batch_axis_in_the_wrong_place(refused):
    with refused(ValueError, "channels", "(3, None, 5, 5)"):
        sc.conv(sc.Input("x", (3, None, 5, 5)), 2, 3)
    with refused(ValueError, "Conv", "maps of Nonex5"):
        sc.conv(sc.Input("x", (3, 1, None, 5)), 2, 3)
    with refused(ValueError, "dense 'out'", "are the batch axis"):
        sc.dense(sc.Input("x", (3, None)), 2, name="out")


def test_products_that_do_not_fit(refused):
    with refused(ValueError, "MatMul", "(None, 4) and (5, 1)"):
        FLAT @ np.ones(5)
    with refused(ValueError, "a scalar has no matrix product"):
        FLAT @ 3
    with refused(ValueError, "Add", "Input 'flat' (None, 4), Softplus 'long' (None, 60)"):
        FLAT + sc.softplus(sc.flatten(X), name="long")


# Tables ----------------------------------------------------------------------------------------

TABLES = [
    ([[0]], "it has 1 rows; expected one for each of the 2 filters"),
    ([[0], []], "filter 1 sees no channel"),
    (np.array([[1, 0, 1], [0, 0, 0]]), "filter 1 sees no channel"),
    ([[0], [3]], "filter 1 sees channel 3; the input has channels 0 to 2"),
    ([[0], [-1]], "filter 1 sees channel -1"),
    ([[0], [1, 1]], "filter 1 sees channel 1 twice"),
    ([[0], [1.0]], "filter 1 sees channel 1.0"),
    ([[0], [True]], "filter 1 sees channel True"),
    ([[0], ["a"]], "filter 1 sees channel 'a'"),
    ([0, 1], "it is [0, 1]; expected the channels that each filter sees"),
    (5, "it is 5"),
    ("ab", "filter 0 sees channel 'a'"),
    (np.array([1, 0]), "row 0 is 1; expected a 0 or 1 for each of the 3 channels"),
    (np.array(1), "it has no rows"),
    (np.array([[1, 0, 2], [0, 1, 0]]), "row 0 is [1, 0, 2]"),
    (np.array([[1, 0, np.nan], [0, 1, 0]]), "row 0 is [1.0, 0.0, nan]"),
    (np.ones((2, 4)), "expected a 0 or 1 for each of the 3 channels"),
    (np.ones((3, 2)), "the rows are filters; transpose it"),
    (np.ones((2, 3, 1)), "row 0 is [[1.0], [1.0], [1.0]]"),
]


@pytest.mark.parametrize(("table", "problem"), TABLES, ids=str)
def test_tables_that_are_none(table, problem, refused):
    with refused((TypeError, ValueError), "conv 'c1': the table of connections", problem):
        sc.conv(X, 2, 3, table=table, name="c1")


def test_masked_table(refused):
    table = np.ma.masked_array(np.ones((2, 3)), np.eye(2, 3))
    with refused(TypeError, "conv 'c1'", "is a masked array"):
        sc.conv(X, 2, 3, table=table, name="c1")


def test_spellings_of_one_table():
    spellings = [
        [[0, 2], [1]],
        ([0, 2], (1,)),
        [np.array([0, 2]), np.array([1])],
        [[1, 0, 1], [0, 1, 0]],
        np.array([[1, 0, 1], [0, 1, 0]]),
        np.array([[1, 0, 1], [0, 1, 0]], bool),
        np.array([[1.0, 0, 1], [0, 1, 0]]),
    ]
    for table in spellings:
        weights = sc.conv(X, 2, 3, table=table, seed=0).params[0]
        np.testing.assert_array_equal(weights.mask[:, :, 0, 0], [[True, False, True], [False, True, False]])
        assert weights.size == 27


# Initial values --------------------------------------------------------------------------------


def test_initializers_and_seeds_that_are_none(refused):
    with refused(TypeError, "conv 'c1': init is None", "(rng, shape)"):
        sc.conv(X, 2, 3, init=None, name="c1")
    with refused(ValueError, "dense 'out': init returned an array of shape (3,); expected (2, 4)"):
        sc.dense(FLAT, 2, init=lambda rng, shape: np.zeros(3), name="out")
    with refused(TypeError, "dense 'out': what init returned is None"):
        sc.dense(FLAT, 2, init=lambda rng, shape: None, name="out")
    for wrong in (-1, "a", 1.5):
        with refused(ValueError, "conv 'c1': seed is"):
            sc.conv(X, 2, 3, seed=wrong, name="c1")


# Empty batches ---------------------------------------------------------------------------------


def network(reduction):
    x, y = sc.Input("x", (None, 1, 6, 6)), sc.Input("y", (None,), "int64")
    a = sc.max_pool(sc.sigmoid(sc.conv(x, 2, 3, seed=0, name="conv1")), 2)
    z = sc.dense(sc.mean_pool(a, 2), 3, seed=1, name="out")
    return x, z, y, sc.softmax_cross_entropy(z, y, reduction)


def test_empty_batch_gives_empty_results_and_zero_gradients():
    x, z, _, J = network("sum")
    feeds = {"x": np.zeros((0, 1, 6, 6)), "y": np.zeros(0, int)}
    scores, loss, error, *gradients = sc.compile([z, J, sc.grad(J, x), *sc.grad(J, J.params)])(feeds)
    assert scores.shape == (0, 3)
    assert loss == 0
    assert error.shape == (0, 1, 6, 6)
    for param, gradient in zip(J.params, gradients, strict=True):
        assert gradient.shape == param.shape
        assert not gradient.any()


@pytest.mark.parametrize("build", [sc.mean, sc.max, lambda z: sc.squared_error(z, 0)])
def test_mean_and_maximum_of_no_rows(build, refused):
    with refused(ValueError, "of an empty batch does not exist; feed at least one row"):
        sc.compile(build(FLAT))(flat=np.zeros((0, 4)))


def test_mean_loss_of_no_rows(refused):
    _, z, y, J = network("mean")
    feeds = {"x": np.zeros((0, 1, 6, 6)), "y": []}
    with refused(ValueError, "the mean of an empty batch does not exist", "SoftmaxCrossEntropy"):
        sc.compile(J)(feeds)
    with refused(ValueError, "the mean of an empty batch does not exist"):
        sc.compile(sc.accuracy(z, y))(feeds)


def test_a_step_over_no_rows_changes_nothing(refused):
    *_, J = network("mean")
    before = [p.value.copy() for p in J.params]
    step = sc.train_step(J, sc.SGD(lr=0.1, momentum=0.9))
    with refused(ValueError, "empty batch"):
        step(x=np.zeros((0, 1, 6, 6)), y=[])
    assert all(np.array_equal(p.value, b) for p, b in zip(J.params, before, strict=True))
    assert step.iteration == 0
    assert np.isfinite(step(x=np.zeros((2, 1, 6, 6)), y=[0, 1]))


# Axes of length 0, and more numbers than there is memory ----------------------------------------


def test_axes_of_length_zero():
    e = sc.Input("e", (None, 0, 4, 4))
    images = np.zeros((3, 0, 4, 4))
    wide, mean, total = sc.compile([sc.max_pool(e, 2), sc.mean_pool(e, 4), sc.sum(e, axis=1)])(e=images)
    assert (wide.shape, mean.shape) == ((3, 0, 2, 2), (3, 0, 1, 1))
    np.testing.assert_array_equal(total, np.zeros((3, 4, 4)))
    z = sc.dense(sc.Input("v", (None, 0)), 3, seed=0)
    gradients = sc.grad(sc.sum(z), z.params)
    scores, dw, db = sc.compile([z, *gradients])(v=np.zeros((2, 0)))
    np.testing.assert_array_equal(scores, np.zeros((2, 3)))
    assert dw.shape == (3, 0)
    np.testing.assert_array_equal(db, [2, 2, 2])


@pytest.mark.parametrize("build", [sc.softmax, sc.log_softmax, sc.argmax])
def test_no_classes(build, refused):
    with refused(ValueError, "the last axis of (None, 0) is empty"):
        build(sc.Input("v", (None, 0)))
    with refused(ValueError, "a scalar has no last axis"):
        build(sc.Input("s", ()))


@pytest.mark.parametrize("size", [10**7, 10**10])
def test_more_numbers_than_memory(size, refused):
    s = sc.Input("s", ())
    wide, padded = sc.broadcast_to(s, (size, size)) * 2, sc.Pad(sc.reshape(s, (1, 1)), ((0, size), (0, 0)))
    with refused(MemoryError, ": there is no memory for its", f"({size}, {size})"):
        sc.compile(wide)(s=1)
    with refused(MemoryError, "Pad: there is no memory for its"):
        sc.compile(sc.Pad(padded, ((0, 0), (0, size))))(s=1)


def test_parameter_larger_than_memory(refused):
    with refused(MemoryError, "the value of Param 'huge'", "400,000,000,000,000 bytes"):
        sc.Param("huge", np.broadcast_to(np.float32(1), (10**7, 10**7)))


# Shapes of inputs, reshapes, axes ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "kind", "problem"),
    [
        ((2.0,), TypeError, "is 2.0; it must be a whole number"),
        ((True,), TypeError, "is True"),
        (("a",), TypeError, "is 'a'"),
        ("ab", TypeError, "is 'ab'"),
        ((-1,), ValueError, "is -1; it must be at least 0"),
        ((None, None), ValueError, "only one axis can be the batch axis"),
    ],
)
def test_shapes_that_are_none(shape, kind, problem, refused):
    with refused(kind, "Input 'x'", problem):
        sc.Input("x", shape)


def test_spellings_of_a_shape():
    assert sc.Input("x", [None, np.int64(3)]).shape == (None, 3)
    assert sc.Input("x", np.array([2, 3])).shape == (2, 3)
    assert sc.Input("x", 3).shape == (3,)
    assert all(type(d) is int for d in sc.Input("x", np.array([2, 3])).shape)


@pytest.mark.parametrize(
    ("shape", "kind", "problem"),
    [
        ((None, 61), ValueError, "(None, 3, 5, 4) cannot be reshaped to (None, 61)"),
        ((60,), ValueError, "cannot be reshaped"),
        ((60, None), ValueError, "would mix the batch axis with others"),
        ((3, None, 20), ValueError, "would mix the batch axis with others"),
        ((-1, 30), ValueError, "would mix the batch axis with others"),
        ((-1, -1), ValueError, "only one axis"),
        ((None, 0, -1), ValueError, "cannot be reshaped"),
        ((None, -2, -30), ValueError, "is -2; it must be at least 0"),
        ((None, 60.0), TypeError, "is 60.0; it must be a whole number"),
        ((None, True, 60), TypeError, "is True"),
        ("ab", TypeError, "is 'ab'"),
    ],
)
def test_reshapes_that_do_not_fit(shape, kind, problem, refused):
    with refused(kind, problem):
        sc.reshape(X, shape)


def test_reshape_that_keeps_the_batch():
    assert sc.reshape(X, (None, -1)).shape == (None, 60)
    assert sc.reshape(X, (-1, 60)).shape == (None, 60)
    assert sc.reshape(X, [None, np.int64(60)]) is sc.flatten(X)
    assert sc.reshape(sc.Input("m", (4, 6)), 24).shape == (24,)
    assert sc.reshape(sc.Input("m", (2, None, 3)), (1, 2, None, 3)).shape == (1, 2, None, 3)
    with pytest.raises(sc.errors.ShapeError, match="nothing to flatten"):
        sc.flatten(sc.Input("s", ()))


AXES = {
    "Sum": lambda a: sc.sum(X, axis=a),
    "Mean": lambda a: sc.mean(X, axis=a),
    "Max": lambda a: sc.max(X, axis=a),
    "Input 'x'": lambda a: sc.take(X, [0], axis=a),
}


@pytest.mark.parametrize("what", AXES)
@pytest.mark.parametrize("wrong", [4, -5, 1.0, "a", True])
def test_axes_out_of_range(what, wrong, refused):
    with refused((TypeError, ValueError), "axis"):
        AXES[what](wrong)


def test_axes_named_twice(refused):
    with refused(ValueError, "Sum", "an axis is named twice in (1, -3)", "(None, 3, 5, 4)"):
        sc.sum(X, axis=(1, -3))
    assert sc.sum(X, axis=[1, np.int64(2)]) is sc.sum(X, axis=(1, 2))


@pytest.mark.parametrize("wrong", [(0, 1, 2), (0, 1, 2, 2), (0, 1, 2, 4), (0, 1, 2, -5), (0.0, 1, 2, 3), 1, "abcd"])
def test_transposes_that_do_not_fit(wrong, refused):
    with refused((TypeError, ValueError), "Transpose", "ax"):
        sc.transpose(X, wrong)


def test_joins_that_do_not_fit(refused):
    for axis in (4, -5, 1.0, "a", True):
        with refused((TypeError, ValueError), "axis"):
            sc.concat([X, X], axis=axis)
    with refused(ValueError, "Concat", "cannot join along axis 0", "the batch axis cannot be joined"):
        sc.concat([X, X], axis=0)
    with refused(ValueError, "Concat", "(None, 3, 5, 4), (None, 4)"):
        sc.concat([X, FLAT])
    with refused(ValueError, "nothing to join"):
        sc.concat([])
    with refused(TypeError, "Input 'x'", "expected a list of nodes"):
        sc.concat(X)
    with refused(TypeError, "concat", "None"):
        sc.concat([X, None])


@pytest.mark.parametrize(
    ("index", "kind", "problem"),
    [
        ((slice(None), 3), ValueError, "index 3 is out of range for axis 1 of (None, 3, 5, 4)"),
        ((slice(None), -4), ValueError, "index -4 is out of range"),
        (0, ValueError, "is the batch: it cannot be indexed"),
        (slice(0, 2), ValueError, "is the batch: it cannot be indexed"),
        ((slice(None),) * 5, ValueError, "5 indices for the 4 axes"),
        ((..., ...), ValueError, "one '...' only"),
        ((slice(None), slice(None, None, -1)), ValueError, "negative step"),
        ((slice(None), slice(None, None, 0)), ValueError, "cannot be zero"),
        ((slice(None), slice(0.5, None)), ValueError, "slice(0.5, None, None)"),
        ((slice(None), True), TypeError, "True is no index"),
        ((slice(None), 0.5), TypeError, "expected integers"),
        ((slice(None), "a"), TypeError, "'a'"),
        ((slice(None), [0, 3]), ValueError, "number 1 is 3; expected 0 to 2"),
        ((slice(None), [-1]), ValueError, "number 0 is -1"),
        ((slice(None), [True, False, True]), TypeError, "expected integers"),
        ((slice(None), np.zeros((1, 1), int)), TypeError, "expected integers of shape (K,)"),
        ((slice(None), [0], [0]), TypeError, "one list of indices"),
    ],
)
def test_indices_that_do_not_fit(index, kind, problem, refused):
    with refused(kind, problem):
        X[index]


def test_empty_index():
    images = numbers(2, 3, 5, 4)
    for node in (X[:, []], sc.take(X, [], axis=1), X[:, 3:]):
        assert sc.compile(node)(x=images).shape == (2, 0, 5, 4)
