"""The loops of sums over the batch: gradients of filters and matrices, and plain sums and means."""

from __future__ import annotations

from ....graph.node import Node
from ...patterns import BatchSum, FilterGradient, OuterProduct
from ..analysis.partition import elements
from ..ir.loops import Index
from .expressions import linear
from .filter_gradient import SingleErrors
from .kernel import Kernel, parts, sizes, sum_over
from .output_range import dilation
from .tiling import pairs_gradient_tiles, rectangle, row_tile
from .winograd_loops import PairsOfErrors


def filter_gradient(k: Kernel, node: Node, g: FilterGradient, place: int) -> None:
    """Tiles of filters and columns of the filters."""
    width, (filters, rows, columns) = sizes(g.x.shape[3:])[0], sizes(g.delta.shape[1:])
    m = width - columns + 1
    k.clear_invalid(g.delta, g.x)
    if dilation(g.delta) == (1, 1) and (tiles := pairs_gradient_tiles(filters, columns, m, rows, k.cpu)):
        for taps, per_tile in tiles:
            for some in parts(k, filters, per_tile):
                PairsOfErrors(k, g, place, some, taps).write()
        return
    per_tile, size = rectangle(filters, m, k.registers)
    for some in parts(k, filters, per_tile):
        for column, count in parts(k, m, size):
            SingleErrors(k, g, place, some, column, count).write()


def outer_product(k: Kernel, node: Node, o: OuterProduct, place: int) -> None:
    """As many columns as there are lanes at a time: turned, so that a vector holds them for one image."""
    b, rows, columns, lanes = k.b, elements(o.a), elements(o.b), k.lanes
    left, right = k.read.buffer(o.a), k.read.buffer(o.b)
    k.clear_invalid(o.a, o.b)
    full = columns // lanes * lanes
    per_tile = row_tile(rows, max(k.registers - lanes, 6))
    with b.loop(0, full, lanes) as j:
        turned = b.transpose([k.load(right, j + n) for n in range(lanes)])
        for first, size in parts(k, rows, per_tile):
            for r in range(size):
                where = b.offset(k.sums, (first + r) * columns + j + place)
                total = b.load(where, 0, k.vector)
                for image in range(lanes):
                    error = k.spread(left, (first + r) * lanes + image)
                    total = b.fma(error, turned[image], total)
                b.store(where, 0, total)
    if full < columns:
        with b.loop(0, rows) as i, b.loop(full, columns) as j:
            both = b.binary("fmul", k.load(left, i), k.load(right, j))
            k.add_to_sum(i * columns + j + place, both)


def batch_sum(k: Kernel, node: Node, s: BatchSum, place: int) -> None:
    """The axes that stay are loops around a sum over those that go."""
    shape = sizes(s.x.shape[1:])
    gone = {a - 1 for a in s.axes}
    kept = [n for n in range(len(shape)) if n not in gone]
    b = k.b
    bits = k.valid_lanes()

    def outer(axes: list[int], place_of: dict[int, Index]) -> None:
        if axes:
            with b.loop(0, shape[axes[0]]) as i:
                outer(axes[1:], {**place_of, axes[0]: i})
            return
        total = sum_over(k, s.x, sorted(gone - {-1}), place_of)
        where = linear(tuple(place_of[n] for n in kept), tuple(shape[n] for n in kept))
        k.add_to_sum(where + place, b.select(bits, total, k.zero()))

    outer(kept, {})
