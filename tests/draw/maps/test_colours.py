"""Scales of colours: which number has which colour, and that nothing spoils a scale."""

import numpy as np
import pytest

from symcnn.draw.maps.colours import EMPTY, INF, INK, LEVELS, MINUS_INF, NAN, Scale


def colours(scale, numbers):
    return [tuple(c) for c in scale.palette()[scale.levels(np.array(numbers, dtype=float))].tolist()]


def test_signed_numbers_from_blue_over_white_to_vermilion():
    scale = Scale.of([np.array([-2.0, 1.0]), np.array([0.5])])
    assert (scale.low, scale.high, scale.signed) == (-2, 2, True)
    assert colours(scale, [-2, 0, 2]) == [(0x00, 0x72, 0xB2), (255, 255, 255), (0xD5, 0x5E, 0x00)]
    blue, red = np.array([0x00, 0x72, 0xB2]), np.array([0xD5, 0x5E, 0x00])
    for share in (0.2, 0.5, 0.8):  # straight lines to white
        for number, end in ((-2 * share, blue), (2 * share, red)):
            expected = share * end + (1 - share) * 255
            np.testing.assert_allclose(colours(scale, [number])[0], expected, atol=1.6)  # half a level


def test_numbers_of_one_sign_from_dark_blue_to_yellow():
    scale = Scale.of([np.array([0.25, 0.75])])
    assert (scale.low, scale.high, scale.signed) == (0.25, 0.75, False)
    low, middle, high = colours(scale, [0.25, 0.5, 0.75])
    assert low == (0x00, 0x22, 0x4E) and high == (0xFE, 0xE8, 0x38)
    np.testing.assert_allclose(middle, (0x7C, 0x7B, 0x78), atol=1)
    luminance = scale.palette()[:LEVELS].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > 0).all()


def test_errors_are_signed_though_nothing_is_below_0():
    scale = Scale.of([np.array([0.0, 3.0])], signed=True)
    assert colours(scale, [0, 3]) == [(255, 255, 255), (0xD5, 0x5E, 0x00)]


@pytest.mark.parametrize(
    ("numbers", "signed", "levels"),
    [
        ([0.0, 0.0], False, [0, 0]),
        ([0.0, 0.0], True, [125, 125]),
        ([5.0, 5.0], False, [250, 250]),
        ([-5.0, -5.0], False, [0, 0]),
        ([-1.7e308, 1.7e308, 0.0], False, [0, 250, 125]),
        ([5e-324, 0.0], False, [250, 0]),
        ([0.0, 1e-45], True, [125, 250]),
        ([True, False], False, [250, 0]),
        ([0, 255], False, [0, 250]),
    ],
)
def test_numbers_of_any_size(numbers, signed, levels):
    scale = Scale.of([np.array(numbers)], signed)
    assert scale.levels(np.array(numbers)).tolist() == levels


def test_what_is_not_finite_has_its_own_level_and_does_not_move_the_scale():
    numbers = np.array([1.0, np.nan, np.inf, -np.inf, -1.0], "float32")
    scale = Scale.of([numbers])
    assert (scale.low, scale.high) == (-1, 1)
    assert scale.levels(numbers).tolist() == [250, NAN, INF, MINUS_INF, 0]
    empty = Scale.of([np.array([np.nan, np.inf])])
    assert (empty.low, empty.high) == (0, 0) and empty.levels(np.array([np.nan, 0])).tolist() == [NAN, 0]
    assert Scale.of([]) == Scale.of([np.zeros((0, 3))]) == Scale(0.0, 0.0, False)


@pytest.mark.parametrize("signed", [True, False])
def test_special_colours_are_far_from_all_colours_of_a_scale(signed):
    palette = Scale(-1.0 if signed else 0.0, 1.0, signed).palette().astype(int)
    assert palette.shape == (256, 3) and [NAN, INF, MINUS_INF, EMPTY, INK] == [251, 252, 253, 254, 255]
    for special in (NAN, INF, MINUS_INF):
        assert np.abs(palette[:LEVELS] - palette[special]).sum(axis=1).min() > 60
    assert palette[NAN].tolist() == [255, 0, 255]
