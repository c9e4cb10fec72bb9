"""Where a convolution is computed: the rows and columns of its map that are needed, and in which tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ....graph.node import Node
from ....nodes.border import Crop, Dilate, Subsample
from ...patterns import LONG, Convolution
from ..analysis.fusion import Group
from ..ir.loops import Index
from .kernel import Kernel, sizes

_PHASES = 16
"""So many times the loops may be written that skip the zeros of a dilation."""


@dataclass(frozen=True)
class Places:
    """Rows and columns of a map that are computed together.

    Where the input has zeros between its elements, the taps of a filter that meet an element at all these places are
    those from `taps` on, every `pace`; otherwise these are all, and `pace` is 1.
    """

    rows: range
    columns: range
    taps: tuple[int, int] = (0, 0)
    pace: tuple[int, int] = (1, 1)


def places(node: Node, c: Convolution, group: Group) -> list[Places]:
    """What must be computed of a convolution: only what is kept of it, and nothing with the zeros of a dilation."""
    rows, columns = kept(node, group)
    n, m = sizes(node.inputs[1].shape[2:])
    down, across = dilation(c.x)
    if max(n, m) > LONG or down * across > _PHASES or (rows.step, columns.step) != (1, 1):
        return [Places(rows, columns)]
    phases = [(rows[y::down], columns[x::across]) for y in range(down) for x in range(across)]
    return [
        Places(ys, xs, ((c.top - ys[0]) % down, (c.left - xs[0]) % across), (down, across))
        for ys, xs in phases
        if ys and xs
    ]


def dilation(node: Node) -> tuple[int, int]:
    """At which rows and columns the map has something else than zeros."""
    return (node.steps[2], node.steps[3]) if type(node) is Dilate and node.ndim == 4 else (1, 1)


def kept(node: Node, group: Group) -> tuple[range, range]:
    """The rows and columns that are read: a stride or a crop, if it is the only reader, keeps some of them."""
    height, width = sizes(node.shape[2:])
    match group.readers.get(node):
        case [Subsample(steps=(_, _, down, across))] if node not in group.results:
            return range(0, height, down), range(0, width, across)
        case [Crop(widths=(_, _, (above, below), (left, right)))] if node not in group.results:
            return range(above, height - below), range(left, width - right)
    return range(height), range(width)


def column_tiles(k: Kernel, node: Node, c: Convolution, p: Places, columns: int) -> Iterator[tuple[Index, int]]:
    """Tiles of columns, each by its first and its size; those that read nothing but the map itself are a loop."""
    for run, size in _runs(node, c, p, columns):
        if len(run) == 1:
            yield run[0], size
        else:
            with k.b.loop(run[0], run[-1] + 1, size * p.columns.step) as x:
                yield x, size


def _runs(node: Node, c: Convolution, p: Places, columns: int) -> list[tuple[list[int], int]]:
    m, inner = sizes((node.inputs[1].shape[3], c.x.shape[3]))
    runs: list[tuple[list[int], int]] = []
    inside_before, step = False, p.columns.step
    for n in range(0, len(p.columns), columns):
        x, size = p.columns[n], min(columns, len(p.columns) - n)
        inside = size == columns and x - c.left >= 0 and x + (size - 1) * step + m - 1 - c.left < inner
        if inside and inside_before:
            runs[-1][0].append(x)
        else:
            runs.append(([x], size))
        inside_before = inside
    return runs


def rows_within(k: Kernel, node: Node, c: Convolution, p: Places, y: Index) -> tuple[Index, Index]:
    """From which to below which row of a filter the map is met, where the result is in row y."""
    b, n, inner = k.b, *sizes((node.inputs[1].shape[2], c.x.shape[2]))
    low, high = b.larger(p.taps[0], c.top - y), b.smaller(n, b.index("add", inner + c.top, b.index("mul", y, -1)))
    leaves = p.rows[-1] + n - 1 - c.top >= inner
    return low if c.top else p.taps[0], high if leaves else n
