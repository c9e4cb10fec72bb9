"""Which nodes of a graph are the inside of a layer, as `symcnn.layer` has recorded it: these are one value."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph.layer import LayerRecord, records
from ..graph.leaves import Leaf
from ..graph.node import Node


def composites(order: Sequence[Node]) -> tuple[dict[Node, LayerRecord], set[Node]]:
    """The outermost layers of a graph in topological order: what they return, and what is inside of them.

    What others read of a layer's inside, beside what it returns, is a value of its own.
    """
    layers: dict[Node, LayerRecord] = {}
    inside: dict[Node, LayerRecord] = {}
    readers: dict[Node, list[Node]] = {}
    for node in order:
        for source in node.inputs:
            readers.setdefault(source, []).append(node)
    for node in reversed(order):
        around = inside.get(node)
        for record in reversed(records(node)) if around is None else ():
            layers[node] = around = record
            break
        if around is None:
            continue
        for source in node.inputs:
            own = all(inside.get(r) is around or layers.get(r) is around for r in readers[source])
            if own and source not in around.inputs and not isinstance(source, Leaf):
                inside[source] = around
    return layers, set(inside)
