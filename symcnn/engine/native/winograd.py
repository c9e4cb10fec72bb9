"""Convolutions with fewer products: two neighbouring results of three taps take four products instead of six.

For results z0, z1 of values d0 .. d3 and taps g0 .. g2, with h = (g0 + g2) / 2::

    p0 = (d0 - d2) g0               z0 = p0 + p1 + p2
    p1 = (d1 + d2) (h + g1 / 2)     z1 = p1 - p2 - p3
    p2 = (d2 - d1) (h - g1 / 2)
    p3 = (d1 - d3) g2

This is F(2, 3) of S. Winograd (Arithmetic Complexity of Computations, SIAM 1980), which A. Lavin and S. Gray brought to
convolutional networks (arXiv 1509.09308). A longer row of taps is taken in threes; of a rest of two, p0, p1 and p3 are
made alike, and of one, p0 and p3. The sums of products over channels and rows are kept in registers, and only at the
end become results. The sums of taps are made once for a tile of filters, those of values on their way to the products.

Results are rounded like sums of products of the largest of the four values and the largest of the three taps: where
these are of one size, as in networks, that is as exact as the direct way; a small result beside large ones is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from ...graph.node import Node
from .gradient import GradientTile, Key, Sums
from .kernels import NEAR, Kernel, parts, sizes
from .loops import Builder, Index, Register, Value
from .patterns import Convolution, FilterGradient
from .places import Places, column_tiles, rows_within
from .tile import PRODUCTS, threes
from .vectors import runs

At = Callable[[int], Value | None]
"""A value by its distance from the first; None where there is nothing but 0."""


def winograd(k: Kernel, node: Node, c: Convolution, p: Places, tile: tuple[int, int]) -> None:
    """Tiles of filters and pairs of columns; a block of channels, which stays near for all rows, after the other."""
    b, (per_tile, pairs) = k.b, tile
    filters, channels, n, m = sizes(node.inputs[1].shape)
    blocks = max(1, round(2 * channels * n * (2 * pairs + m - 1) * k.lanes / NEAR))
    block = -(-channels // blocks)
    rows = p.rows.start, p.rows.stop, p.rows.step
    for first, count in parts(k, filters, per_tile):
        results = _Results(k, node, c, p, Weights(k, node, c, first, count))
        for x, size in column_tiles(k, node, c, p, 2 * pairs):
            odd = size % 2  # then a column of the tile before is computed again
            place = x - odd, (size + odd) // 2
            if blocks == 1:
                with b.loop(*rows) as y:
                    results.write(y, *place)
                continue
            with b.loop(*rows) as y:
                results.begin(y, *place)
            with b.loop(0, channels, block) as channel, b.loop(*rows) as y:
                results.add((channel, b.smaller(channel + block, channels)), y, *place)


class _Results:
    """The results of some filters, in pairs of columns."""

    def __init__(self, k: Kernel, node: Node, c: Convolution, p: Places, weights: Weights) -> None:
        self.k, self.node, self.c, self.p, self.weights = k, node, c, p, weights
        self._maps, self._out = k.read.buffer(c.x), k.read.buffer(node)

    def write(self, y: Index, x: Index, pairs: int) -> None:
        """The results in row y, in `pairs` pairs of columns from x on."""
        zero = self.k.zero()
        starts = [[zero, self._bias(f), zero, zero] for f in range(self.weights.count)]  # in both, through the second
        channels = sizes(self.c.x.shape[1:])[0]
        for place, z in self._pairs((0, channels), starts, y, x, pairs):
            self.k.write(self._out, place, z)

    def begin(self, y: Index, x: Index, pairs: int) -> None:
        """Results without any channel."""
        for f in range(self.weights.count):
            for j in range(2 * pairs):
                self.k.write(self._out, self._place(f, y, x + j), self._bias(f))

    def add(self, channels: tuple[Index, Index], y: Index, x: Index, pairs: int) -> None:
        """What a block of channels adds to them."""
        starts = [[self.k.zero()] * 4] * self.weights.count
        for place, z in self._pairs(channels, starts, y, x, pairs):
            self.k.write(self._out, place, self.k.b.binary("fadd", self.k.load(self._out, place), z))

    def _bias(self, f: int) -> Value:
        k, bias = self.k, self.c.b
        return k.zero() if bias is None else k.spread(k.read.array(bias), self.weights.first + f)

    def _place(self, f: int, y: Index, x: Index) -> Index:
        _, height, width = sizes(self.node.shape[1:])
        return ((self.weights.first + f) * height + y) * width + x

    def _pairs(
        self, channels: tuple[Index, Index], starts: list[list[Value]], y: Index, x: Index, pairs: int
    ) -> Iterator[tuple[Index, Value]]:
        """Where each result is, and what some channels add to it; the four sums of each pair begin with `starts`."""
        k, c, b = self.k, self.c, self.k.b
        height, width = sizes(c.x.shape[2:])
        sums = [[[b.register(start) for start in four] for _ in range(pairs)] for four in starts]
        with b.loop(*channels) as channel, b.loop(*rows_within(k, self.node, c, self.p, y), self.p.pace[0]) as u:
            start = (channel * height + (y + u - c.top)) * width + (x - c.left)

            @cache
            def at(i: int) -> Value | None:
                outside = isinstance(x, int) and not 0 <= x + i - c.left < width
                return None if outside else k.load(self._maps, start + i)

            self._add(sums, at, channel, u)
        for f, row in enumerate(sums):
            for q, four in enumerate(row):
                p0, p1, p2, p3 = map(b.get, four)
                yield self._place(f, y, x + 2 * q), b.binary("fadd", b.binary("fadd", p0, p2), p1)
                yield self._place(f, y, x + (2 * q + 1)), b.binary("fsub", b.binary("fsub", p1, p2), p3)

    def _add(self, sums: list[list[list[Register]]], at: At, channel: Index, u: Index) -> None:
        """All products with a row of the filters."""
        b = self.k.b
        for v, taps in threes(sizes(self.node.inputs[1].shape)[3]):
            for n in PRODUCTS[taps]:
                values = [combined(b, lambda i, s=v + 2 * q: at(s + i), taps, n) for q in range(len(sums[0]))]  # type: ignore[misc]
                for f, row in enumerate(sums) if any(values) else ():
                    weight = b.splat(self.weights.at(f, channel, u, v, taps, n), self.k.lanes)
                    for four, value in zip(row, values, strict=True):
                        if value is not None:
                            b.set(four[n], b.fma(weight, value, b.get(four[n])))


def combined(b: Builder, at: At, taps: int, n: int) -> Value | None:
    """What product n has of the values."""
    match taps, n:
        case 3, 0:
            return _difference(b, at(0), at(2))
        case 3, 1:
            return _sum(b, at(1), at(2))
        case 3, 2:
            return _difference(b, at(2), at(1))
        case 3, 3:
            return _difference(b, at(1), at(3))
        case 2, 0:
            return _difference(b, at(0), at(1))
        case 2, 3:
            return _difference(b, at(1), at(2))
        case 2, 1:
            return at(1)
        case 1, 0:
            return at(0)
    return _difference(b, None, at(1))


def _sum(b: Builder, x: Value | None, y: Value | None) -> Value | None:
    if x is None or y is None:
        return y if x is None else x
    return b.binary("fadd", x, y)


def _difference(b: Builder, x: Value | None, y: Value | None) -> Value | None:
    if y is None:
        return x
    return b.unary("fneg", y) if x is None else b.binary("fsub", x, y)


class Weights:
    """The weights of `count` filters from `first` on, and the sums of neighbours that products need."""

    def __init__(self, k: Kernel, node: Node, c: Convolution, first: Index, count: int) -> None:
        self.k, self.c, self.first, self.count = k, c, first, count
        self._filters, self._channels, self._n, self._m = sizes(node.inputs[1].shape)
        self._array = k.read.array(c.w)
        taps = {t for _, t in threes(self._m)}
        numbers = count * self._channels * self._n * self._m
        self._made = {key: k.take(numbers) for key in ((3, 1), (3, 2), (2, 1)) if key[0] in taps}
        if c.turned:
            with k.b.loop(0, self._channels) as channel:
                self._fill((channel * self._filters + first) * (self._n * self._m), channel, count)
        else:
            self._fill(first * (self._channels * self._n * self._m), 0, count * self._channels)

    def _fill(self, source: Index, block: Index, filters: int) -> None:
        """The sums at all places of some rows, those between two rows, too, which nobody needs."""
        k, b, length = self.k, self.k.b, filters * self._n * self._m
        target, half = block * length, k.b.number(0.5)
        for i, lanes in runs(k, length - 2):
            first, middle, last = (b.load(self._array, source + (i + d), b.reals(lanes)) for d in range(3))
            half = b.number(0.5, lanes)
            ends, middle = b.binary("fmul", b.binary("fadd", first, last), half), b.binary("fmul", middle, half)
            b.store(self._made[3, 1], target + i, b.binary("fadd", ends, middle))
            b.store(self._made[3, 2], target + i, b.binary("fsub", ends, middle))
        if (2, 1) in self._made:
            for i, lanes in runs(k, length - 1):
                pair = [b.load(self._array, source + (i + d), b.reals(lanes)) for d in range(2)]
                b.store(self._made[2, 1], target + i, b.binary("fadd", *pair))

    def at(self, f: int, channel: Index, u: Index, v: int, taps: int, n: int) -> Value:
        """What product n has of the taps from column v on, in row u of a filter."""
        b, made = self.k.b, self._made.get((taps, n))
        if made is not None:
            return b.load(made, self._place(f, channel, u, self._low(v, taps), 0, self.count), b.reals())
        last = taps - 1 if n else 0
        column = self._m - 1 - v - last if self.c.turned else v + last
        return b.load(self._array, self._place(f, channel, u, column, self.first, self._filters), b.reals())

    def _low(self, v: int, taps: int) -> int:
        return self._m - v - taps if self.c.turned else v

    def _place(self, f: int, channel: Index, u: Index, column: int, first: Index, filters: int) -> Index:
        if self.c.turned:
            row = (channel * filters + (first + f)) * self._n + (u * -1 + (self._n - 1))
        else:
            row = ((first + f) * self._channels + channel) * self._n + u
        return row * self._m + column


class PairsOfErrors(GradientTile):
    """Two neighbouring errors at a time, with threes of `taps`: the same products; taps are made at the end."""

    def __init__(
        self, k: Kernel, g: FilterGradient, place: int, filters: tuple[Index, int], taps: list[tuple[int, int]]
    ) -> None:
        start = taps[0][0]
        near = [(v - start, size) for v, size in taps]
        keys = [(f, v, p) for f in range(filters[1]) for v, size in near for p in PRODUCTS[size]]
        super().__init__(k, g, place, filters, start, near, keys)

    def add_row(self, sums: Sums, error: Index, seen: Index) -> None:
        pairs = self.columns // 2 * 2
        with self.k.b.loop(0, pairs, 2) as column:
            self._add(sums, error + column, seen + column, 2)
        if pairs < self.columns:
            self._add(sums, error + pairs, seen + pairs, 1)

    def _add(self, sums: Sums, error: Index, seen: Index, columns: int) -> None:
        b, errors = self.k.b, []
        for f in range(self.count):
            e = [self.error(f, error + j) for j in range(columns)]
            errors.append([e[0], b.binary("fadd", *e), b.binary("fsub", *e), e[1]] if columns == 2 else [e[0]] * 3)
        at = cache(lambda i: self.seen(seen + i))
        for p in range(4 if columns == 2 else 3):
            for v, taps in self.taps:
                if p in PRODUCTS[taps]:
                    value = combined(b, lambda i, v=v: at(v + i), taps, p)  # type: ignore[misc]
                    assert value is not None
                    for f in range(self.count):
                        b.set(sums[f, v, p], b.fma(errors[f][p], value, b.get(sums[f, v, p])))

    def gradients(self, products: dict[Key, Value], f: int) -> list[Value]:
        b, half, found = self.k.b, self.k.b.number(0.5, self.k.lanes), []
        for v, taps in self.taps:
            p = {n: products[f, v, n] for n in PRODUCTS[taps]}
            if taps == 1:
                found.append(b.binary("fsub", p[0], p[3]))
            elif taps == 2:
                found += [b.binary("fadd", p[0], p[1]), b.binary("fsub", p[1], p[3])]
            else:
                ends = b.binary("fmul", b.binary("fadd", p[1], p[2]), half)
                middle = b.binary("fmul", b.binary("fsub", p[1], p[2]), half)
                found += [b.binary("fadd", p[0], ends), middle, b.binary("fsub", ends, p[3])]
        return found
