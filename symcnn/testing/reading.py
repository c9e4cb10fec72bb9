"""The check of `windows()`: a unit reads nothing outside its windows, and they are no wider than they need be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import place_of
from ..graph.leaves import BatchSize
from ..graph.node import Node
from ..graph.window import Windows, misfit
from .cases import Array, Refused, drawn, evaluate, has_batch, recast, verify
from .findings import Problem, Unchecked

_ROWS = 3
_DRAWS = 2
_ALL = 200
_SOME = 50
"""How many elements of an input are changed, one at a time: all of `_ALL` at most, else some that are picked."""

Mask = NDArray[np.bool_]


def units_read_windows(sample: Node) -> Iterator[Problem]:
    """Changing one element of an input changes only units that have it in their windows."""
    node = recast(sample, ["float64"])
    declared = node.windows()
    if wrong := misfit(declared, [i.shape for i in node.inputs], node.ndim):
        yield Problem(wrong, f"windows is at {place_of(type(sample).windows)}")
        return
    if any(declared) and all(window is None for windows in declared for window in windows):
        raise Unchecked("windows says nothing")
    for number, (i, windows) in enumerate(zip(node.inputs, declared, strict=True)):
        if isinstance(i, BatchSize) or all(window is None for window in windows):
            continue
        tried = _Tried(node, number, windows)
        yield from tried.problems()


class _Tried:
    """Which units changed with which elements of one input, over several draws of values."""

    def __init__(self, node: Node, number: int, windows: Windows) -> None:
        self.node, self.number, self.windows = node, number, windows
        batch = _ROWS if has_batch(node) else 1
        self.shape, self.read = node.spec.bind(batch), node.inputs[number].spec.bind(batch)
        self.rng = np.random.default_rng(number)
        self.outside: tuple[tuple[int, ...], tuple[int, ...]] | None = None
        self.edges = {(k, end): np.zeros(self.shape, dtype=bool) for k in range(len(windows)) for end in (0, 1)}
        """For each axis: which units were seen to read the first, and the last, position of their window."""
        self.full = int(np.prod(self.read)) <= _ALL
        for draw in range(_DRAWS):
            inputs = evaluate(node.inputs, drawn([node], batch, seed=draw), batch)
            self._try(inputs)
            if self.full:
                self._try([self._other(i, a) for i, a in zip(node.inputs, inputs, strict=True)], outside=False)

    def _other(self, i: Node, value: Array) -> Array:
        """Any numbers in place of those that the sample's graph computes: zeros there would hide what is read."""
        real = value.dtype.kind == "f" and not isinstance(i, BatchSize)
        return self.rng.standard_normal(value.shape) if real else value

    def _try(self, inputs: list[Array], outside: bool = True) -> None:
        """Change each element; look for units outside the windows, and for those at the windows' edges."""
        before = np.asarray(self.node.forward(np, *inputs))
        for place in self._places():
            after = self._after(inputs, place)
            if after is None:
                continue
            changed = ~np.isclose(before, after, rtol=1e-9, atol=1e-9, equal_nan=True)
            beyond = np.argwhere(changed & ~self._allowed(place))
            if outside and len(beyond) and self.outside is None:
                self.outside = place, tuple(map(int, beyond[0]))
            for k, end in self.edges:
                self.edges[k, end] |= changed & self._at_edge(k, end, place[k])

    def _places(self) -> list[tuple[int, ...]]:
        if self.full:
            return list(product(*map(range, self.read)))
        return [tuple(int(self.rng.integers(0, n)) for n in self.read) for _ in range(_SOME)]

    def _after(self, inputs: list[Array], place: tuple[int, ...]) -> Array | None:
        """The node's value with one number changed; None where the node refuses the other number."""
        values = list(inputs)
        changed = values[self.number] = np.array(inputs[self.number])
        if changed.dtype.kind == "f":
            changed[place] += self.rng.choice([-1, 1]) * self.rng.uniform(10, 1000)
        else:
            changed[place] = changed[place] == 0
        try:
            verify(self.node, values)
        except Refused:
            return None
        return np.asarray(self.node.forward(np, *values))

    def _along(self, axis: int | None, flags: list[bool]) -> Mask:
        """Flags for the indices along an axis of the node, in a shape that broadcasts to its units."""
        if axis is None:
            return np.asarray(flags[0])
        return np.reshape(flags, [-1 if k == axis else 1 for k in range(len(self.shape))])

    def _allowed(self, place: tuple[int, ...]) -> Mask:
        """The units that have the element in all of their windows."""
        mask = np.ones(self.shape, dtype=bool)
        for window, position, length in zip(self.windows, place, self.read, strict=True):
            if window is not None:
                count = 1 if window.axis is None else self.shape[window.axis]
                mask &= self._along(window.axis, [position in window.span(i, length) for i in range(count)])
        return mask

    def _edge(self, k: int, end: int) -> list[int]:
        """Where the windows along axis k of the input begin (or end): one number a unit, or one for all units."""
        window = self.windows[k]
        if window is None:
            return []
        if window.axis is None:
            span = window.span(0, self.read[k])
            return [span[-end]] if span else []
        starts = (window.step * i + window.start for i in range(self.shape[window.axis]))
        return [(start + end * (window.size - 1)) // window.per for start in starts]

    def _at_edge(self, k: int, end: int, position: int) -> Mask:
        """The units whose window along axis k of the input begins (or ends) at the position."""
        window = self.windows[k]
        return self._along(
            window.axis if window else None, [edge == position for edge in self._edge(k, end)] or [False]
        )

    def problems(self) -> Iterator[Problem]:
        """What the changes told."""
        name = self.node.inputs[self.number].label
        where = f"windows is at {place_of(type(self.node).windows)}"
        if self.outside:
            place, unit = self.outside
            mend = f"name all that a unit reads; None for an axis where no window does ({where})"
            if type(self.node).windows is Node.windows:
                mend = "declare elementwise = False, or mixes_rows = True, or what is read: windows(self)"
            yield Problem(f"the unit at {unit} reads {name} at {place}, outside its windows", mend)
        elif self.full and type(self.node).windows is not Node.windows:
            yield from self._too_wide(name, where)

    def _too_wide(self, name: str, where: str) -> Iterator[Problem]:
        """Windows of which no unit was seen to read the first, or the last, position."""
        if not any(seen.any() for seen in self.edges.values()):
            return
        for k, window in enumerate(self.windows):
            ends = [self.edges[k, end] for end in (0, 1) if set(self._edge(k, end)) & set(range(self.read[k]))]
            seen = [np.logical_and.reduce(ends)] if window is not None and window.axis is None else ends
            if not all(units.any() for units in seen):
                yield Problem(
                    f"no unit reads both ends of the window along axis {k} of {name}: {window}",
                    f"make it narrower; None where no window says what is read ({where})",
                )
