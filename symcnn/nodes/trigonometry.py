"""Sines, their hyperbolic relatives, and the inverses of both that do not compose well from others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.leaves import Input
from ..graph.node import Node
from .elementwise import Sqrt
from .sigmoid import Tanh


def _within_1() -> Node:
    return 0.9 * Tanh(Input("x", (None, 2, 3)))


class Sin(Node):
    """The sine, of radians."""

    ufunc = np.sin
    x: Node
    latex = r"\sin({x})"
    text = "sin({x})"
    says = ("Each unit becomes its sine.", "Each error is multiplied by the cosine of its unit.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.sin(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta * Cos(self.x),)


class Cos(Node):
    """The cosine, of radians."""

    ufunc = np.cos
    x: Node
    latex = r"\cos({x})"
    text = "cos({x})"
    says = ("Each unit becomes its cosine.", "Each error is multiplied by minus the sine of its unit.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.cos(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (-(delta * Sin(self.x)),)


class Asin(Node):
    """The angle from -pi/2 to pi/2 whose sine is x; NaN outside of -1 to 1. The slope at both ends is infinite."""

    ufunc = np.arcsin
    x: Node
    latex = r"\arcsin({x})"
    text = "asin({x})"
    says = ("Each unit becomes the angle whose sine it is.", "Each error is divided by the cosine of the angle.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.asin(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta / Sqrt((1 - self.x) * (1 + self.x)),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(_within_1())]


class Acos(Node):
    """The angle from 0 to pi whose cosine is x; NaN outside of -1 to 1. The slope at both ends is infinite."""

    ufunc = np.arccos
    x: Node
    latex = r"\arccos({x})"
    text = "acos({x})"
    says = ("Each unit becomes the angle whose cosine it is.", "Each error is divided by minus the sine of the angle.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.acos(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (-(delta / Sqrt((1 - self.x) * (1 + self.x))),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(_within_1())]


class Atan(Node):
    """The angle from -pi/2 to pi/2 whose tangent is x."""

    ufunc = np.arctan
    x: Node
    latex = r"\arctan({x})"
    text = "atan({x})"
    says = ("Each unit becomes the angle whose tangent it is.", "Each error is divided by 1 + x².")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.atan(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta / (1 + self.x * self.x),)


class Sinh(Node):
    """(e^x - e^-x) / 2; exact near 0, too."""

    ufunc = np.sinh
    x: Node
    latex = r"\sinh({x})"
    text = "sinh({x})"
    says = ("Each unit becomes its hyperbolic sine.", "Each error is multiplied by the hyperbolic cosine of its unit.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.sinh(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta * Cosh(self.x),)


class Cosh(Node):
    """(e^x + e^-x) / 2."""

    ufunc = np.cosh
    x: Node
    latex = r"\cosh({x})"
    text = "cosh({x})"
    says = ("Each unit becomes its hyperbolic cosine.", "Each error is multiplied by the hyperbolic sine of its unit.")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.cosh(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta * Sinh(self.x),)


class Asinh(Node):
    """The number whose hyperbolic sine is x; exact near 0, too."""

    ufunc = np.arcsinh
    x: Node
    latex = r"\operatorname{{arsinh}}({x})"
    text = "asinh({x})"
    says = ("Each unit becomes the number whose hyperbolic sine it is.", "Each error is divided by √(1 + x²).")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.asinh(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta / Sqrt(1 + self.x * self.x),)


def sin(x: Node) -> Node:
    """The sine of each element, in radians."""
    return Sin(x)


def cos(x: Node) -> Node:
    """The cosine of each element, in radians."""
    return Cos(x)


def asin(x: Node) -> Node:
    """The angle whose sine each element is; see `Asin`."""
    return Asin(x)


def acos(x: Node) -> Node:
    """The angle whose cosine each element is; see `Acos`."""
    return Acos(x)


def atan(x: Node) -> Node:
    """The angle whose tangent each element is."""
    return Atan(x)


def sinh(x: Node) -> Node:
    """The hyperbolic sine of each element."""
    return Sinh(x)


def cosh(x: Node) -> Node:
    """The hyperbolic cosine of each element."""
    return Cosh(x)


def asinh(x: Node) -> Node:
    """The number whose hyperbolic sine each element is."""
    return Asinh(x)
