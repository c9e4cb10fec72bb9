"""Convolutions of few images, as products of matrices: the lanes of a vector are neighbouring places of a map.

The windows of the image are copied into a matrix: a row for each weight of a filter, a column for each place that it
takes. The forward pass is the filters times this matrix, the filters' gradient is the errors times it, and the errors
of the image are the filters times the errors, added up where the windows were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ....graph.node import Node
from ...patterns import Convolution, FilterGradient
from ..ir.loops import Index, Value
from .kernel import Kernel, parts, sizes
from .output_range import dilation, kept
from .tiling import rectangle
from .vectors import add_some, copy, load_some, runs, store_some

_KEPT = 1 << 16
"""Up to so many numbers are kept from the forward pass for the backward pass."""


@dataclass(frozen=True)
class Windows:
    """Filters of n x m that take rows x columns places, `down` and `across` apart, on maps of height x width."""

    channels: int
    height: int
    width: int
    n: int
    m: int
    rows: int
    columns: int
    down: int = 1
    across: int = 1

    @property
    def weights(self) -> int:
        """Of one filter."""
        return self.channels * self.n * self.m

    @property
    def places(self) -> int:
        """Of one filter."""
        return self.rows * self.columns


def convolution(k: Kernel, node: Node, c: Convolution) -> None:
    """The filters times the windows that a stride or a crop leaves; with turned filters, the other way round."""
    if c.turned:
        _spread(k, node, c)
        return
    filters, rows, columns = sizes(node.shape[1:])
    channels, height, width = sizes(c.x.shape[1:])
    n, m = sizes(node.inputs[1].shape)[2:]
    ys, xs = kept(node, k.read.group)
    w = Windows(channels, rows + n - 1, columns + m - 1, n, m, len(ys), len(xs), ys.step, xs.step)
    x, of = k.read.buffer(c.x), k.read.group.base(c.x) if _read_again(k, c.x) else None
    if (w.height, w.width) != (height, width) or c.top or c.left:
        x, of = _bordered(k, x, (channels, height, width), (c.top, c.left), (w.height, w.width)), None
    all_places = w.places == rows * columns
    weights, out = k.read.array(c.w), k.read.buffer(node) if all_places else k.take(filters * w.places)
    bias = None if c.b is None else k.read.array(c.b)
    matrix = _columns(k, x, w, ys.start * w.width + xs.start, of)

    def first(f: Index) -> Value:
        if bias is None:
            return k.b.number(0, k.wide)
        return k.b.splat(k.b.load(bias, f, k.b.reals()), k.wide)

    _product(k, (filters, w.weights, w.places), lambda f, d: f * w.weights + d, weights, matrix, out, first)
    if not all_places:
        with k.b.loop(0, filters) as f, k.b.loop(0, w.rows) as y:
            goal = (f * rows + (y * ys.step + ys.start)) * columns + xs.start
            _spaced(k, out, (f * w.rows + y) * w.columns, 1, k.read.buffer(node), goal, xs.step, w.columns)


def filter_gradient(k: Kernel, node: Node, g: FilterGradient, place: int) -> None:
    """The errors times the windows: sums over all places in the lanes, then over the lanes."""
    b = k.b
    channels, height, width = sizes(g.x.shape[1:])
    filters, rows, columns = sizes(g.delta.shape[1:])
    n, m = height - rows + 1, width - columns + 1
    delta, (rows, columns), (down, across) = _without_zeros(k, g.delta)
    w = Windows(channels, height, width, n, m, rows, columns, down, across)
    matrix = _columns(k, k.read.buffer(g.x), w, of=k.read.group.base(g.x))
    per_tile, taps = rectangle(filters, n * m, k.registers)
    full = w.places // k.wide * k.wide

    def tile(f: Index, count: int, channel: Index, t: Index, size: int) -> None:
        sums = [b.register(b.number(0, k.wide)) for _ in range(count * size)]

        def add(p: Index, lanes: int) -> None:
            errors = [load_some(k, delta, (f + i) * w.places + p, lanes) for i in range(count)]
            for j in range(size):
                seen = load_some(k, matrix, (channel * (n * m) + t + j) * w.places + p, lanes)
                for i in range(count):
                    total = sums[i * size + j]
                    b.set(total, b.fma(errors[i], seen, b.get(total)))

        with b.loop(0, full, k.wide) as p:
            add(p, k.wide)
        if full < w.places:
            add(full, w.places - full)
        for i in range(count):
            ends = (channel, f + i) if g.by_channel else (f + i, channel)
            where = (ends[0] * (filters if g.by_channel else channels) + ends[1]) * (n * m) + t
            add_some(k, k.sums, where + place, [b.get(s) for s in sums[i * size : (i + 1) * size]])

    for f, count in parts(k, filters, per_tile):
        with b.loop(0, channels) as channel:
            for t, size in parts(k, n * m, taps):
                tile(f, count, channel, t, size)


def _spread(k: Kernel, node: Node, c: Convolution) -> None:
    """Each error times each filter, added where the filter's window was: no border is needed, nor computed with."""
    b = k.b
    filters, height, width = sizes(node.shape[1:])
    depth, rows, columns = sizes(c.x.shape[1:])
    n, m = sizes(node.inputs[1].shape)[2:]
    errors, places, steps = _without_zeros(k, c.x)
    w = Windows(filters, rows + n - 1, columns + m - 1, n, m, *places, *steps)
    products = k.take(w.weights * w.places)
    _product(
        k,
        (w.weights, depth, w.places),
        lambda t, d: d * w.weights + t,
        k.read.array(c.w),
        errors,
        products,
        lambda t: b.number(0, k.wide),
    )
    exact = (w.height, w.width) == (height, width) and (c.top, c.left) == (n - 1, m - 1)
    whole = k.read.buffer(node) if exact else k.take(filters * w.height * w.width)
    _clear(k, whole, filters * w.height * w.width)
    with b.loop(0, filters) as f, b.loop(0, n) as u, b.loop(0, m) as v, b.loop(0, w.rows) as y:
        source = (((f * n + u) * m + v) * w.rows + y) * w.columns
        target = (f * w.height + (y * w.down + u)) * w.width + v
        for i, lanes in runs(k, w.columns) if w.across == 1 else _one_by_one(k, w.columns):
            kind, at = b.reals(lanes), target + i * w.across
            b.store(whole, at, b.binary("fadd", b.load(whole, at, kind), b.load(products, source + i, kind)))
    if not exact:
        _cut(k, whole, w, (n - 1 - c.top, m - 1 - c.left), k.read.buffer(node), (filters, height, width))
    if c.b is not None:
        _add_bias(k, k.read.array(c.b), k.read.buffer(node), filters, height * width)


