"""Loops for few images: each is a block of its own, and the lanes of a vector are neighbours in it.

In a block of one image, a buffer holds the image's numbers as an array would. What has no loops here is computed number
by number, with the loops of `kernels` and `rows` for blocks of one lane.
"""

from __future__ import annotations

from typing import Any

from ....graph.node import Node
from ...patterns import BatchSum, OuterProduct, Product
from ..analysis.fusion import element_of, is_flat
from ..analysis.partition import elements
from ..ir.conversion import element_of_array, resized
from ..ir.lane_integers import Run
from ..ir.loops import Index, Position, Type, Value
from ..ir.summation import Total
from . import convolution
from .expressions import linear, windows
from .kernel import Kernel, parts, sizes
from .tiling import row_tile
from .vectors import load_some, runs, store_some, stretches, totals


def along(first: Index, lanes: int, step: int = 1) -> Position:
    """The places of the lanes of a vector; of a single number, its place."""
    return Run(first, step) if lanes > 1 else first


# Element by element -------------------------------------------------------------------------------


def pointwise(k: Kernel, node: Node) -> None:
    """All elements, as many at a time as a vector holds, row by row or window by window."""
    out = k.read.buffer(node)
    if is_flat(node) and all(map(k.read.all_flat, node.inputs)):
        for i, lanes in runs(k, elements(node)):
            k.write(out, i, k.read.fresh(lanes).flat_rule(node, along(i, lanes)))
        return
    p, q = windows(node, k.read.group)
    _rows(k, node, out, (p, q), ())


