"""`Graph`: an ordered view of everything upstream of some nodes. The structure questions go to networkx."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np

from ..show.notebook import bundle
from ..text import quoted
from .apart import load
from .collector import collector_paused
from .context import Context, remember
from .errors import DTypeError, GraphError, call_site, message
from .layer import LayerRecord, recall, recalled
from .leaves import Input, Leaf, Param
from .listing import listed
from .locks import cached_property
from .naming import found_by_name, named
from .node import Node

if TYPE_CHECKING:
    import networkx as nx  # loaded where a question needs it: that takes as long as loading all else

_LISTED = 12
"""How many nodes of a cycle an error lists."""


class Graph:
    """Everything that `outputs` are computed from.

    Parameters
    ----------
    *outputs : Node

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (3,))
    >>> graph = sc.Graph(x * x)
    >>> [type(node).__name__ for node in graph.order]
    ['Input', 'Mul']
    >>> graph.to_networkx().number_of_edges()
    2
    """

    def __init__(self, *outputs: Node) -> None:
        for node in outputs:
            if not isinstance(node, Node):
                raise DTypeError(message(f"Graph takes nodes, as in Graph(a, b), got {quoted(node)}", site=call_site()))
        self.outputs = outputs

    def __call__(self) -> Graph:
        """Itself: ``node.graph`` and ``node.graph()`` are the same."""
        return self

    @cached_property
    def nodes(self) -> list[Node]:
        """All nodes, each once, found from the outputs."""
        found: dict[Node, None] = {}
        todo = list(reversed(self.outputs))
        while todo:
            node = todo.pop()
            if node not in found:
                found[node] = None
                todo.extend(reversed(node.inputs))
        return list(found)

    @cached_property
    def _networkx(self) -> nx.MultiDiGraph[Node]:
        graph: nx.MultiDiGraph[Node] = load("networkx").MultiDiGraph()
        graph.add_nodes_from(self.nodes)
        graph.add_edges_from(
            (source, node, {"input": position}) for node in graph for position, source in enumerate(node.inputs)
        )
        return graph

    def to_networkx(self) -> nx.MultiDiGraph[Node]:
        """A copy as a networkx graph: an edge for each use, with ``input``, its position among the inputs."""
        return self._networkx.copy()

    @cached_property
    def order(self) -> list[Node]:
        """The nodes in topological order, inputs first; otherwise in the order in which they were made.

        Raises
        ------
        GraphError
            If there is a cycle; the message lists it.
        """
        as_made = self.nodes[::-1]  # what has replaced one node has one serial: what was found last comes first
        as_made.sort(key=_serial)
        return as_made if _inputs_first(as_made) else self._sorted()

    def _sorted(self) -> list[Node]:
        """The order where some nodes were not made after their inputs: they have replaced others, or were loaded."""
        readers: dict[Node, list[Node]] = {}
        missing: dict[Node, int] = {}
        for node in self.nodes:
            sources = set(node.inputs)
            missing[node] = len(sources)
            for source in sources:
                readers.setdefault(source, []).append(node)
        place = {node: (node.serial, n) for n, node in enumerate(reversed(self.nodes))}
        ready = [(*place[node], node) for node, count in missing.items() if not count]
        heapify(ready)
        found = []
        while ready:
            node = heappop(ready)[-1]
            found.append(node)
            for reader in readers.get(node, ()):
                missing[reader] -= 1
                if not missing[reader]:
                    heappush(ready, (*place[reader], reader))
        if len(found) < len(self.nodes):
            self._check_no_cycle()
        return found

    def _check_no_cycle(self) -> None:
        nx = load("networkx")

        if nx.is_directed_acyclic_graph(self._networkx):
            return
        cycle = [edge[0] for edge in nx.find_cycle(self._networkx)]
        shown = cycle if len(cycle) <= _LISTED else [*cycle[: _LISTED - 1], cycle[-1]]
        names = [node.label for node in [*shown, cycle[0]]]
        if len(cycle) > len(shown):
            names.insert(_LISTED - 1, f"... {len(cycle) - len(shown)} more ...")
        raise GraphError(message(f"the graph has a cycle of {len(cycle)} nodes", " -> ".join(names), node=cycle[0]))

    @property
    def params(self) -> list[Param]:
        """The parameters that are learned, in the order in which they were made."""
        return [param for param in self._all_params if param.trainable]

    @property
    def states(self) -> list[Param]:
        """The parameters that are kept, but not learned, such as running statistics; in the order as they were made."""
        return [param for param in self._all_params if not param.trainable]

    @cached_property
    def _all_params(self) -> list[Param]:
        return sorted((node for node in self.nodes if isinstance(node, Param)), key=_serial)

    @cached_property
    def named_params(self) -> dict[str, Param]:
        """The parameters and states by names that are all different within this graph: what one saves them by.

        A name that only one parameter has stays; those of layers without a name are ``conv1.W``, ``conv1.b``,
        ``conv2.W``, ``dense1.W``, in the order in which they were made; others that share a name are numbered, too.

        Examples
        --------
        >>> import symcnn as sc
        >>> x = sc.Input("x", (None, 1, 8, 8))
        >>> h = sc.relu(sc.conv(sc.relu(sc.conv(x, 2, 3, seed=0)), 2, 3, seed=1))
        >>> z = sc.dense(h, 3, seed=2, name="out")
        >>> list(z.graph().named_params)
        ['conv1.W', 'conv1.b', 'conv2.W', 'conv2.b', 'out.W', 'out.b']
        """
        return named(self._all_params)

    def param(self, name: str) -> Param:
        """The parameter that has this name in `named_params`, or the only one that was given it.

        Raises
        ------
        GraphError
            If there is none, with the names that are near, or if there are several.
        """
        return found_by_name(name, self.named_params)

    @property
    def inputs(self) -> list[Input]:
        """The inputs, in the order in which they were made."""
        return sorted((node for node in self.nodes if isinstance(node, Input)), key=_serial)

    def descendants(self, node: Node) -> set[Node]:
        """The nodes of this graph that `node` has an influence on."""
        nx = load("networkx")

        if node not in self._networkx:
            given = node.label if isinstance(node, Node) else quoted(node)
            raise GraphError(message(f"{given} is not in this graph", site=call_site()))
        found: set[Node] = nx.descendants(self._networkx, node)
        return found

    def levels(self) -> list[list[Node]]:
        """The nodes by the longest path from a leaf: every edge goes from a lower level to a higher one."""
        nx = load("networkx")

        self._check_no_cycle()
        return [sorted(level, key=_serial) for level in nx.topological_generations(self._networkx)]

    def longest_path(self) -> list[Node]:
        """The longest chain of nodes, from a leaf to an output."""
        nx = load("networkx")

        self._check_no_cycle()
        path: list[Node] = nx.dag_longest_path(nx.DiGraph(self._networkx))
        return path

    def __len__(self) -> int:
        return len(self.nodes)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The nodes as a table."""
        return bundle(self, "text/html", lambda: listed(self.order, repr(self)).html)

    def __repr__(self) -> str:
        return f"Graph({len(self)} nodes, {len(self.params)} parameters -> {len(self.outputs)} outputs)"


