"""What a figure of units is made of: rows of units, and which units of the row below each of them reads.

Everything is kept by axis (maps, rows, columns), so that a layer of a million units costs no more than its sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...graph.algebra import Mul
from ...graph.graph import Graph
from ...graph.leaves import Const, Param
from ...graph.node import Node
from ...nodes.conv import Rot90, Swap
from ...nodes.shape import Reshape, Transpose

Held = tuple[int | None, ...]
"""Numbers of units; None where a zero of the padding stands."""
_ARRANGING = (Reshape, Rot90, Swap, Transpose)


@dataclass(frozen=True)
class Axis:
    """One side of maps: which unit of a row stands at each place.

    Attributes
    ----------
    held : tuple of int or None
    start, step : float
        Where the first place is, and how far it is to the next one, counted in units of the input.

    Examples
    --------
    >>> side = Axis.of(4).padded(1, 0)
    >>> side.held, side.start
    ((None, 0, 1, 2, 3), -1.0)
    >>> side.windows(2)
    ((None, 0), (0, 1), (1, 2), (2, 3))
    """

    held: Held
    start: float = 0.0
    step: float = 1.0

    @classmethod
    def of(cls, size: int, start: float = 0.0, step: float = 1.0) -> Axis:
        """The side of maps of `size` units as they are."""
        return cls(tuple(range(size)), start, step)

    def place(self, n: float) -> float:
        """Where the n-th place is."""
        return self.start + self.step * n

    def padded(self, before: int, after: int) -> Axis:
        """With zeros before and after."""
        return Axis((None,) * before + self.held + (None,) * after, self.start - before * self.step, self.step)

    def cropped(self, before: int, after: int) -> Axis:
        """Without the first and the last places."""
        return Axis(self.held[before : len(self.held) - after], self.start + before * self.step, self.step)

    def every(self, n: int) -> Axis:
        """Every n-th place."""
        return Axis(self.held[::n], self.start, self.step * n)

    def windows(self, size: int, pace: int = 1) -> tuple[Held, ...]:
        """What windows of `size` places read, one window at every `pace` places."""
        return tuple(self.held[i : i + size] for i in range(0, len(self.held) - size + 1, pace))

    def above(self, size: int, pace: int = 1) -> Axis:
        """The side of the maps that read such windows: each unit stands over the middle of its window."""
        count = (len(self.held) - size) // pace + 1
        return Axis.of(count, self.start + self.step * (size - 1) / 2, self.step * pace)


@dataclass(eq=False)
class Row:
    """A layer of units.

    Attributes
    ----------
    kind : "input", "conv", "pool" or "dense"
    node : Node
        The one that computes it.
    maps : int
        How many maps; the units of a dense layer.
    sides : (Axis, Axis)
        Rows and columns of a map, as they are read by nobody yet.
    window : (int, int)
        The size of a filter or of a pooled window.
    reads : (tuple of windows, tuple of windows)
        For each row of units, and for each column: the rows and the columns of the row below that it reads.
    exists : array of bool (maps, maps below, height, width), or None
        Which weights a filter has.
    mode : str
        "mean" or "max", of a pool.
    below : Row or None
    onto : tuple of str
        What is done with the row below before it is read: "padding 2", ...
    thin : str
        "stride 2", where only some of a convolution's units are kept.
    names, notes : tuple of str
        Names that parameters of scales have; the functions of each unit.
    number : int
        Its number among rows of its kind without a name; 0 where it is the only one.
    """

    kind: str
    node: Node
    maps: int
    sides: tuple[Axis, Axis]
    window: tuple[int, int] = (1, 1)
    reads: tuple[tuple[Held, ...], tuple[Held, ...]] = ((), ())
    exists: NDArray[np.bool_] | None = None
    mode: str = ""
    below: Row | None = None
    onto: tuple[str, ...] = ()
    thin: str = ""
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    number: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a map."""
        return len(self.sides[0].held), len(self.sides[1].held)

    def thinned(self, steps: tuple[int, int], text: str) -> Row:
        """This row with every n-th unit only."""
        sides = [s.every(n) for s, n in zip(self.sides, steps, strict=True)]
        kept = [Axis.of(len(s.held), s.start, s.step) for s in sides]
        reads = (self.reads[0][:: steps[0]], self.reads[1][:: steps[1]])
        return replace(self, sides=(kept[0], kept[1]), reads=reads, thin=text)

    def seen(self, unit: int) -> list[int]:
        """The maps of the row below that a map of this row reads."""
        if self.kind == "pool" or self.exists is None:
            return [unit]
        return [int(c) for c in np.flatnonzero(self.exists[unit].any(axis=(1, 2)))]

    def taps(self, axis: int) -> list[tuple[int, int]]:
        """The places of a window over one-row maps that lie on units, not in the padding beside them."""
        other = [u for u, n in enumerate(self.reads[1 - axis][0]) if n is not None]
        pairs = ((u, v) for v in range(self.window[axis]) for u in other)
        return [(u, v) if axis == 1 else (v, u) for u, v in pairs]

    def zeros(self, axis: int) -> dict[tuple[int, int], float]:
        """For each (unit, tap) that reads a zero beside the row below: the zero's place, counted in units there."""
        if self.below is None or self.kind == "dense":
            return {}
        side, below = self.sides[axis], self.below.sides[axis]
        found = {}
        for unit, window in enumerate(self.reads[axis]):
            middle = (side.place(unit) - below.start) / below.step
            for tap, n in enumerate(window):
                place = middle + tap - (self.window[axis] - 1) / 2
                if n is None and not 0 <= place < len(below.held):
                    found[unit, tap] = place
        return found

    def weights(self, unit: int) -> int:
        """How many weights a filter has."""
        return 0 if self.exists is None else int(np.count_nonzero(self.exists[unit]))


@dataclass(frozen=True)
class Grid:
    """A value whose elements are units of a row, at other places perhaps, with zeros around them perhaps.

    Attributes
    ----------
    row : Row
    sides : (Axis, Axis)
    flat : bool
        Whether it is (N, features): what a dense layer reads.
    """

    row: Row
    sides: tuple[Axis, Axis]
    flat: bool = False
    onto: tuple[str, ...] = field(default=(), compare=False)
    names: tuple[str, ...] = field(default=(), compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_whole(self) -> bool:
        """Whether it is the row as it is."""
        return self.sides == self.row.sides


def existing(w: Node) -> NDArray[np.bool_]:
    """Which entries of the filters `w` exist: those that no mask and no product with zeros takes away.

    Examples
    --------
    >>> import symcnn as sc
    >>> w = sc.Param("w", np.ones((2, 2, 1, 1))) * sc.Const([[[[1.0]], [[0.0]]], [[[1.0]], [[1.0]]]])
    >>> existing(w)[:, :, 0, 0].tolist()
    [[True, False], [True, True]]
    """
    found: dict[Node, Any] = {}
    for node in Graph(w).order:
        if isinstance(node, Param):
            found[node] = np.ones(node.value.shape, bool) if node.mask is None else node.mask
        elif isinstance(node, Const):
            found[node] = np.asarray(node.value != 0)
        elif isinstance(node, Mul):
            found[node] = found[node.inputs[0]] & found[node.inputs[1]]
        elif isinstance(node, _ARRANGING):
            found[node] = node.forward(np, found[node.x])
        else:
            found[node] = np.ones([1 if d is None else d for d in node.shape], bool)
    return np.broadcast_to(found[w], [1 if d is None else d for d in w.shape])
