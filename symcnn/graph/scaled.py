"""How errors are multiplied and divided: an error of exactly 0 stays 0, whatever it is multiplied with.

What `where` does not choose gets an error of 0. Its values may be infinite or NaN there, and so may slopes be, as that
of a square root at 0; 0 times infinity is NaN in IEEE arithmetic, so one more product would bring back what was not
chosen. Backward rules are written with plain products and quotients; the sweep puts these two in their place
(`symcnn.simplify.zero_errors`). Values of the forward pass are multiplied by `Mul`: there, NaN times 0 is NaN.

Sums of products (matrix products, convolutions) are computed as they are: a NaN in them stays one.
"""

from __future__ import annotations

from typing import Any

from .algebra import Mul
from .arguments import chosen
from .leaves import Input
from .node import Node
from .window import Influence


class Scaled(Node):
    """a * b, element by element, in which the error is one of both: where it is 0, the product is 0.

    Parameters
    ----------
    a, b : Node
    error : "a", "b" or "ab"
        Which of both is an error. Both are in second derivatives.
    """

    a: Node
    b: Node
    error: str = "a"
    text = "{a} · {b}"
    binding = 2
    says = (
        "An error is multiplied, unit by unit, and 0 stays 0.",
        "A factor gets the error times the other factor; an error of 0 stays 0.",
    )

    def __post_init__(self) -> None:
        chosen(self.error, ("a", "b", "ab"), f"{self.label}: error")

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        none = {"a": a == 0, "b": b == 0, "ab": (a == 0) | (b == 0)}[self.error]
        return xp.where(none, xp.zeros_like(a), a * b)

    def influence(self) -> tuple[Influence, ...]:
        return Mul.influence(self)  # type: ignore[arg-type]

    def template(self, kind: str) -> str:
        return Mul.template(self, kind)  # type: ignore[arg-type]

    def backward(self, delta: Node) -> tuple[Node, Node]:
        to_a, to_b = ("ab" if name in self.error else "a" for name in ("b", "a"))
        return Scaled(delta, self.b, to_a), Scaled(delta, self.a, to_b)

    @classmethod
    def samples(cls) -> list[Node]:
        a, b = Input("a", (None, 2, 3)), Input("b", (2, 3))
        return [cls(a, b), cls(b, a, "b"), cls(a, b, "ab")]


class DivNoNan(Node):
    """a / b where a is not 0, and 0 where a is 0, whatever b is: an error of 0 stays 0."""

    a: Node
    b: Node
    latex = r"\frac{{{a}}}{{{b}}}"
    text = "{a} / {b}"
    binding = 2
    says = (
        "The first value is divided by the second, and 0 stays 0.",
        "The dividend gets the error divided by the divisor; where the dividend is 0, no error passes.",
    )

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a / xp.where(a == 0, xp.ones_like(b), b)

    def backward(self, delta: Node) -> tuple[Node, Node]:
        return DivNoNan(delta, self.b), -DivNoNan(DivNoNan(Scaled(delta, self.a, "ab"), self.b), self.b)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("a", (None, 2, 3)), 2 + Input("b", (2, 3)) ** 2)]
