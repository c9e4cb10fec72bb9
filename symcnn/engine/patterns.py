"""What several nodes mean together: a convolution over a border, the gradient of filters, a product over the batch.

The sweep writes gradients as the tutorial does, with rot90, swaps and borders; here they are read back as one
computation each, so that nothing is turned or padded in memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..graph.algebra import BroadcastTo, SumTo
from ..graph.node import Node
from ..nodes.border import Pad
from ..nodes.conv import Conv, Rot90, Swap
from ..nodes.dense import Dense, MatMul
from ..nodes.reduce import Mean, Sum
from ..nodes.shape import Transpose

LONG = 24
"""Rows of filters up to so long are written out, each for its own part of a border; for longer ones, the border is
made of zeros in memory, and the row is a loop."""


def per_image(node: Node) -> bool:
    """Whether the first axis, and only that, is the batch: what has it elsewhere, or twice, is in no lanes."""
    shape = node.shape
    return bool(shape) and shape[0] is None and None not in shape[1:]


@dataclass(frozen=True)
class Convolution:
    """z[f, y, x] = b[f] + sum of x[c, y + u - top, x + v - left] w[f, c, u, v], with nothing outside of x.

    With `turned`, w[c, f, n - 1 - u, m - 1 - v] stands in the place of w[f, c, u, v].
    """

    x: Node
    w: Node
    b: Node | None
    top: int
    left: int
    turned: bool

    @classmethod
    def of(cls, node: Conv) -> Convolution | None:
        """The convolution of images with shared filters that `node` is."""
        if not per_image(node.x) or None in node.w.shape:
            return None
        x, top, left, border = node.x, 0, 0, node.x
        short = (node.w.shape[3] or 0) <= LONG
        if short and isinstance(border, Pad) and type(border) is Pad and not any(map(any, border.widths[:2])):
            x, top, left = border.x, border.widths[2][0], border.widths[3][0]
        w = node.w
        if type(w) is Rot90 and type(w.x) is Swap:
            return cls(x, w.x.x, node.b, top, left, True)
        return cls(x, w, node.b, top, left, False)


@dataclass(frozen=True)
class FilterGradient:
    """g[f, c, u, v] = sum over the batch, y and x of delta[f, y, x] x[c, y + u, x + v]; `by_channel`: g[c, f, u, v]."""

    x: Node
    delta: Node
    by_channel: bool

    @classmethod
    def of(cls, node: Node) -> FilterGradient | None:
        """The gradient that `node` is: a convolution of swapped maps, swapped back or not."""
        conv = node.x if type(node) is Swap else node
        if type(conv) is not Conv or conv.b is not None or type(conv.x) is not Swap or type(conv.w) is not Swap:
            return None
        x, delta = conv.x.x, conv.w.x
        return cls(x, delta, conv is node) if per_image(x) and per_image(delta) else None


@dataclass(frozen=True)
class OuterProduct:
    """g[i, j] = sum over the batch of a[i] b[j]."""

    a: Node
    b: Node

    @classmethod
    def of(cls, node: Node) -> OuterProduct | None:
        """The product over the batch that `node` is."""
        if type(node) is not MatMul or type(node.a) is not Transpose or node.ndim != 2:
            return None
        a, b = node.a.x, node.b
        return cls(a, b) if a.ndim == b.ndim == 2 and per_image(a) and per_image(b) else None


@dataclass(frozen=True)
class BatchSum:
    """The sum over the batch and over other `axes` of x; divided by their number with `mean`."""

    x: Node
    axes: tuple[int, ...]
    mean: bool

    @classmethod
    def of(cls, node: Node) -> BatchSum | None:
        """The sum or mean over the batch that `node` is."""
        if type(node) is SumTo:
            axes = node.axes()
        elif type(node) in (Sum, Mean):
            assert isinstance(node, Sum | Mean)
            axes = node.reduced
        else:
            return None
        return cls(node.x, axes, type(node) is Mean) if per_image(node.x) and 0 in axes else None


Accumulated = FilterGradient | OuterProduct | BatchSum


def accumulated(node: Node) -> Accumulated | None:
    """The sum over the batch that `node` is, if it is one."""
    return FilterGradient.of(node) or OuterProduct.of(node) or BatchSum.of(node)


@dataclass(frozen=True)
class Product:
    """z[j] = b[j] + sum over i of x[i] w[i, j], where w[i, j] is at ``i * rows + j * columns``."""

    x: Node
    w: Node
    b: Node | None
    rows: int
    columns: int

    @classmethod
    def of(cls, node: Node) -> Product | None:
        """The product of each image's row with a shared matrix that `node` is."""
        if type(node) is Dense:
            x, w, b = node.a, node.w, node.b
        elif type(node) is MatMul and node.a.ndim == node.b.ndim == 2:
            x, w, b = node.a, node.b, None
        else:
            return None
        if not per_image(x) or None in w.shape:
            return None
        length = w.shape[1]
        assert length is not None
        return cls(x, w, b, 1, length) if type(node) is Dense else cls(x, w, b, length, 1)


def reads(node: Node) -> tuple[Node, ...]:
    """What must be there to compute `node` natively: its inputs, or what the pattern looks through to."""
    found: Accumulated | Convolution | None = accumulated(node)
    if found is None and type(node) is Conv:
        found = Convolution.of(node)
    match found:
        case FilterGradient(x, delta):
            return x, delta
        case OuterProduct(a, b):
            return a, b
        case BatchSum(x):
            return (x,)
        case Convolution(x, w, b):
            return (x, w) if b is None else (x, w, b)
    return (node.x,) if type(node) is BroadcastTo else node.inputs
