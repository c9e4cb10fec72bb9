"""What of a graph is drawn, and which of its values share a box."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

from ...equations.composites import Part
from ...equations.names import shown_inputs
from ...equations.notation import Notation
from ...graph.leaves import Input, Leaf, Param
from ...graph.locks import cached_property
from ...graph.node import Node
from ...graph.nodetype import attribute_key
from .repeats import MOST, Piece, folded

_FEW = 3
"""Up to so many inputs of one shape and with the same readers stand by themselves."""


@dataclass(frozen=True)
class Group:
    """What shares a box.

    Attributes
    ----------
    parts : tuple of Part
        Inputs, or parts of the network in the order in which they are computed.
    kind : "input", "one", "repeat", "layer" or "middle"
    copies : int
        How many times a block of parts comes: 1 unless it is a repeat.
    """

    parts: tuple[Part, ...]
    kind: str
    copies: int = 1

    @cached_property
    def members(self) -> tuple[Node, ...]:
        """The inputs or values."""
        return tuple(node for part in self.parts for node in part.values)

    @property
    def first_parts(self) -> tuple[Part, ...]:
        """The first copy of the block."""
        return self.parts[: len(self.parts) // self.copies]

    @property
    def first(self) -> tuple[Node, ...]:
        """The values of the first copy."""
        return self.members[: len(self.members) // self.copies]

    @property
    def last(self) -> tuple[Node, ...]:
        """The values of the last copy."""
        return self.members[-(len(self.members) // self.copies) :]


def grouped(
    notation: Notation,
    inputs: Sequence[Node],
    kept: Sequence[Part],
    fold: bool | None = None,
    alone: Collection[Node] = (),
) -> list[Group]:
    """Inputs and values in groups, which are in topological order.

    Parameters
    ----------
    inputs : sequence of Node
    kept : sequence of Part
        Of the network, each after those that it reads.
    fold : bool or None
        Whether parts may share boxes; None: if they are many.
    alone : collection of Node
        Values whose parts stay by themselves, besides the output.
    """
    if fold is None:
        fold = len(inputs) + len(kept) > MOST
    if not fold:
        return [*(_input(node) for node in inputs), *(Group((part,), "one") for part in kept)]
    items = _by_layers(notation, kept)
    layers = [layer for _, layer in items]
    parts = [part for part, _ in items]
    fixed = [
        n for n, part in enumerate(parts) if notation.values.J in part.values or not set(part.values).isdisjoint(alone)
    ]
    # Layers are folded on request, and where repeats alone leave too many.
    runs = folded(pieces(notation, parts, layers), fixed, layers=len(inputs) + len(kept) <= MOST)
    groups = [Group(tuple(parts[run.start : run.stop]), run.kind, run.copies) for run in runs]
    return [*_inputs(notation, inputs, groups, alone), *groups]


def _input(*nodes: Node) -> Group:
    return Group(tuple(Part((node,), (node,)) for node in nodes), "input")


def sources_of(notation: Notation, part: Part) -> list[Node]:
    """What a part reads from outside, each once."""
    found = dict.fromkeys(s for node in part.values for s in notation.values.sources(node))
    return [s for s in found if s not in part.values]


def _by_layers(notation: Notation, kept: Sequence[Part]) -> list[tuple[Part, int]]:
    """The parts by layer, which is a topological order too, each with the number of its layer."""
    layer: dict[Node, int] = {}
    found = []
    for part in kept:
        own = max(notation.values.layers.get(node, 0) for node in part.values)
        number = max([own, *(layer[s] for s in sources_of(notation, part) if s in layer)])
        layer.update(dict.fromkeys(part.values, number))
        found.append((part, number))
    return sorted(found, key=lambda item: item[1])


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
    return [_input(*part) for part in parts]


def pieces(notation: Notation, parts: Sequence[Part], layers: Sequence[int]) -> list[Piece]:
    """The parts as pieces of a sequence: alike are formulas of the same node types with the same attributes."""
    place = {node: (n, k) for n, part in enumerate(parts) for k, node in enumerate(part.values)}
    outside: dict[Node, int] = {}
    found = []
    for part, layer in zip(parts, layers, strict=True):
        sources = sources_of(notation, part)
        reads = tuple(place[s][0] if s in place else outside.setdefault(s, -1 - len(outside)) for s in sources)
        which = tuple(place[s][1] if s in place else 0 for s in sources)
        begins = any(isinstance(s, Param) for s in sources)
        found.append(Piece((_look(notation, part, sources), which), reads, layer, begins))
    return found


def _look(notation: Notation, part: Part, sources: Sequence[Node]) -> Hashable:
    """All that two parts must have in common to be drawn as one, but for what they read."""
    inner = list(dict.fromkeys(n for node in part.values for n in notation.values.inner(node)))
    place = {s: n for n, s in enumerate([*sources, *inner])}
    rows = tuple((type(n), n.spec, _attributes(n), tuple(place[i] for i in shown_inputs(n))) for n in inner)
    read = tuple((s.spec, _sort(s)) for s in sources)
    ends = tuple((place[n], n in notation.deltas, notation.is_needed(n)) for n in part.values)
    return rows, read, ends, part.record.title if part.record else ""


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
