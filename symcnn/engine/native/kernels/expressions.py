"""The value of a node at one place, as an expression of what is in buffers: how loops read what is not written down.

A place is an index for each axis but the batch. Where an element comes from is said by the function that is registered
for its type (`elements`); element-wise types are traced.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, overload

from ....graph.leaves import Const
from ....graph.node import Node
from ....nodes.take import Put, Take
from ...patterns import per_image
from ..analysis.fusion import FEW, Group, element_of, is_flat
from ..analysis.partition import elements
from ..analysis.registration import is_registered, of
from ..analysis.tracing import traced
from ..ir.conversion import constant, element_of_array, resized
from ..ir.lane_integers import Irregular, Run
from ..ir.loops import BIT, BYTE, DOUBLE, FLOAT, INDEX, INT, POINTER, Builder, Index, Position, Type, Value

Indices = tuple[Position, ...]


class Reader:
    """Reads values in one loop body; what has been read at a place is not computed again.

    Parameters
    ----------
    b : Builder
    group : Group
        Where the buffers are.
    table : {Node: int}
        The number of each array from outside in the table of arguments.
    arguments, memory : Value
        Pointers to that table and to this thread's buffers.
    block : int
        How many images a buffer holds, side by side.
    lanes : int
        How many numbers a value has: one of each image, or neighbours of one image, where a place ends in a `Run`.
    row : Value
        The number of the first image of the block.
    """

    def __init__(
        self,
        b: Builder,
        group: Group,
        table: dict[Node, int],
        arguments: Value,
        memory: Value,
        block: int,
        lanes: int,
        row: Value,
    ) -> None:
        self.b, self.group, self.table = b, group, table
        self.arguments, self.memory, self.row = arguments, memory, row
        self.block, self.lanes = block, lanes
        self._known: dict[Any, Value] = {}

    def fresh(self, lanes: int | None = None) -> Reader:
        """A reader for another loop body, where what was computed in this one is not known."""
        width = self.lanes if lanes is None else lanes
        return Reader(self.b, self.group, self.table, self.arguments, self.memory, self.block, width, self.row)

    def buffer(self, node: Node) -> Value:
        """The address of the node's values in lanes."""
        base = self.group.base(node)
        if base in self.group.kept:
            return self.b.offset(self.array(base), self.row * elements(base), element_of(base))
        return self.b.offset(self.memory, self.group.slots[base].offset, BYTE)

    def array(self, node: Node) -> Value:
        """The address of an array from outside."""
        return self.b.load(self.arguments, self.table[node], Type(POINTER))

    def at(self, node: Node, place: Indices) -> Value:
        """The node's value there, in all lanes."""
        key = (node, place)
        if key not in self._known:
            self._known[key] = self._lane_by_lane(self._computed, node, place)
        return self._known[key]

    def own(self, node: Node, place: Indices) -> Value:
        """What the node's rule says of its value there, though it has a buffer."""
        return self._lane_by_lane(self.rule, node, place)

    def _lane_by_lane(self, read: Callable[[Node, Indices], Value], node: Node, place: Indices) -> Value:
        """A value; each lane for itself, where the numbers of elements do not grow evenly."""
        try:
            return read(node, place)
        except Irregular:
            single = self.fresh(lanes=1)
            places = [tuple(i.at(n) if isinstance(i, Run) else i for i in place) for n in range(self.lanes)]
            return self.b.vector([getattr(single, read.__name__)(node, one) for one in places])

    def flat(self, node: Node, i: Position) -> Value:
        """The node's element number `i`, where `is_flat` holds for all that is computed on the way."""
        key = (node, "flat", i)
        if key not in self._known:
            base = self.group.base(node)
            if not per_image(base):
                value = self._shared(base, i if elements(base) > 1 else 0)
            elif base in self.group.slots:
                value = self._load(base, i)
            else:
                value = self.flat_rule(base, i)
            self._known[key] = value
        return self._known[key]

    def all_flat(self, node: Node) -> bool:
        """Whether the node's elements can be read by number."""
        todo, seen = [self.group.base(node)], set()
        while todo:
            current = todo.pop()
            if current in seen or current in self.group.slots or not per_image(current):
                continue
            if not is_flat(current):
                return False
            seen.add(current)
            todo.extend(self.group.base(i) for i in current.inputs)
        return True

    # One place ----------------------------------------------------------------------------------

    def _computed(self, node: Node, place: Indices) -> Value:
        if not per_image(node):
            return self._shared(node, linear(place, node.shape))
        if self.group.base(node) not in self.group.slots:
            return self.rule(node, place)
        if place and isinstance(last := place[-1], Run) and last.step == 2 and node.shape[-1] % 2 == 0:  # type: ignore[operator]
            start, rest = self.b.quotient(last.first, 2)
            if isinstance(rest, int):
                return self._every_other(node, (*place[:-1], start * 2), rest)
        return self._load(node, linear(place, node.shape[1:]))

    def rule(self, node: Node, place: Indices) -> Value:
        """What the node's rule says of its value there, wherever that is kept, as its own buffer would keep it."""
        value = self._rule(node, place)
        return resized(self.b, value, element_of(node)) if node.dtype.kind in "iu" else value

    def _rule(self, node: Node, place: Indices) -> Value:
        if is_registered(node):
            value: Value = of(node).write(self, node, place)
            return value
        return traced(node, [self.at(i, self.narrowed(node, i, place)) for i in node.inputs])

    def flat_rule(self, node: Node, i: Position) -> Value:
        """The same, of element number `i` of an element-wise node."""
        return traced(node, [self.flat(s, i) for s in node.inputs])

    def taken(self, node: Take | Put, i: Index) -> Index:
        """Where along its axis the index of `node` leads."""
        index = node.index
        if isinstance(index, Const) and index.uniform is not None:
            return int(index.uniform)
        found = self.b.load(self.array(index), i, Type(element_of_array(index.dtype)))
        found = resized(self.b, found, INDEX, signed := index.dtype.kind == "i")
        if not signed or isinstance(index, Const):  # those that are known are not negative
            return found
        size = node.size if isinstance(node, Put) else node.x.shape[node.axis]
        assert size is not None
        from_end = self.b.compare("slt", found, self.b.integer(0, 1, INDEX))
        return self.b.select(from_end, self.b.binary("add", found, self.b.integer(size, 1, INDEX)), found)

    def number(self, x: float) -> Value:
        """A number in all lanes."""
        return self.b.number(x, self.lanes)

    def label(self, y: Node, value: Value) -> Value:
        """The number of a class, which is known to be one, in 32 bits."""
        return resized(self.b, value, INT, y.dtype.kind == "i")

    def whole(self, i: Position) -> Value:
        """A whole number in all lanes, or one for each, of 32 bits."""
        if isinstance(i, Run):
            steps = self.b.binary("mul", self.b.lane_numbers(self.lanes), self.b.integer(i.step, self.lanes))
            return self.b.binary("add", self.whole(i.first), steps)
        if isinstance(i, int):
            return self.b.integer(i, self.lanes)
        return self.b.splat(self.b.convert("trunc", i, INT), self.lanes)

    def _shared(self, node: Node, i: Position) -> Value:
        known = constant(self.b, node, self.lanes)
        if known is not None:
            return known
        element = element_of_array(node.dtype)
        if isinstance(i, Run):
            value = self._along(self.array(node), i, element)
        else:
            value = self.b.splat(self.b.load(self.array(node), i, Type(element)), self.lanes)
        return self.b.convert("trunc", value, BIT) if node.dtype == bool else value

    def _load(self, node: Node, i: Position) -> Value:
        element, buffer = element_of(self.group.base(node)), self.buffer(node)
        if isinstance(i, Run):
            value = self._along(buffer, i, element)
        elif self.block == self.lanes:
            value = self.b.load(buffer, i * self.lanes, Type(element, self.lanes))
        else:
            value = self.b.splat(self.b.load(buffer, i, Type(element)), self.lanes)
        return self.b.convert("trunc", value, BIT) if node.dtype == bool else value

    def _along(self, pointer: Value, run: Run, element: str) -> Value:
        """Elements of one image into lanes."""
        if run.step == 1:
            return self.b.load(pointer, run.first, Type(element, self.lanes))
        return self.b.vector([self.b.load(pointer, run.at(n), Type(element)) for n in range(self.lanes)])

    def _every_other(self, node: Node, place: tuple[Position, ...], rest: int) -> Value:
        """The even elements from `place` on, or the odd ones, of a row that has them in pairs."""
        start = linear(place, node.shape[1:])
        assert not isinstance(start, Run)
        low, high = (self._load(node, Run(start + n * self.lanes, 1)) for n in range(2))
        return self.b.shuffle(low, high, range(rest, 2 * self.lanes, 2))

    def narrowed(self, node: Node, source: Node, place: Indices) -> Indices:
        """The place in an input that broadcasting repeats."""
        axes = source.shape[1:] if per_image(source) else source.shape
        indices = (0, *place) if not per_image(source) and source.ndim == node.ndim else place
        last = indices[len(indices) - len(axes) :]
        return tuple(0 if d == 1 else i for i, d in zip(last, axes, strict=True))

    def zero(self, value: Value) -> Value:
        """0 beside `value`."""
        return self.constant(value, 0)

    def constant(self, value: Value, number: float) -> Value:
        """A number beside `value`, of its kind."""
        element = value.type.element
        if element in (FLOAT, DOUBLE):
            return self.number(number)
        return self.b.integer(int(number), self.lanes, element)

    def as_value(self, i: Index) -> Value:
        """An index that may be known as one that is computed."""
        return self.b.integer(i, 1, INDEX) if isinstance(i, int) else i


