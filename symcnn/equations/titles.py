"""What a value is titled in pictures and tables: the name of its layer, and the node types behind its formula."""

from __future__ import annotations

from ..graph.algebra import Add, BroadcastTo, Cast, Div, Mul, Neg, Sub, SumTo
from ..graph.node import Node
from ..graph.scaled import DivNoNan, Scaled
from ..nodes.conv import Swap
from ..nodes.reduce import Mean, Sum
from ..nodes.shape import Reshape, Transpose
from .names import Values

_ARITHMETIC = (Add, Div, Mean, Mul, Neg, Scaled, DivNoNan, Sub, Sum)
_ARRANGING = (BroadcastTo, Cast, Reshape, SumTo, Swap, Transpose)


class Titles:
    """The titles of the values of a forward pass."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def title(self, node: Node) -> str:
        """Name and types: "conv1 · Conv"."""
        name = self.name(node)
        return f"{name} · {self.types(node)}" if name else self.types(node)

    def name(self, node: Node) -> str:
        """The name that the user gave to the value or its layer, or what it is: "loss"; else nothing."""
        last = "" if node is not self.values.J else "output" if node.shape else "loss"
        return self.values.layer_name(node) or last

    def types(self, node: Node) -> str:
        """The node types behind a formula; small arithmetic only where there is nothing else."""
        inner = self.values.inner(node)
        large = [n for n in inner if not isinstance(n, (*_ARITHMETIC, *_ARRANGING))]
        small = [n for n in inner if not isinstance(n, _ARRANGING)]
        names = list(dict.fromkeys(type(n).__name__ for n in large or small or [node]))
        own = [n for n in self.values.within(node) if not isinstance(n, _ARRANGING)]
        if node in self.values.composites and len(own) > 1:
            return self.values.composites[node].title
        return " + ".join(names) if len(names) <= 3 else type(node).__name__
