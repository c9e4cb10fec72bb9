"""Convolution by matrix products: windows are copied into columns that stay in the cache, and BLAS multiplies.

The three convolutions of back propagation differ in shape. Forward has small filters over large maps: the columns
are multiplied with all filters at once, a few images at a time. The gradient of the filters is a sum over images of
errors times columns. The errors of the input are a full convolution: often it is better to multiply them with the
weights of one place after the other, and to add up the shifted products, which leaves out the zeros of strides.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ...graph.node import Node
from ...nodes.conv import Conv
from ..patterns import Convolution, FilterGradient
from ..sliding import Slide
from .registry import Array, Reading, Run, kernel, pattern
from .workers import run_all, shares

_CACHE_BYTES = 1 << 19
"""How large the columns may be that are made at a time: they should stay in the second-level cache."""


@pattern
def convolution(node: Node) -> Reading | None:
    """A convolution of images with its border, its stride and its groups; the errors of one; a gradient of filters."""
    gradient = FilterGradient.of(node)
    if gradient is not None:
        sources: tuple[Node, ...] = (gradient.x, gradient.delta)
        return Reading(sources, partial(_gradient, gradient)) if _fit(node, sources) else None
    found = Convolution.of(node)
    if found is None:
        return None
    sources = (found.x, found.w) if found.b is None else (found.x, found.w, found.b)
    return Reading(sources, partial(_convolution, found)) if _fit(node, sources) else None


def _fit(node: Node, sources: tuple[Node, ...]) -> bool:
    """Whether all is of one kind of number that BLAS multiplies, and there is something."""
    every = (node, *sources)
    alike = all(n.dtype == node.dtype for n in every) and node.dtype.kind == "f" and node.dtype.itemsize > 2
    return alike and not any(0 in n.shape for n in every)


@kernel(Conv)
def conv(node: Conv, out: Array, x: Array, w: Array, b: Array | None = None) -> Run | None:
    """What is no pattern: filters that are made of images, or differ from one to the other."""
    if out.ndim != 4 or out.dtype == np.float16 or x.dtype != out.dtype or w.dtype != out.dtype:
        return None
    if not out.size or not x.size:
        return None
    (n, m), (height, width) = w.shape[2:], x.shape[2:]
    if n * m <= out.shape[2] * out.shape[3]:
        return _over_images((Slide(height, n, height - n + 1), Slide(width, m, width - m + 1)), out, x, w, b)
    slides = Slide(height, height - n + 1, n), Slide(width, width - m + 1, m)  # results and weights are exchanged
    turned = _filter_gradient(slides, out.transpose(1, 0, 2, 3), x.transpose(1, 0, 2, 3), w.transpose(1, 0, 2, 3))
    return turned if b is None else _then_add(turned, out, b)


Slides = tuple[Slide, Slide]


def _convolution(c: Convolution, out: Array, x: Array, w: Array, b: Array | None = None) -> Run:
    """Group by group; with turned filters, by whichever way computes fewer numbers."""
    groups = (c.groups, c.channels), (c.groups, c.filters)
    x, out = (_grouped(a, *g) for a, g in zip((x, out), groups, strict=True))
    ends = (c.channels, c.filters) if c.turned else (c.filters, c.channels)
    w = w.reshape(c.groups, *ends, *w.shape[-2:])
    b = None if b is None else b.reshape(c.groups, c.filters)
    runs, slides = [], (c.rows, c.columns)
    for g in range(c.groups):
        parts = out[:, g], x[:, g], w[g], None if b is None else b[g]
        if c.turned and (c.rows.spread * c.columns.spread > 1 or _shifts_pay(c, len(out))):
            runs.append(_by_shifts(slides, *parts))
        elif c.turned:
            runs.append(_over_images(slides, *parts[:2], parts[2].swapaxes(0, 1)[..., ::-1, ::-1], parts[3]))
        else:
            runs.append(_over_images(slides, *parts))
    return _one_after_the_other(runs)


def _gradient(g: FilterGradient, out: Array, x: Array, delta: Array) -> Run:
    """Group by group."""
    x, delta = _grouped(x, g.groups, g.channels), _grouped(delta, g.groups, g.filters)
    ends = (g.channels, g.filters) if g.by_channel else (g.filters, g.channels)
    out = out.reshape(g.groups, *ends, *out.shape[-2:])
    out = out.swapaxes(1, 2) if g.by_channel else out
    slides = g.rows, g.columns
    return _one_after_the_other([_filter_gradient(slides, out[n], x[:, n], delta[:, n]) for n in range(g.groups)])


def _grouped(a: Array, groups: int, each: int) -> Array:
    return a.reshape(a.shape[0], groups, each, *a.shape[-2:])


def _one_after_the_other(runs: list[Run]) -> Run:
    if len(runs) == 1:
        return runs[0]

    def run() -> None:
        for one in runs:
            one()

    return run


def _then_add(run: Run, out: Array, b: Array) -> Run:
    bias = b[:, None, None]

    def both() -> None:
        run()
        np.add(out, bias, out=out)

    return both


class _Frame:
    """Maps of some images as windows see them: within a border, and with the zeros between units, where there are any.

    Parameters
    ----------
    images : int
        At most so many at a time.
    """

    def __init__(self, slides: Slides, images: int, x: Array) -> None:
        self._slides = slides
        self._copy: Array | None = None
        if all(s.spread == 1 and all(phase.inside for phase in s.phases()) for s in slides):
            self._seen = self._windows(x, [-s.before for s in slides])
            return
        sizes = [s.step * (s.results - 1) + s.gap * (s.taps - 1) + 1 for s in slides]
        self._copy = np.zeros((images, x.shape[1], *sizes), x.dtype)
        self._seen = self._windows(self._copy, [0, 0])
        there = [_there(s, size) for s, size in zip(slides, sizes, strict=True)]
        (rows, down), (columns, across) = there
        self._units = x[:, :, rows, columns]
        self._inside = self._copy[:, :, down, across]

    def windows(self, first: int, stop: int) -> Array:
        """(images, channels, n, m, rows, columns) of the images from `first` to below `stop`."""
        if self._copy is None:
            return self._seen[first:stop]
        np.copyto(self._inside[: stop - first], self._units[first:stop])
        return self._seen[: stop - first]

    def _windows(self, maps: Array, starts: list[int]) -> Array:
        reach = tuple(s.gap * (s.taps - 1) + 1 for s in self._slides)
        ys, xs = (slice(a, a + s.step * (s.results - 1) + 1, s.step) for a, s in zip(starts, self._slides, strict=True))
        us, vs = (slice(None, None, s.gap) for s in self._slides)
        return sliding_window_view(maps, reach, axis=(2, 3))[:, :, ys, xs, us, vs].transpose(0, 1, 4, 5, 2, 3)


def _there(slide: Slide, size: int) -> tuple[slice, slice]:
    """Which units are within `size` positions from the first that is seen on, and at which of these."""
    first = max(0, -(slide.before // slide.spread))
    stop = max(first, min(slide.length, (size - 1 - slide.before) // slide.spread + 1))
    place = first * slide.spread + slide.before
    return slice(first, stop), slice(
        place, place + max(0, (stop - first - 1) * slide.spread + (stop > first)), slide.spread
    )


def _over_images(slides: Slides, out: Array, x: Array, w: Array, b: Array | None) -> Run:
    """out[images] = w (filters x window) @ columns (window x positions), a few images at a time."""
    images, filters, height, width = out.shape
    window, positions = w[0].size, height * width
    weights, bias = np.empty((filters, window), w.dtype), None if b is None else b[:, None, None]
    image_bytes = window * positions * x.itemsize

    def part(first: int, stop: int) -> Run:
        chunk = _chunk(stop - first, image_bytes)
        columns = np.empty((chunk, window, positions), x.dtype)
        blocks = columns.reshape(chunk, *w.shape[1:], height, width)
        product = np.empty((chunk, filters, positions), out.dtype)
        frame = _Frame(slides, chunk, x)

        def run() -> None:
            for start in range(first, stop, chunk):
                end = min(start + chunk, stop)
                count = end - start
                np.copyto(blocks[:count], frame.windows(start, end))
                np.matmul(weights, columns[:count], out=product[:count])
                result = product[:count].reshape(count, filters, height, width)
                if bias is None:
                    np.copyto(out[start:end], result)
                else:
                    np.add(result, bias, out=out[start:end])

        return run

    parts = [part(first, stop) for first, stop in shares(images, images * image_bytes)]

    def run() -> None:
        np.copyto(weights.reshape(w.shape), w)
        run_all(parts)

    return run


def _filter_gradient(slides: Slides, out: Array, x: Array, delta: Array) -> Run:
    """out = the sum over images of errors (filters x positions) @ columns (positions x window)."""
    images, filters = delta.shape[:2]
    positions, window = math.prod(delta.shape[2:]), x.shape[1] * math.prod(out.shape[2:])
    image_bytes = window * positions * x.itemsize
    bounds = shares(images, images * image_bytes)
    totals = np.empty((len(bounds), filters, window), out.dtype)

    def part(first: int, stop: int, total: Array) -> Run:
        chunk = _chunk(stop - first, image_bytes)
        columns = np.empty((chunk, window, positions), x.dtype)
        blocks = columns.reshape(chunk, x.shape[1], *out.shape[2:], *delta.shape[2:])
        errors = np.empty((chunk, filters, positions), delta.dtype)
        products = np.empty((chunk, filters, window), out.dtype)
        frame = _Frame(slides, chunk, x)

        def run() -> None:
            total.fill(0)
            for start in range(first, stop, chunk):
                end = min(start + chunk, stop)
                count = end - start
                np.copyto(blocks[:count], frame.windows(start, end))
                np.copyto(errors[:count].reshape(count, filters, *delta.shape[2:]), delta[start:end])
                np.matmul(errors[:count], columns[:count].transpose(0, 2, 1), out=products[:count])
                for product in products[:count]:
                    np.add(total, product, out=total)

        return run

    parts = [part(first, stop, total) for (first, stop), total in zip(bounds, totals, strict=True)]

    def run() -> None:
        run_all(parts)
        for other in totals[1:]:
            np.add(totals[0], other, out=totals[0])
        np.copyto(out, totals[0].reshape(out.shape))

    return run


def _shifts_pay(c: Convolution, images: int) -> bool:
    """Whether there are clearly fewer numbers in the shifted products than in columns, and enough to be worth it."""
    in_products = c.filters * c.rows.length * c.columns.length
    in_columns = c.channels * c.rows.results * c.columns.results
    return 2 * in_products <= in_columns and images * in_columns >= 1 << 13


def _by_shifts(slides: Slides, out: Array, x: Array, w: Array, b: Array | None) -> Run:
    """out, shifted by (u, v), += errors times the weights at (u, v); channels last."""
    images, filters, height, width = out.shape
    channels, _, n, m = w.shape
    inside = x.transpose(0, 2, 3, 1)
    rows, columns = inside.shape[1:3]
    sizes = [s.spread * (s.length - 1) + s.gap * (s.taps - 1) + 1 for s in slides]
    corner = [s.gap * (s.taps - 1) - s.before for s in slides]
    cut, kept = zip(*(_overlap(c, s, d) for c, s, d in zip(corner, sizes, (height, width), strict=True)), strict=True)
    weights = np.empty((n, m, channels, filters), w.dtype)
    image_bytes = (math.prod(inside.shape[1:]) + rows * columns * filters + math.prod(sizes) * filters) * out.itemsize
    whole = all(place == slice(0, d) for place, d in zip(kept, (height, width), strict=True))
    bias = 0 if b is None else b[:, None, None]

    def part(first: int, stop: int) -> Run:
        chunk = _chunk(stop - first, image_bytes)
        factor = np.empty((chunk, rows, columns, channels), x.dtype)
        product = np.empty((chunk, rows, columns, filters), out.dtype)
        total = np.empty((chunk, *sizes, filters), out.dtype)
        shifted = [
            (weights[u, v], total[:, *(_spaced(k, s) for k, s in zip((u, v), slides, strict=True))])
            for u in range(n)
            for v in range(m)
        ]

        def run() -> None:
            for start in range(first, stop, chunk):
                count = min(chunk, stop - start)
                np.copyto(factor[:count], inside[start : start + count])
                total.fill(0)
                for matrix, place in shifted:
                    np.matmul(factor.reshape(-1, channels), matrix, out=product.reshape(-1, filters))
                    np.add(place, product, out=place)
                result = out[start : start + count]
                if not whole:
                    result[...] = bias
                np.add(total[:count, *cut].transpose(0, 3, 1, 2), bias, out=result[..., *kept])

        return run

    parts = [part(first, stop) for first, stop in shares(images, images * n * m * image_bytes)]

    def run() -> None:
        np.copyto(weights, w.transpose(2, 3, 0, 1))
        run_all(parts)

    return run


def _spaced(k: int, slide: Slide) -> slice:
    """Where the products of weight k are added, as it stands in memory."""
    start = slide.gap * k
    return slice(start, start + slide.spread * (slide.length - 1) + 1, slide.spread)


def _overlap(corner: int, size: int, length: int) -> tuple[slice, slice]:
    """What is kept of `size` positions if a result of this length begins at `corner`, and where it is in the result."""
    first, stop = max(0, corner), max(0, corner, min(size, corner + length))
    return slice(first, stop), slice(first - corner, stop - corner)


def _chunk(count: int, nbytes: int) -> int:
    """How many of `count` items of `nbytes` fit the cache, at least one, and so that all chunks are about as large."""
    most = max(1, min(count, _CACHE_BYTES // max(1, nbytes)))
    return -(-count // -(-count // most)) if count else 1
