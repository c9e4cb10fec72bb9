"""Prints how many additions and multiplications a second a large float32 matrix product reaches, by NumPy's BLAS.

And, after it, how much of a processor other processes used in the meantime.
"""

from __future__ import annotations

import time

import numpy as np
from protocol import others_seconds


def rate(size: int = 1024, seconds: float = 1.0) -> tuple[float, float]:
    """The best of products of `size` x `size` matrices for `seconds`, and the share of a processor that others used."""
    a, b = np.ones((size, size), np.float32), np.ones((size, size), np.float32)
    out = np.empty_like(a)
    best, others, begin = float("inf"), others_seconds(), time.perf_counter()
    while (start := time.perf_counter()) < begin + seconds:
        np.matmul(a, b, out=out)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best, (others_seconds() - others) / (time.perf_counter() - begin)


if __name__ == "__main__":
    print(*rate())
