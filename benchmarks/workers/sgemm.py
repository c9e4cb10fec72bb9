"""Prints how many additions and multiplications a second a large float32 matrix product reaches, by NumPy's BLAS."""

from __future__ import annotations

import time

import numpy as np


def rate(size: int = 1024, seconds: float = 2.0) -> float:
    """The best of products of `size` x `size` matrices, for `seconds`."""
    a, b = np.ones((size, size), np.float32), np.ones((size, size), np.float32)
    out = np.empty_like(a)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        np.matmul(a, b, out=out)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


if __name__ == "__main__":
    print(rate())
