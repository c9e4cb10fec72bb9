"""Odd and bad sizes: kernels, pools, channels, biases, tables, initial values."""

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
    with refused(ValueError, "conv 'c1'", both, "pad the maps"):
        sc.conv(X, 2, size, name="c1")
    with refused(ValueError, "Conv 'explicit'", both):
        sc.Conv(X, param("w", 2, 3, *size), name="explicit")


def test_kernel_larger_than_the_padded_map(refused):
    assert sc.conv(X, 2, 7, pad=2).shape == (None, 2, 3, 2)
    with refused(ValueError, "conv 'c1'", "the filters of 7x7 do not fit into maps of 5x4 with a border, 7x6 in all"):
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
    if wrong is None and what.startswith("OneHot"):
        pytest.skip("None is the size of the batch: a node tells it")
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
        with refused(ValueError, "'c1'", "one number"):
            build()


def test_pair_with_one_wrong_side(refused):
    with refused(TypeError, "conv 'c1': size is 2.5"):
        sc.conv(X, 2, (3, 2.5), name="c1")
    with refused(ValueError, "pool 'p1': size is 0"):
        sc.max_pool(X, (0, 2), name="p1")


@pytest.mark.parametrize(
    "wrong", [-1, 1.0, True, "some", None, (1, 1, 1), (1, -1), (0, 1.0), np.inf, ((1, 1),), ((1, 1), 1)]
)
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


@pytest.mark.parametrize("size", [2, 3, (5, 3), (2, 4)])
def test_pool_that_does_not_divide_the_map(size, refused):
    p, q = size if isinstance(size, tuple) else (size, size)
    for build in (sc.mean_pool, sc.max_pool):
        with refused(ValueError, "pool 'p1'", f"windows of {p}x{q} do not divide maps of 5x4", "border='drop'"):
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
    with refused(ValueError, "pool 'p1'", "the windows of 6x2 do not fit into maps of 5x4"):
        sc.max_pool(X, (6, 2), border="drop", name="p1")


def test_unknown_options(refused):
    with refused(ValueError, "pool 'p1': border 'keep'", "'error' or 'drop'"):
        sc.max_pool(X, 1, border="keep", name="p1")
    with refused(ValueError, "pool 'p1': mode 'median'", "'mean' or 'max'"):
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


@pytest.mark.parametrize("shape", [(3,), (), (None, 5), (None, 2, 5, 5, 5, 5)])
def test_layers_over_inputs_of_another_rank(shape, refused):
    x = sc.Input("image", shape)
    with refused(ValueError, "Input 'image'", "conv 'c1' reads maps", "(N, channels, height, width)", str(shape)):
        sc.conv(x, 2, 3, name="c1")
    if len(shape) < 2:
        with refused(ValueError, "Input 'image'", "dense 'out'", "(N, features)", str(shape)):
            sc.dense(x, 2, name="out")
        with refused(ValueError, "Input 'image'", "scale 's'", str(shape)):
            sc.scale(x, name="s")


def test_batch_axis_in_the_wrong_place(refused):
    with refused(ValueError, "channels", "(3, None, 5, 5)"):
        sc.conv(sc.Input("x", (3, None, 5, 5)), 2, 3)
    with refused(ValueError, "conv reads maps", "(3, 1, None, 5)"):
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


