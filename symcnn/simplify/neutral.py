"""Neutral elements and zeros: x * 1, x - 0, the padding of nothing, what is broadcast for nothing.

A product with 0 stays: NaN * 0 is NaN. So does x + 0, which is 0 where x is -0 (1 / (x + 0) is infinity there, 1 / x
is -infinity): what is neutral is -0.
"""

from __future__ import annotations

import math

from ..graph.algebra import Add, BroadcastTo, Div, Mul, Neg, Sub, SumTo, broadcast_to, ones, zeros
from ..graph.leaves import Const
from ..graph.node import Node
from ..graph.spec import broadcast_shapes, is_real
from ..nodes.border import Crop, Dilate, Pad, Subsample
from ..nodes.conv import Rot90, Swap
from ..nodes.elementwise import Pow
from ..nodes.pool import Place, Upsample
from ..nodes.reduce import Sum
from ..nodes.select import Where
from ..nodes.shape import Flip, Reshape, Transpose
from ..nodes.take import Put, Take


def uniform(node: Node) -> float | None:
    """The number that fills the whole value, where the graph says so."""
    while isinstance(node, BroadcastTo):
        node = node.x
    return node.uniform if isinstance(node, Const) else None


def neutral(node: Node) -> Node | None:
    """The rules; a node of the same value, or None."""
    found = _neutral(node)
    return fitted(_without_broadcasts(node) if found is None else found, node)


def fitted(found: Node | None, node: Node) -> Node | None:
    """`found`, broadcast to the shape of `node`; None where its dtype is another."""
    if found is None or found.dtype != node.dtype:
        return None
    return broadcast_to(found, node.shape)


def _neutral(node: Node) -> Node | None:
    match node:
        case Add(a, b):
            x = _other(a, b, -0.0)
            return _as_difference(a, b) if x is None else x
        case Mul(a, b) if (x := _other(a, b, -1)) is not None:
            return -x
        case Mul(a, b):
            return _other(a, b, 1)
        case Sub(x, zero) if _is_all(zero, 0.0):
            return x
        case Sub(zero, x) if _is_all(zero, -0.0):
            return -x
        case Neg(BroadcastTo(x)) if uniform(x) is not None:
            return -x
        case Sub(x, Neg(y)):
            return x + y
        case Div(x, one) | Pow(x, one) if uniform(one) == 1:
            return x
        case Pow(x, two) if uniform(two) == 2:
            return x * x
        case Pow(_, zero) if uniform(zero) == 0 and is_real(node.dtype):
            return ones(node)
        case Where(_, a, b) if a is b or ((number := uniform(a)) is not None and _is_all(b, number)):
            return a
        case _ if _moves_zeros(node) and is_real(node.dtype) and _is_all(node.inputs[0], 0.0):
            return zeros(node)
    return None


def _other(a: Node, b: Node, number: float) -> Node | None:
    """The one of the two, if the other is `number` everywhere."""
    if _is_all(b, number):
        return a
    return b if _is_all(a, number) else None


def _is_all(node: Node, number: float) -> bool:
    """Whether the graph says that all elements are `number`, of which 0 and -0 are two."""
    found = uniform(node)
    return found == number and math.copysign(1, found) == math.copysign(1, number)


def _as_difference(a: Node, b: Node) -> Node | None:
    match a, b:
        case x, Neg(y):
            return x - y
        case Neg(y), x:
            return x - y
    return None


def _moves_zeros(node: Node) -> bool:
    """Whether `node` arranges or adds up the elements of its first input."""
    kinds = (
        Crop,
        Dilate,
        Flip,
        Pad,
        Place,
        Put,
        Reshape,
        Rot90,
        Subsample,
        Sum,
        SumTo,
        Swap,
        Take,
        Transpose,
        Upsample,
    )
    return isinstance(node, kinds)


def _without_broadcasts(node: Node) -> Node | None:
    """An elementwise node broadcasts by itself: its inputs need not be broadcast before."""
    if not node.elementwise or not any(isinstance(i, BroadcastTo) for i in node.inputs):
        return None
    bare = [i.x if isinstance(i, BroadcastTo) else i for i in node.inputs]
    for n, small in enumerate(bare):
        shapes = [i.shape for i in (*bare[:n], small, *node.inputs[n + 1 :])]
        if broadcast_shapes(*shapes) != node.shape:
            bare[n] = node.inputs[n]
    return None if bare == list(node.inputs) else node.with_inputs(bare)
