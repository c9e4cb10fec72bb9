"""The first values of a layer's weights: what an initializer draws, checked."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.nodes.weights import drawn, generator

SINGLE = np.dtype("float32")


def test_what_is_drawn_is_the_initializers():
    values = drawn(sc.initial.normal(2.0), 7, (3, 4), SINGLE, "dense 'out'")
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, (2 * np.random.default_rng(7).standard_normal((3, 4))).astype("float32"))
    np.testing.assert_array_equal(drawn(lambda rng, shape: np.ones(shape, int), 0, (2,), SINGLE, "dense"), [1, 1])
    np.testing.assert_array_equal(drawn(lambda rng, shape: [[1.5]], 0, (1, 1), SINGLE, "dense"), [[1.5]])


def test_seeds_are_numpys():
    for seed in (3, [1, 2], np.random.SeedSequence(3)):
        assert generator(seed, "fit").random() == np.random.default_rng(seed).random()
    shared = np.random.default_rng(0)
    assert generator(shared, "fit") is shared
    assert generator(None, "fit").random() != generator(None, "fit").random()


@pytest.mark.parametrize(
    ("init", "kind", "problem"),
    [
        (None, TypeError, "dense 'out': init is None"),
        (np.zeros((2, 3)), TypeError, "dense 'out': init is array"),
        (lambda rng, shape: None, TypeError, "dense 'out': what init returned is None"),
        (
            lambda rng, shape: np.zeros(shape, complex),
            TypeError,
            "dense 'out': what init returned has dtype complex128",
        ),
        (
            lambda rng, shape: np.zeros(3),
            ValueError,
            "dense 'out': init returned an array of shape (3,); expected (2, 3)",
        ),
        (lambda rng, shape: np.full(shape, 1e39), ValueError, "dense 'out': init returned numbers that are too large"),
        (lambda rng, shape: rng.nothing(), ValueError, "dense 'out': init failed: AttributeError"),
        (lambda rng, shape: np.zeros(10**15), MemoryError, "dense 'out': there is no memory for (2, 3) weights"),
    ],
)
def test_initializers_that_are_none(init, kind, problem, refused):
    with refused(kind, problem):
        drawn(init, 0, (2, 3), SINGLE, "dense 'out'")


@pytest.mark.parametrize("wrong", ["a", -1, 1.5, object()])
def test_seeds_that_are_none(wrong, refused):
    with refused(ValueError, "conv 'c1': seed is"):
        generator(wrong, "conv 'c1'")