def _rows(k: Kernel, node: Node, out: Value, size: tuple[int, int], outer: tuple[Index, ...]) -> None:
    """A loop for each axis but the last; the body has all rows of a window."""
    shape, depth = sizes(node.shape[1:]), len(outer)
    if depth < len(shape) - 1:
        step = size[0] if depth == len(shape) - 2 else 1
        with k.b.loop(0, shape[depth] // step) as i:
            _rows(k, node, out, size, (*outer, i))
        return
    if not shape:
        k.write(out, 0, k.read.fresh(1).own(node, ()))
        return
    p, q = size
    for z, lanes in runs(k, shape[-1] // q):
        read = k.read.fresh(lanes)
        for u in range(p):
            lead = (*outer[:-1], outer[-1] * p + u) if outer else ()
            values = [read.own(node, (*lead, along(z * q + v, lanes, q))) for v in range(q)]
            for n, value in enumerate(_interleaved(k, values)):
                k.write(out, linear((*lead, z * q + n * lanes), shape), value)


def _interleaved(k: Kernel, values: list[Value]) -> list[Value]:
    """The first number of each vector, then the second of each, ..."""
    b, lanes, q = k.b, values[0].type.lanes, len(values)
    if q == 1 or lanes == 1:
        return values
    if q == 2:
        first, second = values
        order = [n // 2 + lanes * (n % 2) for n in range(2 * lanes)]
        return [b.shuffle(first, second, half) for half in (order[:lanes], order[lanes:])]
    numbers = [b.lane(values[n % q], n // q) for n in range(q * lanes)]
    return [b.vector(numbers[n : n + lanes]) for n in range(0, q * lanes, lanes)]


# In and out ---------------------------------------------------------------------------------------


def pack(k: Kernel, node: Node, row: Value) -> None:
    """The image's numbers from an array."""
    given, kept, signed = element_of_array(node.dtype), element_of(node), node.dtype.kind == "i"
    for i, lanes in runs(k, elements(node)):
        value = k.b.load(k.read.array(node), row * elements(node) + i, Type(given, lanes))
        k.b.store(k.read.buffer(node), i, resized(k.b, value, kept, signed))


def unpack(k: Kernel, node: Node, row: Value) -> None:
    """The image's numbers into an array."""
    kept, asked = element_of(k.read.group.base(node)), element_of_array(node.dtype)
    for i, lanes in runs(k, elements(node)):
        value = k.b.load(k.read.buffer(node), i, Type(kept, lanes))
        k.b.store(k.read.array(node), row * elements(node) + i, resized(k.b, value, asked))


# Products and sums --------------------------------------------------------------------------------


def product(k: Kernel, node: Node, p: Product) -> None:
    """Along rows of the matrix: sums of products of what is side by side; along its columns: of rows with numbers."""
    if p.rows == 1:
        _dots(k, node, p)
    elif p.columns == 1:
        _combination(k, node, p)
    else:
        convolution.product(k, node, p)


def _dots(k: Kernel, node: Node, p: Product) -> None:
    b, length = k.b, elements(p.x)
    x, w, out = k.read.buffer(p.x), k.read.array(p.w), k.read.buffer(node)
    bias = None if p.b is None else k.read.array(p.b)
    full = length // k.wide * k.wide
    for first, count in parts(k, elements(node), row_tile(elements(node), k.registers)):
        sums = [b.register(b.number(0, k.wide)) for _ in range(count)]

        def add(i: Index, size: int, first: Index = first, sums: list[Any] = sums) -> None:
            seen = load_some(k, x, i, size)
            for j, total in enumerate(sums):
                weights = load_some(k, w, (first + j) * p.columns + i, size)
                b.set(total, b.fma(seen, weights, b.get(total)))

        with b.loop(0, full, k.wide) as i:
            add(i, k.wide)
        if full < length:
            add(full, length - full)
        for j in range(0, count, k.wide):
            some = [b.get(total) for total in sums[j : j + k.wide]]
            value = totals(k, some)
            if bias is not None:
                value = b.binary("fadd", value, load_some(k, bias, first + j, len(some)))
            store_some(k, out, first + j, value, len(some))


def _combination(k: Kernel, node: Node, p: Product) -> None:
    b, length, count = k.b, elements(p.x), elements(node)
    x, w, out = k.read.buffer(p.x), k.read.array(p.w), k.read.buffer(node)
    bias = None if p.b is None else k.read.array(p.b)

    def tile(first: Index, widths: list[int]) -> None:
        at = [first + n * k.wide for n in range(len(widths))]
        zero = b.number(0, k.wide)
        start = [zero if bias is None else load_some(k, bias, j, size) for j, size in zip(at, widths, strict=True)]
        sums = [b.register(value) for value in start]
        with b.loop(0, length) as i:
            seen = b.splat(b.load(x, i, b.reals()), k.wide)
            for j, size, total in zip(at, widths, sums, strict=True):
                b.set(total, b.fma(seen, load_some(k, w, i * p.rows + j, size), b.get(total)))
        for j, size, total in zip(at, widths, sums, strict=True):
            store_some(k, out, j, b.get(total), size)

    vectors, rest = divmod(count, k.wide)
    if vectors:
        for n, size in parts(k, vectors, row_tile(vectors, k.registers)):
            tile(n * k.wide, [k.wide] * size)
    if rest:
        tile(vectors * k.wide, [rest])


def outer_product(k: Kernel, node: Node, o: OuterProduct, place: int) -> None:
    """Each number of one row times the other row."""
    b, rows, columns = k.b, elements(o.a) // o.steps, elements(o.b) // o.steps
    left, right = k.read.buffer(o.a), k.read.buffer(o.b)
    with b.loop(0, o.steps) as step, b.loop(0, rows) as i:
        number = b.load(left, step * rows + i, b.reals())
        for j, lanes in runs(k, columns):
            where, row = i * columns + j + place, b.load(right, step * columns + j, k.b.reals(lanes))
            before = b.load(k.sums, where, k.b.reals(lanes))
            b.store(k.sums, where, b.fma(b.splat(number, lanes), row, before))


def batch_sum(k: Kernel, node: Node, s: BatchSum, place: int) -> None:
    """The axes that stay are loops around a sum over those that go; the last axis is in the lanes."""
    b, shape = k.b, sizes(s.x.shape[1:])
    last = len(shape) - 1
    gone = {a - 1 for a in s.axes} - {-1}
    kept = [n for n in range(len(shape)) if n not in gone]

    def outer(axes: list[int], at: dict[int, Index]) -> None:
        if axes:
            with b.loop(0, shape[axes[0]]) as i:
                outer(axes[1:], {**at, axes[0]: i})
        elif last in gone or last < 0:
            for first, count, lanes in stretches(shape[last] if shape else 1, k.wide):
                k.add_to_sum(target(at), inner(at, first, count, lanes))
        else:
            for z, lanes in runs(k, shape[last]):
                where = target({**at, last: z})
                before = b.load(k.sums, where, k.b.reals(lanes))
                b.store(k.sums, where, b.binary("fadd", before, inner(at, z, 1, lanes)))

    def target(at: dict[int, Index]) -> Index:
        return linear(tuple(at[n] for n in kept), tuple(shape[n] for n in kept)) + place

    def inner(at: dict[int, Index], first: Index, count: int, lanes: int) -> Value:
        axes = sorted(gone - {last})
        total = Total(b, lanes, (*(shape[n] for n in axes), count))
        with total.loops() as (*places, i):
            found = {**at, **dict(zip(axes, places, strict=True)), last: along(first + i * lanes, lanes)}
            total.add(k.read.fresh(lanes).at(s.x, tuple(found[n] for n in range(len(shape)))))
        return total.value

    outer([n for n in kept if n != last], {})
