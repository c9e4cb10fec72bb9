"""The loops of a convolution of images with shared filters, and of products of rows with a shared matrix."""

from __future__ import annotations

from dataclasses import dataclass

from ...graph.node import Node
from ...nodes.window import Crop, Dilate, Subsample
from .fuse import Group
from .kernels import Kernel, parts, sizes
from .loops import Index, Register, Value
from .partition import elements
from .patterns import LONG, Convolution, Product, reads
from .tile import rectangle, row_tile

_PIECE = 12
"""How many columns of a long row of a filter are written out in its loop."""
_PHASES = 16
"""So many times the loops may be written that skip the zeros of a dilation."""


@dataclass(frozen=True)
class Places:
    """Rows and columns of a map that are computed together.

    Where the input has zeros between its elements, the taps of a filter that meet an element at all these places are
    those from `taps` on, every `pace`; otherwise these are all, and `pace` is 1.
    """

    rows: range
    columns: range
    taps: tuple[int, int] = (0, 0)
    pace: tuple[int, int] = (1, 1)


def places(node: Node, c: Convolution, group: Group) -> list[Places]:
    """What must be computed of a convolution: only what is kept of it, and nothing with the zeros of a dilation."""
    rows, columns = kept(node, group)
    n, m = sizes(node.inputs[1].shape[2:])
    down, across = dilation(c.x)
    if max(n, m) > LONG or down * across > _PHASES or (rows.step, columns.step) != (1, 1):
        return [Places(rows, columns)]
    phases = [(rows[y::down], columns[x::across]) for y in range(down) for x in range(across)]
    return [
        Places(ys, xs, ((c.top - ys[0]) % down, (c.left - xs[0]) % across), (down, across))
        for ys, xs in phases
        if ys and xs
    ]


def dilation(node: Node) -> tuple[int, int]:
    """At which rows and columns the map has something else than zeros."""
    return (node.steps[2], node.steps[3]) if type(node) is Dilate and node.ndim == 4 else (1, 1)


def kept(node: Node, group: Group) -> tuple[range, range]:
    """The rows and columns that are read: a stride or a crop, if it is the only reader, keeps some of them."""
    height, width = sizes(node.shape[2:])
    readers = [m for m in group.members if node in reads(m)]
    match readers:
        case [Subsample(steps=(_, _, down, across))] if node not in group.results:
            return range(0, height, down), range(0, width, across)
        case [Crop(widths=(_, _, (above, below), (left, right)))] if node not in group.results:
            return range(above, height - below), range(left, width - right)
    return range(height), range(width)


def convolution(k: Kernel, node: Node, c: Convolution) -> None:
    """Tiles of filters and columns; each has its sums in registers over all channels and rows of the filters."""
    filters = sizes(node.shape[1:])[0]
    for p in places(node, c, k.read.group):
        per_filter, columns = rectangle(filters, len(p.columns), k.registers)
        for first, count in parts(k, filters, per_filter):
            with k.b.loop(p.rows.start, p.rows.stop, p.rows.step) as y:
                for run, size in _column_tiles(c, node, p, columns):
                    if len(run) == 1:
                        _conv_tile(k, node, c, p, (first, count), y, (run[0], size))
                        continue
                    with k.b.loop(run[0], run[-1] + 1, size * p.columns.step) as x:
                        _conv_tile(k, node, c, p, (first, count), y, (x, size))


def _column_tiles(c: Convolution, node: Node, p: Places, columns: int) -> list[tuple[list[int], int]]:
    """Runs of tiles of columns: those that read nothing but the map itself are one run, and can be a loop."""
    m, inner = sizes((node.inputs[1].shape[3], c.x.shape[3]))
    runs: list[tuple[list[int], int]] = []
    inside_before, step = False, p.columns.step
    for n in range(0, len(p.columns), columns):
        x, size = p.columns[n], min(columns, len(p.columns) - n)
        inside = size == columns and x - c.left >= 0 and x + (size - 1) * step + m - 1 - c.left < inner
        if inside and inside_before:
            runs[-1][0].append(x)
        else:
            runs.append(([x], size))
        inside_before = inside
    return runs


def _conv_tile(
    k: Kernel, node: Node, c: Convolution, p: Places, filters: tuple[Index, int], y: Index, columns: tuple[Index, int]
) -> None:
    b, (first, count), (x, size) = k.b, filters, columns
    _, height, width = sizes(node.shape[1:])
    channels, inner, _ = sizes(c.x.shape[1:])
    n = sizes(node.inputs[1].shape)[2]
    bias = None if c.b is None else k.read.array(c.b)
    sums = [
        b.register(k.zero() if bias is None else k.spread(bias, first + f)) for f in range(count) for _ in range(size)
    ]
    low, high = b.larger(p.taps[0], c.top - y), b.smaller(n, b.index("add", inner + c.top, b.index("mul", y, -1)))
    low, high = low if c.top else p.taps[0], high if _leaves(c, node, p) else n
    with b.loop(0, channels) as channel, b.loop(low, high, p.pace[0]) as u:
        _conv_row(k, node, c, p, sums, (first, count), (channel, u), y, (x, size))
    out = k.read.buffer(node)
    for f in range(count):
        for j in range(size):
            place = ((first + f) * height + y) * width + (x + j * p.columns.step)
            k.b.store(out, place * k.lanes, b.get(sums[f * size + j]))


def _leaves(c: Convolution, node: Node, p: Places) -> bool:
    """Whether the filters reach over the lower end of the map."""
    n, inner = sizes((node.inputs[1].shape[2], c.x.shape[2]))
    return p.rows[-1] + n - 1 - c.top >= inner


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
