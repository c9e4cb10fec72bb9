"""A type that is derived from a built-in one keeps its own rule, whatever patterns its base matches."""

import numpy as np

import symcnn as sc


class Hot(sc.Softmax):
    """The softmax of twice z."""

    def forward(self, xp, z):
        return sc.Softmax.forward(self, xp, 2 * z)


class Halved(sc.Rot90):
    """rot90, and half of it."""

    def forward(self, xp, x):
        return sc.Rot90.forward(self, xp, x) / 2


def test_the_logarithm_of_a_derived_softmax_is_its_own():
    z = sc.Input("z", (None, 3), "float64")
    rows = np.array([[1.0, 2.0, 4.0]])
    expected = 2 * rows - np.log(np.exp(2 * rows).sum())
    np.testing.assert_allclose(sc.compile(sc.log(Hot(z)))(z=rows), expected, rtol=1e-12)


def test_a_derived_rot90_does_not_cancel():
    x = sc.Input("x", (2, 3), "float64")
    numbers = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(sc.compile(sc.Rot90(Halved(x)))(x=numbers), numbers / 2)
    np.testing.assert_array_equal(sc.compile(Halved(sc.Rot90(x)))(x=numbers), numbers / 2)
    np.testing.assert_array_equal(sc.compile(sc.Neg(sc.Neg(Halved(x))))(x=numbers), numbers[::-1, ::-1] / 2)
