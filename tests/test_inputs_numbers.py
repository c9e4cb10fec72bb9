"""NaN, infinities, ties, extreme scores, float16, and NumPy told to raise at every floating-point event."""

import warnings

import numpy as np
import pytest

import symcnn as sc

NAN, INF = np.nan, np.inf
FLOATS = ["float16", "float32", "float64"]


@pytest.fixture(autouse=True)
def every_floating_point_event_raises():
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def gradient(J, wrt, **feeds):
    return sc.compile(sc.grad(J, wrt))(feeds)


# The maximum: NaN wins, the first of equal ones gets all -----------------------------------------

ROWS = [
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [0, 0, 0, 0],
    [1, 5, 5, 2],
    [NAN, 1, 2, 3],
    [1, NAN, 9, NAN],
    [9, 1, 2, NAN],
    [NAN, NAN, NAN, NAN],
    [INF, NAN, 1, 2],
    [INF, INF, 1, 2],
    [-INF, -INF, -INF, -INF],
    [-INF, -INF, 0, -INF],
    [-INF, NAN, -INF, 0],
    [-0.0, 0.0, -1, -1],
]


def routed(rows):
    """1 where numpy's argmax stands, row by row."""
    expected = np.zeros_like(rows)
    expected[np.arange(len(rows)), np.argmax(rows, axis=1)] = 1
    return expected


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [(2, 2), (1, 4), (4, 1)])
def test_maximum_of_windows_is_numpys(size, dtype):
    rows = np.array(ROWS, dtype)
    x = sc.Input("x", (None, 1, *size), dtype)
    p = sc.max_pool(x, size)
    value, error = sc.compile([p, sc.grad(sc.sum(p), x)])(x=rows.reshape(-1, 1, *size))
    np.testing.assert_array_equal(value.ravel(), rows.max(axis=1))
    np.testing.assert_array_equal(error.reshape(-1, 4), routed(rows))


@pytest.mark.parametrize("dtype", FLOATS)
def test_maximum_over_an_axis_is_numpys(dtype):
    rows = np.array(ROWS, dtype)
    x = sc.Input("x", (None, 4), dtype)
    m = sc.max(x, axis=1)
    value, error = sc.compile([m, sc.grad(sc.sum(m), x)])(x=rows)
    np.testing.assert_array_equal(value, rows.max(axis=1))
    np.testing.assert_array_equal(error, routed(rows))
    np.testing.assert_array_equal(sc.compile(sc.argmax(x))(x=rows), np.argmax(rows, axis=1))


def test_ties_of_real_digits_route_the_whole_error():
    digits = sc.data.mnist_mini().train["x"][:20]
    x = sc.Input("x", (None, 1, 28, 28), "float64")
    p = sc.max_pool(x, 2)
    delta = np.random.default_rng(0).integers(-8, 9, (20, 1, 14, 14))
    seed = sc.Input("seed", p.shape, "float64")
    (error,) = (sc.compile(sc.grad(p, x, seed=seed))(x=digits, seed=delta),)
    windows = np.asarray(digits).reshape(20, 14, 2, 14, 2).transpose(0, 1, 3, 2, 4).reshape(-1, 4)
    assert np.mean(windows.min(axis=1) == windows.max(axis=1)) > 0.5  # ties in most windows
    expected = routed(windows.astype(float)) * delta.reshape(-1, 1)
    np.testing.assert_array_equal(error.reshape(20, 14, 2, 14, 2).transpose(0, 1, 3, 2, 4).reshape(-1, 4), expected)
    assert error.sum() == delta.sum()


def test_second_errors_of_a_max_pool_pass_the_switch():
    x, u = sc.Input("x", (1, 1, 2, 2)), sc.Input("u", (1, 1, 2, 2))
    inner = sc.sum(sc.grad(sc.sum(sc.max_pool(x, 2) ** 2), x) * u)
    image = [[[[1, 3], [3, 2]]]]
    np.testing.assert_array_equal(gradient(inner, x, x=image, u=[[[[5, 7], [11, 13]]]])[0, 0], [[0, 14], [0, 0]])


