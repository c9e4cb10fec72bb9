"""Odd and bad shapes: empty batches, axes of length 0, more numbers than memory, reshapes, axes and indices."""

import numpy as np
import pytest

import symcnn as sc

X = sc.Input("x", (None, 3, 5, 4))
FLAT = sc.Input("flat", (None, 4))


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


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


def test_layers_larger_than_memory(refused):
    with refused(MemoryError, "dense 'out': there is no memory for (100000000000, 4) weights"):
        sc.dense(FLAT, 10**11, name="out")
    with refused(MemoryError, "conv 'c1': there is no memory for (100000000000, 3, 2, 2) weights"):
        sc.conv(X, 10**11, 2, name="c1")


def test_forward_rule_without_memory(refused):
    class Wasteful(sc.Node):
        z: sc.Node

        def forward(self, xp, z):
            return xp.zeros(10**14)

    with refused(MemoryError, "Wasteful 'w': there is no memory to compute it", "Unable to allocate"):
        sc.compile(Wasteful(FLAT, name="w"))(flat=np.zeros((1, 4)))


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
        ((slice(None), slice(None, None, 0)), ValueError, "cannot be zero"),
        ((slice(None), slice(0.5, None)), ValueError, "slice(0.5, None, None)"),
        ((slice(None), True), TypeError, "True is no index"),
        ((slice(None), 0.5), TypeError, "expected integers"),
        ((slice(None), "a"), TypeError, "'a'"),
        ((slice(None), [0, 3]), ValueError, "number 1 is 3; expected 0 to 2"),
        ((slice(None), [-4]), ValueError, "number 0 is -4; expected -3 to 2"),
        ((slice(None), [True, False, True]), TypeError, "how many elements a mask leaves"),
        ((slice(None), [0], [0]), TypeError, "several arrays of indices"),
    ],
)
def test_indices_that_do_not_fit(index, kind, problem, refused):
    with refused(kind, problem):
        X[index]


def test_empty_index():
    images = numbers(2, 3, 5, 4)
    for node in (X[:, []], sc.take(X, [], axis=1), X[:, 3:]):
        assert sc.compile(node)(x=images).shape == (2, 0, 5, 4)
