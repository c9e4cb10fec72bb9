"""The teller of the zoom "nodes": every node of the forward pass, and below it every node of the backward graph.

Each box holds the formula of one node. What it reads in its own lane are edges; what a backward node reads from the
forward pass, constants and the size of the batch stand in the formula by their names.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from ...backprop import Backprop
from ...equations.names import GENERIC, Symbol
from ...equations.notation import Notation, Quoted
from ...equations.typeset import Writer, literal, seen_through
from ...graph.errors import ArgumentError, call_site, message
from ...graph.graph import Graph
from ...graph.leaves import BatchSize, Const, Input, Leaf, Param
from ...graph.node import Node
from ...simplify.zero_errors import added
from ...text import plain_text
from .focus import focused, neighbourhood
from .labels import at_most, counted
from .model import Below, Box, Bundle, DiagramModel, Keys, size_text

MOST = 150
"""A picture of more boxes than this is drawn only on request."""


class EveryNodeBuilder:
    """Finds the story of a sweep, node by node.

    Parameters
    ----------
    back : Backprop
    fold : bool or None
        False: draw any number of nodes; None: at most 150. Nodes are not folded.
    focus : Node, iterable of Node, or None
        Only these nodes, what is near them, and what their rules made is told.
    hops : int
        How near, in edges of the forward pass.

    Raises
    ------
    ArgumentError
        For ``fold=True``, and for more than 150 boxes unless ``fold=False``.
    """

    def __init__(
        self, back: Backprop, fold: bool | None = None, focus: Node | Iterable[Node] | None = None, hops: int = 1
    ) -> None:
        if fold:
            problem = "zoom='nodes' draws single nodes and does not fold them"
            raise ArgumentError(message(problem, "zoom='layers' does", site=call_site()))
        self.notation = Notation(back)
        self.errors = self.notation.deltas
        self.hops = hops
        values = self.notation.values
        self.order = [node for node in values.order if not self._is_text(node)]
        self.varying = values.fed | values.learned | {values.J}
        """What is no constant, nor computed from constants alone."""
        self.made = self._made()
        self.centre = [] if focus is None else focused(self.notation, focus, self._homes())
        self._keep()
        if fold is None and len(self.kept) + len(self.below) > MOST:
            self._refuse()
        self.receivers = self._named_errors()
        self.symbols = self._symbols()
        self._quotes: dict[Node, Node] = {}
        self._shown: dict[Node, str] = {}
        """The names of quoted nodes."""
        self._writer = Writer("text", self._shown.get, lambda _, formula: formula)
        names = Keys()
        drawn = [*(node for node in self.kept if not isinstance(node, Param)), *self.below]
        self.keys = {node: names.new(str(self.symbols[node])) for node in drawn}

    def tell(self) -> DiagramModel:
        """The story."""
        boxes = [self._box(node) for node in self.kept if node in self.keys]
        J = str(self.symbols[self.notation.values.J])
        return DiagramModel(
            boxes, self._edges(self.kept), set(), self._bundles(), self._note(), J, below=self._tell_below()
        )

    # What there is ---------------------------------------------------------------------------

    def _is_text(self, node: Node) -> bool:
        """Whether a node is no box, but stands in the formulas of what reads it."""
        if isinstance(node, Const):
            return literal(node, "text") is not None
        return isinstance(node, BatchSize)

    def _made(self) -> dict[Node, Node]:
        """The nodes of the backward graph, each after what it reads, and whose rule made it.

        What only the errors of constants are computed from is left out: nobody asks for these.
        """
        by = {node: step.node for step in self.notation.steps for node in step.made}
        values = self.notation.values
        forward = set(values.order)
        order = Graph(*(error for node, error in self.errors.items() if node in self.varying)).order
        given = [node for node in order if node not in by and node not in forward]
        kept = set(order)
        found = {**dict.fromkeys(given, values.J), **{node: home for node, home in by.items() if node in kept}}
        self.left_out = [node for node in by if node not in kept and not self._is_text(node)]
        return {node: home for node, home in found.items() if not self._is_text(node)}

    def _named_errors(self) -> dict[Node, list[Node]]:
        """For each error: the nodes of the forward pass whose error it is, but for constants."""
        found: dict[Node, list[Node]] = {}
        for node, error in self.errors.items():
            if node in self.varying:
                found.setdefault(error, []).append(node)
        return found

    def _homes(self) -> dict[Node, dict[Node, None]]:
        """The boxes for each node of the forward pass: itself, or what reads it."""
        found: dict[Node, dict[Node, None]] = {}
        for node in self.notation.values.order:
            if not isinstance(node, Leaf) or isinstance(node, Input):
                found.setdefault(node, {})[node] = None
            for leaf in (i for i in node.inputs if isinstance(i, Leaf) and not isinstance(i, Input)):
                found.setdefault(leaf, {})[node] = None
        return found

    def _keep(self) -> None:
        """What is drawn of both lanes."""
        self.kept, self.below = self.order, list(self.made)
        if self.centre:
            sources = {node: list(node.inputs) for node in self.order if node.inputs}
            near = neighbourhood(self.centre, sources, self.hops)
            read = {i for node in near for i in node.inputs if isinstance(i, Leaf) and not isinstance(i, Input)}
            self.kept = [node for node in self.order if node in near or node in read]
            self.below = [node for node, home in self.made.items() if home in near]

    def _refuse(self) -> None:
        number = counted(len(self.kept) + len(self.below), "node")
        raise ArgumentError(
            message(
                f"zoom='nodes' draws up to {MOST} nodes unless told; here are {number}",
                "focus=node draws what is near a node, fold=False draws all, zoom='layers' folds",
                site=call_site(),
            )
        )

    # Names -----------------------------------------------------------------------------------

    def _symbols(self) -> dict[Node, Symbol]:
        """A name for each box: values as in the equations, their errors, and e1, e2, ... for what is between."""
        found = dict(self.notation.values.symbols)
        names = self.notation.values.names
        others, parts = count(1 + sum(symbol.base == GENERIC for symbol in found.values())), count(1)
        for node in self.order:
            if node not in found:
                found[node] = names.new(GENERIC, str(next(others)))
        above = dict(found)
        for node in self.made:
            if node in self.receivers:
                first = min(self.receivers[node], key=lambda n: n not in self.notation.values.symbols)
                found[node] = above[first].wrapped("grad" if isinstance(first, Param) else "delta")
            elif isinstance(node, Input | Param):
                found[node] = names.new(node.name)
            else:
                found[node] = names.new("e", str(next(parts)))
        return found

    def _quoted(self, node: Node) -> Node:
        """A node as a leaf that is shown by its name, so that no formula looks behind it; text stays what it is."""
        if node not in self.symbols:
            return node
        if node not in self._quotes:
            self._quotes[node] = Quoted(len(self._quotes), node.spec)
            self._shown[self._quotes[node]] = str(self.symbols[node])
        return self._quotes[node]

    # Boxes -----------------------------------------------------------------------------------

    def _box(self, node: Node) -> Box:
        symbol, shape = str(self.symbols[node]), size_text(node.shape)
        if isinstance(node, Leaf):
            what = "input" if isinstance(node, Input) else "constant"
            return Box(self.keys[node], "input", symbol, [what], symbol, shape, "", node=node)
        kind = "loss" if node is self.notation.values.J else "value"
        return Box(self.keys[node], kind, self._title(node), [self._equation(node)], symbol, shape, "", node=node)

    def _title(self, node: Node) -> str:
        name = self.notation.values.layer_name(node) if node in self.notation.values.symbols else node.name
        name = name or ("loss" if node is self.notation.values.J and not node.shape else "")
        return f"{plain_text(name)} · {type(node).__name__}" if name else type(node).__name__

    def _equation(self, node: Node) -> str:
        """The formula of one node; of what only rearranges numbers the new shape."""
        over = node.with_inputs([self._quoted(i) for i in node.inputs]) if node.inputs else node
        formula = self._writer.formula(over).text
        through = seen_through(over)
        if through is not None:
            formula += f" as {node.dtype if through.shape == node.shape else size_text(node.shape, 'N')}"
        return f"{self.symbols[node]} = {formula}"

    def _edges(self, nodes: Iterable[Node]) -> list[tuple[str, str]]:
        """From each box to what reads it in its own lane."""
        lane = {node: self.keys[node] for node in nodes if node in self.keys}
        pairs = ((source, node) for node in lane for source in node.inputs if source in lane)
        return list(dict.fromkeys((lane[source], lane[reader]) for source, reader in pairs))

    def _bundles(self) -> list[Bundle]:
        """Parameters with the same readers; their gradients are boxes of the lower lane."""
        readers: dict[Param, dict[str, None]] = {}
        for node in (n for n in self.kept if n in self.keys):
            for source in node.inputs:
                if isinstance(source, Param):
                    readers.setdefault(source, {})[self.keys[node]] = None
        together: dict[tuple[str, ...], list[Param]] = {}
        for param, keys in readers.items():
            together.setdefault(tuple(keys), []).append(param)
        names = Keys()
        found = []
        for at, params in together.items():
            lines = at_most([f"{self.symbols[p]} ({size_text(p.shape)})" for p in params])
            found.append(Bundle(names.new(str(self.symbols[params[0]])), lines, [], list(at), params))
        return found

    # The backward graph ----------------------------------------------------------------------

    def _tell_below(self) -> Below:
        needed = self._needed()
        sums = self._sums()
        below = Below([self._part(node) for node in self.below], self._edges(self.below))
        for node in self.below:
            key = self.keys[node]
            below.homes[key] = self.keys[self.made[node]]
            below.reads[key] = ", ".join(dict.fromkeys(str(self.symbols[i]) for i in node.inputs if self._is_above(i)))
        below.sums = {self.keys[node] for node in self.below if node in sums}
        below.unneeded = {self.keys[node] for node in self.below if node not in needed}
        return below

    def _is_above(self, node: Node) -> bool:
        return node in self.symbols and node not in self.made

    def _part(self, node: Node) -> Box:
        """A box of the lower lane."""
        learned = any(isinstance(receiver, Param) for receiver in self.receivers.get(node, ()))
        lines = [f"{self.symbols[node]} = given"] if isinstance(node, Leaf) else [self._equation(node)]
        for receiver in self.receivers.get(node, ()):
            also = self._error_name(receiver)
            if also != str(self.symbols[node]):
                lines.append(f"{also} = {self.symbols[node]}")
        kind, key = "gradient" if learned else "made", self.keys[node]
        symbol = str(self.symbols[node])
        return Box(key, kind, type(node).__name__, lines, symbol, size_text(node.shape), "", node=node)

    def _error_name(self, node: Node) -> str:
        return str(self.symbols[node].wrapped("grad" if isinstance(node, Param) else "delta"))

    def _needed(self) -> set[Node]:
        """What is on the way to a gradient; everything where there are no parameters."""
        gradients = [error for node, error in self.errors.items() if isinstance(node, Param)]
        return set(Graph(*gradients).nodes) if gradients else set(self.made)

    def _sums(self) -> set[Node]:
        """The nodes that add up what several rules send to one value."""
        found: set[Node] = set()
        total: dict[Node, Node] = {}
        for step in self.notation.steps:
            for source, error in step.sent:
                if source in total:
                    error = added(total[source], error)
                    found.add(error)
                total[source] = error
        return found

    # The note --------------------------------------------------------------------------------

    def _note(self) -> str:
        lines = []
        if self.centre:
            around = at_most([str(self.symbols[node]) for node in self.centre])
            shown = sum(node in self.keys for node in self.kept)
            every = sum(not isinstance(node, Param) for node in self.order)
            near = f"Within {counted(self.hops, 'edge')} of {', '.join(around)}"
            lines.append(f"{near}: {shown:,} of {counted(every, 'node')}, and the nodes that their rules made.")
        if any(symbol.base == "e" and not symbol.wrap for symbol in map(self.symbols.get, self.below) if symbol):
            lines.append("e1, e2, …: nodes of the backward graph on the way from error to error.")
        visited = [node for node in self.kept if node in self.errors]
        settled = [node for node in visited if node in self.varying and self.errors[node] not in self.made]
        told = (
            f"{self._error_name(n)} = {self._writer.value(self._quoted(self.errors[n])).text}"
            for n in reversed(settled)
        )
        if settled:
            lines.append(f"Without a node of their own: {', '.join(at_most(list(told)))}.")
        if self.left_out:
            left = counted(len(self.left_out), "node")
            lines.append(f"Not drawn: {left} that only the errors of constants are computed from.")
        return "\n".join(lines)