def test_elementwise_maximum_and_minimum_split_ties():
    a, b = sc.Input("a", (4,)), sc.Input("b", (4,))
    feeds = {"a": [1, 2, 3, INF], "b": [1, 3, 2, INF]}
    for build, of_a in ((sc.maximum, [0.5, 0, 1, 0.5]), (sc.minimum, [0.5, 1, 0, 0.5])):
        da, db = sc.compile(sc.grad(sc.sum(build(a, b)), [a, b]))(feeds)
        np.testing.assert_array_equal(da, of_a)
        np.testing.assert_array_equal(db, 1 - np.array(of_a))


# NaN stays NaN -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "build",
    [
        lambda x: 0 * x,
        lambda x: x * np.zeros(3, "float32"),
        lambda x: 0 * x + 1,
        lambda x: x - x,
        lambda x: x / x,
        lambda x: sc.sum(0 * x),
        lambda x: sc.mean(x) * 0,
        sc.relu,
        sc.sigmoid,
        sc.tanh,
        sc.softplus,
        sc.softmax,
        sc.log_softmax,
        sc.exp,
        sc.abs,
        lambda x: sc.maximum(x, 5),
        lambda x: sc.minimum(5, x),
        lambda x: sc.max(x),
        lambda x: sc.where(x > 0, x, x),
        lambda x: x**2,
        lambda x: np.sign(x),
        lambda x: sc.zeros(x) * x,
    ],
)
def test_nan_passes_every_function(build):
    x = sc.Input("x", (3,))
    value = sc.compile(build(x))(x=[1, NAN, 2])
    assert np.isnan(value if value.ndim == 0 else value[1])


def test_infinity_times_zero_and_minus_itself():
    x = sc.Input("x", (2,))
    for node in (0 * x, x - x, x * 0.0, x / x):
        assert np.isnan(sc.compile(node)(x=[INF, -INF])).all()


def test_gradient_of_a_product_with_nan():
    x = sc.Input("x", (3,))
    np.testing.assert_array_equal(gradient(sc.sum(0 * x * x), x, x=[1, NAN, 2]), [0, NAN, 0])


def test_nan_pixel_reaches_what_sees_it():
    x = sc.Input("x", (1, 1, 5, 5))
    w = sc.Param("w", np.ones((1, 1, 2, 2), np.float32))
    z = sc.Conv(x, w)
    image = np.ones((1, 1, 5, 5))
    image[0, 0, 2, 2] = NAN
    value, error = sc.compile([z, sc.grad(sc.sum(z), w)])(x=image)
    seen = np.zeros((4, 4), bool)
    seen[1:3, 1:3] = True
    np.testing.assert_array_equal(np.isnan(value[0, 0]), seen)
    assert np.isnan(error).all()
    assert np.isfinite(value[0, 0][~seen]).all()


# Division and logarithms where they are not chosen ------------------------------------------------

SAFE = {
    "log": (lambda x: sc.where(x > 0, sc.log(x), 0), [0, 0, 4, 0.25]),
    "sqrt": (lambda x: sc.where(x > 0, sc.sqrt(x), 0), [0, 0, 1, 0.25]),
    "1 / x": (lambda x: sc.where(x > 0, 1 / x, 0), [0, 0, -16, -0.0625]),
    "log of log": (lambda x: sc.where(x > 1, sc.log(sc.log(x)), 0), [0, 0, 0, 0.25 / np.log(4)]),
    "either": (lambda x: sc.where(x > 0, sc.log(x), sc.log(1 - x)), [-0.5, -1, 4, 0.25]),
    "softplus": (lambda x: sc.where(x < 0, sc.log(1 - x), -sc.sqrt(x)), [-0.5, -INF, -1, -0.25]),
}
"""Functions of x, and their slopes at -1, 0, 0.25 and 4."""


