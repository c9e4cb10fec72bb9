"""The loops of sums over the batch: gradients of filters and matrices, and plain sums and means."""

from __future__ import annotations

from ....graph.node import Node
from ...patterns import BatchSum, FilterGradient, OuterProduct
from ...sliding import Phase
from ..analysis.partition import elements
from ..ir.loops import Index
from .expressions import linear
from .filter_gradient import Bordered, GradientPart, SingleErrors
from .kernel import Kernel, parts, sizes, sum_over
from .output_range import each_group
from .tiling import pairs_gradient_tiles, rectangle, row_tile
from .winograd_loops import PairsOfErrors


def filter_gradient(k: Kernel, node: Node, g: FilterGradient, place: int) -> None:
    """Tiles of filters and columns of the filters."""
    k.clear_invalid(g.delta, g.x)
    phases = [(rows, columns) for rows in g.rows.phases() for columns in g.columns.phases()]
    phases = [(rows, columns) for rows, columns in phases if rows.taps and columns.taps]
    maps = _bordered(k, g, phases)
    with each_group(k, g.groups) as group:
        for rows, columns in phases:
            _part(GradientPart(k, g, maps, group, rows, columns, place))


def _part(part: GradientPart) -> None:
    """The weights that meet the same errors."""
    k, g = part.k, part.g
    rows, columns, taps = len(part.rows.results), len(part.columns.results), len(part.columns.taps)
    if part.columns.dense and (tiles := pairs_gradient_tiles(g.filters, columns, taps, rows, k.cpu)):
        for some, per_tile in tiles:
            for filters in parts(k, g.filters, per_tile):
                PairsOfErrors(part, filters, some).write()
        return
    per_tile, size = rectangle(g.filters, taps, k.registers)
    for filters in parts(k, g.filters, per_tile):
        for column, count in parts(k, taps, size):
            SingleErrors(part, filters, column, count).write()


def _bordered(k: Kernel, g: FilterGradient, phases: list[tuple[Phase, Phase]]) -> Bordered:
    """The maps, or a copy within zeros, where errors have seen some outside."""
    values, (height, width) = k.read.buffer(g.x), (g.rows.length, g.columns.length)
    edges = []
    for number, length in enumerate((height, width)):
        reaches = [pair[number].reach for pair in phases]
        last = max(last for _, last in reaches)
        edges.append((max(0, -min(first for first, _ in reaches)), max(0, last - length + 1)))
    (top, below), (left, right) = edges
    if not (top or below or left or right):
        return Bordered(values, height, width)
    maps, rows, columns = g.groups * g.channels, top + height + below, left + width + right
    copy = k.take(maps * rows * columns * k.lanes)
    with k.b.loop(0, maps * rows * columns) as i:
        k.write(copy, i, k.zero())
    with k.b.loop(0, maps) as channel, k.b.loop(0, height) as y, k.b.loop(0, width) as x:
        unit = k.load(values, (channel * height + y) * width + x)
        k.write(copy, (channel * rows + (y + top)) * columns + (x + left), unit)
    return Bordered(copy, rows, columns, top, left)


def outer_product(k: Kernel, node: Node, o: OuterProduct, place: int) -> None:
    """As many columns as there are lanes at a time: turned, so that a vector holds them for one image."""
    k.clear_invalid(o.a, o.b)
    for step, _ in parts(k, o.steps, 1):
        _outer(k, o, step, place)


def _outer(k: Kernel, o: OuterProduct, step: Index, place: int) -> None:
    b, rows, columns, lanes = k.b, elements(o.a) // o.steps, elements(o.b) // o.steps, k.lanes
    left, right = (b.offset(k.read.buffer(x), step * (count * lanes)) for x, count in ((o.a, rows), (o.b, columns)))
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