@overload
def linear(place: tuple[Index, ...], shape: tuple[int | None, ...]) -> Index: ...
@overload
def linear(place: Indices, shape: tuple[int | None, ...]) -> Position: ...
def linear(place: Indices, shape: tuple[int | None, ...]) -> Position:
    """The number of an element, counted row by row."""
    number: Position = 0
    for i, size in zip(place, shape, strict=True):
        assert size is not None
        number = number * size + i
    return number


def windows(node: Node, group: Group) -> tuple[int, int]:
    """The windows by which loops over `node` go: so that all within it know their place in a window."""
    p = q = 1
    todo, seen = [node], set()
    while todo:
        current = todo.pop()
        if current in seen or current.ndim < 3:
            continue
        seen.add(current)
        if of(current).spreads and of(current).window:
            p, q = (math.lcm(a, n) for a, n in zip((p, q), current.size, strict=True))  # type: ignore[attr-defined]
        for i in current.inputs:
            if i.shape == current.shape and i in group.members and i not in group.slots:
                todo.append(i)
    few = p * q * group.unrolled.get(node, 1) <= FEW
    fits = node.ndim >= 3 and few and node.shape[-2] % p == 0 and node.shape[-1] % q == 0  # type: ignore[operator]
    return (p, q) if fits else (1, 1)
