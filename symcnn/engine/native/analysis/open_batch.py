"""A batch of a fixed size: a plan whose inputs name the number of their rows, rewritten into one that leaves it open.

A network over ``Input("x", (32, 1, 28, 28))`` has a batch like one over ``(None, 1, 28, 28)``, and is to be computed
image by image as well. So each node is made again over inputs without the number, as long as its own shape rule says
that its value stays the same: the new shape, with the number put in, is the old one. Where no rule says so - the rows
are cut, joined, or added to weights that happen to be as many - the node stays as it was, between two types that only
change what is known of a shape. A forward rule sees the same arrays in both plans, and so gives the same values.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Any

import numpy as np

from ....graph.algebra import BroadcastTo, SumTo, batch_size
from ....graph.collector import collector_paused
from ....graph.errors import in_place_of
from ....graph.leaves import BatchSize, Const, Input, Param
from ....graph.node import Node
from ....graph.spec import Shape, Spec, broadcast_shapes
from ....nodes.border import Dilate
from ....nodes.random import Uniform
from ....nodes.shape import Reshape
from ...plan import Plan
from .partition import Kind, partition
from .registration import of


class _Between(Node):
    """The base of what stands between nodes of both plans: no user makes it, and no error passes through it."""

    @classmethod
    def samples(cls) -> list[Node]:
        return []


class Whole(_Between):
    """x with its `rows` counted: ``(None, 3)`` becomes ``(32, 3)``."""

    x: Node
    rows: int
    integer_inputs = ("x",)

    def infer(self) -> Spec:
        return Spec(self.x.spec.bind(self.rows), self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        return x


class Rows(_Between):
    """x with its first axis as the batch: ``(32, 3)`` becomes ``(None, 3)``."""

    x: Node
    integer_inputs = ("x",)

    def infer(self) -> Spec:
        return Spec((None, *self.x.shape[1:]), self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        return x


class Rule(_Between):
    """What an element-wise node of a user's type computes, over other inputs: its rule may ask for its own shapes."""

    xs: tuple[Node, ...]
    origin: Any
    elementwise = True
    integer_inputs = ("xs",)

    def infer(self) -> Spec:
        return Spec(broadcast_shapes(*(x.shape for x in self.xs)), self.origin.dtype)

    def forward(self, xp: Any, *inputs: Any) -> Any:
        return self.origin.forward(xp, *inputs)

    @property
    def label(self) -> str:
        return str(self.origin.label)


@dataclass(frozen=True)
class Opened:
    """A plan without the number of rows.

    Attributes
    ----------
    plan : Plan
    rows : int
        The number.
    twins : {Node: Node}
        For the inputs and outputs of the old plan, those of the new one.
    batch : list of Input
        The old inputs that have the rows.
    """

    plan: Plan
    rows: int
    twins: dict[Node, Node]
    batch: list[Input]


def serving(plan: Plan) -> Opened | None:
    """`plan` without its number of rows, where some of the work of a network is then done in lanes; else None."""
    rows = _rows(plan)
    if rows is None:
        return None
    found = opened(plan, rows)
    kinds = partition(found.plan).kinds
    return found if any(of(n).products and kind is not Kind.NUMPY for n, kind in kinds.items()) else None


@collector_paused
def opened(plan: Plan, rows: int) -> Opened:
    """`plan`, in which no axis is the batch, without the number `rows` of the first axis of its inputs."""
    opening = _Opening(rows)
    for node in plan.order:
        opening.add(node)
    new = opening.new
    outputs = tuple(new[node] for node in plan.outputs)
    ends = [*plan.outputs, *(i for i in plan.inputs if i in new)]
    batch = [i for i in plan.inputs if i in new and new[i] is not i]
    return Opened(Plan(outputs, outputs, plan.updated), rows, {node: new[node] for node in ends}, batch)


def _rows(plan: Plan) -> int | None:
    """How many rows the batch of a network has, where no axis says so: the first axis of most of its inputs."""
    known = any(None in n.shape or isinstance(n, BatchSize) for n in plan.order)
    work = any(of(n).products for n in plan.order)  # what a network spends its time on
    if known or not work or not any(isinstance(n, Param) for n in plan.order):
        return None
    fed = [i for i in plan.order if isinstance(i, Input) and i.shape and i.shape[0] != 0]
    first = [(i.shape[0], math.prod(i.spec.bind(1))) for i in fed]
    counts = Counter(size for size, _ in first)
    return max(first, key=lambda pair: (counts[pair[0]], pair[1]))[0] if first else None


