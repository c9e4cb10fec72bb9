"""Random graphs: drawn by a number, built of the package's nodes, and computed without it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import by_numpy
import numpy as np
from operations import OPERATIONS, Draw, Operation, Shape

import symcnn as sc

BATCHES = (1, 2, 3, 5, 15, 16, 17, 20, 33)
_LARGEST = 100.0
_MOST = 6000
"""Values larger than this, and arrays of more numbers, are not drawn."""
_MARGIN = 2e-3
"""How far values stay away from where a function has a kink."""


@dataclass(frozen=True)
class Leaf:
    """An input, a parameter or a constant; its shape says None for the batch, its array is float64 or labels."""

    kind: str
    shape: Shape
    array: Any


@dataclass(frozen=True)
class Step:
    """One operation on values, which are counted from the first leaf on."""

    operation: str
    reads: tuple[int, ...]
    options: tuple[Any, ...]


@dataclass
class Graph:
    """Leaves and steps; leaves may come between steps, so both are in one list.

    Attributes
    ----------
    items : list of Leaf or Step
    batch : int
        The size of the batch.
    heads : {int: float}
        The values that the loss is made of, with their weights.
    """

    number: int
    batch: int
    items: list[Leaf | Step] = field(default_factory=list)
    heads: dict[int, float] = field(default_factory=dict)

    @property
    def learned(self) -> list[int]:
        """The leaves that the loss is differentiated by: those that it is computed from."""
        found = sorted(self.needed())
        return [n for n in found if isinstance(i := self.items[n], Leaf) and i.kind in ("input", "param")]

    def computed(self, m: Any, leaves: dict[int, Any] | None = None) -> tuple[Any, list[Any]]:
        """The loss and all values, by the functions of `m`; `leaves` takes the place of the arrays."""
        values: list[Any] = []
        for n, item in enumerate(self.items):
            if isinstance(item, Leaf):
                values.append((leaves or {}).get(n, item.array))
            else:
                values.append(OPERATIONS[item.operation].plain(m, *(values[k] for k in item.reads), *item.options))
        loss = 0.0
        for n, weight in self.heads.items():
            value = m.tanh(0.5 * values[n])
            loss = loss + weight * m.total(value, tuple(range(value.ndim)), False)
        return loss, values

    def built(self, dtype: str) -> tuple[Any, list[Any], dict[str, Any]]:
        """The loss and all values as nodes, and what is fed."""
        nodes: list[Any] = []
        feeds = {}
        for n, item in enumerate(self.items):
            if isinstance(item, Step):
                nodes.append(OPERATIONS[item.operation].house(*(nodes[k] for k in item.reads), *item.options))
                continue
            array = item.array if item.array.dtype.kind == "i" else item.array.astype(dtype)
            if item.kind in ("input", "labels"):
                feeds[f"v{n}"] = array
                nodes.append(sc.Input(f"v{n}", item.shape, array.dtype.name))
            else:
                nodes.append(sc.Param(f"v{n}", array) if item.kind == "param" else sc.Const(array))
        loss = 0
        for n, weight in self.heads.items():
            loss = loss + weight * sc.sum(sc.tanh(0.5 * nodes[n]))
        return loss, nodes, feeds

    def needed(self) -> set[int]:
        """What the heads are computed from."""
        found, todo = set(), list(self.heads)
        while todo:
            n = todo.pop()
            item = self.items[n]
            if n not in found and isinstance(item, Step):
                todo += item.reads
            found.add(n)
        return found

    def __str__(self) -> str:
        lines, needed = [f"graph {self.number}, batch {self.batch}"], self.needed()
        for n, item in enumerate(self.items):
            if n not in needed:
                continue
            if isinstance(item, Leaf):
                lines.append(f"  v{n} = {item.kind} {item.shape}")
            else:
                options = f" {item.options}" if item.options else ""
                lines.append(f"  v{n} = {item.operation}({', '.join(f'v{k}' for k in item.reads)}){options}")
        return "\n".join([*lines, f"  loss = {' + '.join(f'{w} sum tanh v{n}/2' for n, w in self.heads.items())}"])


class _Drawing:
    """A graph in the making: the values so far are known, so that each step can be looked at before it is kept."""

    def __init__(self, number: int) -> None:
        self.rng = rng = np.random.default_rng([20261201, number])
        self.graph = Graph(number, int(rng.choice(BATCHES)))
        self.values: list[Any] = []
        self.shapes: list[Shape] = []

    def drawn(self) -> Graph:
        rng = self.rng
        self.leaf(self.first_shape(), "input")
        for _ in range(int(rng.integers(3, 12))):
            for _ in range(6):
                if self.step():
                    break
        self.heads()
        return self.graph

    def first_shape(self) -> Shape:
        """Mostly images or rows with the batch first; at times it stands elsewhere, is a number, or missing."""
        rng = self.rng
        size = lambda low, high: int(rng.integers(low, high))  # noqa: E731
        rest = [(size(1, 4), size(3, 10), size(3, 10)), (size(2, 7),), (size(1, 5), size(2, 6)), ()][
            int(rng.choice(4, p=[0.5, 0.3, 0.1, 0.1]))
        ]
        where = rng.random()
        if where < 0.75:
            return (None, *rest)
        if where < 0.85:
            return (self.graph.batch, *rest)
        if where < 0.95:
            place = int(rng.integers(0, len(rest) + 1))
            return (*rest[:place], None, *rest[place:])
        return rest

    def leaf(self, shape: Shape, kind: str, array: Any = None) -> int:
        if array is None:
            array = self.rng.standard_normal(self.sizes(shape)) * 0.8
        self.graph.items.append(Leaf(kind, shape, array))
        self.values.append(array)
        self.shapes.append(shape)
        return len(self.values) - 1

    def sizes(self, shape: Shape) -> tuple[int, ...]:
        return tuple(self.graph.batch if d is None else d for d in shape)

    def new(self, shape: Shape) -> int:
        """A leaf of the shape: an input where it has the batch."""
        kind = "input" if None in shape else str(self.rng.choice(["param", "input", "const"], p=[0.6, 0.2, 0.2]))
        return self.leaf(shape, kind)

    def value(self, shape: Shape) -> int:
        """A value of the shape, of those that are there or a new one."""
        there = [n for n, s in enumerate(self.shapes) if s == shape and self.values[n].dtype.kind == "f"]
        old = there and (shape.count(None) > 1 or self.rng.random() < 0.7)
        return int(self.rng.choice(there)) if old else self.new(shape)

    def operation(self, dimensions: int) -> Operation:
        """Any; often one that only fits so many axes."""
        fitting = {4: ("convolve", "max pool", "mean pool", "upsample"), 2: ("dense", "cross-entropy", "matmul")}
        some = fitting.get(dimensions, ())
        return OPERATIONS[str(self.rng.choice(some if some and self.rng.random() < 0.3 else list(OPERATIONS)))]

    def step(self) -> bool:
        """Add an operation if it fits, and its values are tame."""
        rng, before = self.rng, len(self.values)
        real = [n for n, v in enumerate(self.values) if v.dtype.kind == "f"]
        first = int(rng.choice(real[-3:] if rng.random() < 0.6 else real))
        operation = self.operation(len(self.shapes[first]))
        draw = operation.choose(rng, self.shapes[first])
        if draw is None or any(s.count(None) > 1 and s not in self.shapes for s in draw.others):
            return False  # no leaf has the batch twice
        reads = (
            first,
            *(self.value(s) for s in draw.others),
            *(self.new(s) for s in draw.new),
            *self.labels(first, draw),
        )
        arrays = [self.values[n] for n in reads]
        with np.errstate(all="ignore"):
            value = np.asarray(operation.plain(by_numpy, *arrays, *draw.options))
            tame = (
                bool(np.isfinite(value).all()) and np.max(np.abs(value), initial=0) < _LARGEST and value.size <= _MOST
            )
            if not tame or not value.size or not operation.smooth(*arrays, *draw.options) > _MARGIN:
                self.forget(before)
                return False
        self.graph.items.append(Step(operation.name, reads, draw.options))
        self.values.append(value)
        self.shapes.append(self.shape_of(value))
        return True

    def labels(self, first: int, draw: Draw) -> list[int]:
        if not draw.labels:
            return []
        rows = self.shapes[first][:1]
        return [self.leaf(rows, "labels", self.rng.integers(0, draw.labels, self.sizes(rows)))]

    def shape_of(self, value: Any) -> Shape:
        """The symbolic shape, as the package says it: what is drawn next depends on it, what is right does not."""
        _, nodes, _ = self.graph.built("float64")
        return tuple(nodes[-1].shape)

    def forget(self, length: int) -> None:
        for kept in (self.graph.items, self.values, self.shapes):
            del kept[length:]

    def heads(self) -> None:
        steps = [n for n, item in enumerate(self.graph.items) if isinstance(item, Step)] or [0]
        read = {k for item in self.graph.items if isinstance(item, Step) for k in item.reads}
        chosen = [n for n in steps if n not in read][-3:] or steps[-1:]
        self.graph.heads = {n: float(self.rng.choice([1.0, 0.5, -1.0, 2.0])) for n in chosen}


def drawn(number: int) -> Graph:
    """The graph of that number."""
    return _Drawing(number).drawn()
