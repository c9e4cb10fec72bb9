"""Which values of a graph are seen as one thing: those that a layer's call has made, as `symcnn.layer` recorded it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..graph.layer import LayerRecord, Returned, recalled, records
from ..graph.leaves import Leaf
from ..graph.node import Node


@dataclass(frozen=True)
class Part:
    """What a network is made of, as it is seen: the values of a layer's call, or one value by itself.

    Attributes
    ----------
    values : tuple of Node
        Named values, in the order in which they are computed.
    outputs : tuple of Node
        Those that the layer returns; the value by itself.
    record : LayerRecord or None
    """

    values: tuple[Node, ...]
    outputs: tuple[Node, ...]
    record: LayerRecord | None = None

    @property
    def last(self) -> Node:
        """The last value."""
        return self.values[-1]


class Composites:
    """The outermost layers of a graph.

    Parameters
    ----------
    order : sequence of Node
        The graph in topological order.

    Attributes
    ----------
    outputs : {Node: LayerRecord}
        What they return.
    inside : {Node: LayerRecord}
        What only they read, beside leaves: what others read of a layer's inside, too, is a value of its own.
    nearest : {Node: LayerRecord}
        For what is inside: the innermost of the layers that it is inside of, or returned by.
    """

    def __init__(self, order: Sequence[Node]) -> None:
        self.order = order
        self.outputs: dict[Node, LayerRecord] = {}
        self.inside: dict[Node, LayerRecord] = {}
        around: dict[Node, list[LayerRecord]] = {}
        readers: dict[Node, list[Node]] = {}
        for node in order:
            for source in node.inputs:
                readers.setdefault(source, []).append(node)
        for node in reversed(order):
            layers = around[node] = [*around.get(node, ()), *reversed(records(node))]  # the outermost first
            if node not in self.inside and layers:
                self.outputs[node] = layers[0]
            for source in node.inputs if layers else ():
                own = all(self.of(reader) is layers[0] for reader in readers[source])
                if own and source not in layers[0].inputs and not isinstance(source, Leaf):
                    self.inside[source] = layers[0]
                    around[source] = [layer for layer in layers if source not in layer.inputs]
        self.nearest = {node: around[node][-1] for node in self.inside}

    def of(self, node: Node) -> LayerRecord | None:
        """The layer that a node belongs to."""
        return self.inside.get(node) or self.outputs.get(node)

    def returned_by(self, node: Node) -> Returned | None:
        """The outermost layer that returns `node`, within the one that this is inside of; and its place there."""
        found = [one for one in recalled(node) if one[0] is not self.inside.get(node)]
        return found[-1] if found else None

    def parts(self, computed: Sequence[Node], sources: Mapping[Node, Iterable[Node]]) -> list[Part]:
        """Named values in parts, each after those that it reads.

        A layer that reads what was made of its own outputs, as a replacement may have it, is none.
        """
        place = {node: n for n, node in enumerate(computed)}
        apart: set[LayerRecord] = set()
        while True:
            together: dict[object, list[Node]] = {}
            for node in computed:
                record = self.of(node)
                together.setdefault(node if record is None or record in apart else record, []).append(node)
            last = {node: place[values[-1]] for values in together.values() for node in values}
            clashes = {
                self.of(late)
                for values in together.values()
                for node in values
                for late in sources[node]
                if late in last and last[late] > last[node]
            }
            if not clashes:
                break
            apart |= {record for record in clashes if record is not None}
        found = sorted(together.items(), key=lambda item: place[item[1][-1]])
        return [self._part(values, key if isinstance(key, LayerRecord) else None) for key, values in found]

    def _part(self, values: list[Node], record: LayerRecord | None) -> Part:
        returned = [node for node in values if self.outputs.get(node) is record]
        return Part(tuple(values), tuple(returned or values[-1:]), record)
