"""What all losses have in common: targets that fit, entries that are summed, and the mean over the batch."""

from __future__ import annotations

from ..graph.algebra import cast
from ..graph.arguments import chosen
from ..graph.errors import DTypeError, ShapeError, message
from ..graph.node import Node, as_node
from ..graph.operators import Operand
from ..graph.spec import Shape, broadcast_shapes, promote
from ..nodes.reduce import mean, sum

REDUCTIONS = ("mean", "sum", "none")


def reduced(losses: Node, reduction: str, count: Node | None = None) -> Node:
    """The mean of the losses, their sum, or themselves; `count` is what the sum is divided by where not all count."""
    if chosen(reduction, REDUCTIONS, "the reduction") == "none":
        return losses
    if reduction == "sum":
        return sum(losses)
    return mean(losses) if count is None else sum(losses) / count


def targets(a: Node, t: Operand) -> Node:
    """The targets as real numbers; a number stands for all of them."""
    target = as_node(t, a.dtype, what="the targets")
    target = target if target.dtype.kind == "f" else cast(target, promote(a.dtype).name)
    if target.ndim and target.shape != a.shape:
        raise ShapeError(message(f"outputs of {a.shape} and targets of {target.shape} do not fit", node=a))
    return target


def row_sums(x: Node) -> Node:
    """The sum over all axes but the first, the batch."""
    return sum(x, axis=tuple(range(1, x.ndim))) if x.ndim > 1 else x


def weights_for(given: Operand, z: Node, shape: Shape, what: str) -> Node:
    """Weights in the dtype of `z`, which broadcast to `shape`."""
    w = as_node(given, z.dtype, what=what)
    if w.dtype.kind not in "fiu":
        raise DTypeError(message(f"{what} are {w.dtype}; expected numbers", node=z))
    try:
        fits = broadcast_shapes(w.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(message(f"{what} have the shape {w.shape}; expected {shape}", node=z))
    return cast(w, promote(z.dtype).name)
