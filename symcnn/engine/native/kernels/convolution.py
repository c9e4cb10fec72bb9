"""The loops of a convolution of images with shared filters, and of products of rows with a shared matrix."""

from __future__ import annotations

from ....graph.node import Node
from ...patterns import LONG, Convolution, Product
from ..analysis.partition import elements
from ..ir.loops import Index, Register, Value
from . import winograd_loops
from .kernel import Kernel, parts
from .output_range import Part, parts_of
from .tiling import pairs_tile, rectangle, row_tile

_PIECE = 12
"""How many columns of a long row of a filter are written out in its loop."""


def convolution(k: Kernel, node: Node, c: Convolution) -> None:
    """Tiles of filters and columns; each has its sums in registers over all channels and rows of the filters."""
    for part in parts_of(k, c):
        rows, columns, depth = len(part.rows.results), len(part.columns.results), c.channels * len(part.rows.taps)
        dense = depth and part.columns.dense
        if dense and (pairs := pairs_tile(c.filters, columns, c.columns.taps, depth, k.cpu)):
            winograd_loops.convolution(k, node, part, pairs)
            continue
        per_filter, per_tile = rectangle(c.filters, columns, k.registers)
        for filters in parts(k, c.filters, per_filter):
            with k.b.loop(0, rows) as row:
                for tile in part.tiles(k, per_tile):
                    _tile(k, node, part, filters, row, tile)


def _tile(
    k: Kernel, node: Node, part: Part, filters: tuple[Index, int], row: Index, columns: tuple[Index, int]
) -> None:
    b, c, (first, count), (x, size) = k.b, part.c, filters, columns
    bias = None if c.b is None else k.read.array(c.b)
    starts = [k.zero() if bias is None else k.spread(bias, part.group * c.filters + first + f) for f in range(count)]
    sums = [b.register(start) for start in starts for _ in range(size)]
    if part.rows.taps and part.columns.taps:
        with b.loop(0, c.channels) as channel, b.loop(*part.rows_within(k, row)) as u:
            _row(k, part, sums, filters, (channel, u), row, columns)
    out = k.read.buffer(node)
    for f in range(count):
        for j in range(size):
            b.store(out, part.result(first + f, row, x + j) * k.lanes, b.get(sums[f * size + j]))


def _row(
    k: Kernel,
    part: Part,
    sums: list[Register],
    filters: tuple[Index, int],
    taps: tuple[Index, Index],
    row: Index,
    columns: tuple[Index, int],
) -> None:
    """One row of the filters over one row of the map: written out, or in pieces where it is long."""
    b, phase, (channel, u), (x, size) = k.b, part.columns, taps, columns
    (first_filter, count_of_filters), m = filters, len(phase.taps)
    maps, weights, start = k.read.buffer(part.c.x), k.read.array(part.c.w), part.seen(channel, row, u, x)
    clipped = isinstance(x, int) and not _inside(part, x, size)

    def piece(first: Index, count: int) -> None:
        """Some columns of the filters: each value of the map is loaded once for them."""
        loaded = dict[int, Value]()
        for v in range(count):
            at = [phase.across * j + phase.along * v for j in range(size)]
            met = [j for j in range(size) if not clipped or _there(part, x, at[j] + phase.along * first)]
            for j in met:
                if at[j] not in loaded:
                    loaded[at[j]] = k.load(maps, start + first * phase.along + at[j])
            for f in range(count_of_filters if met else 0):
                w = k.spread(weights, part.weight(first_filter + f, channel, u, first + v))
                for j in met:
                    total = sums[f * size + j]
                    b.set(total, b.fma(w, loaded[at[j]], b.get(total)))

    for first, count in [(0, m)] if clipped or m <= LONG else parts(k, m, _PIECE):
        piece(first, count)


def _inside(part: Part, x: int, size: int) -> bool:
    """Whether results from column x on see nothing but the map."""
    phase = part.columns
    last = phase.across * (size - 1) + phase.along * (len(phase.taps) - 1)
    return _there(part, x, 0) and _there(part, x, last)


def _there(part: Part, x: Index, offset: Index) -> bool:
    """Whether there is a unit so far behind the first that a result in column x sees."""
    phase = part.columns
    assert isinstance(x, int) and isinstance(offset, int)
    return 0 <= phase.origin + phase.across * x + offset < phase.length


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
