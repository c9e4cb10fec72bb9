"""The equations of a sweep: the forward pass, every error in the order of the sweep, and every gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..backprop import Backprop
from ..graph.leaves import Param
from ..graph.node import Node
from ..graph.spec import Shape
from .names import Symbol
from .notation import Notation

_WIDEST = 72
"""Shapes stand in one column, to the right of equations up to so wide."""


@dataclass(frozen=True)
class Equation:
    """One equation.

    Attributes
    ----------
    left, right : str
        The two sides, as text.
    shape : tuple of int or None
        The shape of the value; ``None`` is the batch.
    note : str
        A remark: that an error is not needed for any gradient.
    latex : (str, str)
        The two sides, as LaTeX.
    """

    left: str
    right: str
    shape: Shape
    note: str = ""
    written: Callable[[], tuple[str, str]] = field(default=lambda: ("", ""), repr=False, compare=False)

    @property
    def latex(self) -> tuple[str, str]:
        """The two sides in LaTeX."""
        return self.written()

    def __str__(self) -> str:
        return f"{self.left} = {self.right}"


class Equations(Sequence[Equation]):
    """The equations of a sweep, derived from its graph; they print as text and show themselves in a notebook.

    Make them with ``back.equations()``. Values are called by the symbols of their node types, numbered by layer:
    z1, a1, p1, z2. A column is an example, as in the tutorial: a dense layer is W a + b, and its error W^T delta.

    Attributes
    ----------
    forward, errors, gradients : list of Equation
        The three parts.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, y = sc.Input("x", (None, 4)), sc.Input("y", (None,), dtype="int64")
    >>> z = sc.dense(x, 3, seed=0)
    >>> print(sc.backprop(sc.softmax_cross_entropy(z, y)).equations())
    Forward
       z1 = W1 x + b1                       (N, 3)
        J = mean(−log softmax(z1)[y])       ()
    Errors
     δ(J) = 1                               ()
    δ(z1) = (softmax(z1) − 1[y]) / N        (N, 3)
     δ(x) = W1ᵀ δ(z1)                       (N, 4)  not needed
    Gradients
      ∇W1 = δ(z1) xᵀ                        (3, 4)
      ∇b1 = Σ δ(z1)                         (3,)
    """

    def __init__(self, back: Backprop) -> None:
        self._notation = notation = Notation(back)
        values = notation.values
        shown = zip(values.computed, notation.forward(values.computed), strict=True)
        self.forward = self._all([(value, node, notation.symbol(value)) for value, node in shown])
        totals = notation.totals()
        readable = notation.readable(list(totals.values()))
        lines = [(n, e, notation.error_symbol(n)) for n, e in zip(totals, readable, strict=True)]
        self.errors = self._all([line for line in lines if not isinstance(line[0], Param)])
        by_param = {line[0]: line for line in lines}
        self.gradients = self._all([by_param[p] for p in back.grads])

    def _all(self, lines: list[tuple[Node, Node, Symbol]]) -> list[Equation]:
        """An equation for each (value it belongs to, what computes it, what it is called)."""
        found = []
        for value, node, symbol in lines:
            note = "" if self._notation.is_needed(value) else "not needed"
            right = self._notation.formula(node)
            for part, inner in self._notation.take_spilled():
                found.append(self._equation(part, inner, self._notation.formula(inner), ""))
            found.append(self._equation(symbol, node, right, note))
        return found

    def _equation(self, symbol: Symbol, node: Node, right: str, note: str) -> Equation:
        def written() -> tuple[str, str]:
            return symbol.latex, self._notation.formula(node, "latex")

        return Equation(str(symbol), right, node.shape, note if symbol.wrap else "", written)

    def __getitem__(self, index: Any) -> Any:
        return self._lines[index]

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Equation]:
        return iter(self._lines)

    @cached_property
    def _lines(self) -> list[Equation]:
        return [*self.forward, *self.errors, *self.gradients]

    @property
    def parts(self) -> dict[str, list[Equation]]:
        """The three parts under their headings; an empty one is left out."""
        named = {"Forward": self.forward, "Errors": self.errors, "Gradients": self.gradients}
        return {heading: lines for heading, lines in named.items() if lines}

    @property
    def latex(self) -> str:
        """The equations as one ``aligned`` block of LaTeX, without dollar signs."""
        rows = []
        for lines in self.parts.values():
            block = [rf"{left} &= {right}" for left, right in (e.latex for e in lines)]
            rows.append(" \\\\\n".join(block))
        return "\\begin{aligned}\n" + " \\\\[1ex]\n".join(rows) + "\n\\end{aligned}"

    def __str__(self) -> str:
        lefts = max((len(e.left) for e in self), default=0)
        width = max((len(e.right) for e in self if len(e.right) <= _WIDEST), default=0)
        text = []
        for heading, lines in self.parts.items():
            text.append(heading)
            for e in lines:
                note = f"  {e.note}" if e.note else ""
                text.append(f"{e.left:>{lefts}} = {e.right:{width}}    {_shown(e.shape)}{note}")
        return "\n".join(text)

    def __repr__(self) -> str:
        return str(self)

    def _repr_latex_(self) -> str:
        return f"$${self.latex}$$"


def _shown(shape: Shape) -> str:
    """A shape with N for the batch."""
    dims = ["N" if d is None else str(d) for d in shape]
    return f"({dims[0]},)" if len(dims) == 1 else f"({', '.join(dims)})"
