"""Labels and targets: out of range, of another kind, of another length."""

import numpy as np
import pytest

import symcnn as sc


def network():
    x, y = sc.Input("x", (None, 2, 6, 6)), sc.Input("y", (None,), "int64")
    a = sc.max_pool(sc.sigmoid(sc.conv(x, 3, 3, seed=0, name="conv1")), 2)
    J = sc.softmax_cross_entropy(sc.dense(a, 4, seed=1, name="out"), y)
    return x, y, J


RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.standard_normal((5, 2, 6, 6)).astype("float32"), RNG.integers(0, 4, 5)


@pytest.fixture(scope="module")
def program():
    x, _, J = network()
    return sc.compile([J, sc.grad(J, x), *sc.grad(J, J.params)])


# Labels ------------------------------------------------------------------------------------------

WRONG_LABELS = [
    ([0, 1, 2, 3, 4], ValueError, ["SoftmaxCrossEntropy", "Input 'y'", "number 4 is 4; expected 0 to 3"]),
    ([0, -1, 2, 3, 0], ValueError, ["SoftmaxCrossEntropy", "Input 'y'", "number 1 is -1; expected 0 to 3"]),
    ([0.0, 1.0, 2.0, 3.0, 0.0], TypeError, ["Input 'y'", "y.astype('int64')"]),
    (np.float32([0, 1, 2, 3, 0]), TypeError, ["Input 'y'", "an array of float32", "y.astype('int64')"]),
    ([0, 1, 2, np.nan, 0], TypeError, ["Input 'y'"]),
    ([0, 1, 2, 3], ValueError, ["the inputs disagree", "x has 5, y has 4", "Input 'x'", "Input 'y'"]),
    ([[0], [1], [2], [3], [0]], ValueError, ["Input 'y'", "(5, 1)", "expected (None,)"]),
    (np.eye(4, dtype=int), ValueError, ["Input 'y'", "(4, 4)", "expected (None,)"]),
    (3, ValueError, ["Input 'y'", "()", "expected (None,)"]),
    (["a", "b", "c", "d", "e"], TypeError, ["Input 'y'", "'a'"]),
    (np.array([0, 1, 2, 3, 0], object), TypeError, ["Input 'y'", "object"]),
    (np.array([0, 1, 2, 3, 2**63], np.uint64), ValueError, ["Input 'y'", "do not fit into int64"]),
]


@pytest.mark.parametrize(("labels", "kind", "fragments"), WRONG_LABELS, ids=str)
def test_wrong_labels(program, labels, kind, fragments, refused):
    with refused(kind, *fragments):
        program(x=IMAGES, y=labels)
    for found, expected in zip(program(x=IMAGES, y=LABELS), program(x=IMAGES, y=LABELS), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint32", "uint64", ">i4", "bool"])
def test_labels_of_any_integers(program, dtype):
    labels = (LABELS % 2).astype(dtype)
    for found, expected in zip(program(x=IMAGES, y=labels), program(x=IMAGES, y=LABELS % 2), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_wrong_labels_change_no_parameter(refused):
    *_, J = network()
    before = [p.value.copy() for p in J.params]
    step = sc.train_step(J, sc.SGD(lr=0.1, momentum=0.9))
    for labels, kind, _ in WRONG_LABELS:
        with refused(kind):
            step(x=IMAGES, y=labels)
    assert all(np.array_equal(p.value, b) for p, b in zip(J.params, before, strict=True))
    assert all(not s.value.any() for s in step.state)


def test_labels_declared_as_reals(refused):
    z, y = sc.Input("z", (None, 3)), sc.Input("y", (None,))
    for build in (sc.softmax_cross_entropy, sc.accuracy, lambda z, y: sc.one_hot(y, 3)):
        with refused(TypeError, "labels are class indices (integers), got float32", 'dtype="int64"'):
            build(z, y)


def test_labels_of_another_length(refused):
    z = sc.Input("z", (None, 3))
    for y in (sc.Input("y", (5,), "int64"), sc.Input("y", (None, 3), "int64"), [0, 1], 1):
        for build in (sc.softmax_cross_entropy, sc.accuracy):
            with refused(ValueError, "scores of (None, 3) and labels of"):
                build(z, y)


def test_labels_out_of_range_are_no_wrong_guesses(refused):
    """Labels from 1 to 10, as MATLAB counts, are an error of the accuracy, too."""
    z, y = sc.Input("z", (None, 10)), sc.Input("y", (None,), "int64")
    f = sc.compile(sc.accuracy(z, y))
    assert f(z=np.eye(10), y=np.arange(10)) == 1
    assert f(z=np.eye(10), y=(np.arange(10) + 1) % 10) == 0
    with refused(ValueError, "Input 'y'", "number 9 is 10; expected 0 to 9"):
        f(z=np.eye(10), y=np.arange(10) + 1)


def test_constant_labels_out_of_range(refused):
    z = sc.Input("z", (2, 3))
    with refused(ValueError, "SoftmaxCrossEntropy", "number 1 is 3; expected 0 to 2"):
        sc.compile(sc.softmax_cross_entropy(z, [0, 3]))(z=np.zeros((2, 3)))
    with refused(ValueError, "OneHot", "number 0 is 5; expected 0 to 2"):
        sc.compile(sc.one_hot(sc.Const([5]), 3))()


def test_targets_of_another_shape(refused):
    a = sc.Input("a", (None, 4))
    for t in (np.zeros(4), sc.Input("t", (None,)), sc.Input("t", (None, 3)), np.zeros((2, 4))):
        for build in (sc.squared_error, sc.sigmoid_cross_entropy, sc.binary_cross_entropy):
            with refused(ValueError, "Input 'a'", "outputs of (None, 4) and targets of"):
                build(a, t)
    for build in (sc.squared_error, sc.sigmoid_cross_entropy, sc.binary_cross_entropy):
        for t in (None, "a"):
            with refused(TypeError, "the targets"):
                build(a, t)
