"""A layer of units, and which units of the layer below each of them reads.

All is kept by axis (maps, rows, columns), so that a layer of a million units costs no more than its sides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...graph.locks import cached_property
from ...graph.node import Node
from ...graph.window import WHOLE, Window
from ...nodes.border import Dilate
from ...nodes.connections import existing
from ...nodes.conv import Rot90, Swap

Taps = tuple[int | None, ...]
"""The units that a window reads; None for a border."""


def middle(window: Window, unit: float, length: int) -> float:
    """Where the middle of a unit's window is, on an axis of `length` positions."""
    if window.axis is None:
        return (length - 1) / 2 + unit
    return (window.step * unit + window.start + window.size / 2) / window.per - 0.5


@dataclass(frozen=True)
class Axis:
    """What the units of a layer read along the rows, or along the columns, of the maps below.

    Attributes
    ----------
    window : Window
        The positions that a unit reads.
    at : Window
        Which unit below is at a position: none at most where zeros were put between them or around them.
    length, below : int
        How many positions and how many units below there are.

    Examples
    --------
    >>> axis = Axis(Window(0, size=2), Window(0, start=-1), 5, 4)
    >>> [axis.reads(unit) for unit in range(4)]
    [(None, 0), (0, 1), (1, 2), (2, 3)]
    """

    window: Window
    at: Window
    length: int
    below: int

    def positions(self, unit: int) -> range:
        """The positions that a unit reads, those on the border included."""
        w = self.window
        if w.axis is None:
            return w.span(0, self.length)
        first = w.step * unit + w.start
        return range(first // w.per, (first + w.size - 1) // w.per + 1)

    def reads(self, unit: int) -> Taps:
        """The units below that a unit reads."""
        inside = self.window.span(unit, self.length)
        return tuple(next(iter(self.at.span(p, self.below)), None) if p in inside else None
                     for p in self.positions(unit))  # fmt: skip

    def place(self, unit: float) -> float:
        """Where a unit is: above the middle of its window, counted in units below."""
        return middle(self.at, middle(self.window, unit, self.length), self.below)


@dataclass(eq=False)
class Row:
    """A layer of units.

    A "conv" has filters that all positions share, a "local" layer weights of its own at each position, a "pool" none.
    """

    kind: str  # "input", "conv", "local", "pool" or "dense"
    node: Node
    maps: int  # the units of a dense layer
    size: tuple[int, int] = (1, 1)  # height and width of a map
    below: Row | None = None
    axes: tuple[Axis, ...] = ()  # what a unit reads along rows and along columns
    channels: Window = WHOLE  # which maps of the row below a map reads
    filters: Node | None = None  # the weights that all positions share
    has_bias: bool = False
    mode: str = ""  # what is made of a window without weights: "mean", "max", or the name of the node type
    how: tuple[str, ...] = ()  # how the windows lie, where that is not as usual: "padding 2", "stride 2", ...
    names: tuple[str, ...] = ()  # of parameters of scales
    notes: tuple[str, ...] = ()  # the functions of each unit
    number: int = 0  # among rows of its kind without a name; 0 where it is the only one

    @cached_property
    def reads(self) -> tuple[tuple[Taps, ...], ...]:
        """For each row of units, and for each column: the rows and the columns of the row below that it reads."""
        return tuple(tuple(map(axis.reads, range(self.size[k]))) for k, axis in enumerate(self.axes))

    @cached_property
    def window(self) -> tuple[int, int]:
        """Height and width of a filter or of a pooled window."""
        rows, columns = [max(map(len, reads), default=0) for reads in self.reads] or (1, 1)
        return rows, columns

    @cached_property
    def exists(self) -> NDArray[np.bool_] | None:
        """Which weights a filter has, as (maps, maps below, height, width); None if no tap has a weight of its own."""
        w, below = self.filters, self.below
        if w is None or below is None or w.ndim < 4:
            return None
        lead, seen, *window = w.spec.bind(1)[-4:]
        lead *= math.prod(w.spec.bind(1)[:-4])  # groups of filters
        reads = [self.channels.span(unit, below.maps) for unit in range(self.maps)]
        if lead != self.maps or tuple(window) != self.window or {len(maps) for maps in reads} != {seen}:
            return None
        mask = existing(w, Rot90, Swap, Dilate)
        found = np.zeros((self.maps, below.maps, *window), bool)
        for unit, maps in enumerate(reads):
            found[unit, maps.start : maps.stop] = True if mask is None else mask.reshape(lead, seen, *window)[unit]
        return found

    def dilation(self, axis: int) -> tuple[int, int]:
        """How many weights a window has along an axis, and how far apart they are."""
        used = [] if self.exists is None else np.flatnonzero(self.exists.any(axis=(0, 1, 3 - axis))).tolist()
        gap = used[1] - used[0] if len(used) > 1 else 1
        is_regular = used == list(range(0, self.window[axis], gap))
        return (len(used), gap) if is_regular else (self.window[axis], 1)

    @property
    def is_map_by_map(self) -> bool:
        """Whether each map reads the map with its number alone."""
        return self.channels == Window(1)

    def thinned(self, moves: Sequence[Window], size: tuple[int, int], how: Sequence[str]) -> Row:
        """This row with the units only that are read by `moves`."""
        axes = tuple(
            replace(axis, window=move.then(axis.window, n))
            for axis, move, n in zip(self.axes, moves, self.size, strict=True)
        )
        return replace(self, size=size, axes=axes, how=(*self.how, *how))

    def place(self, axis: int, n: float) -> float:
        """Where a row or column of units is, counted in units of the input."""
        row = self
        while row.below is not None:
            n, row = row.axes[axis].place(n), row.below
        return n

    def filter(self, unit: int) -> tuple[Node, int]:
        """What makes a map: the weights, and which of their filters."""
        assert self.filters is not None
        is_own = self.exists is not None or self.filters.shape[:1] == (self.maps,)
        return self.filters, unit if is_own else 0

    def seen(self, unit: int) -> list[int]:
        """The maps of the row below that a map of this row reads."""
        assert self.below is not None
        maps = list(self.channels.span(unit, self.below.maps))
        return maps if self.exists is None else [c for c in maps if self.exists[unit, c].any()]

    def taps(self, axis: int) -> list[tuple[int, int]]:
        """The positions of a window over one-row maps that are on units, not on the border beside them nor in holes."""
        units = [[v for v in range(self.window[k]) if k == axis or self.reads[k][0][v] is not None] for k in (0, 1)]
        exists = None if self.exists is None else np.asarray(self.exists.any(axis=(0, 1)))
        return [(u, v) for u in units[0] for v in units[1] if exists is None or exists[u, v]]

    def zeros(self, axis: int) -> dict[tuple[int, int], float]:
        """For each (unit, tap) that reads a border beside the row below: its place, counted in units there."""
        if self.below is None or self.kind == "dense":
            return {}
        side, found = self.axes[axis], {}
        for unit, taps in enumerate(self.reads[axis]):
            for tap, (n, position) in enumerate(zip(taps, side.positions(unit), strict=True)):
                place = middle(side.at, position, side.below)
                if n is None and not 0 <= place < side.below:
                    found[unit, tap] = place
        return found

    def weights(self, unit: int) -> int:
        """How many weights a filter has."""
        if self.exists is not None:
            return int(np.count_nonzero(self.exists[unit]))
        shape = self.filter(unit)[0].spec.bind(1)
        return math.prod(shape[1:] if shape[:1] == (self.maps,) else shape)
