"""Whole parts and remainders: steps, whose derivative is 0 between the jumps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.algebra import zeros
from ..graph.leaves import Input
from ..graph.node import Node, as_node
from ..graph.operators import Operand, builds
from ..graph.spec import is_real

_FLAT = "A step does not change with its unit: no error passes."


class Floor(Node):
    """The largest whole number that is not above x. Its derivative is 0, at the jumps, too."""

    ufunc = np.floor
    x: Node
    latex = r"\lfloor {x} \rfloor"
    text = "⌊{x}⌋"
    says = ("Each unit is rounded down.", _FLAT)

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.floor(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (zeros(self.x),)


class Round(Node):
    """The nearest whole number; halves go to the even one. Its derivative is 0, at the jumps, too."""

    ufunc = np.rint
    x: Node
    latex = r"\operatorname{{round}}({x})"
    text = "round({x})"
    says = ("Each unit is rounded to the nearest whole number.", _FLAT)

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.round(x)

    def backward(self, delta: Node) -> tuple[Node]:
        return (zeros(self.x),)


class Mod(Node):
    """What is left of a when whole multiples of b are taken off; it has the sign of b, as in NumPy and Python.

    The derivative by a is 1, by b minus how often b fits into a. Integers are never divided by 0.
    """

    integers = "common"
    a: Node
    b: Node
    latex = r"{a} \bmod {b}"
    text = "{a} mod {b}"
    binding = 2
    says = (
        "It is what is left of the first value when whole multiples of the second are taken off.",
        (
            "The first value gets the error as it is.",
            "The second value gets minus the error, as often as it fits into the first.",
        ),
    )

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        if not is_real(self.dtype) and xp.any(b == 0):
            raise ValueError("an integer is divided by 0: there is no remainder")
        return xp.remainder(a, b)

    def backward(self, delta: Node) -> tuple[Node, Node]:
        return delta, -(delta * Round((self.a - self) / self.b))

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("a", (None, 2, 3)), 2 + Input("b", (2, 3)) ** 2)]


@builds(np.floor)
def floor(x: Node) -> Node:
    """The largest whole number that is not above each element; integers stay what they are. See `Floor`."""
    x = as_node(x)
    return x if x.dtype.kind in "iu" else Floor(x)


@builds(np.ceil)
def ceil(x: Node) -> Node:
    """The smallest whole number that is not below each element; integers stay what they are.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.ceil(sc.Input("x", (3,))))(x=[-1.5, 0.2, 3])
    array([-1.,  1.,  3.], dtype=float32)
    """
    x = as_node(x)
    return x if x.dtype.kind in "iu" else -Floor(-x)


@builds(np.rint)
def round(x: Node) -> Node:
    """The whole number nearest to each element, halves to the even one; integers stay what they are. See `Round`."""
    x = as_node(x)
    return x if x.dtype.kind in "iu" else Round(x)


@builds(np.remainder)
def mod(a: Operand, b: Operand) -> Node:
    """What is left of `a` when whole multiples of `b` are taken off: ``a % b``; see `Mod`.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.mod(sc.Input("a", (3,)), 3))(a=[7, -1, 3.5])
    array([1. , 2. , 0.5], dtype=float32)
    """
    return Mod(a, b)  # type: ignore[arg-type]
