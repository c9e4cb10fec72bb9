"""Which values of images cross from one stage to a later one, and which are computed there again.

Statistics of the batch cut a network into many image stages: what stands before them waits in memory for what stands
behind. What crosses is written and read once more; a difference or a relu of something that crosses anyway is cheaper
computed again.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....graph.node import Node
from ....graph.spec import DType
from ...patterns import per_image
from ...plan import Plan
from .partition import Kind, Partition, Stage, elements
from .registration import is_registered, of
from .tracing import length

_FEW_STEPS = 6
"""A rule with more steps than this, such as that of a sigmoid, is not computed again."""
_MANY = 12
"""Nor are more nodes than this for one that is read."""


def recomputing(plan: Plan, found: Partition) -> Partition:
    """`found`, with the nodes that image stages compute again, and without what nobody reads any more."""
    place = {node: n for n, node in enumerate(plan.order)}
    made: dict[Node, Stage] = {node: stage for stage in found.stages for node in stage.nodes}
    stored: set[Node] = set()
    for stage in found.stages:
        if stage.kind == "image":
            again, crossing = _Crossing(stage, made, stored, found).divided(place)
            stage.nodes = sorted({*stage.nodes, *again}, key=place.__getitem__)
            stored |= crossing
    _drop_unread(plan, found)
    return found


class _Crossing:
    """What one image stage reads of earlier ones."""

    def __init__(self, stage: Stage, made: dict[Node, Stage], stored: set[Node], found: Partition) -> None:
        self._stage, self._made, self._stored, self._found = stage, made, stored, found
        self._own = set(stage.nodes)
        self._cheap: dict[Node, bool] = {}

    def divided(self, place: dict[Node, int]) -> tuple[set[Node], set[Node]]:
        """The nodes to be computed again, and those that cross."""
        read = {s for node in self._stage.nodes for s in self._sources(node)}
        crossing = {s for s in read if not self._is_cheap(s)}
        again: set[Node] = set()
        for node in sorted(read - crossing, key=place.__getitem__):
            way, ends = self._back(node, crossing | again)
            if ends is not None and sum(map(self._cost, ends - crossing)) < self._cost(node):
                again |= way
                crossing |= ends
            else:
                crossing.add(node)
        return again - crossing, crossing

    def _sources(self, node: Node) -> Iterator[Node]:
        """What is read of other stages, and of what is fed."""
        for source in self._found.sources(node):
            if source not in self._own and per_image(source):
                yield source

    def _back(self, node: Node, there: set[Node]) -> tuple[set[Node], set[Node] | None]:
        """What must be computed for `node`, and from which stored values; None for these where that is much."""
        way, ends, todo = {node}, set[Node](), [node]
        while todo:
            for source in self._sources(todo.pop()):
                if source in there or source in way or source in ends:
                    continue
                if self._is_cheap(source) and source not in self._stored:
                    way.add(source)
                    todo.append(source)
                else:
                    ends.add(source)
            if len(way) > _MANY:
                return way, None
        return way, ends

    def _cost(self, node: Node) -> int:
        """Bytes that are moved for each image: read, and written where nobody needs them yet."""
        return elements(node) * node.dtype.itemsize * (1 if node in self._stored else 2)

    def _is_cheap(self, node: Node) -> bool:
        if node not in self._cheap:
            native = node in self._made and self._found.kinds[node] is Kind.IMAGE
            self._cheap[node] = native and is_cheap(node, self._found.real)
        return self._cheap[node]


def is_cheap(node: Node, real: DType) -> bool:
    """Whether it takes a few steps to compute an element of `node` where it is read.

    Examples
    --------
    >>> import numpy as np, symcnn as sc
    >>> x = sc.Input("x", (None, 3))
    >>> is_cheap(sc.relu(x), np.dtype("float32")), is_cheap(sc.sigmoid(x), np.dtype("float32"))
    (True, False)
    """
    if is_registered(node):
        known = of(node)
        return known.kind == "element" and not known.window
    return node.elementwise and length(node, real) <= _FEW_STEPS


def _drop_unread(plan: Plan, found: Partition) -> None:
    """Leave out of image stages what is not read: neither there, nor in a later stage that does not compute it."""
    makers, later = found.makers(), set(plan.outputs)
    for number in reversed(range(len(found.stages))):
        stage = found.stages[number]
        own, read = set(stage.nodes), set[Node]()
        if stage.kind == "image":
            kept = []
            for node in reversed(stage.nodes):
                handed_on = node in later and makers[node] == number
                if node in read or handed_on or found.kinds[node] is Kind.SUM:
                    kept.append(node)
                    read.update(found.sources(node))
            stage.nodes = kept[::-1]
        else:
            read.update(s for node in stage.nodes for s in found.sources(node))
        later |= read - own
