"""The neighbourhood of some nodes of a graph: what is drawn when a picture has a focus, and where the graph goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...equations.notation import Notation
from ...graph.errors import ArgumentError, DTypeError, GraphError, call_site, message
from ...graph.leaves import Input, Leaf
from ...graph.node import Node
from ...text import quoted
from .model import BackwardBox, Box, Keys, size_text

_FEW = 3
"""Up to so many values that come from beyond to the same boxes have a stub each."""


def focused(
    notation: Notation, focus: Node | Iterable[Node], homes: dict[Node, dict[Node, None]] | None = None
) -> list[Node]:
    """The inputs and computed values that nodes stand for.

    A node inside a formula stands for the value with this formula, a parameter or constant for the values that read
    it, an error for what it is the error of, any other node of the backward graph for the value whose rule made it.

    Parameters
    ----------
    focus : Node or iterable of Node
    homes : {Node: {Node: None}}, optional
        For each node of the forward pass what it stands for, if that is something else.

    Raises
    ------
    DTypeError
        For anything but nodes.
    ArgumentError
        For no nodes at all.
    GraphError
        For a node of another graph.
    """
    several = isinstance(focus, Iterable) and not isinstance(focus, Node | str)
    nodes: list[object] = list(focus) if several else [focus]
    if not nodes:
        raise ArgumentError(message("focus is empty; give a node, or a list of nodes", site=call_site()))
    finder = _Finder(notation)
    finder.homes = finder.homes if homes is None else homes
    return list(dict.fromkeys(value for node in nodes for value in finder.values(node)))


class _Finder:
    def __init__(self, notation: Notation) -> None:
        self.made = {node: step.node for step in notation.steps for node in step.made}
        """For the nodes of the backward graph: whose rule made them."""
        self.homes: dict[Node, dict[Node, None]] = {}
        """For each node of the forward graph: the values in whose formulas it stands."""
        for value in notation.values.computed:
            for node in notation.values.inner(value):
                for part in (node, *(i for i in node.inputs if isinstance(i, Leaf))):
                    self.homes.setdefault(part, {})[value] = None
        self.owners: dict[Node, list[Node]] = {}
        for node, error in notation.deltas.items():
            self.owners.setdefault(error, []).append(node)

    def values(self, node: object) -> list[Node]:
        """The values that a node stands for."""
        if not isinstance(node, Node):
            what = f"focus takes a node, or a list of nodes, of the graph that is drawn; got {quoted(node)}"
            raise DTypeError(message(what, site=call_site()))
        if isinstance(node, Input) and node in self.homes:
            return [node]
        if node in self.homes:
            return list(self.homes[node])
        if node in self.owners:
            return [value for owner in self.owners[node] for value in self.values(owner)]
        if node in self.made:
            return self.values(self.made[node])
        what = f"{node.label} is not in the graph that is drawn, nor in its backward graph; focus cannot show it"
        raise GraphError(message(what, f"{node.label} was {node.site}", site=call_site()))


def neighbourhood(values: Iterable[Node], sources: Mapping[Node, Sequence[Node]], hops: int) -> set[Node]:
    """The values within so many edges of some values, in either direction.

    Parameters
    ----------
    values : iterable of Node
    sources : {Node: sequence of Node}
        What each value reads; only what is a key here, or an `Input`, is one of the values.
    hops : int
        From 0 on.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (3,))
    >>> a = sc.tanh(x)
    >>> b = sc.tanh(a)
    >>> near = neighbourhood([x], {a: [x], b: [a]}, 1)
    >>> a in near, b in near
    (True, False)
    """
    beside: dict[Node, list[Node]] = {}
    for reader, read in sources.items():
        for source in read:
            if source in sources or isinstance(source, Input):
                beside.setdefault(source, []).append(reader)
                beside.setdefault(reader, []).append(source)
    found = set(values)
    rim = list(found)
    for _ in range(hops):
        rim = [node for node in {n: None for near in rim for n in beside.get(near, ())} if node not in found]
        if not rim:
            break
        found.update(rim)
    return found


class Stubs:
    """Where the graph goes on beyond what is drawn: a small box for each value that comes from there or goes there."""

    def __init__(self, notation: Notation, names: Keys, read: Mapping[Node, Sequence[Node]], at: Mapping[Node, str]):
        self.notation = notation
        self.names = names
        self.sources: dict[Node, str] = {}
        self.readers: dict[str, tuple[str, dict[Node, None]]] = {}
        ends: dict[Node, dict[str, None]] = {}
        for reader in (node for node in read if node in at):
            for source in (s for s in read[reader] if s in read and s not in at):
                ends.setdefault(source, {})[at[reader]] = None
        self._share(ends)

    def _share(self, ends: Mapping[Node, Mapping[str, None]]) -> None:
        """The key of each source's stub: the same one where many sources have the same readers."""
        together: dict[tuple[str, ...], list[Node]] = {}
        for source, keys in ends.items():
            together.setdefault(tuple(keys), []).append(source)
        for sources in together.values():
            for part in [sources] if len(sources) > _FEW else [[source] for source in sources]:
                key = self.names.new(f"from-{self.notation.symbol(part[0])}")
                self.sources.update(dict.fromkeys(part, key))

    def __bool__(self) -> bool:
        return bool(self.sources or self.readers)

    def before(self, source: Node) -> str:
        """The key of the stub from which a value comes."""
        return self.sources[source]

    def after(self, start: str, reader: Node) -> str:
        """The key of the stub to which the values of a box go."""
        if start not in self.readers:
            self.readers[start] = self.names.new(f"after-{start}"), {}
        key, nodes = self.readers[start]
        nodes[reader] = None
        return key

    def boxes(self) -> tuple[list[Box], list[Box]]:
        """Those where values come from, and those where they go to."""
        parts: dict[str, list[Node]] = {}
        for source, key in self.sources.items():
            parts.setdefault(key, []).append(source)
        before = [self._source(sources, key) for key, sources in parts.items()]
        return before, [self._readers(list(nodes), key) for key, nodes in self.readers.values()]

    def _source(self, sources: list[Node], key: str) -> Box:
        names = [str(self.notation.symbol(source)) for source in sources]
        errors = [str(self.notation.error_symbol(source)) for source in sources if source in self.notation.deltas]
        needed = any(self.notation.is_needed(source) for source in sources)
        twin = BackwardBox(f"… to {_listed(errors)}", [], needed) if errors else None
        symbol = names[0] if len(names) == 1 else f"{len(names):,} values"
        error = str(self.notation.error_symbol(sources[0])) if len(names) == 1 else f"{len(names):,} errors"
        shapes = {size_text(source.shape) for source in sources}
        shape = min(shapes) if len(shapes) == 1 else ""
        return Box(key, "fold", f"… from {_listed(names)}", [], symbol, shape, error, twin)

    def _readers(self, nodes: list[Node], key: str) -> Box:
        reached = [node for node in nodes if node in self.notation.deltas]
        errors = [str(self.notation.error_symbol(node)) for node in reached]
        needed = any(self.notation.is_needed(node) for node in reached)
        twin = BackwardBox(f"… from {_listed(errors)}", [], needed) if errors else None
        names = [str(self.notation.symbol(node)) for node in nodes]
        return Box(key, "fold", f"… to {_listed(names)}", [], "", "", "", twin)


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2:,} more"
