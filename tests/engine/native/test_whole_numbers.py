"""Integers and booleans in lanes: images of bytes, casts, comparisons, and what only moves them."""

import numpy as np
import pytest

import symcnn as sc

BATCHES = [1, 15, 16, 17, 33]
MORE = (pytest.param(d, marks=pytest.mark.slow) for d in ("uint16", "int16", "uint32", "int32", "uint64"))
INTEGERS = ["uint8", "int8", "int64", *MORE]
NAMES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]


def both(nodes):
    """The programs of both engines; the native one leaves nothing to NumPy."""
    native = sc.compile(nodes, backend="native")
    assert "by NumPy" not in native.report()
    return native, sc.compile(nodes, backend="numpy")


def extremes(dtype, shape, seed=0):
    """Numbers of all sizes, those at the ends of the dtype and those that float32 must round among them."""
    rng, info = np.random.default_rng(seed), np.iinfo(dtype)
    count = int(np.prod(shape))
    near = [2**k + d for k in range(65) for d in (-3, -1, 0, 1, 3)]
    special = [info.min, info.min + 1, -1, 0, info.max - 1, info.max, *near, *(-n for n in near)]
    special = np.array([n for n in special if info.min <= n <= info.max], dtype)
    return np.concatenate([special, rng.integers(info.min, info.max, count, dtype, endpoint=True)])[:count].reshape(
        shape
    )


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("length", [3, 61])
def test_casts_of_integers_are_rounded_as_numpy_rounds_them(dtype, length):
    x = sc.Input("x", (None, length), dtype)
    native = sc.compile([sc.cast(x, "float32"), sc.cast(x, "bool")], backend="native")
    assert "by NumPy" not in native.report()
    for batch in BATCHES:
        values = extremes(dtype, (batch, length), batch)
        real, truth = native(x=values)
        np.testing.assert_array_equal(real, values.astype("float32"))
        np.testing.assert_array_equal(truth, values != 0)


@pytest.mark.parametrize("source", [*INTEGERS, "bool"])
def test_casts_between_integers_wrap_around(source):
    targets = [d for d in NAMES if d != source]
    x = sc.Input("x", (None, 20), source)
    native = sc.compile([sc.cast(x, d) for d in targets], backend="native")
    assert "by NumPy" not in native.report()
    values = np.arange(340).reshape(17, 20) % 3 > 0 if source == "bool" else extremes(source, (17, 20))
    for dtype, found in zip(targets, native(x=values), strict=True):
        np.testing.assert_array_equal(found, values.astype(dtype), err_msg=dtype)


def test_casts_of_booleans_and_to_them():
    x = sc.Input("x", (None, 5))
    native = sc.compile([sc.cast(x, "bool"), sc.cast(x > 0, "float32")], backend="native")
    assert "by NumPy" not in native.report()
    values = np.tile(np.array([0.0, -0.0, np.nan, 1e-45, -np.inf], "float32"), (18, 1))
    truth, one = native(x=values)
    np.testing.assert_array_equal(truth, [[False, False, True, True, True]] * 18)
    np.testing.assert_array_equal(one, [[0, 0, 0, 1, 0]] * 18)


def test_reals_become_integers_in_numpy():
    """What a number out of range becomes differs from processor to processor: NumPy's own rule decides."""
    x = sc.Input("x", (None, 3))
    native = sc.compile(sc.cast(x, "int32"), backend="native")
    assert "a conversion of float32 to int32" in native.report()
    np.testing.assert_array_equal(native(x=[[1.9, -1.9, 0]]), [[1, -1, 0]])


@pytest.mark.parametrize(("a", "b"), [("int64", "int64"), ("uint8", "int8"), ("uint64", "uint8"), ("int16", "uint32")])
def test_integers_are_compared_exactly(a, b):
    x, y = sc.Input("x", (None, 40), a), sc.Input("y", (None, 40), b)
    native, _ = both(
        [sc.equal(x, y), sc.equal(x, sc.Const(np.array(7, a))), sc.equal(y, sc.Const(np.arange(40, dtype=b)))]
    )
    first = extremes(a, (17, 40))
    second = np.where(np.arange(40) % 2, first.astype(b), first.astype(b) + np.array(1, b))
    found = native(x=first, y=second)
    expected = [first == second, first == 7, second == np.arange(40, dtype=b)]
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(f, e)


def test_reals_are_compared_with_whole_numbers_that_are_known():
    x = sc.Input("x", (None, 3))
    native, _ = both([sc.equal(x, 0), sc.equal(x, 2**24)])
    assert [r.tolist() for r in native(x=[[0, 2**24, -0.0]])] == [[[True, False, True]], [[False, True, False]]]
    x, y = sc.Input("x", (None, 3)), sc.Input("y", (None, 3), "int64")
    program = sc.compile(sc.equal(x, y), backend="native")
    assert "a comparison of float32 with int64" in program.report()
    assert program(x=[[2.0**24] * 3], y=[[2**24, 2**24 + 1, 0]]).tolist() == [[True, False, False]]


