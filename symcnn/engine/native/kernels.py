"""The loops of each pattern: convolution, products, sums over the batch, rows, and all that goes element by element.

Each function writes the loops of one node into a function of its own. In a block's buffers, a value stands at its
element's number, with one image in each lane.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...graph.algebra import SumTo
from ...graph.node import Node
from ...nodes.loss import LogSoftmax, Softmax, SoftmaxCrossEntropy
from ...nodes.reduce import ArgMax, Max, Mean, Sum
from . import functions
from .expressions import Reader, linear, windows
from .fuse import element_of, is_flat
from .loops import BIT, BYTE, FLOAT, INDEX, INT, Builder, Index, Register, Type, Value
from .partition import elements
from .patterns import BatchSum, Convolution, FilterGradient, OuterProduct, Product
from .tile import rectangle, row_tile


@dataclass
class Kernel:
    """What the loops of a node are written with.

    Attributes
    ----------
    b : Builder
    read : Reader
    sums : Value
        The address of this thread's sums over the batch.
    valid : Value
        How many lanes of the block hold images; the others repeat the last one.
    registers : int
    """

    b: Builder
    read: Reader
    sums: Value
    valid: Value
    registers: int

    @property
    def lanes(self) -> int:
        """Images in a block."""
        return self.read.lanes

    @property
    def vector(self) -> Type:
        """A number of each image."""
        return Type(FLOAT, self.lanes)

    def zero(self) -> Value:
        """0 in all lanes."""
        return self.b.number(0, self.lanes)

    def load(self, buffer: Value, i: Index) -> Value:
        """Element number i."""
        return self.b.load(buffer, i * self.lanes, self.vector)

    def write(self, buffer: Value, i: Index, value: Value) -> None:
        """Element number i; a boolean becomes a byte."""
        value = self.b.convert("zext", value, BYTE) if value.type.element == BIT else value
        self.b.store(buffer, i * self.lanes, value)

    def spread(self, array: Value, i: Index) -> Value:
        """A number that all images share, in all lanes."""
        return self.b.splat(self.b.load(array, i, Type(FLOAT)), self.lanes)

    def valid_lanes(self) -> Value:
        """Which lanes hold images."""
        count = self.b.splat(self.b.convert("trunc", self.valid, INT), self.lanes)
        return self.b.compare("slt", self.b.lane_numbers(self.lanes), count)

    def add_to_sum(self, place: Index, value: Value) -> None:
        """Add all lanes to a number of this thread's sums."""
        before = self.b.load(self.sums, place, Type(FLOAT))
        self.b.store(self.sums, place, self.b.binary("fadd", before, self.b.total(value)))

    def clear_invalid(self, buffer: Value, count: int) -> None:
        """Write 0 into the lanes without an image, where there are any (so the outer loop runs once, or not at all)."""
        with self.b.loop(self.valid, self.lanes, self.lanes):
            bits = self.valid_lanes()
            with self.b.loop(0, count) as i:
                self.b.store(
                    buffer, i * self.lanes, self.b.select(bits, self.load(buffer, i), self.zero())
                )


def parts(k: Kernel, length: int, size: int) -> Iterator[tuple[Index, int]]:
    """The tiles of a length: a loop over the full ones, and the rest; each gives its first element and its size."""
    full = length // size * size
    if full == size:
        yield 0, size
    elif full:
        with k.b.loop(0, full, size) as first:
            yield first, size
    if length > full:
        yield full, length - full


# Element by element -------------------------------------------------------------------------------


def pointwise(k: Kernel, node: Node) -> None:
    """All elements, one after the other, or window by window."""
    out = k.read.buffer(node)
    if is_flat(node) and all(map(k.read.all_flat, node.inputs)):
        with k.b.loop(0, elements(node)) as i:
            read = k.read.fresh()
            k.write(out, i, read.flat_rule(node, i))
        return
    shape = [d for d in node.shape if d is not None]
    p, q = windows(node, k.read.group)
    steps = [1] * len(shape)
    if p * q > 1:
        steps[-2:] = [p, q]
    _nest(k, node, out, shape, steps, ())


