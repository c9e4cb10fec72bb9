"""What a value is titled in pictures and tables: the name of its layer, and the node types behind its formula."""

from __future__ import annotations

from ..graph.algebra import Add, BroadcastTo, Cast, Div, Mul, Neg, Sub, SumTo
from ..graph.node import Node
from ..graph.scaled import DivNoNan, Scaled
from ..nodes.conv import Swap
from ..nodes.reduce import Mean, Sum
from ..nodes.shape import Reshape, Transpose
from ..text import plain_text
from .composites import Part
from .names import Values

_ARITHMETIC = (Add, Div, Mean, Mul, Neg, Scaled, DivNoNan, Sub, Sum)
_ARRANGING = (BroadcastTo, Cast, Reshape, SumTo, Swap, Transpose)


class Titles:
    """The titles of the values of a forward pass."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def title(self, part: Part) -> str:
        """Name and types: "conv1 · Conv"."""
        name = self.name(part)
        return f"{name} · {self.types(part)}" if name else self.types(part)

    def name(self, part: Part) -> str:
        """The name that the user gave to a value or its layer, or what it is: "loss"; else nothing."""
        last = "" if part.last is not self.values.J else "output" if part.last.shape else "loss"
        return self.given_name(part) or last

    def given_name(self, part: Part) -> str:
        """The name that the user gave, if any."""
        return plain_text(part.record.name) if part.record else self.values.layer_name(part.last)

    def types(self, part: Part) -> str:
        """What a layer is called; of a value the node types behind its formula, small arithmetic only by itself."""
        inner = [n for value in part.values for n in self.values.inner(value)]
        if part.record is not None:
            own = [n for n in inner if self.values.composites.of(n) is part.record]
            if sum(not isinstance(n, _ARRANGING) for n in own) > 1:
                return plain_text(part.record.title)
        large = [n for n in inner if not isinstance(n, (*_ARITHMETIC, *_ARRANGING))]
        small = [n for n in inner if not isinstance(n, _ARRANGING)]
        names = list(dict.fromkeys(type(n).__name__ for n in large or small or part.values))
        return " + ".join(names) if len(names) <= 3 else type(part.last).__name__
