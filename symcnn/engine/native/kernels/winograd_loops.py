"""The loops of convolutions, and of gradients of filters, that take columns in pairs: with Winograd's products."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from ....graph.node import Node
from ...patterns import Convolution, FilterGradient
from ..ir.loops import Index, Register, Value
from . import winograd
from .filter_gradient import GradientTile, Key, Sums
from .kernel import NEAR, Kernel, parts, sizes
from .output_range import Places, column_tiles, rows_within
from .vectors import runs
from .winograd import PRODUCTS, threes


def convolution(k: Kernel, node: Node, c: Convolution, p: Places, tile: tuple[int, int]) -> None:
    """Tiles of filters and pairs of columns.

    If there are many channels, they are taken in blocks, of which the rows that a tile reads stay in half of the cache;
    the other half is for weights and results. (A block may be half as large again before there is another.)
    """
    b, (per_tile, pairs) = k.b, tile
    filters, channels, n, m = sizes(node.inputs[1].shape)
    blocks = max(1, round(2 * k.nbytes(channels * n * (2 * pairs + m - 1)) / NEAR))
    block = -(-channels // blocks)
    rows = p.rows.start, p.rows.stop, p.rows.step
    for first, count in parts(k, filters, per_tile):
        results = _Results(k, node, c, p, _Weights(k, node, c, first, count))
        for x, size in column_tiles(k, node, c, p, 2 * pairs):
            odd = size % 2  # the first tile is whole, so before another there is a column, which is computed again
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

    def __init__(self, k: Kernel, node: Node, c: Convolution, p: Places, weights: _Weights) -> None:
        self.k, self.node, self.c, self.p, self.weights = k, node, c, p, weights
        self._maps, self._out = k.read.buffer(c.x), k.read.buffer(node)

    def write(self, y: Index, x: Index, pairs: int) -> None:
        """The results in row y, in `pairs` pairs of columns from x on."""
        zero = self.k.zero()
        starts = [[zero, self._bias(f), zero, zero] for f in range(self.weights.count)]  # p1 is in both results
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
        starts = [[self.k.zero() for _ in range(4)] for _ in range(self.weights.count)]
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
            def value(i: int) -> Value | None:
                outside = isinstance(x, int) and not 0 <= x + i - c.left < width
                return None if outside else k.load(self._maps, start + i)

            for v, taps in threes(sizes(self.node.inputs[1].shape)[3]):
                seen = [[value(v + 2 * q + i) for i in range(taps + 1)] for q in range(pairs)]
                self._add_products(sums, seen, channel, u, v)
        for f, row in enumerate(sums):
            for q, four in enumerate(row):
                for i, z in enumerate(winograd.results(b, [b.get(s) for s in four])):
                    yield self._place(f, y, x + (2 * q + i)), z

    def _add_products(
        self, sums: list[list[list[Register]]], seen: list[list[Value | None]], channel: Index, u: Index, v: int
    ) -> None:
        """The products of some neighbouring taps, from v on, with what each pair sees."""
        b, taps = self.k.b, len(seen[0]) - 1
        for n in PRODUCTS[taps]:
            values = [winograd.of_values(b, d, n) for d in seen]
            if not any(values):
                continue
            for f, row in enumerate(sums):
                weight = b.splat(self.weights.at(f, channel, u, v, taps, n), self.k.lanes)
                for four, value in zip(row, values, strict=True):
                    if value is not None:
                        b.set(four[n], b.fma(weight, value, b.get(four[n])))


class _Weights:
    """The weights of `count` filters from `first` on, and the sums of neighbours that products have.

    These are made, in whole vectors, for every place where a row of two or three taps could begin.
    """

    def __init__(self, k: Kernel, node: Node, c: Convolution, first: Index, count: int) -> None:
        self.k, self.c, self.first, self.count = k, c, first, count
        self._filters, self._channels, self._n, self._m = sizes(node.inputs[1].shape)
        self._array = k.read.array(c.w)
        numbers = count * self._channels * self._n * self._m
        needed = {(taps, n) for _, taps in threes(self._m) if taps > 1 for n in PRODUCTS[taps] if n in (1, 2)}
        self._sums = {key: k.take(numbers) for key in sorted(needed)}
        if c.turned:
            with k.b.loop(0, self._channels) as channel:
                self._fill((channel * self._filters + first) * (self._n * self._m), channel, count)
        else:
            self._fill(first * (self._channels * self._n * self._m), 0, count * self._channels)

    def _fill(self, source: Index, block: Index, filters: int) -> None:
        """Write the sums of so many filters' taps, which stand one after the other."""
        b, length = self.k.b, filters * self._n * self._m
        for taps in sorted({taps for taps, _ in self._sums}):
            for i, lanes in runs(self.k, length - taps + 1):
                g = [b.load(self._array, source + (i + d), b.reals(lanes)) for d in range(taps)]
                for n, value in winograd.of_taps(b, g).items():
                    b.store(self._sums[taps, n], block * length + i, value)

    def at(self, f: int, channel: Index, u: Index, v: int, taps: int, n: int) -> Value:
        """What product n has of the taps from column v on, in row u of a filter."""
        b, sums = self.k.b, self._sums.get((taps, n))
        if sums is not None:
            low = self._m - v - taps if self.c.turned else v  # turned, the last tap is the first in memory
            return b.load(sums, self._place(f, channel, u, low, 0, self.count), b.reals())
        tap = v if n == 0 else v + taps - 1
        column = self._m - 1 - tap if self.c.turned else tap
        return b.load(self._array, self._place(f, channel, u, column, self.first, self._filters), b.reals())

    def _place(self, f: int, channel: Index, u: Index, column: int, first: Index, filters: int) -> Index:
        if self.c.turned:
            row = (channel * filters + (first + f)) * self._n + (u * -1 + (self._n - 1))
        else:
            row = ((first + f) * self._channels + channel) * self._n + u
        return row * self._m + column