def _nest(
    k: Kernel, node: Node, out: Value, shape: list[int], steps: list[int], outer: tuple[Index, ...]
) -> None:
    """A loop for each axis; the body has all elements of a window."""
    depth = len(outer)
    if depth < len(shape):
        with k.b.loop(0, shape[depth] // steps[depth]) as i:
            _nest(k, node, out, shape, steps, (*outer, i))
        return
    read = k.read.fresh()
    places: list[tuple[Index, ...]] = [()]
    for i, step in zip(outer, steps, strict=True):
        first = i * step
        places = [(*place, first + n) for place in places for n in range(step)]
    for place in places:
        k.write(out, linear(place, tuple(shape)), read.rule(node, place))


# Convolution --------------------------------------------------------------------------------------


def convolution(k: Kernel, node: Node, c: Convolution) -> None:
    """Tiles of filters and columns; each has its sums in registers over all channels and rows of the filters."""
    filters, height, width = _sizes(node.shape[1:])
    per_filter, columns = rectangle(filters, width, k.registers)
    for first, count in parts(k, filters, per_filter):
        with k.b.loop(0, height) as y:
            for run, size in _column_tiles(c, node, columns):
                if len(run) == 1:
                    _conv_tile(k, node, c, (first, count), y, (run[0], size))
                    continue
                with k.b.loop(run[0], run[-1] + 1, size) as x:
                    _conv_tile(k, node, c, (first, count), y, (x, size))


def _sizes(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(d for d in shape if d is not None)


def _column_tiles(c: Convolution, node: Node, columns: int) -> list[tuple[list[int], int]]:
    """Runs of tiles of columns: those that read nothing but the map itself are one run, and can be a loop."""
    width, m, inner = _sizes((node.shape[3], node.inputs[1].shape[3], c.x.shape[3]))
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
    _, height, width = _sizes(node.shape[1:])
    channels, inner, _ = _sizes(c.x.shape[1:])
    n = _sizes(node.inputs[1].shape)[2]
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
    height, n, inner = _sizes((node.shape[2], node.inputs[1].shape[2], c.x.shape[2]))
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
    """One row of the filters over one row of the map, written out: each of its values is loaded once."""
    b, (first, count), (channel, u), (x, size) = k.b, filters, taps, columns
    _, inner, width = _sizes(c.x.shape[1:])
    m = _sizes(node.inputs[1].shape)[3]
    row = k.read.buffer(c.x)
    start = (channel * inner + (y + u - c.top)) * width + (x - c.left)
    weights = k.read.array(c.w)
    loaded: dict[int, Value] = {}
    for v in range(m):
        reached = [j for j in range(size) if not isinstance(x, int) or 0 <= x + j + v - c.left < width]
        for j in reached:
            if j + v not in loaded:
                loaded[j + v] = k.load(row, start + (j + v))
        for f in range(count):
            if not reached:
                continue
            w = k.spread(weights, _weight(node, c, first + f, channel, u, v))
            for j in reached:
                sums_of = sums[f * size + j]
                b.set(sums_of, b.fma(w, loaded[j + v], b.get(sums_of)))


def _weight(node: Node, c: Convolution, f: Index, channel: Index, u: Index, v: int) -> Index:
    """Where the weight of filter f stands in the array."""
    filters, channels, n, m = _sizes(node.inputs[1].shape)
    if c.turned:
        down = u * -1 + (n - 1)
        return ((channel * filters + f) * n + down) * m + (m - 1 - v)
    return ((f * channels + channel) * n + u) * m + v


def filter_gradient(k: Kernel, node: Node, g: FilterGradient, place: int) -> None:
    """Tiles of filters and columns of the filters: sums over all places of the map, then over the lanes."""
    b = k.b
    channels, height, width = _sizes(g.x.shape[1:])
    filters, rows, columns = _sizes(g.delta.shape[1:])
    n, m = height - rows + 1, width - columns + 1
    x, delta = k.read.buffer(g.x), k.read.buffer(g.delta)
    k.clear_invalid(delta, elements(g.delta))
    per_tile, taps = rectangle(filters, m, k.registers)
    for first, count in parts(k, filters, per_tile):
        for v, size in parts(k, m, taps):
            with b.loop(0, channels) as channel, b.loop(0, n) as u:
                sums = [b.register(k.zero()) for _ in range(count * size)]
                with b.loop(0, rows) as i, b.loop(0, columns) as j:
                    errors = [k.load(delta, ((first + f) * rows + i) * columns + j) for f in range(count)]
                    for t in range(size):
                        seen = k.load(x, (channel * height + (i + u)) * width + (j + v + t))
                        for f in range(count):
                            s = sums[f * size + t]
                            b.set(s, b.fma(errors[f], seen, b.get(s)))
                for f in range(count):
                    for t in range(size):
                        ends = (channel, first + f) if g.by_channel else (first + f, channel)
                        inner = filters if g.by_channel else channels
                        where = ((ends[0] * inner + ends[1]) * n + u) * m + (v + t)
                        k.add_to_sum(where + place, b.get(sums[f * size + t]))


# Products -----------------------------------------------------------------------------------------


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


def outer_product(k: Kernel, node: Node, o: OuterProduct, place: int) -> None:
    """As many columns as there are lanes at a time: turned, so that a vector holds them for one image."""
    b, rows, columns, lanes = k.b, elements(o.a), elements(o.b), k.lanes
    left, right = k.read.buffer(o.a), k.read.buffer(o.b)
    k.clear_invalid(left, rows)
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
    shape = _sizes(s.x.shape[1:])
    gone = {a - 1 for a in s.axes}
    kept = [n for n in range(len(shape)) if n not in gone]
    b = k.b
    bits = k.valid_lanes()

    def outer(axes: list[int], place_of: dict[int, Index]) -> None:
        if axes:
            with b.loop(0, shape[axes[0]]) as i:
                outer(axes[1:], {**place_of, axes[0]: i})
            return
        total = b.register(k.zero())

        def inner(read: Reader, value: Value) -> None:
            b.set(total, b.binary("fadd", b.get(total), b.select(bits, value, k.zero())))

        _over(k, s.x, sorted(gone - {-1}), place_of, inner)
        where = linear(tuple(place_of[n] for n in kept), tuple(shape[n] for n in kept))
        k.add_to_sum(where + place, b.get(total))

    outer(kept, {})


def _over(k: Kernel, x: Node, axes: list[int], place: dict[int, Index], body: object) -> None:
    """Loops over `axes` of x around `body`, which gets a reader and the value."""
    if axes:
        size = x.shape[axes[0] + 1]
        assert size is not None
        with k.b.loop(0, size) as i:
            _over(k, x, axes[1:], {**place, axes[0]: i}, body)
        return
    read = k.read.fresh()
    body(read, read.at(x, tuple(place[n] for n in range(x.ndim - 1))))  # type: ignore[operator]


# Rows ---------------------------------------------------------------------------------------------


def reduction(k: Kernel, node: Node) -> None:
    """A sum, a mean or a maximum over axes of each image."""
    assert isinstance(node, Sum | Mean | Max | SumTo)
    x = node.x
    axes = sorted(a - 1 for a in (node.axes() if isinstance(node, SumTo) else node.reduced))
    kept = [n for n in range(x.ndim - 1) if n not in axes]
    shape = _sizes(x.shape[1:])
    b, out = k.b, k.read.buffer(node)
    largest = isinstance(node, Max)

    def outer(left: list[int], place: dict[int, Index]) -> None:
        if left:
            with b.loop(0, shape[left[0]]) as i:
                outer(left[1:], {**place, left[0]: i})
            return
        total = b.register(b.number(float("-inf"), k.lanes) if largest else k.zero())

        def inner(read: Reader, value: Value) -> None:
            b.set(total, b.binary("maximum" if largest else "fadd", b.get(total), value))

        _over(k, x, axes, place, inner)
        value = b.get(total)
        if isinstance(node, Mean):
            count = 1
            for a in axes:
                count *= shape[a]
            value = b.binary("fdiv", value, b.number(count, k.lanes))
        k.write(out, linear(tuple(place[n] for n in kept), tuple(shape[n] for n in kept)), value)

    outer(kept, {})


def rows(k: Kernel, node: Node) -> None:
    """Functions of each row of scores: the largest is taken off first, so that nothing overflows."""
    assert isinstance(node, Softmax | LogSoftmax | SoftmaxCrossEntropy)
    b, out, z = k.b, k.read.buffer(node), k.read.buffer(node.z)
    classes = _sizes(node.z.shape)[-1]
    with b.loop(0, elements(node.z) // classes) as row:
        top = b.register(b.number(float("-inf"), k.lanes))
        with b.loop(0, classes) as c:
            b.set(top, b.binary("maximum", b.get(top), k.load(z, row * classes + c)))
        largest = b.get(top)
        total, score = b.register(k.zero()), b.register(k.zero())
        label = k.read.fresh().at(node.y, (row,) * (node.y.ndim - 1)) if isinstance(node, SoftmaxCrossEntropy) else None
        with b.loop(0, classes) as c:
            shifted = b.binary("fsub", k.load(z, row * classes + c), largest)
            e = functions.exp(b, shifted)
            b.set(total, b.binary("fadd", b.get(total), e))
            if label is not None:
                hit = b.compare("eq", label, k.read.whole(c))
                b.set(score, b.select(hit, shifted, b.get(score)))
            elif isinstance(node, Softmax):
                k.write(out, row * classes + c, e)
        if isinstance(node, Softmax):
            with b.loop(0, classes) as c:
                k.write(out, row * classes + c, b.binary("fdiv", k.load(out, row * classes + c), b.get(total)))
            return
        logarithm = functions.log(b, b.get(total))
        if label is not None:
            k.write(out, row, b.binary("fsub", logarithm, b.get(score)))
            return
        with b.loop(0, classes) as c:
            shifted = b.binary("fsub", k.load(z, row * classes + c), largest)
            k.write(out, row * classes + c, b.binary("fsub", shifted, logarithm))


def argmax(k: Kernel, node: ArgMax) -> None:
    """The first of the largest numbers of each row; the first NaN, if there is one."""
    b, out = k.b, k.read.buffer(node)
    *lead, length = _sizes(node.x.shape[1:])

    def outer(place: tuple[Index, ...]) -> None:
        if len(place) < len(lead):
            with b.loop(0, lead[len(place)]) as i:
                outer((*place, i))
            return
        best = b.register(k.read.fresh().at(node.x, (*place, 0)))
        where = b.register(b.integer(0, k.lanes))
        with b.loop(1, length) as c:
            value, before = k.read.fresh().at(node.x, (*place, c)), b.get(best)
            better = b.binary("and", b.compare("ugt", value, before), b.compare("ord", before, before))
            b.set(best, b.select(better, value, before))
            b.set(where, b.select(better, k.read.whole(c), b.get(where)))
        k.write(out, linear(place, tuple(lead)), b.get(where))

    outer(())


# In and out ---------------------------------------------------------------------------------------


def pack(k: Kernel, node: Node, row: Value) -> None:
    """Rows of the array of images into lanes; a lane without an image repeats the last one."""
    b, count, lanes = k.b, elements(node), k.lanes
    source, target = k.read.array(node), k.read.buffer(node)
    at = [b.index("mul", row + b.smaller(n, k.valid - 1), count) for n in range(lanes)]
    if element_of(node) != FLOAT:
        width = node.dtype.itemsize * 8
        with b.loop(0, count) as i:
            for n in range(lanes):
                number = b.load(source, at[n] + i, Type(f"i{width}"))
                if element_of(node) == INT and width != 32:
                    how = "trunc" if width > 32 else "sext" if node.dtype.kind == "i" else "zext"
                    number = b.convert(how, number, INT)
                b.store(target, i * lanes + n, number)
        return
    full = count // lanes * lanes
    with b.loop(0, full, lanes) as i:
        for n, value in enumerate(b.transpose([b.load(source, at[m] + i, k.vector) for m in range(lanes)])):
            b.store(target, (i + n) * lanes, value)
    with b.loop(full, count) as i:
        for n in range(lanes):
            b.store(target, i * lanes + n, b.load(source, at[n] + i, Type(FLOAT)))


def unpack(k: Kernel, node: Node, row: Value) -> None:
    """Lanes into rows of the array of results, backwards: what lanes without an image hold is written over."""
    b, count, lanes = k.b, elements(node), k.lanes
    target, source = k.read.array(node), k.read.buffer(node)
    at = [b.index("mul", row + b.smaller(n, k.valid - 1), count) for n in range(lanes)]
    element = element_of(node)
    if element != FLOAT:
        kind, wide = (BYTE, BYTE) if element == BYTE else (INT, INDEX)
        with b.loop(0, count) as i:
            for n in reversed(range(lanes)):
                number = b.load(source, i * lanes + n, Type(kind))
                b.store(target, at[n] + i, number if kind == wide else b.convert("sext", number, wide))
        return
    full = count // lanes * lanes
    with b.loop(0, full, lanes) as i:
        turned = b.transpose([k.load(source, i + n) for n in range(lanes)])
        for n in reversed(range(lanes)):
            b.store(target, at[n] + i, turned[n])
    with b.loop(full, count) as i:
        for n in reversed(range(lanes)):
            b.store(target, at[n] + i, b.load(source, i * lanes + n, Type(FLOAT)))