@pytest.mark.parametrize("name", SAFE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_not_chosen_sends_no_nan(name, dtype):
    build, slopes = SAFE[name]
    x = sc.Input("x", (4,), dtype)
    value, error = sc.compile([build(x), sc.grad(sc.sum(build(x)), x)])(x=[-1, 0, 0.25, 4])
    assert np.isfinite(value).all()
    np.testing.assert_allclose(error, slopes, rtol=1e-6)


def test_what_is_not_chosen_has_no_nan_curvature():
    x = sc.Input("x", (4,), "float64")
    for f, curve in ((sc.log, [0, 0, -16, -0.0625]), (sc.sqrt, [0, 0, -2, -0.03125])):
        first = sc.grad(sc.sum(sc.where(x > 0, f(x), 0)), x)
        np.testing.assert_allclose(gradient(sc.sum(first), x, x=[-1, 0, 0.25, 4]), curve)


def test_division_that_is_chosen_is_infinite():
    x = sc.Input("x", (3,))
    value, error = sc.compile([1 / x, sc.grad(sc.sum(1 / x), x)])(x=[0, 2, -0.0])
    np.testing.assert_array_equal(value, [INF, 0.5, -INF])
    np.testing.assert_array_equal(error, [-INF, -0.25, -INF])


# Extreme scores ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
def test_activations_at_extreme_scores(dtype):
    z = sc.Input("z", (5,), dtype)
    feeds = {"z": [-1e4, -1, 0, 1, 1e4]}
    middle = 1 / (1 + np.exp(np.array([1.0, 0, -1])))
    tolerance = {"rtol": 4 * np.finfo(dtype).eps, "atol": 0}
    nodes = [sc.sigmoid(z), sc.tanh(z), sc.relu(z), sc.softplus(z)]
    values = sc.compile(nodes)(feeds)
    errors = sc.compile([sc.grad(sc.sum(a), z) for a in nodes])(feeds)
    np.testing.assert_allclose(values[0], [0, *middle, 1], **tolerance)
    np.testing.assert_allclose(values[1], [-1, *np.tanh([-1, 0, 1]), 1], **tolerance)
    np.testing.assert_array_equal(values[2], [0, 0, 0, 1, 1e4])
    np.testing.assert_allclose(values[3], [0, *np.log1p(np.exp([-1.0, 0, 1])), 1e4], **tolerance)
    np.testing.assert_allclose(errors[0], [0, *(middle * (1 - middle)), 0], **tolerance)
    np.testing.assert_allclose(
        errors[1], [0, *(1 - np.tanh([-1, 0, 1]) ** 2), 0], rtol=1e-3 if dtype == "float16" else 1e-6
    )
    np.testing.assert_array_equal(errors[2], [0, 0, 0, 1, 1])
    np.testing.assert_allclose(errors[3], [0, *middle, 1], **tolerance)
    assert all(v.dtype == dtype for v in (*values, *errors))


@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_and_its_losses_at_extreme_scores(dtype):
    z, y = sc.Input("z", (None, 3), dtype), sc.Input("y", (None,), "int64")
    scores = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]])
    losses = sc.softmax_cross_entropy(z, y, "none")
    nodes = [sc.softmax(z), sc.log_softmax(z), sc.log(sc.softmax(z)), losses, sc.grad(sc.sum(losses), z)]
    a, log_a, composed, loss, error = sc.compile(nodes)(z=scores, y=[1, 2, 0])
    third, half = 1 / 3, 1 / 2
    tolerance = {"rtol": 4 * np.finfo(dtype).eps, "atol": 0}
    np.testing.assert_allclose(a, [[1, 0, 0], [third] * 3, [half, half, 0]], **tolerance)
    expected = [[0, -2e4, -1e4], [-np.log(3)] * 3, [-np.log(2), -np.log(2), -2e4 - np.log(2)]]
    np.testing.assert_allclose(log_a, expected, **tolerance)
    np.testing.assert_allclose(composed, expected, **tolerance)
    np.testing.assert_allclose(loss, [2e4, np.log(3), np.log(2)], **tolerance)
    np.testing.assert_allclose(error, [[1, -1, 0], [third, third, third - 1], [-half, half, 0]], rtol=1e-2, atol=1e-3)
    assert all(v.dtype == dtype for v in (a, log_a, composed, loss, error))


