"""What of a graph is drawn, and which of its values share a box."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

from ...equations.notation import Notation
from ...graph.leaves import Input, Leaf, Param
from ...graph.node import Node
from ...graph.nodetype import attribute_key
from .repeats import MOST, Piece, folded

_FEW = 3
"""Up to so many inputs of one shape and with the same readers stand by themselves."""


@dataclass(frozen=True)
class Group:
    """Values that share a box.

    Attributes
    ----------
    members : tuple of Node
        Inputs, or values in the order in which they are computed.
    kind : "input", "one", "repeat", "layer" or "middle"
    copies : int
        How many times a block of values comes: 1 unless it is a repeat.
    """

    members: tuple[Node, ...]
    kind: str
    copies: int = 1

    @property
    def first(self) -> tuple[Node, ...]:
        """The first copy of the block."""
        return self.members[: len(self.members) // self.copies]

    @property
    def last(self) -> tuple[Node, ...]:
        """The last copy of the block."""
        return self.members[-(len(self.members) // self.copies) :]


def grouped(
    notation: Notation,
    inputs: Sequence[Node],
    kept: Sequence[Node],
    fold: bool | None = None,
    alone: Collection[Node] = (),
) -> list[Group]:
    """Inputs and values in groups, which are in topological order.

    Parameters
    ----------
    inputs : sequence of Node
    kept : sequence of Node
        Computed values, in topological order.
    fold : bool or None
        Whether values may share boxes; None: if they are many.
    alone : collection of Node
        Values that stay by themselves, besides the output.
    """
    if fold is None:
        fold = len(inputs) + len(kept) > MOST
    if not fold:
        return [*(Group((node,), "input") for node in inputs), *(Group((node,), "one") for node in kept)]
    items = _by_layers(notation, kept)
    layers = [layer for _, layer in items]
    nodes = [node for node, _ in items]
    fixed = [n for n, node in enumerate(nodes) if node is notation.values.J or node in alone]
    # Layers are folded on request, and where repeats alone leave too many.
    runs = folded(pieces(notation, nodes, layers), fixed, layers=len(inputs) + len(kept) <= MOST)
    groups = [Group(tuple(nodes[run.start : run.stop]), run.kind, run.copies) for run in runs]
    return [*_inputs(notation, inputs, groups, alone), *groups]


def _by_layers(notation: Notation, kept: Sequence[Node]) -> list[tuple[Node, int]]:
    """The values by layer, which is a topological order too, each with the number of its layer."""
    layer: dict[Node, int] = {}
    for node in kept:
        own = notation.values.layers.get(node, 0)
        layer[node] = max([own, *(layer[s] for s in notation.values.sources(node) if s in layer)])
    return sorted(layer.items(), key=lambda item: item[1])


def _inputs(
    notation: Notation, inputs: Sequence[Node], groups: Sequence[Group], alone: Collection[Node]
) -> list[Group]:
    """Inputs of the same shape that the same boxes read, together where they are many."""
    readers: dict[Node, dict[int, None]] = {node: {} for node in inputs}
    for n, group in enumerate(groups):
        for source in (s for node in group.members for s in notation.values.sources(node)):
            if source in readers:
                readers[source][n] = None
    together: dict[Hashable, list[Node]] = {}
    for node, numbers in readers.items():
        own = node if node in alone else None
        together.setdefault((own, node.spec, node in notation.deltas, tuple(numbers)), []).append(node)
    parts = [part for nodes in together.values() for part in ([nodes] if len(nodes) > _FEW else [[n] for n in nodes])]
    return [Group(tuple(part), "input") for part in parts]


def pieces(notation: Notation, nodes: Sequence[Node], layers: Sequence[int]) -> list[Piece]:
    """The values as pieces of a sequence: alike are formulas of the same node types with the same attributes."""
    place = {node: n for n, node in enumerate(nodes)}
    outside: dict[Node, int] = {}
    found = []
    for node, layer in zip(nodes, layers, strict=True):
        sources = notation.values.sources(node)
        reads = tuple(place[s] if s in place else outside.setdefault(s, -1 - len(outside)) for s in sources)
        begins = any(isinstance(s, Param) for s in sources)
        found.append(Piece(_look(notation, node, sources), reads, layer, begins))
    return found


def _look(notation: Notation, node: Node, sources: Sequence[Node]) -> Hashable:
    """All that two formulas must have in common to be drawn as one, but for what they read."""
    inner = notation.values.inner(node)
    place = {s: n for n, s in enumerate([*sources, *inner])}
    rows = tuple((type(n), n.spec, _attributes(n), tuple(place[i] for i in n.inputs)) for n in inner)
    read = tuple((s.spec, _sort(s)) for s in sources)
    return rows, read, node in notation.deltas, notation.is_needed(node)


def _attributes(node: Node) -> Hashable:
    """The attributes, and which of the fields for nodes are in use."""
    values = {name: getattr(node, name) for name in node.field_names if name != "name"}
    slots = node.node_fields
    return tuple(
        (value is None, len(value) if isinstance(value, tuple) else 1) if name in slots else attribute_key(value)
        for name, value in values.items()
    )


def _sort(source: Node) -> Hashable:
    """Values and inputs can stand for each other, and parameters; constants only for themselves."""
    if isinstance(source, Param):
        return "parameter" if source.mask is None else "masked"
    return source if isinstance(source, Leaf) and not isinstance(source, Input) else None
