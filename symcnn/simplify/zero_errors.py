"""An error of exactly 0 stays 0: what a backward rule multiplies and divides it with may be infinite.

Rules are written as the mathematics is, ``delta * self.b``; that 0 wins is arranged here, for the rules of the package
and of its users alike, and only where it can matter.
"""

from __future__ import annotations

from ..graph.algebra import BroadcastTo, Cast, Div, Mul, Neg
from ..graph.errors import in_place_of
from ..graph.leaves import BatchSize, Const
from ..graph.node import Node
from ..graph.scaled import DivNoNan, Scaled
from ..nodes.loss import OneHot
from ..nodes.shape import Reshape
from .neutral import uniform


def kept_zero(answer: Node, delta: Node, read: tuple[Node, ...]) -> Node:
    """What a backward rule answered, with products and quotients of the error that keep its zeros.

    Parameters
    ----------
    answer : Node
        Linear in `delta`, as the answers of all rules are.
    delta : Node
        The error that the rule was given.
    read : tuple of Node
        The node that the rule belongs to, and its inputs: nothing behind them is made of the error.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, delta = sc.Input("x", (3,)), sc.Input("delta", (3,))
    >>> kept_zero(2 * delta * sc.exp(x), delta, (x,))
    Scaled(Mul, Exp, error='a'): (3,) float32
    """
    if answer is delta or answer.serial < delta.serial or is_never_zero(delta):
        return answer
    new: dict[Node, Node | None] = dict.fromkeys(read)
    new[delta] = delta
    todo = [answer]
    while todo:
        node = todo[-1]
        if node in new:
            todo.pop()
        elif node.serial < delta.serial:  # made before the error was
            new[node] = None
        elif missing := [i for i in node.inputs if i not in new]:
            todo.extend(missing)
        else:
            new[node] = _kept(node, [new[i] for i in node.inputs])
    kept = new[answer]
    return answer if kept is None else kept


def _kept(node: Node, new: list[Node | None]) -> Node | None:
    """`node` over what has taken the place of its inputs; None where nothing in it is made of the error."""
    if new.count(None) == len(new):
        return None
    inputs = [i if n is None else n for i, n in zip(node.inputs, new, strict=True)]
    if type(node) is Mul:
        a, b = inputs
        error = ("" if new[0] is None else "a") + ("" if new[1] is None else "b")
        if _zero_meets(a, b, error):
            return in_place_of(node, Scaled, a, b, error)
    elif type(node) is Div and new[1] is None:
        a, b = inputs
        if _zero_divides(a, b):
            return in_place_of(node, DivNoNan, a, b)
    if all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
        return node
    return in_place_of(node, node.with_inputs, inputs)


def _zero_meets(a: Node, b: Node, error: str) -> bool:
    """Whether an error of 0 may be multiplied with what is not finite, as far as the graph says."""
    return ("a" in error and not is_finite(b) and not is_never_zero(a)) or (
        "b" in error and not is_finite(a) and not is_never_zero(b)
    )


def _zero_divides(a: Node, b: Node) -> bool:
    """Whether an error of 0, which is a, may be divided by 0 or NaN."""
    return not (is_finite(b) and is_never_zero(b)) and not is_never_zero(a)


def added(a: Node, b: Node) -> Node:
    """The sum of two errors of one node; errors that are 0 everywhere change nothing (but the sign of a 0).

    Examples
    --------
    >>> import symcnn as sc
    >>> delta = sc.Input("delta", (3,))
    >>> added(sc.zeros(delta), delta) is delta
    True
    """
    return b if uniform(a) == 0 else a if uniform(b) == 0 else a + b


def plain(node: Node) -> Node | None:
    """The rule of `simplify`: a plain product or quotient where the other one is not needed, or None."""
    match node:
        case Scaled(a, b, error) if not _zero_meets(a, b, error):
            return a * b
        case DivNoNan(a, b) if not _zero_divides(a, b):
            return a / b
    return None


def is_never_zero(node: Node) -> bool:
    """Whether the graph says that no element is 0, such as 1 / N."""
    while True:
        match node:
            case BroadcastTo(x) | Reshape(x) | Neg(x):
                node = x
            case Cast(x) if node.dtype.kind == "f":
                node = x
            case Div(a, b) if b.dtype == node.dtype and is_finite(b):
                node = a
            case Mul(a, b) if isinstance(a, Const | BatchSize) and is_never_zero(a):
                node = b
            case Const():
                return node.is_never_zero
            case _:
                return isinstance(node, BatchSize)


def is_finite(node: Node) -> bool:
    """Whether the graph says that no element is infinite or NaN."""
    while isinstance(node, BroadcastTo | Reshape | Neg):
        node = node.inputs[0]
    match node:
        case Const():
            return node.is_finite
        case Cast(x):
            return x.dtype.kind in "iub"
        case Mul(a, b):
            return all(isinstance(n, Const | BatchSize) and is_finite(n) for n in (a, b))
    return isinstance(node, BatchSize | OneHot) or node.dtype.kind in "iub"
