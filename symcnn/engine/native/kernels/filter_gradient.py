"""The loops of a gradient of filters: sums over all places of a map, and over the images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ...patterns import FilterGradient
from ...sliding import Phase
from ..ir.loops import Index, Register, Value
from .kernel import NEAR, Kernel
from .vectors import add_some

Key = tuple[int, int, int]
"""Of a sum: the number of the filter in its tile, how far its column is from the first, and which product is summed."""
Sums = dict[Key, Register]


@dataclass(frozen=True)
class Bordered:
    """Maps in memory with all that is seen of them: `top` rows and `left` columns stand in front of the first unit."""

    values: Value
    height: int
    width: int
    top: int = 0
    left: int = 0


@dataclass(frozen=True)
class GradientPart:
    """The weights of a group that meet the same errors.

    Attributes
    ----------
    k : Kernel
    g : FilterGradient
    maps : Bordered
    group : Index
        The number of the group.
    rows, columns : Phase
    place : int
        Where the gradient begins among the sums.
    """

    k: Kernel
    g: FilterGradient
    maps: Bordered
    group: Index
    rows: Phase
    columns: Phase
    place: int

    def error(self, f: Index, row: Index) -> Index:
        """Where the errors of a row begin, of filter number f."""
        g, rows, columns = self.g, self.rows.results, self.columns.results
        y = row * rows.step + rows.start
        return ((self.group * g.filters + f) * g.rows.results + y) * g.columns.results + columns.start

    def seen(self, channel: Index, row: Index, u: Index, v: Index) -> Index:
        """Where what a row of errors has seen begins, by the weights (u, v)."""
        maps, rows, columns = self.maps, self.rows, self.columns
        y = row * rows.across + u * rows.along + (rows.origin + maps.top)
        x = v * columns.along + (columns.origin + maps.left)
        return ((self.group * self.g.channels + channel) * maps.height + y) * maps.width + x

    def gradient(self, f: Index, channel: Index, u: Index, v: Index) -> Index:
        """Where the gradient of weight (u, v) is among the sums."""
        g, (n, m) = self.g, (self.g.rows.taps, self.g.columns.taps)
        if g.by_channel:
            row = (self.group * g.channels + channel) * g.filters + f
        else:
            row = (self.group * g.filters + f) * g.channels + channel
        u, v = (number * p.taps.step + p.taps.start for number, p in ((u, self.rows), (v, self.columns)))
        return (row * n + u) * m + v + self.place


class GradientTile(ABC):
    """Some neighbouring columns of some filters, in all rows and channels.

    If errors and maps are too large to stay in the cache, some rows of errors are gone through for all of these before
    the next rows; the sums are in memory meanwhile.

    Parameters
    ----------
    part : GradientPart
    filters : (Index, int)
        The first of them, and how many there are.
    column : Index
        The first column of them.
    keys : list of Key
        Of all sums that are kept.
    """

    def __init__(self, part: GradientPart, filters: tuple[Index, int], column: Index, keys: list[Key]) -> None:
        self.part, self.k, (self.first, self.count) = part, part.k, filters
        self.column, self.keys = column, keys
        self._errors = self.k.read.buffer(part.g.delta)

    @abstractmethod
    def add_row(self, sums: Sums, error: Index, seen: Index) -> None:
        """Add the products of the row of errors that begins at `error` and of the row of the map at `seen`."""

    @abstractmethod
    def gradients(self, sums: dict[Key, Value], f: int) -> list[Value]:
        """The columns of filter number f, from the sums over all places."""

    def error(self, f: int, place: Index) -> Value:
        """The error of filter number f at the place of one of the first filter."""
        return self.k.load(self._errors, place + f * (self.part.g.rows.results * self.part.g.columns.results))

    def seen(self, place: Index) -> Value:
        """A value of the maps."""
        return self.k.load(self.part.maps.values, place)

    def write(self) -> None:
        """All loops."""
        k, g, rows = self.k, self.part.g, len(self.part.rows.results)
        at_once = NEAR // k.nbytes(self.count * g.columns.results + self.part.maps.width)
        blocks = -(-rows // max(1, at_once))
        if blocks > 1:
            self._by_blocks(rows, -(-rows // blocks))
            return
        with k.b.loop(0, g.channels) as channel, k.b.loop(0, len(self.part.rows.taps)) as u:
            sums = {key: k.b.register(k.zero()) for key in self.keys}
            self._add_rows(sums, channel, u, (0, rows))
            self._finish({key: k.b.get(s) for key, s in sums.items()}, channel, u)

    def _by_blocks(self, rows: int, at_once: int) -> None:
        k, b, size = self.k, self.k.b, len(self.keys)
        channels, n = self.part.g.channels, len(self.part.rows.taps)
        kept = k.take(channels * n * size * k.lanes)
        with b.loop(0, channels * n * size) as number:
            k.write(kept, number, k.zero())
        with b.loop(0, rows, at_once) as row, b.loop(0, channels) as channel, b.loop(0, n) as u:
            start = (channel * n + u) * size
            sums = {key: b.register(k.load(kept, start + i)) for i, key in enumerate(self.keys)}
            self._add_rows(sums, channel, u, (row, b.smaller(row + at_once, rows)))
            for i, total in enumerate(sums.values()):
                k.write(kept, start + i, b.get(total))
        with b.loop(0, channels) as channel, b.loop(0, n) as u:
            start = (channel * n + u) * size
            self._finish({key: k.load(kept, start + i) for i, key in enumerate(self.keys)}, channel, u)

    def _add_rows(self, sums: Sums, channel: Index, u: Index, rows: tuple[Index, Index]) -> None:
        with self.k.b.loop(*rows) as row:
            self.add_row(sums, self.part.error(self.first, row), self.part.seen(channel, row, u, self.column))

    def _finish(self, sums: dict[Key, Value], channel: Index, u: Index) -> None:
        """The sums over all lanes are added to those of this thread."""
        part = self.part
        for f in range(self.count):
            columns = self.gradients(sums, f)
            if part.columns.taps.step == 1:
                add_some(self.k, self.k.sums, part.gradient(self.first + f, channel, u, self.column), columns)
                continue
            for v, value in enumerate(columns):
                self.k.add_to_sum(part.gradient(self.first + f, channel, u, self.column + v), value)


class SingleErrors(GradientTile):
    """One error at a time, with `size` columns that meet it."""

    def __init__(self, part: GradientPart, filters: tuple[Index, int], column: Index, size: int) -> None:
        super().__init__(part, filters, column, [(f, v, 0) for f in range(filters[1]) for v in range(size)])
        self._size = size

    def add_row(self, sums: Sums, error: Index, seen: Index) -> None:
        b, phase = self.k.b, self.part.columns
        with b.loop(0, len(phase.results)) as column:
            values = [self.seen(seen + column * phase.across + v * phase.along) for v in range(self._size)]
            for f in range(self.count):
                delta = self.error(f, error + column * phase.results.step)
                for v, value in enumerate(values):
                    b.set(sums[f, v, 0], b.fma(delta, value, b.get(sums[f, v, 0])))

    def gradients(self, sums: dict[Key, Value], f: int) -> list[Value]:
        return [sums[f, v, 0] for v in range(self._size)]
