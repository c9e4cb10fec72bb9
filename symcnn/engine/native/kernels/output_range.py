"""What is computed of a convolution, and where: the results that see the same weights, in which tiles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...patterns import Convolution
from ...sliding import Phase
from ..ir.loops import Index
from .kernel import Kernel


@dataclass(frozen=True)
class Part:
    """Some rows and columns of the results of a convolution's group, which see the same weights.

    Attributes
    ----------
    c : Convolution
    group : Index
        The number of the group.
    rows, columns : Phase
    """

    c: Convolution
    group: Index
    rows: Phase
    columns: Phase

    def seen(self, channel: Index, row: Index, u: Index, column: Index) -> Index:
        """Where a row's weights number u begin to meet the maps, for results from a row and a column on."""
        c = self.c
        y = row * self.rows.across + u * self.rows.along + self.rows.origin
        x = column * self.columns.across + self.columns.origin
        return ((self.group * c.channels + channel) * c.rows.length + y) * c.columns.length + x

    def result(self, f: Index, row: Index, column: Index) -> Index:
        """Where a result of filter number f is."""
        c = self.c
        y, x = (
            number * phase.results.step + phase.results.start
            for number, phase in ((row, self.rows), (column, self.columns))
        )
        return ((self.group * c.filters + f) * c.rows.results + y) * c.columns.results + x

    def weight(self, f: Index, channel: Index, u: Index, v: Index) -> Index:
        """Where weight number (u, v) of this part stands in the array of filters."""
        u, v = (number * phase.taps.step + phase.taps.start for number, phase in ((u, self.rows), (v, self.columns)))
        return weight_place(self.c, self.group, f, channel, u, v)

    def rows_within(self, k: Kernel, row: Index) -> tuple[Index, Index]:
        """From which to below which row of weights the map is met, for results in this row."""
        phase, b = self.rows, k.b
        count = len(phase.taps)
        if phase.inside:
            return 0, count
        first = row * phase.across + phase.origin
        start = b.larger(first * -1 + (phase.along - 1), 0)
        end = b.larger(first * -1 + (phase.length + phase.along - 1), 0)
        low, high = (b.quotient(n, phase.along)[0] for n in (start, end))
        return low, b.smaller(high, count)

    def tiles(self, k: Kernel, size: int) -> Iterator[tuple[Index, int]]:
        """Tiles of columns, each by its first and its size; those that see nothing but the map itself are a loop."""
        for run, count in _runs(self.columns, size):
            if len(run) == 1:
                yield run[0], count
            else:
                with k.b.loop(run[0], run[-1] + 1, count) as x:
                    yield x, count


def weight_place(c: Convolution, group: Index, f: Index, channel: Index, u: Index, v: Index) -> Index:
    """Where weight (u, v) of filter number f of a group stands in the array of filters."""
    n, m = c.rows.taps, c.columns.taps
    if c.turned:
        row, u, v = (group * c.channels + channel) * c.filters + f, u * -1 + (n - 1), v * -1 + (m - 1)
    else:
        row = (group * c.filters + f) * c.channels + channel
    return (row * n + u) * m + v


def parts_of(k: Kernel, c: Convolution) -> Iterator[Part]:
    """What must be computed: nothing with the zeros of a dilation."""
    with each_group(k, c.groups) as group:
        for rows in c.rows.phases():
            for columns in c.columns.phases():
                yield Part(c, group, rows, columns)


@contextmanager
def each_group(k: Kernel, groups: int) -> Iterator[Index]:
    """A loop over groups, where there are several."""
    if groups == 1:
        yield 0
    else:
        with k.b.loop(0, groups) as group:
            yield group


def _runs(phase: Phase, size: int) -> list[tuple[list[int], int]]:
    """Tiles that follow each other and see nothing outside together, the others alone."""
    runs: list[tuple[list[int], int]] = []
    inside_before = False
    for first in range(0, len(phase.results), size):
        count = min(size, len(phase.results) - first)
        start = phase.origin + phase.across * first
        end = start + phase.across * (count - 1) + phase.along * max(0, len(phase.taps) - 1)
        inside = count == size and start >= 0 and end < phase.length
        if inside and inside_before:
            runs[-1][0].append(first)
        else:
            runs.append(([first], count))
        inside_before = inside
    return runs