# Attributes of node types, given directly ---------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "kind", "problem"),
    [
        (lambda: sc.Pad(X, 1, name="n"), ValueError, "Pad 'n': the widths 1"),
        (lambda: sc.Crop(X, None, name="n"), ValueError, "Crop 'n': the widths None"),
        (lambda: sc.Subsample(X, 2, name="n"), ValueError, "Subsample 'n': the steps 2"),
        (lambda: sc.Dilate(X, 2, X.shape, name="n"), ValueError, "Dilate 'n': the steps 2"),
        (lambda: sc.Dilate(X, (1, 1, 1, 1), None, name="n"), ValueError, "Dilate 'n'"),
        (lambda: sc.Dilate(X, (1, 1, 2, 2), (None, 3, 9), name="n"), ValueError, "does not fill (None, 3, 9)"),
        (lambda: sc.Dilate(X, (1, 1, 2, 2), (None, 3, 9.0, 8), name="n"), ValueError, "Dilate 'n'"),
        (lambda: sc.Concat((X, X), "a", name="n"), TypeError, "Concat 'n': axis is 'a'"),
        (lambda: sc.Concat((X, X), None, name="n"), TypeError, "Concat 'n': axis is None"),
        (lambda: sc.Concat((X, X), True, name="n"), TypeError, "Concat 'n': axis is True"),
        (lambda: sc.Take(X, [0], 1.0, name="n"), ValueError, "Take 'n': axis 1.0"),
        (lambda: sc.Take(X, [0], -1, name="n"), ValueError, "Take 'n': axis -1"),
        (lambda: sc.Take(X, [0.5], 1, name="n"), TypeError, "Take 'n': the indices are (1,) float64"),
        (lambda: sc.Put(X, [0, 1, 2], "a", 3, name="n"), TypeError, "Put 'n': axis is 'a'"),
        (lambda: sc.Put(X, [0, 1, 2], 1, 3.0, name="n"), TypeError, "Put 'n': size is 3.0"),
        (lambda: sc.Put(X, [0, 1, 2], 1, -3, name="n"), ValueError, "Put 'n': size is -3"),
        (lambda: sc.Put(X, [0, 1], 1, 3, name="n"), ValueError, "Put 'n': the indices are of shape (2,)"),
        (lambda: sc.Put(X, [0, 1, 3], 1, 3, name="n"), ValueError, "Put 'n': number 2 is 3; expected 0 to 2"),
        (lambda: sc.SumTo(X, None, name="n"), ValueError, "SumTo 'n': the shape None"),
        (lambda: sc.SumTo(X, (2,), name="n"), ValueError, "SumTo 'n': the shape (2,)"),
        (lambda: sc.SumTo(X, (4.0,), name="n"), ValueError, "SumTo 'n'"),
        (lambda: sc.BroadcastTo(X, None, name="n"), ValueError, "BroadcastTo 'n'"),
        (lambda: sc.BroadcastTo(FLAT, (None, -4), name="n"), ValueError, "BroadcastTo 'n'"),
        (lambda: sc.Cast(X, "nope", name="n"), TypeError, "Cast 'n': 'nope' is not a dtype"),
        (lambda: sc.Sum(X, "a", name="n"), ValueError, "Sum 'n': axis 'a' is not a whole number"),
        (lambda: sc.Sum(X, (0, 9), name="n"), ValueError, "Sum 'n': axis 9 is out of range for 4 axes"),
        (lambda: sc.Pick(X, sc.mean_pool(X, 1), 1, name="n"), TypeError, "Pick 'n': the switches are float32"),
        (lambda: sc.Place(X, sc.tanh(X), 1, name="n"), TypeError, "Place 'n': the switches are float32"),
        (lambda: sc.Conv(X, param("w", 2, 3, 3), name="n"), ValueError, "Conv 'n': expected x of"),
        (lambda: sc.BatchSize(3), TypeError, "BatchSize: 3 is not a dtype"),
    ],
)
def test_attributes_that_do_not_fit(build, kind, problem, refused):
    with refused(kind, problem):
        build()


def test_keepdims_is_yes_or_no():
    assert sc.sum(X, axis=1, keepdims=1) is sc.sum(X, axis=1, keepdims=True) is sc.sum(X, axis=1, keepdims=np.True_)
    assert sc.sum(X, axis=1, keepdims=None) is sc.sum(X, axis=1)


# Initial values --------------------------------------------------------------------------------


def test_initializers_and_seeds_that_are_none(refused):
    with refused(TypeError, "conv 'c1': init is None", "(rng, shape)"):
        sc.conv(X, 2, 3, init=None, name="c1")
    with refused(ValueError, "dense 'out': init returned an array of shape (3,); expected (2, 4)"):
        sc.dense(FLAT, 2, init=lambda rng, shape: np.zeros(3), name="out")
    with refused(TypeError, "dense 'out': what init returned is None"):
        sc.dense(FLAT, 2, init=lambda rng, shape: None, name="out")
    with refused(ValueError, "dense 'out': init failed: TypeError"):
        sc.dense(FLAT, 2, init=lambda: 0, name="out")
    with refused(ValueError, "dense 'out': init failed: ValueError"):
        sc.dense(FLAT, 2, init=sc.initial.uniform(-1), name="out")
    with refused(ValueError, "dense 'out': init returned numbers that are too large for float32"):
        sc.dense(FLAT, 2, init=sc.initial.constant(1e300), name="out")
    with refused(TypeError, "the name of a layer must be a string, got 3"):
        sc.scale(FLAT, name=3)
    for wrong in (-1, "a", 1.5):
        with refused(ValueError, "conv 'c1': seed is"):
            sc.conv(X, 2, 3, seed=wrong, name="c1")
