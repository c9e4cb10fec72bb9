"""Convolution by matrix products: windows are copied into columns that stay in the cache, and BLAS multiplies.

The three convolutions of back propagation differ in shape. Forward and the error of the input have small
filters over large maps: the columns are multiplied with all filters at once, a few images at a time. The
gradient of the filters has a kernel as large as a map: it is a sum over images of error times columns.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ...nodes.conv import Conv
from .kernels import Array, Run, kernel

_CACHE_BYTES = 1 << 19
"""How large the columns may be that are made at a time: they should stay in the second-level cache."""


@kernel(Conv)
def conv(node: Conv, out: Array, x: Array, w: Array, b: Array | None = None) -> Run | None:
    """Choose by shape."""
    if out.dtype == np.float16 or x.dtype != out.dtype or w.dtype != out.dtype or not out.size or not x.size:
        return None
    small_filters = w.shape[2] * w.shape[3] <= out.shape[2] * out.shape[3]
    return _over_images(out, x, w, b) if small_filters else _over_channels(out, x, w, b)


def _over_images(out: Array, x: Array, w: Array, b: Array | None) -> Run:
    """out[images] = w (filters x window) @ columns (window x positions), a few images at a time."""
    images, filters, height, width = out.shape
    window, positions = w[0].size, height * width
    chunk = _chunk(images, window * positions * x.itemsize)
    columns = np.empty((chunk, window, positions), x.dtype)
    blocks = columns.reshape(chunk, *w.shape[1:], height, width)
    seen = sliding_window_view(x, w.shape[2:], axis=(2, 3)).transpose(0, 1, 4, 5, 2, 3)
    weights = np.empty((filters, window), w.dtype)
    result = out.reshape(images, filters, positions)
    bias = None if b is None else b[:, None]

    def run() -> None:
        np.copyto(weights.reshape(w.shape), w)
        for start in range(0, images, chunk):
            part = result[start : start + chunk]
            np.copyto(blocks[: len(part)], seen[start : start + chunk])
            np.matmul(weights, columns[: len(part)], out=part)
            if bias is not None:
                np.add(part, bias, out=part)

    return run


def _over_channels(out: Array, x: Array, w: Array, b: Array | None) -> Run:
    """out = the sum over channels of w[channel] (filters x window) @ columns (window x positions)."""
    images, filters, height, width = out.shape
    channels, window = x.shape[1], w.shape[2] * w.shape[3]
    positions = images * height * width
    chunk = _chunk(channels, window * positions * x.itemsize)
    columns = np.empty((chunk, positions, window), x.dtype)
    blocks = columns.reshape(chunk, images, height, width, *w.shape[2:])
    seen = sliding_window_view(x, w.shape[2:], axis=(2, 3)).transpose(1, 0, 2, 3, 4, 5)
    errors = w.transpose(1, 0, 2, 3)
    scratch = np.empty((chunk, filters, window), w.dtype)
    products = np.empty((chunk, filters, positions), out.dtype)
    total = np.empty((filters, positions), out.dtype)
    arranged = total.reshape(filters, images, height, width).transpose(1, 0, 2, 3)

    def run() -> None:
        total.fill(0)
        for start in range(0, channels, chunk):
            count = min(chunk, channels - start)
            np.copyto(blocks[:count], seen[start : start + count])
            np.copyto(scratch[:count].reshape(count, filters, *w.shape[2:]), errors[start : start + count])
            np.matmul(scratch[:count], columns[:count].transpose(0, 2, 1), out=products[:count])
            for product in products[:count]:
                np.add(total, product, out=total)
        np.copyto(out, arranged)
        if b is not None:
            np.add(out, b[:, None, None], out=out)

    return run


def _chunk(count: int, nbytes: int) -> int:
    """How many of `count` items of `nbytes` fit the cache, at least one."""
    return max(1, min(count, _CACHE_BYTES // max(1, nbytes)))
