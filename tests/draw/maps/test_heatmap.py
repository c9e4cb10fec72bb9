"""Heatmaps: blocks of the right colour, and marks where there is no number."""

import numpy as np
import pytest
from pngs import cells, decoded

from symcnn.draw.maps.colours import EMPTY, Scale
from symcnn.draw.maps.heatmap import heatmap

SIGNED = Scale(-1.0, 1.0, True)
INK = [0, 0, 0]
NAN, INF, MINUS_INF = [255, 0, 255], [0x39, 0xFF, 0x14], [0, 0, 0]


def drawn(numbers, cell):
    return heatmap(SIGNED.levels(np.array(numbers, dtype=float)), SIGNED.palette(), cell)


@pytest.mark.parametrize("cell", [(1, 1), (4, 4), (8, 3)])
def test_a_block_of_one_colour_for_each_number(cell):
    uri = drawn([[-1, 0, 1], [1, 1, -1]], cell)
    blue, white, red = [0x00, 0x72, 0xB2], [255, 255, 255], [0xD5, 0x5E, 0x00]
    assert decoded(uri).shape == (2 * cell[0], 3 * cell[1], 4)
    assert cells(uri, 2, 3).tolist() == [[blue, white, red], [red, red, blue]]


@pytest.mark.parametrize(
    ("number", "colour", "ink"), [(np.nan, NAN, INK), (np.inf, INF, INK), (-np.inf, MINUS_INF, INF)]
)
def test_what_is_no_number_is_marked_in_its_own_cell_alone(number, colour, ink):
    pixels = decoded(drawn([[0.5, number], [0.5, 0.5]], (6, 6)))[..., :3]
    block = pixels[:6, 6:].reshape(-1, 3).tolist()
    assert {tuple(c) for c in block} == {tuple(colour), tuple(ink)}
    assert 6 <= sum(c == ink for c in block) <= 18
    others = [pixels[:6, :6], pixels[6:, :6], pixels[6:, 6:]]
    plain = decoded(drawn([[0.5]], (6, 6)))[..., :3]
    assert all((other == plain).all() for other in others)


def test_a_cross_goes_from_corner_to_corner():
    block = decoded(drawn([[np.nan]], (5, 5)))[..., :3]
    ink = (block == INK).all(axis=2)
    np.testing.assert_array_equal(ink, np.eye(5, dtype=bool) | np.eye(5, dtype=bool)[::-1])


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_cells_of_two_pixels_have_the_colour_and_ink_wherever_they_are(number):
    colours = decoded(drawn([[0.0]], (2, 2)))[..., :3].reshape(-1, 3).tolist()
    for row in range(4):
        for column in range(4):
            numbers = np.zeros((4, 4))
            numbers[row, column] = number
            pixels = decoded(drawn(numbers, (2, 2)))[..., :3]
            block = pixels[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].reshape(-1, 3).tolist()
            assert len({tuple(c) for c in block}) == 2 and colours[0] not in block
            assert (pixels != colours[0]).any(axis=2).sum() == 4


def test_cells_of_one_pixel_have_the_colour_alone():
    assert cells(drawn([[np.nan, np.inf, -np.inf]], (1, 1)), 1, 3).tolist() == [[NAN, INF, MINUS_INF]]


def test_what_is_empty_is_transparent():
    levels = np.array([[EMPTY, 0]], np.uint8)
    assert decoded(heatmap(levels, SIGNED.palette(), (2, 2)))[..., 3].tolist() == [[0, 0, 255, 255]] * 2
