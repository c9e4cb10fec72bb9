"""The arena: raw buffers that are taken, given back, and taken again."""

from __future__ import annotations

import math
from bisect import insort
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ALIGN = 64


class Arena:
    """A pool of byte buffers, aligned to cache lines.

    Examples
    --------
    >>> arena = Arena()
    >>> a = arena.take(1000)
    >>> arena.give(a)
    >>> arena.take(900) is a
    True
    """

    def __init__(self) -> None:
        self.nbytes = 0
        self._free: list[tuple[int, int, NDArray[np.uint8]]] = []
        self._made = 0

    def take(self, nbytes: int) -> NDArray[np.uint8]:
        """A buffer of at least `nbytes`: the smallest free one that fits without wasting most of it."""
        for n, (size, _, buffer) in enumerate(self._free):
            if nbytes <= size <= 2 * nbytes + 4096:
                del self._free[n]
                return buffer
        size = max(_ALIGN, -(-nbytes // _ALIGN) * _ALIGN)
        raw = np.zeros(size + _ALIGN, dtype=np.uint8)
        start = -raw.__array_interface__["data"][0] % _ALIGN
        self.nbytes += size
        return raw[start : start + size]

    def give(self, buffer: NDArray[np.uint8]) -> None:
        """Hand a buffer back."""
        self._made += 1
        insort(self._free, (buffer.nbytes, self._made, buffer))

    @staticmethod
    def shaped(buffer: NDArray[np.uint8], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """The head of a buffer as an array."""
        nbytes = math.prod(shape) * dtype.itemsize
        return buffer[:nbytes].view(dtype).reshape(shape)
