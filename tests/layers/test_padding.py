"""Borders beside NumPy's pad; and where their errors go back to."""

import numpy as np
import pytest

import symcnn as sc

WIDTHS = [((0, 0), (1, 0), (2, 3)), ((0, 0), (0, 0), (5, 7)), ((0, 0), (3, 3), (0, 0))]


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
def test_value_and_error(mode, widths, backend):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(17, 3, 4))
    node = sc.Input("x", (None, 3, 4), "float64")
    y, expected = sc.pad(node, widths, mode), np.pad(x, widths, mode)
    delta, seed = rng.normal(size=expected.shape), sc.Input("delta", y.shape, "float64")
    value, error = sc.compile([y, *sc.grad(y, [node], seed=seed)], backend=backend)({"x": x, "delta": delta})
    np.testing.assert_array_equal(value, expected)
    unit = rng.normal(size=x.shape)  # all of them are linear
    np.testing.assert_allclose(np.sum(error * unit), np.sum(delta * np.pad(unit, widths, mode)), rtol=1e-10)


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("value", [-np.inf, np.nan, 2.5])
def test_a_border_of_a_number(value, backend):
    x = np.random.default_rng(0).normal(size=(5, 2, 3, 4))
    node = sc.Input("x", (None, 2, 3, 4), "float64")
    y = sc.pad(node, 1, value=value)
    found, error = sc.compile([y, *sc.grad(sc.sum(y[:, :, :2] ** 2), [node])], backend=backend)(x=x)
    np.testing.assert_array_equal(found, np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=value))
    expected = 2 * x
    expected[:, :, 1:] = 0
    np.testing.assert_array_equal(error, expected)


def test_zeros_are_the_node_pad():
    x = sc.Input("x", (None, 2, 3, 4))
    assert type(sc.pad(x, 1)) is sc.Pad
    assert sc.pad(x, 0, "reflect") is sc.pad(x, 0, value=3) is x
    assert sc.pad(sc.Input("y", (None, 3, 4), "uint8"), 1, "edge").dtype == "uint8"


@pytest.mark.parametrize(
    ("build", "fragments"),
    [
        (lambda x: sc.pad(x, 1, "mirror"), ("pad: mode 'mirror'", "'reflect'")),
        (lambda x: sc.pad(x, 1, value="a"), ("pad: value is 'a'",)),
        (lambda x: sc.pad(x, 1, "edge", value=1), ("mode 'edge' is not made of value=1",)),
        (lambda x: sc.pad(x, -1, "edge"), ("a border of -1 does not fit",)),
        (lambda x: sc.pad(x, ((1, 1), (0, 0), (0, 0)), "wrap"), ("do not fit the shape (None, 3, 4)",)),
        (lambda x: sc.pad(x[:, :0], ((0, 0), (1, 1), (0, 0)), "edge"), ("has nothing to make a border of",)),
    ],
)
def test_what_does_not_fit_is_refused(build, fragments, refused):
    with refused((TypeError, ValueError), *fragments):
        build(sc.Input("x", (None, 3, 4)))
