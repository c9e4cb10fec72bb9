"""Kernels of elementwise functions that are more than one ufunc."""

from __future__ import annotations

import numpy as np

from ...graph.algebra import Cast
from ...graph.node import Node
from ...graph.scaled import DivNoNan, Scaled
from ...nodes.select import Where
from ...nodes.sigmoid import Relu, Sigmoid
from .registry import Array, Run, kernel


@kernel(Sigmoid)
def sigmoid(node: Node, out: Array, z: Array) -> Run | None:
    """1 / (1 + e^-z); where e^-z overflows, 1 / inf is the right 0."""
    if out.dtype == np.float16:
        return None

    def run() -> None:
        np.negative(z, out=out)
        np.exp(out, out=out)
        np.add(out, 1, out=out)
        np.divide(1, out, out=out)

    return run


@kernel(Relu)
def relu(node: Node, out: Array, z: Array) -> Run:
    """The larger of z and 0, as numbers."""
    return lambda: np.maximum(z, 0, out=out)


@kernel(Where)
def where(node: Node, out: Array, condition: Array, a: Array, b: Array) -> Run:
    """First b everywhere, then a where the condition holds."""

    def run() -> None:
        np.copyto(out, b)
        np.copyto(out, a, where=condition)

    return run


@kernel(DivNoNan)
def share(node: Node, out: Array, a: Array, b: Array) -> Run:
    """a / b only where a is not 0."""
    wide = np.broadcast_to(a, out.shape)

    def run() -> None:
        out.fill(0)
        np.divide(wide, b, out=out, where=wide != 0)

    return run


@kernel(Scaled)
def scaled(node: Node, out: Array, a: Array, b: Array) -> Run:
    """The product; and where NaN has come out of it, 0 where an error is 0."""
    assert isinstance(node, Scaled)
    errors = [np.broadcast_to(x, out.shape) for name, x in (("a", a), ("b", b)) if name in node.error]

    def run() -> None:
        np.multiply(a, b, out=out)
        if out.size and np.isnan(out.max()):
            for error in errors:
                np.copyto(out, 0, where=error == 0)

    return run


@kernel(Cast)
def cast(node: Node, out: Array, x: Array) -> Run:
    """A conversion as NumPy does it."""
    return lambda: np.copyto(out, x, casting="unsafe")