@pytest.mark.parametrize("dtype", FLOATS)
def test_binary_cross_entropy_at_extreme_scores(dtype):
    z, t = sc.Input("z", (None, 1), dtype), sc.Input("t", (None, 1), dtype)
    feeds = {"z": [[1e4], [-1e4], [1e4], [-1e4], [0]], "t": [[1], [0], [0], [1], [0.5]]}
    expected = [0, 0, 1e4, 1e4, np.log(2)]
    for build in (
        lambda: sc.sigmoid_cross_entropy(z, t, "none"),
        lambda: sc.binary_cross_entropy(sc.sigmoid(z), t, "none"),
    ):
        loss = build()
        value, error = sc.compile([loss, sc.grad(sc.sum(loss), z)])(feeds)
        np.testing.assert_allclose(value, expected, rtol=1e-3 if dtype == "float16" else 1e-6)
        np.testing.assert_allclose(error.ravel(), [0, 0, 1, -1, 0], atol=1e-6)


def test_binary_cross_entropy_of_certain_probabilities():
    a = sc.Input("a", (None, 1))
    t = sc.Input("t", (None, 1))
    loss = sc.binary_cross_entropy(a, t, "none")
    value, error = sc.compile([loss, sc.grad(sc.sum(loss), a)])(a=[[1], [0], [0.5]], t=[[1], [0], [1]])
    np.testing.assert_allclose(value, [0, 0, np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(error.ravel(), [-1, 1, -2], rtol=1e-6)


def test_logarithms_are_never_naive():
    z = sc.Input("z", (2,))
    nodes = [sc.log(sc.sigmoid(z)), sc.log(1 - sc.sigmoid(z)), sc.log(1 + sc.exp(z))]
    values = sc.compile(nodes)(z=[-1e4, 1e4])
    np.testing.assert_array_equal(values, [[-1e4, 0], [0, -1e4], [0, 1e4]])


def test_scores_of_minus_infinity_rule_a_class_out():
    z = sc.Input("z", (None, 3))
    a, log_a = sc.compile([sc.softmax(z), sc.log_softmax(z)])(z=[[0, -INF, 0]])
    np.testing.assert_allclose(a, [[0.5, 0, 0.5]])
    np.testing.assert_allclose(log_a, [[-np.log(2), -INF, -np.log(2)]], rtol=1e-6)


# float16 is summed in float32 --------------------------------------------------------------------

MANY = 5000
"""More than 2048, above which float16 has no odd numbers: a sum of ones in float16 stands still there."""


def half(name, *shape):
    return sc.Input(name, shape, "float16")


def test_sums_of_float16():
    x = half("x", None, 2)
    ones = np.ones((MANY, 2))
    nodes = [sc.sum(x, axis=0), sc.sum_to(x, (2,)), sc.sum_to(x, (1, 1)), sc.mean(x, axis=0), sc.mean(x)]
    values = sc.compile(nodes)(x=ones)
    assert [v.dtype for v in values] == [np.float16] * 5
    np.testing.assert_array_equal(values[0], [MANY, MANY])
    np.testing.assert_array_equal(values[1], [MANY, MANY])
    np.testing.assert_array_equal(values[2], [[2 * MANY]])
    np.testing.assert_array_equal(values[3], [1, 1])
    assert values[4] == 1


def test_mean_of_more_than_float16_can_hold():
    x = half("x", None)
    value, error = sc.compile([sc.mean(x), sc.grad(sc.mean(x), x)])(x=np.full(100_000, 3))
    assert value == 3
    np.testing.assert_array_equal(error, np.full(100_000, np.float16(1e-5)))


def test_products_of_float16():
    a, b = half("a", None, MANY), half("b", MANY, 1)
    feeds = {"a": np.ones((2, MANY)), "b": np.ones((MANY, 1))}
    np.testing.assert_array_equal(sc.compile(a @ b)(feeds), [[MANY]] * 2)
    w = sc.Param("w", np.ones((1, MANY), np.float16))
    z = sc.Dense(a, w)
    np.testing.assert_array_equal(sc.compile(z)(a=feeds["a"]), [[MANY]] * 2)


def test_gradients_of_float16_over_many_rows():
    a = half("a", None, 3)
    w, b = sc.Param("w", np.ones((2, 3), np.float16)), sc.Param("b", np.zeros(2, np.float16))
    J = sc.sum(sc.Dense(a, w, b))
    dw, db = sc.compile(sc.grad(J, [w, b]))(a=np.ones((MANY, 3)))
    np.testing.assert_array_equal(dw, np.full((2, 3), MANY))
    np.testing.assert_array_equal(db, [MANY, MANY])


def test_convolution_of_float16():
    x = half("x", None, 1, 80, 80)
    w, b = sc.Param("w", np.ones((1, 1, 70, 70), np.float16)), sc.Param("b", np.zeros(1, np.float16))
    z = sc.Conv(x, w, b)
    value, dw, db = sc.compile([z, *sc.grad(sc.sum(z), [w, b])])(x=np.ones((50, 1, 80, 80)))
    np.testing.assert_array_equal(value, np.full((50, 1, 11, 11), 4900))
    np.testing.assert_array_equal(dw, np.full((1, 1, 70, 70), np.float16(121 * 50)))
    np.testing.assert_array_equal(db, [np.float16(121 * 50)])


def test_pooling_and_puts_of_float16():
    x = half("x", None, 1, 80, 80)
    np.testing.assert_array_equal(sc.compile(sc.mean_pool(x, 80))(x=np.full((1, 1, 80, 80), 6e4)), [[[[6e4]]]])
    table = sc.Param("table", np.ones((2, 3), np.float16))
    J = sc.sum(sc.take(table, [1] * MANY))
    np.testing.assert_array_equal(sc.compile(sc.grad(J, table))(), [[0] * 3, [MANY] * 3])


def test_softmax_of_more_classes_than_float16_can_count():
    z, y = half("z", None, 70_000), sc.Input("y", (None,), "int64")
    J = sc.softmax_cross_entropy(z, y)
    a, log_a, loss = sc.compile([sc.softmax(z), sc.log_softmax(z), J])(z=np.zeros((1, 70_000)), y=[5])
    assert a.dtype == log_a.dtype == loss.dtype == np.float16
    np.testing.assert_array_equal(a, np.full((1, 70_000), np.float16(1 / 70_000)))
    np.testing.assert_array_equal(log_a, np.full((1, 70_000), np.float16(-np.log(70_000))))
    assert loss == np.float16(np.log(70_000))


def test_loss_of_float16_over_many_rows():
    z, y = half("z", None, 2), sc.Input("y", (None,), "int64")
    feeds = {"z": np.zeros((100_000, 2)), "y": np.zeros(100_000, int)}
    losses = sc.compile([sc.softmax_cross_entropy(z, y), sc.squared_error(z, 1)])(feeds)
    np.testing.assert_array_equal(losses, np.float16([np.log(2), 1]))


# Numbers that a dtype does not hold --------------------------------------------------------------


@pytest.mark.parametrize("number", [1e300, -1e300, 10**40, 10**400, 3.5e38])
def test_numbers_too_large_for_float32(number, refused):
    x = sc.Input("x", (3,))
    with refused(ValueError, "Mul: its input b is", "too large for float32"):
        x * number
    with refused(ValueError, "its input a", "too large for float32"):
        number - x


def test_infinite_and_nan_constants_are_fine():
    x = sc.Input("x", (1,))
    values = sc.compile([x + INF, x * NAN, x + 3e38, sc.maximum(x, -INF)])(x=[1])
    np.testing.assert_array_equal(values, np.float32([[INF], [NAN], [3e38], [1]]))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_fed_numbers_too_large_for_the_dtype(dtype, refused):
    x = sc.Input("x", (2,), dtype)
    double = sc.compile(2 * x)
    large = 1e300 if dtype == "float32" else 70_000
    for array in ([1, large], np.array([1.0, -large])):
        with refused(ValueError, "Input 'x'", f"too large for {dtype}"):
            double(x=array)
    np.testing.assert_array_equal(double(x=[INF, NAN]), [INF, NAN])
    np.testing.assert_array_equal(double(x=[1e-300, 1]), [0, 2])


def test_integers_are_exact_where_they_fit():
    y = sc.Input("y", (2,), "int64")
    big = [2**62 + 1, -(2**62) - 1]
    np.testing.assert_array_equal(sc.compile(y)(y=big), big)
    np.testing.assert_array_equal(sc.compile(sc.equal(y, sc.Const(big)))(y=[big[0], big[0]]), [True, False])


# A whole network at once -------------------------------------------------------------------------


def test_training_under_every_alarm():
    """Building, initial values, compiling, fitting and evaluating: no event, no warning."""
    x, y = sc.Input("x", (None, 1, 12, 12)), sc.Input("y", (None,), dtype="int64")
    a = sc.max_pool(sc.relu(sc.conv(x, 4, 3, seed=0, init=sc.initial.he_normal)), 2)
    a = sc.mean_pool(sc.tanh(sc.scale(sc.conv(a, 3, 2, seed=1, table=[[0, 1], [2], [1, 3]]))), 2)
    z = sc.dense(sc.sigmoid(sc.dense(a, 5, seed=2)), 3, seed=3)
    J = sc.softmax_cross_entropy(z, y)
    rng = np.random.default_rng(0)
    images, labels = rng.random((30, 1, 12, 12)), rng.integers(0, 3, 30)
    images[:10] = 0  # blank: ties everywhere
    for optimizer in (sc.SGD(lr=0.5, momentum=0.9, nesterov=True), sc.Adam(lr=0.01)):
        history = sc.fit(J, {"x": images, "y": labels}, optimizer=optimizer, epochs=2, batch=7)
        assert np.isfinite(history.loss).all()
    assert 0 <= sc.evaluate({"a": sc.accuracy(z, y)}, {"x": images, "y": labels})["a"] <= 1


@pytest.mark.parametrize(
    "cls", [c for c in sc.node_types() if c.__module__.startswith("symcnn.")], ids=lambda c: c.__name__
)
def test_every_node_type_under_every_alarm(cls):
    for node in cls.samples():
        rng = np.random.default_rng(0)
        feeds = {}
        for i in node.graph().inputs:
            shape = i.spec.bind(3)
            feeds[i] = rng.integers(0, 2, shape) if i.dtype.kind in "iu" else rng.standard_normal(shape) > 0
            feeds[i] = feeds[i] if i.dtype.kind in "iub" else rng.standard_normal(shape)
        if None in node.shape and not any(None in i.shape for i in feeds):
            continue
        errors = []
        if node.dtype.kind == "f":
            back = sc.backprop(sc.sum(node))
            errors = [back.delta(i, unconnected="zeros") for i in feeds if i.dtype.kind == "f"]
        assert len(sc.compile([node, *errors])(feeds)) == 1 + len(errors)
