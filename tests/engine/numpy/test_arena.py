"""The arena: buffers are whole, aligned, and used again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from symcnn.engine.numpy.arena import Arena


def test_a_buffer_is_aligned_and_large_enough():
    arena = Arena()
    for nbytes in (0, 1, 63, 64, 65, 1000, 10**6):
        buffer = arena.take(nbytes)
        assert buffer.nbytes >= max(1, nbytes)
        assert buffer.__array_interface__["data"][0] % 64 == 0
        buffer[...] = 255


def test_a_returned_buffer_is_taken_again():
    arena = Arena()
    large, small = arena.take(10_000), arena.take(100)
    assert arena.take(100) is not small
    arena.give(large)
    arena.give(small)
    before = arena.nbytes
    assert arena.take(90) is small
    assert arena.take(9000) is large
    assert arena.nbytes == before


def test_a_large_buffer_is_not_wasted_on_a_small_value():
    arena = Arena()
    large = arena.take(10**6)
    arena.give(large)
    assert arena.take(8) is not large


@given(st.lists(st.tuples(st.integers(0, 5000), st.booleans()), max_size=40))
def test_buffers_that_are_out_never_overlap(requests):
    arena, out = Arena(), []
    for n, (nbytes, give_back) in enumerate(requests):
        if give_back and out:
            buffer, mark = out.pop(nbytes % len(out))
            assert (buffer == mark).all()
            arena.give(buffer)
        else:
            buffer = arena.take(nbytes)
            buffer[...] = n % 251
            out.append((buffer, n % 251))
    assert all((buffer == mark).all() for buffer, mark in out)
    assert arena.nbytes >= sum(buffer.nbytes for buffer, _ in out)


def test_the_head_of_a_buffer_as_an_array():
    buffer = Arena().take(1000)
    for shape, dtype in (((2, 3), "float64"), ((), "float32"), ((0, 5), "int64"), ((7,), "bool")):
        array = Arena.shaped(buffer, shape, np.dtype(dtype))
        assert (array.shape, array.dtype) == (shape, dtype)
        assert array.flags.c_contiguous
        assert array.size == 0 or np.shares_memory(array, buffer)
