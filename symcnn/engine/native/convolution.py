"""The loops of a convolution of images with shared filters, and of products of rows with a shared matrix."""

from __future__ import annotations

from ...graph.node import Node
from .kernels import Kernel, parts, sizes
from .loops import Index, Register, Value
from .partition import elements
from .patterns import LONG, Convolution, Product
from .tile import rectangle, row_tile

_PIECE = 12
"""How many columns of a long row of a filter are written out in its loop."""


def convolution(k: Kernel, node: Node, c: Convolution) -> None:
    """Tiles of filters and columns; each has its sums in registers over all channels and rows of the filters."""
    filters, height, width = sizes(node.shape[1:])
    per_filter, columns = rectangle(filters, width, k.registers)
    for first, count in parts(k, filters, per_filter):
        with k.b.loop(0, height) as y:
            for run, size in _column_tiles(c, node, columns):
                if len(run) == 1:
                    _conv_tile(k, node, c, (first, count), y, (run[0], size))
                    continue
                with k.b.loop(run[0], run[-1] + 1, size) as x:
                    _conv_tile(k, node, c, (first, count), y, (x, size))


def _column_tiles(c: Convolution, node: Node, columns: int) -> list[tuple[list[int], int]]:
    """Runs of tiles of columns: those that read nothing but the map itself are one run, and can be a loop."""
    width, m, inner = sizes((node.shape[3], node.inputs[1].shape[3], c.x.shape[3]))
    runs: list[tuple[list[int], int]] = []
    inside_before = False
    for x in range(0, width, columns):
        size = min(columns, width - x)
        inside = size == columns and x - c.left >= 0 and x + size - 1 + m - 1 - c.left < inner
        if inside and inside_before:
            runs[-1][0].append(x)
        else:
            runs.append(([x], size))
        inside_before = inside
    return runs


def _conv_tile(
    k: Kernel, node: Node, c: Convolution, filters: tuple[Index, int], y: Index, columns: tuple[Index, int]
) -> None:
    b, (first, count), (x, size) = k.b, filters, columns
    _, height, width = sizes(node.shape[1:])
    channels, inner, _ = sizes(c.x.shape[1:])
    n = sizes(node.inputs[1].shape)[2]
    bias = None if c.b is None else k.read.array(c.b)
    sums = [
        b.register(k.zero() if bias is None else k.spread(bias, first + f)) for f in range(count) for _ in range(size)
    ]
    low, high = b.larger(0, c.top - y), b.smaller(n, b.index("add", inner + c.top, b.index("mul", y, -1)))
    with b.loop(0, channels) as channel, b.loop(low if c.top else 0, high if _leaves(c, node) else n) as u:
        _conv_row(k, node, c, sums, (first, count), (channel, u), y, (x, size))
    out = k.read.buffer(node)
    for f in range(count):
        for j in range(size):
            place = ((first + f) * height + y) * width + (x + j)
            k.b.store(out, place * k.lanes, b.get(sums[f * size + j]))


def _leaves(c: Convolution, node: Node) -> bool:
    """Whether the filters reach over the lower end of the map."""
    height, n, inner = sizes((node.shape[2], node.inputs[1].shape[2], c.x.shape[2]))
    return height - 1 + n - 1 - c.top >= inner


def _conv_row(
    k: Kernel,
    node: Node,
    c: Convolution,
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
        for v in range(count):
            at = first + v
            reached = [j for j in range(size) if not clipped or 0 <= x + j + at - c.left < width]  # type: ignore[operator]
            for j in reached:
                if j + v not in loaded:
                    loaded[j + v] = k.load(row, start + first + (j + v))
            for f in range(count_of_filters if reached else 0):
                w = k.spread(weights, _weight(node, c, first_filter + f, channel, u, at))
                for j in reached:
                    b.set(sums[f * size + j], b.fma(w, loaded[j + v], b.get(sums[f * size + j])))

    first_filter, count_of_filters = filters
    clipped = isinstance(x, int) and not 0 <= x - c.left <= width - m - size + 1
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