def _serial(node: Node) -> int:
    return node.serial


def _inputs_first(nodes: list[Node]) -> bool:
    """Whether each node comes after all of its inputs."""
    seen: set[Node] = set()
    for node in nodes:
        if not seen.issuperset(node.inputs):
            return False
        seen.add(node)
    return True


def is_leaf(node: Node) -> bool:
    """Whether a node's value comes from outside."""
    return isinstance(node, Leaf)


# A node is pickled and copied as a flat table of everything upstream, so a chain of any length is fine.

_Row = tuple[type[Node], dict[str, Any], Context, tuple[tuple[int, int, Any], ...]]
"""A node's type, its fields, what it remembers, and the records of layers: each with a number, for a layer's outputs
share one."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Ref:
    row: int


@collector_paused
def pack(*outputs: Node) -> list[Node | _Row]:
    """Everything upstream, inputs first, as rows that refer to earlier rows by number."""
    rows: list[Node | _Row] = []
    index: dict[Node, int] = {}
    calls: dict[LayerRecord, int] = {}
    for node in Graph(*outputs).order:
        index[node] = len(rows)
        if isinstance(node, Input | Param) or type(node).__reduce__ is not Node.__reduce__:
            rows.append(node)
        else:
            fields = {name: _refer(getattr(node, name), index) for name in node.field_names}
            kept = tuple(
                (calls.setdefault(record, len(calls)), place, _refer(record.packed(index), index))
                for record, place in recalled(node)
            )
            rows.append((type(node), fields, node._context, kept))
    return rows


def _refer(value: Any, index: dict[Node, int]) -> Any:
    if isinstance(value, Node):
        return _Ref(index[value])
    return tuple(_refer(v, index) for v in value) if isinstance(value, tuple) else value


def unpack(rows: Iterable[Node | _Row]) -> Node:
    """The last node of a table that `pack` made."""
    return unpack_all(rows)[-1]


@collector_paused
def unpack_all(rows: Iterable[Node | _Row]) -> list[Node]:
    """All nodes of a table that `pack` made."""
    made: list[Node] = []
    calls: dict[int, LayerRecord] = {}
    for row in rows:
        if isinstance(row, Node):
            made.append(row)
        else:
            cls, fields, context, kept = row
            made.append(cls(**{name: _resolve(value, made) for name, value in fields.items()}))
            if not recalled(made[-1]):  # else it is the node that was packed
                told = ((number, place, LayerRecord.unpacked(_resolve(packed, made))) for number, place, packed in kept)
                recall(made[-1], [(calls.setdefault(number, record), place) for number, place, record in told])
            if context:
                remember(made[-1], context)
    return made


def _resolve(value: Any, made: Sequence[Node]) -> Any:
    if isinstance(value, _Ref):
        return made[value.row]
    if isinstance(value, np.ndarray):
        value.flags.writeable = False  # as it was: a pickle forgets it
    return tuple(_resolve(v, made) for v in value) if isinstance(value, tuple) else value


LARGE = 10_000
"""Of how many nodes a graph is no longer drawn, or named for equations, just because it stands at the end of a cell."""


def is_large(node: Node) -> bool:
    """Whether so much is upstream of `node` that a look at all of it takes long."""
    seen = {node}
    todo = [node]
    while todo and len(seen) <= LARGE:
        for source in todo.pop().inputs:
            if source not in seen:
                seen.add(source)
                todo.append(source)
    return len(seen) > LARGE
