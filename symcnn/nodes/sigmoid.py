"""The functions f of the tutorial: sigmoid, tanh, and their relatives relu and softplus."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.node import Node
from .select import where


class Sigmoid(Node):
    """1 / (1 + e^-z), element by element; exact at any z, with no overflow on the way.

    Parameters
    ----------
    z : Node
        Of any shape.

    Notes
    -----
    f'(z) = a (1 - a), where a = f(z): UFLDL, "Multi-Layer Neural Network".

    Examples
    --------
    >>> import symcnn as sc
    >>> z = sc.Input("z", (3,), dtype="float64")
    >>> sc.compile(sc.Sigmoid(z))(z=[-1e4, 0, 1e4])
    array([0. , 0.5, 1. ])
    """

    z: Node
    latex = r"\sigma({z})"
    text = "σ({z})"
    symbol = "a"
    says = (
        "The sigmoid squeezes each unit between 0 and 1.",
        "Each error is multiplied by f′(z) = a (1 − a), 1/4 at most: where the sigmoid is flat, little of it passes.",
    )

    def forward(self, xp: Any, z: Any) -> Any:
        small = xp.exp(-xp.abs(z))
        return xp.where(z >= 0, xp.ones_like(z), small) / (1 + small)

    def backward(self, delta: Node) -> tuple[Node]:
        a = self
        return (delta * a * (1 - a),)


class Tanh(Node):
    """(e^z - e^-z) / (e^z + e^-z), element by element.

    Notes
    -----
    f'(z) = 1 - a^2, where a = f(z).
    """

    ufunc = np.tanh
    z: Node
    latex = r"\tanh({z})"
    text = "tanh({z})"
    symbol = "a"
    says = (
        "The hyperbolic tangent squeezes each unit between −1 and 1.",
        "Each error is multiplied by f′(z) = 1 − a²: where the function is flat, little of it passes.",
    )

    def forward(self, xp: Any, z: Any) -> Any:
        return xp.tanh(z)

    def backward(self, delta: Node) -> tuple[Node]:
        a = self
        return (delta * (1 - a * a),)


class Relu(Node):
    """z where z is above 0, else 0; NaN stays NaN. The derivative at 0 is 0."""

    z: Node
    integers = "common"
    latex = r"\max(0, {z})"
    text = "max(0, {z})"
    symbol = "a"
    says = (
        "What is above 0 stays, everything else becomes 0.",
        "An error passes where the unit was above 0, and stops everywhere else.",
    )

    def forward(self, xp: Any, z: Any) -> Any:
        return xp.where(z < 0, xp.zeros_like(z), z)

    def backward(self, delta: Node) -> tuple[Node]:
        return (where(self.z > 0, delta, 0),)


class Softplus(Node):
    """log(1 + e^z), element by element: its derivative is the sigmoid."""

    z: Node
    latex = r"\log(1 + e^{{{z}}})"
    text = "log(1 + e^{z})"
    symbol = "a"
    says = (
        "A smooth ramp: nearly 0 far below 0, nearly z far above.",
        "Each error is multiplied by the sigmoid of z, which is how steep the ramp is.",
    )

    def forward(self, xp: Any, z: Any) -> Any:
        return xp.where(z > 0, z, xp.zeros_like(z)) + xp.log1p(xp.exp(-xp.abs(z)))

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta * Sigmoid(self.z),)


def sigmoid(z: Node, name: str = "") -> Node:
    """The sigmoid of `z`; see `Sigmoid`."""
    return Sigmoid(z, name=name)


def tanh(z: Node, name: str = "") -> Node:
    """The hyperbolic tangent of `z`; see `Tanh`."""
    return Tanh(z, name=name)


def relu(z: Node, name: str = "") -> Node:
    """`z` where it is above 0, else 0; see `Relu`."""
    return Relu(z, name=name)


def softplus(z: Node, name: str = "") -> Node:
    """log(1 + e^z); see `Softplus`."""
    return Softplus(z, name=name)
