"""The kernels of convolution against SciPy's, for shapes that take each of the three ways."""

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

import symcnn as sc
from symcnn.engine.numpy import convolve as kernels
from symcnn.engine.numpy import workers as team

RNG = np.random.default_rng(0)


def numbers(*shape, dtype="float32"):
    return RNG.standard_normal(shape).astype(dtype)


def full(error, w):
    """The sum over filters of the full convolution of each error with its filter, in float64, by SciPy."""
    return np.array(
        [
            [sum(convolve2d(maps[f].astype("f8"), w[f, c], "full") for f in range(len(w))) for c in range(w.shape[1])]
            for maps in error
        ]
    )


def errors_of_input(images, channels, filters, height, width, n, m, dtype="float32"):
    """dJ/dx by the engine, and by SciPy, for a convolution whose output has error d."""
    w = sc.Param("w", numbers(filters, channels, n, m, dtype=dtype))
    x = sc.Input("x", (None, channels, height + n - 1, width + m - 1), dtype=dtype)
    d = sc.Input("d", (None, filters, height, width), dtype=dtype)
    z = sc.Conv(x, w)
    program = sc.compile(sc.grad(sc.sum(z * d), x), backend="numpy")
    error = numbers(images, *d.shape[1:], dtype=dtype)
    return program(d=error), full(error, w.value)


CASES = [
    (32, 6, 16, 10, 10, 5, 5),
    (101, 6, 16, 10, 10, 5, 5),  # the last images are fewer than those before
    (5, 4, 40, 4, 6, 3, 5),
    (40, 1, 9, 3, 20, 5, 1),
    (33, 2, 20, 1, 1, 4, 7),
]


@pytest.fixture
def ways(monkeypatch):
    """The names of the ways that convolutions were prepared in."""
    taken = []
    for name in ("_by_shifts", "_over_images", "_filter_gradient"):
        original = getattr(kernels, name)
        monkeypatch.setattr(kernels, name, lambda *a, name=name, make=original: taken.append(name) or make(*a))
    return taken


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
def test_the_error_of_the_input_by_shifted_products(case, dtype, tolerance, ways):
    found, wanted = errors_of_input(*case, dtype=dtype)
    assert ways == ["_by_shifts"]
    np.testing.assert_allclose(found, wanted, atol=tolerance * np.abs(wanted).max())


@pytest.mark.parametrize("case", [(1, 6, 16, 10, 10, 5, 5), (32, 16, 16, 24, 24, 3, 3)])
def test_the_error_of_the_input_by_columns(case, ways):
    found, wanted = errors_of_input(*case)
    assert ways == ["_over_images"]
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("processors", [1, 2, 3])
def test_shifted_products_are_divided_among_threads(processors, ways, monkeypatch):
    monkeypatch.setattr(team, "size", lambda: processors)
    monkeypatch.setattr(team, "WORTH_BYTES", 1)
    found, wanted = errors_of_input(*CASES[0])
    assert ways == ["_by_shifts"]
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_a_border_that_is_not_as_wide_as_the_filters_reach(ways):
    x, w = sc.Input("x", (None, 40, 6, 6)), sc.Param("w", numbers(2, 40, 3, 3))
    program = sc.compile(sc.Conv(sc.pad(x, ((0, 0), (0, 0), (2, 1), (2, 2))), w))
    images = numbers(20, 40, 6, 6)
    padded = np.pad(images, ((0, 0), (0, 0), (2, 1), (2, 2))).astype("f8")
    wanted = [[sum(correlate2d(i[c], f[c], "valid") for c in range(40)) for f in w.value] for i in padded]
    np.testing.assert_allclose(program(x=images), wanted, atol=1e-4)
    assert ways == ["_over_images"]


def test_a_bias_over_a_full_border(ways):
    x, w, b = sc.Input("x", (None, 40, 6, 6)), sc.Param("w", numbers(2, 40, 3, 3)), sc.Param("b", numbers(2))
    border = ((0, 0), (0, 0), (2, 2), (2, 2))
    images = numbers(20, 40, 6, 6)
    padded = np.pad(images, border).astype("f8")
    wanted = [[sum(correlate2d(i[c], f[c], "valid") for c in range(40)) for f in w.value] for i in padded]
    found = sc.compile(sc.Conv(sc.pad(x, border), w, b))(x=images)
    np.testing.assert_allclose(found, wanted + b.value[:, None, None], atol=1e-4)
    assert ways == ["_over_images"]


def test_the_gradient_of_the_filters_is_a_sum_filter_gradient(ways):
    x, w = sc.Input("x", (None, 3, 9, 8)), sc.Param("w", numbers(4, 3, 2, 3))
    d = sc.Input("d", (None, 4, 8, 6))
    program = sc.compile(sc.grad(sc.sum(sc.Conv(x, w) * d), w))
    images, error = numbers(7, 3, 9, 8), numbers(7, 4, 8, 6)
    wanted = [
        [sum(correlate2d(images[i, c].astype("f8"), error[i, f], "valid") for i in range(7)) for c in range(3)]
        for f in range(4)
    ]
    np.testing.assert_allclose(program(x=images, d=error), wanted, atol=1e-4)
    assert ways == ["_filter_gradient"]
