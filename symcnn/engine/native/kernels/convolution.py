"""The loops of a convolution of images with shared filters, and of products of rows with a shared matrix."""

from __future__ import annotations

from ....graph.node import Node
from ...patterns import LONG, Convolution, Product
from ..analysis.partition import elements
from ..ir.loops import Index, Register, Value
from . import winograd_loops
from .kernel import Kernel, parts, sizes
from .output_range import Places, column_tiles, places, rows_within
from .tiling import pairs_tile, rectangle, row_tile

_PIECE = 12
"""How many columns of a long row of a filter are written out in its loop."""


def convolution(k: Kernel, node: Node, c: Convolution) -> None:
    """Tiles of filters and columns; each has its sums in registers over all channels and rows of the filters."""
    filters, channels, n, m = sizes(node.inputs[1].shape)
    for p in places(node, c, k.read.group):
        dense = p.columns.step == p.pace[1] == 1
        if dense and (tile := pairs_tile(filters, len(p.columns), m, channels * n, k.cpu)):
            winograd_loops.convolution(k, node, c, p, tile)
            continue
        per_filter, columns = rectangle(filters, len(p.columns), k.registers)
        for first, count in parts(k, filters, per_filter):
            with k.b.loop(p.rows.start, p.rows.stop, p.rows.step) as y:
                for x, size in column_tiles(k, node, c, p, columns):
                    _conv_tile(k, node, c, p, (first, count), y, (x, size))


def _conv_tile(
    k: Kernel, node: Node, c: Convolution, p: Places, filters: tuple[Index, int], y: Index, columns: tuple[Index, int]
) -> None:
    b, (first, count), (x, size) = k.b, filters, columns
    _, height, width = sizes(node.shape[1:])
    channels = sizes(c.x.shape[1:])[0]
    bias = None if c.b is None else k.read.array(c.b)
    sums = [
        b.register(k.zero() if bias is None else k.spread(bias, first + f)) for f in range(count) for _ in range(size)
    ]
    low, high = rows_within(k, node, c, p, y)
    with b.loop(0, channels) as channel, b.loop(low, high, p.pace[0]) as u:
        _conv_row(k, node, c, p, sums, (first, count), (channel, u), y, (x, size))
    out = k.read.buffer(node)
    for f in range(count):
        for j in range(size):
            place = ((first + f) * height + y) * width + (x + j * p.columns.step)
            k.b.store(out, place * k.lanes, b.get(sums[f * size + j]))


def _conv_row(
    k: Kernel,
    node: Node,
    c: Convolution,
    p: Places,
    sums: list[Register],
    filters: tuple[Index, int],
    taps: tuple[Index, Index],
    y: Index,
    columns: tuple[Index, int],
) -> None:
    """One row of the filters over one row of the map: written out, or in pieces where it is long."""
    (channel, u), (x, size) = taps, columns
    _, inner, width = sizes(c.x.shape[1:])
    m = sizes(node.inputs[1].shape)[3]
    start = (channel * inner + (y + u - c.top)) * width + (x - c.left)

    def piece(first: Index, count: int) -> None:
        """Some columns of the filters: each value of the map is loaded once for them."""
        b, loaded = k.b, dict[int, Value]()
        row, weights = k.read.buffer(c.x), k.read.array(c.w)
        for v in range(p.taps[1], count, p.pace[1]):
            at = first + v
            reached = [j for j in across if not clipped or 0 <= x + j + at - c.left < width]  # type: ignore[operator]
            for j in reached:
                if j + v not in loaded:
                    loaded[j + v] = k.load(row, start + first + (j + v))
            for f in range(count_of_filters if reached else 0):
                w = k.spread(weights, _weight(node, c, first_filter + f, channel, u, at))
                for j in reached:
                    total = sums[f * size + j // p.columns.step]
                    b.set(total, b.fma(w, loaded[j + v], b.get(total)))

    first_filter, count_of_filters = filters
    across = range(0, size * p.columns.step, p.columns.step)
    clipped = isinstance(x, int) and not 0 <= x - c.left <= width - m - across[-1]
    for first, count in [(0, m)] if clipped or m <= LONG else parts(k, m, _PIECE):
        piece(first, count)


def _weight(node: Node, c: Convolution, f: Index, channel: Index, u: Index, v: Index) -> Index:
    """Where the weight of filter f stands in the array."""
    filters, channels, n, m = sizes(node.inputs[1].shape)
    if c.turned:
        down = u * -1 + (n - 1)
        return ((channel * filters + f) * n + down) * m + (m - 1) + v * -1
    return ((f * channels + channel) * n + u) * m + v


def product(k: Kernel, node: Node, p: Product) -> None:
    """Tiles of results; each element of the row is loaded once for a tile."""
    b, length, count = k.b, elements(p.x), elements(node)
    x, w, out = k.read.buffer(p.x), k.read.array(p.w), k.read.buffer(node)
    bias = None if p.b is None else k.read.array(p.b)
    for first, size in parts(k, count, row_tile(count, k.registers)):
        sums = [b.register(k.zero() if bias is None else k.spread(bias, first + j)) for j in range(size)]
        with b.loop(0, length) as i:
            value = k.load(x, i)
            for j in range(size):
                weight = k.spread(w, i * p.rows + (first + j) * p.columns)
                b.set(sums[j], b.fma(value, weight, b.get(sums[j])))
        for j in range(size):
            k.write(out, first + j, b.get(sums[j]))
