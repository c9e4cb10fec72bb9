"""PNG files of our own: read again by the specification, and deflate by zlib."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pngs import chunks_of, decoded

from symcnn.draw.maps.png import deflated, png

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
    data = np.concatenate([np.zeros((50, 1), np.uint8), large], axis=1).tobytes()
    assert len(deflated(data, 51)) < 450 < len(data) / 5


@given(st.binary(max_size=2000), st.integers(1, 3000))
def test_deflate_of_any_bytes(data, row):
    assert zlib.decompress(deflated(data, row), wbits=-15) == data


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(1, 700)), max_size=12), st.integers(1, 900), st.integers(1, 4)
)
def test_deflate_of_runs_and_rows(runs, row, times):
    data = b"".join(bytes([value]) * length for value, length in runs)[:row] * times
    assert zlib.decompress(deflated(data, row), wbits=-15) == data


@pytest.mark.slow
@pytest.mark.parametrize("length", [3, 4, 10, 11, 12, 18, 19, 34, 66, 130, 257, 258, 259, 260, 261, 516, 519])
@pytest.mark.parametrize("back", [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 17, 33, 65, 129, 257, 513, 769, 1025, 4097, 32768])
def test_every_kind_of_match(length, back):
    start = np.random.default_rng(back).integers(0, 256, back, dtype=np.uint8).tobytes()
    data = (start * (length // back + 2))[: back + length]
    assert zlib.decompress(deflated(data, back), wbits=-15) == data
