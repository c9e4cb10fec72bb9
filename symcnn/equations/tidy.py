"""Rewrites that make a backward formula read as people write it. They hold for the eye: rounding may differ.

They come on top of `symcnn.simplify`: a number stands in front, what is divided by N is divided once and at the
end, ``x + x`` is ``2 · x``, and what is the same for all elements is not shown as broadcast.
"""

from __future__ import annotations

from ..graph.algebra import Add, BroadcastTo, Div, Mul, Neg, Sub, broadcast_to, cast
from ..graph.leaves import Const, Leaf, folded
from ..graph.node import Node
from ..graph.scaled import DivNoNan, Scaled
from ..nodes.border import Dilate
from ..nodes.in_training import InTraining
from ..nodes.reduce import Sum
from ..nodes.shape import Reshape
from ..simplify.neutral import uniform


def tidy(node: Node) -> Node | None:
    """The rules; a node of the same value for all real numbers, or None."""
    if not node.elementwise or isinstance(node, Leaf):
        return None
    found = _product(node)
    found = _with_bare_scalars(node) if found is None else found
    return found if found is not None and found.spec == node.spec else None


def _product(node: Node) -> Node | None:
    match node:
        case Scaled(a, b):
            return a * b
        case DivNoNan(a, b):
            return a / b
        case Add(a, b) if a is b:
            return 2 * a
        case Mul(one, a) | Mul(a, one) if a.shape == node.shape and uniform(unspread(one)) == 1:
            return cast(a, node.dtype.name)
        case Add(a, Neg(b)):
            return a - b
        case Mul(a, Const() as c) if c.uniform is not None and not _is_number(a):
            return c * a
        case Mul(a, Mul(Const() as c, b)) | Mul(Mul(Const() as c, a), b) if c.uniform is not None:
            return _folded(a * c) * b if _is_number(a) else c * (a * b)
        case Mul(Div(a, n), b) | Mul(b, Div(a, n)) if n.shape == ():
            return (b if uniform(a) == 1 else a * b) / n
        case Div(Div(a, n), b) if n.shape == () and b.shape != ():
            return a / b / n
        case Div(Mul(Const() as c, a), Mul(Const() as d, n)) if c is d and c.uniform:
            return a / n
        case Neg(Sub(a, b)):
            return b - a
        case Neg(Div(Sub(a, b), n)):
            return (b - a) / n
        case Mul(Neg(a), b) | Mul(a, Neg(b)):
            return -(a * b)
        case Div(Neg(a), b) | Div(a, Neg(b)):
            return -(a / b)
        case Div(Mul(Const() as c, a), Const() as d) if c.uniform is not None and d.uniform is not None:
            return _folded(c / d) * a
        case Div(Div(a, n), d) if n.shape == () and _is_number(d):
            return a / (_scalar(d) * n)
        case Div(Mul(c, a), Mul(d, n)) if d.shape == () == n.shape:
            return _shortened(node, c, a, d, n)
    return None


def _shortened(node: Node, c: Node, a: Node, d: Node, n: Node) -> Node | None:
    """``2 · a / (4 · n)`` as ``a / (2 · n)``: a quotient where the number above or below divides the other."""
    above, below = uniform(c), uniform(d)
    if not (above and below and _is_number(c) and _is_number(d)):
        return None
    if below % above == 0:
        return node.with_inputs([a, _folded(_scalar(d) / _scalar(c)) * n])
    return node.with_inputs([_folded(_scalar(c) / _scalar(d)) * a, n]) if above % below == 0 else None


def _scalar(node: Node) -> Const:
    """The number of a uniform constant."""
    assert isinstance(node, Const)
    return Const(node.value.ravel()[0])


def without_gaps(node: Node) -> Node | None:
    """A sum over a dilated error without the dilation: the zeros between elements change no sum over them."""
    match node:
        case Sum(Dilate(x, steps), axes, keepdims):
            spread = {axis for axis, step in enumerate(steps) if step > 1}
            return Sum(x, axes, keepdims) if spread <= set(node.reduced) else None
    return None


def _is_number(node: Node) -> bool:
    return isinstance(node, Const) and node.uniform is not None


def _folded(node: Node) -> Node:
    constant = folded(node)
    assert constant is not None, node
    return constant


def _with_bare_scalars(node: Node) -> Node | None:
    """An elementwise node broadcasts by itself: a scalar among its inputs need not be spread before."""
    bare = [unspread(i) for i in node.inputs]
    if all(a is b for a, b in zip(bare, node.inputs, strict=True)):
        return None
    found = node.with_inputs(bare)
    if all(i.shape == () for i in bare):
        return broadcast_to(found, node.shape)
    return found


def unspread(node: Node) -> Node:
    """The scalar that is spread over `node`, or `node`."""
    at = node
    while isinstance(at, BroadcastTo | Reshape):
        at = at.x
    return at if at.shape == () else node


def as_trained(node: Node) -> Node | None:
    """What differs in training is written as it is there."""
    return node.trains if isinstance(node, InTraining) else None
