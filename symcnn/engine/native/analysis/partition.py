"""Which node is computed where: per image in lanes, as a sum over the batch, shared by all images, or by NumPy.

The answer is a list of stages in order. Within a stage nothing waits for anything: what has the batch axis is computed
image by image, sums over the batch are ready when all images are done, and what follows from them (the update) is
computed after that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from ....graph.leaves import Input, Leaf
from ....graph.node import Node
from ....graph.spec import DType
from ...patterns import accumulated, per_image, reads
from ...plan import Plan
from .registration import is_alias, is_registered, obstacle_of, of
from .tracing import obstacle

BEFORE = "the same for all images, and needed before"
"""Why NumPy computes what does not depend on the images: once a run at most, and it is little."""
NO_BATCH = "none of its axes is the batch, as the first one of an input that is declared (None, ...)"
AFTER = "it follows from what NumPy has computed of the whole batch"
NOT_FIRST = "the batch is not its first axis"
TWICE = "the batch is on more than one of its axes"
OF_MANY = (BEFORE, AFTER, NO_BATCH)
"""Reasons that say nothing of the node itself, and so are those of many at once."""
_MOST = 20_000
"""More nodes than this are left to NumPy: LLVM takes up to 3 ms for each, a minute for all."""


class Kind(Enum):
    """Where a node is computed."""

    NUMPY = "numpy"
    IMAGE = "per image"
    SUM = "sum over the batch"
    SHARED = "shared"


_TURN = {Kind.NUMPY: 0, Kind.IMAGE: 1, Kind.SUM: 1, Kind.SHARED: 2}


@dataclass
class Stage:
    """Nodes that are computed together: by "numpy", per "image" with the sums over the batch, or "shared"."""

    kind: str
    nodes: list[Node] = field(default_factory=list)


@dataclass
class Partition:
    """The stages of a plan.

    Attributes
    ----------
    real : dtype
        The kind of number that native code computes with: float32 or float64.
    stages : list of Stage
    kinds : {Node: Kind}
        Of every node that is computed.
    why : {Node: str}
        Why a node is left to NumPy.
    """

    real: DType
    stages: list[Stage]
    kinds: dict[Node, Kind]
    why: dict[Node, str]
    _reads: dict[Node, tuple[Node, ...]] = field(default_factory=dict)

    def sources(self, node: Node) -> tuple[Node, ...]:
        """What `node` is computed from, where it is computed."""
        if self.kinds[node] in (Kind.NUMPY, Kind.SHARED):
            return node.inputs
        if node not in self._reads:
            self._reads[node] = reads(node)
        return self._reads[node]

    def crossing(self) -> set[Node]:
        """What some stage reads and does not compute itself."""
        found: set[Node] = set()
        for stage in self.stages:
            own = set(stage.nodes)
            found |= {s for node in stage.nodes for s in self.sources(node) if s not in own}
        return found

    def makers(self) -> dict[Node, int]:
        """The stage that hands each node on to others: the first that computes it."""
        return {node: n for n in reversed(range(len(self.stages))) for node in self.stages[n].nodes}


def partition(plan: Plan) -> Partition:
    """Divide what `plan` computes."""
    kinds: dict[Node, Kind] = {}
    why: dict[Node, str] = {}
    follows: set[Node] = set()
    real = _real(plan)
    varies = _varies(plan)
    early = AFTER if any(None in n.shape for n in plan.order) else NO_BATCH
    for node in plan.order:
        if not node.inputs:
            continue
        kinds[node], reason = _kind(node, follows, real)
        if reason:
            why[node] = early if reason == BEFORE and node in varies else reason
        if kinds[node] in (Kind.SUM, Kind.SHARED):
            follows.add(node)
    if sum(kind is not Kind.NUMPY for kind in kinds.values()) > _MOST:
        kinds = dict.fromkeys(kinds, Kind.NUMPY)
        why = dict.fromkeys(kinds, f"the graph has more than {_MOST} nodes")
    whole = Partition(real, [], kinds, why)
    needed = _needed(plan, whole)
    whole.kinds = {node: kind for node, kind in kinds.items() if node in needed}
    whole.why = {node: reason for node, reason in why.items() if node in needed}
    _with_their_readers(plan, whole)
    whole.stages = _stages(plan, whole)
    return whole


def _varies(plan: Plan) -> set[Node]:
    """What depends on the images: on what has the batch, or, where nothing has it, on arrays that are fed."""
    batch = any(None in n.shape for n in plan.order)
    found: set[Node] = set()
    for node in plan.order:
        fed = isinstance(node, Input) and bool(node.shape) and not batch
        if None in node.shape or fed or not found.isdisjoint(node.inputs):
            found.add(node)
    return found


def _with_their_readers(plan: Plan, found: Partition) -> None:
    """What is the same for all images, and only read by what follows from the sums, is computed where that is."""
    readers: dict[Node, list[Node]] = {}
    for node in reversed(plan.order):
        if node not in found.kinds:
            continue
        early = node.shape != () and found.why.get(node) in (BEFORE, AFTER) and node not in plan.outputs
        could_wait = all(found.kinds[r] is Kind.SHARED and r.shape == node.shape for r in readers.get(node, []))
        if early and could_wait and _shared_obstacle(node, found.real) is None:
            found.kinds[node] = Kind.SHARED
            del found.why[node]
        for source in found.sources(node):
            readers.setdefault(source, []).append(node)


def _real(plan: Plan) -> DType:
    """float64 where most of what each image has is float64, else float32: lanes are of one width in a program."""
    images = [node.dtype for node in plan.order if per_image(node)]
    wide = images.count(np.dtype(np.float64)) > images.count(np.dtype(np.float32))
    return np.dtype(np.float64 if wide else np.float32)


def _needed(plan: Plan, found: Partition) -> set[Node]:
    """What is computed: the outputs and all that they read; not what a pattern looks through."""
    needed: set[Node] = set()
    todo = [node for node in plan.outputs if node.inputs]
    while todo:
        node = todo.pop()
        if node not in needed:
            needed.add(node)
            todo.extend(i for i in found.sources(node) if i.inputs)
    return needed


def _stages(plan: Plan, found: Partition) -> list[Stage]:
    """Each node in the first stage of its kind at which all that it reads is there."""
    numbers: dict[Node, int] = {}
    stages: dict[int, Stage] = {}
    for node in plan.order:
        if node not in found.kinds:
            continue
        kind = found.kinds[node]
        first = max(
            [_after(node, source, found, numbers) for source in found.sources(node) if source.inputs], default=0
        )
        number = first + (_TURN[kind] - first) % 3
        numbers[node] = number
        name = "image" if kind is Kind.SUM else kind.name.lower()
        stages.setdefault(number, Stage(name)).nodes.append(node)
    return [stages[n] for n in sorted(stages)]


def _after(node: Node, source: Node, found: Partition, numbers: dict[Node, int]) -> int:
    """The first stage in which `node` can read `source`."""
    kind, number = found.kinds[source], numbers[source]
    together = found.kinds[node] is Kind.SHARED and elements(source) == elements(node)
    return number + 1 if kind is Kind.SUM or (kind is Kind.SHARED and not together) else number


def _kind(node: Node, follows: set[Node], real: DType) -> tuple[Kind, str | None]:
    """Where `node` is computed, and why not in lanes where it is left to NumPy."""
    if 0 in node.shape or any(0 in i.shape for i in node.inputs):
        return Kind.NUMPY, "it has no elements"
    if accumulated(node) is not None:
        wrong = next((r for r in reads(node) if r.dtype != real), None)
        return (Kind.SUM, None) if wrong is None else (Kind.NUMPY, f"it sums {wrong.dtype}, not {real}")
    if per_image(node):
        reason = _image_obstacle(node, real)
        return (Kind.IMAGE, None) if reason is None else (Kind.NUMPY, reason)
    if None in node.shape:
        return Kind.NUMPY, NOT_FIRST if node.shape.count(None) == 1 else TWICE
    if any(None in i.shape for i in node.inputs):
        return Kind.NUMPY, "it reads the whole batch, and is no sum over its first axis"
    if not any(i in follows for i in node.inputs):
        return Kind.NUMPY, BEFORE
    reason = _shared_obstacle(node, real)
    return (Kind.SHARED, None) if reason is None else (Kind.NUMPY, reason)


def _shared_obstacle(node: Node, real: DType) -> str | None:
    fits = node.elementwise or is_alias(node)
    if not fits or any(i.dtype != real for i in (node, *node.inputs)):
        return f"it is no function of each element of {real}"
    if is_alias(node):
        return None
    if any(i.shape != node.shape and i.shape != () for i in node.inputs):
        return "it broadcasts"
    return "its inputs are checked by its own rule" if _own_verify(node) else obstacle(node, real)


def _own_verify(node: Node) -> bool:
    """Whether its `verify` looks at more than shapes, labels and indices, which native code looks at itself."""
    known = of(node)
    return type(node).verify is not Node.verify and not (known.by_shape or known.labels or known.index is not None)


def _image_obstacle(node: Node, real: DType) -> str | None:
    """Why `node`, which has the batch axis first, cannot be computed in lanes."""
    if node.mixes_rows:
        return "it mixes the rows of the batch"
    if _own_verify(node):
        return "its inputs are checked by its own rule"
    if node.dtype.kind == "f" and node.dtype != real:
        return f"it is {node.dtype}, not {real}"
    return _input_obstacle(node, real) or _type_obstacle(node, real)


def _input_obstacle(node: Node, real: DType) -> str | None:
    known = of(node)
    for number, source in enumerate(reads(node)):
        if not per_image(source) and None in source.shape:
            twice = source.shape.count(None) > 1
            return f"the batch is {'on more than one axis' if twice else 'not the first axis'} of an input"
        label = source.dtype.kind in "iu" and known.labels is not None and number == len(reads(node)) - 1
        label = label and not source.inputs  # labels are looked at when they are packed: those that are fed
        switch = known.switches and of(source).window and of(source).element is not None
        moved = not known.reals and number == 0
        given = number == known.index or number in known.whole
        fits = node.elementwise or moved or given or (per_image(source) and (label or switch))
        if source.dtype != real and (source.dtype.kind == "f" or not fits):
            return f"it reads {source.dtype}, not {real}"
    return None


def _type_obstacle(node: Node, real: DType) -> str | None:
    if is_registered(node):
        return obstacle_of(node)
    if not node.elementwise:
        return "there are no loops for its type"
    if not all(is_aligned(node, i) for i in node.inputs):
        return "the batch axes of its inputs do not lie over each other"
    return obstacle(node, real)


def is_aligned(node: Node, source: Node) -> bool:
    """Whether the batch axis of `source` is that of `node`, or it has none."""
    if per_image(source):
        return source.ndim == node.ndim
    return source.ndim < node.ndim or source.shape[0] == 1


def elements(node: Node) -> int:
    """How many numbers an image has in the node; all of them, where it has no batch axis."""
    return math.prod(node.shape[1:] if per_image(node) else node.shape)  # type: ignore[arg-type]  # no other is None


def is_leaf(node: Node) -> bool:
    """Whether the value comes from outside."""
    return isinstance(node, Leaf) or not node.inputs
