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
from ...sliding import Slide
from ..ir.loops import Index, Value
from .kernel import Kernel, parts
from .output_range import each_group
from .tiling import rectangle
from .vectors import add_some, copy, load_some, runs, store_some

_KEPT = 1 << 16
"""Up to so many numbers are kept from the forward pass for the backward pass."""


@dataclass(frozen=True)
class Windows:
    """Where the filters of a group slide: over `channels` maps, along `rows` and `columns`."""

    channels: int
    rows: Slide
    columns: Slide

    @property
    def weights(self) -> int:
        """Of one filter."""
        return self.channels * self.rows.taps * self.columns.taps

    @property
    def places(self) -> int:
        """Of one filter."""
        return self.rows.results * self.columns.results

    @property
    def whole(self) -> bool:
        """Whether all that is seen is there, with no zeros between."""
        return all(slide.spread == 1 and all(phase.inside for phase in slide.phases()) for slide in self._slides)

    @property
    def one_by_one(self) -> bool:
        """Whether each place sees one unit, and they stand in the maps as in the results."""
        return all(slide.plain and slide.taps == 1 and slide.results == slide.length for slide in self._slides)

    @property
    def _slides(self) -> tuple[Slide, Slide]:
        return self.rows, self.columns


def convolution(k: Kernel, node: Node, c: Convolution) -> None:
    """The filters times the windows; with turned filters, the other way round."""
    if c.turned:
        _spread(k, node, c)
        return
    w = Windows(c.channels, c.rows, c.columns)
    weights, bias = k.read.array(c.w), None if c.b is None else k.read.array(c.b)
    with each_group(k, c.groups) as group:
        matrix = _columns(k, c.x, w, group, c.groups)

        def first(f: Index, group: Index = group) -> Value:
            if bias is None:
                return k.b.number(0, k.wide)
            return k.b.splat(k.b.load(bias, group * c.filters + f, k.b.reals()), k.wide)

        def weight(f: Index, d: Index, group: Index = group) -> Index:
            return (group * c.filters + f) * w.weights + d

        out = k.b.offset(k.read.buffer(node), group * (c.filters * w.places))
        matrix_product(k, (c.filters, w.weights, w.places), weight, weights, matrix, out, first)


def filter_gradient(k: Kernel, node: Node, g: FilterGradient, place: int) -> None:
    """The errors times the windows: sums over all places in the lanes, then over the lanes."""
    b, w, taps = k.b, Windows(g.channels, g.rows, g.columns), g.rows.taps * g.columns.taps
    delta, full = k.read.buffer(g.delta), w.places // k.wide * k.wide
    per_tile, at_once = rectangle(g.filters, taps, k.registers)

    def tile(matrix: Value, group: Index, f: Index, count: int, channel: Index, t: Index, size: int) -> None:
        sums = [b.register(b.number(0, k.wide)) for _ in range(count * size)]

        def add(p: Index, lanes: int) -> None:
            errors = [load_some(k, delta, (group * g.filters + f + i) * w.places + p, lanes) for i in range(count)]
            for j in range(size):
                seen = load_some(k, matrix, (channel * taps + t + j) * w.places + p, lanes)
                for i in range(count):
                    total = sums[i * size + j]
                    b.set(total, b.fma(errors[i], seen, b.get(total)))

        with b.loop(0, full, k.wide) as p:
            add(p, k.wide)
        if full < w.places:
            add(full, w.places - full)
        for i in range(count):
            if g.by_channel:
                row = (group * g.channels + channel) * g.filters + (f + i)
            else:
                row = (group * g.filters + f + i) * g.channels + channel
            add_some(k, k.sums, row * taps + t + place, [b.get(s) for s in sums[i * size : (i + 1) * size]])

    with each_group(k, g.groups) as group:
        matrix = _columns(k, g.x, w, group, g.groups)
        for f, count in parts(k, g.filters, per_tile):
            with b.loop(0, g.channels) as channel:
                for t, size in parts(k, taps, at_once):
                    tile(matrix, group, f, count, channel, t, size)


def _spread(k: Kernel, node: Node, c: Convolution) -> None:
    """Each error times each filter, added where the filter's window was: no border is needed, nor computed with."""
    b, (rows, columns) = k.b, (c.rows, c.columns)
    area, errors = rows.taps * columns.taps, rows.length * columns.length
    height, width = (slide.spread * (slide.length - 1) + slide.gap * (slide.taps - 1) + 1 for slide in (rows, columns))
    top, left = (slide.gap * (slide.taps - 1) - slide.before for slide in (rows, columns))
    shape = (c.filters, rows.results, columns.results)
    exact = (height, width, top, left) == (*shape[1:], 0, 0)
    products = k.take(c.filters * area * errors)
    room = None if exact else k.take(c.filters * height * width)
    with each_group(k, c.groups) as group:
        source = k.b.offset(k.read.buffer(c.x), group * (c.channels * errors))
        weights = k.b.offset(k.read.array(c.w), group * (c.channels * c.filters * area))
        out = k.b.offset(k.read.buffer(node), group * (c.filters * rows.results * columns.results))
        matrix_product(
            k,
            (c.filters * area, c.channels, errors),
            lambda t, d: d * (c.filters * area) + t,
            weights,
            source,
            products,
            lambda t: b.number(0, k.wide),
        )
        whole = room or out
        _clear(k, whole, c.filters * height * width)
        with (
            b.loop(0, c.filters) as f,
            b.loop(0, rows.taps) as u,
            b.loop(0, columns.taps) as v,
            b.loop(0, rows.length) as y,
        ):
            start = (((f * rows.taps + u) * columns.taps + v) * rows.length + y) * columns.length
            target = (f * height + (y * rows.spread + u * rows.gap)) * width + v * columns.gap
            for i, lanes in runs(k, columns.length) if columns.spread == 1 else _one_by_one(k, columns.length):
                kind, at = b.reals(lanes), target + i * columns.spread
                b.store(whole, at, b.binary("fadd", b.load(whole, at, kind), b.load(products, start + i, kind)))
        if room is not None:
            _cut(k, room, (height, width), (top, left), out, shape)
        if c.b is not None:
            _add_bias(k, k.b.offset(k.read.array(c.b), group * c.filters), out, shape)


