"""Odd and bad data for `fit` and `evaluate`: refused before the first step, with the parameters as they were."""

import numpy as np
import pytest

import symcnn as sc

ROWS, LABELS = np.random.default_rng(0).random((10, 4)), np.arange(10) % 3
DATA = {"x": ROWS, "y": LABELS}


@pytest.fixture
def network():
    x, y = sc.Input("x", (None, 4)), sc.Input("y", (None,), "int64")
    z = sc.dense(x, 3, seed=0, name="out")
    return x, y, z, sc.softmax_cross_entropy(z, y)


WRONG = [
    (3, TypeError, "mapping"),
    ([ROWS, LABELS], TypeError, "mapping"),
    ({}, ValueError, "nothing was given"),
    ({"x": ROWS}, ValueError, "missing: y"),
    ({"x": ROWS, "y": LABELS[:5]}, ValueError, "x has 10, y has 5"),
    ({"x": ROWS, "y": 3}, ValueError, "y has None"),
    ({"x": np.ma.masked_array(ROWS, ROWS > 0.5), "y": LABELS}, TypeError, "the data for 'x' is a masked array"),
    ({"x": ROWS, "y": LABELS.astype(float)}, TypeError, "Input 'y'"),
    ({"x": ROWS, "y": LABELS.astype(str)}, TypeError, "the data for 'y'"),
    ({"x": ROWS.astype(object), "y": LABELS}, TypeError, "the data for 'x'"),
    ({"x": ROWS * 1j, "y": LABELS}, TypeError, "complex128"),
    ({"x": ROWS[:, :3], "y": LABELS}, ValueError, "Input 'x'"),
    ({"x": ROWS[:0], "y": LABELS[:0]}, ValueError, "there is no row"),
    ({"x": [[1], [1, 2]], "y": [0, 1]}, TypeError, "the data for 'x' is not an array"),
]


@pytest.mark.parametrize(("data", "kind", "problem"), WRONG, ids=lambda v: "" if isinstance(v, dict | list) else None)
def test_wrong_data(network, data, kind, problem, refused):
    *_, J = network
    before = [p.value.copy() for p in J.params]
    with refused(kind, problem):
        sc.fit(J, data)
    with refused(kind, problem):
        sc.fit(J, DATA, validation=data)  # before the first step, not after the first epoch
    with refused(kind, problem):
        sc.evaluate({"loss": J}, data)
    assert all(np.array_equal(p.value, b) for p, b in zip(J.params, before, strict=True))


def test_names_and_inputs_are_keys(network):
    x, y, z, J = network
    by_input = {x: ROWS, y: LABELS}
    history = sc.fit(J, by_input, validation=by_input, metrics={"accuracy": sc.accuracy(z, y)})
    assert set(history.validation) == {"loss", "accuracy"}
    assert sc.evaluate({"loss": J}, by_input) == sc.evaluate({"loss": J}, DATA)


def test_any_layout_trains_to_the_same_bits(network):
    *_, J = network
    start = [p.value.copy() for p in J.params]
    ends = []
    big = {"x": ROWS.astype(">f8"), "y": LABELS.astype(">i4")}
    turned = {"x": np.asfortranarray(ROWS), "y": np.flip(np.flip(LABELS).copy())}
    for data in (DATA, big, turned, {"x": ROWS.tolist(), "y": LABELS.tolist()}):
        for p, value in zip(J.params, start, strict=True):
            p.value[...] = value
        sc.fit(J, data, epochs=2, batch=4, seed=3)
        ends.append([p.value.copy() for p in J.params])
    assert all(np.array_equal(a, b) for end in ends for a, b in zip(end, ends[0], strict=True))
    np.testing.assert_array_equal(DATA["y"], np.arange(10) % 3)


@pytest.mark.parametrize("wrong", ["a", -1, 1.5])
def test_seeds_that_are_none(network, wrong, refused):
    with refused(ValueError, "fit: seed is"):
        sc.fit(network[-1], DATA, seed=wrong)


@pytest.mark.parametrize("wrong", ["a", None, [0.1], 1j])
def test_rates_that_are_no_numbers(wrong, refused):
    with refused(TypeError, "is neither a number nor a schedule"):
        sc.SGD(lr=wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "3", None])
def test_counts(network, wrong, refused):
    *_, J = network
    for option in ("epochs", "batch"):
        with refused((TypeError, ValueError), f"{option} is"):
            sc.fit(J, DATA, **{option: wrong})
    with refused((TypeError, ValueError), "batch is"):
        sc.evaluate({"loss": J}, DATA, batch=wrong)
