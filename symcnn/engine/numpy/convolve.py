"""Convolution by matrix products: windows are copied into columns that stay in the cache, and BLAS multiplies.

The three convolutions of back propagation differ in shape. Forward has small filters over large maps: the columns
are multiplied with all filters at once, a few images at a time. The gradient of the filters has a kernel as large
as a map: it is a sum over images of error times columns. The error of the input is a full convolution, over maps
with a border of zeros: often it is better to multiply what is inside the border with the weights of one place after
the other, and to add up the shifted products.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ...nodes.border import Pad
from ...nodes.conv import Conv
from .registry import Array, Run, kernel
from .workers import run_all, shares

_CACHE_BYTES = 1 << 19
"""How large the columns may be that are made at a time: they should stay in the second-level cache."""


@kernel(Conv)
def conv(node: Conv, out: Array, x: Array, w: Array, b: Array | None = None) -> Run | None:
    """Choose by shape."""
    if (
        out.ndim != 4
        or out.dtype == np.float16
        or x.dtype != out.dtype
        or w.dtype != out.dtype
        or not out.size
        or not x.size
    ):
        return None
    if b is None and _is_full(node) and _shifts_pay(out, w):
        return _by_shifts(out, x, w)
    small_filters = w.shape[2] * w.shape[3] <= out.shape[2] * out.shape[3]
    return _over_images(out, x, w, b) if small_filters else _over_channels(out, x, w, b)


def _over_images(out: Array, x: Array, w: Array, b: Array | None) -> Run:
    """out[images] = w (filters x window) @ columns (window x positions), a few images at a time."""
    images, filters, height, width = out.shape
    window, positions = w[0].size, height * width
    seen = sliding_window_view(x, w.shape[2:], axis=(2, 3)).transpose(0, 1, 4, 5, 2, 3)
    weights = np.empty((filters, window), w.dtype)
    result = out.reshape(images, filters, positions)
    bias = None if b is None else b[:, None]
    image_bytes = window * positions * x.itemsize

    def part(first: int, stop: int) -> Run:
        chunk = _chunk(stop - first, image_bytes)
        columns = np.empty((chunk, window, positions), x.dtype)
        blocks = columns.reshape(chunk, *w.shape[1:], height, width)

        def run() -> None:
            for start in range(first, stop, chunk):
                end = min(start + chunk, stop)
                np.copyto(blocks[: end - start], seen[start:end])
                np.matmul(weights, columns[: end - start], out=result[start:end])
                if bias is not None:
                    np.add(result[start:end], bias, out=result[start:end])

        return run

    parts = [part(first, stop) for first, stop in shares(images, images * image_bytes)]

    def run() -> None:
        np.copyto(weights.reshape(w.shape), w)
        run_all(parts)

    return run


def _over_channels(out: Array, x: Array, w: Array, b: Array | None) -> Run:
    """out = the sum over channels of w[channel] (filters x window) @ columns (window x positions)."""
    images, filters, height, width = out.shape
    channels, window = x.shape[1], w.shape[2] * w.shape[3]
    positions = images * height * width
    seen = sliding_window_view(x, w.shape[2:], axis=(2, 3)).transpose(1, 0, 2, 3, 4, 5)
    errors = w.transpose(1, 0, 2, 3)
    channel_bytes = window * positions * x.itemsize
    bounds = shares(channels, channels * channel_bytes)
    totals = np.empty((len(bounds), filters, positions), out.dtype)
    arranged = totals[0].reshape(filters, images, height, width).transpose(1, 0, 2, 3)

    def part(first: int, stop: int, total: Array) -> Run:
        chunk = _chunk(stop - first, channel_bytes)
        columns = np.empty((chunk, positions, window), x.dtype)
        blocks = columns.reshape(chunk, images, height, width, *w.shape[2:])
        scratch = np.empty((chunk, filters, window), w.dtype)
        products = np.empty((chunk, filters, positions), out.dtype)

        def run() -> None:
            total.fill(0)
            for start in range(first, stop, chunk):
                count = min(chunk, stop - start)
                np.copyto(blocks[:count], seen[start : start + count])
                np.copyto(scratch[:count].reshape(count, filters, *w.shape[2:]), errors[start : start + count])
                np.matmul(scratch[:count], columns[:count].transpose(0, 2, 1), out=products[:count])
                for product in products[:count]:
                    np.add(total, product, out=total)

        return run

    parts = [part(first, stop, total) for (first, stop), total in zip(bounds, totals, strict=True)]

    def run() -> None:
        run_all(parts)
        for other in totals[1:]:
            np.add(totals[0], other, out=totals[0])
        np.copyto(out, arranged)
        if b is not None:
            np.add(out, b[:, None, None], out=out)

    return run


def _is_full(node: Conv) -> bool:
    """Whether the input has a border of zeros as wide as filters can reach: every weight meets every element."""
    n, m = node.w.shape[2:]
    assert n is not None and m is not None
    border = ((0, 0), (0, 0), (n - 1, n - 1), (m - 1, m - 1))
    return isinstance(node.x, Pad) and node.x.widths == border


def _shifts_pay(out: Array, w: Array) -> bool:
    """Whether there are clearly fewer numbers in the shifted products than in columns, and enough to be worth it."""
    images, filters, height, width = out.shape
    in_products = filters * (height - w.shape[2] + 1) * (width - w.shape[3] + 1)
    in_columns = w.shape[1] * height * width
    return bool(2 * in_products <= in_columns and images * in_columns >= 1 << 13)


def _by_shifts(out: Array, x: Array, w: Array) -> Run:
    """out, shifted by (u, v), += what is inside the border of x, times the weights at (u, v); channels last."""
    images, filters, height, width = out.shape
    _, channels, n, m = w.shape
    inside = x[:, :, n - 1 : height, m - 1 : width].transpose(0, 2, 3, 1)
    rows, columns = inside.shape[1:3]
    weights = np.empty((n, m, channels, filters), w.dtype)
    image_bytes = (inside[0].size + rows * columns * filters + out[0].size) * out.itemsize

    def part(first: int, stop: int) -> Run:
        chunk = _chunk(stop - first, image_bytes)
        factor = np.empty((chunk, rows, columns, channels), x.dtype)
        product = np.empty((chunk, rows, columns, filters), out.dtype)
        total = np.empty((chunk, height, width, filters), out.dtype)
        shifted = [
            (weights[u, v], total[:, n - 1 - u : height - u, m - 1 - v : width - v]) for u in range(n) for v in range(m)
        ]

        def run() -> None:
            for start in range(first, stop, chunk):
                count = min(chunk, stop - start)
                np.copyto(factor[:count], inside[start : start + count])
                total.fill(0)
                for matrix, place in shifted:
                    np.matmul(factor.reshape(-1, channels), matrix, out=product.reshape(-1, filters))
                    np.add(place, product, out=place)
                np.copyto(out[start : start + count], total[:count].transpose(0, 3, 1, 2))

        return run

    parts = [part(first, stop) for first, stop in shares(images, images * n * m * image_bytes)]

    def run() -> None:
        np.copyto(weights, w.transpose(2, 3, 1, 0))
        run_all(parts)

    return run


def _chunk(count: int, nbytes: int) -> int:
    """How many of `count` items of `nbytes` fit the cache, at least one, and so that all chunks are about as large."""
    most = max(1, min(count, _CACHE_BYTES // max(1, nbytes)))
    return -(-count // -(-count // most))
