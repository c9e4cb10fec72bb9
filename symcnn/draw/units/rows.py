"""What a figure of units is made of: rows of units, and which units of the row below each of them reads.

Everything is kept by axis (maps, rows, columns), so that a layer of a million units costs no more than its sides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...graph.locks import cached_property
from ...graph.node import Node
from ...graph.window import WHOLE, Window
from ...nodes.connections import existing
from ...nodes.conv import Rot90, Swap

Held = tuple[int | None, ...]
"""Numbers of units; None for a border."""
Pair = tuple[Window, Window]
"""The windows along the rows and along the columns of a map."""


@dataclass(frozen=True)
class Side:
    """One axis of maps: which unit of a row is at each position.

    Attributes
    ----------
    held : tuple of int or None
    start, step : float
        Where the first position is, and how far it is to the next one, counted in units of the input.

    Examples
    --------
    >>> side = Side.of(4).moved(Window(2, start=-1), 5)
    >>> side.held, side.start
    ((None, 0, 1, 2, 3), -1.0)
    >>> side.read(Window(2, size=2), 4)
    ((None, 0), (0, 1), (1, 2), (2, 3))
    """

    held: Held
    start: float = 0.0
    step: float = 1.0

    @classmethod
    def of(cls, size: int, start: float = 0.0, step: float = 1.0) -> Side:
        """The side of maps of `size` units."""
        return cls(tuple(range(size)), start, step)

    def place(self, n: float) -> float:
        """Where the n-th position is."""
        return self.start + self.step * n

    def positions(self, window: Window, index: int) -> range:
        """The positions that a unit reads, those on the border included."""
        if window.axis is None:
            return window.span(0, len(self.held))
        first = window.step * index + window.start
        return range(first // window.per, (first + window.size - 1) // window.per + 1)

    def read(self, window: Window, count: int) -> tuple[Held, ...]:
        """What each of `count` units reads."""
        inside = window.span(0, len(self.held)) if window.axis is None else _between(window, len(self.held))
        return tuple(
            tuple(self.held[p] if p in inside else None for p in self.positions(window, i)) for i in range(count)
        )

    def above(self, window: Window, count: int) -> Side:
        """The side of `count` units with such windows: each is above the middle of its window."""
        if window.axis is None:
            return Side.of(count, self.place((len(self.held) - 1) / 2), self.step)
        middle = (window.start + window.size / 2) / window.per - 0.5
        return Side.of(count, self.place(middle), self.step * window.step / window.per)

    def moved(self, window: Window, count: int) -> Side:
        """The same units at other positions, where each position reads one at most."""
        above = self.above(window, count)
        return Side(tuple(read[0] if read else None for read in self.read(window, count)), above.start, above.step)


def _between(window: Window, length: int) -> range:
    """The positions that are no border."""
    return range(max(window.low, 0), length if window.high is None else min(window.high + 1, length))


@dataclass(eq=False)
class Row:
    """A layer of units.

    Attributes
    ----------
    kind : "input", "conv", "local", "pool" or "dense"
        With filters that all positions share, with weights of its own at each position, without weights, ...
    node : Node
        The one that computes it.
    maps : int
        How many maps; the units of a dense layer.
    sides : (Side, Side)
        Rows and columns of a map.
    below : Row or None
    source : (Side, Side)
        Where the units of the row below are when they are read.
    windows : (Window, Window)
        What a unit reads along them.
    channels : Window
        Which maps of the row below a map reads.
    filters : Node or None
        The weights that all positions share.
    has_bias : bool
    mode : str
        What is made of a window without weights: "mean", "max", or the name of the node type.
    onto : tuple of str
        What is done with the row below before it is read: "padding 2", ...
    stride : str
        "stride 2", where the windows do not follow each other as usual.
    names, notes : tuple of str
        Names that parameters of scales have; the functions of each unit.
    number : int
        Its number among rows of its kind without a name; 0 where it is the only one.
    """

    kind: str
    node: Node
    maps: int
    sides: tuple[Side, Side]
    below: Row | None = None
    source: tuple[Side, Side] = (Side(()), Side(()))
    windows: Pair = (WHOLE, WHOLE)
    channels: Window = WHOLE
    filters: Node | None = None
    has_bias: bool = False
    mode: str = ""
    onto: tuple[str, ...] = ()
    stride: str = ""
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    number: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a map."""
        return len(self.sides[0].held), len(self.sides[1].held)

    @cached_property
    def reads(self) -> tuple[tuple[Held, ...], tuple[Held, ...]]:
        """For each row of units, and for each column: the rows and the columns of the row below that it reads."""
        rows, columns = (side.read(w, n) for side, w, n in zip(self.source, self.windows, self.size, strict=True))
        return rows, columns

    @cached_property
    def window(self) -> tuple[int, int]:
        """Height and width of a filter or of a pooled window."""
        rows, columns = (max(map(len, reads), default=0) for reads in self.reads)
        return rows, columns

    @cached_property
    def exists(self) -> NDArray[np.bool_] | None:
        """Which weights a filter has, as (maps, maps below, height, width); None if no tap has a weight of its own."""
        w, below = self.filters, self.below
        if w is None or below is None or w.ndim != 4 or w.shape[0] != self.maps or w.shape[2:] != self.window:
            return None
        mask = existing(w, Rot90, Swap)
        mask = np.ones(w.spec.bind(1), bool) if mask is None else mask
        found = np.zeros((self.maps, below.maps, *self.window), bool)
        for unit in range(self.maps):
            maps = self.channels.span(unit, below.maps)
            if len(maps) != w.shape[1]:
                return None
            found[unit, maps.start : maps.stop] = mask[unit]
        return found

    @property
    def is_map_by_map(self) -> bool:
        """Whether each map reads the map with its number alone."""
        return self.channels == Window(1)

    def thinned(self, moves: Pair, text: str) -> Row:
        """This row with the units only that are read by `moves`."""
        windows = [
            w if w.axis is None else replace(w, step=w.step * m.step, start=w.start + w.step * m.start)
            for w, m in zip(self.windows, moves, strict=True)
        ]
        sides = [
            Side.of(len(range(m.start, len(s.held), m.step)), s.place(m.start), s.step * m.step)
            for s, m in zip(self.sides, moves, strict=True)
        ]
        return replace(self, sides=(sides[0], sides[1]), windows=(windows[0], windows[1]), stride=text)

    def filter(self, unit: int) -> tuple[Node, int]:
        """What makes a map: the weights, and which of their filters."""
        assert self.filters is not None
        is_own = bool(self.filters.ndim) and self.filters.shape[0] == self.maps
        return self.filters, unit if is_own else 0

    def seen(self, unit: int) -> list[int]:
        """The maps of the row below that a map of this row reads."""
        assert self.below is not None
        maps = list(self.channels.span(unit, self.below.maps))
        return maps if self.exists is None else [c for c in maps if self.exists[unit, c].any()]

    def taps(self, axis: int) -> list[tuple[int, int]]:
        """The positions of a window over one-row maps that lie on units, not on the border beside them."""
        other = [u for u, n in enumerate(self.reads[1 - axis][0]) if n is not None]
        pairs = ((u, v) for v in range(self.window[axis]) for u in other)
        return [(u, v) if axis == 1 else (v, u) for u, v in pairs]

    def zeros(self, axis: int) -> dict[tuple[int, int], float]:
        """For each (unit, tap) that reads a border beside the row below: its place, counted in units there."""
        if self.below is None or self.kind == "dense":
            return {}
        return {(unit, tap): place for unit, tap, place in self._borders(axis, self.below.sides[axis])}

    def _borders(self, axis: int, below: Side) -> Iterator[tuple[int, int, float]]:
        source, window = self.source[axis], self.windows[axis]
        for unit, held in enumerate(self.reads[axis]):
            for tap, (n, p) in enumerate(zip(held, source.positions(window, unit), strict=True)):
                place = (source.place(p) - below.start) / below.step
                if n is None and not 0 <= place < len(below.held):
                    yield unit, tap, place

    def weights(self, unit: int) -> int:
        """How many weights a filter has."""
        if self.exists is not None:
            return int(np.count_nonzero(self.exists[unit]))
        shape = self.filter(unit)[0].spec.bind(1)
        return math.prod(shape[1:] if shape and shape[0] == self.maps else shape)


@dataclass(frozen=True)
class Grid:
    """A value whose elements are units of a row, at other positions perhaps, with borders around them perhaps.

    Attributes
    ----------
    row : Row
    sides : (Side, Side)
    flat : bool
        Whether it is (N, features): what a dense layer reads.
    """

    row: Row
    sides: tuple[Side, Side]
    flat: bool = False
    onto: tuple[str, ...] = field(default=(), compare=False)
    names: tuple[str, ...] = field(default=(), compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_whole(self) -> bool:
        """Whether it is the row as it is."""
        return self.sides == self.row.sides

    @property
    def size(self) -> tuple[int, int]:
        """How many positions there are along the rows and along the columns."""
        return len(self.sides[0].held), len(self.sides[1].held)
