"""The backward graph as the rules made it: which nodes there are, and under which forward node each one stands."""

from __future__ import annotations

from collections.abc import Container, Mapping

from ..backprop import Backprop
from ..graph.graph import Graph
from ..graph.leaves import Const, Leaf, Param
from ..graph.node import Node


class WayBack:
    """The nodes of a backward graph, placed so that all of its edges run from right to left.

    Parameters
    ----------
    back : Backprop
    column : {Node: int}
        Where the drawn nodes of the forward pass stand.
    home : {Node: Node}
        For each node of the forward pass the drawn one under which its error stands: itself, or its first reader.
    wanted : collection of Node
        Whose errors are drawn, with all that they are computed from.

    Attributes
    ----------
    nodes : list of Node
        All that is computed on the way back only, and a seed; what is read comes before what reads it.
    under : {Node: Node}
        The drawn node whose rule made each of them. What several rules share stands under the rightmost of these.
        A sum of what several rules sent stands under the value whose error it is.
    of_seed : set of Node
        Those that J's own error is computed from, and itself; no rule made them.
    sums : set of Node
        Those that add up what several rules sent to one value.
    errors_of : {Node: list of Node}
        The nodes of the forward pass whose errors they are, in the order of the sweep. An error may be a node of the
        forward pass, too.
    needed : set of Node
        Those that a parameter's gradient is computed from; all, where there is no parameter.
    """

    def __init__(
        self, back: Backprop, column: Mapping[Node, int], home: Mapping[Node, Node], wanted: Container[Node]
    ) -> None:
        self.seed = back.delta(back.J)
        self.forward = set(Graph(back.J).nodes)
        self.sums: set[Node] = set()
        self.errors_of: dict[Node, list[Node]] = {}
        for step in back.steps:
            if step.node in wanted:
                self.errors_of.setdefault(step.delta, []).append(step.node)
        self._makers = self._found_makers(back)
        self.nodes = [node for node in Graph(*self.errors_of).order if node in self._makers]
        self.under = self._to_the_right({node: home[self._makers[node]] for node in self.nodes}, column)
        self.needed = self._upstream_of_gradients(back)

    def read_by(self, node: Node) -> list[Node]:
        """What of the way back a node reads.

        The seed 1 and any other 1 are one constant: only the rule of J itself reads it as J's error.
        """
        is_first = self._makers[node] is self._makers.get(self.seed)
        found = dict.fromkeys(i for i in node.inputs if i in self._makers)
        return [i for i in found if is_first or not (i is self.seed and isinstance(i, Const))]

    def _found_makers(self, back: Backprop) -> dict[Node, Node]:
        """The forward node whose visit made each node; for sums of errors the value that they are the error of."""
        self.of_seed = {node for node in Graph(self.seed).order if self._is_drawn(node)}
        makers = dict.fromkeys(self.of_seed, back.J)
        if self.seed not in self.forward:
            makers[self.seed] = back.J  # it is drawn though it may be a leaf
        for step in back.steps:
            makers |= {node: step.node for node in step.made if self._is_drawn(node) and node not in makers}
        errors: dict[Node, Node] = {}
        for step in back.steps:
            for source, error in step.sent:
                if source in errors:
                    error = errors[source] + error
                    if error in makers:
                        makers[error] = source
                        self.sums.add(error)
                errors[source] = error
        return makers

    def _is_drawn(self, node: Node) -> bool:
        return node not in self.forward and not isinstance(node, Leaf)

    def _to_the_right(self, under: dict[Node, Node], column: Mapping[Node, int]) -> dict[Node, Node]:
        """Each node as far to the right as what reads it: a shared one may be made by a rule further left."""
        for node in reversed(self.nodes):
            for i in node.inputs:
                if i in under and column[under[i]] < column[under[node]]:
                    under[i] = under[node]
        return under

    def _upstream_of_gradients(self, back: Backprop) -> set[Node]:
        gradients = set(back.grads.values())
        if not gradients:
            return set(self.nodes)
        needed: set[Node] = set()
        for node in reversed(self.nodes):
            if node in gradients or node in needed:
                needed.add(node)
                needed.update(self.read_by(node))
        return needed

    def gradients_of(self, node: Node) -> list[Param]:
        """The parameters whose gradient a node is."""
        return [value for value in self.errors_of.get(node, ()) if isinstance(value, Param)]


def depths(way: WayBack, column: Mapping[Node, int]) -> dict[Node, int]:
    """How far left of its column's right end each node stands: left of all that it reads.

    What reads nothing that is computed on the way back stands right before its first reader.
    """
    place = {node: column[node_above] for node, node_above in way.under.items()}
    depth: dict[Node, int] = {}
    readers: dict[Node, list[Node]] = {}
    for node in way.nodes:
        read = way.read_by(node)
        depth[node] = max((depth[i] + 1 for i in read if place[i] == place[node]), default=0)
        for i in read:
            readers.setdefault(i, []).append(node)
    for node in reversed(way.nodes):
        if node in readers and not way.read_by(node):
            near = [depth[r] for r in readers[node] if place[r] == place[node]]
            depth[node] = min(near) - 1 if near else depth[node]
    return depth