@pytest.mark.parametrize("dtype", [*INTEGERS, "bool"])
def test_integers_are_moved_as_they_are(dtype):
    x = sc.Input("x", (None, 3, 5, 7), dtype)
    moved = [x[:, 1:, ::2, 3], sc.transpose(x, (0, 3, 1, 2)), sc.flatten(x)]
    native, _ = both([*moved, *(sc.cast(m, "float32") for m in moved)])
    values = extremes("int64", (17, 3, 5, 7)).astype(dtype)
    expected = [values[:, 1:, ::2, 3], values.transpose(0, 3, 1, 2), values.reshape(17, -1)]
    found = native(x=values)
    for f, e in zip(found[:3], expected, strict=True):
        np.testing.assert_array_equal(f, e)
        assert f.dtype == dtype
    for f, e in zip(found[3:], expected, strict=True):
        np.testing.assert_array_equal(f, e.astype("float32"))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_labels_of_any_width(dtype):
    z, y = sc.Input("z", (None, 5)), sc.Input("y", (None,), dtype)
    native, reference = both([sc.SoftmaxCrossEntropy(z, y), sc.one_hot(y, 5), sc.cast(y, "float32")])
    rng = np.random.default_rng(0)
    values = {"z": rng.standard_normal((33, 5)), "y": rng.integers(0, 5, 33)}
    for f, e in zip(native(values), reference(values), strict=True):
        np.testing.assert_allclose(f, e, atol=1e-6)


def test_predictions_are_compared_with_labels_in_lanes():
    z, y = sc.Input("z", (None, 6)), sc.Input("y", (None,), "int64")
    right = sc.equal(sc.argmax(z), y)
    places = sc.Switches(sc.reshape(z, (None, 1, 1, 6)), (1, 2))[..., ::2]
    native, reference = both([right, sc.argmax(z), sc.cast(sc.argmax(z), "int16"), places])
    rng = np.random.default_rng(0)
    values = {"z": rng.standard_normal((33, 6)), "y": rng.integers(-1, 2**40, 33) % 6}
    for f, e in zip(native(values), reference(values), strict=True):
        np.testing.assert_array_equal(f, e)
    accuracy = sc.compile(sc.accuracy(z, y), backend="native")
    assert "by NumPy" not in accuracy.report()
    assert accuracy(values) == np.mean(np.argmax(values["z"].astype("f4"), 1) == values["y"], dtype="f4")


def network(x):
    """The tutorial's, smaller; `x` are grey values from 0 to 1."""
    y = sc.Input("y", (None,), "int64")
    a = sc.mean_pool(sc.sigmoid(sc.conv(x, 4, 9, seed=0)), 2)
    return sc.softmax_cross_entropy(sc.dense(a, 10, seed=1), y)


def test_all_bytes_divided_by_255():
    x = sc.Input("x", (None, 1, 16, 16), "uint8")
    native, _ = both(x / 255)
    every = np.arange(256, dtype="uint8")
    images = np.stack([np.roll(every, n).reshape(1, 16, 16) for n in range(19)])
    found = native(x=images)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, images.astype("float32") / np.float32(255))


@pytest.mark.parametrize("batch", [1, 32, 50])
def test_a_training_step_fed_bytes_is_the_step_fed_their_grey_values(batch):
    images = np.random.default_rng(batch).integers(0, 256, (batch, 1, 28, 28), "uint8")
    labels = np.random.default_rng(batch).integers(0, 10, batch)
    found = []
    for dtype in ("uint8", "float32"):
        x = sc.Input("x", (None, 1, 28, 28), dtype)
        J = network(x / 255 if dtype == "uint8" else x)
        step = sc.train_step(J, sc.SGD(lr=0.1, momentum=0.9), backend="native")
        report = step.program.report(batch)
        assert report.count(", native, block by block of images") == report.count(", by NumPy") == 1
        fed = images if dtype == "uint8" else images / np.float32(255)
        losses = [step(x=fed, y=labels) for _ in range(5)]
        found.append((losses, [p.value for p in J.params]))
    assert found[0][0] == found[1][0]
    for a, b in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_fit_takes_bytes():
    digits = sc.data.mnist_mini()
    images = {n: np.round(255 * x).astype("uint8") for n, x in (("train", digits.x_train), ("test", digits.x_test))}
    x = sc.Input("x", (None, 1, 28, 28), "uint8")
    J = network(x / 255)
    data = {"x": images["train"], "y": digits.y_train}
    held = {"x": images["test"], "y": digits.y_test}
    history = sc.fit(J, data, optimizer=sc.SGD(lr=0.5), epochs=1, batch=64, validation=held, backend="native", seed=0)
    x = sc.Input("x", (None, 1, 28, 28))
    grey = {"x": images["train"] / np.float32(255), "y": digits.y_train}
    expected = sc.fit(network(x), grey, optimizer=sc.SGD(lr=0.5), epochs=1, batch=64, backend="numpy", seed=0)
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-3)
    assert history.loss[-1] < history.loss[0]