def _add_bias(k: Kernel, bias: Value, out: Value, filters: int, places: int) -> None:
    """A number of each filter, to all of its results."""
    with k.b.loop(0, filters) as f:
        number = k.b.load(bias, f, k.b.reals())
        for i, lanes in runs(k, places):
            at, kind = f * places + i, k.b.reals(lanes)
            k.b.store(out, at, k.b.binary("fadd", k.b.load(out, at, kind), k.b.splat(number, lanes)))


def _without_zeros(k: Kernel, delta: Node) -> tuple[Value, tuple[int, int], tuple[int, int]]:
    """The errors that a stride has not left out: where they are, how many there are, and how far they were apart."""
    maps, rows, columns = sizes(delta.shape[1:])
    (down, across), errors = dilation(delta), k.read.buffer(delta)
    if down == across == 1:
        return errors, (rows, columns), (1, 1)
    ys, xs = len(range(0, rows, down)), len(range(0, columns, across))
    dense = k.take(maps * ys * xs)
    with k.b.loop(0, maps) as f, k.b.loop(0, ys) as y:
        _spaced(k, errors, (f * rows + y * down) * columns, across, dense, (f * ys + y) * xs, 1, xs)
    return dense, (ys, xs), (down, across)


def _read_again(k: Kernel, x: Node) -> bool:
    """Whether a gradient of filters will need windows of these maps, too."""
    base = k.read.group.base(x)
    found = map(FilterGradient.of, k.read.group.loops)
    return any(g is not None and k.read.group.base(g.x) is base for g in found)


def _columns(k: Kernel, x: Value, w: Windows, start: int = 0, of: Node | None = None) -> Value:
    """The matrix of the windows from `start` on: a row for each weight of a filter, a column for each place.

    Those `of` a node are left for later loops, if they are not too many to stay in the cache.
    """
    if w.weights == w.channels and w.places == w.height * w.width:
        return x
    if of is None or w.weights * w.places > _KEPT:
        matrix = k.take(w.weights * w.places)
    else:
        matrix, there = k.keep((of, w, start), w.weights * w.places)
        if there:
            return matrix
    with k.b.loop(0, w.channels) as c, k.b.loop(0, w.n) as u, k.b.loop(0, w.m) as v, k.b.loop(0, w.rows) as y:
        source = (c * w.height + (y * w.down + u)) * w.width + v + start
        goal = (((c * w.n + u) * w.m + v) * w.rows + y) * w.columns
        _spaced(k, x, source, w.across, matrix, goal, 1, w.columns)
    return matrix


