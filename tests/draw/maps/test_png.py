"""PNG files: read again by the specification."""

import numpy as np
import pytest
from pngs import chunks_of, decoded

from symcnn.draw.maps.png import png

PALETTE = np.random.default_rng(0).permutation(np.arange(768) % 256).reshape(256, 3).astype(np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (7, 5), (96, 144), (300, 1), (300, 700)])
@pytest.mark.parametrize("count", [1, 2, 256])
def test_the_pixels_are_those_that_were_given(shape, count):
    pixels = np.random.default_rng(1).integers(0, count, shape, dtype=np.uint8)
    found = decoded(png(pixels, PALETTE, clear=1))
    np.testing.assert_array_equal(found[..., :3], PALETTE[pixels])
    np.testing.assert_array_equal(found[..., 3], np.where(pixels == 1, 0, 255))


def test_only_colours_that_are_used_are_in_the_file():
    chunks = dict(chunks_of(png(np.array([[9, 200], [200, 9]], np.uint8), PALETTE, clear=254)))
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert chunks[b"PLTE"] == PALETTE[[9, 200]].tobytes()


def test_cells_of_many_pixels_take_little_more_room_than_their_numbers():
    numbers = np.random.default_rng(2).integers(0, 250, (10, 10), dtype=np.uint8)
    large = np.repeat(np.repeat(numbers, 5, axis=0), 5, axis=1)
    assert len(png(large, PALETTE, clear=254)) < 1000 < large.size
