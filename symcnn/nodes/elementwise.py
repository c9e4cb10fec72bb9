"""Elementary functions of each element: exp, log and their exact forms near 0, sqrt, abs, sign, powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.algebra import ones, zeros
from ..graph.leaves import Const, Input
from ..graph.node import Node, as_node
from ..graph.operators import builds
from .select import equal, where


def _positive_sample() -> Node:
    return 1 + Input("x", (None, 2, 3)) ** 2


class Exp(Node):
    """e^x."""

    ufunc = np.exp
    x: Node
    latex = r"e^{{{x}}}"
    text = "exp({x})"
    says = ("Each unit becomes e to its power.", "Each error is multiplied by e^x, which is the value itself.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.exp(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta * self,)


class Log(Node):
    """The natural logarithm."""

    ufunc = np.log
    x: Node
    latex = r"\log({x})"
    text = "log({x})"
    says = ("Each unit becomes its natural logarithm.", "Each error is divided by its unit.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.log(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta / self.x,)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(_positive_sample())]


class Log1p(Node):
    """log(1 + x); exact near 0, too."""

    ufunc = np.log1p
    x: Node
    latex = r"\log(1 + {x})"
    text = "log(1 + {x})"
    says = ("Each unit becomes the natural logarithm of 1 more.", "Each error is divided by 1 + x.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.log1p(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta / (1 + self.x),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(_positive_sample())]


class Expm1(Node):
    """e^x - 1; exact near 0, too."""

    ufunc = np.expm1
    x: Node
    latex = r"e^{{{x}}} - 1"
    text = "exp({x}) − 1"
    binding = 1
    says = ("Each unit becomes e to its power, less 1.", "Each error is multiplied by e^x.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.expm1(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta * Exp(self.x),)


class Sqrt(Node):
    """The square root."""

    ufunc = np.sqrt
    x: Node
    latex = r"\sqrt{{{x}}}"
    text = "sqrt({x})"
    says = ("Each unit becomes its square root.", "Each error is divided by twice the root.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.sqrt(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta / (2 * self),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(_positive_sample())]


class Sign(Node):
    """-1, 0 or 1; NaN stays NaN. Its derivative is 0."""

    ufunc = np.sign
    integers = "common"
    x: Node
    latex = r"\operatorname{{sign}}({x})"
    text = "sign({x})"
    says = ("Only the sign of each unit is left.", "The sign does not change with its unit: no error passes.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.sign(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (zeros(self.x),)


class Abs(Node):
    """The absolute value. The derivative at 0 is 0."""

    ufunc = np.absolute
    integers = "wide"
    x: Node
    latex = r"\lvert {x} \rvert"
    text = "|{x}|"
    says = ("The sign of each unit is dropped.", "Each error is multiplied by the sign of its unit; at 0 it stops.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.abs(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta * Sign(self.x),)


class Pow(Node):
    """x to the power y, with broadcasting.

    Notes
    -----
    The derivative by x is y x^(y-1), and 0 where y is 0; by y it is x^y log x, and 0 where x is 0.
    """

    ufunc = np.power
    x: Node
    y: Node
    latex = r"{x}^{{{y}}}"
    text = "{x}^{y}"
    binding = 3
    says = (
        "Each unit is raised to a power.",
        ("The base gets the error times y x^(y − 1).", "The power gets the error times x^y log x."),
    )

    @property
    def integers(self) -> str:  # type: ignore[override]
        """A power of an integer is one where the exponent is known, and not negative."""
        y = self.y.value if isinstance(self.y, Const) else self.y
        known = isinstance(y, int) or (isinstance(y, np.ndarray) and y.dtype.kind in "iu" and bool(np.all(y >= 0)))
        return "wide" if known and (not isinstance(y, int) or y >= 0) else "real"

    def forward(self, xp: Any, x: Any, y: Any) -> Any:
        return x**y

    def backward(self, delta: Node) -> tuple[Node, Node]:
        x, y = self.x, self.y
        slope = y * x ** where(equal(y, 0), ones(y), y - 1)
        growth = self * Log(where(equal(x, 0), ones(x), x))
        return delta * slope, delta * growth

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 3))
        return [cls(_positive_sample(), Input("y", (2, 3))), x**3, x**2, x**1, x**0, _positive_sample() ** -1.5]


def exp(x: Node) -> Node:
    """e to the power of each element."""
    return Exp(x)


def log(x: Node) -> Node:
    """The natural logarithm of each element."""
    return Log(x)


def log1p(x: Node) -> Node:
    """log(1 + x) of each element, exact near 0, too."""
    return Log1p(x)


def expm1(x: Node) -> Node:
    """e^x - 1 of each element, exact near 0, too.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.expm1(sc.Input("x", (2,))))(x=[1 / 1024**4, 0])
    array([9.094947e-13, 0.000000e+00], dtype=float32)
    """
    return Expm1(x)


def sqrt(x: Node) -> Node:
    """The square root of each element."""
    return Sqrt(x)


def sign(x: Node) -> Node:
    """-1, 0 or 1, the sign of each element; see `Sign`."""
    return Sign(x)


@builds(np.square)
def square(x: Node) -> Node:
    """Each element times itself."""
    x = as_node(x)
    return x * x


@builds(np.reciprocal)
def reciprocal(x: Node) -> Node:
    """1 divided by each element: a real number, of integers, too."""
    return 1 / as_node(x)


def abs(x: Node) -> Node:
    """The absolute value of each element."""
    return Abs(x)