class _Opening:
    """Makes nodes again.

    Attributes
    ----------
    new : {Node: Node}
        For each old node the new one, which is the same where nothing changes.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.new: dict[Node, Node] = {}
        self._opened: dict[Node, Node] = {}

    def add(self, node: Node) -> None:
        """Make `node` again, of which the inputs are made already."""
        self.new[node] = in_place_of(node, self._made, node)

    def _made(self, node: Node) -> Node:
        if isinstance(node, Input) and node.shape[:1] == (self.rows,):
            return Input(node.name, (None, *node.shape[1:]), node.dtype)
        if all(self.new[i] is i for i in node.inputs):
            return node
        inputs = [self.new[i] for i in node.inputs]
        found = self._over(node, inputs)
        if found is None:
            found = self._over(node, [self._open(i) for i in inputs])
        if found is not None:
            return found
        return node.with_inputs([Whole(i, self.rows) if None in i.shape else i for i in inputs])

    def _over(self, node: Node, inputs: Sequence[Node]) -> Node | None:
        """`node` over inputs of which some have no number of rows; None where its value would not be the same."""
        for make in self._ways(node, inputs):
            try:
                found = make()
            except Exception:  # whatever a shape rule makes of the batch, the node stays as it is then
                continue
            if found.spec.bind(self.rows) == node.shape and found.dtype == node.dtype:
                return found
        return None

    def _ways(self, node: Node, inputs: Sequence[Node]) -> Iterator[Callable[[], Node]]:
        """How it could be made."""
        if not _is_ours(node):
            if node.elementwise and not node.mixes_rows and type(node).verify is Node.verify:
                yield lambda: Rule(tuple(inputs), node, name=node.name)
            return
        if not isinstance(node, Reshape | SumTo | BroadcastTo | Dilate):
            yield lambda: node.with_inputs(inputs)
            return
        for target in self._targets(node, inputs[0]):
            yield lambda target=target: _with(node, inputs, target=target)  # type: ignore[misc]

    def _targets(self, node: Reshape | SumTo | BroadcastTo | Dilate, x: Node) -> Iterator[Shape]:
        """The shapes that the value may have, now that its first input is `x`."""
        old, target = node.x.shape, node.target
        if isinstance(node, Reshape):
            places = [k for k, d in enumerate(target) if d == self.rows]
            for chosen in combinations(places, x.shape.count(None)):
                yield tuple(None if k in chosen else d for k, d in enumerate(target))
            return
        lead = len(target) - len(old)
        kept = {k + lead for k, d in enumerate(x.shape) if d is None and k + lead >= 0}
        yield tuple(None if k in kept and d == old[k - lead] else d for k, d in enumerate(target))

    def _open(self, node: Node) -> Node:
        """`node` with its first axis as the batch, where that is as long."""
        if node.shape[:1] != (self.rows,):
            return node
        if node not in self._opened:
            self._opened[node] = self._made_open(node)
        return self._opened[node]

    def _made_open(self, node: Node) -> Node:
        """A value that was repeated for all rows is repeated as often as there are any; all else keeps its array."""
        if isinstance(node, Whole) and node.x.shape[0] is None:
            return node.x
        if isinstance(node, BroadcastTo) and (node.x.ndim < node.ndim or node.x.shape[0] == 1):
            return BroadcastTo(node.x, (None, *node.target[1:]), batch_size())
        if isinstance(node, Uniform):
            return replace(node, size=batch_size(), target=(None, *node.target[1:]))
        if isinstance(node, Const) and (row := _each_row(node)) is not None:
            return BroadcastTo(row, (None, *node.shape[1:]), batch_size())
        if (node.inputs and node.elementwise) or isinstance(node, Reshape):
            found = self._over(node, [self._open(i) if i.ndim == node.ndim else i for i in node.inputs])
            if found is not None and found.shape[:1] == (None,):
                return found
        return Rows(node)


def _with(node: Node, inputs: Sequence[Node], **changed: Any) -> Node:
    """`node` over other inputs, with some attributes changed."""
    left = iter(inputs)
    given = {f.name: getattr(node, f.name) for f in fields(node)}
    given |= {name: next(left) for name in node.node_fields if given[name] is not None}
    return type(node)(**(given | changed))


def _each_row(node: Const) -> Const | None:
    """What all rows of a constant are, where they are alike."""
    row = node.value[:1]
    alike = node.value.tobytes() == np.broadcast_to(row, node.value.shape).tobytes()
    return Const(row) if alike else None


def _is_ours(node: Node) -> bool:
    """Whether the node's type is of this package: its rule asks for nothing but its arrays and attributes."""
    return type(node).__module__.partition(".")[0] == __name__.partition(".")[0]
