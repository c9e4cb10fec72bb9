"""Equations as they are shown: one, or those of a sweep in their parts; as text, LaTeX and MathML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..graph.locks import cached_property
from ..graph.spec import Shape
from ..show.notebook import bundle
from ..show.tables import MOST
from ..text import shape_text
from .words import latex_words

_WIDEST = 72
"""Shapes stand in one column, to the right of equations up to so wide."""


@dataclass(frozen=True, repr=False)
class Equation:
    """One equation; it prints as text and shows itself in a notebook.

    Attributes
    ----------
    left, right : str
        The two sides, as text.
    shape : tuple of int or None
        The shape of the value; ``None`` is the batch.
    note : str
        A remark at the side: the name that the user gave to a layer, or that an error is not needed.
    sign : str
        "=", or "+=" where others send errors to the same value.

    Examples
    --------
    >>> import symcnn as sc
    >>> z = sc.dense(sc.Input("x", (None, 4)), 3, name="out", seed=0)
    >>> z.equation
    z1 = W1 x + b1
    >>> z.equation.latex, z.equation.shape, z.equation.note
    ('z_{1} = W_{1} x + b_{1}', (None, 3), 'out')
    """

    left: str
    right: str
    shape: Shape
    note: str = ""
    sign: str = "="
    written: Callable[[], tuple[str, str]] = field(default=lambda: ("", ""), compare=False)

    @cached_property
    def sides(self) -> tuple[str, str]:
        """The two sides in LaTeX."""
        return self.written()

    @property
    def latex(self) -> str:
        """The equation in LaTeX, without dollar signs."""
        return f"{self.sides[0]} {_latex_sign(self.sign)} {self.sides[1]}"

    @property
    def latex_with_shape(self) -> str:
        """The equation in LaTeX, with its shape and the remark at the side."""
        note = rf" \quad {latex_words(self.note)}" if self.note else ""
        return rf"{self.latex} \qquad {shape_text(self.shape)}{note}"

    @property
    def mathml(self) -> str:
        """The equation as a ``<math>`` element, for web pages."""
        from .mathml import line

        return line(self)

    def __reduce__(self) -> Any:
        return _again, (self.left, self.right, self.shape, self.note, self.sign, self.sides)

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(self, "text/latex", lambda: f"$${self.latex_with_shape}$$")


def _again(left: str, right: str, shape: Shape, note: str, sign: str, sides: tuple[str, str]) -> Equation:
    """An equation from a pickle or for a copy, with the LaTeX written out."""
    return Equation(left, right, shape, note, sign, lambda: sides)


class Equations(Sequence[Equation]):
    """Equations in parts; they print as text and show themselves in a notebook.

    Make them with ``back.equations()``, or for one node with ``back.equation(node)``. Values are called by the symbols
    of their node types, numbered by layer: z1, a1, p1, z2. A column is an example, as in the tutorial: a dense layer is
    W a + b, and its error W^T delta. Σ₀₂ is the sum over axes 0 and 2 of the array, where axis 0 is the batch; Σ is the
    sum over all axes. Reshapes and broadcasting are shown as nothing, since the shapes stand at the side, but where
    something reads the axes inside a formula: Σ₁ reshape(x, N×6).

    Attributes
    ----------
    parts : {str: list of Equation}
        The equations under their headings: Forward, Errors, Gradients; Sent for one node.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, y = sc.Input("x", (None, 4)), sc.Input("y", (None,), dtype="int64")
    >>> z = sc.dense(x, 3, name="out", seed=0)
    >>> back = sc.backprop(sc.softmax_cross_entropy(z, y))
    >>> print(back.equations())
    Forward
       z1 = W1 x + b1                       (N, 3)  out
        J = mean(−log softmax(z1)[y])       ()
    Errors
     δ(J) = 1                               ()
    δ(z1) = (softmax(z1) − 1[y]) / N        (N, 3)
     δ(x) = W1ᵀ δ(z1)                       (N, 4)  not needed
    Gradients
      ∇W1 = δ(z1) xᵀ                        (3, 4)  out.W
      ∇b1 = Σ₀ δ(z1)                        (3,)    out.b
    >>> back.equations().gradients[0].latex
    '\\\\nabla W_{1} = \\\\delta(z_{1}) \\\\, x^{\\\\top}'
    """

    def __init__(self, parts: dict[str, list[Equation]]) -> None:
        self.parts = {heading: lines for heading, lines in parts.items() if lines}

    @property
    def forward(self) -> list[Equation]:
        """The forward pass."""
        return self.parts.get("Forward", [])

    @property
    def errors(self) -> list[Equation]:
        """The errors, in the order of the sweep."""
        return self.parts.get("Errors", [])

    @property
    def gradients(self) -> list[Equation]:
        """The gradients of the parameters, in the order of the graph."""
        return self.parts.get("Gradients", [])

    @property
    def sent(self) -> list[Equation]:
        """Of one node: what its rule sends to the values that it reads."""
        return self.parts.get("Sent", [])

    def __getitem__(self, index: Any) -> Any:
        return self._lines[index]

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Equation]:
        return iter(self._lines)

    @cached_property
    def _lines(self) -> list[Equation]:
        return [e for lines in self.parts.values() for e in lines]

    @property
    def latex(self) -> str:
        """The equations as one ``aligned`` block of LaTeX, without dollar signs; shapes and remarks at the side."""
        blocks = [" \\\\\n".join(_row(e) for e in lines) for lines in self.parts.values()]
        return "\\begin{aligned}\n" + " \\\\[1ex]\n".join(blocks) + "\n\\end{aligned}"

    @property
    def mathml(self) -> str:
        """The equations as one ``<math>`` element with an aligned table, for web pages.

        It holds elements of MathML Core only, and is the same text for the same graph. What cannot be converted from
        LaTeX (of a node type's own template) stands there as text.
        """
        from .mathml import table

        return table(self.parts)

    def __str__(self) -> str:
        lefts = max((len(e.left) for e in self), default=0)
        width = max((len(e.right) for e in self if len(e.right) <= _WIDEST), default=0)
        noted = max((len(shape_text(e.shape)) for e in self if e.note), default=0)
        signs = max((len(e.sign) for e in self), default=0)
        text = []
        for heading, lines in self.parts.items():
            text.append(heading)
            for e in lines:
                shape = f"{shape_text(e.shape):{noted}}  {e.note}" if e.note else shape_text(e.shape)
                text.append(f"{e.left:>{lefts}} {e.sign:>{signs}} {e.right:{width}}    {shape}")
        return "\n".join(text)

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """In LaTeX; as text where they are so many that a browser would be busy for long."""
        return bundle(self, "text/latex", lambda: f"$${self.latex}$$" if 0 < len(self) <= MOST else None)


def _row(e: Equation) -> str:
    """A row of the ``aligned`` block."""
    left, right = e.sides
    note = f" && {latex_words(e.note)}" if e.note else ""
    return f"{left} &{_latex_sign(e.sign)} {right} && {shape_text(e.shape)}{note}"


def _latex_sign(sign: str) -> str:
    return r"\mathrel{+}=" if sign == "+=" else sign