def _spaced(
    k: Kernel, source: Value, start: Index, step: int, target: Value, goal: Index, pace: int, count: int
) -> None:
    """`count` numbers from every `step`th place to every `pace`th one."""
    if step == pace == 1:
        copy(k, source, start, target, goal, count)
        return
    for i, _ in _one_by_one(k, count):
        k.b.store(target, goal + i * pace, k.b.load(source, start + i * step, k.b.reals()))


def _one_by_one(k: Kernel, count: int) -> Iterator[tuple[Index, int]]:
    with k.b.loop(0, count) as i:
        yield i, 1


def _product(
    k: Kernel,
    shape: tuple[int, int, int],
    weight: Callable[[Index, Index], Index],
    weights: Value,
    matrix: Value,
    out: Value,
    first: Callable[[Index], Value],
) -> None:
    """out[r, p] = first(r) + the sum over d of weights[weight(r, d)] matrix[d, p], in tiles of rows and vectors."""
    b, (rows, depth, columns) = k.b, shape

    def tile(r: Index, count: int, p: Index, widths: list[int]) -> None:
        start = [first(r + i) for i in range(count)]
        sums = [[b.register(value) for _ in widths] for value in start]
        with b.loop(0, depth) as d:
            seen = [load_some(k, matrix, d * columns + p + n * k.wide, size) for n, size in enumerate(widths)]
            for i in range(count):
                number = b.splat(b.load(weights, weight(r + i, d), b.reals()), k.wide)
                for total, value in zip(sums[i], seen, strict=True):
                    b.set(total, b.fma(number, value, b.get(total)))
        for i in range(count):
            for n, (total, size) in enumerate(zip(sums[i], widths, strict=True)):
                store_some(k, out, (r + i) * columns + p + n * k.wide, b.get(total), size)

    for p, widths in _vectors(k, columns, rows):
        per_tile = rectangle(rows, len(widths), k.registers)[0]
        for r, count in parts(k, rows, per_tile):
            tile(r, count, p, widths)


def _vectors(k: Kernel, columns: int, rows: int) -> Iterator[tuple[Index, list[int]]]:
    """The columns in groups of vectors, as many as fit the registers; the last vector may be a part of one."""
    vectors, rest = divmod(columns, k.wide)
    if vectors:
        for n, size in parts(k, vectors, rectangle(rows, vectors, k.registers)[1]):
            yield n * k.wide, [k.wide] * size
    if rest:
        yield vectors * k.wide, [rest]


def _clear(k: Kernel, target: Value, count: int) -> None:
    for i, lanes in runs(k, count):
        k.b.store(target, i, k.b.number(0, lanes))


def _bordered(
    k: Kernel, x: Value, shape: tuple[int, int, int], corner: tuple[int, int], size: tuple[int, int]
) -> Value:
    """A copy of maps within larger ones of zeros."""
    (channels, height, width), (top, left) = shape, corner
    wider = k.take(channels * size[0] * size[1])
    _clear(k, wider, channels * size[0] * size[1])
    with k.b.loop(0, channels) as c, k.b.loop(0, min(height, size[0] - top)) as y:
        copy(
            k,
            x,
            (c * height + y) * width,
            wider,
            (c * size[0] + (y + top)) * size[1] + left,
            min(width, size[1] - left),
        )
    return wider


def _cut(k: Kernel, whole: Value, w: Windows, corner: tuple[int, int], out: Value, shape: tuple[int, int, int]) -> None:
    """A part of maps: what lies outside of them is 0."""
    filters, height, width = shape
    top, left = corner
    _clear(k, out, filters * height * width)
    low, high = max(0, -top), min(height, w.height - top)
    first, last = max(0, -left), min(width, w.width - left)
    with k.b.loop(0, filters) as f, k.b.loop(low, high) as y:
        source = (f * w.height + (y + top)) * w.width + (first + left)
        copy(k, whole, source, out, (f * height + y) * width + first, max(0, last - first))