def _add_bias(k: Kernel, bias: Value, out: Value, shape: tuple[int, int, int]) -> None:
    filters, height, width = shape
    with k.b.loop(0, filters) as f:
        number = k.b.load(bias, f, k.b.reals())
        for i, lanes in runs(k, height * width):
            at, kind = f * (height * width) + i, k.b.reals(lanes)
            k.b.store(out, at, k.b.binary("fadd", k.b.load(out, at, kind), k.b.splat(number, lanes)))


def _read_again(k: Kernel, x: Node) -> bool:
    """Whether gradients of filters will need windows of these maps, too."""
    base = k.read.group.base(x)
    found = map(FilterGradient.of, k.read.group.loops)
    return any(g is not None and k.read.group.base(g.x) is base for g in found)


def _columns(k: Kernel, x: Node, w: Windows, group: Index, groups: int) -> Value:
    """The matrix of the windows on the maps of a group: a row for each weight of a filter, a column for each place.

    It is left for later loops, if it is not too large to stay in the cache, and something will read it.
    """
    (rows, columns), (height, width) = (w.rows, w.columns), (w.rows.length, w.columns.length)
    source = k.b.offset(k.read.buffer(x), group * (w.channels * height * width))
    if w.one_by_one:
        return source
    base = k.read.group.base(x)
    if groups > 1 or w.weights * w.places > _KEPT or not _read_again(k, x):
        matrix = k.take(w.weights * w.places)
    else:
        matrix, there = k.keep((base, w), w.weights * w.places)
        if there:
            return matrix
    top, left = -rows.before, -columns.before
    if not w.whole:
        source, height, width = _laid_out(k, source, w)
        top = left = 0
    with (
        k.b.loop(0, w.channels) as c,
        k.b.loop(0, rows.taps) as u,
        k.b.loop(0, columns.taps) as v,
        k.b.loop(0, rows.results) as y,
    ):
        start = (c * height + (y * rows.step + u * rows.gap + top)) * width + (v * columns.gap + left)
        goal = (((c * rows.taps + u) * columns.taps + v) * rows.results + y) * columns.results
        _spaced(k, source, start, columns.step, matrix, goal, 1, columns.results)
    return matrix


def _laid_out(k: Kernel, x: Value, w: Windows) -> tuple[Value, int, int]:
    """A copy of maps with the zeros that windows see: from the first window's corner on, and only what is seen."""
    slides = (w.rows, w.columns)
    height, width = (s.step * (s.results - 1) + s.gap * (s.taps - 1) + 1 for s in slides)
    wider = k.take(w.channels * height * width)
    _clear(k, wider, w.channels * height * width)
    (low, high), (first, last) = (_there(s, size) for s, size in zip(slides, (height, width), strict=True))
    rows, columns = slides
    with k.b.loop(0, w.channels) as c, k.b.loop(low, high) as y:
        start = (c * rows.length + y) * columns.length + first
        goal = (c * height + (y * rows.spread + rows.before)) * width + (first * columns.spread + columns.before)
        _spaced(k, x, start, 1, wider, goal, columns.spread, max(0, last - first))
    return wider, height, width


def _there(slide: Slide, size: int) -> tuple[int, int]:
    """From which to below which unit lies within `size` positions from the first that is seen on."""
    first = max(0, -(slide.before // slide.spread))
    return first, max(first, min(slide.length, (size - 1 - slide.before) // slide.spread + 1))


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


def matrix_product(
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


def _cut(
    k: Kernel,
    whole: Value,
    size: tuple[int, int],
    corner: tuple[int, int],
    out: Value,
    shape: tuple[int, int, int],
) -> None:
    """A part of maps, from a corner on: what lies outside of them is 0."""
    (filters, height, width), (rows, columns), (top, left) = shape, size, corner
    _clear(k, out, filters * height * width)
    low, high = max(0, -top), max(0, min(height, rows - top))
    first, last = max(0, -left), min(width, columns - left)
    with k.b.loop(0, filters) as f, k.b.loop(min(low, high), high) as y:
        source = (f * rows + (y + top)) * columns + (first + left)
        copy(k, whole, source, out, (f * height + y) * width + first, max(0, last - first))