class PairsOfErrors(GradientTile):
    """Two neighbouring errors at a time, with `taps` in threes: each by its first column and its size."""

    def __init__(
        self, k: Kernel, g: FilterGradient, place: int, filters: tuple[Index, int], taps: list[tuple[int, int]]
    ) -> None:
        first = taps[0][0]
        self._taps = [(v - first, size) for v, size in taps]
        keys = [(f, v, n) for f in range(filters[1]) for v, size in self._taps for n in PRODUCTS[size]]
        super().__init__(k, g, place, filters, first, keys)

    def add_row(self, sums: Sums, error: Index, seen: Index) -> None:
        pairs = self.columns // 2 * 2
        with self.k.b.loop(0, pairs, 2) as column:
            self._add(sums, error + column, seen + column, 2)
        if pairs < self.columns:
            self._add(sums, error + pairs, seen + pairs, 1)

    def _add(self, sums: Sums, error: Index, seen: Index, columns: int) -> None:
        """The products of one or two neighbouring errors."""
        b = self.k.b
        of_errors = [
            winograd.of_errors(b, [self.error(f, error + j) for j in range(columns)]) for f in range(self.count)
        ]
        value = cache(lambda i: self.seen(seen + i))
        needed = [0, 1, 2, 3] if columns == 2 else [0, 1, 2]
        for n in needed:
            for v, taps in self._taps:
                if n not in PRODUCTS[taps]:
                    continue
                reach = taps + 1 if columns == 2 else taps  # the last value is p3's alone
                d = [value(v + i) if i < reach else None for i in range(taps + 1)]
                of_values = winograd.of_values(b, d, n)
                assert of_values is not None
                for f in range(self.count):
                    b.set(sums[f, v, n], b.fma(of_errors[f][n], of_values, b.get(sums[f, v, n])))

    def gradients(self, sums: dict[Key, Value], f: int) -> list[Value]:
        return [
            tap
            for v, taps in self._taps
            for tap in winograd.gradients(self.k.b, {n: sums[f, v, n] for n in PRODUCTS[taps]})
        ]
