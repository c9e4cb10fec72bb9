"""What a value is titled in pictures and tables: the name of its layer, and the node types behind its formula."""

from __future__ import annotations

from ..graph.algebra import Add, BroadcastTo, Cast, Div, Mul, Neg, Share, Sub, SumTo
from ..graph.leaves import Param
from ..graph.node import Node
from ..nodes.conv import Swap
from ..nodes.reduce import Mean, Sum
from ..nodes.shape import Reshape, Transpose
from .names import Values
from .typeset import plain_text

_ARITHMETIC = (Add, Div, Mean, Mul, Neg, Share, Sub, Sum)
_ARRANGING = (BroadcastTo, Cast, Reshape, SumTo, Swap, Transpose)


class Titles:
    """The titles of the values of a forward pass.

    Attributes
    ----------
    sources : {Node: list of Node}
        For each computed value: the named values and leaves that its formula reads.
    owners : {Node: Node}
        For each value that is read: the first that reads it.
    """

    def __init__(self, values: Values) -> None:
        self.values = values
        self.sources = {node: values.sources(node) for node in values.computed}
        self.owners = {s: node for node in reversed(values.computed) for s in self.sources[node]}

    def title(self, node: Node) -> str:
        """Name and types: "conv1 · Conv"."""
        name = self.name(node)
        return f"{name} · {self.types(node)}" if name else self.types(node)

    def name(self, node: Node) -> str:
        """The name that the user gave to the value or its layer, or what it is: "loss"; else nothing."""
        last = "" if node is not self.values.J else "output" if node.shape else "loss"
        return plain_text(node.name) or self._layer(node) or last

    def _layer(self, node: Node) -> str:
        """The name of the nodes in its formula, or what the names of all its own parameters begin with.

        "conv1" of conv1.W and conv1.b. A parameter belongs to the first that reads it: the weight decay of a
        loss does not make it a convolution.
        """
        names = {n.name for n in self.values.inner(node)} - {""}
        params = [s for s in self.sources[node] if isinstance(s, Param)]
        if not names and all(self.owners[p] is node for p in params):
            names = {p.name.rpartition(".")[0] for p in params}
        return plain_text(names.pop()) if len(names) == 1 else ""

    def types(self, node: Node) -> str:
        """The node types behind a formula; small arithmetic only where there is nothing else."""
        inner = self.values.inner(node)
        large = [n for n in inner if not isinstance(n, (*_ARITHMETIC, *_ARRANGING))]
        small = [n for n in inner if not isinstance(n, _ARRANGING)]
        names = list(dict.fromkeys(type(n).__name__ for n in large or small or [node]))
        return " + ".join(names) if len(names) <= 3 else type(node).__name__
