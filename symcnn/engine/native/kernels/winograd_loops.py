"""The loops of convolutions, and of gradients of filters, that take columns in pairs: with Winograd's products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from ....graph.node import Node
from ..ir.loops import Index, Register, Value
from . import winograd
from .filter_gradient import GradientPart, GradientTile, Key, Sums
from .kernel import NEAR, Kernel, parts
from .output_range import Part, weight_place
from .vectors import runs
from .winograd import PRODUCTS, threes


def convolution(k: Kernel, node: Node, part: Part, tile: tuple[int, int]) -> None:
    """Tiles of filters and pairs of columns.

    If there are many channels, they are taken in blocks, of which the rows that a tile reads stay in half of the cache;
    the other half is for weights and results. (A block may be half as large again before there is another.)
    """
    b, c, (per_tile, pairs) = k.b, part.c, tile
    rows = len(part.rows.taps)
    blocks = max(1, round(2 * k.nbytes(c.channels * rows * (2 * pairs + c.columns.taps - 1)) / NEAR))
    block = -(-c.channels // blocks)
    height = len(part.rows.results)
    for first, count in parts(k, c.filters, per_tile):
        results = _Results(k, node, part, _Weights(k, part, first, count))
        for x, size in part.tiles(k, 2 * pairs):
            odd = size % 2  # the first tile is whole, so before another there is a column, which is computed again
            place = x - odd, (size + odd) // 2
            if blocks == 1:
                with b.loop(0, height) as y:
                    results.write(y, *place)
                continue
            with b.loop(0, height) as y:
                results.begin(y, *place)
            with b.loop(0, c.channels, block) as channel, b.loop(0, height) as y:
                results.add((channel, b.smaller(channel + block, c.channels)), y, *place)


class _Results:
    """The results of some filters, in pairs of columns."""

    def __init__(self, k: Kernel, node: Node, part: Part, weights: _Weights) -> None:
        self.k, self.part, self.weights = k, part, weights
        self._maps, self._out = k.read.buffer(part.c.x), k.read.buffer(node)

    def write(self, y: Index, x: Index, pairs: int) -> None:
        """The results in row y, in `pairs` pairs of columns from x on."""
        zero = self.k.zero()
        starts = [[zero, self._bias(f), zero, zero] for f in range(self.weights.count)]  # p1 is in both results
        for place, z in self._pairs((0, self.part.c.channels), starts, y, x, pairs):
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
        k, c = self.k, self.part.c
        number = self.part.group * c.filters + self.weights.first + f
        return k.zero() if c.b is None else k.spread(k.read.array(c.b), number)

    def _place(self, f: int, y: Index, x: Index) -> Index:
        return self.part.result(self.weights.first + f, y, x)

    def _pairs(
        self, channels: tuple[Index, Index], starts: list[list[Value]], y: Index, x: Index, pairs: int
    ) -> Iterator[tuple[Index, Value]]:
        """Where each result is, and what some channels add to it; the four sums of each pair begin with `starts`."""
        k, part, b = self.k, self.part, self.k.b
        sums = [[[b.register(start) for start in four] for _ in range(pairs)] for four in starts]
        with b.loop(*channels) as channel, b.loop(*part.rows_within(k, y)) as u:
            start, origin, width = part.seen(channel, y, u, x), part.columns.origin, part.columns.length

            @cache
            def value(i: int) -> Value | None:
                outside = isinstance(x, int) and not 0 <= x + i + origin < width
                return None if outside else k.load(self._maps, start + i)

            for v, taps in threes(part.c.columns.taps):
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

    def __init__(self, k: Kernel, part: Part, first: Index, count: int) -> None:
        self.k, self.part, self.first, self.count = k, part, first, count
        c = part.c
        self._area, self._m = c.rows.taps * c.columns.taps, c.columns.taps
        self._array = k.read.array(c.w)
        needed = {(taps, n) for _, taps in threes(self._m) if taps > 1 for n in PRODUCTS[taps] if n in (1, 2)}
        self._sums = {key: k.take(count * c.channels * self._area) for key in sorted(needed)}
        if c.turned:
            with k.b.loop(0, c.channels) as channel:
                self._fill(((part.group * c.channels + channel) * c.filters + first) * self._area, channel, count)
        else:
            self._fill((part.group * c.filters + first) * (c.channels * self._area), 0, count * c.channels)

    def _fill(self, source: Index, block: Index, filters: int) -> None:
        """Write the sums of so many filters' taps, which stand one after the other."""
        b, length = self.k.b, filters * self._area
        for taps in sorted({taps for taps, _ in self._sums}):
            for i, lanes in runs(self.k, length - taps + 1):
                g = [b.load(self._array, source + (i + d), b.reals(lanes)) for d in range(taps)]
                for n, value in winograd.of_taps(b, g).items():
                    b.store(self._sums[taps, n], block * length + i, value)

    def at(self, f: int, channel: Index, u: Index, v: int, taps: int, n: int) -> Value:
        """What product n has of the taps from column v on, in row u of a filter."""
        b, c, sums = self.k.b, self.part.c, self._sums.get((taps, n))
        if sums is not None:
            last = v + taps - 1 if c.turned else v  # turned, the last tap is the first in memory
            some = replace(c, filters=self.count)
            return b.load(sums, weight_place(some, 0, f, channel, self._row(u), last), b.reals())
        tap = v if n == 0 else v + taps - 1
        return b.load(self._array, self.part.weight(self.first + f, channel, u, tap), b.reals())

    def _row(self, u: Index) -> Index:
        """The number of a row of taps among all of the filter."""
        taps = self.part.rows.taps
        return u * taps.step + taps.start


class PairsOfErrors(GradientTile):
    """Two neighbouring errors at a time, with `taps` in threes: each by its first column and its size."""

    def __init__(self, part: GradientPart, filters: tuple[Index, int], taps: list[tuple[int, int]]) -> None:
        first = taps[0][0]
        self._taps = [(v - first, size) for v, size in taps]
        keys = [(f, v, n) for f in range(filters[1]) for v, size in self._taps for n in PRODUCTS[size]]
        super().__init__(part, filters, first, keys)

    def add_row(self, sums: Sums, error: Index, seen: Index) -> None:
        columns = len(self.part.columns.results)
        pairs = columns // 2 * 2
        with self.k.b.loop(0, pairs, 2) as column:
            self._add(sums, error + column, seen + column, 2)
        if pairs < columns:
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
