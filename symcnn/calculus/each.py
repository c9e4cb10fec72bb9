"""The gradients of each example of a batch: what `symcnn.grad` gives with ``each=True``.

The gradient is a graph, and so is this: the same one, with the examples kept apart where it would add them up. Which
nodes keep rows apart is read from what they say of what they read (`Node.windows`); those that sum over the batch have
a form that does not (`symcnn.calculus.apart`); and whatever mixes rows in another way is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..graph.algebra import BroadcastTo, broadcast_to
from ..graph.collector import collector_paused
from ..graph.declared import windows_of
from ..graph.errors import GradientError, in_place_of, message
from ..graph.graph import Graph
from ..graph.leaves import BatchSize, Const
from ..graph.node import Node
from ..graph.window import Window
from ..nodes.random import Uniform
from ..simplify import simplify
from ..simplify.expanded import expanded
from .apart import carried_on, unsummed


@dataclass(frozen=True)
class _Kept:
    """What takes the place of a node.

    Attributes
    ----------
    node : Node
    axis : int or None
        Where its batch axis is, if its rows are those of the examples.
    apart : bool
        Whether an axis was put in front of it, on which the examples are.
    """

    node: Node
    axis: int | None = None
    apart: bool = False


@collector_paused
def of_each_example(gradients: Sequence[Node]) -> list[Node]:
    """Gradients as each example of the batch would have them if it were alone in it.

    Parameters
    ----------
    gradients : sequence of Node
        Of a loss, by anything.

    Returns
    -------
    list of Node
        (None, *shape) for a gradient of `shape`; one that has a batch axis, as that of an input, keeps its shape.

    Raises
    ------
    GradientError
        Where rows of the batch are mixed: what one example gets depends on others.
    """
    expanded_ones = simplify(list(gradients), (expanded,))
    kept: dict[Node, _Kept] = {}
    for node in Graph(*expanded_ones).order:
        kept[node] = in_place_of(node, _kept, node, [kept[i] for i in node.inputs])
    return [_with_examples(kept[node]) for node in expanded_ones]


def _with_examples(found: _Kept) -> Node:
    if found.apart or found.axis is not None:
        return found.node
    return broadcast_to(found.node, (None, *found.node.shape))


def _kept(node: Node, inputs: list[_Kept]) -> _Kept:
    """What takes the place of `node`, over what takes the place of its inputs."""
    if isinstance(node, BatchSize):
        return _Kept(Const(np.ones((), node.dtype)))  # an example alone is a batch of one
    batches = node.shape.count(None)
    if batches > 1:
        raise _mixed(node)
    if not inputs:
        return _Kept(node, node.shape.index(None) if batches else None)
    if any(isinstance(i, BatchSize) for i in node.inputs) and not node.elementwise:
        return _as_many_rows(node, inputs)
    if any(i.apart for i in inputs):
        return _after_a_sum(node, inputs)
    new = [i.node for i in inputs]
    if all(i.axis is None for i in inputs) and not batches:
        return _Kept(_over(node, new))
    if batches:
        return _by_rows(node, inputs)
    made = unsummed(node, new, tuple(i.axis for i in inputs))
    if made is None:
        raise _mixed(node)
    return _Kept(made, apart=True)


def _over(node: Node, inputs: list[Node]) -> Node:
    same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
    return node if same else node.with_inputs(inputs)


def _as_many_rows(node: Node, inputs: list[_Kept]) -> _Kept:
    """A node that reads how many rows there are to make as many itself: the same for all, or random numbers."""
    if not isinstance(node, BroadcastTo | Uniform) or any(i.apart or i.axis is not None for i in inputs):
        raise _mixed(node)
    new = [old if isinstance(old, BatchSize) else i.node for old, i in zip(node.inputs, inputs, strict=True)]
    return _Kept(_over(node, new), node.shape.index(None))


def _by_rows(node: Node, inputs: list[_Kept]) -> _Kept:
    """A node whose row reads the same row of its inputs, and no other, as it says itself."""
    axis = node.shape.index(None)
    for kept, read in zip(inputs, windows_of(node), strict=True):
        if kept.axis is not None and read[kept.axis] != Window(axis):
            raise _mixed(node)
    if all(kept.axis is None for kept in inputs):
        raise _mixed(node)
    return _Kept(_over(node, [i.node for i in inputs]), axis)


def _after_a_sum(node: Node, inputs: list[_Kept]) -> _Kept:
    """A node that reads what was a sum over the batch, and now is one value for each example."""
    if None in node.shape or any(i.axis is not None for i in inputs):
        problem = "with each=True, no row may depend on others: it reads a sum, or a mean, over the batch"
        raise GradientError(message(problem, _HINT, node=node))
    made = carried_on(node, [i.node for i in inputs], tuple(i.apart for i in inputs))
    if made is None or made.shape != (None, *node.shape):
        problem = f"with each=True, no rule says how a {type(node).__name__} keeps the examples apart"
        raise GradientError(message(problem, "it reads what is added up over the batch", node=node))
    return _Kept(made, apart=True)


_HINT = "normalise over other axes than the batch's, as sc.layer_norm does; or take the gradients one by one"


def _mixed(node: Node) -> GradientError:
    problem = f"with each=True, no row may depend on others: this {type(node).__name__} mixes them, or may do so"
    return GradientError(message(problem, _HINT, node=node))
