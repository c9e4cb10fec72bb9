"""The loops of a gradient of filters: sums over all places of a map, and over the images."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ...patterns import FilterGradient
from ..ir.loops import Index, Register, Value
from .kernel import NEAR, Kernel, sizes
from .output_range import dilation
from .vectors import add_some

Key = tuple[int, int, int]
"""Of a sum: the number of the filter in its tile, how far its column is from the first, and which product is summed."""
Sums = dict[Key, Register]


class GradientTile(ABC):
    """Some neighbouring columns of some filters, in all rows and channels.

    If errors and maps are too large to stay in the cache, some rows of errors are gone through for all of these before
    the next rows; the sums are in memory meanwhile.

    Parameters
    ----------
    k : Kernel
    g : FilterGradient
    place : int
        Where the gradient begins among the sums.
    filters : (Index, int)
        The first of them, and how many there are.
    column : Index
        The first column of them.
    keys : list of Key
        Of all sums that are kept.
    """

    def __init__(
        self,
        k: Kernel,
        g: FilterGradient,
        place: int,
        filters: tuple[Index, int],
        column: Index,
        keys: list[Key],
    ) -> None:
        self.k, self.g, self.place, (self.first, self.count) = k, g, place, filters
        self.column, self.keys = column, keys
        self.channels, self.height, self.width = sizes(g.x.shape[1:])
        self.filters, self.rows, self.columns = sizes(g.delta.shape[1:])
        self.n, self.m = self.height - self.rows + 1, self.width - self.columns + 1
        self._x, self._errors = k.read.buffer(g.x), k.read.buffer(g.delta)

    @abstractmethod
    def add_row(self, sums: Sums, error: Index, seen: Index) -> None:
        """Add the products of the row of errors that begins at `error` and of the row of the map at `seen`."""

    @abstractmethod
    def gradients(self, sums: dict[Key, Value], f: int) -> list[Value]:
        """The columns of filter number f, from the sums over all places."""

    def error(self, f: int, place: Index) -> Value:
        """An error of filter number f."""
        return self.k.load(self._errors, (self.first + f) * (self.rows * self.columns) + place)

    def seen(self, place: Index) -> Value:
        """A value of the maps."""
        return self.k.load(self._x, place)

    def write(self) -> None:
        """All loops."""
        rows = range(0, self.rows, dilation(self.g.delta)[0])
        at_once = NEAR // self.k.nbytes(self.count * self.columns + self.width)
        blocks = -(-len(rows) // max(1, at_once))
        if blocks > 1:
            self._by_blocks(rows, -(-len(rows) // blocks) * rows.step)
            return
        b = self.k.b
        with b.loop(0, self.channels) as channel, b.loop(0, self.n) as u:
            sums = {key: b.register(self.k.zero()) for key in self.keys}
            self._add_rows(sums, channel, u, (0, self.rows, rows.step))
            self._finish({key: b.get(s) for key, s in sums.items()}, channel, u)

    def _by_blocks(self, rows: range, at_once: int) -> None:
        k, b, size = self.k, self.k.b, len(self.keys)
        kept = k.take(self.channels * self.n * size * k.lanes)
        with b.loop(0, self.channels * self.n * size) as number:
            k.write(kept, number, k.zero())
        with b.loop(0, self.rows, at_once) as row, b.loop(0, self.channels) as channel, b.loop(0, self.n) as u:
            start = (channel * self.n + u) * size
            sums = {key: b.register(k.load(kept, start + i)) for i, key in enumerate(self.keys)}
            self._add_rows(sums, channel, u, (row, b.smaller(row + at_once, self.rows), rows.step))
            for i, total in enumerate(sums.values()):
                k.write(kept, start + i, b.get(total))
        with b.loop(0, self.channels) as channel, b.loop(0, self.n) as u:
            start = (channel * self.n + u) * size
            self._finish({key: k.load(kept, start + i) for i, key in enumerate(self.keys)}, channel, u)

    def _add_rows(self, sums: Sums, channel: Index, u: Index, rows: tuple[Index, Index, int]) -> None:
        with self.k.b.loop(*rows) as row:
            self.add_row(sums, row * self.columns, (channel * self.height + (row + u)) * self.width + self.column)

    def _finish(self, sums: dict[Key, Value], channel: Index, u: Index) -> None:
        """The sums over all lanes are added to those of this thread."""
        for f in range(self.count):
            ends = (channel, self.first + f) if self.g.by_channel else (self.first + f, channel)
            row = (ends[0] * (self.filters if self.g.by_channel else self.channels) + ends[1]) * self.n + u
            add_some(self.k, self.k.sums, row * self.m + (self.column + self.place), self.gradients(sums, f))


class SingleErrors(GradientTile):
    """One error at a time, with `size` columns that meet it."""

    def __init__(
        self, k: Kernel, g: FilterGradient, place: int, filters: tuple[Index, int], column: Index, size: int
    ) -> None:
        keys = [(f, v, 0) for f in range(filters[1]) for v in range(size)]
        super().__init__(k, g, place, filters, column, keys)
        self._size = size

    def add_row(self, sums: Sums, error: Index, seen: Index) -> None:
        b = self.k.b
        with b.loop(0, self.columns, dilation(self.g.delta)[1]) as column:  # the errors between are 0
            values = [self.seen(seen + (column + v)) for v in range(self._size)]
            for f in range(self.count):
                delta = self.error(f, error + column)
                for v, value in enumerate(values):
                    b.set(sums[f, v, 0], b.fma(delta, value, b.get(sums[f, v, 0])))

    def gradients(self, sums: dict[Key, Value], f: int) -> list[Value]:
        return [sums[f, v, 0] for v in range(self._size)]
